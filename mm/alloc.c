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
static int check_limits(const struct job *job, u32 *nr)
{
    const struct mem_account *account = job->account;
    u32 order = job->take.order;

    if (account->dying)
        return -ESRCH;
    if (!job->taken->guest)
        return 0;
    if (account->tot_pages > account->max_pages || BIT(order) > account->max_pages - account->tot_pages)
        return -E2BIG;
    *nr = (u32)MIN(*nr, (account->max_pages - account->tot_pages) >> order);
    return 0;
}

/* Credits for as many extents as there are: for nr, half of that, ...; the caller comes again for the rest. Returns
 * how many. Locks more nodes if that is needed. */
static inline u32 reserve(struct job *job, nodeid_t nid, u32 nr, u64 *locked)
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

/*
 * Credits, then memory. -ENOMEM: not even one extent, promised to others. -EAGAIN: the credits are there, but no such
 * extent was found; nothing has changed. Node lock held.
 * claims.md CL-1.4, CL-1.5, CL-4.13.
 */
static inline int take_on_node(struct job *job, nodeid_t nid, u32 nr, u64 *locked)
{
    struct node *node = node_get(nid);
    struct mm_taken *taken = job->taken;
    struct take *take = &job->take;

    nr = reserve(job, nid, nr, locked);
    if (!nr)
        return -ENOMEM;
    take->holder = taken->guest ? &job->account->held[nid] : &node->heap;
    take->nr = nr;
    node_take(node, take);
    taken->nr = take->got;
    if (unlikely(take->got < nr)) {
        /* Each credit stands for a free page: if no map has it, a scrubber does. */
        BUG_ON(!take->got && take->order == 0 && take->kinds == TAKE_ANY && take->limit == ~0ull &&
               node->scrubbing_pages == 0);
        ledger_refund(job->account, &taken->receipt, (u64)(nr - take->got) << take->order);
    }
    return take->got ? 0 : -EAGAIN;
}

/*
 * The first of the nodes that can do it. Several are looked at at one instant: all nodes are locked then. -EAGAIN: one
 * has the credits, but no extent at hand.
 * claims.md CL-1.4b.
 */
static inline int take_on_nodes(struct job *job, const u8 *nids, u32 nr_nodes, u32 nr)
{
    u64 locked = likely(nr_nodes == 1) ? BIT(nids[0]) : nodes_all();
    int rc, result = -ENOMEM;

    nodes_lock(locked);
    for (u32 i = 0;; job->take.chunks = CHUNKS_NONE, job->take.from = 0) { /* each node's search is its own */
        rc = take_on_node(job, nids[i], nr, &locked);
        if (rc != -ENOMEM)
            result = rc;
        if (result == 0 || ++i == nr_nodes)
            break;
    }
    nodes_unlock(locked);
    return result;
}

/* claims.md CL-3.52, CL-4.12. */
static void charge(const struct job *job)
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

static inline int attempt_once(struct job *job, const u8 *nids, u32 nr_nodes)
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

/* A search that looks at much drops the locks in between. */
static int attempt(struct job *job, const u8 *nids, u32 nr_nodes, u32 kinds)
{
    int rc;

    job->take.kinds = kinds;
    job->take.chunks = CHUNKS_NONE;
    job->take.from = 0;
    do
        rc = attempt_once(job, nids, nr_nodes);
    while (unlikely(rc == -EAGAIN && job->take.more && nr_nodes == 1));
    return rc;
}

/* Somebody has the credits and found no extent: scrubbers have it. */
static int attempt_again(struct job *job, const u8 *nids, u32 nr_nodes)
{
    int rc;

    if (job->take.order == 0 && job->take.limit == ~0ull) {
        /* A scrubber has the page and will bring it, or someone else gets the credit too. */
        do {
            node_relax();
            rc = attempt(job, nids, nr_nodes, TAKE_ANY);
        } while (rc == -EAGAIN);
        return rc;
    }
    node_wait_scrubbers(node_get(nids[0]));
    rc = attempt(job, nids, nr_nodes, TAKE_ANY);
    node_wait_done(node_get(nids[0]));
    return rc == -EAGAIN ? -ENOMEM : rc;
}

