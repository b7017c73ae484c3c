/* The samples as a domain 0: runs each, says what it came to, and whether all memory and claims are back. */
#include <docs/samples/guest/samples.h>

#include <xen/sched.h>

#define HOLE_BYTES MIB(2)

static const struct {
    const char *name;
    int (*run)(void);
} samples[] = {
    {"acquire_resource", acquire_resource_sample},
    {"add_to_physmap", add_to_physmap_sample},
    {"attributes", attributes_sample},
    {"claim_flags", claim_flags_sample},
    {"claim_memory", claim_memory_sample},
    {"claim_pages", claim_pages_sample},
    {"console_io", console_io_sample},
    {"cpu_policy", cpu_policy_sample},
    {"domain_list", domain_list_sample},
    {"domain_memory", domain_memory_sample},
    {"event_channel", event_channel_sample},
    {"grant_table", grant_table_sample},
    {"homestead_figures", homestead_figures_sample},
    {"host_facts", host_facts_sample},
    {"hvm_op", hvm_op_sample},
    {"legacy_claims", legacy_claims_sample},
    {"life_cycle", life_cycle_sample},
    {"memory_map", memory_map_sample},
    {"multicall", multicall_sample},
    {"page_offline", page_offline_sample},
    {"platform_op", platform_op_sample},
    {"pod", pod_sample},
    {"populate_physmap", populate_physmap_sample},
    {"pvh_entry", pvh_entry_sample},
    {"read_console", read_console_sample},
    {"sched_op", sched_op_sample},
    {"vcpu_op", vcpu_op_sample},
    {"vcpus", vcpus_sample},
    {"vnuma", vnuma_sample},
    {"xen_version", xen_version_sample},
};

static u64 hole;

u64 hole_gfn(u32 index)
{
    /* After the window of xc_map_foreign_pages(). */
    return (hole >> PAGE_SHIFT) + XC_FOREIGN_MAX + 1 + index;
}

void *hole_page(u32 index)
{
    return (void *)(hole_gfn(index) << PAGE_SHIFT);
}

u32 new_domain(u32 vcpus, u64 max_pages)
{
    struct xen_domctl_createdomain config = xc_domain_config(vcpus);
    u32 domid = 0;

    int rc = xc_domain_create(NULL, &domid, &config);
    if (!rc)
        rc = xc_domain_setmaxmem(NULL, domid, max_pages * 4);
    if (!rc)
        rc = xc_set_paging_mempool_size(NULL, domid, xc_domain_overhead(max_pages, vcpus));
    if (rc)
        printf("samples: making a domain: %d\n", rc);
    if (rc && domid)
        return (u32)end_domain(domid, 0);
    return domid;
}

int end_domain(u32 domid, long rc)
{
    int end = xc_domain_destroy(NULL, domid);

    return rc ? (int)rc : end;
}

static void read_host(s64 *free_pages, s64 *claims)
{
    xc_physinfo_t host = {0};

    if (xc_physinfo(NULL, &host))
        printf("samples: physinfo is refused\n");
    *free_pages = (s64)host.free_pages;
    *claims = (s64)host.outstanding_pages;
}

/* Prints what is missing since; true: nothing. */
static bool nothing_is_lost(const char *name, s64 free_before, s64 claims_before)
{
    s64 free_pages, claims;

    read_host(&free_pages, &claims);
    printf("@leak pages=%ld claims=%ld name=%s\n", free_before - free_pages, claims - claims_before, name);
    return free_pages == free_before && claims == claims_before;
}

void guest_main(void)
{
    s64 free_at_first, claims_at_first, free_pages, claims;
    u32 as_they_should = 0;

    hole = guest_find_hole(HOLE_BYTES);
    bool ok = xc_foreign_init(hole, 1) == 0;
    /* Our own tables of ports and grants get their first pages, which stay: not to be counted as lost. */
    if (event_channel_sample() || grant_table_sample())
        ok = false;
    read_host(&free_at_first, &claims_at_first);
    for (u32 i = 0; ok && i < ARRAY_SIZE(samples); i++) {
        read_host(&free_pages, &claims);
        int rc = samples[i].run();
        printf("@sample name=%s result=%d\n", samples[i].name, rc);
        as_they_should += nothing_is_lost(samples[i].name, free_pages, claims) && !rc;
    }
    ok = nothing_is_lost("total", free_at_first, claims_at_first) && as_they_should == ARRAY_SIZE(samples);
    printf("samples: %u of %lu as they should\n", as_they_should, ARRAY_SIZE(samples));
    guest_verdict(ok);
    guest_shutdown(ok ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}
