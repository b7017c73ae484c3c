/*
 * Which check of a VM entry failed. The CPU says only that guest state was invalid (exit reason 33), or that a control was
 * (VM-instruction error 7). These are the checks on guest state (SDM 3C 27.3.1; 26.3.1 in older editions) and on the controls
 * that change from entry to entry (27.2.1), in plain C over a copy of the VMCS. They also run on the host in tests, since
 * emulators make fewer checks than a CPU does.
 *
 * Not here, because Homestead does not use what they are about: SMM, enclaves, CET, MPX, performance counters, shadow VMCS.
 */
#ifndef VMX_ENTRY_CHECKS_H
#define VMX_ENTRY_CHECKS_H

#include <arch/x86/hvm/vmx/capability.h>
#include <arch/x86/hvm/vmx/vcpu.h>

/* VMCS fields that the checks read. */
struct vmx_entry {
    struct vmx_segment segment[8]; /* by enum vmcs_segment */
    u64 gdtr_limit, gdtr_base, idtr_limit, idtr_base;
    u64 cr0, cr3, cr4, dr7, debugctl, pat, efer, sysenter_esp, sysenter_eip;
    u64 rip, rflags;
    u64 interruptibility, activity, pending_debug, link_pointer, pdpte[4];
    u64 pin, primary, secondary, entry; /* controls */
    u64 event, event_error, instruction_length;
    u64 vpid, ept_pointer;
};

struct vmx_refusal {
    const char *field; /* NULL: none of these checks fails */
    const char *rule;  /* that it breaks */
    u64 value;         /* of the field */
};

/* What host_checks.c asks too: would a CPU with 48-bit addresses take the address, and a CPU these memory types? */
bool vmx_canonical(u64 address);
bool vmx_pat_valid(u64 pat);

/* Copies the current VMCS. */
void vmx_entry_read(struct vmx_entry *e);
/* The first rule that is broken. cpu: what VMX allows there. */
struct vmx_refusal vmx_entry_check(const struct vmx_entry *e, const struct vmx_settings *cpu);

#endif
