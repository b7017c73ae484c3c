/*
 * Virtual time. Each builder has a clock. The one whose next event comes first is next; a lock that is held is waited for in
 * the order of asking, as ticket locks are. What a cache line costs that moves from CPU to CPU is not in it.
 */
#include "storm.h"

#include <stdlib.h>

static struct builder builders[BUILDERS_MAX];
static struct run {
    struct trace trace;
    u32 at;  /* the next event of the trace */
    u64 now; /* when that is */
    u64 asked;
    bool last;  /* the trace is the last one of a domain */
    u32 extent; /* XEN: of the domain's life */
    u32 next;   /* waiting for the same lock, + 1 */
} runs[BUILDERS_MAX];
static struct lock {
    bool held;
    u32 first, last; /* waiting, + 1 */
} locks[NR_LOCKS];

/* --- whose turn it is: a heap of builders by time, then by number --- */

static u32 heap[BUILDERS_MAX], heap_nr;

static bool before(u32 a, u32 b)
{
    return runs[a].now != runs[b].now ? runs[a].now < runs[b].now : a < b;
}

static void heap_push(u32 id)
{
    u32 i = heap_nr++;

    for (; i && before(id, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = id;
}

static u32 heap_pop(void)
{
    u32 top = heap[0], last = heap[--heap_nr], i = 0;

    for (u32 child; (child = 2 * i + 1) < heap_nr; i = child) {
        if (child + 1 < heap_nr && before(heap[child + 1], heap[child]))
            child++;
        if (before(last, heap[child]))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

/* --- traces of other locks than mm/'s --- */

/* All the time in which a node's lock is held, a lock of the host's is held too. */
static void add_host_lock(struct trace *t)
{
    struct trace was = *t;
    u32 held = 0;

    t->nr = 0;
    for (u32 i = 0; i < was.nr; i++) {
        struct event e = was.event[i];
        bool node = (e.lock < 0 ? ~e.lock : e.lock) < (s16)NODES;

        BUG_ON(t->nr + 2 > EVENTS_MAX);
        if (node && e.lock >= 0 && held++ == 0) {
            t->event[t->nr++] = (struct event){.lock = LOCK_OF_HOST, .before = e.before};
            e.before = 0;
        }
        t->event[t->nr++] = e;
        if (node && e.lock < 0 && --held == 0)
            t->event[t->nr++] = (struct event){.lock = (s16)~LOCK_OF_HOST, .before = 0};
    }
}

/* One extent of the life of a domain on Xen: the pool's pages and the guest's come, and go. */
static bool xen_step(struct run *run, const struct xen_costs *xen)
{
    const u32 half = pool_pages + guest_extents;
    bool going = run->extent >= half, pool = run->extent % half < pool_pages;
    u64 hold = pool ? xen->hold_4k : xen->hold_2m;
    u64 held = pool_pages * xen->hold_4k + guest_extents * xen->hold_2m;
    u64 all = (going ? xen->destroy : xen->build - xen->destroy) - held;
    /* What is not under the lock goes with the guest's extents. */
    u64 rest = pool ? 0 : all / guest_extents;

    run->trace.nr = 2;
    run->trace.event[0] = (struct event){.lock = LOCK_OF_HOST, .before = (u32)rest};
    run->trace.event[1] = (struct event){.lock = (s16)~LOCK_OF_HOST, .before = (u32)hold};
    run->trace.after = 0;
    run->extent++;
    if (run->extent < 2 * half)
        return false;
    run->extent = 0;
    return true;
}

/* --- the run --- */

static void begin_call(u32 id, enum locks kind, u64 others, const struct xen_costs *xen)
{
    struct run *run = &runs[id];

    if (kind == XEN) {
        run->last = xen_step(run, xen);
    } else {
        run->last = builder_step(&builders[id], &run->trace);
        if (kind == HOST_LOCK)
            add_host_lock(&run->trace);
        run->now += others / builder_calls;
    }
    run->at = 0;
    run->now += run->trace.nr ? run->trace.event[0].before : run->trace.after;
}

/* False: it waits. */
static bool do_event(u32 id, u64 *waited)
{
    struct run *run = &runs[id];
    s16 which = run->trace.event[run->at].lock;
    struct lock *lock = &locks[which < 0 ? ~which : which];

    if (which >= 0) {
        if (lock->held) {
            run->asked = run->now;
            run->next = 0;
            if (lock->first)
                runs[lock->last - 1].next = id + 1;
            else
                lock->first = id + 1;
            lock->last = id + 1;
            return false;
        }
        lock->held = true;
    } else if (lock->first) { /* goes to the first who waits */
        u32 other = lock->first - 1;

        lock->first = runs[other].next;
        *waited += run->now - runs[other].asked;
        runs[other].now = run->now;
        runs[other].at++;
        runs[other].now += runs[other].trace.event[runs[other].at].before;
        heap_push(other);
    } else {
        lock->held = false;
    }
    run->at++;
    run->now += run->at < run->trace.nr ? run->trace.event[run->at].before : run->trace.after;
    return true;
}

void storm(enum locks kind, u32 nr_builders, u64 builds, u64 others, const struct xen_costs *xen, u64 seed,
           struct result *result)
{
    *result = (struct result){0};
    heap_nr = 0;
    for (u32 i = 0; i < NR_LOCKS; i++)
        locks[i] = (struct lock){0};
    for (u32 id = 0; id < nr_builders; id++) {
        builder_init(&builders[id], id, seed);
        runs[id].now = runs[id].extent = 0;
        /* They do not all begin at the same instant, but spread over one life. */
        runs[id].now = (kind == XEN ? xen->build : others) / nr_builders * id;
        begin_call(id, kind, others, xen);
        heap_push(id);
    }
    for (u64 domains = 0, ended = 0; ended < nr_builders;) {
        u32 id = heap_pop();
        struct run *run = &runs[id];

        if (run->at < run->trace.nr) {
            if (do_event(id, &result->waited))
                heap_push(id);
            continue;
        }
        result->time = MAX(result->time, run->now);
        domains += run->last;
        if (run->last && domains + nr_builders > builds) { /* no more begin; those under way end */
            ended++;
            continue;
        }
        begin_call(id, kind, others, xen);
        heap_push(id);
    }
    result->builds = builds;
}
