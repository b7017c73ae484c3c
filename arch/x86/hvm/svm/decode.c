/*
 * The VMCB's exit code, APM2 appendix C → struct hvm_exit. The three hottest exits come first.
 *
 * What no layer above needs to decide is done here and reported as HVM_EXIT_INTERRUPT ("handled, go on"):
 * - Physical INTR, NMI, SMI, INIT: they are still pending (15.13.1-15.13.4) and are taken in a window opened
 *   here.
 * - #MC belongs to the host: its handler is called.
 * What only a CPU with SVM needs becomes an exception or nothing:
 * - #AC and #DB: a guest whose delivery of them raises them again would keep the CPU in microcode for ever
 *   (CVE-2015-5307, CVE-2015-8104). They are intercepted and given back to the guest; each round passes
 *   through here and opens the window as well, so that the host's timer gets through.
 * - INVD, WBINVD: nothing, because guests have no device that would see memory behind the caches' back, and
 *   INVD would throw away other domains' writes. RDPMC: #GP, as with CR4.PCE clear. FERR_FREEZE: #MF.
 */
#include <arch/x86/hvm/svm/svm.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>

#define TRAP_MF  16u
#define NO_ERROR (-1)

/* EXITINFO1 of IOIO, 15.10.2; of NPF, 15.25.6 */
#define IOIO_IN      BIT(0)
#define IOIO_STRING  BIT(2)
#define IOIO_SIZE(i) ((u8)((i) >> 4 & 7))
#define IOIO_PORT(i) ((u16)((i) >> 16))
#define NPF_PRESENT  BIT(0)
#define NPF_WRITE    BIT(1)
#define NPF_FETCH    BIT(4)
#define NPF_TABLES   BIT(33)

/* Takes all pending host interrupts. Their handlers only set flags for the run loop. */
static inline void open_interrupt_window(void)
{
    __asm__ volatile("sti\n\t"
                     "nop\n\t"
                     "cli"
                     :
                     :
                     : "memory");
}

/* Length of the instruction that exited. length: without prefixes, for CPUs that do not report it. */
static u32 insn_len(const struct vmcb *vmcb, u32 length)
{
    return svm_features.nrip ? (u32)(vmcb->nrip - vmcb->rip) : length;
}

static void decode_io(const struct vmcb *vmcb, struct hvm_exit *exit)
{
    u64 info = vmcb->exit_info1;

    exit->kind = HVM_EXIT_IO;
    exit->io.port = IOIO_PORT(info);
    exit->io.size = IOIO_SIZE(info); /* one of three bits: 1, 2 or 4 bytes */
    exit->io.in = info & IOIO_IN;
    exit->io.string = info & IOIO_STRING;
    exit->insn_len = (u32)(vmcb->exit_info2 - vmcb->rip);
}

static void decode_msr(const struct hvm_vcpu *v, const struct vmcb *vmcb, struct hvm_exit *exit)
{
    exit->kind = vmcb->exit_info1 ? HVM_EXIT_WRMSR : HVM_EXIT_RDMSR;
    exit->msr = (u32)v->regs.rcx;
    exit->value = v->regs.rdx << 32 | (u32)v->regs.rax;
    exit->insn_len = insn_len(vmcb, 2);
}

static void decode_cr4(const struct vmcb *vmcb, struct hvm_exit *exit)
{
    exit->kind = HVM_EXIT_CR4;
    exit->cr4.known = svm_features.assists && (vmcb->exit_info1 & SVM_CR_MOV);
    exit->cr4.write = vmcb->exit_code == SVM_EXIT_CR4_WRITE;
    exit->cr4.gpr = (u8)(vmcb->exit_info1 & SVM_CR_GPR);
    exit->insn_len = insn_len(vmcb, 0);
}

static void decode_exception(struct hvm_exit *exit, u8 vector, s32 error)
{
    exit->kind = HVM_EXIT_EXCEPTION;
    exit->exception.vector = vector;
    exit->exception.error = error;
}

static void decode_npf(const struct vmcb *vmcb, struct hvm_exit *exit)
{
    exit->kind = HVM_EXIT_NPF;
    exit->npf.gaddr = vmcb->exit_info2;
    exit->npf.present = vmcb->exit_info1 & NPF_PRESENT;
    exit->npf.write = vmcb->exit_info1 & NPF_WRITE;
    exit->npf.exec = vmcb->exit_info1 & NPF_FETCH;
    exit->npf.in_tables = vmcb->exit_info1 & NPF_TABLES;
    exit->npf.in_delivery = vmcb->exit_int_info & SVM_EVENT_VALID;
    exit->npf.nr_code = vmcb->fetched_len & 0xf; /* decode assists, 15.8.4 */
    exit->npf.code = vmcb->fetched;
}

/* All but the three hottest exits; a jump table costs more than three compares.
 * lint: long: one switch over the exit codes. */
