/*
 * The ACPI tables of a guest: RSDP, XSDT, a hardware-reduced FADT with an empty DSDT, MADT, and with virtual
 * nodes SRAT and SLIT. They describe vCPUs and memory, and no device: a PVH guest has none.
 *
 * Xen's rules: a vCPU's ACPI processor UID is its number, its APIC id twice that. Pure functions on bytes, for those
 * who build domains: Homestead for domain 0, domain 0 for others.
 */
#ifndef LIB_GUEST_ACPI_H
#define LIB_GUEST_ACPI_H

#include <xen/memory.h>

struct guest_acpi {
    u32 nr_vcpus;     /* enabled: the guest starts them when it boots */
    u32 nr_max_vcpus; /* listed; at most 127 + 1, so that each APIC id fits in a byte and is not 255 */
    u32 nr_vnodes;    /* 0: neither SRAT nor SLIT */
    u32 nr_ranges;
    const struct xen_vmemrange *ranges;
    const u32 *vcpu_to_vnode; /* nr_max_vcpus */
    const u32 *distances;     /* nr_vnodes rows of nr_vnodes, each 10 to 255 */
};

/* How many bytes guest_acpi_write() writes. */
u64 guest_acpi_size(const struct guest_acpi *g);

/* Writes the tables to out, which is at guest-physical address at, a multiple of 16. The RSDP is the first. */
void guest_acpi_write(const struct guest_acpi *g, u64 at, void *out);

#endif
