/*
 * How a public toolstack uses the names that its Xen may have: behind the macros of its xenctrl.h, and with a way out where
 * they are missing. Compiled with libxen-dev's headers and compat/ before them, as such a toolstack would be; there must be no
 * way out here. libhomestead_example_test.c calls it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <xenctrl.h>

int claim_like_a_toolstack(xc_interface *xch, uint32_t domid, unsigned int node, unsigned long pages);
int figures_like_a_toolstack(xc_interface *xch, uint64_t *bytes, unsigned int room);

int claim_like_a_toolstack(xc_interface *xch, uint32_t domid, unsigned int node, unsigned long pages)
{
#ifdef XEN_DOMCTL_NUMA_OP_GET_NODE_PAGES
    return xc_domain_claim_pages_node(xch, domid, node, pages);
#else
    return xc_domain_claim_pages(xch, domid, pages);
#error "a toolstack does not find the claims on nodes"
#endif
}

/* size, free and claimed of each node, three numbers each. Returns the number of nodes, or -1. */
int figures_like_a_toolstack(xc_interface *xch, uint64_t *bytes, unsigned int room)
{
    unsigned int nr = 0;

#ifdef XEN_SYSCTL_numa_meminfo
    if (xc_numa_meminfo(xch, &nr, NULL))
        return -1;
    xen_sysctl_node_meminfo_t *info = calloc(nr, sizeof(*info));
    if (!info)
        return -1;
    int rc = xc_numa_meminfo(xch, &nr, info);
    for (unsigned int i = 0; !rc && i < nr && i < room; i++) {
        bytes[3 * i] = info[i].size;
        bytes[3 * i + 1] = info[i].free;
        bytes[3 * i + 2] = info[i].claimed;
    }
    free(info);
    return rc ? -1 : (int)nr;
#else
#error "a toolstack does not find the figures of nodes"
#endif
}
