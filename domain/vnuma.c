/*
 * Virtual NUMA topologies, see vnuma.h. Each has 1 to 4 pages, by its size. A reader holds a reference while it copies
 * to its guest, and meanwhile the domain may get another.
 *
 * Lock: d->lock (LOCK_DOMAIN) for d->vnuma and its references. The physmap has the pointer too, under its own lock and
 * without a reference: it has changed there before the old topology may go.
 */
#include <domain/internal.h>
#include <domain/vnuma.h>
#include <homestead/errno.h>

static u32 order_of(u32 nr_nodes, u32 nr_ranges, u32 nr_vcpus)
{
    u64 numbers = (u64)nr_nodes * nr_nodes + nr_vcpus + nr_nodes;

    return bytes_to_order(sizeof(struct vnuma) + nr_ranges * sizeof(struct xen_vmemrange) +
                          numbers * sizeof(u32));
}

int vnuma_alloc(struct domain *d, u32 nr_nodes, u32 nr_ranges, struct vnuma **out)
{
    mfn_t record;

    int rc = mm_alloc(&d->mem, NODE_NONE, order_of(nr_nodes, nr_ranges, d->max_vcpus), MM_OVERHEAD, &record);
    if (rc)
        return rc == -ESRCH ? -EINVAL : -ENOMEM;
    struct vnuma *vnuma = mfn_to_virt(record);
    *vnuma = (struct vnuma){
        .record = record, .refs = 1, .nr_nodes = nr_nodes, .nr_ranges = nr_ranges, .nr_vcpus = d->max_vcpus};
    vnuma->range = (struct xen_vmemrange *)(vnuma + 1);
    vnuma->distance = (u32 *)(vnuma->range + nr_ranges);
    vnuma->vcpu_to_vnode = vnuma->distance + nr_nodes * nr_nodes;
    vnuma->vnode_to_pnode = vnuma->vcpu_to_vnode + d->max_vcpus;
    *out = vnuma;
    return 0;
}

void vnuma_put(struct domain *d, struct vnuma *vnuma)
{
    spin_lock(&d->lock);
    bool last = --vnuma->refs == 0;
    spin_unlock(&d->lock);
    if (last)
        mm_free_overhead(&d->mem, vnuma->record,
                         order_of(vnuma->nr_nodes, vnuma->nr_ranges, vnuma->nr_vcpus));
}

int vnuma_set(struct domain *d, struct vnuma *vnuma)
{
    spin_lock(&d->lock);
    int rc = d->dying ? -EINVAL : 0;
    struct vnuma *unused = rc ? vnuma : d->vnuma;
    if (!rc) {
        d->vnuma = vnuma;
        pod_set_vnuma(d, vnuma);
    }
    spin_unlock(&d->lock);
    if (unused)
        vnuma_put(d, unused);
    return rc;
}

struct vnuma *vnuma_get(struct domain *d)
{
    spin_lock(&d->lock);
    struct vnuma *vnuma = d->vnuma;
    if (vnuma)
        vnuma->refs++;
    spin_unlock(&d->lock);
    return vnuma;
}

int vnuma_pnode(struct domain *d, u32 vnode, nodeid_t *pnode)
{
    int rc = 0;

    *pnode = NODE_NONE;
    spin_lock(&d->lock);
    if (d->vnuma && vnode >= d->vnuma->nr_nodes)
        rc = -EINVAL;
    else if (d->vnuma)
        *pnode = d->vnuma->vnode_to_pnode[vnode];
    spin_unlock(&d->lock);
    return rc;
}

/* Ranges may overlap: the first counts. */
nodeid_t vnuma_pnode_of_frame(const struct vnuma *vnuma, gfn_t g)
{
    u64 gaddr = g.n << PAGE_SHIFT;

    for (u32 i = 0; i < vnuma->nr_ranges; i++) {
        const struct xen_vmemrange *r = &vnuma->range[i];
        if (gaddr >= r->start && gaddr < r->end)
            return r->nid < vnuma->nr_nodes ? vnuma->vnode_to_pnode[r->nid] : NODE_NONE;
    }
    return NODE_NONE;
}

u32 vnuma_pnode_of_frames(struct domain *d, const gfn_t *g, u32 nr, nodeid_t *pnode)
{
    u32 same = nr;

    *pnode = NODE_NONE;
    spin_lock(&d->lock);
    if (d->vnuma) {
        *pnode = vnuma_pnode_of_frame(d->vnuma, g[0]);
        for (same = 1; same < nr && vnuma_pnode_of_frame(d->vnuma, g[same]) == *pnode; same++)
            ;
    }
    spin_unlock(&d->lock);
    return same;
}

void vnuma_drop(struct domain *d)
{
    spin_lock(&d->lock);
    struct vnuma *vnuma = d->vnuma;
    d->vnuma = NULL;
    pod_set_vnuma(d, NULL);
    spin_unlock(&d->lock);
    if (vnuma)
        vnuma_put(d, vnuma);
}
