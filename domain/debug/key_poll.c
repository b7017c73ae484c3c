/*
 * Polling the serial line: one timer a CPU, which asks key_watch_decide() what to do.
 *
 * No lock: poller is changed by compare-and-swap only, and a CPU touches its own timer only.
 */
#include <domain/debug/key_poll.h>

#include <homestead/init.h>
#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/debug/key_watch.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/timer.h>
#include <lib/log.h>

static SIZED struct timer timers[MAX_CPUS]; /* [o] */
SIZED_BY(timers, nr_cpus, 0);
static u32 poller;  /* [a] CPU id */
static bool active; /* [I] */

/* The number of CPUs that are up after `from` in the ring of ids, up to and including `to`. */
static u32 rank_of(u32 from, u32 to)
{
    u32 rank = 0;

    for (u32 id = from; id != to;) {
        id = id + 1 >= nr_cpus ? 0 : id + 1;
        rank += cpus[id] != NULL;
    }
    return rank;
}

static void expired(void *data)
{
    u32 self = this_cpu()->id, now_polls = __atomic_load_n(&poller, __ATOMIC_ACQUIRE);
    const struct key_watch todo =
        key_watch_decide(self, now_polls, rank_of(now_polls, self), keys_beat_ns(), time_now_ns());

    /* Set first: a key may take long. */
    timer_set(data, time_now_ns() + todo.next_ns);
    if (todo.take_over) {
        if (!__atomic_compare_exchange_n(&poller, &now_polls, self, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            return; /* another one was faster */
        keys_take_over();
        log_debug("CPU %u does not serve the debug console any more: CPU %u does\n", now_polls, self);
    }
    if (todo.poll)
        keys_poll();
}

#ifdef DEBUG
#define STUCK_AFTER_NS 3000000000ull

static struct timer stuck_timer;
static u32 test_stuck; /* [I] CPU id */

/* Simulates a CPU that hangs at the worst moment, with the console held. */
static void hang(void *data)
{
    (void)data;
    log_warn("CPU %u stops here, holding the console (test_stuck=)\n", this_cpu()->id);
    console_hold();
    for (;;)
        __builtin_ia32_pause();
}
#endif

INIT void key_poll_init(u32 stuck_cpu)
{
    (void)stuck_cpu;
    poller = this_cpu()->id;
    for (u32 id = 0; id < MAX_CPUS; id++)
        timer_init(&timers[id], expired, &timers[id]);
#ifdef DEBUG
    test_stuck = stuck_cpu;
    timer_init(&stuck_timer, hang, NULL);
#endif
    active = true;
}

void key_poll_start(void)
{
    u32 self = this_cpu()->id;

    if (!active)
        return;
    timer_set(&timers[self], time_now_ns() + KEY_POLL_NS);
#ifdef DEBUG
    if (self == test_stuck)
        timer_set(&stuck_timer, time_now_ns() + STUCK_AFTER_NS);
#endif
}
