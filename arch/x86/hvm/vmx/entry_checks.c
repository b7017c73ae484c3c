/* The checks of a VM entry, see entry_checks.h. Each function is a section of SDM 3C 27, each RULE a sentence of it.
 * lint: long: the checks of one instruction. */
#include <arch/x86/hvm/vmx/entry_checks.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <arch/x86/hvm/vmx/vmcs.h>

#define LINEAR_BITS 48u /* guests have no CR4.LA57 */

#define AR_TYPE         0xfu
#define AR_S            0x10u
#define AR_DPL(ar)      ((ar) >> 5 & 3)
#define AR_P            0x80u
#define AR_RESERVED     0xf00u
#define AR_RESERVED_TOP (~0x1ffffull)
#define AR_V86          0xf3u
#define TYPE_ACCESSED   1u
#define TYPE_READ_WRITE 3u
#define TYPE_CODE       8u
#define TYPE_LDT        2u
#define TYPE_TSS16      3u
#define TYPE_TSS        11u
#define SELECTOR_RPL    3u
#define SELECTOR_TI     4u

#define RFLAGS_VM       BIT(17)
#define RFLAGS_RESERVED (~0x3fffffull | BIT(15) | BIT(5) | BIT(3))
#define EFER_RESERVED   (~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
#define DEBUGCTL_BTF    BIT(1)
#define DEBUGCTL_VALID  0xffc7ull
#define CR0_UNCHECKED   (CR0_NW | CR0_CD)
#define PDPTE_PRESENT   BIT(0)
#define PDPTE_RESERVED  0x1e6ull

#define ACTIVITY_ACTIVE   0u
#define ACTIVITY_HLT      1u
#define ACTIVITY_SHUTDOWN 2u
#define ACTIVITY_LAST     3u /* wait for SIPI */
#define BLOCKED_BY_SMI    4u
#define BLOCKED_RESERVED  (~0x1full)
#define DEBUG_BS          BIT(14)
#define DEBUG_RTM         BIT(16)
#define DEBUG_RESERVED    (~0x1ffffull | BIT(15) | BIT(13) | 0xff0)

#define EVENT_RESERVED    0x7ffff000ull
#define TYPE_OTHER_EVENT  (7u << 8)
#define TYPE_SOFTWARE_INT (4u << 8)
#define TYPE_RESERVED     (1u << 8)
#define VECTOR_DB         1u
#define VECTOR_NMI        2u
#define VECTOR_MC         18u
#define VECTORS_ERROR     (BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17))
#define EPTP_WB           6u
#define EPTP_WALK_4       (3u << 3)

/* A sentence of the manual. Its function returns the first that does not hold. */
#define RULE(holds, field_name, field_value, words) \
    do { \
        if (!(holds)) \
            return (struct vmx_refusal){.field = (field_name), .rule = (words), .value = (field_value)}; \
    } while (0)
#define NO_REFUSAL ((struct vmx_refusal){0})

bool vmx_canonical(u64 address)
{
    return (u64)((s64)(address << (64 - LINEAR_BITS)) >> (64 - LINEAR_BITS)) == address;
}

static bool long_mode(const struct vmx_entry *e)
{
    return e->entry & ENTRY_GUEST_64;
}

static bool unrestricted(const struct vmx_entry *e)
{
    return (e->primary & PRIMARY_SECONDARY) && (e->secondary & SECONDARY_UNRESTRICTED_GUEST);
}

static bool v86(const struct vmx_entry *e)
{
    return e->rflags & RFLAGS_VM;
}

static u64 event_type(const struct vmx_entry *e)
{
    return e->event & VMX_EVENT_TYPE_MASK;
}

static bool injects(const struct vmx_entry *e, u64 type)
{
    return (e->event & VMX_EVENT_VALID) && event_type(e) == type;
}

/* --- 27.2.1: controls ----------------------------------------------------------------------------------- */

