/*
 * Nodes inside mm/: which frames they have, their lists and counters, and taking from them.
 *
 * Legend: [I] fixed after set-up, [N] node lock.
 */
#ifndef MM_NODE_H
#define MM_NODE_H

#include <lib/assert.h>
#include <mm/mm.h>

/* Takes and releases of what is usual are one straight line; all else is out of its way, in functions of its own: 48
 * instructions less for a take, 60 for a release. */
#define USUAL inline __attribute__((always_inline))
#define RARE  __attribute__((noinline))

/* --- frames.c: which frames exist --- */
struct frame_range { /* [start, end), all of one node; neighbours of one node are one range */
    u64 start;
    u64 end;
    nodeid_t nid;
};
/* More than boot/ can make of a firmware's map: its ranges, the SRAT's boundaries between them, modules. */
#define MAX_FRAME_RANGES 5120u
/* Windows of 2 MiB, and GiB, that several nodes share: a record more for each node but the first. */
#define MAX_SIBLINGS     256u

/* The range that holds frame n, or NULL. O(log ranges). */
const struct frame_range *frame_range_find(u64 n);
/* The same. *near: the range that was found last, as one holder's memory is mostly in one. 20 instructions less, and
 * more where there are many ranges. */
static inline const struct frame_range *frame_range_near(u64 n, const struct frame_range **near)
{
    const struct frame_range *range = __atomic_load_n(near, __ATOMIC_RELAXED);

    if (likely(range->start <= n && n < range->end))
        return range;
    range = frame_range_find(n);
    if (range)
        __atomic_store_n(near, range, __ATOMIC_RELAXED);
    return range;
}
/* The first range that ends above n, or NULL. */
const struct frame_range *frame_range_from(u64 n);
u32 frame_range_count(void);
const struct frame_range *frame_range_get(u32 i);

/* What each take and release changes is in the lock's cache line: one line goes from CPU to CPU, not three. */
struct node {
    spinlock_t lock;                      /* LOCK_NODE + the node's number */
    u64 free_pages;                       /* [N] on maps, and being scrubbed */
    u64 dirty_pages;                      /* [N] of them not clean yet, also those being scrubbed */
    u64 claimed;                          /* [N] sum of c[d][n]; read without the lock as a hint */
    u64 host_part;                        /* [N] this node's part of H, see ledger.c */
    u64 free_2m;                          /* [N] wholly free regions, also those being scrubbed */
    u64 kept_2m;                          /* [N] of them promised as a whole: node_keep_whole() */
    u64 kept_1g;                          /* [N] */
    u64 free_1g;                          /* [N] wholly free chunks, also with regions being scrubbed */
    struct chunk *chunks[NR_CHUNK_LISTS]; /* [N] */
    struct chunk *dirty_chunks;           /* [N] with wholly free dirty regions */
    struct region *open[MAP_ORDER];       /* [N] split, with free frames, by the order that they may give */
    struct region *dirty_regions;         /* [N] split, with dirty free frames */
    struct region *crumbs;                /* [N] split, without any owned frame: parts of windows */
    struct region *shared[2];             /* [N] split, with frames of several holders; [1] with free ones */
    struct holdings heap;                 /* [N] Homestead's own memory, for domains and for itself */
    u64 scrubbing_pages;                  /* [N] free pages on no map; read without the lock as a hint */
    u64 scrub;                            /* [N] claimed by claims with CLAIM_SCRUB; also read as a hint */
    u64 offline_pages;                    /* [N] */
    u64 ram_pages;                        /* [I] of mm_add_range() */
    u64 unmanaged_pages;                  /* [I] of mm_note_unmanaged() */
    struct chunk *first_chunk;            /* [I] all of them */
    u32 nr_waiting;                       /* [atomic] takers that want scrubbers to let go */
    u8 near[MAX_NODES];                   /* [I] all nodes by distance, itself first */
} __attribute__((aligned(512))); /* a shift finds it: 75 instructions less to replace a set over 8 nodes */

extern struct node mm_nodes[MAX_NODES];

static inline struct node *node_get(nodeid_t nid)
{
    ASSERT(nid < mm_nr_nodes());
    return &mm_nodes[nid];
}

/* The same, where it is used often: the compiler would compute the address anew each time. 20 instructions less for a pair. */
static inline struct node *node_get_once(nodeid_t nid)
{
    struct node *node = node_get(nid);

    __asm__("" : "+r"(node));
    return node;
}

/* U[n]: free pages that nobody has claimed on this node. Node lock held. */
static inline u64 node_unclaimed(const struct node *node)
{
    return node->free_pages - node->claimed;
}

