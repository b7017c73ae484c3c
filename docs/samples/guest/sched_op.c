/* Waits for nothing for a while, and ends another domain as its own kernel would. */
#include <docs/samples/guest/samples.h>

#include <xen/sched.h>

int sched_op_sample(void)
{
    struct sched_poll nothing = {.timeout = 1}; /* system time 1 ns, which has passed */
    u32 domid = new_domain(1, 512);
    struct sched_remote_shutdown crash = {.domain_id = (domid_t)domid, .reason = SHUTDOWN_crash};
    struct xen_domctl op = {0};

    if (!domid)
        return -ENOMEM;
    long rc = hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
    if (!rc)
        rc = hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &nothing);
    if (!rc)
        rc = hypercall2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &crash);
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_getdomaininfo, domid);
    u32 flags = op.u.getdomaininfo.flags;
    if (!rc && (!(flags & XEN_DOMINF_shutdown) ||
                (flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) != SHUTDOWN_crash))
        rc = SURPRISE;
    return end_domain(domid, rc); /* a domain that is shut down still has its memory */
}
