/*
 * Taking memory: the choice of node, of clean or dirty memory, and of the claims that are redeemed
 * (docs/hypervisor-guide/mm/claims.md sections 4 and 5). Three levels:
 *
 *   choose    the nodes, one after the other, and whether dirty memory will do: choose(), choose_portion()
 *   attempt   limits, credits and pages in one hold of the account's lock and the node's: attempt()
 *   clear     what is dirty, without any lock: clear()
 *
 * An attempt succeeds as a whole or changes nothing, and no other CPU sees it half done. It locks more nodes only if
 * the one cannot decide (ledger.c). All extents come from one node, and mm_extents_at_once() bounds how long it holds
 * the locks.
 *
 * What was taken is the account's from then on. While a CPU clears a domain's memory it says so in its struct cpu, and
 * mm_release_some() frees nothing of that domain.
 */
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/node_order.h>

#define PAGES_AT_ONCE 2048ull /* cleared by one call with MM_PREEMPT */

struct job {
    struct mem_account *account; /* NULL: Homestead's own memory */
    struct mm_taken *taken;
    u32 nr; /* extents wanted at once */
    struct take take;
};

/* --- attempt ------------------------------------------------------------------------------------------------ */

/* How many extents the account may have: *nr becomes that. claims.md CL-1.3, CL-1.7. */
static USUAL int check_limits(const struct job *job, u32 *nr)
{
    const struct mem_account *account = job->account;
    u64 max = account->max_pages, tot = account->tot_pages, room = max >= tot ? max - tot : 0;
    u32 order = job->take.order;

    if (account->dying)
        return -ESRCH;
    if (likely((u64)*nr << order <= room) || !job->taken->guest)
        return 0;
    *nr = (u32)(room >> order); /* less than before */
    return *nr ? 0 : -E2BIG;
}

/* Credits for as many extents as there are: for nr, half of that, ...; the caller comes again for the rest. Returns
 * how many. Locks more nodes if that is needed. */
static RARE u32 reserve_some(struct job *job, nodeid_t nid, u32 nr, u64 *locked)
{
    struct mm_taken *taken = job->taken;
    u64 needs;

    while (nr) {
        enum verdict verdict = ledger_reserve(job->account, nid, (u64)nr << taken->order, taken->order,
                                              *locked, &taken->receipt, &needs);
        if (likely(verdict == GRANTED))
            return nr;
        if (verdict == REFUSED)
            nr /= 2;
        else
            *locked = nodes_lock_more(*locked, needs);
    }
    return 0;
}

/* Each credit stands for a free page: if no map has it, a scrubber does. Then what was not found. */
static RARE int found_less(struct job *job, struct node *node, u32 nr)
{
    const struct take *take = &job->take;

    BUG_ON(!take->got && take->order == 0 && take->kinds == TAKE_ANY && take->limit == ~0ull &&
           node->scrubbing_pages == 0);
    ledger_refund(job->account, &job->taken->receipt, (u64)(nr - take->got) << take->order);
    return take->got ? 0 : -EAGAIN;
}

/*
 * Credits, then memory. -ENOMEM: not even one extent, promised to others. -EAGAIN: the credits are there, but no such
 * extent was found; nothing has changed. Node lock held.
 * claims.md CL-1.4, CL-1.5, CL-4.13.
 */
static USUAL int take_on_node(struct job *job, nodeid_t nid, u32 nr, u64 *locked)
{
    struct node *node = node_get(nid);
    struct mm_taken *taken = job->taken;
    struct take *take = &job->take;

    if (unlikely(
            !ledger_reserve_here(job->account, nid, (u64)nr << take->order, take->order, &taken->receipt))) {
        nr = reserve_some(job, nid, nr, locked);
        if (!nr)
            return -ENOMEM;
    }
    take->holder = taken->guest ? &job->account->held[nid] : &node->heap;
    take->nr = nr;
    node_take(node, take);
    taken->nr = take->got;
    return likely(take->got == nr) ? 0 : found_less(job, node, nr);
}

