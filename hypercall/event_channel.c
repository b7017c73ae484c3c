/*
 * __HYPERVISOR_event_channel_op(cmd, arg): decodes the argument, finds the domain, and hands over to
 * domain/evtchn/evtchn.h. The structures are the same for 32-bit and 64-bit callers. The FIFO event ABI
 * (init_control, expand_array, set_priority) is not there: -ENOSYS makes guests use the two-level one.
 */
#include <hypercall/hypercall.h>
#include <lib/string.h>
#include <xen/event_channel.h>

/* Gives the caller a new port of d; if the caller cannot be told, the port is closed again. */
static long return_port(struct hypercall *c, struct domain *d, const void *op, u64 size, u32 port)
{
    int rc = copy_to_guest(c->v, c->arg[1], op, size);

    if (rc)
        evtchn_close(d, port);
    return rc;
}

/* The domain an operation names, if the caller may act on it. */
static int get_target(struct hypercall *c, u16 domid, struct domain **out)
{
    struct domain *d = hypercall_domain(c, domid);

    if (!d)
        return -ESRCH;
    if (!hypercall_may_target(c, d)) {
        domain_put(d);
        return -EPERM;
    }
    *out = d;
    return 0;
}

static long op_alloc_unbound(struct hypercall *c)
{
    struct evtchn_alloc_unbound op;
    struct domain *d;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (!rc)
        rc = get_target(c, op.dom, &d);
    if (rc)
        return rc;
    u16 remote = op.remote_dom == DOMID_SELF ? c->v->domain->id : op.remote_dom;
    rc = evtchn_alloc_unbound(d, remote, &op.port);
    if (!rc)
        rc = return_port(c, d, &op, sizeof(op), op.port);
    domain_put(d);
    return rc;
}

static long op_bind_interdomain(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    struct evtchn_bind_interdomain op;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    u16 remote = op.remote_dom == DOMID_SELF ? d->id : op.remote_dom;
    rc = evtchn_bind_interdomain(d, remote, op.remote_port, 0, &op.local_port);
    return rc ? rc : return_port(c, d, &op, sizeof(op), op.local_port);
}

static long op_bind_virq(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    struct evtchn_bind_virq op;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (!rc)
        rc = evtchn_bind_virq(d, op.virq, op.vcpu, &op.port);
    return rc ? rc : return_port(c, d, &op, sizeof(op), op.port);
}

static long op_bind_ipi(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    struct evtchn_bind_ipi op;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (!rc)
        rc = evtchn_bind_ipi(d, op.vcpu, &op.port);
    return rc ? rc : return_port(c, d, &op, sizeof(op), op.port);
}

static long op_status(struct hypercall *c)
{
    struct evtchn_status op;
    struct evtchn_status_info info;
    struct domain *d;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (!rc)
        rc = get_target(c, op.dom, &d);
    if (rc)
        return rc;
    rc = evtchn_status(d, op.port, &info);
    domain_put(d);
    if (rc)
        return rc;
    op.status = info.status;
    op.vcpu = info.vcpu_id;
    switch (info.status) {
    case EVTCHNSTAT_unbound:
        op.u.unbound.dom = info.remote_domid;
        break;
    case EVTCHNSTAT_interdomain:
        op.u.interdomain.dom = info.remote_domid;
        op.u.interdomain.port = info.remote_port;
        break;
    case EVTCHNSTAT_virq:
        op.u.virq = info.virq;
        break;
    }
    return copy_to_guest(c->v, c->arg[1], &op, sizeof(op));
}

static long op_bind_vcpu(struct hypercall *c)
{
    struct evtchn_bind_vcpu op;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    return rc ? rc : evtchn_bind_vcpu(c->v->domain, op.port, op.vcpu);
}

/* close, send and unmask: one port of the caller's own. */
static long op_port(struct hypercall *c, int (*action)(struct domain *d, u32 port))
{
    evtchn_port_t port;

    long rc = copy_from_guest(c->v, &port, c->arg[1], sizeof(port));
    return rc ? rc : action(c->v->domain, port);
}

/* Closes every port. Closing twice does no harm, so a continuation starts over. */
static long op_reset(struct hypercall *c)
{
    struct evtchn_reset op;
    struct domain *d;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (!rc)
        rc = get_target(c, op.dom, &d);
    if (rc)
        return rc;
    u32 nr_ports = evtchn_nr_ports(&d->events); /* at most EVTCHN_MAX_PORTS */
    for (u32 port = 1; port < nr_ports && !rc; port++) {
        bool was_open = evtchn_close(d, port) == 0;

        if (was_open && sched_should_yield())
            rc = -ERESTART;
    }
    domain_put(d);
    return rc;
}

long hc_event_channel_op(struct hypercall *c)
{
    switch ((u32)c->arg[0]) {
    case EVTCHNOP_bind_interdomain:
        return op_bind_interdomain(c);
    case EVTCHNOP_bind_virq:
        return op_bind_virq(c);
    case EVTCHNOP_close:
        return op_port(c, evtchn_close);
    case EVTCHNOP_send:
        return op_port(c, evtchn_send);
    case EVTCHNOP_status:
        return op_status(c);
    case EVTCHNOP_alloc_unbound:
        return op_alloc_unbound(c);
    case EVTCHNOP_bind_ipi:
        return op_bind_ipi(c);
    case EVTCHNOP_bind_vcpu:
        return op_bind_vcpu(c);
    case EVTCHNOP_unmask:
        return op_port(c, evtchn_unmask);
    case EVTCHNOP_reset:
        return op_reset(c);
    default:
        return -ENOSYS;
    }
}
