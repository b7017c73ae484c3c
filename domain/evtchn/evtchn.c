/*
 * Event channels: binding and closing, and delivery, by Xen's ABI (public/event_channel.h). The table of ports: ports.c.
 *
 * Pending and mask bits are in the shared_info page, which the guest changes at the same time: only atomic
 * read-modify-writes touch them.
 *
 * Lock: events.lock (LOCK_EVTCHN) of one domain at a time. A link between two domains is therefore made and
 * cut in steps, and each use checks that both ends still name each other. Run queue locks are taken inside.
 *
 * lint: long: delivery and binding share the port table and the rules of its locking.
 */
#include <arch/x86/cpu/frames.h>
#include <domain/evtchn/fifo.h>
#include <domain/evtchn/ports.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <xen/event_channel.h>

#define CLOSES_A_LOOK 64u /* ports, open or not, between questions whether to yield */

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
    if (v->info && !test_and_set(&v->info->evtchn_pending_sel, port / 64))
        vcpu_raise_upcall(v);
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

static void evtchn_set_pending(struct domain *d, u32 port, struct evtchn *channel)
{
    struct shared_info *shared = domain_shared_info(d);

    if (channel->vcpu_id >= domain_nr_vcpus(d))
        return;
    if (unlikely(d->events.fifo)) {
        if (fifo_set_pending(d, port, channel))
            wake_pollers(d, port);
        return;
    }
    if (test_and_set(shared->evtchn_pending, port))
        return;
    if (!test_bit(shared->evtchn_mask, port))
        mark_vcpu(d->vcpu[channel->vcpu_id], port);
    wake_pollers(d, port);
}

bool evtchn_port_pending(struct domain *d, u32 port)
{
    if (likely(!__atomic_load_n(&d->events.fifo, __ATOMIC_RELAXED)))
        return port < EVTCHN_MAX_PORTS && test_bit(domain_shared_info(d)->evtchn_pending, port);
    spin_lock(&d->events.lock);
    const struct evtchn *channel = evtchn_entry(d, port);
    bool pending = channel && d->events.fifo && fifo_is_pending(d, port, channel);
    spin_unlock(&d->events.lock);
    return pending;
}

