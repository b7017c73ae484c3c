/*
 * Simulated CPUs for the real scheduler: each is a coroutine that runs sched_step() and gives control back
 * while it is in a guest or asleep; and the checks of what docs/scheduling.md promises. One test program
 * includes it once.
 */
#ifndef TESTS_SCHED_SIM_H
#define TESTS_SCHED_SIM_H

#include "sched_harness.h"
#include <ucontext.h>

#define STACK_BYTES (256u << 10)

static ucontext_t driver, context[CPUS_MAX];
static char *stacks[CPUS_MAX];
static u64 armed_ns[CPUS_MAX];
static bool kicked[CPUS_MAX], asleep[CPUS_MAX], in_guest[CPUS_MAX];
static u64 waits_since[VCPUS_MAX], worst_wait_ns, nr_moves;
static u32 was_on[VCPUS_MAX];
static u32 worst_unserved;
static bool stay_still; /* guests spin, nothing happens */
static u32 nr_exits;

void time_arm_ns(u64 deadline_ns)
{
    armed_ns[here->id] = deadline_ns;
}

static void kick(u32 cpu_id)
{
    kicked[cpu_id] = true;
}

/* Back to the driver until this CPU gets a turn in which it has something to do. */
static void give_turn(void)
{
    struct cpu *me = here;

    swapcontext(&context[me->id], &driver);
    here = me;
}

static bool interrupted(void)
{
    u32 id = here->id;

    if (armed_ns[id] && armed_ns[id] <= now_ns) {
        armed_ns[id] = 0;
        here->timer_fired = true;
    }
    bool yes = kicked[id] || here->timer_fired;
    kicked[id] = false;
    return yes;
}

void cpu_idle(bool sleep)
{
    do {
        asleep[here->id] = sleep;
        give_turn();
    } while (!interrupted() && sleep);
    asleep[here->id] = false;
}

static void guest_run(struct hvm_vcpu *hv, struct hvm_exit *exit)
{
    struct vcpu *v = container_of(hv, struct vcpu, hvm);
    u32 turns = 0;

    assert_ptr_equal(here->current, v);
    assert_int_equal(here->nr_locks, 0);
    assert_true(v->running && v->in_guest && !v->on_queue);
    assert_int_equal(v->cpu, here->id);
    assert_true(sched_bit(v->hard_affinity, here->id)); /* affinity is absolute */
    in_guest[here->id] = true;
    do
        give_turn();
    while (!interrupted() && (stay_still || ++turns < 3));
    in_guest[here->id] = false;
    exit->kind = HVM_EXIT_INTERRUPT;
}

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)exit;
    nr_exits++;
    if (stay_still)
        return;
    switch (random_below(12)) {
    case 0:
    case 1:
        set_state(v, VCPU_BLOCKED);
        break;
    case 2:
        sched_yield_current();
        break;
    }
}

static const struct hvm_ops ops = {.run = guest_run};
const struct hvm_ops *hvm_ops = &ops;

static void cpu_main(void)
{
    for (;;)
        sched_step(here);
}

static void boot(const struct shape *shape, u32 nr_vcpus)
{
    make_machine(shape);
    sched_set_kick(kick);
    memset(armed_ns, 0, sizeof(armed_ns));
    memset(asleep, 0, sizeof(asleep));
    memset(in_guest, 0, sizeof(in_guest));
    for (u32 id = 0; id < nr_cpus; id++) {
        stacks[id] = malloc(STACK_BYTES);
        getcontext(&context[id]);
        context[id].uc_stack = (stack_t){.ss_sp = stacks[id], .ss_size = STACK_BYTES};
        makecontext(&context[id], cpu_main, 0);
        kicked[id] = true;
    }
    for (u32 id = 0; id < nr_vcpus; id++) {
        waits_since[id] = 0;
        make_vcpu(id);
        set_state(vcpu[id], VCPU_RUNNABLE);
    }
}

static void turn(u32 id)
{
    if (!cpus[id])
        return;
    /* Asleep, and nothing came: no turn. */
    if (asleep[id] && !kicked[id] && !(armed_ns[id] && armed_ns[id] <= now_ns))
        return;
    here = &cpu_on[id];
    swapcontext(&driver, &context[id]);
    assert_int_equal(here->nr_locks, 0);
    here = &cpu_on[0];
}

