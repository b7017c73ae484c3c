/* Two ports of our own domain, connected with each other: what is sent on one is pending on the other. */
#include <docs/samples/guest/samples.h>

#include <xen/event_channel.h>
#include <xen/sched.h>

static long event_op(u32 cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_event_channel_op, cmd, arg);
}

int event_channel_sample(void)
{
    /* One side offers a port to a domain, the other connects to it. */
    struct evtchn_alloc_unbound offer = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    long rc = event_op(EVTCHNOP_alloc_unbound, &offer);
    if (rc)
        return (int)rc;
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF, .remote_port = offer.port};
    rc = event_op(EVTCHNOP_bind_interdomain, &bind);
    struct evtchn_send send = {.port = bind.local_port};
    if (!rc)
        rc = event_op(EVTCHNOP_send, &send);
    /* Returns at once: the event is pending. Without an interrupt handler, this is how to wait for events. */
    struct sched_poll poll = {.ports = XEN_HANDLE(&offer.port), .nr_ports = 1};
    if (!rc)
        rc = hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
    struct evtchn_status status = {.dom = DOMID_SELF, .port = offer.port};
    if (!rc)
        rc = event_op(EVTCHNOP_status, &status);
    if (!rc && (status.status != EVTCHNSTAT_interdomain || status.u.interdomain.port != bind.local_port))
        rc = SURPRISE;
    struct evtchn_close mine = {.port = bind.local_port}, theirs = {.port = offer.port};
    if (!rc)
        rc = event_op(EVTCHNOP_close, &mine); /* the other end is unbound again */
    long end = event_op(EVTCHNOP_close, &theirs);
    return (int)(rc ? rc : end);
}
