/* claim-stress: what a run is asked for and what it found. Operations are calls of mm/'s interface. */
#ifndef TESTS_STRESS_STRESS_H
#define TESTS_STRESS_STRESS_H

#include "pages.h"

struct stress_options {
    u64 ops;
    u32 threads; /* 1: against the reference; more: as CPUs */
    u32 nodes;
    u64 seed;
    u32 faults; /* per mille of the places where something can go wrong */
};

enum stress_op {
    OP_ALLOC,
    OP_TAKE,
    OP_TAKE_BULK,
    OP_TAKE_HUGE,
    OP_TAKE_OVERHEAD,
    OP_TAKE_LIMITED,
    OP_DONE_ALL,
    OP_DONE_PART,
    OP_FREE_OVERHEAD,
    OP_RELEASE,
    OP_RELEASE_MANY,
    OP_PIN,
    OP_UNPIN,
    OP_LEGACY,
    OP_SET,
    OP_REPLACE,
    OP_READ_SET,
    OP_KILL,
    OP_RELEASE_SOME,
    OP_REBIRTH,
    OP_SCRUB,
    OP_OFFLINE,
    OP_ONLINE,
    OP_FIGURES,
    NR_STRESS_OPS
};

struct stress_counts {
    u64 ok[NR_STRESS_OPS], refused[NR_STRESS_OPS];
    u64 extents;        /* that takes brought */
    u64 injected;       /* other work in the middle of clearing, or between a take and its end */
    u64 exact_promised; /* takes that a claim had to make succeed */
    u64 passed_over;    /* clean memory of a nearer node that was not found */
    u64 judged;         /* refusals looked into */
};

struct stress_result {
    u64 oversubscribed, false_refusals, lost_pages;
    struct stress_counts counts;
};

static inline int stress_count(struct stress_counts *counts, enum stress_op op, int rc)
{
    (rc ? counts->refused : counts->ok)[op]++;
    return rc;
}
static inline enum stress_op take_kind(const struct mm_request *r)
{
    return r->flags & MM_OVERHEAD ? OP_TAKE_OVERHEAD
           : r->address_bits      ? OP_TAKE_LIMITED
           : r->order >= ORDER_2M ? OP_TAKE_HUGE
           : r->nr > 1            ? OP_TAKE_BULK
                                  : OP_TAKE;
}
static inline u64 stress_total(const struct stress_counts *counts)
{
    u64 sum = 0;

    for (u32 op = 0; op < NR_STRESS_OPS; op++)
        sum += counts->ok[op] + counts->refused[op];
    return sum;
}

/* Both end at the first thing that is wrong (nr_wrong), at the latest after ops operations. */
void stress_single(const struct stress_options *options, struct stress_result *result);
void stress_threads(const struct stress_options *options, struct stress_result *result);
int stress_main(int argc, char **argv);

#endif
