/*
 * The end of a domain's memory, in steps, and pins, which may outlive it.
 *
 * A frame that is pinned when its domain gives it up stays the domain's, FRAME_RELEASED, until the last
 * unpin. Whole chunks and regions without pins go in one step each.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/internal.h>

void mm_account_kill(struct mem_account *account)
{
    spin_lock(&account->lock);
    ledger_lock();
    account->dying = true;
    ledger_release_locked(account);
    ledger_unlock();
    spin_unlock(&account->lock);
}

/* A chunk, or a region of it, of those that are the holder's alone. Node lock held. */
static bool free_exclusive(struct node *node, struct holdings *held, u16 domid, struct freed *freed)
{
    if (held->chunks) {
        struct chunk *c = held->chunks;

        if (c->nr_pinned || c->nr_leaving)
            chunk_split(c);
        else
            chunk_free(node, c, freed);
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
    spin_unlock(&node->lock);
    if (freed.gone)
        account_uncharge(account, nid, freed.gone);
    if (freed.free)
        ledger_credit(nid, freed.free);
    return any;
}

static bool release_one(struct mem_account *account)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (account->own[nid] && release_step(account, nid))
            return true;
    return false;
}

bool mm_release_some(struct mem_account *account, u32 budget)
{
    /* The lock is dropped between steps: others must not wait for a whole domain. */
    for (;; budget--) {
        spin_lock(&account->lock);
        bool more = account->dying && (account->in_flight || budget == 0);
        bool done = !more && (!account->dying || !release_one(account));
        spin_unlock(&account->lock);
        if (more || done)
            return more;
    }
}

/* --- pins ----------------------------------------------------------------------------------------------- */

static void count_pinned(struct region *r, s32 change)
{
    r->nr_pinned = (u16)(r->nr_pinned + change);
    r->chunk->nr_pinned = (u32)((s32)r->chunk->nr_pinned + change);
}

int mm_pin(u16 domid, mfn_t m)
{
    const struct frame_range *range = frame_range_find(m.n);
    int rc = 0;
    u16 owner;

    if (!range)
        return -EINVAL;
    struct node *node = node_get(range->nid);
    spin_lock(&node->lock);
    struct region *r = region_of(m.n, range->nid);
    u64 *word = &r->frame[m.n % MAP_BITS];
    if (frame_get(r, m.n, &owner) != FRAME_GUEST || owner != domid)
        rc = -EINVAL;
    else if (frame_pins(*word) == PAGE_PINS_MAX)
        rc = -EOVERFLOW;
    if (!rc) {
        if (!frame_pins(*word))
            count_pinned(r, 1);
        *word += 1ull << FRAME_PINS_SHIFT;
    }
    spin_unlock(&node->lock);
    return rc;
}

bool mm_unpin(mfn_t m)
{
    const struct frame_range *range = frame_range_find(m.n);
    bool is_free = false;
    u16 owner;

    BUG_ON(!range);
    struct node *node = node_get(range->nid);
    spin_lock(&node->lock);
    struct region *r = region_of(m.n, range->nid);
    u64 *word = &r->frame[m.n % MAP_BITS];
    enum owned_state state = frame_get(r, m.n, &owner);
    BUG_ON(!frame_pins(*word)); /* not pinned at all: a reference count somewhere is wrong */
    *word -= 1ull << FRAME_PINS_SHIFT;
    bool last = !frame_pins(*word);
    if (last)
        count_pinned(r, -1);
    last = last && state == FRAME_RELEASED;
    if (last)
        is_free = region_free_released(node, r, (u32)(m.n % MAP_BITS));
    spin_unlock(&node->lock);
    if (!last)
        return false;

    if (is_free)
        ledger_credit(range->nid, 1);
    struct mem_account *account = mem_account_find(owner);
    BUG_ON(!account); /* it stays until its tot is 0 */
    spin_lock(&account->lock);
    account_uncharge(account, range->nid, 1);
    spin_unlock(&account->lock);
    return true;
}
