/*
 * small-scope: the real mm/ on machines so small that everything can be tried. What must happen is computed by rules.c from
 * docs/hypervisor-guide/mm/claims.md alone, page by page; world.c asks mm/ to do it and compares every figure.
 */
#ifndef TESTS_SCOPE_SCOPE_H
#define TESTS_SCOPE_SCOPE_H

#include <homestead/errno.h>
#include <mm/claims.h>
#include <mm/mm.h>
#include <tests/machine/machine.h>

#define SCOPE_NODES 3u
#define UNIT        512u /* pages of a whole extent that is claimed by order */
#define NO_LIMIT    (1u << 20)

enum who { D, E, NR_DOMAINS, HOMESTEAD = NR_DOMAINS, NR_WHO }; /* the domain that is looked at, another one */

/* All that claims.md counts. Units are pages. */
struct state {
    u32 ram[SCOPE_NODES];
    u32 own[NR_DOMAINS][SCOPE_NODES];
    u32 over[NR_WHO][SCOPE_NODES]; /* for the domain, but not its own */
    u32 claim[NR_DOMAINS][SCOPE_NODES], host[NR_DOMAINS];
    u32 units[NR_DOMAINS][SCOPE_NODES]; /* whole extents among the node's claim */
    u32 order[NR_DOMAINS][SCOPE_NODES]; /* 0 or 9: of the claim there */
    u32 max[NR_DOMAINS];
    bool strict[NR_DOMAINS], dying[NR_DOMAINS];
};

/* A set as it is asked for: absolute. */
struct want {
    u32 node[SCOPE_NODES], host; /* pages; 0: no entry, if it is to have fewer than all */
    u32 order[SCOPE_NODES];
    u32 flags;
};

/* --- rules.c --- */
extern u32 scope_nodes;
u32 rule_free(const struct state *s, u32 n);
u32 rule_claimed(const struct state *s, u32 n);
u32 rule_out(const struct state *s, u32 who);
u32 rule_tot(const struct state *s, u32 who);
/* Section 4 for nr extents of one order, 0 or -errno; nothing is changed then. whole: whole free extents of the node that
 * nobody has been promised, for order 9. */
int rule_take(struct state *s, u32 who, u32 n, u32 order, u32 nr, bool guest, u32 whole);
/* Section 3, or with `legacy` section 2, where only host counts. whole[n]: all whole free extents of the node. */
int rule_set(struct state *s, u32 who, const struct want *want, const u32 *whole);
int rule_legacy(struct state *s, u32 who, u32 pages);
void rule_release(struct state *s, u32 who);
/* Of a take that made `before` to `after`, all but kept extents come back to `now`. changed: its set has been released or
 * replaced since. whole[n]: as for rule_take(), when the pages are back. */
void rule_refund(struct state *now, const struct state *before, const struct state *after, u32 who, u32 n,
                 u32 order, u32 nr, u32 kept, bool guest, bool changed, const u32 *whole);

/* The next of the sets with at most most[n] pages on node n and that many host-wide; false: that was all. */
bool want_next(struct want *w, const u32 *most, u32 host);
static inline u32 want_sum(const struct want *w)
{
    return w->host + w->node[0] + w->node[1] + w->node[2];
}

/* --- world.c --- */
/* A machine whose node n has ram[n] pages, from a window of 2 MiB of its own on, or all in one window. Nothing is dirty or
 * clean in particular. */
void world_make(u32 nodes, const u32 *ram, bool one_window);
void world_unmake(void);
/* Everything is given back, both domains are as new. */
void world_reset(struct state *s);
/* Is every figure of mm/'s as in s? */
void world_check(const struct state *s);
/* Now and then mm_check() too, which is slow. */
void world_check_all(const struct state *s);
void world_whole(u32 *whole, bool unpromised);

struct want_order { /* in which the entries of a set are passed */
    bool descending, all_nodes;
};
/* Each asks mm/, and the rules what must come of it; s is what they say. Returns the errno, which was the expected one. */
int world_set(struct state *s, u32 who, const struct want *want, struct want_order how);
int world_legacy(struct state *s, u32 who, u32 pages);
void world_release(struct state *s, u32 who);
void world_kill(struct state *s, u32 who);
/* One page, by the call for one. */
int world_page(struct state *s, u32 who, u32 n);

struct deal {                 /* a take under way */
    u32 who, node, order, nr; /* nr: got */
    bool guest, changed;      /* changed: its set is gone */
    struct state before, after;
    struct mm_taken taken;
};
/* node scope_nodes: any. -errno: the expected one, and nothing has changed. */
int world_take(struct state *s, u32 who, u32 node, u32 order, u32 nr, bool guest, struct deal *deal);
void world_done(struct state *s, struct deal *deal, u32 kept);

/* --- what is tried --- */
void try_sets(u32 nodes, u32 pages);
void try_takes(u32 nodes, u32 pages, bool all_others);
void try_orders(u32 depth);

/* --- main.c --- */
struct counts {
    u64 machines, sets, refused_sets, takes, refused_takes, refunds, third_nodes, sequences;
};
extern struct counts counts;
/* What is being tried, for wrong(). */
extern void (*describe)(void);
void wrong(const char *fmt, ...) PRINTF(1, 2) __attribute__((noreturn));
void say_state(const char *what, const struct state *s);

#endif
