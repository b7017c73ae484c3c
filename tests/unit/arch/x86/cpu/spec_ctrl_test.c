/*
 * What is decided for the CPUs of both vendors, with and without the microcode that brings the controls; properties of
 * every decision, on random enumerations; and the measures of one entry.
 *
 * Facts of a row: which issues a CPU has is in Intel's list of affected processors (Intel_affected_processor_list.csv, a
 * row per family, model and stepping) and in AMD's bulletins named beside it; bits are those of the vendors' enumeration
 * documents in spec_ctrl.h.
 *
 * lint: long: a table of CPUs, and properties of one function.
 */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/spec_ctrl_enter.h>

#define EDX7_2018 (CPUID7_EDX_IBRSB | CPUID7_EDX_STIBP | CPUID7_EDX_L1D_FLUSH | CPUID7_EDX_SSBD)
#define EDX7_2019 (EDX7_2018 | CPUID7_EDX_MD_CLEAR)
#define EDX7_CAPS (EDX7_2019 | CPUID7_EDX_ARCH_CAPS)

#define CAPS_CLX \
    (ARCH_CAPS_RDCL_NO | ARCH_CAPS_IBRS_ALL | ARCH_CAPS_SKIP_L1DFL | ARCH_CAPS_MDS_NO | ARCH_CAPS_TSX_CTRL | \
     ARCH_CAPS_FB_CLEAR)
#define CAPS_ICX (CAPS_CLX | ARCH_CAPS_TAA_NO)
#define CAPS_SPR (CAPS_ICX | ARCH_CAPS_SBDR_SSDP_NO | ARCH_CAPS_FBSDP_NO | ARCH_CAPS_PSDP_NO)
/* Gracemont: no TSX, no stale data by device memory, the last return apart. */
#define CAPS_ADN ((CAPS_SPR & ~(ARCH_CAPS_TSX_CTRL | ARCH_CAPS_FB_CLEAR)) | ARCH_CAPS_PBRSB_NO)

#define EBX88_ZEN2 (CPUID88_EBX_IBPB | CPUID88_EBX_IBRS | CPUID88_EBX_STIBP | CPUID88_EBX_SSBD)
#define EBX88_ZEN3 (EBX88_ZEN2 | CPUID88_EBX_BTC_NO)
#define EBX88_ZEN4 (EBX88_ZEN3 | CPUID88_EBX_IBPB_RET)
#define SRSO_UCODE (CPUID821_SBPB | CPUID821_IBPB_BRTYPE)

#define INTEL(f, m, s, ...) \
    { \
        .vendor = SPEC_INTEL, .family = f, .model = m, .stepping = s, __VA_ARGS__ \
    }
#define AMD(f, m, ...) \
    { \
        .vendor = SPEC_AMD, .family = f, .model = m, __VA_ARGS__ \
    }

