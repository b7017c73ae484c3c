/*
 * A domain's account: its life and its totals. What it owns is in extent.c, its claims are in ledger.c.
 */
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/internal.h>

void mem_account_init(struct mem_account *account, u16 domid)
{
    memset(account, 0, sizeof(*account));
    spin_lock_init(&account->lock, LOCK_ACCOUNT);
    account->domid = domid;
    account->extents = PAGE_LINK_NONE;
}

void account_uncharge(struct mem_account *account, u64 n, u32 order)
{
    nodeid_t nid = mm_mfn_node(mfn(n));
    ASSERT(account->tot_pages >= BIT(order) && account->own[nid] >= BIT(order));
    account->tot_pages -= BIT(order);
    account->own[nid] -= BIT(order);
}

void mm_account_kill(struct mem_account *account)
{
    spin_lock(&account->lock);
    ledger_lock();
    account->dying = true;
    ledger_release_locked(account);
    ledger_unlock();
    spin_unlock(&account->lock);
}
