/*
 * The credit ledger: how many free pages are promised to whom. Units are pages. A credit is the right to
 * take one page of a node; credits exist only for pages that are on the free lists (pages go there first),
 * and taking begins here, so promises can never exceed memory.
 *
 *   spare[n]    U[n] = free[n] - sum of c[d][n]          pages of node n nobody claimed on that node
 *   claimed[n]  sum of c[d][n]
 *   host_claims sum of h[d]
 *   host_spare  H = sum of U[n] - host_claims            what a new promise or an unclaimed page may use
 *
 * One lock (LOCK_LEDGER), held for at most O(nodes). The allocator holds it while it takes an extent from
 * a node's list (LOCK_NODE is higher), so that a reservation whose extent is not there is undone before
 * anyone can see it: giving the credits up first and taking them back later would let another domain win
 * pages in between which step 3 of redemption had released on a third node.
 *
 * No sum here can wrap: all of them are bounded by the pages of the host, and installs check before they add.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/internal.h>

static struct {
    spinlock_t lock;
    u64 spare[MAX_NODES];   /* [L] */
    u64 claimed[MAX_NODES]; /* [L] */
    u64 host_spare;         /* [L] */
    u64 host_claims;        /* [L] */
} ledger;

void ledger_init(void)
{
    memset(&ledger, 0, sizeof(ledger));
    spin_lock_init(&ledger.lock, LOCK_LEDGER);
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

void ledger_credit(nodeid_t nid, u64 pages)
{
    ledger_lock();
    ledger.spare[nid] += pages;
    ledger.host_spare += pages;
    ledger_unlock();
}

/* Atomic, as the allocator looks at it without the lock when it chooses between clean and dirty memory. */
static void node_claim_set(struct mem_account *account, nodeid_t nid, u64 pages)
{
    __atomic_store_n(&account->node_claim[nid], pages, __ATOMIC_RELAXED);
}

static void node_claim_add(struct mem_account *account, nodeid_t nid, u64 pages)
{
    node_claim_set(account, nid, account->node_claim[nid] + pages);
    ledger.claimed[nid] += pages;
}

static void node_claim_sub(struct mem_account *account, nodeid_t nid, u64 pages)
{
    ASSERT(account->node_claim[nid] >= pages);
    node_claim_set(account, nid, account->node_claim[nid] - pages);
    ledger.claimed[nid] -= pages;
}

/* Step 3 of section 4: what is still uncovered comes from the account's claims on other nodes, ascending. */
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

int ledger_reserve_locked(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                          struct claim_receipt *receipt)
{
    u64 redeemed = 0;

    (void)order;

    receipt->claim_gen = account ? account->claim_gen : 0;
    receipt->nid = nid;
    receipt->pages = pages;
    receipt->from_node = receipt->from_host = 0;
    receipt->nr_other = 0;
    if (account && account->outstanding) {
        receipt->from_node = MIN(pages, account->node_claim[nid]);
        receipt->from_host = MIN(pages - receipt->from_node, account->host_claim);
        redeemed = receipt->from_node + receipt->from_host;
        if (redeemed < pages && redeemed < account->outstanding)
            redeemed += plan_other_nodes(account, pages - redeemed, receipt);
    }

    /* Everything is known; now decide, then change. */
    if (pages - receipt->from_node > ledger.spare[nid] || pages - redeemed > ledger.host_spare)
        return -ENOMEM;
    ledger.spare[nid] -= pages - receipt->from_node;
    ledger.host_spare -= pages - redeemed;
    if (redeemed) {
        node_claim_sub(account, nid, receipt->from_node);
        account->host_claim -= receipt->from_host;
        ledger.host_claims -= receipt->from_host;
        account->outstanding -= redeemed;
        for (u32 i = 0; i < receipt->nr_other; i++) {
            node_claim_sub(account, receipt->other[i].nid, receipt->other[i].pages);
            ledger.spare[receipt->other[i].nid] += receipt->other[i].pages;
        }
    }
    return 0;
}

/* Of part pages of a redemption those beyond the first *kept, which are counted down. */
static u64 beyond_kept(u64 part, u64 *kept)
{
    u64 stays = MIN(part, *kept);
    *kept -= stays;
    return part - stays;
}

void ledger_refund_locked(struct mem_account *account, const struct claim_receipt *receipt, u64 pages)
{
    ASSERT(pages <= receipt->pages);
    if (!account || account->claim_gen != receipt->claim_gen) {
        ledger.spare[receipt->nid] += pages;
        ledger.host_spare += pages;
        return;
    }
    /* In the order of redemption, so that what stays redeemed is what the kept pages alone would have. */
    u64 kept = receipt->pages - pages;
    u64 to_node = beyond_kept(receipt->from_node, &kept), to_host = beyond_kept(receipt->from_host, &kept);
    u64 redeemed = to_node + to_host;

    ledger.spare[receipt->nid] += pages - to_node;
    node_claim_add(account, receipt->nid, to_node);
    for (u32 i = 0; i < receipt->nr_other; i++) {
        nodeid_t nid = receipt->other[i].nid;
        u64 back = beyond_kept(receipt->other[i].pages, &kept);
        u64 there = MIN(back, ledger.spare[nid]);
        ledger.spare[nid] -= there;
        node_claim_add(account, nid, there);
        to_host += back - there;
        redeemed += back;
    }
    account->host_claim += to_host;
    ledger.host_claims += to_host;
    account->outstanding += redeemed;
    ledger.host_spare += pages - redeemed;
}

int ledger_reserve(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                   struct claim_receipt *receipt)
{
    ledger_lock();
    int rc = ledger_reserve_locked(account, nid, pages, order, receipt);
    ledger_unlock();
    return rc;
}

void ledger_refund(struct mem_account *account, const struct claim_receipt *receipt, u64 pages)
{
    ledger_lock();
    ledger_refund_locked(account, receipt, pages);
    ledger_unlock();
}

bool ledger_set_fits(const struct mem_account *account, const u64 node_pages[MAX_NODES], u64 host_pages)
{
    u64 room = ledger.host_spare + account->outstanding;

    if (host_pages > room)
        return false;
    room -= host_pages;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        if (node_pages[nid] > ledger.spare[nid] + account->node_claim[nid] || node_pages[nid] > room)
            return false;
        room -= node_pages[nid];
    }
    return true;
}

void ledger_release_locked(struct mem_account *account)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        u64 pages = account->node_claim[nid];
        node_claim_sub(account, nid, pages);
        ledger.spare[nid] += pages;
    }
    ledger.host_claims -= account->host_claim;
    ledger.host_spare += account->outstanding;
    account->host_claim = 0;
    account->outstanding = 0;
    account->claim_gen++;
}

void ledger_install_locked(struct mem_account *account, const u64 node_pages[MAX_NODES], u64 host_pages)
{
    ledger_release_locked(account);
    u64 outstanding = host_pages;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        node_claim_add(account, nid, node_pages[nid]);
        ledger.spare[nid] -= node_pages[nid];
        outstanding += node_pages[nid];
    }
    account->host_claim = host_pages;
    account->outstanding = outstanding;
    ledger.host_claims += host_pages;
    ledger.host_spare -= outstanding;
}

struct ledger_view ledger_node_view(nodeid_t nid)
{
    ledger_lock();
    struct ledger_view view = {.spare = ledger.spare[nid], .claimed = ledger.claimed[nid]};
    ledger_unlock();
    return view;
}

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
