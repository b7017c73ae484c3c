/*
 * Which node a page of RAM is on. The firmware's memory map says where RAM is, the SRAT says which node an
 * address belongs to, and they need not agree. Every page of RAM is on exactly one node:
 *
 *   - a page inside a range is on the range's node, whatever the range's flags: hot-pluggable and NVDIMM
 *     ranges count as RAM exactly where the memory map says that there is RAM;
 *   - a page on a boundary is on the node of its first byte;
 *   - RAM that no range covers goes with the nearest range below it (a hole's RAM is far more often a
 *     rounding of that range than a node of its own), below the first range with the first one. Its bytes
 *     are counted and warned about. The table is still used: one forgotten MiB is no reason to lose
 *     the nodes of a whole machine.
 *
 * Pure functions, addresses in bytes; boot/ and the host tool acpi-topology both ask here.
 */
#ifndef ARCH_X86_ACPI_RAM_NODES_H
#define ARCH_X86_ACPI_RAM_NODES_H

#include <homestead/topology.h>

/*
 * The node of the page that starts at `start` (page-aligned). *end: the answer is the same for all pages of
 * [start, *end), and *end > start; ALIGN_DOWN(2^64 - 1, PAGE_SIZE) when nothing changes any more. *range: the
 * range that covers it, NULL if none does; range may be NULL.
 */
nodeid_t acpi_ram_node(const struct topology *t, u64 start, u64 *end, const struct topology_range **range);

/* What became of RAM, in bytes. Zero it first. */
struct acpi_ram_report {
    u64 bytes[MAX_NODES]; /* RAM on each node: its sum is all RAM that was counted */
    u64 uncovered;        /* of that, RAM in no range; on the nodes of the rule above */
    u64 uncovered_at;     /* the first of it, if uncovered > 0 */
    u64 hotplug;          /* RAM in ranges flagged hot-pluggable */
    u64 nonvolatile;      /* RAM in ranges flagged non-volatile */
    u64 nonvolatile_at;
};

/* Adds the RAM [start, end), both page-aligned, to the report. O(ranges). */
void acpi_ram_count(struct acpi_ram_report *report, const struct topology *t, u64 start, u64 end);

/*
 * One warning for RAM that no range covers, one for RAM in NVDIMM ranges, one for nodes without RAM on which a range is
 * neither hot-pluggable nor non-volatile. Returns the number of such nodes.
 */
u32 acpi_ram_warn(const struct acpi_ram_report *report, const struct topology *t);

#endif
