/* The handles of the grants that a domain has mapped: each remembers whose page is where. See maptrack.c. */
#ifndef DOMAIN_GRANT_MAPTRACK_H
#define DOMAIN_GRANT_MAPTRACK_H

#include <homestead/addr.h>

struct domain;

#define MAPTRACK_FRAMES_MAX 1024u /* Xen's default, which is also its limit */

enum maptrack_state { MAPTRACK_FREE, MAPTRACK_BUSY /* being mapped or unmapped */, MAPTRACK_MAPPED };

struct mapping {
    u64 mfn : 34;   /* FRAME_BITS */
    u64 domid : 16; /* the granter; a domain with a pinned frame keeps its id */
    u64 state : 2;  /* enum maptrack_state */
    u64 readonly : 1;
    u64 gfn : 36; /* in the domain's own map; MAPTRACK_FREE: the next free handle */
    u64 ref : 15;
};
#define MAPPINGS_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct mapping)))
_Static_assert(sizeof(struct mapping) == 16, "256 to a frame of the limit, as in Xen");

/* Grant lock of the domain. */
#define MAPTRACK_DIRECTORIES (MAPTRACK_FRAMES_MAX * (u32)sizeof(mfn_t) / (u32)PAGE_SIZE)
struct maptrack {
    u32 nr_pages;
    u32 nr_mapped;                         /* MAPTRACK_MAPPED */
    u32 free;                              /* the first free handle, MAPTRACK_NONE */
    u32 swept;                             /* release: handles below are free */
    mfn_t directory[MAPTRACK_DIRECTORIES]; /* pages of frame numbers of pages */
};
#define MAPTRACK_NONE (~0u)

void maptrack_init(struct maptrack *m);
/* A handle, MAPTRACK_BUSY. -ENOSPC: as many are in use as d->max_maptrack_frames have, or there is no memory. */
int maptrack_take(struct domain *d, u32 *handle);
/* A busy handle's mapping is there from now on, m. */
void maptrack_set(struct domain *d, u32 handle, const struct mapping *m);
/* The mapping, which is BUSY then. -EINVAL: no handle of a mapping. */
int maptrack_get(struct domain *d, u32 handle, struct mapping *m);
/* A busy handle is free. */
void maptrack_put(struct domain *d, u32 handle);
/* One of the mappings, in turn, whose handle is free then; budget handles are looked at, counted down. False: there is
 * none, or the budget is used up. */
bool maptrack_next(struct domain *d, u32 *budget, struct mapping *m);
/* Without mappings. */
void maptrack_free_pages(struct domain *d);

#endif
