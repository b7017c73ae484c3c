/* Dates, compared with the C library's; clocks of every kind; and a real-time clock that is read while it ticks. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <string.h>
#include <time.h>

#include <arch/x86/cpu/civil_time.h>
#include <arch/x86/cpu/wall_clock.h>
#include <homestead/errno.h>

#define B_24     2
#define B_BINARY 4

static u64 seconds_of(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second)
{
    const struct civil_time c = {year, month, day, hour, minute, second};
    u64 seconds = 1234567;
    int rc = civil_to_seconds(&c, &seconds);

    if (rc)
        assert_int_equal(seconds, 1234567);
    return rc ? ~0ull : seconds;
}

TEST(known_dates)
{
    assert_int_equal(seconds_of(1970, 1, 1, 0, 0, 0), 0);
    assert_int_equal(seconds_of(2000, 2, 29, 23, 59, 59), 951868799);
    assert_int_equal(seconds_of(2026, 11, 30, 4, 36, 57), 1796013417);
    assert_int_equal(seconds_of(2038, 1, 19, 3, 14, 8), 1ull << 31);
    assert_int_equal(seconds_of(2106, 2, 7, 6, 28, 16), 1ull << 32);
    assert_int_equal(seconds_of(9999, 12, 31, 23, 59, 59), 253402300799);
}

TEST(no_such_dates)
{
    assert_int_equal(seconds_of(1969, 12, 31, 23, 59, 59), ~0ull);
    assert_int_equal(seconds_of(10000, 1, 1, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2023, 2, 29, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2100, 2, 29, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 4, 31, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 0, 1, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 13, 1, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 1, 0, 0, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 1, 1, 24, 0, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 1, 1, 0, 60, 0), ~0ull);
    assert_int_equal(seconds_of(2024, 1, 1, 0, 0, 60), ~0ull);
    assert_int_equal(seconds_of(~0u, ~0u, ~0u, ~0u, ~0u, ~0u), ~0ull);
}

/* Each day of 8030 years, and random seconds: as the C library has them, and back. */
TEST(every_day)
{
    struct rng rng;

    rng_seed(&rng, 5);
    for (u64 day = 0; day < 2932897; day++) {
        u64 seconds = day * 86400 + (day % 7 ? rng_draw(&rng, 86400) : day % 2 * 86399);
        struct civil_time c = civil_from_seconds(seconds);
        time_t t = (time_t)seconds;
        struct tm tm;

        gmtime_r(&t, &tm);
        if (c.year != (u32)tm.tm_year + 1900 || c.month != (u32)tm.tm_mon + 1 || c.day != (u32)tm.tm_mday ||
            c.hour != (u32)tm.tm_hour || c.minute != (u32)tm.tm_min || c.second != (u32)tm.tm_sec)
            assert_int_equal(seconds, 0);
        assert_int_equal(seconds_of(c.year, c.month, c.day, c.hour, c.minute, c.second), seconds);
    }
}

/* --- registers --- */

static u8 bcd(u32 n)
{
    return (u8)(n / 10 << 4 | n % 10);
}

static u8 as(u32 n, u8 status_b)
{
    return status_b & B_BINARY ? (u8)n : bcd(n);
}

static struct cmos_time cmos_of(const struct civil_time *c, u8 status_b, bool century)
{
    u8 hour = as(c->hour, status_b);

    if (!(status_b & B_24))
        hour = as(c->hour % 12 ? c->hour % 12 : 12, status_b) | (c->hour >= 12 ? 0x80 : 0);
    return (struct cmos_time){.second = as(c->second, status_b),
                              .minute = as(c->minute, status_b),
                              .hour = hour,
                              .day = as(c->day, status_b),
                              .month = as(c->month, status_b),
                              .year = as(c->year % 100, status_b),
                              .century = century ? as(c->year / 100, status_b) : 0,
                              .status_b = status_b};
}

TEST(clocks_of_each_kind)
{
    struct rng rng;

    rng_seed(&rng, 6);
    for (u32 round = 0; round < 200000; round++) {
        bool century = round & 8;
        u8 status_b = (u8)(round & (B_24 | B_BINARY)) | 0x81;
        u64 years = century ? 400 : 100, seconds = ((u64)rng_draw(&rng, ~0u) << 20) % (years * 365 * 86400);
        struct civil_time c = civil_from_seconds(seconds), back = {0};
        struct cmos_time cmos = cmos_of(&c, status_b, century);
        u64 again = 0;

        if (!century && c.year >= 2070)
            continue;
        assert_int_equal(civil_from_cmos(&cmos, &back), 0);
        assert_int_equal(civil_to_seconds(&back, &again), 0);
        assert_int_equal(again, seconds);
    }
}

