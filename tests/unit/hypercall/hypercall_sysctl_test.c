/* sysctl: facts and lists of the host, pages offline, and Homestead's own three: docs/hypervisor-guide/mm/claims.md sections 6 and 7. */
#include "calls.h"

static long claim(u16 domid, u32 node, u64 pages, u32 order, u32 flags)
{
    const struct xen_memory_claim entry = {.pages = pages, .node = node, .pad = order};

    return claim_set(domid, &entry, 1, flags);
}

CALL_TEST(sysctl_basics)
{
    struct xen_sysctl back;

    sys = (struct xen_sysctl){.cmd = XEN_SYSCTL_physinfo, .interface_version = 0x16};
    assert_int_equal(hypercall(__HYPERVISOR_sysctl, PUT(ARG, sys), 0, 0), -EACCES);
    GET(ARG, back);
    assert_memory_equal(&back, &sys, sizeof(sys));
    assert_int_equal(sysctl(999), -ENOSYS);
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.free_pages, free_pages());
    assert_int_equal(sys.u.physinfo.max_node_id, 63);
    assert_int_equal(sys.u.physinfo.nr_nodes, NR_NODES);
    assert_int_equal(sys.u.physinfo.max_mfn, FIRST(NR_NODES) - 1);
    assert_int_equal(sysctl(XEN_SYSCTL_sched_id), 0);
    assert_int_equal(sys.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
    call_from(1);
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), -EPERM);
}

CALL_TEST(availheap)
{
    const struct {
        s32 node;
        u32 min, max;
        long rc;
        u64 pages;
    } calls[] = {
        {7, 0, 0, 0, 0},
        {1, 0, 0, 0, NODE_PAGES},
        {-1, 0, 0, 0, free_pages()},
        {-1, 12, 26, 0, free_pages()}, /* all of memory */
        {-1, 13, 0, -EOPNOTSUPP, 0},
        {-1, 0, 12, -EOPNOTSUPP, 0},
        {-1, 0, 25, -EOPNOTSUPP, 0},
    };

    for_each_row (i, calls) {
        sys.u.availheap = (struct xen_sysctl_availheap){
            .node = calls[i].node, .min_bitwidth = calls[i].min, .max_bitwidth = calls[i].max};
        assert_int_equal(sysctl(XEN_SYSCTL_availheap), calls[i].rc);
        assert_int_equal(sys.u.availheap.avail_bytes, calls[i].pages << PAGE_SHIFT);
    }
}

CALL_TEST(numainfo)
{
    struct xen_sysctl_meminfo mem[3] = {0};
    u32 distance[4];

    topology.distance[0][2] = 255;
    memset(&sys, 0, sizeof(sys));
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sys.u.numainfo.num_nodes, NR_NODES);
    PUT(0x800, mem);
    sys.u.numainfo =
        (struct xen_sysctl_numainfo){.num_nodes = 2, .meminfo = at(0x800), .distance = at(0x900)};
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sys.u.numainfo.num_nodes, 2);
    GET(0x800, mem);
    GET(0x900, distance);
    assert_int_equal(mem[1].memfree, NODE_PAGES * PAGE_SIZE);
    assert_int_equal(mem[1].memsize, NODE_PAGES * PAGE_SIZE);
    assert_int_equal(mem[2].memsize, 0);
    assert_int_equal(distance[0], DISTANCE_LOCAL);
    assert_int_equal(distance[1], DISTANCE_REMOTE);
    assert_int_equal(distance[2], DISTANCE_REMOTE);
    sys.u.numainfo = (struct xen_sysctl_numainfo){.num_nodes = 9, .distance = at(0x900)};
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), 0);
    GET(0x900, distance);
    assert_int_equal(distance[2], XEN_INVALID_NODE_DIST);
    sys.u.numainfo.distance = at(GUEST_BYTES - 8);
    assert_int_equal(sysctl(XEN_SYSCTL_numainfo), -EFAULT);
}

CALL_TEST(lists_of_cpus_and_domains)
{
    struct xen_domctl_getdomaininfo info[2];
    struct xen_sysctl_cputopo topo;

    memset(&sys, 0, sizeof(sys));
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 1);
    sys.u.cputopoinfo = (struct xen_sysctl_cputopoinfo){.num_cpus = 8, .cputopo = at(0x1000)};
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 1);
    GET(0x1000, topo);
    assert_true(topo.core == 0 && topo.socket == 0 && topo.node == 0);
    sys.u.cputopoinfo.cputopo = at(GUEST_BYTES);
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), -EFAULT);
    sys.u.getdomaininfolist =
        (struct xen_sysctl_getdomaininfolist){.first_domain = 1, .max_domains = 10, .buffer = at(0x1000)};
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sys.u.getdomaininfolist.num_domains, 2);
    GET(0x1000, info);
    assert_int_equal(info[1].domain, 2);
    sys.u.getdomaininfolist.buffer = at(GUEST_BYTES - sizeof(info[0]));
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), -EFAULT);
}

