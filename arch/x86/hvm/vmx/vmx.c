/*
 * Intel's VMX with EPT and unrestricted guests: a vCPU takes a CPU, runs and leaves it.
 *
 * Run path budget: 100 instructions from run() to its return for a hypercall, vmx_enter() included; seven VMREADs and one
 * VMWRITE (RIP): what has not changed since the last exit is not written. No lock, no cache line but the VMCS's, the
 * vCPU's and this CPU's.
 *
 * A VMCS is current on the CPU that runs its vCPU, from the first entry until vmx_leave(), which leaves it clear, so that
 * any CPU can take it (vcpu.h). Host state and the VPID are written again when the CPU is another one.
 *
 * Time: the preemption timer ends a guest after SLICE_NS whatever its interrupt flag is, and after every exit a window
 * lets pending interrupts in. On a CPU that delivers every interrupt this is needless; Bochs 2.7 does not end a guest
 * that was entered with IF clear for an interrupt.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/spec_ctrl_enter.h>
#include <arch/x86/hvm/tlb_tag.h>
#include <arch/x86/hvm/vmx/entry_checks.h>
#include <arch/x86/hvm/vmx/flush.h>
#include <arch/x86/hvm/vmx/host_checks.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <lib/log.h>

static void vmx_vcpu_init(struct hvm_vcpu *v)
{
    const struct hvm_state reset = {
        .cr0 = CR0_ET, .dr6 = HVM_DR6_RESET, .dr7 = HVM_DR7_RESET, .pat = HVM_PAT_RESET};

    *(u32 *)v->control = vmx_settings.revision;
    v->vmx = (struct vmx_vcpu){.read = true, .dirty = BIT(VMX_GUEST_FIELDS) - 1};
    v->regs.rflags = RFLAGS_RESERVED1;
    v->last_cpu = NULL;
    v->in_irq_window = false;
    vmx_set_state(v, &reset);
}

/* --- a vCPU comes and leaves ----------------------------------------------------------------------------- */

bool vmx_is_here(const struct hvm_vcpu *v)
{
    return this_cpu()->vmcs == v;
}

static void must_clear(const struct hvm_vcpu *v)
{
    if (!vmclear(v->control_maddr))
        panic("VMCLEAR of d%uv%u failed", v->domid, v->vcpu_id);
}

static void vmx_leave(struct hvm_vcpu *v)
{
    struct cpu *cpu = this_cpu();

    if (cpu->vmcs != v)
        return; /* it has not been entered */
    vmx_save_registers(v);
    if (!v->vmx.read)
        vmx_read_guest(v);
    must_clear(v);
    v->vmx.launched = false;
    cpu->vmcs = NULL;
}

/* v was on no CPU. */
static __attribute__((noinline)) void take(struct hvm_vcpu *v, struct cpu *cpu)
{
    if (!v->vmx.initialised)
        must_clear(v); /* gives it the form that only the CPU knows */
    if (!vmptrld(v->control_maddr))
        panic("VMPTRLD of d%uv%u failed", v->domid, v->vcpu_id);
    cpu->vmcs = v;
    if (!v->vmx.initialised)
        vmx_write_all_fields(v, cpu);
    v->vmx.initialised = true;
    vmx_load_registers(v);
}

static __attribute__((noinline)) void renew(struct hvm_vcpu *v, struct cpu *cpu, u32 due)
{
    vmwrite(VMCS_VPID, v->asid);
    if (due & HVM_TLB_MOVED)
        vmx_write_cpu_fields(v, cpu);
}

/* --- running -------------------------------------------------------------------------------------------- */

/* The CPU does not say which check has failed. */
static void explain(const struct hvm_vcpu *v)
{
    struct vmx_entry entry;
    struct vmx_host host;

    vmx_entry_read(&entry);
    vmx_host_read(&host);
    struct vmx_refusal refusal = vmx_entry_check(&entry, &vmx_settings);
    if (!refusal.rule)
        refusal = vmx_host_check(&host, &vmx_settings);
    if (refusal.rule)
        log_error("d%uv%u: %s 0x%lx: %s\n", v->domid, v->vcpu_id, refusal.field, refusal.value, refusal.rule);
}

