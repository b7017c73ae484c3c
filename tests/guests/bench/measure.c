/* Figures from spans of ticks, and from calls that are made many times: see bench.h. */
#include <tests/guests/bench/bench.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <xen/sched.h>

#define ROUNDS 201u

static u64 samples[ROUNDS];
static u32 nr_samples;
static u64 begun;
static u32 nr_spans; /* marked so far */
static u32 first_span;
static char figure[40];
static char profiled[40]; /* the figure that the profiler is to see; "": all */
static bool marked;

/* Called at the begin and end of each span, outside of what is measured. tests/bench/profile.c counts between
 * their addresses, so they are never inlined and have different bodies. */
static __attribute__((noinline)) void bench_mark_begin(void)
{
    __asm__ volatile("nop");
}
static __attribute__((noinline)) void bench_mark_end(void)
{
    __asm__ volatile("nop; nop");
}

void bench_init(void)
{
    if (!guest_option("profile", profiled, sizeof(profiled)))
        profiled[0] = 0;
}

void bench_figure(const char *name)
{
    str_copy(figure, name, sizeof(figure));
    nr_samples = 0;
    first_span = nr_spans;
    marked = !profiled[0] || !strcmp(figure, profiled);
}

void bench_begin(void)
{
    if (marked)
        bench_mark_begin();
    begun = rdtsc();
}

void bench_end(void)
{
    u64 ticks = rdtsc() - begun;

    if (marked) {
        bench_mark_end();
        nr_spans++;
    }
    if (nr_samples == ROUNDS)
        bench_check(-ENOSPC, "more spans than a figure has");
    samples[nr_samples++] = ticks;
}

static u64 median(void)
{
    /* Insertion sort: the samples are few and nearly equal. */
    for (u32 i = 1; i < nr_samples; i++) {
        u64 v = samples[i];
        u32 j = i;
        for (; j > 0 && samples[j - 1] > v; j--)
            samples[j] = samples[j - 1];
        samples[j] = v;
    }
    return samples[nr_samples / 2];
}

static void report(u64 ticks, u64 calls, u64 pages)
{
    printf("@bench name=%s instructions=%lu calls=%lu", figure, ticks, calls);
    if (pages)
        printf(" pages=%lu", pages);
    printf(" span=%u spans=%u\n", first_span, nr_spans - first_span);
}

void bench_report(u64 pages)
{
    report(median(), 1, pages);
}

static void nothing(void)
{
    __asm__ volatile("");
}

/* Many calls in one sample, so that reading the TSC, which may be an exit itself, weighs little. */
static u64 sample(const char *name, void (*fn)(void))
{
    bench_figure(name);
    for (u32 i = 0; i < ROUNDS; i++) {
        bench_begin();
        for (u32 n = 0; n < BENCH_CALLS; n++)
            fn();
        bench_end();
    }
    return median();
}

void bench_calls(const char *name, void (*fn)(void))
{
    static u64 base;

    if (!base)
        base = sample("nothing", nothing);
    u64 ticks = sample(name, fn);
    report(ticks > base ? (ticks - base) / BENCH_CALLS : 0, BENCH_CALLS, 0);
}

void bench_check(int rc, const char *what)
{
    if (!rc)
        return;
    printf("bench: %s: %d\n", what, rc);
    guest_verdict(false);
    guest_shutdown(SHUTDOWN_crash);
}
