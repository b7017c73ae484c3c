/*
 * Turns the SRAT's memory entries into sorted ranges without overlaps.
 *
 * It sweeps over the entries' boundaries from low to high. Between two neighbouring boundaries the set
 * of entries that cover the gap is constant, so each gap becomes one range or none, and joins the
 * range before it when they are alike. At most 2 * ACPI_SRAT_MAX_MEM gaps of ACPI_SRAT_MAX_MEM entries.
 */
#include "srat.h"

#include <homestead/errno.h>
#include <lib/log.h>

static u64 end_of(const struct acpi_srat_mem *m)
{
    return m->base + m->size;
}

/* The lowest boundary above pos, 0 when there is none. */
static u64 boundary_above(const struct acpi_srat *s, u64 pos)
{
    u64 lowest = 0;

    for (u32 i = 0; i < s->nr_mem; i++) {
        const struct acpi_srat_mem *m = &s->mem[i];
        u64 b = m->base > pos ? m->base : end_of(m);

        if (b > pos && (lowest == 0 || b < lowest))
            lowest = b;
    }
    return lowest;
}

/* What covers a gap between boundaries. */
struct cover {
    u32 nr;
    const struct acpi_srat_mem *first;
    u32 any_flags; /* set in one entry at least */
    u32 all_flags; /* set in every entry */
    bool usual;    /* nothing, one entry, or NVDIMM inside a hot-plug window */
};

static int cover_gap(const struct acpi_srat *s, u64 pos, struct cover *out)
{
    struct cover c = {.all_flags = ~0u};
    u32 nr_windows = 0, nr_nonvolatile = 0;

    for (u32 i = 0; i < s->nr_mem; i++) {
        const struct acpi_srat_mem *m = &s->mem[i];

        if (m->base > pos || end_of(m) <= pos)
            continue;
        if (c.nr++ == 0)
            c.first = m;
        if (m->pxm != c.first->pxm) {
            log_warn("ACPI: SRAT: PXM %u and %u both have 0x%lx, ignored\n", c.first->pxm, m->pxm,
                     (unsigned long)pos);
            return -EEXIST;
        }
        c.any_flags |= m->flags;
        c.all_flags &= m->flags;
        nr_windows += m->flags == RANGE_HOTPLUG;
        nr_nonvolatile += m->flags == RANGE_NONVOLATILE;
    }
    c.usual = c.nr <= 1 || (c.nr == 2 && nr_windows == 1 && nr_nonvolatile == 1);
    *out = c;
    return 0;
}

/* Appends [base, end), or lengthens the last range. */
static int append(struct acpi_srat *s, u64 base, u64 end, const struct cover *c)
{
    u32 flags = (c->any_flags & RANGE_NONVOLATILE) | (c->all_flags & RANGE_HOTPLUG);
    nodeid_t nid = acpi_srat_pxm_to_nid(s, c->first->pxm);
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

int acpi_srat_resolve(struct acpi_srat *s)
{
    u64 pos = ~0ull, next, overlapping = 0, first_overlap = 0;

    s->nr_ranges = 0;
    for (u32 i = 0; i < s->nr_mem; i++)
        pos = MIN(pos, s->mem[i].base);
    while ((next = boundary_above(s, pos)) != 0) {
        struct cover c;
        int rc = cover_gap(s, pos, &c);

        if (rc == 0 && c.nr > 0)
            rc = append(s, pos, next, &c);
        if (rc != 0)
            return rc;
        if (!c.usual && overlapping == 0)
            first_overlap = pos;
        if (!c.usual)
            overlapping += next - pos;
        pos = next;
    }
    if (overlapping)
        log_warn("ACPI: SRAT: entries overlap from 0x%lx, 0x%lx bytes in all; merged\n",
                 (unsigned long)first_overlap, (unsigned long)overlapping);
    return 0;
}
