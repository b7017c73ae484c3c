/* Spans of ticks, and calls that are made many times: see bench.h. */
#include <guest/bench/bench.h>
#include <lib/string.h>
#include <xen/sched.h>

#define ROUNDS 201u

static u64 samples[ROUNDS];
static char profiled[32]; /* the figure that the profiler is to see; "": none */

/* Two places that a profiler knows by their addresses: never inlined, and with bodies of their own. */
__attribute__((noinline)) void bench_mark_begin(void)
{
    __asm__ volatile("nop");
}
__attribute__((noinline)) void bench_mark_end(void)
{
    __asm__ volatile("nop; nop");
}

void bench_init(void)
{
    if (!guest_option("profile", profiled, sizeof(profiled)))
        profiled[0] = 0;
}

u64 bench_begin(const char *name)
{
    if (profiled[0] && !strcmp(name, profiled))
        bench_mark_begin();
    return rdtsc();
}

u64 bench_end(const char *name, u64 begin)
{
    u64 ticks = rdtsc() - begin;

    if (profiled[0] && !strcmp(name, profiled))
        bench_mark_end();
    return ticks;
}

static u64 median(void)
{
    /* Insertion sort: the samples are few and nearly equal. */
    for (u32 i = 1; i < ROUNDS; i++) {
        u64 v = samples[i];
        u32 j = i;
        for (; j > 0 && samples[j - 1] > v; j--)
            samples[j] = samples[j - 1];
        samples[j] = v;
    }
    return samples[ROUNDS / 2];
}

static void nothing(void)
{
    __asm__ volatile("");
}

/* Many calls in one sample, so that reading the TSC, which may be an exit itself, weighs little. */
static u64 sample(const char *name, void (*fn)(void))
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u64 begin = bench_begin(name);
        for (u32 n = 0; n < BENCH_CALLS; n++)
            fn();
        samples[i] = bench_end(name, begin);
    }
    return median();
}

void bench_measure(const char *name, void (*fn)(void))
{
    static u64 base;

    if (!base)
        base = sample("nothing", nothing);
    u64 ticks = sample(name, fn);
    ticks = ticks > base ? (ticks - base) / BENCH_CALLS : 0;
    printf("@bench name=%s instructions=%lu\n", name, ticks);
}

void bench_check(int rc, const char *what)
{
    if (!rc)
        return;
    printf("bench: %s: %d\n", what, rc);
    printf("@verdict result=FAIL\n");
    guest_shutdown(SHUTDOWN_crash);
}
