/*
 * Polling the serial line: one timer a CPU, which asks key_watch_decide() what to do. Domain 0 is told of its bytes by
 * VIRQ_CONSOLE, and of news in the console's ring by VIRQ_CON_RING.
 *
 * No lock: poller is changed by compare-and-swap only, and a CPU touches its own timer only.
 */
#include <domain/debug/key_poll.h>

#include <homestead/init.h>
#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/debug/key_watch.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/domain.h>
#include <domain/evtchn/evtchn.h>
#include <domain/timer.h>
#include <lib/log.h>

static SIZED struct timer timers[MAX_CPUS]; /* [o] */
SIZED_BY(timers, nr_cpus, 0);
static u32 poller;   /* [a] CPU id */
static bool active;  /* [I] */
static u64 typed_ns; /* [poller] when input came last; 0: never */

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

/* Polls, and sets the timer for the next time if that is soon. */
static void poll(struct timer *timer)
{
    u32 found = keys_poll();
    u64 now = time_now_ns();

    if (found & KEYS_CAME)
        typed_ns = now;
    if (typed_ns && now - typed_ns < KEY_TYPED_NS)
        timer_set(timer, now + KEY_TYPING_NS);
    bool news = console_ring_has_news();
    struct domain *control = news || found & KEYS_FOR_DOMAIN_0 ? domain_get(0) : NULL;
    if (!control)
        return;
    if (found & KEYS_FOR_DOMAIN_0)
        evtchn_raise_virq(control, VIRQ_CONSOLE, 0);
    if (news)
        evtchn_raise_virq(control, VIRQ_CON_RING, 0);
    domain_put(control);
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
        poll(data);
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
