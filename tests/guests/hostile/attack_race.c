/*
 * attack=race, domain 0 only: its vCPUs create, limit, claim for, populate, now or on demand, map, run, pause and destroy
 * the same few domains at the same time. At the end nothing may be lost.
 *
 * Options: seed=N, calls=N of each vCPU.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/work.h>
#include <guest/lib/xc.h>

#define VICTIMS 4u
#define FIRST   100u /* their ids */

static u64 window, nr_created;

static void claim(u32 domid, u64 r)
{
    memory_claim_t entry = {.pages = r % 4096,
                            .node = r & BIT(20) ? (u32)(r >> 21 & 1) : XEN_DOMCTL_CLAIM_MEMORY_NO_NODE};

    xc_domain_claim_memory_flags(xc_interface_open(), domid, 1, &entry,
                                 r & BIT(22) ? XEN_DOMCTL_CLAIM_REPLACE : 0);
}

static void one_call(u64 r)
{
    xc_interface *xch = xc_interface_open();
    u32 domid = FIRST + (u32)(r >> 32) % VICTIMS;
    struct xen_domctl_createdomain config = xc_domain_config(2);
    xen_pfn_t frames[16];
    u64 at = window + (r >> 50) % 16;

    for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = (r >> 8) % 64 + i;
    struct xen_pod_target pod = {.target_pages = r & BIT(23) ? (r >> 8) % 2000 : r << 2,
                                 .domid = (domid_t)domid};
    switch (r % 14) {
    case 0:
    case 1:
        if (!xc_domain_create(xch, &domid, &config)) {
            __atomic_fetch_add(&nr_created, 1, __ATOMIC_RELAXED);
            xc_domain_setmaxmem(xch, domid, MIB(16) >> 10);
            xc_domain_max_vcpus(xch, domid, 2);
        }
        break;
    case 2:
    case 3:
        claim(domid, r >> 4);
        break;
    case 4:
    case 5:
    case 6:
        xc_domain_populate_physmap(xch, domid, ARRAY_SIZE(frames), r & BIT(30) ? 9 : 0, 0, frames);
        break;
    case 7:
        hostile_map_foreign(domid, (r >> 8) % 64, at);
        break;
    case 8:
        xc_domain_remove_from_physmap(xch, r & BIT(31) ? DOMID_SELF : domid,
                                      r & BIT(31) ? at : (r >> 8) % 64);
        break;
    case 9:
        xc_domain_unpause(xch, domid);
        break;
    case 10:
        xc_domain_claim_pages(xch, domid, (r >> 8) % 5000);
        break;
    case 12:
        xc_domain_populate_physmap(xch, domid, ARRAY_SIZE(frames), r & BIT(30) ? 9 : 0,
                                   XENMEMF_populate_on_demand, frames);
        break;
    case 13:
        hypercall2(__HYPERVISOR_memory_op, XENMEM_set_pod_target, &pod);
        break;
    case 11:
        xc_domain_destroy(xch, domid);
        break;
    }
}

struct race {
    u64 seed, calls;
};

static void job(void *arg, u32 n)
{
    const struct race *race = arg;
    u64 state = race->seed * 0x9e3779b97f4a7c15ull + n + 1;

    for (u64 i = 0; i < race->calls; i++) {
        one_call(random_next(&state));
        if (i % 4 == 0)
            __builtin_ia32_pause();
    }
}

bool attack_race(void)
{
    xc_interface *xch = xc_interface_open();
    struct race race = {.seed = guest_option_number("seed", 1), .calls = guest_option_number("calls", 3000)};
    u32 vcpus = work_vcpus(), left = 0;
    xc_physinfo_t before, after;

    window = hostile_find_hole();
    /* What is kept for good is allocated first: tables of our own map, of ids. */
    u32 first = FIRST;
    struct xen_domctl_createdomain config = xc_domain_config(2);
    xen_pfn_t frame = 0;
    if (!window || vcpus < 2 || xc_domain_create(xch, &first, &config) ||
        xc_domain_setmaxmem(xch, first, 64) || xc_domain_populate_physmap(xch, first, 1, 0, 0, &frame) != 1 ||
        hostile_map_foreign(first, 0, window) || hostile_map_foreign(first, 0, window + 15) ||
        xc_domain_remove_from_physmap(xch, DOMID_SELF, window) ||
        xc_domain_remove_from_physmap(xch, DOMID_SELF, window + 15) || xc_domain_destroy(xch, first) ||
        xc_physinfo(xch, &before))
        return false;
    bool ok = work_run(vcpus, vcpus, job, &race);
    for (u32 i = 0; i < 16; i++)
        xc_domain_remove_from_physmap(xch, DOMID_SELF, window + i);
    for (u32 i = 0; i < VICTIMS; i++) {
        xc_domaininfo_t info;
        xc_domain_destroy(xch, FIRST + i);
        left += !xc_domain_getinfo_single(xch, FIRST + i, &info);
    }
    ok = !xc_physinfo(xch, &after) && ok;
    printf("hostile   race: %u vCPUs, %lu domains made, %u left, %ld pages and %ld claims lost\n", vcpus,
           nr_created, left, (long)(before.free_pages - after.free_pages),
           (long)(after.outstanding_pages - before.outstanding_pages));
    return ok && !left && after.free_pages == before.free_pages &&
           after.outstanding_pages == before.outstanding_pages;
}