/*
 * The first of the nodes that can do it. Several are looked at at one instant: all nodes are locked then. -EAGAIN: one
 * has the credits, but no extent at hand.
 * claims.md CL-1.4b.
 */
static USUAL int take_on_nodes(struct job *job, const u8 *nids, u32 nr_nodes, u32 nr)
{
    u64 locked = nr_nodes == 1 ? BIT(nids[0]) : nodes_all();
    int rc, result = -ENOMEM;

    nodes_lock_of(nids[0], locked);
    for (u32 i = 0;; job->take.chunks = CHUNKS_NONE, job->take.from = 0) { /* each node's search is its own */
        rc = take_on_node(job, nids[i], nr, &locked);
        if (rc != -ENOMEM)
            result = rc;
        if (result == 0 || ++i == nr_nodes)
            break;
    }
    nodes_unlock_of(nids[0], locked);
    return result;
}

/* claims.md CL-3.52, CL-4.12. */
static USUAL void charge(const struct job *job)
{
    struct mem_account *account = job->account;
    u64 pages = job->taken->receipt.pages;

    if (!job->taken->guest) {
        account->overhead_pages += pages;
        return;
    }
    account->tot_pages += pages;
    account->own[job->taken->receipt.nid] += pages;
    if (job->take.dirty)
        __atomic_store_n(&this_cpu()->clearing, account, __ATOMIC_RELAXED); /* the lock orders it */
}

static USUAL int attempt_once(struct job *job, const u8 *nids, u32 nr_nodes)
{
    struct mem_account *account = job->account;
    u32 nr = job->nr;
    int rc = 0;

    if (account) {
        spin_lock(&account->lock);
        rc = check_limits(job, &nr);
    }
    if (rc == 0)
        rc = take_on_nodes(job, nids, nr_nodes, nr);
    if (account) {
        if (rc == 0)
            charge(job);
        spin_unlock(&account->lock);
    }
    return rc;
}

/* One node. A search that looks at much drops the locks in between. */
static USUAL int attempt_inline(struct job *job, nodeid_t nid, u32 kinds)
{
    const u8 nids[1] = {(u8)nid};
    int rc;

    job->take.kinds = kinds;
    job->take.chunks = CHUNKS_NONE;
    job->take.from = 0;
    do
        rc = attempt_once(job, nids, 1);
    while (unlikely(rc == -EAGAIN && job->take.more));
    return rc;
}

static RARE int attempt(struct job *job, nodeid_t nid, u32 kinds)
{
    return attempt_inline(job, nid, kinds);
}

/* A single page of any of several nodes. */
static RARE int attempt_of_any(struct job *job, const struct node_order *order)
{
    int rc;

    job->take.kinds = TAKE_ANY;
    job->take.chunks = CHUNKS_NONE;
    job->take.from = 0;
    while ((rc = attempt_once(job, order->nid, order->nr)) == -EAGAIN)
        node_relax(); /* A scrubber has the page and will bring it, or someone else gets the credit too. */
    return rc;
}

