#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>

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
