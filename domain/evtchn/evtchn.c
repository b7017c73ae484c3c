/*
 * Event channels: the port table, binding and closing, and delivery, by Xen's ABI (public/event_channel.h).
 *
 * Ports live in buckets of 256 that are taken as needed, as overhead of the domain. Pending and mask bits are
 * in the shared_info page, which the guest changes at the same time: only atomic read-modify-writes touch them.
 *
 * Lock: events.lock (LOCK_EVTCHN) of one domain at a time. A link between two domains is therefore made and
 * cut in steps, and each use checks that both ends still name each other. Run queue locks are taken inside.
 *
 * lint: long: delivery and binding share the port table and the rules of its locking.
 */
#include <arch/x86/cpu/frames.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <xen/event_channel.h>

#define PORTS_PER_BUCKET 256u
_Static_assert(sizeof(struct evtchn) * PORTS_PER_BUCKET <= PAGE_SIZE, "a bucket is one page");

static struct evtchn *evtchn_entry(struct domain *d, u32 port)
{
    if (port >= d->events.nr_ports)
        return NULL;
    return &d->events.bucket[port / PORTS_PER_BUCKET][port % PORTS_PER_BUCKET];
}

static bool test_and_set(u64 *words, u32 bit)
{
    return __atomic_fetch_or(&words[bit / 64], BIT(bit % 64), __ATOMIC_SEQ_CST) & BIT(bit % 64);
}

static bool test_and_clear(u64 *words, u32 bit)
{
    return __atomic_fetch_and(&words[bit / 64], ~BIT(bit % 64), __ATOMIC_SEQ_CST) & BIT(bit % 64);
}

static bool test_bit(const u64 *words, u32 bit)
{
    return __atomic_load_n(&words[bit / 64], __ATOMIC_SEQ_CST) & BIT(bit % 64);
}

