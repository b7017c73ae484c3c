/*
 * What is done around each guest, for both vendors' run paths:
 *
 *     if (likely(!spec_ctrl_needed()))
 *         enter(...);
 *     else
 *         enter_guarded(..., spec_ctrl_enter(&cpu->last_domain, v->domain_serial, v->domid == 0));
 *
 * spec_ctrl_enter() is the last thing before the assembly that enters: VERW, its last step, clears what loads and stores
 * before it left in the CPU's buffers; what follows are this vCPU's own registers, and a few of Homestead's pointers.
 * enter_guarded() takes the flags that it returns, and has SPEC_CTRL_EXIT (spec_ctrl.inc) after the exit, before its RET.
 */
#ifndef CPU_SPEC_CTRL_ENTER_H
#define CPU_SPEC_CTRL_ENTER_H

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/spec_ctrl.h>

/* [I] Measures around guests, a bit per enum spec_ctrl_measure; 0: none, and nothing more is looked at. */
extern u32 spec_ctrl_flags;
/* [I] What they write. Assembly reads `host`. */
extern struct spec_ctrl_values {
    u64 host, guest, on_switch; /* as in struct spec_ctrl_plan */
    bool spare_dom0;
} spec_ctrl_values;

/* Whether there are measures around guests. Two instructions: the compiler would make three. */
static inline bool spec_ctrl_needed(void)
{
    __asm__ goto("cmpl $0, %0\n\tjne %l[needed]" : : "m"(spec_ctrl_flags) : "cc" : needed);
    return false;
needed:
    return true;
}

/*
 * The measures of one entry: `flags` without IBPB if the domain is the CPU's last one, and without IBPB after the exit if
 * the domain is spared. *last: serial number of the domain that ran last on this CPU, 0: none; it becomes `serial`.
 */
static inline u32 spec_ctrl_for_entry(u32 flags, bool spared, u64 *last, u64 serial)
{
    if (*last == serial || !*last)
        flags &= ~(u32)BIT(DO_IBPB);
    *last = serial;
    return spared ? flags & ~(u32)BIT(DO_IBPB_ENTRY) : flags;
}

/* Clears the CPU's buffers, with microcode that does that (Intel, MD_CLEAR). The operand has to be in memory, and a
 * selector of a writable segment is fastest. Changes ZF. */
static inline void spec_ctrl_verw(void)
{
    static const u16 selector = 0x10; /* SEL_DATA */

    __asm__ volatile("verw %0" : : "m"(selector) : "cc", "memory");
}

/* The divider's last quotient is 0 then. */
static inline void spec_ctrl_div_scrub(void)
{
    u32 low = 0, high = 0;

    __asm__ volatile("divl %2" : "+a"(low), "+d"(high) : "r"(1) : "cc");
}

/* Last before the assembly that enters the guest. Returns what SPEC_CTRL_EXIT takes. */
static inline __attribute__((always_inline)) u32 spec_ctrl_enter(u64 *last_domain, u64 domain_serial,
                                                                 bool is_dom0)
{
    u32 flags = spec_ctrl_for_entry(spec_ctrl_flags, is_dom0 && spec_ctrl_values.spare_dom0, last_domain,
                                    domain_serial);

    if (flags & BIT(DO_IBPB))
        wrmsr(MSR_IA32_PRED_CMD, spec_ctrl_values.on_switch);
    if (flags & BIT(DO_DIV_SCRUB))
        spec_ctrl_div_scrub();
    if (flags & BIT(DO_IBRS))
        wrmsr(MSR_IA32_SPEC_CTRL, spec_ctrl_values.guest);
    if (flags & BIT(DO_L1D_FLUSH))
        wrmsr(MSR_IA32_FLUSH_CMD, FLUSH_CMD_L1D);
    if (flags & BIT(DO_VERW))
        spec_ctrl_verw();
    return flags;
}

#endif
