/* docs/hypervisor-guide/mm/claims.md sections 4 and 5: what allocations redeem, and which page they get. */
#include <mm/ledger.h>
#include <mm/region.h>
#include "claims_helpers.h"

/* --- section 4 --- */

/* claims.md CL-4.4, CL-4.6. */
TEST(big_extent_elsewhere_redeems_all_of_n0)
{
    assert_int_equal(set1(a, 0, NODE_PAGES), 0);
    assert_int_equal(take(b, 0, 0), -ENOMEM);
    assert_int_equal(take(a, 1, 12), 0);
    expect_claims(a, 0, 0, 0);
    assert_int_equal(take(b, 0, 0), 0);
}

/* claims.md CL-4.4. */
TEST(other_nodes_are_redeemed_ascending)
{
    struct claim_entry set[2] = {{.pages = 3, .node = 2}, {.pages = 3, .node = 1}};
    assert_int_equal(claim_install_set(a, set, 2, 0), 0);
    assert_int_equal(take(a, 0, 2), 0);
    assert_int_equal(a->node_claim[1], 0);
    assert_int_equal(a->node_claim[2], 2);
}

/* claims.md CL-4.7, CL-4.8. */
TEST(claimed_and_unclaimed_pages_mix)
{
    assert_int_equal(set1(a, 0, 3), 0);
    assert_int_equal(set1(b, 0, NODE_PAGES - 7), 0); /* 4 unclaimed left */
    assert_int_equal(take(a, 0, 3), -ENOMEM);        /* 8 > 3 + 4 */
    expect_claims(a, 0, 3, 0);
    assert_int_equal(take(a, 0, 2), 0); /* 3 claimed, 1 not */
    expect_claims(a, 0, 0, 0);
    assert_int_equal(take(a, 0, 2), -ENOMEM);
    take_pages(a, 0, 3);
    assert_int_equal(take(a, 0, 0), -ENOMEM);
    take_pages(b, 0, NODE_PAGES - 7);
    assert_int_equal(node_free(0), 0);
}

/* claims.md CL-1.4, CL-1.6. */
TEST(own_claim_not_eaten_by_another_domain)
{
    struct mm_request twenty = {.nid = 0, .nr = 20, .flags = MM_EXACT_NODE};
    struct mm_taken taken;
    mfn_t m;
    assert_int_equal(set1(a, 0, NODE_PAGES - 10), 0);
    u32 got = 0;
    while (got < 20 && mm_take(b, &twenty, &taken) == 0) { /* as a populate call would */
        got += taken.nr;
        mm_take_done(&taken, taken.nr);
    }
    assert_int_equal(got, 10);
    assert_int_equal(take(b, 0, 0), -ENOMEM);
    assert_int_equal(mm_alloc(NULL, 0, 0, MM_OVERHEAD | MM_EXACT_NODE, &m), -ENOMEM);
    assert_int_equal(mm_alloc(b, 0, 0, 0, &m), 0); /* not exact: lands elsewhere */
    assert_int_equal(mm_mfn_node(m), 1);
    assert_int_equal(mm_alloc(NULL, 0, 0, MM_OVERHEAD, &m), 0);
    assert_int_equal(mm_mfn_node(m), 1);
    take_pages(a, 0, NODE_PAGES - 10);
    assert_int_equal(node_free(0), 0);
    expect_claims(a, 0, 0, 0);
}

/* claims.md CL-1.6. */
TEST(homestead_never_eats_a_host_claim)
{
    mfn_t m;
    assert_int_equal(claim_install_legacy(a, 3 * NODE_PAGES - 1), 0);
    assert_int_equal(mm_alloc(NULL, NODE_NONE, 0, MM_OVERHEAD, &m), 0);
    assert_int_equal(mm_alloc(NULL, NODE_NONE, 0, MM_OVERHEAD, &m), -ENOMEM);
    mm_free_overhead(NULL, m, 0);
}

