/*
 * HMAT: how fast initiators (CPUs) reach targets (memory), ACPI 6.2 5.2.27 (revision 1) and 6.5 5.2.28
 * (revision 2). Pure functions on bytes. The revisions differ in units and in the fields around the
 * values, not in the order that values of one table have; so values stay in the table's own units here:
 * latency in picoseconds (revision 2) or 0.1 nanoseconds (1), bandwidth in MB/s (2) or 0.1 MB/s (1).
 *
 * Read latency counts, access latency where there is none; bandwidth likewise; write values are not used.
 * Only the memory itself counts (hierarchy 0), not what a memory-side cache in front of it reaches.
 * Memory-side caches are counted and otherwise skipped. When several structures cover one pair, the
 * first one counts.
 */
#ifndef ARCH_X86_ACPI_HMAT_H
#define ARCH_X86_ACPI_HMAT_H

#include "srat.h"

#define HMAT_UNREACHABLE (~0ull) /* a latency: this initiator cannot get there */

/* About 64 KiB. Indices are node ids: [initiator][target]. */
struct acpi_hmat {
    u32 revision;
    u32 nr_pairs;                        /* latencies known */
    u32 nr_caches;                       /* memory-side caches */
    u64 latency[MAX_NODES][MAX_NODES];   /* > 0, HMAT_UNREACHABLE, or 0: unknown */
    u64 bandwidth[MAX_NODES][MAX_NODES]; /* 0: unknown */
    nodeid_t initiator[MAX_NODES];       /* the one that memory is attached to, NODE_NONE if not said */
};

/*
 * Reads the HMAT in the avail bytes at `bytes`. PXMs are those of srat; pairs with others are skipped, as are
 * structures of unknown types. Each refusal is one warning, and so is a structure with an impossible base unit.
 * 0; -EINVAL: header, checksum, revision or a structure's length is wrong, *out emptied (it is working
 * space).
 */
int acpi_hmat_parse(struct acpi_hmat *out, const struct acpi_srat *srat, const void *bytes, u64 avail);

#endif
