/* Which records of the frame table are written, and that none is read before. The tables start with garbage, so what is read
 * too early is not what it should be. */
#include "mm_node_helpers.h"
#include <mm/ledger.h>
#include <mm/region.h>
#include <xen/sysctl.h>

#define UNWRITTEN 0xa5u /* every byte of the tables at first: tests/machine/mm.c */
#define M2        512u

static bool untouched(const void *start, u64 bytes)
{
    const u8 *byte = start;

    for (u64 i = 0; i < bytes; i++)
        if (byte[i] != UNWRITTEN)
            return false;
    return true;
}

static bool words_untouched(u64 start, u64 end)
{
    return untouched(&frame_tables.words[start], (end - start) * sizeof(frame_word_t));
}

static bool regions_untouched(u64 start, u64 end)
{
    return untouched(&frame_tables.regions[start / M2], (end - start) / M2 * sizeof(struct region));
}

static u32 query(u64 n)
{
    u32 status;

    assert_int_equal(mm_query_page(mfn(n), &status), 0);
    return status;
}

TEST(booting_writes_chunks_only)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(3 * GIB_PAGES), 0), 0);
    assert_true(regions_untouched(0, 4 * GIB_PAGES));
    assert_true(words_untouched(0, 4 * GIB_PAGES));
    assert_int_equal(node_free(0), 3 * GIB_PAGES);
    assert_int_equal(mm_check(), 0);
    /* Ends inside of windows: their records, and still no word. */
    assert_int_equal(mm_add_range(mfn(3 * GIB_PAGES + 3), mfn(4 * GIB_PAGES - 5), 0), 0);
    assert_false(regions_untouched(3 * GIB_PAGES, 3 * GIB_PAGES + M2));
    assert_true(regions_untouched(3 * GIB_PAGES + M2, 4 * GIB_PAGES - M2));
    assert_false(regions_untouched(4 * GIB_PAGES - M2, 4 * GIB_PAGES));
    assert_true(words_untouched(0, 4 * GIB_PAGES));
    assert_int_equal(mm_check(), 0);
}

/* 1 GiB and 2 MiB are taken, looked at and given back without their frames' words. */
TEST(what_is_not_split_has_no_words)
{
    struct mem_account *account = account_new(5, 3 * GIB_PAGES);
    mfn_t giant, large;

    assert_int_equal(mm_add_range(mfn(0), mfn(2 * GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &giant), 0);
    assert_true(regions_untouched(giant.n, giant.n + GIB_PAGES));
    assert_int_equal(mm_alloc(account, 0, ORDER_2M, 0, &large), 0);
    for (u32 i = 0; i < 2; i++) {
        mfn_t m = mfn_add(i ? large : giant, 77);

        assert_int_equal(query(m.n), 0);
        assert_false(mm_any_pinned(m, 0));
        assert_false(mm_any_pinned(m, 3));
        assert_int_equal(mm_pin(6, m), -EINVAL);
        expect_assert_failure(mm_unpin(m));
        spin_unlock(&node_get(0)->lock); /* the failed call still holds it */
        expect_assert_failure(mm_free_overhead(NULL, m, 0));
        spin_unlock(&node_get(0)->lock);
        expect_assert_failure(mm_overhead_owner(m));
        spin_unlock(&node_get(0)->lock);
    }
    assert_int_equal(mm_check(), 0);
    assert_int_equal(release_range(account, giant, ORDER_1G), 0);
    assert_int_equal(release_range(account, large, ORDER_2M), 0);
    clean_all();
    assert_true(words_untouched(0, 4 * GIB_PAGES));
    assert_int_equal(mm_check(), 0);
}

/* A frame's word is written when the frame is taken. */
TEST(a_split_region_has_the_words_of_what_is_taken)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    mfn_t m = take(0, 3);
    u64 base = ALIGN_DOWN(m.n, M2);

    assert_true(words_untouched(0, m.n) && words_untouched(m.n + 8, GIB_PAGES));
    assert_true(regions_untouched(0, base) && regions_untouched(base + M2, GIB_PAGES));
    for (u64 n = base; n < base + M2; n += 7) {
        assert_int_equal(query(n), 0);
        assert_false(mm_any_pinned(mfn(n), 0));
        assert_int_equal(mm_pin(5, mfn(n)), -EINVAL);
    }
    assert_int_equal(mm_check(), 0);
    give(m, 3);
    assert_int_equal(mm_check(), 0);
}