TEST(odd_clocks)
{
    static const struct {
        struct cmos_time t;
        u32 year, hour; /* year 0: refused */
    } rows[] = {
        {{0x59, 0x59, 0x23, 0x31, 0x12, 0x26, 0, B_24}, 2026, 23},
        {{0x59, 0x59, 0x12, 0x31, 0x12, 0x26, 0, 0}, 2026, 0},  /* 12 at night */
        {{0x59, 0x59, 0x92, 0x31, 0x12, 0x26, 0, 0}, 2026, 12}, /* 12 at noon */
        {{59, 59, 0x8b, 31, 12, 26, 0, B_BINARY}, 2026, 23},    /* 11 in the evening */
        {{0, 0, 0, 1, 1, 70, 0, B_24 | B_BINARY}, 1970, 0},
        {{0, 0, 0, 1, 1, 69, 0, B_24 | B_BINARY}, 2069, 0},
        {{0, 0, 0, 1, 1, 26, 20, B_24 | B_BINARY}, 2026, 0},
        {{0, 0, 0, 1, 1, 26, 0x20, B_24 | B_BINARY}, 2026, 0}, /* a century in BCD */
        {{0, 0, 0, 1, 1, 0x99, 0x19, B_24}, 1999, 0},
        {{0, 0, 0, 1, 1, 0x26, 0xff, B_24}, 2026, 0}, /* no such register */
        {{0, 0, 0, 1, 1, 0x26, 0x01, B_24}, 2026, 0},
        {{0, 0, 0, 1, 1, 0x26, 0x21, B_24}, 2126, 0},
        {{0, 0, 0, 0x29, 2, 0x24, 0x20, B_24}, 2024, 0},
        {{0, 0, 0, 0x29, 2, 0x25, 0x20, B_24}, 0, 0},
        {{0, 0, 0, 0x29, 2, 0, 0x21, B_24}, 0, 0},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0, 0}, /* there is no clock */
        {{0}, 0, 0},                                              /* nor a battery */
        {{0x60, 0, 0, 1, 1, 0x26, 0, B_24}, 0, 0},
        {{0x5a, 0, 0, 1, 1, 0x26, 0, B_24}, 0, 0},
        {{0, 0xa0, 0, 1, 1, 0x26, 0, B_24}, 0, 0},
        {{0, 0, 0x24, 1, 1, 0x26, 0, B_24}, 0, 0},
        {{0, 0, 0x81, 1, 1, 0x26, 0, B_24}, 0, 0},
        {{0, 0, 0x13, 1, 1, 0x26, 0, 0}, 0, 0},
        {{0, 0, 0x80, 1, 1, 0x26, 0, 0}, 0, 0},
        {{0, 0, 0, 0, 1, 0x26, 0, B_24}, 0, 0},
        {{0, 0, 0, 1, 0x13, 0x26, 0, B_24}, 0, 0},
        {{0, 0, 0, 1, 1, 100, 0, B_24 | B_BINARY}, 0, 0},
        {{0, 0, 0, 1, 1, 0x9a, 0, B_24}, 0, 0},
    };

    for_each_row (i, rows) {
        struct civil_time c = {.year = 7, .hour = 7};
        int rc = civil_from_cmos(&rows[i].t, &c);

        assert_int_equal(rc, rows[i].year ? 0 : -EINVAL);
        assert_int_equal(c.year, rows[i].year ? rows[i].year : 7);
        assert_int_equal(c.hour, rows[i].year ? rows[i].hour : 7);
    }
}

