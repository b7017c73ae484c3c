/* What homestead-check knows of a machine, and what follows from it. Plain C; read.c fills the machine. */
#ifndef TOOLS_HOMESTEAD_CHECK_JUDGE_H
#define TOOLS_HOMESTEAD_CHECK_JUDGE_H

#include "parse.h"

#define MACHINE_WARNINGS_MAX 16u
#define TEXT_BYTES           240u

enum known { NOT_READ, KNOWN_NO, KNOWN_YES };

struct machine {
    struct cpuinfo cpu;

    /* By CPUID: SVM or VMX, nested paging (AMD only), x2APIC. */
    enum known cpuid_virtualization, cpuid_nested, cpuid_x2apic;
    /* By MSR: IA32_FEATURE_CONTROL or VM_CR; IA32_VMX_PROCBASED_CTLS2. */
    bool has_lock_msr, has_vmx_controls;
    u64 lock_msr, vmx_controls;
    /* By Linux's KVM, which is loaded only where the firmware has not switched virtualization off. */
    enum known kvm, kvm_nested, kvm_unrestricted_guest;
    bool under_xen;

    bool has_tables; /* ACPI's were readable */
    bool has_srat;
    bool nodes_by_srat; /* the SRAT was used; else nr_nodes is Linux's */
    u32 nr_nodes, nr_nodes_with_memory,
        nr_cpus; /* nr_cpus: of the MADT, or those that Linux has, also offline */
    u64 memory_kib;
    u32 max_apic_id; /* of the MADT */
    u32 nr_warnings;
    char warning[MACHINE_WARNINGS_MAX][TEXT_BYTES]; /* of the hypervisor's code for these tables */

    enum known iommu_table, iommu_in_use;
    struct serial_ports serial;
    bool serial_was_readable;

    bool uefi;
    u32 uefi_bits; /* 0: not known */
    enum known secure_boot;
};

enum result { RESULT_OK, RESULT_WARNING, RESULT_NO };

struct finding {
    const char *name;
    enum result result;
    char text[TEXT_BYTES];
};

#define FINDINGS_MAX (24u + MACHINE_WARNINGS_MAX)

struct findings {
    u32 nr;
    struct finding list[FINDINGS_MAX];
};

/* The worst of all findings: can this machine run Homestead? */
enum result judge(const struct machine *m, struct findings *out);

#endif
