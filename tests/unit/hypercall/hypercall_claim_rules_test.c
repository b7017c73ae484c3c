/*
 * Rules of claims that no other test of hypercalls asks for: counts, units of claims by order, what is redeemed and given
 * back. hypercall_claim_test.c has the calls themselves.
 */
#include "claim_figures.h"

/* claims.md CL-3.9 to CL-3.14, CL-3.33. */
CALL_TEST(counts_are_absolute)
{
    struct xen_memory_claim set[] = {{.pages = 10, .node = 1}, {.pages = 20, .node = HOST}};

    /* Without pages: as if they were amounts to add. */
    assert_int_equal(claim_set(1, set, 2, 0), 0);
    expect_claims(20, 0, 10, 0);
    assert_int_equal(claim(1, HOST, 0, 0, 0), 0);
    /* Partly built: 4 are there of 10, and 5 of the 20. */
    assert_int_equal(populate_extents(4, 0x1000, 0, XENMEMF_exact_node(1)), 4);
    assert_int_equal(populate_extents(5, 0x1010, 0, XENMEMF_exact_node(2)), 5);
    assert_int_equal(claim_set(1, set, 2, 0), 0);
    expect_claims(15, 0, 6, 0);
    set[0].pages = 4;
    set[1].pages = 5;
    assert_int_equal(claim_set(1, set, 2, XEN_DOMCTL_CLAIM_REPLACE), -EINVAL); /* it has it all */
    expect_claims(15, 0, 6, 0);
    /* Host-wide alone: the size to reach. */
    assert_int_equal(claim(1, HOST, 9, 0, XEN_DOMCTL_CLAIM_REPLACE), -EINVAL);
    assert_int_equal(claim(1, HOST, 12, 0, XEN_DOMCTL_CLAIM_REPLACE), 0);
    expect_claims(3, 0, 0, 0);
}

/* claims.md CL-3.7, CL-3.37. */
CALL_TEST(a_set_for_every_node_and_the_host)
{
    const struct xen_memory_claim set[] = {{.pages = M2, .node = 2, .pad = 9},
                                           {.pages = 2, .node = 0},
                                           {.pages = 3, .node = HOST},
                                           {.pages = 4, .node = 1}};
    struct xen_memory_claim got[4];

    assert_int_equal(claim_set(1, set, 4, XEN_DOMCTL_CLAIM_ORDERS), 0);
    expect_claims(3, 2, 4, M2);
    op.u.get_memory_claims = (struct xen_domctl_get_memory_claims){.claims = at(0x5000), .nr_claims = 4};
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), 0);
    GET(0x5000, got);
    assert_true(got[0].node == HOST && got[0].pad == 0 && got[2].node == 1 && got[2].pad == 0);
    assert_true(got[3].node == 2 && got[3].pages == M2 && got[3].pad == 9);
}

/* claims.md CL-3.41, CL-3.42, CL-3.46, CL-3.50. */
CALL_TEST(flags_and_orders_are_of_their_set)
{
    assert_int_equal(claim(1, HOST, M2, 9, XEN_DOMCTL_CLAIM_ORDERS), -EINVAL);
    assert_int_equal(claim(1, 1, M2, 8, XEN_DOMCTL_CLAIM_ORDERS), -EINVAL);
    assert_int_equal(claim(1, 1, M2, 9, XEN_DOMCTL_CLAIM_ORDERS | XEN_DOMCTL_CLAIM_STRICT), 0);
    assert_int_equal(figures_of(1)->claim_flags, XEN_DOMCTL_CLAIM_STRICT);
    assert_int_equal(on_node[1].claim_order, 9);
    res = (struct xen_memory_reservation){.domid = 1};
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    assert_int_equal(figures_of(1)->claim_flags, 0); /* they ended with it */
    res.nr_extents = 100;
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    assert_int_equal(figures_of(1)->claim_flags, 0);
    assert_int_equal(on_node[1].claim_order, 0);
    expect_claims(100, 0, 0, 0);
}

