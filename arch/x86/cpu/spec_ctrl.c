/*
 * Which measures a CPU needs, which it can take, and which are taken: see spec_ctrl.h. A CPU is asked by its enumeration
 * first; models count only where the vendor has no bit that says so, or where older microcode does not set it.
 *
 * Guests are offered neither SPEC_CTRL nor ARCH_CAPABILITIES, so that SPEC_CTRL needs no switch for them: what is set
 * here once holds in guests as well. TSX and AVX are not offered either; docs/hypervisor-guide/spec-ctrl.md says what
 * that spares.
 */
#include <arch/x86/cpu/spec_ctrl.h>

#include <lib/printf.h>

/* --- models --- */

/* Family 6. From Intel's list of affected processors (Intel_affected_processor_list.csv) and, for processors that it no
 * longer has, from the pages on L1TF and MDS. */
#define NOT_L1TF BIT(0)
#define NOT_MDS  BIT(1)
#define RFDS     BIT(2)
#define MMIO     BIT(3)
#define ITS      BIT(4)
#define NOT_SIZE BIT(5) /* no machine check by a change of a page's size: CVE-2018-12207 */

static const struct intel_model {
    u8 model, stepping; /* this one and later ones */
    u8 facts;
} intel_models[] = {
    {0x37, 0, NOT_L1TF | NOT_SIZE}, /* Silvermont, Airmont: of MDS the store buffer only */
    {0x4a, 0, NOT_L1TF | NOT_SIZE},
    {0x4c, 0, NOT_L1TF | NOT_SIZE},
    {0x4d, 0, NOT_L1TF | NOT_SIZE},
    {0x57, 0, NOT_L1TF | NOT_SIZE}, /* Xeon Phi */
    {0x85, 0, NOT_L1TF | NOT_SIZE},
    {0x5c, 0, NOT_L1TF | NOT_MDS | RFDS | NOT_SIZE}, /* Goldmont */
    {0x5f, 0, NOT_L1TF | NOT_MDS | RFDS | NOT_SIZE},
    {0x7a, 0, NOT_L1TF | NOT_MDS | RFDS | NOT_SIZE},
    {0x86, 0, NOT_L1TF | NOT_MDS | RFDS | MMIO | NOT_SIZE}, /* Tremont */
    {0x96, 0, NOT_L1TF | NOT_MDS | RFDS | MMIO | NOT_SIZE},
    {0x9c, 0, NOT_L1TF | NOT_MDS | RFDS | MMIO | NOT_SIZE},
    {0x97, 0, RFDS}, /* with Gracemont cores, or those only */
    {0x9a, 0, RFDS},
    {0xb7, 0, RFDS},
    {0xba, 0, RFDS},
    {0xbe, 0, RFDS},
    {0xbf, 0, RFDS},
    {0x3f, 0, MMIO}, /* Haswell, Broadwell, Skylake */
    {0x4e, 0, MMIO},
    {0x4f, 0, MMIO},
    {0x55, 0, MMIO},
    {0x55, 6, ITS}, /* Cascade Lake, Cooper Lake */
    {0x56, 0, MMIO},
    {0x5e, 0, MMIO},
    {0x6a, 0, MMIO}, /* Ice Lake */
    {0x6c, 0, MMIO},
    {0x7e, 0, MMIO},
    {0x8a, 0, MMIO},
    {0x8e, 0, MMIO}, /* Kaby Lake to Comet Lake */
    {0x8e, 0xc, ITS},
    {0x9e, 0, MMIO},
    {0x9e, 0xd, ITS},
    {0xa5, 0, MMIO | ITS},
    {0xa6, 0, MMIO | ITS},
    {0xa7, 0, MMIO}, /* Rocket Lake */
};

static u32 intel_facts(const struct spec_ctrl_cpu *cpu)
{
    u32 facts = 0;

    for (u32 i = 0; i < ARRAY_SIZE(intel_models); i++)
        if (cpu->family == 6 && cpu->model == intel_models[i].model &&
            cpu->stepping >= intel_models[i].stepping)
            facts |= intel_models[i].facts;
    return facts;
}

/* --- what the CPU needs --- */

