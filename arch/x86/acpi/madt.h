/*
 * MADT: the machine's CPUs, local APIC address and I/O APICs (ACPI 6.5 5.2.12). Pure functions on bytes.
 */
#ifndef ARCH_X86_ACPI_MADT_H
#define ARCH_X86_ACPI_MADT_H

#include "tables.h"

#define ACPI_LAPIC_BASE_DEFAULT 0xfee00000ull
#define ACPI_MAX_IOAPICS        64u

struct acpi_madt_cpu {
    u32 apic_id;
    u32 acpi_uid;
};

struct acpi_ioapic {
    u32 id;
    u32 gsi_base;
    u64 maddr;
};

struct acpi_madt {
    u64 lapic_base;   /* maddr */
    bool pcat_compat; /* there is a pair of 8259s, to be masked before APICs are used */
    u32 nr_cpus;      /* enabled ones, each APIC id once */
    bool incomplete;  /* CPUs may be missing: entries were damaged, cut off or too many */
    u32 nr_hotplug;   /* not there now, but "online capable" */
    u32 nr_ioapics;
    struct acpi_madt_cpu cpu[MAX_CPUS];
    struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
};

/* What holds without a MADT: no CPU known, local APIC where it is after reset. */
void acpi_madt_init(struct acpi_madt *out);

/*
 * Reads the MADT in the avail bytes at `bytes`. Entries that are damaged, name no CPU (broadcast ids), repeat
 * an APIC id or exceed the arrays are left out; when the walk breaks off, what came before it stays:
 * half the CPUs are better than none. Each kind of trouble is one warning.
 * 0; -EINVAL: header or checksum wrong, *out is as acpi_madt_init() leaves it.
 */
int acpi_madt_parse(struct acpi_madt *out, const void *bytes, u64 avail);

#endif
