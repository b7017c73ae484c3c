/*
 * Memory claims: the contract is docs/claims.md (sections named below). Page counts are absolute.
 */
#ifndef MM_CLAIMS_H
#define MM_CLAIMS_H

#include <mm/account.h>

#define CLAIM_HOST       0xffffffffu /* the host-wide selector */
#define CLAIM_HOST_LATER 0x80000000u /* the same in the later drafts of the interface */

enum claim_flag { CLAIM_REPLACE = 1u << 0 };

struct claim_entry {
    u64 pages;
    u32 node; /* node id or CLAIM_HOST */
    u32 pad;  /* as the guest gave it; nonzero is refused */
};

/*
 * XENMEM_claim_pages (section 2), from "domain dying" on. pages is absolute; 0 releases every claim.
 * -EINVAL: dying, or a claim is there already, or pages <= tot, or pages > max.
 * -ENOMEM: the host has not that many unclaimed free pages.
 * Takes the account and ledger locks; O(nodes).
 */
int claim_install_legacy(struct mem_account *account, u64 pages);

/*
 * XEN_DOMCTL_claim_memory (section 3), from "domain dying" on, errors in exactly that order. All or nothing.
 * nr 1 .. MAX_NODES + 1 has been checked by the caller (-EINVAL, -E2BIG here if not). A domain may hold one
 * node entry and one host-wide entry or any set: sets are installed atomically, also over an old one.
 * -EINVAL: unknown flags; dying; an entry's pad or a repeated selector; outstanding claims without
 * CLAIM_REPLACE; nothing to claim; tot + set > max. -ENOENT: no such node. -ENOMEM: a node or the host is too
 * full. Takes the account and ledger locks; O(nodes + nr).
 */
int claim_install_set(struct mem_account *account, const struct claim_entry *entries, u32 nr, u32 flags);

/* Reads the set back as it stands now (outstanding pages), host-wide first if nonzero, then nodes ascending.
 * *nr: room, then entries needed. -ENOBUFS: too little room, nothing written but *nr. */
int claim_read_set(struct mem_account *account, struct claim_entry *entries, u32 *nr);

/* Releases every claim of the account. */
void claim_release_all(struct mem_account *account);

/* Outstanding pages of the account, a consistent sample. */
u64 claim_outstanding(struct mem_account *account);

/* --- the credit ledger, for the allocator only --- */
struct claim_receipt { /* what a reservation took from where, so that it can be given back exactly */
    u64 claim_gen;     /* account's when reserved */
    nodeid_t nid;
    u64 pages;
    u64 from_node; /* c[d][nid] */
    u64 from_host; /* h[d] */
    u32 nr_other;  /* claims on other nodes, ascending */
    struct {
        nodeid_t nid;
        u64 pages;
    } other[MAX_NODES];
};

/* Takes credits for pages on node nid (section 4), to be taken as extents of order; account NULL: Homestead's
 * own. -ENOMEM: promised to others. */
int ledger_reserve(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                   struct claim_receipt *receipt);
/*
 * Undoes a reservation of pages that were not taken, or are free again, claims included: the last `pages` of
 * the receipt's (all of it: receipt->pages). The claims are then as if only the others had been asked for;
 * once for each receipt. If the
 * account's set was replaced or released since, that set stands and the credits become unclaimed. If another
 * node's claim was redeemed and its pages are gone since, that part comes back as host-wide claim: out(d) is
 * exact in any case.
 */
void ledger_refund(struct mem_account *account, const struct claim_receipt *receipt, u64 pages);
/* Pages are back on node nid's free lists: their credits appear. */
void ledger_credit(nodeid_t nid, u64 pages);

#endif