/* A CPU that never came up has its place in the list, and is on no node. */
CALL_TEST(a_cpu_that_did_not_start_is_on_no_node, .cpus = 6)
{
    struct xen_sysctl_cputopo topo[6];
    struct cpu *failed = cpus[2];

    memset(&sys, 0, sizeof(sys));
    cpus[2] = NULL;
    sysctl_init();
    sys.u.cputopoinfo = (struct xen_sysctl_cputopoinfo){.num_cpus = 6, .cputopo = at(0x1000)};
    assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 6);
    GET(0x1000, topo);
    for (u32 id = 0; id < 6; id++)
        assert_int_equal(topo[id].node, id == 2 ? XEN_INVALID_NODE_ID : id % NR_NODES);
    assert_true(topo[2].core == XEN_INVALID_CORE_ID && topo[2].socket == XEN_INVALID_SOCKET_ID);
    assert_true(topo[0].core == 0 && topo[3].core == 1 && topo[5].core == 0); /* those of a node that run */
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.nr_cpus, 5);
    assert_int_equal(sys.u.physinfo.max_cpu_id, 5);
    assert_int_equal(sys.u.physinfo.cores_per_socket, 2);
    cpus[2] = failed;
}

/* --- pages offline --- */

static u32 status[600];
static long page_op(u32 cmd, u32 start, u32 end)
{
    memset(status, 0xee, sizeof(status));
    sys.u.page_offline = (struct xen_sysctl_page_offline_op){
        .cmd = cmd, .start = start, .end = end, .status = PUT(0x8000, status)};
    long rc = sysctl(XEN_SYSCTL_page_offline_op);
    GET(0x8000, status);
    return rc;
}

static long pool_op(u32 sub, u32 pool, u32 arg)
{
    sys.u.cpupool_op =
        (struct xen_sysctl_cpupool_op){.op = sub, .cpupool_id = pool, .domid = arg, .cpu = arg};
    sys.u.cpupool_op.cpumap = (struct xenctl_bitmap){.bitmap = at(LIST), .nr_bits = 16};
    return sysctl(XEN_SYSCTL_cpupool_op);
}

