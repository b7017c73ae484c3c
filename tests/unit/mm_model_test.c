// sources: mm/all
/*
 * Random operations against a trivial model: an array that says who owns each frame, and a claim vector per
 * domain. The model recomputes every total from that array, decides by docs/claims.md what each call must
 * return, from which node, and what it redeems; after each step every counter is compared. Pages are marked
 * while they are owned, and every page handed out must be zero. MM_MODEL_SEED and MM_MODEL_OPS in the
 * environment choose another run.
 */
#include "mm_model.h"
#include <mm/internal.h>

/* --- operations --- */

static void op_alloc(bool undo)
{
    u32 d = rnd(8) ? 1 + rnd(DOMS - 1) : 0;
    u32 flags = (rnd(2) ? MM_EXACT_NODE : 0) | (d == 0 || rnd(5) == 0 ? MM_OVERHEAD : 0);
    u32 nid = rnd(3) ? rnd(NODES) : NODE_NONE;
    u32 order = rnd(2) ? 0 : rnd(3) ? 1 + rnd(5) : rnd(10);
    struct mm_taken taken;
    mfn_t m = INVALID_MFN;
    u32 from = 0;

    op = undo ? "undo" : "alloc";
    if (rnd(200) == 0)
        nid = NODES + rnd(2) * 1000;
    if (nr_held == MAX_LIST)
        flags &= ~(u32)MM_OVERHEAD;
    undo &= d != 0;
    harness_cpu_node = rnd(NODES);
    int expected = predict_alloc(d, nid, order, flags, &from);
    int rc = harness_take(account(d), nid, order, flags, &taken);
    if (rc == 0)
        m = taken.extent[0];
    MUST(rc == expected);
    seen.no_memory += rc == -ENOMEM;
    seen.too_big += rc == -E2BIG;
    seen.dead += rc == -ESRCH;
    if (rc) {
        MUST(!mfn_valid_value(m) && nr_cleared == 0);
        return;
    }
    MUST(m.n + BIT(order) <= FRAMES && IS_ALIGNED(m.n, BIT(order)));
    for (u32 i = 0; i < nr_cleared; i++)
        MUST(cleared[i] >= m.n && cleared[i] < m.n + BIT(order));
    for (u32 n = (u32)m.n; n < m.n + BIT(order); n++) {
        MUST(model.node[n] == from && model.use[n] == FREE && model.clean[n]);
        frame_hand_out(n);
        model.use[n] = flags & MM_OVERHEAD ? OVERHEAD : GUEST;
        model.owner[n] = (u8)d;
    }
    if (undo) {
        seen.undone += model.out[d] != 0;
        mm_take_done(&taken, 0);
        for (u32 n = (u32)m.n; n < m.n + BIT(order); n++)
            frame_free(n);
        return;
    }
    mm_take_done(&taken, 1);
    seen.taken++;
    seen.own_claim += d && model.c[d][from] != 0;
    seen.other_claim +=
        d && model.out[d] > model.c[d][from] + model.h[d] && (1u << order) > model.c[d][from] + model.h[d];
    redeem(d, from, 1u << order);
    if (flags & MM_OVERHEAD) {
        held[nr_held].dom = (u8)d;
        held[nr_held].order = (u8)order;
        held[nr_held++].n = (u32)m.n;
    }
}

static void op_free_overhead(void)
{
    op = "free_overhead";
    if (!nr_held)
        return;
    u32 i = rnd(nr_held);
    for (u32 j = 0; j < nr_held && step % 2; j++) /* the dead ones first, often */
        i = model.dying[held[j].dom] ? j : i;
    u32 end = held[i].n + (1u << held[i].order);
    for (u32 n = held[i].n; n < end; n++)
        frame_free(n);
    mm_free_overhead(account(held[i].dom), mfn(held[i].n), held[i].order);
    held[i] = held[--nr_held];
}

static void frame_release(u32 n)
{
    if (model.pins[n]) {
        model.use[n] = RELEASED;
        seen.kept_by_pin++;
    } else {
        frame_free(n);
    }
}

static void op_release(void)
{
    u32 n = rnd(FRAMES), order = rnd(2) ? 0 : rnd(6), d = 1 + rnd(DOMS - 1);
    int expected = 0;

    op = "release";
    if (model.use[n] == GUEST && rnd(20))
        d = model.owner[n];
    if (rnd(2))
        n = ALIGN_DOWN(n, 1u << order);
    for (u32 i = n; i < n + (1u << order); i++)
        if (i >= FRAMES || model.node[i] == NOBODY || model.use[i] != GUEST || model.owner[i] != d)
            expected = -EINVAL;
    MUST(mm_release(account(d), mfn(n), order) == expected);
    seen.released += expected == 0;
    for (u32 i = n; expected == 0 && i < n + (1u << order); i++)
        frame_release(i);
}

