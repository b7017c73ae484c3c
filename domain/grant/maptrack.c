/*
 * A domain's handles. Their pages are overhead of that domain, come as they are needed, and stay until it ends; a page
 * of free handles is a list through them. Grant lock of the domain, in each function.
 */
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>

#define PAGES_PER_DIRECTORY ((u32)(PAGE_SIZE / sizeof(mfn_t)))

void maptrack_init(struct maptrack *m)
{
    m->free = MAPTRACK_NONE;
}

static mfn_t *page_slot(const struct maptrack *m, u32 page)
{
    mfn_t *directory = mfn_to_virt(m->directory[page / PAGES_PER_DIRECTORY]);

    return &directory[page % PAGES_PER_DIRECTORY];
}

static struct mapping *mapping_of(const struct maptrack *m, u32 handle)
{
    struct mapping *page = mfn_to_virt(*page_slot(m, handle / MAPPINGS_PER_PAGE));

    return &page[handle % MAPPINGS_PER_PAGE];
}

static inline void push_free(struct maptrack *m, u32 handle)
{
    struct mapping *at = mapping_of(m, handle);

    __atomic_store_n(&at->head, (struct mapping){.state = MAPTRACK_FREE}.head, __ATOMIC_RELAXED);
    at->tail = (struct mapping){.gfn = m->free}.tail;
    m->free = handle;
    m->nr_used--;
}

static int alloc_page(struct domain *d, mfn_t *page)
{
    return mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, page);
}

/* One page more. The lowest of its handles will be taken first. */
static int grow(struct domain *d)
{
    struct maptrack *m = &d->maptrack;
    bool new_directory = m->nr_pages % PAGES_PER_DIRECTORY == 0;
    mfn_t page;

    if (m->nr_pages == d->max_maptrack_frames)
        return -ENOSPC;
    if (new_directory && alloc_page(d, &m->directory[m->nr_pages / PAGES_PER_DIRECTORY]))
        return -ENOSPC;
    if (alloc_page(d, &page)) {
        if (new_directory)
            mm_free_overhead(&d->mem, m->directory[m->nr_pages / PAGES_PER_DIRECTORY], ORDER_4K);
        return -ENOSPC;
    }
    *page_slot(m, m->nr_pages++) = page;
    m->nr_used += MAPPINGS_PER_PAGE;
    for (u32 i = MAPPINGS_PER_PAGE; i-- > 0;)
        push_free(m, (m->nr_pages - 1) * MAPPINGS_PER_PAGE + i);
    return 0;
}

int maptrack_take(struct domain *d, u32 *handle)
{
    struct maptrack *m = &d->maptrack;

    spin_lock(&d->grant_lock);
    int rc = m->free == MAPTRACK_NONE ? grow(d) : 0;
    if (!rc) {
        struct mapping *mapping = mapping_of(m, m->free);

        *handle = m->free;
        m->free = (u32)mapping->gfn;
        __atomic_store_n(&mapping->head, (struct mapping){.state = MAPTRACK_BUSY}.head, __ATOMIC_RELAXED);
        m->nr_used++;
    }
    spin_unlock(&d->grant_lock);
    return rc;
}

void maptrack_set(struct domain *d, u32 handle, const struct mapping *mapping)
{
    struct mapping *at = mapping_of(&d->maptrack, handle), whole = *mapping;

    ASSERT(at->state == MAPTRACK_BUSY);
    whole.state = MAPTRACK_MAPPED;
    at->tail = whole.tail;
    __atomic_store_n(&at->head, whole.head, __ATOMIC_RELEASE); /* now it can be found by maptrack_end() */
}

void maptrack_put(struct domain *d, u32 handle)
{
    spin_lock(&d->grant_lock);
    ASSERT(mapping_of(&d->maptrack, handle)->state == MAPTRACK_BUSY);
    push_free(&d->maptrack, handle);
    spin_unlock(&d->grant_lock);
}

/* *at, if it is that of a mapping. */
static bool read_mapping(const struct mapping *at, struct mapping *mapping)
{
    mapping->head = __atomic_load_n(&at->head, __ATOMIC_ACQUIRE);
    if (mapping->state != MAPTRACK_MAPPED)
        return false;
    mapping->tail = at->tail;
    return true;
}

int maptrack_end(struct domain *d, u32 handle, gfn_t g, struct mapping *mapping)
{
    struct maptrack *m = &d->maptrack;
    int rc = -EINVAL;

    spin_lock(&d->grant_lock);
    if (handle / MAPPINGS_PER_PAGE < m->nr_pages && read_mapping(mapping_of(m, handle), mapping)) {
        rc = mapping->gfn == g.n ? 0 : -EPERM;
        if (!rc)
            push_free(m, handle);
    }
    spin_unlock(&d->grant_lock);
    return rc;
}

bool maptrack_next(struct domain *d, u32 *budget, struct mapping *mapping)
{
    struct maptrack *m = &d->maptrack;
    bool found = false;

    spin_lock(&d->grant_lock);
    /* None is busy: its vCPUs have stopped, none in the middle of a call. */
    while (!found && m->nr_used && *budget) {
        u32 handle = m->swept++;

        --*budget;
        found = read_mapping(mapping_of(m, handle), mapping);
        BUG_ON(mapping->state == MAPTRACK_BUSY);
        if (found)
            push_free(m, handle);
    }
    spin_unlock(&d->grant_lock);
    return found;
}

void maptrack_free_pages(struct domain *d)
{
    struct maptrack *m = &d->maptrack;

    spin_lock(&d->grant_lock);
    BUG_ON(m->nr_used);
    m->free = MAPTRACK_NONE;
    while (m->nr_pages) {
        mm_free_overhead(&d->mem, *page_slot(m, --m->nr_pages), ORDER_4K);
        if (m->nr_pages % PAGES_PER_DIRECTORY == 0)
            mm_free_overhead(&d->mem, m->directory[m->nr_pages / PAGES_PER_DIRECTORY], ORDER_4K);
    }
    spin_unlock(&d->grant_lock);
}
