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
 *
 * Nothing here walks far under the lock. Single frames, regions and chunks are at the head of a list. Runs of frames are
 * looked for in regions that are listed by what they may still give, runs of regions in one chunk after the other: when
 * an attempt has looked at so many, take->more says so, and the next one goes on from there.
 *
 * lint: long: one search, whose bounds only make sense side by side
 */
#include <lib/assert.h>
#include <mm/region.h>

#define CHUNKS_LOOKED_AT 8u /* of all, by one attempt */
#define REGIONS_LOOKED_AT \
    16u /* of a holder's own, for a run of frames or for clean ones; of others', for a run */
#define OTHERS_LOOKED_AT 48u /* of others', for clean ones */
#define TRIES            3u  /* searches for a run in a region's map, by one attempt */
#define REGIONS_AT_ONCE  4u  /* that one attempt takes frames from */

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

static bool is_partly(const struct chunk *c)
{
    return c->list == CHUNKS_PARTLY || c->list == CHUNKS_PARTLY_DIRTY;
}

static bool finds(const struct chunk *c, const struct take *take, u32 *bit)
{
    *bit = chunk_find(c, take);
    return *bit != MAP_NONE;
}

static bool has_one(const struct chunk *c, const struct take *take)
{
    return c->nr_clean || (take->kinds & TAKE_DIRTY && c->nr_dirty);
}

/* A chunk with single regions: the holder's, or any, as they are listed by what they have. */
static struct chunk *find_one(struct node *node, const struct take *take)
{
    struct chunk *c = take->holder->near;

    if (c && is_partly(c) && has_one(c, take))
        return c;
    c = node->chunks[CHUNKS_PARTLY];
    if (!c && take->kinds & TAKE_DIRTY)
        c = node->chunks[CHUNKS_PARTLY_DIRTY];
    if (!c && may_break_1g(node))
        c = node->chunks[CHUNKS_CLEAN] ? node->chunks[CHUNKS_CLEAN] : node->chunks[CHUNKS_DIRTY];
    return c && has_one(c, take) ? c : NULL;
}

/* Several in a row, or below a limit: any chunk may have them. All are looked at, a few by each attempt: first those
 * that are broken already, then whole ones. */
static struct chunk *find_many(struct node *node, struct take *take, u32 *bit)
{
    if (take->chunks == CHUNKS_ALL)
        return NULL;
    if (take->chunks == CHUNKS_NONE) {
        take->chunks = CHUNKS_SOME;
        take->whole = false;
        take->at = node->first_chunk;
    }
    struct chunk *c = take->at;
    for (u32 left = CHUNKS_LOOKED_AT; left; left--) {
        if (!c && !take->whole && may_break_1g(node)) {
            take->whole = true;
            c = node->first_chunk;
        }
        take->at = c;
        if (!c) {
            take->chunks = CHUNKS_ALL;
            take->more = false;
            return NULL;
        }
        if ((take->whole ? c->list <= CHUNKS_DIRTY : is_partly(c)) && finds(c, take, bit))
            return c;
        c = c->next_of_node;
    }
    take->at = c;
    take->more = true;
    return NULL;
}

static bool wants_one(const struct take *take)
{
    return take->order <= ORDER_2M && take->limit == ~0ull;
}

/* Where the next regions come from: the holder's chunk first. */
struct chunk *node_find_regions(struct node *node, struct take *take, u32 *bit)
{
    struct chunk *c = take->holder->near;

    if (wants_one(take)) {
        c = find_one(node, take);
        return c && finds(c, take, bit) ? c : NULL;
    }
    return c && is_partly(c) && finds(c, take, bit) ? c : find_many(node, take, bit);
}

/* The head of a list will do, unless a scrubber has some of that chunk or it is above a limit. */
static struct chunk *find_whole(struct node *node, struct take *take)
{
    struct chunk *c = node->chunks[CHUNKS_CLEAN];
    u32 bit;

    if (!may_break_1g(node) || node->free_2m < node->kept_2m + (node->kept_1g + 1) * MAP_BITS)
        return NULL;
    if (!c && take->kinds & TAKE_DIRTY)
        c = node->chunks[CHUNKS_DIRTY];
    if (!c || (c->nr_clean + c->nr_dirty == MAP_BITS && below_limit(c->base + BIT(ORDER_1G), take)))
        return c;
    return find_many(node, take, &bit);
}

