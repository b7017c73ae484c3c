/*
 * Memory claims: the contract is docs/hypervisor-guide/mm/claims.md (sections named below). Page counts are absolute.
 */
#ifndef MM_CLAIMS_H
#define MM_CLAIMS_H

#include <homestead/errno.h>
#include <mm/account.h>

#define CLAIM_HOST       0xffffffffu /* the host-wide selector */
#define CLAIM_HOST_LATER 0x80000000u /* the same in the later drafts of the interface */

#define CLAIM_ENTRIES_MAX (MAX_NODES + 1u) /* each node and the host-wide selector once */

enum claim_flag { /* section 3; all but the first belong to the installed set */
                  CLAIM_REPLACE = 1u << 16,
                  CLAIM_STRICT = 1u << 17, /* allocations that would redeem the claim of another node fail */
                  CLAIM_SCRUB = 1u << 18,  /* claimed memory is cleaned at once */
                  CLAIM_ORDERS = 1u << 19, /* entries say the order in which their pages are claimed */
                  CLAIM_ALL_FLAGS = CLAIM_REPLACE | CLAIM_STRICT | CLAIM_SCRUB | CLAIM_ORDERS,
};

struct claim_entry {
    u64 pages;
    u32 node; /* node id or CLAIM_HOST */
    u32 pad;  /* with CLAIM_ORDERS the order the node's pages are claimed in: 0, 9 or 18; else 0 */
};

enum claim_legacy { /* section 2: where a claim without nodes is staked */
                    CLAIM_LEGACY_HOST,
                    CLAIM_LEGACY_AFFINITY, /* on the nodes of the account's affinity; what they lack, host-wide */
                    CLAIM_LEGACY_AFFINITY_ONLY, /* on them, or nowhere */
                    CLAIM_LEGACY_KEEP
};

/*
 * XENMEM_claim_pages (section 2), from "domain dying" on. pages is absolute; 0 releases every claim.
 * -EINVAL: dying, or a claim is there already, or pages <= tot, or pages > max.
 * -ENOMEM: the host, or with CLAIM_LEGACY_AFFINITY_ONLY the nodes of the affinity, have not that many unclaimed
 * free pages. Takes the locks of the account and of the nodes concerned, before a refusal of all nodes; O(nodes), after a
 * refusal O(claimants).
 */
int claim_install_legacy(struct mem_account *account, u64 pages);
/* What that does for each new account. Boot CPU only. */
void claim_set_legacy_default(enum claim_legacy mode);
/* What that does for this account from now on (CLAIM_LEGACY_KEEP: the same); returns what it did. Takes the account lock. */
enum claim_legacy claim_set_legacy(struct mem_account *account, enum claim_legacy mode);

/*
 * XEN_DOMCTL_claim_memory (section 3), from "domain dying" on, errors in exactly that order. All or nothing.
 * The caller has checked nr and flags with claim_check_args(), before it read the entries. A set has at most one entry for
 * each node and one host-wide entry. It is installed in one step, also over an old one.
 * -EINVAL: dying; an entry's pad, or pages that are no multiple of it; a repeated selector;
 * outstanding claims without CLAIM_REPLACE; nothing to claim; tot + set > max. -ENOENT: no such node.
 * -ENOMEM: a node or the host is too full, or has not so many whole extents; counted as a refusal. Takes the
 * locks of the account and of the set's nodes, before -ENOMEM of all nodes; O(nodes + nr), after -ENOMEM O(claimants).
 */
int claim_install_set(struct mem_account *account, const struct claim_entry *entries, u32 nr, u32 flags);
/* -EINVAL: no entry, or unknown flags; -E2BIG: more entries than there are selectors.
 * claims.md CL-3.24, CL-3.25, CL-3.39, CL-3.45. */
static inline int claim_check_args(u32 nr, u32 flags)
{
    if (nr == 0 || (flags & ~(u32)CLAIM_ALL_FLAGS))
        return -EINVAL;
    return nr > CLAIM_ENTRIES_MAX ? -E2BIG : 0;
}

