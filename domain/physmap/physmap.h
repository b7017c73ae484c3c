/*
 * A domain's guest-physical memory: nested page tables plus who owns what is mapped there, and the
 * paging pool the tables come from (domctl 85/86). The pool is Homestead's memory for the domain.
 */
#ifndef DOMAIN_PHYSMAP_H
#define DOMAIN_PHYSMAP_H

#include <arch/x86/hvm/nested_paging.h>
#include <lib/spinlock.h>

struct domain;

#define PHYSMAP_POOL_DEFAULT_PAGES 256u /* 1 MiB, as Xen has it */

/* A cached lookup: a guest's page tables and arguments are mostly in the same few mappings. */
#define PHYSMAP_SEEN 8u
struct physmap_seen {
    u64 generation; /* physmap_view() at the lookup; if it has changed: look up again */
    u64 gfn;
    mfn_t mfn; /* of the first frame of the mapping */
    u32 order;
};

struct physmap {
    spinlock_t lock; /* LOCK_PHYSMAP */
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
 * the allocator. *done: how many. 0 as for physmap_place_many(). -EINVAL: one that is not all there, or holds
 * foreign frames, or d is dying; -ENOMEM: one that cannot be split; a part of that one may be unmapped then.
 */
int physmap_give_up(struct domain *d, const gfn_t *g, u64 nr_frames, u32 nr, u32 *done);
/* Unmaps 2^order frames; own RAM goes back to the allocator when release is set, foreign frames are unpinned.
 * Holes are fine. -EINVAL, -ENOMEM as above. */
int physmap_remove(struct domain *d, gfn_t g, u32 order, bool release);
struct np_entry physmap_lookup(struct domain *d, gfn_t g);

/* Pins the frame of d's RAM at g: it stays what it is until physmap_unpin(), whatever becomes of its mapping.
 * -EINVAL. */
int physmap_pin(struct domain *d, gfn_t g, mfn_t *frame);
/* d may be gone then, except to the caller, who holds a reference. No lock held. */
void physmap_unpin(struct domain *d, mfn_t frame);
/* Maps frame src_gfn of src at g in d, pinned. -EINVAL not src's RAM; -ENOMEM. */
int physmap_map_foreign(struct domain *d, gfn_t g, struct domain *src, gfn_t src_gfn);

/* Maps frame, which the caller has pinned for this, at g in d. -EINVAL, -ENOMEM, -EPERM as for physmap_place(). */
int physmap_map_grant(struct domain *d, gfn_t g, mfn_t frame, bool readonly);
/* Unmaps nr of them, frame[i] at g[i]. No CPU uses them any more then. A dying d: they are gone already. */
void physmap_unmap_grants(struct domain *d, const gfn_t *g, const mfn_t *frame, u32 nr);

/* Calls fill() on d's guest frame g, under the lock, so the frame stays mapped. -EFAULT: nothing mapped. */
int physmap_fill(struct domain *d, gfn_t g, void (*fill)(u8 page[PAGE_SIZE]));
/* What Homestead remembers of d's memory is so while this is the same. A grant that is unmapped does not change it:
 * where grants are is not remembered. Lock held. */
static inline u64 physmap_view(const struct physmap *p)
{
    return p->np.generation - p->grants_unmapped;
}
/* Homestead's address of the frame at gaddr, valid until the unlock, and under a later hold if physmap_view() is the
 * same and grant_looks did not change. Lock held. NULL: nothing mapped, or (write) not to be written. */
void *physmap_frame(struct domain *d, u64 gaddr, bool write);
/* Copies to guest-physical memory, across frames. -EFAULT: some of it is not there; then parts may be written. */
int physmap_write(struct domain *d, u64 gaddr, const void *src, u64 len);

/* Dying: drops foreign mappings, then frees tables and pool, at most budget pieces a call. True: more to do.
 */
bool physmap_destroy_step(struct domain *d, u32 budget);

#endif