static const struct expected {
    const char *name;
    struct spec_ctrl_cpu cpu;
    const char *needs, *done, *open;
    u64 host, guest;
} table[] = {
    {"Haswell-EP", INTEL(6, 0x3f, 2, .edx7 = EDX7_2019), "bti,l1tf,mds", "ibpb,l1d-flush,ibrs,rsb", "none", 1,
     0},
    {"Haswell-EP, microcode of 2017", INTEL(6, 0x3f, 2), "bti,l1tf,mds", "none", "bti,l1tf,mds", 0, 0},
    {"Haswell-EP, microcode of 2018", INTEL(6, 0x3f, 2, .edx7 = EDX7_2018), "bti,l1tf,mds",
     "ibpb,l1d-flush,ibrs,rsb", "mds", 1, 0},
    {"Broadwell-EP", INTEL(6, 0x4f, 1, .edx7 = EDX7_2019, .ebx7 = CPUID7_EBX_RTM), "bti,l1tf,mds,taa",
     "ibpb,l1d-flush,ibrs,rsb", "none", 1, 0},
    /* Its capabilities have RSBA, bit 2, only: IBRS, not retpolines, is what holds there. */
    {"Skylake-SP",
     INTEL(6, 0x55, 4, .edx7 = EDX7_CAPS, .ebx7 = CPUID7_EBX_RTM, .arch_caps = BIT(2), .smt = true),
     "bti,l1tf,mds,taa", "ibpb,l1d-flush,ibrs,rsb", "none", 1, 0},
    {"Skylake-SP below a hypervisor that flushes",
     INTEL(6, 0x55, 4, .edx7 = EDX7_CAPS, .arch_caps = ARCH_CAPS_SKIP_L1DFL, .emulated = true),
     "bti,l1tf,mds", "ibpb,verw,ibrs,rsb", "none", 1, 0},
    {"Cascade Lake", INTEL(6, 0x55, 7, .edx7 = EDX7_CAPS, .ebx7 = CPUID7_EBX_RTM, .arch_caps = CAPS_CLX),
     "bti,bhi,its,taa", "ibpb,pbrsb,eibrs,tsx-off", "bhi,its", 1, 1},
    {"Cascade Lake, TSX without its switch",
     INTEL(6, 0x55, 7, .edx7 = EDX7_CAPS, .ebx7 = CPUID7_EBX_RTM,
           .arch_caps = CAPS_CLX & ~ARCH_CAPS_TSX_CTRL),
     "bti,bhi,its,taa", "ibpb,verw,pbrsb,eibrs", "bhi,its", 1, 1},
    {"Ice Lake-SP", INTEL(6, 0x6a, 6, .edx7 = EDX7_CAPS, .ebx7 = CPUID7_EBX_RTM, .arch_caps = CAPS_ICX),
     "bti,bhi", "ibpb,pbrsb,eibrs", "bhi", 1, 1},
    {"Sapphire Rapids",
     INTEL(6, 0x8f, 8, .edx7 = EDX7_CAPS, .ebx7 = CPUID7_EBX_RTM, .edx7_2 = CPUID7_2_EDX_BHI,
           .arch_caps = CAPS_SPR),
     "bti,bhi", "ibpb,pbrsb,eibrs,bhi-dis-s", "none", 0x401, 0x401},
    {"Granite Rapids",
     INTEL(6, 0xad, 1, .edx7 = EDX7_CAPS, .edx7_2 = CPUID7_2_EDX_BHI,
           .arch_caps = CAPS_SPR | ARCH_CAPS_PBRSB_NO),
     "bti,bhi", "ibpb,eibrs,bhi-dis-s", "none", 0x401, 0x401},
    {"Alder Lake-N",
     INTEL(6, 0xbe, 0, .edx7 = EDX7_CAPS, .edx7_2 = CPUID7_2_EDX_BHI,
           .arch_caps = CAPS_ADN | ARCH_CAPS_RFDS_CLEAR),
     "bti,bhi,rfds", "ibpb,verw,eibrs,bhi-dis-s", "none", 0x401, 0x401},
    {"Alder Lake-N, microcode of 2023",
     INTEL(6, 0xbe, 0, .edx7 = EDX7_CAPS, .edx7_2 = CPUID7_2_EDX_BHI, .arch_caps = CAPS_ADN), "bti,bhi,rfds",
     "ibpb,eibrs,bhi-dis-s", "rfds", 0x401, 0x401},
    {"Goldmont (Denverton)",
     INTEL(6, 0x5f, 1, .edx7 = EDX7_CAPS & ~CPUID7_EDX_L1D_FLUSH,
           .arch_caps = ARCH_CAPS_RDCL_NO | ARCH_CAPS_RFDS_CLEAR),
     "bti,rfds", "ibpb,verw,ibrs,rsb", "none", 1, 0},
    {"Silvermont (Avoton)", INTEL(6, 0x4d, 8, .edx7 = EDX7_2019 & ~CPUID7_EDX_L1D_FLUSH), "bti,mds",
     "ibpb,verw,ibrs,rsb", "none", 1, 0},
    /* AMD-SB-1037 (BTC), AMD-SB-7005 (SRSO), AMD-SB-7007 (division on Zen 1). */
    {"Piledriver", AMD(0x15, 2, .ebx88 = CPUID88_EBX_IBPB), "bti,btc", "ibpb,ibpb-entry,rsb,lfence", "none",
     0, 0},
    {"Zen 1 (Naples)", AMD(0x17, 1, .ebx88 = CPUID88_EBX_IBPB, .smt = true), "bti,btc,srso,div",
     "ibpb,div-scrub,ibpb-entry,rsb,lfence", "none", 0, 0},
    {"Zen 1, microcode of 2017", AMD(0x17, 1, .smt = true), "bti,btc,srso,div", "div-scrub,lfence",
     "bti,btc,srso", 0, 0},
    {"Zen 2 (Rome)", AMD(0x17, 0x31, .ebx88 = EBX88_ZEN2, .smt = true), "bti,btc,srso",
     "ibpb,ibpb-entry,rsb,lfence", "none", 0, 0},
    {"Zen 2, one thread a core", AMD(0x17, 0x31, .ebx88 = EBX88_ZEN2), "bti,btc",
     "ibpb,ibpb-entry,rsb,lfence", "none", 0, 0},
    {"Zen 3 (Milan)", AMD(0x19, 1, .ebx88 = EBX88_ZEN3, .eax821 = CPUID821_LFENCE | SRSO_UCODE), "bti,srso",
     "ibpb,ibpb-entry,rsb", "none", 0, 0},
    {"Zen 3, microcode of 2022", AMD(0x19, 1, .ebx88 = EBX88_ZEN3, .eax821 = CPUID821_LFENCE), "bti,srso",
     "ibpb,ibrs,rsb", "srso", 1, 0},
    {"Zen 4 (Genoa)",
     AMD(0x19, 0x11, .ebx88 = EBX88_ZEN4, .eax821 = CPUID821_LFENCE | CPUID821_AUTO_IBRS | SRSO_UCODE),
     "bti,srso", "ibpb,ibpb-entry,auto-ibrs", "none", 0, 0},
    {"Zen 5 (Turin)",
     AMD(0x1a, 2, .ebx88 = EBX88_ZEN4,
         .eax821 = CPUID821_LFENCE | CPUID821_AUTO_IBRS | SRSO_UCODE | BIT(30) | CPUID821_SRSO_MSR_FIX),
     "bti,srso", "ibpb,auto-ibrs,bp-spec-reduce", "none", 0, 0},
    {"Hygon Dhyana",
     {.vendor = SPEC_HYGON, .family = 0x18, .ebx88 = CPUID88_EBX_IBPB, .smt = true},
     "bti,btc,srso,div",
     "ibpb,div-scrub,ibpb-entry,rsb,lfence",
     "none",
     0,
     0},
    {"QEMU's TCG", AMD(0xf, 0x6b, .emulated = true), "bti", "none", "bti", 0, 0},
    {"another vendor",
     {.vendor = SPEC_OTHER, .family = 7, .edx7 = ~0u, .ebx88 = ~0u, .eax821 = ~0u, .arch_caps = ~0ull},
     "none",
     "none",
     "none",
     0,
     0},
};

