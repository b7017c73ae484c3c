/*
 * How regions and chunks change state (mm/page.h says what they are). Every function here is called with the
 * node's lock held.
 */
#ifndef MM_REGION_H
#define MM_REGION_H

#include <mm/node.h>

/* The chunk of the node's that frame n is in, which must be RAM of it. Fixed after set-up: no lock needed. */
static inline struct chunk *chunk_of(u64 n, nodeid_t nid)
{
    struct chunk *c = &frame_tables.chunks[n >> ORDER_1G].chunk;

    while (unlikely(c->nid != nid))
        c = c->sibling;
    return c;
}
/* The region of the chunk's that frame n is in. Its record need not be valid. */
struct region *region_of_sibling(const struct chunk *c, u64 n);
static inline struct region *region_of(const struct chunk *c, u64 n)
{
    return unlikely(c->shares) ? region_of_sibling(c, n) : &frame_tables.regions[n / MAP_BITS];
}
/* A region of the chunk's that is a whole window, by its bit in the maps. What is fixed may never have been written,
 * if the region was free ever since. */
static inline struct region *chunk_region(struct chunk *c, u32 bit)
{
    struct region *r = &frame_tables.regions[c->base / MAP_BITS + bit];

    r->base = c->base + (u64)bit * MAP_BITS;
    r->chunk = c;
    return r;
}
static inline u32 region_bit(u64 n)
{
    return (u32)(n / MAP_BITS % MAP_BITS);
}
static inline frame_word_t *region_words(const struct region *r)
{
    return &frame_tables.words[r->base];
}

/* --- region.c --- */
/* A new record of the node's part of a window, which has no RAM yet. */
void region_init(struct node *node, struct region *r, struct chunk *c, u64 base);
/* The record of a whole window becomes valid, but for what is fixed: owned or being cleaned, and in no list. */
void region_renew(struct region *r, struct holdings *holder, u16 owner, enum owned_state state);
/* Frames [start, end) of a window, not all of it, become RAM of the node, free and dirty. */
void region_add(struct node *node, struct region *r, u32 start, u32 end);
/* Before frames of a split region are taken for holder: a region of somebody else becomes a shared one. */
void region_admit(struct node *node, struct region *r, struct holdings *holder);
/* Takes the free frames in `bits` of map word w. The caller writes the frames' words, and region_taken() follows. */
static inline void region_take_bits(struct region *r, u32 w, u64 bits)
{
    r->free[w] &= ~bits;
    r->dirty[w] &= ~bits;
}
/* A split region's lists follow its counters. */
void region_relist(struct node *node, struct region *r);
/* After the last of them: so many were taken, so many of them dirty. */
static inline void region_taken(struct node *node, struct region *r, u32 nr, u32 nr_dirty)
{
    r->nr_free = (u16)(r->nr_free - nr);
    r->nr_dirty = (u16)(r->nr_dirty - nr_dirty);
    node->free_pages -= nr;
    node->dirty_pages -= nr_dirty;
    if (unlikely(!r->nr_free || (!r->nr_dirty && r->dirty_pprev)))
        region_relist(node, r);
}
/* A split region with free frames has no run of that order, above 0. */
void region_gives_less(struct node *node, struct region *r, u32 order);
/* A wholly free region leaves its chunk and is split, with all frames free and no holder. */
void region_break(struct node *node, struct region *r);
/* A region that leaves its chunk, see chunk_take_regions(), is owned as a whole then; or those in `bits` of map word w. */
void region_own(struct chunk *c, u32 bit, const struct take *take);
void regions_own(struct chunk *c, u32 w, u64 bits, const struct take *take);
/* A region of a chunk that is owned as a whole gets a record of its own, in the chunk's list `ready`. */
void region_inherit(struct region *r);
/* The result of giving memory up, in frames. */
struct freed {
    u64 gone; /* no longer the owner's */
    u64 free; /* of them free now; the others went offline */
};
static inline void freed_all(struct freed *freed, u64 frames)
{
    freed->gone += frames;
    freed->free += frames;
}
/* Frames [start, end) of r, all owned and of holder, are given up; pinned ones are FRAME_RELEASED then and
 * not gone. r is split if need be. */