#define ISSUE(name) ((u32)BIT(ISSUE_##name))
#define DO(name)    ((u32)BIT(DO_##name))

static u32 intel_needs(const struct spec_ctrl_cpu *cpu, bool mmio_reached)
{
    const u64 caps = cpu->arch_caps,
              mmio_no = ARCH_CAPS_SBDR_SSDP_NO | ARCH_CAPS_FBSDP_NO | ARCH_CAPS_PSDP_NO;
    u32 facts = intel_facts(cpu), needs = ISSUE(BTI);

    if (cpu->family == 6 && !(caps & ARCH_CAPS_RDCL_NO) && !(facts & NOT_L1TF))
        needs |= ISSUE(L1TF);
    if (cpu->family == 6 && !(caps & ARCH_CAPS_MDS_NO) && !(facts & NOT_MDS))
        needs |= ISSUE(MDS);
    if ((cpu->ebx7 & CPUID7_EBX_RTM) &&
        !(caps & ARCH_CAPS_TAA_NO)) /* CPUID hides RTM from guests, but XBEGIN works */
        needs |= ISSUE(TAA);
    if (!(caps & ARCH_CAPS_RFDS_NO) && ((facts & RFDS) || (caps & ARCH_CAPS_RFDS_CLEAR)))
        needs |= ISSUE(RFDS);
    if (mmio_reached && (facts & MMIO) && (caps & mmio_no) != mmio_no)
        needs |= ISSUE(MMIO);
    if ((caps & ARCH_CAPS_IBRS_ALL) && !(caps & ARCH_CAPS_BHI_NO))
        needs |= ISSUE(BHI);
    if ((facts & ITS) && !(caps & ARCH_CAPS_ITS_NO))
        needs |= ISSUE(ITS);
    return needs;
}

/* Every one of Intel's Core and Xeon up to Comet Lake, and what is not known. */
bool spec_ctrl_size_mc(const struct spec_ctrl_cpu *cpu)
{
    return cpu->vendor == SPEC_INTEL && cpu->family == 6 && !(cpu->arch_caps & ARCH_CAPS_PSCHANGE_NO) &&
           !(intel_facts(cpu) & NOT_SIZE);
}

/* Naples and its relatives; family 17h from model 30h on is Zen 2, except one. Hygon's are Zen 1. */
static bool is_zen1(const struct spec_ctrl_cpu *cpu)
{
    if (cpu->vendor == SPEC_HYGON)
        return cpu->family == 0x18;
    return cpu->family == 0x17 && (cpu->model < 0x30 || (cpu->model >> 4) == 5);
}

static u32 amd_needs(const struct spec_ctrl_cpu *cpu)
{
    u32 needs = ISSUE(BTI);

    if (cpu->family >= 0x15 && cpu->family <= 0x18 && !(cpu->ebx88 & CPUID88_EBX_BTC_NO))
        needs |= ISSUE(BTC);
    /* Zen 1 and 2 only while both threads of a core run. */
    if (cpu->family >= 0x17 && !(cpu->eax821 & CPUID821_SRSO_NO) && (cpu->smt || cpu->family >= 0x19))
        needs |= ISSUE(SRSO);
    if (is_zen1(cpu))
        needs |= ISSUE(DIV);
    return needs;
}

/* --- what it can do --- */

struct means {
    bool ibpb, ibrs, eibrs, auto_ibrs, stibp, ssbd, bhi_dis_s, bp_spec_reduce;
    bool tsx_ctrl, l1d_flush;
    bool flushed_below;                  /* a hypervisor below flushes L1D when it enters this one */
    bool last_return_apart;              /* enhanced IBRS holds for all of the return stack */
    bool ibpb_clears_stack;              /* the return stack too */
    bool ibpb_clears_types;              /* predictions of a branch's type too: BTC and SRSO */
    bool md_clear, fb_clear, rfds_clear; /* what VERW clears */
};

static struct means intel_means(const struct spec_ctrl_cpu *cpu)
{
    u32 edx7 = cpu->edx7;
    u64 caps = cpu->arch_caps;
    bool md_clear = edx7 & CPUID7_EDX_MD_CLEAR, mds_no = caps & ARCH_CAPS_MDS_NO;

