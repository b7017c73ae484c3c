/* The node with most memory that nobody has claimed: where a domain should be placed that fits on one node. */
#include <homestead.h>

/* Its number, or -1 with errno set. */
int best_node(uint64_t *unclaimed_pages)
{
    struct hs_node nodes[HS_MAX_NODES];
    uint32_t nr = HS_MAX_NODES, best = 0;

    if (hs_nodes(NULL, NULL, nodes, &nr))
        return -1;
    for (uint32_t i = 1; i < nr; i++)
        if (nodes[i].free_pages - nodes[i].claimed_pages > nodes[best].free_pages - nodes[best].claimed_pages)
            best = i;
    *unclaimed_pages = nodes[best].free_pages - nodes[best].claimed_pages;
    return (int)best;
}
