/*
 * From the SRAT's memory entries to sorted ranges without overlaps. See srat.h for what wins.
 *
 * A sweep over the entries' boundaries from low to high. Between two neighbouring boundaries the set of entries that
 * cover the gap is constant, so each gap becomes one range or none, and joins the range before it when they are alike.
 * At most 2 * ACPI_SRAT_MAX_MEM gaps of ACPI_SRAT_MAX_MEM entries.
 */
#include "srat.h"

#include <homestead/errno.h>
#include <lib/log.h>

/* The lowest boundary above pos, 0 when there is none. */
static u64 boundary_above(const struct acpi_srat *s, u64 pos)
{
    u64 lowest = 0;

    for (u32 i = 0; i < s->nr_mem; i++) {
        const struct acpi_srat_mem *m = &s->mem[i];
        u64 b = m->base > pos ? m->base : m->base + m->size;

        if (b > pos && (lowest == 0 || b < lowest))
            lowest = b;
    }
    return lowest;
}

/* What covers a gap between boundaries. */
struct cover {
    const struct acpi_srat_mem *owner; /* whose node the gap is on; NULL: nothing covers it */
    const struct acpi_srat_mem *rival; /* an entry of another node; NULL: none */
    bool present;  /* an entry says that there is RAM now: neither of a window nor of an NVDIMM */
    u32 any_flags; /* set in one of the owner's node's entries at least */
    u32 all_flags; /* set in all of them */
    bool usual;    /* of that node: one entry, or an NVDIMM inside a hot-plug window */
};

static bool covers(const struct acpi_srat_mem *m, u64 pos)
{
    return m->base <= pos && m->base + m->size > pos;
}

/* A hot-plug window is empty until something is plugged, so an entry with a medium comes before it. */
static bool is_window(const struct acpi_srat_mem *m)
{
    return m->flags == RANGE_HOTPLUG;
}

static struct cover cover_gap(const struct acpi_srat *s, u64 pos)
{
    struct cover c = {.all_flags = ~0u};
    u32 nr = 0, nr_windows = 0, nr_nonvolatile = 0;

    for (u32 i = 0; i < s->nr_mem; i++) {
        const struct acpi_srat_mem *m = &s->mem[i];

        if (!covers(m, pos))
            continue;
        if (!c.owner || (is_window(c.owner) && !is_window(m)))
            c.owner = m;
        c.present = c.present || !m->flags;
    }
    for (u32 i = 0; i < s->nr_mem; i++) {
        const struct acpi_srat_mem *m = &s->mem[i];

        if (!covers(m, pos))
            continue;
        if (m->pxm != c.owner->pxm) {
            c.rival = m;
            continue;
        }
        nr++;
        c.any_flags |= m->flags;
        c.all_flags &= m->flags;
        nr_windows += is_window(m);
        nr_nonvolatile += m->flags == RANGE_NONVOLATILE;
    }
    c.usual = nr <= 1 || (nr == 2 && nr_windows == 1 && nr_nonvolatile == 1);
    return c;
}

/* Appends [base, end), or lengthens the last range. */
static int append(struct acpi_srat *s, u64 base, u64 end, const struct cover *c)
{
    u32 flags = (c->any_flags & RANGE_NONVOLATILE) | (c->all_flags & RANGE_HOTPLUG);
    nodeid_t nid = acpi_srat_pxm_to_nid(s, c->owner->pxm);
    struct topology_range *last = s->nr_ranges ? &s->range[s->nr_ranges - 1] : NULL;

    if (last && last->base + last->size == base && last->nid == nid && last->flags == flags) {
        last->size = end - last->base;
        return 0;
    }
    if (s->nr_ranges == TOPOLOGY_MAX_RANGES) {
        log_warn("ACPI: SRAT: more than %u ranges after splitting, ignored\n", TOPOLOGY_MAX_RANGES);
        return -E2BIG;
    }
    s->range[s->nr_ranges++] =
        (struct topology_range){.base = base, .size = end - base, .nid = nid, .flags = flags};
    return 0;
}

/* Overlaps that are harmless, for one warning each. */
struct overlaps {
    u64 same_node, same_first; /* bytes, and where they begin */
    u64 rivals, rivals_first;
    u32 owner_pxm, rival_pxm; /* at the first of the rivals */
};

/* One gap [pos, next) becomes a range, or none. */
static int resolve_gap(struct acpi_srat *s, u64 pos, u64 next, acpi_has_ram_fn has_ram, struct overlaps *o)
{
    struct cover c = cover_gap(s, pos);

    if (!c.owner)
        return 0;
    if (c.rival && (has_ram ? has_ram(pos, next) : c.present)) {
        log_warn("ACPI: SRAT: PXM %u and %u both have 0x%lx, ignored\n", c.owner->pxm, c.rival->pxm,
                 (unsigned long)pos);
        return -EEXIST;
    }
    if (c.rival && o->rivals == 0) {
        o->rivals_first = pos;
        o->owner_pxm = c.owner->pxm;
        o->rival_pxm = c.rival->pxm;
    }
    if (!c.usual && o->same_node == 0)
        o->same_first = pos;
    o->rivals += c.rival ? next - pos : 0;
    o->same_node += c.usual ? 0 : next - pos;
    return append(s, pos, next, &c);
}

int acpi_srat_resolve(struct acpi_srat *s, acpi_has_ram_fn has_ram)
{
    struct overlaps o = {0};
    u64 pos = ~0ull, next;

    s->nr_ranges = 0;
    for (u32 i = 0; i < s->nr_mem; i++)
        pos = MIN(pos, s->mem[i].base);
    while ((next = boundary_above(s, pos)) != 0) {
        int rc = resolve_gap(s, pos, next, has_ram, &o);

        if (rc != 0)
            return rc;
        pos = next;
    }
    if (o.same_node)
        log_warn("ACPI: SRAT: entries overlap from 0x%lx, 0x%lx bytes in all; merged\n",
                 (unsigned long)o.same_first, (unsigned long)o.same_node);
    if (o.rivals)
        log_warn("ACPI: SRAT: PXM %u and %u both have 0x%lx, where there is no RAM: no page is lost (0x%lx "
                 "bytes of overlap)\n",
                 o.owner_pxm, o.rival_pxm, (unsigned long)o.rivals_first, (unsigned long)o.rivals);
    return 0;
}
