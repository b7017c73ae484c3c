/* What an Intel CPU has cached of guests' translations, and when it is dropped: tlb_tag.h says what is due. */
#ifndef VMX_FLUSH_H
#define VMX_FLUSH_H

#include <homestead/types.h>

struct cpu;
struct hvm_vcpu;

/* Before each entry of v on this CPU. Drops what v must not see any more. Returns 0, as nearly always: v->asid and
 * v->last_cpu are as at the last entry; or a set of enum hvm_tlb_due, and bit 31: v->asid is new, so the VPID is to be
 * written. */
#define VMX_NEW_VPID BIT(31)
u32 vmx_flush_stale(struct hvm_vcpu *v, struct cpu *cpu);
/* Once on each CPU, after VMXON: translations that whoever used VMX before has left. */
void vmx_flush_all(void);

/* The instructions, invalidate.c; host tests supply caches instead. A failure is a panic: the operands are Homestead's. */
void vmx_invept(u64 type, u64 ept_pointer);
void vmx_invvpid(u64 type, u16 vpid, u64 linear_address);

#endif
