/*
 * The cost of sending an event, from domain 0 to itself. It needs the shared info page, which a hypervisor
 * may have to update on each entry from then on: so these figures come last.
 */
#include <tests/guests/bench/bench.h>
#include <guest/lib/hypercall.h>
#include <xen/version.h>

static volatile struct shared_info *shared;
static struct evtchn_send send_op;

/* The second of two ends in domain 0: taken each time, or it would be pending already, which is less work. */
static void evtchn_send(void)
{
    hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send_op);
    shared->evtchn_pending[0] = 0;
    shared->vcpu_info[0].evtchn_pending_sel = 0;
    shared->vcpu_info[0].evtchn_upcall_pending = 0;
}
static void evtchn_send_pending(void)
{
    hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send_op);
}

static void null_hypercall(void)
{
    hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
}

static void prepare(void)
{
    u64 gaddr = guest_find_hole(MIB(2));
    struct xen_add_to_physmap map = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = gaddr >> PAGE_SHIFT};
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF};

    bench_check((int)hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &map), "the shared info page");
    shared = (volatile struct shared_info *)gaddr;
    int port = xc_evtchn_alloc_unbound(bench_xch, DOMID_SELF, DOMID_SELF);
    bench_check(MIN(port, 0), "a port");
    bind.remote_port = (evtchn_port_t)port;
    bench_check((int)hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &bind),
                "a port's other end");
    send_op.port = bind.local_port;
    shared->evtchn_pending[0] = 0;
    bench_check((int)hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send_op), "sending an event");
    if (!shared->evtchn_pending[0])
        bench_check(-EIO, "an event was sent and is not pending");
}

void bench_events(void)
{
    prepare();
    bench_calls("evtchn_send", evtchn_send);
    bench_calls("evtchn_send_pending", evtchn_send_pending);
    bench_calls("null_hypercall_shared", null_hypercall);
}