static __attribute__((noinline)) void decode_others(struct hvm_vcpu *v, struct vmcb *vmcb,
                                                    struct hvm_exit *exit)
{
    exit->insn_len = 0;
    switch (vmcb->exit_code) {
    case SVM_EXIT_INTR:
    case SVM_EXIT_NMI:
    case SVM_EXIT_SMI:
    case SVM_EXIT_INIT:
        open_interrupt_window();
        exit->kind = HVM_EXIT_INTERRUPT;
        break;
    case SVM_EXIT_VINTR:
        svm_close_irq_window(v, vmcb);
        exit->kind = HVM_EXIT_IRQ_WINDOW;
        break;
    case SVM_EXIT_IRET:
        svm_leave_nmi(v, vmcb);
        exit->kind = HVM_EXIT_IRQ_WINDOW;
        break;
    case SVM_EXIT_HLT:
        exit->kind = HVM_EXIT_HLT;
        exit->insn_len = insn_len(vmcb, 1);
        /* The CPU delivers V_IRQ before it halts, but QEMU 7.2 sometimes forgets it until the next VMRUN. */
        if (unlikely(svm_irq_on_its_way(v, vmcb)) && (v->regs.rflags & RFLAGS_IF))
            exit->kind = HVM_EXIT_IGNORED;
        break;
    case SVM_EXIT_CR4_READ:
    case SVM_EXIT_CR4_WRITE:
        decode_cr4(vmcb, exit);
        break;
    case SVM_EXIT_MSR:
        decode_msr(v, vmcb, exit);
        break;
    case SVM_EXIT_NPF:
        decode_npf(vmcb, exit);
        break;
    case SVM_EXIT_SHUTDOWN:
        exit->kind = HVM_EXIT_SHUTDOWN;
        break;
    case SVM_EXIT_XSETBV: /* CPUID offers neither XSAVE nor RDTSCP */
    case SVM_EXIT_RDTSCP:
    case SVM_EXIT_RSM:
    case SVM_EXIT_INVLPGA:
    case SVM_EXIT_VMRUN:
    case SVM_EXIT_VMLOAD:
    case SVM_EXIT_VMSAVE:
    case SVM_EXIT_STGI:
    case SVM_EXIT_CLGI:
    case SVM_EXIT_SKINIT:
    case SVM_EXIT_MONITOR:
    case SVM_EXIT_MWAIT:
    case SVM_EXIT_MWAIT_ARMED:
    case SVM_EXIT_RDPRU:
        exit->kind = HVM_EXIT_FORBIDDEN;
        break;
    case SVM_EXIT_EXCP_BASE + TRAP_DB:
        decode_exception(exit, TRAP_DB, NO_ERROR);
        open_interrupt_window();
        break;
    case SVM_EXIT_EXCP_BASE + TRAP_AC:
        decode_exception(exit, TRAP_AC, 0);
        open_interrupt_window();
        break;
    case SVM_EXIT_EXCP_BASE + TRAP_MC:
        exit->kind = HVM_EXIT_INTERRUPT;
        __asm__ volatile("int %0" : : "i"(TRAP_MC) : "memory");
        break;
    case SVM_EXIT_RDPMC:
        decode_exception(exit, TRAP_GP, 0);
        break;
    case SVM_EXIT_FERR_FREEZE:
        decode_exception(exit, TRAP_MF, NO_ERROR);
        break;
    case SVM_EXIT_INVD:
    case SVM_EXIT_WBINVD:
        exit->kind = HVM_EXIT_IGNORED;
        exit->insn_len = insn_len(vmcb, 2);
        break;
    default:
        exit->kind = vmcb->exit_code == SVM_EXIT_INVALID ? HVM_EXIT_INVALID : HVM_EXIT_UNKNOWN;
    }
}

static inline u32 kernel_bits(const struct vmcb *vmcb)
{
    if (unlikely(vmcb->cpl))
        return 0;
    if (unlikely(!(vmcb->efer & EFER_LMA)) || unlikely(!(vmcb->cs.attributes & HVM_SEG_L)))
        return 32;
    return 64;
}

void svm_decode_exit(struct hvm_vcpu *v, struct vmcb *vmcb, struct hvm_exit *exit)
{
    u32 code = vmcb->exit_code;

    v->exit_code_raw = code;
    if (likely(code == SVM_EXIT_VMMCALL)) {
        exit->kind = HVM_EXIT_HYPERCALL;
        exit->insn_len = insn_len(vmcb, 3);
        exit->kernel_bits = kernel_bits(vmcb);
    } else if (code == SVM_EXIT_CPUID) {
        exit->kind = HVM_EXIT_CPUID;
        exit->insn_len = insn_len(vmcb, 2);
    } else if (code == SVM_EXIT_IOIO) {
        decode_io(vmcb, exit);
    } else {
        decode_others(v, vmcb, exit);
    }
}
