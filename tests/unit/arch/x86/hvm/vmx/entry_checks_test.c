/* The checks of a VM entry: four states that a CPU enters, and for each rule a change that breaks it. */
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/vmx/entry_checks.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <arch/x86/hvm/vmx/vmcs.h>

#define MADDR_BITS 39u
#define TF         0x100ull
#define IF         0x200ull
#define VM         BIT(17)
#define SEG(n, member) \
    (offsetof(struct vmx_entry, segment) + VMCS_##n * sizeof(struct vmx_segment) + \
     offsetof(struct vmx_segment, member))
#define AT(member)          offsetof(struct vmx_entry, member)
#define UNUSABLE            BIT(16)
#define EVENT(type, vector) (BIT(31) | (u64)(type) << 8 | (vector))

static const struct vmx_settings cpu = {.cr0_must = CR0_PE | CR0_NE | CR0_PG,
                                        .cr0_may = 0xffffffff,
                                        .cr4_must = BIT(13),
                                        .cr4_may = 0x3767ff,
                                        .maddr_bits = MADDR_BITS};

/* Windows is not set here: no event, active. */
enum start { LONG, PROTECTED, REAL, V86 };

static struct vmx_entry state_of(enum start start)
{
    const struct vmx_segment data = {0x10, 0xffffffff, 0xc093, 0};
    struct vmx_entry e = {
        .segment = {data,
                    {8, 0xffffffff, start == LONG ? 0xa09b : 0xc09b, 0},
                    data,
                    data,
                    data,
                    data,
                    {0, 0, UNUSABLE, 0},
                    {0x18, 0x67, 0x8b, 0}},
        .gdtr_limit = 0x7f,
        .idtr_limit = 0xfff,
        .cr0 = CR0_PE | CR0_ET | CR0_NE | (start == LONG ? CR0_PG : 0),
        .cr4 = BIT(13) | (start == LONG ? CR4_PAE : 0),
        .dr7 = 0x400,
        .pat = 0x0007040600070406,
        .efer = start == LONG ? EFER_LME | EFER_LMA : 0,
        .rip = start == LONG ? 0xffffffff81000000 : 0x1000,
        .rflags = 2 | IF | (start == V86 ? VM : 0),
        .link_pointer = ~0ull,
        .pin = PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS,
        .primary = PRIMARY_SECONDARY,
        .secondary = SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED_GUEST,
        .entry = ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER | (start == LONG ? ENTRY_GUEST_64 : 0),
        .vpid = 1,
        .ept_pointer = 0x12345605e,
    };

    if (start == REAL) {
        e.cr0 &= ~CR0_PE;
        for (u32 i = VMCS_ES; i <= VMCS_GS; i++)
            e.segment[i] = (struct vmx_segment){0, 0xffff, i == VMCS_CS ? 0x9b : 0x93, 0};
    }
    if (start == V86)
        for (u32 i = VMCS_ES; i <= VMCS_GS; i++)
            e.segment[i] = (struct vmx_segment){0x1234, 0xffff, 0xf3, 0x12340};
    return e;
}

