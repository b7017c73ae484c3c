/*
 * A domain's account: its life and its totals. What it owns is in owned.c and destroy.c, its claims are in
 * ledger.c.
 */
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/internal.h>

void mem_account_init(struct mem_account *account, u16 domid)
{
    memset(account, 0, sizeof(*account));
    spin_lock_init(&account->lock, LOCK_ACCOUNT);
    account->domid = domid;
}
