/*
 * One-shot timers: a list per CPU, sorted by deadline, and the CPU's APIC timer armed for its head.
 * Lists are short (a few per vCPU), so insertion walks them.
 *
 * Lock: each list has its own (LOCK_TIMER); callbacks run with none held. A timer belongs to the CPU on which
 * it was set last; when a vCPU has moved, its timers follow when they are set the next time.
 */
#include <homestead/init.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/timer.h>
#include <lib/spinlock.h>

struct timer_queue {
    spinlock_t lock;
    struct list timers; /* sorted, soonest first */
    u64 armed_ns;       /* what the hardware is armed for, 0: off */
};

#define ARMED_UNKNOWN (~0ull)

static SIZED struct timer_queue queues[MAX_CPUS];
SIZED_BY(queues, nr_cpus, 0);

void timer_cpu_init(u32 cpu_id)
{
    struct timer_queue *q = &queues[cpu_id];

    spin_lock_init(&q->lock, LOCK_TIMER);
    list_init(&q->timers);
    q->armed_ns = 0;
}

/* Returns the list t is on, locked. Until the lock is held, t may be set on another CPU. */
static struct timer_queue *lock_of(const struct timer *t)
{
    for (;;) {
        u32 cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);

        spin_lock(&queues[cpu].lock);
        if (__atomic_load_n(&t->cpu, __ATOMIC_RELAXED) == cpu)
            return &queues[cpu];
        spin_unlock(&queues[cpu].lock);
    }
}

/* Lock held, on q's own CPU. */
static void rearm(struct timer_queue *q)
{
    u64 next_ns = 0;

    if (!list_empty(&q->timers))
        next_ns = list_entry(q->timers.next, struct timer, link)->deadline_ns;
    if (next_ns == q->armed_ns)
        return;
    q->armed_ns = next_ns;
    time_arm_ns(next_ns);
}

u64 timer_next_ns(u32 cpu_id)
{
    return __atomic_load_n(&queues[cpu_id].armed_ns, __ATOMIC_RELAXED);
}

spinlock_t *timer_cpu_lock(u32 cpu_id)
{
    return &queues[cpu_id].lock;
}

void timer_init(struct timer *t, void (*expired)(void *data), void *data)
{
    list_init(&t->link);
    t->deadline_ns = 0;
    t->expired = expired;
    t->data = data;
    t->cpu = 0;
    t->running = 0;
}

void timer_set(struct timer *t, u64 deadline_ns)
{
    u32 here = this_cpu()->id;
    struct timer_queue *q = &queues[here];

    timer_cancel(t);
    spin_lock(&q->lock);
    __atomic_store_n(&t->cpu, here, __ATOMIC_RELEASE);
    t->deadline_ns = deadline_ns ? deadline_ns : 1; /* 0 means "not set" */
    struct list *before = q->timers.next;
    while (before != &q->timers && list_entry(before, struct timer, link)->deadline_ns <= t->deadline_ns)
        before = before->next;
    list_add_tail(before, &t->link);
    rearm(q);
    spin_unlock(&q->lock);
}

void timer_cancel(struct timer *t)
{
    struct timer_queue *q = lock_of(t);

    list_del(&t->link);
    t->deadline_ns = 0;
    /* Another CPU's hardware timer stays armed and fires once too often; its run loop then arms the next. */
    if (t->cpu == this_cpu()->id)
        rearm(q);
    spin_unlock(&q->lock);
}

void timer_cancel_sync(struct timer *t)
{
    bool again = true;

    while (again) {
        timer_cancel(t);
        again = __atomic_load_n(&t->running, __ATOMIC_ACQUIRE) != 0;
        while (__atomic_load_n(&t->running, __ATOMIC_ACQUIRE))
            cpu_relax();
    }
}

void timer_run_due(void)
{
    struct cpu *cpu = this_cpu();
    struct timer_queue *q = &queues[cpu->id];
    struct list due = LIST_INIT(due);

    if (!cpu->timer_fired)
        return;
    cpu->timer_fired = false;
    spin_lock(&q->lock);
    q->armed_ns = ARMED_UNKNOWN; /* it goes on with the last period until it is set anew, or stopped */
    u64 now_ns = time_now_ns();
    /* Due timers move to a list of their own first, so that a callback that sets its timer again, even for
     * now, cannot keep the CPU in this loop. A timer that is cancelled during the loop leaves this list in the
     * same way. */
    while (!list_empty(&q->timers) && list_entry(q->timers.next, struct timer, link)->deadline_ns <= now_ns) {
        struct list *first = q->timers.next;

        list_del(first);
        list_add_tail(&due, first);
    }
    while (!list_empty(&due)) {
        struct timer *t = list_entry(due.next, struct timer, link);
        void (*expired)(void *) = t->expired;
        void *data = t->data;

        list_del(&t->link);
        t->deadline_ns = 0;
        __atomic_fetch_add(&t->running, 1, __ATOMIC_RELAXED); /* under the lock that a canceller takes */
        spin_unlock(&q->lock);
        expired(data);
        __atomic_fetch_sub(&t->running, 1, __ATOMIC_RELEASE); /* t may be gone after this */
        spin_lock(&q->lock);
    }
    rearm(q);
    spin_unlock(&q->lock);
}