static struct vmx_refusal check_controls(const struct vmx_entry *e, u32 maddr_bits)
{
    RULE(!(e->pin & PIN_VIRTUAL_NMIS) || (e->pin & PIN_NMI), "pin-based controls", e->pin,
         "virtual NMIs need NMI exiting");
    RULE(!(e->primary & PRIMARY_NMI_WINDOW) || (e->pin & PIN_VIRTUAL_NMIS), "primary controls", e->primary,
         "NMI-window exiting needs virtual NMIs");
    RULE(!(e->secondary & SECONDARY_VPID) || e->vpid, "VPID", e->vpid, "it must not be 0");
    RULE(!(e->secondary & SECONDARY_UNRESTRICTED_GUEST) || (e->secondary & SECONDARY_EPT),
         "secondary controls", e->secondary, "an unrestricted guest needs EPT");
    if (e->secondary & SECONDARY_EPT) {
        RULE((e->ept_pointer & 7) == EPTP_WB || !(e->ept_pointer & 7), "EPT pointer", e->ept_pointer,
             "bits 2:0 must be 0 or 6, a memory type");
        RULE((e->ept_pointer & 0x38) == EPTP_WALK_4, "EPT pointer", e->ept_pointer,
             "bits 5:3 must be 3, a walk of four tables");
        RULE(!(e->ept_pointer & 0xf80) && !(e->ept_pointer >> maddr_bits), "EPT pointer", e->ept_pointer,
             "bits 11:7 and those beyond the physical address width must be 0");
    }
    return NO_REFUSAL;
}

/* 27.2.1.3 */
static struct vmx_refusal check_event(const struct vmx_entry *e)
{
    u64 type = event_type(e), vector = e->event & VMX_EVENT_VECTOR;
    bool hardware = type == VMX_EVENT_TYPE_HARDWARE, error = e->event & VMX_EVENT_ERROR_VALID;
    bool protected_mode = !unrestricted(e) || (e->cr0 & CR0_PE);
    const char *field = "event to inject";

    if (!(e->event & VMX_EVENT_VALID))
        return NO_REFUSAL;
    RULE(type != TYPE_RESERVED, field, e->event, "type 1 is reserved");
    RULE(type != VMX_EVENT_TYPE_NMI || vector == VECTOR_NMI, field, e->event, "an NMI has vector 2");
    RULE(!hardware || vector < 32, field, e->event, "an exception's vector is at most 31");
    RULE(type != TYPE_OTHER_EVENT || !vector, field, e->event, "another event has vector 0");
    RULE(error == (protected_mode && hardware && (VECTORS_ERROR >> vector & 1)), field, e->event,
         "bit 11 (error code) must be set for an exception that has one, in protected mode, and only then");
    RULE(!(e->event & EVENT_RESERVED), field, e->event, "bits 30:12 are reserved");
    RULE(!error || !(e->event_error >> 16), "error code to inject", e->event_error, "bits 31:16 must be 0");
    RULE(type < TYPE_SOFTWARE_INT || type == TYPE_OTHER_EVENT || (e->instruction_length - 1) < 15,
         "length of the instruction whose event is injected", e->instruction_length, "it must be 1 to 15");
    return NO_REFUSAL;
}

/* --- 27.3.1.1: control registers, debug registers, MSRs -------------------------------------------------- */

bool vmx_pat_valid(u64 pat)
{
    for (u32 i = 0; i < 8; i++, pat >>= 8)
        if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
            return false;
    return true;
}

