/*
 * The virtual NUMA topology of a guest: which of its memory and of its vCPUs is on which virtual node. Made once from the
 * configuration and the memory layout; the hypervisor gets it (setvnumainfo), and the guest's SRAT and SLIT say the
 * same. Pure functions.
 */
#ifndef GUEST_DOM0_VNUMA_H
#define GUEST_DOM0_VNUMA_H

#include <guest/dom0/layout.h>
#include <guest/dom0/xlcfg.h>

#define VNUMA_MAX        XLCFG_VNODES_MAX
#define VNUMA_RANGES_MAX (VNUMA_MAX + LAYOUT_RANGES_MAX)

struct vnuma_range { /* [start, end), frames */
    u64 start, end;
    u32 vnode;
};

struct vnuma_plan {
    u32 nr_vnodes; /* 0: the guest has none, and the rest is 0 */
    u32 nr_vcpus, nr_ranges;
    u32 pnode[VNUMA_MAX]; /* by virtual node: the host's node, for its memory and vCPUs */
    struct vnuma_range range[VNUMA_RANGES_MAX]; /* ascending; together exactly what the guest owns */
    u8 vcpu_vnode[XLCFG_VCPUS_MAX];
    u8 distance[VNUMA_MAX][VNUMA_MAX]; /* from, to: as in a SLIT, 10 to 254 */
};

/* The virtual nodes follow each other in the guest's memory, in the order of their numbers. layout is that of
 * cfg->memory_mib, which is the sum of their sizes. */
void vnuma_make(const struct xlcfg *cfg, const struct layout *layout, struct vnuma_plan *out);

/* Frames of the guest that come from this node of the host. */
u64 vnuma_pages_on(const struct vnuma_plan *plan, u32 pnode);

#endif
