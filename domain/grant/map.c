/*
 * Mapping and unmapping grants, by their address in the map of the domain that maps. Order of a mapping: handle, use
 * of the entry, map, handle filled in; of an unmapping: handle, which is free then, map, and when no CPU can use the page
 * any more use of the entry. So at each moment whoever is in the middle has the entry's use to himself, and two that
 * unmap one handle do it once.
 */
#include <domain/grant/entry.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>

static struct grant_use use_of(const struct domain *d, const struct mapping *m)
{
    return (struct grant_use){.ref = (u32)m->ref, .by = d->id, .readonly = m->readonly, .map = true};
}

/* The use of m's entry ends. The granter is there, perhaps dying, as long as the frame is pinned. */
static void end_use(struct domain *d, const struct mapping *m)
{
    struct domain *granter = domain_get((u16)m->domid);
    struct grant_use use = use_of(d, m);

    BUG_ON(!granter);
    grant_use_end(granter, &use);
    domain_put(granter);
}

/* handle is busy, and filled in or free then. */
static s16 map_from(struct domain *d, struct domain *granter, struct gnttab_map_grant_ref *op, u32 handle)
{
    gfn_t g = gaddr_to_gfn(op->host_addr);
    struct grant_use use = {
        .ref = op->ref, .by = d->id, .readonly = op->flags & GNTMAP_readonly, .map = true};

    s16 status = grant_use_begin(granter, &use);
    if (status)
        return status;
    if ((op->flags & ~(u32)GNTMAP_readonly) != GNTMAP_host_map ||
        physmap_map_grant(d, g, use.frame, use.readonly)) {
        grant_use_end(granter, &use);
        return GNTST_general_error;
    }
    /* The masks only say that they fit. */
    const struct mapping m = {.mfn = use.frame.n & FRAME_LIMIT,
                              .domid = granter->id,
                              .readonly = use.readonly,
                              .gfn = g.n & (NP_GFN_LIMIT - 1),
                              .ref = use.ref & (GRANTS_MAX - 1)};
    maptrack_set(d, handle, &m);
    op->handle = handle;
    op->dev_bus_addr = op->host_addr & PAGE_MASK; /* a device of d's has d's addresses */
    return GNTST_okay;
}

static s16 map(struct domain *d, struct gnttab_map_grant_ref *op)
{
    u32 handle;

    if (!(op->flags & (GNTMAP_device_map | GNTMAP_host_map)))
        return GNTST_bad_gntref;
    if (op->flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte))
        return GNTST_general_error;
    struct domain *granter = domain_get(op->dom);
    if (!granter)
        return GNTST_bad_domain;
    s16 status = GNTST_no_space;
    if (!maptrack_take(d, &handle)) {
        status = map_from(d, granter, op, handle);
        if (status)
            maptrack_put(d, handle);
    }
    domain_put(granter);
    return status;
}

void grant_map(struct domain *d, struct gnttab_map_grant_ref *op)
{
    op->status = map(d, op);
}

/* True: *m is to be unmapped, and has no handle any more. */
static bool begin_unmap(struct domain *d, struct gnttab_unmap_grant_ref *op, struct mapping *m)
{
    int rc = maptrack_end(d, op->handle, op->host_addr ? gaddr_to_gfn(op->host_addr) : INVALID_GFN, m);

    op->status = rc == -EINVAL               ? GNTST_bad_handle
                 : rc == 0 || !op->host_addr ? GNTST_okay
                                             : GNTST_general_error;
    return rc == 0;
}

void grant_unmap(struct domain *d, struct gnttab_unmap_grant_ref *ops, u32 nr)
{
    struct mapping m[GRANT_UNMAP_MAX];
    gfn_t g[GRANT_UNMAP_MAX];
    mfn_t frame[GRANT_UNMAP_MAX];
    u32 nr_mapped = 0;

    for (u32 i = 0; i < nr; i++) {
        if (!begin_unmap(d, &ops[i], &m[nr_mapped]))
            continue;
        g[nr_mapped] = gfn(m[nr_mapped].gfn);
        frame[nr_mapped] = mfn(m[nr_mapped].mfn);
        nr_mapped++;
    }
    if (nr_mapped)
        physmap_unmap_grants(d, g, frame, nr_mapped);
    for (u32 i = 0; i < nr_mapped; i++)
        end_use(d, &m[i]);
}

bool grant_release_maps(struct domain *d, u32 budget)
{
    struct mapping m;

    while (maptrack_next(d, &budget, &m))
        end_use(d, &m);
    if (!budget)
        return true;
    maptrack_free_pages(d);
    return false;
}
