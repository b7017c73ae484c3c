/*
 * What CPUID reports to a guest: its domain's policy (cpu_policy.h), and Xen's leaves at 0x40000000. Plain C.
 * Sources: APM3 appendix E, SDM 2A CPUID, Xen ABI public/arch-x86/cpuid.h.
 */
#ifndef HVM_GUEST_CPUID_H
#define HVM_GUEST_CPUID_H

#include <arch/x86/cpu/msr.h>

struct hvm_vcpu;

/* APIC ids are even, as on Xen. */
static inline u32 hvm_apic_id(u32 vcpu_id)
{
    return 2 * vcpu_id;
}

/* The leaf as v's guest sees it, zero if it does not exist. Any leaf and subleaf. */
void hvm_guest_cpuid(struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out);

#endif