static struct vmx_refusal check_control_registers(const struct vmx_entry *e, const struct vmx_settings *cpu,
                                                  u32 maddr_bits)
{
    u64 unchecked = CR0_UNCHECKED | (unrestricted(e) ? CR0_PE | CR0_PG : 0);

    RULE(!((cpu->cr0_must & ~e->cr0) & ~unchecked), "CR0", e->cr0, "a bit that VMX needs is clear");
    RULE(!((e->cr0 & ~cpu->cr0_may) & ~unchecked), "CR0", e->cr0, "a bit that VMX does not allow is set");
    RULE(!(e->cr0 & CR0_PG) || (e->cr0 & CR0_PE), "CR0", e->cr0, "PG needs PE");
    RULE(!(cpu->cr4_must & ~e->cr4), "CR4", e->cr4, "a bit that VMX needs is clear");
    RULE(!(e->cr4 & ~cpu->cr4_may), "CR4", e->cr4, "a bit that VMX does not allow is set");
    RULE(!(e->cr4 & CR4_CET) || (e->cr0 & CR0_WP), "CR4", e->cr4, "CET needs CR0.WP");
    RULE(!long_mode(e) || (e->cr0 & CR0_PG), "CR0", e->cr0, "IA-32e mode needs PG");
    RULE(!long_mode(e) || (e->cr4 & CR4_PAE), "CR4", e->cr4, "IA-32e mode needs PAE");
    RULE(long_mode(e) || !(e->cr4 & CR4_PCIDE), "CR4", e->cr4, "PCIDE needs IA-32e mode");
    RULE(!(e->cr3 >> maddr_bits), "CR3", e->cr3, "bits beyond the physical address width must be 0");
    if (e->entry & ENTRY_LOAD_DEBUG) {
        RULE(!(e->debugctl & ~DEBUGCTL_VALID), "IA32_DEBUGCTL", e->debugctl, "a reserved bit is set");
        RULE(!(e->dr7 >> 32), "DR7", e->dr7, "bits 63:32 must be 0");
    }
    RULE(vmx_canonical(e->sysenter_esp), "IA32_SYSENTER_ESP", e->sysenter_esp,
         "the address must be canonical");
    RULE(vmx_canonical(e->sysenter_eip), "IA32_SYSENTER_EIP", e->sysenter_eip,
         "the address must be canonical");
    RULE(!(e->entry & ENTRY_LOAD_PAT) || vmx_pat_valid(e->pat), "IA32_PAT", e->pat,
         "a byte is no memory type");
    if (e->entry & ENTRY_LOAD_EFER) {
        RULE(!(e->efer & EFER_RESERVED), "IA32_EFER", e->efer, "a reserved bit is set");
        RULE(!(e->efer & EFER_LMA) == !long_mode(e), "IA32_EFER", e->efer,
             "LMA must be the control \"IA-32e mode guest\"");
        RULE(!(e->cr0 & CR0_PG) || !(e->efer & EFER_LMA) == !(e->efer & EFER_LME), "IA32_EFER", e->efer,
             "LMA must be LME if CR0.PG is set");
    }
    return NO_REFUSAL;
}

/* --- 27.3.1.2: segment registers ------------------------------------------------------------------------- */

static const char *const names[8] = {
    [VMCS_ES] = "ES", [VMCS_CS] = "CS", [VMCS_SS] = "SS",     [VMCS_DS] = "DS",
    [VMCS_FS] = "FS", [VMCS_GS] = "GS", [VMCS_LDTR] = "LDTR", [VMCS_TR] = "TR",
};

static bool usable(const struct vmx_segment *s)
{
    return !(s->access_rights & VMX_AR_UNUSABLE);
}

static struct vmx_refusal check_limit(const char *name, const struct vmx_segment *s)
{
    bool g = s->access_rights & VMX_AR_G;

    RULE((s->limit & 0xfff) == 0xfff || !g, name, s->limit,
         "G must be clear unless bits 11:0 of the limit are all set");
    RULE(!(s->limit >> 20) || g, name, s->limit, "G must be set if a bit of 31:20 of the limit is");
    return NO_REFUSAL;
}

static struct vmx_refusal check_v86(const struct vmx_entry *e)
{
    for (u32 i = VMCS_ES; i <= VMCS_GS; i++) {
        const struct vmx_segment *s = &e->segment[i];

        RULE(s->base == s->selector << 4, names[i], s->base,
             "in virtual-8086 mode the base is the selector times 16");
        RULE(s->limit == 0xffff, names[i], s->limit, "in virtual-8086 mode the limit is 0xffff");
        RULE(s->access_rights == AR_V86, names[i], s->access_rights,
             "in virtual-8086 mode the access rights are 0xf3");
    }
    return NO_REFUSAL;
}

