/* Checks of a VM entry on host state, see host_checks.h. */
#include <arch/x86/hvm/vmx/host_checks.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <arch/x86/hvm/vmx/vmcs.h>

#define NOT_IN_SELECTOR 7ull /* TI and RPL */
#define EFER_RESERVED   (~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))

/* Each field with what must hold of it. */
enum kind { KEPT, SELECTOR, SELECTOR_NOT_0, ADDRESS };
#define AT(member) offsetof(struct vmx_host, member)
static const struct {
    const char *name;
    u16 field, at;
    enum kind kind;
} fields[] = {
    {"ES of the host", VMCS_HOST_ES, AT(es), SELECTOR},
    {"CS of the host", VMCS_HOST_CS, AT(cs), SELECTOR_NOT_0},
    {"SS of the host", VMCS_HOST_SS, AT(ss), SELECTOR},
    {"DS of the host", VMCS_HOST_DS, AT(ds), SELECTOR},
    {"FS of the host", VMCS_HOST_FS, AT(fs), SELECTOR},
    {"GS of the host", VMCS_HOST_GS, AT(gs), SELECTOR},
    {"TR of the host", VMCS_HOST_TR, AT(tr), SELECTOR_NOT_0},
    {"CR0 of the host", VMCS_HOST_CR0, AT(cr0), KEPT},
    {"CR3 of the host", VMCS_HOST_CR3, AT(cr3), KEPT},
    {"CR4 of the host", VMCS_HOST_CR4, AT(cr4), KEPT},
    {"IA32_PAT of the host", VMCS_HOST_PAT, AT(pat), KEPT},
    {"IA32_EFER of the host", VMCS_HOST_EFER, AT(efer), KEPT},
    {"RIP of the host", VMCS_HOST_RIP, AT(rip), ADDRESS},
    {"exit controls", VMCS_EXIT_CONTROLS, AT(exit), KEPT},
    {"IA32_SYSENTER_ESP of the host", VMCS_HOST_SYSENTER_ESP, AT(sysenter_esp), ADDRESS},
    {"IA32_SYSENTER_EIP of the host", VMCS_HOST_SYSENTER_EIP, AT(sysenter_eip), ADDRESS},
    {"FS base of the host", VMCS_HOST_FS_BASE, AT(fs_base), ADDRESS},
    {"GS base of the host", VMCS_HOST_GS_BASE, AT(gs_base), ADDRESS},
    {"TR base of the host", VMCS_HOST_TR_BASE, AT(tr_base), ADDRESS},
    {"GDTR base of the host", VMCS_HOST_GDTR_BASE, AT(gdtr_base), ADDRESS},
    {"IDTR base of the host", VMCS_HOST_IDTR_BASE, AT(idtr_base), ADDRESS},
};

static u64 *value_of(struct vmx_host *h, u32 i)
{
    return (u64 *)((u8 *)h + fields[i].at);
}

void vmx_host_read(struct vmx_host *h)
{
    for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
        *value_of(h, i) = vmread(fields[i].field);
}

/* NULL: it holds. */
static const char *broken_rule(enum kind kind, u64 value)
{
    if (kind == ADDRESS)
        return vmx_canonical(value) ? NULL : "the address must be canonical";
    if (kind == KEPT)
        return NULL;
    if (value & NOT_IN_SELECTOR)
        return "TI and RPL must be 0";
    return kind == SELECTOR_NOT_0 && !value ? "it must not be 0" : NULL;
}

struct vmx_refusal vmx_host_check(const struct vmx_host *h, const struct vmx_settings *cpu)
{
    /* 27.2.2 and 27.2.4, in the manual's order */
    const struct {
        bool holds;
        u16 field;
        const char *rule;
    } rules[] = {
        {!(cpu->cr0_must & ~h->cr0), VMCS_HOST_CR0, "a bit that VMX needs is clear"},
        {!(h->cr0 & ~cpu->cr0_may), VMCS_HOST_CR0, "a bit that VMX does not allow is set"},
        {!(cpu->cr4_must & ~h->cr4), VMCS_HOST_CR4, "a bit that VMX needs is clear"},
        {!(h->cr4 & ~cpu->cr4_may), VMCS_HOST_CR4, "a bit that VMX does not allow is set"},
        {!(h->cr4 & CR4_CET) || (h->cr0 & CR0_WP), VMCS_HOST_CR4, "CET needs CR0.WP"},
        {!(h->cr3 >> cpu->maddr_bits), VMCS_HOST_CR3, "bits beyond the physical address width must be 0"},
        {!(h->exit & EXIT_LOAD_PAT) || vmx_pat_valid(h->pat), VMCS_HOST_PAT, "a byte is no memory type"},
        {!(h->exit & EXIT_LOAD_EFER) || !(h->efer & EFER_RESERVED), VMCS_HOST_EFER, "a reserved bit is set"},
        {!(h->exit & EXIT_LOAD_EFER) || (h->efer & (EFER_LMA | EFER_LME)) == (EFER_LMA | EFER_LME),
         VMCS_HOST_EFER, "LMA and LME must be set for a 64-bit host"},
        {h->exit & EXIT_HOST_64, VMCS_EXIT_CONTROLS, "the host is in 64-bit mode"},
        {h->cr4 & CR4_PAE, VMCS_HOST_CR4, "a 64-bit host needs PAE"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
        u64 value = *value_of((struct vmx_host *)(uintptr_t)h, i);
        const char *rule = broken_rule(fields[i].kind, value);

        for (u32 n = 0; n < ARRAY_SIZE(rules) && !rule; n++)
            if (rules[n].field == fields[i].field && !rules[n].holds)
                rule = rules[n].rule;
        if (rule)
            return (struct vmx_refusal){.field = fields[i].name, .rule = rule, .value = value};
    }
    return (struct vmx_refusal){0};
}
