/*
 * attack=flood: prints lines as fast as it can for ms= milliseconds, on every vCPU; do=spin spins instead, to compare.
 * attack=gap: watches the TSC and prints the longest time for which it did not run: what a neighbour feels of the flood.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <lib/string.h>

static void port_write(const char *text)
{
    while (*text)
        __asm__ volatile("outb %%al, %%dx" : : "a"(*text++), "d"(0xe9));
}

bool attack_flood(void)
{
    u64 end = guest_now_ms() + guest_option_number("ms", 3000), lines = 0;
    char buf[16];
    const char *mode = guest_option("do", buf, sizeof(buf));
    bool spin = mode && !strcmp(mode, "spin");

    while (guest_now_ms() < end) {
        if (!spin)
            port_write("a line that nobody needs, again and again, for as long as it is let\n\n\n\n");
        lines++;
    }
    printf("hostile   flood: %s %lu times\n", spin ? "spun" : "printed", lines);
    return true;
}

bool attack_gap(void)
{
    u64 end = guest_now_ms() + guest_option_number("ms", 2000), longest = 0, last = rdtsc();

    while (guest_now_ms() < end) {
        u64 now = rdtsc();

        longest = MAX(longest, now - last);
        last = now;
    }
    printf("hostile   gap: the longest was %lu us\n", longest * 1000 / guest_env.tsc_khz);
    return true;
}
