/* domctl 91 and 92: docs/claims.md section 3, every error in its order. And sysctl: figures and lists. */
#include "hypercall_harness.h"

#define DOMCTL __HYPERVISOR_domctl

static struct xen_domctl op;

static long domctl(u32 cmd, u16 domid)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = domid;
    long rc = hypercall(DOMCTL, PUT(0x100, op), 0, 0);
    GET(0x100, op);
    return rc;
}

/* --- claims --- */

static u32 pad;
static long claim(u16 domid, const struct xen_memory_claim *claims, u32 nr)
{
    op.u.claim_memory = (struct xen_domctl_claim_memory){
        .claims = claims ? put(0x4000, claims, MIN(nr, 66u) * sizeof(*claims)) : 0,
        .nr_claims = nr,
        .pad = pad};
    return domctl(XEN_DOMCTL_claim_memory, domid);
}

/* Each call has every fault from its own on: so each error stands before all that follow. */
TEST(claim_errors_in_order)
{
    static struct xen_memory_claim set[66];
    struct mem_account *account = &domains[1]->mem;

    set[0] = (struct xen_memory_claim){.pages = 1ull << 40, .node = 77, .pad = 1};
    caller.domain = domains[2];
    pad = 0x10;
    assert_int_equal(claim(99, NULL, 0), -EPERM);
    caller.domain = domains[0];
    assert_int_equal(claim(99, NULL, 0), -ESRCH);
    assert_int_equal(claim(1, NULL, 0), -EINVAL);
    assert_int_equal(claim(1, NULL, 66), -EINVAL); /* the flags, before E2BIG */
    for (pad = 0x10; pad; pad <<= 1)
        assert_int_equal(claim(1, NULL, 66), -EINVAL);
    pad = XEN_DOMCTL_CLAIM_ALL_FLAGS;
    assert_int_equal(claim(1, NULL, 66), -E2BIG);
    pad = 0;
    assert_int_equal(claim(1, NULL, 0), -EINVAL);
    assert_int_equal(claim(1, NULL, 66), -E2BIG);
    assert_int_equal(claim(1, NULL, 256), -E2BIG);
    account->dying = true;
    assert_int_equal(claim(1, NULL, 65), -EFAULT);
    op.u.claim_memory.claims = at(GUEST_BYTES - 16);
    op.u.claim_memory.nr_claims = 2;
    assert_int_equal(domctl(XEN_DOMCTL_claim_memory, 1), -EFAULT);
    assert_int_equal(claim(1, set, 1), -EINVAL); /* dying */
    account->dying = false;
    assert_int_equal(claim(1, set, 1), -EINVAL); /* the entry's pad */
    set[0].pad = 0;
    assert_int_equal(claim(1, set, 1), -ENOENT);
    set[0].node = NR_NODES;
    assert_int_equal(claim(1, set, 1), -ENOENT);
    set[0].node = 1;
    assert_int_equal(claim(1, set, 1), -EINVAL); /* above max */
    account->max_pages = ~0ull;
    assert_int_equal(claim(1, set, 1), -ENOMEM);
    set[0].pages = NODE_PAGES + 1;
    assert_int_equal(claim(1, set, 1), -ENOMEM);
    set[0].pages = NODE_PAGES;
    assert_int_equal(claim(1, set, 1), 0);
    assert_int_equal(account->outstanding, NODE_PAGES);
    assert_int_equal(claim(1, set, 1), -EINVAL); /* one is there */
}

TEST(claim_sets)
{
    struct xen_memory_claim set[3] = {XEN_NODE_CLAIM_INIT(2, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE),
                                      XEN_NODE_CLAIM_INIT(2, 0), XEN_NODE_CLAIM_INIT(2, 1)};
    pad = 0;
    assert_int_equal(claim(1, set, 3), 0);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.outstanding_pages, 6);
    set[2].pages = 10;
    pad = XEN_DOMCTL_CLAIM_REPLACE;
    assert_int_equal(claim(1, set, 3), 0);
    assert_int_equal(domains[1]->mem.outstanding, 14);
    pad = 0;
    struct xen_memory_claim none = XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE_ALT);
    assert_int_equal(claim(1, &none, 1), 0);
    assert_int_equal(claim(1, &none, 1), 0);
    assert_int_equal(domains[1]->mem.outstanding, 0);
}

