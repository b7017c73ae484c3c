/* Ranges, a node's regions and chunks, clean and dirty, scrubbing, the check itself. */
#include "mm_node_helpers.h"
#include <arch/x86/cpu/frames.h>
#include <mm/ledger.h>
#include <mm/region.h>
#include <sys/mman.h>

TEST(ranges_are_checked)
{
    assert_int_equal(mm_add_range(mfn(10), mfn(10), 0), -EINVAL);
    assert_int_equal(mm_add_range(mfn(11), mfn(10), 0), -EINVAL);
    assert_int_equal(mm_add_range(mfn(10), mfn(20), 2), -EINVAL);
    assert_int_equal(mm_add_range(mfn(10), mfn(1ull << 34), 0), -EINVAL);
    assert_int_equal(mm_add_range(mfn(10), mfn(20), 0), 0);
    assert_int_equal(mm_add_range(mfn(19), mfn(21), 0), -EINVAL);
    assert_int_equal(mm_add_range(mfn(5), mfn(11), 1), -EINVAL);
    assert_int_equal(mm_add_range(mfn(5), mfn(30), 1), -EINVAL);
    assert_int_equal(mm_add_range(mfn(12), mfn(13), 0), -EINVAL);
    assert_int_equal(mm_add_range(mfn(20), mfn(30), 1), 0);
    assert_int_equal(mm_add_range(mfn(3), mfn(10), 0), 0);
    assert_int_equal(mm_mfn_node(mfn(2)), NODE_NONE);
    assert_int_equal(mm_mfn_node(mfn(3)), 0);
    assert_int_equal(mm_mfn_node(mfn(29)), 1);
    assert_int_equal(mm_mfn_node(mfn(~0ull)), NODE_NONE);
    assert_int_equal(mm_mfn_node(mfn(19)), 0);
    assert_int_equal(mm_mfn_node(mfn(20)), 1);
    assert_int_equal(mm_mfn_node(mfn(30)), NODE_NONE);
    assert_int_equal(frame_range_count(), 2); /* 3..10 and 10..20 are one */
    assert_int_equal(node_free(0), 17);
    assert_int_equal(node_free(1), 10);
    assert_int_equal(mm_check(), 0);
}

TEST(too_many_ranges)
{
    for (u64 i = 0; i < MAX_FRAME_RANGES; i++)
        assert_int_equal(
            mm_add_range(mfn(4 * (MAX_FRAME_RANGES - i)), mfn(4 * (MAX_FRAME_RANGES - i) + 2), 0), 0);
    assert_int_equal(mm_add_range(mfn(4 * MAX_FRAME_RANGES + 9), mfn(4 * MAX_FRAME_RANGES + 10), 0), -ENOSPC);
    assert_int_equal(node_free(0), 2 * MAX_FRAME_RANGES);
    assert_int_equal(mm_check(), 0);
}

