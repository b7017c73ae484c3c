/*
 * Taking memory: the choice of node, of clean or dirty memory, and of the claims that are redeemed
 * (docs/hypervisor-guide/mm/claims.md sections 4 and 5). Three levels:
 *
 *   choose    the nodes, one after the other, and whether dirty memory will do: choose_one(), choose_of_many()
 *   attempt   limits, credits and pages in one hold of the account's lock and the node's: attempt()
 *   clear     what is dirty, without any lock: clear()
 *
 * An attempt succeeds as a whole or changes nothing, and no other CPU sees it half done. It locks more nodes only if
 * the one cannot decide (ledger.c). All extents come from one node, and mm_extents_at_once() bounds how long it holds
 * the locks.
 *
 * What was taken is the account's from then on. While a CPU clears a domain's memory it says so in its struct cpu, and
 * mm_release_some() frees nothing of that domain.
 *
 * lint: long: one way from a request to clean memory
 */
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/node_order.h>

#define PAGES_AT_ONCE 2048ull /* cleared by one call with MM_PREEMPT */

/* What is rare gets it by value: so it stays in registers in the usual way, 30 instructions less. */
struct job {
    struct mem_account *account; /* NULL: Homestead's own memory */
    struct mm_taken *taken;
    struct take *take;
    u32 nr; /* extents wanted at once */
    u32 order;
    bool guest; /* the domain's memory; else overhead */
};

/* --- attempt ------------------------------------------------------------------------------------------------ */

/* How many of nr extents the account may have; 0: none. claims.md CL-1.3. */
static USUAL u32 within_limit(const struct job *job)
{
    u64 max = job->account->max_pages, tot = job->account->tot_pages;

    if (likely(tot + ((u64)job->nr << job->order) <= max) || !job->guest)
        return job->nr;
    return max > tot ? (u32)((max - tot) >> job->order) : 0;
}

struct reserved {
    u64 locked; /* the nodes that are locked now */
    u32 nr;     /* extents */
};

/* Credits for as many extents as there are: for nr, half of that, ...; the caller comes again for the rest.
 * Locks more nodes if that is needed. */
static RARE struct reserved reserve_some(struct job job, nodeid_t nid, u32 nr, u64 locked)
{
    u64 needs;

    while (nr) {
        enum verdict verdict = ledger_reserve(job.account, nid, (u64)nr << job.order, job.order, locked,
                                              &job.taken->receipt, &needs);
        if (likely(verdict == GRANTED))
            break;
        if (verdict == REFUSED)
            nr /= 2;
        else
            locked = nodes_lock_more(locked, needs);
    }
    return (struct reserved){locked, nr};
}

/* Each credit stands for a free page: if no map has it, a scrubber does. Then what was not found. */
static RARE int found_less(struct job job, const struct node *node, u32 nr)
{
    const struct take *take = job.take;

    BUG_ON(!take->got && take->order == 0 && take->kinds == TAKE_ANY && take->limit == ~0ull &&
           node->scrubbing_pages == 0);
    ledger_refund(job.account, &job.taken->receipt, (u64)(nr - take->got) << take->order);
    return take->got ? 0 : -EAGAIN;
}

/*
 * Credits, then memory. -ENOMEM: not even one extent, promised to others. -EAGAIN: the credits are there, but no such
 * extent was found; nothing has changed. *locked: the nodes that are locked, 0: only nid; it changes if more had to be.
 * claims.md CL-1.4, CL-1.5, CL-4.13.
 */
static USUAL int take_on_node(const struct job *job, struct node *node, nodeid_t nid, u32 nr, u64 *locked)
{
    struct take *take = job->take;

    if (unlikely(!ledger_reserve_here(job->account, node, nid, (u64)nr << job->order, job->order,
                                      &job->taken->receipt))) {
        struct reserved reserved = reserve_some(*job, nid, nr, *locked ? *locked : BIT(nid));

        *locked = reserved.locked;
        nr = reserved.nr;
        if (!nr)
            return -ENOMEM;
    }
    take->holder = job->guest ? &job->account->held[nid] : &node->heap;
    take->nr = nr;
    node_take(node, take);
    job->taken->nr = take->got;
    return likely(take->got == nr) ? 0 : found_less(*job, node, nr);
}

