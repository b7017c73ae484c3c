/*
 * __HYPERVISOR_sched_op(cmd, arg): give up the CPU, wait, end. And hypercall 15, set_timer_op, the older form
 * of the single-shot timer.
 */
#include <hypercall/compat.h>
#include <xen/sched.h>

#define POLL_MAX_PORTS ARRAY_SIZE(((struct vcpu *)0)->poll_ports)

static long op_shutdown(struct hypercall *c)
{
    struct sched_shutdown op;

    int rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    domain_shutdown(c->v->domain, (u8)op.reason);
    return 0;
}

static long op_remote_shutdown(struct hypercall *c)
{
    struct sched_remote_shutdown op;

    int rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    rc = op.domain_id == DOMID_SELF ? -ESRCH : hypercall_target(c, op.domain_id);
    if (!rc && !c->v->domain->is_control)
        rc = -EPERM; /* not even itself */
    if (!rc)
        domain_shutdown(c->target, (u8)op.reason);
    return rc;
}

static bool any_port_pending(const struct vcpu *v, const u32 *ports, u32 nr)
{
    for (u32 i = 0; i < nr; i++)
        if (evtchn_port_pending(v->domain, ports[i]))
            return true;
    return false;
}

/* Until one of the ports is pending, any other event comes, or the timeout (system time in ns) has passed. */
static long op_poll(struct hypercall *c)
{
    struct vcpu *v = c->v;
    struct domain *d = v->domain;
    struct sched_poll op;
    u32 ports[POLL_MAX_PORTS];

    int rc = read_caller_struct(c, &op, c->arg[1], &compat_sched_poll);
    if (rc)
        return rc;
    if (op.nr_ports > POLL_MAX_PORTS)
        return -EINVAL;
    rc = copy_from_guest(v, ports, op.ports, op.nr_ports * sizeof(ports[0]));
    if (rc)
        return rc;
    for (u32 i = 0; i < op.nr_ports; i++)
        if (ports[i] >= evtchn_nr_ports(&d->events))
            return -EINVAL;
    if (any_port_pending(v, ports, op.nr_ports))
        return 0;

    spin_lock(&d->events.lock);
    v->nr_poll = op.nr_ports;
    for (u32 i = 0; i < op.nr_ports; i++)
        v->poll_ports[i] = ports[i];
    v->poll_any = true;
    spin_unlock(&d->events.lock);
    timer_cancel(&v->poll_timer);
    if (op.timeout)
        timer_set(&v->poll_timer, op.timeout);
    vcpu_block(v);
    /* Checked again now that senders find a poller to wake: an event may have arrived in between. */
    if (any_port_pending(v, ports, op.nr_ports))
        vcpu_wake(v);
    return 0;
}

long hc_sched_op(struct hypercall *c)
{
    switch ((u32)c->arg[0]) {
    case SCHEDOP_yield:
        /* The caller waits for another CPU. PAUSE lets a sibling thread run; QEMU with one thread for all CPUs turns to
         * the next one, which it else does ten times a second. */
        __builtin_ia32_pause();
        sched_yield_current();
        return 0;
    case SCHEDOP_block:
        vcpu_block(c->v);
        return 0;
    case SCHEDOP_shutdown:
        return op_shutdown(c);
    case SCHEDOP_poll:
        return op_poll(c);
    case SCHEDOP_remote_shutdown:
        return op_remote_shutdown(c);
    default:
        return -ENOSYS;
    }
}

long hc_set_timer_op(struct hypercall *c)
{
    /* A 32-bit caller passes the low and the high half. */
    u64 timeout_ns = c->compat ? c->arg[0] | c->arg[1] << 32 : c->arg[0];

    if (timeout_ns)
        timer_set(&c->v->singleshot, timeout_ns);
    else
        timer_cancel(&c->v->singleshot);
    return 0;
}
