/*
 * Accounts without domains, for tests of mm/ alone. Included by one file of a program: it replaces the domain layer's
 * mem_account_find() and mm_wake_scrubber(), so it must not be in the archive where others would find them.
 */
#ifndef TESTS_MACHINE_ACCOUNTS_H
#define TESTS_MACHINE_ACCOUNTS_H

#include <string.h>
#include <tests/machine/machine.h>

struct mem_account accounts[ACCOUNTS];
static bool account_known[ACCOUNTS]; /* atomic */
u64 scrubbers_woken;

struct mem_account *account_new(u16 domid, u64 max_pages)
{
    BUG_ON(domid >= ACCOUNTS);
    mem_account_init(&accounts[domid], domid);
    accounts[domid].max_pages = max_pages;
    __atomic_store_n(&account_known[domid], true, __ATOMIC_RELEASE);
    return &accounts[domid];
}

void accounts_forget(void)
{
    memset(account_known, 0, sizeof(account_known));
    scrubbers_woken = 0;
}

struct mem_account *mem_account_find(u16 domid)
{
    return domid < ACCOUNTS && __atomic_load_n(&account_known[domid], __ATOMIC_ACQUIRE) ? &accounts[domid]
                                                                                        : NULL;
}

void mm_wake_scrubber(nodeid_t nid)
{
    __atomic_or_fetch(&scrubbers_woken, BIT(nid), __ATOMIC_RELAXED);
}

#endif
