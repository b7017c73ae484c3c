/*
 * A worker takes memory and judges refusals. What can be judged while others are at work:
 *  - the promise: its own domain has a claim on the node asked for, or anywhere, before and after: not
 * refused;
 *  - in a roomy phase one page is never refused, as all limits together fit in memory;
 *  - else one page's refusal is repeated, and if no other worker was in mm/ from before the figures were read
 * until after the second refusal, the figures decide. A domain's limit is judged by its total before the
 * call: nobody but the worker adds to it.
 */
#include "worker.h"

struct before {
    u64 tot, out;
    u64 units[NODES_MAX]; /* of order[n], kept whole for it */
    u32 order[NODES_MAX];
    u64 host;
    bool strict;
    u64 c[NODES_MAX];
};

/* A private domain's claims change by its worker's calls only. */
static void look(u32 d, struct before *b)
{
    const struct mem_account *account = &accounts[d];

    *b = (struct before){.tot = domain_total(d)};
    b->out = claim_outstanding(&accounts[d]); /* another one's offlining may take some back */
    for (u32 nid = 0; nid < me->nr_nodes; nid++)
        b->c[nid] = __atomic_load_n(&account->node_claim[nid], __ATOMIC_RELAXED);
}

static void look_closely(u32 d, struct before *b)
{
    struct claim_view view;

    claim_get_view(account_of(d), &view);
    *b = (struct before){.tot = view.tot,
                         .out = view.outstanding,
                         .host = view.host_claim,
                         .strict = view.flags & CLAIM_STRICT};
    for (u32 nid = 0; nid < me->nr_nodes; nid++) {
        b->c[nid] = view.node[nid].claim;
        b->units[nid] = view.node[nid].units;
        b->order[nid] = view.node[nid].order;
    }
}

/* Would section 4 let domain d have a page of node nid? From figures of a moment at which nothing moved. */
static bool page_is_there(u32 d, const struct before *b, u32 nid)
{
    struct mm_node_info node;
    struct mm_host_info host;

    mm_node_get_info(nid, &node);
    mm_host_get_info(&host);
    bool on_node = d && b->c[nid], any = d && b->out;
    if (any && b->strict && !on_node && !b->host)
        return false;
    return (on_node || node.free_pages > node.claimed_pages) &&
           (any || host.free_pages > host.outstanding_pages);
}

/* Sum of all the others' calls; false: one of them is in a call. */
static bool others_quiet(u64 *sum)
{
    *sum = 0;
    for (u32 i = 0; i < me->nr_workers; i++) {
        u64 calls = __atomic_load_n((u64 *)&workers[i]->calls, __ATOMIC_SEQ_CST);

        if (i == me->id)
            continue;
        if (calls & 1)
            return false;
        *sum += calls;
    }
    return true;
}

/* One page was refused for want of memory. Asks again; 0: it is there now. */
static int judge_again(u32 d, const struct mm_request *request, struct mm_taken *taken)
{
    struct before b = {0};
    u64 before, after;
    bool there = false;

    if (!others_quiet(&before))
        return -ENOMEM;
    if (d)
        look_closely(d, &b);
    for (u32 nid = 0; nid < me->nr_nodes; nid++)
        if (!(request->flags & MM_EXACT_NODE) || request->nid == NODE_NONE || request->nid == nid)
            there |= page_is_there(d, &b, nid);
    call_begin();
    int rc = mm_take(account_of(d), request, taken);
    call_end(OP_TAKE, rc);
    if (rc != -ENOMEM || !others_quiet(&after) || before != after)
        return rc;
    me->result.counts.judged++;
    if (there) {
        me->result.false_refusals++;
        wrong("a page for domain %u on node %d was refused, and nobody else had it", d, (int)request->nid);
    }
    return rc;
}

void worker_false_refusal(const char *why, u32 d, int nid)
{
    me->result.false_refusals++;
    wrong("domain %u, node %d: refused, but %s", d, nid, why);
}

/* A refusal. 0: asked again, and it is there now. */
static int judge(u32 d, const struct mm_request *r, const struct before *b, bool disturbed, int rc,
                 struct mm_taken *taken)
{
    bool exact = (r->flags & MM_EXACT_NODE) && r->nid != NODE_NONE;

