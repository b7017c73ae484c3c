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

/* A frame of RAM, and its node with the lock held and no memory with a scrubber. */
struct place {
    nodeid_t nid;
    struct node *node;
    struct region *r;
    u32 bit; /* in the region */
    enum owned_state state;
    u16 owner;
    bool leaving; /* leaves when it is freed */
};

static struct place enter(mfn_t m)
{
    struct place p = {.nid = mm_mfn_node(m), .bit = (u32)(m.n % MAP_BITS)};

    p.node = node_get(p.nid);
    node_wait_scrubbers(p.node);
    spin_lock(&p.node->lock);
    p.r = region_of(m.n, p.nid);
    p.state = frame_get(p.r, m.n, &p.owner);
    /* Words of free frames mean nothing. */
    p.leaving = p.state != FRAME_ABSENT && (p.r->frame[p.bit] & FRAME_LEAVING);
    return p;
}

static void leave(const struct place *p)
{
    spin_unlock(&p->node->lock);
    node_wait_done(p->node);
}

/* One in use goes when it is freed, or no longer. */
static void mark_leaving(const struct place *p, bool leaves)
{
    s32 change = leaves ? 1 : -1;

    p->r->frame[p->bit] ^= FRAME_LEAVING;
    p->r->nr_leaving = (u16)(p->r->nr_leaving + change);
    p->r->chunk->nr_leaving += (u32)change;
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
    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    struct place p = enter(m);
    bool was_free = p.state == FRAME_ABSENT;
    if (was_free) {
        if (region_is_free(p.r))
            region_take(p.node, p.r, NULL, 0, REGION_SPLIT);
        region_frame_offline(p.node, p.r, p.bit);
    } else if (p.state != FRAME_OFFLINE && !p.leaving) {
        mark_leaving(&p, true);
    }
    leave(&p);
    if (was_free)
        ledger_withdraw_locked(p.nid, 1);
    ledger_unlock();
    if (was_free || p.state == FRAME_OFFLINE)
        *status = PG_OFFLINE_OFFLINED;
    else if (p.state == FRAME_OWN)
        *status = PG_OFFLINE_PENDING | PG_OFFLINE_XENPAGE | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT;
    else
        *status = PG_OFFLINE_PENDING | PG_OFFLINE_OWNED | (u32)p.owner << PG_OFFLINE_OWNER_SHIFT;
    return 0;
}

int mm_online_page(mfn_t m, u32 *status)
{
    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    struct place p = enter(m);
    bool was_offline = p.state == FRAME_OFFLINE;
    if (was_offline)
        region_frame_online(p.node, p.r, p.bit);
    else if (p.leaving)
        mark_leaving(&p, false);
    leave(&p);
    if (was_offline)
        ledger_deposit_locked(p.nid, 1);
    ledger_unlock();
    *status = was_offline || p.leaving ? PG_ONLINE_ONLINED : 0;
    return 0;
}

int mm_query_page(mfn_t m, u32 *status)
{
    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    struct place p = enter(m);
    leave(&p);
    ledger_unlock();
    *status = (p.state == FRAME_OFFLINE ? PG_OFFLINE_STATUS_OFFLINED : 0) |
              (p.leaving ? PG_OFFLINE_STATUS_OFFLINE_PENDING : 0);
    return 0;
}
