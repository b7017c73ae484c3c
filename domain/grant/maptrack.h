/* The handles of the grants that a domain has mapped: each remembers whose page is where. See maptrack.c. */
#ifndef DOMAIN_GRANT_MAPTRACK_H
#define DOMAIN_GRANT_MAPTRACK_H

#include <homestead/addr.h>

struct domain;

#define MAPTRACK_FRAMES_MAX 1024u /* Xen's default, which is also its limit */

enum maptrack_state { MAPTRACK_FREE, MAPTRACK_BUSY /* being mapped */, MAPTRACK_MAPPED };

struct mapping {
    union {
        struct {
            u64 mfn : 40;  /* FRAME_BITS */
            u64 state : 4; /* enum maptrack_state */
            u64 readonly : 4;
            u64 domid : 16; /* the granter; a domain with a pinned frame keeps its id */
        };
        u64 head; /* read and written as a whole: maptrack_set() */
    };
    union {
        struct {
            u64 gfn : 48; /* in the domain's own map; MAPTRACK_FREE: the next free handle */
            u64 ref : 16;
        };
        u64 tail;
    };
};
#define MAPPINGS_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct mapping)))
_Static_assert(sizeof(struct mapping) == 16, "256 to a frame of the limit, as in Xen");

/* Grant lock of the domain, but for maptrack_set(). */
#define MAPTRACK_DIRECTORIES (MAPTRACK_FRAMES_MAX * (u32)sizeof(mfn_t) / (u32)PAGE_SIZE)
struct maptrack {
    u32 nr_pages;
    u32 nr_used;                           /* handles that are not free */
    u32 free;                              /* the first free handle, MAPTRACK_NONE */
    u32 swept;                             /* release: handles below are free */
    mfn_t directory[MAPTRACK_DIRECTORIES]; /* pages of frame numbers of pages */
};
#define MAPTRACK_NONE (~0u)

void maptrack_init(struct maptrack *m);
/* A handle, MAPTRACK_BUSY. -ENOSPC: as many are in use as d->max_maptrack_frames have, or there is no memory. */
int maptrack_take(struct domain *d, u32 *handle);
/* A busy handle's mapping is there from now on, m. No lock: a busy handle is its caller's alone. */
void maptrack_set(struct domain *d, u32 handle, const struct mapping *m);
/* A busy handle is free. */
void maptrack_put(struct domain *d, u32 handle);
/* Takes the mapping of a handle, which is free then. -EINVAL: no handle of a mapping; -EPERM: the mapping is not at g. */
int maptrack_end(struct domain *d, u32 handle, gfn_t g, struct mapping *m);
/* One of the mappings, in turn, whose handle is free then; budget handles are looked at, counted down. False: there is
 * none, or the budget is used up. */
bool maptrack_next(struct domain *d, u32 *budget, struct mapping *m);
/* Without mappings. */
void maptrack_free_pages(struct domain *d);

#endif
