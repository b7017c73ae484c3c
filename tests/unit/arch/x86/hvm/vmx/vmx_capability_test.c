/* What makes a CPU fit for VMX guests, on capabilities as real CPUs and Bochs' models have them. */
#include <arch/x86/hvm/vmx/capability.h>
#include <arch/x86/hvm/vmx/vmcs.h>
#include <tests/machine/test.h>

/* Bits that must be set in the low half, bits that may be in the high half. */
#define CONTROL(must, may) ((u64)(may) << 32 | (must))

/* Bochs 2.7's corei7_haswell_4770, TRUE MSRs, as its firmware leaves it. */
static const struct vmx_capabilities haswell = {
    .vmx = true,
    .basic = 0x00d8040000000010ull | BIT(55),
    .pin = CONTROL(0x16, 0x7f),
    .primary = CONTROL(0x04006172, 0xfff9fffe),
    .secondary = CONTROL(0, 0x77ff),
    .exit = CONTROL(0x36dfb, 0x7fffff),
    .entry = CONTROL(0x11fb, 0xffff),
    .misc = 0x300481e5,
    .cr0_fixed0 = 0x80000021,
    .cr0_fixed1 = 0xffffffff,
    .cr4_fixed0 = 0x2000,
    .cr4_fixed1 = 0x1767ff,
    .ept_vpid = 0xf0106334141ull,
};

static struct vmx_capabilities c;
static struct vmx_settings s;

static void setup(void)
{
    c = haswell;
    memset(&s, 0, sizeof(s));
}

static void refused(const char *word)
{
    const struct vmx_settings before = s;
    const char *why = vmx_decide(&c, &s);

    assert_non_null(why);
    if (!strstr(why, word))
        fail_msg("'%s' does not have '%s'", why, word);
    assert_memory_equal(&s, &before, sizeof(s));
    c = haswell;
}

TEST(what_is_chosen)
{
    assert_null(vmx_decide(&c, &s));
    assert_int_equal(s.revision, 0x10);
    assert_int_equal(s.timer_shift, 5);
    assert_int_equal(s.pin,
                     0x16 | PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS | PIN_PREEMPTION_TIMER);
    assert_int_equal(s.secondary,
                     SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED_GUEST | SECONDARY_WBINVD);
    /* Neither CR3 nor INVLPG, RDTSC, DR or PAUSE exits. */
    assert_int_equal(s.primary & (PRIMARY_CR3_LOAD | PRIMARY_CR3_STORE | PRIMARY_INVLPG | PRIMARY_RDTSC |
                                  PRIMARY_MOV_DR | PRIMARY_PAUSE),
                     0);
    assert_int_equal(s.primary & 0x04006172, 0x04006172); /* what must be on is */
    assert_int_equal(s.entry & ENTRY_GUEST_64, 0);
    assert_int_equal(s.cr0_must, 0x80000021);
    assert_int_equal(s.cr4_may, 0x1767ff);
}

TEST(what_is_missing)
{
    c = (struct vmx_capabilities){0};
    refused("no VMX");
    c.feature_control = FEATURE_CONTROL_LOCK;
    refused("set-up");
    c.feature_control = FEATURE_CONTROL_LOCK | BIT(1); /* inside SMX only */
    refused("IA32_FEATURE_CONTROL");
    c.secondary = CONTROL(0, 0x77ff & ~SECONDARY_EPT);
    refused("no EPT");
    c.primary &= ~(PRIMARY_SECONDARY << 32); /* no secondary controls */
    refused("no EPT");
    c.secondary = CONTROL(0, 0x77ff & ~SECONDARY_UNRESTRICTED_GUEST);
    refused("no unrestricted guests");
    c.secondary = CONTROL(0, 0x77ff & ~SECONDARY_VPID);
    refused("no VPID");
    c.pin = CONTROL(0x16, 0x1f);
    refused("virtual NMIs");
    c.primary = CONTROL(0x0401e172, 0xfff9fffe); /* the old MSR: CR3 exits */
    refused("TRUE");
    c.exit = CONTROL(0x36dfb, 0x7fffff & ~EXIT_SAVE_EFER);
    refused("EFER");
    c.entry = CONTROL(0x11fb, 0xffff & ~ENTRY_LOAD_PAT);
    refused("IA32_PAT");
    c.basic |= BIT(48);
    refused("memory");
    c.basic &= ~(0xfull << 50); /* uncached */
    refused("memory");
}

TEST(what_may_be_missing)
{
    c.pin = CONTROL(0x16, 0x3f);
    c.feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX;
    assert_null(vmx_decide(&c, &s));
    assert_int_equal(s.pin & PIN_PREEMPTION_TIMER, 0);
    c.secondary = CONTROL(0, 0x77ff | SECONDARY_ENCLS);
    assert_null(vmx_decide(&c, &s));
    assert_true(s.secondary & SECONDARY_ENCLS);
}

static void left_out(const char *word)
{
    const char *why = vmx_misfit(&s, &c);

    assert_non_null(why);
    if (!strstr(why, word))
        fail_msg("'%s' does not have '%s'", why, word);
    c = haswell;
}

TEST(a_cpu_that_is_not_like_the_first)
{
    assert_null(vmx_decide(&c, &s));
    assert_null(vmx_misfit(&s, &c));
    c.feature_control = FEATURE_CONTROL_LOCK;
    left_out("locked VMX off");
    c.basic++;
    left_out("another form");
    c.pin &= ~(PIN_PREEMPTION_TIMER << 32);
    left_out("other controls");
    c.secondary |= SECONDARY_ENCLS << 32;
    left_out("other controls");
    c.misc++;
    left_out("another rate");
    c.cr4_fixed1 &= ~BIT(20); /* no SMEP */
    left_out("other bits");
    c.maddr_bits = 46;
    left_out("another width");
    c.secondary |= BIT(63); /* what Homestead does not use */
    assert_null(vmx_misfit(&s, &c));
}

FIXTURE(setup, NULL)
