/*
 * The credit ledger: how many free pages are promised to which domain. Units are pages. A credit is the right to take
 * one page of a node; a domain's claims are credits that it has already.
 *
 *   U[n] = free[n] - sum of c[d][n]     node_unclaimed(): pages of node n without a claim on that node
 *   H    = sum of U[n] - sum of h[d]    what a new promise or an unclaimed page may use
 *
 * The ledger has no host-wide figure: U[n] is computed from node n's own figures, and each node has a part of H
 * (ledger_host.c). So takes and releases on two nodes write no word in common. A refusal is exact: it is decided with all
 * nodes locked, when nothing moves. Only the list of accounts with claims is host-wide: installs and releases of sets
 * change it.
 *
 * Locks: mm/ledger.h. The allocator holds a node's lock from the reservation until it has the extents; what it
 * does not find is refunded before another CPU can see that it was reserved.
 *
 * No sum here can wrap: all are bounded by the pages of the host, and installs check before they add.
 */
#include <arch/x86/cpu/percpu.h>
#include <lib/assert.h>
#include <mm/ledger_set.h>

spinlock_t claimants_lock = SPINLOCK_INIT(LOCK_CLAIMANTS);
struct mem_account *claimants;
static u64 host_scrub; /* [atomic] of the sum of h[d], by claims with CLAIM_SCRUB */

void ledger_init(void)
{
    spin_lock_init(&claimants_lock, LOCK_CLAIMANTS);
    claimants = NULL;
    host_scrub = 0;
    refusals_init();
}

spinlock_t *ledger_claimants_lock(void)
{
    return &claimants_lock;
}

struct mem_account *ledger_claimants(void)
{
    return claimants;
}

u64 ledger_host_scrub(void)
{
    return __atomic_load_n(&host_scrub, __ATOMIC_RELAXED);
}

/* --- taking ------------------------------------------------------------------------------------------------- */

void host_claim_change(struct mem_account *account, s64 pages)
{
    if (!pages)
        return;
    ASSERT(pages > 0 || account->host_claim >= (u64)-pages);
    account->host_claim += (u64)pages;
    if (account->claim_flags & CLAIM_SCRUB)
        __atomic_fetch_add(&host_scrub, (u64)pages, __ATOMIC_RELAXED);
}

/*
 * Step 3 of section 4: the rest comes from the account's claims on other nodes, ascending.
 * claims.md CL-4.4.
 */
static u64 plan_other_nodes(const struct mem_account *account, u64 uncovered, struct claim_receipt *receipt)
{
    u64 covered = 0;
    for_each_node (nid, account->claim_nodes & ~BIT(receipt->nid)) {
        u64 part = MIN(account->node_claim[nid], uncovered - covered);
        if (part == 0)
            continue;
        receipt->other[receipt->nr_other].nid = nid;
        receipt->other[receipt->nr_other].pages = part;
        receipt->nr_other++;
        covered += part;
    }
    return covered;
}

/*
 * The claim on the node is not enough: the rest is redeemed from the account's other claims, as far as they go. REFUSED:
 * the set is strict.
 * claims.md CL-3.44, CL-3.44b, CL-4.3, CL-4.5, CL-4.10.
 */
static enum verdict plan_others(const struct mem_account *account, struct claim_receipt *receipt, u64 locked,
                                u64 *needs, u64 *redeemed)
{
    u64 pages = receipt->pages;

    receipt->from_host = MIN(pages - *redeemed, account->host_claim);
    *redeemed += receipt->from_host;
    if (*redeemed == pages || *redeemed == account->outstanding)
        return GRANTED;
    if (account->claim_flags & CLAIM_STRICT)
        return REFUSED;
    *needs = account->claim_nodes | BIT(receipt->nid);
    if (*needs & ~locked)
        return UNDECIDED;
    *redeemed += plan_other_nodes(account, pages - *redeemed, receipt);
    return GRANTED;
}

/* claims.md CL-4.1. */
static void redeem(struct mem_account *account, struct claim_receipt *receipt, u64 redeemed)
{
    if (receipt->from_node)
        receipt->node_lost = claim_node_sub(account, receipt->nid, receipt->from_node, receipt->order);
    host_claim_change(account, -(s64)receipt->from_host);
    account->outstanding -= redeemed;
    for (u32 i = 0; i < receipt->nr_other; i++) {
        nodeid_t other = receipt->other[i].nid;
        receipt->other[i].lost = claim_node_sub(account, other, receipt->other[i].pages, receipt->order);
        host_move(receipt->nid, other, receipt->other[i].pages);
    }
}

