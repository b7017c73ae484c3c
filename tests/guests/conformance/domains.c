/* Domains for the cases, and frames of our own physical space for mappings. See conformance.h. */
#include <tests/guests/conformance/conformance.h>
#include <homestead/errno.h>
#include <xen/domctl.h>
#include <xen/sched.h>

#define WAIT_MS       20000u
#define SETTLE_MS     20u
#define TURNS         20000u
#define SETTLE_ROUNDS 4u

/* The hole of our physical space: xc.h's window, the helper's two pages (helper.c), the cases' frames. */
#define HOLE_BYTES MIB(2)
#define CASES_AT   128u

static u64 hole;

void domains_init(void)
{
    hole = guest_find_hole(HOLE_BYTES);
    int rc = xc_foreign_init(hole, 1);
    if (rc)
        give_up("finding a hole in our own physical space", rc);
}

u64 case_gfn(u32 index)
{
    return (hole >> PAGE_SHIFT) + CASES_AT + index;
}

void *case_page(u32 index)
{
    return (void *)(case_gfn(index) << PAGE_SHIFT);
}

long map_foreign_gfn(u32 index, u32 domid, u64 gfn)
{
    xen_ulong_t idx = gfn;
    xen_pfn_t at = case_gfn(index);
    int error = -EIO;
    struct xen_add_to_physmap_batch arg = {.domid = DOMID_SELF,
                                           .space = XENMAPSPACE_gmfn_foreign,
                                           .size = 1,
                                           .u.foreign_domid = (domid_t)domid,
                                           .idxs = XEN_HANDLE(&idx),
                                           .gpfns = XEN_HANDLE(&at),
                                           .errs = XEN_HANDLE(&error)};

    long rc = memory_op(XENMEM_add_to_physmap_batch, &arg);
    return rc ? rc : error;
}

long unmap_gfn(u32 index)
{
    struct xen_remove_from_physmap arg = {.domid = DOMID_SELF, .gpfn = case_gfn(index)};

    return memory_op(XENMEM_remove_from_physmap, &arg);
}

void give_up(const char *what, long rc)
{
    printf("conformance: %s: %ld\n", what, rc);
    guest_verdict(false);
    guest_shutdown(SHUTDOWN_crash);
}

u32 domain_new(u64 max_pages)
{
    return domain_new_vcpus(max_pages, 1);
}

u32 domain_new_vcpus(u64 max_pages, u32 vcpus)
{
    struct xen_domctl_createdomain config = xc_domain_config(vcpus);
    u32 domid = 0;

    long rc = xc_domain_create(xch, &domid, &config);
    if (!rc)
        rc = xc_domain_max_vcpus(xch, domid, vcpus);
    if (!rc)
        rc = xc_domain_setmaxmem(xch, domid, max_pages << (PAGE_SHIFT - 10));
    if (!rc)
        rc = xc_set_paging_mempool_size(xch, domid, xc_domain_overhead(max_pages, vcpus));
    if (rc)
        give_up("making a domain", rc);
    return domid;
}

bool domain_info(u32 domid, xc_domaininfo_t *info)
{
    return xc_domain_getinfo_single(xch, domid, info) == 0;
}

u64 node_affinity(u32 domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getnodeaffinity, .domain = (domid_t)domid};
    u64 nodes = 0;

    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){.bitmap = XEN_HANDLE(&nodes), .nr_bits = 64};
    return domctl(&op) ? 0 : nodes;
}

struct patience patience_of(u32 ms)
{
    return (struct patience){.end_ms = guest_now_ms() + ms};
}

bool patience_yield(struct patience *p)
{
    sched_op(SCHEDOP_yield, NULL);
    return ++p->turns < TURNS || guest_now_ms() < p->end_ms;
}

void domain_end(u32 domid)
{
    struct patience patience = patience_of(WAIT_MS);
    xc_domaininfo_t info;
    long rc;

    do {
        rc = xc_domain_destroy(xch, domid);
        if (!patience_yield(&patience))
            give_up("destroying a domain", rc);
    } while (domain_info(domid, &info));
    settle();
}

/* Domain 0's one vCPU goes to the CPUs in this map. */
static void go_to(u64 cpus)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpuaffinity, .domain = 0};

    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.bitmap = XEN_HANDLE(&cpus);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    domctl(&op);
    sched_op(SCHEDOP_yield, NULL);
}

/* Waiting is not enough: Xen frees a domain's structures after every CPU has run its scheduler, and the
 * host may not run an emulated CPU for long. So this vCPU moves to each CPU, several times. */
void settle(void)
{
    u64 end = guest_now_ms() + SETTLE_MS;
    xc_physinfo_t host;
    u32 cpus = 1, round = 0;

    if (!xc_physinfo(xch, &host) && host.nr_cpus)
        cpus = MIN(host.nr_cpus, 64u);
    while (round < SETTLE_ROUNDS * cpus || guest_now_ms() < end)
        go_to(1ull << round++ % cpus);
    go_to(~0ull);
}

long domain_populate(u32 domid, u64 gfn, u32 order, u32 node)
{
    xen_pfn_t start = gfn;
    u32 flags = node == NODE_ANY ? 0 : XENMEMF_exact_node(node);

    return xc_domain_populate_physmap(xch, domid, 1, order, flags, &start);
}
