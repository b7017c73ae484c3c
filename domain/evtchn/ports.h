/*
 * The table of a domain's ports: buckets of a page each, taken as needed as overhead of the domain. Part of event
 * channels; the event lock is held at every call but evtchn_init() (evtchn.h), which is here too.
 */
#ifndef DOMAIN_EVTCHN_PORTS_H
#define DOMAIN_EVTCHN_PORTS_H

#include <domain/domain.h>

#define PORTS_PER_BUCKET EVTCHN_BUCKET_PORTS

/* NULL: not there. */
static inline struct evtchn *evtchn_entry(struct domain *d, u32 port)
{
    if (port >= d->events.nr_ports)
        return NULL;
    return &d->events.bucket[port / PORTS_PER_BUCKET][port % PORTS_PER_BUCKET];
}

/* The lowest free port, as on Xen; but one that was in a queue of the guest's when it was passed only once there is no
 * other. -ENOSPC; -ENOMEM. */
int ports_find_free(struct domain *d, u32 *port);
/* Frees all buckets but the first nr, which are among the first of all. */
void ports_drop(struct domain *d, u32 nr);

#endif
