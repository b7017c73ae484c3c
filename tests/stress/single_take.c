/*
 * Taking memory and ending takes, each compared with the reference. Between a take and its end other
 * operations come, and with --faults in the middle of clearing too: the domain is killed or claims anew while
 * its page is cleared.
 */
#include "single.h"

/* What comes in while the one page of a take is being cleared. */
static struct {
    u32 d;
    u32 nid;
    const struct mm_request *request;
    bool overhead;
    bool armed, done;
    struct ref_receipt receipt;
} intruder;

/*
 * The node that memory came from. Clean memory that mm/ would have to look for in too many places may be
 * passed over in the first pass for a farther node's; then the credits there must do, and it is counted.
 */
static u32 node_of(u32 d, u64 n, u32 from, const struct mm_request *r)
{
    u32 is = n < ref.nr_frames ? ref.frame[n].node : REF_NO_RAM;
    bool exact = (r->flags & MM_EXACT_NODE) && r->nid != NODE_NONE;

    if (is == from || is >= ref.nr_nodes || exact || !ref_credits_suffice(d, is, BIT(r->order)))
        return from;
    run.result->counts.passed_over++;
    return is;
}

static void intrude(u64 n)
{
    intruder.armed = false;
    intruder.done = true;
    /* The page is taken and paid for; mm/ only has not said so yet. */
    intruder.nid = node_of(intruder.d, n, intruder.nid, intruder.request);
    MUST(ref.frame[n].use == REF_FREE && ref.frame[n].node == intruder.nid);
    ref_redeem(intruder.d, intruder.nid, 1, &intruder.receipt);
    ref_set(n, 1, intruder.overhead ? REF_OPEN_OVERHEAD : REF_OPEN_GUEST, intruder.d, true);
    run.result->counts.injected++;
    if (rnd(2))
        single_op_kill(intruder.d);
    else
        single_op_set(intruder.d);
}

void single_on_clear(u64 n, u64 nr)
{
    for (u64 i = n; i < n + nr; i++) {
        MUST(i < ref.nr_frames && ref.frame[i].use == REF_FREE && ref.frame[i].node != REF_NO_RAM,
             "frame %llu is cleared", (unsigned long long)i);
        if (!ref.frame[i].clean)
            ref_set(i, 1, REF_FREE, REF_NOBODY, true);
    }
    run.cleared += (u32)nr;
    run.last_cleared = (u32)n;
    if (intruder.armed && nr == 1)
        intrude(n);
}

/* Accepts what mm_take() brought: extents of one node, free and clean, within claims and limits. */
static void enter_extents(struct single_open *o, u32 from, u32 nr_wanted)
{
    struct mm_taken *t = &o->taken;
    u64 pages = (u64)t->nr << t->order;

    MUST(t->nr >= 1 && t->nr <= nr_wanted && t->account == single_account(o->d), "%u extents", t->nr);
    if (!intruder.done) {
        MUST(ref_credits_suffice(o->d, from, pages), "%u of %u extents", t->nr, nr_wanted);
        MUST(o->overhead || ref.tot[o->d] + pages <= ref.max[o->d]);
    }
    for (u32 i = 0; i < t->nr; i++) {
        u64 n = t->extent[i].n;

        MUST(IS_ALIGNED(n, BIT(t->order)) && n + BIT(t->order) <= ref.nr_frames);
        for (u64 k = n; k < n + BIT(t->order); k++)
            MUST(ref.frame[k].node == from && ref.frame[k].clean &&
                     (ref.frame[k].use == REF_FREE || intruder.done),
                 "frame %llu: node %u, not %u; use %u", (unsigned long long)k, ref.frame[k].node, from,
                 ref.frame[k].use);
        if (!intruder.done)
            ref_set(n, BIT(t->order), o->overhead ? REF_OPEN_OVERHEAD : REF_OPEN_GUEST, o->d, true);
        pages_come(n, t->order, 1);
    }
    if (intruder.done)
        o->receipt = intruder.receipt;
    else
        ref_redeem(o->d, from, pages, &o->receipt);
    ref.open[o->d]++;
    run.result->counts.extents += t->nr;
}

