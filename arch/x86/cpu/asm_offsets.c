/*
 * Compiled to assembly only: the Makefile turns each line below into a %define of asm_offsets.inc, so that
 * no struct offset is ever typed into an assembly file.
 */
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/spec_ctrl_enter.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/hvm.h>

#define DEFINE(name, value)        __asm__ volatile("# @@ " #name " %0" : : "i"(value))
#define OFFSET(name, type, member) DEFINE(name, offsetof(type, member));

void asm_offsets(void);
void asm_offsets(void)
{
    DEFINE(TRAP_FRAME_SKIP, offsetof(struct trap_frame, rip) - offsetof(struct trap_frame, vector));
    OFFSET(CPU_SELF, struct cpu, self)
    OFFSET(CPU_STACK_TOP, struct cpu, stack_top)
    OFFSET(HVM_RAX, struct hvm_vcpu, regs.rax)
    OFFSET(HVM_RBX, struct hvm_vcpu, regs.rbx)
    OFFSET(HVM_RCX, struct hvm_vcpu, regs.rcx)
    OFFSET(HVM_RDX, struct hvm_vcpu, regs.rdx)
    OFFSET(HVM_RSI, struct hvm_vcpu, regs.rsi)
    OFFSET(HVM_RDI, struct hvm_vcpu, regs.rdi)
    OFFSET(HVM_RBP, struct hvm_vcpu, regs.rbp)
    OFFSET(HVM_R8, struct hvm_vcpu, regs.r8)
    OFFSET(HVM_R9, struct hvm_vcpu, regs.r9)
    OFFSET(HVM_R10, struct hvm_vcpu, regs.r10)
    OFFSET(HVM_R11, struct hvm_vcpu, regs.r11)
    OFFSET(HVM_R12, struct hvm_vcpu, regs.r12)
    OFFSET(HVM_R13, struct hvm_vcpu, regs.r13)
    OFFSET(HVM_R14, struct hvm_vcpu, regs.r14)
    OFFSET(HVM_R15, struct hvm_vcpu, regs.r15)
    OFFSET(HVM_CONTROL_MADDR, struct hvm_vcpu, control_maddr)
    OFFSET(SPEC_CTRL_HOST, struct spec_ctrl_values, host)
    DEFINE(DO_IBRS, DO_IBRS);
    DEFINE(DO_IBPB_ENTRY, DO_IBPB_ENTRY);
    DEFINE(DO_RSB, DO_RSB);
    DEFINE(DO_PBRSB, DO_PBRSB);
    DEFINE(MSR_IA32_SPEC_CTRL, MSR_IA32_SPEC_CTRL);
    DEFINE(MSR_IA32_PRED_CMD, MSR_IA32_PRED_CMD);
    OFFSET(VMX_HOST_RSP, struct hvm_vcpu, vmx.host_rsp)
    OFFSET(VMX_LAUNCHED, struct hvm_vcpu, vmx.launched)
}