/* The other end of an interdomain channel, from the sender's copy of it: sender_port of domain sender. */
static void notify_remote(u16 sender, u32 sender_port, u16 domid, u32 port)
{
    struct domain *remote = domain_get(domid);

    if (!remote)
        return;
    spin_lock(&remote->events.lock);
    struct evtchn *channel = evtchn_entry(remote, port);
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
    struct evtchn *channel = evtchn_entry(d, port);
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
    struct evtchn *channel = evtchn_entry(d, port);
    if (channel) {
        if (d->events.fifo)
            fifo_unmask(d, port, channel);
        else if (test_and_clear(shared->evtchn_mask, port) && test_bit(shared->evtchn_pending, port) &&
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

/* Event lock held. The table may be gone: ports are closed in steps, and another CPU may destroy the domain.
 */
static void free_port(struct domain *d, u32 port)
{
    struct evtchn *channel = evtchn_entry(d, port);

    if (!channel)
        return;
    if (d->events.fifo)
        fifo_clear_pending(d, port, channel);
    else
        test_and_clear(domain_shared_info(d)->evtchn_pending, port);
    *channel = (struct evtchn){.kind = EVTCHN_FREE,
                               .linked_vcpu_id = channel->linked_vcpu_id,
                               .linked_priority = channel->linked_priority};
    d->events.nr_used--;
    d->events.lowest_free = MIN(d->events.lowest_free, port);
}

/* Event lock held. Takes a free port and initialises it from `as`. */
static int take_port(struct domain *d, const struct evtchn *as, u32 *port)
{
    u32 p;

    if (d->events.closed)
        return -EINVAL;
    int rc = ports_find_free(d, &p);
    if (rc)
        return rc;
    struct evtchn *channel = evtchn_entry(d, p);
    const struct evtchn old = *channel;
    *channel = *as;
    channel->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    channel->linked_vcpu_id = old.linked_vcpu_id;
    channel->linked_priority = old.linked_priority;
    d->events.nr_used++;
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
            d->vcpu[vcpu_id]->virq_port[virq] = *port;
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

/* --- the FIFO ABI: fifo.c ---------------------------------------------------------------------------------- */

/* Event lock held. What is pending moves; the words follow with the pages of the array. */
static void leave_two_level(struct domain *d)
{
    struct shared_info *shared = domain_shared_info(d);

    for (u32 port = 1; port < d->events.nr_ports; port++)
        evtchn_entry(d, port)->pending = test_and_clear(shared->evtchn_pending, port);
}

/* Event lock held. */
static int add_control_block(struct domain *d, u32 vcpu_id, mfn_t frame, u32 offset)
{
    bool first = !d->events.fifo;

    if (d->events.closed || (!first && d->events.fifo->vcpu[vcpu_id].block))
        return -EINVAL;
    if (first) {
        int rc = fifo_make(d);
        if (rc)
            return rc;
        leave_two_level(d);
    }
    d->events.fifo->vcpu[vcpu_id].frame = frame;
    d->events.fifo->vcpu[vcpu_id].block = (void *)((u8 *)mfn_to_virt(frame) + offset);
    return 0;
}

int evtchn_init_control(struct domain *d, u32 vcpu_id, gfn_t g, u32 offset)
{
    mfn_t frame;

    if (vcpu_id >= domain_nr_vcpus(d))
        return -ENOENT;
    if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8)
        return -EINVAL;
    int rc = physmap_pin(d, g, &frame);
    if (rc)
        return rc;
    spin_lock(&d->events.lock);
    rc = add_control_block(d, vcpu_id, frame, offset);
    spin_unlock(&d->events.lock);
    if (rc)
        physmap_unpin(d, frame);
    return rc;
}

/* Event lock held. Is there room for a page? */
static int check_array(const struct domain *d)
{
    if (d->events.closed)
        return -EINVAL;
    if (!d->events.fifo)
        return -EOPNOTSUPP;
    return d->events.fifo->nr_pages == FIFO_PAGES ? -ENOSPC : 0;
}

/* Event lock held. */
static void add_array_page(struct domain *d, mfn_t frame)
{
    struct evtchn_fifo *fifo = d->events.fifo;

    u32 port = (u32)(fifo->nr_pages * FIFO_PAGE_WORDS), end = (u32)(port + FIFO_PAGE_WORDS);
    fifo->page[fifo->nr_pages++] = frame;
    for (; port < end && port < d->events.nr_ports; port++) {
        struct evtchn *channel = evtchn_entry(d, port);

        /* Who polls for it has been woken when it was sent. */
        if (channel->pending && channel->vcpu_id < domain_nr_vcpus(d))
            fifo_set_pending(d, port, channel);
        channel->pending = false;
    }
}

int evtchn_expand_array(struct domain *d, gfn_t g)
{
    mfn_t frame;

    spin_lock(&d->events.lock);
    int rc = check_array(d);
    spin_unlock(&d->events.lock);
    if (!rc)
        rc = physmap_pin(d, g, &frame);
    if (rc)
        return rc;
    spin_lock(&d->events.lock);
    rc = check_array(d);
    if (!rc)
        add_array_page(d, frame);
    spin_unlock(&d->events.lock);
    if (rc)
        physmap_unpin(d, frame);
    return rc;
}

int evtchn_set_priority(struct domain *d, u32 port, u32 priority)
{
    int rc = -EINVAL;

    spin_lock(&d->events.lock);
    struct evtchn *channel = evtchn_entry(d, port);
    if (channel && channel->kind == EVTCHN_RESERVED) {
        rc = -EACCES;
    } else if (channel && !d->events.fifo) {
        rc = -ENOSYS;
    } else if (channel && priority <= EVTCHN_FIFO_PRIORITY_MIN) {
        channel->priority = (u8)priority;
        rc = 0;
    }
    spin_unlock(&d->events.lock);
    return rc;
}

/* --- the end ----------------------------------------------------------------------------------------------- */

/* Closes the next few ports. False: all are, or, for a reset, the domain's destruction has come between. */
static bool close_some(struct domain *d, bool for_ever)
{
    struct evtchn_state *events = &d->events;

    spin_lock(&events->lock);
    if (events->closed != for_ever) {
        spin_unlock(&events->lock);
        return false;
    }
    u32 port = events->next_close, end = MIN(port + CLOSES_A_LOOK, events->nr_ports);
    events->next_close = MAX(port, end);
    spin_unlock(&events->lock);
    for (u32 p = port; p < end; p++)
        evtchn_close(d, p); /* -EINVAL for free ones */
    return port < end;
}

int evtchn_reset(struct domain *d)
{
    struct evtchn_state *events = &d->events;
    bool last = false;
    int rc = 0;

    while (close_some(d, false))
        if (sched_should_yield())
            return -ERESTART;
    spin_lock(&events->lock);
    if (!events->closed) {
        events->next_close = 1;
        rc = events->nr_used ? -EAGAIN : 0;
    }
    if (!events->closed && !rc && events->fifo) {
        last = fifo_drop(d);
        ports_drop(d, EVTCHN_FIRST_BUCKETS);
        events->lowest_free = 1;
    }
    spin_unlock(&events->lock);
    if (last)
        domain_check_gone(d);
    return rc;
}

bool evtchn_destroy(struct domain *d)
{
    struct evtchn_state *events = &d->events;

    spin_lock(&events->lock);
    if (!events->closed)
        events->next_close = 1;
    events->closed = true;
    spin_unlock(&events->lock);
    while (close_some(d, true))
        if (sched_should_yield())
            return true;
    spin_lock(&events->lock);
    if (events->fifo)
        fifo_drop(d);
    ports_drop(d, 0);
    events->nr_used = 0;
    events->next_close = events->lowest_free = 1;
    spin_unlock(&events->lock);
    return false;
}