/* claims.md CL-4.11, CL-4.12. */
TEST(overhead_redeems_but_is_not_owned)
{
    mfn_t m;
    a->max_pages = 10;
    assert_int_equal(set1(a, 0, 10), 0);
    assert_int_equal(mm_alloc(a, 0, 1, MM_OVERHEAD, &m), 0);
    expect_claims(a, 0, 8, 0);
    assert_int_equal(a->tot_pages, 0);
    assert_int_equal(a->own[0], 0);
    assert_int_equal(a->overhead_pages, 2);
    assert_int_equal(set1(a, 0, 0), 0);
    assert_int_equal(mm_alloc(a, 0, 4, 0, &m), -E2BIG);
    assert_int_equal(mm_alloc(a, 0, 4, MM_OVERHEAD, &m), 0); /* max is of tot only */
    mm_free_overhead(a, m, 4);
    assert_int_equal(a->overhead_pages, 2);
}

/* claims.md CL-4.19. */
TEST(freeing_does_not_restore_a_claim)
{
    mfn_t m;
    assert_int_equal(set1(a, 0, 4), 0);
    assert_int_equal(mm_alloc(a, 0, 1, 0, &m), 0);
    assert_int_equal(release_range(a, m, 1), 0);
    expect_claims(a, 0, 2, 0);
}

/* Order-0 pages of node 0, every second one given back: free memory without any order-1 extent. */
static void fragment_node_0(u64 keep)
{
    mfn_t m[NODE_PAGES];
    for (u32 i = 0; i < NODE_PAGES; i++)
        assert_int_equal(mm_alloc(NULL, 0, 0, MM_OVERHEAD | MM_EXACT_NODE, &m[i]), 0);
    for (u32 i = 0; i < NODE_PAGES; i++)
        if (m[i].n % 2 == 0 && m[i].n / 2 < keep)
            mm_free_overhead(NULL, m[i], 0);
}

/* claims.md CL-1.4c, CL-4.13. */
TEST(refund_when_no_extent_is_big_enough)
{
    struct claim_entry set[3] = {
        {.pages = 1, .node = CLAIM_HOST}, {.pages = 2, .node = 0}, {.pages = 5, .node = 1}};
    mfn_t m;
    fragment_node_0(64);
    assert_int_equal(claim_install_set(a, set, 3, 0), 0);
    assert_int_equal(take(a, 0, 2), -ENOMEM);
    expect_claims(a, 1, 2, 5);
    assert_int_equal(node_free(0), 64);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(mm_alloc(a, 0, 2, 0, &m), 0); /* the next node has one */
    assert_int_equal(mm_mfn_node(m), 1);
    expect_claims(a, 1, 2, 1);
}

/* claims.md CL-1.3, CL-1.5, CL-4.13. */
TEST(limits_are_checked_and_nothing_lost)
{
    a->max_pages = 3;
    assert_int_equal(set1(a, 0, 3), 0);
    assert_int_equal(take(a, 0, 2), -E2BIG);
    expect_claims(a, 0, 3, 0);
    take_pages(a, 0, 3);
    assert_int_equal(take(a, 0, 0), -E2BIG);
    a->max_pages = 1;
    assert_int_equal(take(a, 0, 0), -E2BIG);
    mm_account_kill(a);
    assert_int_equal(take(a, 0, 0), -ESRCH);
    mfn_t m = mfn(42);
    assert_int_equal(mm_alloc(a, 0, 0, MM_OVERHEAD, &m), -ESRCH);
    assert_int_equal(m.n, 42);
}

static void kill_a(u64 n, u64 nr)
{
    (void)n, (void)nr;
    on_clear = NULL;
    mm_account_kill(a);
}

/* claims.md CL-1.7, CL-4.16. */
TEST(destroyed_in_the_middle_of_a_populate)
{
    assert_int_equal(set1(a, 0, 100), 0);
    on_clear = kill_a;
    assert_int_equal(take(a, 0, 4), -ESRCH);
    expect_claims(a, 0, 0, 0);
    while (mm_release_some(a, 1)) /* they are its own, and go with the rest */
        ;
    assert_int_equal(a->tot_pages, 0);
    assert_int_equal(node_free(0), NODE_PAGES);
    assert_int_equal(host_info().outstanding_pages, 0);
}

