/*
 * The memory test. First, all memory must be zero, or it holds another domain's data. Then each 8-byte word
 * gets a pattern made from its address, which detects two addresses that reach the same memory:
 *   1. ascending: write p(address)
 *   2. descending: verify p, write its complement
 *   3. ascending: verify the complement
 */
#include <guest/lib/guest.h>
#include <guest/test/test.h>

/* Odd, so that different addresses give different patterns. */
#define SPREAD 0x9e3779b97f4a7c15ull

static u64 bytes_tested;

static inline u64 pattern(const u64 *p)
{
    return (u64)(uintptr_t)p * SPREAD;
}

static bool wrong(const volatile u64 *p, u64 expected, const char *when)
{
    printf("memory test: %s at %#lx: expected %016lx, found %016lx\n", when, (u64)(uintptr_t)p, expected, *p);
    return false;
}

/* The page with the start info is the builder's and may hold anything. claims.md CL-5.15. */
static bool zero_on_arrival(u64 *start, u64 *end)
{
    u64 start_info = ALIGN_DOWN(guest_env.start_info, PAGE_SIZE);

    for (u64 *p = start; p < end; p++) {
        if (*p != 0 && ALIGN_DOWN((u64)(uintptr_t)p, PAGE_SIZE) != start_info)
            return wrong(p, 0, "on arrival");
    }
    return true;
}

static void write_up(u64 *start, u64 *end)
{
    for (u64 *p = start; p < end; p++)
        *p = pattern(p);
}

static bool complement_down(u64 *start, u64 *end)
{
    for (u64 *p = end; p > start;) {
        p--;
        if (*p != pattern(p))
            return wrong(p, pattern(p), "going down");
        *p = ~pattern(p);
    }
    return true;
}

static bool verify_up(const u64 *start, const u64 *end)
{
    for (const u64 *p = start; p < end; p++) {
        if (*p != ~pattern(p))
            return wrong(p, ~pattern(p), "going up");
    }
    return true;
}

typedef bool pass(u64 *start, u64 *end);

static bool pass1(u64 *start, u64 *end)
{
    write_up(start, end);
    bytes_tested += (u64)(uintptr_t)end - (u64)(uintptr_t)start;
    return true;
}

static bool pass3(u64 *start, u64 *end)
{
    return verify_up(start, end);
}

/* Hands [base, end) to fn, without the image. The compiler must not know that one range starts at NULL. */
static bool each_piece(u64 base, u64 end, pass *fn)
{
    u64 own_start = (u64)(uintptr_t)image_start, own_end = ALIGN_UP((u64)(uintptr_t)image_end, PAGE_SIZE);
    bool ok = true;

    if (base < own_start && base < end)
        ok = fn((u64 *)base, (u64 *)MIN(end, own_start));
    if (ok && end > own_end)
        ok = fn((u64 *)MAX(base, own_end), (u64 *)end);
    return ok;
}

/* A pass over all ranges, so that pass 2 sees what pass 1 wrote anywhere. */
static bool over_all_ranges(pass *fn, bool down)
{
    for (u32 n = 0; n < guest_env.nr_ranges; n++) {
        const struct guest_range *r = &guest_env.ranges[down ? guest_env.nr_ranges - 1 - n : n];
        if (r->type != XEN_HVM_MEMMAP_TYPE_RAM)
            continue;
        if (!each_piece(ALIGN_UP(r->base, PAGE_SIZE), ALIGN_DOWN(r->base + r->size, PAGE_SIZE), fn))
            return false;
    }
    return true;
}

bool memtest_run(void)
{
    u64 start = guest_now_ms();

    bytes_tested = 0;
    printf("memory test: zero on arrival, ascending, descending, ascending\n");
    bool ok = over_all_ranges(zero_on_arrival, false) && over_all_ranges(pass1, false) &&
              over_all_ranges(complement_down, true) && over_all_ranges(pass3, false);
    /* The image's own part counts as tested by running from it. */
    u64 own = ALIGN_UP((u64)(uintptr_t)image_end, PAGE_SIZE) - (u64)(uintptr_t)image_start;
    printf("memory test: %lu KiB written and read both ways, %lu KiB hold this program, %lu ms\n",
           bytes_tested >> 10, own >> 10, guest_now_ms() - start);
    printf("memory test: %lu MiB %s\n", (bytes_tested + own + MIB(1) / 2) >> 20, ok ? "ok" : "FAILED");
    return ok;
}