CALL_TEST(one_cpu_pool, .cpus = 6)
{
    static const struct {
        u32 sub, pool, arg;
        long rc;
    } refused[] = {
        {XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0, -EEXIST},
        {XEN_SYSCTL_CPUPOOL_OP_CREATE, XEN_SYSCTL_CPUPOOL_PAR_ANY, 0, -EOPNOTSUPP},
        {XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0, 0, -EBUSY},
        {XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0, -ENOENT},
        {XEN_SYSCTL_CPUPOOL_OP_INFO, 1, 0, -ENOENT},
        {XEN_SYSCTL_CPUPOOL_OP_INFO, XEN_SYSCTL_CPUPOOL_PAR_ANY, 0, -ENOENT},
        {XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 5, -ENODEV},
        {XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 6, -EINVAL},
        {XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, 5, -ENOENT},
        {XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY, -ENODEV},
        {XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 0, -EINVAL},
        {XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 6, -EINVAL},
        {XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1, -EOPNOTSUPP},
        {XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 1, -ENOENT},
        {XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0, -EPERM},
        {XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 7, -ESRCH},
        {XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0x10000, -EPERM},
        {XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 1, 1, -ENOENT},
        {XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 1, 0},
        {0, 0, 0, -ENOSYS},
        {8, 0, 0, -ENOSYS},
    };
    u16 map = 0;

    for_each_row (i, refused)
        assert_int_equal(pool_op(refused[i].sub, refused[i].pool, refused[i].arg), refused[i].rc);
    assert_int_equal(pool_op(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 0), 0);
    GET(LIST, map);
    assert_int_equal(map, 0x3f);
    assert_int_equal(sys.u.cpupool_op.n_dom, 3);
    assert_int_equal(sys.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
    assert_int_equal(sys.u.cpupool_op.cpupool_id, 0);
    assert_int_equal(pool_op(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0, 0), 0);
    GET(LIST, map);
    assert_int_equal(map, 0);
}

/* claims.md CL-6.1, CL-6.2, CL-6.18. */
CALL_TEST(pages_go_offline)
{
    const u32 n = FIRST(1) + 900;

    assert_int_equal(page_op(sysctl_page_offline, n, n + 3), 0);
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(status[i], PG_OFFLINE_OFFLINED);
    assert_int_equal(status[4], 0xeeeeeeee);
    assert_int_equal(node_free(1), NODE_PAGES - 4);
    assert_int_equal(page_op(sysctl_query_page_offline, n + 3, n + 4), 0);
    assert_int_equal(status[0], PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(status[1], 0);
    assert_int_equal(page_op(sysctl_page_online, n + 3, n + 4), 0);
    assert_int_equal(status[0], PG_ONLINE_ONLINED);
    assert_int_equal(status[1], 0);
    assert_int_equal(node_free(1), NODE_PAGES - 3);
    assert_int_equal(sys.u.page_offline.start, n + 3); /* the argument is as it was */
    assert_int_equal(page_op(sysctl_page_online, n, n + 2), 0);
}

CALL_TEST(page_op_errors)
{
    const u32 last = FIRST(NR_NODES) - 1;
    u64 before = free_pages();

    assert_int_equal(page_op(0, last, last), -EINVAL);
    assert_int_equal(page_op(4, last, last), -EINVAL);
    assert_int_equal(page_op(sysctl_page_offline, last, last - 1), -EINVAL);
    assert_int_equal(page_op(sysctl_page_offline, FIRST(1), FIRST(1) + 512), -E2BIG);
    assert_int_equal(page_op(sysctl_page_offline, 0, ~0u), -E2BIG);
    sys.u.page_offline.start = FIRST(1);
    sys.u.page_offline.end = FIRST(1) + 511;
    sys.u.page_offline.status = at(GUEST_BYTES - 8);
    assert_int_equal(sysctl(XEN_SYSCTL_page_offline_op), -EFAULT);
    sys.u.page_offline.status = 0;
    assert_int_equal(sysctl(XEN_SYSCTL_page_offline_op), -EFAULT);
    assert_int_equal(free_pages(), before); /* nothing went */
    /* The end of memory ends the call. */
    assert_int_equal(page_op(sysctl_page_offline, last - 1, last + 2), -EINVAL);
    assert_int_equal(status[0], PG_OFFLINE_OFFLINED);
    assert_int_equal(status[1], PG_OFFLINE_OFFLINED);
    assert_int_equal(status[2], PG_OFFLINE_INVALID);
    assert_int_equal(status[3], PG_OFFLINE_INVALID);
    assert_int_equal(node_free(2), NODE_PAGES - 2);
    assert_int_equal(page_op(sysctl_page_online, last - 1, last), 0);
    assert_int_equal(page_op(sysctl_page_offline, 0, 0), 0); /* a hole below the end of memory */
    assert_int_equal(status[0], PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM);
}

/* --- figures --- */

static struct xen_homestead_node_memory node[4];
static long node_memory(u32 room)
{
    memset(node, 0, sizeof(node));
    PUT(0x9000, node);
    sys.u.node_memory =
        (struct xen_sysctl_homestead_node_memory){.num_nodes = room, .nodes = room ? at(0x9000) : 0};
    long rc = sysctl(XEN_SYSCTL_homestead_node_memory);
    GET(0x9000, node);
    return rc;
}

/* claims.md CL-7.5, CL-7.7 to CL-7.10. */
CALL_TEST(figures_of_nodes)
{
    assert_int_equal(claim(1, 1, 1024, 9, XEN_DOMCTL_CLAIM_ORDERS), 0);
    assert_int_equal(claim(2, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 30, 0, 0), 0);
    assert_int_equal(page_op(sysctl_page_offline, FIRST(2), FIRST(2) + 1), 0);
    assert_int_equal(node_memory(0), 0);
    assert_int_equal(sys.u.node_memory.num_nodes, NR_NODES);
    assert_int_equal(node_memory(2), 0);
    assert_int_equal(sys.u.node_memory.num_nodes, 2);
    assert_int_equal(node[2].size_pages, 0); /* no room for it */
    assert_int_equal(node_memory(4), 0);
    assert_int_equal(sys.u.node_memory.num_nodes, NR_NODES);
    assert_int_equal(sys.u.node_memory.free_pages, free_pages());
    assert_int_equal(sys.u.node_memory.outstanding_pages, 1054);
    assert_int_equal(sys.u.node_memory.host_claimed_pages, 30);
    assert_true(node[1].size_pages == NODE_PAGES && node[1].free_pages == NODE_PAGES);
    assert_true(node[1].claimed_pages == 1024 && node[1].dirty_pages == NODE_PAGES);
    assert_true(node[1].free_2m == 8 && node[1].reserved_2m == 2 && node[1].free_1g == 0);
    assert_true(node[2].offline_pages == 2 && node[2].free_2m == 7 && node[2].claimed_pages == 0);
    assert_int_equal(page_op(sysctl_page_online, FIRST(2), FIRST(2) + 1), 0);
    sys.u.node_memory =
        (struct xen_sysctl_homestead_node_memory){.num_nodes = 3, .nodes = at(GUEST_BYTES - 80)};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_node_memory), -EFAULT);
    sys.u.node_memory.pad = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_node_memory), -EINVAL);
}

