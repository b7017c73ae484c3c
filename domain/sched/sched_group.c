/*
 * A domain's share of the CPUs: its weight, its cap, and groups. A group is the vCPUs of one domain that wait or run
 * on one CPU. Rules: docs/hypervisor-guide/scheduling.md, "For how long".
 *
 * A turn of a group on a CPU is charged for the time that it ran, divided by the part of the domain's weight that is
 * on this CPU: weight x (vCPUs of the group) / (vCPUs of the domain that want to run). The second number is averaged
 * over the turn, so nothing is gained by going to sleep at its end. A domain's vCPUs are charged the same whether they
 * are 1 or 128, and each CPU charges its own groups only: there is no lock and no list of all domains.
 *
 * A cap is a rate: cap_free_ns is when the domain will have paid for the time that it has been granted so far. A group
 * reserves its next piece of time there by one atomic addition, and waits (parked) until the start of what it got. So
 * groups on several CPUs get turns in the order in which they asked. What is not used is given back.
 *
 * Locks: run_queue.lock of the group's CPU. The domain's figures are atomic.
 */
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/sched/sched_queue.h>

#define GRANT_MIN_NS 1000000ull
#define GRANT_PERIOD 20000000ull /* a domain with a cap up to half a CPU runs once in this time */
#define CAP_SAVED_NS 20000000ull /* of host time: what a domain that slept may use at once */
/* More than that is not charged for one turn, so that products fit into 64 bits. */
#define CHARGE_MAX   BIT(48)

u64 sched_groups_bytes(void)
{
    return sched_map.nr * sizeof(struct sched_group);
}

static u64 weight_of(const struct domain *d)
{
    return __atomic_load_n(&d->sched.weight, __ATOMIC_RELAXED);
}

void sched_domain_init(struct domain *d)
{
    d->sched.weight = SCHED_WEIGHT_DEFAULT;
    for (u32 id = 0; id < sched_map.nr; id++) {
        list_init(&d->group[id].link);
        list_init(&d->group[id].members);
    }
}

/* The number of d's vCPUs that want to run, summed over time in ns, from some time on and modulo 2^64. Another CPU
 * may be between its two additions: then it is wrong by the time since boot. */
static u64 wanted_ns(const struct domain *d, u64 now_ns)
{
    u64 past_ns = __atomic_load_n(&d->sched.wanted_ns, __ATOMIC_RELAXED);

    return past_ns + __atomic_load_n(&d->sched.nr_wanting, __ATOMIC_RELAXED) * now_ns;
}

void group_want(struct vcpu *v, bool wants, u64 now_ns)
{
    struct sched_domain *sched = &v->domain->sched;

    if (v->wants == wants)
        return;
    v->wants = wants;
    __atomic_fetch_add(&sched->wanted_ns, wants ? -now_ns : now_ns, __ATOMIC_RELAXED);
    __atomic_fetch_add(&sched->nr_wanting, wants ? 1u : -1u, __ATOMIC_RELAXED);
}

u64 vcpu_share(const struct vcpu *v)
{
    const struct sched_domain *sched = &v->domain->sched;
    u32 nr = __atomic_load_n(&sched->nr_wanting, __ATOMIC_RELAXED) + !v->wants;

    return weight_of(v->domain) * SCHED_SHARE_UNIT / MAX(nr, 1u);
}

/* After a change of g's vCPUs, and now and then because others of the domain come and go. */
static void weigh(struct run_queue *q, const struct domain *d, struct sched_group *g)
{
    u32 nr = MAX(__atomic_load_n(&d->sched.nr_wanting, __ATOMIC_RELAXED), g->nr);
    u64 share = g->nr && !g->parked ? weight_of(d) * SCHED_SHARE_UNIT * g->nr / nr : 0;

    __atomic_store_n(&q->facts.share, q->facts.share + share - g->share, __ATOMIC_RELAXED);
    __atomic_store_n(&g->share, (u32)share, __ATOMIC_RELAXED);
}

void group_weigh_current(struct run_queue *q)
{
    weigh(q, q->current->domain, group_of(q, q->current));
}

/* After those of the same time. */
static void queue_group(struct run_queue *q, struct sched_group *g)
{
    struct list *at = q->ready.prev;

    while (at != &q->ready && list_entry(at, struct sched_group, link)->vtime_ns > g->vtime_ns)
        at = at->prev;
    list_add_tail(at->next, &g->link);
}

void group_charge(struct run_queue *q, u64 now_ns)
{
    struct vcpu *v = q->current;
    const struct domain *d = v->domain;
    struct sched_group *g = group_of(q, v);
    u64 ran = now_ns - q->charged_ns, wanted = wanted_ns(d, now_ns), sum = wanted - q->charged_wanted_ns;

    if ((s64)ran <= 0) /* another CPU's clock is behind by a little */
        return;
    if (sum < ran || sum > ran * DOMAIN_MAX_VCPUS)
        sum = ran * MAX(__atomic_load_n(&d->sched.nr_wanting, __ATOMIC_RELAXED), 1u);
    s64 cost = (s64)(MIN(sum, CHARGE_MAX) * SCHED_WEIGHT_DEFAULT / weight_of(d));
    v->vtime_ns += cost;
    g->vtime_ns += cost / g->nr;
    q->busy_ns += ran;
    q->charged_ns = now_ns;
    q->charged_wanted_ns = wanted;
    weigh(q, d, g);
    if (!list_empty(&g->link)) {
        list_del(&g->link);
        queue_group(q, g);
    }
}

