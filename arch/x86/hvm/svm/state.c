/*
 * A vCPU's registers between struct hvm_state and the VMCB. Nothing is refused here: a state the CPU does not
 * accept ends in VMEXIT_INVALID. EFER.SVME, which VMRUN demands, is always set and never reported.
 */
#include <arch/x86/hvm/svm/svm.h>

#include <arch/x86/cpu/msr.h>

#define EFER_ALLOWED  (EFER_SCE | EFER_LME | EFER_NXE)
#define SEG_DPL_SHIFT 5
#define SEG_DPL_MASK  0x60

void svm_get_state(struct hvm_vcpu *v, struct hvm_state *out)
{
    const struct vmcb *vmcb = svm_vmcb(v);

    *out = (struct hvm_state){
        .cr0 = vmcb->cr0,
        .cr2 = vmcb->cr2,
        .cr3 = vmcb->cr3,
        .cr4 = vmcb->cr4,
        .efer = vmcb->efer & ~EFER_SVME,
        .dr6 = vmcb->dr6,
        .dr7 = vmcb->dr7,
        .pat = vmcb->g_pat,
        .cs = vmcb->cs,
        .ds = vmcb->ds,
        .es = vmcb->es,
        .fs = vmcb->fs,
        .gs = vmcb->gs,
        .ss = vmcb->ss,
        .tr = vmcb->tr,
        .ldtr = vmcb->ldtr,
        .gdtr = vmcb->gdtr,
        .idtr = vmcb->idtr,
        .star = vmcb->star,
        .lstar = vmcb->lstar,
        .cstar = vmcb->cstar,
        .sfmask = vmcb->sfmask,
        .kernel_gs_base = vmcb->kernel_gs_base,
        .sysenter_cs = vmcb->sysenter_cs,
        .sysenter_esp = vmcb->sysenter_esp,
        .sysenter_eip = vmcb->sysenter_eip,
        .tsc_aux = v->tsc_aux,
    };
    /* SYSRET does not change SS's hidden part, so its DPL can differ from the CPL, which set_state() takes
     * from it. */
    out->ss.attributes = (u16)((out->ss.attributes & ~SEG_DPL_MASK) | vmcb->cpl << SEG_DPL_SHIFT);
}

static void set_segments(struct vmcb *vmcb, const struct hvm_state *in)
{
    vmcb->cs = in->cs;
    vmcb->ds = in->ds;
    vmcb->es = in->es;
    vmcb->fs = in->fs;
    vmcb->gs = in->gs;
    vmcb->ss = in->ss;
    vmcb->tr = in->tr;
    vmcb->ldtr = in->ldtr;
    vmcb->gdtr = in->gdtr;
    vmcb->idtr = in->idtr;
    /* Real mode runs at privilege 0; otherwise SS's DPL is the privilege, in virtual 8086 mode as well. */
    vmcb->cpl = in->cr0 & CR0_PE ? (in->ss.attributes & SEG_DPL_MASK) >> SEG_DPL_SHIFT : 0;
}

void svm_set_state(struct hvm_vcpu *v, const struct hvm_state *in)
{
    struct vmcb *vmcb = svm_vmcb(v);
    bool long_mode = (in->efer & EFER_LME) && (in->cr0 & CR0_PG);

    set_segments(vmcb, in);
    vmcb->cr0 = in->cr0;
    vmcb->cr2 = in->cr2;
    vmcb->cr3 = in->cr3;
    vmcb->cr4 = in->cr4;
    vmcb->efer = (in->efer & EFER_ALLOWED) | EFER_SVME | (long_mode ? EFER_LMA : 0);
    vmcb->dr6 = in->dr6;
    vmcb->dr7 = in->dr7;
    vmcb->g_pat = in->pat;
    vmcb->star = in->star;
    vmcb->lstar = in->lstar;
    vmcb->cstar = in->cstar;
    vmcb->sfmask = in->sfmask;
    vmcb->kernel_gs_base = in->kernel_gs_base;
    vmcb->sysenter_cs = in->sysenter_cs;
    vmcb->sysenter_esp = in->sysenter_esp;
    vmcb->sysenter_eip = in->sysenter_eip;
    v->tsc_aux = in->tsc_aux;
    vmcb->clean = 0;
}
