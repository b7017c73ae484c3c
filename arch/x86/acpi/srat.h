/*
 * SRAT: which CPU and which memory belongs to which proximity domain, PXM (ACPI 6.5 5.2.16).
 * Pure functions on bytes. A SRAT is used as a whole or not at all: a wrong node for memory is
 * worse than no nodes. PXMs get dense node ids in ascending order.
 *
 * A PXM is a node as soon as one enabled CPU or memory entry names it, hot-plug ranges included:
 * firmware marks memory that is present at boot as hot-pluggable too (Fujitsu's 8-domain table), and only
 * the memory map says whether it is. The price is a node without memory where nothing was plugged.
 */
#ifndef ARCH_X86_ACPI_SRAT_H
#define ARCH_X86_ACPI_SRAT_H

#include "tables.h"

#include <homestead/topology.h>

#define ACPI_SRAT_MAX_MEM TOPOLOGY_MAX_RANGES

struct acpi_srat_cpu {
    u32 apic_id;
    u32 pxm;
};

struct acpi_srat_mem { /* [base, base + size), as firmware wrote it */
    u64 base;
    u64 size; /* > 0, and base + size does not overflow */
    u32 pxm;
    u32 flags; /* enum topology_range_flag */
};

struct acpi_srat {
    u32 revision;
    u32 nr_pxm;         /* 1 .. MAX_NODES */
    u32 pxm[MAX_NODES]; /* ascending: the index is the node id */
    u32 nr_cpus;        /* enabled ones, each APIC id once */
    struct acpi_srat_cpu cpu[MAX_CPUS];
    u32 nr_mem; /* enabled ones, >= 1, in the table's order */
    struct acpi_srat_mem mem[ACPI_SRAT_MAX_MEM];
    u32 nr_devices; /* enabled ones */
    struct topology_device device[TOPOLOGY_MAX_DEVICES];
    u32 nr_ranges; /* the same memory sorted by base, overlaps resolved, neighbours alike joined */
    struct topology_range range[TOPOLOGY_MAX_RANGES];
};

/*
 * Reads the SRAT in the avail bytes at `bytes`. Skipped: disabled entries, memory of length 0, CPUs with
 * a broadcast id; GICC (type 3), ITS (4) and unknown types, with a debug line that counts them. Generic
 * initiators and ports (5 and 6) are recorded, but make no node; damaged ones and those beyond the array are
 * left out with one warning. Revision 1 has 8-bit PXMs. Where ranges of one PXM overlap, non-volatile wins over
 * volatile and present over hot-pluggable; NVDIMMs inside a hot-plug window are usual (QEMU), any other overlap is one
 * warning. Where ranges of two PXMs overlap and has_ram finds RAM, the table is refused. Without RAM the place goes to
 * an entry that is no hot-plug window, else to the first, with one warning: no page is there that could be on a wrong
 * node. has_ram NULL: there is no memory map, and entries that are neither hot-pluggable nor non-volatile count as RAM.
 * Each refusal is one warning.
 * 0, or an error and *out emptied (it is working space):
 *   -EINVAL     header, checksum or an entry's length is wrong, or it lists no memory
 *   -EOVERFLOW  a range passes 2^64
 *   -EEXIST     ranges of two PXMs overlap where there is RAM
 *   -E2BIG      more than MAX_NODES PXMs, ACPI_SRAT_MAX_MEM entries or TOPOLOGY_MAX_RANGES ranges
 */
int acpi_srat_parse(struct acpi_srat *out, const void *bytes, u64 avail, acpi_has_ram_fn has_ram);

/* A part of it, in srat_ranges.c: fills range[] from mem[] and pxm[]. 0, -EEXIST or -E2BIG as above. */
int acpi_srat_resolve(struct acpi_srat *s, acpi_has_ram_fn has_ram);

/* The node id of a PXM, NODE_NONE if it is no node. */
nodeid_t acpi_srat_pxm_to_nid(const struct acpi_srat *s, u32 pxm);

/* The node id of a CPU, NODE_NONE if the SRAT does not list it. */
nodeid_t acpi_srat_apic_to_nid(const struct acpi_srat *s, u32 apic_id);

#endif
