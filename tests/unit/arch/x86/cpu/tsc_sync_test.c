/* What three readings of two TSCs say of their difference. */
#include <tests/machine/test.h>

#include <arch/x86/cpu/tsc_sync.h>

/* One exchange with a CPU whose TSC is `ahead`, the way there and back taking that many ticks. */
static void exchange(struct tsc_bounds *b, u64 now, s64 ahead, u64 there, u64 back)
{
    tsc_narrow(b, now, now + there + (u64)ahead, now + there + back);
}

TEST(equal_tscs_have_no_offset)
{
    struct tsc_bounds b = TSC_BOUNDS_ANY;

    exchange(&b, 1000, 0, 500, 20);
    exchange(&b, 5000, 0, 3, 40);
    assert_int_equal(tsc_offset(&b), 0);
    assert_int_equal(b.low, -20);
    assert_int_equal(b.high, 3);
}

TEST(what_cannot_be_told_apart_is_no_offset)
{
    struct tsc_bounds b = TSC_BOUNDS_ANY;

    exchange(&b, 1000, 50, 100, 100);
    assert_int_equal(tsc_offset(&b), 0);
}

TEST(a_difference_is_found_within_the_way)
{
    static const s64 ahead[] = {1000, -1000, 1ll << 40, -(1ll << 40)};

    for (u32 i = 0; i < ARRAY_SIZE(ahead); i++) {
        struct tsc_bounds b = TSC_BOUNDS_ANY;
        exchange(&b, 1ull << 50, ahead[i], 9000, 10);
        exchange(&b, 2ull << 50, ahead[i], 10, 400);
        exchange(&b, 3ull << 50, ahead[i], 30, 30);
        s64 off = tsc_offset(&b);
        assert_in_range(off - ahead[i] + 20, 0, 40);
    }
}

TEST(a_tsc_behind_zero_is_no_trouble)
{
    struct tsc_bounds b = TSC_BOUNDS_ANY;

    tsc_narrow(&b, 100, (u64)-400, 110);
    assert_in_range(tsc_offset(&b) + 510, 0, 10);
}

TEST(a_jump_starts_anew)
{
    struct tsc_bounds b = TSC_BOUNDS_ANY;

    exchange(&b, 1000, 5000, 10, 10);
    exchange(&b, 2000, -7000, 10, 10);
    assert_in_range(tsc_offset(&b) + 7010, 0, 20);
}
