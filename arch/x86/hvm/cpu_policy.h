/*
 * CPU policies: what CPUID shows to a domain, but for what depends on the vCPU (guest_cpuid.c). The host has a maximum,
 * made of features that need no help from Homestead; a domain starts with the default, and a toolstack can change its
 * policy up to the maximum before the domain runs. So no policy offers what Homestead cannot give to a guest, and a guest
 * can set no bit of CR4 or EFER beyond that either. Plain C over hvm_ops->cpuid().
 *
 * A policy has no leaf above its own limits (EAX of leaves 0 and 0x80000000): they are zero, like the leaves that no
 * policy has. Facts: Xen's public/arch-x86/xen.h and sysctl.h, APM3 appendix E, SDM 2A CPUID.
 */
#ifndef HVM_CPU_POLICY_H
#define HVM_CPU_POLICY_H

#include <arch/x86/cpu/msr.h>
#include <xen/arch-x86/xen.h>

#define CPU_POLICY_BASIC    0xeu /* leaves from 0 */
#define CPU_POLICY_EXTENDED 9u   /* from 0x80000000 */
#define CPU_POLICY_XEN      3u   /* of Xen's, those that are the same for every vCPU */
#define CPUID_EXTENDED      0x80000000u
#define CPUID_X2APIC        BIT(21) /* 1 ECX */
#define CPUID_XEN           0x40000000u
#define CPUID_XEN_OTHER     0x40000100u /* where Xen's leaves are if others come first: never here */

struct cpu_policy {
    struct cpuid_leaf basic[CPU_POLICY_BASIC]; /* subleaf 0, the others are zero */
    struct cpuid_leaf extended[CPU_POLICY_EXTENDED];
    u32 xen_leaves,
        xen_other_leaves; /* limits of Xen's leaves as given, 0: none; the second only to be told again */
    /* These follow from the rest. */
    struct cpuid_leaf xen[CPU_POLICY_XEN];
    u32 xen_limit; /* the last of Xen's leaves, counted from the first */
    u64 cr4, efer; /* bits that a guest can set */
};

/* Once, when hvm_ops is known: the host's maximum, and the default of new domains. */
void cpu_policy_init(void);
const struct cpu_policy *cpu_policy_max(void);
const struct cpu_policy *cpu_policy_default(void);

/* --- changes: serialised leaves are collected, then made on a copy of a policy, which is checked --- */

struct cpu_policy_change {
    struct cpu_policy to;
    u32 basic, extended; /* which leaves, a bit each */
    bool xen, xen_other;
};

/* One more leaf. -ERANGE: no policy has such a leaf. Subleaves that exist elsewhere, and are zero here, are left out. */
int cpu_policy_add(struct cpu_policy_change *change, const xen_cpuid_leaf_t *leaf);
/* An MSR of a policy is 0. -EINVAL: flags, or another value; -ERANGE: no policy has it; -EOVERFLOW. */
int cpu_policy_check_msr(const xen_msr_entry_t *msr);
/* -EINVAL: leaf *leaf (subleaf *subleaf, or XEN_CPUID_NO_SUBLEAF) would be more than the host's maximum, or its processor
 * another make's; p is then no policy. */
int cpu_policy_change(struct cpu_policy *p, const struct cpu_policy_change *change, u32 *leaf, u32 *subleaf);

/* --- reading, cpu_policy_list.c --- */

/* As many as any list has that Xen's toolstack makes, with every leaf and subleaf that its format knows. */
#define CPU_POLICY_LEAVES_MAX 120u
#define CPU_POLICY_MSRS       2u
#define CPU_POLICY_WORDS      19u

struct cpu_policy_walk {
    const struct cpu_policy *policy; /* NULL: what this CPU has */
    u32 leaf, subleaf;               /* of the next entry; begins with 0, 0 */
};

/* The policy's next entry in serialised form; false: there are no more. */
bool cpu_policy_next(struct cpu_policy_walk *walk, xen_cpuid_leaf_t *out);
void cpu_policy_msr(u32 index, xen_msr_entry_t *out);
/* Word `index` of Xen's feature words; 0 beyond them. policy as in the walk. */
u32 cpu_policy_word(const struct cpu_policy *policy, u32 index);

#endif