static struct vmx_refusal check_code(const struct vmx_entry *e)
{
    const struct vmx_segment *cs = &e->segment[VMCS_CS];
    u64 ar = cs->access_rights, type = ar & AR_TYPE, dpl = AR_DPL(ar);
    u64 ss_dpl = AR_DPL(e->segment[VMCS_SS].access_rights);

    RULE((type & (TYPE_CODE | TYPE_ACCESSED)) == (TYPE_CODE | TYPE_ACCESSED) ||
             (type == TYPE_READ_WRITE && unrestricted(e)),
         "CS", ar, "the type must be accessed code");
    RULE(type != TYPE_READ_WRITE || dpl == 0, "CS", ar, "a data segment has DPL 0");
    RULE((type != 9 && type != 11) || dpl == ss_dpl, "CS", ar, "the DPL of non-conforming code is SS's");
    RULE((type != 13 && type != 15) || dpl <= ss_dpl, "CS", ar, "the DPL of conforming code is at most SS's");
    RULE(!long_mode(e) || !(ar & VMX_AR_L) || !(ar & VMX_AR_D), "CS", ar, "L and D are both set");
    RULE(!(cs->base >> 32), "CS", cs->base, "bits 63:32 of the base must be 0");
    return NO_REFUSAL;
}

static struct vmx_refusal check_stack(const struct vmx_entry *e)
{
    const struct vmx_segment *ss = &e->segment[VMCS_SS], *cs = &e->segment[VMCS_CS];
    u64 type = ss->access_rights & AR_TYPE, dpl = AR_DPL(ss->access_rights);

    RULE(!usable(ss) || type == 3 || type == 7, "SS", ss->access_rights,
         "the type must be accessed writable data");
    if (!unrestricted(e)) {
        RULE(!((ss->selector ^ cs->selector) & SELECTOR_RPL), "SS", ss->selector, "the RPL must be CS's");
        RULE(dpl == (ss->selector & SELECTOR_RPL), "SS", ss->access_rights, "the DPL must be the RPL");
    }
    RULE(dpl == 0 || ((e->cr0 & CR0_PE) && (cs->access_rights & AR_TYPE) != TYPE_READ_WRITE), "SS",
         ss->access_rights, "the DPL must be 0 in real mode, or if CS is a data segment");
    return NO_REFUSAL;
}

/* DS, ES, FS, GS */
static struct vmx_refusal check_data(const struct vmx_entry *e, u32 i)
{
    const struct vmx_segment *s = &e->segment[i];
    u64 type = s->access_rights & AR_TYPE;

    RULE(type & TYPE_ACCESSED, names[i], s->access_rights, "the type must be accessed");
    RULE(!(type & TYPE_CODE) || (type & 2), names[i], s->access_rights, "code must be readable");
    RULE(unrestricted(e) || type > 11 || AR_DPL(s->access_rights) >= (s->selector & SELECTOR_RPL), names[i],
         s->access_rights, "the DPL must not be below the RPL");
    return NO_REFUSAL;
}

/* What CS and the usable ones of SS, DS, ES, FS, GS have in common. */
static struct vmx_refusal check_code_or_data(const struct vmx_entry *e, u32 i)
{
    const struct vmx_segment *s = &e->segment[i];
    u64 ar = s->access_rights;

    RULE(i == VMCS_FS || i == VMCS_GS || !(s->base >> 32), names[i], s->base,
         "bits 63:32 of the base must be 0");
    RULE(ar & AR_S, names[i], ar, "S must be set");
    RULE(ar & AR_P, names[i], ar, "P must be set");
    RULE(!(ar & (AR_RESERVED | AR_RESERVED_TOP)), names[i], ar, "a reserved bit is set");
    return check_limit(names[i], s);
}

static struct vmx_refusal check_system_segment(const struct vmx_entry *e, u32 i)
{
    const struct vmx_segment *s = &e->segment[i];
    u64 ar = s->access_rights, type = ar & AR_TYPE;

