/* Facts that tools ask for: idle time (8), devices' nodes (22), the scheduler's parameter (19), and what CPUs have not. */
#include <arch/x86/cpu/percpu.h>
#include <domain/sched/sched_policy.h>
#include <homestead/topology.h>
#include <hypercall/sysctl.h>

#define RATELIMIT_MIN_US 100u /* Xen's bounds; 0 is none */
#define RATELIMIT_MAX_US 500000u
#define RATELIMIT_US     (SCHED_TURN_NS / 1000)

/* As many as there is room for; a CPU that is not in use has been idle for no time. */
long sysctl_getcpuinfo(struct sysctl *ctl)
{
    struct xen_sysctl_getcpuinfo *op = &ctl->op.u.getcpuinfo;
    u32 nr = MIN(op->max_cpus, host_topology->nr_cpus);

    for (u32 cpu = 0; cpu < nr; cpu++) {
        const struct xen_sysctl_cpuinfo info = {.idletime = cpus[cpu] ? sched_idle_ns(cpu) : 0};

        int rc = copy_to_guest_element(ctl->c->v, op->info, cpu, &info, sizeof(info));
        if (rc)
            return rc;
    }
    op->nr_cpus = nr;
    return 0;
}

/* No device is known. Stops early if the vCPU has to give way: callers go on behind num_devs, as with Xen. */
long sysctl_pcitopoinfo(struct sysctl *ctl)
{
    struct xen_sysctl_pcitopoinfo *op = &ctl->op.u.pcitopoinfo;
    const u32 node = XEN_INVALID_DEV;
    struct physdev_pci_device dev;
    u32 nr = 0;

    if (!op->devs || !op->nodes)
        return -EINVAL;
    for (; nr < op->num_devs && (!nr || !sched_should_yield()); nr++) {
        int rc = copy_from_guest_element(ctl->c->v, &dev, op->devs, nr, sizeof(dev));
        if (!rc)
            rc = copy_to_guest_element(ctl->c->v, op->nodes, nr, &node, sizeof(node));
        if (rc)
            return rc;
    }
    op->num_devs = nr;
    return 0;
}

/* The one parameter of credit2 is the time that a vCPU runs before one that wakes may take its CPU: it is fixed. */
long sysctl_scheduler_op(struct sysctl *ctl)
{
    struct xen_sysctl_scheduler_op *op = &ctl->op.u.scheduler_op;
    u32 *limit_us = &op->u.sched_credit2.ratelimit_us;

    if (op->cmd > XEN_SYSCTL_SCHEDOP_getinfo)
        return -EINVAL;
    if (op->cpupool_id)
        return -ESRCH;
    if (op->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    if (op->cmd == XEN_SYSCTL_SCHEDOP_getinfo) {
        *limit_us = RATELIMIT_US;
        return 0;
    }
    if (*limit_us && (*limit_us < RATELIMIT_MIN_US || *limit_us > RATELIMIT_MAX_US))
        return -EINVAL;
    return *limit_us == RATELIMIT_US ? 0 : -EOPNOTSUPP;
}

/* Homestead uses no power management of CPUs, and no monitoring or allocation of cache and memory bandwidth: the answer is
 * that of Xen on CPUs that have none. */
long sysctl_no_device(struct sysctl *ctl)
{
    if (ctl->op.cmd == XEN_SYSCTL_psr_alloc && ctl->op.u.psr_alloc.cmd > XEN_SYSCTL_PSR_get_mba_info)
        return -EOPNOTSUPP;
    return -ENODEV;
}