/* Reads the set back as it stands now (outstanding pages), host-wide first if nonzero, then nodes ascending,
 * with the order of each.
 * *nr: room, then entries needed. -ENOBUFS: too little room, nothing written but *nr. */
int claim_read_set(struct mem_account *account, struct claim_entry *entries, u32 *nr);

/* Outstanding pages of the account, a consistent sample. */
u64 claim_outstanding(struct mem_account *account);

/* What one account has, one consistent sample. Pages. */
struct claim_view {
    u64 tot, max, overhead, host_claim, outstanding;
    u64 broken_pages; /* taken back from its claims, ever: section 6 */
    u64 broken_units; /* whole extents claimed by order that became single pages, ever */
    u32 flags;        /* enum claim_flag of its set */
    struct {
        u64 own, claim;
        u64 units; /* whole extents of order that are kept for it */
        u32 order;
    } node[MAX_NODES];
};
void claim_get_view(struct mem_account *account, struct claim_view *out);

/* --- refusals: who could not get what, and why --- */
#define REFUSAL_HOLDERS 8u
#define REFUSAL_NOBODY  0xffffu
enum refusal_kind { REFUSAL_NONE, REFUSAL_CLAIM, REFUSAL_ALLOC };
struct refusal {
    enum refusal_kind kind;
    u16 domid;                     /* who asked; REFUSAL_NOBODY: Homestead itself */
    nodeid_t node;                 /* that is short; NODE_NONE: none by itself */
    u32 order;                     /* of an allocation's extents */
    u64 pages;                     /* how many pages it wanted; of a claim: that were still missing */
    u64 free_pages, claimed_pages; /* of that node then, or of the host */
    u32 nr_holders;
    struct {
        u16 domid;
        u64 node_pages;        /* claimed on that node, or on all */
        u64 host_pages;        /* claimed anywhere */
    } holder[REFUSAL_HOLDERS]; /* those with the largest claims, largest first, of equals the lower domid */
};
struct refusal_counts {
    u64 claims; /* sets and host-wide claims refused with ENOMEM */
    u64 allocs; /* allocations refused because what is free is promised */
};
void refusal_get(struct refusal_counts *counts, struct refusal *last);
/* An allocation of pages as extents of order, on nid only or (NODE_NONE) on any, has failed with -ENOMEM.
 * Counts it, if it was for want of credits: the node, or every node, has fewer pages free for this account
 * than it wanted. No node's lock held. O(claimants) if so. */
void refusal_note_alloc(const struct mem_account *account, nodeid_t nid, u32 order, u64 pages);

/* Is memory of node nid wanted clean by a claim with CLAIM_SCRUB, and is there something to clean? Takes the
 * lock of that node, or of one node after the other, only if there is such a claim. */
bool mm_scrub_wanted(nodeid_t nid);
/* A known call upward, with no lock of mm/ held: mm_scrub_wanted(nid) has become true, so the scrubber of
 * that node should run. */
void mm_wake_scrubber(nodeid_t nid);

/* --- taking memory offline, offline.c: section 6 --- */
/* Status words are those of XEN_SYSCTL_page_offline_op (include/xen/sysctl.h); each call takes the
 * lock of the node, or of all nodes. O(claimants) if claims have to be taken back. 0, or -EINVAL: m is not RAM, status then
 * says so. */
int mm_offline_page(mfn_t m, u32 *status);
int mm_online_page(mfn_t m, u32 *status);
int mm_query_page(mfn_t m, u32 *status);
/* Tells the console what was taken back from claims since the last call. No lock held. */
void mm_report_recalls(void);

struct claim_receipt { /* what a reservation took from where, so that it can be given back exactly */
    u64 claim_gen;     /* account's when reserved */
    nodeid_t nid;
    u32 nr_other; /* see other[] */
    u64 pages;
    u64 from_node; /* c[d][nid] */
    u64 from_host; /* h[d] */
    u64 node_lost; /* units of c[d][nid] that had been lost and are no longer owed */
    u32 order;     /* of the extents */
    struct {
        nodeid_t nid;
        u64 pages;
        u64 lost;
    } other[MAX_NODES]; /* claims on other nodes, ascending */
};

#endif
