/* What a domain owns: releasing parts and all of it, pins, death. */
#include <tests/machine/accounts.h>
#include <tests/machine/test.h>
#include <arch/x86/cpu/frames.h>
#include <mm/ledger.h>
#include <mm/region.h>

#define PAGES 4096u

static struct mem_account *a, *b;

static void setup(void)
{
    accounts_make(1, PAGES, 0);
    assert_int_equal(mm_add_range(mfn(0), mfn(PAGES), 0), 0);
    a = account_new(1, PAGES);
    b = account_new(2, PAGES);
}

static mfn_t take(struct mem_account *d, u32 order)
{
    mfn_t m = INVALID_MFN;
    assert_int_equal(mm_alloc(d, 0, order, 0, &m), 0);
    return m;
}

static frame_word_t *word_of(mfn_t m)
{
    return &frame_tables.words[m.n];
}

TEST(release_whole_part_and_many)
{
    mfn_t m = take(a, 9);
    assert_int_equal(release_range(a, mfn_add(m, 37), 0), 0);
    assert_int_equal(a->tot_pages, 511);
    assert_int_equal(release_range(a, mfn_add(m, 37), 0), -EINVAL);
    assert_int_equal(release_range(a, m, 9), -EINVAL); /* one of them is not ours any more */
    assert_int_equal(a->tot_pages, 511);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(release_range(a, mfn_add(m, 256), 8), 0);
    assert_int_equal(release_range(a, mfn_add(m, 64), 6), 0); /* several extents by now */
    assert_int_equal(a->tot_pages, 255 - 64);
    assert_int_equal(release_range(a, mfn_add(m, 129), 3), 0); /* not aligned */
    assert_int_equal(a->tot_pages, 255 - 64 - 8);
    assert_int_equal(a->own[0], a->tot_pages);
    assert_int_equal(node_free(0), PAGES - a->tot_pages);
}

TEST(release_over_several_extents)
{
    mfn_t m = take(a, 4);
    for (u32 i = 0; i < 16; i++)
        assert_int_equal(release_range(a, mfn_add(m, i), 0), 0);
    mfn_t low = INVALID_MFN;
    for (u32 i = 0; i < 16; i++) {
        mfn_t page = take(a, 0);
        low = page.n < low.n ? page : low;
    }
    assert_int_equal(release_range(a, low, 4), 0);
    assert_int_equal(a->tot_pages, 0);
    assert_null(a->held[0].open);
    assert_null(a->held[0].full);
}

TEST(bad_releases)
{
    mfn_t m = take(a, 3), other = take(b, 3), own;
    assert_int_equal(mm_alloc(a, 0, 3, MM_OVERHEAD, &own), 0);
    assert_int_equal(release_range(a, other, 3), -EINVAL);
    assert_int_equal(release_range(a, own, 0), -EINVAL);
    assert_int_equal(release_range(a, mfn(PAGES), 0), -EINVAL);
    assert_int_equal(release_range(a, mfn(~0ull), 0), -EINVAL);
    assert_int_equal(release_range(a, m, 19), -EINVAL);
    assert_int_equal(release_range(a, mfn(0), 12), -EINVAL);
    assert_int_equal(a->tot_pages, 8);
    assert_int_equal(b->tot_pages, 8);
    mm_free_overhead(a, own, 3);
}

TEST(pins_keep_a_frame)
{
    mfn_t m = take(a, 9);
    assert_int_equal(mm_pin(1, mfn_add(m, 5)), 0);
    assert_int_equal(mm_pin(1, mfn_add(m, 5)), 0);
    assert_int_equal(mm_pin(1, m), 0);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(release_range(a, m, 9), 0);
    assert_int_equal(a->tot_pages, 2);
    assert_int_equal(frame_state(*word_of(m)), FRAME_RELEASED);
    assert_int_equal(frame_state(*word_of(mfn_add(m, 5))), FRAME_RELEASED);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(mm_pin(1, m), -EINVAL); /* given up: nobody maps it anew */
    assert_int_equal(release_range(a, m, 0), -EINVAL);
    assert_true(mm_unpin(m));
    assert_int_equal(a->tot_pages, 1);
    assert_false(mm_unpin(mfn_add(m, 5)));
    assert_true(mm_unpin(mfn_add(m, 5)));
    assert_int_equal(a->tot_pages, 0);
    assert_int_equal(node_free(0), PAGES);
}

