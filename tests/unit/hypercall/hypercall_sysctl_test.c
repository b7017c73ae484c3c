/* sysctl 14 and Homestead's own three, and the flags of domctl 91: docs/claims.md sections 3, 6 and 7. */
#include "hypercall_harness.h"

static struct xen_sysctl sys;

static long sysctl(u32 cmd)
{
    sys.cmd = cmd;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    long rc = hypercall(__HYPERVISOR_sysctl, PUT(0x100, sys), 0, 0);
    GET(0x100, sys);
    return rc;
}

static long claim(u16 domid, u32 node, u64 pages, u32 order, u32 flags)
{
    struct xen_memory_claim entry = {.pages = pages, .node = node, .pad = order};
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_claim_memory, .interface_version = XEN_DOMCTL_INTERFACE_VERSION, .domain = domid};

    op.u.claim_memory.claims = put(0x4000, &entry, sizeof(entry));
    op.u.claim_memory.nr_claims = 1;
    op.u.claim_memory.pad = flags;
    return hypercall(__HYPERVISOR_domctl, PUT(0x200, op), 0, 0);
}

#define STATUS_AT 0x8000u
static u32 word(u32 i)
{
    u32 status;
    memcpy(&status, guest + STATUS_AT + i * sizeof(status), sizeof(status));
    return status;
}

static long page_op(u32 cmd, u32 start, u32 end)
{
    memset(guest + STATUS_AT, 0xee, 600 * sizeof(u32));
    sys.u.page_offline =
        (struct xen_sysctl_page_offline_op){.cmd = cmd, .start = start, .end = end, .status = at(STATUS_AT)};
    return sysctl(XEN_SYSCTL_page_offline_op);
}

TEST(pages_go_offline)
{
    assert_int_equal(page_op(sysctl_page_offline, 5000, 5003), 0);
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(word(i), PG_OFFLINE_OFFLINED);
    assert_int_equal(word(4), 0xeeeeeeee);
    assert_int_equal(node_free(1), NODE_PAGES - 4);
    assert_int_equal(page_op(sysctl_query_page_offline, 5003, 5004), 0);
    assert_int_equal(word(0), PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(word(1), 0);
    assert_int_equal(page_op(sysctl_page_online, 5003, 5004), 0);
    assert_int_equal(word(0), PG_ONLINE_ONLINED);
    assert_int_equal(word(1), 0);
    assert_int_equal(node_free(1), NODE_PAGES - 3);
    assert_int_equal(sys.u.page_offline.start, 5003); /* the argument is as it was */
}

TEST(page_op_errors)
{
    const u32 last = NR_NODES * NODE_PAGES - 1;

    assert_int_equal(page_op(0, 5, 5), -EINVAL);
    assert_int_equal(page_op(4, 5, 5), -EINVAL);
    assert_int_equal(page_op(sysctl_page_offline, 6, 5), -EINVAL);
    assert_int_equal(page_op(sysctl_page_offline, 0, 512), -E2BIG);
    assert_int_equal(page_op(sysctl_page_offline, 0, ~0u), -E2BIG);
    sys.u.page_offline.end = 511;
    sys.u.page_offline.status = at(GUEST_BYTES - 8);
    assert_int_equal(sysctl(XEN_SYSCTL_page_offline_op), -EFAULT);
    sys.u.page_offline.status = 0;
    assert_int_equal(sysctl(XEN_SYSCTL_page_offline_op), -EFAULT);
    assert_int_equal(host_info().free_pages, NR_NODES * NODE_PAGES); /* nothing went */
    /* The end of memory ends the call. */
    assert_int_equal(page_op(sysctl_page_offline, last - 1, last + 2), -EINVAL);
    assert_int_equal(word(0), PG_OFFLINE_OFFLINED);
    assert_int_equal(word(1), PG_OFFLINE_OFFLINED);
    assert_int_equal(word(2), PG_OFFLINE_INVALID);
    assert_int_equal(word(3), PG_OFFLINE_INVALID);
    assert_int_equal(node_free(2), NODE_PAGES - 2);
    caller.domain = domains[1];
    assert_int_equal(page_op(sysctl_page_offline, 5, 5), -EPERM);
    caller.domain = domains[0];
}

static struct xen_homestead_node_memory node[4];
static long node_memory(u32 room)
{
    sys.u.node_memory =
        (struct xen_sysctl_homestead_node_memory){.num_nodes = room, .nodes = room ? at(0x9000) : 0};
    memset(guest + 0x9000, 0, sizeof(node));
    long rc = sysctl(XEN_SYSCTL_homestead_node_memory);
    memcpy(node, guest + 0x9000, sizeof(node));
    return rc;
}

TEST(figures_of_nodes)
{
    assert_int_equal(claim(1, 1, 1024, 9, XEN_DOMCTL_CLAIM_ORDERS), 0);
    assert_int_equal(claim(2, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 30, 0, 0), 0);
    assert_int_equal(page_op(sysctl_page_offline, 8192, 8193), 0);
    assert_int_equal(node_memory(0), 0);
    assert_int_equal(sys.u.node_memory.num_nodes, NR_NODES);
    assert_int_equal(node_memory(2), 0);
    assert_int_equal(sys.u.node_memory.num_nodes, 2);
    assert_int_equal(node[2].size_pages, 0); /* no room for it */
    assert_int_equal(node_memory(4), 0);
    assert_int_equal(sys.u.node_memory.num_nodes, NR_NODES);
    assert_int_equal(sys.u.node_memory.free_pages, NR_NODES * NODE_PAGES - 2);
    assert_int_equal(sys.u.node_memory.outstanding_pages, 1054);
    assert_int_equal(sys.u.node_memory.host_claimed_pages, 30);
    assert_true(node[1].size_pages == NODE_PAGES && node[1].free_pages == NODE_PAGES);
    assert_true(node[1].claimed_pages == 1024 && node[1].dirty_pages == NODE_PAGES);
    assert_true(node[1].free_2m == 8 && node[1].reserved_2m == 2 && node[1].free_1g == 0);
    assert_true(node[2].offline_pages == 2 && node[2].free_2m == 7 && node[2].claimed_pages == 0);
    sys.u.node_memory =
        (struct xen_sysctl_homestead_node_memory){.num_nodes = 3, .nodes = at(GUEST_BYTES - 80)};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_node_memory), -EFAULT);
    sys.u.node_memory.pad = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_node_memory), -EINVAL);
}