void group_start(struct run_queue *q, u64 now_ns)
{
    q->charged_ns = now_ns;
    q->charged_wanted_ns = wanted_ns(q->current->domain, now_ns);
}

void group_yield(struct run_queue *q)
{
    struct vcpu *v = q->current;
    struct sched_group *g = group_of(q, v);
    const struct vcpu *mate = group_first(g);
    const struct sched_group *other = queue_first_group(q);

    if (mate)
        v->vtime_ns = MAX(v->vtime_ns, mate->vtime_ns);
    else if (other)
        g->vtime_ns = MAX(g->vtime_ns, other->vtime_ns);
}

/* If a vCPU of d runs on q: the number of its group's vCPUs is about to change. */
static void charge_mate(struct run_queue *q, const struct domain *d, u64 now_ns)
{
    if (q->current && q->current->domain == d)
        group_charge(q, now_ns);
}

/* g, which did not wait, is as far behind as its domain may be: SCHED_CREDIT_NS of one CPU's time. */
static void limit_credit(const struct run_queue *q, const struct domain *d, struct sched_group *g, u64 now_ns)
{
    s64 credit = sched_vtime(SCHED_CREDIT_NS, weight_of(d) * SCHED_SHARE_UNIT);

    g->vtime_ns = MAX(g->vtime_ns, sched_clock(&q->facts, now_ns) - q->base_ns - credit);
}

/* v is at most what it pays for SCHED_CREDIT_NS behind those of g, which it joins; and they are not further behind v: if
 * they are, because they were pinned to a crowded CPU, they are forgiven. */
static void join_mates(const struct run_queue *q, struct sched_group *g, struct vcpu *v)
{
    const struct vcpu *first = group_first(g), *now = q->current;
    s64 behind = first ? first->vtime_ns : now->vtime_ns, limit = sched_vtime(SCHED_CREDIT_NS, vcpu_share(v));

    if (now && now->domain == v->domain)
        behind = MIN(behind, now->vtime_ns);
    s64 lead = v->vtime_ns - g->base_ns - behind;
    g->base_ns += MAX(lead - limit, 0);
    v->vtime_ns = behind + MIN(MAX(lead, -limit), limit);
}

void group_enter(struct run_queue *q, struct vcpu *v, u64 now_ns)
{
    struct domain *d = v->domain;
    struct sched_group *g = group_of(q, v);

    group_want(v, true, now_ns);
    if (g->nr == 0) {
        limit_credit(q, d, g, now_ns);
        g->base_ns = 0;
    } else {
        charge_mate(q, d, now_ns);
        join_mates(q, g, v);
    }
    g->nr++;
    weigh(q, d, g);
}

void group_exit(struct run_queue *q, struct vcpu *v, u64 now_ns)
{
    struct sched_group *g = group_of(q, v);

    charge_mate(q, v->domain, now_ns);
    v->vtime_ns += g->base_ns;
    g->nr--;
    weigh(q, v->domain, g);
}

void group_carry(const struct run_queue *from, struct run_queue *to, const struct vcpu *v, bool exact,
                 u64 now_ns)
{
    struct sched_group *old = group_of(from, v), *new = group_of(to, v);
    s64 from_clock = sched_clock(&from->facts, now_ns) - from->base_ns;
    s64 clock = sched_clock(&to->facts, now_ns) - to->base_ns;
    s64 ahead = old->vtime_ns - (exact ? clock + to->base_ns - from->base_ns : from_clock);

    if (new->nr)
        return;
    new->vtime_ns = MAX(new->vtime_ns, sched_join(clock + ahead, clock, vcpu_share(v)));
    if (!old->nr) /* what it owes is owed once */
        old->vtime_ns = MIN(old->vtime_ns, from_clock);
}

/* --- caps --- */

/* How long a turn of a domain with this cap is. */
static u64 grant_ns(u32 cap)
{
    return MIN(MAX(GRANT_PERIOD * cap / 100, GRANT_MIN_NS), SCHED_SLICE_NS);
}

/* Of a piece of that length, at this cap: host time until the next may begin. */
static u64 pays_ns(u64 ns, u32 cap)
{
    return ns * 100 / cap;
}

