/* What the files of VMX share. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include <arch/x86/hvm/hvm.h>
#include <arch/x86/hvm/vmx/capability.h>
#include <arch/x86/hvm/vmx/vmcs.h>

extern const struct hvm_ops vmx_ops;

/* [I] of the boot CPU. A CPU whose own differ is left out. */
extern struct vmx_settings vmx_settings;

/* enable.c */
bool vmx_probe(const char **why);
int vmx_cpu_enable(void);
struct cpuid_leaf vmx_cpuid(u32 leaf, u32 subleaf);

/* fields.c: once, when vmx_settings is known. */
void vmx_fields_init(void);
/* v's VMCS is current: all fields that do not change later, or those alone that belong to the CPU. */
void vmx_write_all_fields(struct hvm_vcpu *v, struct cpu *cpu);
void vmx_write_cpu_fields(struct hvm_vcpu *v, struct cpu *cpu);

/* run.asm: runs the guest until its next exit. */
enum vmx_entered {
    VMX_ENTERED,
    VMX_NO_VMCS,     /* VMfailInvalid: no VMCS is current */
    VMX_NOT_ENTERED, /* VMfailValid: VMCS_INSTRUCTION_ERROR says why */
};
u32 vmx_enter(struct hvm_vcpu *v);
/* The same with SPEC_CTRL_EXIT after the exit; flags: spec_ctrl_enter()'s. */
u32 vmx_enter_guarded(struct hvm_vcpu *v, u32 flags);

/* Is v's VMCS current on this CPU? */
bool vmx_is_here(const struct hvm_vcpu *v);
/* registers.c: moves what struct vmx_vcpu says is in the registers while v has its CPU. */
void vmx_save_registers(struct hvm_vcpu *v);
void vmx_load_registers(const struct hvm_vcpu *v);

/* decode.c: the exit reason → one neutral value. regs are up to date. May open an interrupt window. */
void vmx_decode_exit(struct hvm_vcpu *v, u32 reason, struct hvm_exit *exit);

/* state.c */
void vmx_get_state(struct hvm_vcpu *v, struct hvm_state *out);
void vmx_set_state(struct hvm_vcpu *v, const struct hvm_state *in);
u32 vmx_cpl(struct hvm_vcpu *v);
bool vmx_long_mode_cs(struct hvm_vcpu *v);
bool vmx_paging_state(struct hvm_vcpu *v, struct hvm_paging *state);
/* Reads what the guest may have changed since its entry. v has its CPU. */
void vmx_read_guest(struct hvm_vcpu *v);
/* Before each entry: the event to inject, and what handlers have changed. v has its CPU. */
void vmx_write_changes(struct hvm_vcpu *v);
/* A write of CR0 that changes a bit that is not the guest's own. */
void vmx_write_cr0(struct hvm_vcpu *v, u64 value);

/* pdptes.c */
/* Is PAE paging of 32-bit code on, with this CR0? The guest cannot change the rest without an exit while it is. */
bool vmx_pae_paging(const struct hvm_vcpu *v, u64 cr0);
bool vmx_set_pdptes(struct hvm_vcpu *v, const u64 pdpte[HVM_PDPTES], bool fit);

/* event.c */
bool vmx_can_inject_irq(struct hvm_vcpu *v);
void vmx_inject_irq(struct hvm_vcpu *v, u8 vector);
void vmx_request_irq_window(struct hvm_vcpu *v, u32 class);
bool vmx_inject_nmi(struct hvm_vcpu *v);
void vmx_reset_events(struct hvm_vcpu *v);
u32 vmx_get_cr8(struct hvm_vcpu *v);
void vmx_set_cr8(struct hvm_vcpu *v, u32 cr8);
void vmx_inject_exception(struct hvm_vcpu *v, u8 vector, s64 error);
/* After an exit: if it interrupted the delivery of an event, the next run delivers that event. True: it did. */
bool vmx_requeue_event(struct hvm_vcpu *v);
/* The guest has reached the window. */
void vmx_close_irq_window(struct hvm_vcpu *v);
/* The primary controls with the windows that are asked for. */
u32 vmx_primary_controls(const struct hvm_vcpu *v);
/* Ends an interrupt shadow. */
void vmx_end_shadow(struct hvm_vcpu *v);

/* words.c: what a VM-instruction error (SDM 3C 31.4) or an entry failure's reason means. */
const char *vmx_instruction_error(u32 number);
const char *vmx_entry_failure(u32 reason);

#endif
