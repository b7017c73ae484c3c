/*
 * A domain's paging pool: the pages its nested page tables are made of. Taken from the allocator as
 * the domain's overhead when the pool is sized: a populate takes guest memory only (docs/hypervisor-guide/mm/claims.md 4).
 *
 * Free pages are zero but for their first word, which links them and is cleared when one is taken. Lock: the
 * domain's physmap lock, held by every caller here.
 */
#include <arch/x86/cpu/frames.h>
#include <domain/internal.h>
#include <homestead/errno.h>

static mfn_t pop_free(struct physmap *p)
{
    mfn_t m = p->pool_free;
    mfn_t *link = mfn_to_virt(m);

    p->pool_free = *link;
    *link = mfn(0);
    return m;
}

static void push_free(struct physmap *p, mfn_t m)
{
    *(mfn_t *)mfn_to_virt(m) = p->pool_free;
    p->pool_free = m;
}

u64 physmap_pool_take(void *ctx)
{
    struct physmap *p = &((struct domain *)ctx)->physmap;

    if (!mfn_valid_value(p->pool_free))
        return 0;
    p->pool_used++;
    return mfn_to_maddr(pop_free(p));
}

void physmap_pool_return(void *ctx, u64 maddr)
{
    struct domain *d = ctx;
    struct physmap *p = &d->physmap;

    p->pool_used--;
    if (!p->destroyed) /* else it is not used for a table again */
        frames_clear(maddr_to_mfn(maddr), 1);
    push_free(p, maddr_to_mfn(maddr));
}

int physmap_pool_grow(struct domain *d, u64 pages)
{
    struct physmap *p = &d->physmap;
    u64 before = p->pool_pages;

    while (p->pool_pages < pages) {
        struct mm_request request = {.nid = NODE_NONE, .order = ORDER_4K, .flags = MM_OVERHEAD};
        struct mm_taken taken;

        request.nr = (u32)MIN(pages - p->pool_pages, (u64)MM_TAKE_MAX);
        int rc = mm_take(&d->mem, &request, &taken);
        if (rc) {
            physmap_pool_shrink(d, before);
            return rc == -ESRCH ? -EINVAL : -ENOMEM;
        }
        mm_take_done(&taken, taken.nr);
        for (u32 i = taken.nr;
             i-- > 0;) /* so that they are taken, and freed, in the order they were allocated */
            push_free(p, taken.extent[i]);
        p->pool_pages += taken.nr;
    }
    return 0;
}

void physmap_pool_shrink(struct domain *d, u64 pages)
{
    struct physmap *p = &d->physmap;

    while (p->pool_pages > pages && mfn_valid_value(p->pool_free)) {
        mfn_t m[MM_TAKE_MAX];
        u32 nr = 0;

        while (nr < MM_TAKE_MAX && p->pool_pages - nr > pages && mfn_valid_value(p->pool_free))
            m[nr++] = pop_free(p);
        mm_free_overhead_many(&d->mem, m, nr);
        p->pool_pages -= nr;
    }
}
