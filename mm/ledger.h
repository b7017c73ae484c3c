/*
 * The credit ledger's interface inside mm/: ledger.c (credits), ledger_orders.c (claims by order), claims_recall.c
 * (claims taken back), claims.c and refusals.c (installs). Units are pages unless a name says otherwise.
 *
 * Claims are guarded by locks that are there anyway:
 *
 *   c[d][n], its units, claimed[n]   written with d's account lock and node n's
 *   h[d], out(d), the set's flags    written with d's account lock and any node's
 *   the claims of everybody          read and written with all nodes' locks, no account's
 *
 * so d's account lock and any node's lock are enough to read d's claims.
 */
#ifndef MM_LEDGER_H
#define MM_LEDGER_H

#include <arch/x86/cpu/percpu.h>
#include <lib/one_writer.h>
#include <mm/claims.h>
#include <mm/node.h>

struct claim_set {                          /* what an account shall have claimed */
    u64 total;                              /* pages, on nodes and host-wide */
    u64 host;                               /* of them, host-wide */
    u64 nodes;                              /* those of on[] */
    u32 flags;                              /* CLAIM_STRICT, CLAIM_SCRUB */
    struct claim_entry *end, on[MAX_NODES]; /* [on, end): the pages of each node, and their order as pad */
};

/* What the locks held are enough to decide. */
enum verdict {
    GRANTED,
    REFUSED,   /* there is nothing, whatever the other nodes have */
    UNDECIDED, /* it takes the locks of more nodes */
};

/* --- ledger.c --- */
void ledger_init(void);
/* Locks the nodes where the account has claims and those of `more`, one node at least, and returns which; for
 * nodes_unlock(). Account lock held. */
static inline u64 ledger_lock_nodes(const struct mem_account *account, u64 more)
{
    u64 nodes = account->claim_nodes | more;

    if (!nodes)
        nodes = BIT(this_node() < mm_nr_nodes() ? this_node() : 0);
    nodes_lock(nodes);
    return nodes;
}
/*
 * Takes credits for pages on node nid (section 4), which the caller takes at once as extents of order; account NULL:
 * Homestead's own. `locked`: the nodes whose locks are held, nid among them; UNDECIDED: *needs are also needed.
 * REFUSED: promised to others. Only GRANTED changes anything. O(nodes) if claims on other nodes are redeemed.
 */
enum verdict ledger_reserve(struct mem_account *account, nodeid_t nid, u64 pages, u32 order, u64 locked,
                            struct claim_receipt *receipt, u64 *needs);
/*
 * Undoes a reservation of pages that were not taken, or are free again, claims included: the last `pages` of
 * the receipt's (all of it: receipt->pages). The claims are then as if only the others had been asked for,
 * and the receipt is for those. If the account's set was replaced or released since, that set stands and the
 * credits become unclaimed. If another node's claim was redeemed and its pages are gone since, that part
 * comes back as host-wide claim: out(d) is exact in any case. Locks held: ledger_refund_nodes().
 */
void ledger_refund(struct mem_account *account, struct claim_receipt *receipt, u64 pages);
/* The nodes whose locks a refund needs. Account lock held. */
u64 ledger_refund_nodes(const struct mem_account *account, const struct claim_receipt *receipt);
/* Releases the account's set. Account lock held, and nodes as of ledger_lock_nodes(); O(nodes). */
void ledger_release(struct mem_account *account, u64 locked);
/* Replaces the account's set. False: the old one stands, since a node or, as far as the locked nodes have it, the host is
 * too full, or a node has not that many whole extents. Locks as for ledger_release(), the nodes of the new set included.
 * O(nodes). */
bool ledger_install(struct mem_account *account, const struct claim_set *set, u64 locked);
/* Has the node by itself fewer pages than the set wants there? What the account has claimed there is replaced. */
static inline bool node_is_short(const struct mem_account *account, const struct claim_entry *entry)
{
    return entry->pages > node_unclaimed(node_get(entry->node)) + account->node_claim[entry->node];
}
/* h[d] and out(d) change by that. */
void host_claim_change(struct mem_account *account, s64 pages);
/* Accounts with a set that was not released, in no order, linked by next_claimant. All nodes locked. */
struct mem_account *ledger_claimants(void);
/* For the debug console. */
spinlock_t *ledger_claimants_lock(void);
/* Pages that claims with CLAIM_SCRUB want clean anywhere; a hint. */
u64 ledger_host_scrub(void);

/* --- ledger_host.c: H --- */
/* Pages became free on a node, or nobody's, which nobody has claimed. Node lock held.
 * claims.md CL-4.19, CL-6.18, CL-6.19, CL-7.3. */
