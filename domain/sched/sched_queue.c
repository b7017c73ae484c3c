/*
 * Run queues: the vCPUs that wait for each CPU, and how they move.
 * lint: long: waiting and moving share the locks and the order in which facts are published.
 *
 * A vCPU that can run (RUNNABLE, pause_count 0) either waits on the queue of v->cpu or runs there, once the
 * CPU that woke it is done. v->cpu changes only while v does not run, with the locks of both queues held; so
 * a CPU that holds the lock of queue v->cpu, and has checked v->cpu again since, may access v's [R] fields.
 *
 * It moves to another queue when an idle CPU steals it or calls it home, when queues are balanced at the end
 * of a slice, or when its affinity or its domain's home nodes change.
 *
 * What waits is sorted by domain and virtual time in sched_group.c. A queue's clock is the virtual time of the group
 * that is furthest behind, and never goes back. base_ns realigns queues whose clocks have drifted apart because
 * of pinned vCPUs.
 *
 * No wake-up is lost: a queue's load is published before its CPU looks for work elsewhere, and whenever a
 * vCPU queues behind another one, idle CPUs are searched once more (both with full fences).
 *
 * Locks: run_queue.lock; two of them in the order of CPU ids. The timer lock may be taken inside.
 */
#include <arch/x86/cpu/percpu.h>
#include <homestead/init.h>
#include <arch/x86/cpu/time.h>
#include <domain/sched/sched_queue.h>
#include <homestead/topology.h>
#include <lib/string.h>

SIZED struct run_queue *run_queues[MAX_CPUS];
#define BALANCE_MAX 8u /* vCPUs that are moved at the end of one slice */

static u32 nr_queues; /* [I] ids end here */
SIZED_BY(run_queues, nr_queues, 0);
struct sched_map sched_map;

static void slice_expired(void *data)
{
    (void)data;
    /* Set on this CPU, so it runs on this CPU. */
    __atomic_store_n(&this_cpu()->need_resched, true, __ATOMIC_RELAXED);
}

INIT void queue_init(struct run_queue *q, const struct cpu *cpu)
{
    static INIT_BSS nodeid_t node_of[MAX_CPUS]; /* boot CPU only */
    u32 nr = MAX(host_topology->nr_cpus, cpu->id + 1);

    nr_queues = MAX(nr_queues, nr);
    for (u32 id = 0; id < nr; id++)
        node_of[id] = host_topology->cpus[id].nid;
    q->id = cpu->id;
    q->facts.nid = cpu->nid;
    spin_lock_init(&q->lock, LOCK_RUNQUEUE);
    list_init(&q->ready);
    list_init(&q->parked);
    timer_init(&q->slice, slice_expired, NULL);
    timer_init(&q->unpark, slice_expired, NULL);
    q->nr_others = nr - 1;
    sched_steal_order(cpu->id, nr, node_of, host_topology->distance, q->others);
}

/* The queue v belongs to, locked. */
static struct run_queue *queue_lock_of(const struct vcpu *v)
{
    for (;;) {
        u32 cpu = __atomic_load_n(&v->cpu, __ATOMIC_ACQUIRE);
        struct run_queue *q = run_queues[cpu];

        spin_lock(&q->lock);
        if (__atomic_load_n(&v->cpu, __ATOMIC_RELAXED) == cpu)
            return q;
        spin_unlock(&q->lock);
    }
}

/* Two queues' locks, in the order of CPU ids. */
static void queue_lock_two(struct run_queue *a, struct run_queue *b)
{
    spin_lock(a->id < b->id ? &a->lock : &b->lock);
    spin_lock_second(a->id < b->id ? &b->lock : &a->lock);
}

static void queue_unlock_two(struct run_queue *a, struct run_queue *b)
{
    spin_unlock_second(a->id < b->id ? &b->lock : &a->lock);
    spin_unlock(a->id < b->id ? &a->lock : &b->lock);
}