/* Waits for what scrubbers have. Above order 0: one node. */
static inline int attempt_and_wait(struct job *job, const u8 *nids, u32 nr_nodes)
{
    int rc = attempt(job, nids, nr_nodes, TAKE_ANY);

    return likely(rc != -EAGAIN) ? rc : attempt_again(job, nids, nr_nodes);
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
static int choose_of_many(struct job *job, const struct node_order *order)
{
    int rc = -ENOMEM;

    for (u32 i = 0; i < order->nr; i++) {
        const u8 *nid = &order->nid[i];
        if (i < order->nr_affine || holds_claim(job->account, *nid))
            rc = attempt_and_wait(job, nid, 1);
        else if (has_clean(node_get(*nid)))
            rc = attempt(job, nid, 1, TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
    }
    for (u32 i = 0; i < order->nr; i++) {
        rc = attempt_and_wait(job, &order->nid[i], 1);
        if (rc != -ENOMEM)
            return rc;
    }
    return job->take.order == 0 ? attempt_and_wait(job, order->nid, order->nr) : rc;
}

static inline int choose(struct job *job, const struct node_order *order)
{
    return likely(order->nr == 1) ? attempt_and_wait(job, order->nid, 1) : choose_of_many(job, order);
}

/* What takes about a millisecond to clear. -ERESTART: some was cleaned for a next try. */
static int choose_portion(struct job *job, const struct node_order *order)
{
    u32 extent_order = job->take.order;

    for (u32 i = 0; i < order->nr && extent_order > ORDER_2M; i++) {
        int rc = attempt(job, &order->nid[i], 1, TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
        /* Only where it could be had: the credits are there. */
        if (rc == -EAGAIN && node_clean_for(order->nid[i], extent_order))
            return -ERESTART;
    }
    if (order->nr == 1 && job->nr > 1) { /* clean ones first, as many as there are */
        int rc = attempt(job, order->nid, 1, TAKE_CLEAN);
        if (rc != -EAGAIN)
            return rc;
    }
    job->nr = (u32)MIN(job->nr, MAX(PAGES_AT_ONCE >> extent_order, 1ull));
    return choose(job, order);
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

    if (take->got == 1 && take->order <= ORDER_2M)
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

static bool request_valid(const struct mm_request *request, const struct mem_account *account)
{
    u32 known = MM_EXACT_NODE | MM_OVERHEAD | MM_PREEMPT | MM_AFFINITY_ONLY;

    if (request->order > MAX_ORDER || (request->flags & ~known) || !request->nr || request->nr > MM_TAKE_MAX)
        return false;
    if (request->address_bits && request->address_bits <= PAGE_SHIFT)
        return false;
    return (request->nid == NODE_NONE || request->nid < mm_nr_nodes()) &&
           (account || request->flags & MM_OVERHEAD);
}

int mm_take(struct mem_account *account, const struct mm_request *request, struct mm_taken *taken)
{
    struct node_order nodes;
    struct job job;

    if (!request_valid(request, account))
        return -EINVAL;
    taken->account = job.account = account;
    taken->order = job.take.order = request->order;
    taken->guest = !(request->flags & MM_OVERHEAD);
    job.taken = taken;
    job.nr = MIN(request->nr, mm_extents_at_once(request->order));
    job.take.extent = taken->extent;
    job.take.owner = account ? account->domid : PAGE_OWNER_NONE;
    job.take.state = taken->guest ? FRAME_GUEST : FRAME_OWN;
    job.take.limit =
        request->address_bits && request->address_bits < 64 ? BIT(request->address_bits - PAGE_SHIFT) : ~0ull;
    if (request->nid != NODE_NONE && request->flags & MM_EXACT_NODE)
        nodes.nid[0] = (u8)request->nid, nodes.nr = 1;
    else
        node_order_init(&nodes, account, request->nid, request->flags);
    int rc = request->flags & MM_PREEMPT ? choose_portion(&job, &nodes) : choose(&job, &nodes);
    if (unlikely(rc == -ENOMEM))
        refusal_note_alloc(account, nodes.nr == 1 ? nodes.nid[0] : NODE_NONE, request->order,
                           BIT(request->order));
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
