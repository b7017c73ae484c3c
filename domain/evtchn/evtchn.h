/*
 * Event channels, two-level ABI (public/event_channel.h): ports, VIRQs, IPIs, pending bits in
 * shared_info, wake-up and upcall of the bound vCPU.
 */
#ifndef DOMAIN_EVTCHN_H
#define DOMAIN_EVTCHN_H

#include <homestead/addr.h>
#include <lib/spinlock.h>
#include <xen/xen.h>

struct domain;
struct vcpu;
struct evtchn_status;

#define EVTCHN_MAX_PORTS 4096u /* 64-bit two-level */

enum evtchn_kind {
    EVTCHN_FREE = 0,
    EVTCHN_RESERVED, /* port 0, and a port that is being bound or closed */
    EVTCHN_UNBOUND,  /* remote_domid may bind to it */
    EVTCHN_INTERDOMAIN,
    EVTCHN_VIRQ,
    EVTCHN_IPI,
};

struct evtchn { /* [E] */
    u8 kind;
    u8 virq;
    u16 remote_domid;
    u32 remote_port;
    u32 vcpu_id;
};

struct evtchn_state {
    spinlock_t lock;                               /* LOCK_EVTCHN */
    bool closed;                                   /* [E] destroyed: no port is allocated any more */
    u32 nr_ports;                                  /* [E], read without it: grows by a page of entries */
    u32 max_port;                                  /* [I] highest port allowed */
    struct evtchn *bucket[EVTCHN_MAX_PORTS / 256]; /* 256 ports a page */
    mfn_t bucket_mfn[EVTCHN_MAX_PORTS / 256];      /* MM_OVERHEAD pages they are in */
};

/* Locking of all: at most one domain's event lock is held at a time, and none on entry and return.
 * max_port is cut to what the two-level ABI can name. */
void evtchn_init(struct domain *d, u32 max_port);
void evtchn_destroy(struct domain *d); /* closes every port */

/*
 * All return 0 or -errno with the causes of Xen's ABI; ports are outputs on success only.
 * -ENOSPC: no free port up to max_port; -ENOMEM; -ENOENT: no such vCPU; -ESRCH: no such remote domain;
 * -EINVAL: port not valid or not of the right kind, a global VIRQ on another vCPU than 0, VIRQ out of range;
 * -EEXIST: the VIRQ is bound already.
 */
int evtchn_alloc_unbound(struct domain *d, u16 remote_domid, u32 *port);
int evtchn_bind_interdomain(struct domain *d, u16 remote_domid, u32 remote_port, u32 vcpu_id, u32 *port);
int evtchn_bind_virq(struct domain *d, u32 virq, u32 vcpu_id, u32 *port);
int evtchn_bind_ipi(struct domain *d, u32 vcpu_id, u32 *port);
int evtchn_close(struct domain *d, u32 port);
int evtchn_send(struct domain *d, u32 port);
/* Fills in status, vcpu, and of u what belongs to the status. */
int evtchn_status(struct domain *d, u32 port, struct evtchn_status *out);
int evtchn_bind_vcpu(struct domain *d, u32 port, u32 vcpu_id);
int evtchn_unmask(struct domain *d, u32 port);

/* Raises a VIRQ on the vCPU it is bound to; nothing happens if it is not bound. Global VIRQs: vcpu_id 0. */
void evtchn_raise_virq(struct domain *d, u32 virq, u32 vcpu_id);
/* Number of ports with entries; read without the lock, so it may be out of date. */
static inline u32 evtchn_nr_ports(const struct evtchn_state *events)
{
    return __atomic_load_n(&events->nr_ports, __ATOMIC_RELAXED);
}
/* SCHEDOP_poll: is one of v's poll ports pending? */
bool evtchn_port_pending(struct domain *d, u32 port);

#endif
