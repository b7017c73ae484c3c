/*
 * Which VMX controls are on, and which CPUs that rules out: see capability.h. Every control that Homestead wants is in
 * one table with its reason; all others are off.
 */
#include <arch/x86/hvm/vmx/capability.h>

#include <arch/x86/hvm/vmx/vmcs.h>

/* IA32_VMX_BASIC, A.1 */
#define BASIC_REVISION       0x7fffffffu
#define BASIC_32_BIT         BIT(48)
#define BASIC_MEMORY_TYPE(b) ((b) >> 50 & 0xf)
#define MEMORY_WB            6u

/* IA32_VMX_MISC, A.6 */
#define MISC_TIMER_SHIFT 0x1fu

enum group { PIN, PRIMARY, SECONDARY, EXIT, ENTRY, NR_GROUPS };

/* missing NULL: used where the CPU has it. */
static const struct control {
    enum group group;
    u64 bit;
    const char *missing;
} controls[] = {
    /* The host's interrupts and NMIs end the guest. */
    {PIN, PIN_EXTERNAL_INTERRUPT, "the CPU's VMX cannot exit on interrupts"},
    {PIN, PIN_NMI, "the CPU's VMX cannot exit on NMIs"},
    /* Guests' NMIs are blocked and unblocked as on a CPU, and an exit comes when one can be taken. */
    {PIN, PIN_VIRTUAL_NMIS, "the CPU's VMX has no virtual NMIs"},
    /* A time slice that ends even where an interrupt is missed (Bochs 2.7 with IF clear). */
    {PIN, PIN_PREEMPTION_TIMER, NULL},
    {PRIMARY, PRIMARY_SECONDARY, "the CPU's VMX has no EPT (extended page tables)"},
    {PRIMARY, PRIMARY_TSC_OFFSETTING, "the CPU's VMX has no TSC offset"},
    {PRIMARY, PRIMARY_HLT, "the CPU's VMX cannot exit on HLT"},
    {PRIMARY, PRIMARY_MWAIT, "the CPU's VMX cannot exit on MWAIT"},
    {PRIMARY, PRIMARY_MONITOR, "the CPU's VMX cannot exit on MONITOR"},
    {PRIMARY, PRIMARY_RDPMC, "the CPU's VMX cannot exit on RDPMC"},
    /* CR8 is virtual: it exits. Guests with x2APIC mode seldom use it, and no page is needed. */
    {PRIMARY, PRIMARY_CR8_LOAD, "the CPU's VMX cannot exit on CR8"},
    {PRIMARY, PRIMARY_CR8_STORE, "the CPU's VMX cannot exit on CR8"},
    {PRIMARY, PRIMARY_ALL_IO, "the CPU's VMX cannot exit on I/O"},
    {PRIMARY, PRIMARY_MSR_BITMAPS, "the CPU's VMX has no MSR bitmaps"},
    {SECONDARY, SECONDARY_EPT, "the CPU's VMX has no EPT (extended page tables)"},
    {SECONDARY, SECONDARY_UNRESTRICTED_GUEST,
     "the CPU's VMX has no unrestricted guests (real mode and unpaged mode under EPT)"},
    {SECONDARY, SECONDARY_VPID, "the CPU's VMX has no VPID (identifiers of address spaces)"},
    {SECONDARY, SECONDARY_WBINVD, "the CPU's VMX cannot exit on WBINVD"},
    /* SGX is hidden from guests: its instructions get #UD. */
    {SECONDARY, SECONDARY_ENCLS, NULL},
    {EXIT, EXIT_SAVE_DEBUG, "the CPU's VMX does not save DR7"},
    {EXIT, EXIT_HOST_64, "the CPU's VMX has no 64-bit host"},
    {EXIT, EXIT_LOAD_PAT, "the CPU's VMX does not switch IA32_PAT"},
    /* CR0 writes, which do not exit, change EFER.LMA. */
    {EXIT, EXIT_SAVE_EFER, "the CPU's VMX does not switch EFER"},
    {EXIT, EXIT_LOAD_EFER, "the CPU's VMX does not switch EFER"},
    {ENTRY, ENTRY_LOAD_DEBUG, "the CPU's VMX does not load DR7"},
    {ENTRY, ENTRY_LOAD_PAT, "the CPU's VMX does not switch IA32_PAT"},
    {ENTRY, ENTRY_LOAD_EFER, "the CPU's VMX does not switch EFER"},
};

