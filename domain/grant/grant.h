/*
 * Grants, version 1: a domain lets another one map a page of its own, or copy to and from it, by an entry of its grant
 * table. Files: grant.c has the tables, entry.c what the entries say and the marks that they are in use, maptrack.c the
 * handles of what a domain has mapped, map.c and copy.c the operations.
 *
 * A table's frames are Homestead's, zeroed, and both sides write to them: the guest its entries, Homestead two bits of
 * an entry's flags. Nothing else that Homestead needs to know is in them: once an entry is in use, the frame that it
 * named is pinned and remembered in a page that no guest sees. The guest that breaks the rules of its table grants
 * other pages of its own than it meant, and nothing worse.
 *
 * A mapping ends with an unmap or with the domain that has mapped. The granter may end earlier: its page, its record and
 * its table stay until then.
 *
 * Lock: d->grant_lock (LOCK_GRANT), for d's table and its handles; never those of two domains at once.
 */
#ifndef DOMAIN_GRANT_H
#define DOMAIN_GRANT_H

#include <homestead/addr.h>
#include <xen/grant_table.h>

struct domain;

#define GRANT_FRAMES_MAX 64u /* Xen's default, which is also its limit */
#define GRANTS_PER_FRAME ((u32)(PAGE_SIZE / sizeof(struct grant_entry_v1)))
#define GRANTS_MAX       (GRANT_FRAMES_MAX * GRANTS_PER_FRAME)

/* --- grant.c: the frames of a table --- */

/* Frames that d has, at least one: it is made when it is needed first. */
u32 grant_nr_frames(struct domain *d);
/* The table has nr frames from now on, if it had fewer. -EINVAL: more than d->max_grant_frames; -ENOMEM; -ESRCH: d is
 * dying. A failure changes nothing. */
int grant_set_frames(struct domain *d, u32 nr);
/* Frame index of the table, which grows as needed. Errors as above. */
int grant_frame(struct domain *d, u64 index, mfn_t *frame);
/* The same, and the frame stays until grant_frame_unmapped(): for a mapping by another domain, the control domain. */
int grant_acquire_frame(struct domain *d, u64 index, mfn_t *frame);
/* True: its domain may be gone now, domain_reap(). Any lock below LOCK_NODE may be held. */
bool grant_frame_unmapped(mfn_t frame);
/* Where add_to_physmap has put frame index last. INVALID_GFN: nowhere, or there is no such frame. */
gfn_t grant_frame_gfn(struct domain *d, u64 index);
/* The frame's place from now on; returns the one before. After grant_frame(). */
gfn_t grant_moved(struct domain *d, u64 index, gfn_t g);
/* Gives the table back, unless it is in use: then grant_free() does. d is dying and its map is gone. */
void grant_destroy(struct domain *d);
/* With d's record: nobody else has it, and nothing is in use. */
void grant_free(struct domain *d);

/* --- the operations: of d, whose vCPU runs here. No lock held. Results are GNTST_* --- */

/* Sets .status, and if that is GNTST_okay .handle and .dev_bus_addr. */
void grant_map(struct domain *d, struct gnttab_map_grant_ref *op);

#define GRANT_UNMAP_MAX 16u
/* Sets .status of nr of them, up to GRANT_UNMAP_MAX: other CPUs are interrupted once. .dev_bus_addr is ignored: no
 * handle has a mapping for devices. */
void grant_unmap(struct domain *d, struct gnttab_unmap_grant_ref *ops, u32 nr);
s16 grant_copy(struct domain *d, const struct gnttab_copy *op);
/* Exchanges two entries of d's own table, neither of them in use. */
s16 grant_swap(struct domain *d, u32 ref_a, u32 ref_b);

/* Dying, and its map is closed: ends up to budget of its mappings. True: call again. */
bool grant_release_maps(struct domain *d, u32 budget);

#endif
