/* Run queues: shared by sched_queue.c and sched.c (the run loop) only. */
#ifndef DOMAIN_SCHED_QUEUE_H
#define DOMAIN_SCHED_QUEUE_H

#include <domain/internal.h>
#include <domain/sched/sched_policy.h>

struct run_queue { /* in memory of its CPU's node */
    struct sched_cpu facts;
    spinlock_t lock; /* LOCK_RUNQUEUE; of two, the lower CPU id first */
    u32 id;          /* [I] of its CPU */
    u32 nr_ready;
    struct list ready;    /* waiting vCPUs by virtual time, the furthest behind first */
    struct vcpu *current; /* the vCPU that runs */
    s64 base_ns;          /* virtual time of a vCPU here is its vtime_ns plus this */
    bool slice_wanted;    /* [a] another CPU queued a vCPU here: start timing the slice */
    bool yielded;         /* [o] the running vCPU yields to the next */
    bool was_idle;        /* [o] at its last turn */
    struct timer slice;
    u64 balanced_ns; /* [o] when queues were last compared */
    u64 scrub_nodes; /* [o] nodes whose memory to clean when idle, computed for scrub_cpus CPUs */
    u32 scrub_cpus;
    bool scrub_asked; /* [a] a claim wants clean memory: clean also between two slices */
    u32 nr_others;
    u16 others[MAX_CPUS]; /* [I] other CPUs in the order in which work is looked for */
};

/* NULL: CPU not there. [I] after SMP start */
extern struct run_queue *run_queues[MAX_CPUS];
extern struct sched_map sched_map;

static inline bool vcpu_can_run(const struct vcpu *v)
{
    return v->state == VCPU_RUNNABLE && v->pause_count == 0;
}

static inline struct sched_wish vcpu_wish(const struct vcpu *v)
{
    return (struct sched_wish){.hard = v->hard_affinity,
                               .soft = v->soft_effective ? v->soft_affinity : NULL,
                               .nodes = __atomic_load_n(&v->domain->home_nodes, __ATOMIC_RELAXED),
                               .last = v->cpu};
}

static inline struct vcpu *queue_first(const struct run_queue *q)
{
    return list_empty(&q->ready) ? NULL : list_entry(q->ready.next, struct vcpu, queue_link);
}

void queue_init(struct run_queue *q, const struct cpu *cpu);
/* Lock held. Dequeues the vCPU that is furthest behind, to run it; NULL: the queue is empty. */
struct vcpu *queue_take(struct run_queue *q);
/* Lock held. Publishes q's facts for other CPUs after a change. */
void queue_publish(struct run_queue *q);
/* On q's CPU: v stops running, and waits here or on another queue if it can run. */
void queue_put_back(struct run_queue *q, struct vcpu *v);
/* q's CPU has nothing to do: takes a waiting vCPU from another queue. */
bool queue_steal(struct run_queue *q);
/* Nor does a vCPU wait elsewhere: calls home one that runs alone on a CPU it does not prefer. */
void queue_call_home(struct run_queue *q);
/* q's CPU was idle and has work: if it was woken for another queue's vCPU, wakes another idle CPU for it. */
void queue_pass_on(struct run_queue *q);
/* On q's CPU, at most once a slice: may move the next waiting vCPU to another queue. */
void queue_balance(struct run_queue *q, u64 now_ns);
/* Lock held, on q's CPU. The running vCPU's slice ends 10 ms after it began. */
void queue_time_slice(struct run_queue *q);
/* Makes a CPU choose again before its next guest entry. */
void sched_kick_to_choose(u32 cpu_id);
/* Makes it leave its guest or its sleep. */
void sched_kick(u32 cpu_id);

/* --- sched_quiet.c --- */
/* Shall this CPU come to the top of its run loop, for sched_run_quiet() or sched_ask_quiet()? */
bool quiet_wanted(void);
/* There: waits for another CPU's quiet moment, begins one that was asked for. */
void quiet_serve(void);

#endif