/* Tells vCPU v that word port/64 of the pending bits has a new event. */
static void mark_vcpu(struct vcpu *v, u32 port)
{
    struct vcpu_info *info = v->info;

    if (!info || test_and_set(&info->evtchn_pending_sel, port / 64))
        return;
    /* One interrupt each time the byte is set. */
    if (!__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_request_upcall(v);
    vcpu_notify(v);
}

static void wake_pollers(struct domain *d, u32 port)
{
    u32 nr = domain_nr_vcpus(d);

    for (u32 id = 0; id < nr; id++) {
        struct vcpu *v = d->vcpu[id];

        if (!v->poll_any)
            continue;
        for (u32 i = 0; i < v->nr_poll; i++)
            if (v->poll_ports[i] == port) {
                vcpu_wake(v);
                break;
            }
    }
}

static void evtchn_set_pending(struct domain *d, u32 port, const struct evtchn *channel)
{
    struct shared_info *shared = domain_shared_info(d);

    if (channel->vcpu_id >= domain_nr_vcpus(d) || test_and_set(shared->evtchn_pending, port))
        return;
    if (!test_bit(shared->evtchn_mask, port))
        mark_vcpu(d->vcpu[channel->vcpu_id], port);
    wake_pollers(d, port);
}

bool evtchn_port_pending(struct domain *d, u32 port)
{
    return port < EVTCHN_MAX_PORTS && test_bit(domain_shared_info(d)->evtchn_pending, port);
}

/* The other end of an interdomain channel, from the sender's copy of it: sender_port of domain sender. */
static void notify_remote(u16 sender, u32 sender_port, u16 domid, u32 port)
{
    struct domain *remote = domain_get(domid);

    if (!remote)
        return;
    spin_lock(&remote->events.lock);
    const struct evtchn *channel = evtchn_entry(remote, port);
    if (channel && channel->kind == EVTCHN_INTERDOMAIN && channel->remote_domid == sender &&
        channel->remote_port == sender_port)
        evtchn_set_pending(remote, port, channel);
    spin_unlock(&remote->events.lock);
    domain_put(remote);
}

int evtchn_send(struct domain *d, u32 port)
{
    struct evtchn copy = {.kind = EVTCHN_FREE};
    int rc = 0;

    spin_lock(&d->events.lock);
    const struct evtchn *channel = evtchn_entry(d, port);
    if (channel)
        copy = *channel;
    if (copy.kind == EVTCHN_IPI)
        evtchn_set_pending(d, port, channel);
    else if (copy.kind != EVTCHN_INTERDOMAIN && copy.kind != EVTCHN_UNBOUND)
        rc = -EINVAL; /* an unbound port drops the event: its peer may be about to bind */
    spin_unlock(&d->events.lock);

    if (copy.kind == EVTCHN_INTERDOMAIN)
        notify_remote(d->id, port, copy.remote_domid, copy.remote_port);
    return rc;
}

int evtchn_unmask(struct domain *d, u32 port)
{
    struct shared_info *shared = domain_shared_info(d);
    int rc = -EINVAL;

    spin_lock(&d->events.lock);
    const struct evtchn *channel = evtchn_entry(d, port);
    if (channel) {
        if (test_and_clear(shared->evtchn_mask, port) && test_bit(shared->evtchn_pending, port) &&
            channel->vcpu_id < domain_nr_vcpus(d))
            mark_vcpu(d->vcpu[channel->vcpu_id], port);
        rc = 0;
    }
    spin_unlock(&d->events.lock);
    return rc;
}

void evtchn_raise_virq(struct domain *d, u32 virq, u32 vcpu_id)
{
    spin_lock(&d->events.lock);
    if (virq < NR_VIRQS && vcpu_id < domain_nr_vcpus(d)) {
        u32 port = d->vcpu[vcpu_id]->virq_port[virq];

        if (port)
            evtchn_set_pending(d, port, evtchn_entry(d, port));
    }
    spin_unlock(&d->events.lock);
}

void evtchn_init(struct domain *d, u32 max_port)
{
    spin_lock_init(&d->events.lock, LOCK_EVTCHN);
    d->events.nr_ports = 0;
    d->events.max_port = MIN(max_port, EVTCHN_MAX_PORTS - 1);
}

/* Event lock held. One more bucket of free ports; port 0 is never used. */
static int add_bucket(struct domain *d)
{
    struct evtchn_state *events = &d->events;
    mfn_t m;

    int rc = mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, &m);
    if (rc)
        return -ENOMEM;
    events->bucket[events->nr_ports / PORTS_PER_BUCKET] = mfn_to_virt(m);
    events->bucket_mfn[events->nr_ports / PORTS_PER_BUCKET] = m;
    __atomic_store_n(&events->nr_ports, events->nr_ports + PORTS_PER_BUCKET, __ATOMIC_RELAXED);
    evtchn_entry(d, 0)->kind = EVTCHN_RESERVED;
    return 0;
}

/* Event lock held. Finds the lowest free port, as Xen does. */
static int find_free(struct domain *d, u32 *port)
{
    for (u32 p = 1; p <= d->events.max_port; p++) {
        if (p >= d->events.nr_ports) {
            int rc = add_bucket(d);
            if (rc)
                return rc;
        }
        if (evtchn_entry(d, p)->kind == EVTCHN_FREE) {
            *port = p;
            return 0;
        }
    }
    return -ENOSPC;
}

/* Event lock held. The table may be gone: ports are closed in steps, and another CPU may destroy the domain.
 */
static void free_port(struct domain *d, u32 port)
{
    struct evtchn *channel = evtchn_entry(d, port);

    if (!channel)
        return;
    test_and_clear(domain_shared_info(d)->evtchn_pending, port);
    *channel = (struct evtchn){.kind = EVTCHN_FREE};
}

/* Event lock held. Takes a free port and initialises it from `as`. */
static int take_port(struct domain *d, const struct evtchn *as, u32 *port)
{
    u32 p;

    if (d->events.closed)
        return -EINVAL;
    int rc = find_free(d, &p);
    if (rc)
        return rc;
    *evtchn_entry(d, p) = *as;
    *port = p;
    return 0;
}

int evtchn_alloc_unbound(struct domain *d, u16 remote_domid, u32 *port)
{
    const struct evtchn as = {.kind = EVTCHN_UNBOUND,
                              .remote_domid = remote_domid == DOMID_SELF ? d->id : remote_domid};

    spin_lock(&d->events.lock);
    int rc = take_port(d, &as, port);
    spin_unlock(&d->events.lock);
    return rc;
}