/* What the test does, it does as if in a handler on CPU 0, which looks at its own requests after that. */
static void end_of_handler(void)
{
    here = &cpu_on[0];
    kicked[0] |= here->need_resched;
}

static void round_of_turns(void)
{
    end_of_handler();
    for (u32 id = 0; id < nr_cpus; id++)
        turn(id);
    now_ns += MS;
}

static void power_off(void)
{
    stay_still = true;
    for (u32 id = 0; id < VCPUS_MAX; id++)
        if (vcpu[id])
            pause_by(vcpu[id], 1);
    for (u32 id = 0; id < nr_cpus; id++)
        kicked[id] = true;
    for (u32 i = 0; i < 3; i++)
        round_of_turns();
    free_machine();
    for (u32 id = 0; id < nr_cpus; id++)
        free(stacks[id]);
    stay_still = false;
}

/* Every queue's figures are those of its list, and every vCPU is where it should be, once. */
static void check_books(void)
{
    u32 queued = 0, assigned = 0, members = 0;

    for (u32 id = 0; id < nr_cpus; id++) {
        const struct run_queue *q = run_queues[id];
        u32 length = 0;
        s64 last = INT64_MIN;

        if (!q)
            continue;
        list_for_each (node, &q->ready) {
            const struct vcpu *v = list_entry(node, struct vcpu, queue_link);

            assert_true(v->on_queue && !v->running && v->cpu == id && vcpu_can_run(v));
            assert_true(sched_bit(v->hard_affinity, id));
            assert_true(v->vtime_ns >= last);
            last = v->vtime_ns;
            length++;
        }
        assert_int_equal(length, q->nr_ready);
        assert_int_equal(q->facts.load, length + (q->current != NULL));
        queued += length;
        assigned += q->facts.assigned;
    }
    for (u32 id = 0; id < VCPUS_MAX; id++) {
        const struct vcpu *v = vcpu[id];

        if (!v)
            continue;
        members++;
        queued -= v->on_queue;
        assert_false(v->on_queue && v->running);
        if (vcpu_can_run(v))
            assert_true(v->on_queue || v->running);
    }
    assert_int_equal(queued, 0);
    assert_int_equal(assigned, members);
}

/* Nobody waits for longer than two turns of each CPU while one that may take it sleeps undisturbed: in a turn
 * those that have been kicked wake, and in another one those that they call. */
static void check_work_conserving(void)
{
    static u32 unserved[VCPUS_MAX];

    for (u32 i = 0; i < VCPUS_MAX; i++) {
        const struct vcpu *v = vcpu[i];
        u32 sleeper = SCHED_NO_CPU;

        for (u32 id = 0; id < nr_cpus && v && v->on_queue; id++)
            if (cpus[id] && sched_bit(v->hard_affinity, id) && asleep[id] && !kicked[id])
                sleeper = id;
        unserved[i] = sleeper == SCHED_NO_CPU ? 0 : unserved[i] + 1;
        worst_unserved = MAX(worst_unserved, unserved[i]);
        if (unserved[i] > 2 * nr_cpus)
            fail_msg("v%u waits on CPU %u while CPU %u sleeps", i, v->cpu, sleeper);
    }
}

/* Of n vCPUs the last one has waited for a slice of each, and for the credit each may have had. */
static void check_starvation(void)
{
    const u64 bound = VCPUS_MAX * (SCHED_SLICE_NS + SCHED_CREDIT_NS);

    for (u32 i = 0; i < VCPUS_MAX; i++) {
        if (!vcpu[i] || !vcpu[i]->on_queue) {
            waits_since[i] = 0;
            continue;
        }
        if (!waits_since[i])
            waits_since[i] = now_ns;
        worst_wait_ns = MAX(worst_wait_ns, now_ns - waits_since[i]);
        if (now_ns - waits_since[i] > bound)
            fail_msg("v%u has waited %u ms", i, (u32)((now_ns - waits_since[i]) / MS));
    }
}

#endif
