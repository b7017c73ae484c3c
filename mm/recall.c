/*
 * Memory that leaves its node although it is promised: claims are taken back, page by page and whole extent
 * by whole extent, from the domains that claim there in proportion to what they claim (claims.md section 6).
 *
 * The next one is always taken from the domain that is furthest behind its share: share times what is lost so
 * far, this one included, less what it has lost itself. Of equals the larger claim, then the lower domain
 * id. So no domain is ever a whole page away from its share, and the outcome does not depend on how the pages
 * came to be lost, at once or one by one.
 *
 * Lock: the ledger's; node locks inside.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/internal.h>
#include <mm/ledger.h>

#define HOST      NODE_NONE
#define LOG_LINES 16u

static struct { /* what the console has not been told yet; [L] */
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

/* NULL: nobody has anything to lose. */
static struct mem_account *furthest_behind(struct loss loss)
{
    struct mem_account *best = NULL;
    u64 sum = 0, lost = 1;
    __int128 best_lag = 0;

    for (const struct mem_account *a = ledger.claimants; a; a = a->next_claimant)
        if (has(a, loss)) {
            sum += has(a, loss) + has_lost(a, loss);
            lost += has_lost(a, loss);
        }
    for (struct mem_account *a = ledger.claimants; a; a = a->next_claimant) {
        u64 now = has(a, loss), gone = has_lost(a, loss);
        if (!now)
            continue;
        __int128 lag = (__int128)(now + gone) * lost - (__int128)gone * sum;
        u64 best_now = best ? has(best, loss) : 0;
        bool wins = lag > best_lag || (lag == best_lag && now > best_now) ||
                    (lag == best_lag && now == best_now && best && a->domid < best->domid);
        if (!best || wins) {
            best = a;
            best_lag = lag;
        }
    }
    return best;
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
    struct mem_account *account = furthest_behind(loss);

    BUG_ON(!account); /* promised to nobody: there would be credits */
    if (nid == HOST) {
        host_claim_sub(account, 1);
        account->host_broken++;
    } else {
        claim_node_sub(account, nid, 1, 0);
        account->node_broken[nid]++;
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
    struct mem_account *account = furthest_behind(loss);

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

    if (!furthest_behind(loss))
        return false;
    node_reserve_whole(nid, -1, 0);
    bool enough = node_has_whole(nid, 0, 0);
    node_reserve_whole(nid, 1, 0);
    return enough;
}

void ledger_withdraw_locked(nodeid_t nid, u64 pages)
{
    while (pages--) {
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
