/* Everything but taking and claims: giving up, pins, kills, scrubbing, offlining, each compared with the
 * reference. */
#include "single.h"

#include <xen/sysctl.h>

/* --- memory goes back --- */

static void frame_release(u64 n, u32 d)
{
    if (ref.pins[n])
        ref_set(n, 1, REF_RELEASED, d, false);
    else
        ref_free(n, 1);
}

/* 0 or -EINVAL; 1: part of it belongs to a take under way, whose memory is nobody's business yet. */
static int predict_release(u32 d, u64 n, u32 order)
{
    int rc = 0;

    for (u64 i = n; i < n + BIT(order); i++) {
        if (i >= ref.nr_frames || ref.frame[i].node == REF_NO_RAM)
            return -EINVAL;
        if (ref.frame[i].use == REF_OPEN_GUEST || ref.frame[i].use == REF_OPEN_OVERHEAD)
            return 1;
        if (ref.frame[i].use != REF_GUEST || ref.frame[i].owner != d ||
            ref.frame[i].node != ref.frame[n].node)
            rc = -EINVAL; /* what nobody can have got in one piece is not given up in one either */
    }
    return rc;
}

/* Of the memory handed out lately, what is still where it was; the rest is forgotten. NULL: none. */
static struct single_extent *some_extent(void)
{
    while (run.nr_seen) {
        struct single_extent *e = &run.seen[rnd(run.nr_seen)];

        if (ref.frame[e->n].use == REF_GUEST && ref.frame[e->n].owner == e->d)
            return e;
        *e = run.seen[--run.nr_seen];
    }
    return NULL;
}

/* Somebody's memory, or any frame. */
static void some_range(u32 *d, u64 *n, u32 *order)
{
    const struct single_extent *e = rnd(8) ? some_extent() : NULL;

    *d = single_domain();
    if (e) {
        *d = e->d;
        *n = e->n;
        *order = e->order;
        if (rnd(8) == 0 && *order) { /* a part of it */
            *order = rnd(*order);
            *n += rnd((u32)(BIT(e->order) - BIT(*order) + 1));
        }
    } else {
        *n = rnd((u32)ref.nr_frames + 8);
        *order = rnd(3) ? 0 : rnd(8);
        if (*n < ref.nr_frames && ref.frame[*n].use == REF_GUEST && rnd(20))
            *d = ref.frame[*n].owner;
    }
}

static bool overlaps(const mfn_t *list, u32 nr, u64 n, u32 order)
{
    for (u32 i = 0; i < nr; i++)
        if (n < list[i].n + BIT(order) && list[i].n < n + BIT(order))
            return true;
    return false;
}

void single_op_release(void)
{
    u32 d, order, nr = 1, wanted = rnd(3) ? 1 : 1 + rnd(rnd(2) ? 8 : MM_TAKE_MAX);
    mfn_t list[MM_TAKE_MAX];
    u64 n;

    run_op = "release";
    some_range(&d, &n, &order);
    list[0] = mfn(n);
    int expected = predict_release(d, n, order);
    for (u32 i = 1; i < wanted && expected <= 0; i++) { /* more of the same domain's */
        u32 whose, its_order;

        some_range(&whose, &n, &its_order);
        n = ALIGN_DOWN(n, BIT(order));
        bool twice = overlaps(list, nr, n, order);
        if ((whose != d || twice) && rnd(20))
            continue;
        int rc = predict_release(d, n, order);
        rc = twice && rc == 0 ? -EINVAL : rc;
        expected = rc == 1 || expected == 0 ? rc : expected;
        list[nr++] = mfn(n);
    }
    if (expected == 1)
        return;
    if (rnd(500) == 0) {
        order = MAX_ORDER + 1 + rnd(40);
        expected = -EINVAL;
    }
    int rc = mm_release_many(&accounts[d], list, order, nr);
    if (!single_expect(nr == 1 ? OP_RELEASE : OP_RELEASE_MANY, rc, expected) || rc)
        return;
    for (u32 i = 0; i < nr; i++)
        for (u64 k = list[i].n; k < list[i].n + BIT(order); k++)
            frame_release(k, d);
}

/* Is frame n of d's not given up? Asked of mm/, as nobody can know which ones a budget reached. */
static bool still_guest(u32 d, u64 n)
{
    if (mm_pin((u16)d, mfn(n)))
        return false;
    mm_unpin(mfn(n));
    return true;
}

static void rebirth(u32 d)
{
    ref.dying[d] = false;
    ref.max[d] = rnd(20) == 0 ? ~0ull : run.profile == 0 ? 300 + rnd(4000) : 3000 + rnd(200000);
    ref.affinity[d] = rnd(2) ? rnd(1u << ref.nr_nodes) : 0;
    if (d == SINGLE_HOG)
        ref.max[d] = ~0ull;
    account_new((u16)d, ref.max[d])->affinity = ref.affinity[d];
    stress_count(&run.result->counts, OP_REBIRTH, 0);
}

void single_op_release_some(void)
{
    u32 d = single_domain(), left = 0;
    bool more, all = rnd(4) != 0;

    run_op = "release_some";
    for (u32 i = 1; i < REF_DOMS; i++) /* a dying one, if there is any */
        d = ref.dying[d] ? d : d % (REF_DOMS - 1) + 1;
    if (!ref.dying[d] || (!all && rnd(8)))
        return;
    do
        more = mm_release_some(&accounts[d], rnd(64));
    while (more && all);
    stress_count(&run.result->counts, OP_RELEASE_SOME, 0);
    for (u64 n = 0; n < ref.nr_frames; n++) {
        if (ref.frame[n].owner != d || (ref.frame[n].use != REF_GUEST && ref.frame[n].use != REF_OPEN_GUEST))
            continue;
        if (more && still_guest(d, n))
            left++;
        else
            frame_release(n, d);
    }
    MUST(more || left == 0, "%u left", left);
    if (ref.tot[d] == 0 && ref.over[d] == 0 && !ref.open[d])
        rebirth(d);
}