/* Sets of nodes, a bit each; to be locked: one at least. Several locks are taken in rising order. */
static inline u64 nodes_all(void)
{
    return ~0ull >> (64 - mm_nr_nodes());
}
static inline nodeid_t node_first(u64 nodes)
{
    return nodes ? (nodeid_t)__builtin_ctzll(nodes) : MAX_NODES;
}
/* The set is evaluated once. No break inside: it would end the inner loop, which makes nid and has one turn. */
#define for_each_node(nid, nodes) \
    for (u64 nid##_left = (nodes); nid##_left; nid##_left &= nid##_left - 1) \
        for (nodeid_t nid = (nodeid_t)__builtin_ctzll(nid##_left), nid##_once = 1; nid##_once; nid##_once = 0)

void nodes_lock_each(u64 nodes);
void nodes_unlock_each(u64 nodes);
/* nid: one of them; it is cheap if that is all. */
static inline void nodes_lock_of(nodeid_t nid, u64 nodes)
{
    if (likely(nodes == BIT(nid)))
        spin_lock(&mm_nodes[nid].lock);
    else
        nodes_lock_each(nodes);
}
static inline void nodes_unlock_of(nodeid_t nid, u64 nodes)
{
    if (likely(nodes == BIT(nid)))
        spin_unlock(&mm_nodes[nid].lock);
    else
        nodes_unlock_each(nodes);
}
static inline void nodes_lock(u64 nodes)
{
    nodes_lock_of((nodeid_t)__builtin_ctzll(nodes), nodes);
}
static inline void nodes_unlock(u64 nodes)
{
    nodes_unlock_of((nodeid_t)__builtin_ctzll(nodes), nodes);
}
/* More nodes than the locked ones: these are unlocked first, so what was seen may have changed. Returns all of them. */
u64 nodes_lock_more(u64 locked, u64 more);

/* --- node_take.c --- */
/* What is looked for, and what was found. */
enum { TAKE_CLEAN = 1u, TAKE_DIRTY = 2u, TAKE_ANY = TAKE_CLEAN | TAKE_DIRTY };
struct take {
    struct holdings *holder;
    u16 owner;
    enum owned_state state; /* FRAME_GUEST, FRAME_OWN */
    u32 order;
    u32 kinds;                                            /* TAKE_* */
    u32 nr;                                               /* wanted; 1 if order > ORDER_2M */
    u64 limit;                                            /* frames below this one only; ~0: all */
    enum { CHUNKS_NONE, CHUNKS_SOME, CHUNKS_ALL } chunks; /* have been looked at: */
    bool whole;                                           /* broken ones first, then whole ones; */
    struct chunk *at;                                     /* this one is next */
    u64 from;      /* with windows below a limit: frame number of the next one */
    u32 tries;     /* searches of a region's map that this attempt may still make */
    mfn_t *extent; /* [nr] */
    u32 got;
    bool more;      /* nothing found so far, and not everything looked at: a next attempt goes on */
    bool all_dirty; /* got is 1, and that is to be cleared as a whole; else */
    u64 dirty;      /* bit per extent: not all of it is zero; and with order > ORDER_2M */
    u64 dirty_regions[MAP_WORDS]; /* which regions of the extent's chunk are dirty */
};
/* Takes up to nr extents; got says how many. A search begins with chunks and from 0. Node lock held; looks at a bounded number
 * of regions and chunks. */
void node_take_frames(struct node *node, struct take *take);  /* order below ORDER_2M */
void node_take_regions(struct node *node, struct take *take); /* ORDER_2M and above */
void node_take_chunk(struct node *node, struct take *take);   /* ORDER_1G */
static inline void node_take(struct node *node, struct take *take)
{
    take->got = 0;
    take->dirty = 0;
    take->all_dirty = take->more = false;
    if (take->order < ORDER_2M)
        node_take_frames(node, take);
    else if (take->order < ORDER_1G)
        node_take_regions(node, take);
    else
        node_take_chunk(node, take);
}
/* The chunk and the first bit of a run of free regions of 2^(order - 9), one for orders below; NULL: none, see more. */
struct chunk *node_find_regions(struct node *node, struct take *take, u32 *bit);
/* What the locks are held for: a region costs more than a frame, and larger extents many. */
static inline u32 mm_extents_at_once(u32 order)
{
    return order < ORDER_2M ? MM_TAKE_MAX : order == ORDER_2M ? MM_TAKE_MAX / 2 : 1;
}

/* --- scrub.c --- */
/* Clears what the set bits stand for, frames from `base` on, without any lock. */
void clear_runs(u64 base, const u64 map[MAP_WORDS], u64 frames_a_bit);
/* Lets a scrubber on another CPU get on. */
void node_relax(void);
/* Makes scrubbers of the node let go: none of its memory is away from the return to node_wait_done(). */
void node_wait_scrubbers(struct node *node);
void node_wait_done(struct node *node);
/* Cleans some of what an extent of order > ORDER_2M would be made of, if the node has none that is clean.
 * False: nothing to be done. */
bool node_clean_for(nodeid_t nid, u32 order);

/* --- node.c; node lock held --- */
/* Adds to the number of whole free extents of ORDER_2M or ORDER_1G that must not be broken for anything smaller. */
void node_keep_whole(nodeid_t nid, u32 order, s64 extents);
/* Could so many more be kept whole now? Of 0: are those there that are to be kept? */
bool node_has_whole(nodeid_t nid, u32 order, u64 extents);

struct node_counts { /* in extents, but for pages; members of struct node */
    u64 free_pages;
    u64 dirty_pages;
    u64 free_2m; /* those inside free_1g too */
    u64 free_1g;
    u64 kept_2m;
    u64 kept_1g;
    u64 offline_pages;
};
/* Takes the node's lock. */
void node_get_counts(nodeid_t nid, struct node_counts *out);

#endif
