/* Domains that never run, see shell.h. */
#include <guest/dom0/shell.h>

int shell_create(u64 max_pages, u64 pool_pages, u32 *domid)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);

    *domid = 0;
    int rc = xc_domain_create(xch, domid, &config);
    if (rc)
        return rc;
    rc = xc_domain_setmaxmem(xch, *domid, max_pages << (PAGE_SHIFT - 10));
    if (!rc)
        rc = xc_set_paging_mempool_size(xch, *domid, pool_pages << PAGE_SHIFT);
    if (rc)
        (void)watch_destroy(*domid);
    return rc;
}

u64 shell_pool_for(u64 nr_pages)
{
    /* A range that begins anywhere touches one table more than it fills, on each of three levels; the root.
     */
    return DIV_ROUND_UP(nr_pages, 512) + DIV_ROUND_UP(nr_pages, 512 * 512) + 5;
}

s64 shell_outstanding(u32 domid)
{
    xc_domaininfo_t info;
    int rc = xc_domain_getinfo_single(xch, domid, &info);

    return rc ? rc : (s64)info.outstanding_pages;
}

s64 shell_owned(u32 domid)
{
    xc_domaininfo_t info;
    int rc = xc_domain_getinfo_single(xch, domid, &info);

    return rc ? rc : (s64)info.tot_pages;
}

s64 shell_owned_on(u32 domid, u32 node)
{
    xc_domain_claim_t nodes[MAX_NODES];
    u32 nr = ARRAY_SIZE(nodes);
    int rc = xc_domain_claim_info(xch, domid, &nr, nodes, NULL);

    return rc ? rc : node < nr ? (s64)nodes[node].own_pages : 0;
}

s64 shell_claim_on(u32 domid, u32 node)
{
    memory_claim_t set[MAX_NODES + 1];
    u32 nr = ARRAY_SIZE(set);
    int rc = xc_domain_get_memory_claims(xch, domid, &nr, set);

    for (u32 i = 0; !rc && i < nr; i++)
        if (set[i].node == node)
            return (s64)set[i].pages;
    return rc;
}

int shell_claim_node(u32 domid, u32 node, u64 pages)
{
    memory_claim_t want = XEN_NODE_CLAIM_INIT(pages, node);

    return xc_domain_claim_memory(xch, domid, 1, &want);
}

int shell_claim_release(u32 domid)
{
    return shell_claim_node(domid, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 0);
}

int shell_populate_few(u32 domid, u64 gfn, u32 count, unsigned int mem_flags)
{
    xen_pfn_t gfns[SHELL_FEW];

    if (count > SHELL_FEW)
        return -E2BIG;
    for (u32 i = 0; i < count; i++)
        gfns[i] = gfn + i;
    return xc_domain_populate_physmap(xch, domid, count, ORDER_4K, mem_flags, gfns);
}
