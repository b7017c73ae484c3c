/*
 * Giving memory back: ranges of a domain's, Homestead's own, and what mm_take_done() returns.
 *
 * Lock order: account, nodes. Memory and its credits come back under one hold of the node's lock.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/region.h>

/* Are frames [n, end), all of one region of the chunk's, in that state and the owner's? Of a chunk that is owned as a
 * whole they may be more. Node lock held. */
static inline bool part_owned(const struct chunk *c, u64 n, u64 end, u16 owner, enum owned_state state)
{
    const struct region *r = region_of(c, n);
    frame_word_t word = frame_word(owner, state);
    u64 differs = 0;

    if (c->state != REGION_SPLIT)
        return c->state == state && c->owner == owner;
    if (region_is_free(c, n))
        return false;
    if (r->state != REGION_SPLIT)
        return r->state == state && r->owner == owner;
    u32 from = (u32)(n % MAP_BITS), to = from + (u32)(end - n);
    const frame_word_t *words = region_words(r);
    for (u32 at = from, next; at < to; at = next) {
        next = MIN((at | 63) + 1, to);
        differs |= r->free[at / 64] & map_mask_within(at, next);
    }
    for (u32 i = from; i < to; i++)
        differs |= (words[i] ^ word) & (FRAME_OWNER_MASK | FRAME_STATE_MASK);
    return !differs;
}

/* The frames of [n, end) that n's region, or its chunk if all of that is meant, has. */
static u64 piece_end(const struct chunk *c, u64 n, u64 end)
{
    if (c->state != REGION_SPLIT && n == c->base && end - n >= BIT(ORDER_1G))
        return n + BIT(ORDER_1G);
    return MIN(end, ALIGN_DOWN(n, MAP_BITS) + MAP_BITS);
}

/* The same of all frames of [n, end). */
static bool owns(nodeid_t nid, u64 n, u64 end, u16 owner, enum owned_state state)
{
    for (u64 next; n < end; n = next) {
        const struct chunk *c = chunk_of(n, nid);

        next = piece_end(c, n, end);
        if (!part_owned(c, n, next, owner, state))
            return false;
    }
    return true;
}

/* Gives [n, end) up, which is owned. Node lock held. */
static void give_up(struct node *node, nodeid_t nid, u64 n, u64 end, struct holdings *holder,
                    struct freed *freed)
{
    for (u64 next; n < end; n = next) {
        struct chunk *c = chunk_of(n, nid);

        next = piece_end(c, n, end);
        if (next - n == BIT(ORDER_1G) && !c->nr_pinned && !c->nr_leaving) {
            chunk_free(node, c, freed);
            continue;
        }
        if (c->state != REGION_SPLIT)
            chunk_split(c);
        struct region *r = region_of(c, n);
        next = MIN(end, r->base + MAP_BITS);
        region_free(node, r, holder, (u32)(n - r->base), (u32)(next - r->base), freed);
    }
}

/* [m, m + 2^order), all on one node: NULL if it is not RAM. */
static const struct frame_range *range_of(mfn_t m, u32 order)
{
    const struct frame_range *range = frame_range_find(m.n);

    return range && BIT(order) <= range->end - m.n ? range : NULL;
}

/* Adjacent extents of a list, all on one node; not more than a node's lock is to be held for. */
struct run {
    u64 start, end;
    nodeid_t nid;
};

/* The run that begins with the first of nr extents. Returns how many it has; 0: the first is not RAM. */
static inline u32 first_run(const mfn_t *m, u32 order, u32 nr, struct run *run)
{
    const struct frame_range *range = range_of(m[0], order);
    u32 most = MIN(nr, mm_extents_at_once(order)), i = 1;
    u64 end = m[0].n + BIT(order);

    if (!range)
        return 0;
    while (i < most && m[i].n == end && BIT(order) <= range->end - end) {
        end += BIT(order);
        i++;
    }
    *run = (struct run){m[0].n, end, range->nid};
    return i;
}

/* The extents as runs. Returns how many; 0: not all RAM. */
static u32 find_runs(const mfn_t *m, u32 order, u32 nr, struct run *runs)
{
    u32 nr_runs = 0;

    for (u32 i = 0, has; i < nr; i += has) {
        has = first_run(&m[i], order, nr - i, &runs[nr_runs]);
        if (!has)
            return 0;
        nr_runs++;
    }
    return nr_runs;
}

/* Do no two of the runs overlap? */
static bool runs_apart(const struct run *runs, u32 nr)
{
    bool ascending = true;

    for (u32 i = 1; i < nr && ascending; i++)
        ascending = runs[i].start >= runs[i - 1].end;
    for (u32 i = 1; i < nr && !ascending; i++)
        for (u32 j = 0; j < i; j++)
            if (runs[i].start < runs[j].end && runs[j].start < runs[i].end)
                return false;
    return true;
}

