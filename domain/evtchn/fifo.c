/*
 * Linking of events, see fifo.h. An event that becomes pending is put behind the tail of its queue by writing its port
 * into the tail's word, if that word is still linked; otherwise the guest has taken all, and the event is the new head.
 * The guest unlinks from the head, without a lock: hence the compare-and-exchange, and BUSY, which an honest guest waits
 * for, once some have failed.
 */
#include <domain/evtchn/fifo.h>

#include <domain/internal.h>
#include <homestead/errno.h>

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)
#define BUSY    (1u << EVTCHN_FIFO_BUSY)
#define LINK    ((u32)EVTCHN_FIFO_LINK_MASK)

#define LINK_TRIES 8u /* the second half with BUSY */

int fifo_make(struct domain *d)
{
    u64 bytes = sizeof(struct evtchn_fifo) + d->max_vcpus * sizeof(struct fifo_vcpu);
    mfn_t record;

    if (mm_alloc(&d->mem, NODE_NONE, bytes_to_order(bytes), MM_OVERHEAD, &record))
        return -ENOMEM;
    d->events.fifo = mfn_to_virt(record); /* zeroed */
    d->events.fifo->record = record;
    return 0;
}

bool fifo_drop(struct domain *d)
{
    struct evtchn_fifo *fifo = d->events.fifo;
    u64 bytes = sizeof(*fifo) + d->max_vcpus * sizeof(struct fifo_vcpu);
    bool last = false;

    for (u32 id = 0; id < d->max_vcpus; id++)
        if (fifo->vcpu[id].block)
            last |= mm_unpin(fifo->vcpu[id].frame);
    for (u32 i = 0; i < fifo->nr_pages; i++)
        last |= mm_unpin(fifo->page[i]);
    d->events.fifo = NULL;
    mm_free_overhead(&d->mem, fifo->record, bytes_to_order(bytes));
    return last;
}

/* NULL: the guest has not given the page yet. */
static event_word_t *word_of(const struct evtchn_fifo *fifo, u32 port)
{
    u32 page = port / FIFO_PAGE_WORDS;

    return page < fifo->nr_pages ? (event_word_t *)mfn_to_virt(fifo->page[page]) + port % FIFO_PAGE_WORDS
                                 : NULL;
}

static u32 set_bits(u32 *word, u32 bits)
{
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static u32 clear_bits(u32 *word, u32 bits)
{
    return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

/* Puts port behind the event of word. False: that one is not linked any more, or its word never stands still. */
static bool link_behind(event_word_t *word, u32 port)
{
    for (u32 i = 0; i < LINK_TRIES; i++) {
        u32 old = i == LINK_TRIES / 2 ? set_bits(word, BUSY) | BUSY : __atomic_load_n(word, __ATOMIC_SEQ_CST);

        if (!(old & LINKED))
            break;
        if (__atomic_compare_exchange_n(word, &old, (old & ~(LINK | BUSY)) | port, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
    }
    clear_bits(word, BUSY);
    return false;
}

/* Queues a pending event unless it is masked or queued. A vCPU without control block has no queues: the guest may not
 * unmask before. */
static void link_event(struct domain *d, u32 port, struct evtchn *channel, event_word_t *word)
{
    struct evtchn_fifo *fifo = d->events.fifo;
    struct fifo_vcpu *to = &fifo->vcpu[channel->vcpu_id];
    struct fifo_vcpu *from = &fifo->vcpu[channel->linked_vcpu_id];
    u32 priority = channel->priority;

    if (!to->block || (__atomic_load_n(word, __ATOMIC_SEQ_CST) & MASKED) || (set_bits(word, LINKED) & LINKED))
        return;
    /* It is linked nowhere: where it was the tail, the queue is empty, and nothing may be put behind it there. */
    if (from->tail[channel->linked_priority] == port)
        from->tail[channel->linked_priority] = 0;
    channel->linked_vcpu_id = (u8)channel->vcpu_id;
    channel->linked_priority = (u8)priority;

    u32 tail = to->tail[priority];
    to->tail[priority] = port;
    if (tail && link_behind(word_of(fifo, tail), port))
        return;
    __atomic_store_n(&to->block->head[priority], port, __ATOMIC_SEQ_CST);
    if (!(set_bits(&to->block->ready, 1u << priority) & 1u << priority))
        vcpu_raise_upcall(d->vcpu[channel->vcpu_id]);
}

bool fifo_set_pending(struct domain *d, u32 port, struct evtchn *channel)
{
    event_word_t *word = word_of(d->events.fifo, port);

    if (!word) {
        bool was = channel->pending;
        channel->pending = true;
        return !was;
    }
    bool was = set_bits(word, PENDING) & PENDING;
    link_event(d, port, channel, word);
    return !was;
}

void fifo_clear_pending(struct domain *d, u32 port, struct evtchn *channel)
{
    event_word_t *word = word_of(d->events.fifo, port);

    channel->pending = false;
    if (word)
        clear_bits(word, PENDING);
}

bool fifo_is_pending(struct domain *d, u32 port, const struct evtchn *channel)
{
    const event_word_t *word = word_of(d->events.fifo, port);

    return word ? __atomic_load_n(word, __ATOMIC_SEQ_CST) & PENDING : channel->pending;
}

bool fifo_is_linked(struct domain *d, u32 port)
{
    const event_word_t *word = word_of(d->events.fifo, port);

    return word && (__atomic_load_n(word, __ATOMIC_SEQ_CST) & LINKED);
}

void fifo_unmask(struct domain *d, u32 port, struct evtchn *channel)
{
    event_word_t *word = word_of(d->events.fifo, port);

    if (word && (clear_bits(word, MASKED) & PENDING))
        link_event(d, port, channel, word);
}