void queue_publish(struct run_queue *q)
{
    const struct sched_group *first = queue_first_group(q),
                             *now = q->current ? group_of(q, q->current) : NULL;
    s64 clock = q->facts.clock_ns;

    if (first || now) {
        s64 behind = !first ? now->vtime_ns : !now ? first->vtime_ns : MIN(first->vtime_ns, now->vtime_ns);
        clock = MAX(clock, behind + q->base_ns);
    }
    __atomic_store_n(&q->facts.clock_ns, clock, __ATOMIC_RELAXED);
    __atomic_store_n(&q->facts.since_ns, now && !first ? q->charged_ns : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&q->facts.load, q->nr_ready + (now != NULL), __ATOMIC_SEQ_CST);
}

/* Lock held. The waiting v leaves q. */
static void queue_remove(struct run_queue *q, struct vcpu *v)
{
    group_unlink(q, v);
    group_exit(q, v, time_now_ns());
    queue_publish(q);
}

/* Both locks held; v neither runs nor waits. Moves v to `to`. exact: group_carry(). */
static void change_queue(struct run_queue *from, struct run_queue *to, struct vcpu *v, bool exact)
{
    group_carry(from, to, v, exact, time_now_ns());
    __atomic_store_n(&from->facts.assigned, from->facts.assigned - 1, __ATOMIC_RELAXED);
    __atomic_store_n(&to->facts.assigned, to->facts.assigned + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&v->cpu, to->id, __ATOMIC_RELEASE);
}

void queue_time_slice(struct run_queue *q)
{
    bool wanted = q->nr_ready || q->grant_ns || __atomic_load_n(&q->scrub_asked, __ATOMIC_RELAXED);

    if (!q->current || !wanted || (q->slice.deadline_ns && !q->preempted))
        return;
    u64 ns = q->preempted ? SCHED_TURN_NS : q->grant_ns ? q->grant_ns : SCHED_SLICE_NS;
    timer_set(&q->slice, q->current->run_since_ns + ns);
}

/* Lock held. Does v, which has just begun to wait, go before the one that runs? Only the next in line does, and only if
 * it is behind by more than a turn that others may cut short: so two that are equally far do not take turns of that
 * length. */
static bool preempts(struct run_queue *q, const struct vcpu *v)
{
    const struct vcpu *now = q->current;

    group_charge(q, time_now_ns());
    if (queue_first(q) != v)
        return false;
    const struct sched_group *g = group_of(q, v), *running = group_of(q, now);
    s64 lead = g == running ? now->vtime_ns - v->vtime_ns : running->vtime_ns - g->vtime_ns;
    return lead > sched_vtime(SCHED_TURN_NS, vcpu_share(v));
}

/* The vCPU that waits after v. */
static struct vcpu *queue_next(const struct run_queue *q, const struct vcpu *v)
{
    const struct sched_group *g = group_of(q, v);

    if (v->queue_link.next != &g->members)
        return list_entry(v->queue_link.next, struct vcpu, queue_link);
    return g->link.next == &q->ready ? NULL : group_first(list_entry(g->link.next, struct sched_group, link));
}

/* Lock held. Wakes an idle CPU for each waiting vCPU that may run on one. A CPU may have become idle after
 * the queue was chosen, having found nothing here; and the order of the queue is known only now. */
static void queue_call_idle(struct run_queue *q)
{
    u64 called[MAX_CPUS / 64] = {0};
    bool any = true;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (const struct vcpu *v = queue_first(q); v && any; v = queue_next(q, v)) {
        any = false; /* is an idle CPU left? */
        for (u32 i = 0; i < q->nr_others; i++) {
            u32 id = q->others[i];
            const struct run_queue *other = run_queues[id];

            if (!other || sched_bit(called, id) || __atomic_load_n(&other->facts.load, __ATOMIC_SEQ_CST))
                continue;
            any = true;
            if (!sched_bit(v->hard_affinity, id))
                continue;
            called[id / 64] |= BIT(id % 64);
            sched_kick_to_choose(id);
            break;
        }
    }
}

/* Lock held. Queues v here and makes sure that a CPU will run it. */
static void join(struct run_queue *q, struct vcpu *v)
{
    group_enter(q, v, time_now_ns());
    group_link(q, v);
    queue_publish(q);
    if (!q->current) {
        sched_kick_to_choose(q->id);
    } else {
        bool sooner = !q->preempted && preempts(q, v);

        q->preempted |= sooner;
        if (q->id == this_cpu()->id) {
            queue_time_slice(q);
        } else if (q->nr_ready == 1 || sooner) {
            __atomic_store_n(&q->slice_wanted, true, __ATOMIC_SEQ_CST);
            sched_kick(q->id);
        }
    }
    if (q->current || q->nr_ready > 1)
        queue_call_idle(q);
}

