/*
 * AMD's secure virtual machine with nested paging: enabling it, the initial VMCB, and the run path.
 *
 * Run path budget: 100 instructions from run() to its return for a hypercall, svm_enter() included; no lock,
 * no cache line but the VMCB's, the vCPU's and this CPU's. Only rax, rsp, rip and rflags are copied, and VMCB
 * clean bits let the CPU keep the rest. Old translations: tlb_tag.h.
 */
#include <arch/x86/hvm/svm/svm.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/spec_ctrl_enter.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/guest_msr.h>
#include <arch/x86/hvm/tlb_tag.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define CPUID_SVM_LEAF     0x8000000au
#define CPUID_SVM          BIT(2)  /* 0x80000001 ECX */
#define CPUID_PAGE1GB      BIT(26) /* 0x80000001 EDX */
#define CPUID_NESTED_PAGES BIT(0)  /* 0x8000000A EDX */
#define CPUID_NRIP_SAVE    BIT(3)
#define CPUID_ASSISTS      BIT(7)
#define CPUID_RDPRU        BIT(4)  /* 0x80000008 EBX */
#define CPUID_RDTSCP       BIT(27) /* 0x80000001 EDX */
#define VM_CR_LOCK         BIT(3)

/* hvm_page_maddr[] of a CPU: VM_HSAVE_PA's; the host's FS, GS, TR, LDTR and system-call MSRs for VMLOAD. */
enum { HSAVE_PAGE, VMSAVE_PAGE };

#define IOPM_BYTES  (3 * PAGE_SIZE) /* 64 Ki ports and three bits more */
#define MSRPM_BYTES (2 * PAGE_SIZE) /* two bits per MSR: read, write */

struct svm_features svm_features;

/* [I] One set for all guests: every port exits, and every MSR except those that VMLOAD and VMSAVE switch. */
static u8 iopm[IOPM_BYTES] ALIGNED(PAGE_SIZE);
static u8 msrpm[MSRPM_BYTES] ALIGNED(PAGE_SIZE);

/* Where an MSR's two bits are: ranges 0, 0xc0000000, 0xc0010000 of 0x2000 each (15.11). */
static void allow_msr(u32 msr)
{
    u32 slot = (msr >= 0xc0000000u ? 0x2000u : 0) + (msr & 0x1fffu);

    msrpm[slot / 4] &= (u8) ~(3u << slot % 4 * 2);
}

static void fill_permission_maps(void)
{
    memset(iopm, 0xff, sizeof(iopm));
    memset(msrpm, 0xff, sizeof(msrpm));
    for (u32 i = 0; i < HVM_DIRECT_MSRS; i++)
        allow_msr(hvm_direct_msrs[i]);
}

static bool svm_probe(const char **why)
{
    *why = "the CPU has no SVM";
    if (cpuid(0x80000000u, 0).eax < CPUID_SVM_LEAF || !(cpuid(0x80000001u, 0).ecx & CPUID_SVM))
        return false;
    struct cpuid_leaf leaf = cpuid(CPUID_SVM_LEAF, 0);
    *why = "the CPU's SVM has no nested paging";
    if (!(leaf.edx & CPUID_NESTED_PAGES))
        return false;
    *why = "the firmware has disabled SVM and locked it (VM_CR.SVMDIS)";
    if ((rdmsr(MSR_VM_CR) & (VM_CR_SVMDIS | VM_CR_LOCK)) == (VM_CR_SVMDIS | VM_CR_LOCK))
        return false;
    *why = "the CPU's SVM has fewer than two address space identifiers";
    if (leaf.ebx < 2)
        return false;

    *why = NULL;
    svm_features.nrip = leaf.edx & CPUID_NRIP_SAVE;
    svm_features.assists = svm_features.nrip && (leaf.edx & CPUID_ASSISTS);
    svm_features.maddr_bits = cpuid(0x80000008u, 0).eax & 0xff;
    svm_features.rdpru = cpuid(0x80000008u, 0).ebx & CPUID_RDPRU;
    np_largest_order = cpuid(0x80000001u, 0).edx & CPUID_PAGE1GB ? ORDER_1G : ORDER_2M;
    fill_permission_maps();
    return true;
}

/* FXSAVE must include SSE. Registers beyond need CR4.OSXSAVE, which no guest can set: guest_cr.c. */
static void enable_fpu(void)
{
    write_cr0((read_cr0() & ~(CR0_TS | CR0_EM)) | CR0_MP);
    write_cr4(read_cr4() | CR4_OSFXSR);
}