void node_take_chunk(struct node *node, struct take *take)
{
    struct chunk *c = find_whole(node, take);

    if (!c)
        return;
    take->dirty = c->nr_dirty != 0;
    take->all_dirty = !c->nr_clean; /* no map: 164 instructions less, with the clearing */
    if (c->nr_dirty && c->nr_clean)
        for (u32 w = 0; w < MAP_WORDS; w++)
            take->dirty_regions[w] = c->dirty[w];
    take->extent[0] = mfn(c->base);
    take->got = 1;
    chunk_take(node, c, take);
}

static void take_region_run(struct node *node, struct take *take, struct chunk *c, u32 bit)
{
    u32 regions = 1u << (take->order - ORDER_2M);

    for (u32 w = 0; w < MAP_WORDS; w++) {
        u64 bits = map_word_mask(w, bit, bit + regions), dirty = bits & c->dirty[w], clean = bits ^ dirty;

        take->dirty_regions[w] = dirty;
        if (!bits)
            continue;
        regions_own(c, w, bits, take);
        if (clean)
            chunk_take_regions(node, c, w, clean, map_popcount(clean), false);
        if (!dirty)
            continue;
        chunk_take_regions(node, c, w, dirty, map_popcount(dirty), true);
        take->dirty |= BIT(take->got);
    }
    take->extent[take->got++] = mfn(c->base + (u64)bit * MAP_BITS);
    take->holder->near = c;
}

/* nr single regions at most, of one word of the chunk's maps: clean ones first. */
static void take_single_regions(struct node *node, struct take *take, struct chunk *c, u32 nr)
{
    bool dirty = !c->nr_clean;
    const u64 *map = dirty ? c->dirty : c->clean;
    u32 w = 0, before = take->got, got = before;

    while (!map[w])
        w++;
    u64 left = map[w], base = c->base + w * 64 * MAP_BITS;
    do {
        take->extent[got++] = mfn(base + (u64)__builtin_ctzll(left) * MAP_BITS);
        left &= left - 1;
    } while (left && got - before < nr);
    regions_own(c, w, map[w] ^ left, take);
    chunk_take_regions(node, c, w, map[w] ^ left, got - before, dirty);
    if (dirty)
        take->dirty |= ~0ull >> (64 - (got - before)) << before;
    take->got = got;
    take->holder->near = c;
}

/* More than one region, or below a limit. */
static RARE void search_regions(struct node *node, struct take *take)
{
    u32 bit = MAP_NONE;

    while (take->got < take->nr) {
        u64 spare = node_spare_2m(node);
        struct chunk *c = NULL;

        if (spare >= BIT(take->order - ORDER_2M))
            c = likely(wants_one(take)) ? find_one(node, take) : node_find_regions(node, take, &bit);
        if (!c)
            return;
        if (likely(wants_one(take)))
            take_single_regions(node, take, c, (u32)MIN(take->nr - take->got, spare));
        else
            take_region_run(node, take, c, bit);
    }
}

/* take_single_regions() for the only one: 85 instructions less. */
static void take_single_region(struct node *node, struct take *take, struct chunk *c)
{
    bool dirty = !c->nr_clean;
    const u64 *map = dirty ? c->dirty : c->clean;
    u32 w = 0;

    while (!map[w])
        w++;
    u32 bit = w * 64 + (u32)__builtin_ctzll(map[w]);
    take->extent[0] = mfn(c->base + (u64)bit * MAP_BITS);
    take->got = 1;
    take->dirty = take->all_dirty = dirty;
    take->holder->near = c;
    region_own(c, bit, take);
    chunk_take_regions(node, c, w, BIT(bit % 64), 1, dirty);
}