/* Somebody has the credits and found no extent: scrubbers have it. */
static RARE int attempt_again(struct job *job, nodeid_t nid)
{
    int rc;

    if (job->take.order == 0 && job->take.limit == ~0ull) {
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
static int attempt_and_wait(struct job *job, nodeid_t nid)
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
static RARE int choose_of_many(struct job *job, const struct node_order *order)
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
    return job->take.order == 0 && job->take.limit == ~0ull ? attempt_of_any(job, order) : rc;
}

static int choose_of(struct job *job, const struct node_order *order)
{
    return order->nr == 1 ? attempt_and_wait(job, order->nid[0]) : choose_of_many(job, order);
}

/* What takes about a millisecond to clear. -ERESTART: some was cleaned for a next try. */
static RARE int choose_portion(struct job *job, const struct node_order *order)
{
    u32 extent_order = job->take.order;

    for (u32 i = 0; i < order->nr && extent_order > ORDER_2M; i++) {
        int rc = attempt(job, order->nid[i], TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
        /* Only where it could be had: the credits are there. */
        if (rc == -EAGAIN && node_clean_for(order->nid[i], extent_order))
            return -ERESTART;
    }
    if (order->nr == 1 && job->nr > 1) { /* clean ones first, as many as there are */
        int rc = attempt(job, order->nid[0], TAKE_CLEAN);
        if (rc != -EAGAIN)
            return rc;
    }
    job->nr = (u32)MIN(job->nr, MAX(PAGES_AT_ONCE >> extent_order, 1ull));
    return choose_of(job, order);
}

/* The nodes that the request leaves to choose from. */
static RARE int choose(struct job *job, const struct mm_request *request)
{
    struct node_order order;

    if (request->nid != NODE_NONE && request->flags & MM_EXACT_NODE)
        order.nid[0] = (u8)request->nid, order.nr = 1;
    else
        node_order_init(&order, job->account, request->nid, request->flags);
    int rc = request->flags & MM_PREEMPT ? choose_portion(job, &order) : choose_of(job, &order);
    if (rc == -ENOMEM)
        refusal_note_alloc(job->account, order.nr == 1 ? order.nid[0] : NODE_NONE, request->order,
                           BIT(request->order));
    return rc;
}

/* The usual request: one node and no other, and nobody waits while its memory is cleared. */
static USUAL int choose_exact(struct job *job, const struct mm_request *request)
{
    int rc = attempt_inline(job, request->nid, TAKE_ANY);

    if (unlikely(rc == -EAGAIN))
        rc = attempt_again(job, request->nid);
    if (unlikely(rc == -ENOMEM))
        refusal_note_alloc(job->account, request->nid, request->order, BIT(request->order));
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
static int clear(const struct job *job)
{
    const struct take *take = &job->take;

    if (take->got == 1 && (take->order <= ORDER_2M || take->all_dirty))
        frames_clear(take->extent[0], BIT(take->order));
    else if (take->order <= ORDER_2M)
        clear_extents(take);
    else
        clear_runs(ALIGN_DOWN(take->extent[0].n, BIT(ORDER_1G)), take->dirty_regions, MAP_BITS);
    if (!job->taken->guest)
        return 0;
    /* Pairs with the acquire in is_being_cleared(). */
    __atomic_store_n(&this_cpu()->clearing, NULL, __ATOMIC_RELEASE);
    return __atomic_load_n(&job->account->dying, __ATOMIC_RELAXED) ? -ESRCH : 0;
}

/* --- the calls ---------------------------------------------------------------------------------------------- */

static USUAL bool request_valid(const struct mm_request *request, const struct mem_account *account)
{
    const u32 known = MM_EXACT_NODE | MM_OVERHEAD | MM_PREEMPT | MM_AFFINITY_ONLY;

    if (request->order > MAX_ORDER || (request->flags & ~known) || request->nr - 1 >= MM_TAKE_MAX)
        return false;
    if (request->address_bits && request->address_bits <= PAGE_SHIFT)
        return false;
    return (request->nid == NODE_NONE || request->nid < mm_nr_nodes()) &&
           (account || request->flags & MM_OVERHEAD);
}

int mm_take(struct mem_account *account, const struct mm_request *request, struct mm_taken *taken)
{
    const u32 usual = MM_EXACT_NODE | MM_OVERHEAD;
    u32 order = request->order, flags = request->flags, bits = request->address_bits, nr = request->nr;
    struct job job;

    if (unlikely(!request_valid(request, account)))
        return -EINVAL;
    taken->account = job.account = account;
    taken->order = job.take.order = order;
    taken->guest = !(flags & MM_OVERHEAD);
    job.taken = taken;
    job.nr = MIN(nr, mm_extents_at_once(order));
    job.take.extent = taken->extent;
    job.take.owner = account ? account->domid : PAGE_OWNER_NONE;
    job.take.state = flags & MM_OVERHEAD ? FRAME_OWN : FRAME_GUEST;
    job.take.limit = bits && bits < 64 ? BIT(bits - PAGE_SHIFT) : ~0ull;
    int rc = likely((flags | MM_OVERHEAD) == usual && request->nid != NODE_NONE) ? choose_exact(&job, request)
                                                                                 : choose(&job, request);
    return rc || !job.take.dirty ? rc : clear(&job);
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