static int svm_cpu_enable(void)
{
    struct cpu *cpu = this_cpu();

    if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
        wrmsr(MSR_VM_CR, rdmsr(MSR_VM_CR) & ~VM_CR_SVMDIS); /* not locked: svm_probe() */
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    if (!(rdmsr(MSR_EFER) & EFER_SVME))
        return -ENODEV;
    enable_fpu();
    if (cpuid(0x80000001u, 0).edx & CPUID_RDTSCP)
        wrmsr(MSR_TSC_AUX,
              0); /* a guest that reads it in spite of CPUID learns nothing, as RDPID cannot exit */

    wrmsr(MSR_VM_HSAVE_PA, cpu->hvm_page_maddr[HSAVE_PAGE]);
    __asm__ volatile("vmsave %%rax" : : "a"(cpu->hvm_page_maddr[VMSAVE_PAGE]) : "memory");

    cpu->asid_max = cpuid(CPUID_SVM_LEAF, 0).ebx - 1; /* 0 is the host's */
    cpu->asid_next = 1;
    cpu->asid_generation = 1;
    return 0;
}

/* Linux uses VMMCALL for these two vendors and VMCALL for all others, so a guest must see one of them even on
 * an emulated CPU that calls itself something else. */
static struct cpuid_leaf svm_cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf out = cpuid(leaf, subleaf);
    u32 vendor[3] = {out.ebx, out.edx, out.ecx};

    if (leaf == 0 && memcmp(vendor, "HygonGenuine", sizeof(vendor)) != 0) {
        memcpy(vendor, "AuthenticAMD", sizeof(vendor));
        out.ebx = vendor[0];
        out.edx = vendor[1];
        out.ecx = vendor[2];
    }
    return out;
}

/* Reset values the guest's owner may replace with set_state(): APM2 14.1.3. */
static void svm_vcpu_init(struct hvm_vcpu *v)
{
    struct vmcb *vmcb = svm_vmcb(v);

    vmcb->intercept_cr = SVM_INTERCEPT_CR4;
    vmcb->intercept_exceptions = (u32)(BIT(TRAP_DB) | BIT(TRAP_AC) | BIT(TRAP_MC));
    vmcb->intercept_misc1 = SVM_INTERCEPT(INTR) | SVM_INTERCEPT(NMI) | SVM_INTERCEPT(SMI) |
                            SVM_INTERCEPT(INIT) | SVM_INTERCEPT(RDPMC) | SVM_INTERCEPT(CPUID) |
                            SVM_INTERCEPT(RSM) | SVM_INTERCEPT(INVD) | SVM_INTERCEPT(HLT) |
                            SVM_INTERCEPT(INVLPGA) | SVM_INTERCEPT(IOIO) | SVM_INTERCEPT(MSR) |
                            SVM_INTERCEPT(FERR_FREEZE) | SVM_INTERCEPT(SHUTDOWN);
    vmcb->intercept_misc2 = SVM_INTERCEPT(VMRUN) | SVM_INTERCEPT(VMMCALL) | SVM_INTERCEPT(VMLOAD) |
                            SVM_INTERCEPT(VMSAVE) | SVM_INTERCEPT(STGI) | SVM_INTERCEPT(CLGI) |
                            SVM_INTERCEPT(SKINIT) | SVM_INTERCEPT(RDTSCP) | SVM_INTERCEPT(WBINVD) |
                            SVM_INTERCEPT(MONITOR) | SVM_INTERCEPT(MWAIT) | SVM_INTERCEPT(XSETBV) |
                            (svm_features.rdpru ? SVM_INTERCEPT(RDPRU) : 0);
    vmcb->iopm_base_pa = image_to_maddr(iopm);
    vmcb->msrpm_base_pa = image_to_maddr(msrpm);
    vmcb->v_intr = SVM_V_INTR_MASKING;
    vmcb->nested_ctl = SVM_NP_ENABLE;
    vmcb->n_cr3 = v->np->root_maddr;
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = CR0_ET;
    vmcb->cr4 = CR4_MCE;
    vmcb->dr6 = HVM_DR6_RESET;
    vmcb->dr7 = HVM_DR7_RESET;
    vmcb->rflags = RFLAGS_RESERVED1;
    vmcb->g_pat = HVM_PAT_RESET;
    vmcb->clean = 0;

    v->regs.rflags = RFLAGS_RESERVED1;
    v->cr4 = 0;
    v->last_cpu = NULL;
    v->asid_generation = 0;
    v->in_irq_window = false;
}

