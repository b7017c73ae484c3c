/* Another domain's pages in our own physical space: XENMEM_add_to_physmap_batch with space
 * gmfn_foreign, removed again with XENMEM_remove_from_physmap. See xc.h. */
#include <guest/lib/xc_internal.h>

static u64 window_gfn; /* 0: xc_foreign_init() has not run */
static int window_used;

int xc_foreign_init(u64 gaddr)
{
    if (!gaddr)
        return -ENOSPC;
    window_gfn = gaddr >> PAGE_SHIFT;
    return 0;
}

void *xc_map_foreign_pages(xc_interface *xch, u32 dom, const xen_pfn_t *arr, int num)
{
    xen_ulong_t idxs[XC_FOREIGN_MAX];
    xen_pfn_t gpfns[XC_FOREIGN_MAX];
    int errs[XC_FOREIGN_MAX];

    (void)xch;
    if (!window_gfn || window_used || num < 1 || num > (int)XC_FOREIGN_MAX)
        return NULL;
    for (int i = 0; i < num; i++) {
        idxs[i] = arr[i];
        gpfns[i] = window_gfn + (u64)i;
        errs[i] = -EINVAL;
    }
    struct xen_add_to_physmap_batch arg = {.domid = DOMID_SELF,
                                           .space = XENMAPSPACE_gmfn_foreign,
                                           .size = (u16)num,
                                           .u.foreign_domid = (domid_t)dom,
                                           .idxs = XEN_HANDLE(idxs),
                                           .gpfns = XEN_HANDLE(gpfns),
                                           .errs = XEN_HANDLE(errs)};
    long rc = do_memory_op(XENMEM_add_to_physmap_batch, &arg);

    window_used = num;
    for (int i = 0; i < num && !rc; i++)
        rc = errs[i];
    if (rc) {
        xc_unmap_foreign();
        return NULL;
    }
    return (void *)(window_gfn << PAGE_SHIFT);
}

void xc_unmap_foreign(void)
{
    /* A frame that never got mapped gives an error here, which says nothing new. */
    for (int i = 0; i < window_used; i++)
        (void)xc_domain_remove_from_physmap(NULL, DOMID_SELF, window_gfn + (u64)i);
    window_used = 0;
}