static void op_pin(void)
{
    u32 n = rnd(FRAMES + 8), d = 1 + rnd(DOMS - 1);

    op = "pin";
    if (nr_pinned == 64)
        return;
    if (n < FRAMES && model.use[n] == GUEST && rnd(10))
        d = model.owner[n];
    bool may = n < FRAMES && model.node[n] != NOBODY && model.use[n] == GUEST && model.owner[n] == d;
    MUST(mm_pin((u16)d, mfn(n)) == (may ? 0 : -EINVAL));
    if (may) {
        model.pins[n]++;
        pinned[nr_pinned++] = n;
    }
}

static void op_unpin(void)
{
    op = "unpin";
    if (!nr_pinned)
        return;
    u32 i = rnd(nr_pinned), n;
    if (step % 2) /* the dead ones first, often */
        for (u32 j = 0; j < nr_pinned; j++)
            i = model.dying[model.owner[pinned[j]]] ? j : i;
    n = pinned[i];
    bool last = --model.pins[n] == 0 && model.use[n] == RELEASED;
    MUST(mm_unpin(mfn(n)) == last);
    if (last)
        frame_free(n);
    pinned[i] = pinned[--nr_pinned];
}

static void op_kill(void)
{
    u32 d = 1 + rnd(DOMS - 1);
    op = "kill";
    mm_account_kill(account(d));
    model.dying[d] = true;
    model.h[d] = 0;
    memset(model.c[d], 0, sizeof(model.c[d]));
}

/* Is frame n still d's to give up? Asked of the table, as the model cannot know which ones a budget reaches.
 */
static bool still_guest(u32 n, u32 d)
{
    u16 owner;
    return frame_get(region_of(n, mm_mfn_node(mfn(n))), n, &owner) == FRAME_GUEST && owner == d;
}

static void op_release_some(void)
{
    u32 d = 1 + rnd(DOMS - 1), left = 0;

    op = "release_some";
    for (u32 i = 1; i < DOMS; i++)
        d = model.dying[d] ? d : d % (DOMS - 1) + 1;
    bool more = mm_release_some(account(d), rnd(8));
    for (u32 n = 0; n < FRAMES; n++) {
        if (model.use[n] != GUEST || model.owner[n] != d)
            continue;
        if (still_guest(n, d))
            left++;
        else
            frame_release(n);
    }
    MUST(more ? model.dying[d] : !(model.dying[d] && left)); /* with its budget used up it may not know */
    recount();
    if (model.dying[d] && model.tot[d] == 0 && model.over[d] == 0) { /* wholly gone: a new domain */
        seen.reborn++;
        model.dying[d] = false;
        model.max[d] = rnd(4) ? 200 + rnd(400) : ~0ull;
        model.affinity[d] = rnd(2) ? rnd(16) : 0;
        harness_domain((u16)d, model.max[d])->affinity = model.affinity[d];
    }
}

static u64 some_pages(void)
{
    return rnd(50) == 0 ? ~0ull - rnd(2) : rnd(30) == 0 ? 1ull << 63 : rnd(6) ? rnd(60) : rnd(500);
}

static void op_legacy(void)
{
    u32 d = 1 + rnd(DOMS - 1);
    u64 pages = rnd(4) ? model.tot[d] + some_pages() : some_pages() * rnd(3);
    int expected;

    op = "legacy claim";
    if (model.dying[d])
        expected = -EINVAL;
    else if (pages == 0)
        expected = 0;
    else if (model.out[d] || pages <= model.tot[d] || pages > model.max[d])
        expected = -EINVAL;
    else
        expected = pages - model.tot[d] > model.all_free - model.all_c - model.all_h ? -ENOMEM : 0;
    MUST(claim_install_legacy(account(d), pages) == expected);
    seen.legacy += expected == 0 && pages;
    seen.legacy_too_much += expected == -ENOMEM;
    if (expected == 0) {
        memset(model.c[d], 0, sizeof(model.c[d]));
        model.h[d] = pages ? pages - model.tot[d] : 0;
    }
}