/* A CPU that forces one of these to be on is too old to have the TRUE MSRs. */
#define PRIMARY_OFF \
    (PRIMARY_INTERRUPT_WINDOW | PRIMARY_INVLPG | PRIMARY_RDTSC | PRIMARY_CR3_LOAD | PRIMARY_CR3_STORE | \
     PRIMARY_NMI_WINDOW | PRIMARY_MOV_DR | PRIMARY_PAUSE)

static const char *check_basic(const struct vmx_capabilities *c)
{
    if (!c->vmx)
        return "the CPU has no VMX";
    if ((c->feature_control & FEATURE_CONTROL_LOCK) && !(c->feature_control & FEATURE_CONTROL_VMX))
        return "the firmware has locked VMX off (IA32_FEATURE_CONTROL): enable VT-x, or \"virtualization "
               "technology\", "
               "in its set-up";
    if ((c->basic & BASIC_32_BIT) || BASIC_MEMORY_TYPE(c->basic) != MEMORY_WB)
        return "the CPU's VMX cannot have its structures in all memory";
    return NULL;
}

static const char *decide_controls(const struct vmx_capabilities *c, struct vmx_settings *out)
{
    const u64 msr[NR_GROUPS] = {c->pin, c->primary, c->secondary, c->exit, c->entry};
    u32 *const value[NR_GROUPS] = {&out->pin, &out->primary, &out->secondary, &out->exit, &out->entry};

    for (u32 g = 0; g < NR_GROUPS; g++)
        *value[g] = (u32)msr[g];
    for (u32 i = 0; i < ARRAY_SIZE(controls); i++) {
        if (msr[controls[i].group] >> 32 & controls[i].bit)
            *value[controls[i].group] |= (u32)controls[i].bit;
        else if (controls[i].missing)
            return controls[i].missing;
    }
    if (out->primary & PRIMARY_OFF)
        return "the CPU's VMX forces exits that Homestead does not want (it has no TRUE capability MSRs)";
    return NULL;
}

const char *vmx_decide(const struct vmx_capabilities *c, struct vmx_settings *out)
{
    struct vmx_settings s = {.revision = (u32)c->basic & BASIC_REVISION,
                             .timer_shift = (u32)c->misc & MISC_TIMER_SHIFT,
                             .cr0_must = c->cr0_fixed0,
                             .cr0_may = c->cr0_fixed1,
                             .cr4_must = c->cr4_fixed0,
                             .cr4_may = c->cr4_fixed1,
                             .maddr_bits = c->maddr_bits};
    const char *missing = check_basic(c);

    if (!missing)
        missing = decide_controls(c, &s);
    if (missing)
        return missing;
    *out = s;
    return NULL;
}

/* A vCPU moves between CPUs with its VMCS, so the controls are the same. Another set of bits of CR4 would show too late. */
const char *vmx_misfit(const struct vmx_settings *boot, const struct vmx_capabilities *c)
{
    struct vmx_settings s;
    const char *why = vmx_decide(c, &s);

    if (why)
        return why;
    if (s.revision != boot->revision)
        return "its VMCS has another form than the boot CPU's";
    if (s.pin != boot->pin || s.primary != boot->primary || s.secondary != boot->secondary ||
        s.exit != boot->exit || s.entry != boot->entry)
        return "its VMX has other controls than the boot CPU's";
    if (s.timer_shift != boot->timer_shift)
        return "its preemption timer has another rate than the boot CPU's";
    if (s.cr0_must != boot->cr0_must || s.cr0_may != boot->cr0_may || s.cr4_must != boot->cr4_must ||
        s.cr4_may != boot->cr4_may)
        return "its CR0 and CR4 have other bits than the boot CPU's";
    if (s.maddr_bits != boot->maddr_bits)
        return "its physical addresses have another width than the boot CPU's";
    return NULL;
}
