/*
 * The VMCS's exit reason, SDM 3C appendix C → struct hvm_exit. The three hottest exits come first; for them only the
 * length of the instruction is read. See svm/decode.c for what both vendors do the same way.
 *
 * What no layer above needs to decide is done here and reported as HVM_EXIT_INTERRUPT ("handled, go on"):
 * - An NMI that ended the guest has been taken from the CPU, which blocks further ones until an IRET: its handler is called
 *   by INT 2. #MC likewise.
 * - CR8, which is virtual, and CR0: state.c.
 * - A physical interrupt, and the end of the time slice: vmx_run() opens a window after every exit.
 * #DB changes neither DR6 nor DR7 when it exits: done here, then it is given back to the guest.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/vmx/ept.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <lib/log.h>

#define NO_ERROR (-1)

/* Exit qualifications, 28.2.1: of CR accesses, I/O instructions, #DB, task switches */
#define CR_NUMBER(q)       ((q)&0xf)
#define CR_TYPE(q)         ((q) >> 4 & 3)
#define CR_GPR(q)          ((u8)((q) >> 8 & 0xf))
#define CR_WRITE           0u
#define IO_SIZE(q)         ((u8)(((q)&7) + 1))
#define IO_IN              BIT(3)
#define IO_STRING          BIT(4)
#define IO_PORT(q)         ((u16)((q) >> 16))
#define DB_DR6             0x600full
#define TASK_SWITCH_BY(q)  ((q) >> 30 & 3)
#define EPT_NMI_UNBLOCKED  BIT(12)
#define PHYSICAL_BITS_LEAF 0x80000008u

static u32 insn_len(void)
{
    return (u32)vmread(VMCS_INSTRUCTION_LENGTH);
}

static void decode_io(struct hvm_exit *exit)
{
    u64 q = vmread(VMCS_QUALIFICATION);

    exit->kind = HVM_EXIT_IO;
    exit->io.port = IO_PORT(q);
    exit->io.size = IO_SIZE(q);
    exit->io.in = q & IO_IN;
    exit->io.string = q & IO_STRING;
    exit->insn_len = insn_len();
}

static void decode_msr(const struct hvm_vcpu *v, bool write, struct hvm_exit *exit)
{
    exit->kind = write ? HVM_EXIT_WRMSR : HVM_EXIT_RDMSR;
    exit->msr = (u32)v->regs.rcx;
    exit->value = v->regs.rdx << 32 | (u32)v->regs.rax;
    exit->insn_len = insn_len();
}

static void decode_exception(struct hvm_exit *exit, u8 vector, s32 error)
{
    exit->kind = HVM_EXIT_EXCEPTION;
    exit->exception.vector = vector;
    exit->exception.error = error;
}

/* There is no CR8 outside 64-bit mode. */
static void access_cr8(struct hvm_vcpu *v, u64 q, struct hvm_exit *exit)
{
    u64 *gpr = &v->regs.gpr[CR_GPR(q)];

    exit->kind = HVM_EXIT_IGNORED;
    exit->insn_len = insn_len();
    if (CR_TYPE(q) != CR_WRITE)
        *gpr = vmx_get_cr8(v);
    else if (*gpr >> 4)
        decode_exception(exit, TRAP_GP, 0);
    else
        vmx_set_cr8(v, (u32)*gpr);
}

static bool cr0_faults(u64 value)
{
    return ((value & CR0_NW) && !(value & CR0_CD)) || ((value & CR0_PG) && !(value & CR0_PE));
}

/* CD or NW changes, NE too perhaps. On a CPU that loads the entries of PAE paging, unless it refuses the value. */
static void decode_cr0(struct hvm_vcpu *v, u64 value, struct hvm_exit *exit)
{
    if (cr0_faults(value)) {
        decode_exception(exit, TRAP_GP, 0);
    } else if (vmx_pae_paging(v, value)) {
        exit->kind = HVM_EXIT_PDPTES;
        exit->pdptes.by_cr0 = true;
        exit->pdptes.cr0 = value;
    } else {
        exit->kind = HVM_EXIT_INTERRUPT;
        vmx_write_cr0(v, value);
    }
}

