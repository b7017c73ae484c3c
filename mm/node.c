/*
 * Where a node's extents are taken: orders 9 to 17 as runs of regions in a chunk, order 18 as a chunk, orders
 * 0 to 8 (small.c) as runs of frames in a region. Node lock held.
 *
 * Placement is by holder: each takes its regions where it took the last one, and its frames in regions of its
 * own, so that what it gives back when it dies is whole again. A whole chunk is broken last.
 *
 * Memory promised as a whole (reserved_2m, reserved_1g) is not broken for anything smaller. Credits make that
 * exact: what is promised whole is promised by page too, so a single page that somebody has the credit for is
 * always somewhere else.
 */
#include <lib/assert.h>
#include <mm/internal.h>
#include <mm/ledger.h>

#define CHUNKS_LOOKED_AT 8u /* of those that would do, before the first is taken that does */

static bool may_break_1g(const struct node *node)
{
    return node->free_1g > node->reserved_1g;
}

/* Wholly free regions that nobody was promised as a whole. */
u64 node_spare_2m(const struct node *node)
{
    u64 promised = node->reserved_2m + node->reserved_1g * MAP_BITS;

    return node->free_2m > promised ? node->free_2m - promised : 0;
}

static bool below_limit(u64 end, const struct take *take)
{
    return end <= take->limit;
}

/* First region of a run that is free in a way that kinds allows, clean ones first; MAP_NONE. */
static u32 chunk_find(const struct chunk *c, const struct take *take)
{
    u32 order = take->order - ORDER_2M, bit = MAP_NONE;
    u64 any[MAP_WORDS];

    if (take->order < ORDER_2M)
        order = 0;
    if (!below_limit(c->base + BIT(ORDER_1G), take)) {
        /* Only what lies below. */
        u64 fits = take->limit > c->base ? (take->limit - c->base) / MAP_BITS : 0;
        for (u32 w = 0; w < MAP_WORDS; w++)
            any[w] = (c->clean[w] | (take->kinds & TAKE_DIRTY ? c->dirty[w] : 0)) &
                     map_word_mask(w, 0, (u32)MIN(fits, MAP_BITS));
        return map_find_run(any, order);
    }
    if (c->nr_clean >> order)
        bit = map_find_run(c->clean, order);
    if (bit != MAP_NONE || !(take->kinds & TAKE_DIRTY) || !((c->nr_clean + c->nr_dirty) >> order))
        return bit;
    if (order == 0)
        return map_find_run(c->dirty, 0);
    for (u32 w = 0; w < MAP_WORDS; w++)
        any[w] = c->clean[w] | c->dirty[w];
    return map_find_run(any, order);
}

/* The first chunk of a list that has such a run, looking at most at so many. */
static struct chunk *list_find(struct chunk *c, const struct take *take, u32 look_at, u32 *bit)
{
    for (; c && look_at; c = c->next, look_at--) {
        *bit = chunk_find(c, take);
        if (*bit != MAP_NONE)
            return c;
    }
    return NULL;
}

/*
 * Where the next regions come from. Clean ones are looked for in a few chunks, dirty ones are taken before
 * a whole chunk is broken; a run of regions may be in any chunk.
 */
struct chunk *node_find_regions(struct node *node, const struct take *take, u32 *bit)
{
    struct take clean = *take;
    struct chunk *c = take->holder->near, *partly = node->chunks[CHUNKS_PARTLY];
    bool many = take->order > ORDER_2M || take->limit != ~0ull;

    clean.kinds = TAKE_CLEAN;
    if (c && c->list == CHUNKS_PARTLY && (*bit = chunk_find(c, take)) != MAP_NONE)
        return c;
    c = list_find(partly, &clean, CHUNKS_LOOKED_AT, bit);
    if (!c && take->kinds & TAKE_DIRTY)
        c = list_find(partly, take, many ? ~0u : CHUNKS_LOOKED_AT, bit);
    if (!c && may_break_1g(node)) {
        c = list_find(node->chunks[CHUNKS_CLEAN], take, many ? ~0u : 1, bit);
        if (!c)
            c = list_find(node->chunks[CHUNKS_DIRTY], take, many ? ~0u : CHUNKS_LOOKED_AT, bit);
    }
    if (!c)
        c = list_find(partly, take, ~0u, bit);
    return c;
}

static void take_chunk(struct node *node, struct take *take)
{
    struct chunk *c = node->chunks[CHUNKS_CLEAN];

    while (c && !below_limit(c->base + BIT(ORDER_1G), take))
        c = c->next;
    if (!c && take->kinds & TAKE_DIRTY)
        for (c = node->chunks[CHUNKS_DIRTY]; c; c = c->next)
            if (!c->nr_scrubbing && below_limit(c->base + BIT(ORDER_1G), take))
                break;
    if (!c || !may_break_1g(node) || node_spare_2m(node) < MAP_BITS)
        return;
    for (u32 w = 0; w < MAP_WORDS; w++)
        take->dirty_regions[w] = c->nr_dirty ? c->dirty[w] : 0;
    take->dirty = c->nr_dirty != 0;
    chunk_claim(node, c, take->holder, take->owner, take->state);
    take->extent[take->got++] = mfn(c->base);
}

static void take_run(struct node *node, struct take *take, struct chunk *c, u32 bit)
{
    u32 regions = 1u << (take->order - ORDER_2M);

    map_fill(take->dirty_regions, false);
    for (u32 i = bit; i < bit + regions; i++)
        if (region_claim(node, chunk_region(c, i), take->holder, take->owner, take->state)) {
            map_set(take->dirty_regions, i);
            take->dirty |= BIT(take->got);
        }
    take->extent[take->got++] = mfn(c->base + (u64)bit * MAP_BITS);
    take->holder->near = c;
}

static void take_regions(struct node *node, struct take *take)
{
    while (take->got < take->nr) {
        u32 bit = MAP_NONE;

        if (node_spare_2m(node) < BIT(take->order - ORDER_2M))
            return;
        struct chunk *c = node_find_regions(node, take, &bit);
        if (!c)
            return;
        /* More of the same chunk while it has single regions. */
        do {
            take_run(node, take, c, bit);
            if (take->got == take->nr || !node_spare_2m(node))
                return;
            bit = c->list == CHUNKS_PARTLY ? chunk_find(c, take) : MAP_NONE;
        } while (bit != MAP_NONE && take->order == ORDER_2M);
    }
}

void node_take(struct node *node, struct take *take)
{
    take->got = 0;
    take->dirty = 0;
    if (take->order == ORDER_1G)
        take_chunk(node, take);
    else if (take->order >= ORDER_2M)
        take_regions(node, take);
    else
        node_take_small(node, take);
}

void node_reserve_whole(nodeid_t nid, s64 d2m, s64 d1g)
{
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    BUG_ON((s64)node->reserved_2m + d2m < 0 || (s64)node->reserved_1g + d1g < 0);
    node->reserved_2m = (u64)((s64)node->reserved_2m + d2m);
    node->reserved_1g = (u64)((s64)node->reserved_1g + d1g);
    spin_unlock(&node->lock);
}

bool node_has_whole(nodeid_t nid, u64 nr_2m, u64 nr_1g)
{
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    u64 all_1g = node->reserved_1g + nr_1g;
    bool has = nr_1g <= node->free_1g && all_1g <= node->free_1g && nr_2m <= node->free_2m &&
               node->reserved_2m + nr_2m + all_1g * MAP_BITS <= node->free_2m;
    spin_unlock(&node->lock);
    return has;
}
