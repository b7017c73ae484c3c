/*
 * ACPI as boot sees it: one call, one answer. acpi_init() finds the tables, reads MADT, FADT, SRAT, SLIT,
 * HMAT and MSCT and builds the topology. It runs on the boot CPU once; the result is read-only afterwards.
 */
#ifndef ARCH_X86_ACPI_ACPI_H
#define ARCH_X86_ACPI_ACPI_H

#include "fadt.h"
#include "topology.h"

/* A table's bytes, NULL if there is none. */
struct acpi_bytes {
    const void *bytes;
    u64 len;
};

struct acpi_inputs {
    struct acpi_bytes madt, fadt, slit, hmat, msct;
    acpi_has_ram_fn has_ram; /* NULL: there is no memory map */
    u32 nr_srats;
    struct acpi_bytes srat[ACPI_MAX_SRATS];
};

/* About 200 KiB: static storage, never on a stack. */
struct acpi_info {
    bool found;                /* RSDP and root table were sound */
    bool have_madt;            /* false: madt holds defaults, topology one made-up CPU */
    bool have_fadt;            /* false: fadt is all zero */
    bool lost_cpus;            /* the MADT describes CPUs that are not in topology, or there is none */
    bool lost_nodes;           /* there is an SRAT, and none is used */
    struct acpi_tables tables; /* for tables read elsewhere; empty unless found */
    struct acpi_madt madt;     /* lapic_base is always valid */
    struct acpi_fadt fadt;
    struct acpi_srat srat;       /* meaningful if topology.have_srat */
    struct acpi_srat other_srat; /* working space for a second one */
    u32 srat_used;               /* its place in acpi_inputs.srat, meaningful if topology.have_srat */
    struct acpi_hmat hmat;       /* meaningful if nr_pairs > 0 */
    struct acpi_msct msct;
    struct topology topology;
};

/*
 * Reads all tables into out, which always ends up complete (see acpi_topology_build()). tables and found
 * are left alone.
 *
 * Of several SRATs (the Dell T5810 has two, the first one broken), a sound one wins over a refused one; of
 * two sound ones the one that knows more of the MADT's CPUs, because a table left over from another
 * configuration of the same board is recognized by just that; else the first, which is what other systems
 * read and vendors test with. One warning says which and why.
 */
void acpi_inputs_read(struct acpi_info *out, const struct acpi_inputs *in);

/*
 * rsdp_maddr: the RSDP's address from the loader, 0: search low memory. Whatever is returned, *out is
 * complete and usable: without tables it has one node and one CPU (APIC id 0).
 * 0; -ENOENT: no RSDP; -EINVAL: an RSDP, but no usable XSDT or RSDT.
 */
int acpi_init(struct acpi_info *out, const struct acpi_mapper *m, u64 rsdp_maddr);

#endif
