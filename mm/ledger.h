/*
 * The credit ledger's state and what the files that change it share: ledger.c (credits), ledger_orders.c
 * (claims by order), recall.c (claims taken back), claims.c and refusals.c (installs). See ledger.c.
 *
 * Units are pages unless a name says otherwise. Everything here belongs to the ledger's lock.
 */
#ifndef MM_LEDGER_H
#define MM_LEDGER_H

#include <mm/claims.h>
#include <mm/mm.h>

struct ledger {
    spinlock_t lock;        /* LOCK_LEDGER */
    u64 spare[MAX_NODES];   /* U[n] = free[n] - sum of c[d][n]: claimed by nobody on that node */
    u64 claimed[MAX_NODES]; /* sum of c[d][n] */
    u64 scrub[MAX_NODES];   /* of them by claims with CLAIM_SCRUB; read without the lock as a hint */
    u64 host_spare;         /* H = sum of U[n] - host_claims: what a new promise may use */
    u64 host_claims;        /* sum of h[d] */
    u64 host_scrub;         /* of them by claims with CLAIM_SCRUB; read without the lock as a hint */
    u64 broken[MAX_NODES]; /* pages taken back from the claims that stand, or stood until they were used up */
    u64 host_broken;       /* and from host-wide ones */
    u64 debt[MAX_NODES];   /* pages that left before their credits came: those credits never come */
    struct mem_account *claimants; /* accounts with outstanding claims, in no order */
};
extern struct ledger ledger;

struct claim_set { /* what an account shall have claimed */
    u64 node[MAX_NODES];
    u8 order[MAX_NODES]; /* of the node's extents: 0, ORDER_2M, ORDER_1G */
    u64 host;
    u32 flags; /* CLAIM_STRICT, CLAIM_SCRUB */
};

/* --- ledger.c --- */
/* -ENOMEM: a node or the host is too full, or a node has not that many whole extents. Replaces the account's
 * set; after a failure the old one stands. O(nodes). */
int ledger_install_locked(struct mem_account *account, const struct claim_set *set);
/* After h[d] or a c[d][n] changed: on the list of claimants, or off it. */
void claimants_update(struct mem_account *account);
void host_claim_sub(struct mem_account *account, u64 pages);

/* --- ledger_orders.c: c[d][n], and the whole extents it stands for --- */
/* Whole extents of account->claim_order[nid] that are kept for the account. */
u64 claim_units(const struct mem_account *account, nodeid_t nid);
/* c[d][n] drops by pages that are taken as extents of order. Returns how many of the units that had been lost
 * are made up for by that: to be given to claim_node_add() if the pages come back. */
u64 claim_node_sub(struct mem_account *account, nodeid_t nid, u64 pages, u32 order);
/* c[d][n] grows. Units that cannot be had any more are lost. */
void claim_node_add(struct mem_account *account, nodeid_t nid, u64 pages, u64 lost);
/* Of lost units that a reservation of pages has made up for: those that come back with the last `back`. */
u64 claim_lost_back(const struct mem_account *account, nodeid_t nid, u64 pages, u64 back, u32 order,
                    u64 lost);
/* Would the set's units be there if the account's own were given up? */
bool claim_units_fit(const struct mem_account *account, const struct claim_set *set);
/* One unit of the node is given up: its pages stay claimed one by one. */
void claim_lose_unit(struct mem_account *account, nodeid_t nid);

/* --- recall.c --- */
/*
 * Pages of node nid that were free have left it: their credits go. If they were promised, claims are taken
 * back page by page, each from the domain whose share it falls to (claims.md section 6), and so are
 * whole extents that are no longer there. O(claimants) for each page taken back.
 */
void ledger_withdraw_locked(nodeid_t nid, u64 pages);
/* Pages that came back to node nid. */
void ledger_deposit_locked(nodeid_t nid, u64 pages);

/* --- the nodes' part (node.c); each takes the node's lock --- */
/* Changes how many whole free 2 MiB and 1 GiB extents nobody may break for anything smaller. */
void node_reserve_whole(nodeid_t nid, s64 d2m, s64 d1g);
/* Could so many more be kept whole now? Of 0 and 0: are those there that are to be kept? */
bool node_has_whole(nodeid_t nid, u64 nr_2m, u64 nr_1g);
/* A free frame leaves its node: was_free, then its credit is the caller's to withdraw. One in use is marked
 * and leaves when it is freed. -EINVAL: not RAM of mm/. Already offline or marked: 0, was_free false. */
int node_offline_frame(mfn_t m, bool *was_free);
/* The reverse; now_free: it is free again, its credit the caller's to deposit. */
int node_online_frame(mfn_t m, bool *now_free);
enum {
    WHERE_OFFLINE = 1u,
    WHERE_PENDING = 2u, /* leaves when it is freed */
    WHERE_IN_USE = 4u,  /* by the domain in bits 16 to 31 */
    WHERE_HOMESTEAD = 8u,
};
/* On its maps, or with a scrubber. */
u64 node_free_pages(nodeid_t nid);
/* WHERE_* bits; 0: free, or not RAM. */
u32 node_frame_state(mfn_t m);
struct node_whole { /* in extents, but offline_pages */
    u64 free_2m;    /* those inside free_1g too */
    u64 free_1g;
    u64 reserved_2m;
    u64 reserved_1g;
    u64 offline_pages;
};
void node_get_whole(nodeid_t nid, struct node_whole *out);

#endif
