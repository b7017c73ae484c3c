/*
 * Giving memory back: ranges of a domain's, Homestead's own, and what mm_take_done() returns.
 *
 * Lock order: account, nodes. Memory and its credits come back under one hold of the node's lock.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/region.h>

/* The frames of [n, end) that n's region, or its chunk if all of that is meant, has. */
static u64 piece_end(const struct chunk *c, u64 n, u64 end)
{
    if (c->state != REGION_SPLIT && n == c->base && end - n >= BIT(ORDER_1G))
        return n + BIT(ORDER_1G);
    return MIN(end, ALIGN_DOWN(n, MAP_BITS) + MAP_BITS);
}

/* The same for frames [n, end) of a split region. */
static bool owns_frames(const struct region *r, u64 n, u64 end, frame_word_t word)
{
    u32 from = (u32)(n - r->base), to = (u32)(end - r->base);
    u64 differs = 0;

    for (u32 w = from / 64; w * 64 < to; w++)
        differs |= r->free[w] & map_word_mask(w, from, to);
    for (u32 i = from; i < to; i++)
        differs |= (region_words(r)[i] ^ word) & (FRAME_OWNER_MASK | FRAME_STATE_MASK);
    return !differs;
}

/* Are all frames of [n, end) in that state and the owner's? Node lock held. */
static bool owns(nodeid_t nid, u64 n, u64 end, u16 owner, enum owned_state state)
{
    frame_word_t word = frame_word(owner, state);

    while (n < end) {
        const struct chunk *c = chunk_of(n, nid);
        u64 next = piece_end(c, n, end);
        if (region_is_split(c, n) ? !owns_frames(region_of(c, n), n, next, word)
                                  : (frame_get(c, n) ^ word) & (FRAME_OWNER_MASK | FRAME_STATE_MASK))
            return false;
        n = next;
    }
    return true;
}

/* Gives [n, end) up, which is owned. Node lock held. */
static void give_up(struct node *node, nodeid_t nid, u64 n, u64 end, struct holdings *holder,
                    struct freed *freed)
{
    while (n < end) {
        struct chunk *c = chunk_of(n, nid);
        u64 next = piece_end(c, n, end);

        if (next - n == BIT(ORDER_1G) && !c->nr_pinned && !c->nr_leaving) {
            chunk_free(node, c, freed);
        } else {
            if (c->state != REGION_SPLIT)
                chunk_split(c);
            struct region *r = region_of(c, n);
            next = MIN(end, r->base + MAP_BITS);
            region_free(node, r, holder, (u32)(n - r->base), (u32)(next - r->base), freed);
        }
        n = next;
    }
}

/* [m, m + 2^order), all on one node: NULL if it is not RAM. */
static const struct frame_range *range_of(mfn_t m, u32 order)
{
    const struct frame_range *range = frame_range_find(m.n);

    return range && BIT(order) <= range->end - m.n ? range : NULL;
}

/* Adjacent extents of a list, in one range of RAM. */
struct run {
    const struct frame_range *range; /* NULL: not RAM */
    u64 start, end;
};

/* The run that begins with the extent at *i, which then indexes the first one after it. */
static struct run next_run(const mfn_t *m, u32 order, u32 nr, u32 *i)
{
    struct run run = {.range = range_of(m[*i], order), .start = m[*i].n, .end = m[*i].n + BIT(order)};

    if (run.range)
        for (u32 left = mm_extents_at_once(order);
             ++*i < nr && --left && m[*i].n == run.end && BIT(order) <= run.range->end - run.end;)
            run.end += BIT(order);
    return run;
}

/* Account lock held. */
static void release_locked(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    for (u32 i = 0; i < nr;) {
        struct run run = next_run(m, order, nr, &i);
        nodeid_t nid = run.range->nid;
        struct node *node = node_get(nid);
        struct freed freed = {0};

        spin_lock(&node->lock);
        give_up(node, nid, run.start, run.end, &account->held[nid], &freed);
        ledger_credit(node, freed.free);
        spin_unlock(&node->lock);
        account_uncharge(account, nid, freed.gone);
    }
}

