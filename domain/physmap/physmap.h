/*
 * A domain's guest-physical memory: nested page tables plus who owns what is mapped there, and the
 * paging pool the tables come from (domctl 85/86). The pool is Homestead's memory for the domain.
 */
#ifndef DOMAIN_PHYSMAP_H
#define DOMAIN_PHYSMAP_H

#include <arch/x86/hvm/nested_paging.h>
#include <lib/spinlock.h>

struct domain;

struct vnuma;

#define PHYSMAP_POOL_DEFAULT_PAGES 256u /* 1 MiB, as Xen has it */

/* A cached lookup: a guest's page tables and arguments are mostly in the same few mappings. */
#define PHYSMAP_SEEN 8u
struct physmap_seen {
    u64 generation; /* physmap_view() at the lookup; if it has changed: look up again */
    u64 gfn;
    mfn_t mfn; /* of the first frame of the mapping */
    u32 order;
};

/* Populate on demand: frames without memory (NP_POD), and the memory that waits for them. pod.c */
struct pod {
    u64 entries;               /* such frames */
    u64 cache;                 /* pages for them, which the domain owns already */
    struct pod_lists *lists;   /* of these pages; NULL: neither frames nor pages were there yet */
    const struct vnuma *vnuma; /* the domain's, NULL: none */
    bool trim; /* the cache may be larger than there are entries, and should not; read without the lock */
    const char *short_of; /* what an access wanted and did not get, NULL: nothing; read without the lock */
    u64 sweep_gfn;        /* where the search for pages of zeroes is */
    u32 nr_sweeps;        /* how often it has come to the end since something was found */
};
/* In a page of the paging pool: most domains need none. */
struct pod_lists {
    u64 maddr;               /* of the page */
    u64 cache_on[MAX_NODES]; /* pages of the cache on each node */
    mfn_t whole[MAX_NODES];  /* as lists: 2 MiB extents, INVALID_MFN: none */
    mfn_t runs[MAX_NODES];   /* and runs of single pages */
};

struct physmap {
    spinlock_t lock; /* LOCK_PHYSMAP */
    struct pod pod;
    struct np_table np;
    struct physmap_seen seen[PHYSMAP_SEEN]; /* by 2 MiB of guest-physical memory */
    u64 nr_foreign;                         /* frames of other domains mapped here: NP_FOREIGN, NP_RESOURCE */
    u64 nr_grants;                          /* and NP_GRANT, NP_GRANT_RO */
    u64 grants_unmapped;                    /* changes of np.generation by physmap_unmap_grants() */
    u64 grant_looks; /* grants that physmap_frame() has found: nobody remembers where */
    u64 sweep_gfn;   /* teardown: frames below have been visited */
    u64 pool_pages;  /* size set */
    u64 pool_used;   /* of them, in the tables */
    bool destroyed;  /* being torn down: no mapping and no lookup any more */
    mfn_t pool_free; /* list of free pool pages, linked through their first words; INVALID_MFN: empty */
};

int physmap_init(struct domain *d, u64 pool_pages); /* -ENOMEM */
/* Grows or shrinks the pool. -ENOMEM: as before; -EBUSY: below what is in use; -EINVAL: d is dying. */
int physmap_set_pool(struct domain *d, u64 pages);

/*
 * Maps RAM of d (or its shared_info page or a frame of its grant table: NP_SPECIAL, order 0) at g, replacing what
 * was there: own RAM
 * replaced is released, foreign frames are unpinned. -EINVAL: order, alignment or range, or d is dying;
 * -ENOMEM: the paging pool is too small; -EPERM: a grant is mapped there, which only physmap_unmap_grants() unmaps.
 * A failure leaves the map as it was.
 */
int physmap_place(struct domain *d, gfn_t g, mfn_t m, u32 order, enum np_type type);
/*
 * The same for nr extents of RAM, m[i] at g[i], nr 1 .. MM_TAKE_MAX: one after the other, under one hold of
 * the lock. *done: how many. 0: all of them, or at least one and the replacement budget is used up; call
 * again. Otherwise the errno of the one that failed.
 */
int physmap_place_many(struct domain *d, const gfn_t *g, const mfn_t *m, u32 order, u32 nr, u32 *done);
/* One extent of RAM at a frame number that its order does not divide: in smaller mappings, up to
 * PHYSMAP_PIECES_MAX of them, else -EINVAL. All or nothing; Homestead never sees a part of it. */
#define PHYSMAP_PIECES_MAX 512u
int physmap_place_unaligned(struct domain *d, gfn_t g, mfn_t m, u32 order);
/* Before placing over many frames: removes mappings if they are too many for one call. True: call again. */
bool physmap_make_room(struct domain *d, gfn_t g, u64 nr_frames);
/*
 * The domain gives up nr extents of nr_frames, 1 .. 512, from g[i] on, aligned or not: own RAM goes back to
 * the allocator, or to the cache for frames that are to be populated on demand. *done: how many. 0 as for physmap_place_many(). -EINVAL: one that is not all there, or holds
 * foreign frames, or d is dying; -ENOMEM: one that cannot be split; a part of that one may be unmapped then.
 */
