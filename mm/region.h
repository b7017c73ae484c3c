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
/* Takes the free frames in `bits` of map word w. The caller writes the frames' words. */
void region_take_bits(struct node *node, struct region *r, u32 w, u64 bits);
/* After the last of them: nr frames are holder's now. */
void region_taken(struct node *node, struct region *r, struct holdings *holder, u32 nr);
/* A wholly free region leaves its chunk: whole for somebody, or split with all frames free and no holder.
 * Returns whether it was dirty. */
bool region_take(struct node *node, struct region *r, struct holdings *holder, u16 owner,
                 enum owned_state state);
/* A whole region of a chunk that is owned as a whole is owned by itself then, and in its holder's list. */
void region_inherit(struct region *r);
/* The result of giving memory up, in frames. */
struct freed {
    u64 gone; /* no longer the owner's */
    u64 free; /* of them free now; the others went offline */
};
/* Frames [start, end) of r, all owned and of holder, are given up; pinned ones are FRAME_RELEASED then and
 * not gone. r is split if need be. */
void region_free(struct node *node, struct region *r, struct holdings *holder, u32 start, u32 end,
                 struct freed *freed);
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

    return c->state == REGION_SPLIT && (map_test(c->clean, bit) || map_test(c->dirty, bit));
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
/* --- words.c --- */
/* A region that is owned as a whole: all its words become valid. */
void region_write_words(struct region *r);
/* Frame n's word, from the level that records it. FRAME_FREE if it is free and on a map. */
frame_word_t frame_get(const struct chunk *c, u64 n);
/* Frame n is owned and will get a pin or a mark: makes its word valid, and all others of its region, which it
 * returns. O(512) the first time. */
struct region *region_mark(struct chunk *c, u64 n);

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
/* All of a chunk that is owned as a whole becomes free; it has neither pins nor leaving frames. */
void chunk_free(struct node *node, struct chunk *c, struct freed *freed);
void chunk_take(struct node *node, struct chunk *c, struct holdings *holder, u16 owner,
                enum owned_state state);
/* Its regions are owned one by one then. */
void chunk_split(struct chunk *c);
void chunk_relist(struct node *node, struct chunk *c);
/* A region becomes a wholly free one of its chunk, or stops being one; free_2m follows, pages do not. Take
 * says whether it was dirty. */
void chunk_put_region(struct node *node, struct region *r, bool dirty);
bool chunk_take_region(struct node *node, struct region *r);

#endif
