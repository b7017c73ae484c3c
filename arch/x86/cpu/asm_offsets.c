/*
 * Compiled to assembly only: the Makefile turns each line below into a %define of asm_offsets.inc, so that
 * no struct offset is ever typed into an assembly file.
 */
#include <arch/x86/cpu/percpu.h>
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
    OFFSET(CPU_HOST_VMCB, struct cpu, host_vmcb_maddr)
#if __has_include(<arch/x86/hvm/svm/offsets.h>)
#include <arch/x86/hvm/svm/offsets.h>
#endif
}