/* A pin in 1 GiB that is owned as a whole: one region's words, which stay valid when the rest is given up. */
TEST(a_pin_in_a_gibibyte)
{
    struct mem_account *account = account_new(5, GIB_PAGES);
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &m), 0);
    u64 n = 100 * M2 + 9;
    assert_int_equal(mm_pin(5, mfn(n)), 0);
    assert_int_equal(mm_pin(5, mfn(n)), 0);
    assert_int_equal(mm_check(), 0);
    assert_true(words_untouched(0, 100 * M2) && words_untouched(101 * M2, GIB_PAGES));
    assert_true(regions_untouched(0, 100 * M2) && regions_untouched(101 * M2, GIB_PAGES));
    assert_true(mm_any_pinned(mfn(n), 0) && !mm_any_pinned(mfn(n + 1), 0));
    assert_true(mm_any_pinned(mfn(n + 1), 9) && !mm_any_pinned(mfn(n + M2), 9));
    assert_int_equal(mm_pin(5, mfn(n + M2)), 0); /* and the last pin of a region leaves it as it is */
    assert_false(mm_unpin(mfn(n + M2)));
    assert_int_equal(mm_check(), 0);
    assert_int_equal(release_range(account, m, ORDER_1G), 0);
    assert_int_equal(account->tot_pages, 1);
    assert_int_equal(node_free(0), GIB_PAGES - 1);
    assert_int_equal(mm_check(), 0);
    assert_false(mm_unpin(mfn(n)));
    assert_true(mm_unpin(mfn(n)));
    assert_int_equal(node_free(0), GIB_PAGES);
    assert_int_equal(take(0, ORDER_1G).n, 0);
}

/* What a free frame's word was is forgotten: the pins and marks of who had it before. */
TEST(old_words_mean_nothing)
{
    struct mem_account *account = account_new(5, GIB_PAGES), *other = account_new(6, GIB_PAGES);
    u32 status;
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(M2), 0), 0);
    for (u32 round = 0; round < 4; round++) {
        assert_int_equal(mm_alloc(round % 2 ? other : account, 0, round < 2 ? ORDER_2M : 0, 0, &m), 0);
        u16 domid = round % 2 ? 6 : 5;
        assert_int_equal(mm_pin(11 - domid, m), -EINVAL);
        assert_false(mm_any_pinned(m, 9));
        assert_int_equal(query(m.n), 0);
        assert_int_equal(mm_pin(domid, m), 0);
        assert_int_equal(mm_offline_page(m, &status), 0);
        assert_int_equal(query(m.n), PG_OFFLINE_STATUS_OFFLINE_PENDING);
        assert_int_equal(mm_check(), 0);
        assert_false(mm_unpin(m));
        assert_int_equal(mm_online_page(m, &status), 0);
        assert_int_equal(release_range(round % 2 ? other : account, m, round < 2 ? ORDER_2M : 0), 0);
        for (u64 n = 0; n < M2; n++)
            frame_tables.words[n] = ~0u;
        assert_int_equal(mm_check(), 0);
    }
}