static inline void ledger_credit(struct node *node, u64 pages)
{
    node->host_part += pages;
}
/* H, as far as the locked nodes have it. */
static inline u64 ledger_host_spare(u64 locked)
{
    u64 sum = 0;

    for_each_node (nid, locked)
        sum += node_get(nid)->host_part;
    return sum;
}
/* Sum of h[d]. All nodes locked. */
u64 ledger_host_claims(void);
/* Takes pages out of H for node nid; needs: as for ledger_reserve(). */
enum verdict host_take_more(u64 locked, nodeid_t nid, u64 pages, u64 *needs);
static inline enum verdict host_take(u64 locked, nodeid_t nid, u64 pages, u64 *needs)
{
    struct node *node = node_get(nid);

    if (unlikely(pages > node->host_part))
        return host_take_more(locked, nid, pages, needs);
    node->host_part -= pages;
    return GRANTED;
}
/* Takes pages out of the parts of the locked nodes, which have them: nid's first. False: that was not enough. */
bool host_take_other_parts(u64 locked, nodeid_t nid, u64 pages);
static inline bool host_take_parts(u64 locked, nodeid_t nid, u64 pages)
{
    struct node *node = node_get(nid);

    if (unlikely(pages > node->host_part))
        return host_take_other_parts(locked, nid, pages);
    node->host_part -= pages;
    return true;
}
/* Part of H goes with the pages it stands for. Both nodes locked. */
void host_move(nodeid_t from, nodeid_t to, u64 pages);
/* Deals the parts out so that what is missing to U[n] is the same everywhere, as far as possible: then every node can
 * give out most of what it has without asking the others. `pages` of node `from` are about to leave U[from]. All nodes
 * locked. */
void host_deal_out(nodeid_t from, u64 pages);
/* H drops by one page, which left node nid. False: it is 0. All nodes locked. */
bool ledger_host_lose(nodeid_t nid);

/* --- ledger_orders.c: c[d][n], and the whole extents it stands for --- */
/* Whole extents of account->claim_order[nid] that are kept for the account. */
u64 claim_units(const struct mem_account *account, nodeid_t nid);
/* c[d][n] changes by that, and with it what is claimed on the node. Atomic because it is read without the lock: by the
 * allocator, which chooses between clean and dirty memory, and by idle CPUs, which choose what to clean. */
static inline void claim_node_change(struct mem_account *account, nodeid_t nid, s64 pages)
{
    struct node *node = node_get(nid);

    one_writer_add(&account->node_claim[nid], (u64)pages);
    one_writer_add(&node->claimed, (u64)pages);
    if (unlikely(account->claim_flags & CLAIM_SCRUB))
        one_writer_add(&node->scrub, (u64)pages);
}
/* c[d][n] drops by pages that are taken as extents of order. Returns how many of the units that had been lost
 * are made up for by that: to be given to claim_node_add() if the pages come back. */
u64 claim_units_sub(struct mem_account *account, nodeid_t nid, u64 pages, u32 order);
static inline u64 claim_node_sub(struct mem_account *account, nodeid_t nid, u64 pages, u32 order)
{
    ASSERT(account->node_claim[nid] >= pages);
    if (unlikely(account->claim_order[nid]))
        return claim_units_sub(account, nid, pages, order);
    claim_node_change(account, nid, -(s64)pages);
    return 0;
}
/* c[d][n] grows. Units that cannot be had any more are lost. */
void claim_units_add(struct mem_account *account, nodeid_t nid, u64 pages, u64 lost);
static inline void claim_node_add(struct mem_account *account, nodeid_t nid, u64 pages, u64 lost)
{
    if (unlikely(account->claim_order[nid]))
        claim_units_add(account, nid, pages, lost);
    else
        claim_node_change(account, nid, (s64)pages);
}
/* How many of the lost units that a reservation of pages made up for come back with its last `back` pages. */
u64 claim_lost_back(const struct mem_account *account, nodeid_t nid, u64 pages, u64 back, u32 order,
                    u64 lost);
/*
 * What ledger_reserve() does nearly always: the account's claim on the node and the node's part cover all, and no other
 * claim is there to be redeemed first. False: that is not so, and nothing has changed. Inline: 65 instructions less.
 */
static inline bool ledger_reserve_here(struct mem_account *account, struct node *node, nodeid_t nid,
                                       u64 pages, u32 order, struct claim_receipt *receipt)
{
    u64 outstanding = account ? account->outstanding : 0;
    u64 redeemed = outstanding ? MIN(pages, account->node_claim[nid]) : 0, rest = pages - redeemed;

    if ((rest && redeemed != outstanding) || rest > node_unclaimed(node) || rest > node->host_part)
        return false;
    node->host_part -= rest;
    receipt->claim_gen = account ? account->claim_gen : 0;
    receipt->nid = nid;
    receipt->nr_other = 0;
    receipt->order = order;
    receipt->pages = pages;
    receipt->from_node = redeemed;
    receipt->from_host = receipt->node_lost = 0;
    if (redeemed) {
        receipt->node_lost = claim_node_sub(account, nid, redeemed, order);
        account->outstanding -= redeemed;
    }
    return true;
}
/* Would the node have enough whole extents for the entry, which has an order, if the account's own units were given up? */
bool claim_units_fit(const struct mem_account *account, const struct claim_entry *entry);
/* One unit of the node is given up: its pages stay claimed one by one. */
void claim_lose_unit(struct mem_account *account, nodeid_t nid);

/* --- refusals.c --- */
void refusals_init(void);
/* The set, which says what was missing, could not be installed. All nodes locked; O(claimants). */
void refusal_note_claim(const struct mem_account *account, const struct claim_set *set);

/* --- claims_recall.c --- */
/*
 * Pages of node nid that were free have left it. If they were promised, claims are taken back page by page in
 * proportion to the claims (claims.md section 6), and units for whole extents that no longer exist. All nodes
 * locked. O(claimants) for each page taken back.
 */
void ledger_withdraw(nodeid_t nid, u64 pages);

#endif