/* claims.md CL-3.54 to CL-3.56. */
CALL_TEST(single_pages_of_claimed_extents)
{
    assert_int_equal(claim(1, 1, 4 * M2, 9, XEN_DOMCTL_CLAIM_ORDERS), 0);
    limit_tables(1, 1);
    assert_int_equal(populate_extents(1, 0x1000, 0, XENMEMF_exact_node(1)), 0); /* no table for it: undone */
    figures_of(1);
    assert_true(on_node[1].claim_pages == 4 * M2 && on_node[1].claim_extents == 4);
    limit_tables(1, 10); /* these pages are redeemed too */
    assert_int_equal(claim(1, 1, 4 * M2, 9, XEN_DOMCTL_CLAIM_ORDERS | XEN_DOMCTL_CLAIM_REPLACE), 0);
    assert_int_equal(populate_extents(1, 0x1000, 0, XENMEMF_exact_node(1)), 1);
    figures_of(1);
    assert_true(on_node[1].claim_pages == 4 * M2 - 1 && on_node[1].claim_extents == 3);
    assert_int_equal(populate_extents(511, 0x1001, 0, XENMEMF_exact_node(1)),
                     511); /* those, before a next extent */
    figures_of(1);
    assert_true(on_node[1].claim_pages == 3 * M2 && on_node[1].claim_extents == 3);
    assert_int_equal(populate_extents(3, 0x2000, 9, XENMEMF_exact_node(1)), 3);
    expect_claims(0, 0, 0, 0);
}

static u64 pool_of_domain_1(void)
{
    assert_int_equal(domctl(XEN_DOMCTL_get_paging_mempool_size, 1), 0);
    return op.u.paging_mempool.size;
}

static void grow_pool(u64 pages)
{
    u64 bytes = pool_of_domain_1() + (pages << PAGE_SHIFT);

    op.u.paging_mempool.size = bytes;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), 0);
}

/* Memory that the hypervisor needs for the domain, asked for on node 0. claims.md CL-3.44b, CL-4.11, CL-4.12. */
CALL_TEST(overhead_redeems_claims)
{
    const struct xen_sysctl_homestead_domain_memory *d = figures_of(1);
    u64 overhead = d->overhead_pages, free_0 = node_free(0), free_1 = node_free(1);

    clean_all();
    assert_int_equal(claim(1, 1, 64, 0, 0), 0);
    grow_pool(8);
    expect_claims(0, 0, 56, 0);
    assert_int_equal(d->overhead_pages, overhead + 8);
    assert_true(d->tot_pages == 0 && on_node[0].own_pages == 0 && d->overhead_pages == overhead + 8);
    assert_true(node_free(0) == free_0 - 8 && node_free(1) == free_1);
    /* STRICT: no claim of node 1 for memory of node 0, so it is memory of node 1. */
    assert_int_equal(claim(1, 1, 64, 0, XEN_DOMCTL_CLAIM_STRICT | XEN_DOMCTL_CLAIM_REPLACE), 0);
    grow_pool(8);
    expect_claims(0, 0, 56, 0);
    assert_true(node_free(0) == free_0 - 8 && node_free(1) == free_1 - 8);
}

/* Each extent needs a table of its own, and there are not enough. claims.md CL-4.14. */
CALL_TEST(half_a_list_redeems_half)
{
    limit_tables(1, 3 + 9);
    assert_int_equal(claim(1, 1, 100, 0, 0), 0);
    extents(64, 0, 0, XENMEMF_exact_node(1));
    for (u64 i = 0; i < 64; i++)
        put_frame(i, i * M2);
    long done = do_extents(XENMEM_populate_physmap);
    assert_in_range(done, 1, 63);
    expect_claims(0, 0, 100 - (u64)done, 0);
    assert_int_equal(on_node[1].own_pages, done);
}

/* claims.md CL-5.1, CL-5.3, CL-5.5, CL-5.11, CL-5.12, CL-7.15. */
CALL_TEST(which_node)
{
    const u64 *own = dom(1)->mem.own;

    while (mm_scrub_step(2))
        ;
    assert_int_equal(populate_extents(1, 0x1000, 0, 0), 1); /* the CPU's node is 0, and dirty */
    assert_int_equal(own[2], 1);
    assert_int_equal(populate_extents(1, 0x1001, 0, XENMEMF_node(1)), 1); /* so is this one */
    assert_int_equal(own[2], 2);
    assert_int_equal(claim(1, 1, 8, 0, 0), 0);
    assert_int_equal(populate_extents(1, 0x1002, 0, XENMEMF_node(1)), 1); /* but for a claimant */
    assert_int_equal(own[1], 1);
    clean_all();
    assert_int_equal(populate_extents(1, 0x1003, 0, XENMEMF_node(0)), 1);
    assert_int_equal(own[0], 1);
    /* Two domains in the last two pieces of 2 MiB of node 1: neither is whole, and the next node has one. */
    assert_int_equal(populate_extents(6, 0x2000, 9, XENMEMF_exact_node(1)), 6);
    assert_int_equal(claim(1, HOST, 0, 0, 0), 0);
    extents(1, 0x2000, 0, XENMEMF_exact_node(1));
    res.domid = 2;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 1);
    assert_int_equal(populate_extents(1, 0x4000, 9, XENMEMF_exact_node(1)), 0);
    u64 before = own[1];
    assert_int_equal(populate_extents(1, 0x4000, 9, XENMEMF_node(1)), 1);
    assert_int_equal(own[1], before);
    sys.u.refusals.buffer = at(0x9000);
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_refusals), 0);
    struct xen_homestead_refusals r;
    GET(0x9000, r);
    assert_int_equal(r.nr_allocs, 0); /* the pages were there: nothing was promised to others */
}

