/* The names that toolstacks know: the published interface, and two that one of them compiles against. See homestead.h. */
#include "internal.h"

API int xc_domain_claim_memory(xc_interface *xch, uint32_t domid, uint32_t nr_claims, memory_claim_t *claims)
{
    (void)xch;
    return hs_claim(NULL, domid, nr_claims, claims, 0);
}

API int xc_domain_claim_memory_flags(xc_interface *xch, uint32_t domid, uint32_t nr_claims,
                                     memory_claim_t *claims, uint32_t flags)
{
    (void)xch;
    return hs_claim(NULL, domid, nr_claims, claims, flags);
}

API int xc_domain_get_memory_claims(xc_interface *xch, uint32_t domid, uint32_t *nr_claims,
                                    memory_claim_t *claims)
{
    (void)xch;
    return hs_claim_read(NULL, domid, nr_claims, claims);
}

API int xc_domain_claim_pages_node(xc_interface *xch, uint32_t domid, unsigned int node,
                                   unsigned long nr_pages)
{
    memory_claim_t claim = XEN_NODE_CLAIM_INIT(nr_pages, node);

    (void)xch;
    if (node == XEN_DOMCTL_CLAIM_MEMORY_NO_NODE)
        return hs_claim_host(NULL, domid, nr_pages);
    return hs_claim(NULL, domid, 1, &claim, 0);
}

API int xc_numa_meminfo(xc_interface *xch, unsigned int *max_nodes, xen_sysctl_node_meminfo_t *meminfo)
{
    struct hs_node nodes[HS_MAX_NODES];
    struct hs_host host;
    uint32_t nr = meminfo ? MIN(*max_nodes, (unsigned int)HS_MAX_NODES) : 0;

    (void)xch;
    if (hs_nodes(NULL, &host, meminfo ? nodes : NULL, meminfo ? &nr : NULL))
        return -1;
    for (uint32_t i = 0; i < nr; i++)
        meminfo[i] = (xen_sysctl_node_meminfo_t){.size = nodes[i].size_pages * HS_PAGE_SIZE,
                                                 .free = nodes[i].free_pages * HS_PAGE_SIZE,
                                                 .claimed = nodes[i].claimed_pages * HS_PAGE_SIZE};
    *max_nodes = meminfo ? nr : host.nr_nodes;
    return 0;
}

API uint64_t xc_domain_overhead(uint64_t pages, unsigned int vcpus)
{
    /* Everything mapped in 4 KiB pages: one table for 512 entries on each of three levels, and 16 tables for the gaps in a
     * PC's memory. Then what Xen's own tools give: 1 MiB a vCPU and 256 KiB. Whole MiB, as domctl 86 takes them. */
    const uint64_t per_table = 512, vcpu_pages = MIB(1) / PAGE_SIZE, fixed_pages = 16 + KIB(256) / PAGE_SIZE;
    uint64_t tables = 0, entries = pages;

    for (int level = 0; level < 3; level++) {
        entries = entries / per_table + (entries % per_table != 0);
        tables += entries;
    }
    /* No sum of pages wraps; of bytes it can, for amounts that no host has. */
    u64 sum = tables + fixed_pages + vcpu_pages * vcpus;
    return sum < UINT64_MAX / PAGE_SIZE - MIB(1) ? ALIGN_UP(sum * PAGE_SIZE, MIB(1))
                                                 : ALIGN_DOWN(UINT64_MAX, MIB(1));
}
