/*
 * MADT, SRAT and SLIT together become the machine's struct topology. Pure functions on parsed tables.
 */
#ifndef ARCH_X86_ACPI_TOPOLOGY_H
#define ARCH_X86_ACPI_TOPOLOGY_H

#include "hmat.h"
#include "madt.h"
#include "slit.h"

/* --- topology.c --- */
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
 * units where it covers the pair; for a node without CPUs, the initiator that the HMAT attaches it to
 * speaks. Where the HMAT does not cover a pair, the SLIT's distance is scaled to the same unit: the SLIT's
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