    if (rc == -E2BIG && is_private(d) && b->tot + BIT(r->order) <= accounts[d].max_pages)
        wrong("domain %u with %llu pages is at its limit of %llu", d, (unsigned long long)b->tot,
              (unsigned long long)accounts[d].max_pages);
    if (rc == -ESRCH && (d == 0 || !domain_dying(d)))
        wrong("domain %u is said to be dying", d);
    if (rc != -ENOMEM || r->address_bits || disturbed)
        return rc;
    if (is_private(d) && exact && r->order && b->order[r->nid] == r->order && b->units[r->nid]) {
        struct before now;

        look_closely(d, &now);
        if (now.units[r->nid])
            worker_false_refusal("whole extents are kept for it", d, (int)r->nid);
    }
    if (r->order)
        return rc;
    if (is_private(d)) {
        struct before now;

        look(d, &now);
        if (exact ? b->c[r->nid] && now.c[r->nid] : b->out && now.out)
            worker_false_refusal("it has a claim", d, (int)r->nid);
    }
    if (phase.kind == PHASE_ROOMY && !exact)
        worker_false_refusal("there is memory for everybody", d, (int)r->nid);
    return taken ? judge_again(d, r, taken) : rc;
}

/*
 * What has come is clean, and is marked. Not if the domain is dying: any worker may have given its memory to another one by
 * now. Its lock keeps it alive until all is marked.
 */
static void mark_extents(const struct open_take *o)
{
    const struct mm_taken *t = &o->taken;

    if (o->d)
        spin_lock(&accounts[o->d].lock);
    if (o->overhead || !accounts[o->d].dying)
        for (u32 i = 0; i < t->nr; i++)
            pages_come(t->extent[i].n, t->order, o->tag);
    if (o->d)
        spin_unlock(&accounts[o->d].lock);
}

static void check_extents(struct open_take *o, const struct mm_request *r)
{
    const struct mm_taken *t = &o->taken;
    u32 nid = mm_mfn_node(t->extent[0]);
    bool good = true;

    if (t->nr == 0 || t->nr > r->nr || t->order != r->order)
        wrong("%u extents of order %u", t->nr, t->order);
    if (r->nid != NODE_NONE && (r->flags & MM_EXACT_NODE) && nid != r->nid)
        wrong("memory of node %u, not %u", nid, r->nid);
    for (u32 i = 0; i < t->nr; i++) {
        u64 n = t->extent[i].n, end = n + BIT(t->order);

        if (!IS_ALIGNED(n, BIT(t->order)) || mm_mfn_node(mfn(n)) != nid || mm_mfn_node(mfn(end - 1)) != nid ||
            (r->address_bits && end > BIT(r->address_bits - PAGE_SHIFT))) {
            wrong("extent %llu of order %u on node %u", (unsigned long long)n, t->order, nid);
            good = false;
        }
    }
    if (good)
        mark_extents(o);
    for (u32 i = 0; i < t->nr; i++)
        recent[wrnd(RECENT)] = (u64)o->d << 40 | (t->extent[i].n + wrnd((u32)BIT(t->order)));
    me->result.counts.extents += t->nr;
}

void worker_disturb(u32 d)
{
    for (u32 i = 0; i < me->nr_open; i++)
        if (me->open[i].d == d)
            me->open[i].disturbed = true;
    if (me->clearing && me->clearing->d == d)
        me->clearing->disturbed = true;
}

/* Enters the domain and notes how it stands. NULL: it is being made anew. */
static struct open_take *begin_take(u32 d, const struct mm_request *r, struct before *b)
{
    struct open_take *o = &me->open[me->nr_open];

    if (d && !domain_enter(d))
        return NULL;
    me->next_tag = me->next_tag == 0xffff ? 1 : me->next_tag + 1;
    *o = (struct open_take){.d = d,
                            .births = d ? life[d].births : 0,
                            .tag = me->next_tag,
                            .overhead = r->flags & MM_OVERHEAD,
                            .offlined_before = offlined};
    worker_disturb(d);
    if (is_private(d) && (r->order == ORDER_2M || r->order == ORDER_1G))
        look_closely(d, b);
    else if (is_private(d))
        look(d, b);
    o->out_before = b->out;
    me->clearing = o;
    return o;
}

static void take(u32 d, const struct mm_request *r)
{
    struct before b = {0};
    bool mine = is_private(d);

    run_op = "take";
    struct open_take *o = begin_take(d, r, &b);
    if (!o)
        return;
    call_begin();
    int rc = call_end(take_kind(r), mm_take(account_of(d), r, &o->taken));
    if (mine && r->order == 0 && !r->address_bits && !o->disturbed)
        me->result.counts.exact_promised +=
            r->nid != NODE_NONE && (r->flags & MM_EXACT_NODE) ? b.c[r->nid] != 0 : b.out != 0;
    if (rc)
        rc = judge(d, r, &b, o->disturbed, rc, &o->taken);
    me->clearing = NULL;
    if (rc) {
        if (d)
            domain_leave(d);
        return;
    }
    check_extents(o, r);
    me->nr_open++; /* a user of the domain until its end */
    if (wrnd(4))
        worker_end_take(me->nr_open - 1, fault() ? wrnd(o->taken.nr + 1) : o->taken.nr);
}

