/*
 * alloc-bench MODE: measures, and prints a line `figure NAME SUBJECT VALUE` each; tests/bench/alloc.py makes
 * the table. Modes:
 *
 *   count  for callgrind: one dump a work and subject, named NAME.SUBJECT.OPERATIONS
 *   time   nanoseconds an operation, best of several rounds, and what `threads` does
 *   threads  two threads against one, the median of several rounds
 *   shape  fragmentation and metadata
 *   hold   the longest hold of a lock in instructions; only alloc-hold, which has hooks in its locks
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include <homestead/types.h>
#include <tests/bench/alloc/bench.h>

#define ROUNDS 7u

static const struct subject *const subjects[] = {&subject_homestead, &subject_buddy};

static bool does(const struct subject *on, const struct work *work)
{
    return !work->claims || on == &subject_homestead;
}

#ifndef HOLD
static void count(const struct subject *on, const struct work *work)
{
    char name[64];

    if (!work->count_ops)
        return;
    work->prepare(on);
    snprintf(name, sizeof(name), "%s.%s.%lu", work->name, on->name, (unsigned long)work->count_ops);
    if (!work->once)
        work->run(on, work->count_ops / 10); /* into a steady state */
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    work->run(on, work->count_ops);
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}

static void time_work(const struct work *work)
{
    u64 best[ARRAY_SIZE(subjects)];

    if (!work->time_ops)
        return;
    memset(best, 0xff, sizeof(best));
    for (u32 s = 0; s < ARRAY_SIZE(subjects); s++) {
        if (!does(subjects[s], work))
            continue;
        for (u32 round = 0; round < ROUNDS; round++) {
            if (round == 0 || work->once)
                work->prepare(subjects[s]);
            /* This thread's own time: what others get of the processor does not count. */
            u64 start = bench_ns(CLOCK_THREAD_CPUTIME_ID);
            work->run(subjects[s], work->time_ops);
            u64 ns = bench_ns(CLOCK_THREAD_CPUTIME_ID) - start;
            best[s] = MIN(best[s], ns);
        }
        printf("figure %s %s %.3f\n", work->name, subjects[s]->name,
               (double)best[s] / (double)work->time_ops);
    }
}

static int compare_ns(const void *a, const void *b)
{
    u64 left = *(const u64 *)a, right = *(const u64 *)b;

    return (left > right) - (left < right);
}

/* How much more two threads do than one in the same time, of 2. The median of rounds: the best one is that in which one
 * thread did not get its processor, and so did not meet the other; in the worst one the holder of a lock lost it. */
static void time_threads(const char *name, bool same, bool bulk)
{
    u64 ops =
        bulk ? 1000 : 50000; /* short, so that a round can fall into a time when both processors are free */

    for (u32 s = 0; s < ARRAY_SIZE(subjects); s++) {
        u64 ns[2][3 * ROUNDS];
        for (u32 round = 0; round < 3 * ROUNDS; round++)
            for (u32 nr = 1; nr <= 2; nr++)
                ns[nr - 1][round] = threads_run(subjects[s], nr, same, bulk, ops);
        for (u32 i = 0; i < 2; i++)
            qsort(ns[i], 3 * ROUNDS, sizeof(ns[i][0]), compare_ns);
        printf("figure %s %s %.3f\n", name, subjects[s]->name,
               2.0 * (double)ns[0][3 * ROUNDS / 2] / (double)ns[1][3 * ROUNDS / 2]);
    }
}

static void time_all_threads(void)
{
    time_threads("threads_apart", false, false);
    time_threads("threads_apart_bulk", false, true);
    time_threads("threads_same", true, false);
    time_threads("threads_same_bulk", true, true);
}

static int run_mode(const char *mode)
{
    if (!strcmp(mode, "count")) {
        for (u32 w = 0; w < nr_works; w++)
            for (u32 s = 0; s < ARRAY_SIZE(subjects); s++)
                if (does(subjects[s], &works[w]))
                    count(subjects[s], &works[w]);
    } else if (!strcmp(mode, "time")) {
        for (u32 w = 0; w < nr_works; w++)
            time_work(&works[w]);
        time_all_threads();
    } else if (!strcmp(mode, "threads")) {
        time_all_threads();
    } else if (!strcmp(mode, "shape")) {
        for (u32 s = 0; s < ARRAY_SIZE(subjects); s++) {
            printf("figure fragment %s %lu\n", subjects[s]->name, (unsigned long)work_fragment(subjects[s]));
            printf("figure metadata %s %.3f\n", subjects[s]->name, (double)subjects[s]->metadata_bytes / 512);
        }
    } else {
        return 2;
    }
    return 0;
}

#else

/* Each work's own longest hold goes to the table's reader too: which one it was matters. */
static int run_mode(const char *mode)
{
    if (strcmp(mode, "hold"))
        return 2;
    for (u32 s = 0; s < ARRAY_SIZE(subjects); s++) {
        for (u32 w = 0; w < nr_works; w++) {
            if (!works[w].step_ops || !does(subjects[s], &works[w]))
                continue;
            works[w].prepare(subjects[s]);
            hold_reset();
            hold_begin();
            works[w].run(subjects[s], works[w].step_ops);
            hold_end();
            printf("figure hold_%s %s %lu\n", works[w].name, subjects[s]->name,
                   (unsigned long)hold_longest());
        }
    }
    return 0;
}
#endif

/* For tests/machine/log.c: locks are not counted here. */
u32 locks_held(void)
{
    return 0;
}

int main(int argc, char **argv)
{
    int status = argc == 2 ? run_mode(argv[1]) : 2;

    if (status)
        fprintf(stderr, "usage: %s MODE, see tests/bench/alloc/main.c\n", argv[0]);
    return status;
}