    RULE(!(s->selector & SELECTOR_TI), names[i], s->selector, "TI must be clear");
    RULE(vmx_canonical(s->base), names[i], s->base, "the base must be canonical");
    if (i == VMCS_TR) {
        RULE(usable(s), "TR", ar, "it must be usable");
        RULE(type == TYPE_TSS || (type == TYPE_TSS16 && !long_mode(e)), "TR", ar,
             "the type must be a busy TSS");
    } else {
        RULE(type == TYPE_LDT, "LDTR", ar, "the type must be an LDT");
    }
    RULE(!(ar & AR_S), names[i], ar, "S must be clear");
    RULE(ar & AR_P, names[i], ar, "P must be set");
    RULE(!(ar & (AR_RESERVED | AR_RESERVED_TOP)), names[i], ar, "a reserved bit is set");
    return check_limit(names[i], s);
}

static struct vmx_refusal check_segments(const struct vmx_entry *e)
{
    struct vmx_refusal r = v86(e) ? check_v86(e) : check_code(e);

    if (!r.rule && !v86(e))
        r = check_stack(e);
    for (u32 i = VMCS_ES; i <= VMCS_GS && !r.rule; i++) {
        RULE((i != VMCS_FS && i != VMCS_GS) || vmx_canonical(e->segment[i].base), names[i],
             e->segment[i].base, "the base must be canonical");
        if (v86(e) || (i != VMCS_CS && !usable(&e->segment[i])))
            continue;
        r = check_code_or_data(e, i);
        if (!r.rule && i != VMCS_CS && i != VMCS_SS)
            r = check_data(e, i);
    }
    if (!r.rule)
        r = check_system_segment(e, VMCS_TR);
    if (!r.rule && usable(&e->segment[VMCS_LDTR]))
        r = check_system_segment(e, VMCS_LDTR);
    return r;
}

/* --- 27.3.1.3 to 27.3.1.6 -------------------------------------------------------------------------------- */

static struct vmx_refusal check_tables_and_flags(const struct vmx_entry *e)
{
    bool code_64 = long_mode(e) && (e->segment[VMCS_CS].access_rights & VMX_AR_L);

    RULE(vmx_canonical(e->gdtr_base), "GDTR", e->gdtr_base, "the base must be canonical");
    RULE(vmx_canonical(e->idtr_base), "IDTR", e->idtr_base, "the base must be canonical");
    RULE(!(e->gdtr_limit >> 16), "GDTR", e->gdtr_limit, "bits 31:16 of the limit must be 0");
    RULE(!(e->idtr_limit >> 16), "IDTR", e->idtr_limit, "bits 31:16 of the limit must be 0");
    RULE(code_64 || !(e->rip >> 32), "RIP", e->rip, "bits 63:32 must be 0 outside 64-bit code");
    RULE(!code_64 || e->rip >> LINEAR_BITS == 0 || e->rip >> LINEAR_BITS == 0xffff, "RIP", e->rip,
         "bits 63:48 must be the same");
    RULE(!(e->rflags & RFLAGS_RESERVED), "RFLAGS", e->rflags, "a reserved bit is set");
    RULE(e->rflags & RFLAGS_RESERVED1, "RFLAGS", e->rflags, "bit 1 must be set");
    RULE(!v86(e) || (!long_mode(e) && (e->cr0 & CR0_PE)), "RFLAGS", e->rflags,
         "VM must be clear in IA-32e mode and in real mode");
    RULE(!injects(e, VMX_EVENT_TYPE_INTR) || (e->rflags & RFLAGS_IF), "RFLAGS", e->rflags,
         "IF must be set if an interrupt is injected");
    return NO_REFUSAL;
}

/* Can the event come in this activity state? */
static bool event_wakes(const struct vmx_entry *e)
{
    u64 type = event_type(e), vector = e->event & VMX_EVENT_VECTOR;

    if (!(e->event & VMX_EVENT_VALID) || e->activity == ACTIVITY_ACTIVE)
        return true;
    if (e->activity == ACTIVITY_HLT)
        return type == VMX_EVENT_TYPE_INTR || type == VMX_EVENT_TYPE_NMI ||
               (type == TYPE_OTHER_EVENT && !vector) ||
               (type == VMX_EVENT_TYPE_HARDWARE && (vector == VECTOR_DB || vector == VECTOR_MC));
    return e->activity == ACTIVITY_SHUTDOWN &&
           (type == VMX_EVENT_TYPE_NMI || (type == VMX_EVENT_TYPE_HARDWARE && vector == VECTOR_MC));
}

