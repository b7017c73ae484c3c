/*
 * Which check on host state of a VM entry failed (SDM 3C 27.2.2 to 27.2.4): the CPU says only that one did (VM-instruction
 * error 8). Plain C over a copy of the VMCS, like entry_checks.h. Host state is the same at each entry but for the CPU, so
 * this is Homestead's fault.
 */
#ifndef VMX_HOST_CHECKS_H
#define VMX_HOST_CHECKS_H

#include <arch/x86/hvm/vmx/entry_checks.h>

/* VMCS fields that the checks read. */
struct vmx_host {
    u64 es, cs, ss, ds, fs, gs, tr;
    u64 cr0, cr3, cr4, pat, efer, rip, exit; /* exit: controls */
    u64 sysenter_esp, sysenter_eip, fs_base, gs_base, tr_base, gdtr_base, idtr_base;
};

/* Copies the current VMCS. */
void vmx_host_read(struct vmx_host *h);
/* The first rule that is broken, for a host in 64-bit mode. cpu: what VMX allows there. */
struct vmx_refusal vmx_host_check(const struct vmx_host *h, const struct vmx_settings *cpu);

#endif
