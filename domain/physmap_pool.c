/*
 * A domain's paging pool: the pages its nested page tables are made of. Taken from the allocator as
 * the domain's overhead when the pool is sized, so that a later populate touches guest memory only
 * (docs/claims.md section 4).
 *
 * Free pages are linked through page_next() and are zero. Lock: the domain's physmap lock, held
 * by every caller here.
 */
#include <domain/internal.h>
#include <homestead/errno.h>

u64 physmap_pool_take(void *ctx)
{
    struct physmap *p = &((struct domain *)ctx)->physmap;

    if (p->pool_free == PAGE_LINK_NONE)
        return 0;
    mfn_t m = mfn(p->pool_free);
    p->pool_free = page_next(mfn_to_page(m));
    p->pool_used++;
    return mfn_to_maddr(m);
}

static void push_free(struct physmap *p, mfn_t m)
{
    page_set_next(mfn_to_page(m), p->pool_free);
    p->pool_free = m.n;
}

void physmap_pool_return(void *ctx, u64 maddr)
{
    struct domain *d = ctx;
    struct physmap *p = &d->physmap;

    p->pool_used--;
    if (p->destroyed) {
        /* The tables are coming down for good: straight back, nobody will want this page again. */
        p->pool_pages--;
        mm_free_overhead(&d->mem, maddr_to_mfn(maddr), ORDER_4K);
        return;
    }
    mm_clear_frames(maddr_to_mfn(maddr), 1);
    push_free(p, maddr_to_mfn(maddr));
}

int physmap_pool_grow(struct domain *d, u64 pages)
{
    struct physmap *p = &d->physmap;
    u64 before = p->pool_pages;

    while (p->pool_pages < pages) {
        mfn_t m;
        int rc = mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, &m);

        if (rc) {
            physmap_pool_shrink(d, before);
            return rc == -ESRCH ? -EINVAL : -ENOMEM;
        }
        push_free(p, m);
        p->pool_pages++;
    }
    return 0;
}

void physmap_pool_shrink(struct domain *d, u64 pages)
{
    struct physmap *p = &d->physmap;

    while (p->pool_pages > pages && p->pool_free != PAGE_LINK_NONE) {
        mfn_t m = mfn(p->pool_free);

        p->pool_free = page_next(mfn_to_page(m));
        mm_free_overhead(&d->mem, m, ORDER_4K);
        p->pool_pages--;
    }
}
