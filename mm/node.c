/*
 * The locks of several nodes, a node's figures and the host's, for hypercalls and the console, and how much of a node is
 * kept whole. Figures are of one instant (docs/hypervisor-guide/mm/claims.md section 7).
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>

void mm_note_unmanaged(nodeid_t nid, u64 pages)
{
    node_get(nid)->unmanaged_pages += pages;
}

void mm_note_managed(nodeid_t nid, u64 pages)
{
    ASSERT(pages <= node_get(nid)->unmanaged_pages);
    node_get(nid)->unmanaged_pages -= pages;
}

void nodes_lock_each(u64 nodes)
{
    for_each_node (nid, nodes)
        spin_lock(&node_get(nid)->lock);
}

void nodes_unlock_each(u64 nodes)
{
    while (nodes) {
        nodeid_t nid = 63u - (nodeid_t)__builtin_clzll(nodes);

        spin_unlock(&node_get(nid)->lock);
        nodes &= ~BIT(nid);
    }
}

u64 nodes_lock_more(u64 locked, u64 more)
{
    nodes_unlock(locked);
    nodes_lock(locked | more);
    return locked | more;
}

void mm_node_get_info(nodeid_t nid, struct mm_node_info *out)
{
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    out->size_pages = node->ram_pages + node->unmanaged_pages;
    out->free_pages = node->free_pages;
    out->claimed_pages = node->claimed;
    out->dirty_pages = node->dirty_pages;
    spin_unlock(&node->lock);
}

void mm_host_get_info(struct mm_host_info *out)
{
    u64 host_spare = 0;

    *out = (struct mm_host_info){0};
    /* What was read of a node stays so while it is locked: the sums are of the moment when the last one is. */
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct node *node = node_get(nid);

        spin_lock(&node->lock);
        out->total_pages += node->ram_pages + node->unmanaged_pages;
        out->free_pages += node->free_pages;
        out->dirty_pages += node->dirty_pages;
        out->outstanding_pages += node->claimed;
        host_spare += node->host_part;
    }
    for (nodeid_t nid = mm_nr_nodes(); nid-- > 0;)
        spin_unlock(&node_get(nid)->lock);
    out->host_claimed_pages =
        out->free_pages - out->outstanding_pages - host_spare; /* ledger_host_claims() */
    out->outstanding_pages += out->host_claimed_pages;
}

void node_get_counts(nodeid_t nid, struct node_counts *out)
{
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    *out = (struct node_counts){
        .free_pages = node->free_pages,
        .dirty_pages = node->dirty_pages,
        .free_2m = node->free_2m,
        .free_1g = node->free_1g,
        .kept_2m = node->kept_2m,
        .kept_1g = node->kept_1g,
        .offline_pages = node->offline_pages,
    };
    spin_unlock(&node->lock);
}

void node_keep_whole(nodeid_t nid, u32 order, s64 extents)
{
    struct node *node = node_get(nid);
    u64 *kept = order == ORDER_2M ? &node->kept_2m : &node->kept_1g;

    if (!extents)
        return;
    BUG_ON((s64)*kept + extents < 0);
    *kept += (u64)extents;
}

bool node_has_whole(nodeid_t nid, u32 order, u64 extents)
{
    const struct node *node = node_get(nid);
    u64 nr_2m = order == ORDER_2M ? extents : 0, nr_1g = order == ORDER_1G ? extents : 0;

    u64 all_1g = node->kept_1g + nr_1g;

    return nr_1g <= node->free_1g && all_1g <= node->free_1g && nr_2m <= node->free_2m &&
           node->kept_2m + nr_2m + all_1g * MAP_BITS <= node->free_2m;
}
