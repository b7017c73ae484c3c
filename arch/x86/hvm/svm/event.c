/*
 * Injects events into an SVM guest, APM2 15.20 and 15.21.
 *
 * A vector is injected only when the guest can take it at once, as a virtual interrupt (V_IRQ) that is not
 * intercepted. If another exit comes first, V_IRQ stays set. EVENTINJ would do as well on hardware, but QEMU
 * 7.2 sometimes delivers an EVENTINJ vector a second time, at an arbitrary later instruction.
 *
 * When the guest cannot take it, a virtual interrupt is requested whose delivery is intercepted (VINTR):
 * that exit is the interrupt window. It has the waiting interrupt's priority class, so that CR8, which
 * guests write without an exit, delays it correctly; Xen's event callback ignores CR8. There is only one
 * V_IRQ: to open a window while a vector is in V_IRQ, the vector moves to EVENTINJ.
 *
 * NMIs: the guest is in its handler from the injection to its IRET, which is intercepted for that time. The
 * exit comes before the IRET, so the next NMI waits until RIP has moved on. A window exit notices that as
 * soon as the guest enables interrupts, any other exit sooner.
 */
#include <arch/x86/hvm/svm/svm.h>

#include <arch/x86/cpu/msr.h>

#define VECTOR_NMI     2u
#define VECTOR_BP      3u
#define VECTOR_OF      4u
#define VECTOR_IRQ_MIN 32u

#define V_INJECTED (SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_INTR_PRIO(0xf) | SVM_V_INTR_VECTOR(0xffull))

bool svm_irq_on_its_way(const struct hvm_vcpu *v, const struct vmcb *vmcb)
{
    return (vmcb->v_intr & SVM_V_IRQ) && !v->in_irq_window;
}

bool svm_can_inject_irq(struct hvm_vcpu *v)
{
    const struct vmcb *vmcb = svm_vmcb(v);

    return (v->regs.rflags & RFLAGS_IF) && !(vmcb->interrupt_state & SVM_INTERRUPT_SHADOW) &&
           !(vmcb->event_inj & SVM_EVENT_VALID) && !svm_irq_on_its_way(v, vmcb);
}

void svm_inject_irq(struct hvm_vcpu *v, u8 vector)
{
    struct vmcb *vmcb = svm_vmcb(v);

    if (v->in_irq_window && v->window_class == HVM_ANY_CLASS) {
        /* The window may be for an NMI, which is injected next. */
        vmcb->event_inj = SVM_EVENT_VALID | SVM_EVENT_TYPE_INTR | vector;
        return;
    }
    if (v->in_irq_window)
        svm_close_irq_window(v, vmcb);
    vmcb->v_intr = (vmcb->v_intr & ~V_INJECTED) | SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_INTR_PRIO(0xf) |
                   SVM_V_INTR_VECTOR((u64)vector);
    vmcb->clean &= ~(u32)SVM_CLEAN_TPR;
}

/* Frees V_IRQ. The guest could take the vector when V_IRQ was set, and has executed no instruction since. */
static void move_to_event_inj(const struct hvm_vcpu *v, struct vmcb *vmcb)
{
    if (!svm_irq_on_its_way(v, vmcb))
        return;
    vmcb->event_inj = SVM_EVENT_VALID | SVM_EVENT_TYPE_INTR | SVM_V_INTR_VECTOR_OF(vmcb->v_intr);
    vmcb->v_intr &= ~V_INJECTED;
    vmcb->clean &= ~(u32)SVM_CLEAN_TPR;
}

void svm_inject_exception(struct hvm_vcpu *v, u8 vector, s64 error)
{
    u64 event = SVM_EVENT_VALID | SVM_EVENT_TYPE_EXCP | vector;

    if (error >= 0)
        event |= SVM_EVENT_ERROR_VALID | (u64)error << 32;
    svm_vmcb(v)->event_inj = event;
}

#define V_WINDOW (SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_INTR_PRIO(0xf))

void svm_request_irq_window(struct hvm_vcpu *v, u32 class)
{
    struct vmcb *vmcb = svm_vmcb(v);
    u64 how = SVM_V_IGN_TPR | SVM_V_INTR_PRIO(0xf);

    if (v->in_irq_window && v->window_class >= class)
        return;
    move_to_event_inj(v, vmcb);
    if (class < HVM_ANY_CLASS)
        how = SVM_V_INTR_PRIO(class - (svm_features.cr8_inclusive ? 1 : 0));
    vmcb->v_intr = (vmcb->v_intr & ~V_WINDOW) | SVM_V_IRQ | how;
    vmcb->intercept_misc1 |= SVM_INTERCEPT(VINTR);
    vmcb->clean &= ~(u32)(SVM_CLEAN_INTERCEPTS | SVM_CLEAN_TPR);
    v->in_irq_window = true;
    v->window_class = (u8) class;
}

