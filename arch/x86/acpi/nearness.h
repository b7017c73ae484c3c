/*
 * Which nodes are near: for each node the order in which memory is looked for. Pure functions.
 *
 * Itself first; then by latency from the node's CPUs to the other's memory. The HMAT gives it in real
 * units where it covers the pair; for a node without CPUs, the initiator that the HMAT attaches it to
 * speaks. Where the HMAT does not cover a pair, the SLIT's distance is scaled to the same unit: the SLIT's
 * own definition is "relative to the local access, 10", so a distance d stands for d/10 of the local
 * latency (or, for a node without local memory, of the first covered pair's latency over its distance).
 * So one row never mixes two scales, and the order is total. A node whose initiator the HMAT does not know
 * is ordered by the SLIT alone. Equals: the higher bandwidth first, then the lower id. Unreachable comes
 * last.
 */
#ifndef ARCH_X86_ACPI_NEARNESS_H
#define ARCH_X86_ACPI_NEARNESS_H

#include "hmat.h"

#include <homestead/topology.h>

/*
 * Fills t->near and t->have_hmat from t->distance and hmat (NULL: there is none), whose indices are t's node
 * ids. Returns how many nodes were ordered with the HMAT's help.
 */
u32 acpi_nearness_fill(struct topology *t, const struct acpi_hmat *hmat);

#endif