/* Real servers have nodes at 16 and 25 TiB: tables of 72 GiB, of which only what is written exists. */
TEST(frames_up_to_64_tib)
{
    static const u64 at[] = {1ull << 32, (25ull << 40) >> PAGE_SHIFT, FRAME_LIMIT + 1 - 2048};
    static const size_t bytes[] = {(FRAME_LIMIT + 1) * sizeof(frame_word_t),
                                   (FRAME_LIMIT + 1) / MAP_BITS * sizeof(struct region),
                                   ((FRAME_LIMIT + 1) >> ORDER_1G) * sizeof(struct chunk_page)};
    static const u8 near[MAX_NODES][MAX_NODES] = {{0, 1}, {1, 0}};
    void *table[3];
    mfn_t m[12];

    for (u32 i = 0; i < ARRAY_SIZE(table); i++) {
        table[i] =
            mmap(NULL, bytes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert_ptr_not_equal(table[i], MAP_FAILED);
    }
    mm_init(&(struct frame_tables){.words = table[0], .regions = table[1], .chunks = table[2]});
    mm_set_nodes(2, near);
    assert_int_equal(mm_add_range(mfn(FRAME_LIMIT - 1), mfn(FRAME_LIMIT + 1), 1), -EINVAL);
    for (u32 i = 0; i < ARRAY_SIZE(at); i++)
        assert_int_equal(mm_add_range(mfn(at[i]), mfn(at[i] + 1024), 1), 0);
    struct mem_account *account = account_new(5, 8192);
    for (u32 i = 0; i < ARRAY_SIZE(m); i++)
        assert_int_equal(mm_alloc(account, 1, 8, MM_EXACT_NODE, &m[i]), 0);
    assert_int_equal(node_free(1), 0);
    assert_int_equal(mm_check(), 0);
    for (u32 i = 0; i < ARRAY_SIZE(m); i++) {
        assert_int_equal(mm_pin(5, mfn_add(m[i], 3)), 0);
        assert_false(mm_unpin(mfn_add(m[i], 3)));
        assert_int_equal(release_range(account, m[i], 8), 0);
    }
    assert_int_equal(node_free(1), ARRAY_SIZE(at) * 1024);
    assert_int_equal(mm_check(), 0);
    for (u32 i = 0; i < ARRAY_SIZE(table); i++)
        munmap(table[i], bytes[i]);
    accounts_make(2, 64, 64);
}

TEST(a_gap_filled_later_merges)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(256), 0), 0);
    assert_int_equal(mm_add_range(mfn(512), mfn(1024), 0), 0);
    assert_true(none(0, 10));
    assert_int_equal(mm_add_range(mfn(256), mfn(512), 0), 0);
    assert_int_equal(frame_range_count(), 1);
    give(take(0, 10), 10);
    assert_int_equal(mm_check(), 0);
}

TEST(extents_of_1_gib)
{
    assert_int_equal(mm_add_range(mfn(1), mfn(3 * GIB_PAGES + 5), 0), 0);
    mfn_t a = take(0, ORDER_1G), b = take(0, ORDER_1G);
    assert_true(a.n != b.n);
    assert_true(none(0, ORDER_1G));
    give(a, ORDER_1G);
    give(b, ORDER_1G);
    assert_int_equal(node_free(0), 3 * GIB_PAGES + 4);
    mfn_t page = take(0, 0);
    assert_true(page.n == 1 || page.n >= 3 * GIB_PAGES); /* a crumb first, no large extent broken */
    give(page, 0);
    assert_int_equal(mm_check(), 0);
}

TEST(no_merge_across_nodes)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(512), 0), 0);
    assert_int_equal(mm_add_range(mfn(512), mfn(1024), 1), 0);
    assert_true(none(0, 10) && none(1, 10));
    mfn_t a = take(0, 9), b = take(1, 9);
    give(b, 9);
    give(a, 9);
    assert_true(none(0, 10) && none(1, 10));
    assert_int_equal(node_free(0), 512);
    assert_int_equal(node_free(1), 512);
}

/* claims.md CL-5.15, CL-7.4. */
TEST(scrubbing_is_stepwise)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(4096), 0), 0);
    assert_int_equal(mm_add_range(mfn(8192), mfn(8193), 1), 0);
    for (u64 left = 4096; left; left -= 512) {
        assert_int_equal(node_dirty(0), left);
        frames_cleared = 0;
        assert_true(mm_scrub_step(0));
        assert_int_equal(frames_cleared, 512);
        assert_int_equal(mm_check(), 0);
    }
    assert_false(mm_scrub_step(0));
    assert_false(mm_scrub_step(2));
    assert_int_equal(node_dirty(1), 1);
    frames_cleared = 0;
    take(0, 12);
    assert_int_equal(frames_cleared, 0); /* clean as it is, and whole again */
}