/* claims.md CL-3.51, CL-7.8, CL-7.9, CL-7.11. */
CALL_TEST(figures_of_a_domain)
{
    struct xen_homestead_domain_node nodes[NR_NODES];
    const struct xen_sysctl_homestead_domain_memory *d = &sys.u.domain_memory;
    mfn_t m;

    assert_int_equal(mm_alloc(&dom(1)->mem, 2, 3, MM_EXACT_NODE, &m), 0);
    assert_int_equal(claim(1, 1, 1024, 9, XEN_DOMCTL_CLAIM_ORDERS | XEN_DOMCTL_CLAIM_STRICT), 0);
    sys.u.domain_memory =
        (struct xen_sysctl_homestead_domain_memory){.domid = 1, .num_nodes = 8, .nodes = at(0x9000)};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), 0);
    GET(0x9000, nodes);
    assert_int_equal(d->num_nodes, NR_NODES);
    assert_true(d->tot_pages == 8 && d->max_pages == dom(1)->mem.max_pages && d->outstanding_pages == 1024);
    assert_true(d->host_claim_pages == 0 && d->claim_flags == XEN_DOMCTL_CLAIM_STRICT);
    assert_true(nodes[2].own_pages == 8 && nodes[2].claim_pages == 0);
    assert_true(nodes[1].claim_pages == 1024 && nodes[1].claim_extents == 2 && nodes[1].claim_order == 9);
    sys.u.domain_memory.nodes = at(GUEST_BYTES);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), -EFAULT);
    sys.u.domain_memory = (struct xen_sysctl_homestead_domain_memory){.domid = 99};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), -ESRCH);
    sys.u.domain_memory.pad2 = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), -EINVAL);
}

/* claims.md CL-7.12 to CL-7.14. */
CALL_TEST(refusals_are_told)
{
    struct xen_homestead_refusals r;
    mfn_t m;

    assert_int_equal(claim(1, 1, NODE_PAGES - 1, 0, 0), 0);
    assert_int_equal(claim(2, 1, 2, 0, 0), -ENOMEM);
    sys.u.refusals.buffer = at(0x9000);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), 0);
    GET(0x9000, r);
    assert_true(r.nr_claims == 1 && r.nr_allocs == 0 && r.kind == XEN_HOMESTEAD_REFUSAL_claim);
    assert_true(r.domid == 2 && r.node == 1 && r.pages == 2 && r.free_pages == NODE_PAGES);
    assert_true(r.claimed_pages == NODE_PAGES - 1 && r.nr_holders == 1);
    assert_true(r.holder[0].domid == 1 && r.holder[0].node_pages == NODE_PAGES - 1);
    assert_int_equal(mm_alloc(&dom(2)->mem, 1, 0, MM_EXACT_NODE, &m), 0);
    assert_int_equal(mm_alloc(&dom(2)->mem, 1, 0, MM_EXACT_NODE, &m), -ENOMEM);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), 0);
    GET(0x9000, r);
    assert_true(r.nr_claims == 1 && r.nr_allocs == 1 && r.kind == XEN_HOMESTEAD_REFUSAL_alloc);
    assert_true(r.domid == 2 && r.node == 1 && r.order == 0 && r.holder[0].domid == 1);
    sys.u.refusals.buffer = at(GUEST_BYTES);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), -EFAULT);
}

/* claims.md CL-6.5, CL-6.16. */
CALL_TEST(recalls_are_told)
{
    const u32 n = FIRST(1) + 100;

    assert_int_equal(claim(1, 1, NODE_PAGES - 2, 0, 0), 0);
    assert_int_equal(page_op(sysctl_page_offline, n, n + 4), 0);
    assert_int_equal(dom(1)->mem.outstanding, NODE_PAGES - 5);
    sys.u.domain_memory = (struct xen_sysctl_homestead_domain_memory){.domid = 1};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), 0);
    assert_int_equal(sys.u.domain_memory.broken_pages, 3);
    assert_int_equal(sys.u.domain_memory.outstanding_pages, NODE_PAGES - 5);
    assert_int_equal(sys.u.domain_memory.num_nodes, NR_NODES);
    assert_int_equal(page_op(sysctl_page_online, n, n + 4), 0);
}
