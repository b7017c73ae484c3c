/*
 * A set of claims in the ledger: it is released, and it is installed, in one step under the locks that the caller has.
 * Inline for claims.c, where both are part of a straight line: 35 instructions less for a claim and its release than by
 * calls. ledger.c has them as functions, for what is not usual.
 */
#ifndef MM_LEDGER_SET_H
#define MM_LEDGER_SET_H

#include <lib/list.h>
#include <mm/ledger.h>

/* What ledger_claimants() lists, and the lock for a change of the list. */
extern spinlock_t claimants_lock;
extern struct mem_account *claimants;

/* ledger_release(). claims.md CL-1.7b, CL-2.9, CL-3.15, CL-3.41. */
static USUAL void ledger_release_here(struct mem_account *account, u64 locked)
{
    if (!account->claimant)
        return;
    for_each_node (nid, account->claim_nodes) {
        u64 pages = account->node_claim[nid];

        claim_node_sub(account, nid, pages, 0);
        ledger_credit(node_get(nid), pages);
        account->claim_order[nid] = 0;
        account->node_broken[nid] = 0;
    }
    if (account->host_claim) {
        ledger_credit(node_get(node_first(locked)), account->host_claim);
        host_claim_change(account, -(s64)account->host_claim);
    }
    account->claim_nodes = 0;
    account->outstanding = 0;
    account->host_broken = 0;
    account->claim_flags = 0;
    account->claim_gen++;
    account->claimant = false;
    spin_lock(&claimants_lock);
    LIST_REMOVE(account, next_claimant, claimant_link);
    spin_unlock(&claimants_lock);
}

/* claims.md CL-1.1, CL-1.2, CL-2.13, CL-3.20, CL-3.35. */
static USUAL bool set_fits(const struct mem_account *account, const struct claim_set *set, u64 locked)
{
    if (set->total > ledger_host_spare(locked) + account->outstanding)
        return false;
    for (const struct claim_entry *entry = set->on; entry < set->end; entry++)
        if (node_is_short(account, entry) || (unlikely(entry->pad) && !claim_units_fit(account, entry)))
            return false;
    return true;
}

/* ledger_install(). claims.md CL-3.8, CL-3.19, CL-3.43. */
static USUAL bool ledger_install_here(struct mem_account *account, const struct claim_set *set, u64 locked)
{
    bool own_parts = true;

    if (!set_fits(account, set, locked))
        return false;
    if (unlikely(account->claimant))
        ledger_release(account, locked);
    account->claim_flags = set->flags;
    account->outstanding = set->total;
    account->claim_nodes = set->nodes;
    account->claim_gen++;
    for (const struct claim_entry *entry = set->on; entry < set->end; entry++) {
        nodeid_t nid = entry->node;
        u64 pages = entry->pages;

        account->claim_order[nid] = (u8)entry->pad;
        claim_node_add(account, nid, pages, 0);
        own_parts &= host_take_parts(locked, nid, pages);
    }
    if (set->host) {
        own_parts &= host_take_parts(locked, node_first(locked), set->host);
        host_claim_change(account, (s64)set->host);
    }
    account->claimant = true;
    spin_lock(&claimants_lock);
    LIST_PUSH(&claimants, account, next_claimant, claimant_link);
    spin_unlock(&claimants_lock);
    if (unlikely(!own_parts) && locked == nodes_all())
        host_deal_out(node_first(locked), 0);
    return true;
}

#endif
