/*
 * sysctls about memory and its promises: page_offline_op, and Homestead's own three (include/xen/sysctl.h),
 * which show what docs/claims.md section 7 promises. For the control domain.
 */
#include <hypercall/memory_op.h>
#include <hypercall/sysctl.h>
#include <mm/node.h>

/* One call's work: each frame may cost a look at every domain with claims. */
#define OFFLINE_MAX 512u

static int offline_one(u32 cmd, u64 frame, u32 *status)
{
    if (frame >= memop_max_page())
        return -EINVAL;
    int rc = cmd == sysctl_page_offline  ? mm_offline_page(mfn(frame), status)
             : cmd == sysctl_page_online ? mm_online_page(mfn(frame), status)
                                         : mm_query_page(mfn(frame), status);
    /* A hole below the end of memory is an answer, not an error: as in Xen. */
    return rc == -EINVAL && *status & PG_OFFLINE_NOT_CONV_RAM ? 0 : rc;
}

long sysctl_page_offline_op(struct sysctl *ctl)
{
    const struct xen_sysctl_page_offline_op *op = &ctl->op.u.page_offline;
    u32 status[OFFLINE_MAX];
    int rc = 0;

    if (op->end < op->start || op->cmd < sysctl_page_offline || op->cmd > sysctl_query_page_offline)
        return -EINVAL;
    u64 nr = (u64)op->end - op->start + 1;
    if (nr > OFFLINE_MAX)
        return -E2BIG;
    for (u32 i = 0; i < OFFLINE_MAX; i++)
        status[i] = PG_OFFLINE_INVALID;
    /* Once before the work: it cannot be undone when the answer cannot be given. */
    if (copy_to_guest(ctl->c->v, op->status, status, nr * sizeof(status[0])))
        return -EFAULT;
    for (u32 i = 0; i < nr && !rc; i++)
        rc = offline_one(op->cmd, (u64)op->start + i, &status[i]);
    mm_report_recalls();
    return copy_to_guest(ctl->c->v, op->status, status, nr * sizeof(status[0])) ? -EFAULT : rc;
}

static void fill_node(nodeid_t nid, struct xen_homestead_node_memory *out)
{
    struct mm_node_info info;
    struct node_whole whole;

    mm_node_get_info(nid, &info);
    node_get_whole(nid, &whole);
    *out = (struct xen_homestead_node_memory){
        .size_pages = info.size_pages,
        .free_pages = info.free_pages,
        .claimed_pages = info.claimed_pages,
        .dirty_pages = info.dirty_pages,
        .offline_pages = whole.offline_pages,
        .free_2m = whole.free_2m,
        .free_1g = whole.free_1g,
        .reserved_2m = whole.kept_2m,
        .reserved_1g = whole.kept_1g,
    };
}

long sysctl_node_memory(struct sysctl *ctl)
{
    struct xen_sysctl_homestead_node_memory *op = &ctl->op.u.node_memory;
    u32 nr = op->nodes ? MIN(op->num_nodes, mm_nr_nodes()) : mm_nr_nodes();
    struct xen_homestead_node_memory node;
    struct mm_host_info host;

    if (op->pad)
        return -EINVAL;
    for (nodeid_t nid = 0; nid < nr && op->nodes; nid++) {
        fill_node(nid, &node);
        int rc = copy_to_guest_element(ctl->c->v, op->nodes, nid, &node, sizeof(node));
        if (rc)
            return rc;
    }
    mm_host_get_info(&host);
    op->num_nodes = nr;
    op->free_pages = host.free_pages;
    op->outstanding_pages = host.outstanding_pages;
    op->host_claimed_pages = claim_host_total();
    return 0;
}

static int copy_domain_nodes(struct sysctl *ctl, const struct claim_view *view, u32 nr)
{
    for (u32 nid = 0; nid < nr; nid++) {
        const struct xen_homestead_domain_node node = {.own_pages = view->node[nid].own,
                                                       .claim_pages = view->node[nid].claim,
                                                       .claim_extents = view->node[nid].units,
                                                       .claim_order = view->node[nid].order};
        int rc = copy_to_guest_element(ctl->c->v, ctl->op.u.domain_memory.nodes, nid, &node, sizeof(node));
        if (rc)
            return rc;
    }
    return 0;
}

long sysctl_domain_memory(struct sysctl *ctl)
{
    struct xen_sysctl_homestead_domain_memory *op = &ctl->op.u.domain_memory;
    u32 nr = op->nodes ? MIN(op->num_nodes, mm_nr_nodes()) : mm_nr_nodes();
    struct claim_view view;

    if (op->pad || op->pad2)
        return -EINVAL;
    struct domain *d = hypercall_domain(ctl->c, op->domid);
    if (!d)
        return -ESRCH;
    claim_get_view(&d->mem, &view);
    domain_put(d);
    int rc = op->nodes ? copy_domain_nodes(ctl, &view, nr) : 0;
    if (rc)
        return rc;
    op->num_nodes = nr;
    op->tot_pages = view.tot;
    op->max_pages = view.max;
    op->overhead_pages = view.overhead;
    op->host_claim_pages = view.host_claim;
    op->outstanding_pages = view.outstanding;
    op->broken_pages = view.broken_pages;
    op->broken_extents = view.broken_units;
    op->claim_flags = view.flags;
    return 0;
}

long sysctl_refusals(struct sysctl *ctl)
{
    struct refusal_counts counts;
    struct refusal last;

    refusal_get(&counts, &last);
    struct xen_homestead_refusals out = {
        .nr_claims = counts.claims,
        .nr_allocs = counts.allocs,
        .kind = last.kind,
        .domid = last.domid,
        .nr_holders = (u16)last.nr_holders,
        .node = last.node == NODE_NONE ? XEN_INVALID_NODE_ID : last.node,
        .order = last.order,
        .pages = last.pages,
        .free_pages = last.free_pages,
        .claimed_pages = last.claimed_pages,
    };
    for (u32 i = 0; i < last.nr_holders; i++) {
        out.holder[i].domid = last.holder[i].domid;
        out.holder[i].node_pages = last.holder[i].node_pages;
        out.holder[i].host_pages = last.holder[i].host_pages;
    }
    return copy_to_guest(ctl->c->v, ctl->op.u.refusals.buffer, &out, sizeof(out));
}

_Static_assert(XEN_HOMESTEAD_REFUSAL_none == (int)REFUSAL_NONE &&
                   XEN_HOMESTEAD_REFUSAL_claim == (int)REFUSAL_CLAIM &&
                   XEN_HOMESTEAD_REFUSAL_alloc == (int)REFUSAL_ALLOC,
               "mm/ has the ABI's kinds under its own names");
_Static_assert(XEN_HOMESTEAD_HOLDERS == REFUSAL_HOLDERS && XEN_HOMESTEAD_NO_DOMAIN == REFUSAL_NOBODY,
               "and sizes");