/* claims.md CL-4.13, CL-4.14, CL-4.16, CL-4.17. */
TEST(populate_cut_short_is_undone)
{
    struct claim_entry set[3] = {
        {.pages = 1, .node = CLAIM_HOST}, {.pages = 2, .node = 0}, {.pages = 5, .node = 1}};
    struct mm_taken taken;

    assert_int_equal(claim_install_set(a, set, 3, 0), 0);
    assert_int_equal(take_one(a, 0, 2, MM_EXACT_NODE, &taken), 0);
    expect_claims(a, 0, 0, 4);
    mm_take_done(&taken, 0);
    expect_claims(a, 1, 2, 5);
    assert_int_equal(a->tot_pages, 0);
    assert_int_equal(node_free(0), NODE_PAGES);
    assert_int_equal(mm_check(), 0);

    /* The page of node 1 is gone in the meantime: the claim comes back host-wide, none of it is lost. */
    assert_int_equal(take_one(a, 0, 2, MM_EXACT_NODE, &taken), 0);
    take_pages(b, 1, NODE_PAGES - 4);
    mm_take_done(&taken, 0);
    expect_claims(a, 2, 2, 4);
    assert_int_equal(mm_check(), 0);

    /* A claim released in the meantime stays released. */
    assert_int_equal(take_one(a, 0, 1, MM_EXACT_NODE | MM_OVERHEAD, &taken), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    mm_take_done(&taken, 0);
    expect_claims(a, 0, 0, 0);
    assert_int_equal(a->overhead_pages, 0);
    assert_int_equal(node_free(0), NODE_PAGES);
}

/* --- section 5 --- */

static nodeid_t node_of_alloc(struct mem_account *d, nodeid_t nid, u32 flags)
{
    mfn_t m;
    assert_int_equal(mm_alloc(d, nid, 0, flags, &m), 0);
    return mm_mfn_node(m);
}

/* claims.md CL-5.1, CL-5.3, CL-5.4. */
TEST(where_a_page_comes_from)
{
    clean_all();
    here->nid = 1;
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 1);
    assert_int_equal(node_of_alloc(a, 2, 0), 2);
    assert_int_equal(node_of_alloc(a, 0, MM_EXACT_NODE), 0);
    a->affinity = BIT(2) | BIT(0);
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 0);
    assert_int_equal(node_of_alloc(a, NODE_NONE, MM_EXACT_NODE), 0);
    while (node_free(0))
        take_pages(b, 0, 1);
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 2); /* affinity in turn, before nearer nodes */
    assert_int_equal(node_of_alloc(a, 0, 0), 1);         /* by distance */
    assert_int_equal(take(a, 0, 0), -ENOMEM);
    a->affinity = BIT(50);
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 1);
    here->nid = NODE_NONE;
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 1); /* node 0 is full */
}

/* claims.md CL-5.11, CL-5.12. */
TEST(remote_clean_before_local_dirty)
{
    while (mm_scrub_step(1))
        ;
    frames_cleared = 0;
    assert_int_equal(node_of_alloc(a, 0, 0), 1);
    assert_int_equal(frames_cleared, 0);
    assert_int_equal(node_of_alloc(a, 0, MM_EXACT_NODE), 0);
    assert_int_equal(frames_cleared, 1);
    assert_int_equal(set1(a, 0, 10), 0);         /* 1 is owned already */
    assert_int_equal(node_of_alloc(a, 0, 0), 0); /* local dirty, for it holds a claim there */
    assert_int_equal(node_of_alloc(b, 0, 0), 1);
}

/* claims.md CL-5.13. */
TEST(dirty_memory_of_the_affinity_before_clean_elsewhere)
{
    while (mm_scrub_step(1))
        ;
    a->affinity = BIT(2) | BIT(0);
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 0);
    while (node_free(0))
        take_pages(b, 0, 1);
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 2);
    assert_int_equal(node_of_alloc(a, 2, 0), 1); /* a node that is asked for is a wish for this once */
    while (node_free(2))
        take_pages(b, 2, 1);
    assert_int_equal(node_of_alloc(a, NODE_NONE, 0), 1);
}

static mfn_t moving;
static u32 locks_seen;

