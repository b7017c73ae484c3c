#include <tests/machine/machine.h>

#include <string.h>

u64 tsc_khz = 2000000;
u64 now_ns = 1000, armed_ns[MAX_CPUS], step_ns;
u32 nr_arms, yield_every;
void (*on_yield_ask)(void);
static _Thread_local u32 yield_asks;

void clock_reset(void)
{
    memset(armed_ns, 0, sizeof(armed_ns));
    nr_arms = yield_every = yield_asks = 0;
    on_yield_ask = NULL;
    step_ns = 1000000;
}

u64 time_now_ns(void)
{
    return __atomic_load_n(&now_ns, __ATOMIC_RELAXED);
}

void time_arm_ns(u64 deadline_ns)
{
    armed_ns[here->id] = deadline_ns;
    __atomic_add_fetch(&nr_arms, 1, __ATOMIC_RELAXED);
}

/* Asked by sched_should_yield() only: how long the hypercall has been going on. */
u64 time_tsc_to_ns(u64 tsc)
{
    (void)tsc;
    if (on_yield_ask)
        on_yield_ask();
    return yield_every && ++yield_asks % yield_every == 0 ? 1000000000 : 0;
}

u64 time_ns_to_tsc(u64 ns)
{
    return ns * 2;
}

u64 time_tsc_start(void)
{
    return 0x1234;
}

/* There is no such clock. */
u8 cmos_read(u8 index)
{
    (void)index;
    return 0xff;
}

void time_pvclock_scale(u32 *mul, s8 *shift)
{
    *mul = 0x80000000u;
    *shift = 1;
}

/* A one-shot that is due fires as its interrupt handler does. */
void pass(u64 ns)
{
    u64 now = __atomic_add_fetch(&now_ns, ns, __ATOMIC_RELAXED);

    if (armed_ns[here->id] && armed_ns[here->id] <= now) {
        armed_ns[here->id] = 0;
        here->timer_fired = true;
    }
}
