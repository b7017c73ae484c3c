/* What svm.c, state.c, event.c, decode.c and run.asm share. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include <arch/x86/hvm/svm/vmcb.h>

/* [I] What this CPU model has; CPUID 0x8000000A and 0x80000008. */
struct svm_features {
    bool nrip;  /* the VMCB tells where the next instruction is */
    bool rdpru; /* RDPRU exists, so its intercept does */
    /* [a] A virtual interrupt of the same class as CR8 is let through, against APM2 15.21.4: QEMU. Found out
     * when it happens. */
    bool cr8_inclusive;
};
extern struct svm_features svm_features;

extern const struct hvm_ops svm_ops;

static inline struct vmcb *svm_vmcb(const struct hvm_vcpu *v)
{
    return v->control;
}

/* run.asm: one trip into the guest. vmsave_maddr: this CPU's VMSAVE area. */
void svm_enter(struct hvm_vcpu *v, u64 vmsave_maddr);

/* decode.c: the VMCB's exit code → one neutral value. regs are up to date. May open a window for host
 * interrupts. */
void svm_decode_exit(struct hvm_vcpu *v, struct vmcb *vmcb, struct hvm_exit *exit);

/* state.c */
void svm_get_state(struct hvm_vcpu *v, struct hvm_state *out);
void svm_set_state(struct hvm_vcpu *v, const struct hvm_state *in);

/* event.c */
bool svm_can_inject_irq(struct hvm_vcpu *v);
void svm_inject_irq(struct hvm_vcpu *v, u8 vector);
void svm_request_irq_window(struct hvm_vcpu *v, u32 class);
bool svm_inject_nmi(struct hvm_vcpu *v);
void svm_reset_events(struct hvm_vcpu *v);
u32 svm_get_cr8(struct hvm_vcpu *v);
void svm_set_cr8(struct hvm_vcpu *v, u32 cr8);
void svm_inject_exception(struct hvm_vcpu *v, u8 vector, s64 error);
/* A vector has been put into V_IRQ, and the guest has not taken it yet. */
bool svm_irq_on_its_way(const struct hvm_vcpu *v, const struct vmcb *vmcb);
/* After an exit: an event whose delivery the exit has cut short is delivered by the next run. */
void svm_requeue_event(const struct hvm_vcpu *v, struct vmcb *vmcb);
/* The guest has reached its interrupt window: takes the request back. */
void svm_close_irq_window(struct hvm_vcpu *v, struct vmcb *vmcb);
/* The guest is about to return from an NMI handler. */
void svm_leave_nmi(struct hvm_vcpu *v, struct vmcb *vmcb);

#endif