static void keep(const struct open_take *o, u32 kept)
{
    for (u32 k = 0; k < kept; k++) {
        me->held[me->nr_held++] = (struct held){.n = o->taken.extent[k].n,
                                                .d = o->d,
                                                .births = o->births,
                                                .tag = o->tag,
                                                .order = (u8)o->taken.order,
                                                .overhead = o->overhead};
        me->nr_overhead += o->overhead;
        me->homestead_pages += o->d ? 0 : BIT(o->taken.order);
    }
}

/* Nobody else changes a private domain's claims: what it lost is exactly what it kept, as far as it had any;
 * and what somebody has pinned meanwhile has not come back. */
static void check_redeemed(const struct open_take *o, u32 nr, u32 kept)
{
    struct before now;

    if (!is_private(o->d) || o->disturbed || offlined != o->offlined_before)
        return;
    look(o->d, &now);
    u64 pages = (u64)kept << o->taken.order;
    u64 all = (u64)nr << o->taken.order;
    if (now.out > o->out_before - MIN(pages, o->out_before) ||
        now.out < o->out_before - MIN(all, o->out_before))
        wrong("domain %u had %llu outstanding, kept %llu pages, has %llu", o->d,
              (unsigned long long)o->out_before, (unsigned long long)pages, (unsigned long long)now.out);
}

void worker_end_take(u32 i, u32 kept)
{
    struct open_take *o = &me->open[i];

    run_op = "take_done";
    kept = MIN(MIN(kept, o->taken.nr), HELD_MAX - me->nr_held);
    u32 nr = o->taken.nr;
    /* Guest memory of a dying domain may be somebody else's already. */
    bool ours = o->overhead || (is_private(o->d) && !domain_dying(o->d));
    for (u32 k = kept; k < nr && ours; k++)
        pages_go(o->taken.extent[k].n, o->taken.order, o->tag);
    call_begin();
    mm_take_done(&o->taken, kept);
    call_end(kept == nr ? OP_DONE_ALL : OP_DONE_PART, 0);
    check_redeemed(o, nr, kept);
    keep(o, kept);
    worker_disturb(o->d);
    if (o->d)
        domain_leave(o->d);
    *o = me->open[--me->nr_open];
}

/* The same for one extent by mm_alloc(), which has a shorter way, and no end. */
static void alloc_one(u32 d, const struct mm_request *r)
{
    struct before b = {0};

    run_op = "alloc";
    struct open_take *o = begin_take(d, r, &b);
    if (!o)
        return;
    o->taken.order = r->order;
    o->taken.nr = 1;
    call_begin();
    int rc = call_end(OP_ALLOC, mm_alloc(account_of(d), r->nid, r->order, r->flags, &o->taken.extent[0]));
    me->clearing = NULL;
    if (rc == 0) {
        check_extents(o, r);
        check_redeemed(o, 1, 1);
        keep(o, 1);
    } else {
        judge(d, r, &b, o->disturbed, rc, NULL);
    }
    domain_leave(d);
}

/* --- what to ask for --- */

static u32 some_order(void)
{
    u32 r = wrnd(1000);

    if (phase.kind == PHASE_HUGE)
        return r < 600 ? 0 : r < 900 ? wrnd(10) : r < 990 ? 9 + wrnd(5) : 14 + wrnd(5);
    return r < 850 ? 0 : r < 996 ? 1 + wrnd(5) : wrnd(10);
}

void worker_op_take(void)
{
    struct mm_request r = {.nr = 1};
    bool overhead = me->nr_overhead < 64 && wrnd(16) == 0;
    u32 d = overhead && wrnd(4) == 0 ? 0 : worker_domain(70);

    r.order = overhead ? wrnd(3) : some_order();
    r.nid = wrnd(4) ? wrnd(me->nr_nodes) : NODE_NONE;
    r.flags = (wrnd(2) ? MM_EXACT_NODE : 0) | (overhead ? MM_OVERHEAD : 0);
    if (wrnd(3) == 0)
        r.nr = 1 + wrnd(overhead ? 2 : r.order < 6 ? MM_TAKE_MAX : 4);
    if (wrnd(64) == 0)
        r.address_bits = PAGE_SHIFT + 10 + wrnd(12);
    if (me->nr_open == OPEN_MAX)
        worker_end_take(wrnd(OPEN_MAX), fault() ? 0 : MM_TAKE_MAX);
    while (me->nr_held + r.nr > HELD_MAX)
        worker_release_one(wrnd(me->nr_held));
    if (d && r.nr == 1 && !r.address_bits && !overhead && wrnd(2))
        alloc_one(d, &r);
    else
        take(d, &r);
}
