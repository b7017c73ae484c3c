/* libxc-style calls about one domain: domctl, hvm_op, event channels. See xc.h. */
#include <guest/lib/xc_internal.h>
#include <lib/string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/sched.h>

xc_interface *xc_interface_open(void)
{
    static u64 nothing;
    return (xc_interface *)(void *)&nothing;
}

static int simple(u32 domid, u32 cmd)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};
    return do_domctl(&op);
}

struct xen_domctl_createdomain xc_domain_config(u32 max_vcpus)
{
    return (struct xen_domctl_createdomain){
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_vcpus = max_vcpus,
        .max_evtchn_port = 1023,
        .max_grant_frames = 64,
        .max_maptrack_frames = 1024,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch = {.emulation_flags = XEN_X86_EMU_LAPIC},
    };
}

int xc_domain_create(xc_interface *xch, u32 *pdomid, struct xen_domctl_createdomain *config)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain, .domain = (domid_t)*pdomid};

    (void)xch;
    op.u.createdomain = *config;
    int rc = do_domctl(&op);
    if (!rc) {
        *pdomid = op.domain;
        *config = op.u.createdomain;
    }
    return rc;
}

int xc_domain_destroy(xc_interface *xch, u32 domid)
{
    (void)xch;
    return simple(domid, XEN_DOMCTL_destroydomain);
}

int xc_domain_pause(xc_interface *xch, u32 domid)
{
    (void)xch;
    return simple(domid, XEN_DOMCTL_pausedomain);
}

int xc_domain_unpause(xc_interface *xch, u32 domid)
{
    (void)xch;
    return simple(domid, XEN_DOMCTL_unpausedomain);
}

int xc_domain_shutdown(xc_interface *xch, u32 domid, int reason)
{
    struct sched_remote_shutdown arg = {.domain_id = (domid_t)domid, .reason = (unsigned int)reason};

    (void)xch;
    return (int)hypercall2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &arg);
}

int xc_domain_setmaxmem(xc_interface *xch, u32 domid, u64 max_memkb)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_max_mem, .domain = (domid_t)domid, .u.max_mem.max_memkb = max_memkb};

    (void)xch;
    return do_domctl(&op);
}

int xc_domain_max_vcpus(xc_interface *xch, u32 domid, unsigned int max)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_vcpus, .domain = (domid_t)domid, .u.max_vcpus.max = max};

    (void)xch;
    return do_domctl(&op);
}

int xc_sched_credit2_domain_set(xc_interface *xch, u32 domid, struct xen_domctl_sched_credit2 *sdom)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_scheduler_op, .domain = (domid_t)domid};

    (void)xch;
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.credit2 = *sdom;
    return do_domctl(&op);
}

static int node_affinity(u32 cmd, u32 domid, xc_nodemap_t nodemap)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};

    op.u.nodeaffinity.nodemap.bitmap = XEN_HANDLE(nodemap);
    op.u.nodeaffinity.nodemap.nr_bits = MAX_NODES;
    return do_domctl(&op);
}

int xc_domain_node_setaffinity(xc_interface *xch, u32 domid, xc_nodemap_t nodemap)
{
    (void)xch;
    return node_affinity(XEN_DOMCTL_setnodeaffinity, domid, nodemap);
}

int xc_domain_node_getaffinity(xc_interface *xch, u32 domid, xc_nodemap_t nodemap)
{
    (void)xch;
    return node_affinity(XEN_DOMCTL_getnodeaffinity, domid, nodemap);
}

int xc_vcpu_setaffinity(xc_interface *xch, u32 domid, u32 vcpu, u32 flags, xc_cpumap_t cpumap)
{
    struct xen_domctl d = {.cmd = XEN_DOMCTL_setvcpuaffinity, .domain = (domid_t)domid};
    u8 result[MAX_CPUS / 8]; /* what it comes to is written back */

    (void)xch;
    memcpy(result, cpumap, sizeof(result));
    d.u.vcpuaffinity.vcpu = vcpu;
    d.u.vcpuaffinity.flags = flags;
    struct xenctl_bitmap map = {.nr_bits = MAX_CPUS, .bitmap = XEN_HANDLE(result)};
    d.u.vcpuaffinity.cpumap_hard = d.u.vcpuaffinity.cpumap_soft = map;
    return do_domctl(&d);
}

