/*
 * A domain's CPUID and MSRs in serialised form, for sysctl get_cpu_policy and domctl get_, set_cpu_policy.
 * Facts: Xen's public/arch-x86/xen.h, 4.17.
 */
#ifndef XEN_ARCH_X86_XEN_H
#define XEN_ARCH_X86_XEN_H

#include <homestead/types.h>

#define XEN_CPUID_NO_SUBLEAF 0xffffffffu /* of a leaf that has no subleaves */
typedef struct xen_cpuid_leaf {
    u32 leaf, subleaf;
    u32 a, b, c, d;
} xen_cpuid_leaf_t;

typedef struct xen_msr_entry {
    u32 idx;
    u32 flags; /* 0 */
    u64 val;
} xen_msr_entry_t;

_Static_assert(sizeof(xen_cpuid_leaf_t) == 24, "public/arch-x86/xen.h");
_Static_assert(sizeof(xen_msr_entry_t) == 16, "public/arch-x86/xen.h");

#endif
