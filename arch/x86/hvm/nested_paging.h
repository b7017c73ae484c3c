/*
 * Nested page tables: guest frame → machine frame, with 4K, 2M and 1G mappings, all writable but NP_GRANT_RO. One
 * walker for AMD's nested page tables and Intel's extended page tables (EPT), whose entries differ in two words, np_set_format().
 * Plain C on table pages that a callback supplies; runs on the host in tests.
 *
 * Each mapping carries a type in bits the CPU ignores. Splitting a large mapping needs one or two
 * table pages; unmapping never merges. The caller holds the owner's physmap lock. Every change that removes a
 * right raises the generation, which run() compares; the caller makes running vCPUs exit.
 *
 * Tables that unmapping has emptied stay in place unless NP_TRIM asks otherwise, so that replacing a mapping
 * needs no more pages than splitting does. Trimmed tables, and those a large mapping replaces, are retired: other
 * CPUs may still have them in their page-walk caches, so only np_reap(), after a flush, or np_destroy() frees them.
 */
#ifndef HVM_NESTED_PAGING_H
#define HVM_NESTED_PAGING_H

#include <homestead/addr.h>

enum np_type {
    NP_NONE = 0,     /* not mapped */
    NP_RAM = 1,      /* the domain's own memory */
    NP_FOREIGN = 2,  /* another domain's frame, pinned */
    NP_SPECIAL = 3,  /* Homestead's page shown to the guest: shared_info, grant frames */
    NP_GRANT = 4,    /* another domain's frame by its grant; a handle has the pin (domain/grant/maptrack.h) */
    NP_GRANT_RO = 5, /* the same, not to be written */
    NP_RESOURCE = 6, /* a frame of another domain's grant table, for the control domain */
    NP_POD = 7,      /* no frame yet: the first access gets one (populate on demand) */
};
#define NP_NR_TYPES 8u

#define NP_GFN_LIMIT (1ull << 36) /* guest frames: 48-bit guest physical addresses */

#define NP_HOLE_ORDER_MAX 27u /* the largest hole np_lookup() reports: an entry of the root table */

/* Are [g, g + nr) guest frames that there can be? */
static inline bool np_in_reach(gfn_t g, u64 nr)
{
    return g.n < NP_GFN_LIMIT && NP_GFN_LIMIT - g.n >= nr;
}
/* The same for 2^order frames at a multiple of that, of which the limit is one too. */
static inline bool np_range_valid(gfn_t g, u32 order)
{
    return order <= MAX_ORDER && !(g.n & (~(NP_GFN_LIMIT - 1) | (BIT(order) - 1)));
}

struct np_entry {
    enum np_type type;
    u32 order; /* 0, 9 or 18: size of the mapping that covers the frame; NP_NONE: size of the hole around it,
                  as far as the tables show it at once: 27 too */
    mfn_t mfn; /* frame for exactly the gfn that was asked for; NP_NONE, NP_POD: INVALID_MFN */
};

struct np_table {
    u64 root_maddr;
    u64 generation;    /* raised when a mapping was removed, replaced or lost a right */
    u64 nr_pages;      /* table pages in use, root and retired ones included */
    u64 retired_maddr; /* list of retired tables through their first word, 0: none */
    /* One zeroed table page (maddr, 0: none left), and its return. */
    u64 (*alloc)(void *ctx);
    void (*free)(void *ctx, u64 maddr);
    /* Gives the frame of an entry of type NP_POD memory, and returns what is mapped there now: still NP_POD if there is
     * none. For those who read guest memory through np_lookup() alone; NULL: no entry is of that type. */
    struct np_entry (*populate)(void *ctx, gfn_t g);
    void *ctx;
};

/* [I] Largest mapping of this CPU's nested tables: 18, or 9 without 1G pages. Set before any np_init(). */
extern u32 np_largest_order;

/* What the vendors' entries do not have in common: of an entry that points to a table, all but the address; of one that
 * maps memory, writable, all but that and bit 7, which is set where it is large; and what such a one lacks then, the right to
 * execute or nothing. Before any np_init(); else they are AMD's. */
void np_set_format(u64 table, u64 leaf, u64 not_in_large);
/* Can large mappings not be executed? Then np_split() is due when the guest does it. */
bool np_splits_executed(void);
/* APM2 5.4.1, 15.25.5: present, writable, accessed, dirty; user, as every guest access counts as a user's. */
#define NP_AMD_TABLE 0x027ull
#define NP_AMD_LEAF  0x067ull

/* Takes the root page. Fields but alloc, free, populate and ctx are set here. -ENOMEM. */
int np_init(struct np_table *np);
/* Frees every table page, root included. The caller releases what was mapped. budget: table pages to
 * free in one call; returns true while there are more (call again). */
bool np_destroy(struct np_table *np, u32 budget);
/* Frees retired tables, once no CPU has older translations. budget and result as for np_destroy(). */
bool np_reap(struct np_table *np, u32 budget);
/*
 * Maps nr times 2^order frames, g[i] to m[i]; any order 0..18, in pieces of the largest order of 0, 9, 18
 * that fits. Extents of one table cost one walk if they follow each other. Stops at the first that fails,
 * which has changed nothing; *done of them are mapped then. -EEXIST: something is mapped there; -EINVAL:
 * beyond NP_GFN_LIMIT or misaligned; -ENOMEM: no table page.
 */
int np_map_many(struct np_table *np, const gfn_t *g, const mfn_t *m, u32 order, u32 nr, enum np_type type,
                u32 *done);
/* The same for one frame. */
int np_map_page(struct np_table *np, gfn_t g, mfn_t m, enum np_type type);
/*
 * Looks up g (*old) and unmaps it if its type is in types (a bit each, 1 << enum np_type). A mapping of up to
 * 2^order frames goes as a whole; a larger one is split and loses 2^order frames, and old->order is that. With
 * NP_TRIM in types the tables that this leaves empty are retired.
 * -EINVAL: beyond NP_GFN_LIMIT or misaligned; -ENOMEM: no table page to split with. Then nothing is changed.
 */
#define NP_TRIM BIT(31)
int np_unmap(struct np_table *np, gfn_t g, u32 order, u32 types, struct np_entry *old);
/* The same for one frame. */
int np_unmap_page(struct np_table *np, gfn_t g, u32 types, struct np_entry *old);
/* Splits the mapping of g, of any type, until it has at most 2^order frames, order 0 or 9. No right is lost, so older
 * translations do no harm. -ENOMEM: no table page; then nothing is changed. */
int np_split(struct np_table *np, gfn_t g, u32 order);
/* The mapping of g. Never fails; NP_NONE beyond the limit. */
struct np_entry np_lookup(struct np_table *np, gfn_t g);
/* For messages: the entries by which the CPU translates g, entry[4] the root's. Returns the level of the last one. */
u32 np_entries(const struct np_table *np, gfn_t g, u64 entry[5]);

/*
 * Makes 2^order frames NP_POD, those that are so already included. *marked: how many were not. Looks at every table
 * there: 513 at most. -EEXIST: something else is mapped there; -EINVAL: beyond NP_GFN_LIMIT or misaligned; -ENOMEM: no
 * table page. Then nothing is changed. Tables may be retired.
 */
int np_mark_pod(struct np_table *np, gfn_t g, u32 order, u64 *marked);
/* g's mapping, which is NP_POD and whose size m is aligned to, becomes RAM: m and the frames that follow. */
void np_fill_pod(struct np_table *np, gfn_t g, mfn_t m);

#endif
