/*
 * The page allocator's interface: nodes, extents, accounts. See mm/page.h for extents, mm/claims.h
 * for claims. Nothing here knows ACPI or domains, and all of it runs on the host.
 *
 * Every page handed to a domain is zero; Homestead's own pages are zero too.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <mm/claims.h>
#include <mm/page.h>

/* --- set-up, boot CPU only --- */
/* The frame table's three arrays (mm/page.h), already backed for every range that follows; what is in them means
 * nothing. Forgets everything else. */
void mm_init(const struct frame_tables *tables);
/* 1 <= nr_nodes <= MAX_NODES. near[n]: the order in which memory wanted on node n is looked for, all nodes
 * once, n first (struct topology has it). After mm_init(). */
void mm_set_nodes(u32 nr_nodes, const u8 near[MAX_NODES][MAX_NODES]);
/* Frames [start, end) are free, dirty RAM of node nid. After mm_set_nodes(). -EINVAL: empty, node unknown,
 * overlap with an earlier range, or above frame 2^34 - 2; -ENOSPC: more than 5120 separate ranges, or more than 256
 * GiB or 2 MiB that two nodes share. A failure changes nothing. O(ranges + GiB), not O(frames). */
int mm_add_range(mfn_t start, mfn_t end, nodeid_t nid);

/* --- extents --- */
enum mm_flag {
    MM_EXACT_NODE = 1u << 0, /* that node or nothing */
    MM_OVERHEAD = 1u << 1,   /* Homestead's memory, charged to the account as overhead (account may be NULL:
                                Homestead's own); redeems the account's claims, counts in neither tot nor own */
    MM_PREEMPT = 1u << 2,    /* clears for about a millisecond at most. -ERESTART: cleaned part of it and
                                took nothing; retry */
    MM_AFFINITY_ONLY = 1u << 3, /* without a node: the account's affinity, if it has one, or nothing; first
                                   where the account has least */
};

/* The nodes of the mask, in the order in which memory is looked for that is wanted on none: the lowest first, then those
 * nearest to it. Returns how many. */
u32 mm_affinity_order(u64 affinity, u8 nid[MAX_NODES]);

/*
 * Takes 2^order frames, zeroed. nid NODE_NONE: the account's affinity, else the CPU's node, first.
 * Without MM_OVERHEAD the extent becomes the domain's (tot, own, extent list).
 * -EINVAL order or node out of range; -ENOMEM no such extent, or its credits are claimed by others;
 * -E2BIG tot + 2^order > max; -ESRCH the account is dying. A failure changes nothing, claims included.
 * Order of the checks: EINVAL, ESRCH, E2BIG, ENOMEM. MM_EXACT_NODE without a node has no effect, as in Xen.
 * Takes the account's lock and nodes', briefly; clears dirty memory without any.
 */
int mm_alloc(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out);

/*
 * Many extents in one transaction: limits, credits, claims and memory are taken under one hold of each lock,
 * all from one node, and cleared after that without any. mm_take_done() gives
 * back what the caller cannot use; the claims are then as if it had never been requested (claims.md section 4).
 */
#define MM_TAKE_MAX 64u

struct mm_request {
    nodeid_t nid; /* NODE_NONE: as in mm_alloc() */
    u32 order;
    u32 nr;           /* extents wanted, 1 .. MM_TAKE_MAX */
    u32 flags;        /* enum mm_flag */
    u32 address_bits; /* every byte of them below 2^address_bits; 0: no limit. Such memory is not promised */
};

struct mm_taken {
    struct mem_account *account;
    u32 order;
    bool guest; /* the domain's memory; else overhead */
    u32 nr;     /* extents got */
    mfn_t extent[MM_TAKE_MAX];
    struct claim_receipt receipt;
};

/*
 * Takes 1 to request->nr extents, as many as one node can give at once; the order of nodes is mm_alloc()'s.
 * Errors as mm_alloc()'s, -EINVAL also for nr. What was taken is the account's at once: if the domain is killed,
 * mm_release_some() frees it too, so the caller must find out before it uses it (the guest's map does, which is
 * destroyed first).
 */
int mm_take(struct mem_account *account, const struct mm_request *request, struct mm_taken *taken);
/* The first nr_kept extents stay the account's; costs nothing if that is all, and need not be called then. The others
 * go back and their claims are restored, in one step; if the account's claims were released or replaced since, the pages
 * become unclaimed. What was taken for a domain that has been killed since is left to mm_release_some(). */
