/*
 * Event channels, part one: the port table and the delivery of an event. Binding and closing are in
 * evtchn_bind.c.
 *
 * Ports live in buckets of 256 that are taken as needed, as overhead of the domain. Pending and mask
 * bits are in the shared_info page, which the guest changes at the same time: only atomic
 * read-modify-writes touch them.
 *
 * Lock: events.lock (LOCK_EVTCHN) of one domain at a time. A link between two domains is therefore
 * made and cut in steps, and each use of it checks that both ends still name each other. Waking a
 * vCPU takes its run queue's lock inside.
 */
#include <domain/internal.h>
#include <homestead/errno.h>

#define PORTS_PER_BUCKET 256u
_Static_assert(sizeof(struct evtchn) * PORTS_PER_BUCKET <= PAGE_SIZE, "a bucket is one page");

struct evtchn *evtchn_entry(struct domain *d, u32 port)
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

/* Tells vCPU v that word port/64 of the pending bits has news. */
static void mark_vcpu(struct vcpu *v, u32 port)
{
    struct vcpu_info *info = v->info;

    if (!info || test_and_set(&info->evtchn_pending_sel, port / 64))
        return;
    /* The vector of HVMOP_set_evtchn_upcall_vector comes through the APIC, once for each time the byte is
     * set. */
    if (!__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST) && v->upcall_vector)
        x2apic_request(&v->hvm.apic, v->upcall_vector);
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

void evtchn_set_pending(struct domain *d, u32 port, const struct evtchn *channel)
{
    struct shared_info *shared = domain_shared_info(d);

    if (channel->vcpu_id >= domain_nr_vcpus(d) || test_and_set(shared->evtchn_pending, port))
        return;
    if (!test_bit(shared->evtchn_mask, port))
        mark_vcpu(d->vcpu[channel->vcpu_id], port);
    wake_pollers(d, port);
}

void evtchn_clear_pending(struct domain *d, u32 port)
{
    test_and_clear(domain_shared_info(d)->evtchn_pending, port);
}

bool evtchn_port_pending(struct domain *d, u32 port)
{
    return port < EVTCHN_MAX_PORTS && test_bit(domain_shared_info(d)->evtchn_pending, port);
}

bool evtchn_pending(struct vcpu *v)
{
    return vcpu_event_pending(v);
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
        rc = -EINVAL; /* an unbound port swallows the event: its peer may be on the way */
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