static const struct row {
    enum start start;
    struct {
        u32 at; /* + 1, so that 0 is none */
        u64 value;
    } set[3];
    const char *field, *rule; /* NULL: the CPU enters */
} rows[] = {
#define SET(where, what) \
    { \
        (where) + 1, (what) \
    }
    {LONG, {{0, 0}}, NULL, NULL},
    {PROTECTED, {{0, 0}}, NULL, NULL},
    {REAL, {{0, 0}}, NULL, NULL},
    {V86, {{0, 0}}, NULL, NULL},
    /* controls */
    {LONG, {SET(AT(pin), PIN_VIRTUAL_NMIS)}, "pin-based", "need NMI exiting"},
    {LONG,
     {SET(AT(pin), PIN_NMI), SET(AT(primary), PRIMARY_SECONDARY | PRIMARY_NMI_WINDOW)},
     "primary",
     "virtual NMIs"},
    {LONG, {SET(AT(vpid), 0)}, "VPID", "not be 0"},
    {LONG, {SET(AT(secondary), SECONDARY_UNRESTRICTED_GUEST)}, "secondary", "needs EPT"},
    {LONG, {SET(AT(ept_pointer), 0x1000 | 0x18 | 1)}, "EPT pointer", "bits 2:0"},
    {LONG, {SET(AT(ept_pointer), 0x1000 | 0x20 | 6)}, "EPT pointer", "bits 5:3"},
    {LONG, {SET(AT(ept_pointer), 0x1080 | 0x1e)}, "EPT pointer", "bits 11:7"},
    {LONG, {SET(AT(ept_pointer), BIT(39) | 0x1e)}, "EPT pointer", "bits 11:7"},
    /* events */
    {LONG, {SET(AT(event), EVENT(0, 0x41))}, NULL, NULL},
    {LONG, {SET(AT(event), EVENT(2, 2))}, NULL, NULL},
    {LONG, {SET(AT(event), EVENT(3, 14) | BIT(11)), SET(AT(event_error), 6)}, NULL, NULL},
    {LONG, {SET(AT(event), EVENT(4, 0x80)), SET(AT(instruction_length), 2)}, NULL, NULL},
    {LONG, {SET(AT(event), EVENT(1, 0x41))}, "event", "type 1"},
    {LONG, {SET(AT(event), EVENT(2, 3))}, "event", "vector 2"},
    {LONG, {SET(AT(event), EVENT(3, 32))}, "event", "at most 31"},
    {LONG, {SET(AT(event), EVENT(7, 1))}, "event", "vector 0"},
    {LONG, {SET(AT(event), EVENT(3, 13))}, "event", "bit 11"},
    {LONG, {SET(AT(event), EVENT(3, 6) | BIT(11))}, "event", "bit 11"},
    {REAL, {SET(AT(event), EVENT(3, 13) | BIT(11))}, "event", "bit 11"},
    {REAL, {SET(AT(event), EVENT(3, 13))}, NULL, NULL},
    {LONG, {SET(AT(event), EVENT(0, 0x41) | BIT(11))}, "event", "bit 11"},
    {LONG, {SET(AT(event), EVENT(0, 0x41) | BIT(12))}, "event", "30:12"},
    {LONG, {SET(AT(event), EVENT(3, 14) | BIT(11)), SET(AT(event_error), BIT(16))}, "error code", "31:16"},
    {LONG, {SET(AT(event), EVENT(6, 3))}, "length", "1 to 15"},
    {LONG, {SET(AT(event), EVENT(4, 3)), SET(AT(instruction_length), 16)}, "length", "1 to 15"},
    {LONG, {SET(AT(event), 0x7fffffff)}, NULL, NULL}, /* not valid */
    /* control registers and MSRs */
    {LONG, {SET(AT(cr0), CR0_PE | CR0_PG)}, "CR0", "needs is clear"},
    {LONG, {SET(AT(cr0), CR0_PE | CR0_PG | CR0_NE | BIT(32))}, "CR0", "not allow"},
    {LONG,
     {SET(AT(cr0), CR0_PE | CR0_PG | CR0_NE | CR0_NW | CR0_CD)},
     NULL,
     NULL}, /* those two are not looked at */
    {PROTECTED, {SET(AT(secondary), SECONDARY_EPT | SECONDARY_VPID)}, "CR0", "needs is clear"},
    {PROTECTED, {SET(AT(cr0), CR0_NE | CR0_PG)}, "CR0", "PG needs PE"},
    {LONG, {SET(AT(cr4), CR4_PAE)}, "CR4", "needs is clear"},
    {LONG, {SET(AT(cr4), CR4_PAE | BIT(13) | CR4_LA57)}, "CR4", "not allow"},
    {LONG, {SET(AT(cr0), CR0_PE | CR0_NE)}, "CR0", "IA-32e"},
    {LONG, {SET(AT(cr4), BIT(13))}, "CR4", "needs PAE"},
    {PROTECTED, {SET(AT(cr4), BIT(13) | CR4_PCIDE)}, "CR4", "PCIDE"},
    {LONG, {SET(AT(cr3), BIT(39))}, "CR3", "beyond"},
    {LONG, {SET(AT(cr3), BIT(63))}, "CR3", "beyond"},
    {LONG, {SET(AT(debugctl), BIT(3))}, "IA32_DEBUGCTL", "reserved"},
    {LONG, {SET(AT(dr7), BIT(32))}, "DR7", "63:32"},
    {LONG, {SET(AT(sysenter_esp), BIT(47))}, "IA32_SYSENTER_ESP", "canonical"},
    {LONG, {SET(AT(sysenter_eip), BIT(47))}, "IA32_SYSENTER_EIP", "canonical"},
    {LONG, {SET(AT(pat), 0x0007040600070402)}, "IA32_PAT", "memory type"},
    {LONG, {SET(AT(efer), EFER_LME | EFER_LMA | EFER_SVME)}, "IA32_EFER", "reserved"},
    {LONG, {SET(AT(efer), EFER_LME)}, "IA32_EFER", "IA-32e mode guest"},
    {PROTECTED, {SET(AT(efer), EFER_LME | EFER_LMA)}, "IA32_EFER", "IA-32e mode guest"},
    {PROTECTED, {SET(AT(efer), EFER_LME)}, NULL, NULL},
    {PROTECTED,
     {SET(AT(efer), EFER_LME), SET(AT(cr0), CR0_PE | CR0_NE | CR0_PG)},
     "IA32_EFER",
     "must be LME"},
    /* segments */
    {V86, {SET(SEG(FS, base), 0x1234)}, "FS", "times 16"},
    {V86, {SET(SEG(SS, limit), 0xfffff)}, "SS", "0xffff"},
    {V86, {SET(SEG(CS, access_rights), 0x9b)}, "CS", "0xf3"},
    {LONG, {SET(SEG(CS, access_rights), 0xa09a)}, "CS", "accessed code"},
    {LONG, {SET(SEG(CS, access_rights), 0xc093), SET(AT(rip), 0x1000)}, NULL, NULL},
    {PROTECTED, {SET(SEG(CS, access_rights), 0xc0f3)}, "CS", "DPL 0"},
    {LONG, {SET(SEG(CS, access_rights), 0xa0fb)}, "CS", "is SS's"},
    {LONG, {SET(SEG(CS, access_rights), 0xa0ff)}, "CS", "at most"},
    {LONG, {SET(SEG(CS, access_rights), 0xa0ff), SET(SEG(SS, access_rights), 0xc0f3)}, NULL, NULL},
    {LONG, {SET(SEG(CS, access_rights), 0xe09b)}, "CS", "L and D"},
    {LONG, {SET(SEG(CS, base), BIT(32))}, "CS", "63:32"},
    {LONG, {SET(SEG(SS, access_rights), 0xc091)}, "SS", "writable"},
    {LONG, {SET(SEG(SS, access_rights), UNUSABLE)}, NULL, NULL},
    {REAL, {SET(SEG(SS, access_rights), 0xf3), SET(SEG(CS, access_rights), 0xfb)}, "SS", "DPL must be 0"},
    {PROTECTED,
     {SET(SEG(SS, access_rights), 0xc0f3), SET(SEG(CS, access_rights), 0xc093)},
     "SS",
     "DPL must be 0"},
    {LONG, {SET(AT(secondary), SECONDARY_EPT | SECONDARY_VPID)}, NULL, NULL},
    {LONG,
     {SET(AT(secondary), SECONDARY_EPT | SECONDARY_VPID), SET(SEG(SS, selector), 0x11)},
     "SS",
     "RPL must be CS's"},
    {LONG,
     {SET(AT(secondary), SECONDARY_EPT | SECONDARY_VPID), SET(SEG(SS, selector), 0x13),
      SET(SEG(CS, selector), 0x13)},
     "SS",
     "DPL must be the RPL"},
    {LONG,
     {SET(AT(secondary), SECONDARY_EPT | SECONDARY_VPID), SET(SEG(DS, selector), 0x13)},
     "DS",
     "below the RPL"},
    {LONG, {SET(SEG(DS, access_rights), 0xc092)}, "DS", "accessed"},
    {LONG, {SET(SEG(ES, access_rights), 0xc099)}, "ES", "readable"},
    {LONG, {SET(SEG(GS, access_rights), 0xc083)}, "GS", "S must be set"},
    {LONG, {SET(SEG(FS, access_rights), 0xc013)}, "FS", "P must be set"},
    {LONG, {SET(SEG(FS, access_rights), 0xc193)}, "FS", "reserved"},
    {LONG, {SET(SEG(DS, access_rights), BIT(17) | 0xc093)}, "DS", "reserved"},
    {LONG, {SET(SEG(DS, base), BIT(32))}, "DS", "63:32"},
    {LONG, {SET(SEG(FS, base), BIT(32))}, NULL, NULL},
    {LONG, {SET(SEG(FS, base), BIT(47))}, "FS", "canonical"},
    {LONG, {SET(SEG(GS, base), BIT(47)), SET(SEG(GS, access_rights), UNUSABLE)}, "GS", "canonical"},
    {LONG, {SET(SEG(DS, limit), 0xfffff), SET(SEG(DS, access_rights), 0xc093)}, NULL, NULL},
    {LONG, {SET(SEG(DS, limit), 0xffffe)}, "DS", "G must be clear"},
    {LONG, {SET(SEG(DS, access_rights), 0x4093)}, "DS", "G must be set"},
    {LONG, {SET(SEG(TR, selector), 4)}, "TR", "TI"},
    {LONG, {SET(SEG(TR, base), BIT(47))}, "TR", "canonical"},
    {LONG, {SET(SEG(TR, access_rights), UNUSABLE | 0x8b)}, "TR", "usable"},
    {LONG, {SET(SEG(TR, access_rights), 0x83)}, "TR", "busy"},
    {PROTECTED, {SET(SEG(TR, access_rights), 0x83)}, NULL, NULL},
    {PROTECTED, {SET(SEG(TR, access_rights), 0x89)}, "TR", "busy"},
    {LONG, {SET(SEG(TR, access_rights), 0x9b)}, "TR", "S must be clear"},
    {LONG, {SET(SEG(TR, access_rights), 0x0b)}, "TR", "P must be set"},
    {LONG, {SET(SEG(TR, access_rights), 0x18b)}, "TR", "reserved"},
    {LONG, {SET(SEG(TR, access_rights), 0x808b)}, "TR", "G must be clear"},
    {LONG, {SET(SEG(LDTR, access_rights), 0x82)}, NULL, NULL},
    {LONG, {SET(SEG(LDTR, access_rights), 0x83)}, "LDTR", "an LDT"},
    {LONG, {SET(SEG(LDTR, access_rights), 0x82), SET(SEG(LDTR, selector), 4)}, "LDTR", "TI"},
    {LONG, {SET(SEG(LDTR, selector), 4)}, NULL, NULL}, /* unusable */
    /* tables, RIP, flags */
    {LONG, {SET(AT(gdtr_base), BIT(47))}, "GDTR", "canonical"},
    {LONG, {SET(AT(idtr_base), BIT(47))}, "IDTR", "canonical"},
    {LONG, {SET(AT(gdtr_limit), 0x10000)}, "GDTR", "31:16"},
    {LONG, {SET(AT(idtr_limit), 0x10000)}, "IDTR", "31:16"},
    {PROTECTED, {SET(AT(rip), BIT(32))}, "RIP", "63:32"},
    {LONG, {SET(AT(rip), BIT(32)), SET(SEG(CS, access_rights), 0xc09b)}, "RIP", "63:32"},
    {LONG, {SET(AT(rip), BIT(47))}, NULL, NULL}, /* after an instruction at the end of the lower half */
    {LONG, {SET(AT(rip), BIT(48))}, "RIP", "63:48"},
    {LONG, {SET(AT(rflags), BIT(15) | 2)}, "RFLAGS", "reserved"},
    {LONG, {SET(AT(rflags), 0)}, "RFLAGS", "bit 1"},
    {REAL, {SET(AT(rflags), VM | 2), SET(AT(cr0), CR0_PE | CR0_NE)}, "ES", "0xf3"},
    {LONG, {SET(AT(rflags), 2), SET(AT(event), EVENT(0, 0x41))}, "RFLAGS", "IF must be set"},
    /* no registers */
    {LONG, {SET(AT(activity), 4)}, "activity", "no such state"},
    {LONG,
     {SET(AT(activity), 1), SET(SEG(SS, access_rights), 0xc0f3), SET(SEG(CS, access_rights), 0xa0fb)},
     "activity",
     "DPL 0"},
    {LONG, {SET(AT(activity), 1), SET(AT(interruptibility), 1)}, "activity", "must be active"},
    {LONG, {SET(AT(activity), 1), SET(AT(event), EVENT(0, 0x41))}, NULL, NULL},
    {LONG, {SET(AT(activity), 1), SET(AT(event), EVENT(3, 6))}, "activity", "cannot come"},
    {LONG, {SET(AT(activity), 2), SET(AT(event), EVENT(0, 0x41))}, "activity", "cannot come"},
    {LONG, {SET(AT(activity), 3), SET(AT(event), EVENT(2, 2))}, "activity", "cannot come"},
    {LONG, {SET(AT(interruptibility), 0x20)}, "interruptibility", "reserved"},
    {LONG, {SET(AT(interruptibility), 3)}, "interruptibility", "at once"},
    {LONG, {SET(AT(interruptibility), 1), SET(AT(rflags), 2)}, "interruptibility", "IF clear"},
    {LONG,
     {SET(AT(interruptibility), 2), SET(AT(event), EVENT(0, 0x41))},
     "interruptibility",
     "an interrupt is"},
    {LONG, {SET(AT(interruptibility), 2), SET(AT(event), EVENT(2, 2))}, "interruptibility", "an NMI is"},
    {LONG, {SET(AT(interruptibility), 4)}, "interruptibility", "SMI"},
    {LONG, {SET(AT(interruptibility), 8)}, NULL, NULL},
    {LONG,
     {SET(AT(interruptibility), 8), SET(AT(event), EVENT(2, 2))},
     "interruptibility",
     "one is injected"},
    {LONG, {SET(AT(pending_debug), 0x10)}, "pending debug", "reserved"},
    {LONG, {SET(AT(pending_debug), BIT(16))}, "pending debug", "RTM"},
    {LONG, {SET(AT(pending_debug), BIT(14))}, NULL, NULL},
    {LONG, {SET(AT(pending_debug), BIT(14)), SET(AT(interruptibility), 2)}, "pending debug", "BS"},
    {LONG, {SET(AT(rflags), 2 | TF | IF), SET(AT(interruptibility), 1)}, "pending debug", "BS"},
    {LONG,
     {SET(AT(rflags), 2 | TF | IF), SET(AT(interruptibility), 1), SET(AT(pending_debug), BIT(14))},
     NULL,
     NULL},
    {LONG, {SET(AT(rflags), 2 | TF | IF), SET(AT(interruptibility), 1), SET(AT(debugctl), 2)}, NULL, NULL},
    {LONG, {SET(AT(link_pointer), 0x800)}, "VMCS link", "11:0"},
    /* PAE paging */
    {PROTECTED, {SET(AT(cr0), CR0_PE | CR0_NE | CR0_PG), SET(AT(cr4), BIT(13) | CR4_PAE)}, NULL, NULL},
    {PROTECTED,
     {SET(AT(cr0), CR0_PE | CR0_NE | CR0_PG), SET(AT(cr4), BIT(13) | CR4_PAE), SET(AT(pdpte[3]), 0x1003)},
     "PDPTE",
     "reserved"},
    {PROTECTED,
     {SET(AT(cr0), CR0_PE | CR0_NE | CR0_PG), SET(AT(cr4), BIT(13) | CR4_PAE),
      SET(AT(pdpte[0]), BIT(39) | 1)},
     "PDPTE",
     "reserved"},
    {PROTECTED,
     {SET(AT(cr0), CR0_PE | CR0_NE | CR0_PG), SET(AT(cr4), BIT(13) | CR4_PAE), SET(AT(pdpte[0]), 0x1002)},
     NULL,
     NULL},
};

