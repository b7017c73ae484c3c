/* CPUs as coroutines: each runs sched_step(), and gives control back while it is in a guest or asleep. */
#ifndef TESTS_SCHED_COROUTINES_H
#define TESTS_SCHED_COROUTINES_H

#include "shapes.h"
#include <ucontext.h>

#define STACK_BYTES (256u << 10)

static ucontext_t driver, context[SHAPE_CPUS];
static char *stacks[SHAPE_CPUS];
static bool kicked[SHAPE_CPUS], asleep[SHAPE_CPUS];

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
    pass(0);
    bool yes = kicked[here->id] || here->timer_fired;
    kicked[here->id] = false;
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

static void cpu_main(void)
{
    for (;;)
        sched_step(here);
}

static __attribute__((noinline)) void coroutine_make(u32 id)
{
    stacks[id] = malloc(STACK_BYTES);
    getcontext(&context[id]);
    context[id].uc_stack = (stack_t){.ss_sp = stacks[id], .ss_size = STACK_BYTES};
    makecontext(&context[id], cpu_main, 0);
    kicked[id] = true;
}

/* For the CPUs of a machine that has been made with kick(). */
static inline void coroutines_make(void)
{
    memset(asleep, 0, sizeof(asleep));
    for (u32 id = 0; id < nr_cpus; id++)
        coroutine_make(id);
}

static inline void coroutines_free(void)
{
    for (u32 id = 0; id < nr_cpus; id++)
        free(stacks[id]);
}

static void turn(u32 id)
{
    if (!cpus[id])
        return;
    /* Asleep, and nothing came: no turn. */
    if (asleep[id] && !kicked[id] && !(armed_ns[id] && armed_ns[id] <= now_ns))
        return;
    use_cpu(id);
    swapcontext(&driver, &context[id]);
    assert_int_equal(locks_held(), 0);
    use_cpu(0);
}

/* What the test does, it does as if in a handler on CPU 0, which looks at its own requests after that. */
static void end_of_handler(void)
{
    use_cpu(0);
    kicked[0] |= here->need_resched;
}

/* Each CPU has a turn every millisecond. */
static void run_ms(u64 ms)
{
    for (; ms; ms--) {
        end_of_handler();
        for (u32 id = 0; id < nr_cpus; id++)
            turn(id);
        now_ns += MS;
    }
}

#endif
