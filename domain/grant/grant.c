/*
 * The frames of grant tables, see grant.h. The pages are overhead of the domain, as its shared_info is. With each frame
 * come the pages for what Homestead knows of its entries, so that no operation on a grant needs memory but for a handle.
 */
#include <domain/grant/entry.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/list.h>

static int alloc_page(struct domain *d, mfn_t *page)
{
    return mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, page);
}

/* The first nr pages of a frame: itself and those of its active entries. */
static void free_frame(struct domain *d, u32 index, u32 nr)
{
    const struct grant_table *table = d->grants;

    for (u32 i = 0; i < nr; i++)
        mm_free_overhead(&d->mem, i ? table->active[index * ACTIVE_PAGES + i - 1] : table->frame[index],
                         ORDER_4K);
}

/* All or nothing. */
static int alloc_frame(struct domain *d, u32 index)
{
    struct grant_table *table = d->grants;

    for (u32 i = 0; i < 1 + ACTIVE_PAGES; i++) {
        int rc = alloc_page(d, i ? &table->active[index * ACTIVE_PAGES + i - 1] : &table->frame[index]);

        if (rc) {
            free_frame(d, index, i);
            return rc;
        }
    }
    table->gfn[index] = INVALID_GFN;
    return 0;
}

/* Grant lock held. */
static void shrink(struct domain *d, u32 nr)
{
    struct grant_table *table = d->grants;

    while (table->nr_frames > nr)
        free_frame(d, --table->nr_frames, 1 + ACTIVE_PAGES);
    if (nr)
        return;
    d->grants = NULL;
    mm_free_overhead(&d->mem, table->page, ORDER_4K);
}

/* Grant lock held. All or nothing. */
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
        rc = alloc_frame(d, table->nr_frames);
        if (!rc)
            table->nr_frames++;
    }
    if (rc)
        shrink(d, before);
    return rc;
}

/* Grant lock held. */
static int set_frames(struct domain *d, u64 nr)
{
    if (nr > d->max_grant_frames)
        return -EINVAL;
    if (domain_is_dying(d))
        return -ESRCH;
    return !d->grants || nr > d->grants->nr_frames ? grow(d, (u32)nr) : 0;
}

u32 grant_nr_frames(struct domain *d)
{
    spin_lock(&d->grant_lock);
    u32 nr = d->grants ? d->grants->nr_frames : 1;
    spin_unlock(&d->grant_lock);
    return nr;
}

int grant_set_frames(struct domain *d, u32 nr)
{
    spin_lock(&d->grant_lock);
    int rc = set_frames(d, MAX(nr, 1u));
    spin_unlock(&d->grant_lock);
    return rc;
}

static int get_frame(struct domain *d, u64 index, bool acquire, mfn_t *frame)
{
    if (index >= d->max_grant_frames)
        return -EINVAL;
    spin_lock(&d->grant_lock);
    int rc = set_frames(d, index + 1);
    if (!rc) {
        *frame = d->grants->frame[index];
        if (acquire) /* grant_destroy() comes later and sees it */
            __atomic_fetch_add(&d->nr_acquired, 1, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&d->grant_lock);
    return rc;
}

int grant_frame(struct domain *d, u64 index, mfn_t *frame)
{
    return get_frame(d, index, false, frame);
}

int grant_acquire_frame(struct domain *d, u64 index, mfn_t *frame)
{
    return get_frame(d, index, true, frame);
}

bool grant_frame_unmapped(mfn_t frame)
{
    struct mem_account *account = mem_account_find(mm_overhead_owner(frame));

    BUG_ON(!account); /* it stays until nr_acquired is 0 */
    struct domain *d = container_of(account, struct domain, mem);
    return __atomic_sub_fetch(&d->nr_acquired, 1, __ATOMIC_SEQ_CST) == 0;
}

gfn_t grant_frame_gfn(struct domain *d, u64 index)
{
    gfn_t g = INVALID_GFN;

    spin_lock(&d->grant_lock);
    if (d->grants && index < d->grants->nr_frames)
        g = d->grants->gfn[index];
    spin_unlock(&d->grant_lock);
    return g;
}

gfn_t grant_moved(struct domain *d, u64 index, gfn_t g)
{
    gfn_t old = INVALID_GFN;

    spin_lock(&d->grant_lock);
    if (d->grants) { /* not destroyed since */
        old = d->grants->gfn[index];
        d->grants->gfn[index] = g;
    }
    spin_unlock(&d->grant_lock);
    return old;
}

void grant_destroy(struct domain *d)
{
    spin_lock(&d->grant_lock);
    if (d->grants && !d->grants->nr_active && !__atomic_load_n(&d->nr_acquired, __ATOMIC_SEQ_CST))
        shrink(d, 0);
    spin_unlock(&d->grant_lock);
}

void grant_free(struct domain *d)
{
    if (!d->grants)
        return;
    BUG_ON(d->grants->nr_active || d->nr_acquired);
    shrink(d, 0);
}
