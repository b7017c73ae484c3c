/* See physmap.h. */
#include <tests/guests/conformance/physmap.h>
#include <homestead/errno.h>

static u8 own_page[PAGE_SIZE] ALIGNED(4096);

long phys_add(u32 domid, u32 space, u64 idx, u64 gpfn)
{
    struct xen_add_to_physmap arg = {.domid = (domid_t)domid, .space = space, .idx = idx, .gpfn = gpfn};

    return memory_op(XENMEM_add_to_physmap, &arg);
}

long phys_remove(u32 domid, u64 gpfn)
{
    struct xen_remove_from_physmap arg = {.domid = (domid_t)domid, .gpfn = gpfn};

    return memory_op(XENMEM_remove_from_physmap, &arg);
}

long phys_foreign(u32 domid, u32 foreign, u64 gfn, u64 gpfn, int *error)
{
    xen_ulong_t idx = gfn;
    xen_pfn_t at = gpfn;
    struct xen_add_to_physmap_batch arg = {.domid = (domid_t)domid,
                                           .space = XENMAPSPACE_gmfn_foreign,
                                           .size = 1,
                                           .u.foreign_domid = (domid_t)foreign,
                                           .idxs = XEN_HANDLE(&idx),
                                           .gpfns = XEN_HANDLE(&at),
                                           .errs = XEN_HANDLE(error)};

    return memory_op(XENMEM_add_to_physmap_batch, &arg);
}

long phys_foreign_one(u32 foreign, u64 gfn, u64 gpfn)
{
    int error = -EIO;

    long rc = phys_foreign(DOMID_SELF, foreign, gfn, gpfn, &error);
    return rc ? rc : error;
}

long phys_decrease(u32 domid, u64 gfn)
{
    xen_pfn_t frame = gfn;
    struct xen_memory_reservation arg = {
        .extent_start = XEN_HANDLE(&frame), .nr_extents = 1, .domid = (domid_t)domid};

    return memory_op(XENMEM_decrease_reservation, &arg);
}

u64 phys_tot(u32 domid)
{
    xc_domaininfo_t info;

    return domain_info(domid, &info) ? info.tot_pages : 0;
}

u64 phys_own_gfn(void)
{
    return (u64)(uintptr_t)own_page >> PAGE_SHIFT;
}

void phys_own_back(void)
{
    phys_decrease(DOMID_SELF, phys_own_gfn());
    phys_remove(DOMID_SELF, phys_own_gfn());
    long rc = domain_populate(DOMID_SELF, phys_own_gfn(), 0, NODE_ANY);
    if (rc != 1)
        give_up("a page of our own again", rc);
}