static USUAL int take_on_one(const struct job *job, nodeid_t nid, u32 nr)
{
    struct node *node = node_get_once(nid);
    u64 locked = 0;

    spin_lock(&node->lock);
    int rc = take_on_node(job, node, nid, nr, &locked);
    if (likely(!locked))
        spin_unlock(&node->lock);
    else
        nodes_unlock(locked);
    return rc;
}

static void search_begin(struct take *take, u32 kinds)
{
    take->kinds = kinds;
    take->chunks = CHUNKS_NONE;
    take->from = 0;
}

/*
 * The first of several nodes that can do it. They are looked at at one instant: all nodes are locked. -EAGAIN: one has
 * the credits, but no extent at hand.
 * claims.md CL-1.4b.
 */
static RARE int take_on_any(const struct job *job, const struct node_order *order, u32 nr)
{
    u64 locked = nodes_all();
    int rc, result = -ENOMEM;

    nodes_lock(locked);
    for (u32 i = 0; i < order->nr && result; i++) {
        search_begin(job->take, TAKE_ANY); /* each node's is its own */
        rc = take_on_node(job, node_get(order->nid[i]), order->nid[i], nr, &locked);
        if (rc != -ENOMEM)
            result = rc;
    }
    nodes_unlock(locked);
    return result;
}

/* claims.md CL-3.52, CL-4.12. */
static USUAL void charge(const struct job *job)
{
    struct mem_account *account = job->account;
    u64 pages = job->taken->receipt.pages;

    if (!job->guest) {
        account->overhead_pages += pages;
        return;
    }
    account->tot_pages += pages;
    account->own[job->taken->receipt.nid] += pages;
    if (job->take->dirty)
        __atomic_store_n(&this_cpu()->clearing, account, __ATOMIC_RELAXED); /* the lock orders it */
}

/* On node nid, or on any of `any`, unless that is NULL. claims.md CL-1.7. */
static USUAL int attempt_once(const struct job *job, nodeid_t nid, const struct node_order *any)
{
    struct mem_account *account = job->account;
    u32 nr = job->nr;
    int rc = 0;

    if (account) {
        spin_lock(&account->lock);
        nr = within_limit(job);
        rc = unlikely(account->dying) ? -ESRCH : likely(nr) ? 0 : -E2BIG;
    }
    if (likely(rc == 0))
        rc = any ? take_on_any(job, any, nr) : take_on_one(job, nid, nr);
    if (account) {
        if (likely(rc == 0))
            charge(job);
        spin_unlock(&account->lock);
    }
    return rc;
}

/* A search that looks at much drops the locks in between. */
static RARE int attempt_on(const struct job *job, nodeid_t nid)
{
    int rc;

    do
        rc = attempt_once(job, nid, NULL);
    while (rc == -EAGAIN && job->take->more);
    return rc;
}

static int attempt(const struct job *job, nodeid_t nid, u32 kinds)
{
    search_begin(job->take, kinds);
    return attempt_on(job, nid);
}

/* A single page of any of several nodes. */
static RARE int attempt_of_any(const struct job *job, const struct node_order *order)
{
    int rc;

    while ((rc = attempt_once(job, NODE_NONE, order)) == -EAGAIN)
        node_relax(); /* A scrubber has the page and will bring it, or someone else gets the credit too. */
    return rc;
}

/* Somebody has the credits and found no extent: scrubbers have it. */
static RARE int attempt_again(const struct job *job, nodeid_t nid)
{
    int rc;

    if (job->order == 0 && job->take->limit == ~0ull) {
        /* A scrubber has the page and will bring it, or someone else gets the credit too. */
        do {
            node_relax();
            rc = attempt(job, nid, TAKE_ANY);
        } while (rc == -EAGAIN);
        return rc;
    }
    node_wait_scrubbers(node_get(nid));
    rc = attempt(job, nid, TAKE_ANY);
    node_wait_done(node_get(nid));
    return rc == -EAGAIN ? -ENOMEM : rc;
}

