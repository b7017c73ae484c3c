/* Which memory a guest has when it has ended, if it is no longer what it was built with. See dom0.h. */
#include <guest/dom0/dom0.h>

static bool is_own_node(const struct build *b, u32 node)
{
    for (u32 i = 0; i < b->nr_nodes; i++)
        if (b->nodes[i] == node)
            return true;
    return b->cfg->nodes_kind == NODES_ANY;
}

bool owned_check(const struct build *b)
{
    xc_domain_claim_t own[MAX_NODES];
    u32 nr_nodes = ARRAY_SIZE(own);
    bool ok = true;

    if (!b->nr_nodes || xc_domain_claim_info(xch, b->domid, &nr_nodes, own, NULL))
        return true; /* it has no nodes, or the hypervisor does not count by node */
    for (u32 n = 0; n < nr_nodes; n++) {
        u64 pages = own[n].own_pages;
        if (pages == b->populated[n])
            continue;
        printf("@owned domain=%u node=%u pages=%lu\n", b->domid, n, pages);
        /* Linux gives a page for the shared info: no news for people. */
        if (!options.quiet && pages_in_mib(pages) != pages_in_mib(b->populated[n]))
            printf("%-9s has %lu pages (%lu MiB) on node %u now\n", b->cfg->name, pages, pages_in_mib(pages),
                   n);
        if (pages && !is_own_node(b, n)) {
            printf("%-9s has memory on node %u, which is none of its nodes\n", b->cfg->name, n);
            ok = false;
        }
    }
    return ok;
}
