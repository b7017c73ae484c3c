/* Writes to the memory of another domain: its frame is mapped in our own map, used, and removed from there. */
#include <docs/samples/guest/samples.h>

#include <lib/string.h>

/* Frame gfn of the domain, at a frame of ours where nothing is. */
static long map_foreign(u32 domid, u64 gfn, u64 at)
{
    int error = 0;
    struct xen_add_to_physmap_batch arg = {.domid = DOMID_SELF,
                                           .space = XENMAPSPACE_gmfn_foreign,
                                           .size = 1,
                                           .u.foreign_domid = (domid_t)domid,
                                           .idxs = XEN_HANDLE(&gfn),
                                           .gpfns = XEN_HANDLE(&at),
                                           .errs = XEN_HANDLE(&error)};

    long rc = memory_op(XENMEM_add_to_physmap_batch, &arg);
    return rc ? rc : error; /* each entry has a result of its own */
}

static long unmap(u64 at)
{
    struct xen_remove_from_physmap arg = {.domid = DOMID_SELF, .gpfn = at};

    return memory_op(XENMEM_remove_from_physmap, &arg);
}

int add_to_physmap_sample(void)
{
    xen_pfn_t frame = 0x100;
    u32 domid = new_domain(1, 512);

    if (!domid)
        return -ENOMEM;
    long rc = xc_domain_populate_physmap_exact(NULL, domid, 1, ORDER_4K, 0, &frame);
    if (!rc)
        rc = map_foreign(domid, frame, hole_gfn(0));
    if (!rc) {
        memset(hole_page(0), 0x5a, PAGE_SIZE);
        /* While it is mapped, the frame stays, also when its domain is destroyed: unmap first. */
        rc = unmap(hole_gfn(0));
    }
    if (!rc && map_foreign(domid, frame + 1, hole_gfn(0)) != -EINVAL) /* there is no such frame */
        rc = SURPRISE;

    /* Our own shared_info page, at a frame of our choice. */
    struct xen_add_to_physmap shared = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = hole_gfn(1)};
    if (!rc)
        rc = memory_op(XENMEM_add_to_physmap, &shared);
    const struct shared_info *info = hole_page(1);
    if (!rc && info->vcpu_info[0].time.version % 2) /* even: what it says is complete */
        rc = SURPRISE;
    return end_domain(domid, rc);
}
