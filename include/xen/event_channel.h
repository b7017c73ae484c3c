/*
 * __HYPERVISOR_event_channel_op(cmd, arg): a domain's one-bit doorbells.
 * Facts: Xen's public/event_channel.h, 4.17.
 */
#ifndef XEN_EVENT_CHANNEL_H
#define XEN_EVENT_CHANNEL_H

#include <xen/xen.h>

#define EVTCHNOP_bind_interdomain 0
#define EVTCHNOP_bind_virq        1
#define EVTCHNOP_close            3
#define EVTCHNOP_send             4
#define EVTCHNOP_status           5
#define EVTCHNOP_alloc_unbound    6
#define EVTCHNOP_bind_ipi         7
#define EVTCHNOP_bind_vcpu        8
#define EVTCHNOP_unmask           9
#define EVTCHNOP_reset            10
#define EVTCHNOP_init_control     11
#define EVTCHNOP_expand_array     12
#define EVTCHNOP_set_priority     13

typedef u32 evtchn_port_t;

struct evtchn_alloc_unbound {
    domid_t dom;        /* IN: whose port */
    domid_t remote_dom; /* IN: who may connect */
    evtchn_port_t port; /* OUT */
};

struct evtchn_bind_interdomain {
    domid_t remote_dom;
    evtchn_port_t remote_port;
    evtchn_port_t local_port; /* OUT */
};

struct evtchn_bind_virq {
    u32 virq; /* VIRQ_* */
    u32 vcpu;
    evtchn_port_t port; /* OUT */
};

struct evtchn_bind_ipi {
    u32 vcpu;
    evtchn_port_t port; /* OUT */
};

struct evtchn_close {
    evtchn_port_t port;
};

struct evtchn_send {
    evtchn_port_t port;
};

#define EVTCHNSTAT_closed      0
#define EVTCHNSTAT_unbound     1
#define EVTCHNSTAT_interdomain 2
#define EVTCHNSTAT_virq        4
#define EVTCHNSTAT_ipi         5
struct evtchn_status {
    domid_t dom;
    evtchn_port_t port;
    u32 status; /* OUT, EVTCHNSTAT_* */
    u32 vcpu;   /* OUT */
    union {
        struct {
            domid_t dom;
        } unbound;
        struct {
            domid_t dom;
            evtchn_port_t port;
        } interdomain;
        u32 pirq;
        u32 virq;
    } u;
};

struct evtchn_bind_vcpu {
    evtchn_port_t port;
    u32 vcpu;
};

struct evtchn_unmask {
    evtchn_port_t port;
};

struct evtchn_reset {
    domid_t dom;
};

/* The FIFO ABI: control block of a vCPU, and event array pages of the domain, in the guest's memory. */
struct evtchn_init_control {
    u64 control_gfn;
    u32 offset; /* of the control block in that frame */
    u32 vcpu;
    u8 link_bits; /* OUT */
    u8 _pad[7];
};

struct evtchn_expand_array {
    u64 array_gfn;
};

struct evtchn_set_priority {
    evtchn_port_t port;
    u32 priority; /* EVTCHN_FIFO_PRIORITY_MAX .. _MIN */
};

#define EVTCHN_FIFO_PRIORITY_MAX     0
#define EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define EVTCHN_FIFO_PRIORITY_MIN     15
#define EVTCHN_FIFO_MAX_QUEUES       (EVTCHN_FIFO_PRIORITY_MIN + 1)

typedef u32 event_word_t;

/* Bits of an event word. */
#define EVTCHN_FIFO_PENDING     31
#define EVTCHN_FIFO_MASKED      30
#define EVTCHN_FIFO_LINKED      29
#define EVTCHN_FIFO_BUSY        28
#define EVTCHN_FIFO_LINK_BITS   17
#define EVTCHN_FIFO_LINK_MASK   ((1 << EVTCHN_FIFO_LINK_BITS) - 1)
#define EVTCHN_FIFO_NR_CHANNELS (1 << EVTCHN_FIFO_LINK_BITS)

struct evtchn_fifo_control_block {
    u32 ready; /* a bit per queue */
    u32 _rsvd;
    u32 head[EVTCHN_FIFO_MAX_QUEUES];
};

_Static_assert(sizeof(struct evtchn_init_control) == 24, "public/event_channel.h");
_Static_assert(sizeof(struct evtchn_fifo_control_block) == 72, "public/event_channel.h");
_Static_assert(sizeof(struct evtchn_alloc_unbound) == 8, "public/event_channel.h");
_Static_assert(sizeof(struct evtchn_bind_interdomain) == 12, "public/event_channel.h");
_Static_assert(sizeof(struct evtchn_bind_virq) == 12, "public/event_channel.h");
_Static_assert(sizeof(struct evtchn_status) == 24, "public/event_channel.h");

#endif
