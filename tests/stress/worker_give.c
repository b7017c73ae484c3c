/* A worker gives memory back, pins others', claims, kills and tears down. */
#include "worker.h"

/* --- domains --- */

bool domain_enter(u32 d)
{
    s32 users = atomic_load(&life[d].users);

    do
        if (users < 0)
            return false;
    while (!atomic_compare_exchange_weak(&life[d].users, &users, users + 1));
    return true;
}

void domain_enter_for_sure(u32 d)
{
    while (!domain_enter(d))
        cpu_relax();
}

void domain_leave(u32 d)
{
    atomic_fetch_sub(&life[d].users, 1);
}

bool domain_dying(u32 d)
{
    spin_lock(&accounts[d].lock);
    bool dying = accounts[d].dying;
    spin_unlock(&accounts[d].lock);
    return dying;
}

u64 domain_total(u32 d)
{
    spin_lock(&accounts[d].lock);
    u64 pages = accounts[d].tot_pages;
    spin_unlock(&accounts[d].lock);
    return pages;
}

bool domain_rebirth(u32 d, u64 max_pages)
{
    struct mem_account *account = &accounts[d];
    s32 nobody = 0;

    if (!atomic_compare_exchange_strong(&life[d].users, &nobody, -1))
        return false;
    spin_lock(&account->lock);
    bool gone = account->dying && !account->tot_pages && !account->overhead_pages;
    spin_unlock(&account->lock);
    if (gone) {
        account_new((u16)d, max_pages);
        atomic_fetch_add(&life[d].births, 1);
    }
    atomic_store(&life[d].users, 0);
    return gone;
}

void worker_kill(u32 d)
{
    run_op = "kill";
    worker_disturb(d);
    call_begin();
    mm_account_kill(account_of(d));
    call_end(OP_KILL, 0);
}

/* One step of a dying domain's end, as its destroyer makes it, or all steps. */
void worker_op_release_some(void)
{
    u32 d = worker_domain(67);
    bool all = wrnd(2), more = false;

    run_op = "release_some";
    if (!domain_enter(d))
        return;
    bool dying = domain_dying(d);
    for (u32 i = 0; dying && (i == 0 || (all && more)) && i < 100; i++) {
        call_begin();
        more = mm_release_some(account_of(d), 1 + wrnd(64));
        call_end(OP_RELEASE_SOME, 0);
    }
    domain_leave(d);
    if (dying && !more && domain_rebirth(d, phase.max_pages))
        call_begin(), call_end(OP_REBIRTH, 0);
}

/* --- memory --- */

static void forget(u32 i)
{
    me->nr_overhead -= me->held[i].overhead;
    me->homestead_pages -= me->held[i].d ? 0 : BIT(me->held[i].order);
    me->held[i] = me->held[--me->nr_held];
}

static void free_overhead(u32 i)
{
    struct held h = me->held[i];

    run_op = "free_overhead";
    if (h.d)
        domain_enter_for_sure(h.d);
    pages_go(h.n, h.order, h.tag);
    forget(i);
    call_begin();
    mm_free_overhead(account_of(h.d), mfn(h.n), h.order);
    call_end(OP_FREE_OVERHEAD, 0);
    if (h.d)
        domain_leave(h.d);
}

/* Is held extent i, domain entered, still what it was? A dying domain's may have gone. */
static bool still_held(const struct held *h)
{
    return life[h->d].births == h->births && (is_private(h->d) ? !domain_dying(h->d) : true);
}

static void check_released(u32 d, int rc)
{
    if (rc && !domain_dying(d))
        wrong("domain %u cannot release what it has: %d", d, rc);
}

void worker_release_one(u32 i)
{
    struct held *h = &me->held[i];
    u32 d = h->d, order = h->order;
    u64 n = h->n;

    if (h->overhead) {
        free_overhead(i);
        return;
    }
    run_op = "release";
    domain_enter_for_sure(d);
    if (!still_held(h)) {
        forget(i);
        domain_leave(d);
        return;
    }
    if (is_private(d))
        pages_go(n, order, h->tag);
    if (order && wrnd(8) == 0) { /* one half only */
        h->order = (u8)--order;
        if (wrnd(2))
            h->n += BIT(order);
        else
            n += BIT(order);
    } else {
        forget(i);
    }
    mfn_t m = mfn(n);
    call_begin();
    int rc = call_end(OP_RELEASE, mm_release_many(account_of(d), &m, order, 1));
    check_released(d, rc);
    domain_leave(d);
}

/* Several of one domain's extents of one order. */
static void release_many(void)
{
    struct held first = me->held[wrnd(me->nr_held)];
    mfn_t list[MM_TAKE_MAX];
    u32 nr = 0, wanted = 1 + wrnd(MM_TAKE_MAX);

    if (first.overhead)
        return;
    run_op = "release many";
    domain_enter_for_sure(first.d);
    for (u32 i = me->nr_held; i-- > 0 && nr < wanted;) {
        struct held *h = &me->held[i];

        if (h->d != first.d || h->overhead || h->order != first.order)
            continue;
        if (still_held(h)) {
            if (is_private(h->d))
                pages_go(h->n, h->order, h->tag);
            list[nr++] = mfn(h->n);
        }
        forget(i);
    }
    if (nr) {
        call_begin();
        int rc = call_end(OP_RELEASE_MANY, mm_release_many(account_of(first.d), list, first.order, nr));
        check_released(first.d, rc);
    }
    domain_leave(first.d);
}