TEST(claims_read_back)
{
    struct xen_memory_claim set[2] = {XEN_NODE_CLAIM_INIT(5, 2), XEN_NODE_CLAIM_INIT(7, ~0u)}, got[3];
    struct xen_domctl_get_memory_claims *get = &op.u.get_memory_claims;

    pad = 0;
    assert_int_equal(claim(1, set, 2), 0);
    *get = (struct xen_domctl_get_memory_claims){.claims = at(0x5000), .nr_claims = 1};
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), -ENOBUFS);
    assert_int_equal(get->nr_claims, 2);
    get->nr_claims = 1000;
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), 0);
    assert_int_equal(get->nr_claims, 2);
    GET(0x5000, got);
    assert_int_equal(got[0].node, ~0u);
    assert_int_equal(got[0].pages, 7);
    assert_int_equal(got[1].node, 2);
    assert_int_equal(got[1].pages, 5);
    get->claims = 0;
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), -EFAULT);
    get->pad = 1;
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), -EINVAL);
}

/* --- sysctl --- */

static struct xen_sysctl sys;
static long sysctl(u32 cmd)
{
    sys.cmd = cmd;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    long rc = hypercall(__HYPERVISOR_sysctl, PUT(0x100, sys), 0, 0);
    GET(0x100, sys);
    return rc;
}

TEST(sysctl_basics)
{
    sys = (struct xen_sysctl){.cmd = XEN_SYSCTL_physinfo, .interface_version = 0x16};
    assert_int_equal(hypercall(__HYPERVISOR_sysctl, PUT(0, sys), 0, 0), -EACCES);
    assert_memory_equal(guest, &sys, sizeof(sys));
    assert_int_equal(sysctl(999), -ENOSYS);
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.free_pages, NR_NODES * NODE_PAGES);
    assert_int_equal(sys.u.physinfo.max_node_id, 63);
    assert_int_equal(sys.u.physinfo.nr_nodes, 3);
    assert_int_equal(sys.u.physinfo.max_mfn, NR_NODES * NODE_PAGES - 1);
    sys.u.availheap = (struct xen_sysctl_availheap){.node = 7};
    assert_int_equal(sysctl(XEN_SYSCTL_availheap), 0);
    assert_int_equal(sys.u.availheap.avail_bytes, 0);
    sys.u.availheap.node = -1;
    assert_int_equal(sysctl(XEN_SYSCTL_availheap), 0);
    assert_int_equal(sys.u.availheap.avail_bytes, NR_NODES * NODE_PAGES * PAGE_SIZE);
    sys.u.availheap.max_bitwidth = 20;
    assert_int_equal(sysctl(XEN_SYSCTL_availheap), -EOPNOTSUPP);
    caller.domain = domains[1];
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), -EPERM);
}

TEST(sysctl_lists)
{
    struct xen_sysctl_meminfo mem[3];
    u32 distance[4];

    memset(&sys, 0, sizeof(sys));
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sys.u.numainfo.num_nodes, 3);
    sys.u.numainfo =
        (struct xen_sysctl_numainfo){.num_nodes = 2, .meminfo = at(0x800), .distance = at(0x900)};
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sys.u.numainfo.num_nodes, 2);
    GET(0x800, mem);
    GET(0x900, distance);
    assert_int_equal(mem[1].memfree, NODE_PAGES * PAGE_SIZE);
    assert_int_equal(mem[2].memsize, 0);
    assert_int_equal(distance[0], 10);
    assert_int_equal(distance[1], 21);
    assert_int_equal(distance[2], 21);
    sys.u.numainfo = (struct xen_sysctl_numainfo){.num_nodes = 9, .distance = at(0x900)};
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    GET(0x900, distance);
    assert_int_equal(distance[2], XEN_INVALID_NODE_DIST);
    memset(&sys, 0, sizeof(sys));
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 1);
    sys.u.getdomaininfolist =
        (struct xen_sysctl_getdomaininfolist){.first_domain = 1, .max_domains = 10, .buffer = at(0x1000)};
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sys.u.getdomaininfolist.num_domains, 2);
    struct xen_domctl_getdomaininfo info[2];
    GET(0x1000, info);
    assert_int_equal(info[1].domain, 2);
    sys.u.getdomaininfolist.buffer = at(GUEST_BYTES - sizeof(info[0]));
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), -EFAULT);
}

static void kill_meanwhile(u64 n, u64 nr)
{
    (void)n, (void)nr;
    harness_on_clear = NULL;
    domain_kill(domains[1]);
}

/* Another CPU destroys the domain while memory is cleared for it: it is not done before this call is. */
TEST(populate_for_a_dying_domain)
{
    harness_on_clear = kill_meanwhile;
    const u64 g = 0;
    const struct xen_memory_reservation wish = {
        .extent_start = PUT(0x1000, g), .nr_extents = 1, .extent_order = 2, .domid = 1};
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, PUT(0x100, wish), 0), 0);
    assert_null(harness_on_clear);
    while (mm_release_some(&domains[1]->mem, 1))
        ;
    assert_int_equal(domains[1]->mem.tot_pages, 0);
}

FIXTURE(machine_setup, machine_teardown)
