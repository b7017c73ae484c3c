/* libxc-style calls about the host: sysctl and xen_version. See xc.h. */
#include <guest/lib/xc_internal.h>

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};

    (void)xch;
    int rc = do_sysctl(&op);
    if (!rc)
        *info = op.u.physinfo;
    return rc;
}

int xc_numainfo(xc_interface *xch, unsigned int *max_nodes, xc_meminfo_t *meminfo, u32 *distance)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_numainfo};

    (void)xch;
    op.u.numainfo.num_nodes = *max_nodes;
    op.u.numainfo.meminfo = XEN_HANDLE(meminfo);
    op.u.numainfo.distance = XEN_HANDLE(distance);
    int rc = do_sysctl(&op);
    if (!rc)
        *max_nodes = op.u.numainfo.num_nodes;
    return rc;
}

int xc_cputopoinfo(xc_interface *xch, unsigned int *max_cpus, xc_cputopo_t *cputopo)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cputopoinfo};

    (void)xch;
    op.u.cputopoinfo.num_cpus = *max_cpus;
    op.u.cputopoinfo.cputopo = XEN_HANDLE(cputopo);
    int rc = do_sysctl(&op);
    if (!rc)
        *max_cpus = op.u.cputopoinfo.num_cpus;
    return rc;
}

int xc_availheap(xc_interface *xch, int min_width, int max_width, int node, u64 *bytes)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_availheap};

    (void)xch;
    op.u.availheap.min_bitwidth = (u32)min_width;
    op.u.availheap.max_bitwidth = (u32)max_width;
    op.u.availheap.node = node;
    int rc = do_sysctl(&op);
    if (!rc)
        *bytes = op.u.availheap.avail_bytes;
    return rc;
}

int xc_version(xc_interface *xch, int cmd, void *arg)
{
    (void)xch;
    return (int)hypercall2(__HYPERVISOR_xen_version, (u64)cmd, arg);
}

static int page_offline_op(u32 cmd, unsigned long start, unsigned long end, u32 *status)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_page_offline_op};

    if (!status || end < start || end > 0xffffffffu)
        return -EINVAL;
    op.u.page_offline.cmd = cmd;
    op.u.page_offline.start = (u32)start;
    op.u.page_offline.end = (u32)end;
    op.u.page_offline.status = XEN_HANDLE(status);
    return do_sysctl(&op);
}

int xc_mark_page_offline(xc_interface *xch, unsigned long start, unsigned long end, u32 *status)
{
    (void)xch;
    return page_offline_op(sysctl_page_offline, start, end, status);
}

int xc_mark_page_online(xc_interface *xch, unsigned long start, unsigned long end, u32 *status)
{
    (void)xch;
    return page_offline_op(sysctl_page_online, start, end, status);
}

int xc_node_claim_info(xc_interface *xch, unsigned int *max_nodes, xc_node_claim_t *nodes,
                       struct xen_sysctl_homestead_node_memory *host)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_node_memory};

    (void)xch;
    op.u.node_memory.num_nodes = *max_nodes;
    op.u.node_memory.nodes = XEN_HANDLE(nodes);
    int rc = do_sysctl(&op);
    if (rc)
        return rc;
    *max_nodes = op.u.node_memory.num_nodes;
    if (host)
        *host = op.u.node_memory;
    return 0;
}

int xc_domain_claim_info(xc_interface *xch, u32 domid, unsigned int *max_nodes, xc_domain_claim_t *nodes,
                         struct xen_sysctl_homestead_domain_memory *domain)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_domain_memory};

    (void)xch;
    op.u.domain_memory.domid = (domid_t)domid;
    op.u.domain_memory.num_nodes = *max_nodes;
    op.u.domain_memory.nodes = XEN_HANDLE(nodes);
    int rc = do_sysctl(&op);
    if (rc)
        return rc;
    *max_nodes = op.u.domain_memory.num_nodes;
    if (domain)
        *domain = op.u.domain_memory;
    return 0;
}

int xc_claim_refusals(xc_interface *xch, xc_claim_refusals_t *refusals)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_refusals};

    (void)xch;
    op.u.refusals.buffer = XEN_HANDLE(refusals);
    return do_sysctl(&op);
}
