/* Where memory is taken: domains keep to themselves, whole memory stays whole, limits, many at a time. */
#include "mm_node_helpers.h"
#include <mm/ledger.h>
#include <mm/region.h>

/* Domains do not share a region while there are others; then they do, and each gets its own back. */
TEST(regions_are_a_domains_own)
{
    struct mem_account *d[2] = {account_new(5, 4096), account_new(6, 4096)};
    mfn_t m[2][64];

    assert_int_equal(mm_add_range(mfn(0), mfn(2048), 0), 0);
    for (u32 i = 0; i < 64; i++)
        for (u32 which = 0; which < 2; which++)
            assert_int_equal(mm_alloc(d[which], 0, 0, 0, &m[which][i]), 0);
    for (u32 i = 1; i < 64; i++) {
        assert_int_equal(m[0][i].n / 512, m[0][0].n / 512);
        assert_int_equal(m[1][i].n / 512, m[1][0].n / 512);
    }
    assert_true(m[0][0].n / 512 != m[1][0].n / 512);
    mfn_t rest[2] = {take(0, 9), take(0, 9)};
    for (u32 i = 64; i < 600; i++) /* beyond its own region */
        assert_int_equal(mm_alloc(d[0], 0, 0, 0, &m[0][0]), 0);
    assert_int_equal(mm_check(), 0);
    mm_account_kill(d[1]);
    while (mm_release_some(d[1], 1))
        assert_int_equal(mm_check(), 0);
    assert_int_equal(d[1]->tot_pages, 0);
    mm_account_kill(d[0]);
    while (mm_release_some(d[0], 1))
        assert_int_equal(mm_check(), 0);
    assert_int_equal(node_free(0), 1024);
    give(rest[0], 9);
    give(rest[1], 9);
    take(0, 11); /* whole again */
}

/* What is promised whole stays whole against single pages, and pages that are not promised are all there. */
TEST(promised_regions_stay_whole)
{
    struct mem_account *d = account_new(5, 4096);
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(3), mfn(2048), 0), 0); /* three whole ones and one of 509 */
    assert_false(node_has_whole(0, ORDER_2M, 4));
    assert_true(node_has_whole(0, ORDER_2M, 3));
    assert_false(node_has_whole(0, ORDER_1G, 1));
    node_keep_whole(0, ORDER_2M, 2);
    assert_true(node_has_whole(0, ORDER_2M, 1));
    assert_false(node_has_whole(0, ORDER_2M, 2));
    for (u32 i = 0; i < 509 + 512; i++)
        assert_int_equal(mm_alloc(d, 0, 0, 0, &m), 0);
    assert_true(none(0, 3)); /* nor may anybody else's larger extents */
    assert_true(none(0, 9));
    node_keep_whole(0, ORDER_2M, -1);
    take(0, 9);
    assert_true(none(0, 9));
    node_keep_whole(0, ORDER_2M, -1);
    take(0, 3);
    assert_int_equal(mm_check(), 0);
}

TEST(many_in_one_go)
{
    struct mem_account *d = account_new(5, 600);
    struct mm_request request = {.nid = 0, .nr = MM_TAKE_MAX, .flags = MM_EXACT_NODE};
    struct mm_taken taken;

    assert_int_equal(mm_add_range(mfn(0), mfn(2048), 0), 0);
    for (u32 i = 0; i < 9; i++) {
        assert_int_equal(mm_take(d, &request, &taken), 0);
        assert_int_equal(taken.nr, 64);
        assert_true(mm_release_many(d, taken.extent, 0, 65) == -EINVAL);
        mm_take_done(&taken, 64);
    }
    assert_int_equal(mm_take(d, &request, &taken), 0);
    assert_int_equal(taken.nr, 600 - 9 * 64); /* max */
    mm_take_done(&taken, 4);
    assert_int_equal(d->tot_pages, 9 * 64 + 4);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(mm_release_many(d, taken.extent, 0, 4), 0);
    assert_int_equal(mm_release_many(d, taken.extent, 0, 4), -EINVAL);
    mfn_t twice[2] = {taken.extent[0], taken.extent[0]};
    assert_int_equal(mm_take(d, &request, &taken), 0);
    mm_take_done(&taken, 24);
    assert_int_equal(mm_release_many(d, twice, 0, 2), -EINVAL);
    assert_int_equal(mm_check(), 0);
    request.nr = 0;
    assert_int_equal(mm_take(d, &request, &taken), -EINVAL);
    request.nr = MM_TAKE_MAX + 1;
    assert_int_equal(mm_take(d, &request, &taken), -EINVAL);
}