static bool must_wait(const struct vcpu *v)
{
    return vcpu_can_run(v) && !v->running && !v->on_queue;
}

/* q is locked and v must wait: chooses a queue for it, and unlocks q. True: v waits. False: try again. */
static bool place(struct run_queue *q, struct vcpu *v)
{
    struct sched_wish wish = vcpu_wish(v);
    u32 target = sched_choose(&sched_map, &wish);

    if (target == q->id || target == SCHED_NO_CPU) {
        join(q, v);
        spin_unlock(&q->lock);
        return true;
    }
    struct run_queue *to = run_queues[target];
    spin_unlock(&q->lock);
    queue_lock_two(q, to);
    bool still = v->cpu == q->id && must_wait(v) && sched_bit(v->hard_affinity, target);
    if (still) {
        change_queue(q, to, v, false);
        join(to, v);
    }
    queue_unlock_two(q, to);
    return still;
}

void sched_update(struct vcpu *v)
{
    for (;;) {
        struct run_queue *q = queue_lock_of(v);

        if (must_wait(v)) {
            if (place(q, v))
                return;
            continue;
        }
        if (!vcpu_can_run(v)) {
            if (v->on_queue)
                queue_remove(q, v);
            if (v->running)
                sched_kick_to_choose(q->id);
            else
                group_want(v, false, time_now_ns());
        }
        spin_unlock(&q->lock);
        return;
    }
}

/* Lock held, on q's CPU. v stops running. */
static void stop(struct run_queue *q, struct vcpu *v)
{
    u64 now_ns = time_now_ns(), ran = now_ns - v->run_since_ns;

    group_charge(q, now_ns);
    group_paid(q, ran);
    if (q->yielded)
        group_yield(q);
    q->yielded = false;
    q->preempted = false;
    queue_publish(q); /* publishes the clock with v's new time, while v still counts */
    v->leave = false;
    q->current = NULL;
    __atomic_store_n(&q->facts.away, false, __ATOMIC_RELAXED);
    if (q->slice.deadline_ns)
        timer_cancel(&q->slice);
}

void queue_put_back(struct run_queue *q, struct vcpu *v)
{
    for (;;) {
        u32 target = q->id;

        spin_lock(&q->lock);
        if (vcpu_can_run(v) && (v->leave || !sched_bit(v->hard_affinity, q->id))) {
            struct sched_wish wish = vcpu_wish(v);

            target = sched_choose(&sched_map, &wish);
        }
        if (target == q->id || target == SCHED_NO_CPU) {
            stop(q, v);
            if (vcpu_can_run(v)) {
                group_link(q, v);
            } else {
                group_exit(q, v, q->charged_ns);
                group_want(v, false, q->charged_ns);
            }
            queue_publish(q);
            if (q->nr_ready > 1)
                queue_call_idle(q);
            __atomic_store_n(&v->running, false, __ATOMIC_RELAXED);
            runstate_update(v, q->charged_ns);
            /* After this v may move or be freed. */
            spin_unlock(&q->lock);
            return;
        }
        spin_unlock(&q->lock);
        struct run_queue *to = run_queues[target];
        queue_lock_two(q, to);
        bool fits = vcpu_can_run(v) && sched_bit(v->hard_affinity, target);
        if (fits) {
            stop(q, v);
            group_exit(q, v, q->charged_ns);
            queue_publish(q);
            __atomic_store_n(&v->running, false, __ATOMIC_RELAXED);
            runstate_update(v, q->charged_ns);
            change_queue(q, to, v, false);
            join(to, v);
        }
        queue_unlock_two(q, to);
        if (fits)
            return;
    }
}

/* Both locks held. Moves the waiting v from one queue to the other. exact: group_carry(). */
static void queue_move_waiting(struct run_queue *from, struct run_queue *to, struct vcpu *v, bool exact)
{
    queue_remove(from, v);
    change_queue(from, to, v, exact);
    join(to, v);
}

