/*
 * The credit ledger: how many free pages are promised to which domain. Units are pages. A credit is the right to take
 * one page of a node. A page is free before its credit exists, and an allocation takes the credit before the page, so
 * promises never exceed memory.
 *
 *   spare[n]    U[n] = free[n] - sum of c[d][n]          pages of node n without a claim on that node
 *   claimed[n]  sum of c[d][n]
 *   host_claims sum of h[d]
 *   host_spare  H = sum of U[n] - host_claims            what a new promise or an unclaimed page may use
 *
 * One lock (LOCK_LEDGER), held for at most O(nodes). The allocator holds it while it takes an extent from
 * a node (LOCK_NODE is higher). If the extent is not there, the reservation is undone before another CPU can see
 * it. Otherwise another domain could take pages that step 3 of redemption released on a third node.
 *
 * No sum here can wrap: all are bounded by the pages of the host, and installs check before they add.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/list.h>
#include <lib/string.h>
#include <mm/ledger.h>
#include <mm/node.h>

struct ledger ledger;

void ledger_init(void)
{
    memset(&ledger, 0, sizeof(ledger));
    spin_lock_init(&ledger.lock, LOCK_LEDGER);
    refusals_init();
}

void ledger_lock(void)
{
    spin_lock(&ledger.lock);
}

spinlock_t *ledger_get_lock(void)
{
    return &ledger.lock;
}

u64 ledger_claimed_hint(nodeid_t nid)
{
    return __atomic_load_n(&ledger.claimed[nid], __ATOMIC_RELAXED);
}

void ledger_unlock(void)
{
    spin_unlock(&ledger.lock);
}

/* claims.md CL-4.19, CL-7.3. */
void ledger_credit(nodeid_t nid, u64 pages)
{
    ledger_lock();
    u64 paid = MIN(pages, ledger.debt[nid]);
    ledger.debt[nid] -= paid;
    ledger.spare[nid] += pages - paid;
    ledger.host_spare += pages - paid;
    ledger_unlock();
}

void claimants_update(struct mem_account *account)
{
    LIST_SET(account->outstanding, &ledger.claimants, account, next_claimant, claimant_link);
}

static void host_claim_change(struct mem_account *account, s64 pages)
{
    account->host_claim += pages;
    ledger.host_claims += pages;
    if (account->claim_flags & CLAIM_SCRUB)
        __atomic_store_n(&ledger.host_scrub, ledger.host_scrub + pages, __ATOMIC_RELAXED);
}

void host_claim_sub(struct mem_account *account, u64 pages)
{
    ASSERT(account->host_claim >= pages);
    host_claim_change(account, -(s64)pages);
}

/*
 * Step 3 of section 4: the rest comes from the account's claims on other nodes, ascending.
 * claims.md CL-4.4.
 */
static u64 plan_other_nodes(const struct mem_account *account, u64 uncovered, struct claim_receipt *receipt)
{
    u64 covered = 0;
    for (nodeid_t nid = 0; nid < mm_nr_nodes() && covered < uncovered; nid++) {
        u64 part = MIN(account->node_claim[nid], uncovered - covered);
        if (nid == receipt->nid || part == 0)
            continue;
        receipt->other[receipt->nr_other].nid = nid;
        receipt->other[receipt->nr_other].pages = part;
        receipt->nr_other++;
        covered += part;
    }
    return covered;
}

/*
 * Plans how many of the receipt's pages the account's claims pay for. False: not allowed, the set is strict.
 * claims.md CL-3.44, CL-3.44b, CL-4.2, CL-4.3, CL-4.5, CL-4.10.
 */
static bool plan_redemption(const struct mem_account *account, struct claim_receipt *receipt, u64 *redeemed)
{
    u64 pages = receipt->pages;

    receipt->from_node = MIN(pages, account->node_claim[receipt->nid]);
    receipt->from_host = MIN(pages - receipt->from_node, account->host_claim);
    *redeemed = receipt->from_node + receipt->from_host;
    if (*redeemed == pages || *redeemed == account->outstanding)
        return true;
    if (account->claim_flags & CLAIM_STRICT)
        return false;
    *redeemed += plan_other_nodes(account, pages - *redeemed, receipt);
    return true;
}

