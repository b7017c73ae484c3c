/*
 * Taking extents: which node, clean or dirty, and who pays (docs/claims.md sections 4 and 5).
 *
 * An attempt holds the account's lock, then the ledger's, then the node's: limits are checked,
 * credits reserved, the extent taken and charged, or nothing at all has happened. No attempt can fail after
 * its extent is charged, except that the domain is killed while a dirty extent is being cleared, which is
 * done without any lock. Until then that extent is PAGE_OWN and on no list, so nobody can map, pin or release
 * it.
 *
 * Costs: at most one step per order and, with claims on other nodes, one per node; never a loop over frames
 * under a lock. Dirty extents are cleared in full before they are handed out.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/internal.h>

#define COALESCE_ROUNDS 16u

struct request {
    struct mem_account *account; /* NULL: Homestead itself */
    u32 order;
    bool guest; /* the domain's memory; else overhead */
};

/* What an attempt got. */
struct taken {
    u64 n;
    enum page_kind kind;
    struct claim_receipt *receipt;
};

/* Node order of section 5. */
struct node_order {
    u8 nid[MAX_NODES];
    u32 nr;
};

static void node_order_init(struct node_order *order, const struct mem_account *account, nodeid_t nid,
                            u32 flags)
{
    u64 seen = 0, affinity = 0;
    u32 nr_nodes = mm_nr_nodes();

    order->nr = 0;
    if (nid == NODE_NONE) {
        if (account)
            affinity = __atomic_load_n(&account->affinity, __ATOMIC_RELAXED);
        for (nodeid_t i = 0; i < nr_nodes; i++)
            if (affinity & BIT(i))
                order->nid[order->nr++] = (u8)i;
        nid = order->nr ? order->nid[0] : mm_current_node();
        if (nid >= nr_nodes)
            nid = 0; /* a CPU whose node is not known */
        for (u32 i = 0; i < order->nr; i++)
            seen |= BIT(order->nid[i]);
    } else if (flags & MM_EXACT_NODE) {
        order->nid[order->nr++] = (u8)nid;
        return;
    }
    const struct node *from = node_get(nid);
    for (u32 i = 0; i < nr_nodes; i++)
        if (!(seen & BIT(from->near[i])))
            order->nid[order->nr++] = from->near[i];
}

static void charge(const struct request *req, u64 n, nodeid_t nid)
{
    struct page *page = &frame_table[n];

    page_set_owner(page, req->account ? req->account->domid : PAGE_OWNER_NONE);
    if (req->guest) {
        req->account->tot_pages += BIT(req->order);
        req->account->own[nid] += BIT(req->order);
    } else if (req->account) {
        req->account->overhead_pages += BIT(req->order);
    }
}

/* The extent becomes visible as the domain's. Account lock held. */
static void publish(const struct request *req, u64 n)
{
    extent_link(req->account, &frame_table[n]);
    page_set(&frame_table[n], PAGE_GUEST, req->order);
}

static int check_limits(const struct request *req)
{
    const struct mem_account *account = req->account;

    if (account->dying)
        return -ESRCH;
    if (!req->guest)
        return 0;
    if (account->tot_pages > account->max_pages || BIT(req->order) > account->max_pages - account->tot_pages)
        return -E2BIG;
    return 0;
}

/* Credits, then pages, in one. -ENOMEM: promised to others. -EAGAIN: no such extent on the lists; nothing has
 * changed. Ledger lock held. */
static int take_with_credits(const struct request *req, nodeid_t nid, u32 kinds, struct taken *taken)
{
    struct node *node = node_get(nid);
    int rc = ledger_reserve_locked(req->account, nid, BIT(req->order), req->order, taken->receipt);

    if (rc)
        return rc;
    spin_lock(&node->lock);
    if (!node_take(node, req->order, kinds, &taken->n, &taken->kind)) {
        /* A credit is a page: with the lists empty, it is with a scrubber. */
        BUG_ON(req->order == 0 && kinds == TAKE_ANY && node->scrubbing_pages == 0);
        rc = -EAGAIN;
    }
    spin_unlock(&node->lock);
    if (rc)
        ledger_refund_locked(req->account, taken->receipt, BIT(req->order));
    return rc;
}

/* The first of the nodes that can do it, decided at one instant. -EAGAIN: one has the credits, but no extent
 * at hand. */
static int take_from_nodes(const struct request *req, const u8 *nids, u32 nr, u32 kinds, struct taken *taken)
{
    int result = -ENOMEM;

    ledger_lock();
    for (u32 i = 0; i < nr && result; i++) {
        int rc = take_with_credits(req, nids[i], kinds, taken);
        if (rc != -ENOMEM)
            result = rc;
    }
    ledger_unlock();
    return result;
}

static int clear_and_publish(const struct request *req, u64 n)
{
    mm_clear_frames(mfn(n), BIT(req->order));
    if (!req->guest)
        return 0;
    spin_lock(&req->account->lock);
    bool dying = req->account->dying;
    if (dying) {
        account_uncharge(req->account, n, req->order);
        extent_give_back(n, req->order); /* its claims went when it was killed: nothing to refund */
    } else {
        publish(req, n);
    }
    spin_unlock(&req->account->lock);
    return dying ? -ESRCH : 0;
}

static int try_once(const struct request *req, const u8 *nids, u32 nr, u32 kinds, struct taken *taken)
{
    int rc = 0;

    if (req->account) {
        spin_lock(&req->account->lock);
        rc = check_limits(req);
    }
    if (rc == 0)
        rc = take_from_nodes(req, nids, nr, kinds, taken);
    if (rc == 0) {
        charge(req, taken->n, taken->receipt->nid);
        if (req->guest && taken->kind == KIND_CLEAN)
            publish(req, taken->n);
    }
    if (req->account)
        spin_unlock(&req->account->lock);
    if (rc == 0 && taken->kind == KIND_DIRTY)
        rc = clear_and_publish(req, taken->n);
    return rc;
}

