/*
 * The guest MSR policy, see guest_msr.h. MSRs that the vendor's code switches at entry and exit (STAR,
 * SYSENTER, FS base, ...) need not exit; they are handled all the same, because that differs between vendors.
 */
#include <arch/x86/hvm/guest_msr.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/spec_ctrl.h>
#include <arch/x86/cpu/tsc_sync.h>
#include <arch/x86/hvm/guest_cr.h>
#include <homestead/errno.h>

#define MSR_XEN_HYPERCALL 0x40000000u

#define MSR_MTRRCAP     0xfeu
#define MSR_MTRRDEFTYPE 0x2ffu
#define MTRR_ALL_WB     (BIT(11) | 6) /* enabled, no ranges, default write-back: what nested paging gives */

/* Machine registers that guests access at boot: reads return 0, writes are ignored. */
static const struct {
    u32 first, last;
} silent[] = {
    {0x8b, 0x8b}, /* PATCH_LEVEL */
    {MSR_MTRRCAP, MSR_MTRRCAP},
    {0x179, 0x17a}, /* MCG_CAP: no banks; MCG_STAT */
    {0x1d9, 0x1d9}, /* DEBUGCTL */
    {0x200, 0x20f}, /* variable MTRRs */
    {0x250, 0x250}, /* fixed MTRRs */
    {0x258, 0x259},
    {0x268, 0x26f},
    {0xc0010000, 0xc0010007}, /* performance counters */
    {0xc0010010, 0xc0010010}, /* SYSCFG */
    {0xc0010015, 0xc0010015}, /* HWCR */
    {0xc001001f, 0xc001001f}, /* NB_CFG */
    {0xc0010055, 0xc0010055}, /* INT_PENDING */
    {0xc0011029, 0xc0011029}, /* DE_CFG */
};

static bool is_silent(u32 msr)
{
    for (u32 i = 0; i < ARRAY_SIZE(silent); i++)
        if (msr >= silent[i].first && msr <= silent[i].last)
            return true;
    return false;
}

static bool canonical(u64 addr)
{
    return (u64)((int64_t)(addr << 16) >> 16) == addr;
}

/* Each byte one of UC, WC, WT, WP, WB, UC-. */
static bool pat_valid(u64 value)
{
    for (u32 i = 0; i < 8; i++) {
        u8 type = (u8)(value >> 8 * i);
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

/* MSRs that are 64-bit members of the state. */
static const struct state_register {
    u32 msr;
    u16 at;
    bool address; /* must be canonical */
} state_registers[] = {
    {MSR_IA32_SYSENTER_CS, offsetof(struct hvm_state, sysenter_cs), false},
    {MSR_IA32_SYSENTER_ESP, offsetof(struct hvm_state, sysenter_esp), true},
    {MSR_IA32_SYSENTER_EIP, offsetof(struct hvm_state, sysenter_eip), true},
    {MSR_IA32_PAT, offsetof(struct hvm_state, pat), false},
    {MSR_EFER, offsetof(struct hvm_state, efer), false},
    {MSR_STAR, offsetof(struct hvm_state, star), false},
    {MSR_LSTAR, offsetof(struct hvm_state, lstar), true},
    {MSR_CSTAR, offsetof(struct hvm_state, cstar), true},
    {MSR_SFMASK, offsetof(struct hvm_state, sfmask), false},
    {MSR_FS_BASE, offsetof(struct hvm_state, fs.base), true},
    {MSR_GS_BASE, offsetof(struct hvm_state, gs.base), true},
    {MSR_KERNEL_GS_BASE, offsetof(struct hvm_state, kernel_gs_base), true},
};

/* NULL: there is none. */
static u64 *state_register(struct hvm_state *s, u32 msr, bool *address)
{
    for (const struct state_register *r = state_registers; r < state_registers + ARRAY_SIZE(state_registers);
         r++)
        if (r->msr == msr) {
            *address = r->address;
            return (u64 *)((u8 *)s + r->at);
        }
    return NULL;
}

/* Turns *value into the new EFER, LMA kept; -EFAULT if the CPU would refuse it (APM2 3.1.7, 14.6.1). */
static int efer_check(const struct cpu_policy *p, const struct hvm_state *s, u64 *value)
{
    if (!hvm_guest_efer_valid(p, *value & ~EFER_LMA))
        return -EFAULT;
    if ((s->cr0 & CR0_PG) && ((*value ^ s->efer) & EFER_LME))
        return -EFAULT;
    *value = (*value & ~EFER_LMA) | (s->efer & EFER_LMA); /* read-only: the CPU ignores what is written */
    return 0;
}

static int write_state_register(struct hvm_vcpu *v, u32 msr, u64 value)
{
    struct hvm_state s;
    bool address;

    hvm_ops->get_state(v, &s);
    u64 *reg = state_register(&s, msr, &address);
    if (!reg || (address && !canonical(value)) || (msr == MSR_IA32_PAT && !pat_valid(value)))
        return -EFAULT;
    if (msr == MSR_EFER && efer_check(v->policy, &s, &value))
        return -EFAULT;
    *reg = value;
    hvm_ops->set_state(v, &s);
    return 0;
}

/* A command without state, which needs no switch of a register: offered as AMD's IBPB, and carried out here. */
static int write_pred_cmd(const struct cpu_policy *p, u64 value)
{
    if (!(p->extended[8].ebx & CPUID88_EBX_IBPB) || (value & ~PRED_CMD_IBPB))
        return -EFAULT;
    if (value)
        spec_ctrl_guest_ibpb();
    return 0;
}

static bool is_apic(u32 msr)
{
    return msr == MSR_IA32_APIC_BASE || (msr >= X2APIC_MSR_FIRST && msr <= X2APIC_MSR_LAST);
}

int hvm_guest_rdmsr(struct hvm_vcpu *v, u32 msr, u64 *value)
{
    if (msr == MSR_XEN_HYPERCALL)
        return HVM_MSR_HYPERCALL_PAGE;
    if (is_apic(msr))
        return HVM_MSR_APIC;
    switch (msr) {
    case MSR_IA32_TSC:
        *value = tsc_synced();
        return 0;
    case MSR_MTRRDEFTYPE:
        *value = MTRR_ALL_WB;
        return 0;
    }
    if (is_silent(msr)) {
        *value = 0;
        return 0;
    }

    struct hvm_state s;
    bool address;
    hvm_ops->get_state(v, &s);
    const u64 *reg = state_register(&s, msr, &address);
    if (!reg)
        return -EFAULT;
    *value = *reg;
    return 0;
}

int hvm_guest_wrmsr(struct hvm_vcpu *v, u32 msr, u64 value)
{
    if (msr == MSR_XEN_HYPERCALL)
        return HVM_MSR_HYPERCALL_PAGE;
    if (is_apic(msr))
        return HVM_MSR_APIC;
    switch (msr) {
    case MSR_IA32_TSC: /* one TSC for all guests, however it is read; they take their time from pvclock */
    case MSR_MTRRDEFTYPE:
        return 0;
    case MSR_IA32_PRED_CMD:
        return write_pred_cmd(v->policy, value);
    }
    if (is_silent(msr))
        return 0;
    return write_state_register(v, msr, value);
}
