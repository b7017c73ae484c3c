/*
 * Taking frames offline and back: XEN_SYSCTL_page_offline_op's part of mm/. First where the frame is, then its
 * credit and the status that the caller gets. Facts: Xen's public/sysctl.h.
 *
 * A free frame goes at once, out of a region that is split for it; one in use is marked and goes when its owner
 * frees it (region.c). Its memory is not moved. A frame that leaves may have been promised: all nodes are locked then.
 * Before that, scrubbers let go of the node's memory, so that no free frame is on its way.
 */
#include <homestead/errno.h>
#include <mm/ledger.h>
#include <mm/region.h>
#include <xen/sysctl.h>

static int not_ram(u32 *status)
{
    *status = PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM;
    return -EINVAL;
}

static bool is_leaving(const struct place *p)
{
    return p->word & FRAME_LEAVING;
}

/* One in use goes when it is freed, or no longer. */
static void mark_leaving(const struct place *p, mfn_t m, bool leaves)
{
    struct region *r = region_mark(p->c, m.n);
    s32 change = leaves ? 1 : -1;

    frame_tables.words[m.n] = p->word ^ FRAME_LEAVING;
    r->nr_leaving = (u16)(r->nr_leaving + change);
    p->c->nr_leaving += (u32)change;
}

/* claims.md CL-6.2 to CL-6.4, CL-7.5. */
int mm_offline_page(mfn_t m, u32 *status)
{
    nodeid_t nid = mm_mfn_node(m);
    struct place p;

    if (nid == NODE_NONE)
        return not_ram(status);
    node_wait_scrubbers(node_get(nid));
    nodes_lock(nodes_all());
    place_find(&p, m, nid);
    bool was_free = p.state == FRAME_ABSENT;
    if (was_free) {
        if (region_is_free(p.c, m.n))
            region_break(p.node, chunk_region(p.c, region_bit(m.n)));
        region_frame_offline(p.node, region_of(p.c, m.n), (u32)(m.n % MAP_BITS));
        ledger_withdraw(nid, 1);
    } else if (p.state != FRAME_OFFLINE && !is_leaving(&p)) {
        mark_leaving(&p, m, true);
    }
    nodes_unlock(nodes_all());
    node_wait_done(p.node);
    if (was_free || p.state == FRAME_OFFLINE)
        *status = PG_OFFLINE_OFFLINED;
    else if (p.state == FRAME_OWN)
        *status = PG_OFFLINE_PENDING | PG_OFFLINE_XENPAGE | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT;
    else
        *status = PG_OFFLINE_PENDING | PG_OFFLINE_OWNED | (u32)p.owner << PG_OFFLINE_OWNER_SHIFT;
    return 0;
}

/* claims.md CL-6.18. */
int mm_online_page(mfn_t m, u32 *status)
{
    struct place p;

    if (!place_lock(&p, m))
        return not_ram(status);
    bool was_offline = p.state == FRAME_OFFLINE, was_leaving = is_leaving(&p);
    if (was_offline) {
        region_frame_online(p.node, region_of(p.c, m.n), (u32)(m.n % MAP_BITS));
        ledger_credit(p.node, 1);
    } else if (was_leaving) {
        mark_leaving(&p, m, false);
    }
    spin_unlock(&p.node->lock);
    *status = was_offline || was_leaving ? PG_ONLINE_ONLINED : 0;
    return 0;
}

int mm_query_page(mfn_t m, u32 *status)
{
    struct place p;

    if (!place_lock(&p, m))
        return not_ram(status);
    *status = (p.state == FRAME_OFFLINE ? PG_OFFLINE_STATUS_OFFLINED : 0) |
              (is_leaving(&p) ? PG_OFFLINE_STATUS_OFFLINE_PENDING : 0);
    spin_unlock(&p.node->lock);
    return 0;
}
