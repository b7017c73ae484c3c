/*
 * Two threads against one: each does the same work on memory of its own node, or both on one node's. Each stays on a
 * processor of its own: two on one processor would take turns, and meet in no lock.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <homestead/types.h>
#include <tests/bench/alloc/bench.h>

struct worker {
    pthread_t thread;
    const struct subject *on;
    u32 domain;
    nodeid_t nid;
    bool bulk;
    u64 ops;
};
/* To the i-th processor that the program may use; fewer than that: to any. */
static void stay_on(pthread_t thread, u32 i)
{
    cpu_set_t all, one;

    if (sched_getaffinity(0, sizeof(all), &all) || (u32)CPU_COUNT(&all) <= i)
        return;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && i-- == 0)
            CPU_SET(cpu, &one);
    pthread_setaffinity_np(thread, sizeof(one), &one);
}

static _Atomic u32 waiting; /* threads that have not started yet; all go when the last one comes */

static void *worker_main(void *arg)
{
    const struct worker *w = arg;
    u64 n;

    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting))
        sched_yield();
    for (u64 i = 0; i < w->ops; i++) {
        if (w->bulk)
            w->on->bulk_pair(w->domain, w->nid);
        else if (w->on->take(w->domain, w->nid, 0, &n))
            w->on->give(w->domain, n, 0);
        else
            abort();
    }
    return NULL;
}

u64 threads_run(const struct subject *on, u32 nr, bool same, bool bulk, u64 ops)
{
    static struct worker workers[BENCH_DOMAINS];

    u64 n;

    on->reset(nr, BENCH_GIB);
    for (u32 i = 0; i < nr; i++) /* as in work.c: a domain that has memory already */
        if (!on->take(i, same ? 0 : i, 0, &n))
            abort();
    atomic_store(&waiting, nr + 1);
    for (u32 i = 0; i < nr; i++) {
        workers[i] = (struct worker){.on = on, .domain = i, .nid = same ? 0 : i, .bulk = bulk, .ops = ops};
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]))
            abort();
        stay_on(workers[i].thread, i);
    }
    while (atomic_load(&waiting) > 1)
        sched_yield();
    u64 start = bench_ns(CLOCK_MONOTONIC);
    atomic_fetch_sub(&waiting, 1);
    for (u32 i = 0; i < nr; i++)
        pthread_join(workers[i].thread, NULL);
    return bench_ns(CLOCK_MONOTONIC) - start;
}
