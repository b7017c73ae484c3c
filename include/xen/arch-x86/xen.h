/*
 * A domain's CPUID and MSRs in serialised form, for sysctl get_cpu_policy and domctl get_, set_cpu_policy; and the
 * registers of a vCPU as getvcpucontext reports them: the structure of PV guests, of which an HVM vCPU uses a part.
 * Facts: Xen's public/arch-x86/xen.h and what that includes, 4.17.
 */
#ifndef XEN_ARCH_X86_XEN_H
#define XEN_ARCH_X86_XEN_H

#include <xen/xen.h>

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

struct cpu_user_regs {
    u64 r15, r14, r13, r12, rbp, rbx;
    u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u32 error_code;
    u32 entry_vector;
    u64 rip;
    u16 cs, _pad0[1];
    u8 saved_upcall_mask;
    u8 _pad1[3];
    u64 rflags;
    u64 rsp;
    u16 ss, _pad2[3];
    u16 es, _pad3[3];
    u16 ds, _pad4[3];
    u16 fs, _pad5[3];
    u16 gs, _pad6[3];
};

struct trap_info {
    u8 vector;
    u8 flags;
    u16 cs;
    xen_ulong_t address;
};

#define VGCF_I387_VALID (1 << 0)
#define VGCF_IN_KERNEL  (1 << 2)
#define VGCF_online     (1 << 5)

struct vcpu_guest_context {
    struct {
        char x[512];
    } fpu_ctxt;
    xen_ulong_t flags; /* VGCF_* */
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    xen_ulong_t ldt_base, ldt_ents;
    xen_ulong_t gdt_frames[16], gdt_ents;
    xen_ulong_t kernel_ss, kernel_sp;
    xen_ulong_t ctrlreg[8];
    xen_ulong_t debugreg[8];
    xen_ulong_t event_callback_eip;
    xen_ulong_t failsafe_callback_eip;
    xen_ulong_t syscall_callback_eip;
    xen_ulong_t vm_assist;
    u64 fs_base;
    u64 gs_base_kernel;
    u64 gs_base_user;
};

_Static_assert(sizeof(struct cpu_user_regs) == 200, "public/arch-x86/xen-x86_64.h");
_Static_assert(sizeof(struct vcpu_guest_context) == 5168, "public/arch-x86/xen.h");

#endif