TEST(each_rule)
{
    for_each_row (i, rows) {
        const struct row *row = &rows[i];
        struct vmx_entry e = state_of(row->start);

        for (u32 j = 0; j < ARRAY_SIZE(row->set) && row->set[j].at; j++)
            *(u64 *)((u8 *)&e + row->set[j].at - 1) = row->set[j].value;
        struct vmx_refusal r = vmx_entry_check(&e, &cpu);
        if (!row->rule) {
            if (r.rule)
                fail_msg("row %u: %s: %s (0x%llx)", i, r.field, r.rule, (unsigned long long)r.value);
            continue;
        }
        if (!r.rule || strncmp(r.field, row->field, strlen(row->field)) || !strstr(r.rule, row->rule))
            fail_msg("row %u: found %s: %s, not %s: %s", i, r.field ? r.field : "nothing",
                     r.rule ? r.rule : "", row->field, row->rule);
    }
}

/* The copy has every field of the VMCS that the checks use. */
static u32 nr_read;

u64 vmread(u32 field)
{
    nr_read++;
    return field;
}

void vmwrite(u32 field, u64 value)
{
    (void)field;
    (void)value;
    fail();
}

TEST(the_copy)
{
    struct vmx_entry e;

    memset(&e, 0xa5, sizeof(e));
    vmx_entry_read(&e);
    assert_int_equal(nr_read, sizeof(e) / sizeof(u64) - 1); /* but for the length, which is 0 */
    assert_int_equal(e.segment[VMCS_TR].access_rights, 0x4822);
    assert_int_equal(e.segment[VMCS_ES].base, 0x6806);
    assert_int_equal(e.pdpte[3], 0x2810);
    assert_int_equal(e.event, 0x4016);
    assert_int_equal(e.instruction_length, 0);
    for (u32 i = 0; i < sizeof(e) / sizeof(u64); i++)
        assert_true(((u64 *)&e)[i] != 0xa5a5a5a5a5a5a5a5);
}