void sched_assign_cpu(struct vcpu *v)
{
    v->cpu = SCHED_NO_CPU;
    struct sched_wish wish = vcpu_wish(v);
    u32 cpu = sched_place(&sched_map, &wish);
    struct run_queue *q = run_queues[cpu == SCHED_NO_CPU ? 0 : cpu];

    spin_lock(&q->lock);
    v->cpu = q->id;
    __atomic_store_n(&q->facts.assigned, q->facts.assigned + 1, __ATOMIC_RELAXED);
    spin_unlock(&q->lock);
}

void sched_forget(struct vcpu *v)
{
    struct run_queue *q = queue_lock_of(v);

    if (v->on_queue)
        queue_remove(q, v);
    group_want(v, false, time_now_ns());
    __atomic_store_n(&q->facts.assigned, q->facts.assigned - 1, __ATOMIC_RELAXED);
    spin_unlock(&q->lock);
}

spinlock_t *sched_lock(const struct vcpu *v)
{
    return &queue_lock_of(v)->lock;
}

/* Both locks held. What q's CPU steals: the vCPU furthest behind that prefers it, else that may run there. */
static struct vcpu *loot(const struct run_queue *q, struct run_queue *other)
{
    struct vcpu *found = NULL;

    if (other->nr_ready + (other->current != NULL) < 2)
        return NULL;
    for (struct vcpu *v = queue_first(other); v; v = queue_next(other, v)) {
        struct sched_wish wish = vcpu_wish(v);

        if (!sched_bit(v->hard_affinity, q->id))
            continue;
        if (sched_prefers(&sched_map, &wish, q->id))
            return v;
        if (!found)
            found = v;
    }
    return found;
}

bool queue_steal(struct run_queue *q)
{
    for (u32 i = 0; i < q->nr_others; i++) {
        struct run_queue *other = run_queues[q->others[i]];

        if (!other || !sched_can_give(&other->facts))
            continue;
        queue_lock_two(q, other);
        struct vcpu *v = loot(q, other);
        if (v)
            queue_move_waiting(other, q, v, false);
        queue_unlock_two(q, other);
        if (v)
            return true;
    }
    return false;
}

void queue_call_home(struct run_queue *q)
{
    for (u32 i = 0; i < q->nr_others; i++) {
        struct run_queue *other = run_queues[q->others[i]];
        bool comes = false;

        if (!other || !__atomic_load_n(&other->facts.away, __ATOMIC_RELAXED))
            continue;
        spin_lock(&other->lock);
        struct vcpu *v = other->current;
        if (v) {
            struct sched_wish wish = vcpu_wish(v);

            comes = !v->leave && sched_bit(v->hard_affinity, q->id) &&
                    sched_prefers(&sched_map, &wish, q->id) && !sched_prefers(&sched_map, &wish, other->id);
        }
        if (comes) {
            v->leave = true;
            sched_kick_to_choose(other->id);
        }
        spin_unlock(&other->lock);
        if (comes)
            return;
    }
}

/* False: the next in line stays. */
static bool balance_one(struct run_queue *q, u64 now_ns)
{
    u32 target = SCHED_NO_CPU;
    struct sched_wish wish;
    bool moves = false;

    spin_lock(&q->lock);
    struct vcpu *v = queue_first(q);
    if (v) {
        wish = vcpu_wish(v);
        target = sched_balance(&sched_map, &wish, q->id, now_ns);
    }
    spin_unlock(&q->lock);
    if (target == SCHED_NO_CPU)
        return false;
    struct run_queue *to = run_queues[target];
    queue_lock_two(q, to);
    s64 lead = sched_clock(&to->facts, now_ns) - sched_clock(&q->facts, now_ns);
    u64 share = sched_share(&sched_map, &wish, q->id), other = sched_share(&sched_map, &wish, target);
    if (queue_first(q) == v && sched_bit(v->hard_affinity, target) && other < share) {
        moves = to->facts.load == 0 || share - other >= 2 * wish.share || lead > 0;
        if (moves) {
            queue_move_waiting(q, to, v, true);
        } else if (lead <= -sched_vtime(SCHED_DRIFT_NS, wish.share)) {
            to->base_ns -= lead;
            __atomic_store_n(&to->facts.clock_ns, to->facts.clock_ns - lead, __ATOMIC_RELAXED);
        }
    }
    queue_unlock_two(q, to);
    return moves;
}

