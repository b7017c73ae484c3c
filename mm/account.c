/*
 * A domain's account: it begins, its totals, and the end of all its memory, in steps. Whole chunks and regions
 * without pins are freed in one step each; frames that are pinned outlive it (pin.c).
 */
#include <arch/x86/cpu/percpu.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/ledger.h>
#include <mm/region.h>

static enum claim_legacy legacy_default; /* [I] */

/* claims.md CL-2.16, CL-2.18. */
void claim_set_legacy_default(enum claim_legacy mode)
{
    legacy_default = mode;
}

/* claims.md CL-2.15. */
void mem_account_init(struct mem_account *account, u16 domid)
{
    memset(account, 0, sizeof(*account));
    spin_lock_init(&account->lock, LOCK_ACCOUNT);
    account->domid = domid;
    account->legacy_claims = (u8)legacy_default;
    account->near_range = frame_range_get(0);
}

/* claims.md CL-1.7, CL-1.7b. */
void mm_account_kill(struct mem_account *account)
{
    spin_lock(&account->lock);
    u64 locked = ledger_lock_nodes(account, 0);
    __atomic_store_n(&account->dying, true, __ATOMIC_RELAXED); /* clear() reads it without the lock */
    ledger_release(account, locked);
    nodes_unlock(locked);
    spin_unlock(&account->lock);
}

/* A chunk, or a region of it, of those that are the holder's alone. Node lock held. */
static bool free_exclusive(struct node *node, struct holdings *held, u16 domid, struct freed *freed)
{
    if (held->chunks) {
        struct chunk *c = held->chunks;

        if (!c->nr_pinned && !c->nr_leaving)
            chunk_free(node, c), freed_all(freed, BIT(ORDER_1G));
        else if (chunk_split_step(c))
            chunk_split(c);
        return true;
    }
    struct region *r = held->full ? held->full : held->open;
    if (r)
        region_free_all(node, r, held, domid, freed);
    return r != NULL;
}

/* The domain's frames in one shared region, which then goes to the end of its list, so that each is looked at
 * once. Node lock held. */
static void free_shared(struct node *node, struct holdings *held, u16 domid, struct freed *freed)
{
    for (u32 open = 0; open < 2; open++) {
        u32 before = held->shared;

        for (struct region *r = node->shared[open], *next; r && held->shared == before; r = next) {
            next = r->next;
            region_free_all(node, r, held, domid, freed);
        }
        if (held->shared != before)
            return;
    }
    BUG_ON(true); /* it has frames in shared regions, and no region has them */
}

/* One step on one node. False: the domain has nothing there that could go. Account lock held. */
static bool release_step(struct mem_account *account, nodeid_t nid)
{
    struct node *node = node_get(nid);
    struct holdings *held = &account->held[nid];
    struct freed freed = {0};

    spin_lock(&node->lock);
    bool any = free_exclusive(node, held, account->domid, &freed);
    if (!any && held->shared) {
        free_shared(node, held, account->domid, &freed);
        any = true;
    }
    ledger_credit(node, freed.free);
    spin_unlock(&node->lock);
    account_uncharge(account, nid, freed.gone);
    return any;
}

static bool release_one(struct mem_account *account)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (account->own[nid] && release_step(account, nid))
            return true;
    return false;
}

/* Does a CPU clear memory of the dying account? None begins to any more: a take looks for dying under the lock. */
static bool is_being_cleared(const struct mem_account *account)
{
    for (u32 id = 0; id < nr_cpus; id++)
        if (cpus[id] && __atomic_load_n(&cpus[id]->clearing, __ATOMIC_ACQUIRE) == account)
            return true;
    return false;
}

bool mm_release_some(struct mem_account *account, u32 budget)
{
    spin_lock(&account->lock);
    bool dying = account->dying, more = dying;
    spin_unlock(&account->lock);
    if (!dying)
        return false;
    if (is_being_cleared(account))
        return true;
    /* The lock is dropped between steps: others must not wait for a whole domain. */
    while (more && budget--) {
        spin_lock(&account->lock);
        more = release_one(account);
        spin_unlock(&account->lock);
    }
    return more;
}
