/*
 * boot-storm: as many builders as CPUs build and destroy domains on the real mm/, in virtual time. Time is counted in
 * instructions. Which locks a call takes is what the real call takes; how long it holds them was counted by single steps.
 */
#ifndef TESTS_SIM_STORM_H
#define TESTS_SIM_STORM_H

#include <mm/claims.h>
#include <mm/mm.h>
#include <tests/machine/machine.h>

#define NODES        64u
#define BUILDERS_MAX 1024u
#define POOL_MAX     1024u
#define EVENTS_MAX   1024u

/* A call: locks taken and dropped, and how long each step is. */
struct trace {
    u32 nr;
    struct event {
        s16 lock;   /* taken; ~lock: dropped */
        u32 before; /* instructions since the event before */
    } event[EVENTS_MAX];
    u32 after; /* the last one */
};
enum { LOCK_OF_NODE = 0, LOCK_OF_LIST = NODES, LOCK_OF_HOST, NR_LOCKS };

enum call { CALL_CLAIM, CALL_POOL, CALL_POPULATE, CALL_KILL, CALL_FREE, CALL_FREE_POOL, NR_CALLS };

/* --- step.c: how long a call takes --- */
/* Between the two, calls of mm/ are noted in trace; counted: and their instructions. */
void trace_begin(struct trace *trace, bool counted);
void trace_end(void);
/* Of a call that was counted, for those of its kind. */
void costs_learn(enum call call, const struct trace *trace);
/* Gives a trace that was not counted the times of one of its kind. */
void costs_apply(enum call call, struct trace *trace);
extern u64 costs_strange; /* traces for which none with the same locks was known */

/* --- builder.c: the life of a domain --- */
extern u32 guest_extents; /* of 2 MiB */
extern u32 pool_pages;    /* of its paging pool, up to POOL_MAX */
struct builder {
    u32 id, node, step;
    bool counted;             /* its calls are counted */
    bool beside;              /* or it is only there, and no time is asked of it */
    u64 builds, instructions; /* of mm/, in those that were counted */
    struct rng rng;
    struct mem_account account;
    struct mm_taken taken;
    mfn_t pool[POOL_MAX];
    u32 nr_pool, nr_extents;
};
void machine_build(u64 node_pages);
/* Has all come back? all: also every record, which takes seconds. */
void machine_check_empty(bool all);
void builder_init(struct builder *b, u32 id, u64 seed);
/* Makes the next call. True: it was the last one of a domain. */
bool builder_step(struct builder *b, struct trace *trace);
/* How many calls a domain's life has. */
extern u64 builder_calls;

/* --- run.c --- */
enum locks { AS_BUILT, HOST_LOCK, XEN };
struct xen_costs {
    u64 build, destroy, hold_2m,
        hold_4k; /* instructions: whole life, of it destroying; one extent under the heap lock */
};
struct result {
    u64 builds, time, waited; /* instructions; waited: of all builders */
};
/* others: what a domain's life costs outside of mm/. */
void storm(enum locks locks, u32 nr_builders, u64 builds, u64 others, const struct xen_costs *xen, u64 seed,
           struct result *result);

#endif