/* Every second page clean: that does not keep them apart. claims.md CL-5.14. */
TEST(clean_and_dirty_pages_are_one_extent)
{
    mfn_t m[1024];
    assert_int_equal(mm_add_range(mfn(0), mfn(1024), 0), 0);
    for (u32 i = 0; i < 1024; i++)
        m[i] = take(0, 0);
    for (u32 i = 0; i < 1024; i++)
        if (m[i].n % 2)
            give(m[i], 0);
    clean_all();
    for (u32 i = 0; i < 1024; i++)
        if (m[i].n % 2 == 0 && m[i].n != 100)
            give(m[i], 0);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(node_dirty(0), 512 + 255); /* the upper half is whole again, and dirty as a whole */
    frames_cleared = 0;
    take(0, 5);
    assert_int_equal(frames_cleared, 32);
    assert_true(none(0, 10));
    mfn_t upper = take(0, 9); /* page 100 is in the lower half */
    assert_int_equal(upper.n, 512);
    assert_int_equal(mm_check(), 0);
}

/* In a node with nothing free but a pair somewhere, the pair is found. */
TEST(the_search_gets_everywhere)
{
    enum { NODE = 60000 };

    assert_int_equal(mm_add_range(mfn(0), mfn(NODE), 0), 0);
    for (u32 i = 0; i < NODE; i++)
        take(0, 0);
    static const u64 lows[] = {2, 29998, 59994, 1002};
    for (u32 i = 0; i < ARRAY_SIZE(lows); i++) {
        give(mfn(lows[i]), 0);
        clean_all();
        give(mfn(lows[i] + 1), 0);
        assert_int_equal(take(0, 1).n, lows[i]);
    }
    assert_int_equal(mm_check(), 0);
}

/* A free run of 64 regions that came back page by page, behind memory that is not free. */
TEST(a_run_of_many_pieces)
{
    enum { NODE = 1 << 16 };

    assert_int_equal(mm_add_range(mfn(0), mfn(NODE), 0), 0);
    for (u32 i = 0; i < NODE; i++)
        take(0, 0);
    for (u64 n = NODE / 2; n < NODE; n += 2)
        give(mfn(n), 0);
    clean_all();
    for (u64 n = NODE / 2; n < NODE; n += 2)
        give(mfn(n + 1), 0);
    assert_int_equal(take(0, 15).n, NODE / 2);
    assert_int_equal(mm_check(), 0);
}

static mfn_t scrubbed_meanwhile;
static u32 calls;

/* While the scrubber holds a piece: what others see and can do. */
static void during_scrub(u64 n, u64 nr)
{
    on_clear = NULL;
    calls++;
    assert_int_equal(frame_tables.regions[n / 512].state, FRAME_SCRUBBING);
    assert_int_equal(node_free(0), 1024); /* still free */
    assert_int_equal(node_dirty(0), 1024);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(mm_alloc(NULL, 0, 9, MM_OVERHEAD, &scrubbed_meanwhile), 0);
    assert_true(scrubbed_meanwhile.n + 512 <= n || scrubbed_meanwhile.n >= n + nr);
}

/* claims.md CL-7.4. */
TEST(a_piece_being_scrubbed_is_free_but_left_alone)
{
    calls = 0;
    assert_int_equal(mm_add_range(mfn(0), mfn(1024), 0), 0);
    on_clear = during_scrub;
    assert_true(mm_scrub_step(0));
    assert_int_equal(calls, 1);
    assert_int_equal(node_free(0), 512);
    assert_int_equal(node_dirty(0), 0);
}

TEST(wrong_frees_are_bugs)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(1024), 0), 0);
    mfn_t m = take(0, 3);
    expect_assert_failure(mm_free_overhead(NULL, m, 4)); /* more than was taken */
    spin_unlock(&node_get(0)->lock);
    expect_assert_failure(mm_free_overhead(NULL, mfn(5000), 0));
    give(m, 3);
    expect_assert_failure(mm_free_overhead(NULL, m, 3));
    spin_unlock(&node_get(0)->lock);
    expect_assert_failure(mm_unpin(m));
    spin_unlock(&node_get(0)->lock);
}