static struct spec_ctrl_plan decide(const struct spec_ctrl_cpu *cpu, struct spec_ctrl_choice choice)
{
    struct spec_ctrl_plan plan;

    spec_ctrl_decide(cpu, &choice, &plan);
    return plan;
}

static struct spec_ctrl_choice with(enum spec_ctrl_knob knob, u8 setting)
{
    struct spec_ctrl_choice choice = {.off = false};

    choice.knob[knob] = setting;
    return choice;
}

static const struct spec_ctrl_choice by_default;

TEST(each_cpu_gets_what_it_needs)
{
    for (const struct expected *e = table; e < table + ARRAY_SIZE(table); e++) {
        struct spec_ctrl_plan plan = decide(&e->cpu, by_default);
        char needs[SPEC_CTRL_WORDS], done[SPEC_CTRL_WORDS], open[SPEC_CTRL_WORDS];
        spec_ctrl_issue_words(plan.needs, needs);
        spec_ctrl_measure_words(plan.measures, done);
        spec_ctrl_issue_words(plan.open, open);
        if (strcmp(needs, e->needs) || strcmp(done, e->done) || strcmp(open, e->open))
            fail_msg("%s: needs %s, done %s, open %s", e->name, needs, done, open);
        if (plan.host != e->host || plan.guest != e->guest)
            fail_msg("%s: SPEC_CTRL 0x%lx and 0x%lx", e->name, plan.host, plan.guest);
        assert_true(plan.spare_dom0);
    }
}

