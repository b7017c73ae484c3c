/*
 * Giving memory back: ranges of a domain's, Homestead's own, and what mm_take_done() returns.
 *
 * Lock order: account, nodes. Memory and its credits come back under one hold of the node's lock. No hold is long: a run
 * of extents has a bound, and a chunk is made ready in steps before a part of it goes.
 *
 * lint: long: one way back for all memory, with the shorter one for what is usual beside it
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/region.h>

/* Are frames [n, end), all of the region, which is split, what word says? */
static USUAL bool frames_owned(const struct region *r, u64 n, u64 end, frame_word_t word)
{
    const u32 mask = FRAME_OWNER_MASK | FRAME_STATE_MASK;
    const frame_word_t *words = frame_tables.words;
    u32 from = (u32)(n % MAP_BITS), to = from + (u32)(end - n);
    u64 differs = 0;

    if (end - n == 1) /* no loops: 28 instructions less */
        return !map_test(r->free, from) && !((words[n] ^ word) & mask);
    for (u32 at = from, next; at < to; at = next) {
        next = MIN((at | 63) + 1, to);
        differs |= r->free[at / 64] & map_mask_within(at, next);
    }
    for (u64 i = n; i < end; i++)
        differs |= (words[i] ^ word) & mask;
    return !differs;
}

/* Are frames [n, end), all of the chunk's region r, in that state and the owner's? Of a chunk that is owned as a
 * whole they may be more. Node lock held. */
static USUAL bool part_owned(const struct chunk *c, const struct region *r, u64 n, u64 end, u16 owner,
                             enum owned_state state)
{
    if (unlikely(c->state != REGION_SPLIT))
        return c->state == state && c->owner == owner;
    if (region_is_free(c, n))
        return false;
    if (r->state != REGION_SPLIT)
        return r->state == state && r->owner == owner;
    return frames_owned(r, n, end, frame_word(owner, state));
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
        u32 whole = regions_owned(c, n, end, owner, state);

        next = whole ? n + (u64)whole * MAP_BITS : piece_end(c, n, end);
        if (!whole && !part_owned(c, region_of(c, n), n, next, owner, state))
            return false;
    }
    return true;
}

/* Is every chunk of which [n, end), which is owned, is a part ready to be split? If not, some of it is now, and the lock is
 * to be dropped before the next call. Node lock held. */