int xc_domain_getinfolist(xc_interface *xch, u32 first_domain, unsigned int max_domains,
                          xc_domaininfo_t *info)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};

    (void)xch;
    op.u.getdomaininfolist.first_domain = (domid_t)first_domain;
    op.u.getdomaininfolist.max_domains = max_domains;
    op.u.getdomaininfolist.buffer = XEN_HANDLE(info);
    int rc = do_sysctl(&op);
    return rc < 0 ? rc : (int)op.u.getdomaininfolist.num_domains;
}

int xc_domain_getinfo_single(xc_interface *xch, u32 domid, xc_domaininfo_t *info)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = (domid_t)domid};

    (void)xch;
    int rc = do_domctl(&op);
    if (rc)
        return rc;
    if (op.u.getdomaininfo.domain != domid)
        return -ESRCH;
    *info = op.u.getdomaininfo;
    return 0;
}

int xc_vcpu_getinfo(xc_interface *xch, u32 domid, u32 vcpu, xc_vcpuinfo_t *info)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_getvcpuinfo, .domain = (domid_t)domid, .u.getvcpuinfo.vcpu = vcpu};

    (void)xch;
    int rc = do_domctl(&op);
    if (!rc)
        *info = op.u.getvcpuinfo;
    return rc;
}

int xc_domain_hvm_getcontext(xc_interface *xch, u32 domid, u8 *ctxt_buf, u32 size)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gethvmcontext, .domain = (domid_t)domid};

    (void)xch;
    op.u.hvmcontext.size = size;
    op.u.hvmcontext.buffer = XEN_HANDLE(ctxt_buf);
    int rc = do_domctl(&op);
    return rc ? rc : (int)op.u.hvmcontext.size;
}

int xc_domain_hvm_setcontext(xc_interface *xch, u32 domid, u8 *hvm_ctxt, u32 size)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sethvmcontext, .domain = (domid_t)domid};

    (void)xch;
    op.u.hvmcontext.size = size;
    op.u.hvmcontext.buffer = XEN_HANDLE(hvm_ctxt);
    return do_domctl(&op);
}

int xc_hvm_param_set(xc_interface *xch, u32 domid, u32 param, u64 value)
{
    struct xen_hvm_param arg = {.domid = (domid_t)domid, .index = param, .value = value};

    (void)xch;
    return (int)hypercall2(__HYPERVISOR_hvm_op, HVMOP_set_param, &arg);
}

int xc_hvm_param_get(xc_interface *xch, u32 domid, u32 param, u64 *value)
{
    struct xen_hvm_param arg = {.domid = (domid_t)domid, .index = param};

    (void)xch;
    int rc = (int)hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &arg);
    if (!rc)
        *value = arg.value;
    return rc;
}

evtchn_port_or_error_t xc_evtchn_alloc_unbound(xc_interface *xch, u32 dom, u32 remote_dom)
{
    struct evtchn_alloc_unbound arg = {.dom = (domid_t)dom, .remote_dom = (domid_t)remote_dom};

    (void)xch;
    int rc = (int)hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &arg);
    return rc ? rc : (int)arg.port;
}

evtchn_port_or_error_t xc_evtchn_bind_interdomain(u32 dom, evtchn_port_t remote_port)
{
    struct evtchn_bind_interdomain arg = {.remote_dom = (domid_t)dom, .remote_port = remote_port};
    int rc = (int)hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &arg);

    return rc ? rc : (int)arg.local_port;
}

int xc_evtchn_notify(evtchn_port_t port)
{
    struct evtchn_send arg = {.port = port};

    return (int)hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &arg);
}

int xc_evtchn_unbind(evtchn_port_t port)
{
    struct evtchn_close arg = {.port = port};

    return (int)hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &arg);
}
