/*
 * Memory that leaves its node although it is promised: claims are taken back, page by page and whole extent
 * by whole extent, from the domains that claim there in proportion to what they claim (claims.md section 6).
 *
 * A domain's share of the loss is to the whole loss as its claim was to all claims. Of the domains that have
 * lost less than their share, the next one included, the one loses whose next loss is due first: the one with
 * the least (lost + 1) / claim. So no domain is ever a whole page away from its share, and the outcome does
 * not depend on how the pages came to be lost, at once or one by one. tests/model/offline.pml has the proof
 * for small cases.
 *
 * A frame can leave before its credit has come, while whoever freed it is on its way to the ledger. Then
 * nothing is taken back from anybody: the credit that comes is swallowed (debt).
 *
 * Lock: the ledger's; node locks inside.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/ledger.h>
#include <mm/node.h>

#define HOST      NODE_NONE
#define LOG_LINES 16u

static struct { /* not reported on the console yet; [L] */
    struct {
        u16 domid;
        nodeid_t nid; /* HOST: of its host-wide claim */
        u64 pages, units;
    } line[LOG_LINES];
    u32 nr;
    u64 others; /* pages and units beyond that */
} unsaid;

/* What is shared out: the claims of one node, or of the host, or the units of one order on a node. */
struct loss {
    nodeid_t nid;
    u32 order; /* of units; 0: pages */
};

static u64 has(const struct mem_account *account, struct loss loss)
{
    if (loss.nid == HOST)
        return account->host_claim;
    if (!loss.order)
        return account->node_claim[loss.nid];
    return account->claim_order[loss.nid] == loss.order ? claim_units(account, loss.nid) : 0;
}

static u64 has_lost(const struct mem_account *account, struct loss loss)
{
    if (loss.nid == HOST)
        return account->host_broken;
    return loss.order ? account->node_short[loss.nid] : account->node_broken[loss.nid];
}

/* What all had, those included who have nothing left, and what is lost with the next one. */
static void sums(struct loss loss, u64 *sum, u64 *lost)
{
    if (loss.nid == HOST) {
        *sum = ledger.host_claims + ledger.host_broken;
        *lost = ledger.host_broken + 1;
        return;
    }
    if (!loss.order) {
        *sum = ledger.claimed[loss.nid] + ledger.broken[loss.nid];
        *lost = ledger.broken[loss.nid] + 1;
        return;
    }
    *sum = 0;
    *lost = 1;
    for (const struct mem_account *a = ledger.claimants; a; a = a->next_claimant)
        if (a->claim_order[loss.nid] == loss.order) { /* its pages stay claimed, so it is still here */
            *sum += has(a, loss) + has_lost(a, loss);
            *lost += has_lost(a, loss);
        }
}

/* Is a's next loss due before b's? Of equals the larger claim, then the lower id. */
static bool due_before(const struct mem_account *a, const struct mem_account *b, struct loss loss)
{
    u64 share_a = has(a, loss) + has_lost(a, loss), share_b = has(b, loss) + has_lost(b, loss);
    __int128 at_a = (__int128)(has_lost(a, loss) + 1) * share_b,
             at_b = (__int128)(has_lost(b, loss) + 1) * share_a;

    if (at_a != at_b)
        return at_a < at_b;
    return has(a, loss) != has(b, loss) ? has(a, loss) > has(b, loss) : a->domid < b->domid;
}

/* NULL: nobody has anything to lose. */
static struct mem_account *next_to_lose(struct loss loss)
{
    struct mem_account *best = NULL, *any = NULL;
    u64 sum, lost;

    sums(loss, &sum, &lost);
    for (struct mem_account *a = ledger.claimants; a; a = a->next_claimant) {
        u64 now = has(a, loss), gone = has_lost(a, loss);
        if (!now)
            continue;
        any = any && !due_before(a, any, loss) ? any : a;
        if ((__int128)(now + gone) * lost > (__int128)gone * sum && (!best || due_before(a, best, loss)))
            best = a;
    }
    return best ? best : any;
}

