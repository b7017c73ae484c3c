/*
 * Taking extents from a node: orders 9 to 17 as runs of regions in a chunk, order 18 as a chunk, orders
 * 0 to 8 as runs of frames in a region. Node lock held.
 *
 * Placement is by holder: each takes its regions where it took the last one, and its frames in regions of its
 * own, so that what it gives back when it dies is whole again. A whole chunk is broken last.
 *
 * Memory promised as a whole (kept_2m, kept_1g) is not broken for anything smaller. Credits make that
 * exact: what is promised whole is promised by page too, so a single page that somebody has the credit for is
 * always somewhere else.
 */
#include <lib/assert.h>
#include <mm/region.h>

#define CHUNKS_LOOKED_AT  8u  /* of those that would do, before the first is taken that does */
#define REGIONS_LOOKED_AT 16u /* of a holder's own, for a run of frames or for clean ones */
#define CLEAN_LOOKED_AT   64u /* of others', for clean ones */

/* claims.md CL-3.49. */
static bool may_break_1g(const struct node *node)
{
    return node->free_1g > node->kept_1g;
}

/* Wholly free regions that are not promised as a whole. claims.md CL-3.48, CL-3.49. */
static u64 node_spare_2m(const struct node *node)
{
    u64 promised = node->kept_2m + node->kept_1g * MAP_BITS;

    return node->free_2m > promised ? node->free_2m - promised : 0;
}

static bool below_limit(u64 end, const struct take *take)
{
    return end <= take->limit;
}

/*
 * First region of a run that is free in a way that kinds allows, clean ones first; MAP_NONE.
 * claims.md CL-5.14.
 */
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
    chunk_take(node, c, take->holder, take->owner, take->state);
    take->extent[take->got++] = mfn(c->base);
}

static void take_region_run(struct node *node, struct take *take, struct chunk *c, u32 bit)
{
    u32 regions = 1u << (take->order - ORDER_2M);

    map_fill(take->dirty_regions, false);
    for (u32 i = bit; i < bit + regions; i++)
        if (region_take(node, chunk_region(c, i), take->holder, take->owner, take->state)) {
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
            take_region_run(node, take, c, bit);
            if (take->got == take->nr || !node_spare_2m(node))
                return;
            bit = c->list == CHUNKS_PARTLY ? chunk_find(c, take) : MAP_NONE;
        } while (bit != MAP_NONE && take->order == ORDER_2M);
    }
}

/* --- frames below 2 MiB --------------------------------------------------------------------------------- */

/*
 * A holder has regions of its own; a new one is split off while there are wholly free regions that are not
 * promised. Then, when memory is short, any region with free frames will do, and becomes a shared one.
 */

/* Free frames of word w that kinds allows, clean ones first. */
static u64 word_of(const struct region *r, u32 w, u32 kinds)
{
    u64 clean = r->free[w] & ~r->dirty[w];

    return kinds & TAKE_CLEAN && clean ? clean : kinds & TAKE_DIRTY ? r->free[w] : 0;
}

static bool fits(const struct region *r, const struct take *take)
{
    return r->base + MAP_BITS <= take->limit && r->nr_free >= BIT(take->order) &&
           (take->kinds & TAKE_DIRTY || r->nr_free - r->nr_dirty >= (s32)BIT(take->order));
}

/* Single frames, a word of the map at a time. */
static void take_singles(struct node *node, struct region *r, struct take *take)
{
    frame_word_t word = frame_word(take->owner, take->state);
    u32 before = take->got;

    region_admit(node, r, take->holder);
    for (u32 w = 0; w < MAP_WORDS && take->got < take->nr; w++) {
        frame_word_t *frame = &region_words(r)[w * 64];
        u64 bits;

        while (take->got < take->nr && (bits = word_of(r, w, take->kinds))) {
            u64 taken = 0, dirty = bits & r->dirty[w];

            for (; bits && take->got < take->nr; bits &= bits - 1) {
                u32 i = (u32)__builtin_ctzll(bits);
                frame[i] = word;
                taken |= BIT(i);
                take->dirty |= (dirty >> i & 1) << take->got;
                take->extent[take->got++] = mfn(r->base + w * 64 + i);
            }
            region_take_bits(node, r, w, taken);
        }
    }
    region_taken(node, r, take->holder, take->got - before);
}

/* One run. False: there is none. */
static bool take_run(struct node *node, struct region *r, struct take *take)
{
    u64 map[MAP_WORDS];
    u32 bit = MAP_NONE, nr = 1u << take->order;

    for (u32 w = 0; w < MAP_WORDS; w++)
        map[w] = r->free[w] & ~r->dirty[w];
    if (r->nr_free > r->nr_dirty)
        bit = map_find_run(map, take->order);
    if (bit == MAP_NONE && take->kinds & TAKE_DIRTY)
        bit = map_find_run(r->free, take->order);
    if (bit == MAP_NONE)
        return false;
    region_admit(node, r, take->holder);
    if (map_count_range(r->dirty, bit, bit + nr))
        take->dirty |= BIT(take->got);
    for (u32 i = bit; i < bit + nr; i++)
        region_words(r)[i] = frame_word(take->owner, take->state);
    for (u32 w = bit / 64; w * 64 < bit + nr; w++)
        region_take_bits(node, r, w, map_word_mask(w, bit, bit + nr));
    take->extent[take->got++] = mfn(r->base + bit);
    region_taken(node, r, take->holder, nr);
    return true;
}

static bool take_from(struct node *node, struct region *r, struct take *take)
{
    u32 before = take->got;

    if (!fits(r, take))
        return false;
    if (take->order == 0)
        take_singles(node, r, take);
    else
        while (take->got < take->nr && take_run(node, r, take))
            ;
    return take->got > before;
}

enum link { HOME, OPEN };

/* From the first regions of a list that have some, looking at look_at at most. Taking moves regions between
 * lists, hence one at a time. */
static bool take_from_list(struct node *node, struct region *r, enum link link, struct take *take,
                           u32 look_at)
{
    for (; r && look_at; look_at--) {
        struct region *next = link == HOME ? r->next : r->open_next;

        if (take_from(node, r, take))
            return true;
        r = next;
    }
    return false;
}

/* Splits a wholly free region. */
static bool take_from_new(struct node *node, struct take *take)
{
    u32 bit = MAP_NONE;
    struct chunk *c = node_spare_2m(node) ? node_find_regions(node, take, &bit) : NULL;

    if (!c)
        return false;
    struct region *r = chunk_region(c, bit);
    region_take(node, r, NULL, 0, REGION_SPLIT);
    take->holder->near = c;
    return take_from(node, r, take);
}

static void take_small(struct node *node, struct take *take)
{
    /* Each region must be examined to find a run, a clean frame, or one below a limit. */
    u32 all = take->order || take->limit != ~0ull || take->kinds != TAKE_ANY ? REGIONS_LOOKED_AT : 1;

    while (take->got < take->nr) {
        bool any = take_from_list(node, take->holder->open, HOME, take, all) ||
                   take_from_list(node, node->crumbs, HOME, take, all) ||
                   take_from_list(node, node->shared[1], HOME, take, all) || take_from_new(node, take);
        /* Memory is short: any free frames, also in regions of others. Clean memory is only preferred. */
        if (!any)
            any =
                take_from_list(node, node->open, OPEN, take, take->kinds == TAKE_ANY ? ~0u : CLEAN_LOOKED_AT);
        if (!any)
            return;
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
        take_small(node, take);
}
