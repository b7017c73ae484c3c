/*
 * What a CPU's VMX can do (SDM 3D appendix A), and what Homestead does with it: the decision is plain C over the values
 * of the capability MSRs.
 */
#ifndef VMX_CAPABILITY_H
#define VMX_CAPABILITY_H

#include <homestead/types.h>

#define MSR_IA32_FEATURE_CONTROL 0x3au
#define FEATURE_CONTROL_LOCK     BIT(0)
#define FEATURE_CONTROL_VMX      BIT(2) /* outside SMX */

/* Values of MSRs. A control MSR has in its low half which bits must be set, in its high half which may be. */
struct vmx_capabilities {
    bool vmx; /* CPUID 1 ECX bit 5; without it all others are 0 */
    u64 feature_control;
    u64 basic;
    u64 pin, primary, secondary, exit, entry; /* the TRUE ones where the CPU has them */
    u64 misc;
    u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
    u64 ept_vpid;   /* ept.h decides about it */
    u32 maddr_bits; /* not an MSR: width of a physical address, from CPUID 0x80000008 */
};

struct vmx_settings {
    u32 revision;
    u32 pin, primary, secondary, exit, entry; /* controls */
    u32 timer_shift;                          /* the preemption timer counts at TSC rate >> this */
    u32 maddr_bits;
    u64 cr0_must, cr0_may, cr4_must, cr4_may; /* bits in VMX operation */
};

/* NULL: *out is set. Otherwise what is missing, one sentence without a full stop. */
const char *vmx_decide(const struct vmx_capabilities *c, struct vmx_settings *out);
/* Why a CPU with capabilities c cannot run what the boot CPU's settings are for; NULL: it can. */
const char *vmx_misfit(const struct vmx_settings *boot, const struct vmx_capabilities *c);

#endif
