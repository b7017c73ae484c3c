/*
 * Populating a guest's memory in the largest extents the host can give: 1 GiB, 2 MiB, 4 KiB. A short
 * count at one order is answered by the next smaller one for that place; a short count at 4 KiB means
 * that the node is out of memory for this domain.
 */
#include <guest/dom0/dom0.h>

#define BATCH 256u

/* The largest run of equal extents from gfn on. Returns its order, fills starts[], *count. */
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

int populate_range(u32 domid, u64 gfn, u64 end, u32 node, u64 *done)
{
    static xen_pfn_t starts[BATCH];
    unsigned int flags = node == POPULATE_ANY_NODE ? 0 : (unsigned int)XENMEMF_exact_node(node);
    u64 no_1g_until = 0, no_2m_until = 0; /* the host could not give that size whole up to here */

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