/* Everything that may be done for an extent of these nodes, cleaning and waiting included. Order > 0: one
 * node. */
static int try_hard(const struct request *req, const u8 *nids, u32 nr, struct taken *taken)
{
    for (u32 round = 0;;) {
        int rc = try_once(req, nids, nr, TAKE_ANY, taken);
        if (rc != -EAGAIN)
            return rc;
        if (req->order == 0)
            node_relax(); /* a scrubber has the page and will bring it, or someone else gets the credit too */
        else if (round++ == COALESCE_ROUNDS || !node_coalesce(nids[0], req->order))
            return -ENOMEM;
    }
}

static bool holds_claim(const struct mem_account *account, nodeid_t nid)
{
    return account && __atomic_load_n(&account->node_claim[nid], __ATOMIC_RELAXED) != 0;
}

/*
 * First pass: clean memory, or any on a node where the account holds a claim. Second pass: any. A single
 * page that no node had is asked for once more of all at one instant: while pages and credits move between
 * nodes, each can be empty at the moment it is looked at, and yet a host-wide claim must not fail.
 */
static int try_nodes(const struct request *req, const struct node_order *order, struct taken *taken)
{
    int rc = -ENOMEM;

    for (u32 i = 0; i < order->nr && order->nr > 1; i++) {
        const u8 *nid = &order->nid[i];
        if (holds_claim(req->account, *nid))
            rc = try_hard(req, nid, 1, taken);
        else if (node_mask(node_get(*nid), KIND_CLEAN) >> req->order)
            rc = try_once(req, nid, 1, TAKE_CLEAN, taken);
        if (rc != -ENOMEM && rc != -EAGAIN)
            return rc;
    }
    for (u32 i = 0; i < order->nr; i++) {
        rc = try_hard(req, &order->nid[i], 1, taken);
        if (rc != -ENOMEM)
            return rc;
    }
    if (req->order == 0 && order->nr > 1)
        rc = try_hard(req, order->nid, order->nr, taken);
    return rc;
}

int mm_alloc_receipt(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out,
                     struct claim_receipt *receipt)
{
    struct request req = {.account = account, .order = order, .guest = !(flags & MM_OVERHEAD)};
    struct taken taken = {.receipt = receipt};
    struct node_order nodes;

    if (order > MAX_ORDER || (flags & ~(u32)(MM_EXACT_NODE | MM_OVERHEAD)))
        return -EINVAL;
    if ((nid != NODE_NONE && nid >= mm_nr_nodes()) || (req.guest && !account))
        return -EINVAL;
    node_order_init(&nodes, account, nid, flags);
    int rc = try_nodes(&req, &nodes, &taken);
    if (rc == 0)
        *out = mfn(taken.n);
    return rc;
}

int mm_alloc(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out)
{
    struct claim_receipt receipt;
    return mm_alloc_receipt(account, nid, order, flags, out, &receipt);
}

int mm_take(struct mem_account *account, const struct mm_request *request, struct mm_taken *taken)
{
    if (request->nr == 0 || request->nr > MM_TAKE_MAX || request->address_bits)
        return -EINVAL;
    taken->account = account;
    taken->order = request->order;
    taken->nr = 1;
    return mm_alloc_receipt(account, request->nid, request->order, request->flags, &taken->extent[0],
                            &taken->receipt);
}

/*
 * Off the account's books, if m is still the extent that was handed out. Account lock held. A dying account's
 * guest memory goes by mm_release_some(), and may be gone already, its frames and even the domid somebody
 * else's: no look at them.
 */
static bool disown(struct mem_account *account, mfn_t m, u32 order)
{
    struct page *page = mfn_to_page(m);

    if (account->dying)
        return false;
    if (page->order != order || page_owner(page) != account->domid)
        return false;
    if (page->state == PAGE_OWN) {
        account->overhead_pages -= BIT(order);
        return true;
    }
    if (page->state != PAGE_GUEST || page->pins)
        return false;
    extent_unlink(account, page);
    account_uncharge(account, m.n, order);
    return true;
}

void mm_alloc_undo(struct mem_account *account, mfn_t m, u32 order, const struct claim_receipt *receipt)
{
    struct node *node = node_get(receipt->nid);

    spin_lock(&account->lock);
    if (disown(account, m, order)) {
        ledger_lock(); /* held over both: nobody may win the pages before the claim is back */
        spin_lock(&node->lock);
        node_put(node, m.n, order, KIND_DIRTY);
        spin_unlock(&node->lock);
        ledger_refund_locked(account, receipt, receipt->pages);
        ledger_unlock();
    }
    spin_unlock(&account->lock);
}

void mm_take_done(struct mm_taken *taken, u32 nr_kept)
{
    if (nr_kept < taken->nr)
        mm_alloc_undo(taken->account, taken->extent[0], taken->order, &taken->receipt);
}

void mm_free_overhead(struct mem_account *account, mfn_t m, u32 order)
{
    u16 owner = account ? account->domid : PAGE_OWNER_NONE;

    BUG_ON(!mm_mfn_valid(m));
    struct page *head = mfn_to_page(m);
    BUG_ON(head->state != PAGE_OWN || head->order != order || page_owner(head) != owner);
    if (account) {
        spin_lock(&account->lock);
        BUG_ON(account->overhead_pages < BIT(order));
        account->overhead_pages -= BIT(order);
        spin_unlock(&account->lock);
    }
    extent_give_back(m.n, order);
}
