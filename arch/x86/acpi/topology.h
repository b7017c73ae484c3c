/*
 * MADT, SRAT, SLIT and HMAT together become the machine's struct topology; the two small tables that only matter beside the
 * SRAT are read here as well. Pure functions on bytes and parsed tables.
 */
#ifndef ARCH_X86_ACPI_TOPOLOGY_H
#define ARCH_X86_ACPI_TOPOLOGY_H

#include "hmat.h"
#include "madt.h"
#include "srat.h"

/*
 * SLIT: relative distances between localities, whose numbers are PXMs (ACPI 6.5 5.2.17). 10 is local, 255 unreachable,
 * 0 to 9 are reserved.
 */
struct acpi_slit {
    u32 nr_localities; /* > 0 */
    const u8 *matrix;  /* nr_localities^2 bytes inside the table: valid as long as that is */
};

/*
 * Checks the SLIT in the avail bytes at `bytes`; its size must be exactly what its count asks for, the
 * diagonal 10 and everything else above 10. Asymmetric matrices are allowed. Each refusal is one warning.
 * 0; -EINVAL: refused, *out untouched.
 */
int acpi_slit_parse(struct acpi_slit *out, const void *bytes, u64 avail);

/* The distance between two PXMs; the default for PXMs that the table does not cover, and if s is NULL. */
static inline u8 acpi_slit_distance(const struct acpi_slit *s, u32 from_pxm, u32 to_pxm)
{
    if (s && from_pxm < s->nr_localities && to_pxm < s->nr_localities)
        return s->matrix[from_pxm * s->nr_localities + to_pxm];
    return from_pxm == to_pxm ? DISTANCE_LOCAL : DISTANCE_REMOTE;
}

/*
 * MSCT: the most that the machine could ever have (ACPI 6.5 5.2.19). Its limits are facts to show, nothing more: where it
 * contradicts the SRAT, the SRAT is used.
 */
struct acpi_msct {
    bool found;
    u64 max_pxms;  /* how many proximity domains there can be, 1 .. 2^32 */
    u64 max_maddr; /* the highest physical address there can be, 0: not said */
};

/*
 * Reads the MSCT in the avail bytes at `bytes`. 0; -EINVAL: header or checksum wrong (one warning), *out
 * untouched.
 */
int acpi_msct_parse(struct acpi_msct *out, const void *bytes, u64 avail);

/* One warning for each limit that the SRAT passes. */
void acpi_msct_compare(const struct acpi_msct *m, const struct acpi_srat *srat);

/*
 * Fills *out; there is always an answer.
 * madt: without CPUs in it, one CPU with APIC id and UID 0 stands for the boot CPU, which has to correct
 * them. srat: NULL: one node 0 (PXM 0) with one range over the whole 52-bit physical address space, have_srat
 * false. A CPU that the SRAT does not list is put on the node of the lowest memory, which surely has some;
 * one warning counts them. slit: NULL, or there is no SRAT to give it meaning: default distances, have_slit
 * false. near[] follows the distances; an HMAT refines it afterwards (acpi_nearness_fill()).
 */
void acpi_topology_build(struct topology *out, const struct acpi_madt *madt, const struct acpi_srat *srat,
                         const struct acpi_slit *slit);

/* Turns *t into the topology of a machine without SRAT (numa=off). CPUs stay, devices are on no node. */
void acpi_topology_flatten(struct topology *t);

/* --- nearness.c --- */
/*
 * Which nodes are near: for each node the order in which memory is looked for.
 *
 * Itself first; then by latency from the node's CPUs to the other's memory. The HMAT gives it in real
 * units where it covers the pair; for a node without CPUs, the values of the initiator that the HMAT attaches it
 * to are used. Where the HMAT does not cover a pair, the SLIT's distance is scaled to the same unit: the SLIT's
 * own definition is "relative to the local access, 10", so a distance d stands for d/10 of the local
 * latency (or, for a node without local memory, of the first covered pair's latency over its distance).
 * So one row never mixes two scales, and the order is total. A node whose initiator the HMAT does not know
 * is ordered by the SLIT alone. Equals: the higher bandwidth first, then the lower id. Unreachable comes
 * last.
 *
 * Fills t->near and t->have_hmat from t->distance and hmat (NULL: there is none), whose indices are t's node
 * ids. Returns how many nodes were ordered with the HMAT's help.
 */
u32 acpi_nearness_fill(struct topology *t, const struct acpi_hmat *hmat);

#endif