/* A vCPU that runs alone has no turns, so its share may be of a time when more, or fewer, of its domain's vCPUs wanted
 * to run. It is recomputed at most once a slice, whoever asks. */
static void weigh_lone(const struct run_queue *q, u64 now_ns)
{
    for (u32 i = 0; i < q->nr_others; i++) {
        struct run_queue *other = run_queues[q->others[i]];

        if (!other || !__atomic_load_n(&other->facts.since_ns, __ATOMIC_RELAXED) ||
            now_ns - __atomic_load_n(&other->weighed_ns, __ATOMIC_RELAXED) < SCHED_SLICE_NS)
            continue;
        spin_lock(&other->lock);
        __atomic_store_n(&other->weighed_ns, now_ns, __ATOMIC_RELAXED);
        if (other->current)
            group_weigh_current(other);
        spin_unlock(&other->lock);
    }
}

void queue_balance(struct run_queue *q, u64 now_ns)
{
    q->balanced_ns = now_ns;
    weigh_lone(q, now_ns);
    for (u32 moved = 0; moved < BALANCE_MAX && balance_one(q, now_ns); moved++)
        ;
}

void queue_pass_on(struct run_queue *q)
{
    for (u32 i = 0; i < q->nr_others; i++) {
        struct run_queue *other = run_queues[q->others[i]];

        if (!other || !sched_can_give(&other->facts))
            continue;
        spin_lock(&other->lock);
        queue_call_idle(other);
        spin_unlock(&other->lock);
    }
}

void sched_get_affinity(const struct vcpu *v, u64 *hard, u64 *soft)
{
    spinlock_t *lock = sched_lock(v);

    memcpy(hard, v->hard_affinity, sizeof(v->hard_affinity));
    memcpy(soft, v->soft_affinity, sizeof(v->soft_affinity));
    spin_unlock(lock);
}

/* Has soft affinity an effect, among the CPUs that hard affinity allows? */
static bool is_effective(const u64 *hard, const u64 *soft)
{
    bool any = false, all = true;

    for (u32 id = 0; id < nr_queues; id++)
        if (run_queues[id] && sched_bit(hard, id)) {
            any |= sched_bit(soft, id);
            all &= sched_bit(soft, id);
        }
    return any && !all;
}

void sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft)
{
    struct run_queue *q = queue_lock_of(v);

    memcpy(v->hard_affinity, hard, sizeof(v->hard_affinity));
    memcpy(v->soft_affinity, soft, sizeof(v->soft_affinity));
    v->soft_effective = is_effective(hard, soft);
    struct sched_wish wish = vcpu_wish(v);
    bool bad = !sched_bit(hard, q->id);
    if (v->on_queue) {
        queue_remove(q, v); /* sched_update() queues it again, perhaps on the same queue */
    } else if (v->running && (bad || !sched_prefers(&sched_map, &wish, q->id))) {
        v->leave = true;
        sched_kick_to_choose(q->id);
    }
    spin_unlock(&q->lock);
    sched_update(v);
}

void sched_update_home(struct domain *d)
{
    u32 nr = mm_nr_nodes();
    u64 all = nr >= 64 ? ~0ull : BIT(nr) - 1, most = 0, nodes;

    spin_lock(&d->mem.lock);
    nodes = d->auto_node_affinity ? 0 : d->node_affinity & all;
    bool given = nodes;
    for (u32 nid = 0; nid < nr; nid++)
        most = MAX(most, d->mem.own[nid]);
    /* None given: the nodes that hold at least a quarter as much of its memory as the fullest. An automatic one
     * is where memory was wanted; what counts is where it is. */
    for (u32 nid = 0; nid < nr && !given && most; nid++)
        if (d->mem.own[nid] >= most / 4)
            nodes |= BIT(nid);
    spin_unlock(&d->mem.lock);
    __atomic_store_n(&d->home_nodes, nodes == all ? 0 : nodes, __ATOMIC_RELAXED);
}
