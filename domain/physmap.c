/*
 * A domain's guest-physical memory. What is mapped and who owns it change together here: a frame
 * leaves the nested tables first, then every CPU stops using it, and only then goes back.
 *
 * Lock: physmap.lock (LOCK_PHYSMAP) of one domain at a time. Under it the allocator's locks may be
 * taken. A last unpin can let another domain go; that is done after the unlock (domain_reap).
 */
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>

static void *table_virt(u64 maddr)
{
    return maddr_virt(maddr);
}

int physmap_init(struct domain *d, u64 pool_pages)
{
    struct physmap *p = &d->physmap;

    spin_lock_init(&p->lock, LOCK_PHYSMAP);
    p->destroyed = false;
    p->pool_pages = p->pool_used = 0;
    p->pool_free = INVALID_MFN;
    p->np = (struct np_table){
        .alloc = physmap_pool_take, .free = physmap_pool_return, .ctx = d, .virt = table_virt};
    spin_lock(&p->lock);
    int rc = physmap_pool_grow(d, pool_pages);
    if (!rc) {
        rc = np_init(&p->np);
        if (rc)
            physmap_pool_shrink(d, 0);
    }
    spin_unlock(&p->lock);
    return rc;
}

int physmap_set_pool(struct domain *d, u64 pages)
{
    struct physmap *p = &d->physmap;
    int rc = 0;

    spin_lock(&p->lock);
    if (p->destroyed)
        rc = -EINVAL;
    else if (pages < p->pool_used)
        rc = -EBUSY;
    else if (pages >= p->pool_pages)
        rc = physmap_pool_grow(d, pages);
    else
        physmap_pool_shrink(d, pages);
    spin_unlock(&p->lock);
    return rc;
}

/* Pieces taken out of the tables but not given back yet: all CPUs must have let go of them first. */
struct removed {
    u32 nr;
    struct {
        mfn_t mfn;
        u8 order;
        u8 type; /* enum np_type */
    } piece[32];
};

/* Lock held. True: a last unpin happened, somebody may be gone. */
static bool give_back(struct domain *d, struct removed *removed, bool release)
{
    bool last = false;

    if (removed->nr)
        sched_sync_domain(d);
    for (u32 i = 0; i < removed->nr; i++) {
        mfn_t m = removed->piece[i].mfn;
        u32 order = removed->piece[i].order;

        if (removed->piece[i].type == NP_FOREIGN) {
            for (u64 frame = 0; frame < BIT(order); frame++)
                last |= mm_unpin(mfn_add(m, frame));
            d->physmap.nr_foreign -= BIT(order);
        } else if (removed->piece[i].type == NP_RAM && release) {
            /* Cannot fail: what is mapped as RAM is the domain's own. */
            int rc = mm_release(&d->mem, m, order);
            BUG_ON(rc != 0);
        }
    }
    removed->nr = 0;
    return last;
}

/*
 * Lock held. Unmaps [g, g + 2^order). Either the range lies in one mapping, which then may have to be split
 * (the only thing that can fail, before anything has changed), or it consists of whole mappings and holes.
 */
static int unmap_range(struct domain *d, gfn_t g, u32 order, bool release, bool *last)
{
    struct np_table *np = &d->physmap.np;
    struct removed removed = {.nr = 0};
    int rc = 0;

    for (u64 done = 0; done < BIT(order);) {
        gfn_t at = gfn_add(g, done);
        struct np_entry entry = np_lookup(np, at);
        u32 piece = MIN(entry.order, order);

        if (entry.type == NP_NONE) {
            /* To the end of the hole entry, which is aligned to its size. */
            done += BIT(piece) - (at.n & (BIT(piece) - 1));
            continue;
        }
        rc = np_unmap(np, at, piece);
        if (rc)
            break;
        removed.piece[removed.nr].mfn = entry.mfn;
        removed.piece[removed.nr].order = (u8)piece;
        removed.piece[removed.nr].type = (u8)entry.type;
        if (++removed.nr == ARRAY_SIZE(removed.piece))
            *last |= give_back(d, &removed, release);
        done += BIT(piece);
    }
    *last |= give_back(d, &removed, release);
    return rc;
}

