/* The state that VCPUOP_initialise gives a vCPU. Facts: Xen's public/hvm/hvm_vcpu.h, 4.17. */
#ifndef XEN_HVM_HVM_VCPU_H
#define XEN_HVM_HVM_VCPU_H

#include <xen/xen.h>

/* 32-bit protected mode, paged or not. Attributes: bits 0-7 type, S, DPL, P; 8-11 AVL, L, D/B, G. */
struct vcpu_hvm_x86_32 {
    u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags;
    u32 cr0, cr3, cr4;
    u32 pad1;
    u64 efer;
    u32 cs_base, ds_base, ss_base, es_base, tr_base;
    u32 cs_limit, ds_limit, ss_limit, es_limit, tr_limit; /* bytes - 1, or 4 KiB - 1 with G */
    u16 cs_ar, ds_ar, ss_ar, es_ar, tr_ar;
    u16 pad2[3];
};
typedef struct vcpu_hvm_x86_32 xen_vcpu_hvm_x86_32_t;

struct vcpu_hvm_x86_64 {
    u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags;
    u64 cr0, cr3, cr4, efer;
};
typedef struct vcpu_hvm_x86_64 xen_vcpu_hvm_x86_64_t;

#define VCPU_HVM_MODE_32B 0
#define VCPU_HVM_MODE_64B 1
struct vcpu_hvm_context {
    u32 mode;
    u32 pad;
    union {
        xen_vcpu_hvm_x86_32_t x86_32;
        xen_vcpu_hvm_x86_64_t x86_64;
    } cpu_regs;
};

_Static_assert(sizeof(struct vcpu_hvm_x86_32) == 120, "public/hvm/hvm_vcpu.h");
_Static_assert(sizeof(struct vcpu_hvm_x86_64) == 112, "public/hvm/hvm_vcpu.h");
_Static_assert(sizeof(struct vcpu_hvm_context) == 128, "public/hvm/hvm_vcpu.h");

#endif
