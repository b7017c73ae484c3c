/*
 * Which values CR0, CR4 and EFER may have in a guest. A bit that switches on something that the
 * domain's CPU policy does not offer cannot be set: behind it are registers that Homestead does not switch between vCPUs (PKRU, XCR0 and
 * YMM, CET's), and modes that it does not know. Plain C over hvm_ops. Sources: APM2 3.1, APM3 appendix E.
 */
#ifndef HVM_GUEST_CR_H
#define HVM_GUEST_CR_H

#include <arch/x86/cpu/msr.h>
#include <homestead/types.h>

struct cpu_policy;
struct hvm_exit;
struct hvm_vcpu;

/* Sets p's cr4 and efer by its leaves. */
void hvm_guest_set_allowed(struct cpu_policy *p);
/* Can guests with this policy set these bits of EFER? */
bool hvm_guest_efer_valid(const struct cpu_policy *p, u64 value);
/* Would a CPU with these bits run with this combination? */
bool hvm_guest_control_valid(const struct cpu_policy *p, u64 cr0, u64 cr4, u64 efer);
/* PAE paging? Not LMA: it follows LME only when paging begins, and a MOV to CR0 that has exited has not begun it yet. */
static inline bool hvm_pae_paging(u64 cr0, u64 cr4, u64 efer)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME);
}
/* MOV CR4. -EFAULT: #GP(0) is due. On the CPU that runs v. Physmap lock held: PAE paging's entries may be loaded. */
int hvm_guest_write_cr4(struct hvm_vcpu *v, u64 value);
/* HVM_EXIT_PDPTES; the rest as above. */
int hvm_guest_load_pdptes(struct hvm_vcpu *v, const struct hvm_exit *exit);

#endif
