/*
 * The FIFO ABI of event channels: up to 131,072 ports, each a word in the guest's event array; a queue for each of 16
 * priorities of each vCPU, linked through the words; heads and ready bits in the vCPU's control block.
 *
 * All of it is the guest's memory, pinned. The guest may write anything there at any time: nothing read from it is used
 * but bits and a comparison, and every loop has a bound. What it damages are its own queues.
 *
 * The tails are Homestead's. The event lock is held at every call.
 */
#ifndef DOMAIN_EVTCHN_FIFO_H
#define DOMAIN_EVTCHN_FIFO_H

#include <domain/domain.h>
#include <xen/event_channel.h>

#define FIFO_PAGE_WORDS (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_PAGES      (EVTCHN_FIFO_MAX_PORTS / FIFO_PAGE_WORDS)

struct evtchn_fifo {
    mfn_t record; /* that this is in */
    u32 nr_pages;
    mfn_t page[FIFO_PAGES]; /* the event array */
    struct fifo_vcpu {
        struct evtchn_fifo_control_block *block; /* NULL: none yet */
        mfn_t frame;
        u32 tail[EVTCHN_FIFO_MAX_QUEUES]; /* port that was linked last; 0: none */
    } vcpu[];
};

/* -ENOMEM. */
int fifo_make(struct domain *d);
/* Unpins everything. True: the caller must look whether d is gone, after the unlock. */
bool fifo_drop(struct domain *d);

/* As the two-level functions of evtchn.c. channel: the port's entry. True: it was not pending before. */
bool fifo_set_pending(struct domain *d, u32 port, struct evtchn *channel);
void fifo_clear_pending(struct domain *d, u32 port, struct evtchn *channel);
bool fifo_is_pending(struct domain *d, u32 port, const struct evtchn *channel);
/* Is the event in a queue of the guest's? Then its port, though closed, is not used again. */
bool fifo_is_linked(struct domain *d, u32 port);
void fifo_unmask(struct domain *d, u32 port, struct evtchn *channel);

#endif