    return (struct means){
        .ibpb = edx7 & CPUID7_EDX_IBRSB,
        .ibrs = edx7 & CPUID7_EDX_IBRSB,
        .eibrs = (edx7 & CPUID7_EDX_IBRSB) && (caps & ARCH_CAPS_IBRS_ALL),
        .stibp = edx7 & CPUID7_EDX_STIBP,
        .ssbd = edx7 & CPUID7_EDX_SSBD,
        .bhi_dis_s = cpu->edx7_2 & CPUID7_2_EDX_BHI,
        .tsx_ctrl = caps & ARCH_CAPS_TSX_CTRL,
        .l1d_flush = edx7 & CPUID7_EDX_L1D_FLUSH,
        .flushed_below = caps & ARCH_CAPS_SKIP_L1DFL,
        .last_return_apart = caps & ARCH_CAPS_PBRSB_NO,
        .ibpb_clears_stack = true,
        .md_clear = md_clear,
        .fb_clear = (caps & ARCH_CAPS_FB_CLEAR) || (md_clear && !mds_no && (edx7 & CPUID7_EDX_L1D_FLUSH)),
        .rfds_clear = caps & ARCH_CAPS_RFDS_CLEAR,
    };
}

static struct means amd_means(const struct spec_ctrl_cpu *cpu)
{
    u32 ebx88 = cpu->ebx88;

    return (struct means){
        .ibpb = ebx88 & CPUID88_EBX_IBPB,
        .ibrs = ebx88 & CPUID88_EBX_IBRS,
        .auto_ibrs = cpu->eax821 & CPUID821_AUTO_IBRS,
        .stibp = ebx88 & CPUID88_EBX_STIBP,
        .ssbd = ebx88 & CPUID88_EBX_SSBD,
        .bp_spec_reduce = cpu->eax821 & CPUID821_SRSO_MSR_FIX,
        .ibpb_clears_stack = ebx88 & CPUID88_EBX_IBPB_RET,
        .ibpb_clears_types = cpu->family < 0x19 || (cpu->eax821 & CPUID821_IBPB_BRTYPE),
    };
}

/* --- what is done --- */

static bool wanted(const struct spec_ctrl_choice *choice, enum spec_ctrl_knob knob, bool can, bool needs)
{
    u8 setting = choice->knob[knob];

    return can && (setting == SPEC_YES || (setting == SPEC_AUTO && needs));
}

/* Against what steers branches: predictors, the return stack. */
static u32 branch_measures(const struct spec_ctrl_choice *choice, const struct means *can, u32 needs)
{
    u32 measures = 0;
    bool ibrs = wanted(choice, KNOB_IBRS, can->eibrs || can->auto_ibrs || can->ibrs, needs & ISSUE(BTI));
    bool reduce = wanted(choice, KNOB_BP_SPEC_REDUCE, can->bp_spec_reduce, needs & ISSUE(SRSO));
    bool srso = (needs & ISSUE(SRSO)) && !reduce;

    if (wanted(choice, KNOB_IBPB, can->ibpb, needs & ISSUE(BTI)))
        measures |= DO(IBPB);
    if (reduce)
        measures |= DO(BP_SPEC_REDUCE);
    /* The last one: some of AMD's have IBPB and no kind of IBRS. */
    if (wanted(choice, KNOB_IBPB_ENTRY, can->ibpb,
               (can->ibpb_clears_types && ((needs & ISSUE(BTC)) || srso)) ||
                   ((needs & ISSUE(BTI)) && !(can->eibrs || can->auto_ibrs || can->ibrs))))
        measures |= DO(IBPB_ENTRY);
    if (ibrs && can->eibrs)
        measures |= DO(EIBRS);
    else if (ibrs && can->auto_ibrs)
        measures |= DO(AUTO_IBRS);
    else if (ibrs && (!(measures & DO(IBPB_ENTRY)) || choice->knob[KNOB_IBRS] == SPEC_YES))
        measures |= DO(IBRS); /* IBPB after each exit leaves nothing for it to hold back */
    /* Alone it would close one of two doors. Enhanced and automatic IBRS keep the return stack apart themselves, but for
     * its last entry on some CPUs. */
    if (wanted(choice, KNOB_RSB, true,
               (measures & (DO(IBRS) | DO(IBPB_ENTRY))) && !(measures & (DO(EIBRS) | DO(AUTO_IBRS)))))
        measures |= DO(RSB);
    else if ((measures & DO(EIBRS)) && wanted(choice, KNOB_RSB, true, !can->last_return_apart))
        measures |= DO(PBRSB);
    if (wanted(choice, KNOB_BHI_DIS_S, can->bhi_dis_s, needs & ISSUE(BHI)))
        measures |= DO(BHI_DIS_S);
    return measures;
}