static void remember(u64 n, u32 d, u32 order)
{
    u32 i = run.nr_seen < SINGLE_HELD ? run.nr_seen++ : rnd(SINGLE_HELD);

    run.seen[i] = (struct single_extent){n, d, order};
}

static void end_take(u32 i, u32 kept)
{
    struct single_open *o = &run.open[i];
    u64 size = BIT(o->taken.order);

    run_op = "take_done";
    for (u32 k = 0; k < o->taken.nr; k++) {
        u64 n = o->taken.extent[k].n;

        if (k >= kept) {
            ref_free(n, size);
            continue;
        }
        ref_set(n, size, o->overhead ? REF_OVERHEAD : REF_GUEST, o->d, true);
        if (o->overhead)
            run.held[run.nr_held++] = (struct single_extent){n, o->d, o->taken.order};
        else
            remember(n, o->d, o->taken.order);
    }
    ref_refund(&o->receipt, kept * size);
    ref_recall(o->receipt.nid); /* some may have gone offline instead */
    ref.open[o->d]--;
    stress_count(&run.result->counts, kept == o->taken.nr ? OP_DONE_ALL : OP_DONE_PART, 0);
    mm_take_done(&o->taken, kept);
    *o = run.open[--run.nr_open];
}

static struct claim_view view; /* of the domain before the take */

/* What is kept whole for claims by order, the reference does not know; but that the domain's own is there. */
static bool may_be_kept_whole(u32 d, const struct mm_request *r)
{
    bool exact = (r->flags & MM_EXACT_NODE) && r->nid != NODE_NONE && !r->address_bits;

    if (r->order == 0 || !ref_kept_whole())
        return false;
    return !(d && exact && view.node[r->nid].units && view.node[r->nid].order == r->order);
}

void single_take(u32 d, const struct mm_request *request, bool finish)
{
    struct single_open *o = &run.open[run.nr_open];
    u32 from = 0;

    run_op = "take";
    this_cpu_node = rnd(ref.nr_nodes);
    int expected = ref_predict_take(d, request, this_cpu_node, &from);
    *o = (struct single_open){.d = d, .overhead = request->flags & MM_OVERHEAD};
    intruder.done = false;
    intruder.armed = d && expected == 0 && request->order == 0 && request->nr == 1 && rnd(100) < run.faults;
    intruder.d = d;
    intruder.nid = from;
    intruder.request = request;
    intruder.overhead = o->overhead;
    run.cleared = 0;
    if (d && request->order)
        claim_get_view(single_account(d), &view);
    int rc = mm_take(single_account(d), request, &o->taken);
    intruder.armed = false;
    if (intruder.done && rc == -ESRCH &&
        ref.dying[d]) { /* killed in the middle: the page goes with the rest */
        ref_set(run.last_cleared, 1, REF_GUEST, d, true);
        stress_count(&run.result->counts, take_kind(request), rc);
        return;
    }
    if (rc == -ENOMEM && expected == 0 && may_be_kept_whole(d, request)) {
        stress_count(&run.result->counts, take_kind(request), rc);
        return;
    }
    if (!single_expect(take_kind(request), rc, expected))
        return;
    if (rc) {
        MUST(request->order > 0 || run.cleared == 0, "%u frames cleared for nothing", run.cleared);
        return;
    }
    from = intruder.done ? intruder.nid : node_of(d, o->taken.extent[0].n, from, request);
    enter_extents(o, from, request->nr);
    run.nr_open++;
    if (finish)
        end_take(run.nr_open - 1, rnd(8) ? o->taken.nr : rnd(o->taken.nr + 1));
}

/* --- what to ask for --- */

static u32 some_order(void)
{
    u32 r = rnd(100);

    if (run.profile == 0)
        return r < 75 ? 0 : r < 98 ? 1 + rnd(5) : rnd(10);
    if (run.profile == 1)
        return r < 45 ? 0 : r < 80 ? 1 + rnd(8) : 9 + rnd(3);
    return r < 30 ? 0 : r < 60 ? rnd(10) : r < 95 ? 9 + rnd(6) : 12 + rnd(7);
}

