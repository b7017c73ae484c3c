/*
 * The byte stream of XEN_DOMCTL_{get,set}hvmcontext: records of a descriptor and its payload, the
 * HEADER first, END last. Facts: Xen's public/hvm/save.h and public/arch-x86/hvm/save.h, 4.17.
 */
#ifndef XEN_HVM_SAVE_H
#define XEN_HVM_SAVE_H

#include <homestead/types.h>

#define HVM_FILE_MAGIC   0x54381286
#define HVM_FILE_VERSION 0x00000001

struct hvm_save_descriptor {
    u16 typecode; /* HVM_SAVE_CODE(...) */
    u16 instance; /* vCPU or device number */
    u32 length;   /* bytes of payload that follow */
};

enum hvm_save_code {
    HVM_SAVE_CODE_END = 0,
    HVM_SAVE_CODE_HEADER = 1,
    HVM_SAVE_CODE_CPU = 2,
    HVM_SAVE_CODE_LAPIC = 5,
    HVM_SAVE_CODE_LAPIC_REGS = 6,
    HVM_SAVE_CODE_PIT = 10,
    HVM_SAVE_CODE_MTRR = 14,
    HVM_SAVE_CODE_VIRIDIAN_VCPU = 17,
    HVM_SAVE_CODE_VMCE_VCPU = 18,
    HVM_SAVE_CODE_TSC_ADJUST = 19,
};
#define HVM_SAVE_CODE(name) HVM_SAVE_CODE_##name
#define CPU_XSAVE_CODE      16
#define CPU_MSR_CODE        20
#define HVM_SAVE_CODE_MAX   20

struct hvm_save_header {
    u32 magic;   /* HVM_FILE_MAGIC */
    u32 version; /* HVM_FILE_VERSION */
    u64 changeset;
    u32 cpuid;    /* EAX of CPUID 1 */
    u32 gtsc_khz; /* the guest's TSC */
};

/* Everything that vCPU `instance` needs to run. */
struct hvm_hw_cpu {
    u8 fpu_regs[512];

    u64 rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp;
    u64 r8, r9, r10, r11, r12, r13, r14, r15;
    u64 rip, rflags;

    u64 cr0, cr2, cr3, cr4;
    u64 dr0, dr1, dr2, dr3, dr6, dr7;

    u32 cs_sel, ds_sel, es_sel, fs_sel, gs_sel, ss_sel, tr_sel, ldtr_sel;
    u32 cs_limit, ds_limit, es_limit, fs_limit, gs_limit, ss_limit, tr_limit, ldtr_limit;
    u32 idtr_limit, gdtr_limit;
    u64 cs_base, ds_base, es_base, fs_base, gs_base, ss_base, tr_base, ldtr_base;
    u64 idtr_base, gdtr_base;
    u32 cs_arbytes, ds_arbytes, es_arbytes, fs_arbytes, gs_arbytes, ss_arbytes, tr_arbytes, ldtr_arbytes;

    u64 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 shadow_gs;
    u64 msr_flags; /* ignored */
    u64 msr_lstar, msr_star, msr_cstar, msr_syscall_mask, msr_efer, msr_tsc_aux;
    u64 tsc;

    union {
        u32 pending_event;
        struct {
            u8 pending_vector : 8;
            u8 pending_type : 3;
            u8 pending_error_valid : 1;
            u32 pending_reserved : 19;
            u8 pending_valid : 1;
        };
    };
    u32 error_code;

    u32 flags; /* XEN_X86_* */
    u32 pad0;
};
#define XEN_X86_FPU_INITIALISED (1U << 0) /* fpu_regs is valid */

#define MTRR_VCNT     8
#define NUM_FIXED_MSR 11
struct hvm_hw_mtrr {
    u64 msr_pat_cr;
    u64 msr_mtrr_var[MTRR_VCNT * 2]; /* base and mask in turn */
    u64 msr_mtrr_fixed[NUM_FIXED_MSR];
    u64 msr_mtrr_cap;
    u64 msr_mtrr_def_type;
};

_Static_assert(sizeof(struct hvm_save_descriptor) == 8, "public/hvm/save.h");
_Static_assert(sizeof(struct hvm_save_header) == 24, "public/arch-x86/hvm/save.h");
_Static_assert(sizeof(struct hvm_hw_cpu) == 1032, "public/arch-x86/hvm/save.h");
_Static_assert(sizeof(struct hvm_hw_mtrr) == 240, "public/arch-x86/hvm/save.h");

#endif