/* Whatever the registers have, it is refused or a date that exists. */
TEST(random_registers)
{
    u32 accepted = 0;
    struct rng rng;

    rng_seed(&rng, 7);
    for (u32 round = 0; round < 1000000; round++) {
        struct cmos_time t;
        struct civil_time c = {0}, again;
        u8 *bytes = (u8 *)&t;
        u64 seconds;

        for (u32 i = 0; i < sizeof(t); i++)
            bytes[i] = (u8)rng_draw(&rng, round % 2 ? 256 : 0x33);
        if (civil_from_cmos(&t, &c)) {
            assert_int_equal(c.year, 0);
            continue;
        }
        accepted++;
        assert_int_equal(civil_to_seconds(&c, &seconds), 0);
        again = civil_from_seconds(seconds);
        assert_memory_equal(&again, &c, sizeof(c));
        assert_in_range(c.year, 1970, 9999);
    }
    assert_true(accepted > 1000);
}

TEST(firmware_times)
{
    static const struct {
        struct boot_efi_time t;
        u64 seconds; /* ~0: refused */
    } rows[] = {
        {{2026, 11, 30, 4, 36, 57, 999999999, BOOT_EFI_ZONE_UNSPECIFIED, 0}, 1796013417},
        {{2026, 11, 30, 4, 36, 57, 0, 0, 0}, 1796013417},
        {{2026, 11, 30, 5, 36, 57, 0, -60, 0}, 1796013417},  /* Berlin */
        {{2026, 11, 29, 23, 36, 57, 0, 300, 0}, 1796013417}, /* New York */
        {{1970, 1, 1, 0, 0, 0, 0, 1440, 0}, 86400},
        {{1970, 1, 1, 0, 0, 0, 0, -1, 0}, ~0ull},
        {{9999, 12, 31, 23, 59, 59, 0, 1440, 0}, 253402300799 + 86400},
        {{2026, 11, 30, 4, 36, 57, 1000000000, 0, 0}, ~0ull},
        {{2026, 11, 30, 4, 36, 57, 0, 1441, 0}, ~0ull},
        {{2026, 11, 30, 4, 36, 57, 0, -1441, 0}, ~0ull},
        {{2026, 2, 30, 4, 36, 57, 0, 0, 0}, ~0ull},
        {{0}, ~0ull},
    };

    for_each_row (i, rows) {
        u64 seconds = ~0ull;
        u32 ns = 5;

        assert_int_equal(civil_from_efi(&rows[i].t, &seconds, &ns), rows[i].seconds == ~0ull ? -EINVAL : 0);
        assert_int_equal(seconds, rows[i].seconds);
        assert_int_equal(ns, rows[i].seconds == ~0ull ? 5 : rows[i].t.ns);
    }
}

/* --- the clock of the machine --- */

static u8 registers[128];
static u32 nr_reads, tick_at, ticks; /* the clock ticks at these reads, so many times */
static u64 read_takes_ns;

u8 cmos_read(u8 index)
{
    pass(read_takes_ns);
    if (++nr_reads == tick_at && ticks) {
        registers[0] = registers[0] == 0x59 ? 0 : registers[0] + 1;
        registers[2] += registers[0] == 0;
        ticks--;
        tick_at = nr_reads + 5;
    }
    return registers[index & 0x7f];
}

static void a_clock(u8 second)
{
    static const u8 at[] = {
        [2] = 0x36, [4] = 0x04, [7] = 0x30, [8] = 0x11, [9] = 0x26, [11] = B_24, [50] = 0x20};

    memset(registers, 0xff, sizeof(registers));
    memcpy(registers, at, sizeof(at));
    registers[0] = second;
    nr_reads = ticks = 0;
    read_takes_ns = 1000;
}

static u64 total_at_zero(void)
{
    u64 seconds;
    u32 ns;

    assert_true(wall_clock_at_zero(&seconds, &ns));
    assert_true(ns < 1000000000);
    return seconds * 1000000000 + ns;
}

static const struct boot_efi_time no_time;

TEST(the_clock_is_read, .nodes = 1)
{
    a_clock(0x57);
    wall_clock_init(&no_time, true, 50);
    assert_int_equal(total_at_zero() + now_ns, 1796013417ull * 1000000000);
    assert_true(said("Wall clock      2026-11-30 04:36:57 UTC (by CMOS)\n"));
    assert_true(nr_reads < 30);
}