static void some_request(struct mm_request *r, u32 *d)
{
    bool overhead = rnd(8) == 0 && run.nr_held + MM_TAKE_MAX * (SINGLE_OPEN + 1) < SINGLE_HELD;

    *d = overhead && rnd(3) == 0 ? 0 : single_domain();
    r->nid = rnd(3) ? rnd(ref.nr_nodes) : NODE_NONE;
    r->order = overhead ? rnd(4) : some_order();
    r->nr = rnd(3) ? 1 : 1 + rnd(overhead ? 2 : r->order < 5 ? MM_TAKE_MAX : 4);
    r->flags = (rnd(2) ? MM_EXACT_NODE : 0) | (overhead ? MM_OVERHEAD : 0);
    r->address_bits = rnd(40) ? 0 : 10 + rnd(24);
    if (rnd(300) == 0)
        r->nid = ref.nr_nodes + rnd(2) * 1000;
    if (rnd(300) == 0)
        r->order = MAX_ORDER + 1 + rnd(50);
    if (rnd(300) == 0)
        r->nr = rnd(2) ? 0 : MM_TAKE_MAX + 1 + rnd(2) * 1000000;
}

void single_op_take(void)
{
    struct mm_request request;
    u32 d;

    some_request(&request, &d);
    if (run.nr_open == SINGLE_OPEN)
        end_take(rnd(SINGLE_OPEN), 0);
    single_take(d, &request, rnd(4) != 0);
}

/* Most memory is asked for page by page. */
void single_op_alloc(void)
{
    struct mm_request request = {.nr = 1};
    u32 d = single_domain(), from = 0;
    mfn_t m;

    run_op = "alloc";
    this_cpu_node = rnd(ref.nr_nodes);
    request.nid = rnd(3) ? rnd(ref.nr_nodes) : NODE_NONE;
    request.flags = rnd(2) ? MM_EXACT_NODE : 0;
    int expected = ref_predict_take(d, &request, this_cpu_node, &from);
    int rc = mm_alloc(&accounts[d], request.nid, 0, request.flags, &m);
    if (!single_expect(OP_ALLOC, rc, expected) || rc)
        return;
    from = node_of(d, m.n, from, &request);
    MUST(m.n < ref.nr_frames && ref.frame[m.n].node == from && ref.frame[m.n].use == REF_FREE &&
         ref.frame[m.n].clean);
    struct ref_receipt receipt;
    ref_redeem(d, from, 1, &receipt);
    ref_set(m.n, 1, REF_GUEST, d, true);
    pages_come(m.n, 0, 1);
    remember(m.n, d, 0);
}

void single_op_done(void)
{
    if (!run.nr_open)
        return;
    u32 i = rnd(run.nr_open);
    for (u32 k = 0; k < run.nr_open && rnd(2); k++) /* the dead ones first, often */
        i = ref.dying[run.open[k].d] ? k : i;
    end_take(i, rnd(2) ? run.open[i].taken.nr : rnd(run.open[i].taken.nr + 1));
}

void single_op_free_overhead(void)
{
    run_op = "free_overhead";
    if (!run.nr_held)
        return;
    u32 i = rnd(run.nr_held);
    for (u32 j = 0; j < run.nr_held && rnd(16); j++) /* the dead ones' first, often */
        i = ref.dying[run.held[j].d] ? j : i;
    ref_free(run.held[i].n, BIT(run.held[i].order));
    mm_free_overhead(single_account(run.held[i].d), mfn(run.held[i].n), run.held[i].order);
    stress_count(&run.result->counts, OP_FREE_OVERHEAD, 0);
    run.held[i] = run.held[--run.nr_held];
}

/* The hog takes large extents until little is left on each node. */
void single_fill_up(void)
{
    if (ref.dying[SINGLE_HOG] || run.nr_open)
        return;
    for (u32 nid = 0; nid < ref.nr_nodes; nid++) {
        u64 leave = rnd(4) ? rnd(3000) : rnd(30000);

        for (u32 order = MAX_ORDER + 1; order-- > 0 && !nr_wrong;) {
            struct mm_request r = {.nid = nid, .order = order, .nr = 1, .flags = MM_EXACT_NODE};
            u64 had = 0;

            while (ref.free[nid] > leave + BIT(order) && had != ref.free[nid] && !nr_wrong) {
                had = ref.free[nid];
                single_take(SINGLE_HOG, &r, false);
                if (run.nr_open)
                    end_take(0, run.open[0].taken.nr);
            }
        }
    }
}