/* The next free piece of d's time: when it begins. */
static u64 reserve(struct domain *d, u32 cap, u64 now_ns)
{
    u64 free_ns = __atomic_load_n(&d->sched.cap_free_ns, __ATOMIC_RELAXED), start;

    do
        start = MAX(free_ns, now_ns > CAP_SAVED_NS ? now_ns - CAP_SAVED_NS : 1);
    while (!__atomic_compare_exchange_n(&d->sched.cap_free_ns, &free_ns, start + pays_ns(grant_ns(cap), cap),
                                        false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return start;
}

/* The domain ran for ran_ns of a piece, less or more. */
static void settle(struct domain *d, u64 ran_ns, u32 cap)
{
    __atomic_fetch_add(&d->sched.cap_free_ns, pays_ns(ran_ns, cap) - pays_ns(grant_ns(cap), cap),
                       __ATOMIC_RELAXED);
}

static void drop_reservation(struct domain *d, struct sched_group *g)
{
    if (g->starts_ns)
        settle(d, 0, g->cap);
    g->starts_ns = 0;
}

/* Waits for the earliest of the parked groups. On q's CPU. */
static void time_parked(struct run_queue *q)
{
    if (!list_empty(&q->parked))
        timer_set(&q->unpark, list_entry(q->parked.next, struct sched_group, link)->starts_ns);
}

/* Is it the turn of v's group now? Otherwise it is parked. */
static bool may_run(struct run_queue *q, const struct vcpu *v, u64 now_ns)
{
    struct domain *d = v->domain;
    u32 cap = __atomic_load_n(&d->sched.cap, __ATOMIC_RELAXED);
    struct sched_group *g = group_of(q, v);

    q->grant_ns = 0;
    if (likely(!cap))
        return true;
    if (!g->starts_ns) {
        g->cap = (u16)cap;
        g->starts_ns = reserve(d, cap, now_ns);
    }
    if (g->starts_ns <= now_ns) {
        g->starts_ns = 0;
        q->grant_ns = grant_ns(g->cap);
        q->grant_cap = g->cap;
        return true;
    }
    list_del(&g->link);
    struct list *at = q->parked.prev;
    while (at != &q->parked && list_entry(at, struct sched_group, link)->starts_ns > g->starts_ns)
        at = at->prev;
    list_add_tail(at->next, &g->link);
    g->parked = true;
    q->nr_ready -= g->nr;
    weigh(q, d, g);
    queue_publish(q);
    time_parked(q);
    return false;
}

static void unpark(struct run_queue *q, struct sched_group *g, u64 now_ns)
{
    const struct domain *d = group_first(g)->domain;

    list_del(&g->link);
    g->parked = false;
    limit_credit(q, d, g, now_ns);
    queue_group(q, g);
    q->nr_ready += g->nr;
    weigh(q, d, g);
    queue_publish(q);
}

struct vcpu *group_take(struct run_queue *q, u64 now_ns)
{
    struct vcpu *v;

    if (unlikely(!list_empty(&q->parked))) {
        while (!list_empty(&q->parked)) {
            struct sched_group *g = list_entry(q->parked.next, struct sched_group, link);

            if (g->starts_ns > now_ns)
                break;
            unpark(q, g, now_ns);
        }
        time_parked(q);
    }
    do
        v = queue_first(q);
    while (v && !may_run(q, v, now_ns));
    if (v)
        group_unlink(q, v);
    return v;
}

void group_paid(struct run_queue *q, u64 ran_ns)
{
    if (q->grant_ns)
        settle(q->current->domain, ran_ns, q->grant_cap);
    q->grant_ns = 0;
}

/* --- waiting --- */

void group_link(struct run_queue *q, struct vcpu *v)
{
    struct sched_group *g = group_of(q, v);
    struct list *at = g->members.prev;

    while (at != &g->members && list_entry(at, struct vcpu, queue_link)->vtime_ns > v->vtime_ns)
        at = at->prev;
    list_add_tail(at->next, &v->queue_link);
    v->on_queue = true;
    if (g->parked)
        return;
    q->nr_ready++;
    if (list_empty(&g->link))
        queue_group(q, g);
}

void group_unlink(struct run_queue *q, struct vcpu *v)
{
    struct sched_group *g = group_of(q, v);

    list_del(&v->queue_link);
    v->on_queue = false;
    q->nr_ready -= !g->parked;
    if (!list_empty(&g->members))
        return;
    list_del(&g->link);
    g->parked = false;
    drop_reservation(v->domain, g);
}

void sched_get_params(const struct domain *d, u16 *weight, u16 *cap)
{
    *weight = (u16)weight_of(d);
    *cap = (u16)__atomic_load_n(&d->sched.cap, __ATOMIC_RELAXED);
}

void sched_set_params(struct domain *d, u16 weight, u16 cap)
{
    u64 now_ns = time_now_ns();

    if (weight)
        __atomic_store_n(&d->sched.weight, weight, __ATOMIC_RELAXED);
    if (cap == __atomic_load_n(&d->sched.cap, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&d->sched.cap, cap, __ATOMIC_RELAXED);
    /* Nothing of the old cap's is left: neither saved time nor a debt, nor what groups wait for. */
    __atomic_store_n(&d->sched.cap_free_ns, now_ns, __ATOMIC_RELAXED);
    for (u32 id = 0; id < sched_map.nr; id++) {
        struct run_queue *q = run_queues[id];

        if (!q)
            continue;
        struct sched_group *g = &d->group[id];
        spin_lock(&q->lock);
        g->starts_ns = 0;
        if (g->parked)
            unpark(q, g, now_ns);
        if (g->nr)
            sched_kick_to_choose(id);
        spin_unlock(&q->lock);
    }
}