/* claims.md CL-1.1, CL-1.2, CL-1.4, CL-1.4b, CL-1.6, CL-3.5, CL-4.1, CL-4.6 to CL-4.8, CL-4.11. */
int ledger_reserve_locked(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                          struct claim_receipt *receipt)
{
    u64 redeemed = 0;

    receipt->claim_gen = account ? account->claim_gen : 0;
    receipt->nid = nid;
    receipt->order = order;
    receipt->pages = pages;
    receipt->from_node = receipt->from_host = receipt->node_lost = 0;
    receipt->nr_other = 0;
    if (account && account->outstanding && !plan_redemption(account, receipt, &redeemed))
        return -ENOMEM;

    /* First decide, then change. */
    if (pages - receipt->from_node > ledger.spare[nid] || pages - redeemed > ledger.host_spare)
        return -ENOMEM;
    ledger.spare[nid] -= pages - receipt->from_node;
    ledger.host_spare -= pages - redeemed;
    if (redeemed) {
        receipt->node_lost = claim_node_sub(account, nid, receipt->from_node, order);
        host_claim_sub(account, receipt->from_host);
        account->outstanding -= redeemed;
        for (u32 i = 0; i < receipt->nr_other; i++) {
            nodeid_t other = receipt->other[i].nid;
            receipt->other[i].lost = claim_node_sub(account, other, receipt->other[i].pages, order);
            ledger.spare[other] += receipt->other[i].pages;
        }
        claimants_update(account);
    }
    return 0;
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
void ledger_refund_locked(struct mem_account *account, struct claim_receipt *receipt, u64 pages)
{
    ASSERT(pages <= receipt->pages);
    u64 kept = receipt->pages - pages;

    receipt->pages = kept;
    if (!account || account->claim_gen != receipt->claim_gen) {
        ledger.spare[receipt->nid] += pages;
        ledger.host_spare += pages;
        return;
    }
    /* In the order of redemption: what stays redeemed is what the kept pages alone would have redeemed. */
    u64 to_node = beyond_kept(receipt->from_node, &kept), to_host = beyond_kept(receipt->from_host, &kept);
    u64 redeemed = to_node + to_host;

    ledger.spare[receipt->nid] += pages - to_node;
    node_claim_refund(account, receipt->nid, &receipt->from_node, to_node, receipt->order,
                      &receipt->node_lost);
    receipt->from_host -= to_host;
    for (u32 i = 0; i < receipt->nr_other; i++) {
        nodeid_t nid = receipt->other[i].nid;
        u64 back = beyond_kept(receipt->other[i].pages, &kept);
        u64 there = MIN(back, ledger.spare[nid]);
        ledger.spare[nid] -= there;
        node_claim_refund(account, nid, &receipt->other[i].pages, there, receipt->order,
                          &receipt->other[i].lost);
        receipt->other[i].pages -= back - there;
        to_host += back - there;
        redeemed += back;
    }
    host_claim_change(account, (s64)to_host);
    account->outstanding += redeemed;
    ledger.host_spare += pages - redeemed;
    claimants_update(account);
}

/* claims.md CL-1.1, CL-1.2, CL-2.13, CL-3.20, CL-3.35. */
static bool set_fits(const struct mem_account *account, const struct claim_set *set)
{
    u64 room = ledger.host_spare + account->outstanding;

    if (set->host > room)
        return false;
    room -= set->host;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        if (set->node[nid] > ledger.spare[nid] + account->node_claim[nid] || set->node[nid] > room)
            return false;
        room -= set->node[nid];
    }
    return claim_units_fit(account, set);
}

/* claims.md CL-1.7b, CL-2.9, CL-3.15, CL-3.41. */
void ledger_release_locked(struct mem_account *account)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        u64 pages = account->node_claim[nid];
        if (pages) {
            claim_node_sub(account, nid, pages, 0);
            ledger.spare[nid] += pages;
        }
        account->claim_order[nid] = 0;
        ledger.broken[nid] -= account->node_broken[nid];
        account->node_broken[nid] = 0;
    }
    host_claim_sub(account, account->host_claim);
    ledger.host_spare += account->outstanding;
    account->outstanding = 0;
    ledger.host_broken -= account->host_broken;
    account->host_broken = 0;
    account->claim_flags = 0;
    account->claim_gen++;
    claimants_update(account);
}

/* claims.md CL-3.8, CL-3.19, CL-3.43. */
int ledger_install_locked(struct mem_account *account, const struct claim_set *set)
{
    if (!set_fits(account, set))
        return -ENOMEM;
    ledger_release_locked(account);
    account->claim_flags = set->flags;
    u64 outstanding = set->host;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        if (!set->node[nid])
            continue;
        account->claim_order[nid] = set->order[nid];
        claim_node_add(account, nid, set->node[nid], 0);
        ledger.spare[nid] -= set->node[nid];
        outstanding += set->node[nid];
    }
    host_claim_change(account, (s64)set->host);
    account->outstanding = outstanding;
    ledger.host_spare -= outstanding;
    claimants_update(account);
    return 0;
}

struct ledger_view ledger_node_view(nodeid_t nid)
{
    ledger_lock();
    struct ledger_view view = {.spare = ledger.spare[nid], .claimed = ledger.claimed[nid]};
    ledger_unlock();
    return view;
}

/* claims.md CL-7.2. */
struct ledger_view ledger_host_view(u64 *free_pages, u64 *outstanding)
{
    ledger_lock();
    struct ledger_view view = {.spare = ledger.host_spare, .claimed = ledger.host_claims};
    *free_pages = 0;
    *outstanding = ledger.host_claims;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        *free_pages += ledger.spare[nid] + ledger.claimed[nid];
        *outstanding += ledger.claimed[nid];
    }
    ledger_unlock();
    return view;
}
