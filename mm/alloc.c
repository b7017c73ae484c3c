/*
 * Taking memory: the choice of node, of clean or dirty memory, and of the claims that are redeemed
 * (docs/hypervisor-guide/mm/claims.md sections 4 and 5).
 *
 * A transaction holds the account's lock, then the node's: limits are checked, credits reserved, extents taken and
 * charged, or nothing at all has happened. It locks more nodes only if the one cannot decide (ledger.c). What is dirty
 * is cleared after that without any lock; until it is done the account counts the transaction as in flight, and a
 * domain that is killed in this time keeps its memory until then.
 *
 * All extents of a transaction come from one node. Its size bounds how long the locks are held:
 * mm_extents_at_once().
 */
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/node_order.h>

#define PAGES_AT_ONCE 2048ull /* cleared in one transaction of MM_PREEMPT */

/* A transaction. */
struct job {
    const struct mm_request *request;
    struct mm_taken *taken;
    struct take take;
    u64 locked;     /* nodes */
    bool guest;     /* the domain's memory; else overhead */
    bool hold;      /* in flight until mm_take_done() */
    bool in_flight; /* counted so */
};

/* How many extents the account may have: *nr becomes that. claims.md CL-1.3, CL-1.7. */
static int check_limits(const struct job *job, u32 *nr)
{
    const struct mem_account *account = job->taken->account;
    u32 order = job->request->order;

    if (account->dying)
        return -ESRCH;
    if (!job->guest)
        return 0;
    if (account->tot_pages > account->max_pages || BIT(order) > account->max_pages - account->tot_pages)
        return -E2BIG;
    *nr = (u32)MIN(*nr, (account->max_pages - account->tot_pages) >> order);
    return 0;
}

/* Credits for as many extents as there are: for nr, half of that, ...; the caller comes again for the rest. Returns
 * how many. Node lock held; afterwards those of more nodes, if it took them. */
static u32 reserve(struct job *job, nodeid_t nid, u32 nr)
{
    struct mm_taken *taken = job->taken;
    u64 needs;

    while (nr) {
        switch (ledger_reserve(taken->account, nid, (u64)nr << taken->order, taken->order, job->locked,
                               &taken->receipt, &needs)) {
        case GRANTED:
            return nr;
        case REFUSED:
            nr /= 2;
            break;
        case UNDECIDED:
            job->locked = nodes_lock_more(job->locked, needs);
        }
    }
    return 0;
}

/*
 * Credits, then memory, in one. -ENOMEM: not even one extent, promised to others. -EAGAIN: the credits are
 * there, but no such extent is on the maps; nothing has changed. Node lock held.
 * claims.md CL-1.4, CL-1.5, CL-4.13.
 */
static int take_with_credits(struct job *job, nodeid_t nid, u32 nr)
{
    struct mm_taken *taken = job->taken;
    struct node *node = node_get(nid);
    u32 order = taken->order;

    nr = reserve(job, nid, nr);
    if (!nr)
        return -ENOMEM;
    job->take.holder = job->guest ? &taken->account->held[nid] : &node->heap;
    job->take.nr = nr;
    node_take(node, &job->take);
    /* Each credit stands for a free page: if no map has it, a scrubber does. */
    BUG_ON(!job->take.got && order == 0 && job->take.kinds == TAKE_ANY && job->take.limit == ~0ull &&
           node->scrubbing_pages == 0);
    taken->nr = job->take.got;
    if (taken->nr < nr)
        ledger_refund(taken->account, &taken->receipt, (u64)(nr - taken->nr) << order);
    return taken->nr ? 0 : -EAGAIN;
}

/*
 * The first of the nodes that can do it. Several are looked at at one instant: all nodes are locked then. -EAGAIN: one
 * has the credits, but no extent at hand.
 * claims.md CL-1.4b.
 */
static int take_from_nodes(struct job *job, const u8 *nids, u32 nr_nodes, u32 nr)
{
    int result = -ENOMEM;

    job->locked = nr_nodes == 1 ? BIT(nids[0]) : nodes_all();
    nodes_lock(job->locked);
    for (u32 i = 0; i < nr_nodes && result; i++) {
        int rc = take_with_credits(job, nids[i], nr);
        if (rc != -ENOMEM)
            result = rc;
    }
    nodes_unlock(job->locked);
    return result;
}

/* claims.md CL-3.52, CL-4.12. */
static void charge(struct job *job)
{
    struct mem_account *account = job->taken->account;
    u64 pages = job->taken->receipt.pages;

    if (job->guest) {
        account->tot_pages += pages;
        account->own[job->taken->receipt.nid] += pages;
    } else {
        account->overhead_pages += pages;
    }
    job->in_flight = job->hold || job->take.dirty;
    account->in_flight += job->in_flight;
}

static int try_once(struct job *job, const u8 *nids, u32 nr_nodes, u32 kinds)
{
    struct mem_account *account = job->taken->account;
    u32 nr = job->request->nr;
    int rc = 0;

    job->take.kinds = kinds;
    if (account) {
        spin_lock(&account->lock);
        rc = check_limits(job, &nr);
    }
    if (rc == 0)
        rc = take_from_nodes(job, nids, nr_nodes, nr);
    if (account) {
        if (rc == 0)
            charge(job);
        spin_unlock(&account->lock);
    }
    return rc;
}