static __attribute__((noinline)) void refused(struct hvm_vcpu *v, u32 entered, struct hvm_exit *exit)
{
    exit->kind = HVM_EXIT_INVALID;
    exit->insn_len = 0;
    if (entered == VMX_ENTERED) {
        u32 reason = (u32)vmread(VMCS_EXIT_REASON);

        v->exit_code_raw = reason;
        log_error("d%uv%u: entry failed: %s, qualification %lu\n", v->domid, v->vcpu_id,
                  vmx_entry_failure(reason), vmread(VMCS_QUALIFICATION));
        explain(v);
        return;
    }
    u32 error = entered == VMX_NO_VMCS ? 0 : (u32)vmread(VMCS_INSTRUCTION_ERROR);
    v->exit_code_raw = error;
    log_error("d%uv%u: the CPU refused %s: %s (%u)\n", v->domid, v->vcpu_id,
              v->vmx.launched ? "VMRESUME" : "VMLAUNCH",
              error ? vmx_instruction_error(error) : "no VMCS is current", error);
    if (error)
        explain(v);
}

/* Not inlined: a CPU that needs no measures then pays for two instructions. */
static __attribute__((noinline)) u32 vmx_with_measures(struct hvm_vcpu *v, struct cpu *cpu)
{
    return vmx_enter_guarded(v, spec_ctrl_enter(&cpu->last_domain, v->domain_serial, !v->domid));
}

static void vmx_run(struct hvm_vcpu *v, struct hvm_exit *exit)
{
    struct vmx_vcpu *x = &v->vmx;
    struct cpu *cpu = this_cpu();

    if (unlikely(cpu->vmcs != v)) {
        take(v, cpu);
        if (x->pdptes_due) {
            exit->kind = HVM_EXIT_PDPTES;
            exit->pdptes.by_cr0 = false;
            return;
        }
    }
    u32 due = vmx_flush_stale(v, cpu);
    if (unlikely(due))
        renew(v, cpu, due);
    vmx_write_changes(v);
    cpu->guest = v; /* for the NMI handler, which reports what this CPU does */
    cpu->in_guest = true;
    u32 entered = likely(!spec_ctrl_needed()) ? vmx_enter(v) : vmx_with_measures(v, cpu);
    cpu->in_guest = false;
    let_interrupts_in(); /* their handlers only set flags for the run loop */
    u32 reason = entered == VMX_ENTERED ? (u32)vmread(VMCS_EXIT_REASON) : VMX_EXIT_ENTRY_FAILED;
    if (unlikely(reason & VMX_EXIT_ENTRY_FAILED)) {
        refused(v, entered, exit);
        return;
    }
    x->launched = true;
    x->event = 0;
    x->read = false;
    x->mode_known = false;
    x->written_rip = v->regs.rip = vmread(VMCS_GUEST_RIP);
    x->written_rsp = v->regs.rsp = vmread(VMCS_GUEST_RSP);
    x->written_rflags = v->regs.rflags = vmread(VMCS_GUEST_RFLAGS);
    x->written_interruptibility = x->interruptibility = (u32)vmread(VMCS_GUEST_INTERRUPTIBILITY);
    vmx_decode_exit(v, reason, exit);
}

static void vmx_skip(struct hvm_vcpu *v, u32 len)
{
    u64 rip = v->regs.rip + len;

    v->regs.rip = vmx_long_mode_cs(v) ? rip : (u32)rip;
    vmx_end_shadow(v);
}

const struct hvm_ops vmx_ops = {
    .name = "Intel VMX with EPT",
    .make = HVM_INTEL,
    .hypercall_insn = {0x0f, 0x01, 0xc1}, /* VMCALL */
    .probe = vmx_probe,
    .cpu_enable = vmx_cpu_enable,
    .cpuid = vmx_cpuid,
    .vcpu_init = vmx_vcpu_init,
    .get_state = vmx_get_state,
    .set_state = vmx_set_state,
    .run = vmx_run,
    .leave = vmx_leave,
    .can_inject_irq = vmx_can_inject_irq,
    .inject_irq = vmx_inject_irq,
    .request_irq_window = vmx_request_irq_window,
    .inject_nmi = vmx_inject_nmi,
    .reset_events = vmx_reset_events,
    .get_cr8 = vmx_get_cr8,
    .set_cr8 = vmx_set_cr8,
    .inject_exception = vmx_inject_exception,
    .cpl = vmx_cpl,
    .long_mode_cs = vmx_long_mode_cs,
    .paging_state = vmx_paging_state,
    .set_pdptes = vmx_set_pdptes,
    .write_cr0 = vmx_write_cr0,
    .skip = vmx_skip,
};
