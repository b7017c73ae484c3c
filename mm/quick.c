/*
 * The shortest way for one frame or one region of a domain: no search, only what is at hand. It does what the
 * way of alloc.c and owned.c would do, or nothing at all, and then that way is taken. Most single calls end
 * here.
 */
#include <arch/x86/cpu/frames.h>
#include <homestead/errno.h>
#include <mm/internal.h>

/* A free frame of the holder's first open region. */
static bool pick_frame(struct node *node, struct holdings *holder, u16 owner, u32 kinds, u64 *n, bool *dirty)
{
    struct region *r = holder->open;

    if (!r)
        return false;
    *dirty = r->nr_free == r->nr_dirty;
    if (*dirty && !(kinds & TAKE_DIRTY))
        return false;
    for (u32 w = 0;; w++) { /* there is one */
        u64 bits = *dirty ? r->free[w] : r->free[w] & ~r->dirty[w];
        if (!bits)
            continue;
        u32 bit = (u32)__builtin_ctzll(bits);
        r->free[w] &= ~BIT(bit);
        r->dirty[w] &= ~BIT(bit);
        r->frame[w * 64 + bit] = frame_word(owner, FRAME_GUEST);
        *n = r->base + w * 64 + bit;
        break;
    }
    r->nr_free--;
    r->nr_dirty = (u16)(r->nr_dirty - *dirty);
    node->free_pages--;
    node->dirty_pages -= *dirty;
    if (!r->nr_free || (*dirty && !r->nr_dirty))
        region_taken(node, r, holder, 1);
    return true;
}

/* A free region of the chunk the holder took the last one from, if that is broken anyway. */
static bool pick_region(struct node *node, struct holdings *holder, u16 owner, u32 kinds, u64 *n, bool *dirty)
{
    struct chunk *c = holder->near;

    if (!c || c->list != CHUNKS_PARTLY || !node_spare_2m(node))
        return false;
    *dirty = !c->nr_clean;
    if (*dirty && !(kinds & TAKE_DIRTY))
        return false;
    struct region *r = chunk_region(c, map_next(*dirty ? c->dirty : c->clean, 0, true));
    region_claim(node, r, holder, owner, FRAME_GUEST);
    *n = r->base;
    return true;
}

/* Account lock held. 0, or -EAGAIN: not here, and nothing has changed. */
static int take_locked(struct mem_account *account, nodeid_t nid, u32 order, bool exact, u64 *n, bool *dirty)
{
    struct node *node = node_get(nid);
    struct holdings *holder = &account->held[nid];
    u32 kinds = exact || account->node_claim[nid] ? TAKE_ANY : TAKE_CLEAN;
    struct claim_receipt receipt;

    if (account->dying || account->tot_pages > account->max_pages ||
        BIT(order) > account->max_pages - account->tot_pages)
        return -EAGAIN;
    ledger_lock();
    if (ledger_reserve_locked(account, nid, BIT(order), order, &receipt)) {
        ledger_unlock();
        return -EAGAIN;
    }
    spin_lock(&node->lock);
    bool got = order == 0 ? pick_frame(node, holder, account->domid, kinds, n, dirty)
                          : pick_region(node, holder, account->domid, kinds, n, dirty);
    spin_unlock(&node->lock);
    if (!got)
        ledger_refund_locked(account, &receipt, BIT(order));
    ledger_unlock();
    if (!got)
        return -EAGAIN;
    account->tot_pages += BIT(order);
    account->own[nid] += BIT(order);
    account->in_flight += *dirty;
    return 0;
}

int quick_take(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out)
{
    bool dirty = false, dying = false;
    u64 n = 0;

    spin_lock(&account->lock);
    int rc = take_locked(account, nid, order, flags & MM_EXACT_NODE, &n, &dirty);
    spin_unlock(&account->lock);
    if (rc)
        return rc;
    if (dirty) {
        frames_clear(mfn(n), BIT(order));
        spin_lock(&account->lock);
        account->in_flight--;
        dying = account->dying;
        spin_unlock(&account->lock);
    }
    if (dying)
        return -ESRCH;
    *out = mfn(n);
    return 0;
}

/* Node lock held. Is it a plain frame or a plain region of the domain's? */
static bool is_plain(const struct region *r, u64 n, u32 order, u16 domid)
{
    u32 bit = (u32)(n % MAP_BITS);

    if (r->chunk->state != REGION_SPLIT || region_is_free(r) || r->nr_pinned || r->nr_leaving)
        return false;
    if (order == ORDER_2M)
        return bit == 0 && r->state == FRAME_GUEST && r->owner == domid;
    return r->state == REGION_SPLIT && !map_test(r->free, bit) &&
           r->frame[bit] == frame_word(domid, FRAME_GUEST);
}

bool quick_release(struct mem_account *account, mfn_t m, u32 order)
{
    const struct frame_range *range = frame_range_find(m.n);
    struct freed freed = {0};

    if (!range || (order != 0 && order != ORDER_2M))
        return false;
    nodeid_t nid = range->nid;
    struct node *node = node_get(nid);
    spin_lock(&account->lock);
    spin_lock(&node->lock);
    struct region *r = region_of(m.n, nid);
    bool plain = is_plain(r, m.n, order, account->domid);
    if (plain) {
        u32 bit = (u32)(m.n % MAP_BITS);
        region_free(node, r, &account->held[nid], bit, bit + (1u << order), &freed);
    }
    spin_unlock(&node->lock);
    if (plain) {
        account_uncharge(account, nid, BIT(order));
        ledger_credit(nid, BIT(order));
    }
    spin_unlock(&account->lock);
    return plain;
}