/* A mark in 1 GiB that is owned as a whole goes with the frame. */
TEST(a_mark_in_a_gibibyte)
{
    struct mem_account *account = account_new(5, GIB_PAGES);
    u32 status;
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &m), 0);
    assert_int_equal(mm_offline_page(mfn(5000), &status), 0);
    assert_int_equal(status, PG_OFFLINE_PENDING | PG_OFFLINE_OWNED | 5u << PG_OFFLINE_OWNER_SHIFT);
    assert_int_equal(query(5000), PG_OFFLINE_STATUS_OFFLINE_PENDING);
    assert_int_equal(query(5001), 0);
    assert_true(words_untouched(0, 9 * M2) && words_untouched(10 * M2, GIB_PAGES));
    assert_int_equal(mm_check(), 0);
    assert_int_equal(release_range(account, m, ORDER_1G), 0);
    assert_int_equal(query(5000), PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(node_free(0), GIB_PAGES - 1);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(mm_online_page(mfn(5000), &status), 0);
    assert_int_equal(take(0, ORDER_1G).n, 0);
}

/* Several nodes in one GiB, and in one window of it. */
TEST(nodes_that_share_a_gibibyte)
{
    struct mem_account *account[2] = {account_new(5, GIB_PAGES), account_new(6, GIB_PAGES)};

    /* 0 0+1 1 1+0 0 ... in windows */
    assert_int_equal(mm_add_range(mfn(0), mfn(M2 + 100), 0), 0);
    assert_int_equal(mm_add_range(mfn(M2 + 100), mfn(3 * M2 + 50), 1), 0);
    assert_int_equal(mm_add_range(mfn(3 * M2 + 50), mfn(3 * M2 + 60), 0), 0);
    assert_int_equal(mm_add_range(mfn(3 * M2 + 70), mfn(7 * M2), 0), 0);
    assert_int_equal(mm_add_range(mfn(3 * M2 + 60), mfn(3 * M2 + 70), 1), 0);
    assert_int_equal(mm_check(), 0);
    for (nodeid_t nid = 0; nid < 2; nid++) {
        mfn_t m[6 * M2];
        u32 nr = 0;

        assert_int_equal(mm_alloc(account[nid], nid, ORDER_2M, MM_EXACT_NODE, &m[0]), 0);
        for (u64 n = m[0].n; n < m[0].n + M2; n++)
            assert_int_equal(mm_mfn_node(mfn(n)), nid);
        assert_int_equal(mm_pin(5 + nid, mfn_add(m[0], 3)), 0);
        assert_false(mm_unpin(mfn_add(m[0], 3)));
        assert_int_equal(release_range(account[nid], m[0], ORDER_2M), 0);
        while (mm_alloc(account[nid], nid, 0, MM_EXACT_NODE, &m[nr]) == 0) {
            assert_int_equal(mm_mfn_node(m[nr]), nid);
            assert_int_equal(mm_pin(5 + nid, m[nr]), 0);
            assert_int_equal(mm_pin(6 - nid, m[nr]), -EINVAL);
            nr++;
        }
        assert_int_equal(nr, nid ? 2 * M2 - 40 : 5 * M2 + 40);
        assert_int_equal(mm_check(), 0);
        while (nr--) {
            assert_false(mm_unpin(m[nr]));
            assert_int_equal(release_range(account[nid], m[nr], 0), 0);
        }
        assert_int_equal(mm_check(), 0);
    }
}

/* There is a stock for what nodes share. A range that needs more than it has changes nothing. */
TEST(the_stock_of_shared_windows)
{
    for (u64 n = 0; n < MAX_SIBLINGS; n++) {
        assert_int_equal(mm_add_range(mfn(n * M2), mfn(n * M2 + 2), 0), 0);
        assert_int_equal(mm_add_range(mfn(n * M2 + 2), mfn(n * M2 + 4), 1), 0);
    }
    u64 n = MAX_SIBLINGS * M2;
    u32 ranges = frame_range_count();
    assert_int_equal(mm_add_range(mfn(n), mfn(n + 2), 0), 0);
    assert_int_equal(mm_add_range(mfn(n + 2), mfn(n + 4), 1), -ENOSPC);
    assert_int_equal(mm_add_range(mfn(n + 2), mfn(n + 3 * M2 + 1), 1), -ENOSPC);
    assert_int_equal(frame_range_count(), ranges + 1);
    assert_int_equal(node_free(1), 2 * MAX_SIBLINGS);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(mm_add_range(mfn(n + 2), mfn(n + 4), 0), 0); /* of the node that is there already */
    assert_int_equal(mm_add_range(mfn(n + M2), mfn(n + M2 + 1), 1), 0);
    for (u64 i = 0; i < 2 * MAX_SIBLINGS + 1; i++)
        take(1, 0);
    assert_true(none(1, 0));
}