static void remember(const struct mem_account *account, struct loss loss)
{
    u32 i = 0;

    while (i < unsaid.nr && (unsaid.line[i].domid != account->domid || unsaid.line[i].nid != loss.nid))
        i++;
    if (i == LOG_LINES) {
        unsaid.others++;
        return;
    }
    if (i == unsaid.nr) {
        unsaid.nr++;
        unsaid.line[i].domid = account->domid;
        unsaid.line[i].nid = loss.nid;
        unsaid.line[i].pages = unsaid.line[i].units = 0;
    }
    unsaid.line[i].pages += loss.order == 0;
    unsaid.line[i].units += loss.order != 0;
}

static void recall_page(nodeid_t nid)
{
    struct loss loss = {.nid = nid};
    struct mem_account *account = next_to_lose(loss);

    BUG_ON(!account); /* promised to nobody: there would be credits */
    if (nid == HOST) {
        host_claim_sub(account, 1);
        account->host_broken++;
        ledger.host_broken++;
    } else {
        claim_node_sub(account, nid, 1, 0);
        account->node_broken[nid]++;
        ledger.broken[nid]++;
        ledger.spare[nid]++;
    }
    account->outstanding--;
    account->broken_pages++;
    ledger.host_spare++;
    remember(account, loss);
    claimants_update(account);
}

/* One extent of this order on the node is no longer kept whole for somebody. False: there is no such claim.
 */
static bool recall_unit(nodeid_t nid, u32 order)
{
    struct loss loss = {.nid = nid, .order = order};
    struct mem_account *account = next_to_lose(loss);

    if (!account)
        return false;
    claim_lose_unit(account, nid);
    account->broken_units++;
    remember(account, loss);
    return true;
}

/* A frame that left can have broken one extent of either order. Would one 2 MiB extent less be enough? */
static bool small_unit_is_enough(nodeid_t nid)
{
    struct loss loss = {.nid = nid, .order = ORDER_2M};

    if (!next_to_lose(loss))
        return false;
    node_keep_whole(nid, ORDER_2M, -1);
    bool enough = node_has_whole(nid, 0, 0);
    node_keep_whole(nid, ORDER_2M, 1);
    return enough;
}

void ledger_withdraw_locked(nodeid_t nid, u64 pages)
{
    while (pages--) {
        struct node_counts counts;

        node_get_counts(nid, &counts);
        if (ledger.spare[nid] + ledger.claimed[nid] <= counts.free_pages) {
            ledger.debt[nid]++;
            continue;
        }
        if (ledger.spare[nid] == 0)
            recall_page(nid);
        if (ledger.host_spare == 0)
            recall_page(HOST);
        ledger.spare[nid]--;
        ledger.host_spare--;
    }
    while (!node_has_whole(nid, 0, 0))
        if (!recall_unit(nid, small_unit_is_enough(nid) ? ORDER_2M : ORDER_1G) && !recall_unit(nid, ORDER_2M))
            BUG_ON(true); /* kept whole for nobody */
}

void ledger_deposit_locked(nodeid_t nid, u64 pages)
{
    ledger.spare[nid] += pages;
    ledger.host_spare += pages;
}

void mm_report_recalls(void)
{
    ledger_lock();
    __typeof__(unsaid) now = unsaid;
    unsaid.nr = 0;
    unsaid.others = 0;
    ledger_unlock();

    for (u32 i = 0; i < now.nr; i++) {
        log_fact("@recall domain=%u node=%d pages=%llu extents=%llu\n", now.line[i].domid,
                 now.line[i].nid == HOST ? -1 : (int)now.line[i].nid, (unsigned long long)now.line[i].pages,
                 (unsigned long long)now.line[i].units);
    }
    if (now.nr)
        log_warn("claims    taken back: memory they were made of is offline\n");
    if (now.others)
        log_warn("claims    %llu more pages and extents of other domains\n", (unsigned long long)now.others);
}
