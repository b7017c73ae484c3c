/* The node of each page of RAM. See ram_nodes.h. */
#include "ram_nodes.h"

#include <lib/log.h>

#define LAST_PAGE ALIGN_DOWN(~0ull, PAGE_SIZE)

/* How many ranges start at or below addr: they are sorted and apart. */
static u32 ranges_below(const struct topology *t, u64 addr)
{
    u32 lo = 0, hi = t->nr_ranges;

    while (lo < hi) {
        u32 mid = (lo + hi) / 2;

        if (t->ranges[mid].base <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The page boundary at or above addr: the page that addr lies in still belongs to what is below. */
static u64 page_above(u64 addr)
{
    return addr > LAST_PAGE ? LAST_PAGE : ALIGN_UP(addr, PAGE_SIZE);
}

nodeid_t acpi_ram_node(const struct topology *t, u64 start, u64 *end, const struct topology_range **range)
{
    u32 n = ranges_below(t, start);
    const struct topology_range *below = n ? &t->ranges[n - 1] : NULL;
    const struct topology_range *covering = below && start - below->base < below->size ? below : NULL;

    if (covering)
        *end = page_above(covering->base + covering->size);
    else
        *end = n < t->nr_ranges ? page_above(t->ranges[n].base) : LAST_PAGE;
    if (range)
        *range = covering;
    return below ? below->nid : t->ranges[0].nid;
}

void acpi_ram_count(struct acpi_ram_report *report, const struct topology *t, u64 start, u64 end)
{
    while (start < end) {
        const struct topology_range *range;
        u64 until;
        nodeid_t nid = acpi_ram_node(t, start, &until, &range);
        u64 bytes = (until > start ? MIN(until, end) : end) - start;

        report->bytes[nid] += bytes;
        if (!range) {
            if (report->uncovered == 0)
                report->uncovered_at = start;
            report->uncovered += bytes;
        } else {
            if (range->flags & RANGE_NONVOLATILE && report->nonvolatile == 0)
                report->nonvolatile_at = start;
            report->nonvolatile += range->flags & RANGE_NONVOLATILE ? bytes : 0;
            report->hotplug += range->flags & RANGE_HOTPLUG ? bytes : 0;
        }
        start += bytes;
    }
}

/* Does the firmware say that the node has RAM now? */
static bool is_described(const struct topology *t, nodeid_t nid)
{
    for (u32 i = 0; i < t->nr_ranges; i++)
        if (t->ranges[i].nid == nid && !t->ranges[i].flags)
            return true;
    return false;
}

u32 acpi_ram_warn(const struct acpi_ram_report *report, const struct topology *t)
{
    u32 nr_empty = 0;
    nodeid_t first = 0;

    for (nodeid_t nid = t->nr_nodes; nid-- > 0;)
        if (!report->bytes[nid] && is_described(t, nid)) {
            first = nid;
            nr_empty++;
        }
    if (nr_empty)
        log_warn("ACPI: SRAT: %u nodes have memory that is not in the memory map, as node %u\n", nr_empty,
                 first);
    if (report->uncovered)
        log_warn(
            "ACPI: SRAT: %lu KiB of RAM from 0x%lx are in no range, put on the node of the range below\n",
            (unsigned long)(report->uncovered >> 10), (unsigned long)report->uncovered_at);
    if (report->nonvolatile)
        log_warn("ACPI: SRAT: %lu KiB of RAM from 0x%lx are in non-volatile ranges, used as RAM\n",
                 (unsigned long)(report->nonvolatile >> 10), (unsigned long)report->nonvolatile_at);
    return nr_empty;
}
