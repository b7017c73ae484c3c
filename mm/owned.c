/*
 * What a domain owns: giving it up, in parts or as a whole, pins, and what mm_take_done() takes back.
 *
 * Lock order: account, ledger, node. Memory is on its node's maps before its credits appear.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/internal.h>

/* The frames of [n, end) that n's region, or its chunk if all of that is meant, has. */
static u64 piece_end(const struct region *r, u64 n, u64 end)
{
    const struct chunk *c = r->chunk;

    if (c->state != REGION_SPLIT && n == c->base && end - n >= BIT(ORDER_1G))
        return n + BIT(ORDER_1G);
    return MIN(end, r->base + MAP_BITS);
}

/* Are all frames of [n, end) in that state and the owner's? Node lock held. */
static bool owns(nodeid_t nid, u64 n, u64 end, u16 owner, enum owned_state state)
{
    u16 is_owner;

    while (n < end) {
        const struct region *r = region_of(n, nid);
        bool each = r->chunk->state == REGION_SPLIT && r->state == REGION_SPLIT && !region_is_free(r);
        if (frame_get(r, n, &is_owner) != state || is_owner != owner)
            return false;
        n = each ? n + 1 : piece_end(r, n, end);
    }
    return true;
}

/* Gives [n, end) up, which is owned. Node lock held. */
static void give_up(struct node *node, nodeid_t nid, u64 n, u64 end, struct holdings *holder,
                    struct freed *freed)
{
    while (n < end) {
        struct region *r = region_of(n, nid);
        struct chunk *c = r->chunk;
        u64 next = piece_end(r, n, end);

        if (next - n == BIT(ORDER_1G) && !c->nr_pinned && !c->nr_leaving) {
            chunk_free(node, c, freed);
        } else {
            if (c->state != REGION_SPLIT)
                chunk_split(node, c);
            next = MIN(end, r->base + MAP_BITS);
            region_free(node, r, holder, (u32)(n - r->base), (u32)(next - r->base), freed);
        }
        n = next;
    }
}

void account_uncharge(struct mem_account *account, nodeid_t nid, u64 pages)
{
    BUG_ON(account->tot_pages < pages || account->own[nid] < pages);
    account->tot_pages -= pages;
    account->own[nid] -= pages;
}

/* [m, m + 2^order), all on one node: NULL if it is not RAM. */
static const struct frame_range *range_of(mfn_t m, u32 order)
{
    const struct frame_range *range = frame_range_find(m.n);

    return range && BIT(order) <= range->end - m.n ? range : NULL;
}

/* Account lock held. */
static void release_locked(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    for (u32 i = 0; i < nr;) {
        const struct frame_range *range = range_of(m[i], order);
        struct node *node = node_get(range->nid);
        struct freed freed = {0};

        spin_lock(&node->lock);
        do {
            give_up(node, range->nid, m[i].n, m[i].n + BIT(order), &account->held[range->nid], &freed);
            i++;
        } while (i < nr && m[i].n >= range->start && m[i].n < range->end);
        spin_unlock(&node->lock);
        account_uncharge(account, range->nid, freed.gone);
        ledger_credit(range->nid, freed.free);
    }
}

/* Account lock held, so what is owned stays owned. */
static bool all_owned(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    bool ok = true;

    for (u32 i = 0; i < nr && ok;) {
        const struct frame_range *range = range_of(m[i], order);
        if (!range)
            return false;
        struct node *node = node_get(range->nid);
        spin_lock(&node->lock);
        do {
            ok = range_of(m[i], order) == range &&
                 owns(range->nid, m[i].n, m[i].n + BIT(order), account->domid, FRAME_GUEST);
            i++;
        } while (ok && i < nr && m[i].n >= range->start && m[i].n < range->end);
        spin_unlock(&node->lock);
    }
    return ok;
}

/* Do no two of the ranges overlap? */
static bool ranges_apart(const mfn_t *m, u32 order, u32 nr)
{
    bool ascending = true;

    for (u32 i = 1; i < nr && ascending; i++)
        ascending = m[i].n > m[i - 1].n && m[i].n - m[i - 1].n >= BIT(order);
    for (u32 i = 1; i < nr && !ascending; i++)
        for (u32 j = 0; j < i; j++)
            if ((m[i].n > m[j].n ? m[i].n - m[j].n : m[j].n - m[i].n) < BIT(order))
                return false;
    return true;
}

int mm_release_many(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    int rc = -EINVAL;

    if (order > MAX_ORDER || nr == 0 || nr > MM_TAKE_MAX || !ranges_apart(m, order, nr))
        return -EINVAL;
    spin_lock(&account->lock);
    if (all_owned(account, m, order, nr)) {
        release_locked(account, m, order, nr);
        rc = 0;
    }
    spin_unlock(&account->lock);
    return rc;
}

int mm_release(struct mem_account *account, mfn_t m, u32 order)
{
    return mm_release_many(account, &m, order, 1);
}

void mm_take_done(struct mm_taken *taken, u32 nr_kept)
{
    struct mem_account *account = taken->account;
    nodeid_t nid = taken->receipt.nid;
    struct node *node = node_get(nid);
    struct holdings *holder = taken->guest ? &account->held[nid] : &node->heap;
    struct freed freed = {0};

    if (account)
        spin_lock(&account->lock);
    if (nr_kept < taken->nr) {
        ledger_lock(); /* held over both: nobody may win the pages before the claim is back */
        spin_lock(&node->lock);
        for (u32 i = nr_kept; i < taken->nr; i++)
            give_up(node, nid, taken->extent[i].n, taken->extent[i].n + BIT(taken->order), holder, &freed);
        spin_unlock(&node->lock);
        ledger_refund_locked(account, &taken->receipt, freed.free);
        ledger_unlock();
    }
    if (account) {
        if (taken->guest)
            account_uncharge(account, nid, freed.gone);
        else
            account->overhead_pages -= freed.gone;
        account->in_flight--;
        spin_unlock(&account->lock);
    }
    taken->nr = nr_kept;
}

void mm_free_overhead(struct mem_account *account, mfn_t m, u32 order)
{
    const struct frame_range *range = range_of(m, order);
    u16 owner = account ? account->domid : PAGE_OWNER_NONE;
    struct freed freed = {0};

    BUG_ON(!range);
    struct node *node = node_get(range->nid);
    if (account) {
        spin_lock(&account->lock);
        BUG_ON(account->overhead_pages < BIT(order));
        account->overhead_pages -= BIT(order);
        spin_unlock(&account->lock);
    }
    spin_lock(&node->lock);
    BUG_ON(!owns(range->nid, m.n, m.n + BIT(order), owner, FRAME_OWN));
    give_up(node, range->nid, m.n, m.n + BIT(order), &node->heap, &freed);
    spin_unlock(&node->lock);
    ledger_credit(range->nid, freed.free);
}
