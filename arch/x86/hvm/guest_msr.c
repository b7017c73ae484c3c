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

#define MTRR_ALL_WB (BIT(11) | 6) /* enabled, no ranges, default write-back: what nested paging gives */
/* IA32_MISC_ENABLE: fast strings; neither branch tracing nor precise events */
#define MISC_ENABLE (BIT(0) | BIT(11) | BIT(12))

#define ANY (BIT(HVM_AMD) | BIT(HVM_INTEL))

/* Machine registers that guests access at boot: reads return this value, writes are ignored. */
static const struct fixed {
    u32 first, last;
    u64 value;
    u8 makes; /* of CPU that have them, a bit each by enum hvm_make */
} fixed[] = {
    {0x17, 0x17, 0, BIT(HVM_INTEL)}, /* PLATFORM_ID */
    {0x8b, 0x8b, 0, ANY},            /* PATCH_LEVEL, BIOS_SIGN_ID */
    {0xfe, 0xfe, 0, ANY},            /* MTRRCAP */
    {0x179, 0x17a, 0, ANY},          /* MCG_CAP: no banks; MCG_STAT */
    {0x1a0, 0x1a0, MISC_ENABLE, BIT(HVM_INTEL)},
    {0x1d9, 0x1d9, 0, ANY}, /* DEBUGCTL */
    {0x200, 0x20f, 0, ANY}, /* variable MTRRs */
    {0x250, 0x250, 0, ANY}, /* fixed MTRRs */
    {0x258, 0x259, 0, ANY},
    {0x268, 0x26f, 0, ANY},
    {0x2ff, 0x2ff, MTRR_ALL_WB, ANY},          /* MTRRDEFTYPE */
    {0xc0010000, 0xc0010007, 0, BIT(HVM_AMD)}, /* performance counters */
    {0xc0010010, 0xc0010010, 0, BIT(HVM_AMD)}, /* SYSCFG */
    {0xc0010015, 0xc0010015, 0, BIT(HVM_AMD)}, /* HWCR */
    {0xc001001f, 0xc001001f, 0, BIT(HVM_AMD)}, /* NB_CFG */
    {0xc0010055, 0xc0010055, 0, BIT(HVM_AMD)}, /* INT_PENDING */
    {0xc0011029, 0xc0011029, 0, BIT(HVM_AMD)}, /* DE_CFG */
};

/* NULL: it is none of them. */
static const struct fixed *find_fixed(u32 msr)
{
    for (const struct fixed *f = fixed; f < fixed + ARRAY_SIZE(fixed); f++)
        if (msr >= f->first && msr <= f->last && (f->makes & BIT(hvm_ops->make)))
            return f;
    return NULL;
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
    if (msr == MSR_IA32_TSC) {
        *value = tsc_synced();
        return 0;
    }
    const struct fixed *f = find_fixed(msr);
    if (f) {
        *value = f->value;
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
    if (msr == MSR_IA32_PRED_CMD)
        return write_pred_cmd(v->policy, value);
    /* There is one TSC for all guests, however it is read; they take their time from pvclock. */
    if (msr == MSR_IA32_TSC || find_fixed(msr))
        return 0;
    return write_state_register(v, msr, value);
}

const u32 hvm_direct_msrs[HVM_DIRECT_MSRS] = {
    MSR_IA32_SYSENTER_CS,
    MSR_IA32_SYSENTER_ESP,
    MSR_IA32_SYSENTER_EIP,
    MSR_STAR,
    MSR_LSTAR,
    MSR_CSTAR,
    MSR_SFMASK,
    MSR_FS_BASE,
    MSR_GS_BASE,
    MSR_KERNEL_GS_BASE,
};
