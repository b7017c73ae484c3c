/* In which order an allocation tries the nodes: docs/hypervisor-guide/mm/claims.md section 5. */
#include <arch/x86/cpu/percpu.h>
#include <mm/node_order.h>

/*
 * The nodes on which the account has least come first, so that a domain that gives back and takes stays spread.
 * claims.md CL-5.6.
 */
static void sort_by_own(struct node_order *order, struct mem_account *account)
{
    spin_lock(&account->lock);
    for (u32 i = 1; i < order->nr; i++) {
        u8 nid = order->nid[i];
        u32 at = i;

        for (; at && account->own[order->nid[at - 1]] > account->own[nid]; at--)
            order->nid[at] = order->nid[at - 1];
        order->nid[at] = nid;
    }
    spin_unlock(&account->lock);
}

/* claims.md CL-2.23, CL-5.1. */
u32 mm_affinity_order(u64 affinity, u8 nid[MAX_NODES])
{
    nodeid_t first = 0;
    u32 nr_nodes = mm_nr_nodes(), nr = 0;

    while (first < nr_nodes && !(affinity & BIT(first)))
        first++;
    if (first == nr_nodes)
        return 0;
    const struct node *from = node_get(first);
    for (u32 i = 0; i < nr_nodes; i++)
        if (affinity & BIT(from->near[i]))
            nid[nr++] = from->near[i];
    return nr;
}

/* claims.md CL-5.1, CL-5.3, CL-5.4, CL-5.6. */
void node_order_init(struct node_order *order, struct mem_account *account, nodeid_t nid, u32 flags)
{
    u64 seen = 0, affinity = 0;
    u32 nr_nodes = mm_nr_nodes();

    order->nr = order->nr_affine = 0;
    if (nid == NODE_NONE) {
        if (account)
            affinity = __atomic_load_n(&account->affinity, __ATOMIC_RELAXED);
        order->nr = order->nr_affine = mm_affinity_order(affinity, order->nid);
        if (order->nr && flags & MM_AFFINITY_ONLY) {
            sort_by_own(order, account);
            return;
        }
        nid = order->nr ? order->nid[0] : this_node();
        if (nid >= nr_nodes)
            nid = 0; /* a CPU whose node is not known */
        for (u32 i = 0; i < order->nr; i++)
            seen |= BIT(order->nid[i]);
    }
    const struct node *from = node_get(nid);
    for (u32 i = 0; i < nr_nodes; i++)
        if (!(seen & BIT(from->near[i])))
            order->nid[order->nr++] = from->near[i];
}