void mm_take_undo(struct mm_taken *taken, u32 nr_kept); /* less than all */
static inline void mm_take_done(struct mm_taken *taken, u32 nr_kept)
{
    if (unlikely(nr_kept != taken->nr))
        mm_take_undo(taken, nr_kept);
}

/* Gives back an MM_OVERHEAD extent in one piece: account and order as at mm_alloc(), or it is a bug. */
void mm_free_overhead(struct mem_account *account, mfn_t m, u32 order);
/* The same for nr single pages of an account's; cheap where they follow each other upwards. */
void mm_free_overhead_many(struct mem_account *account, const mfn_t *m, u32 nr);

/*
 * The domain gives up nr ranges (1 .. MM_TAKE_MAX) of frames [m[i], m[i] + 2^order), all or nothing. Extents are split as
 * needed; m[i] need not be aligned. Pinned frames stay owned (state FRAME_RELEASED, still counted in tot) until their
 * last unpin. -EINVAL: not all the account's, or two ranges overlap.
 * Holds the account lock for a few ranges at a time. So the caller ensures that no other call releases any of these
 * frames before this one returns; the end of the domain, mm_release_some(), may.
 */
int mm_release_many(struct mem_account *account, const mfn_t *m, u32 order, u32 nr);

/* Dying domain: up to budget steps, each of which frees a chunk, or what it has in a region. False: there is
 * nothing more to do; true: call again. Pinned frames stay, see above. */
bool mm_release_some(struct mem_account *account, u32 budget);

/* Dying: no allocation or claim succeeds from now on; all claims are released. Idempotent. */
void mm_account_kill(struct mem_account *account);

/* A pin keeps a frame of RAM from being freed (a foreign mapping). Owner must match. -EINVAL: not domid's guest
 * memory. -EOVERFLOW: it has PAGE_PINS_MAX pins. */
int mm_pin(u16 domid, mfn_t m);
/* The domain whose overhead m is, a single frame. */
u16 mm_overhead_owner(mfn_t m);
/* True if that was the last pin of a released frame, which is now free: tot of its account has dropped. */
bool mm_unpin(mfn_t m);

/* Is there a pin in the 2^order frames, order <= 9? Of an order above 0 the whole window of 2 MiB counts. */
bool mm_any_pinned(mfn_t m, u32 order);

/* NODE_NONE: no frame of RAM that mm/ manages. */
nodeid_t mm_mfn_node(mfn_t m);

/* --- scrubbing --- */
/* Cleans at most one 2 MiB piece of node nid's dirty memory. False: nothing was dirty. No lock held while
 * clearing. A taker may wait for the piece: not to be interrupted by anything that allocates. */
bool mm_scrub_step(nodeid_t nid);
/* Off: mm_scrub_step() cleans only what claims want clean, all else is cleaned when it is taken. At boot. */
void mm_set_idle_scrub(bool on);

/* --- figures --- */
struct mm_node_info {
    u64 size_pages; /* RAM given to mm_add_range(), plus what mm_note_unmanaged() added */
    u64 free_pages; /* clean or dirty */
    u64 dirty_pages;
    u64 claimed_pages; /* sum of c[d][n] */
};
struct mm_host_info { /* one consistent sample */
    u64 total_pages;
    u64 free_pages;
    u64 dirty_pages;
    u64 outstanding_pages;
    u64 host_claimed_pages; /* of them, claimed host-wide */
};
extern u32 mm_nodes_nr; /* [I] */
static inline u32 mm_nr_nodes(void)
{
    return mm_nodes_nr;
}
/* RAM of the node that mm/ does not manage: image, frame table, ... At boot. */
void mm_note_unmanaged(nodeid_t nid, u64 pages);
/* Some of it was passed to mm_add_range() later: it must not be counted twice. At boot. */
void mm_note_managed(nodeid_t nid, u64 pages);
void mm_node_get_info(nodeid_t nid, struct mm_node_info *out);
void mm_host_get_info(struct mm_host_info *out);

/* Checks every invariant of lists, counters and claims, at a quiet moment (sched_run_quiet()): takes no
 * locks. Returns the number of faults, logs each. */
u32 mm_check(void);

#endif
