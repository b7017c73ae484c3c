/*
 * claim-stress: random operations on the real mm/ from a seed, see docs/hypervisor-guide/testing.md.
 *
 *   claim-stress [--ops N] [--threads T] [--nodes K] [--seed S] [--faults PERMILLE] [--quiet]
 *
 * One thread is compared with a reference allocator after each operation; more are judged by what holds
 * whatever the order was. Prints what was done and a last line `oversubscribed=0 false_refusals=0
 * lost_pages=0 wrong=0`. Status 1 unless all four are 0, 2 for bad arguments.
 */
#include "stress.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const op_name[NR_STRESS_OPS] = {
    [OP_ALLOC] = "alloc",
    [OP_TAKE] = "take",
    [OP_TAKE_BULK] = "take many",
    [OP_TAKE_HUGE] = "take 2M to 1G",
    [OP_TAKE_OVERHEAD] = "take overhead",
    [OP_TAKE_LIMITED] = "take below an address",
    [OP_DONE_ALL] = "keep all",
    [OP_DONE_PART] = "keep a part",
    [OP_FREE_OVERHEAD] = "free overhead",
    [OP_RELEASE] = "release",
    [OP_RELEASE_MANY] = "release many",
    [OP_PIN] = "pin",
    [OP_UNPIN] = "unpin",
    [OP_LEGACY] = "legacy claim",
    [OP_SET] = "claim set",
    [OP_REPLACE] = "claim set, replacing",
    [OP_READ_SET] = "read claims",
    [OP_KILL] = "kill",
    [OP_RELEASE_SOME] = "release some",
    [OP_REBIRTH] = "new domain",
    [OP_SCRUB] = "scrub",
    [OP_OFFLINE] = "offline",
    [OP_ONLINE] = "online",
    [OP_FIGURES] = "figures",
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int usage(const char *why)
{
    fprintf(stderr,
            "claim-stress: %s\n"
            "usage: claim-stress [--ops N] [--threads 1..16] [--nodes 1..8] [--seed S] [--faults 0..1000] "
            "[--quiet]\n",
            why);
    return 2;
}

/* False: not a number in min .. max. */
static bool number(const char *text, u64 min, u64 max, u64 *out)
{
    char *end;
    double value = strtod(text, &end); /* 1e8 is a number */

    if (end == text || *end || !(value >= (double)min && value <= (double)max))
        return false;
    *out = (u64)value;
    return true;
}

static bool parse(int argc, char **argv, struct stress_options *o, bool *quiet)
{
    static const struct option names[] = {
        {"ops", 1, NULL, 'o'},    {"threads", 1, NULL, 't'}, {"nodes", 1, NULL, 'n'}, {"seed", 1, NULL, 's'},
        {"faults", 1, NULL, 'f'}, {"quiet", 0, NULL, 'q'},   {NULL, 0, NULL, 0}};
    u64 ops = 1000000, threads = 1, nodes = 4, seed = 1, faults = 20;
    bool good = true;

    for (int c; good && (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'o')
            good = number(optarg, 1, 1e15, &ops);
        else if (c == 't')
            good = number(optarg, 1, 16, &threads);
        else if (c == 'n')
            good = number(optarg, 1, 8, &nodes);
        else if (c == 's')
            good = number(optarg, 0, 9007199254740992.0, &seed);
        else if (c == 'f')
            good = number(optarg, 0, 1000, &faults);
        else if (c == 'q')
            *quiet = true;
        else
            good = false;
    }
    *o = (struct stress_options){
        .ops = ops, .threads = (u32)threads, .nodes = (u32)nodes, .seed = seed, .faults = (u32)faults};
    return good && optind == argc;
}

static void print_counts(const struct stress_counts *counts, double seconds, u32 threads)
{
    printf("%-24s%14s%14s\n", "operation", "done", "refused");
    for (u32 op = 0; op < NR_STRESS_OPS; op++)
        if (counts->ok[op] + counts->refused[op])
            printf("%-24s%14llu%14llu\n", op_name[op], (unsigned long long)counts->ok[op],
                   (unsigned long long)counts->refused[op]);
    printf("%llu extents taken, %llu intrusions, %llu takes that a claim had to make succeed, %llu refusals "
           "judged, %llu nodes with clean memory passed over\n",
           (unsigned long long)counts->extents, (unsigned long long)counts->injected,
           (unsigned long long)counts->exact_promised, (unsigned long long)counts->judged,
           (unsigned long long)counts->passed_over);
    double ops = (double)stress_total(counts);
    printf("%.0f operations in %.1f s: %.0f a second, %.0f by each thread\n", ops, seconds, ops / seconds,
           ops / seconds / threads);
}

int stress_main(int argc, char **argv)
{
    struct stress_options options;
    static struct stress_result result;
    bool quiet = false;

    if (!parse(argc, argv, &options, &quiet))
        return usage("bad arguments");
    memset(&result, 0, sizeof(result));
    run_seed = options.seed;
    double start = now();
    if (options.threads == 1)
        stress_single(&options, &result);
    else
        stress_threads(&options, &result);
    if (!quiet)
        print_counts(&result.counts, now() - start, options.threads);
    printf("claim-stress: %llu ops, %u threads, %u nodes, seed %llu: oversubscribed=%llu false_refusals=%llu "
           "lost_pages=%llu wrong=%llu\n",
           (unsigned long long)stress_total(&result.counts), options.threads, options.nodes,
           (unsigned long long)options.seed, (unsigned long long)result.oversubscribed,
           (unsigned long long)result.false_refusals, (unsigned long long)result.lost_pages,
           (unsigned long long)nr_wrong);
    return result.oversubscribed || result.false_refusals || result.lost_pages || nr_wrong;
}
