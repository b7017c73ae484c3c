/* Claims by order, strict claims and scrub on claim on the real allocator: what the ledger promises is there.
 * docs/hypervisor-guide/mm/claims.md section 3. */
#include <mm/ledger.h>
#include <mm/region.h>

#define M2         512u
#define REGIONS    16u /* of each node */
#define NODES      2u
#define NODE_PAGES (REGIONS * M2)
#include "claims_helpers.h"

/* b takes single pages until there are none for it, and gives three of four back, over and over: a's extents
 * are there, whole, whatever is left. */
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

/* Its own single pages break one extent at a time, and the promise of a page always holds. */
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

/* A transaction that is cut short leaves pages and extents as they were. */
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

FIXTURE(setup, accounts_unmake)
