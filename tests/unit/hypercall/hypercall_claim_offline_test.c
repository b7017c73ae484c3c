/* What claims lose when memory goes offline, by the figures of the domains that have them. */
#include "claim_figures.h"

static u32 page_op(u32 cmd, u64 frame)
{
    u32 status = 0;

    PUT(0xa000, status);
    sys.u.page_offline = (struct xen_sysctl_page_offline_op){
        .cmd = cmd, .start = (u32)frame, .end = (u32)frame, .status = at(0xa000)};
    assert_int_equal(sysctl(XEN_SYSCTL_page_offline_op), 0);
    GET(0xa000, status);
    return status;
}

static u64 left[32];
static u32 nr_left;

/* Takes so many free frames of the node offline, from its last one down; those in use stay as they are. */
static void lose(nodeid_t nid, u32 nr)
{
    for (u64 m = FIRST(nid + 1) - 1; nr && m >= FIRST(nid); m--) {
        if (page_op(sysctl_query_page_offline, m) != 0)
            continue;
        if (page_op(sysctl_page_offline, m) == PG_OFFLINE_OFFLINED) {
            assert_true(nr_left < ARRAY_SIZE(left));
            left[nr_left++] = m;
            nr--;
        } else {
            page_op(sysctl_page_online, m);
        }
    }
    assert_int_equal(nr, 0);
}

static void bring_back(void)
{
    while (nr_left)
        assert_int_equal(page_op(sysctl_page_online, left[--nr_left]), PG_ONLINE_ONLINED);
}

static u64 lost_by(u16 domid)
{
    return figures_of(domid)->broken_pages;
}

/* Of claims of 70, 20 and 10 pages, one page after the other. claims.md CL-6.7 to CL-6.12. */
CALL_TEST(losses_are_in_proportion)
{
    dom(1)->mem.max_pages = dom(0)->mem.max_pages = 1 << 20;
    assert_int_equal(populate_extents(7, 0x2000, 9, XENMEMF_exact_node(1)), 7);
    assert_int_equal(populate_extents(412, 0x4000, 0, XENMEMF_exact_node(1)), 412);
    assert_int_equal(claim(1, 1, NODE_PAGES - 100 + 20, 0, 0), 0);
    assert_int_equal(claim(2, 1, 70, 0, 0), 0);
    assert_int_equal(claim(0, 1, 10, 0, 0), 0);
    for (s64 gone = 1; gone <= 10; gone++) {
        lose(1, 1);
        assert_in_range(lost_by(2) * 100 - (u64)gone * 70 + 100, 1, 199);
        assert_in_range(lost_by(1) * 100 - (u64)gone * 20 + 100, 1, 199);
        assert_in_range(lost_by(0) * 100 - (u64)gone * 10 + 100, 1, 199);
    }
    assert_true(lost_by(2) == 7 && lost_by(1) == 2 && lost_by(0) == 1);
    bring_back();
    expect_claims(0, 0, 18, 0);
    /* Equals: the lower id first. */
    assert_int_equal(claim(0, HOST, 0, 0, 0), 0);
    assert_int_equal(claim(2, 1, 50, 0, XEN_DOMCTL_CLAIM_REPLACE), 0);
    assert_int_equal(claim(1, 1, NODE_PAGES - 50, 0, XEN_DOMCTL_CLAIM_REPLACE), 0);
    lose(1, 1);
    assert_true(lost_by(1) == 3 && lost_by(2) == 7);
    lose(1, 1);
    assert_true(lost_by(1) == 3 && lost_by(2) == 8);
    bring_back();
}

/* claims.md CL-3.59, CL-6.13, CL-6.14. */
CALL_TEST(extents_that_a_node_no_longer_has)
{
    extents(1, 0x1000, 0, XENMEMF_exact_node(1));
    res.domid = 2;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 1);
    assert_int_equal(claim(1, 1, 7 * M2, 9, XEN_DOMCTL_CLAIM_ORDERS), 0);
    /* A frame of a whole extent goes; 511 pages were unclaimed. */
    u64 in_use = physmap_lookup(dom(2), gfn(0x1000)).mfn.n,
        frame = FIRST(1) + (in_use < FIRST(1) + M2 ? M2 : 0);
    assert_int_equal(page_op(sysctl_page_offline, frame), PG_OFFLINE_OFFLINED);
    left[nr_left++] = frame;
    const struct xen_sysctl_homestead_domain_memory *d = figures_of(1);
    assert_true(d->broken_pages == 0 && d->broken_extents == 1);
    assert_true(on_node[1].claim_pages == 7 * M2 && on_node[1].claim_extents == 6);
    assert_int_equal(populate_extents(M2, 0x1000, 0, XENMEMF_exact_node(1)), M2);
    figures_of(1);
    assert_true(on_node[1].claim_pages == 6 * M2 && on_node[1].claim_extents == 6);
    assert_int_equal(populate_extents(6, 0x2000, 9, XENMEMF_exact_node(1)), 6);
    bring_back();
}

/* claims.md CL-6.6. */
CALL_TEST(host_wide_claims_lose_what_no_node_has)
{
    assert_int_equal(claim(1, 1, NODE_PAGES - 3, 0, 0), 0);
    assert_int_equal(claim(2, HOST, free_pages() - NODE_PAGES + 2, 0, 0), 0);
    lose(1, 1); /* nobody's */
    assert_true(lost_by(1) == 0 && lost_by(2) == 0);
    lose(1, 2); /* the node has enough, the host has not */
    assert_true(lost_by(1) == 0 && lost_by(2) == 2);
    lose(1, 1);
    assert_true(lost_by(1) == 1 && lost_by(2) == 2);
    bring_back();
}

/* claims.md CL-6.3, CL-6.4. */
CALL_TEST(a_frame_in_use_leaves_when_it_is_freed)
{
    assert_int_equal(populate_extents(1, 0x1000, 0, XENMEMF_exact_node(1)), 1);
    mfn_t m = physmap_lookup(dom(1), gfn(0x1000)).mfn;
    u64 before = node_free(1);

    assert_int_equal(page_op(sysctl_page_offline, m.n) & 0xff, PG_OFFLINE_PENDING);
    assert_int_equal(physmap_lookup(dom(1), gfn(0x1000)).mfn.n, m.n);
    assert_int_equal(dom(1)->mem.tot_pages, 1);
    extents(1, 0x1000, 0, 0);
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 1);
    assert_int_equal(node_free(1), before);
    assert_int_equal(page_op(sysctl_query_page_offline, m.n), PG_OFFLINE_STATUS_OFFLINED);
    left[nr_left++] = m.n;
    bring_back();
    assert_int_equal(node_free(1), before + 1);
}