TEST(figures_of_a_domain)
{
    struct xen_homestead_domain_node nodes[NR_NODES];
    const struct xen_sysctl_homestead_domain_memory *d = &sys.u.domain_memory;
    mfn_t m;

    assert_int_equal(mm_alloc(&domains[1]->mem, 2, 3, MM_EXACT_NODE, &m), 0);
    assert_int_equal(claim(1, 1, 1024, 9, XEN_DOMCTL_CLAIM_ORDERS | XEN_DOMCTL_CLAIM_STRICT), 0);
    sys.u.domain_memory =
        (struct xen_sysctl_homestead_domain_memory){.domid = 1, .num_nodes = 8, .nodes = at(0x9000)};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), 0);
    memcpy(nodes, guest + 0x9000, sizeof(nodes));
    assert_int_equal(d->num_nodes, NR_NODES);
    assert_true(d->tot_pages == 8 && d->max_pages == 100000 && d->outstanding_pages == 1024);
    assert_true(d->host_claim_pages == 0 && d->claim_flags == XEN_DOMCTL_CLAIM_STRICT);
    assert_true(nodes[2].own_pages == 8 && nodes[2].claim_pages == 0);
    assert_true(nodes[1].claim_pages == 1024 && nodes[1].claim_extents == 2 && nodes[1].claim_order == 9);
    sys.u.domain_memory = (struct xen_sysctl_homestead_domain_memory){.domid = 99};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), -ESRCH);
    sys.u.domain_memory.pad2 = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), -EINVAL);
}

TEST(refusals_are_told)
{
    struct xen_homestead_refusals r;
    mfn_t m;

    assert_int_equal(claim(1, 0, NODE_PAGES - 1, 0, 0), 0);
    assert_int_equal(claim(2, 0, 2, 0, 0), -ENOMEM);
    sys.u.refusals.buffer = at(0x9000);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), 0);
    GET(0x9000, r);
    assert_true(r.nr_claims == 1 && r.nr_allocs == 0 && r.kind == XEN_HOMESTEAD_REFUSAL_claim);
    assert_true(r.domid == 2 && r.node == 0 && r.pages == 2 && r.free_pages == NODE_PAGES);
    assert_true(r.claimed_pages == NODE_PAGES - 1 && r.nr_holders == 1);
    assert_true(r.holder[0].domid == 1 && r.holder[0].node_pages == NODE_PAGES - 1);
    assert_int_equal(mm_alloc(&domains[2]->mem, 0, 0, MM_EXACT_NODE, &m), 0);
    assert_int_equal(mm_alloc(&domains[2]->mem, 0, 0, MM_EXACT_NODE, &m), -ENOMEM);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), 0);
    GET(0x9000, r);
    assert_true(r.nr_claims == 1 && r.nr_allocs == 1 && r.kind == XEN_HOMESTEAD_REFUSAL_alloc);
    assert_true(r.domid == 2 && r.node == 0 && r.order == 0 && r.holder[0].domid == 1);
    sys.u.refusals.buffer = at(GUEST_BYTES);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), -EFAULT);
}

TEST(recalls_are_told)
{
    assert_int_equal(claim(1, 0, NODE_PAGES - 2, 0, 0), 0);
    assert_int_equal(page_op(sysctl_page_offline, 100, 104), 0);
    assert_int_equal(domains[1]->mem.outstanding, NODE_PAGES - 5);
    sys.u.domain_memory = (struct xen_sysctl_homestead_domain_memory){.domid = 1};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), 0);
    assert_int_equal(sys.u.domain_memory.broken_pages, 3);
    assert_int_equal(sys.u.domain_memory.outstanding_pages, NODE_PAGES - 5);
    assert_int_equal(sys.u.domain_memory.num_nodes, NR_NODES);
}

FIXTURE(machine_setup, machine_teardown)
