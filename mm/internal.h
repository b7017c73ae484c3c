/*
 * What the files of mm/ share among themselves. Others use mm.h, claims.h and account.h.
 *
 * Legend: [I] fixed after set-up, [N] node lock, [L] ledger lock, [A] account lock.
 */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include <mm/claims.h>
#include <mm/mm.h>

/* --- frames.c: which frames exist --- */
struct frame_range { /* [start, end), all of one node; neighbours of one node are one range */
    u64 start;
    u64 end;
    nodeid_t nid;
};
/* More than boot/ can make of a firmware's map: its ranges, the SRAT's boundaries between them, modules. */
#define MAX_FRAME_RANGES 5120u
/* Windows that two nodes share: a second region for each. */
#define MAX_SIBLINGS     256u

/* The range that holds frame n, or NULL. O(log ranges). */
const struct frame_range *frame_range_find(u64 n);
u32 frame_range_count(void);
const struct frame_range *frame_range_get(u32 i);
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

/* --- node.c, search.c: one node's memory --- */
struct node {
    spinlock_t lock;                      /* LOCK_NODE */
    struct chunk *chunks[NR_CHUNK_LISTS]; /* [N] */
    struct chunk *dirty_chunks;           /* [N] with wholly free dirty regions */
    struct region *open;                  /* [N] split, with free frames */
    struct region *dirty_regions;         /* [N] split, with dirty free frames */
    struct region *crumbs;                /* [N] split, without any owned frame: parts of windows */
    struct region *shared[2];             /* [N] split, with frames of several holders; [1] with free ones */
    struct holdings heap;                 /* [N] Homestead's own memory, for domains and for itself */
    u64 free_pages;                       /* [N] on maps, and being scrubbed */
    u64 dirty_pages;                      /* [N] of them not clean yet, also those being scrubbed */
    u64 scrubbing_pages;                  /* [N] of them on no map; read without the lock as a hint */
    u64 free_2m;                          /* [N] wholly free regions, also those being scrubbed */
    u64 free_1g;                          /* [N] wholly free chunks, also with regions being scrubbed */
    u64 reserved_2m;                      /* [N] of them promised as a whole: node_reserve_whole() */
    u64 reserved_1g;                      /* [N] */
    u64 offline_pages;                    /* [N] */
    u64 ram_pages;                        /* [I] of mm_add_range() */
    u64 reserved_pages;                   /* [I] of mm_note_reserved() */
    struct chunk *first_chunk;            /* [I] all of them */
    u32 nr_waiting;                       /* [atomic] takers that want scrubbers to let go */
    u8 near[MAX_NODES];                   /* [I] all nodes by distance, itself first */
};

struct node *node_get(nodeid_t nid);

/* What is looked for, and what was found. */
enum { TAKE_CLEAN = 1u, TAKE_DIRTY = 2u, TAKE_ANY = TAKE_CLEAN | TAKE_DIRTY };
struct take {
    struct holdings *holder;
    u16 owner;
    enum owned_state state; /* FRAME_GUEST, FRAME_OWN */
    u32 order;
    u32 kinds; /* TAKE_* */
    u32 nr;    /* wanted; 1 if order > ORDER_2M */
    u64 limit; /* frames below this one only; ~0: all */
    u32 got;
    mfn_t *extent;                /* [nr] */
    u64 dirty;                    /* bit per extent: not all of it is zero */
    u64 dirty_regions[MAP_WORDS]; /* order > ORDER_2M: which regions of the extent's chunk are dirty */
};
/* Takes up to nr extents; got says how many. Node lock held. O(regions) only when memory is short and for
 * orders between the natural sizes. */
void node_take(struct node *node, struct take *take);
/* The same for orders below ORDER_2M; small.c. */
void node_take_small(struct node *node, struct take *take);
/* The chunk and the first bit of a run of free regions of 2^(order - 9), one for orders below; NULL: none. */
struct chunk *node_find_regions(struct node *node, const struct take *take, u32 *bit);
/* Wholly free regions that may be broken. */
u64 node_spare_2m(const struct node *node);

