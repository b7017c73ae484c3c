/* See ports.h. The first buckets are named in the domain's record; more need two pages that name them all. */
#include <domain/evtchn/ports.h>

#include <arch/x86/cpu/frames.h>
#include <domain/evtchn/fifo.h>
#include <domain/internal.h>
#include <homestead/errno.h>

_Static_assert(sizeof(struct evtchn) * PORTS_PER_BUCKET <= PAGE_SIZE, "a bucket is one page");
#define MORE_BUCKETS (EVTCHN_FIFO_MAX_PORTS / PORTS_PER_BUCKET)
#define MORE_ORDER   1u
_Static_assert(MORE_BUCKETS *(sizeof(struct evtchn *) + sizeof(mfn_t)) <= PAGE_SIZE << MORE_ORDER,
               "struct evtchn_state");

void evtchn_init(struct domain *d, u32 max_port)
{
    struct evtchn_state *events = &d->events;

    spin_lock_init(&events->lock, LOCK_EVTCHN);
    events->nr_ports = events->nr_used = 0;
    events->max_port = MIN(max_port, EVTCHN_FIFO_MAX_PORTS - 1);
    events->lowest_free = events->next_close = 1;
    events->bucket = events->first;
    events->bucket_mfn = events->first_mfn;
    events->more = INVALID_MFN;
}

/* Event lock held. Room to name more than the first buckets. */
static int add_more(struct domain *d)
{
    struct evtchn_state *events = &d->events;

    if (mm_alloc(&d->mem, NODE_NONE, MORE_ORDER, MM_OVERHEAD, &events->more))
        return -ENOMEM;
    struct evtchn **bucket = mfn_to_virt(events->more);
    mfn_t *bucket_mfn = (mfn_t *)(bucket + MORE_BUCKETS);
    for (u32 i = 0; i < EVTCHN_FIRST_BUCKETS; i++) {
        bucket[i] = events->first[i];
        bucket_mfn[i] = events->first_mfn[i];
    }
    events->bucket = bucket;
    events->bucket_mfn = bucket_mfn;
    return 0;
}

void ports_drop(struct domain *d, u32 nr)
{
    struct evtchn_state *events = &d->events;

    for (u32 i = nr; i < events->nr_ports / PORTS_PER_BUCKET; i++)
        mm_free_overhead(&d->mem, events->bucket_mfn[i], ORDER_4K);
    __atomic_store_n(&events->nr_ports, MIN(events->nr_ports, nr * PORTS_PER_BUCKET), __ATOMIC_RELAXED);
    if (!mfn_valid_value(events->more))
        return;
    events->bucket = events->first;
    events->bucket_mfn = events->first_mfn;
    mm_free_overhead(&d->mem, events->more, MORE_ORDER);
    events->more = INVALID_MFN;
}

/* Event lock held. One more bucket of free ports; port 0 is never used. */
static int add_bucket(struct domain *d)
{
    struct evtchn_state *events = &d->events;
    u32 nr = events->nr_ports / PORTS_PER_BUCKET;
    mfn_t m;

    int rc = nr == EVTCHN_FIRST_BUCKETS && !mfn_valid_value(events->more) ? add_more(d) : 0;
    if (!rc)
        rc = mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, &m);
    if (rc)
        return -ENOMEM;
    events->bucket[nr] = mfn_to_virt(m);
    events->bucket_mfn[nr] = m;
    __atomic_store_n(&events->nr_ports, events->nr_ports + PORTS_PER_BUCKET, __ATOMIC_RELAXED);
    evtchn_entry(d, 0)->kind = EVTCHN_RESERVED;
    return 0;
}

/* Event lock held. The lowest free port of [from, end); -ENOSPC: there is none; -ENOMEM. With the FIFO ABI not one that the
 * guest still has in a queue. */
static int find_free_from(struct domain *d, u32 from, u32 end, u32 *port)
{
    for (u32 p = from; p < end; p++) {
        if (p >= d->events.nr_ports) {
            int rc = add_bucket(d);
            if (rc)
                return rc;
        }
        if (evtchn_entry(d, p)->kind == EVTCHN_FREE && !(d->events.fifo && fifo_is_linked(d, p))) {
            *port = p;
            return 0;
        }
    }
    return -ENOSPC;
}

int ports_find_free(struct domain *d, u32 *port)
{
    struct evtchn_state *events = &d->events;
    u32 end = MIN(events->max_port + 1, events->fifo ? EVTCHN_FIFO_MAX_PORTS : EVTCHN_MAX_PORTS);

    int rc = find_free_from(d, events->lowest_free, end, port);
    if (rc == -ENOSPC && events->nr_used + 1 < end)
        rc = find_free_from(d, 1, events->lowest_free, port);
    if (!rc)
        events->lowest_free = *port + 1;
    return rc;
}