static void decode_cr(struct hvm_vcpu *v, struct hvm_exit *exit)
{
    u64 q = vmread(VMCS_QUALIFICATION);

    exit->kind = HVM_EXIT_UNKNOWN;
    switch (CR_NUMBER(q)) {
    case 0:
        if (CR_TYPE(q) != CR_WRITE) /* CLTS and LMSW change no bit that exits */
            break;
        decode_cr0(v, v->regs.gpr[CR_GPR(q)], exit);
        break;
    case 4:
        exit->kind = HVM_EXIT_CR4;
        exit->cr4.known = true;
        exit->cr4.write = CR_TYPE(q) == CR_WRITE;
        exit->cr4.gpr = CR_GPR(q);
        exit->insn_len = insn_len();
        break;
    case 8:
        access_cr8(v, q, exit);
        break;
    }
}

static void note_debug_exception(struct hvm_vcpu *v, u32 event)
{
    struct hvm_state s;

    if ((event & VMX_EVENT_TYPE_MASK) == VMX_EVENT_TYPE_INT1) { /* a trap, but RIP still points to it */
        v->regs.rip += insn_len();
        return;
    }
    vmx_get_state(v, &s);
    s.dr6 = (s.dr6 & ~0xfull) | (vmread(VMCS_QUALIFICATION) & DB_DR6);
    s.dr7 &= ~DR7_GD;
    vmx_set_state(v, &s);
}

static void decode_event(struct hvm_vcpu *v, bool in_delivery, struct hvm_exit *exit)
{
    u32 event = (u32)vmread(VMCS_EXIT_EVENT);

    exit->kind = HVM_EXIT_INTERRUPT;
    if ((event & VMX_EVENT_TYPE_MASK) == VMX_EVENT_TYPE_NMI) {
        __asm__ volatile("int %0" : : "i"(TRAP_NMI) : "memory");
        return;
    }
    if ((event & VMX_EVENT_NMI_UNBLOCKED) && !in_delivery)
        v->vmx.interruptibility |= VMX_BLOCKED_BY_NMI;
    switch (event & VMX_EVENT_VECTOR) {
    case TRAP_DB:
        note_debug_exception(v, event);
        decode_exception(exit, TRAP_DB, NO_ERROR);
        break;
    case TRAP_AC:
        decode_exception(exit, TRAP_AC, 0);
        break;
    case TRAP_MC:
        __asm__ volatile("int %0" : : "i"(TRAP_MC) : "memory");
        break;
    default:
        exit->kind = HVM_EXIT_UNKNOWN;
    }
}

static void decode_ept_violation(struct hvm_vcpu *v, bool in_delivery, struct hvm_exit *exit)
{
    u64 q = vmread(VMCS_QUALIFICATION);

    if ((q & EPT_NMI_UNBLOCKED) && !in_delivery)
        v->vmx.interruptibility |= VMX_BLOCKED_BY_NMI;
    ept_decode_violation(q, vmread(VMCS_GUEST_PHYSICAL_ADDRESS), in_delivery, exit);
}

static void report_misconfiguration(const struct hvm_vcpu *v)
{
    char text[160];

    ept_explain_misconfiguration(v->np, vmread(VMCS_GUEST_PHYSICAL_ADDRESS),
                                 cpuid(PHYSICAL_BITS_LEAF, 0).eax & 0xff, text, sizeof(text));
    log_error("d%uv%u: EPT misconfiguration: %s\n", v->domid, v->vcpu_id, text);
}

static void report_task_switch(const struct hvm_vcpu *v, u64 q)
{
    static const char *const by[] = {"a far CALL", "IRET", "a far JMP", "a task gate"};

    log_error("d%uv%u: a hardware task switch by %s to selector 0x%x is not emulated on Intel\n", v->domid,
              v->vcpu_id, by[TASK_SWITCH_BY(q)], (u16)q);
}

static bool is_vmx_instruction(u32 reason)
{
    return (reason >= VMX_EXIT_VMCLEAR && reason <= VMX_EXIT_VMXON) || reason == VMX_EXIT_INVEPT ||
           reason == VMX_EXIT_INVVPID || reason == VMX_EXIT_VMFUNC;
}

