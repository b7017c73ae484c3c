/*
 * Taking frames below 2 MiB. A holder has regions of its own; a new one is split off while there are wholly
 * free regions that nobody was promised. Then, when memory is short, any region with free frames will do, and
 * becomes a shared one. Node lock held.
 */
#include <lib/assert.h>
#include <mm/internal.h>

#define REGIONS_LOOKED_AT 16u /* of a holder's own, for a run of frames or for clean ones */
#define CLEAN_LOOKED_AT   64u /* of others', for clean ones */

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
    u64 word = frame_word(take->owner, take->state);
    u32 before = take->got;

    region_admit(node, r, take->holder);
    for (u32 w = 0; w < MAP_WORDS && take->got < take->nr; w++) {
        u64 *frame = &r->frame[w * 64];
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
        r->frame[i] = frame_word(take->owner, take->state);
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
    region_claim(node, r, NULL, 0, REGION_SPLIT);
    take->holder->near = c;
    return take_from(node, r, take);
}

void node_take_small(struct node *node, struct take *take)
{
    /* Where a run is, or a clean frame, or one below a limit, only a look at each region tells. */
    u32 all = take->order || take->limit != ~0ull || take->kinds != TAKE_ANY ? REGIONS_LOOKED_AT : 1;

    while (take->got < take->nr) {
        bool any = take_from_list(node, take->holder->open, HOME, take, all) ||
                   take_from_list(node, node->crumbs, HOME, take, all) ||
                   take_from_list(node, node->shared[1], HOME, take, all) || take_from_new(node, take);
        /* Memory is short: whatever there is, also of others. Clean memory is only a preference. */
        if (!any)
            any =
                take_from_list(node, node->open, OPEN, take, take->kinds == TAKE_ANY ? ~0u : CLEAN_LOOKED_AT);
        if (!any)
            return;
    }
}
