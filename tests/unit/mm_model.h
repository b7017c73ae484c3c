/*
 * The trivial model that mm_model_test.c compares mm/ with: who owns each frame, what each domain has
 * claimed, and from that, recomputed at each step, every total, and what each call must return and take.
 * Written from docs/claims.md, not from mm/'s ways of keeping these.
 */
#ifndef TESTS_MM_MODEL_H
#define TESTS_MM_MODEL_H

#include "mm_harness.h"

#define NODES    3u
#define FRAMES   768u
#define DOMS     6u /* domids 1 .. DOMS-1; 0 stands for Homestead */
#define MAX_LIST 512u
#define NOBODY   0xff

enum use { FREE, GUEST, OVERHEAD, RELEASED };

static struct {
    u8 node[FRAMES]; /* NOBODY: no RAM */
    u8 owner[FRAMES];
    u8 use[FRAMES];
    u8 clean[FRAMES];
    u32 pins[FRAMES];
    u64 h[DOMS], c[DOMS][NODES], max[DOMS], affinity[DOMS];
    bool dying[DOMS];
    /* recomputed by recount() */
    u64 tot[DOMS], own[DOMS][NODES], over[DOMS], out[DOMS];
    u64 free[NODES], dirty[NODES], claimed[NODES], all_free, all_c, all_h;
} model;

static struct {
    u8 dom;
    u8 order;
    u32 n;
} held[MAX_LIST]; /* overhead extents */
static u32 nr_held;
static u32 pinned[MAX_LIST];
static u32 nr_pinned;
static u64 step;
static const char *op = "start";

/* How often each outcome came up: a run that never meets one says nothing about it. */
static struct {
    u32 taken, undone, own_claim, other_claim, no_memory, too_big, dead;
    u32 set, replaced, set_refused, set_too_much, legacy, legacy_too_much, released, kept_by_pin, reborn;
} seen;

#define MUST(cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "step %llu (%s): %s\n", (unsigned long long)step, op, #cond); \
            fail(); \
        } \
    } while (0)

static u64 rng_state;
static u32 rnd(u32 below)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (u32)((rng_state >> 20) % below);
}

static struct mem_account *account(u32 d)
{
    return d ? &harness_accounts[d] : NULL;
}

static void recount(void)
{
    memset(model.tot, 0, sizeof(model.tot));
    memset(model.own, 0, sizeof(model.own));
    memset(model.over, 0, sizeof(model.over));
    memset(model.free, 0, sizeof(model.free));
    memset(model.dirty, 0, sizeof(model.dirty));
    memset(model.claimed, 0, sizeof(model.claimed));
    model.all_free = model.all_c = model.all_h = 0;
    for (u32 n = 0; n < FRAMES; n++) {
        u32 nid = model.node[n], d = model.owner[n];
        if (nid == NOBODY)
            continue;
        if (model.use[n] == FREE) {
            model.free[nid]++;
            model.all_free++;
            model.dirty[nid] += !model.clean[n];
        } else if (model.use[n] == OVERHEAD) {
            model.over[d]++;
        } else {
            model.tot[d]++;
            model.own[d][nid]++;
        }
    }
    for (u32 d = 1; d < DOMS; d++) {
        model.out[d] = model.h[d];
        model.all_h += model.h[d];
        for (u32 nid = 0; nid < NODES; nid++) {
            model.out[d] += model.c[d][nid];
            model.claimed[nid] += model.c[d][nid];
            model.all_c += model.c[d][nid];
        }
    }
}

static void compare(void)
{
    struct mm_host_info host = host_info();
    u64 dirty = 0;

    recount();
    for (u32 nid = 0; nid < NODES; nid++) {
        MUST(node_free(nid) == model.free[nid]);
        MUST(node_dirty(nid) == model.dirty[nid]);
        MUST(node_claimed(nid) == model.claimed[nid]);
        MUST(model.claimed[nid] <= model.free[nid]);
        dirty += model.dirty[nid];
    }
    MUST(host.free_pages == model.all_free);
    MUST(host.dirty_pages == dirty);
    MUST(host.outstanding_pages == model.all_c + model.all_h);
    MUST(host.outstanding_pages <= host.free_pages);
    for (u32 d = 1; d < DOMS; d++) {
        const struct mem_account *a = account(d);
        MUST(a->tot_pages == model.tot[d]);
        MUST(a->overhead_pages == model.over[d]);
        MUST(a->host_claim == model.h[d]);
        MUST(a->outstanding == model.out[d]);
        for (u32 nid = 0; nid < NODES; nid++) {
            MUST(a->own[nid] == model.own[d][nid]);
            MUST(a->node_claim[nid] == model.c[d][nid]);
        }
    }
}

/* --- contents --- */

static u64 *mark_of(u32 n)
{
    return (u64 *)mm_frame_virt(mfn(n)) + n % 512;
}

static void frame_hand_out(u32 n)
{
    MUST(*mark_of(n) == 0);
    MUST(*(u64 *)mm_frame_virt(mfn(n)) == 0);
    *mark_of(n) = step + 1;
    *(u64 *)mm_frame_virt(mfn(n)) = step + 1;
}

static void frame_free(u32 n)
{
    model.use[n] = FREE;
    model.owner[n] = NOBODY;
    model.clean[n] = false;
    model.pins[n] = 0;
}

static u32 cleared[FRAMES];
static u32 nr_cleared;