TEST(pins_move_with_the_split)
{
    mfn_t m = take(a, 6);
    for (u32 i = 0; i < 64; i += 3)
        assert_int_equal(mm_pin(1, mfn_add(m, i)), 0);
    assert_int_equal(release_range(a, mfn_add(m, 16), 3), 0);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(a->tot_pages, 64 - 8 + 2); /* 18 and 21 are pinned */
    for (u32 i = 0; i < 64; i += 3)
        assert_int_equal(mm_unpin(mfn_add(m, i)), i >= 16 && i < 24);
    assert_int_equal(a->tot_pages, 56);
    assert_int_equal(mm_check(), 0);
}

TEST(bad_pins)
{
    mfn_t m = take(a, 2), own;
    assert_int_equal(mm_alloc(a, 0, 0, MM_OVERHEAD, &own), 0);
    assert_int_equal(mm_pin(2, m), -EINVAL);
    assert_int_equal(mm_pin(77, m), -EINVAL);
    assert_int_equal(mm_pin(1, own), -EINVAL);
    assert_int_equal(mm_pin(1, mfn_add(m, 4)), -EINVAL);
    *word_of(m) |= PAGE_PINS_MAX << FRAME_PINS_SHIFT;
    assert_int_equal(mm_pin(1, m), -EOVERFLOW);
    assert_int_equal(mm_pin(1, mfn_add(m, 1)), 0);
    assert_false(mm_unpin(mfn_add(m, 1)));
    *word_of(m) &= (1u << FRAME_PINS_SHIFT) - 1;
    expect_assert_failure(mm_unpin(m));
    spin_unlock(&node_get(0)->lock); /* the failed call still holds it */
    mm_free_overhead(a, own, 0);
}

TEST(death_in_steps)
{
    mfn_t m = take(a, 9);
    take(a, 0);
    take(a, 10);
    assert_int_equal(mm_pin(1, mfn_add(m, 511)), 0);
    assert_false(mm_release_some(a, 5)); /* not dying: nothing happens */
    assert_int_equal(a->tot_pages, 1 + 512 + 1024);
    mm_account_kill(a);
    mm_account_kill(a);
    u32 steps = 0;
    assert_true(mm_release_some(a, 0));
    while (mm_release_some(a, 1))
        steps++;
    assert_int_equal(steps, 4); /* two regions of order 10, that of the single page, and the pinned one */
    assert_int_equal(a->tot_pages, 1);
    assert_int_equal(node_free(0), PAGES - 1);
    assert_false(mm_release_some(a, 5));
    assert_true(mm_unpin(mfn_add(m, 511)));
    assert_int_equal(a->tot_pages, 0);
    assert_int_equal(node_free(0), PAGES);
}

TEST(a_dead_domain_shows_nothing)
{
    accounts_make(1, 64, 64);
    assert_int_equal(mm_add_range(mfn(0), mfn(64), 0), 0);
    a = account_new(1, 64);
    b = account_new(2, 64);
    mfn_t m = take(a, 6);
    memset(mfn_to_virt(m), 0x5a, 64 * PAGE_SIZE);
    mm_account_kill(a);
    assert_false(mm_release_some(a, 2));
    m = take(b, 6);
    const u64 *words = mfn_to_virt(m);
    for (u32 i = 0; i < 64 * PAGE_SIZE / 8; i++)
        assert_int_equal(words[i], 0);
}

FIXTURE(setup, accounts_unmake)
