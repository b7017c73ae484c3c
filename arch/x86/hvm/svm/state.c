/*
 * A vCPU's registers between struct hvm_state and the VMCB. Nothing is refused here. What callers do not check, and VMRUN
 * would refuse (APM2 15.5.1), becomes what is next to it: addresses in CR3 that the CPU does not have, a code segment of
 * 64 and of 32 bits. EFER.SVME, which VMRUN demands, is always set and never reported. So is
 * CR4.MCE: a machine check is the host's, and while MCE is clear it shuts the CPU down instead (APM2 9.3.2).
 */
#include <arch/x86/hvm/svm/svm.h>

#include <arch/x86/cpu/msr.h>

#define EFER_ALLOWED  (EFER_SCE | EFER_LME | EFER_NXE)
#define SEG_DPL_SHIFT 5
#define SEG_DPL_MASK  0x60

/* What is copied as it is, in either direction: struct hvm_state's name and the VMCB's. */
/* clang-format off */
#define REGISTERS(COPY) \
    COPY(cr0, cr0) COPY(cr2, cr2) COPY(cr3, cr3) COPY(dr6, dr6) COPY(dr7, dr7) COPY(pat, g_pat) \
    COPY(star, star) COPY(lstar, lstar) COPY(cstar, cstar) COPY(sfmask, sfmask) \
    COPY(kernel_gs_base, kernel_gs_base) COPY(sysenter_cs, sysenter_cs) COPY(sysenter_esp, sysenter_esp) \
    COPY(sysenter_eip, sysenter_eip)
#define GET_REGISTER(name, vmcb_name) out->name = vmcb->vmcb_name;
#define SET_REGISTER(name, vmcb_name) vmcb->vmcb_name = in->name;
#define GET_SEGMENT(name)             out->name = vmcb->name;
#define SET_SEGMENT(name)             vmcb->name = in->name;
/* clang-format on */

void svm_get_state(struct hvm_vcpu *v, struct hvm_state *out)
{
    const struct vmcb *vmcb = svm_vmcb(v);

    REGISTERS(GET_REGISTER)
    HVM_SEGMENTS(GET_SEGMENT)
    out->efer = vmcb->efer & ~EFER_SVME;
    out->cr4 = v->cr4;
    out->tsc_aux = v->tsc_aux;
    /* SYSRET leaves SS's hidden part, so its DPL can differ from the CPL, which set_state() takes from it. */
    out->ss.attributes = (u16)((out->ss.attributes & ~SEG_DPL_MASK) | vmcb->cpl << SEG_DPL_SHIFT);
}

void svm_set_state(struct hvm_vcpu *v, const struct hvm_state *in)
{
    struct vmcb *vmcb = svm_vmcb(v);
    bool long_mode = (in->efer & EFER_LME) && (in->cr0 & CR0_PG);

    REGISTERS(SET_REGISTER)
    HVM_SEGMENTS(SET_SEGMENT)
    vmcb->efer = (in->efer & EFER_ALLOWED) | EFER_SVME | (long_mode ? EFER_LMA : 0);
    v->cr4 = in->cr4;
    vmcb->cr4 = in->cr4 | CR4_MCE;
    v->tsc_aux = in->tsc_aux;
    vmcb->cr3 &= BIT(svm_features.maddr_bits) - 1;
    if (long_mode && (vmcb->cs.attributes & HVM_SEG_L))
        vmcb->cs.attributes &= (u16)~HVM_SEG_D;
    /* Real mode runs at privilege 0; otherwise SS's DPL is the privilege, in virtual 8086 mode as well. */
    vmcb->cpl = in->cr0 & CR0_PE ? (in->ss.attributes & SEG_DPL_MASK) >> SEG_DPL_SHIFT : 0;
    vmcb->clean = 0;
    v->asid_generation = 0; /* translations may have changed with CR4, EFER, PAT: a new ASID */
}