/* b's page moves to node 1 when a has looked at node 0 in vain and is about to look at node 1. */
static void move_page(u32 level)
{
    if (level != LOCK_ACCOUNT || ++locks_seen != 2)
        return;
    on_first_lock = NULL;
    assert_int_equal(release_range(b, moving, 0), 0);
    assert_int_equal(mm_alloc(b, 1, 0, MM_EXACT_NODE, &moving), 0);
}

/* claims.md CL-1.4b. */
TEST(a_host_claim_finds_the_page_that_moves)
{
    mfn_t m;

    take_pages(a, 2, NODE_PAGES);
    take_pages(a, 0, NODE_PAGES - 1);
    take_pages(a, 1, NODE_PAGES - 1);
    assert_int_equal(mm_alloc(b, 0, 0, MM_EXACT_NODE, &moving), 0);
    assert_int_equal(set1(a, CLAIM_HOST, a->tot_pages + 1), 0); /* the one page left, on node 1 */
    locks_seen = 0;
    on_first_lock = move_page;
    assert_int_equal(mm_alloc(a, 0, 0, 0, &m), 0);
    assert_int_equal(mm_mfn_node(m), 0);
    assert_int_equal(mm_mfn_node(moving), 1);
}

TEST(bad_allocation_requests)
{
    mfn_t m = mfn(7);
    assert_int_equal(mm_alloc(a, 3, 0, 0, &m), -EINVAL);
    assert_int_equal(mm_alloc(a, 0, 19, 0, &m), -EINVAL);
    assert_int_equal(mm_alloc(a, 0, 0, 16, &m), -EINVAL);
    assert_int_equal(mm_alloc(NULL, 0, 0, 0, &m), -EINVAL);
    assert_int_equal(m.n, 7);
}

/* --- many --- */

/* claims.md CL-1.1, CL-1.4. */
TEST(claim_on_every_node_in_64_domains)
{
    struct claim_entry set[MAX_NODES + 1];
    u64 each = 256 / 64;

    accounts_make(64, 64 * 256, 0);
    for (nodeid_t nid = 0; nid < 64; nid++) {
        assert_int_equal(mm_add_range(mfn(nid * 256), mfn((nid + 1) * 256), nid), 0);
        set[nid] = (struct claim_entry){.pages = each, .node = nid};
    }
    set[64] = (struct claim_entry){.pages = 0, .node = CLAIM_HOST};
    for (u16 domid = 0; domid < 64; domid++)
        assert_int_equal(claim_install_set(account_new(domid, 10000), set, 65, 0), 0);
    assert_int_equal(host_info().outstanding_pages, 64 * 256);
    assert_int_equal(set1(account_new(64, 10), 13, 1), -ENOMEM);
    for (u16 domid = 0; domid < 64; domid++) {
        for (nodeid_t nid = 0; nid < 64; nid++)
            take_pages(&accounts[domid], nid, each);
        assert_int_equal(claim_outstanding(&accounts[domid]), 0);
    }
    assert_int_equal(host_info().free_pages, 0);
    assert_int_equal(mm_check(), 0);
    for (u16 domid = 0; domid < 64; domid++) {
        mm_account_kill(&accounts[domid]);
        assert_false(mm_release_some(&accounts[domid], 10000));
    }
    assert_int_equal(host_info().free_pages, 64 * 256);
}

/* The last page of a full node: it is free, and can be claimed, from the moment it was given back. claims.md CL-7.3. */
TEST(a_page_can_be_claimed_while_it_is_free)
{
    mfn_t m;

    assert_int_equal(set1(b, 1, NODE_PAGES - 1), 0);
    assert_int_equal(take_at(a, 1, 0, &m), 0);
    assert_int_equal(node_free(1), NODE_PAGES - 1);
    assert_int_equal(set1(a, 1, 2), -ENOMEM); /* it has one there, and no other is unclaimed */
    assert_int_equal(release_range(a, m, 0), 0);
    assert_int_equal(node_free(1), NODE_PAGES);
    assert_int_equal(set1(a, 1, 1), 0);
    assert_int_equal(take(a, 1, 0), 0);
    assert_int_equal(node_free(1), NODE_PAGES - 1);
}

FIXTURE(setup, accounts_unmake)
