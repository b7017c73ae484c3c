/*
 * Taking frames offline and back: XEN_SYSCTL_page_offline_op's part of mm/. First where the frame is, then its
 * credit and what the caller is told. Facts: Xen's public/sysctl.h.
 *
 * A free frame goes at once, out of a region that is split for it; one in use is marked and goes when its owner
 * frees it (region.c). Its memory is not moved. Scrubbers let go first, so that no frame is on its way. Locks:
 * the ledger's, inside it the node's.
 */
#include <homestead/errno.h>
#include <mm/ledger.h>
#include <mm/region.h>
#include <xen/sysctl.h>

enum {
    WHERE_OFFLINE = 1u,
    WHERE_PENDING = 2u, /* leaves when it is freed */
    WHERE_IN_USE = 4u,  /* by the domain in bits 16 to 31 */
    WHERE_HOMESTEAD = 8u,
};

/* Node lock held, no memory with a scrubber. */
static enum owned_state look(const struct region *r, u64 n, u16 *owner, u64 *word)
{
    enum owned_state state = frame_get(r, n, owner);

    /* Words of free frames mean nothing. */
    *word = state == FRAME_ABSENT ? 0 : r->frame[n % MAP_BITS];
    return state;
}

static struct node *enter(mfn_t m, struct region **r)
{
    nodeid_t nid = mm_mfn_node(m);

    if (nid == NODE_NONE)
        return NULL;
    struct node *node = node_get(nid);
    node_wait_scrubbers(node);
    spin_lock(&node->lock);
    *r = region_of(m.n, nid);
    return node;
}

static void leave(struct node *node)
{
    spin_unlock(&node->lock);
    node_wait_done(node);
}

/* One in use goes when it is freed, or no longer. */
static void mark_leaving(struct region *r, u64 n, bool leaves)
{
    s32 change = leaves ? 1 : -1;

    r->frame[n % MAP_BITS] ^= FRAME_LEAVING;
    r->nr_leaving = (u16)(r->nr_leaving + change);
    r->chunk->nr_leaving += (u32)change;
}

/* A free frame leaves its node: was_free, then its credit is the caller's to withdraw. One in use is marked
 * and leaves when it is freed. -EINVAL: not RAM of mm/. Already offline or marked: 0, was_free false. */
static int node_offline_frame(mfn_t m, bool *was_free)
{
    struct region *r;
    struct node *node = enter(m, &r);
    u16 owner;
    u64 word;

    *was_free = false;
    if (!node)
        return -EINVAL;
    enum owned_state state = look(r, m.n, &owner, &word);
    if (state == FRAME_ABSENT) {
        if (region_is_free(r))
            region_take(node, r, NULL, 0, REGION_SPLIT);
        region_frame_offline(node, r, (u32)(m.n % MAP_BITS));
        *was_free = true;
    } else if (state != FRAME_OFFLINE && !(word & FRAME_LEAVING)) {
        mark_leaving(r, m.n, true);
    }
    leave(node);
    return 0;
}

/* The reverse; now_free: it is free again, its credit the caller's to deposit. */
static int node_online_frame(mfn_t m, bool *now_free)
{
    struct region *r;
    struct node *node = enter(m, &r);
    u16 owner;
    u64 word;

    *now_free = false;
    if (!node)
        return -EINVAL;
    enum owned_state state = look(r, m.n, &owner, &word);
    if (state == FRAME_OFFLINE) {
        region_frame_online(node, r, (u32)(m.n % MAP_BITS));
        *now_free = true;
    } else if (word & FRAME_LEAVING) {
        mark_leaving(r, m.n, false);
    }
    leave(node);
    return 0;
}

/* WHERE_* bits; 0: free, or not RAM. */
static u32 node_frame_state(mfn_t m)
{
    struct region *r;
    struct node *node = enter(m, &r);
    u16 owner;
    u64 word;

    if (!node)
        return 0;
    enum owned_state state = look(r, m.n, &owner, &word);
    leave(node);
    if (state == FRAME_ABSENT)
        return 0;
    if (state == FRAME_OFFLINE)
        return WHERE_OFFLINE;
    return (word & FRAME_LEAVING ? WHERE_PENDING : 0) |
           (state == FRAME_OWN ? WHERE_HOMESTEAD : WHERE_IN_USE | (u32)owner << 16);
}

/* Who owns a frame that leaves when it is freed. */
static u32 keeper(u32 state)
{
    if (state & WHERE_HOMESTEAD)
        return PG_OFFLINE_XENPAGE | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT;
    return PG_OFFLINE_OWNED | (state >> 16) << PG_OFFLINE_OWNER_SHIFT;
}

static bool is_ram(mfn_t m, u32 *status)
{
    if (mm_mfn_valid(m))
        return true;
    *status = PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM;
    return false;
}

int mm_offline_page(mfn_t m, u32 *status)
{
    bool was_free = false;

    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    int rc = node_offline_frame(m, &was_free);
    if (rc == 0 && was_free)
        ledger_withdraw_locked(mm_mfn_node(m), 1);
    u32 state = node_frame_state(m);
    ledger_unlock();
    if (rc)
        *status = PG_OFFLINE_FAILED;
    else
        *status = state & WHERE_OFFLINE ? PG_OFFLINE_OFFLINED : PG_OFFLINE_PENDING | keeper(state);
    return rc;
}

int mm_online_page(mfn_t m, u32 *status)
{
    bool now_free = false;

    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    bool was_away = node_frame_state(m) & (WHERE_OFFLINE | WHERE_PENDING);
    int rc = was_away ? node_online_frame(m, &now_free) : 0;
    if (rc == 0 && now_free)
        ledger_deposit_locked(mm_mfn_node(m), 1);
    ledger_unlock();
    *status = rc ? PG_ONLINE_FAILED : was_away ? PG_ONLINE_ONLINED : 0;
    return rc;
}

int mm_query_page(mfn_t m, u32 *status)
{
    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    u32 state = node_frame_state(m);
    ledger_unlock();
    *status = (state & WHERE_OFFLINE ? PG_OFFLINE_STATUS_OFFLINED : 0) |
              (state & WHERE_PENDING ? PG_OFFLINE_STATUS_OFFLINE_PENDING : 0);
    return 0;
}