/* CVE-2018-12207. Affected: Intel's list of affected processors, column "MCEPSC"; those that report that they are not do so
 * since Ice Lake, and Cascade Lake by its later steppings. */
TEST(pages_that_are_executed_and_change_their_size)
{
    static const struct {
        struct spec_ctrl_cpu cpu;
        bool machine_check;
    } cpus[] = {
        {INTEL(6, 0x2c, 2), true}, /* Westmere-EP */
        {INTEL(6, 0x3f, 2), true},
        {INTEL(6, 0x55, 4, .arch_caps = BIT(2)), true},
        {INTEL(6, 0x55, 7, .arch_caps = CAPS_CLX | ARCH_CAPS_PSCHANGE_NO), false},
        {INTEL(6, 0x6a, 6, .arch_caps = CAPS_ICX | ARCH_CAPS_PSCHANGE_NO), false},
        {INTEL(6, 0x4d, 8), false}, /* Silvermont */
        {INTEL(6, 0x57, 1), false}, /* Xeon Phi */
        {INTEL(6, 0x5f, 1), false}, /* Goldmont */
        {INTEL(6, 0x86, 4), false}, /* Tremont */
        {AMD(0x17, 1), false},
        {{.vendor = SPEC_OTHER, .family = 6, .model = 0x3f}, false},
    };

    for_each_row (i, cpus)
        assert_int_equal(spec_ctrl_size_mc(&cpus[i].cpu), cpus[i].machine_check);
}

TEST(the_barrier_between_domains_may_be_the_smaller_one)
{
    struct spec_ctrl_cpu zen = AMD(0x1a, 2, .ebx88 = EBX88_ZEN4, .eax821 = SRSO_UCODE | CPUID821_AUTO_IBRS);

    assert_int_equal(decide(&zen, by_default).on_switch, PRED_CMD_IBPB);
    zen.eax821 |= CPUID821_SRSO_NO;
    assert_int_equal(decide(&zen, by_default).on_switch, PRED_CMD_SBPB);
    zen.eax821 &= ~CPUID821_SBPB;
    assert_int_equal(decide(&zen, by_default).on_switch, PRED_CMD_IBPB);
}

TEST(options_force_and_forbid)
{
    const struct spec_ctrl_cpu icx = INTEL(6, 0x6a, 6, .edx7 = EDX7_CAPS, .arch_caps = CAPS_ICX);
    const struct spec_ctrl_cpu zen3 = AMD(0x19, 1, .ebx88 = EBX88_ZEN3, .eax821 = SRSO_UCODE);
    struct spec_ctrl_plan plan = decide(&icx, with(KNOB_VERW, SPEC_YES));

    assert_true(plan.measures & BIT(DO_VERW));
    plan = decide(&icx, with(KNOB_L1D_FLUSH, SPEC_YES));
    assert_true(plan.measures & BIT(DO_L1D_FLUSH));
    plan = decide(&icx, with(KNOB_UNPRIV_MMIO, SPEC_YES));
    assert_true((plan.needs & BIT(ISSUE_MMIO)) && !(plan.open & BIT(ISSUE_MMIO)) &&
                (plan.measures & BIT(DO_VERW)));
    plan = decide(&icx, with(KNOB_SSBD, SPEC_YES));
    assert_int_equal(plan.host, 5);
    assert_int_equal(plan.guest, 5);
    plan = decide(&icx, with(KNOB_IBRS, SPEC_NO));
    assert_true(!plan.host && (plan.open & BIT(ISSUE_BTI)));
    plan = decide(&icx, with(KNOB_RSB, SPEC_NO));
    assert_true(!(plan.measures & BIT(DO_PBRSB)) && (plan.open & BIT(ISSUE_BTI)));

    plan = decide(&zen3, with(KNOB_IBPB_ENTRY, SPEC_YES));
    assert_false(plan.spare_dom0);
    plan = decide(&zen3, with(KNOB_IBPB_ENTRY, SPEC_NO));
    assert_true((plan.measures & BIT(DO_IBRS)) && plan.open == BIT(ISSUE_SRSO));
    plan = decide(&zen3, with(KNOB_STIBP, SPEC_YES));
    assert_int_equal(plan.guest, 2);
}