void worker_op_release(void)
{
    if (!me->nr_held)
        return;
    if (wrnd(4))
        worker_release_one(wrnd(me->nr_held));
    else
        release_many();
}

/* --- pins of others' memory --- */

void worker_op_pin(void)
{
    u64 value = atomic_load_explicit(&recent[wrnd(RECENT)], memory_order_relaxed);
    u32 d = (u32)(value >> 40);
    u64 n = value & (BIT(40) - 1);

    run_op = "pin";
    if (me->nr_pinned == PINS_MAX || d == 0 || !domain_enter(d))
        return;
    call_begin();
    int rc = call_end(OP_PIN, mm_pin((u16)d, mfn(n)));
    domain_leave(d);
    if (rc == 0)
        me->pinned[me->nr_pinned++] = n;
    else if (rc != -EINVAL)
        wrong("pin: %d", rc);
}

void worker_op_unpin(void)
{
    run_op = "unpin";
    if (!me->nr_pinned)
        return;
    u32 i = wrnd(me->nr_pinned);
    u64 n = me->pinned[i];
    me->pinned[i] = me->pinned[--me->nr_pinned];
    call_begin();
    mm_unpin(mfn(n));
    call_end(OP_UNPIN, 0);
}

/* --- memory that leaves --- */

void worker_op_offline(void)
{
    u64 n = wrnd((u32)pages_end);
    u32 status;

    run_op = "offline";
    if (me->nr_away == AWAY_MAX || mm_mfn_node(mfn(n)) == NODE_NONE)
        return;
    call_begin();
    int rc = call_end(OP_OFFLINE, mm_offline_page(mfn(n), &status));
    if (rc)
        wrong("offline: %d", rc);
    atomic_fetch_add(&offlined, 1);
    me->away[me->nr_away++] = n; /* or it was away already: then it comes back twice */
}

void worker_op_online(void)
{
    u32 status;

    run_op = "online";
    if (!me->nr_away)
        return;
    u32 i = wrnd(me->nr_away);
    call_begin();
    int rc = call_end(OP_ONLINE, mm_online_page(mfn(me->away[i]), &status));
    if (rc)
        wrong("online: %d", rc);
    me->away[i] = me->away[--me->nr_away];
}

/* --- claims --- */

static u64 some_pages(void)
{
    return wrnd(4) ? wrnd(200) : wrnd(8) ? wrnd(2000) : wrnd(100000);
}

/* After a claim was installed by the only one who acts for the domain. */
static void check_claims(u32 d)
{
    struct claim_entry entries[MAX_NODES + 1];
    u32 nr = ARRAY_SIZE(entries);
    u64 out = 0;

    call_begin();
    int rc = call_end(OP_READ_SET, claim_read_set(account_of(d), entries, &nr));
    for (u32 i = 0; i < nr && rc == 0; i++)
        out += entries[i].pages;
    u64 tot = domain_total(d);
    if (rc || tot > accounts[d].max_pages || out > accounts[d].max_pages - tot)
        wrong("domain %u owns %llu and claims %llu, beyond its limit", d, (unsigned long long)tot,
              (unsigned long long)out);
}

void worker_op_claim(u32 d)
{
    struct claim_entry entries[NODES_MAX + 1];
    u32 nr = 0, flags = (wrnd(3) ? CLAIM_REPLACE : 0) | (wrnd(3) ? 0 : wrnd(8) * CLAIM_STRICT),
        first = wrnd(me->nr_nodes + 1);
    u32 wanted = 1 + wrnd(me->nr_nodes + 1);
    bool legacy = wrnd(8) == 0;
    int rc;

    run_op = "claim";
    for (u32 i = 0; i < wanted; i++) {
        u32 selector = (first + i) % (me->nr_nodes + 1);
        bool host = selector == me->nr_nodes;

        entries[nr].node = host ? CLAIM_HOST : selector;
        entries[nr].pages = (host ? domain_total(d) : 0) + some_pages();
        entries[nr].pad = 0;
        if (flags & CLAIM_ORDERS && !host && wrnd(2)) {
            entries[nr].pad = wrnd(8) ? ORDER_2M : ORDER_1G;
            entries[nr].pages = (u64)wrnd(6) << entries[nr].pad;
        }
        nr++;
    }
    if (wrnd(6) == 0)
        for (u32 i = 0; i < nr; i++)
            entries[i].pages = 0;
    worker_disturb(d);
    call_begin();
    if (legacy)
        rc = claim_install_legacy(account_of(d), wrnd(3) ? entries[0].pages : 0);
    else
        rc = claim_install_set(account_of(d), entries, nr, flags);
    call_end(legacy ? OP_LEGACY : flags ? OP_REPLACE : OP_SET, rc);
    if (rc == 0 && is_private(d))
        check_claims(d);
    if (rc == -ENOMEM && phase.kind == PHASE_ROOMY && nr == 1 && entries[0].node == CLAIM_HOST)
        worker_false_refusal("all limits together fit", d, -1);
    if (rc && rc != -ENOMEM && rc != -EINVAL)
        wrong("claim: %d", rc);
}