void single_op_kill(u32 d)
{
    run_op = "kill";
    mm_account_kill(&accounts[d]);
    ref_kill(d);
    stress_count(&run.result->counts, OP_KILL, 0);
}

/* --- pins --- */

void single_op_pin(void)
{
    u32 d = single_domain(), order;
    u64 n;

    run_op = "pin";
    if (run.nr_pinned == ARRAY_SIZE(run.pinned))
        return;
    some_range(&d, &n, &order);
    if (n >= ref.nr_frames || ref.frame[n].node == REF_NO_RAM || ref.frame[n].use == REF_OPEN_GUEST)
        return;
    bool may = ref.frame[n].use == REF_GUEST && ref.frame[n].owner == d;
    if (!single_expect(OP_PIN, mm_pin((u16)d, mfn(n)), may ? 0 : -EINVAL) || !may)
        return;
    ref.pins[n]++;
    run.pinned[run.nr_pinned++] = (u32)n;
}

void single_op_unpin(void)
{
    run_op = "unpin";
    if (!run.nr_pinned)
        return;
    u32 i = rnd(run.nr_pinned);
    for (u32 j = 0; j < run.nr_pinned && rnd(8); j++) /* the dead ones first, often */
        i = ref.dying[ref.frame[run.pinned[j]].owner] ? j : i;
    u32 n = run.pinned[i];
    bool last = --ref.pins[n] == 0 && ref.frame[n].use == REF_RELEASED;
    bool freed = mm_unpin(mfn(n));
    stress_count(&run.result->counts, OP_UNPIN, 0);
    MUST(freed == last, "frame %u", n);
    if (last)
        ref_free(n, 1);
    run.pinned[i] = run.pinned[--run.nr_pinned];
}

/* --- the rest --- */

void single_op_scrub(void)
{
    u32 nid = rnd(ref.nr_nodes);
    bool dirty = ref.dirty[nid] != 0;
    u64 before = ref.dirty[nid];

    run_op = "scrub";
    run.cleared = 0;
    bool did = mm_scrub_step(nid);
    stress_count(&run.result->counts, OP_SCRUB, did ? 0 : -1);
    MUST(did == dirty && (run.cleared != 0) == dirty && run.cleared <= 512, "%u frames", run.cleared);
    MUST(before - ref.dirty[nid] == run.cleared);
}

/* Somebody's frame or a free one leaves, or one comes back. */
void single_op_offline(void)
{
    u32 d, order, status = 0;
    u64 n;

    run_op = "offline";
    some_range(&d, &n, &order);
    if (rnd(3))
        n = rnd((u32)ref.nr_frames + 8);
    if (run.nr_away == ARRAY_SIZE(run.away))
        return;
    struct ref_frame *f = n < ref.nr_frames ? &ref.frame[n] : NULL;
    bool ram = f && f->node != REF_NO_RAM;
    if (!single_expect(OP_OFFLINE, mm_offline_page(mfn(n), &status), ram ? 0 : -EINVAL))
        return;
    if (!ram) {
        MUST(status == (PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM));
        return;
    }
    if (f->use != REF_OFFLINE && !f->leaving)
        run.away[run.nr_away++] = (u32)n;
    if (f->use == REF_FREE) {
        ref_set(n, 1, REF_OFFLINE, REF_NOBODY, false);
        ref_recall(f->node);
    } else if (f->use != REF_OFFLINE) {
        f->leaving = 1;
    }
    bool overhead = f->use == REF_OVERHEAD || f->use == REF_OPEN_OVERHEAD;
    u32 pending =
        PG_OFFLINE_PENDING | (overhead ? PG_OFFLINE_XENPAGE | (u32)DOMID_XEN << PG_OFFLINE_OWNER_SHIFT
                                       : PG_OFFLINE_OWNED | (u32)f->owner << PG_OFFLINE_OWNER_SHIFT);
    MUST(status == (f->use == REF_OFFLINE ? PG_OFFLINE_OFFLINED : pending), "status %x", status);
}

void single_op_online(void)
{
    u32 status = 0, query = 0;

    run_op = "online";
    if (!run.nr_away)
        return;
    u32 i = rnd(run.nr_away), n = run.away[i];
    struct ref_frame *f = &ref.frame[n];

    MUST(mm_query_page(mfn(n), &query) == 0);
    MUST(query == (f->use == REF_OFFLINE ? PG_OFFLINE_STATUS_OFFLINED : PG_OFFLINE_STATUS_OFFLINE_PENDING));
    if (!single_expect(OP_ONLINE, mm_online_page(mfn(n), &status), 0))
        return;
    MUST(status == PG_ONLINE_ONLINED);
    f->leaving = 0;
    if (f->use == REF_OFFLINE)
        ref_free(n, 1);
    run.away[i] = run.away[--run.nr_away];
}

void single_op_settings(void)
{
    u32 d = single_domain();

    run_op = "settings";
    ref.max[d] = rnd(3) ? 300 + rnd(5000) : rnd(4) ? 1000 + rnd(300000) : rnd(200);
    ref.affinity[d] = rnd(2) ? rnd(1u << ref.nr_nodes) : 0;
    accounts[d].max_pages = ref.max[d];
    accounts[d].affinity = ref.affinity[d];
}