/* First decide, then change. claims.md CL-1.1, CL-1.2, CL-1.4, CL-1.4b, CL-1.6, CL-3.5, CL-4.2, CL-4.6 to CL-4.8, CL-4.11. */
enum verdict ledger_reserve(struct mem_account *account, nodeid_t nid, u64 pages, u32 order, u64 locked,
                            struct claim_receipt *receipt, u64 *needs)
{
    struct node *node = node_get(nid);
    u64 outstanding = account ? account->outstanding : 0;
    u64 from_node = outstanding ? MIN(pages, account->node_claim[nid]) : 0, redeemed = from_node;
    enum verdict verdict = GRANTED;

    receipt->claim_gen = account ? account->claim_gen : 0;
    receipt->nid = nid;
    receipt->order = order;
    receipt->pages = pages;
    receipt->from_node = from_node;
    receipt->from_host = receipt->node_lost = 0;
    receipt->nr_other = 0;

    if (unlikely(from_node != pages && from_node != outstanding))
        verdict = plan_others(account, receipt, locked, needs, &redeemed);
    if (unlikely(verdict != GRANTED))
        return verdict;
    if (pages - from_node > node_unclaimed(node))
        return REFUSED;
    if (pages != redeemed)
        verdict = host_take(locked, nid, pages - redeemed, needs);
    if (redeemed && verdict == GRANTED)
        redeem(account, receipt, redeemed);
    return verdict;
}

/* --- giving back -------------------------------------------------------------------------------------------- */

u64 ledger_refund_nodes(const struct mem_account *account, const struct claim_receipt *receipt)
{
    u64 nodes = BIT(receipt->nid);

    for (u32 i = 0; account && i < receipt->nr_other; i++)
        nodes |= BIT(receipt->other[i].nid);
    return nodes;
}

/* How many of part redeemed pages are beyond the first *kept; *kept drops by the others. */
static u64 beyond_kept(u64 part, u64 *kept)
{
    u64 stays = MIN(part, *kept);
    *kept -= stays;
    return part - stays;
}

/*
 * Gives the last `back` of *pages redeemed back to the account's claim on nid; *pages and *lost drop.
 * claims.md CL-3.56, CL-4.18.
 */
static void node_claim_refund(struct mem_account *account, nodeid_t nid, u64 *pages, u64 back, u32 order,
                              u64 *lost)
{
    if (!back)
        return;
    u64 lost_back = claim_lost_back(account, nid, *pages, back, order, *lost);
    claim_node_add(account, nid, back, lost_back);
    *pages -= back;
    *lost -= lost_back;
}

/* claims.md CL-4.13, CL-4.14, CL-4.16, CL-4.17. */
void ledger_refund(struct mem_account *account, struct claim_receipt *receipt, u64 pages)
{
    ASSERT(pages <= receipt->pages);
    u64 kept = receipt->pages - pages;

    receipt->pages = kept;
    if (!account || account->claim_gen != receipt->claim_gen) {
        ledger_credit(node_get(receipt->nid), pages);
        return;
    }
    /* In the order of redemption: what stays redeemed is what the kept pages alone would have redeemed. */
    u64 to_node = beyond_kept(receipt->from_node, &kept), to_host = beyond_kept(receipt->from_host, &kept);
    u64 redeemed = to_node + to_host;

    node_claim_refund(account, receipt->nid, &receipt->from_node, to_node, receipt->order,
                      &receipt->node_lost);
    receipt->from_host -= to_host;
    for (u32 i = 0; i < receipt->nr_other; i++) {
        nodeid_t nid = receipt->other[i].nid;
        u64 back = beyond_kept(receipt->other[i].pages, &kept);
        u64 there = MIN(back, node_unclaimed(node_get(nid)));

        host_move(nid, receipt->nid, there);
        node_claim_refund(account, nid, &receipt->other[i].pages, there, receipt->order,
                          &receipt->other[i].lost);
        receipt->other[i].pages -= back - there;
        to_host += back - there;
        redeemed += back;
    }
    host_claim_change(account, (s64)to_host);
    account->outstanding += redeemed;
    ledger_credit(node_get(receipt->nid), pages - redeemed);
}

/* --- sets: ledger_set.h ------------------------------------------------------------------------------------- */

void ledger_release(struct mem_account *account, u64 locked)
{
    ledger_release_here(account, locked);
}

bool ledger_install(struct mem_account *account, const struct claim_set *set, u64 locked)
{
    return ledger_install_here(account, set, locked);
}