/* claims.md CL-2.20 to CL-2.26. */
CALL_TEST(claims_on_the_nodes_of_an_affinity)
{
    struct mem_account *mem = &dom(1)->mem;

    mem->max_pages = 1 << 20;
    assert_int_equal(populate_extents(100, 0x1000, 0, XENMEMF_exact_node(2)), 100);
    op.u.homestead_legacy_claims =
        (struct xen_domctl_homestead_legacy_claims){.mode = XEN_HOMESTEAD_LEGACY_affinity};
    assert_int_equal(domctl(XEN_DOMCTL_homestead_legacy_claims, 1), 0);
    res = (struct xen_memory_reservation){.nr_extents = 110, .domid = 1};
    assert_int_equal(do_extents(XENMEM_claim_pages), 0); /* no affinity */
    expect_claims(10, 0, 0, 0);
    assert_int_equal(claim(1, HOST, 0, 0, 0), 0);
    mem->affinity = BIT(0) | BIT(1) | BIT(2);
    assert_int_equal(do_extents(XENMEM_claim_pages), 0); /* all nodes */
    expect_claims(10, 0, 0, 0);
    res.nr_extents = 0;
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);

    mem->affinity = BIT(1) | BIT(2);
    assert_int_equal(claim(2, 0, node_free(0), 0, 0), 0); /* all of the node without affinity */
    res.nr_extents = 100 + NODE_PAGES + 50;
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    expect_claims(0, 0, NODE_PAGES, 50); /* the lowest first */
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
    assert_int_equal(claim(1, HOST, 0, 0, 0), 0);
    assert_int_equal(claim(2, HOST, 0, 0, 0), 0);

    res.nr_extents = 2 * NODE_PAGES + 7;
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    expect_claims(7, 0, NODE_PAGES, NODE_PAGES - 100);
    assert_int_equal(claim(1, HOST, 0, 0, 0), 0);
    op.u.homestead_legacy_claims.mode = XEN_HOMESTEAD_LEGACY_affinity_only;
    assert_int_equal(domctl(XEN_DOMCTL_homestead_legacy_claims, 1), 0);
    assert_int_equal(do_extents(XENMEM_claim_pages), -ENOMEM);
    expect_claims(0, 0, 0, 0);
    op.u.homestead_legacy_claims.mode = XEN_HOMESTEAD_LEGACY_host;
    assert_int_equal(domctl(XEN_DOMCTL_homestead_legacy_claims, 1), 0);
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    expect_claims(NODE_PAGES * 2 + 7 - 100, 0, 0, 0);
}

/* claims.md CL-7.2. */
CALL_TEST(never_less_free_than_claimed)
{
    assert_int_equal(claim(1, 1, NODE_PAGES, 0, 0), 0);
    assert_int_equal(claim(2, HOST, free_pages() - NODE_PAGES, 0, 0), 0);
    assert_int_equal(populate_extents(3, 0x1000, 0, XENMEMF_exact_node(1)), 3);
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.free_pages, free_pages());
    assert_int_equal(sys.u.physinfo.outstanding_pages, sys.u.physinfo.free_pages);
}

/* claims.md CL-4.20 to CL-4.23. */
CALL_TEST(a_target_takes_claimed_pages)
{
    const struct xen_memory_claim set[] = {{.pages = 600, .node = 2}, {.pages = 20, .node = 1}};
    struct xen_pod_target pod = {.target_pages = 610, .domid = 1};

    dom(1)->mem.max_pages = 3000;
    assert_int_equal(claim_set(1, set, 2, 0), 0);
    assert_int_equal(populate_extents(3, 0x200, 9, XENMEMF_populate_on_demand), 3);
    expect_claims(0, 0, 20, 600);
    assert_int_equal(memory(XENMEM_set_pod_target, &pod, sizeof(pod)), 0);
    expect_claims(0, 0, 0, 10); /* lowest first */
    assert_true(on_node[1].own_pages == 20 && on_node[2].own_pages == 590);
    /* What the target has is there, whatever others claim. */
    assert_int_equal(claim(2, HOST, free_pages() - 10, 0, 0), 0);
    assert_int_equal(physmap_write(dom(1), MIB(2), "x", 1), 0);
    assert_int_equal(physmap_lookup(dom(1), gfn(0x200)).type, NP_RAM);
    expect_claims(0, 0, 0, 10);
}
