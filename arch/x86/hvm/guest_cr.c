/* Values of a guest's control registers, see guest_cr.h. */
#include <arch/x86/hvm/guest_cr.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_code.h>
#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/hvm.h>
#include <homestead/errno.h>

#define CR0_VALID \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

enum { EBX, ECX, EDX };

/* What must be offered for bits to be settable, by leaf. CR4.PCE: every CPU has RDPMC; it gets #GP. */
static const struct rule {
    u64 bits;
    u32 leaf;
    u8 reg, bit;
} cr4_rules[] = {
    {CR4_VME | CR4_PVI, 1, EDX, 1}, {CR4_TSD, 1, EDX, 4},      {CR4_DE, 1, EDX, 2},
    {CR4_PSE, 1, EDX, 3},           {CR4_PAE, 1, EDX, 6},      {CR4_MCE, 1, EDX, 7},
    {CR4_PGE, 1, EDX, 13},          {CR4_OSFXSR, 1, EDX, 24},  {CR4_OSXMMEXCPT, 1, EDX, 25},
    {CR4_PCIDE, 1, ECX, 17},        {CR4_OSXSAVE, 1, ECX, 26}, {CR4_SMEP, 7, EBX, 7},
    {CR4_UMIP, 7, ECX, 2},          {CR4_LA57, 7, ECX, 16},    {CR4_FSGSBASE, 7, EBX, 0},
    {CR4_SMAP, 7, EBX, 20},         {CR4_PKE, 7, ECX, 3},      {CR4_CET, 7, ECX, 7},
};
static const struct rule efer_rules[] = {
    {EFER_SCE, 0x80000001u, EDX, 11},
    {EFER_LME | EFER_LMA, 0x80000001u, EDX, 29},
    {EFER_NXE, 0x80000001u, EDX, 20},
};

static u64 allowed(const struct cpu_policy *p, const struct rule *rules, u32 nr)
{
    u64 bits = 0;

    for (u32 i = 0; i < nr; i++) {
        u32 leaf = rules[i].leaf;
        const struct cpuid_leaf *l =
            leaf & CPUID_EXTENDED ? &p->extended[leaf - CPUID_EXTENDED] : &p->basic[leaf];
        u32 word = rules[i].reg == EBX ? l->ebx : rules[i].reg == ECX ? l->ecx : l->edx;

        if (word & BIT(rules[i].bit))
            bits |= rules[i].bits;
    }
    return bits;
}

void hvm_guest_set_allowed(struct cpu_policy *p)
{
    p->cr4 = allowed(p, cr4_rules, ARRAY_SIZE(cr4_rules)) | CR4_PCE;
    p->efer = allowed(p, efer_rules, ARRAY_SIZE(efer_rules));
}

bool hvm_guest_efer_valid(const struct cpu_policy *p, u64 value)
{
    return !(value & ~p->efer);
}

bool hvm_guest_control_valid(const struct cpu_policy *p, u64 cr0, u64 cr4, u64 efer)
{
    bool paging = cr0 & CR0_PG, lme = efer & EFER_LME, lma = efer & EFER_LMA;

    if ((cr0 & ~CR0_VALID) || !(cr0 & CR0_ET) || (paging && !(cr0 & CR0_PE)) ||
        ((cr0 & CR0_NW) && !(cr0 & CR0_CD)))
        return false;
    if ((cr4 & ~p->cr4) || !hvm_guest_efer_valid(p, efer) || lma != (lme && paging))
        return false;
    return !lma || (cr4 & CR4_PAE);
}

/* 4.4.1 of SDM 3A: MOV to CR4 loads the entries if it changes one of these and PAE paging is on afterwards. */
#define CR4_LOADS (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)

static bool load_pdptes(struct hvm_vcpu *v, u64 cr3, bool fit)
{
    u64 pdpte[HVM_PDPTES];

    hvm_read_pdptes(v, cr3, pdpte);
    return hvm_ops->set_pdptes(v, pdpte, fit);
}

int hvm_guest_write_cr4(struct hvm_vcpu *v, u64 value)
{
    struct hvm_state state;

    hvm_ops->get_state(v, &state);
    if ((value & ~v->policy->cr4) || ((state.efer & EFER_LMA) && !(value & CR4_PAE)))
        return -EFAULT;
    if (hvm_ops->set_pdptes && ((value ^ state.cr4) & CR4_LOADS) &&
        hvm_pae_paging(state.cr0, value, state.efer) && !load_pdptes(v, state.cr3, false))
        return -EFAULT;
    state.cr4 = value;
    hvm_ops->set_state(v, &state);
    return 0;
}

int hvm_guest_load_pdptes(struct hvm_vcpu *v, const struct hvm_exit *exit)
{
    struct hvm_state state;

    hvm_ops->get_state(v, &state);
    if (!load_pdptes(v, state.cr3, !exit->pdptes.by_cr0))
        return -EFAULT;
    if (exit->pdptes.by_cr0)
        hvm_ops->write_cr0(v, exit->pdptes.cr0);
    return 0;
}
