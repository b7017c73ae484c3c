/*
 * What RDMSR and WRMSR do for guests: EFER and PAT are checked as the CPU does it, a few machine registers
 * read as a fixed value, all others get #GP. Plain C over hvm_ops. Sources: APM2 appendix A; what Linux touches at boot.
 */
#ifndef HVM_GUEST_MSR_H
#define HVM_GUEST_MSR_H

#include <arch/x86/hvm/hvm.h>

/* MSR 0x40000000, Xen's hypercall page: the caller handles it. */
#define HVM_MSR_HYPERCALL_PAGE 1
/* IA32_APIC_BASE, and MSRs 0x800-0x8ff, the x2APIC: the caller handles them. */
#define HVM_MSR_APIC           2

/* 0; -EFAULT: #GP(0) is due; HVM_MSR_HYPERCALL_PAGE, HVM_MSR_APIC. *value is set on 0 only. */
int hvm_guest_rdmsr(struct hvm_vcpu *v, u32 msr, u64 *value);
int hvm_guest_wrmsr(struct hvm_vcpu *v, u32 msr, u64 value);

/* MSRs that guests read and write without an exit: the CPU or the switch of vCPUs keeps each guest's value. */
#define HVM_DIRECT_MSRS 10u
extern const u32 hvm_direct_msrs[HVM_DIRECT_MSRS];

#endif
