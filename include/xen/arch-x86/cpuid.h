/*
 * Xen's CPUID leaves, at 0x40000000 + n * 0x100 for the first n whose leaf 0 has the signature.
 * Facts: Xen's public/arch-x86/cpuid.h, 4.17; docs/guest-guide/pvh-entry.md.
 *
 *   0    EAX last leaf, EBX ECX EDX signature
 *   1    EAX version, major << 16 | minor
 *   2    EAX pages of the hypercall page, EBX the MSR that places it
 *   3.0  EAX flags, EBX TSC mode, ECX guest TSC kHz, EDX incarnation
 *   3.1  EAX EBX offset, ECX multiplier, EDX shift
 *   3.2  EAX host TSC kHz
 *   4.0  EAX XEN_HVM_CPUID_*, EBX vCPU id, ECX domain id
 *   5    zero
 */
#ifndef XEN_ARCH_X86_CPUID_H
#define XEN_ARCH_X86_CPUID_H

#define XEN_CPUID_FIRST_LEAF 0x40000000

#define XEN_CPUID_SIGNATURE_EBX 0x566e6558
#define XEN_CPUID_SIGNATURE_ECX 0x65584d4d
#define XEN_CPUID_SIGNATURE_EDX 0x4d4d566e

#define XEN_HVM_CPUID_DOMID_PRESENT (1u << 4)

#endif
