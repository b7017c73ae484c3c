/* Claims by order, strict claims and scrub on claim on the real allocator: what the ledger promises is there.
 * docs/hypervisor-guide/mm/claims.md section 3. */
#include <mm/ledger.h>
#include <mm/region.h>

#define M2         512u
#define REGIONS    16u /* of each node */
#define NODES      2u
#define NODE_PAGES (REGIONS * M2)
#include "claims_helpers.h"

/*
 * b takes single pages until there are none for it, and gives three of four back, over and over: a's extents
 * are there, whole, whatever is left.
 * claims.md CL-3.47 to CL-3.49.
 */
TEST(extents_survive_single_pages)
{
    static mfn_t m[NODE_PAGES];
    u32 seed = 12345;
    mfn_t got;

    assert_int_equal(claim(a, 0, 6 * M2, 9, CLAIM_ORDERS), 0);
    for (u32 round = 0; round < 4; round++) {
        u32 nr = 0, kept = 0;
        while (take_at(b, 0, 0, &m[nr]) == 0)
            nr++;
        assert_int_equal(b->own[0], (REGIONS - 6) * M2);
        assert_int_equal(take_at(b, 0, 9, &got), -ENOMEM);
        assert_true(node_has_whole(0, 0, 0));
        for (u32 i = 0; i < nr; i++) {
            seed = seed * 1103515245 + 12345;
            if (seed >> 30)
                assert_int_equal(release_range(b, m[i], 0), 0);
            else
                kept++;
        }
        assert_true(kept > 0);
        assert_int_equal(mm_check(), 0);
    }
    while (take_at(b, 0, 0, &got) == 0)
        ;
    for (u32 i = 0; i < 6; i++) {
        assert_int_equal(take_at(a, 0, 9, &got), 0);
        assert_int_equal(mm_check(), 0);
    }
    assert_int_equal(a->outstanding, 0);
    assert_int_equal(take_at(a, 0, 0, &got), -ENOMEM);
}

/* The same claim in single pages promises no extents: the difference is the flag's. */
TEST(without_the_flag_they_do_not)
{
    mfn_t m[NODE_PAGES];
    u32 nr = 0;

    assert_int_equal(claim(a, 0, 6 * M2, 0, 0), 0);
    /* Everybody's pages once, so that every region is broken. */
    assert_int_equal(claim_install_legacy(a, 0), 0);
    while (take_at(b, 0, 0, &m[nr]) == 0)
        nr++;
    for (u32 i = 0; i < nr; i++)
        if (m[i].n % 512)
            assert_int_equal(release_range(b, m[i], 0), 0);
    assert_int_equal(claim(a, 0, 6 * M2, 9, CLAIM_ORDERS), -ENOMEM);
    assert_int_equal(claim(a, 0, 6 * M2, 0, 0), 0);
    assert_int_equal(take_at(a, 0, 9, &m[0]), -ENOMEM);
    assert_int_equal(take_at(a, 0, 0, &m[0]), 0);
}

/*
 * Its own single pages break one extent at a time, and the promise of a page always holds.
 * claims.md CL-3.54, CL-3.55.
 */
TEST(own_single_pages)
{
    mfn_t m;

    assert_int_equal(claim(a, 0, 2 * M2, 9, CLAIM_ORDERS), 0);
    assert_int_equal(claim(b, 0, (REGIONS - 2) * M2, 0, 0), 0);
    for (u32 i = 0; i < 2 * M2; i++) {
        assert_int_equal(take_at(a, 0, 0, &m), 0);
        assert_int_equal(claim_units(a, 0), (2 * M2 - i - 1) / M2);
        if (i % 100 == 0)
            assert_int_equal(mm_check(), 0);
    }
    for (u32 i = 0; i < (REGIONS - 2) * M2; i++)
        assert_int_equal(take_at(b, 0, 0, &m), 0);
}

/*
 * A transaction that is cut short leaves pages and extents as they were.
 * claims.md CL-3.51 to CL-3.53, CL-3.56, CL-4.14.
 */
