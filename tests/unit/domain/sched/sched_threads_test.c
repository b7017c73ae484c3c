/*
 * The real scheduler on real threads, one per CPU, while another thread wakes, pauses, moves and frees vCPUs
 * as fast as it can. At the end everybody who can run has run. Runs under ASan: a vCPU touched after its end
 * is seen.
 */
#include "sched_harness.h"
#include <pthread.h>
#include <sched.h>

#ifndef ACTIONS
#define ACTIONS 5000u
#endif

static bool kicked[CPUS_MAX + 1], stop;
static u64 armed_ns[CPUS_MAX];
static u64 nr_entries[VCPUS_MAX];
static u32 inside[VCPUS_MAX];

void time_arm_ns(u64 deadline_ns)
{
    armed_ns[here->id] = deadline_ns;
}

static void kick(u32 cpu_id)
{
    __atomic_store_n(&kicked[cpu_id], true, __ATOMIC_SEQ_CST);
}

static bool interrupted(void)
{
    u32 id = here->id;

    __atomic_add_fetch(&now_ns, 20000, __ATOMIC_RELAXED);
    if (armed_ns[id] && armed_ns[id] <= time_now_ns()) {
        armed_ns[id] = 0;
        here->timer_fired = true;
    }
    return __atomic_exchange_n(&kicked[id], false, __ATOMIC_SEQ_CST) || here->timer_fired ||
           __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

void cpu_idle(bool sleep)
{
    while (!interrupted() && sleep)
        sched_yield();
}

static void guest_run(struct hvm_vcpu *hv, struct hvm_exit *exit)
{
    const struct vcpu *v = container_of(hv, struct vcpu, hvm);

    assert_int_equal(here->nr_locks, 0);
    if (__atomic_fetch_add(&inside[v->id], 1, __ATOMIC_SEQ_CST))
        assert_failed("a vCPU runs on two CPUs", __FILE__, __LINE__);
    if (__atomic_load_n(&v->cpu, __ATOMIC_RELAXED) != here->id)
        assert_failed("a vCPU runs where it does not belong", __FILE__, __LINE__);
    __atomic_add_fetch(&nr_entries[v->id], 1, __ATOMIC_RELAXED);
    for (u32 i = 0; i < 8 && !interrupted(); i++)
        sched_yield();
    __atomic_fetch_sub(&inside[v->id], 1, __ATOMIC_SEQ_CST);
    exit->kind = HVM_EXIT_INTERRUPT;
}

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)exit;
    if (random_below(4) == 0 && !__atomic_load_n(&stop, __ATOMIC_RELAXED))
        set_state(v, VCPU_BLOCKED);
}

static const struct hvm_ops ops = {.run = guest_run};
const struct hvm_ops *hvm_ops = &ops;

static void *cpu_thread(void *arg)
{
    here = arg;
    seed += here->id * 7919;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        sched_step(here);
    return NULL;
}

static void affinity(struct vcpu *v)
{
    u64 hard[MAX_CPUS / 64] = {0}, soft[MAX_CPUS / 64] = {0};

    hard[0] = random_below((1u << nr_cpus) - 1) + 1;
    soft[0] = random_below(1u << nr_cpus);
    if (!(hard[0] & ~(u64)shapes[2].missing)) /* only one that is not there */
        hard[0] |= 2;
    sched_set_affinity(v, hard, soft);
    while (!sched_is_placed(v))
        sched_yield();
}

static void act(u32 id)
{
    struct vcpu *v = vcpu[id];

    if (!v) {
        set_state(make_vcpu(id), VCPU_RUNNABLE);
        return;
    }
    switch (random_below(8)) {
    default:
        set_state(v, VCPU_RUNNABLE);
        break;
    case 0:
        affinity(v);
        break;
    case 1:
        pause_by(v, 1);
        sched_wait_stopped(v);
        assert_int_equal(__atomic_load_n(&inside[id], __ATOMIC_SEQ_CST), 0);
        pause_by(v, -1);
        break;
    case 2:
        sched_sync_domain(dom);
        break;
    case 3:
        pause_by(v, 1);
        sched_wait_stopped(v);
        dom->vcpu[id] = NULL;
        free_vcpu(v);
        make_vcpu(id);
        dom->vcpu[id] = vcpu[id];
        set_state(vcpu[id], VCPU_RUNNABLE);
        break;
    }
}

TEST(everything_at_once)
{
    pthread_t threads[CPUS_MAX];

    make_machine(&shapes[2]);
    sched_set_kick(kick);
    here = &cpu_on[nr_cpus]; /* one that runs no guests */
    here->id = nr_cpus;
    cpus[nr_cpus] = here;
    dom->nr_vcpus = 12;
    for (u32 id = 0; id < 12; id++) {
        dom->vcpu[id] = make_vcpu(id);
        set_state(vcpu[id], VCPU_RUNNABLE);
    }
    for (u32 id = 0; id < nr_cpus; id++)
        if (cpus[id])
            assert_int_equal(pthread_create(&threads[id], NULL, cpu_thread, cpus[id]), 0);
    for (u32 i = 0; i < ACTIONS; i++)
        act(random_below(12));
    /* Nobody has been lost: each one that is woken now runs again. */
    for (u32 id = 0; id < 12; id++) {
        u64 before = __atomic_load_n(&nr_entries[id], __ATOMIC_RELAXED);

        while (__atomic_load_n(&nr_entries[id], __ATOMIC_RELAXED) == before) {
            set_state(vcpu[id], VCPU_RUNNABLE);
            sched_yield();
        }
    }
    for (u32 id = 0; id < 12; id++) {
        pause_by(vcpu[id], 1);
        sched_wait_stopped(vcpu[id]);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (u32 id = 0; id < nr_cpus; id++)
        if (cpus[id])
            pthread_join(threads[id], NULL);
    cpus[nr_cpus] = NULL;
    free_machine();
}
