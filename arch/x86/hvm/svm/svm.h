/* What svm.c, state.c, event.c, decode.c and run.asm share. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include <arch/x86/hvm/svm/vmcb.h>

/* [I] Features of this CPU model; CPUID 0x8000000A and 0x80000008. */
struct svm_features {
    bool nrip;      /* the VMCB has the address of the next instruction */
    bool assists;   /* decode assists: the VMCB names the register of a MOV CRx */
    bool rdpru;     /* RDPRU exists, so its intercept does */
    u32 maddr_bits; /* width of a physical address, the host's and the guests' */
    /* [a] QEMU, against APM2 15.21.4: delivers a virtual interrupt of CR8's own class. Found at run time. */
    bool cr8_inclusive;
};
extern struct svm_features svm_features;

extern const struct hvm_ops svm_ops;

static inline struct vmcb *svm_vmcb(const struct hvm_vcpu *v)
{
    return v->control;
}

/* run.asm: runs the guest until its next exit. vmsave_maddr: this CPU's VMSAVE area. */
void svm_enter(struct hvm_vcpu *v, u64 vmsave_maddr);
/* The same with SPEC_CTRL_EXIT after the exit; flags: spec_ctrl_enter()'s. */
void svm_enter_guarded(struct hvm_vcpu *v, u64 vmsave_maddr, u32 flags);

/* decode.c: the VMCB's exit code → one neutral value. regs are up to date. May open an interrupt window. */
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
/* V_IRQ holds a vector that the guest has not taken yet. */
bool svm_irq_on_its_way(const struct hvm_vcpu *v, const struct vmcb *vmcb);
/* After an exit: if it interrupted the delivery of an event, the next run delivers that event. */
void svm_requeue_event(const struct hvm_vcpu *v, struct vmcb *vmcb);
/* Ends the request for an interrupt window, which the guest has reached. */
void svm_close_irq_window(struct hvm_vcpu *v, struct vmcb *vmcb);
/* The guest is about to return from an NMI handler. */
void svm_leave_nmi(struct hvm_vcpu *v, struct vmcb *vmcb);

#endif
