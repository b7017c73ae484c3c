/*
 * How vCPUs come to other queues than the one they waited on: an idle CPU takes or calls one, the end of a
 * slice evens queues out, affinity or home change.
 *
 * Locks: as in sched_queue.c.
 */
#include <domain/sched/sched_queue.h>
#include <lib/string.h>

/* Both locks held. Whom q's CPU takes from other: the furthest behind of those that prefer it, else of those
 * that may. */
static struct vcpu *loot(const struct run_queue *q, struct run_queue *other)
{
    struct vcpu *found = NULL;

    if (other->nr_ready + (other->current != NULL) < 2)
        return NULL;
    list_for_each (node, &other->ready) {
        struct vcpu *v = list_entry(node, struct vcpu, queue_link);
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
            queue_move_waiting(other, q, v);
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

void queue_balance(struct run_queue *q, u64 now_ns)
{
    u32 target = SCHED_NO_CPU;

    q->balanced_ns = now_ns;
    spin_lock(&q->lock);
    struct vcpu *v = queue_first(q);
    if (v) {
        struct sched_wish wish = vcpu_wish(v);

        target = sched_balance(&sched_map, &wish, q->id, now_ns);
    }
    spin_unlock(&q->lock);
    if (target == SCHED_NO_CPU)
        return;
    struct run_queue *to = run_queues[target];
    queue_lock_two(q, to);
    s64 lead = sched_clock(&to->facts, now_ns) - sched_clock(&q->facts, now_ns);
    if (queue_first(q) == v && sched_bit(v->hard_affinity, target) && to->facts.load < q->facts.load) {
        if (to->facts.load == 0 || q->facts.load - to->facts.load >= 2 || lead > 0) {
            queue_move_waiting(q, to, v);
        } else if (lead <= -(s64)SCHED_DRIFT_NS) {
            to->base_ns -= lead;
            __atomic_store_n(&to->facts.clock_ns, to->facts.clock_ns - lead, __ATOMIC_RELAXED);
        }
    }
    queue_unlock_two(q, to);
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

void sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft)
{
    struct run_queue *q = queue_lock_of(v);

    memcpy(v->hard_affinity, hard, sizeof(v->hard_affinity));
    memcpy(v->soft_affinity, soft, sizeof(v->soft_affinity));
    struct sched_wish wish = vcpu_wish(v);
    bool bad = !sched_bit(hard, q->id);
    if (v->on_queue) {
        queue_remove(q, v); /* sched_update() finds it a place, perhaps the same */
        queue_publish(q);
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
    nodes = d->mem.affinity & all;
    for (u32 nid = 0; nid < nr; nid++)
        most = MAX(most, d->mem.own[nid]);
    /* Without a wish: the nodes with a good part of its memory. */
    for (u32 nid = 0; nid < nr && !(d->mem.affinity & all) && most; nid++)
        if (d->mem.own[nid] >= most / 4)
            nodes |= BIT(nid);
    spin_unlock(&d->mem.lock);
    __atomic_store_n(&d->home_nodes, nodes == all ? 0 : nodes, __ATOMIC_RELAXED);
}