TEST(cut_short)
{
    struct mm_taken taken;

    assert_int_equal(claim(a, 0, 4 * M2, 9, CLAIM_ORDERS), 0);
    for (u32 order = 0; order <= 9; order += 9)
        for (u32 kept = 0; kept <= 3; kept++) {
            struct mm_request request = {.nid = 0, .order = order, .nr = 3, .flags = MM_EXACT_NODE};
            assert_int_equal(mm_take(a, &request, &taken), 0);
            assert_int_equal(taken.nr, 3);
            mm_take_done(&taken, kept);
            assert_int_equal(a->node_claim[0], 4 * M2 - ((u64)kept << order));
            assert_int_equal(claim_units(a, 0), a->node_claim[0] >> 9);
            assert_int_equal(mm_check(), 0);
            for (u32 i = 0; i < kept; i++)
                assert_int_equal(release_range(a, taken.extent[i], order), 0);
            assert_int_equal(claim(a, 0, 4 * M2, 9, CLAIM_ORDERS | CLAIM_REPLACE), 0);
        }
}

/* claims.md CL-3.45, CL-3.60. */
TEST(scrubbed_on_claim)
{
    scrubbers_woken = 0;
    assert_int_equal(claim(a, 0, 2 * M2 + 1, 0, CLAIM_SCRUB), 0);
    assert_int_equal(scrubbers_woken, BIT(0));
    u32 steps = 0;
    while (mm_scrub_wanted(0)) {
        assert_true(mm_scrub_step(0));
        steps++;
    }
    assert_int_equal(steps, 3);
    assert_int_equal(node_dirty(0), NODE_PAGES - 3 * M2);
    assert_int_equal(node_dirty(1), NODE_PAGES);
    frames_cleared = 0;
    mfn_t m;
    for (u32 i = 0; i < 2 * M2 + 1; i++)
        assert_int_equal(take_at(a, 0, 0, &m), 0);
    assert_int_equal(frames_cleared, 0); /* all of it was clean */
}

/* claims.md CL-3.37. */
TEST(orders_are_read_back)
{
    struct claim_entry set[2] = {{.pages = 2 * M2, .node = 1, .pad = 9}, {.pages = 3, .node = 0}}, got[2];
    u32 nr = 2;

    assert_int_equal(claim_install_set(a, set, 2, CLAIM_ORDERS), 0);
    assert_int_equal(claim_read_set(a, got, &nr), 0);
    assert_true(nr == 2 && got[0].node == 0 && got[0].pad == 0 && got[1].node == 1 && got[1].pad == 9);
}

/* claims.md CL-3.41, CL-3.42. */
TEST(a_claim_without_a_set_has_no_flags)
{
    assert_int_equal(claim(a, 0, M2, 9, CLAIM_ORDERS | CLAIM_STRICT | CLAIM_SCRUB), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    assert_int_equal(a->claim_flags, 0); /* they ended with their set */
    assert_int_equal(claim_install_legacy(a, M2), 0);
    assert_true(a->claim_flags == 0 && a->claim_order[0] == 0 && a->host_claim == M2);
}

/* What the hypervisor needs for the domain does not redeem another node's claim either. claims.md CL-3.44b. */
TEST(strict_holds_for_overhead)
{
    mfn_t m;

    assert_int_equal(claim(a, 1, 10, 0, CLAIM_STRICT), 0);
    assert_int_equal(mm_alloc(a, 0, 0, MM_EXACT_NODE | MM_OVERHEAD, &m), -ENOMEM);
    assert_int_equal(a->node_claim[1], 10);
    assert_int_equal(mm_alloc(a, 0, 0, MM_OVERHEAD, &m), 0);
    assert_int_equal(mm_mfn_node(m), 1);
    assert_int_equal(a->node_claim[1], 9);
}

/* claims.md CL-5.5. */
TEST(a_node_without_such_an_extent_is_passed_over)
{
    mfn_t m;

    for (u32 i = 0; i < REGIONS; i++)
        assert_int_equal(take_at(b, 0, i + 1 < REGIONS ? 9 : 0, &m), 0);
    assert_int_equal(node_free(0), M2 - 1);
    assert_int_equal(take_at(a, 0, 9, &m), -ENOMEM);
    assert_int_equal(mm_alloc(a, 0, 9, 0, &m), 0);
    assert_int_equal(mm_mfn_node(m), 1);
}

FIXTURE(setup, accounts_unmake)
