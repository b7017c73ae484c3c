/* Run queues: shared by sched_queue.c and sched.c (the run loop) only. */
#ifndef DOMAIN_SCHED_QUEUE_H
#define DOMAIN_SCHED_QUEUE_H

#include <domain/internal.h>
#include <domain/sched/sched_policy.h>

struct run_queue { /* in memory of its CPU's node */
    struct sched_cpu facts;
    spinlock_t lock;       /* LOCK_RUNQUEUE; of two, the lower CPU id first */
    u32 id;                /* [I] of its CPU */
    u32 nr_ready;          /* vCPUs that wait, without those of parked groups */
    struct list ready;     /* groups with waiting vCPUs by virtual time, the furthest behind first */
    struct list parked;    /* groups that wait for their cap, the next first */
    struct vcpu *current;  /* the vCPU that runs */
    u64 charged_ns;        /* host time up to which it is charged */
    u64 charged_wanted_ns; /* its domain's sum then */
    u64 busy_ns;           /* that vCPUs were charged for here */
    u64 grant_ns;          /* of its domain's cap, 0: it has none */
    u32 grant_cap;         /* at which that was granted */
    s64 base_ns;           /* virtual time of a group here is its vtime_ns plus this */
    bool slice_wanted;     /* [a] another CPU queued a vCPU here: start timing the slice, or a turn */
    bool preempted;        /* who has woken goes first: the running vCPU has SCHED_TURN_NS and no slice */
    bool yielded;          /* [o] the running vCPU yields to the next */
    bool was_idle;         /* [o] at its last turn */
    struct timer slice, unpark;
    u64 balanced_ns; /* [o] when queues were last compared */
    u64 weighed_ns;  /* [a] when its share was last recomputed for others */
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

/* The part of its domain's weight of each vCPU that wants to run, in SCHED_SHARE_UNITs; at least 8. */
u64 vcpu_share(const struct vcpu *v);

static inline struct sched_wish vcpu_wish(const struct vcpu *v)
{
    return (struct sched_wish){.hard = v->hard_affinity,
                               .soft = v->soft_effective ? v->soft_affinity : NULL,
                               .nodes = __atomic_load_n(&v->domain->home_nodes, __ATOMIC_RELAXED),
                               .last = v->cpu,
                               .share = vcpu_share(v),
                               .groups = v->domain->group};
}

static inline struct sched_group *queue_first_group(const struct run_queue *q)
{
    return list_empty(&q->ready) ? NULL : list_entry(q->ready.next, struct sched_group, link);
}

static inline struct vcpu *group_first(const struct sched_group *g)
{
    return list_empty(&g->members) ? NULL : list_entry(g->members.next, struct vcpu, queue_link);
}

static inline struct vcpu *queue_first(const struct run_queue *q)
{
    const struct sched_group *g = queue_first_group(q);

    return g ? group_first(g) : NULL;
}

void queue_init(struct run_queue *q, const struct cpu *cpu);
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
/* On q's CPU, at most once a slice: may move the next waiting vCPUs to other queues. */
void queue_balance(struct run_queue *q, u64 now_ns);
/* Lock held, on q's CPU. The running vCPU's slice ends 10 ms after it began, when its cap wants it, or when another one
 * that has woken goes first. */
void queue_time_slice(struct run_queue *q);
/* Makes a CPU choose again before its next guest entry. */
void sched_kick_to_choose(u32 cpu_id);
/* Makes it leave its guest or its sleep. */
void sched_kick(u32 cpu_id);

/* --- sched_group.c; the queue's lock is held --- */
static inline struct sched_group *group_of(const struct run_queue *q, const struct vcpu *v)
{
    return &v->domain->group[q->id];
}

/* v begins, or ends, to count as one that wants to run. */
void group_want(struct vcpu *v, bool wants, u64 now_ns);
/* v, which neither runs nor waits, becomes one of q's vCPUs, or stops to be one. */
void group_enter(struct run_queue *q, struct vcpu *v, u64 now_ns);
void group_exit(struct run_queue *q, struct vcpu *v, u64 now_ns);
/* v's queue changes: how far it was ahead of the queue's clock, or behind, it will be there. exact: compared with the
 * clock of the new queue, so that what the old one was ahead or behind becomes v's own. Both locks. */
void group_carry(const struct run_queue *from, struct run_queue *to, const struct vcpu *v, bool exact,
                 u64 now_ns);
/* v, one of q's, waits; no longer. The caller publishes. */
void group_link(struct run_queue *q, struct vcpu *v);
void group_unlink(struct run_queue *q, struct vcpu *v);
/* Takes the next to run, NULL: none may. Parks groups whose cap says so. On q's CPU. */
struct vcpu *group_take(struct run_queue *q, u64 now_ns);
/* q->current has begun to run; has run until now; ran for so long in all; lets others go first. */
void group_start(struct run_queue *q, u64 now_ns);
void group_charge(struct run_queue *q, u64 now_ns);
void group_paid(struct run_queue *q, u64 ran_ns);
void group_yield(struct run_queue *q);
/* Recomputes the share of q->current's group. */
void group_weigh_current(struct run_queue *q);

/* --- sched_quiet.c --- */
/* Shall this CPU come to the top of its run loop, for sched_run_quiet() or sched_ask_quiet()? */
bool quiet_wanted(void);
/* There: waits for another CPU's quiet moment, begins one that was asked for. */
void quiet_serve(void);

#endif