/* No TLB entry of this vCPU matches any more. */
static void take_asid(struct hvm_vcpu *v, struct cpu *cpu, struct vmcb *vmcb, u64 np_generation)
{
    u32 due = hvm_tlb_renew(v, cpu, np_generation);

    if (due & HVM_TLB_ALL_TAGS)
        vmcb->tlb_control = SVM_TLB_FLUSH_ALL;
    vmcb->guest_asid = v->asid;
    vmcb->clean &= ~(u32)SVM_CLEAN_ASID;
    if (due & HVM_TLB_MOVED) {                       /* this CPU has no valid cached copy of the VMCB */
        vmcb->tsc_offset = 0 - (u64)cpu->tsc_offset; /* the guest sees the same TSC on every CPU */
        vmcb->clean = 0;
    }
}

/* Not inlined: a CPU that needs no measures then pays for two instructions. */
static __attribute__((noinline)) void svm_with_measures(struct hvm_vcpu *v, struct cpu *cpu)
{
    u64 vmsave_maddr = cpu->hvm_page_maddr[VMSAVE_PAGE];

    svm_enter_guarded(v, vmsave_maddr, spec_ctrl_enter(&cpu->last_domain, v->domain_serial, !v->domid));
}

static void svm_run(struct hvm_vcpu *v, struct hvm_exit *exit)
{
    struct vmcb *vmcb = svm_vmcb(v);
    struct cpu *cpu = this_cpu();
    u64 np_generation = hvm_tlb_generation(v);

    if (unlikely(!hvm_tlb_valid(v, cpu, np_generation)))
        take_asid(v, cpu, vmcb, np_generation);

    vmcb->rax = v->regs.rax;
    vmcb->rsp = v->regs.rsp;
    vmcb->rip = v->regs.rip;
    vmcb->rflags = v->regs.rflags;
    cpu->guest = v; /* for the NMI handler, which reports what this CPU does */
    cpu->in_guest = true;
    if (likely(!spec_ctrl_needed()))
        svm_enter(v, cpu->hvm_page_maddr[VMSAVE_PAGE]);
    else
        svm_with_measures(v, cpu);
    cpu->in_guest = false;
    v->regs.rax = vmcb->rax;
    v->regs.rsp = vmcb->rsp;
    v->regs.rip = vmcb->rip;
    v->regs.rflags = vmcb->rflags;

    vmcb->clean = SVM_CLEAN_ALL;
    vmcb->tlb_control = SVM_TLB_KEEP;
    vmcb->event_inj = 0;
    if (unlikely(vmcb->exit_int_info & SVM_EVENT_VALID))
        svm_requeue_event(v, vmcb);
    svm_decode_exit(v, vmcb, exit);
}

static bool svm_long_mode_cs(struct hvm_vcpu *v)
{
    const struct vmcb *vmcb = svm_vmcb(v);

    return (vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & HVM_SEG_L);
}

static void svm_skip(struct hvm_vcpu *v, u32 len)
{
    u64 rip = v->regs.rip + len;

    v->regs.rip = svm_long_mode_cs(v) ? rip : (u32)rip;
    svm_vmcb(v)->interrupt_state &= ~SVM_INTERRUPT_SHADOW;
}

static u32 svm_cpl(struct hvm_vcpu *v)
{
    return svm_vmcb(v)->cpl;
}

static bool svm_paging_state(struct hvm_vcpu *v, struct hvm_paging *state)
{
    const struct vmcb *vmcb = svm_vmcb(v);

    if (likely(vmcb->cr3 == state->cr3) && likely(vmcb->cr0 == state->cr0) && likely(v->cr4 == state->cr4) &&
        likely(!((vmcb->efer ^ state->efer) & ~EFER_SVME)))
        return false;
    *state = (struct hvm_paging){
        .cr0 = vmcb->cr0, .cr3 = vmcb->cr3, .cr4 = v->cr4, .efer = vmcb->efer & ~EFER_SVME};
    return true;
}

const struct hvm_ops svm_ops = {
    .name = "AMD SVM with nested paging",
    .make = HVM_AMD,
    .hypercall_insn = {0x0f, 0x01, 0xd9}, /* VMMCALL */
    .probe = svm_probe,
    .cpu_enable = svm_cpu_enable,
    .cpuid = svm_cpuid,
    .vcpu_init = svm_vcpu_init,
    .get_state = svm_get_state,
    .set_state = svm_set_state,
    .run = svm_run,
    .can_inject_irq = svm_can_inject_irq,
    .inject_irq = svm_inject_irq,
    .request_irq_window = svm_request_irq_window,
    .inject_nmi = svm_inject_nmi,
    .reset_events = svm_reset_events,
    .get_cr8 = svm_get_cr8,
    .set_cr8 = svm_set_cr8,
    .inject_exception = svm_inject_exception,
    .cpl = svm_cpl,
    .long_mode_cs = svm_long_mode_cs,
    .paging_state = svm_paging_state,
    .skip = svm_skip,
};
