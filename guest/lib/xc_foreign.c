/* Another domain's pages in our own physical space: XENMEM_add_to_physmap_batch with space
 * gmfn_foreign, removed again with XENMEM_remove_from_physmap. See xc.h. */
#include <guest/lib/smp.h>
#include <guest/lib/xc_internal.h>

static u64 first_gfn; /* of vCPU 0's window; 0: xc_foreign_init() has not run */
static u32 nr_windows;
static int used[SMP_MAX]; /* pages mapped, each vCPU its own entry */

int xc_foreign_init(u64 gaddr, u32 nr_vcpus)
{
    if (!gaddr)
        return -ENOSPC;
    first_gfn = gaddr >> PAGE_SHIFT;
    nr_windows = MIN(nr_vcpus, SMP_MAX);
    return 0;
}

static u64 window_of(u32 vcpu)
{
    return first_gfn + (u64)vcpu * (XC_FOREIGN_MAX + 1);
}

/* The page behind the window. */
static u64 kept_of(u32 vcpu)
{
    return window_of(vcpu) + XC_FOREIGN_MAX;
}

/* Maps num frames from window_gfn on. The first error, what was done before it stays. */
static long map_at(u64 window_gfn, u32 dom, const xen_pfn_t *arr, int num)
{
    xen_ulong_t idxs[XC_FOREIGN_MAX];
    xen_pfn_t gpfns[XC_FOREIGN_MAX];
    int errs[XC_FOREIGN_MAX];

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

    for (int i = 0; i < num && !rc; i++)
        rc = errs[i];
    return rc;
}

void *xc_map_foreign_pages(xc_interface *xch, u32 dom, const xen_pfn_t *arr, int num)
{
    u32 self = smp_id();

    (void)xch;
    if (self >= nr_windows || used[self] || num < 1 || num > (int)XC_FOREIGN_MAX)
        return NULL;
    used[self] = num;
    if (map_at(window_of(self), dom, arr, num)) {
        xc_unmap_foreign();
        return NULL;
    }
    return (void *)(window_of(self) << PAGE_SHIFT);
}

void xc_unmap_foreign(void)
{
    u32 self = smp_id();

    /* A frame that never got mapped gives an error here, which says nothing new. */
    for (int i = 0; i < used[self]; i++)
        (void)xc_domain_remove_from_physmap(NULL, DOMID_SELF, window_of(self) + (u64)i);
    used[self] = 0;
}

void *xc_map_foreign_kept(xc_interface *xch, u32 dom, xen_pfn_t gfn)
{
    u32 self = smp_id();

    (void)xch;
    if (self >= nr_windows || map_at(kept_of(self), dom, &gfn, 1))
        return NULL;
    return (void *)(kept_of(self) << PAGE_SHIFT);
}

void xc_unmap_foreign_kept(void)
{
    (void)xc_domain_remove_from_physmap(NULL, DOMID_SELF, kept_of(smp_id()));
}
