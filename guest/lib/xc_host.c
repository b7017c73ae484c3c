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
