/* libxc-style calls about a domain's memory: claims, populate, memory map, paging pool. See xc.h. */
#include <guest/lib/xc_internal.h>

int xc_domain_claim_pages(xc_interface *xch, u32 domid, unsigned long nr_pages)
{
    struct xen_memory_reservation arg = {.nr_extents = nr_pages, .domid = (domid_t)domid};

    (void)xch;
    return (int)do_memory_op(XENMEM_claim_pages, &arg);
}

/* claims.md CL-3.4, CL-3.16. */
int xc_domain_claim_memory(xc_interface *xch, u32 domid, u32 nr_claims, memory_claim_t *claims)
{
    return xc_domain_claim_memory_flags(xch, domid, nr_claims, claims, 0);
}

int xc_domain_claim_memory_flags(xc_interface *xch, u32 domid, u32 nr_claims, memory_claim_t *claims,
                                 u32 flags)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_claim_memory, .domain = (domid_t)domid};

    (void)xch;
    op.u.claim_memory.claims = XEN_HANDLE(claims);
    op.u.claim_memory.nr_claims = nr_claims;
    op.u.claim_memory.pad = flags;
    return do_domctl(&op);
}

int xc_domain_get_memory_claims(xc_interface *xch, u32 domid, u32 *nr_claims, memory_claim_t *claims)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_memory_claims, .domain = (domid_t)domid};

    (void)xch;
    op.u.get_memory_claims.claims = XEN_HANDLE(claims);
    op.u.get_memory_claims.nr_claims = *nr_claims;
    int rc = do_domctl(&op);
    if (!rc || rc == -ENOBUFS)
        *nr_claims = op.u.get_memory_claims.nr_claims;
    return rc;
}

int xc_domain_populate_physmap(xc_interface *xch, u32 domid, unsigned long nr_extents,
                               unsigned int extent_order, unsigned int mem_flags, xen_pfn_t *extent_start)
{
    struct xen_memory_reservation arg = {.extent_start = XEN_HANDLE(extent_start),
                                         .nr_extents = nr_extents,
                                         .extent_order = extent_order,
                                         .mem_flags = mem_flags,
                                         .domid = (domid_t)domid};

    (void)xch;
    return (int)do_memory_op(XENMEM_populate_physmap, &arg);
}

int xc_domain_populate_physmap_exact(xc_interface *xch, u32 domid, unsigned long nr_extents,
                                     unsigned int extent_order, unsigned int mem_flags,
                                     xen_pfn_t *extent_start)
{
    int done = xc_domain_populate_physmap(xch, domid, nr_extents, extent_order, mem_flags, extent_start);

    if (done < 0)
        return done;
    return (unsigned long)done == nr_extents ? 0 : -ENOMEM;
}

int xc_domain_set_memory_map(xc_interface *xch, u32 domid, struct xen_e820_entry entries[], u32 nr_entries)
{
    struct xen_foreign_memory_map arg = {.domid = (domid_t)domid,
                                         .map = {.nr_entries = nr_entries, .buffer = XEN_HANDLE(entries)}};

    (void)xch;
    return (int)do_memory_op(XENMEM_set_memory_map, &arg);
}

int xc_domain_setvnuma(xc_interface *xch, u32 domid, u32 nr_vnodes, u32 nr_vmemranges, u32 nr_vcpus,
                       struct xen_vmemrange *vmemrange, unsigned int *vdistance, unsigned int *vcpu_to_vnode,
                       unsigned int *vnode_to_pnode)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvnumainfo,
                            .domain = (domid_t)domid,
                            .u.vnuma = {.nr_vnodes = nr_vnodes,
                                        .nr_vmemranges = nr_vmemranges,
                                        .nr_vcpus = nr_vcpus,
                                        .vdistance = XEN_HANDLE(vdistance),
                                        .vcpu_to_vnode = XEN_HANDLE(vcpu_to_vnode),
                                        .vnode_to_pnode = XEN_HANDLE(vnode_to_pnode),
                                        .vmemrange = XEN_HANDLE(vmemrange)}};

    (void)xch;
    return do_domctl(&op);
}

int xc_domain_getvnuma(xc_interface *xch, u32 domid, u32 *nr_vnodes, u32 *nr_vmemranges, u32 *nr_vcpus,
                       struct xen_vmemrange *vmemrange, unsigned int *vdistance, unsigned int *vcpu_to_vnode)
{
    struct xen_vnuma_topology_info arg = {.domid = (domid_t)domid,
                                          .nr_vnodes = *nr_vnodes,
                                          .nr_vcpus = *nr_vcpus,
                                          .nr_vmemranges = *nr_vmemranges,
                                          .vdistance.h = XEN_HANDLE(vdistance),
                                          .vcpu_to_vnode.h = XEN_HANDLE(vcpu_to_vnode),
                                          .vmemrange.h = XEN_HANDLE(vmemrange)};

    (void)xch;
    int rc = (int)do_memory_op(XENMEM_get_vnumainfo, &arg);
    if (!rc || rc == -ENOBUFS) {
        *nr_vnodes = arg.nr_vnodes;
        *nr_vcpus = arg.nr_vcpus;
        *nr_vmemranges = arg.nr_vmemranges;
    }
    return rc;
}

int xc_set_paging_mempool_size(xc_interface *xch, u32 domid, u64 size)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_set_paging_mempool_size, .domain = (domid_t)domid, .u.paging_mempool.size = size};

    (void)xch;
    return do_domctl(&op);
}

int xc_get_paging_mempool_size(xc_interface *xch, u32 domid, u64 *size)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_paging_mempool_size, .domain = (domid_t)domid};

    (void)xch;
    int rc = do_domctl(&op);
    if (!rc)
        *size = op.u.paging_mempool.size;
    return rc;
}

u64 xc_domain_overhead(u64 pages, unsigned int vcpus)
{
    /* All of it in 4 KiB mappings, one table per 512 entries on three levels, each level's tables cut by the
     * holes of a PC; then per vCPU and per domain what Xen's own tools give, 1 MiB and 256 KiB. */
    u64 tables =
        DIV_ROUND_UP(pages, 512) + DIV_ROUND_UP(pages, 512 * 512) + DIV_ROUND_UP(pages, 512ull * 512 * 512);

    return ALIGN_UP((tables + 16 + 64 + 256ull * vcpus) << PAGE_SHIFT, MIB(1));
}

int xc_domain_remove_from_physmap(xc_interface *xch, u32 domid, xen_pfn_t gpfn)
{
    struct xen_remove_from_physmap arg = {.domid = (domid_t)domid, .gpfn = gpfn};

    (void)xch;
    return (int)do_memory_op(XENMEM_remove_from_physmap, &arg);
}
