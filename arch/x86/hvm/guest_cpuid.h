/*
 * What CPUID reports to guests: host features that need no help from Homestead, an x2APIC, and Xen's leaves
 * at 0x40000000. The policy is plain C with a list of bits that are known to work; all others are hidden.
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

/* The feature words of leaves 1, 7 and 0x80000001, the same in every guest; the rest is 0. */
struct cpuid_leaf hvm_guest_features(u32 leaf);
/* The leaf as v's guest sees it, zero if it does not exist. Any leaf and subleaf; on the CPU that runs v. */
void hvm_guest_cpuid(struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out);

#endif
