/*
 * The credit ledger's state and what the files that change it share: ledger.c (credits), ledger_orders.c
 * (claims by order), claims_recall.c (claims taken back), claims.c and refusals.c (installs). See ledger.c.
 *
 * Units are pages unless a name says otherwise. Everything here belongs to the ledger's lock.
 */
#ifndef MM_LEDGER_H
#define MM_LEDGER_H

#include <mm/mm.h>

struct ledger {
    spinlock_t lock;        /* LOCK_LEDGER */
    u64 spare[MAX_NODES];   /* U[n] = free[n] - sum of c[d][n]: without a claim on that node */
    u64 claimed[MAX_NODES]; /* sum of c[d][n] */
    u64 scrub[MAX_NODES];   /* of them by claims with CLAIM_SCRUB; read without the lock as a hint */
    u64 host_spare;         /* H = sum of U[n] - host_claims: what a new promise may use */
    u64 host_claims;        /* sum of h[d] */
    u64 host_scrub;         /* of them by claims with CLAIM_SCRUB; read without the lock as a hint */
    u64 broken[MAX_NODES]; /* pages taken back from the claims that stand, or stood until they were used up */
    u64 host_broken;       /* and from host-wide ones */
    u64 debt[MAX_NODES];   /* pages that left before their credits came: these credits are dropped */
    enum claim_legacy legacy;      /* [I] of a new account */
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
void ledger_init(void);
void ledger_lock(void);
void ledger_unlock(void);
/* For the debug console: the lock, and a node's claims read without it. */
spinlock_t *ledger_get_lock(void);
u64 ledger_claimed_hint(nodeid_t nid);
/*
 * Takes credits for pages on node nid (section 4), to be taken as extents of order; account NULL: Homestead's
 * own. -ENOMEM: promised to others. Ledger lock held.
 */
int ledger_reserve_locked(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                          struct claim_receipt *receipt);
/*
 * Undoes a reservation of pages that were not taken, or are free again, claims included: the last `pages` of
 * the receipt's (all of it: receipt->pages). The claims are then as if only the others had been asked for,
 * and the receipt is for those. If the account's set was replaced or released since, that set stands and the
 * credits become unclaimed. If another node's claim was redeemed and its pages are gone since, that part
 * comes back as host-wide claim: out(d) is exact in any case. Ledger lock held.
 */
void ledger_refund_locked(struct mem_account *account, struct claim_receipt *receipt, u64 pages);
/* Releases the account's set; ledger lock held, O(nodes). */
void ledger_release_locked(struct mem_account *account);

struct ledger_view { /* one node, or the host: all of one instant */
    u64 spare;       /* U[n]; host: H */
    u64 claimed;     /* sum of c[d][n]; host: sum of h[d] */
};
struct ledger_view ledger_node_view(nodeid_t nid);
struct ledger_view ledger_host_view(u64 *free_pages, u64 *outstanding);

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
/* How many of the lost units that a reservation of pages made up for come back with its last `back` pages. */
u64 claim_lost_back(const struct mem_account *account, nodeid_t nid, u64 pages, u64 back, u32 order,
                    u64 lost);
/* Would there be enough whole extents for the set if the account's own units were given up? */
bool claim_units_fit(const struct mem_account *account, const struct claim_set *set);
/* One unit of the node is given up: its pages stay claimed one by one. */
void claim_lose_unit(struct mem_account *account, nodeid_t nid);

/* --- refusals.c --- */
void refusals_init(void);
/* The set, which says what was missing, could not be installed. Ledger lock held; O(claimants). */
void refusal_note_claim_locked(const struct mem_account *account, const struct claim_set *set);

/* --- claims_recall.c --- */
/*
 * Pages of node nid that were free have left it: their credits go. If they were promised, claims are taken
 * back page by page in proportion to the claims (claims.md section 6), and units for whole extents that no
 * longer exist. O(claimants) for each page taken back.
 */
void ledger_withdraw_locked(nodeid_t nid, u64 pages);
/* Pages that came back to node nid. */
void ledger_deposit_locked(nodeid_t nid, u64 pages);

#endif
