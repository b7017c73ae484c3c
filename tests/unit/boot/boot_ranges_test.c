/* The boot's free-range list, against a bitmap of pages. */
#include <tests/machine/test.h>

#include <boot/boot_ranges.h>

#define PAGES 512u

static struct boot_ranges ranges;

static void check_against(const bool *model)
{
    u64 at = 0;

    for (u32 i = 0; i < ranges.nr; i++) {
        assert_true(ranges.range[i].start < ranges.range[i].end);
        assert_true(i == 0 || ranges.range[i - 1].end < ranges.range[i].start); /* touching ones are merged */
        for (; at < ranges.range[i].start / PAGE_SIZE; at++)
            assert_false(model[at]);
        for (; at < ranges.range[i].end / PAGE_SIZE; at++)
            assert_true(model[at]);
    }
    for (; at < PAGES; at++)
        assert_false(model[at]);
}

TEST(random_operations_match_a_bitmap)
{
    bool model[PAGES] = {false};

    srand(7);
    memset(&ranges, 0, sizeof(ranges));
    for (u32 step = 0; step < 20000; step++) {
        u64 first = (u64)rand() % (PAGES - 1) + 1, last = first + (u64)rand() % 40;
        last = last > PAGES ? PAGES : last;
        switch (rand() % 3) {
        case 0:
            assert_int_equal(boot_ranges_add(&ranges, first * PAGE_SIZE, last * PAGE_SIZE), 0);
            for (u64 i = first; i < last; i++)
                model[i] = true;
            break;
        case 1:
            assert_int_equal(boot_ranges_remove(&ranges, first * PAGE_SIZE, last * PAGE_SIZE), 0);
            for (u64 i = first; i < last; i++)
                model[i] = false;
            break;
        default: {
            u64 size = (u64)rand() % 8 + 1, align = 1ull << (rand() % 4);
            u64 phase = rand() % 2 ? (u64)rand() % align : 0, high = last + size + (u64)rand() % PAGES;
            high = high > PAGES ? PAGES : high;
            u64 got = boot_ranges_take_phase(&ranges, size * PAGE_SIZE, align * PAGE_SIZE, phase * PAGE_SIZE,
                                             first * PAGE_SIZE, high * PAGE_SIZE) /
                      PAGE_SIZE;
            if (got) {
                assert_int_equal(got % align, phase);
                assert_true(got >= first && got + size <= high);
            }
            for (u64 i = got; got && i < got + size; i++) {
                assert_true(model[i]);
                model[i] = false;
            }
            if (!got) { /* then no place may fit */
                for (u64 at = first; at + size <= high; at++) {
                    u64 run = 0;
                    while (run < size && model[at + run])
                        run++;
                    assert_false(run == size && at % align == phase);
                }
            }
        }
        }
        check_against(model);
    }
}

TEST(partial_pages_are_left_out)
{
    memset(&ranges, 0, sizeof(ranges));
    assert_int_equal(boot_ranges_add(&ranges, 0x1001, 0x3fff), 0);
    assert_int_equal(ranges.nr, 1);
    assert_int_equal(ranges.range[0].start, 0x2000);
    assert_int_equal(ranges.range[0].end, 0x3000);
    assert_int_equal(boot_ranges_remove(&ranges, 0x2fff, 0x3000), 0); /* a touched page goes whole */
    assert_int_equal(ranges.nr, 0);
}

TEST(ranges_at_the_end_of_the_address_space)
{
    memset(&ranges, 0, sizeof(ranges));
    assert_int_equal(boot_ranges_add(&ranges, ~0ull - PAGE_SIZE, ~0ull), 0);
    assert_int_equal(boot_ranges_add(&ranges, ~0ull - 5, ~0ull), 0);
    assert_int_equal(ranges.nr, 0); /* no whole page */
    assert_int_equal(boot_ranges_add(&ranges, GIB(1), ~0ull), 0);
    assert_int_equal(boot_ranges_remove(&ranges, GIB(2), ~0ull), 0);
    assert_int_equal(ranges.nr, 1);
    assert_int_equal(ranges.range[0].end, GIB(2));
}

TEST(what_two_lists_share)
{
    static struct boot_ranges other, both;

    srand(11);
    for (u32 round = 0; round < 300; round++) {
        bool a[PAGES] = {false}, model[PAGES] = {false};

        memset(&ranges, 0, sizeof(ranges));
        memset(&other, 0, sizeof(other));
        for (u32 i = 0; i < 40; i++) {
            u64 first = (u64)rand() % (PAGES - 20) + 1, last = first + (u64)rand() % 15;
            assert_int_equal(boot_ranges_add(i % 2 ? &ranges : &other, first * PAGE_SIZE, last * PAGE_SIZE),
                             0);
        }
        for (u32 i = 0; i < other.nr; i++)
            for (u64 p = other.range[i].start / PAGE_SIZE; p < other.range[i].end / PAGE_SIZE; p++)
                a[p] = true;
        for (u32 i = 0; i < ranges.nr; i++)
            for (u64 p = ranges.range[i].start / PAGE_SIZE; p < ranges.range[i].end / PAGE_SIZE; p++)
                model[p] = a[p];
        assert_int_equal(boot_ranges_intersect(&both, &ranges, &other), 0);
        boot_ranges_copy(&ranges, &both);
        check_against(model);
    }
}

TEST(a_full_list_refuses_and_stays)
{
    memset(&ranges, 0, sizeof(ranges));
    for (u64 i = 0; i < BOOT_RANGES_MAX; i++)
        assert_int_equal(boot_ranges_add(&ranges, (i * 8 + 1) * PAGE_SIZE, (i * 8 + 5) * PAGE_SIZE), 0);
    u64 total = boot_ranges_total(&ranges);
    assert_true(boot_ranges_add(&ranges, (BOOT_RANGES_MAX * 8 + 1) * PAGE_SIZE,
                                (BOOT_RANGES_MAX * 8 + 2) * PAGE_SIZE) < 0);
    assert_true(boot_ranges_remove(&ranges, 2 * PAGE_SIZE, 3 * PAGE_SIZE) < 0);
    assert_int_equal(boot_ranges_total(&ranges), total);
}
