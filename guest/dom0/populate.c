/*
 * Populates a guest's memory in the largest extents that the host can give: 1 GiB, 2 MiB, 4 KiB. After a
 * short count at one order, that place is populated with the next smaller one; a short count at 4 KiB means
 * that the node has no more memory for this domain.
 */
#include <guest/dom0/dom0.h>

#define BATCH 256u

/* The longest run of extents of one size from gfn on. Returns its order; fills starts[] and *count. */
static u32 next_batch(u64 gfn, u64 end, u32 max_order, xen_pfn_t *starts, u32 *count)
{
    u32 order = layout_order(gfn, end, max_order);
    u32 n = 0;

    while (n < BATCH && gfn < end && layout_order(gfn, end, max_order) == order) {
        starts[n++] = gfn;
        gfn += 1ull << order;
    }
    *count = n;
    return order;
}

/* populate_range() with mem_flags. */
static int populate_with(u32 domid, u64 gfn, u64 end, unsigned int flags, u64 *done)
{
    xen_pfn_t starts[BATCH];
    u64 no_1g_until = 0, no_2m_until = 0; /* the host had no extent of that size for frames below */

    while (gfn < end) {
        u32 max_order = ORDER_1G, count;
        u64 stop = end;
        if (gfn < no_1g_until) {
            max_order = ORDER_2M;
            stop = no_1g_until;
        }
        if (gfn < no_2m_until) {
            max_order = ORDER_4K;
            stop = no_2m_until;
        }
        u32 order = next_batch(gfn, stop, max_order, starts, &count);
        int got = xc_domain_populate_physmap(xch, domid, count, order, flags, starts);
        if (got < 0)
            return got;
        gfn += (u64)got << order;
        *done += (u64)got << order;
        if ((u32)got == count)
            continue;
        if (order == ORDER_4K)
            return -ENOMEM;
        if (order == ORDER_1G)
            no_1g_until = gfn + (1ull << order);
        else
            no_2m_until = gfn + (1ull << order);
    }
    return 0;
}

static unsigned int node_flags(u32 node)
{
    return node == POPULATE_ANY_NODE ? 0 : (unsigned int)XENMEMF_exact_node(node);
}

int populate_range(u32 domid, u64 gfn, u64 end, u32 node, u64 *done)
{
    return populate_with(domid, gfn, end, node_flags(node), done);
}

/* [gfn, end), on the node or on any; with progress= in steps of so much, each with a line. */
static int populate_steps(struct build *b, u64 gfn, u64 end, u32 node, unsigned int flags)
{
    const u64 step = options.progress_mib << (20 - PAGE_SHIFT);
    int rc = 0;

    while (gfn < end && !rc) {
        u64 stop = step ? MIN(end, gfn - gfn % step + step) : end, done = 0;
        rc = populate_with(b->domid, gfn, stop, flags, &done);
        b->done += done;
        if (node != POPULATE_ANY_NODE)
            b->populated[node] += done;
        if (step && node != POPULATE_ANY_NODE)
            printf("@progress domain=%u node=%u pages=%lu\n", b->domid, node, b->populated[node]);
        else if (step)
            printf("@progress domain=%u node=any pages=%lu\n", b->domid, b->done);
        gfn = stop;
    }
    return rc;
}

static u32 index_of(const struct build *b, u32 node)
{
    u32 i = 0;

    while (b->nodes[i] != node)
        i++;
    return i;
}

/* By virtual node, range by range: the hypervisor knows on which node of the host each is. */
static int populate_vnodes(struct build *b)
{
    const struct vnuma_plan *p = &b->vnuma;
    int rc = 0;

    for (u32 i = 0; !rc && i < p->nr_ranges; i++) {
        const struct xen_vmemrange *r = &p->range[i];
        rc = populate_steps(b, r->start >> PAGE_SHIFT, r->end >> PAGE_SHIFT, p->pnode[r->nid],
                            XENMEMF_vnode | (unsigned int)XENMEMF_exact_node(r->nid));
        b->stuck_at = index_of(b, p->pnode[r->nid]);
    }
    return rc;
}

/* Walks the layout and the nodes' quotas in parallel. */
int populate_guest(struct build *b)
{
    u32 node = 0;

    if (b->vnuma.nr_vnodes)
        return populate_vnodes(b);
    u64 left = b->nr_nodes ? b->quota[0] : ~0ull;

    for (u32 i = 0; i < b->layout.nr_ranges; i++) {
        u64 gfn = b->layout.ranges[i].start, end = b->layout.ranges[i].end;
        while (gfn < end) {
            while (left == 0 && node + 1 < b->nr_nodes)
                left = b->quota[++node];
            u64 stop = end - gfn > left ? gfn + left : end;
            u32 on = b->nr_nodes ? b->nodes[node] : POPULATE_ANY_NODE;
            int rc = populate_steps(b, gfn, stop, on, node_flags(on));
            b->stuck_at = node;
            if (rc)
                return rc;
            left -= stop - gfn;
            gfn = stop;
        }
    }
    return 0;
}
