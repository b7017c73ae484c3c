/* Run queues, between sched_queue.c (who waits where) and sched.c (the run loop). Nobody else includes this.
 */
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
    struct vcpu *current; /* who runs */
    s64 base_ns;          /* virtual time here is a vCPU's vtime_ns plus this */
    bool slice_wanted;    /* [a] somebody else put a vCPU here: start timing the slice */
    bool yielded;         /* [o] the running one wants to go behind the next */
    bool was_idle;        /* [o] at its last turn */
    struct timer slice;
    u64 balanced_ns; /* [o] when queues were last compared */
    u64 scrub_nodes; /* [o] whose memory to clean when idle, as of scrub_cpus joined CPUs */
    u32 scrub_cpus;
    bool scrub_asked; /* [a] a claim wants memory clean: also between two slices */
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
                               .soft = v->soft_affinity,
                               .nodes = __atomic_load_n(&v->domain->home_nodes, __ATOMIC_RELAXED),
                               .last = v->cpu};
}

static inline struct vcpu *queue_first(const struct run_queue *q)
{
    return list_empty(&q->ready) ? NULL : list_entry(q->ready.next, struct vcpu, queue_link);
}

void queue_init(struct run_queue *q, const struct cpu *cpu);
/* Lock held. Takes the furthest behind off the queue, to run; NULL: nobody waits. */
struct vcpu *queue_take(struct run_queue *q);
/* Lock held. What others may know of q after a change. */
void queue_publish(struct run_queue *q);
/* v, which ran on q, its CPU, until now, stops, and waits here or elsewhere if it can run. */
void queue_put_back(struct run_queue *q, struct vcpu *v);
/* q's CPU has nothing to do: takes a waiting vCPU from another queue. */
bool queue_steal(struct run_queue *q);
/* ... nor does anybody wait elsewhere: asks vCPUs home that run alone where they would rather not. */
void queue_call_home(struct run_queue *q);
/* q's CPU was idle and has something to do now: if it was called for somebody else's sake, others are. */
void queue_pass_on(struct run_queue *q);
/* On q's CPU, a slice after the last time: the next in line may go on elsewhere. */
void queue_balance(struct run_queue *q, u64 now_ns);
/* Lock held, on q's CPU. The running vCPU's slice ends 10 ms after it began. */
void queue_time_slice(struct run_queue *q);
/* Makes a CPU choose again before it enters a guest the next time. */
void sched_kick_to_choose(u32 cpu_id);
/* Makes it leave its guest or its sleep. */
void sched_kick(u32 cpu_id);

#endif
