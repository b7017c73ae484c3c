/*
 * MADT, SRAT and SLIT together become the machine's struct topology. Pure functions on parsed tables.
 */
#ifndef ARCH_X86_ACPI_TOPOLOGY_H
#define ARCH_X86_ACPI_TOPOLOGY_H

#include "madt.h"
#include "slit.h"
#include "srat.h"

#include <homestead/topology.h>

/*
 * Fills *out; there is always an answer.
 * madt: without CPUs in it, one CPU with APIC id and UID 0 stands for the boot CPU, which has to correct
 * them. srat: NULL: one node 0 (PXM 0) with one range over the whole 52-bit physical address space, have_srat
 * false. A CPU that the SRAT does not list is put on the node of the lowest memory, which surely has some;
 * one warning counts them. slit: NULL, or there is no SRAT to give it meaning: default distances, have_slit
 * false. near[] follows the distances; an HMAT refines it afterwards (nearness.h).
 */
void acpi_topology_build(struct topology *out, const struct acpi_madt *madt, const struct acpi_srat *srat,
                         const struct acpi_slit *slit);

/* Turns *t into the topology of a machine without SRAT (numa=off). CPUs stay, devices are on no node. */
void acpi_topology_flatten(struct topology *t);

#endif
