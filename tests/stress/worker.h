/*
 * Threads as CPUs. Each worker has private domains, on which it alone acts, so that what their claims promise
 * can be held against mm/ without an order of all operations; and all of them act on the shared domains,
 * which are killed, claimed for anew and torn down by one while another one populates them.
 *
 * Legend: [o] the worker's own, [a] atomic, [P] changed by the coordinator while all workers wait.
 */
#ifndef TESTS_STRESS_WORKER_H
#define TESTS_STRESS_WORKER_H

#include "stress.h"

#include <sched.h>
#include <stdatomic.h>

#define WORKERS_MAX  16u
#define NODES_MAX    8u
#define SHARED       4u
#define PRIVATE_EACH 3u
#define BALLAST      (SHARED + 1) /* the coordinator's: fills the nodes up */
#define FIRST_DOMID  1u
#define HELD_MAX     2048u
#define OPEN_MAX     3u
#define PINS_MAX     48u
#define RECENT       256u
#define AWAY_MAX     16u

enum phase_kind {
    PHASE_TIGHT, /* hardly anything is free */
    PHASE_ROOMY, /* all that domains may have together is there: a page is never refused */
    PHASE_HUGE,  /* extents of 2M to 1G, also from small ones freed */
    NR_PHASES
};

struct phase { /* [P] */
    enum phase_kind kind;
    bool fresh; /* every domain starts anew */
    u64 max_pages;
};
extern struct phase phase;

/* A domain's life: whoever calls mm/ for it is one of its users; it is made anew when there are none. */
struct domain_life {
    _Atomic s32 users; /* [a] -1: being made anew */
    _Atomic u32 births;
};
extern struct domain_life life[ACCOUNTS];
bool domain_enter(u32 d);
void domain_enter_for_sure(u32 d); /* waits while it is being made anew */
void domain_leave(u32 d);
bool domain_dying(u32 d);
/* If it is dead and gone. */
bool domain_rebirth(u32 d, u64 max_pages);
u64 domain_total(u32 d);

struct held { /* an extent */
    u64 n;
    u32 d;      /* 0: Homestead's own */
    u32 births; /* the domain's then */
    u16 tag;
    u8 order;
    bool overhead;
};

struct open_take {
    struct mm_taken taken;
    u32 d, births;
    u16 tag;
    bool overhead;
    bool disturbed; /* its domain was killed or its claims replaced since */
    u64 offlined_before;
    u64 out_before; /* private: what it had outstanding before the take */
};

struct worker {
    _Atomic u64 calls; /* [a] odd while a call is under way */
    char apart[56];
    u32 depth;
    u32 id;
    u32 nr_workers, nr_nodes;
    u32 faults;
    u64 ops; /* to do */
    struct rng rng;
    struct stress_result result;
    struct held held[HELD_MAX]; /* [o] */
    u32 nr_held, nr_overhead;
    u64 homestead_pages; /* of them, Homestead's own */
    struct open_take open[OPEN_MAX];
    u32 nr_open;
    u64 pinned[PINS_MAX];
    u32 nr_pinned;
    u64 away[AWAY_MAX]; /* frames it took offline */
    u32 nr_away;
    u16 next_tag;
    struct open_take *clearing; /* the take whose memory may be being cleared now */
};
extern struct worker *workers[WORKERS_MAX];
extern _Thread_local struct worker *me;

/* Where memory was handed out lately, by whom: for those who pin. 34 bits of frame, domid above. */
extern _Atomic u64 recent[RECENT];
/* Counts frames that were taken offline: each may have taken a page back from anybody's claims. */
extern _Atomic u64 offlined;

static inline u32 wrnd(u32 below)
{
    return rng_draw(&me->rng, below);
}
static inline bool fault(void)
{
    return wrnd(1000) < me->faults;
}
static inline u32 private_domain(u32 worker, u32 k)
{
    return BALLAST + 1 + worker * PRIVATE_EACH + k;
}
/* One of the worker's own in percent of cases, else a shared one. */
static inline u32 worker_domain(u32 percent)
{
    return wrnd(100) < percent ? private_domain(me->id, wrnd(PRIVATE_EACH)) : FIRST_DOMID + wrnd(SHARED);
}
static inline bool is_private(u32 d)
{
    return d > BALLAST;
}
static inline u32 nr_domains(u32 nr_workers)
{
    return BALLAST + nr_workers * PRIVATE_EACH;
}
static inline struct mem_account *account_of(u32 d)
{
    return d ? &accounts[d] : NULL;
}

/* Around every call that may change mm/, so that another worker can tell that nothing happened. */
static inline void call_begin(void)
{
    if (me->depth++ == 0) /* a call may come in the middle of another's clearing */
        atomic_fetch_add(&me->calls, 1);
}
static inline int call_end(enum stress_op op, int rc)
{
    if (--me->depth == 0)
        atomic_fetch_add(&me->calls, 1);
    run_step++;
    return stress_count(&me->result.counts, op, rc);
}

/* worker.c */
void worker_step(void);
void worker_end_all_takes(void);
void worker_give_all_back(void);
void worker_intrude(struct open_take *take);
void worker_kill(u32 d);
/* Its claims are no longer what they were when the worker's takes under way began. */
void worker_disturb(u32 d);
/* worker_take.c */
void worker_op_take(void);
void worker_end_take(u32 i, u32 kept);
/* Refused while in a roomy phase, or a claim of its own should have seen to it. */
void worker_false_refusal(const char *why, u32 d, int nid);
/* worker_give.c */
void worker_release_one(u32 i);
void worker_op_release(void);
void worker_op_release_some(void);
void worker_op_pin(void);
void worker_op_unpin(void);
void worker_op_offline(void);
void worker_op_online(void);
void worker_op_claim(u32 d);

#endif