/* Against data left in buffers, the L1 cache and the divider. */
static u32 data_measures(const struct spec_ctrl_choice *choice, const struct means *can, u32 needs)
{
    u32 measures = 0;
    bool flush, sampled, verw;

    if ((needs & ISSUE(TAA)) && can->tsx_ctrl) {
        measures |= DO(TSX_OFF); /* costs nothing: no guest is offered TSX */
        needs &= ~ISSUE(TAA);
    }
    flush = wanted(choice, KNOB_L1D_FLUSH, can->l1d_flush, (needs & ISSUE(L1TF)) && !can->flushed_below);
    if (flush)
        measures |= DO(L1D_FLUSH);
    /* The flush clears what VERW clears with MD_CLEAR, but not what RFDS reads. */
    sampled =
        ((needs & (ISSUE(MDS) | ISSUE(TAA))) && can->md_clear) || ((needs & ISSUE(MMIO)) && can->fb_clear);
    verw = (sampled && !flush) || ((needs & ISSUE(RFDS)) && can->rfds_clear);
    if (wanted(choice, KNOB_VERW, can->md_clear || can->fb_clear || can->rfds_clear, verw))
        measures |= DO(VERW);
    if (wanted(choice, KNOB_DIV_SCRUB, true, needs & ISSUE(DIV)))
        measures |= DO(DIV_SCRUB);
    return measures;
}

static u32 closed(const struct means *can, u32 measures)
{
    bool apart = measures & (DO(EIBRS) | DO(AUTO_IBRS)), after_exit = measures & DO(IBPB_ENTRY);
    bool stack = (measures & (DO(RSB) | DO(PBRSB))) || (measures & DO(AUTO_IBRS)) ||
                 (after_exit && can->ibpb_clears_stack) || ((measures & DO(EIBRS)) && can->last_return_apart);
    bool flush = measures & DO(L1D_FLUSH), verw = measures & DO(VERW);
    u32 issues = 0;

    if ((measures & DO(IBPB)) && stack && (apart || after_exit || (measures & DO(IBRS))))
        issues |= ISSUE(BTI);
    if (after_exit && can->ibpb_clears_types)
        issues |= ISSUE(BTC) | ISSUE(SRSO);
    if (measures & DO(BP_SPEC_REDUCE))
        issues |= ISSUE(SRSO);
    if (after_exit || (measures & DO(BHI_DIS_S)))
        issues |= ISSUE(BHI);
    if (flush || can->flushed_below)
        issues |= ISSUE(L1TF);
    if (can->md_clear && (flush || verw))
        issues |= ISSUE(MDS) | ISSUE(TAA);
    if (measures & DO(TSX_OFF))
        issues |= ISSUE(TAA);
    if (can->rfds_clear && verw)
        issues |= ISSUE(RFDS);
    if (can->fb_clear && (flush || verw))
        issues |= ISSUE(MMIO);
    if (measures & DO(DIV_SCRUB))
        issues |= ISSUE(DIV);
    return issues;
}

void spec_ctrl_decide(const struct spec_ctrl_cpu *cpu, const struct spec_ctrl_choice *choice,
                      struct spec_ctrl_plan *plan)
{
    bool intel = cpu->vendor == SPEC_INTEL, amd = cpu->vendor == SPEC_AMD || cpu->vendor == SPEC_HYGON;
    struct means can = intel ? intel_means(cpu) : amd ? amd_means(cpu) : (struct means){0};
    u32 measures = 0;
    u64 always = 0;

