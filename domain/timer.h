/*
 * One-shot software timers per CPU, in nanoseconds of time_now_ns(). Callbacks run from the run loop
 * of the CPU the timer was set on, interrupts off, no lock held.
 */
#ifndef DOMAIN_TIMER_H
#define DOMAIN_TIMER_H

#include <homestead/types.h>
#include <lib/list.h>
#include <lib/spinlock.h>

struct timer {
    struct list link;
    u64 deadline_ns; /* 0: not set */
    void (*expired)(void *data);
    void *data;
    u32 cpu;     /* [a] whose list it is, or was last, on */
    u32 running; /* [a] running callbacks */
};

/* A CPU's list; before anything is set there. */
void timer_cpu_init(u32 cpu_id);
void timer_init(struct timer *t, void (*expired)(void *data), void *data);
/* Sets it on this CPU, even if it was set on another one. Only the owner's CPU sets a timer. */
void timer_set(struct timer *t, u64 deadline_ns);
/* From any CPU. The callback may still be running on another CPU when it returns. */
void timer_cancel(struct timer *t);
/* The same, and waits for callbacks, even one that sets t again: t may then be freed. Not from its own. */
void timer_cancel_sync(struct timer *t);
/* Runs what is due on this CPU and arms the hardware for the next. */
void timer_run_due(void);
/* For the debug console: what a CPU's hardware is armed for (0: nothing), and its list's lock. */
u64 timer_next_ns(u32 cpu_id);
spinlock_t *timer_cpu_lock(u32 cpu_id);

#endif