/* Account lock held, so what is owned stays owned. */
static bool all_owned(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    for (u32 i = 0; i < nr;) {
        struct run run = next_run(m, order, nr, &i);
        if (!run.range)
            return false;
        struct node *node = node_get(run.range->nid);
        spin_lock(&node->lock);
        bool ok = owns(run.range->nid, run.start, run.end, account->domid, FRAME_GUEST);
        spin_unlock(&node->lock);
        if (!ok)
            return false;
    }
    return true;
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

/* Is any of the extents beyond the first nr_kept on its way offline? Node lock held. */
static bool any_leaving(const struct mm_taken *taken, u32 nr_kept)
{
    for (u32 i = nr_kept; i < taken->nr; i++)
        if (chunk_of(taken->extent[i].n, taken->receipt.nid)->nr_leaving)
            return true;
    return false;
}

/* Account lock held, if there is one. */
static struct freed give_back(struct mm_taken *taken, u32 nr_kept)
{
    nodeid_t nid = taken->receipt.nid;
    struct node *node = node_get(nid);
    struct holdings *holder = taken->guest ? &taken->account->held[nid] : &node->heap;
    struct freed freed = {0};
    u64 locked = ledger_refund_nodes(taken->account, &taken->receipt);

    /* Held over both: no other domain may take the pages before the claim is back. */
    nodes_lock(locked);
    if (any_leaving(taken, nr_kept))
        locked = nodes_lock_more(locked, nodes_all());
    for (u32 i = nr_kept; i < taken->nr; i++)
        give_up(node, nid, taken->extent[i].n, taken->extent[i].n + BIT(taken->order), holder, &freed);
    ledger_refund(taken->account, &taken->receipt, freed.gone);
    if (freed.gone != freed.free)
        ledger_withdraw(nid, freed.gone - freed.free); /* they went offline instead */
    nodes_unlock(locked);
    return freed;
}

/* claims.md CL-4.14. */
void mm_take_done(struct mm_taken *taken, u32 nr_kept)
{
    struct mem_account *account = taken->account;
    struct freed freed = {0};

    if (account)
        spin_lock(&account->lock);
    if (nr_kept < taken->nr)
        freed = give_back(taken, nr_kept);
    if (account) {
        if (taken->guest)
            account_uncharge(account, taken->receipt.nid, freed.gone);
        else
            account->overhead_pages -= freed.gone;
        account->in_flight--;
        spin_unlock(&account->lock);
    }
    taken->nr = nr_kept;
}

static void uncharge_overhead(struct mem_account *account, u64 pages)
{
    spin_lock(&account->lock);
    BUG_ON(account->overhead_pages < pages);
    account->overhead_pages -= pages;
    spin_unlock(&account->lock);
}

/* Frames of owner's overhead, or of Homestead's own. */
static void free_own(const struct run *run, u16 owner)
{
    BUG_ON(!run->range);
    nodeid_t nid = run->range->nid;
    struct node *node = node_get(nid);
    struct freed freed = {0};

    spin_lock(&node->lock);
    BUG_ON(!owns(nid, run->start, run->end, owner, FRAME_OWN));
    give_up(node, nid, run->start, run->end, &node->heap, &freed);
    ledger_credit(node, freed.free);
    spin_unlock(&node->lock);
}

void mm_free_overhead(struct mem_account *account, mfn_t m, u32 order)
{
    struct run run = {.range = range_of(m, order), .start = m.n, .end = m.n + BIT(order)};

    BUG_ON(!run.range);
    if (account)
        uncharge_overhead(account, BIT(order));
    free_own(&run, account ? account->domid : PAGE_OWNER_NONE);
}

void mm_free_overhead_many(struct mem_account *account, const mfn_t *m, u32 nr)
{
    uncharge_overhead(account, nr);
    for (u32 i = 0; i < nr;) {
        struct run run = next_run(m, ORDER_4K, nr, &i);
        free_own(&run, account->domid);
    }
}
