/*
 * How long each part of a call is, in instructions: the processor single-steps (trap flag), and the signal of each step
 * counts. The hooks of the locks lie in a section of their own, whose instructions do not count (as in tests/bench/alloc/hold.c).
 */
#include "storm.h"

#include <tests/bench/alloc/single_step.h>

#define HOOK __attribute__((section("storm_hook"), noinline))
extern char __start_storm_hook[], __stop_storm_hook[];

#define KNOWN_MAX 64u

static struct trace *tracing;
static volatile u32 steps;
static bool stepping;
static struct known {
    struct trace trace;
    u64 samples;
} known[NR_CALLS][KNOWN_MAX];
static u32 nr_known[NR_CALLS];
u64 costs_strange;

HOOK static void add(s16 lock)
{
    if (!tracing)
        return;
    if (tracing->nr == EVENTS_MAX)
        abort();
    tracing->event[tracing->nr++] = (struct event){.lock = lock, .before = steps};
    steps = 0;
}

/* A domain's account is its builder's alone, so nobody waits for its lock. */
HOOK void lock_check_take(u32 level)
{
    if (level >= LOCK_NODE && level < LOCK_NODE + NODES)
        add((s16)(level - LOCK_NODE));
    else if (level == LOCK_CLAIMANTS)
        add(LOCK_OF_LIST);
}

HOOK void lock_check_drop(u32 level)
{
    if (level >= LOCK_NODE && level < LOCK_NODE + NODES)
        add((s16) ~(s16)(level - LOCK_NODE));
    else if (level == LOCK_CLAIMANTS)
        add((s16)~LOCK_OF_LIST);
}

u32 locks_held(void)
{
    return 0;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    char *at = stepped_at(context);

    (void)signal;
    (void)info;
    if (at < __start_storm_hook || at >= __stop_storm_hook)
        steps = steps + 1;
}

void trace_begin(struct trace *trace, bool counted)
{
    trace->nr = 0;
    trace->after = 0;
    tracing = trace;
    steps = 0;
    stepping = counted;
    if (counted)
        single_step_begin(on_step);
}

void trace_end(void)
{
    if (stepping)
        single_step_end();
    tracing->after = steps;
    tracing = NULL;
}

/* Which node it is does not matter. */
static bool same_kind(s16 a, s16 b)
{
    s16 x = a < 0 ? (s16)~a : a, y = b < 0 ? (s16)~b : b;

    return (a < 0) == (b < 0) && (x < (s16)NODES ? y < (s16)NODES : x == y);
}

static struct known *find(enum call call, const struct trace *trace)
{
    for (u32 k = 0; k < nr_known[call]; k++) {
        const struct trace *t = &known[call][k].trace;
        u32 i = 0;

        while (t->nr == trace->nr && i < t->nr && same_kind(t->event[i].lock, trace->event[i].lock))
            i++;
        if (t->nr == trace->nr && i == t->nr)
            return &known[call][k];
    }
    return NULL;
}

static u32 mean(u32 old, u32 new, u64 samples)
{
    return (u32)((old * (samples - 1) + new) / samples);
}

void costs_learn(enum call call, const struct trace *trace)
{
    struct known *k = find(call, trace);

    if (!k) {
        if (nr_known[call] == KNOWN_MAX)
            return;
        k = &known[call][nr_known[call]++];
        *k = (struct known){.trace = *trace};
    }
    k->samples++;
    for (u32 i = 0; i < trace->nr; i++)
        k->trace.event[i].before = mean(k->trace.event[i].before, trace->event[i].before, k->samples);
    k->trace.after = mean(k->trace.after, trace->after, k->samples);
}

/* Of those known, the one that is nearest in length. */
static const struct known *nearest(enum call call, u32 nr)
{
    const struct known *best = &known[call][0];

    for (u32 k = 1; k < nr_known[call]; k++) {
        u32 far = known[call][k].trace.nr, least = best->trace.nr;

        if ((far > nr ? far - nr : nr - far) < (least > nr ? least - nr : nr - least))
            best = &known[call][k];
    }
    return best;
}

void costs_apply(enum call call, struct trace *trace)
{
    const struct known *k = find(call, trace);

    if (!k) {
        costs_strange++;
        if (!nr_known[call])
            abort();
        k = nearest(call, trace->nr); /* the same times, as far as they go, and again from the start */
    }
    for (u32 i = 0; i < trace->nr; i++)
        trace->event[i].before = k->trace.nr ? k->trace.event[i % k->trace.nr].before : 0;
    trace->after = k->trace.after;
}