/* Connects remote's port to (domid, port) if it waits for that domain. */
static int connect_remote(struct domain *remote, u32 remote_port, u16 domid, u32 port)
{
    int rc = -EINVAL;

    spin_lock(&remote->events.lock);
    struct evtchn *channel = evtchn_entry(remote, remote_port);
    if (channel && channel->kind == EVTCHN_UNBOUND && channel->remote_domid == domid) {
        channel->kind = EVTCHN_INTERDOMAIN;
        channel->remote_port = port;
        rc = 0;
    }
    spin_unlock(&remote->events.lock);
    return rc;
}

int evtchn_bind_interdomain(struct domain *d, u16 remote_domid, u32 remote_port, u32 vcpu_id, u32 *port)
{
    struct domain *remote = domain_get(remote_domid == DOMID_SELF ? d->id : remote_domid);
    u32 local = 0;

    if (!remote)
        return -ESRCH;
    struct evtchn as = {
        .kind = EVTCHN_RESERVED, .remote_domid = remote->id, .remote_port = remote_port, .vcpu_id = vcpu_id};
    /* Three steps with one lock at a time: a local port nobody can use yet, the remote end, the local end. */
    spin_lock(&d->events.lock);
    int rc = take_port(d, &as, &local);
    spin_unlock(&d->events.lock);
    if (!rc) {
        rc = connect_remote(remote, remote_port, d->id, local);
        spin_lock(&d->events.lock);
        struct evtchn *channel = evtchn_entry(d, local);
        if (rc || !channel) {
            free_port(d, local);
            rc = rc ? rc : -EINVAL;
        } else {
            /* The remote end may have closed since: disconnect_remote() has then cleared remote_port. */
            channel->kind = channel->remote_port ? EVTCHN_INTERDOMAIN : EVTCHN_UNBOUND;
            /* The remote end may have sent an event before this end was bound: a bind always delivers one. */
            evtchn_set_pending(d, local, channel);
            *port = local;
        }
        spin_unlock(&d->events.lock);
    }
    domain_put(remote);
    return rc;
}

/* A global VIRQ has one port per domain, initially on vCPU 0; the others have one port per vCPU. */
static bool virq_is_global(u32 virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

int evtchn_bind_virq(struct domain *d, u32 virq, u32 vcpu_id, u32 *port)
{
    const struct evtchn as = {.kind = EVTCHN_VIRQ, .virq = (u8)virq, .vcpu_id = vcpu_id};
    int rc;

    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu_id != 0))
        return -EINVAL;
    if (vcpu_id >= domain_nr_vcpus(d))
        return -ENOENT;
    spin_lock(&d->events.lock);
    if (d->vcpu[vcpu_id]->virq_port[virq]) {
        rc = -EEXIST;
    } else {
        rc = take_port(d, &as, port);
        if (!rc)
            d->vcpu[vcpu_id]->virq_port[virq] = (u16)*port;
    }
    spin_unlock(&d->events.lock);
    return rc;
}

int evtchn_bind_ipi(struct domain *d, u32 vcpu_id, u32 *port)
{
    const struct evtchn as = {.kind = EVTCHN_IPI, .vcpu_id = vcpu_id};

    if (vcpu_id >= domain_nr_vcpus(d))
        return -ENOENT;
    spin_lock(&d->events.lock);
    int rc = take_port(d, &as, port);
    spin_unlock(&d->events.lock);
    return rc;
}

int evtchn_bind_vcpu(struct domain *d, u32 port, u32 vcpu_id)
{
    int rc = -EINVAL;

    if (vcpu_id >= domain_nr_vcpus(d))
        return -ENOENT;
    spin_lock(&d->events.lock);
    struct evtchn *channel = evtchn_entry(d, port);
    if (channel && (channel->kind == EVTCHN_UNBOUND || channel->kind == EVTCHN_INTERDOMAIN ||
                    (channel->kind == EVTCHN_VIRQ && virq_is_global(channel->virq)))) {
        channel->vcpu_id = vcpu_id;
        rc = 0;
    }
    spin_unlock(&d->events.lock);
    return rc;
}