/* Everything that may be done for an extent of these nodes, waiting included. Above order 0: one node. */
static int try_hard(struct job *job, const u8 *nids, u32 nr_nodes)
{
    struct node *node = node_get(nids[0]);
    int rc = try_once(job, nids, nr_nodes, TAKE_ANY);

    if (rc != -EAGAIN)
        return rc;
    if (job->request->order == 0 && job->take.limit == ~0ull) {
        /* A scrubber has the page and will bring it, or someone else gets the credit too. */
        do {
            node_relax();
            rc = try_once(job, nids, nr_nodes, TAKE_ANY);
        } while (rc == -EAGAIN);
        return rc;
    }
    node_wait_scrubbers(node);
    rc = try_once(job, nids, nr_nodes, TAKE_ANY);
    node_wait_done(node);
    return rc == -EAGAIN ? -ENOMEM : rc;
}

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
static int try_nodes(struct job *job, const struct node_order *order)
{
    int rc = -ENOMEM;

    for (u32 i = 0; i < order->nr && order->nr > 1; i++) {
        const u8 *nid = &order->nid[i];
        if (i < order->nr_affine || holds_claim(job->taken->account, *nid))
            rc = try_hard(job, nid, 1);
        else if (has_clean(node_get(*nid)))
            rc = try_once(job, nid, 1, TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
    }
    for (u32 i = 0; i < order->nr; i++) {
        rc = try_hard(job, &order->nid[i], 1);
        if (rc != -ENOMEM)
            return rc;
    }
    if (job->request->order == 0 && order->nr > 1)
        rc = try_hard(job, order->nid, order->nr);
    return rc;
}

/* claims.md CL-5.15. */
static void clear_taken(const struct job *job)
{
    const struct take *take = &job->take;
    u64 base = ALIGN_DOWN(take->extent[0].n, BIT(ORDER_1G));

    if (take->order <= ORDER_2M) {
        for (u64 bits = take->dirty; bits; bits &= bits - 1)
            frames_clear(take->extent[__builtin_ctzll(bits)], BIT(take->order));
        return;
    }
    clear_runs(base, take->dirty_regions, MAP_BITS);
}

/* -ESRCH: the domain was killed while its memory was being cleared; it is still its memory, and goes with the
 * rest. */
static int land(struct job *job)
{
    struct mem_account *account = job->taken->account;

    if (!job->in_flight || !job->take.dirty)
        return 0;
    spin_lock(&account->lock);
    bool dead = job->guest && account->dying;
    if (dead || !job->hold)
        account->in_flight--;
    spin_unlock(&account->lock);
    return dead ? -ESRCH : 0;
}

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

/* The request in portions that take about a millisecond to clear. -ERESTART: some was cleaned for a next try.
 */
static int take_preemptible(struct job *job, const struct node_order *nodes)
{
    struct mm_request portion = *job->request;
    u32 order = portion.order;

    for (u32 i = 0; i < nodes->nr && order > ORDER_2M; i++) {
        int rc = try_once(job, &nodes->nid[i], 1, TAKE_CLEAN);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
        /* Only where it could be had: the credits are there. */
        if (rc == -EAGAIN && node_clean_for(nodes->nid[i], order))
            return -ERESTART;
    }
    if (nodes->nr == 1 && portion.nr > 1) { /* clean ones first, as many as there are */
        int rc = try_once(job, nodes->nid, 1, TAKE_CLEAN);
        if (rc != -EAGAIN)
            return rc;
    }
    portion.nr = (u32)MIN(portion.nr, MAX(PAGES_AT_ONCE >> order, 1ull));
    job->request = &portion;
    return try_nodes(job, nodes);
}

static int take(struct job *job, struct mem_account *account)
{
    struct mm_request request = *job->request;
    struct node_order nodes;

    if (!request_valid(&request, account))
        return -EINVAL;
    job->taken->account = account;
    request.nr = MIN(request.nr, mm_extents_at_once(request.order));
    job->request = &request;
    job->guest = job->taken->guest = !(request.flags & MM_OVERHEAD);
    job->take.extent = job->taken->extent;
    job->take.owner = account ? account->domid : PAGE_OWNER_NONE;
    job->take.state = job->guest ? FRAME_GUEST : FRAME_OWN;
    job->take.order = job->taken->order = request.order;
    job->take.limit =
        request.address_bits && request.address_bits < 64 ? BIT(request.address_bits - PAGE_SHIFT) : ~0ull;
    node_order_init(&nodes, account, request.nid, request.flags);
    int rc = request.flags & MM_PREEMPT ? take_preemptible(job, &nodes) : try_nodes(job, &nodes);
    if (unlikely(rc == -ENOMEM))
        refusal_note_alloc(account, nodes.nr == 1 ? nodes.nid[0] : NODE_NONE, request.order,
                           BIT(request.order));
    if (rc)
        return rc;
    if (job->take.dirty)
        clear_taken(job);
    return land(job);
}

int mm_take(struct mem_account *account, const struct mm_request *request, struct mm_taken *taken)
{
    struct job job = {.request = request, .taken = taken, .hold = account != NULL};

    return take(&job, account);
}

int mm_alloc(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out)
{
    struct mm_request request = {.nid = nid, .order = order, .nr = 1, .flags = flags};
    struct mm_taken taken;
    struct job job = {.request = &request, .taken = &taken};
    int rc = take(&job, account);

    if (rc == 0)
        *out = taken.extent[0];
    return rc;
}
