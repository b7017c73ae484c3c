#include <tests/machine/vmrun.h>

#include <arch/x86/cpu/msr.h>

#define IOPM_BYTES  (3 * PAGE_SIZE)
#define MSRPM_BYTES (2 * PAGE_SIZE)
#define VECTOR_NMI  2u
#define VECTORS     32u /* of exceptions */

static bool beyond(u64 maddr, const struct vmrun_cpu *cpu)
{
    return maddr >> cpu->maddr_bits;
}

/* 15.20 */
static const char *refused_event(u64 event)
{
    u64 type = event & SVM_EVENT_TYPE_MASK, vector = event & SVM_EVENT_VECTOR;

    if (!(event & SVM_EVENT_VALID))
        return NULL;
    if (type != SVM_EVENT_TYPE_INTR && type != SVM_EVENT_TYPE_NMI && type != SVM_EVENT_TYPE_EXCP &&
        type != SVM_EVENT_TYPE_SOFT)
        return "EVENTINJ: reserved type";
    if (type == SVM_EVENT_TYPE_EXCP && (vector == VECTOR_NMI || vector >= VECTORS))
        return "EVENTINJ: the vector is no exception's";
    return NULL;
}

/* 15.25.3: each byte one of UC, WC, WT, WP, WB, UC-. */
static bool pat_refused(u64 pat)
{
    for (u32 i = 0; i < 8; i++, pat >>= 8)
        if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
            return true;
    return false;
}

/* lint: long: one rule a line. */
const char *vmrun_refusal(const struct vmcb *vmcb, const struct vmrun_cpu *cpu)
{
    bool long_mode = (vmcb->efer & EFER_LME) && (vmcb->cr0 & CR0_PG);

    if (!(vmcb->efer & EFER_SVME))
        return "EFER.SVME is clear";
    if (!(vmcb->cr0 & CR0_CD) && (vmcb->cr0 & CR0_NW))
        return "CR0.CD is clear and CR0.NW set";
    if (vmcb->cr0 >> 32)
        return "CR0: bits 63:32";
    if (vmcb->cr3 >> 52 || beyond(vmcb->cr3, cpu))
        return "CR3: bits that must be zero";
    if (vmcb->cr4 & ~cpu->cr4)
        return "CR4: bits that must be zero";
    if (vmcb->dr6 >> 32)
        return "DR6: bits 63:32";
    if (vmcb->dr7 >> 32)
        return "DR7: bits 63:32";
    if (vmcb->efer & ~cpu->efer)
        return "EFER: bits that must be zero";
    if (long_mode && !(vmcb->cr4 & CR4_PAE))
        return "EFER.LME and CR0.PG are set and CR4.PAE clear";
    if (long_mode && !(vmcb->cr0 & CR0_PE))
        return "EFER.LME and CR0.PG are set and CR0.PE clear";
    if (long_mode && (vmcb->cs.attributes & HVM_SEG_L) && (vmcb->cs.attributes & HVM_SEG_D))
        return "EFER.LME, CR0.PG, CR4.PAE, CS.L and CS.D are all set";
    if ((vmcb->cr4 & CR4_CET) && !(vmcb->cr0 & CR0_WP))
        return "CR4.CET is set and CR0.WP clear";
    if (!(vmcb->intercept_misc2 & SVM_INTERCEPT(VMRUN)))
        return "VMRUN is not intercepted";
    if (beyond(vmcb->iopm_base_pa + IOPM_BYTES - 1, cpu) ||
        beyond(vmcb->msrpm_base_pa + MSRPM_BYTES - 1, cpu))
        return "a permission map is beyond the CPU's physical addresses";
    if (!vmcb->guest_asid || vmcb->guest_asid > cpu->asid_max)
        return "ASID 0, or one that the CPU has not";
    if (vmcb->nested_ctl & SVM_NP_ENABLE) {
        if (vmcb->n_cr3 >> 52 || beyond(vmcb->n_cr3, cpu))
            return "nCR3: bits that must be zero";
        if (pat_refused(vmcb->g_pat))
            return "G_PAT: unsupported type";
    }
    return refused_event(vmcb->event_inj);
}
