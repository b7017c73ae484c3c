/*
 * A memory account: all that mm/ knows of a domain. Owned by struct domain, which embeds it; mm/ only
 * sees the account. Vocabulary as in docs/hypervisor-guide/mm/claims.md: tot, own, max, claims, out.
 *
 * Legend: [I] fixed after init, [A] account lock, [N] that node's lock, [L] see mm/ledger.h: the account's lock and
 * a node's, or the locks of all nodes.
 */
#ifndef MM_ACCOUNT_H
#define MM_ACCOUNT_H

#include <homestead/addr.h>
#include <lib/assert.h>
#include <lib/spinlock.h>

struct region;
struct chunk;
struct frame_range;

/* What one holder has on one node, as lists of what it is made of. Node lock. */
struct holdings {
    struct region *open;  /* split regions with free frames */
    struct region *full;  /* regions owned as a whole, split ones without free frames */
    struct chunk *chunks; /* 1 GiB pieces owned as a whole */
    struct chunk *near;   /* where the last 2 MiB came from; a hint */
    u32 shared;           /* frames in regions that others share */
};

struct mem_account {
    spinlock_t lock;                      /* LOCK_ACCOUNT */
    u16 domid;                            /* [I] */
    bool dying;                           /* [A] set once; read by who has cleared memory too */
    const struct frame_range *near_range; /* frame_range_near(); a hint, without any lock */
    u64 outstanding;                      /* [L] h[d] + sum of c[d][n] */
    u64 claim_gen;              /* [L] counts installs and releases: a refund older than the set is void */
    u64 max_pages;              /* [A] limit of tot */
    u64 tot_pages;              /* [A] guest pages owned */
    u64 own[MAX_NODES];         /* [A] of them, on each node */
    u64 overhead_pages;         /* [A] Homestead's memory for this domain; in neither tot nor own */
    u64 affinity;               /* [A] bit per node: where pages without a node request come from; 0 = any */
    u8 legacy_claims;           /* [A] enum claim_legacy: what a claim without nodes becomes */
    u64 host_claim;             /* [L] h[d] */
    u64 claim_nodes;            /* [A] nodes of the set that stands; elsewhere c[d][n] is 0 */
    u64 node_claim[MAX_NODES];  /* [L] c[d][n] */
    u8 claim_order[MAX_NODES];  /* [L] the order c[d][n] is claimed in: 0, 9 or 18 */
    u64 node_short[MAX_NODES];  /* [L] extents of that order fewer than the pages make up: lost */
    u64 node_broken[MAX_NODES]; /* [L] pages of this set taken back on that node */
    u64 host_broken;            /* [L] and of its host-wide claim */
    u64 broken_pages;           /* [L] pages taken back from claims, ever */
    u64 broken_units;           /* [L] whole extents that became single pages, ever */
    u32 claim_flags;            /* [L] enum claim_flag of the set */
    bool claimant;              /* [L] a set stands: it was installed and not released */
    struct mem_account *next_claimant, **claimant_link; /* of these accounts; the lock of their list */
    struct holdings held[MAX_NODES];                    /* [N] */
};

/* All zero but the domid and what its legacy claims become: no pages, no claims, max 0. Before anyone else can see the account. */
void mem_account_init(struct mem_account *account, u16 domid);

/* tot and own drop by pages. Account lock held. */
static inline void account_uncharge(struct mem_account *account, nodeid_t nid, u64 pages)
{
    BUG_ON(account->tot_pages < pages || account->own[nid] < pages);
    account->tot_pages -= pages;
    account->own[nid] -= pages;
}

/* Accounts are found by domid when a frame is pinned or unpinned: the domain layer supplies this (a known
 * call upward). Returns NULL if there is none. Called with no lock of mm/ held. An account must stay until
 * its tot and overhead are 0, and its domid must not be given to another account before that. */
struct mem_account *mem_account_find(u16 domid);

#endif