/* mm_check() must find what is wrong, or all the other tests say nothing. */
TEST(the_check_sees_faults)
{
    assert_int_equal(mm_add_range(mfn(0), mfn(1024), 0), 0);
    mfn_t m = take(0, 3);
    struct mem_account *account = account_new(5, 100);
    mfn_t g;
    assert_int_equal(mm_alloc(account, 0, 2, 0, &g), 0);
    assert_int_equal(mm_check(), 0);
    fprintf(stderr, "The faults that follow are on purpose.\n");
#define FAULT(change, undo) \
    do { \
        change; \
        assert_true(mm_check() > 0); \
        undo; \
        assert_int_equal(mm_check(), 0); \
    } while (0)
    FAULT(node_get(0)->free_pages++, node_get(0)->free_pages--);
    FAULT(node_get(0)->dirty_pages--, node_get(0)->dirty_pages++);
    struct region *own = &frame_tables.regions[m.n / 512], *guests = &frame_tables.regions[g.n / 512];
    frame_word_t *words = frame_tables.words;
    struct chunk *c = own->chunk;
    FAULT(node_get(0)->free_2m++, node_get(0)->free_2m--);
    FAULT(node_get(0)->free_1g++, node_get(0)->free_1g--);
    FAULT(node_get(0)->kept_2m = 1, node_get(0)->kept_2m = 0);
    FAULT(map_set(own->free, (u32)m.n % 512), map_clear(own->free, (u32)m.n % 512));
    FAULT(map_clear(own->dirty, 511), map_set(own->dirty, 511));
    FAULT(words[m.n] ^= 1u << FRAME_STATE_SHIFT, words[m.n] ^= 1u << FRAME_STATE_SHIFT);
    FAULT(words[m.n] += 1u << FRAME_PINS_SHIFT, words[m.n] -= 1u << FRAME_PINS_SHIFT);
    FAULT(words[g.n] += 1u << FRAME_PINS_SHIFT, words[g.n] -= 1u << FRAME_PINS_SHIFT);
    FAULT(words[g.n] ^= 1, words[g.n] ^= 1);
    FAULT(own->has_words = true, own->has_words = false);
    FAULT(guests->holder = NULL, guests->holder = &account->held[0]);
    FAULT(guests->nr_away++, guests->nr_away--);
    FAULT(c->nr_dirty++, c->nr_dirty--);
    FAULT(c->list = CHUNKS_PARTLY, c->list = CHUNK_UNLISTED);
    FAULT(account->tot_pages++, account->tot_pages--);
    FAULT(account->own[0]--, account->own[0]++);
    FAULT(account->own[1] = 4; account->own[0] = 0, account->own[1] = 0; account->own[0] = 4);
    FAULT(account->outstanding++, account->outstanding--);
    FAULT(account->node_claim[0]++, account->node_claim[0]--);
    FAULT(account->host_claim++, account->host_claim--);
    FAULT(ledger_credit(node_get(0), 1), ledger_credit(node_get(0), ~0ull));
}

TEST(the_check_sees_faults_of_a_split_in_steps)
{
    struct mem_account *account = account_new(5, 1ull << ORDER_1G);
    struct chunk *c = &frame_tables.chunks[0].chunk;
    struct region *r = frame_tables.regions, *head;
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(1ull << ORDER_1G), 0), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &m), 0);
    assert_int_equal(mm_check(), 0);
    chunk_split_step(c);
    assert_int_equal(mm_check(), 0);
    head = c->ready;
    fprintf(stderr, "The faults that follow are on purpose.\n");
    FAULT(c->nr_ready--, c->nr_ready++);
    FAULT(c->nr_ready++, c->nr_ready--);
    FAULT(c->ready = head->next, c->ready = head);
    FAULT(c->ready = NULL, c->ready = head);
    FAULT(head->pprev = &head->next, head->pprev = &c->ready);
    FAULT(r[3].next = r + 1, r[3].next = r + 2);
    FAULT(r[0].next = r + 40, r[0].next = NULL);
    FAULT(r[7].owner = 6, r[7].owner = 5);
    FAULT(r[7].holder = NULL, r[7].holder = c->holder);
    FAULT(r[7].nr_ram = 0, r[7].nr_ram = 512);
}

FIXTURE(setup, accounts_unmake)
