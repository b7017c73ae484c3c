/* For tests of claims by hypercalls: a claim of one entry, and what the figures of domains say. */
#ifndef TESTS_CLAIM_FIGURES_H
#define TESTS_CLAIM_FIGURES_H

#include "calls.h"

#define HOST XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define M2   512u

static inline long claim(u16 domid, u32 node, u64 pages, u32 order, u32 flags)
{
    const struct xen_memory_claim entry = {.pages = pages, .node = node, .pad = order};

    return claim_set(domid, &entry, 1, flags);
}

/* The domain's figures, and those of its nodes in on_node[]. */
static struct xen_homestead_domain_node on_node[NR_NODES];
static inline const struct xen_sysctl_homestead_domain_memory *figures_of(u16 domid)
{
    sys.u.domain_memory = (struct xen_sysctl_homestead_domain_memory){
        .domid = domid, .num_nodes = NR_NODES, .nodes = at(0x9000)};
    assert_int_equal(sysctl(XEN_SYSCTL_homestead_domain_memory), 0);
    GET(0x9000, on_node);
    return &sys.u.domain_memory;
}

/* Of domain 1. */
static inline void expect_claims(u64 host, u64 n0, u64 n1, u64 n2)
{
    const struct xen_sysctl_homestead_domain_memory *d = figures_of(1);

    assert_int_equal(d->host_claim_pages, host);
    assert_int_equal(on_node[0].claim_pages, n0);
    assert_int_equal(on_node[1].claim_pages, n1);
    assert_int_equal(on_node[2].claim_pages, n2);
    assert_int_equal(d->outstanding_pages, host + n0 + n1 + n2);
}

#endif
