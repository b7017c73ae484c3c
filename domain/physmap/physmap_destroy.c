/*
 * The end of a domain's map, in steps. Foreign pins are looked for only as long as there are any, so a domain
 * that maps none costs nothing for each of its mappings: its tables just go.
 *
 * Lock: the domain's physmap lock.
 */
#include <domain/internal.h>

/* Lock held. Unpins what is still foreign, looking at up to budget mappings or holes. True: there is more. */
static bool drop_foreign(struct domain *d, u32 budget, bool *last)
{
    struct physmap *p = &d->physmap;

    while (p->nr_foreign && p->sweep_gfn < NP_GFN_LIMIT) {
        struct np_entry entry = np_lookup(&p->np, gfn(p->sweep_gfn));

        if (!budget--)
            return true;
        if (entry.type == NP_FOREIGN) { /* always single frames */
            *last |= mm_unpin(entry.mfn);
            p->nr_foreign--;
        }
        p->sweep_gfn = (p->sweep_gfn | (BIT(entry.order) - 1)) + 1;
    }
    return false;
}

/* The first step shuts the map, so that nothing new comes; then foreign pins go, then tables and pool. */
bool physmap_destroy_step(struct domain *d, u32 budget)
{
    struct physmap *p = &d->physmap;
    bool last = false;

    spin_lock(&p->lock);
    if (!p->destroyed) {
        p->destroyed = true;
        p->sweep_gfn = 0;
        sched_sync_domain(d);
    }
    bool more = drop_foreign(d, budget, &last);
    if (!more) {
        more = p->np.root_maddr && np_destroy(&p->np, budget);
        if (!more) {
            p->np.root_maddr = 0;
            physmap_pool_shrink(d, p->pool_pages - MIN(p->pool_pages, budget));
            more = p->pool_pages != 0;
        }
    }
    spin_unlock(&p->lock);
    if (last)
        domain_reap();
    return more;
}