TEST(a_test_takes_measures_that_the_cpu_lacks)
{
    const struct spec_ctrl_cpu none = AMD(0xf, 0x6b, .emulated = true);
    const struct spec_ctrl_choice choice = {.test = (u32)(BIT(DO_IBRS) | BIT(DO_VERW))};
    struct spec_ctrl_plan plan = decide(&none, choice);

    assert_int_equal(plan.measures, choice.test);
    assert_true(plan.host == 1 && plan.guest == 0 && plan.open == BIT(ISSUE_BTI));
}

/* --- properties --- */

static struct spec_ctrl_cpu random_cpu(struct rng *rng)
{
    static const u8 families[] = {6, 6, 6, 0xf, 0x10, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a};
    static const u8 models[] = {0x01, 0x31, 0x37, 0x3f, 0x4f, 0x55, 0x5f,
                                0x6a, 0x85, 0x86, 0x8e, 0x8f, 0x97, 0xbe};
    u64 caps = (u64)rng_draw(rng, ~0u) << 32 | rng_draw(rng, ~0u);

    return (struct spec_ctrl_cpu){
        .vendor = rng_draw(rng, 4),
        .family = families[rng_draw(rng, ARRAY_SIZE(families))],
        .model = models[rng_draw(rng, ARRAY_SIZE(models))],
        .stepping = rng_draw(rng, 16),
        .emulated = rng_draw(rng, 2),
        .smt = rng_draw(rng, 2),
        .ebx7 = rng_draw(rng, ~0u),
        .edx7 = rng_draw(rng, ~0u),
        .edx7_2 = rng_draw(rng, ~0u),
        .ebx88 = rng_draw(rng, ~0u),
        .eax821 = rng_draw(rng, ~0u),
        .arch_caps = rng_draw(rng, 4) ? caps : 0,
    };
}

/* A register or an effect that the enumeration does not have must not be used. */
static bool can(u32 measure, const struct spec_ctrl_cpu *c)
{
    bool intel = c->vendor == SPEC_INTEL;

    switch (measure) {
    case DO_IBPB:
    case DO_IBPB_ENTRY:
        return intel ? c->edx7 & BIT(26) : c->ebx88 & BIT(12);
    case DO_IBRS:
        return intel ? c->edx7 & BIT(26) : c->ebx88 & BIT(14);
    case DO_EIBRS:
        return intel && (c->edx7 & BIT(26)) && (c->arch_caps & BIT(1));
    case DO_AUTO_IBRS:
        return !intel && (c->eax821 & BIT(8));
    case DO_L1D_FLUSH:
        return intel && (c->edx7 & BIT(28));
    case DO_VERW:
        return intel && ((c->edx7 & BIT(10)) || (c->arch_caps & (BIT(17) | BIT(28))));
    case DO_BHI_DIS_S:
        return intel && (c->edx7_2 & BIT(4));
    case DO_BP_SPEC_REDUCE:
        return !intel && (c->eax821 & BIT(31));
    case DO_TSX_OFF:
        return intel && (c->arch_caps & BIT(7));
    case DO_SSBD:
        return intel ? c->edx7 & BIT(31) : c->ebx88 & BIT(24);
    case DO_STIBP:
        return intel ? c->edx7 & BIT(27) : c->ebx88 & BIT(15);
    case DO_LFENCE:
        return !intel && !c->emulated;
    default: /* instructions that every CPU has */
        return true;
    }
}

