/* The ledger: refunds of a part, strict claims, scrub on claim, refusals. docs/hypervisor-guide/mm/claims.md sections 3, 4 and 7.
 */
#include "ledger_nodes.h"

/* --- refunds --- */

/*
 * Whatever part of a reservation goes back, the claims are as if only the rest had been reserved; in one step
 * or in two.
 * claims.md CL-4.14.
 */
TEST(refund_of_a_part)
{
    struct claim_entry set[4] = {{.pages = 3, .node = CLAIM_HOST},
                                 {.pages = 2, .node = 0},
                                 {.pages = 2, .node = 1},
                                 {.pages = 2, .node = 2}};
    const u64 whole = 12; /* node 1: 2, host: 3, node 0: 2, node 2: 2, unclaimed: 3 */

    for (u32 n = 0; n < NODES; n++)
        give(n, 0, 0, 100);
    for (u64 first = 0; first <= whole; first++)
        for (u64 kept = 0; kept <= first; kept++) {
            u64 left[4], free_before = nodes[1].free_pages;

            assert_int_equal(claim_install_set(a, set, 4, CLAIM_REPLACE), 0);
            assert_int_equal(reserve(a, 1, kept, 0), 0);
            for (u32 n = 0; n < NODES; n++)
                left[n] = a->node_claim[n];
            left[3] = a->host_claim;
            refund(a, &r, kept);
            assert_int_equal(a->outstanding, 9);
            check();

            assert_int_equal(reserve(a, 1, whole, 0), 0);
            assert_int_equal(a->outstanding, 0);
            refund(a, &r, whole - first);
            refund(a, &r, first - kept);
            assert_int_equal(r.pages, kept);
            for (u32 n = 0; n < NODES; n++)
                assert_int_equal(a->node_claim[n], left[n]);
            assert_int_equal(a->host_claim, left[3]);
            check();
            assert_int_equal(nodes[1].free_pages, free_before - kept);
            set_free(1, kept);
        }
}

/* --- STRICT --- */

