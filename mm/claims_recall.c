/*
 * Promised memory leaves its node: claims are taken back, one page or one whole extent at a time, from the domains
 * that have claims there, in proportion to the claims (claims.md section 6).
 *
 * A domain's share of a loss is (its claim / all claims) * the loss. The next page is taken from a domain that has
 * lost less than its share, this page included; of several, from the one with the least (lost + 1) / claim. So the
 * loss of each domain differs from its share by less than one page, and the result does not depend on whether pages
 * are lost together or one by one. tests/model/offline.pml checks this for small cases.
 *
 * Locks: those of all nodes. Nobody's claim changes then, and nobody reads one, so no account is locked.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/ledger.h>

#define HOST      NODE_NONE
#define LOG_LINES 16u

static struct { /* not reported on the console yet; written with all nodes locked, read with any */
    struct {
        u16 domid;
        nodeid_t nid; /* HOST: of its host-wide claim */
        u64 pages, units;
    } line[LOG_LINES];
    u32 nr;
    u64 others; /* pages and units beyond that */
} unsaid;

/* What is lost: claims of one node, host-wide claims, or units of one order on a node. */
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

/*
 * *sum: what all domains had, also those that have nothing left. *lost: what has been lost, the next one included.
 * claims.md CL-6.8.
 */
static void sums(struct loss loss, u64 *sum, u64 *lost)
{
    *sum = 0;
    *lost = 1;
    for (const struct mem_account *a = ledger_claimants(); a; a = a->next_claimant)
        if (!loss.order || a->claim_order[loss.nid] == loss.order) {
            *sum += has(a, loss) + has_lost(a, loss);
            *lost += has_lost(a, loss);
        }
}

/*
 * a / b - c / d: less than, equal to or greater than 0. b, d > 0. By Euclid, because the products of two page counts may
 * have more than 64 bits: after equal integer parts the remainders decide, and of 1 / x and 1 / y the one with the larger
 * x is less.
 */
static s32 compare_ratios(u64 a, u64 b, u64 c, u64 d)
{
    for (s32 sign = 1;; sign = -sign) {
        u64 left = a % b, right = c % d;

        if (a / b != c / d)
            return a / b < c / d ? -sign : sign;
        if (!left || !right)
            return left ? sign : right ? -sign : 0;
        a = b;
        b = left;
        c = d;
        d = right;
    }
}

/*
 * Does a lose before b? Least (lost + 1) / claim; of equals the larger claim, then the lower id.
 * claims.md CL-6.10.
 */
static bool due_before(const struct mem_account *a, const struct mem_account *b, struct loss loss)
{
    s32 order = compare_ratios(has_lost(a, loss) + 1, has(a, loss) + has_lost(a, loss), has_lost(b, loss) + 1,
                               has(b, loss) + has_lost(b, loss));

    if (order)
        return order < 0;
    return has(a, loss) != has(b, loss) ? has(a, loss) > has(b, loss) : a->domid < b->domid;
}

/*
 * Of those that have lost less than their share. One has as long as anybody has something left: what all have lost is
 * less than the loss with the next one. NULL: nobody has. claims.md CL-6.7, CL-6.9, CL-6.11, CL-6.12.
 */
static struct mem_account *next_to_lose(struct loss loss)
{
    struct mem_account *best = NULL;
    u64 sum, lost;

    sums(loss, &sum, &lost);
    for (struct mem_account *a = ledger_claimants(); a; a = a->next_claimant)
        if (has(a, loss) &&
            compare_ratios(has_lost(a, loss), has(a, loss) + has_lost(a, loss), lost, sum) < 0 &&
            (!best || due_before(a, best, loss)))
            best = a;
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

/* claims.md CL-6.6, CL-6.16. */
static void recall_page(nodeid_t nid)
{
    struct loss loss = {.nid = nid};
    struct mem_account *account = next_to_lose(loss);

    BUG_ON(!account); /* without a claim there would be credits */
    if (nid == HOST) {
        host_claim_change(account, -1);
        account->host_broken++;
    } else {
        claim_node_sub(account, nid, 1, 0);
        account->node_broken[nid]++;
    }
    account->outstanding--;
    account->broken_pages++;
    remember(account, loss);
}

/*
 * Keeps one extent of this order less whole on the node. False: no domain has such a claim.
 * claims.md CL-6.13.
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

/* A frame that left can have broken an extent of either order. Is it enough to give up one of 2 MiB? */
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

/* claims.md CL-6.5, CL-6.6, CL-6.15. */
void ledger_withdraw(nodeid_t nid, u64 pages)
{
    struct node *node = node_get(nid);

    /* Each page takes one from H. What is recalled on the node adds one to H, and so does what is recalled host-wide. */
    while (pages--) {
        if (node->claimed > node->free_pages + pages) {
            recall_page(nid);
            continue;
        }
        if (!ledger_host_lose(nid))
            recall_page(HOST);
    }
    while (!node_has_whole(nid, 0, 0))
        if (!recall_unit(nid, small_unit_is_enough(nid) ? ORDER_2M : ORDER_1G) && !recall_unit(nid, ORDER_2M))
            BUG_ON(true); /* kept whole without a claim */
}

/* claims.md CL-6.16. */
void mm_report_recalls(void)
{
    nodes_lock(BIT(0));
    __typeof__(unsaid) now = unsaid;
    unsaid.nr = 0;
    unsaid.others = 0;
    nodes_unlock(BIT(0));

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
