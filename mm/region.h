/*
 * How regions and chunks change state (mm/page.h says what they are). Every function here is called with the
 * node's lock held.
 */
#ifndef MM_REGION_H
#define MM_REGION_H

#include <mm/node.h>

/* The region that frame n is in. n must be RAM. */
static inline struct region *region_of(u64 n, nodeid_t nid)
{
    struct region *r = &frame_table[n / MAP_BITS].region;

    while (unlikely(r->nid != nid))
        r = r->sibling;
    return r;
}
/* A region of the same chunk, which is whole: it has no siblings there. */
static inline struct region *chunk_region(const struct chunk *c, u32 bit)
{
    return &frame_table[c->base / MAP_BITS + bit].region;
}

/* --- region.c --- */
/* Frames [start, end) of a window become RAM of the node, free and dirty. */
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
/* A wholly free region leaves its chunk: whole for somebody, or split with all frames free and no holder.
 * Returns whether it was dirty. */
bool region_take(struct node *node, struct region *r, struct holdings *holder, u16 owner,
                 enum owned_state state);
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
static inline bool region_is_free(const struct region *r)
{
    u32 bit = (u32)(r->base / MAP_BITS % MAP_BITS);

    return r->chunk->state == REGION_SPLIT &&
           (map_test(r->chunk->clean, bit) || map_test(r->chunk->dirty, bit));
}
/* Have its frames states of their own? */
static inline bool region_is_split(const struct region *r)
{
    return r->chunk->state == REGION_SPLIT && r->state == REGION_SPLIT && !region_is_free(r);
}
/* Owner and state of frame n, from the level that records them. FRAME_ABSENT also if it is free. */
enum owned_state frame_get(const struct region *r, u64 n, u16 *owner);

struct place { /* of a frame */
    nodeid_t nid;
    struct node *node;
    struct region *r;
    u32 bit;            /* in the region */
    frame_word_t *word; /* means nothing but its pins while the frame is free */
    enum owned_state state;
    u16 owner;
};
/* Finds frame m of node nid. Node lock held. */
void place_find(struct place *p, mfn_t m, nodeid_t nid);
/* The same, and takes the lock. False, without the lock: m is not RAM. */
bool place_lock(struct place *p, mfn_t m);

/* --- chunk.c --- */
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