static void op_set(void)
{
    static const u32 strange[] = {NODES, 63, 64, 256, 0x7fffffff, 0x80000001, 0xfffffffe};
    u32 d = 1 + rnd(DOMS - 1), nr = 1 + rnd(NODES + 1), first = rnd(NODES + 1);
    u32 flags = rnd(50) == 0 ? 1u << (4 + rnd(28)) : rnd(2);
    struct claim_entry entries[NODES + 1];
    struct wanted want = {.h = 0};

    op = "claim set";
    for (u32 i = 0; i < nr; i++) {
        u32 selector = (first + i) % (NODES + 1);
        u64 owned = selector < NODES ? model.own[d][selector] : model.tot[d];
        entries[i] =
            (struct claim_entry){.pages = rnd(2) ? owned + some_pages() : some_pages(), .node = selector};
        if (selector == NODES)
            entries[i].node = rnd(2) ? CLAIM_HOST : CLAIM_HOST_LATER;
        if (rnd(60) == 0)
            entries[i].node = strange[rnd(ARRAY_SIZE(strange))];
        if (rnd(60) == 0)
            entries[i].node = entries[rnd(i + 1)].node;
        if (rnd(60) == 0)
            entries[i].pad = 1u << rnd(32);
        if (rnd(8) == 0)
            entries[i].pages = 0;
    }
    if (rnd(6) == 0)
        for (u32 i = 0; i < nr; i++)
            entries[i].pages = 0;
    /* The model's way to see a repeated selector takes all large numbers for the host's. */
    for (u32 i = 0; i < nr; i++)
        if (entries[i].node > 0x80000000u && entries[i].node != CLAIM_HOST)
            nr = 1, entries[0] = entries[i];
    int expected = predict_set(d, entries, nr, flags, &want);
    MUST(claim_install_set(account(d), entries, nr, flags) == expected);
    seen.set += expected == 0 && !want.release && !model.out[d];
    seen.replaced += expected == 0 && !want.release && model.out[d];
    seen.set_refused += expected == -EINVAL || expected == -ENOENT;
    seen.set_too_much += expected == -ENOMEM;
    if (expected == 0) {
        model.h[d] = want.release ? 0 : want.h;
        for (u32 i = 0; i < NODES; i++)
            model.c[d][i] = want.release ? 0 : want.c[i];
    }
}

static void op_scrub(void)
{
    u32 nid = rnd(NODES);
    op = "scrub";
    bool dirty = model.dirty[nid] != 0;
    MUST(mm_scrub_step(nid) == dirty);
    MUST((nr_cleared != 0) == dirty && nr_cleared <= 512);
    for (u32 i = 0; i < nr_cleared; i++)
        MUST(model.node[cleared[i]] == nid);
}

static void op_settings(void)
{
    u32 d = 1 + rnd(DOMS - 1);
    op = "settings";
    account(d)->max_pages = model.max[d] = rnd(3) ? 300 + rnd(500) : rnd(6) ? ~0ull : rnd(50);
    account(d)->affinity = model.affinity[d] = rnd(2) ? rnd(8) : 0;
}

static void one_step(void)
{
    u32 r = rnd(1000);
    nr_cleared = 0;
    if (r < 400)
        op_alloc(false);
    else if (r < 430)
        op_alloc(true);
    else if (r < 580)
        op_release();
    else if (r < 650)
        op_free_overhead();
    else if (r < 690)
        op_pin();
    else if (r < 730)
        op_unpin();
    else if (r < 770)
        op_legacy();
    else if (r < 840)
        op_set();
    else if (r < 920)
        op_scrub();
    else if (r < 922)
        op_kill();
    else if (r < 992)
        op_release_some();
    else
        op_settings();
}

static void add(u32 start, u32 end, u32 nid)
{
    assert_int_equal(mm_add_range(mfn(start), mfn(end), nid), 0);
    memset(&model.node[start], (int)nid, end - start);
}

static u64 env_number(const char *name, u64 otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void random_operations(void **state)
{
    (void)state;
    u64 ops = env_number("MM_MODEL_OPS", 200000);

    rng_state = env_number("MM_MODEL_SEED", 20260822) * 2 + 1;
    harness_init(NODES, FRAMES, FRAMES);
    memset(model.node, NOBODY, sizeof(model.node));
    memset(model.owner, NOBODY, sizeof(model.owner));
    add(3, 259, 0);
    add(259, 500, 1);
    add(512, 700, 2);
    add(703, 720, 1);
    for (u32 d = 1; d < DOMS; d++)
        harness_domain((u16)d, model.max[d] = 150 * d);
    harness_on_clear = on_clear;
    compare();
    for (step = 0; step < ops; step++) {
        one_step();
        compare();
        if (step % 1000 == 0)
            MUST(mm_check() == 0);
    }

    const u32 *counts = (const u32 *)&seen;
    for (u32 i = 0; i < sizeof(seen) / sizeof(u32); i++) {
        if (getenv("MM_MODEL_STATS"))
            fprintf(stderr, "outcome %u: %u\n", i, counts[i]);
        MUST(getenv("MM_MODEL_STATS") || ops < 100000 || counts[i] >= 10);
    }

    /* All goes back, and it is all there. */
    op = "end";
    while (nr_pinned)
        op_unpin();
    while (nr_held)
        op_free_overhead();
    for (u32 d = 1; d < DOMS; d++) {
        mm_account_kill(account(d));
        while (mm_release_some(account(d), 100))
            ;
        MUST(account(d)->tot_pages == 0 && account(d)->overhead_pages == 0);
    }
    MUST(host_info().free_pages == 256 + 241 + 188 + 17 && host_info().outstanding_pages == 0);
    harness_on_clear = NULL;
    harness_clean_all();
    MUST(host_info().dirty_pages == 0);
    MUST(mm_check() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(random_operations, harness_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
