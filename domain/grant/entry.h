/* Entries of a grant table, and what Homestead knows of those that are in use. See entry.c. */
#ifndef DOMAIN_GRANT_ENTRY_H
#define DOMAIN_GRANT_ENTRY_H

#include <domain/grant/grant.h>

/* An entry in use, or not: both counts 0. The granter's grant lock. */
struct grant_active {
    mfn_t frame; /* pinned */
    u16 domid;   /* by whom */
    u8 nr_read, nr_write;
};
#define ACTIVES_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct grant_active)))
#define ACTIVE_PAGES     (GRANTS_PER_FRAME / ACTIVES_PER_PAGE) /* for each frame of the table */
_Static_assert(sizeof(struct grant_active) == 16 && GRANTS_PER_FRAME % ACTIVES_PER_PAGE == 0, "whole pages");

/* In a page of its own from the first frame that is needed. */
struct grant_table {
    mfn_t page; /* that this is in */
    u32 nr_frames;
    u32 nr_active; /* entries in use */
    mfn_t frame[GRANT_FRAMES_MAX];
    gfn_t gfn[GRANT_FRAMES_MAX]; /* where add_to_physmap has put it last, INVALID_GFN: nowhere */
    mfn_t active[GRANT_FRAMES_MAX * ACTIVE_PAGES];
};
_Static_assert(sizeof(struct grant_table) <= PAGE_SIZE, "in a page of its own");

struct grant_use {
    u32 ref;
    u16 by; /* domid */
    bool readonly;
    bool map;    /* else copy */
    mfn_t frame; /* OUT */
};
/* An access to granter's page begins: the entry permits it, is marked as in use, and its frame is pinned. GNTST_*. */
s16 grant_use_begin(struct domain *granter, struct grant_use *use);
/* It has ended: no CPU can make it any more. No lock held; granter may be gone then, except to the caller. */
void grant_use_end(struct domain *granter, const struct grant_use *use);

#endif