/* claims.md CL-3.41, CL-3.44. */
TEST(strict_never_redeems_elsewhere)
{
    struct claim_entry set[2] = {{.pages = 4, .node = 0}, {.pages = 2, .node = CLAIM_HOST}};

    give(0, 0, 0, 100);
    give(1, 0, 0, 100);
    assert_int_equal(claim_install_set(a, set, 2, CLAIM_STRICT), 0);
    assert_int_equal(reserve(a, 1, 3, 0), -ENOMEM);
    assert_int_equal(a->outstanding, 6);
    assert_int_equal(reserve(a, 1, 2, 0), 0); /* of the host-wide claim */
    assert_int_equal(reserve(a, 1, 1, 0), -ENOMEM);
    assert_int_equal(reserve(a, 0, 3, 0), 0);
    assert_int_equal(reserve(a, 0, 3, 0), 0); /* one claimed, two not: no other node's */
    assert_int_equal(a->outstanding, 0);
    assert_int_equal(reserve(a, 1, 1, 0), 0); /* nothing is left to be strict about */
    /* The flag goes with its set. */
    assert_int_equal(set1(a, 0, 5, 0, 0), 0);
    assert_int_equal(reserve(a, 1, 1, 0), 0);
    assert_int_equal(a->node_claim[0], 4);
    assert_int_equal(set1(a, 0, 5, 0, CLAIM_REPLACE | CLAIM_STRICT), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    assert_int_equal(claim_install_legacy(a, 9), 0);
    assert_int_equal(a->claim_flags, 0);
}

/* --- SCRUB --- */

/* claims.md CL-3.41, CL-3.60. */
TEST(scrub_is_wanted_until_clean)
{
    give(0, 0, 0, 100);
    give(1, 0, 0, 100);
    nodes[0].dirty_pages = 80;
    nodes[1].dirty_pages = 100;
    assert_int_equal(set1(a, 0, 50, 0, 0), 0);
    assert_false(mm_scrub_wanted(0));
    assert_int_equal(woken, 0);
    assert_int_equal(set1(a, 0, 50, 0, CLAIM_SCRUB | CLAIM_REPLACE), 0);
    assert_int_equal(woken, BIT(0));
    assert_true(mm_scrub_wanted(0));
    assert_false(mm_scrub_wanted(1));
    nodes[0].dirty_pages = 51;
    assert_true(mm_scrub_wanted(0));
    nodes[0].dirty_pages = 50;
    assert_false(mm_scrub_wanted(0));
    nodes[0].dirty_pages = 80;
    assert_int_equal(reserve(a, 0, 35, 0), 0); /* 15 left, 20 of 65 clean if dirty ones are handed out */
    nodes[0].dirty_pages = 45;
    assert_false(mm_scrub_wanted(0));
    assert_int_equal(claim_install_legacy(a, 0), 0);
    assert_int_equal(nodes[0].scrub, 0);
    assert_int_equal(a->claim_flags, 0);
}

/* claims.md CL-3.63. */
TEST(scrub_of_host_claims_is_everybodys)
{
    struct claim_entry e = {.pages = 120, .node = CLAIM_HOST};
    struct claim_entry both[2] = {{.pages = 50, .node = 0}, {.pages = 10, .node = CLAIM_HOST}};

    give(0, 0, 0, 100);
    give(1, 0, 0, 100);
    nodes[0].dirty_pages = nodes[1].dirty_pages = 60;
    assert_int_equal(claim_install_set(a, &e, 1, CLAIM_SCRUB), 0);
    assert_int_equal(woken, BIT(0) | BIT(1));
    nodes[0].dirty_pages = 30;
    assert_true(mm_scrub_wanted(0) && mm_scrub_wanted(1));
    nodes[0].dirty_pages = 20;
    assert_false(mm_scrub_wanted(0) || mm_scrub_wanted(1)); /* 80 and 40 are enough */
    nodes[0].dirty_pages = 0;
    nodes[1].dirty_pages = 90;
    assert_false(mm_scrub_wanted(0)); /* nothing to do there */
    assert_true(mm_scrub_wanted(1));
    /* A node's own wish counts although the host has enough. */
    assert_int_equal(claim_install_set(a, both, 2, CLAIM_SCRUB | CLAIM_REPLACE), 0);
    nodes[0].dirty_pages = 60;
    nodes[1].dirty_pages = 10;
    assert_true(mm_scrub_wanted(0));
    assert_false(mm_scrub_wanted(1));
}

/* --- refusals --- */

static struct refusal_counts counts;
static struct refusal last;

/* claims.md CL-7.12, CL-7.13. */
TEST(refusals_name_the_holders)
{
    give(0, 0, 0, 100);
    give(1, 0, 0, 100);
    for (u32 i = 1; i <= 10; i++)
        assert_int_equal(set1(&account[i], 0, i == 4 ? 5 : i, 0, 0), 0);
    assert_int_equal(claim_install_legacy(&account[11], 30), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    refusal_get(&counts, &last);
    assert_true(counts.claims == 0 && counts.allocs == 0 && last.kind == REFUSAL_NONE);

    assert_int_equal(set1(a, 0, 60, 0, 0), -ENOMEM);
    refusal_get(&counts, &last);
    assert_true(counts.claims == 1 && counts.allocs == 0);
    assert_true(last.kind == REFUSAL_CLAIM && last.domid == 1 && last.node == 0 && last.pages == 60);
    assert_int_equal(last.claimed_pages, 55);
    assert_int_equal(last.free_pages, 100);
    assert_int_equal(last.nr_holders, 8);
    const u16 largest[8] = {11, 10, 9, 8, 7, 6, 4, 5}; /* 4 and 5 hold the same */
    for (u32 i = 0; i < 8; i++)
        assert_int_equal(last.holder[i].domid, largest[i]);
    assert_true(last.holder[0].host_pages == 30 && last.holder[0].node_pages == 0);
    assert_true(last.holder[6].host_pages == 0 && last.holder[6].node_pages == 5);
    assert_int_equal(claim_install_legacy(a, 1000), -ENOMEM);
    refusal_get(&counts, &last);
    assert_true(counts.claims == 2 && last.node == NODE_NONE && last.pages == 1000);
}

/* Of several nodes the lowest that is short by itself; the host only if none is. claims.md CL-7.12. */
TEST(a_refused_set_names_the_node_that_is_short)
{
    struct claim_entry e[3] = {
        {.pages = 10, .node = 0}, {.pages = 50, .node = 1}, {.pages = 60, .node = CLAIM_HOST}};

    give(0, 0, 0, 100);
    give(1, 0, 0, 100);
    assert_int_equal(set1(b, 1, 60, 0, 0), 0);
    assert_int_equal(claim_install_set(a, e, 2, 0), -ENOMEM);
    refusal_get(&counts, &last);
    assert_true(counts.claims == 1 && last.node == 1 && last.pages == 50);
    assert_true(last.free_pages == 100 && last.claimed_pages == 60 && last.holder[0].node_pages == 60);
    /* What it has there itself is replaced: now it fits on the node, and with more of the host it does not. */
    assert_int_equal(set1(a, 1, 40, 0, 0), 0);
    e[1].pages = 40;
    assert_int_equal(claim_install_set(a, e, 2, CLAIM_REPLACE), 0);
    e[2].pages = 91;
    assert_int_equal(claim_install_set(a, e, 3, CLAIM_REPLACE), -ENOMEM);
    refusal_get(&counts, &last);
    assert_true(counts.claims == 2 && last.node == NODE_NONE && last.pages == 141);
    e[0].pages = 101;
    assert_int_equal(claim_install_set(a, e, 3, CLAIM_REPLACE), -ENOMEM);
    refusal_get(&counts, &last);
    assert_true(counts.claims == 3 && last.node == 0 && last.pages == 101);
    e[1].pages = 102; /* the lowest of two, in whichever order the entries are */
    e[2] = e[0];
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(claim_install_set(a, &e[i], 2, CLAIM_REPLACE), -ENOMEM);
        refusal_get(&counts, &last);
        assert_true(counts.claims == 4 + i && last.node == 0 && last.pages == 101);
    }
}

/* claims.md CL-7.14 to CL-7.16. */
TEST(refused_allocations)
{
    give(0, 0, 0, 10);
    give(1, 0, 0, 100);
    assert_int_equal(set1(b, 0, 9, 0, 0), 0);
    refusal_note_alloc(a, 0, 0, 1); /* there is one: not for want of credits */
    refusal_note_alloc(b, 0, 0, 10);
    refusal_get(&counts, &last);
    assert_int_equal(counts.allocs, 0);
    refusal_note_alloc(a, 0, 1, 2);
    refusal_get(&counts, &last);
    assert_int_equal(counts.allocs, 1);
    assert_true(last.kind == REFUSAL_ALLOC && last.domid == 1 && last.node == 0 && last.order == 1);
    assert_true(last.nr_holders == 1 && last.holder[0].domid == 2 && last.holder[0].node_pages == 9);
    refusal_note_alloc(a, NODE_NONE, 1, 2); /* node 1 has it */
    refusal_note_alloc(NULL, NODE_NONE, 8, 256);
    refusal_get(&counts, &last);
    assert_int_equal(counts.allocs, 2);
    assert_true(last.domid == REFUSAL_NOBODY && last.node == NODE_NONE && last.pages == 256);
    assert_int_equal(set1(b, 0, 9, 0, CLAIM_STRICT | CLAIM_REPLACE), 0);
    refusal_note_alloc(b, 1, 0, 1);
    refusal_get(&counts, &last);
    assert_true(counts.allocs == 3 && last.domid == 2 && last.node == 1 && last.nr_holders == 0);
}

/* claims.md CL-7.11. */
TEST(views_of_an_account)
{
    static struct claim_view view;

    give(0, 0, 4, 0);
    give(1, 0, 0, 10);
    struct claim_entry e[3] = {
        {.pages = 2 * M2, .node = 0, .pad = 9}, {.pages = 5, .node = 1}, {.pages = 3, .node = CLAIM_HOST}};
    a->tot_pages = a->own[2] = 7;
    a->overhead_pages = 2;
    e[2].pages += 7;
    assert_int_equal(claim_install_set(a, e, 3, CLAIM_ORDERS | CLAIM_STRICT | CLAIM_REPLACE), 0);
    claim_get_view(a, &view);
    assert_true(view.tot == 7 && view.overhead == 2 && view.max == 1ull << 40);
    assert_true(view.host_claim == 3 && view.outstanding == 2 * M2 + 8 && view.flags == CLAIM_STRICT);
    assert_true(view.node[0].claim == 2 * M2 && view.node[0].units == 2 && view.node[0].order == 9);
    assert_true(view.node[1].claim == 5 && view.node[1].units == 0 && view.node[1].order == 0);
    assert_true(view.node[2].own == 7 && view.node[2].claim == 0);
    assert_int_equal(ledger_host_claims(), 3);
}

FIXTURE(setup, teardown)