void node_take_regions(struct node *node, struct take *take)
{
    if (likely(take->nr == 1 && wants_one(take))) {
        struct chunk *c = node_spare_2m(node) ? find_one(node, take) : NULL;
        if (likely(c))
            take_single_region(node, take, c);
    } else {
        search_regions(node, take);
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

    return clean ? clean : kinds & TAKE_DIRTY ? r->dirty[w] : 0;
}

/* How many free frames of the region kinds allows. */
static inline u32 nr_of(const struct region *r, u32 kinds)
{
    return kinds & TAKE_DIRTY ? r->nr_free : (u32)(r->nr_free - r->nr_dirty);
}

static inline bool fits(const struct region *r, const struct take *take)
{
    return nr_of(r, take->kinds) >> take->order && r->gives >= take->order &&
           below_limit(r->base + MAP_BITS, take);
}

/* Before frames of r are taken. */
static void admit(struct node *node, struct region *r, struct holdings *holder)
{
    if (unlikely(r->holder != holder && !r->shared))
        region_admit(node, r, holder);
}

/* And after that. */
static void count_taken(struct node *node, struct region *r, struct take *take, u32 nr, u32 nr_dirty)
{
    if (unlikely(r->shared))
        take->holder->shared += nr;
    region_taken(node, r, nr, nr_dirty);
}

/* Single frames, a word of the map at a time. The region has some of the kinds wanted. */
static void take_singles(struct node *node, struct region *r, struct take *take)
{
    frame_word_t word = frame_word(take->owner, take->state), *words = frame_tables.words;
    u32 got = take->got, before = got, nr_dirty = 0;
    u32 end = got + MIN(take->nr - got, nr_of(r, take->kinds)); /* got will be that */
    mfn_t *extent = take->extent;

    admit(node, r, take->holder);
    for (u32 w = 0; got < end; w++) {
        for (u64 bits; got < end && (bits = word_of(r, w, take->kinds));) {
            u64 left = bits, dirty = bits & r->dirty[w], base = r->base + w * 64;
            u32 start = got;

            do {
                u64 n = base + (u64)__builtin_ctzll(left);
                words[n] = word;
                extent[got++] = mfn(n);
                left &= left - 1;
            } while (left && got < end);
            region_take_bits(r, w, bits ^ left);
            if (dirty) { /* all of them: word_of() */
                take->dirty |= ~0ull >> (64 - (got - start)) << start;
                nr_dirty += got - start;
            }
        }
    }
    take->got = got;
    count_taken(node, r, take, got - before, nr_dirty);
}

/* One run. False: there is none. */
static bool take_run(struct node *node, struct region *r, struct take *take)
{
    u64 map[MAP_WORDS];
    u32 bit = MAP_NONE, nr = 1u << take->order;

    if (r->nr_free - r->nr_dirty >= (s32)nr) {
        for (u32 w = 0; w < MAP_WORDS; w++)
            map[w] = r->free[w] & ~r->dirty[w];
        bit = map_find_run(map, take->order);
    }
    if (bit == MAP_NONE && take->kinds & TAKE_DIRTY)
        bit = map_find_run(r->free, take->order);
    if (bit == MAP_NONE)
        return false;
    admit(node, r, take->holder);
    u32 nr_dirty = map_count_range(r->dirty, bit, bit + nr);
    if (nr_dirty)
        take->dirty |= BIT(take->got);
    for (u32 i = bit; i < bit + nr; i++)
        region_words(r)[i] = frame_word(take->owner, take->state);
    for (u32 w = bit / 64; w * 64 < bit + nr; w++)
        region_take_bits(r, w, map_word_mask(w, bit, bit + nr));
    take->extent[take->got++] = mfn(r->base + bit);
    count_taken(node, r, take, nr, nr_dirty);
    return true;
}

/*
 * As many as there are. A region that turns out to have no such run goes to a list of less, so that it is not searched
 * again until frames of it have been freed.
 */
static inline bool take_from(struct node *node, struct region *r, struct take *take)
{
    u32 before = take->got;

    if (!fits(r, take))
        return false;
    if (take->order == 0) {
        take_singles(node, r, take);
        return take->got > before;
    }
    while (take->got < take->nr && take->tries) {
        take->tries--;
        if (take_run(node, r, take))
            continue;
        if (take->kinds == TAKE_ANY && r->nr_free)
            region_gives_less(node, r, take->order);
        break;
    }
    return take->got > before;
}

/* From the first regions of a list that have some, looking at look_at at most. Taking moves regions between
 * lists, hence one at a time. */
static bool take_from_list(struct node *node, struct region *r, struct take *take, u32 look_at)
{
    for (; r && look_at; look_at--) {
        struct region *next = r->next;

        if (take_from(node, r, take))
            return true;
        r = next;
    }
    return false;
}

/* Memory is short: any free frames, also in regions of others. Clean ones are only preferred, and not looked for in all. */
static bool take_from_others(struct node *node, struct take *take)
{
    u32 look_at = OTHERS_LOOKED_AT;

    for (u32 gives = take->order; gives < MAP_ORDER && look_at && take->tries; gives++)
        for (struct region *r = node->open[gives], *next; r && look_at && take->tries; r = next, look_at--) {
            next = r->open_next;
            if (take_from(node, r, take))
                return true;
            if (take->kinds == TAKE_ANY && r->gives >= take->order) /* it has too few */
                region_gives_less(node, r, take->order);
        }
    take->more = take->kinds == TAKE_ANY && (!take->tries || !look_at);
    return false;
}

/* The same below a limit: one window after the other. */
static bool take_below_limit(struct node *node, struct take *take)
{
    nodeid_t nid = (nodeid_t)(node - mm_nodes);

    for (u32 left = REGIONS_LOOKED_AT; left && take->tries; left--) {
        const struct frame_range *range = frame_range_from(take->from);

        take->more = range && range->start < take->limit && take->from < take->limit;
        if (!take->more)
            return false;
        if (range->nid != nid) {
            take->from = range->end;
            continue;
        }
        u64 n = MAX(take->from, range->start);
        const struct chunk *c = chunk_of(n, nid);
        bool whole = c->state != REGION_SPLIT;

        take->from = ALIGN_DOWN(n, BIT(whole ? ORDER_1G : ORDER_2M)) + BIT(whole ? ORDER_1G : ORDER_2M);
        if (region_is_split(c, n) && take_from(node, region_of(c, n), take))
            return true;
    }
    take->more = true;
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
    region_break(node, r);
    take->holder->near = c;
    return take_from(node, r, take);
}

static RARE void search_frames(struct node *node, struct take *take)
{
    /* Each region must be examined to find a run, a clean frame, or one below a limit. */
    u32 look_at = take->order || take->limit != ~0ull || take->kinds != TAKE_ANY ? REGIONS_LOOKED_AT : 1;

    take->tries = TRIES;
    for (u32 left = REGIONS_AT_ONCE; take->got < take->nr && left && take->tries; left--) {
        if (take_from_list(node, take->holder->open, take, look_at) ||
            take_from_list(node, node->crumbs, take, look_at) ||
            take_from_list(node, node->shared[1], take, look_at) ||
            (take->tries && take_from_new(node, take)))
            continue;
        if (take->chunks == CHUNKS_SOME && take->more) /* first the chunks, then what is in pieces */
            break;
        if (!(take->limit == ~0ull ? take_from_others(node, take) : take_below_limit(node, take)))
            break;
    }
    /* Only a search for any frames is sure to get on: what it has searched in vain is recorded. */
    take->more = take->kinds == TAKE_ANY && (take->more || !take->tries);
}

/* take_singles() for the only one, from a region of the holder's: 73 instructions less. */
static inline void take_single(struct node *node, struct region *r, struct take *take)
{
    u32 w = 0;
    u64 bits;

    while (!(bits = word_of(r, w, take->kinds)))
        w++;
    u64 bit = bits & -bits, n = r->base + w * 64 + (u64)__builtin_ctzll(bits);
    take->dirty = take->all_dirty = (r->dirty[w] & bit) != 0;
    take->extent[0] = mfn(n);
    take->got = 1;
    frame_tables.words[n] = frame_word(take->owner, take->state);
    region_take_bits(r, w, bit);
    region_taken(node, r, 1, (u32)take->dirty);
}

void node_take_frames(struct node *node, struct take *take)
{
    struct region *r = take->holder->open;

    if (likely(r && take->order == 0 && fits(r, take))) { /* all of them, mostly */
        if (take->nr == 1) {
            take_single(node, r, take);
            return;
        }
        take_singles(node, r, take);
        if (likely(take->got == take->nr))
            return;
    }
    search_frames(node, take);
}
