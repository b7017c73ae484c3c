/*
 * A guest's own instructions, made by the helper: the modes of its local APIC, the registers in each mode, and
 * memory that is not there.
 */
#include <tests/guests/conformance/cases.h>

#define IA32_APIC_BASE 0x1bu
#define PAGE           0xfee00000ull
#define HOLE           0xd0000000ull

#define OFF    0x100u /* in the low bits of IA32_APIC_BASE of vCPU 0 */
#define XAPIC  0x900u
#define X2APIC 0xd00u
#define WRONG  0x500u

static void base_is(const char *name)
{
    u64 value;

    CASE_SHOW("apic.base", name, helper_rdmsr(IA32_APIC_BASE, &value), " value=%#lx cpuid=%u", value,
              helper_cpuid(1).edx >> 9 & 1);
}

static void set_base(const char *name, u64 low)
{
    u64 value;

    CASE_SHOW("apic.set_base", name, helper_wrmsr(IA32_APIC_BASE, PAGE | low), " reads=%#lx cpuid=%u",
              (helper_rdmsr(IA32_APIC_BASE, &value), value), helper_cpuid(1).edx >> 9 & 1);
}

static void in_page(const char *what)
{
    char name[32];

    for (u32 offset = 0; offset < 0x400; offset += 16) {
        snprintf(name, sizeof(name), "%s_%03x", what, offset);
        CASE_SHOW("apic.load", name, 0, " value=%#lx", helper_load(PAGE + offset, 4));
    }
}

static void in_msrs(const char *what)
{
    char name[32];
    u64 value;

    for (u32 msr = 0x800; msr < 0x840; msr++) {
        snprintf(name, sizeof(name), "%s_%03x", what, msr);
        CASE_SHOW("apic.rdmsr", name, helper_rdmsr(msr, &value), " value=%#lx", value);
    }
}

static void xapic_writes(void)
{
    static const struct {
        u32 offset, value;
    } writes[] = {
        {0x020, 0xff000000}, {0x030, 0xffffffff}, {0x080, 0x1ff},      {0x080, 0},
        {0x0d0, 0xffffffff}, {0x0d0, 0x01234567}, {0x0e0, 0},          {0x0e0, 0xffffffff},
        {0x0f0, 0xffffffff}, {0x0f0, 0x1ff},      {0x320, 0x100ff},    {0x320, 0x300e0},
        {0x330, 0xffffffff}, {0x340, 0xffffffff}, {0x350, 0x10700},    {0x360, 0x10400},
        {0x370, 0x100fe},    {0x350, 0xffffffff}, {0x370, 0xffffffff}, {0x310, 0xffffffff},
        {0x380, 0x12345678}, {0x380, 0},          {0x390, 5},          {0x3e0, 0xffffffff},
        {0x3e0, 0xb},        {0x0f0, 0xff},
    };
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(writes); i++) {
        snprintf(name, sizeof(name), "%03x_%x", writes[i].offset, writes[i].value);
        helper_store(PAGE + writes[i].offset, 4, writes[i].value);
        CASE_SHOW("apic.store", name, 0, " reads=%#lx", helper_load(PAGE + writes[i].offset, 4));
    }
    helper_store(PAGE + 0x80, 4, 0x57);
    CASE_SHOW("apic.load", "a_byte", 0, " value=%#lx", helper_load(PAGE + 0x80, 1));
    CASE_SHOW("apic.load", "a_word", 0, " value=%#lx", helper_load(PAGE + 0x80, 2));
    CASE_SHOW("apic.load", "the_second_byte_of_version", 0, " value=%#lx", helper_load(PAGE + 0x32, 1));
    helper_store(PAGE + 0x80, 1, 0x33);
    CASE_SHOW("apic.store", "a_byte", 0, " reads=%#lx", helper_load(PAGE + 0x80, 4));
    helper_store(PAGE + 0x80, 4, 0);
}

static void x2apic_writes(void)
{
    static const struct {
        u32 msr;
        u64 value;
    } writes[] = {
        {0x802, 4}, {0x803, 0}, {0x808, 0x35},    {0x808, 0x100},   {0x808, 0},     {0x80b, 1},
        {0x80b, 0}, {0x80d, 1}, {0x80e, 1},       {0x80f, 0x2ff},   {0x80f, 0x1ff}, {0x80f, BIT(20)},
        {0x828, 1}, {0x828, 0}, {0x832, 0x100e0}, {0x832, BIT(20)}, {0x831, 0},     {0x838, BIT(32)},
        {0x839, 1}, {0x83e, 4}, {0x83e, 0xb},     {0x83f, 0x100},
    };
    char name[32];
    u64 value;

    for (u32 i = 0; i < ARRAY_SIZE(writes); i++) {
        snprintf(name, sizeof(name), "%03x_%lx", writes[i].msr, writes[i].value);
        CASE_SHOW("apic.wrmsr", name, helper_wrmsr(writes[i].msr, writes[i].value), " reads=%#lx",
                  (helper_rdmsr(writes[i].msr, &value), value));
    }
}

static void modes(void)
{
    base_is("fresh");
    set_base("xapic_to_xapic", XAPIC);
    set_base("xapic_to_wrong", WRONG);
    set_base("reserved_bit_0", XAPIC | 1);
    set_base("reserved_bit_9", XAPIC | 0x200);
    set_base("address_bit_52", XAPIC | BIT(52));
    set_base("not_the_bsp", XAPIC & ~0x100u);
    set_base("the_bsp", XAPIC);
    helper_store(PAGE + 0xd0, 4, 0x77000000);
    set_base("xapic_to_off", OFF);
    CASE_SHOW("apic.load", "off_id", 0, " value=%#lx", helper_load(PAGE + 0x20, 4));
    in_msrs("off");
    set_base("off_to_off", OFF);
    set_base("off_to_x2apic", X2APIC);
    set_base("off_to_wrong", WRONG);
    set_base("off_to_xapic", XAPIC);
    CASE_SHOW("apic.load", "again_ldr", 0, " value=%#lx", helper_load(PAGE + 0xd0, 4));
    set_base("xapic_to_x2apic", X2APIC);
    CASE_SHOW("apic.load", "x2apic_version", 0, " value=%#lx", helper_load(PAGE + 0x30, 4));
    in_msrs("x2apic");
    x2apic_writes();
    set_base("x2apic_to_x2apic", X2APIC);
    set_base("x2apic_to_xapic", XAPIC);
    set_base("x2apic_to_wrong", WRONG);
    set_base("x2apic_to_off", OFF);
    set_base("off_to_xapic_again", XAPIC);
}

static void no_memory(void)
{
    char name[32];

    for (u32 bytes = 1; bytes <= 8; bytes *= 2) {
        snprintf(name, sizeof(name), "%u_bytes", bytes);
        CASE_SHOW("nothing.load", name, 0, " value=%#lx", helper_load(HOLE + 8 * bytes, bytes));
        helper_store(HOLE + 8 * bytes, bytes, 0x5555555555555555);
        CASE_SHOW("nothing.store", name, 0, " reads=%#lx", helper_load(HOLE + 8 * bytes, bytes));
    }
    CASE_SHOW("nothing.load", "across_pages", 0, " value=%#lx", helper_load(HOLE + 0xffd, 8));
    CASE_SHOW("nothing.load", "beside_the_apic", 0, " value=%#lx", helper_load(PAGE + 0x1020, 4));
}

void cases_apic(void)
{
    helper_start();
    no_memory();
    in_page("fresh");
    in_msrs("xapic");
    xapic_writes();
    modes();
    helper_stop();
}