#define ROUNDS 200000u

TEST(nothing_is_done_that_the_cpu_cannot_do)
{
    struct rng rng;

    rng_seed(&rng, 1);
    for (u32 round = 0; round < ROUNDS; round++) {
        struct spec_ctrl_cpu cpu = random_cpu(&rng);
        struct spec_ctrl_choice choice = {.off = false};
        for (u32 i = 0; i < KNOB_NR; i++)
            choice.knob[i] = (u8)rng_draw(&rng, 3);
        struct spec_ctrl_plan plan = decide(&cpu, choice);
        for (u32 i = 0; i < DO_NR; i++)
            if ((plan.measures & BIT(i)) && (cpu.vendor == SPEC_OTHER || !can(i, &cpu)))
                fail_msg("round %u: measure %u", round, i);
        assert_false(plan.open & ~plan.needs);
        /* The register is written by these only, and the guest never has more of it. */
        u32 in_register =
            (u32)(BIT(DO_IBRS) | BIT(DO_EIBRS) | BIT(DO_BHI_DIS_S) | BIT(DO_SSBD) | BIT(DO_STIBP));
        assert_true(!plan.host || (plan.measures & in_register));
        assert_false(plan.guest & ~plan.host);
    }
}

TEST(off_does_nothing)
{
    struct rng rng;

    rng_seed(&rng, 2);
    for (u32 round = 0; round < ROUNDS; round++) {
        struct spec_ctrl_cpu cpu = random_cpu(&rng);
        struct spec_ctrl_choice choice = {.off = true};
        memset(choice.knob, SPEC_NO, sizeof(choice.knob));
        struct spec_ctrl_plan plan = decide(&cpu, choice);
        assert_true(!plan.measures && !plan.host && !plan.guest);
        /* That nothing is done changes nothing of what the CPU has. What needs no measure stays closed. */
        assert_int_equal(plan.needs, decide(&cpu, by_default).needs);
        u32 by_itself = cpu.arch_caps & ARCH_CAPS_SKIP_L1DFL ? (u32)BIT(ISSUE_L1TF) : 0;
        assert_int_equal(plan.open | by_itself, plan.needs | by_itself);
    }
}

/* What the CPU says it is immune to: neither needed nor, by default, done. */
TEST(immunity_is_believed)
{
    static const struct {
        enum spec_ctrl_vendor vendor;
        u64 caps;
        u32 eax821, ebx88;
        u32 issues, measures; /* that must not be there */
    } immune[] = {
        {SPEC_INTEL, BIT(0), 0, 0, (u32)BIT(ISSUE_L1TF), (u32)BIT(DO_L1D_FLUSH)},
        {SPEC_INTEL, BIT(3), 0, 0, 0, (u32)BIT(DO_L1D_FLUSH)},
        {SPEC_INTEL, BIT(5) | BIT(8) | BIT(27), 0, 0,
         (u32)(BIT(ISSUE_MDS) | BIT(ISSUE_TAA) | BIT(ISSUE_RFDS)), (u32)(BIT(DO_VERW) | BIT(DO_TSX_OFF))},
        {SPEC_INTEL, BIT(20), 0, 0, (u32)BIT(ISSUE_BHI), (u32)BIT(DO_BHI_DIS_S)},
        {SPEC_INTEL, BIT(24), 0, 0, 0, (u32)BIT(DO_PBRSB)},
        {SPEC_INTEL, BIT(62), 0, 0, (u32)BIT(ISSUE_ITS), 0},
        {SPEC_AMD, 0, (u32)(BIT(29) | BIT(8)), (u32)BIT(29), (u32)(BIT(ISSUE_SRSO) | BIT(ISSUE_BTC)),
         (u32)(BIT(DO_IBPB_ENTRY) | BIT(DO_BP_SPEC_REDUCE) | BIT(DO_RSB))},
        {SPEC_AMD, 0, 4, 0, 0, (u32)BIT(DO_LFENCE)},
        {SPEC_AMD, 0, 0, 0, 0, (u32)(BIT(DO_VERW) | BIT(DO_L1D_FLUSH) | BIT(DO_PBRSB))},
    };
    struct rng rng;

    rng_seed(&rng, 3);
    for (u32 round = 0; round < ROUNDS; round++)
        for (u32 i = 0; i < ARRAY_SIZE(immune); i++) {
            struct spec_ctrl_cpu cpu = random_cpu(&rng);
            cpu.vendor = immune[i].vendor;
            cpu.arch_caps |= immune[i].caps;
            cpu.eax821 |= immune[i].eax821;
            cpu.ebx88 |= immune[i].ebx88;
            if (immune[i].caps & BIT(27)) /* either, not both */
                cpu.arch_caps &= ~BIT(28);
            struct spec_ctrl_plan plan = decide(&cpu, by_default);
            if ((plan.needs & immune[i].issues) || (plan.measures & immune[i].measures))
                fail_msg("round %u, row %u: needs 0x%x, measures 0x%x", round, i, plan.needs, plan.measures);
        }
}

