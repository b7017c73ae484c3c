/*
 * Injects events into a VMX guest, SDM 3C 27.6 and 27.7.
 *
 * One event can be injected at an entry. A vector is injected only when the guest can take it at once. Otherwise an exit
 * is asked for: when the guest can take an interrupt (the interrupt window), or an NMI (the NMI window). CR8 is held
 * here, because its accesses exit; a window for an interrupt that CR8 holds back is opened when CR8 has been lowered.
 *
 * The CPU blocks NMIs from the injection of one until the guest's IRET (virtual NMIs).
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/vmx/insn.h>

#define VECTOR_NMI 2u

bool vmx_can_inject_irq(struct hvm_vcpu *v)
{
    return (v->regs.rflags & RFLAGS_IF) && !(v->vmx.interruptibility & VMX_SHADOW) && !v->vmx.event;
}

void vmx_inject_irq(struct hvm_vcpu *v, u8 vector)
{
    if (v->in_irq_window && v->window_class < HVM_ANY_CLASS)
        vmx_close_irq_window(v);
    v->vmx.event = VMX_EVENT_VALID | VMX_EVENT_TYPE_INTR | vector;
}

void vmx_inject_exception(struct hvm_vcpu *v, u8 vector, s64 error)
{
    v->vmx.event = VMX_EVENT_VALID | VMX_EVENT_TYPE_HARDWARE | vector;
    /* In real mode exceptions have no error code, and an entry that gives one fails (27.2.1.3). */
    if (error >= 0) {
        struct hvm_paging now = {0};

        vmx_paging_state(v, &now);
        if (now.cr0 & CR0_PE)
            v->vmx.event |= VMX_EVENT_ERROR_VALID;
        v->vmx.event_error = (u32)error;
    }
    vmx_end_shadow(v); /* delivery ends it */
}

void vmx_request_irq_window(struct hvm_vcpu *v, u32 class)
{
    if (v->in_irq_window && v->window_class >= class)
        return;
    v->in_irq_window = true;
    v->window_class = (u8) class;
}

void vmx_close_irq_window(struct hvm_vcpu *v)
{
    v->in_irq_window = false;
}

u32 vmx_primary_controls(const struct hvm_vcpu *v)
{
    u64 controls = vmx_settings.primary;

    if (v->in_irq_window && v->window_class > v->vmx.cr8)
        controls |= PRIMARY_INTERRUPT_WINDOW;
    if (v->vmx.nmi_window)
        controls |= PRIMARY_NMI_WINDOW;
    return (u32)controls;
}

bool vmx_inject_nmi(struct hvm_vcpu *v)
{
    if (v->vmx.event || (v->vmx.interruptibility & (VMX_SHADOW | VMX_BLOCKED_BY_NMI))) {
        v->vmx.nmi_window = true;
        return false;
    }
    v->vmx.event = VMX_EVENT_VALID | VMX_EVENT_TYPE_NMI | VECTOR_NMI;
    return true;
}

u32 vmx_get_cr8(struct hvm_vcpu *v)
{
    return v->vmx.cr8;
}

void vmx_set_cr8(struct hvm_vcpu *v, u32 cr8)
{
    v->vmx.cr8 = cr8 & 0xf;
}

void vmx_end_shadow(struct hvm_vcpu *v)
{
    v->vmx.interruptibility &= ~VMX_SHADOW;
}

void vmx_reset_events(struct hvm_vcpu *v)
{
    v->vmx.event = 0;
    v->vmx.interruptibility = 0;
    v->vmx.nmi_window = false;
    v->vmx.cr8 = 0;
    vmx_close_irq_window(v);
}

bool vmx_requeue_event(struct hvm_vcpu *v)
{
    u32 event = (u32)vmread(VMCS_VECTORING_EVENT);

    if (likely(!(event & VMX_EVENT_VALID)))
        return false;
    switch (event & VMX_EVENT_TYPE_MASK) {
    case VMX_EVENT_TYPE_NMI:
        v->vmx.interruptibility &=
            ~VMX_BLOCKED_BY_NMI; /* or the entry fails: its delivery blocks them again */
        break;
    case VMX_EVENT_TYPE_INTR:
    case VMX_EVENT_TYPE_HARDWARE:
        break;
    default: /* INT n, INT3, INTO, INT1: RIP still points to the instruction, which the guest executes again */
        return true;
    }
    v->vmx.event = event & (VMX_EVENT_VALID | VMX_EVENT_ERROR_VALID | VMX_EVENT_TYPE_MASK | VMX_EVENT_VECTOR);
    if (event & VMX_EVENT_ERROR_VALID)
        v->vmx.event_error = (u32)vmread(VMCS_VECTORING_ERROR);
    return true;
}
