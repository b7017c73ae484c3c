#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>

u64 hostile_find_hole(void)
{
    u64 hole = guest_find_hole(MIB(2)) >> PAGE_SHIFT;
    xen_pfn_t frame = hole;
    struct xen_memory_reservation one = {
        .extent_start = XEN_HANDLE(&frame), .nr_extents = 1, .domid = DOMID_SELF};

    for (; hole && frame < hole + (MIB(2) >> PAGE_SHIFT); frame++)
        hypercall2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &one);
    return hole;
}

long hostile_map_foreign(u32 domid, u64 gfn, u64 at)
{
    xen_ulong_t idx = gfn;
    xen_pfn_t gpfn = at;
    int err = 0;
    struct xen_add_to_physmap_batch batch = {.domid = DOMID_SELF,
                                             .space = XENMAPSPACE_gmfn_foreign,
                                             .size = 1,
                                             .u.foreign_domid = (u16)domid,
                                             .idxs = (u64)&idx,
                                             .gpfns = (u64)&gpfn,
                                             .errs = (u64)&err};

    long rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &batch);
    return rc ? rc : err;
}