void region_free(struct node *node, struct region *r, struct holdings *holder, u32 start, u32 end,
                 struct freed *freed);
/* nr frames become free, whose bits the caller sets in both maps. */
static inline void region_count_free(struct node *node, struct region *r, u32 nr)
{
    r->nr_free = (u16)(r->nr_free + nr);
    r->nr_dirty = (u16)(r->nr_dirty + nr);
    node->free_pages += nr;
    node->dirty_pages += nr;
}
static inline void region_free_bits(struct node *node, struct region *r, u32 start, u32 end)
{
    for (u32 at = start, next; at < end; at = next) {
        next = MIN((at | 63) + 1, end);
        u64 bits = map_mask_within(at, next);
        r->free[at / 64] |= bits;
        r->dirty[at / 64] |= bits;
    }
    region_count_free(node, r, end - start);
}
/* Frames have become free, others are still owned: does nothing change with that? */
static inline bool region_stays(const struct region *r)
{
    return r->nr_free + r->nr_away < r->nr_ram && r->open_pprev && r->dirty_pprev &&
           r->nr_free >> (r->gives + 1) == 0;
}
/* If it does: lists and state follow. */
void region_settle(struct node *node, struct region *r);
/* region_free() of a split region that is not shared and has neither pins nor marks; the caller counts them. */
static USUAL void region_free_plain(struct node *node, struct region *r, u32 start, u32 end)
{
    if (end - start == 1) {
        u64 bit = BIT(start % 64);
        r->free[start / 64] |= bit;
        r->dirty[start / 64] |= bit;
        region_count_free(node, r, 1);
    } else {
        region_free_bits(node, r, start, end);
    }
    if (unlikely(!region_stays(r)))
        region_settle(node, r);
}
/* The windows from n on, up to end, that are owner's as whole regions, in one word of the chunk's maps. Returns how many. */
u32 regions_owned(const struct chunk *c, u64 n, u64 end, u16 owner, enum owned_state state);
/* Gives r up, which is owned as a whole and has neither pins nor marks; the caller counts it. */
void region_free_whole(struct node *node, struct region *r);
/* Gives up those from n on, up to end, that are owned as whole regions without pins or marks, in one word of the chunk's
 * maps. Returns how many. */
u32 regions_free(struct node *node, struct chunk *c, u64 n, u64 end, struct freed *freed);
/* All that domain owner has in r. */
void region_free_all(struct node *node, struct region *r, struct holdings *holder, u16 owner,
                     struct freed *freed);
/* A frame of a split region that is FRAME_RELEASED becomes free: true, or goes offline. */
bool region_free_released(struct node *node, struct region *r, u32 bit);
/* A free frame of a split region goes offline; an offline one becomes free, and dirty. */
void region_frame_offline(struct node *node, struct region *r, u32 bit);
void region_frame_online(struct node *node, struct region *r, u32 bit);
/* A wholly free region that a scrubber takes away, and brings back clean. */
void region_scrub_begin(struct node *node, struct region *r);
void region_scrub_end(struct node *node, struct region *r);
/* The same for the dirty free frames of a split region. */
void region_scrub_frames_begin(struct node *node, struct region *r, u64 frames[MAP_WORDS]);
void region_scrub_frames_end(struct node *node, struct region *r, const u64 frames[MAP_WORDS]);

