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

void accounts_make(u32 nr_nodes, u64 nr_frames, u64 real_end)
{
    locks_reset();
    memory_make(0, real_end);
    accounts_forget();
    use_cpu(0);
    here->nid = 0;
    cpus[0] = here;
    nr_cpus = 1;
    mm_make(nr_nodes, nr_frames);
}

void accounts_unmake(void)
{
    if (locks_held())
        assert_failed("no lock is held after a test", __FILE__, __LINE__);
    locks_reset();
    on_clear = NULL;
    BUG_ON(mm_check());
    for (u32 domid = 0; domid < ACCOUNTS; domid++) {
        struct mem_account *account = &accounts[domid];

        if (!account_known[domid])
            continue;
        mm_account_kill(account);
        while (mm_release_some(account, 1000))
            ;
        if (account->tot_pages || account->outstanding)
            assert_failed("a killed domain's pages and claims all come back", __FILE__, __LINE__);
    }
    BUG_ON(mm_check());
    mm_unmake();
    memory_free();
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