enum { CHECK = 1, RELEASE = 2 };
#define RUNS_AT_ONCE 4u /* under one hold of the account's lock */

/* False: not all the account's. Its lock held. */
static bool one_run(struct mem_account *account, const struct run *run, u32 what)
{
    nodeid_t nid = run->nid;
    struct node *node = node_get(nid);
    struct holdings *held = &account->held[nid];
    struct freed freed = {0};

    spin_lock(&node->lock);
    const struct chunk *c = chunk_of(run->start, nid);
    u32 from = (u32)(run->start % MAP_BITS), to = from + (u32)(run->end - run->start);
    bool ok = true, one_region = to <= MAP_BITS && c->state == REGION_SPLIT;
    if (what & CHECK)
        ok = likely(one_region) ? part_owned(c, run->start, run->end, account->domid, FRAME_GUEST)
                                : owns(nid, run->start, run->end, account->domid, FRAME_GUEST);
    if (likely(ok && what & RELEASE)) {
        if (likely(one_region))
            region_free(node, region_of(c, run->start), held, from, to, &freed);
        else
            give_up(node, nid, run->start, run->end, held, &freed);
        ledger_credit(node, freed.free);
    }
    spin_unlock(&node->lock);
    account_uncharge(account, nid, freed.gone);
    return ok;
}

/* The account's lock is dropped now and then: nobody waits for a whole list. */
static bool each_run(struct mem_account *account, const struct run *runs, u32 nr, u32 what)
{
    bool ok = true, dying = false;

    for (u32 i = 0; i < nr && ok;) {
        spin_lock(&account->lock);
        do
            ok = one_run(account, &runs[i++], what);
        while (i % RUNS_AT_ONCE && i < nr && ok);
        dying = account->dying;
        spin_unlock(&account->lock);
    }
    return ok || (dying && what & RELEASE && nr > 1); /* checked before: mm_release_some() has it now */
}

int mm_release_many(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    struct run runs[MM_TAKE_MAX];

    if (order > MAX_ORDER || nr == 0 || nr > MM_TAKE_MAX)
        return -EINVAL;
    u32 nr_runs = find_runs(m, order, nr, runs);
    if (!nr_runs || !runs_apart(runs, nr_runs))
        return -EINVAL;
    /* Of several, nothing goes before all are known to be the account's. */
    if (nr_runs > 1 && !each_run(account, runs, nr_runs, CHECK))
        return -EINVAL;
    return each_run(account, runs, nr_runs, CHECK | RELEASE) ? 0 : -EINVAL;
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

/* What a dying domain has is mm_release_some()'s, and may have gone already. Account lock held. */
static void give_back_to(struct mem_account *account, struct mm_taken *taken, u32 nr_kept)
{
    if (!taken->guest)
        account->overhead_pages -= give_back(taken, nr_kept).gone;
    else if (!account->dying)
        account_uncharge(account, taken->receipt.nid, give_back(taken, nr_kept).gone);
}

/* claims.md CL-1.7b, CL-4.14. */
void mm_take_done(struct mm_taken *taken, u32 nr_kept)
{
    struct mem_account *account = taken->account;

    if (likely(nr_kept == taken->nr))
        return;
    if (account) {
        spin_lock(&account->lock);
        give_back_to(account, taken, nr_kept);
        spin_unlock(&account->lock);
    } else {
        give_back(taken, nr_kept);
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
    struct node *node = node_get(run->nid);
    struct freed freed = {0};

    spin_lock(&node->lock);
    BUG_ON(!owns(run->nid, run->start, run->end, owner, FRAME_OWN));
    give_up(node, run->nid, run->start, run->end, &node->heap, &freed);
    ledger_credit(node, freed.free);
    spin_unlock(&node->lock);
}

void mm_free_overhead(struct mem_account *account, mfn_t m, u32 order)
{
    struct run run;

    BUG_ON(!first_run(&m, order, 1, &run));
    if (account)
        uncharge_overhead(account, BIT(order));
    free_own(&run, account ? account->domid : PAGE_OWNER_NONE);
}

void mm_free_overhead_many(struct mem_account *account, const mfn_t *m, u32 nr)
{
    struct run run;

    uncharge_overhead(account, nr);
    for (u32 i = 0, has; i < nr; i += has) {
        has = first_run(&m[i], ORDER_4K, nr - i, &run);
        BUG_ON(!has);
        free_own(&run, account->domid);
    }
}