int physmap_give_up(struct domain *d, const gfn_t *g, u64 nr_frames, u32 nr, u32 *done);
/* Unmaps 2^order frames; own RAM goes back to the allocator when release is set, foreign frames are unpinned.
 * Holes are fine. -EINVAL, -ENOMEM as above. */
int physmap_remove(struct domain *d, gfn_t g, u32 order, bool release);
struct np_entry physmap_lookup(struct domain *d, gfn_t g);
/* The same, and a frame of type NP_POD gets memory. Still NP_POD: there is none. Then the guest has to repeat the access,
 * or d has been crashed. No lock held, as for all that follow. */
struct np_entry physmap_touch(struct domain *d, gfn_t g);

/* --- populate on demand: every access to guest memory below does what physmap_touch() does --- */
/* Makes nr extents NP_POD, g[i] on: nr <= MM_TAKE_MAX, 1 above 2 MiB. *done: how many. Frames that are so already stay
 * so. -EEXIST: one where something else is mapped; -EINVAL, -ENOMEM as physmap_place(). It has changed nothing then. */
int physmap_mark_pod(struct domain *d, const gfn_t *g, u32 order, u32 nr, u32 *done);
/* XENMEM_set_pod_target: d shall have target pages, those in its cache included. -ERESTART: call again; -EINVAL: above
 * its limit, or d is dying; -ENOMEM: before anything was taken, or other domains were faster, and d keeps what it got. */
int physmap_set_pod_target(struct domain *d, u64 target);
void physmap_pod_figures(struct domain *d, u64 *tot, u64 *cache, u64 *entries);
/* After physmap_give_up(): frees what the cache has beyond the marked frames, in steps. True: call again. */
bool physmap_pod_trim(struct domain *d);

/* Pins the frame of d's RAM at g: it stays what it is until physmap_unpin(), whatever becomes of its mapping.
 * -EINVAL. */
int physmap_pin(struct domain *d, gfn_t g, mfn_t *frame);
/* The same without a refill of what is populated on demand, which takes time and other locks: the caller does it when
 * this has failed, pod_refill(), and tries again. */
int physmap_pin_now(struct domain *d, gfn_t g, mfn_t *frame);
/* d may be gone then, except to the caller, who holds a reference. No lock held. */
void physmap_unpin(struct domain *d, mfn_t frame);
/* Maps frame src_gfn of src at g in d, pinned. -EINVAL not src's RAM; -ENOMEM. */
int physmap_map_foreign(struct domain *d, gfn_t g, struct domain *src, gfn_t src_gfn);

/* Maps frame, which the caller has pinned for this, at g in d. -EINVAL, -ENOMEM, -EPERM as for physmap_place(). */
int physmap_map_grant(struct domain *d, gfn_t g, mfn_t frame, bool readonly);
/* Unmaps nr of them, frame[i] at g[i]. No CPU uses them any more then. A dying d: they are gone already. */
void physmap_unmap_grants(struct domain *d, const gfn_t *g, const mfn_t *frame, u32 nr);

/* No lock held, after an access has failed. If that was because there is no memory for a marked frame: searches the
 * guest's memory for some, and crashes d if there is none. True: repeat the access. again: the guest itself does that
 * as often as it takes, so it may be true although nothing was found yet. pod_sweep.c */
bool pod_refill(struct domain *d, bool again);
#define POD_ATTEMPTS 4u /* then an access that cannot be left to the guest fails */

/* The guest executes at g, which its tables refuse. 0: not any more, it was in a large mapping; -ENOMEM: the pool has no
 * page to split that; -EINVAL: there is another reason. */
int physmap_split_executed(struct domain *d, gfn_t g);
/* Calls fill() on d's guest frame g, under the lock, so the frame stays mapped. -EFAULT: nothing mapped. */
int physmap_fill(struct domain *d, gfn_t g, void (*fill)(u8 page[PAGE_SIZE]));
/* What Homestead remembers of d's memory is so while this is the same. A grant that is unmapped does not change it:
 * where grants are is not remembered. Lock held. */
static inline u64 physmap_view(const struct physmap *p)
{
    return p->np.generation - p->grants_unmapped;
}
/* Homestead's address of the frame at gaddr, valid until the unlock, and under a later hold if physmap_view() is the
 * same and grant_looks did not change. Lock held. NULL: nothing mapped, or (write) not to be written;
 * pod_refill() is due after the unlock. */
void *physmap_frame(struct domain *d, u64 gaddr, bool write);
/* Copies to guest-physical memory, across frames. -EFAULT: some of it is not there; then parts may be written. */
int physmap_write(struct domain *d, u64 gaddr, const void *src, u64 len);

/* Dying: drops foreign mappings, then frees tables and pool, at most budget pieces a call. True: more to do.
 */
bool physmap_destroy_step(struct domain *d, u32 budget);

#endif
