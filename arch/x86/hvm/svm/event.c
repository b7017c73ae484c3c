/*
 * Putting events into an SVM guest, APM2 15.20 and 15.21.
 *
 * A vector goes in through EVENTINJ only when the guest can take it at once. When it cannot, a virtual
 * interrupt is requested whose delivery is intercepted (VINTR): the exit at that moment is the interrupt
 * window. The task priority (CR8) does not hold back what Homestead injects, as Xen's own event callback
 * ignores it.
 */
#include <arch/x86/hvm/svm/svm.h>

#include <arch/x86/cpu/msr.h>

#define VECTOR_BP 3u
#define VECTOR_OF 4u

bool svm_can_inject_irq(struct hvm_vcpu *v)
{
    const struct vmcb *vmcb = svm_vmcb(v);

    return (v->regs.rflags & RFLAGS_IF) && !(vmcb->interrupt_state & SVM_INTERRUPT_SHADOW) &&
           !(vmcb->event_inj & SVM_EVENT_VALID);
}

void svm_inject_irq(struct hvm_vcpu *v, u8 vector)
{
    svm_vmcb(v)->event_inj = SVM_EVENT_VALID | SVM_EVENT_TYPE_INTR | vector;
}

void svm_inject_exception(struct hvm_vcpu *v, u8 vector, s64 error)
{
    u64 event = SVM_EVENT_VALID | SVM_EVENT_TYPE_EXCP | vector;

    if (error >= 0)
        event |= SVM_EVENT_ERROR_VALID | (u64)error << 32;
    svm_vmcb(v)->event_inj = event;
}

void svm_request_irq_window(struct hvm_vcpu *v)
{
    struct vmcb *vmcb = svm_vmcb(v);

    vmcb->v_intr |= SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_INTR_PRIO(0xf);
    vmcb->intercept_misc1 |= SVM_INTERCEPT_VINTR;
    vmcb->clean &= ~(u32)(SVM_CLEAN_INTERCEPTS | SVM_CLEAN_TPR);
    v->in_irq_window = true;
}

void svm_close_irq_window(struct hvm_vcpu *v, struct vmcb *vmcb)
{
    vmcb->v_intr &= ~(SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_INTR_PRIO(0xf));
    vmcb->intercept_misc1 &= ~(u32)SVM_INTERCEPT_VINTR;
    vmcb->clean &= ~(u32)(SVM_CLEAN_INTERCEPTS | SVM_CLEAN_TPR);
    v->in_irq_window = false;
}

void svm_requeue_event(struct vmcb *vmcb)
{
    u64 event = vmcb->exit_int_info;
    u64 type = event & SVM_EVENT_TYPE_MASK;
    u64 vector = event & SVM_EVENT_VECTOR;
    /* INT n, INT3 and INTO: RIP still points to the instruction, which the guest simply executes again. */
    bool by_instruction = type == SVM_EVENT_TYPE_SOFT ||
                          (type == SVM_EVENT_TYPE_EXCP && (vector == VECTOR_BP || vector == VECTOR_OF));

    vmcb->event_inj = by_instruction ? 0 : event;
}
