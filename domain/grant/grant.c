/* Grant tables, see grant.h. The pages are overhead of the domain, as its shared_info is. */
#include <domain/grant/grant.h>

#include <domain/internal.h>
#include <homestead/errno.h>

static int alloc_page(struct domain *d, mfn_t *page)
{
    return mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, page);
}

/* Domain lock held. */
static void shrink(struct domain *d, u32 nr)
{
    struct grant_table *table = d->grants;

    while (table->nr_frames > nr)
        mm_free_overhead(&d->mem, table->frame[--table->nr_frames], ORDER_4K);
    if (nr)
        return;
    d->grants = NULL;
    mm_free_overhead(&d->mem, table->page, ORDER_4K);
}

/* Domain lock held. All or nothing. */
static int grow(struct domain *d, u32 nr)
{
    u32 before = d->grants ? d->grants->nr_frames : 0;
    mfn_t page;
    int rc = 0;

    if (!d->grants) {
        rc = alloc_page(d, &page);
        if (rc)
            return rc;
        d->grants = mfn_to_virt(page);
        d->grants->page = page;
    }
    struct grant_table *table = d->grants;
    while (!rc && table->nr_frames < nr) {
        rc = alloc_page(d, &table->frame[table->nr_frames]);
        if (!rc)
            table->gfn[table->nr_frames++] = INVALID_GFN;
    }
    if (rc)
        shrink(d, before);
    return rc;
}

u32 grant_nr_frames(struct domain *d)
{
    spin_lock(&d->lock);
    u32 nr = d->grants ? d->grants->nr_frames : 1;
    spin_unlock(&d->lock);
    return nr;
}

int grant_frame(struct domain *d, u64 index, mfn_t *frame)
{
    int rc = 0;

    if (index >= d->max_grant_frames)
        return -EINVAL;
    spin_lock(&d->lock);
    if (d->dying)
        rc = -ESRCH;
    else if (!d->grants || index >= d->grants->nr_frames)
        rc = grow(d, (u32)index + 1);
    if (!rc)
        *frame = d->grants->frame[index];
    spin_unlock(&d->lock);
    return rc;
}

gfn_t grant_moved(struct domain *d, u64 index, gfn_t g)
{
    gfn_t old = INVALID_GFN;

    spin_lock(&d->lock);
    if (d->grants) { /* not destroyed since */
        old = d->grants->gfn[index];
        d->grants->gfn[index] = g;
    }
    spin_unlock(&d->lock);
    return old;
}

void grant_destroy(struct domain *d)
{
    spin_lock(&d->lock);
    if (d->grants)
        shrink(d, 0);
    spin_unlock(&d->lock);
}