static void on_clear(u64 n, u64 nr)
{
    for (u64 i = n; i < n + nr; i++) {
        MUST(i < FRAMES && model.use[i] == FREE && model.node[i] != NOBODY);
        model.clean[i] = true;
        MUST(nr_cleared < FRAMES);
        cleared[nr_cleared++] = (u32)i;
    }
}

/* --- what must happen --- */

/* Is there an aligned range of free (and clean) frames? */
static bool region_exists(u32 nid, u32 order, bool clean)
{
    u32 size = 1u << order;
    for (u32 start = 0; start + size <= FRAMES; start += size) {
        u32 n = start;
        while (n < start + size && model.node[n] == nid && model.use[n] == FREE && (!clean || model.clean[n]))
            n++;
        if (n == start + size)
            return true;
    }
    return false;
}

static bool credits_suffice(u32 d, u32 nid, u64 pages)
{
    u64 own = d ? MIN(pages, model.c[d][nid]) : 0, all = d ? MIN(pages, model.out[d]) : 0;
    return pages - own <= model.free[nid] - model.claimed[nid] &&
           pages - all <= model.all_free - model.all_c - model.all_h;
}

static void redeem(u32 d, u32 nid, u64 pages)
{
    if (d == 0)
        return;
    u64 part = MIN(pages, model.c[d][nid]);
    model.c[d][nid] -= part;
    pages -= part;
    part = MIN(pages, model.h[d]);
    model.h[d] -= part;
    pages -= part;
    for (u32 i = 0; i < NODES; i++) {
        part = MIN(pages, model.c[d][i]);
        model.c[d][i] -= part;
        pages -= part;
    }
}

/* Nodes lie on a line: nearest first, the lower of two equally near ones first. */
static u32 nodes_in_order(u32 d, u32 nid, u32 flags, u32 *list)
{
    u32 nr = 0, from = nid;
    bool used[NODES] = {false};

    if (nid != NODE_NONE && (flags & MM_EXACT_NODE)) {
        list[0] = nid;
        return 1;
    }
    if (nid == NODE_NONE) {
        for (u32 i = 0; i < NODES; i++)
            if (d && model.affinity[d] & BIT(i)) {
                list[nr++] = i;
                used[i] = true;
            }
        from = nr ? list[0] : harness_cpu_node;
    }
    for (u32 distance = 0; distance < NODES; distance++)
        for (u32 i = 0; i < NODES; i++)
            if (!used[i] && (i > from ? i - from : from - i) == distance) {
                list[nr++] = i;
                used[i] = true;
            }
    return nr;
}

static int predict_alloc(u32 d, u32 nid, u32 order, u32 flags, u32 *from)
{
    u32 list[NODES], nr;

    if (order > MAX_ORDER || (nid >= NODES && nid != NODE_NONE) || (!d && !(flags & MM_OVERHEAD)))
        return -EINVAL;
    if (d && model.dying[d])
        return -ESRCH;
    if (!(flags & MM_OVERHEAD) && model.tot[d] + (1u << order) > model.max[d])
        return -E2BIG;
    nr = nodes_in_order(d, nid, flags, list);
    for (u32 pass = nr > 1 ? 0 : 1; pass < 2; pass++)
        for (u32 i = 0; i < nr; i++) {
            bool clean_only = pass == 0 && !(d && model.c[d][list[i]]);
            if (credits_suffice(d, list[i], 1u << order) && region_exists(list[i], order, clean_only)) {
                *from = list[i];
                return 0;
            }
        }
    return -ENOMEM;
}

typedef unsigned __int128 wide;

struct wanted {
    u64 c[NODES], h;
    bool release;
};

/* Section 3, from "domain dying" on, with sums wide enough not to wrap. */
static int predict_set(u32 d, const struct claim_entry *e, u32 nr, u32 flags, struct wanted *want)
{
    u64 node_pages[NODES] = {0}, host_pages = 0, beyond = 0;
    wide sum;

    if (flags > 1 || model.dying[d])
        return -EINVAL;
    for (u32 i = 0; i < nr; i++) {
        if (e[i].pad)
            return -EINVAL;
        for (u32 j = 0; j < i; j++)
            if (e[j].node == e[i].node || (e[j].node >= 0x80000000u && e[i].node >= 0x80000000u))
                return -EINVAL;
        if (e[i].node == CLAIM_HOST || e[i].node == CLAIM_HOST_LATER)
            host_pages = e[i].pages;
        else if (e[i].node < NODES)
            node_pages[e[i].node] = e[i].pages;
        else
            return -ENOENT;
    }
    want->release = true;
    for (u32 i = 0; i < nr; i++)
        want->release &= e[i].pages == 0;
    if (want->release)
        return 0;
    if (model.out[d] && !(flags & CLAIM_REPLACE))
        return -EINVAL;
    for (u32 i = 0; i < NODES; i++) {
        want->c[i] = node_pages[i] > model.own[d][i] ? node_pages[i] - model.own[d][i] : 0;
        beyond += model.own[d][i] > node_pages[i] ? model.own[d][i] - node_pages[i] : 0;
    }
    want->h = host_pages > beyond ? host_pages - beyond : 0;
    sum = want->h;
    for (u32 i = 0; i < NODES; i++)
        sum += want->c[i];
    if (sum == 0 || sum + model.tot[d] > model.max[d])
        return -EINVAL;
    for (u32 i = 0; i < NODES; i++)
        if (want->c[i] > model.free[i] - (model.claimed[i] - model.c[d][i]))
            return -ENOMEM;
    return sum > model.all_free - (model.all_c + model.all_h - model.out[d]) ? -ENOMEM : 0;
}

#endif
