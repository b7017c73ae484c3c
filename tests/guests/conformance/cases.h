/* Short forms of common calls, shared by several files of cases. */
#ifndef GUEST_CONFORMANCE_CASES_H
#define GUEST_CONFORMANCE_CASES_H

#include <tests/guests/conformance/conformance.h>
#include <lib/printf.h>

#define POPULATE "memory_op.populate_physmap"

static inline long claim(u32 domid, u64 pages)
{
    return xc_domain_claim_pages(xch, domid, pages);
}

static inline long set_max(u32 domid, u64 pages)
{
    return xc_domain_setmaxmem(xch, domid, pages << (PAGE_SHIFT - 10));
}

/* A memory_op on a list of frames. */
static inline long frames_op(u64 cmd, u32 domid, const xen_pfn_t *list, u64 nr, u32 order, u32 flags)
{
    struct xen_memory_reservation r = {.extent_start = XEN_HANDLE(list),
                                       .nr_extents = nr,
                                       .extent_order = order,
                                       .mem_flags = flags,
                                       .domid = (domid_t)domid};

    return memory_op(cmd, &r);
}

/* nr consecutive extents from gfn; at most 1024. */
long frames_from(u64 cmd, u32 domid, u64 gfn, u64 nr, u32 order, u32 flags);

#endif