TEST(the_clock_ticks_meanwhile, .nodes = 1)
{
    for (u32 at_read = 2; at_read < 20; at_read++) {
        a_clock(0x59);
        tick_at = at_read;
        ticks = 1;
        wall_clock_init(&no_time, true, 50);
        /* The minute before or the one after; one register of each would be a minute off. */
        u64 read_s = (total_at_zero() + now_ns) / 1000000000;
        assert_in_range(read_s, at_read < 10 ? 1796013420 : 1796013419,
                        at_read > 17 ? 1796013419 : 1796013420);
    }
    a_clock(0x00);
    tick_at = 3;
    ticks = ~0u; /* something that is no clock */
    wall_clock_init(&no_time, true, 50);
    assert_true(
        said("no wall clock, guests start in 1970: the real-time clock never reads the same twice\n"));
}

TEST(a_clock_that_is_being_updated, .nodes = 1)
{
    a_clock(0x57);
    registers[10] = 0xa6;
    u64 before = now_ns;
    wall_clock_init(&no_time, true, 50);
    assert_true(said("no wall clock, guests start in 1970: the real-time clock is always being updated, or "
                     "is not there\n"));
    assert_true(now_ns - before < 100000000);
    a_clock(0x57);
    registers[9] = 0xaa;
    wall_clock_init(&no_time, true, 50);
    assert_true(said("no wall clock, guests start in 1970: the real-time clock has no date\n"));
    nr_reads = 0;
    wall_clock_init(&no_time, false, 50);
    assert_true(
        said("no wall clock, guests start in 1970: the firmware says that there is no real-time clock\n"));
    assert_int_equal(nr_reads, 0);
}

TEST(the_firmwares_time_comes_first, .nodes = 1)
{
    const struct boot_efi_time efi = {2026, 11, 30, 5, 36, 57, 250000000, -60, rdtsc()};

    a_clock(0x01);
    wall_clock_init(&efi, true, 50);
    assert_int_equal(nr_reads, 0);
    assert_true(said("Wall clock      2026-11-30 04:36:57 UTC (by UEFI)\n"));
    assert_int_equal(total_at_zero() + now_ns,
                     1796013417ull * 1000000000 + 250000000); /* no TSC passes here */
}

TEST(domains_have_it, .domains = 1)
{
    const struct boot_efi_time efi = {9999, 11, 30, 5, 36, 57, 0, 0, rdtsc()};
    struct shared_info *s;

    wall_clock_init(&efi, false, 0);
    struct domain *d = new_domain(1, 1);
    s = domain_shared_info(d);
    u64 zero_s, seconds = s->wc_sec | (u64)s->wc_sec_hi << 32;
    u32 ns;
    assert_true(wall_clock_at_zero(&zero_s, &ns));
    assert_int_equal(seconds, zero_s);
    assert_true(seconds >> 32);
    assert_int_equal(s->wc_nsec, ns);
    assert_int_equal(s->wc_version, 2);
    domain_set_time_offset(d, -3600);
    assert_int_equal(s->wc_sec | (u64)s->wc_sec_hi << 32, zero_s - 3600);
    assert_int_equal(s->wc_version, 4);
    domain_set_time_offset(d, 60);
    assert_int_equal(s->wc_sec | (u64)s->wc_sec_hi << 32, zero_s + 60);
}

TEST(the_clock_is_set, .nodes = 1)
{
    const u64 second = 1000000000, last = ~0ull;
    const struct {
        u64 seconds;
        u32 ns;
        u64 system_ns;
        int rc;
        u64 total;
    } calls[] = {
        {1796013417, 5, 0, 0, 1796013417 * second + 5},
        {1796013417, 5, 10, 0, 1796013416 * second + 999999995},
        {1, ~0u, 0, 0, 5 * second + 294967295},
        {0, 0, 0, 0, 0},
        {0, 0, 1, -EINVAL, 0},
        {7, 8, 7 * second + 8, 0, 0},
        {7, 8, 7 * second + 9, -EINVAL, 0},
        {last / second, (u32)(last % second), 0, 0, last},
        {last / second, (u32)(last % second) + 1, 0, -EINVAL, last},
        {last / second, (u32)(last % second) + 1, 1, -EINVAL, last},
        {last / second + 1, 0, second, -EINVAL, last},
        {last, ~0u, last, -EINVAL, last},
    };

    for_each_row (i, calls) {
        assert_int_equal(wall_clock_set(calls[i].seconds, calls[i].ns, calls[i].system_ns), calls[i].rc);
        assert_int_equal(total_at_zero(), calls[i].total);
    }
}