void svm_close_irq_window(struct hvm_vcpu *v, struct vmcb *vmcb)
{
    if (v->in_irq_window && v->window_class < HVM_ANY_CLASS &&
        (vmcb->v_intr & SVM_V_CR8_MASK) >= v->window_class)
        __atomic_store_n(&svm_features.cr8_inclusive, true, __ATOMIC_RELAXED);
    vmcb->v_intr &= ~V_WINDOW;
    vmcb->intercept_misc1 &= ~SVM_INTERCEPT(VINTR);
    vmcb->clean &= ~(u32)(SVM_CLEAN_INTERCEPTS | SVM_CLEAN_TPR);
    v->in_irq_window = false;
}

u32 svm_get_cr8(struct hvm_vcpu *v)
{
    return (u32)(svm_vmcb(v)->v_intr & SVM_V_CR8_MASK);
}

void svm_set_cr8(struct hvm_vcpu *v, u32 cr8)
{
    struct vmcb *vmcb = svm_vmcb(v);

    vmcb->v_intr = (vmcb->v_intr & ~SVM_V_TPR_MASK) | (cr8 & SVM_V_CR8_MASK);
    vmcb->clean &= ~(u32)SVM_CLEAN_TPR;
}

enum { NMI_NONE, NMI_IN_HANDLER, NMI_AT_IRET };

static void intercept_iret(struct vmcb *vmcb, bool on)
{
    if (on)
        vmcb->intercept_misc1 |= SVM_INTERCEPT(IRET);
    else
        vmcb->intercept_misc1 &= ~SVM_INTERCEPT(IRET);
    vmcb->clean &= ~(u32)SVM_CLEAN_INTERCEPTS;
}

bool svm_inject_nmi(struct hvm_vcpu *v)
{
    struct vmcb *vmcb = svm_vmcb(v);

    if (v->nmi_state == NMI_AT_IRET && v->regs.rip != v->nmi_iret_rip)
        v->nmi_state = NMI_NONE;
    if (v->nmi_state == NMI_IN_HANDLER)
        return false; /* the IRET will exit */
    if (v->nmi_state == NMI_AT_IRET || (vmcb->event_inj & SVM_EVENT_VALID) || svm_irq_on_its_way(v, vmcb) ||
        (vmcb->interrupt_state & SVM_INTERRUPT_SHADOW)) {
        svm_request_irq_window(v, HVM_ANY_CLASS);
        return false;
    }
    vmcb->event_inj = SVM_EVENT_VALID | SVM_EVENT_TYPE_NMI | VECTOR_NMI;
    v->nmi_state = NMI_IN_HANDLER;
    intercept_iret(vmcb, true);
    return true;
}

void svm_leave_nmi(struct hvm_vcpu *v, struct vmcb *vmcb)
{
    v->nmi_state = NMI_AT_IRET;
    v->nmi_iret_rip = v->regs.rip;
    intercept_iret(vmcb, false);
}

void svm_reset_events(struct hvm_vcpu *v)
{
    struct vmcb *vmcb = svm_vmcb(v);

    vmcb->event_inj = 0;
    vmcb->interrupt_state = 0;
    svm_close_irq_window(v, vmcb); /* and a vector in V_IRQ */
    svm_set_cr8(v, 0);
    v->nmi_state = NMI_NONE;
    intercept_iret(vmcb, false);
}

void svm_requeue_event(const struct hvm_vcpu *v, struct vmcb *vmcb)
{
    u64 event = vmcb->exit_int_info;
    u64 type = event & SVM_EVENT_TYPE_MASK;
    u64 vector = event & SVM_EVENT_VECTOR;
    /* INT n, INT3 and INTO: RIP still points to the instruction, which the guest executes again. */
    bool by_instruction = type == SVM_EVENT_TYPE_SOFT ||
                          (type == SVM_EVENT_TYPE_EXCP && (vector == VECTOR_BP || vector == VECTOR_OF));

    /* An exit during its delivery: hardware has cleared V_IRQ. QEMU has not, and delivers V_IRQ again. */
    if (svm_irq_on_its_way(v, vmcb) && vector == SVM_V_INTR_VECTOR_OF(vmcb->v_intr) &&
        vector >= VECTOR_IRQ_MIN)
        event = 0;
    vmcb->event_inj = by_instruction ? 0 : event;
}