TEST(the_stock_of_shared_gibibytes)
{
    accounts_make(2, (MAX_SIBLINGS + 2) * GIB_PAGES, 64);
    for (u64 i = 0; i <= MAX_SIBLINGS; i++) {
        assert_int_equal(mm_add_range(mfn(i * GIB_PAGES), mfn(i * GIB_PAGES + M2), 0), 0);
        assert_int_equal(mm_add_range(mfn(i * GIB_PAGES + M2), mfn(i * GIB_PAGES + 2 * M2), 1),
                         i < MAX_SIBLINGS ? 0 : -ENOSPC);
    }
    assert_int_equal(node_free(1), MAX_SIBLINGS * M2);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(
        mm_add_range(mfn((MAX_SIBLINGS + 1) * GIB_PAGES), mfn((MAX_SIBLINGS + 2) * GIB_PAGES), 1), 0);
    assert_int_equal(mm_check(), 0);
}

/* mm_check() must find records that are valid and should not be, and the other way round. */
TEST(the_check_sees_which_are_valid)
{
    struct mem_account *account = account_new(5, 2 * GIB_PAGES);
    mfn_t giant, large;

    assert_int_equal(mm_add_range(mfn(0), mfn(2 * GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &giant), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_2M, 0, &large), 0);
    struct chunk *c = chunk_of(giant.n, 0);
    struct region *r = region_of(chunk_of(large.n, 0), large.n);
    frame_word_t *words = frame_tables.words;
    fprintf(stderr, "The faults that follow are on purpose.\n");
#define FAULT(change, undo) \
    do { \
        assert_int_equal(mm_check(), 0); \
        change; \
        assert_true(mm_check() > 0); \
        undo; \
        assert_int_equal(mm_check(), 0); \
    } while (0)
    FAULT(r->has_words = true, r->has_words = false);
    FAULT(r->nr_pinned++, r->nr_pinned--);
    FAULT(r->nr_leaving++, r->nr_leaving--);
    FAULT(r->base += M2, r->base -= M2);
    frame_tables.regions[giant.n / M2 + 3] = (struct region){0};
    FAULT(map_set(c->marked, 3), map_clear(c->marked, 3));
    assert_int_equal(mm_pin(5, mfn_add(large, 6)), 0);
    assert_int_equal(mm_pin(5, mfn_add(giant, 6)), 0);
    FAULT(r->has_words = false, r->has_words = true);
    FAULT(map_clear(c->marked, 0), map_set(c->marked, 0));
    FAULT(c->nr_pinned--, c->nr_pinned++);
    FAULT(c->nr_ready = 1, c->nr_ready = 0);
    for (u32 i = 0; i < 2; i++) {
        u64 n = i ? large.n : giant.n;

        FAULT(words[n + 7] ^= 1, words[n + 7] ^= 1);
        FAULT(words[n + 7] ^= 1u << FRAME_STATE_SHIFT, words[n + 7] ^= 1u << FRAME_STATE_SHIFT);
        FAULT(words[n + 7] += 1u << FRAME_PINS_SHIFT, words[n + 7] -= 1u << FRAME_PINS_SHIFT);
        FAULT(words[n + 7] ^= FRAME_LEAVING, words[n + 7] ^= FRAME_LEAVING);
    }
    assert_false(mm_unpin(mfn_add(large, 6)));
    assert_false(mm_unpin(mfn_add(giant, 6)));
}

FIXTURE(setup, accounts_unmake)
