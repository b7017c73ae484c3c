/*
 * The virtual NUMA topology of a guest: which of its memory and of its vCPUs is on which virtual node. Made once from the
 * configuration and the memory layout, in the form in which setvnumainfo and acpi.h take it. Pure functions.
 */
#ifndef GUEST_DOM0_VNUMA_H
#define GUEST_DOM0_VNUMA_H

#include <guest/dom0/layout.h>
#include <guest/dom0/xlcfg.h>
#include <xen/memory.h>

#define VNUMA_MAX        XLCFG_VNODES_MAX
#define VNUMA_RANGES_MAX (VNUMA_MAX + LAYOUT_RANGES_MAX)

struct vnuma_plan {
    u32 nr_vnodes; /* 0: the guest has none, and the rest is 0 */
    u32 nr_vcpus, nr_ranges;
    u32 pnode[VNUMA_MAX]; /* by virtual node: the host's node, for its memory and vCPUs */
    struct xen_vmemrange range[VNUMA_RANGES_MAX]; /* ascending; together exactly what the guest owns */
    u32 vcpu_to_vnode[XLCFG_VCPUS_MAX];
    u32 distance[VNUMA_MAX * VNUMA_MAX]; /* nr_vnodes rows of nr_vnodes; as in a SLIT, 10 to 254 */
};

/* The virtual nodes follow each other in the guest's memory, in the order of their numbers. layout is that of
 * cfg->memory_mib, which is the sum of their sizes. */
void vnuma_make(const struct xlcfg *cfg, const struct layout *layout, struct vnuma_plan *out);

static inline u64 vnuma_range_pages(const struct xen_vmemrange *r)
{
    return (r->end - r->start) >> PAGE_SHIFT;
}

/* Frames of the guest that come from this node of the host. */
u64 vnuma_pages_on(const struct vnuma_plan *plan, u32 pnode);

#endif
