/*
 * c[d][n], and claims by order. Such a claim keeps whole, aligned extents of 2 MiB or 1 GiB on a node: smaller
 * allocations of other domains do not break them. Its pages are counted like those of any claim. Its units are the
 * extents it stands for: its pages divided by the extent's size, minus the lost ones (node_short), which were taken
 * back because memory went offline, or were used by others between an allocation and its refund. The node keeps
 * whole as many extents as the sum of all units.
 *
 * Single pages first use up pages that make no unit, then break a unit. Extents of the claim's order and larger ones
 * use up units.
 *
 * Locks: mm/ledger.h; that of the node in any case.
 */
#include <lib/assert.h>
#include <mm/ledger.h>

/* claims.md CL-3.51. */
u64 claim_units(const struct mem_account *account, nodeid_t nid)
{
    u32 order = account->claim_order[nid];
    return order ? (account->node_claim[nid] >> order) - account->node_short[nid] : 0;
}

/* claims.md CL-3.53 to CL-3.55, CL-3.59. */
u64 claim_units_sub(struct mem_account *account, nodeid_t nid, u64 pages, u32 order)
{
    u32 unit = account->claim_order[nid];
    u64 before = account->node_claim[nid], left = before - pages, made_up = 0;

    u64 units = claim_units(account, nid), lost = account->node_short[nid];
    if (order < unit)
        made_up = MIN(lost, (before >> unit) - (left >> unit));
    else if (lost > left >> unit)
        made_up = lost - (left >> unit);
    account->node_short[nid] = lost - made_up;
    claim_node_change(account, nid, -(s64)pages);
    node_keep_whole(nid, unit, (s64)(claim_units(account, nid) - units));
    return made_up;
}

/* How many of the wanted units the node can keep whole now. A binary search: a claim of small units that a large
 * extent redeemed may want many. */
static u64 units_there(nodeid_t nid, u32 unit, u64 wanted)
{
    u64 fits = 0, beyond = wanted + 1;

    if (node_has_whole(nid, unit, wanted))
        return wanted;
    while (beyond - fits > 1) {
        u64 middle = fits + (beyond - fits) / 2;
        if (node_has_whole(nid, unit, middle))
            fits = middle;
        else
            beyond = middle;
    }
    return fits;
}

/* claims.md CL-3.56, CL-3.57. */
void claim_units_add(struct mem_account *account, nodeid_t nid, u64 pages, u64 lost)
{
    u32 unit = account->claim_order[nid];
    u64 units = claim_units(account, nid);

    claim_node_change(account, nid, (s64)pages);
    account->node_short[nid] = MIN(account->node_short[nid] + lost, account->node_claim[nid] >> unit);
    u64 now = claim_units(account, nid);
    if (now > units) {
        u64 there = units_there(nid, unit, now - units);
        account->node_short[nid] += now - units - there;
        now = units + there;
    }
    node_keep_whole(nid, unit, (s64)(now - units));
}

/* claims.md CL-3.58. */
u64 claim_lost_back(const struct mem_account *account, nodeid_t nid, u64 pages, u64 back, u32 order, u64 lost)
{
    u32 unit = account->claim_order[nid];
    u64 now = account->node_claim[nid], kept_left = now + back;

    if (!lost || back == pages)
        return lost;
    /* What a reservation of only the kept pages would have made up for, as in claim_units_sub(). */
    u64 kept = order < unit ? ((now + pages) >> unit) - (kept_left >> unit) : 0;
    if (order >= unit && lost + (now >> unit) > kept_left >> unit)
        kept = lost + (now >> unit) - (kept_left >> unit);
    return lost - MIN(lost, kept);
}

/* claims.md CL-3.35, CL-3.47. */
bool claim_units_fit(const struct mem_account *account, const struct claim_entry *entry)
{
    s64 own = (s64)claim_units(account, entry->node);
    u32 order = account->claim_order[entry->node];

    /* No other CPU can use the gap: the node is locked. */
    node_keep_whole(entry->node, order, -own);
    bool fit = node_has_whole(entry->node, entry->pad, entry->pages >> entry->pad);
    node_keep_whole(entry->node, order, own);
    return fit;
}

/* claims.md CL-6.14. */
void claim_lose_unit(struct mem_account *account, nodeid_t nid)
{
    ASSERT(claim_units(account, nid));
    account->node_short[nid]++;
    node_keep_whole(nid, account->claim_order[nid], -1);
}
