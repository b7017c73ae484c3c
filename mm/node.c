/*
 * A node's figures, for hypercalls and the console, and how much of it is kept whole. Free pages are the ledger's, so
 * that one look at it shows free and outstanding pages of the same instant (docs/hypervisor-guide/mm/claims.md section 7); dirty pages are
 * the nodes' and may lag behind by what other CPUs are doing, never above free.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/node.h>

void mm_note_unmanaged(nodeid_t nid, u64 pages)
{
    node_get(nid)->unmanaged_pages += pages;
}

void mm_note_managed(nodeid_t nid, u64 pages)
{
    ASSERT(pages <= node_get(nid)->unmanaged_pages);
    node_get(nid)->unmanaged_pages -= pages;
}

static u64 count_dirty_pages(struct node *node)
{
    spin_lock(&node->lock);
    u64 pages = node->dirty_pages;
    spin_unlock(&node->lock);
    return pages;
}

void mm_node_get_info(nodeid_t nid, struct mm_node_info *out)
{
    struct node *node = node_get(nid);
    struct ledger_view view = ledger_node_view(nid);
    u64 dirty = count_dirty_pages(node);

    out->size_pages = node->ram_pages + node->unmanaged_pages;
    out->free_pages = view.spare + view.claimed;
    out->claimed_pages = view.claimed;
    out->dirty_pages = MIN(dirty, out->free_pages);
}

void mm_host_get_info(struct mm_host_info *out)
{
    u64 total = 0, dirty = 0;

    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct node *node = node_get(nid);

        total += node->ram_pages + node->unmanaged_pages;
        dirty += count_dirty_pages(node);
    }
    out->host_claimed_pages = ledger_host_view(&out->free_pages, &out->outstanding_pages).claimed;
    out->total_pages = total;
    out->dirty_pages = MIN(dirty, out->free_pages);
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
    spin_lock(&node->lock);
    BUG_ON((s64)*kept + extents < 0);
    *kept += (u64)extents;
    spin_unlock(&node->lock);
}

bool node_has_whole(nodeid_t nid, u32 order, u64 extents)
{
    struct node *node = node_get(nid);
    u64 nr_2m = order == ORDER_2M ? extents : 0, nr_1g = order == ORDER_1G ? extents : 0;

    spin_lock(&node->lock);
    u64 all_1g = node->kept_1g + nr_1g;
    bool has = nr_1g <= node->free_1g && all_1g <= node->free_1g && nr_2m <= node->free_2m &&
               node->kept_2m + nr_2m + all_1g * MAP_BITS <= node->free_2m;
    spin_unlock(&node->lock);
    return has;
}