/* --- region.c: how regions and chunks change; node lock held --- */
/* Frames [start, end) of a window become RAM of the node, free and dirty. */
void region_add(struct node *node, struct region *r, u32 start, u32 end);
/* Before frames of a split region are taken for holder: a region of somebody else becomes a shared one. */
void region_admit(struct node *node, struct region *r, struct holdings *holder);
/* Takes the free frames bits of word w. Their words are the caller's to write. */
void region_take_bits(struct node *node, struct region *r, u32 w, u64 bits);
/* After the last of them: nr frames are holder's now. */
void region_taken(struct node *node, struct region *r, struct holdings *holder, u32 nr);
/* A wholly free region leaves its chunk: whole for somebody, or split with all frames free and no holder.
 * Returns whether it was dirty. */
bool region_claim(struct node *node, struct region *r, struct holdings *holder, u16 owner,
                  enum owned_state state);
/* What giving memory up comes to, in frames. */
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
/* The same for a chunk that is owned as a whole and has neither pins nor leaving frames. */
void chunk_free(struct node *node, struct chunk *c, struct freed *freed);
void chunk_claim(struct node *node, struct chunk *c, struct holdings *holder, u16 owner,
                 enum owned_state state);
/* Its regions are owned one by one then. */
void chunk_split(struct chunk *c);
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
/* Owner and state of frame n as they are, at whatever level they are said. FRAME_ABSENT also if it is free.
 */
enum owned_state frame_get(const struct region *r, u64 n, u16 *owner);

/* --- scrub.c --- */
/* Lets a scrubber on another CPU get on. */
void node_relax(void);
/* Makes scrubbers of the node let go: none of its memory is away from the return to node_wait_done(). */
void node_wait_scrubbers(struct node *node);
void node_wait_done(struct node *node);

/* --- ledger.c --- */
void ledger_init(void);
void ledger_lock(void);
void ledger_unlock(void);
/* For the debug console: the lock, and a node's claims read without it. */
spinlock_t *ledger_get_lock(void);
u64 ledger_claimed_hint(nodeid_t nid);
/*
 * Takes credits for pages on node nid (section 4), to be taken as extents of order; account NULL: Homestead's
 * own. -ENOMEM: promised to others. Ledger lock held.
 */
int ledger_reserve_locked(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                          struct claim_receipt *receipt);
/*
 * Undoes a reservation of pages that were not taken, or are free again, claims included: the last `pages` of
 * the receipt's (all of it: receipt->pages). The claims are then as if only the others had been asked for,
 * and the receipt is for those. If the account's set was replaced or released since, that set stands and the
 * credits become unclaimed. If another node's claim was redeemed and its pages are gone since, that part
 * comes back as host-wide claim: out(d) is exact in any case. Ledger lock held.
 */
void ledger_refund_locked(struct mem_account *account, struct claim_receipt *receipt, u64 pages);
/* Releases the account's set; ledger lock held, O(nodes). */
void ledger_release_locked(struct mem_account *account);

struct ledger_view { /* one node, or the host: all of one instant */
    u64 spare;       /* U[n]; host: H */
    u64 claimed;     /* sum of c[d][n]; host: sum of h[d] */
};
struct ledger_view ledger_node_view(nodeid_t nid);
struct ledger_view ledger_host_view(u64 *free_pages, u64 *outstanding);

/* What the locks are held for: a region costs more than a frame, and larger extents many. */
static inline u32 mm_extents_at_once(u32 order)
{
    return order < ORDER_2M ? MM_TAKE_MAX : order == ORDER_2M ? MM_TAKE_MAX / 2 : 1;
}

/* --- owned.c --- */
/* tot and own drop by pages. Account lock held. */
void account_uncharge(struct mem_account *account, nodeid_t nid, u64 pages);

/* --- scrub.c --- */
/* Cleans some of what an extent of order > ORDER_2M would be made of, if the node has none that is clean.
 * False: nothing to be done. */
bool node_clean_for(nodeid_t nid, u32 order);

#endif