/* All but the three hottest exits.
 * lint: long: one switch over the exit reasons. */
static __attribute__((noinline)) void decode_others(struct hvm_vcpu *v, u32 reason, struct hvm_exit *exit)
{
    bool in_delivery = vmx_requeue_event(v);

    exit->insn_len = 0;
    switch (reason) {
    case VMX_EXIT_EXCEPTION_OR_NMI:
        decode_event(v, in_delivery, exit);
        break;
    case VMX_EXIT_EXTERNAL_INTERRUPT:
    case VMX_EXIT_PREEMPTION_TIMER:
    case VMX_EXIT_INIT:
    case VMX_EXIT_SIPI:
        exit->kind = HVM_EXIT_INTERRUPT;
        break;
    case VMX_EXIT_INTERRUPT_WINDOW:
        vmx_close_irq_window(v);
        exit->kind = HVM_EXIT_IRQ_WINDOW;
        break;
    case VMX_EXIT_NMI_WINDOW:
        v->vmx.nmi_window = false;
        exit->kind = HVM_EXIT_IRQ_WINDOW;
        break;
    case VMX_EXIT_HLT:
        exit->kind = HVM_EXIT_HLT;
        exit->insn_len = insn_len();
        break;
    case VMX_EXIT_CR_ACCESS:
        decode_cr(v, exit);
        break;
    case VMX_EXIT_RDMSR:
    case VMX_EXIT_WRMSR:
        decode_msr(v, reason == VMX_EXIT_WRMSR, exit);
        break;
    case VMX_EXIT_EPT_VIOLATION:
        decode_ept_violation(v, in_delivery, exit);
        break;
    case VMX_EXIT_TRIPLE_FAULT:
        exit->kind = HVM_EXIT_SHUTDOWN;
        break;
    case VMX_EXIT_RDPMC:
        decode_exception(exit, TRAP_GP, 0);
        break;
    case VMX_EXIT_INVD:
    case VMX_EXIT_WBINVD:
        exit->kind = HVM_EXIT_IGNORED;
        exit->insn_len = insn_len();
        break;
    case VMX_EXIT_GETSEC:
    case VMX_EXIT_RSM:
    case VMX_EXIT_MWAIT:
    case VMX_EXIT_MONITOR:
    case VMX_EXIT_RDTSCP:
    case VMX_EXIT_XSETBV:
    case VMX_EXIT_INVPCID:
    case VMX_EXIT_ENCLS:
    case VMX_EXIT_XSAVES:
    case VMX_EXIT_XRSTORS:
        exit->kind = HVM_EXIT_FORBIDDEN;
        break;
    case VMX_EXIT_EPT_MISCONFIGURATION:
        report_misconfiguration(v);
        exit->kind = HVM_EXIT_UNKNOWN;
        break;
    case VMX_EXIT_TASK_SWITCH: /* AMD's CPUs make it themselves */
        report_task_switch(v, vmread(VMCS_QUALIFICATION));
        exit->kind = HVM_EXIT_UNKNOWN;
        break;
    default:
        exit->kind = is_vmx_instruction(reason) ? HVM_EXIT_FORBIDDEN : HVM_EXIT_UNKNOWN;
    }
}

void vmx_decode_exit(struct hvm_vcpu *v, u32 reason, struct hvm_exit *exit)
{
    v->exit_code_raw = reason;
    if (likely(reason == VMX_EXIT_VMCALL)) {
        exit->kind = HVM_EXIT_HYPERCALL;
        exit->insn_len = insn_len();
        exit->kernel_bits = vmx_cpl(v) ? 0 : vmx_long_mode_cs(v) ? 64 : 32;
    } else if (reason == VMX_EXIT_CPUID) {
        exit->kind = HVM_EXIT_CPUID;
        exit->insn_len = insn_len();
    } else if (reason == VMX_EXIT_IO) {
        decode_io(exit);
    } else {
        decode_others(v, reason, exit);
    }
}
