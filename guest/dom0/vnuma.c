/* See vnuma.h. */
#include <guest/dom0/vnuma.h>
#include <lib/string.h>

void vnuma_make(const struct xlcfg *cfg, const struct layout *layout, struct vnuma_plan *out)
{
    const struct layout_range *from = layout->ranges, *end = from + layout->nr_ranges;
    u64 taken = 0; /* of that range */

    memset(out, 0, sizeof(*out)); /* its padding too: plans are compared as a whole */
    if (!cfg->nr_vnodes)
        return;
    out->nr_vnodes = cfg->nr_vnodes;
    out->nr_vcpus = cfg->maxvcpus;
    for (u32 id = 0; id < cfg->maxvcpus; id++)
        out->vcpu_to_vnode[id] = cfg->vcpu_vnode[id];
    for (u32 i = 0; i < cfg->nr_vnodes; i++) {
        const struct xlcfg_vnode *n = &cfg->vnodes[i];
        out->pnode[i] = n->pnode;
        for (u32 to = 0; to < cfg->nr_vnodes; to++)
            out->distance[i * cfg->nr_vnodes + to] = n->distance[to];
        for (u64 left = n->size_mib << (20 - PAGE_SHIFT); left && from < end;) {
            u64 start = from->start + taken, pages = MIN(left, from->end - start);
            out->range[out->nr_ranges++] = (struct xen_vmemrange){
                .start = start << PAGE_SHIFT, .end = (start + pages) << PAGE_SHIFT, .nid = i};
            left -= pages;
            taken += pages;
            if (start + pages == from->end) {
                from++;
                taken = 0;
            }
        }
    }
}

u64 vnuma_pages_on(const struct vnuma_plan *plan, u32 pnode)
{
    u64 pages = 0;

    for (u32 i = 0; i < plan->nr_ranges; i++)
        if (plan->pnode[plan->range[i].nid] == pnode)
            pages += vnuma_range_pages(&plan->range[i]);
    return pages;
}