static struct vmx_refusal check_interruptibility(const struct vmx_entry *e)
{
    u64 state = e->interruptibility;
    const char *field = "interruptibility";

    RULE(!(state & BLOCKED_RESERVED), field, state, "a reserved bit is set");
    RULE((state & VMX_SHADOW) != VMX_SHADOW, field, state, "blocked by STI and by MOV SS at once");
    RULE(!(state & VMX_BLOCKED_BY_STI) || (e->rflags & RFLAGS_IF), field, state,
         "blocked by STI with RFLAGS.IF clear");
    RULE(!(state & VMX_SHADOW) || !injects(e, VMX_EVENT_TYPE_INTR), field, state,
         "blocked by STI or MOV SS while an interrupt is injected");
    RULE(!(state & VMX_SHADOW) || !injects(e, VMX_EVENT_TYPE_NMI), field, state,
         "blocked by MOV SS, or on some CPUs by STI, while an NMI is injected");
    RULE(!(state & BLOCKED_BY_SMI), field, state, "blocked by an SMI outside SMM");
    RULE(!(state & VMX_BLOCKED_BY_NMI) || !(e->pin & PIN_VIRTUAL_NMIS) || !injects(e, VMX_EVENT_TYPE_NMI),
         field, state, "blocked by an NMI while one is injected");
    return NO_REFUSAL;
}

static struct vmx_refusal check_pending_debug(const struct vmx_entry *e)
{
    bool steps = (e->rflags & RFLAGS_TF) && !(e->debugctl & DEBUGCTL_BTF);
    const char *field = "pending debug exceptions";

    RULE(!(e->pending_debug & DEBUG_RESERVED), field, e->pending_debug, "a reserved bit is set");
    RULE(!(e->pending_debug & DEBUG_RTM), field, e->pending_debug, "bit 16 (RTM) is set");
    if ((e->interruptibility & VMX_SHADOW) || e->activity == ACTIVITY_HLT)
        RULE(!(e->pending_debug & DEBUG_BS) == !steps, field, e->pending_debug,
             "in a shadow or in HLT, bit 14 (BS) must be set if RFLAGS.TF is and DEBUGCTL.BTF is not, and "
             "only then");
    return NO_REFUSAL;
}

static struct vmx_refusal check_no_register(const struct vmx_entry *e)
{
    RULE(e->activity <= ACTIVITY_LAST, "activity state", e->activity, "there is no such state");
    RULE(e->activity != ACTIVITY_HLT || !AR_DPL(e->segment[VMCS_SS].access_rights), "activity state",
         e->activity, "HLT needs SS's DPL 0");
    RULE(e->activity == ACTIVITY_ACTIVE || !(e->interruptibility & VMX_SHADOW), "activity state", e->activity,
         "it must be active where events are blocked by STI or MOV SS");
    RULE(event_wakes(e), "activity state", e->activity, "the event that is injected cannot come in it");
    struct vmx_refusal r = check_interruptibility(e);
    if (!r.rule)
        r = check_pending_debug(e);
    RULE(r.rule || e->link_pointer == ~0ull || !(e->link_pointer & 0xfff), "VMCS link pointer",
         e->link_pointer, "bits 11:0 must be 0 unless all are set");
    return r;
}

static struct vmx_refusal check_pdptes(const struct vmx_entry *e, u32 maddr_bits)
{
    bool pae = (e->cr0 & CR0_PG) && (e->cr4 & CR4_PAE) && !long_mode(e) && (e->secondary & SECONDARY_EPT);

