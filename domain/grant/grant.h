/*
 * A domain's grant table: the pages of entries that the guest fills in. They are Homestead's, zeroed, and the guest
 * maps them with add_to_physmap. Version 1 only. Nothing reads the entries yet: no domain can map another's grants.
 */
#ifndef DOMAIN_GRANT_H
#define DOMAIN_GRANT_H

#include <homestead/addr.h>

struct domain;

#define GRANT_FRAMES_MAX 64u /* Xen's default, which is also its limit */

/* In a page of its own from the first frame that the guest asks for. Domain lock. */
struct grant_table {
    mfn_t page; /* that this is in */
    u32 nr_frames;
    mfn_t frame[GRANT_FRAMES_MAX];
    gfn_t gfn[GRANT_FRAMES_MAX]; /* where add_to_physmap has put it last, INVALID_GFN: nowhere */
};

/* Frames that d has, at least one: it is made when it is mapped first. */
u32 grant_nr_frames(struct domain *d);
/* Frame index of the table, which grows as needed. -EINVAL: not below d->max_grant_frames; -ENOMEM; -ESRCH: d is
 * dying. A failure changes nothing. */
int grant_frame(struct domain *d, u64 index, mfn_t *frame);
/* The frame's place from now on; returns the one before. After grant_frame(). */
gfn_t grant_moved(struct domain *d, u64 index, gfn_t g);
/* Gives everything back. d is dying and its map is gone. */
void grant_destroy(struct domain *d);

#endif
