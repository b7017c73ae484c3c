/*
 * The real scheduler on real threads, one per CPU, while another thread wakes, pauses, moves and frees vCPUs
 * as fast as it can. At the end everybody who can run has run. Runs under ASan: a vCPU touched after its end
 * is seen.
 */
#include "shapes.h"
#include <pthread.h>
#include <sched.h>

#ifndef ACTIONS
#define ACTIONS 5000u
#endif

#define NR 12u

static bool kicked[SHAPE_CPUS + 1], stop;
static u64 nr_entries[NR];
static u32 inside[NR];

static void kick(u32 cpu_id)
{
    __atomic_store_n(&kicked[cpu_id], true, __ATOMIC_SEQ_CST);
}

static bool interrupted(void)
{
    pass(20000);
    return __atomic_exchange_n(&kicked[here->id], false, __ATOMIC_SEQ_CST) || here->timer_fired ||
           __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

void cpu_idle(bool sleep)
{
    while (!interrupted() && sleep)
        sched_yield();
}

static void guest_runs(struct vcpu *v, struct hvm_exit *exit)
{
    if (__atomic_fetch_add(&inside[v->id], 1, __ATOMIC_SEQ_CST))
        assert_failed("a vCPU runs on two CPUs", __FILE__, __LINE__);
    if (__atomic_load_n(&v->cpu, __ATOMIC_RELAXED) != here->id)
        assert_failed("a vCPU runs where it does not belong", __FILE__, __LINE__);
    __atomic_add_fetch(&nr_entries[v->id], 1, __ATOMIC_RELAXED);
    for (u32 i = 0; i < 8 && !interrupted(); i++)
        sched_yield();
    __atomic_fetch_sub(&inside[v->id], 1, __ATOMIC_SEQ_CST);
    if (random_below(4) == 0 && !__atomic_load_n(&stop, __ATOMIC_RELAXED))
        exit->kind = HVM_EXIT_HLT;
}

static void *cpu_thread(void *arg)
{
    here = arg;
    rng_seed(&rng, here->id + 2);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        sched_step(here);
    return NULL;
}

static void act(u32 id)
{
    struct vcpu *v = d->vcpu[id];

    switch (random_below(8)) {
    default:
        vcpu_wake(v);
        break;
    case 0:
        random_affinity(v);
        while (!sched_is_placed(v))
            sched_yield();
        break;
    case 1:
        vcpu_pause(v, true);
        assert_int_equal(__atomic_load_n(&inside[id], __ATOMIC_SEQ_CST), 0);
        vcpu_unpause(v);
        break;
    case 2:
        sched_sync_domain(d);
        break;
    case 3:
        vcpu_pause(v, true);
        free_vcpu(v);
        make_vcpu(id);
        break;
    }
}

TEST(everything_at_once)
{
    pthread_t threads[SHAPE_CPUS];

    make_shape(&shapes[2], NR, kick);
    /* free_vcpu() writes to a page that is free. An idle CPU that had cleaned it before would hand it out as it is. */
    mm_set_idle_scrub(false);
    play = guest_runs;
    use_cpu(nr_cpus); /* one that runs no guests */
    here->id = nr_cpus;
    for (u32 id = 0; id < nr_cpus; id++)
        if (cpus[id])
            assert_int_equal(pthread_create(&threads[id], NULL, cpu_thread, cpus[id]), 0);
    for (u32 i = 0; i < ACTIONS; i++)
        act(random_below(NR));
    /* Nobody has been lost: each one that is woken now runs again. */
    for (u32 id = 0; id < NR; id++) {
        u64 before = __atomic_load_n(&nr_entries[id], __ATOMIC_RELAXED);

        while (__atomic_load_n(&nr_entries[id], __ATOMIC_RELAXED) == before) {
            vcpu_wake(d->vcpu[id]);
            sched_yield();
        }
    }
    domain_pause(d);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (u32 id = 0; id < nr_cpus; id++)
        if (cpus[id])
            pthread_join(threads[id], NULL);
    mm_set_idle_scrub(true);
    machine_unmake();
}
