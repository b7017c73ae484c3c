/*
 * __HYPERVISOR_event_channel_op(cmd, arg): one table of commands. The dispatcher copies the argument in, finds
 * the domain, and copies results out; a handler hands over to domain/evtchn/evtchn.h. The structures are the
 * same for 32-bit and 64-bit callers.
 */
#include <hypercall/hypercall.h>
#include <lib/string.h>
#include <xen/event_channel.h>

union event_op {
    domid_t domid; /* of those that name a domain, which all do first */
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_status status;
    struct evtchn_bind_vcpu bind_vcpu;
    evtchn_port_t port; /* close, send, unmask */
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};
_Static_assert(offsetof(struct evtchn_alloc_unbound, dom) == 0 && offsetof(struct evtchn_status, dom) == 0 &&
                   offsetof(struct evtchn_reset, dom) == 0,
               "the domain comes first");

static u16 remote_domid(const struct hypercall *c, u16 domid)
{
    return domid == DOMID_SELF ? c->v->domain->id : domid;
}

static int alloc_unbound(struct hypercall *c, union event_op *op)
{
    return evtchn_alloc_unbound(c->target, remote_domid(c, op->alloc_unbound.remote_dom),
                                &op->alloc_unbound.port);
}

static int bind_interdomain(struct hypercall *c, union event_op *op)
{
    struct evtchn_bind_interdomain *bind = &op->bind_interdomain;

    return evtchn_bind_interdomain(c->v->domain, remote_domid(c, bind->remote_dom), bind->remote_port, 0,
                                   &bind->local_port);
}

static int bind_virq(struct hypercall *c, union event_op *op)
{
    return evtchn_bind_virq(c->v->domain, op->bind_virq.virq, op->bind_virq.vcpu, &op->bind_virq.port);
}

static int bind_ipi(struct hypercall *c, union event_op *op)
{
    return evtchn_bind_ipi(c->v->domain, op->bind_ipi.vcpu, &op->bind_ipi.port);
}

static int bind_vcpu(struct hypercall *c, union event_op *op)
{
    return evtchn_bind_vcpu(c->v->domain, op->bind_vcpu.port, op->bind_vcpu.vcpu);
}

static int status(struct hypercall *c, union event_op *op)
{
    return evtchn_status(c->target, op->status.port, &op->status);
}

static int close_port(struct hypercall *c, union event_op *op)
{
    return evtchn_close(c->v->domain, op->port);
}

static int send(struct hypercall *c, union event_op *op)
{
    return evtchn_send(c->v->domain, op->port);
}

static int unmask(struct hypercall *c, union event_op *op)
{
    return evtchn_unmask(c->v->domain, op->port);
}

static int reset(struct hypercall *c, union event_op *op)
{
    (void)op;
    return evtchn_reset(c->target);
}

static int init_control(struct hypercall *c, union event_op *op)
{
    struct evtchn_init_control *init = &op->init_control;

    int rc = evtchn_init_control(c->v->domain, init->vcpu, gfn(init->control_gfn), init->offset);
    init->link_bits = EVTCHN_FIFO_LINK_BITS;
    return rc;
}

static int expand_array(struct hypercall *c, union event_op *op)
{
    return evtchn_expand_array(c->v->domain, gfn(op->expand_array.array_gfn));
}

static int set_priority(struct hypercall *c, union event_op *op)
{
    return evtchn_set_priority(c->v->domain, op->set_priority.port, op->set_priority.priority);
}

enum target {
    OWN,   /* the caller's domain */
    NAMED, /* the one the argument begins with, if the caller may act on it */
};

#define RESULTS               (-1) /* the argument is copied back */
#define NEW_PORT(type, field) offsetof(struct type, field)
static const struct call {
    int (*handler)(struct hypercall *c, union event_op *op);
    u8 target;    /* enum target */
    u8 arg_bytes; /* size of the argument */
    s8 results;   /* 0: none; RESULTS; NEW_PORT(): the same, and a port that is closed if this fails */
} calls[] = {
    [EVTCHNOP_bind_interdomain] = {bind_interdomain, OWN, sizeof(struct evtchn_bind_interdomain),
                                   NEW_PORT(evtchn_bind_interdomain, local_port)},
    [EVTCHNOP_bind_virq] = {bind_virq, OWN, sizeof(struct evtchn_bind_virq),
                            NEW_PORT(evtchn_bind_virq, port)},
    [EVTCHNOP_close] = {close_port, OWN, sizeof(evtchn_port_t), 0},
    [EVTCHNOP_send] = {send, OWN, sizeof(evtchn_port_t), 0},
    [EVTCHNOP_status] = {status, NAMED, sizeof(struct evtchn_status), RESULTS},
    [EVTCHNOP_alloc_unbound] = {alloc_unbound, NAMED, sizeof(struct evtchn_alloc_unbound),
                                NEW_PORT(evtchn_alloc_unbound, port)},
    [EVTCHNOP_bind_ipi] = {bind_ipi, OWN, sizeof(struct evtchn_bind_ipi), NEW_PORT(evtchn_bind_ipi, port)},
    [EVTCHNOP_bind_vcpu] = {bind_vcpu, OWN, sizeof(struct evtchn_bind_vcpu), 0},
    [EVTCHNOP_unmask] = {unmask, OWN, sizeof(evtchn_port_t), 0},
    [EVTCHNOP_reset] = {reset, NAMED, sizeof(struct evtchn_reset), 0},
    [EVTCHNOP_init_control] = {init_control, OWN, sizeof(struct evtchn_init_control), RESULTS},
    [EVTCHNOP_expand_array] = {expand_array, OWN, sizeof(struct evtchn_expand_array), 0},
    [EVTCHNOP_set_priority] = {set_priority, OWN, sizeof(struct evtchn_set_priority), 0},
};

/* Apart from the lookup, for the sake of fewer saved registers. */
static __attribute__((noinline)) long perform(struct hypercall *c, const struct call *call)
{
    union event_op op;

    int rc = copy_from_guest(c->v, &op, c->arg[1], call->arg_bytes);
    if (!rc && call->target == NAMED)
        rc = hypercall_target(c, op.domid);
    if (!rc)
        rc = call->handler(c, &op);
    if (rc || !call->results)
        return rc;
    rc = copy_to_guest(c->v, c->arg[1], &op, call->arg_bytes);
    if (rc && call->results != RESULTS) {
        evtchn_port_t port;

        memcpy(&port, (const u8 *)&op + call->results, sizeof(port));
        evtchn_close(call->target == NAMED ? c->target : c->v->domain, port);
    }
    return rc;
}

long hc_event_channel_op(struct hypercall *c)
{
    u32 cmd = (u32)c->arg[0];

    return cmd < ARRAY_SIZE(calls) && calls[cmd].handler ? perform(c, &calls[cmd]) : -ENOSYS;
}