    *plan = (struct spec_ctrl_plan){.spare_dom0 = choice->knob[KNOB_IBPB_ENTRY] != SPEC_YES};
    plan->needs = intel ? intel_needs(cpu, choice->knob[KNOB_UNPRIV_MMIO] == SPEC_YES)
                  : amd ? amd_needs(cpu)
                        : 0;
    if (!choice->off && (intel || amd)) {
        measures = branch_measures(choice, &can, plan->needs) | data_measures(choice, &can, plan->needs);
        /* Guests' kernels rely on it: they believe that they have set it themselves (guest_msr.c). */
        if (amd && cpu->family >= 0x10 && cpu->family != 0x11 && !(cpu->eax821 & CPUID821_LFENCE) &&
            !cpu->emulated)
            measures |= DO(LFENCE);
        if (wanted(choice, KNOB_SSBD, can.ssbd, false))
            measures |= DO(SSBD);
        if (wanted(choice, KNOB_STIBP, can.stibp, false))
            measures |= DO(STIBP);
    }
    plan->open = plan->needs & ~closed(&can, measures);
    plan->measures = measures |= choice->test;
    plan->on_switch = amd && (cpu->eax821 & CPUID821_SBPB) && (cpu->eax821 & CPUID821_SRSO_NO)
                          ? PRED_CMD_SBPB
                          : PRED_CMD_IBPB;
    always = (measures & DO(SSBD) ? SPEC_CTRL_SSBD : 0) | (measures & DO(STIBP) ? SPEC_CTRL_STIBP : 0) |
             (measures & DO(BHI_DIS_S) ? SPEC_CTRL_BHI_DIS_S : 0) |
             (measures & DO(EIBRS) ? SPEC_CTRL_IBRS : 0);
    plan->guest = always;
    plan->host = always | (measures & DO(IBRS) ? SPEC_CTRL_IBRS : 0);
}

/* --- words --- */

static const char *const issue_names[ISSUE_NR] = {
    [ISSUE_BTI] = "bti",   [ISSUE_BTC] = "btc",   [ISSUE_SRSO] = "srso", [ISSUE_BHI] = "bhi",
    [ISSUE_ITS] = "its",   [ISSUE_L1TF] = "l1tf", [ISSUE_MDS] = "mds",   [ISSUE_TAA] = "taa",
    [ISSUE_RFDS] = "rfds", [ISSUE_MMIO] = "mmio", [ISSUE_DIV] = "div",
};

static const char *const measure_names[DO_NR] = {
    [DO_IBPB] = "ibpb",
    [DO_VERW] = "verw",
    [DO_L1D_FLUSH] = "l1d-flush",
    [DO_DIV_SCRUB] = "div-scrub",
    [DO_IBRS] = "ibrs",
    [DO_IBPB_ENTRY] = "ibpb-entry",
    [DO_RSB] = "rsb",
    [DO_PBRSB] = "pbrsb",
    [DO_EIBRS] = "eibrs",
    [DO_AUTO_IBRS] = "auto-ibrs",
    [DO_BHI_DIS_S] = "bhi-dis-s",
    [DO_BP_SPEC_REDUCE] = "bp-spec-reduce",
    [DO_LFENCE] = "lfence",
    [DO_TSX_OFF] = "tsx-off",
    [DO_SSBD] = "ssbd",
    [DO_STIBP] = "stibp",
};

static void words(const char *const names[], u32 nr, u32 bits, char out[SPEC_CTRL_WORDS])
{
    int at = snprintf(out, SPEC_CTRL_WORDS, "%s", bits ? "" : "none");

    for (u32 i = 0; i < nr; i++)
        if (bits & BIT(i))
            at += snprintf(out + at, SPEC_CTRL_WORDS - (size_t)at, "%s%s", at ? "," : "", names[i]);
}

void spec_ctrl_issue_words(u32 issues, char out[SPEC_CTRL_WORDS])
{
    words(issue_names, ISSUE_NR, issues, out);
}

void spec_ctrl_measure_words(u32 measures, char out[SPEC_CTRL_WORDS])
{
    words(measure_names, DO_NR, measures, out);
}