TEST(below_an_address)
{
    struct mm_request request = {.nid = 0, .nr = 1, .flags = MM_OVERHEAD, .address_bits = 22};
    struct mm_taken taken;

    assert_int_equal(mm_add_range(mfn(600), mfn(GIB_PAGES), 0), 0);
    for (u32 n = 600; n < 1024; n++) { /* below 4 MiB */
        assert_int_equal(mm_take(NULL, &request, &taken), 0);
        assert_true(taken.extent[0].n < 1024);
    }
    assert_int_equal(mm_take(NULL, &request, &taken), -ENOMEM);
    request.address_bits = 23;
    request.order = 9;
    assert_int_equal(mm_take(NULL, &request, &taken), 0);
    assert_true(taken.extent[0].n < 2048);
    assert_int_equal(mm_take(NULL, &request, &taken), 0);
    assert_int_equal(mm_take(NULL, &request, &taken), -ENOMEM);
    request.address_bits = 12;
    assert_int_equal(mm_take(NULL, &request, &taken), -EINVAL);
    assert_int_equal(mm_check(), 0);
}

/*
 * With idle scrubbing off, what a claim wants clean is cleaned all the same, and no more.
 * claims.md CL-3.64.
 */
TEST(claims_are_cleaned_for)
{
    struct mem_account *d = account_new(5, 4096);
    struct claim_entry entry = {.pages = 1024, .node = 0};

    mm_set_idle_scrub(false);
    assert_int_equal(mm_add_range(mfn(0), mfn(4096), 0), 0);
    assert_false(mm_scrub_step(0));
    assert_int_equal(claim_install_set(d, &entry, 1, CLAIM_SCRUB), 0);
    clean_all();
    mm_set_idle_scrub(true);
    assert_int_equal(node_dirty(0), 4096 - 1024);
}

/* A frame of an extent of 1 GiB leaves when the extent is given up, and the rest is free. */
TEST(a_frame_leaves_a_gibibyte)
{
    struct mem_account *d = account_new(5, GIB_PAGES);
    u32 status;
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(d, 0, ORDER_1G, 0, &m), 0);
    assert_int_equal(mm_offline_page(mfn(70000), &status), 0);
    assert_int_equal(mm_pin(5, mfn(90000)), 0);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(release_range(d, m, ORDER_1G), 0);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(node_free(0), GIB_PAGES - 2);
    assert_true(mm_unpin(mfn(90000)));
    assert_true(none(0, ORDER_1G));
    assert_int_equal(mm_online_page(mfn(70000), &status), 0);
    take(0, ORDER_1G);
    assert_int_equal(mm_check(), 0);
}

/* A large dirty extent is cleaned in steps. */
TEST(dirty_gibibyte_in_steps)
{
    struct mm_request request = {.nid = 0, .order = 18, .nr = 1, .flags = MM_OVERHEAD | MM_PREEMPT};
    struct mm_taken taken;
    u32 steps = 0;
    int rc;

    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 1), 0); /* not the node that is asked first */
    for (; (rc = mm_take(NULL, &request, &taken)) == -ERESTART; steps++) {
        assert_int_equal(node_free(1), GIB_PAGES);
        assert_in_range(frames_cleared, 1, 2048);
        frames_cleared = 0;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(steps, 512 / 4);
    assert_int_equal(frames_cleared, 0);
}

FIXTURE(setup, accounts_unmake)
