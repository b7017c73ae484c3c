/*
 * Event channels (public/event_channel.h): ports, VIRQs, IPIs, wake-up and upcall of the bound vCPU. A domain begins
 * with the two-level ABI, pending bits in shared_info; fifo.h is the other one.
 */
#ifndef DOMAIN_EVTCHN_H
#define DOMAIN_EVTCHN_H

#include <homestead/addr.h>
#include <lib/spinlock.h>
#include <xen/xen.h>

struct domain;
struct vcpu;
struct evtchn_status;

#define EVTCHN_MAX_PORTS      4096u /* 64-bit two-level */
#define EVTCHN_FIFO_MAX_PORTS 131072u
#define EVTCHN_BUCKET_PORTS   256u /* entries a page */
#define EVTCHN_FIRST_BUCKETS  (EVTCHN_MAX_PORTS / EVTCHN_BUCKET_PORTS)

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
    /* FIFO ABI */
    u8 priority;
    u8 linked_vcpu_id, linked_priority; /* of the queue that it was put into last; survives a close */
    bool pending;                       /* while the guest has no word for it */
};

struct evtchn_state {
    spinlock_t lock;          /* LOCK_EVTCHN */
    bool closed;              /* [E] destroyed: no port is allocated any more */
    u32 nr_ports;             /* [E], read without it: grows by a page of entries */
    u32 max_port;             /* [I] highest port allowed, by the ABI with more */
    u32 nr_used, lowest_free; /* [E] ports that are not free; below the latter all are used */
    u32 next_close;           /* [E] where a reset or destruction goes on */
    struct evtchn **bucket;   /* [E] MM_OVERHEAD pages: first[], or those of `more` */
    mfn_t *bucket_mfn;
    struct evtchn *first[EVTCHN_FIRST_BUCKETS];
    mfn_t first_mfn[EVTCHN_FIRST_BUCKETS];
    mfn_t more;               /* two pages of pointers and frames, INVALID_MFN: none */
    struct evtchn_fifo *fifo; /* [E] NULL: the two-level ABI */
};

/* Locking of all: at most one domain's event lock is held at a time, and none on entry and return.
 * max_port is cut to what the ABIs can name. */
void evtchn_init(struct domain *d, u32 max_port);
/* Closes every port and gives everything back. True: not all yet, call again. */
bool evtchn_destroy(struct domain *d);
/* Closes every port and goes back to the two-level ABI. -ERESTART: not all yet; -EAGAIN: a port has been opened
 * meanwhile. */
int evtchn_reset(struct domain *d);

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
/* The FIFO ABI, from the first control block on: at offset in frame g, for one vCPU. -ENOENT: no such vCPU; -EINVAL:
 * not aligned to 8 or over a page, not the domain's RAM, or the vCPU has one. */
int evtchn_init_control(struct domain *d, u32 vcpu_id, gfn_t g, u32 offset);
/* Frame g is the next page of the event array. -EOPNOTSUPP: the two-level ABI; -ENOSPC: it has all; -EINVAL. */
int evtchn_expand_array(struct domain *d, gfn_t g);
/* From its next event on. -ENOSYS: the two-level ABI; -EACCES: port 0, or it
 * is about to close; -EINVAL. */
int evtchn_set_priority(struct domain *d, u32 port, u32 priority);

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