/* Waits for what scrubbers have. */
static int attempt_and_wait(const struct job *job, nodeid_t nid)
{
    int rc = attempt(job, nid, TAKE_ANY);

    return likely(rc != -EAGAIN) ? rc : attempt_again(job, nid);
}

/* --- choose ------------------------------------------------------------------------------------------------- */

static bool holds_claim(const struct mem_account *account, nodeid_t nid)
{
    return account && __atomic_load_n(&account->node_claim[nid], __ATOMIC_RELAXED) != 0;
}

static bool has_clean(struct node *node)
{
    spin_lock(&node->lock);
    bool has = node->free_pages != node->dirty_pages;
    spin_unlock(&node->lock);
    return has;
}

/*
 * First pass: clean memory, or any on a node of the account's affinity or where it holds a claim: cleaning is
 * paid once, distance at every access. Second pass: any. A single page that no node had is asked for once more of all
 * at one instant: while pages and credits move between nodes, each can be empty at the moment it is looked at, and yet
 * a host-wide claim must not fail.
 * claims.md CL-1.4b, CL-1.4c, CL-5.5, CL-5.11 to CL-5.13.
 */
static RARE int choose_of_many(const struct job *job, const struct node_order *order)
{
    int rc = -ENOMEM;

    for (u32 i = 0; i < order->nr; i++) {
        nodeid_t nid = order->nid[i];
        if (i < order->nr_affine || holds_claim(job->account, nid))
            rc = attempt_and_wait(job, nid);
        else if (has_clean(node_get(nid)))
            rc = attempt(job, nid, TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
    }
    for (u32 i = 0; i < order->nr; i++) {
        rc = attempt_and_wait(job, order->nid[i]);
        if (rc != -ENOMEM)
            return rc;
    }
    return job->order == 0 && job->take->limit == ~0ull ? attempt_of_any(job, order) : rc;
}

/* For the next attempt, what takes about a millisecond to clear. */
static void limit_to_portion(struct job *job)
{
    job->nr = (u32)MIN(job->nr, MAX(PAGES_AT_ONCE >> job->order, 1ull));
}

/* The same, clearing little. -ERESTART: some was cleaned for a next try. */
static RARE int choose_portion_of_many(struct job *job, const struct node_order *order)
{
    for (u32 i = 0; i < order->nr && job->order > ORDER_2M; i++) {
        int rc = attempt(job, order->nid[i], TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
        /* Only where it could be had: the credits are there. */
        if (rc == -EAGAIN && node_clean_for(order->nid[i], job->order))
            return -ERESTART;
    }
    limit_to_portion(job);
    return choose_of_many(job, order);
}

/* The node has the credits, and what was looked for was not found. */
static int choose_again(struct job *job, nodeid_t nid)
{
    if (job->take->kinds == TAKE_ANY)
        return attempt_again(job, nid);
    if (job->order > ORDER_2M && node_clean_for(nid, job->order))
        return -ERESTART;
    limit_to_portion(job);
    return attempt_and_wait(job, nid);
}

/* After the first attempt. */
static RARE int choose_rest(struct job job, nodeid_t nid, int rc)
{
    if (rc == -EAGAIN && job.take->more)
        rc = attempt_on(&job, nid);
    if (rc == -EAGAIN)
        rc = choose_again(&job, nid);
    if (rc == -ENOMEM)
        refusal_note_alloc(job.account, nid, job.order, BIT(job.order));
    return rc;
}

/* What is looked for first on the only node. portion: clears little, so what is clean comes first, as far as it goes. */
static USUAL u32 kinds_first(const struct job *job, bool portion)
{
    return portion && (job->nr > 1 || job->order > ORDER_2M) ? TAKE_CLEAN : TAKE_ANY;
}

/* The usual request: one node and no other. */
static USUAL int choose_one(const struct job *job, nodeid_t nid, bool portion)
{
    search_begin(job->take, kinds_first(job, portion));
    int rc = attempt_once(job, nid, NULL);
    return likely(rc == 0) ? 0 : choose_rest(*job, nid, rc);
}

/* The nodes that the request leaves to choose from. */
static RARE int choose(struct job job, const struct mm_request *request)
{
    const u32 known = MM_EXACT_NODE | MM_OVERHEAD | MM_PREEMPT | MM_AFFINITY_ONLY;
    bool portion = request->flags & MM_PREEMPT;
    struct node_order order;

    if (request->flags & ~known || (request->nid != NODE_NONE && request->nid >= mm_nr_nodes()))
        return -EINVAL;
    if (request->nid != NODE_NONE && request->flags & MM_EXACT_NODE)
        order.nid[0] = (u8)request->nid, order.nr = 1;
    else
        node_order_init(&order, job.account, request->nid, request->flags);
    if (order.nr == 1)
        return choose_rest(job, order.nid[0], attempt(&job, order.nid[0], kinds_first(&job, portion)));
    int rc = portion ? choose_portion_of_many(&job, &order) : choose_of_many(&job, &order);
    if (rc == -ENOMEM)
        refusal_note_alloc(job.account, NODE_NONE, job.order, BIT(job.order));
    return rc;
}

/* --- clear -------------------------------------------------------------------------------------------------- */

/* Neighbours in one go. */
static void clear_extents(const struct take *take)
{
    for (u64 left = take->dirty; left;) {
        u32 i = (u32)__builtin_ctzll(left), nr = 0;

        do
            left &= ~BIT(i + nr++);
        while (i + nr < take->got && left >> (i + nr) & 1 &&
               take->extent[i + nr].n == take->extent[i].n + ((u64)nr << take->order));
        frames_clear(take->extent[i], (u64)nr << take->order);
    }
}

/* -ESRCH: the domain was killed meanwhile; it is still its memory, and goes with the rest. claims.md CL-5.15. */
static USUAL int clear(const struct job *job)
{
    const struct take *take = job->take;

    if (take->all_dirty)
        frames_clear(take->extent[0], BIT(job->order));
    else if (job->order <= ORDER_2M)
        clear_extents(take);
    else
        clear_runs(ALIGN_DOWN(take->extent[0].n, BIT(ORDER_1G)), take->dirty_regions, MAP_BITS);
    if (!job->guest)
        return 0;
    /* Pairs with the acquire in is_being_cleared(). */
    __atomic_store_n(&this_cpu()->clearing, NULL, __ATOMIC_RELEASE);
    return __atomic_load_n(&job->account->dying, __ATOMIC_RELAXED) ? -ESRCH : 0;
}

/* --- the calls ---------------------------------------------------------------------------------------------- */

int mm_take(struct mem_account *account, const struct mm_request *request, struct mm_taken *taken)
{
    u32 order = request->order, flags = request->flags, bits = request->address_bits, nr = request->nr;
    bool guest = !(flags & MM_OVERHEAD);
    struct take take;
    int rc;

    if (unlikely(order > MAX_ORDER || nr - 1 >= MM_TAKE_MAX || bits - 1 < PAGE_SHIFT || (!account && guest)))
        return -EINVAL;
    const struct job job = {account, taken, &take, MIN(nr, mm_extents_at_once(order)), order, guest};
    taken->account = account;
    taken->order = take.order = order;
    taken->guest = guest;
    take.extent = taken->extent;
    take.owner = account ? account->domid : PAGE_OWNER_NONE;
    take.state = guest ? FRAME_GUEST : FRAME_OWN;
    take.limit = unlikely(bits - 1 < 63) ? BIT(bits - PAGE_SHIFT) : ~0ull;
    if (likely(account && guest && (flags & ~MM_PREEMPT) == MM_EXACT_NODE && request->nid < mm_nr_nodes()))
        rc = choose_one(&job, request->nid, flags & MM_PREEMPT);
    else
        rc = choose(job, request);
    return rc || !take.dirty ? rc : clear(&job);
}

int mm_alloc(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out)
{
    struct mm_request request = {.nid = nid, .order = order, .nr = 1, .flags = flags};
    struct mm_taken taken;
    int rc = mm_take(account, &request, &taken);

    if (rc == 0)
        *out = taken.extent[0];
    return rc;
}