    for (u32 i = 0; pae && i < ARRAY_SIZE(e->pdpte); i++)
        RULE(!(e->pdpte[i] & PDPTE_PRESENT) ||
                 (!(e->pdpte[i] & PDPTE_RESERVED) && !(e->pdpte[i] >> maddr_bits)),
             "PDPTE", e->pdpte[i], "a reserved bit is set in one that is present");
    return NO_REFUSAL;
}

struct vmx_refusal vmx_entry_check(const struct vmx_entry *e, const struct vmx_settings *cpu)
{
    u32 maddr_bits = cpu->maddr_bits;
    struct vmx_refusal r = check_controls(e, maddr_bits);

    if (!r.rule)
        r = check_event(e);
    if (!r.rule)
        r = check_control_registers(e, cpu, maddr_bits);
    if (!r.rule)
        r = check_segments(e);
    if (!r.rule)
        r = check_tables_and_flags(e);
    if (!r.rule)
        r = check_no_register(e);
    return r.rule ? r : check_pdptes(e, maddr_bits);
}

/* --- the VMCS ------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct vmx_entry, member)
static const struct {
    u16 field, at;
} fields[] = {
    {VMCS_GUEST_GDTR_LIMIT, AT(gdtr_limit)},
    {VMCS_GUEST_GDTR_BASE, AT(gdtr_base)},
    {VMCS_GUEST_IDTR_LIMIT, AT(idtr_limit)},
    {VMCS_GUEST_IDTR_BASE, AT(idtr_base)},
    {VMCS_GUEST_CR0, AT(cr0)},
    {VMCS_GUEST_CR3, AT(cr3)},
    {VMCS_GUEST_CR4, AT(cr4)},
    {VMCS_GUEST_DR7, AT(dr7)},
    {VMCS_GUEST_DEBUGCTL, AT(debugctl)},
    {VMCS_GUEST_PAT, AT(pat)},
    {VMCS_GUEST_EFER, AT(efer)},
    {VMCS_GUEST_SYSENTER_ESP, AT(sysenter_esp)},
    {VMCS_GUEST_SYSENTER_EIP, AT(sysenter_eip)},
    {VMCS_GUEST_RIP, AT(rip)},
    {VMCS_GUEST_RFLAGS, AT(rflags)},
    {VMCS_GUEST_INTERRUPTIBILITY, AT(interruptibility)},
    {VMCS_GUEST_ACTIVITY, AT(activity)},
    {VMCS_GUEST_PENDING_DEBUG, AT(pending_debug)},
    {VMCS_LINK_POINTER, AT(link_pointer)},
    {VMCS_GUEST_PDPTE, AT(pdpte[0])},
    {VMCS_GUEST_PDPTE + 2, AT(pdpte[1])},
    {VMCS_GUEST_PDPTE + 4, AT(pdpte[2])},
    {VMCS_GUEST_PDPTE + 6, AT(pdpte[3])},
    {VMCS_PIN_CONTROLS, AT(pin)},
    {VMCS_PRIMARY_CONTROLS, AT(primary)},
    {VMCS_SECONDARY_CONTROLS, AT(secondary)},
    {VMCS_ENTRY_CONTROLS, AT(entry)},
    {VMCS_ENTRY_EVENT, AT(event)},
    {VMCS_ENTRY_EVENT_ERROR, AT(event_error)},
    {VMCS_VPID, AT(vpid)},
    {VMCS_EPT_POINTER, AT(ept_pointer)},
};

void vmx_entry_read(struct vmx_entry *e)
{
    e->instruction_length = 0; /* Homestead injects no event that needs it */
    for (u32 i = 0; i < ARRAY_SIZE(e->segment); i++)
        e->segment[i] = (struct vmx_segment){.selector = vmread(VMCS_GUEST_SELECTOR + 2 * i),
                                             .limit = vmread(VMCS_GUEST_LIMIT + 2 * i),
                                             .access_rights = vmread(VMCS_GUEST_ACCESS_RIGHTS + 2 * i),
                                             .base = vmread(VMCS_GUEST_BASE + 2 * i)};
    for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
        *(u64 *)((u8 *)e + fields[i].at) = vmread(fields[i].field);
}