static bool range_ok(gfn_t g, u32 order)
{
    return order <= MAX_ORDER && IS_ALIGNED(g.n, BIT(order)) && g.n < NP_GFN_LIMIT &&
           NP_GFN_LIMIT - g.n >= BIT(order);
}

/* Lock held. Tables that a larger mapping has pushed out go back once no CPU walks them any more. */
static void reap_tables(struct domain *d)
{
    struct np_table *np = &d->physmap.np;

    if (!np->retired_maddr)
        return;
    sched_sync_domain(d);
    while (np_reap(np, 64)) /* one mapping pushes out 513 tables at most */
        ;
}

/*
 * Lock held. As replace(), where something is mapped in the range. Taking that away is what can fail, when it
 * has to be split; the tables it leaves stay in place, so that the new mapping needs none.
 */
static int map_over(struct domain *d, gfn_t g, mfn_t m, u32 order, enum np_type type, bool *last)
{
    int rc = unmap_range(d, g, order, true, last);

    if (rc)
        return rc;
    rc = np_map(&d->physmap.np, g, m, order, type, true);
    BUG_ON(rc != 0);
    return 0;
}

/* Lock held. Maps m at g; the range may hold something, which goes. All or nothing. */
static int replace(struct domain *d, gfn_t g, mfn_t m, u32 order, enum np_type type, bool *last)
{
    struct physmap *p = &d->physmap;

    if (p->destroyed || !range_ok(g, order) || !IS_ALIGNED(m.n, BIT(order)))
        return -EINVAL;
    int rc = np_map(&p->np, g, m, order, type, true);
    if (rc == -EEXIST)
        rc = map_over(d, g, m, order, type, last);
    if (rc)
        return rc;
    if (type == NP_FOREIGN)
        p->nr_foreign += BIT(order);
    reap_tables(d);
    return 0;
}

int physmap_place(struct domain *d, gfn_t g, mfn_t m, u32 order, enum np_type type)
{
    bool last = false;

    spin_lock(&d->physmap.lock);
    int rc = replace(d, g, m, order, type, &last);
    spin_unlock(&d->physmap.lock);
    if (last)
        domain_reap();
    return rc;
}

int physmap_remove(struct domain *d, gfn_t g, u32 order, bool release)
{
    bool last = false;
    int rc = -EINVAL;

    if (!range_ok(g, order))
        return -EINVAL;
    spin_lock(&d->physmap.lock);
    if (!d->physmap.destroyed)
        rc = unmap_range(d, g, order, release, &last);
    spin_unlock(&d->physmap.lock);
    if (last)
        domain_reap();
    return rc;
}

/* Lock held. */
static struct np_entry lookup(struct domain *d, gfn_t g)
{
    if (d->physmap.destroyed)
        /* One hole all through: whoever skips from hole to hole must get far. */
        return (struct np_entry){.type = NP_NONE, .order = NP_HOLE_ORDER_MAX, .mfn = INVALID_MFN};
    return np_lookup(&d->physmap.np, g);
}

struct np_entry physmap_lookup(struct domain *d, gfn_t g)
{
    spin_lock(&d->physmap.lock);
    struct np_entry entry = lookup(d, g);
    spin_unlock(&d->physmap.lock);
    return entry;
}

int physmap_map_foreign(struct domain *d, gfn_t g, struct domain *src, gfn_t src_gfn)
{
    bool last = false;
    int rc = -EINVAL;

    /* The pin is taken under src's lock: src cannot give the frame away between the lookup and the pin. */
    spin_lock(&src->physmap.lock);
    struct np_entry entry = lookup(src, src_gfn);
    if (entry.type == NP_RAM)
        rc = mm_pin(src->id, entry.mfn);
    spin_unlock(&src->physmap.lock);
    if (rc)
        return rc;

    spin_lock(&d->physmap.lock);
    rc = replace(d, g, entry.mfn, ORDER_4K, NP_FOREIGN, &last);
    spin_unlock(&d->physmap.lock);
    if (rc)
        last |= mm_unpin(entry.mfn);
    if (last)
        domain_reap();
    return rc;
}

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
            physmap_pool_shrink(d, 0);
        }
    }
    spin_unlock(&p->lock);
    if (last)
        domain_reap();
    return more;
}
