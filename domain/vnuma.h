/*
 * A domain's virtual NUMA topology: what setvnumainfo has set, as get_vnumainfo returns it. Homestead uses it
 * for memory that is asked for by virtual node, or by a guest for frames of one.
 */
#ifndef DOMAIN_VNUMA_H
#define DOMAIN_VNUMA_H

#include <domain/domain.h>
#include <xen/memory.h>

/* Xen's limits: a page for the distances, and one for the ranges. */
#define VNUMA_MAX_NODES  32u
#define VNUMA_MAX_RANGES (u32)(PAGE_SIZE / sizeof(struct xen_vmemrange))

/* Fixed once it is a domain's: whoever has a reference reads it without a lock. The arrays are in the same pages. */
struct vnuma {
    mfn_t record; /* the pages, overhead of the domain */
    u32 refs;     /* domain lock */
    u32 nr_nodes, nr_ranges, nr_vcpus;
    struct xen_vmemrange *range;
    u32 *distance; /* nr_nodes rows of nr_nodes */
    u32 *vcpu_to_vnode, *vnode_to_pnode;
};

/* A topology of that size, all 0, with a reference. nr_nodes <= VNUMA_MAX_NODES, nr_ranges <= VNUMA_MAX_RANGES. -ENOMEM;
 * -EINVAL: the domain is dying. */
int vnuma_alloc(struct domain *d, u32 nr_nodes, u32 nr_ranges, struct vnuma **out);
/* d has this topology from now on, instead of the one before. Takes over the caller's reference. -EINVAL:
 * the domain is dying. */
int vnuma_set(struct domain *d, struct vnuma *vnuma);
/* With a reference; NULL: d has none. */
struct vnuma *vnuma_get(struct domain *d);
void vnuma_put(struct domain *d, struct vnuma *vnuma);
/* The host's node of a virtual node; NODE_NONE: d has no topology. -EINVAL: it has no such node. */
int vnuma_pnode(struct domain *d, u32 vnode, nodeid_t *pnode);
/* The host's node of the virtual node that guest frame g is on, NODE_NONE if it is on none. */
nodeid_t vnuma_pnode_of_frame(const struct vnuma *vnuma, gfn_t g);
/* The host's node of the virtual node that guest frame g[0] is on, NODE_NONE if it is on none. Returns how many of the
 * nr > 0 frames from there on are on the same one. */
u32 vnuma_pnode_of_frames(struct domain *d, const gfn_t *g, u32 nr, nodeid_t *pnode);
/* The domain is dying: it has no topology any more, and can get none. */
void vnuma_drop(struct domain *d);

#endif