static bool ready_to_split(nodeid_t nid, u64 n, u64 end)
{
    for (u64 next; n < end; n = next) {
        struct chunk *c = chunk_of(n, nid);

        next = MIN(end, c->base + BIT(ORDER_1G));
        if (c->state != REGION_SPLIT && (next - n < BIT(ORDER_1G) || c->nr_pinned || c->nr_leaving) &&
            !chunk_split_step(c))
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
            chunk_free(node, c);
            freed_all(freed, BIT(ORDER_1G));
            continue;
        }
        if (c->state != REGION_SPLIT)
            chunk_split(c);
        u32 whole = regions_free(node, c, n, end, freed);
        if (whole) {
            next = n + (u64)whole * MAP_BITS;
            continue;
        }
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

/* Adjacent extents of a list, all on one node; not more than a node's lock is to be held for. What is rare gets it by
 * value: so it stays in registers. */
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
enum done { DONE, NOT_OWNED, AGAIN };
#define RUNS_AT_ONCE 4u /* under one hold of the account's lock */

/* Pages of the account's are gone, so many of them free. */
static USUAL void count_freed(struct mem_account *account, struct node *node, nodeid_t nid, u64 gone,
                              u64 nr_free)
{
    ledger_credit(node, nr_free);
    account_uncharge(account, nid, gone);
}

/* Anything. Node and account locks held. AGAIN: nothing is done yet, and both should be dropped. */
static RARE enum done any_run(struct mem_account *account, struct node *node, struct run run, u32 what)
{
    struct freed freed = {0};

    if (!owns(run.nid, run.start, run.end, account->domid, FRAME_GUEST))
        return NOT_OWNED;
    if (!(what & RELEASE))
        return DONE;
    if (!ready_to_split(run.nid, run.start, run.end))
        return AGAIN;
    give_up(node, run.nid, run.start, run.end, &account->held[run.nid], &freed);
    count_freed(account, node, run.nid, freed.gone, freed.free);
    return DONE;
}

/* A chunk of the account's, owned as a whole and without pins or marks: 198 instructions less than by its parts. */
static USUAL bool is_plain_guest(const struct mem_account *account, const struct chunk *c)
{
    return c->state == FRAME_GUEST && c->owner == account->domid && !c->nr_pinned && !c->nr_leaving;
}
static USUAL void release_chunk(struct mem_account *account, struct node *node, struct chunk *c)
{
    chunk_free(node, c);
    count_freed(account, node, c->nid, BIT(ORDER_1G), BIT(ORDER_1G));
}

/* A part of a whole region, or frames of one that is shared, or has pins or marks. */
static RARE void free_in_region(struct mem_account *account, struct node *node, struct region *r,
                                struct run run)
{
    struct freed freed = {0};
    u32 from = (u32)(run.start % MAP_BITS), to = from + (u32)(run.end - run.start);

    region_free(node, r, &account->held[run.nid], from, to, &freed);
    count_freed(account, node, run.nid, freed.gone, freed.free);
}

/* What is in one region of a split chunk. */
static USUAL enum done region_run(struct mem_account *account, struct node *node, const struct chunk *c,
                                  const struct run *run, u32 what)
{
    struct region *r = region_of(c, run->start);
    u64 nr = run->end - run->start;
    u32 from = (u32)(run->start % MAP_BITS);

    if (unlikely(!part_owned(c, r, run->start, run->end, account->domid, FRAME_GUEST)))
        return NOT_OWNED;
    if (!(what & RELEASE))
        return DONE;
    if (unlikely(r->shared || r->nr_pinned || r->nr_leaving ||
                 (r->state != REGION_SPLIT && nr != MAP_BITS))) {
        free_in_region(account, node, r, *run);
        return DONE;
    }
    if (likely(r->state == REGION_SPLIT))
        region_free_plain(node, r, from, from + (u32)nr);
    else
        region_free_whole(node, r);
    count_freed(account, node, run->nid, nr, nr);
    return DONE;
}

/* As any_run(), but for the locks: quicker for all of a chunk, and for what is in one region. */
static USUAL enum done one_run(struct mem_account *account, const struct run *run, u32 what)
{
    u64 nr = run->end - run->start;
    struct node *node = node_get_once(run->nid);
    enum done done = DONE;

    spin_lock(&node->lock);
    struct chunk *c = chunk_of(run->start, run->nid);
    if (nr == BIT(ORDER_1G) && run->start == c->base && is_plain_guest(account, c)) {
        if (what & RELEASE)
            release_chunk(account, node, c);
    } else if (unlikely(run->start % MAP_BITS + nr > MAP_BITS || c->state != REGION_SPLIT)) {
        done = any_run(account, node, *run, what);
    } else {
        done = region_run(account, node, c, run, what);
    }
    spin_unlock(&node->lock);
    return done;
}

static RARE enum done some_run(struct mem_account *account, const struct run *run, u32 what)
{
    return one_run(account, run, what);
}

/* The account's lock is dropped now and then: nobody waits for a whole list. */
static RARE bool each_run(struct mem_account *account, const struct run *runs, u32 nr, u32 what, bool checked)
{
    enum done done = DONE;
    bool dying = false;

    for (u32 i = 0; i < nr && done != NOT_OWNED;) {
        spin_lock(&account->lock);
        do {
            done = some_run(account, &runs[i], what);
            i += done == DONE;
            checked |= done == AGAIN;
        } while (done == DONE && i % RUNS_AT_ONCE && i < nr);
        dying = account->dying;
        spin_unlock(&account->lock);
    }
    return done == DONE || (dying && checked); /* it was all there: mm_release_some() has it now */
}

/* All of a list, or none. */
static RARE int release_list(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    struct run runs[MM_TAKE_MAX];
    u32 nr_runs = find_runs(m, order, nr, runs);
    bool several = nr_runs > 1;

    if (!nr_runs ||
        (several && !(runs_apart(runs, nr_runs) && each_run(account, runs, nr_runs, CHECK, false))))
        return -EINVAL;
    return each_run(account, runs, nr_runs, CHECK | RELEASE, several) ? 0 : -EINVAL;
}

/* The usual case: one extent. */
static USUAL int release_one(struct mem_account *account, u64 start, u32 order)
{
    const struct frame_range *range = frame_range_near(start, &account->near_range);
    enum done done;

    if (!range || BIT(order) > range->end - start)
        return -EINVAL;
    const struct run run = {start, start + BIT(order), range->nid};
    spin_lock(&account->lock);
    done = one_run(account, &run, CHECK | RELEASE);
    spin_unlock(&account->lock);
    if (unlikely(done == AGAIN))
        return each_run(account, &run, 1, CHECK | RELEASE, true) ? 0 : -EINVAL;
    return done == DONE ? 0 : -EINVAL;
}

int mm_release_many(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    if (order > MAX_ORDER || nr - 1 >= MM_TAKE_MAX)
        return -EINVAL;
    /* Where the order is known much falls away: 45 instructions less for a single page, 20 for 2 MiB and 1 GiB. */
    if (likely(nr == 1)) {
        if (likely(order == ORDER_4K))
            return release_one(account, m->n, ORDER_4K);
        if (order == ORDER_2M)
            return release_one(account, m->n, ORDER_2M);
        if (order == ORDER_1G)
            return release_one(account, m->n, ORDER_1G);
    }
    return release_list(account, m, order, nr);
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
void mm_take_undo(struct mm_taken *taken, u32 nr_kept)
{
    struct mem_account *account = taken->account;

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
    while (!ready_to_split(run->nid, run->start, run->end)) {
        spin_unlock(&node->lock);
        spin_lock(&node->lock);
    }
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
