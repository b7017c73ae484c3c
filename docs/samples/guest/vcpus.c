/* Two vCPUs, the first pinned to CPU 0, and a share of the host's CPUs for the domain. */
#include <docs/samples/guest/samples.h>

int vcpus_sample(void)
{
    u64 cpu_0 = 1, found = 0;
    struct xen_domctl op = {.u.max_vcpus.max = 2}; /* the number given at creation */
    u32 domid = new_domain(2, 512);

    if (!domid)
        return -ENOMEM;
    long rc = domctl(&op, XEN_DOMCTL_max_vcpus, domid);

    op =
        (struct xen_domctl){.u.vcpuaffinity = {.vcpu = 0,
                                               .flags = XEN_VCPUAFFINITY_HARD,
                                               .cpumap_hard = {.bitmap = XEN_HANDLE(&cpu_0), .nr_bits = 64}}};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_setvcpuaffinity, domid);
    op.u.vcpuaffinity.cpumap_hard.bitmap = XEN_HANDLE(&found);
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_getvcpuaffinity, domid);
    if (!rc && found != 1)
        rc = SURPRISE;

    op = (struct xen_domctl){.u.scheduler_op = {.sched_id = XEN_SCHEDULER_CREDIT2,
                                                .cmd = XEN_DOMCTL_SCHEDOP_putinfo,
                                                .u.credit2 = {.weight = 512, .cap = 150}}};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_scheduler_op, domid);

    op = (struct xen_domctl){.u.getvcpuinfo.vcpu = 1};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_getvcpuinfo, domid);
    if (!rc && op.u.getvcpuinfo.online) /* it has no registers yet */
        rc = SURPRISE;
    return end_domain(domid, rc);
}