/* Less is open with more allowed. */
TEST(settings_are_monotone)
{
    struct rng rng;

    rng_seed(&rng, 4);
    for (u32 round = 0; round < ROUNDS; round++) {
        struct spec_ctrl_cpu cpu = random_cpu(&rng);
        for (u32 knob = 0; knob < KNOB_NR; knob++) {
            if (knob == KNOB_UNPRIV_MMIO)
                continue; /* says what there is, not what is done */
            u32 no = decide(&cpu, with(knob, SPEC_NO)).open, def = decide(&cpu, by_default).open,
                yes = decide(&cpu, with(knob, SPEC_YES)).open;
            if ((def & ~no) || (yes & ~def))
                fail_msg("round %u, knob %u: open 0x%x, 0x%x, 0x%x", round, knob, no, def, yes);
        }
    }
}

/* --- one entry --- */

TEST(the_barrier_is_for_another_domain)
{
    const u32 all = DO_AROUND_GUESTS, ibpb = (u32)BIT(DO_IBPB), entry = (u32)BIT(DO_IBPB_ENTRY);
    u64 last = 0;

    assert_int_equal(spec_ctrl_for_entry(all, false, &last, 7), all & ~ibpb); /* nothing ran before */
    assert_int_equal(last, 7);
    assert_int_equal(spec_ctrl_for_entry(all, false, &last, 7), all & ~ibpb);
    assert_int_equal(spec_ctrl_for_entry(all, false, &last, 8), all);
    assert_int_equal(spec_ctrl_for_entry(all, true, &last, 8), all & ~ibpb & ~entry);
    assert_int_equal(spec_ctrl_for_entry(all, true, &last, 7), all & ~entry);
    assert_int_equal(spec_ctrl_for_entry(ibpb, false, &last, 7), 0);
    assert_int_equal(spec_ctrl_for_entry(0, false, &last, 9), 0);
    assert_int_equal(last, 9);
}

TEST(words_fit)
{
    char out[SPEC_CTRL_WORDS];

    spec_ctrl_measure_words((u32)BIT(DO_NR) - 1, out);
    assert_string_equal(out,
                        "ibpb,verw,l1d-flush,div-scrub,ibrs,ibpb-entry,rsb,pbrsb,eibrs,auto-ibrs,bhi-dis-s,"
                        "bp-spec-reduce,lfence,tsx-off,ssbd,stibp");
    spec_ctrl_issue_words((u32)BIT(ISSUE_NR) - 1, out);
    assert_string_equal(out, "bti,btc,srso,bhi,its,l1tf,mds,taa,rfds,mmio,div");
    spec_ctrl_issue_words(0, out);
    assert_string_equal(out, "none");
}