/* --- what frame n of the chunk's is in --- */
/* A wholly free region? */
static inline bool region_is_free(const struct chunk *c, u64 n)
{
    u32 bit = region_bit(n);

    return c->state == REGION_SPLIT && (c->clean[bit / 64] | c->dirty[bit / 64]) >> bit % 64 & 1;
}
/* A region whose record is valid? */
static inline bool region_is_valid(const struct chunk *c, u64 n)
{
    return c->state == REGION_SPLIT ? !region_is_free(c, n) : map_test(c->marked, region_bit(n));
}
/* One whose frames have states of their own? */
static inline bool region_is_split(const struct chunk *c, u64 n)
{
    return c->state == REGION_SPLIT && !region_is_free(c, n) && region_of(c, n)->state == REGION_SPLIT;
}
/* Frame n's word, from the level that records it. FRAME_FREE if it is free and on a map. */
static inline frame_word_t frame_get(const struct chunk *c, u64 n)
{
    if (c->state != REGION_SPLIT)
        return map_test(c->marked, region_bit(n)) ? frame_tables.words[n]
                                                  : frame_word(c->owner, (enum owned_state)c->state);
    if (region_is_free(c, n))
        return FRAME_FREE;
    const struct region *r = region_of(c, n);
    if (r->state == REGION_SPLIT)
        return map_test(r->free, (u32)(n % MAP_BITS)) ? FRAME_FREE : frame_tables.words[n];
    return r->has_words ? frame_tables.words[n] : frame_word(r->owner, (enum owned_state)r->state);
}

/* --- words.c --- */
/* A region that is owned as a whole: all its words become valid. */
void region_write_words(struct region *r);
/* The same for one whose chunk is owned as a whole: with its record. */
struct region *chunk_mark_region(struct chunk *c, u32 bit);
/* Frame n is owned and will get a pin or a mark: makes its word valid, and all others of its region, which it
 * returns. O(512) the first time. */
static inline struct region *region_mark(struct chunk *c, u64 n)
{
    if (unlikely(c->state != REGION_SPLIT))
        return chunk_mark_region(c, region_bit(n));
    struct region *r = region_of(c, n);
    if (r->state != REGION_SPLIT)
        region_write_words(r);
    return r;
}

struct place { /* of a frame */
    nodeid_t nid;
    struct node *node;
    struct chunk *c;
    frame_word_t word; /* as frame_get() */
    enum owned_state state;
    u16 owner;
};
/* Finds frame m of node nid. Node lock held. */
void place_find(struct place *p, mfn_t m, nodeid_t nid);
/* The same, and takes the lock. False, without the lock: m is not RAM. */
bool place_lock(struct place *p, mfn_t m);

/* --- chunk.c --- */
/* Regions [start, end) become RAM of the node, free and dirty; no record of them is written. */
void chunk_add(struct node *node, struct chunk *c, u32 start, u32 end);
/* All of a chunk that is owned as a whole becomes free; it has neither pins nor leaving frames; the caller counts it. */
void chunk_free(struct node *node, struct chunk *c);
/* A wholly free chunk, of which no scrubber has a part, is taken. */
void chunk_take(struct node *node, struct chunk *c, const struct take *take);
/*
 * A chunk that is owned as a whole is about to be split: makes the records of some regions ready for that. True: all of
 * them were. To be called until then with the lock dropped in between. The chunk is owned as a whole all the time, and
 * can still be freed as such.
 */
bool chunk_split_step(struct chunk *c);
/* Its regions are owned one by one then. O(1) if they are ready. */
void chunk_split(struct chunk *c);
void chunk_relist(struct node *node, struct chunk *c);
/* nr regions, those in `bits` of map word w, become free and dirty, pages and all; or stop being free, either all clean
 * or all dirty. */
void chunk_put_regions(struct node *node, struct chunk *c, u32 w, u64 bits, u32 nr);
void chunk_take_regions(struct node *node, struct chunk *c, u32 w, u64 bits, u32 nr, bool dirty);
/* A region becomes a wholly free one of its chunk, or stops being one; free_2m follows, pages do not. Take
 * says whether it was dirty. */
void chunk_put_region(struct node *node, struct region *r, bool dirty);
bool chunk_take_region(struct node *node, struct region *r);

#endif