/* (domid, port) is closing: its remote end becomes unbound again. */
static void disconnect_remote(u16 remote_domid, u32 remote_port, u16 domid, u32 port)
{
    struct domain *remote = domain_get(remote_domid);

    if (!remote)
        return;
    spin_lock(&remote->events.lock);
    struct evtchn *channel = evtchn_entry(remote, remote_port);
    if (channel && (channel->kind == EVTCHN_INTERDOMAIN || channel->kind == EVTCHN_RESERVED) &&
        channel->remote_domid == domid && channel->remote_port == port) {
        if (channel->kind == EVTCHN_INTERDOMAIN)
            channel->kind =
                EVTCHN_UNBOUND; /* otherwise a bind or close of it is in progress and will see remote_port 0 */
        channel->remote_port = 0;
    }
    spin_unlock(&remote->events.lock);
    domain_put(remote);
}

int evtchn_close(struct domain *d, u32 port)
{
    struct evtchn old = {.kind = EVTCHN_FREE};

    spin_lock(&d->events.lock);
    struct evtchn *channel = evtchn_entry(d, port);
    if (channel)
        old = *channel;
    if (old.kind == EVTCHN_FREE || old.kind == EVTCHN_RESERVED) {
        spin_unlock(&d->events.lock);
        return -EINVAL;
    }
    if (old.kind == EVTCHN_VIRQ)
        /* A global VIRQ may have been moved since, but it is always recorded at vCPU 0. */
        d->vcpu[virq_is_global(old.virq) ? 0 : old.vcpu_id]->virq_port[old.virq] = 0;
    if (old.kind == EVTCHN_INTERDOMAIN)
        channel->kind = EVTCHN_RESERVED; /* not reused before the remote end is disconnected */
    else
        free_port(d, port);
    spin_unlock(&d->events.lock);

    if (old.kind == EVTCHN_INTERDOMAIN) {
        disconnect_remote(old.remote_domid, old.remote_port, d->id, port);
        spin_lock(&d->events.lock);
        free_port(d, port);
        spin_unlock(&d->events.lock);
    }
    return 0;
}

int evtchn_status(struct domain *d, u32 port, struct evtchn_status *out)
{
    static const u8 status[] = {
        [EVTCHN_FREE] = EVTCHNSTAT_closed,     [EVTCHN_RESERVED] = EVTCHNSTAT_closed,
        [EVTCHN_UNBOUND] = EVTCHNSTAT_unbound, [EVTCHN_INTERDOMAIN] = EVTCHNSTAT_interdomain,
        [EVTCHN_VIRQ] = EVTCHNSTAT_virq,       [EVTCHN_IPI] = EVTCHNSTAT_ipi,
    };
    struct evtchn copy;

    spin_lock(&d->events.lock);
    const struct evtchn *channel = evtchn_entry(d, port);
    if (channel)
        copy = *channel;
    spin_unlock(&d->events.lock);
    if (!channel)
        return -EINVAL;
    out->status = status[copy.kind];
    out->vcpu = copy.vcpu_id;
    if (copy.kind == EVTCHN_UNBOUND) {
        out->u.unbound.dom = copy.remote_domid;
    } else if (copy.kind == EVTCHN_INTERDOMAIN) {
        out->u.interdomain.dom = copy.remote_domid;
        out->u.interdomain.port = copy.remote_port;
    } else if (copy.kind == EVTCHN_VIRQ) {
        out->u.virq = copy.virq;
    }
    return 0;
}

void evtchn_destroy(struct domain *d)
{
    struct evtchn_state *events = &d->events;

    spin_lock(&events->lock);
    events->closed = true;
    u32 nr_ports = events->nr_ports;
    spin_unlock(&events->lock);
    for (u32 port = 1; port < nr_ports; port++)
        evtchn_close(d, port); /* -EINVAL for free ones */
    spin_lock(&events->lock);
    for (u32 i = 0; i < events->nr_ports / PORTS_PER_BUCKET; i++)
        mm_free_overhead(&d->mem, events->bucket_mfn[i], ORDER_4K);
    __atomic_store_n(&events->nr_ports, 0, __ATOMIC_RELAXED);
    spin_unlock(&events->lock);
}
