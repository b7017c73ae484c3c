/*
 * Reads what this CPU enumerates, sets the registers that are set once, and reports. What is decided: spec_ctrl.c.
 * Registers that no bit of CPUID announces (DE_CFG, Zen 3's SBPB) are tried, not trusted to be there.
 */
#include <arch/x86/cpu/spec_ctrl_enter.h>

#include <arch/x86/cpu/traps.h>
#include <homestead/init.h>
#include <lib/log.h>
#include <lib/string.h>

#define CPUID1_ECX_HYPERVISOR BIT(31)
#define DE_CFG_LFENCE         BIT(1)
#define BP_CFG_SPEC_REDUCE    BIT(4)
#define TSX_CTRL_RTM_DISABLE  BIT(0)
#define TSX_CTRL_CPUID_CLEAR  BIT(1)

u32 spec_ctrl_flags;
struct spec_ctrl_values spec_ctrl_values;

static u32 measures;                  /* [I] */
static struct spec_ctrl_cpu boot_cpu; /* [I] what the boot CPU enumerates */
static bool checked;                  /* [I] other CPUs must enumerate the same */

static struct cpuid_leaf leaf_or_zero(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf limit = cpuid(leaf & 0x80000000u, 0);

    return limit.eax >= leaf ? cpuid(leaf, subleaf) : (struct cpuid_leaf){0};
}

static enum spec_ctrl_vendor vendor(void)
{
    struct cpuid_leaf l = cpuid(0, 0);
    u32 name[3] = {l.ebx, l.edx, l.ecx};

    return !memcmp(name, "GenuineIntel", sizeof(name))   ? SPEC_INTEL
           : !memcmp(name, "AuthenticAMD", sizeof(name)) ? SPEC_AMD
           : !memcmp(name, "HygonGenuine", sizeof(name)) ? SPEC_HYGON
                                                         : SPEC_OTHER;
}

/* The number of a core's threads: AMD's leaf first, as some have an empty leaf 0xB. */
static bool has_smt(bool amd)
{
    if (amd && cpuid(0x80000000u, 0).eax >= 0x8000001eu)
        return cpuid(0x8000001eu, 0).ebx >> 8 & 0xff;
    return (leaf_or_zero(0xb, 0).ebx & 0xffff) > 1;
}

void spec_ctrl_read_cpu(struct spec_ctrl_cpu *out)
{
    struct cpuid_leaf one = cpuid(1, 0), seven = leaf_or_zero(7, 0);
    u32 family = one.eax >> 8 & 0xf, model = one.eax >> 4 & 0xf;

    memset(out, 0, sizeof(*out));
    out->vendor = vendor();
    out->family = family == 0xf ? family + (one.eax >> 20 & 0xff) : family;
    out->model = family == 0xf || family == 6 ? model | (one.eax >> 16 & 0xf) << 4 : model;
    out->stepping = one.eax & 0xf;
    out->emulated = one.ecx & CPUID1_ECX_HYPERVISOR;
    out->smt = has_smt(out->vendor == SPEC_AMD || out->vendor == SPEC_HYGON);
    out->ebx7 = seven.ebx;
    out->edx7 = seven.edx;
    out->edx7_2 = seven.eax >= 2 ? cpuid(7, 2).edx : 0;
    out->ebx88 = leaf_or_zero(0x80000008u, 0).ebx;
    out->eax821 = leaf_or_zero(0x80000021u, 0).eax;
    if (out->edx7 & CPUID7_EDX_ARCH_CAPS)
        out->arch_caps = rdmsr(MSR_IA32_ARCH_CAPABILITIES);
    /* Microcode brings both to Zen 3 and 4, and CPUID does not say so. */
    if (out->vendor == SPEC_AMD && out->family == 0x19 && (out->ebx88 & CPUID88_EBX_IBPB) &&
        !(out->eax821 & CPUID821_IBPB_BRTYPE) && msr_try_write(MSR_IA32_PRED_CMD, PRED_CMD_SBPB))
        out->eax821 |= (u32)(CPUID821_IBPB_BRTYPE | CPUID821_SBPB);
}

static void set_bits(u32 msr, u64 bits)
{
    u64 value;

    if (msr_try_read(msr, &value) && (value & bits) != bits)
        msr_try_write(msr, value | bits);
}

static void set_registers(void)
{
    const u32 in_spec_ctrl =
        (u32)(BIT(DO_IBRS) | BIT(DO_EIBRS) | BIT(DO_BHI_DIS_S) | BIT(DO_SSBD) | BIT(DO_STIBP));

    if (measures & in_spec_ctrl)
        wrmsr(MSR_IA32_SPEC_CTRL, spec_ctrl_values.host);
    if (measures & BIT(DO_AUTO_IBRS))
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
    if (measures & BIT(DO_LFENCE))
        set_bits(MSR_AMD_DE_CFG, DE_CFG_LFENCE);
    if (measures & BIT(DO_BP_SPEC_REDUCE))
        set_bits(MSR_AMD_BP_CFG, BP_CFG_SPEC_REDUCE);
    if (measures & BIT(DO_TSX_OFF))
        wrmsr(MSR_IA32_TSX_CTRL, rdmsr(MSR_IA32_TSX_CTRL) | TSX_CTRL_RTM_DISABLE | TSX_CTRL_CPUID_CLEAR);
}

static INIT void report(const struct spec_ctrl_plan *plan)
{
    static const char *const vendors[] = {"other", "intel", "amd", "hygon"};
    char needs[SPEC_CTRL_WORDS], done[SPEC_CTRL_WORDS], open[SPEC_CTRL_WORDS];

    spec_ctrl_issue_words(plan->needs, needs);
    spec_ctrl_measure_words(plan->measures, done);
    spec_ctrl_issue_words(plan->open, open);
    log_info("Speculation     exposed to %s; done: %s; open: %s%s\n", needs, done, open,
             boot_cpu.smt ? "; threads of a core are not kept apart" : "");
    log_fact("@spec_ctrl vendor=%s family=%u model=%u stepping=%u smt=%s needs=%s done=%s open=%s\n",
             vendors[boot_cpu.vendor], boot_cpu.family, boot_cpu.model, boot_cpu.stepping,
             boot_cpu.smt ? "yes" : "no", needs, done, open);
}

INIT void spec_ctrl_init(const struct spec_ctrl_choice *choice)
{
    struct spec_ctrl_plan plan;

    spec_ctrl_read_cpu(&boot_cpu);
    spec_ctrl_decide(&boot_cpu, choice, &plan);
    measures = plan.measures;
    checked = !choice->off;
    spec_ctrl_values = (struct spec_ctrl_values){plan.host, plan.guest, plan.on_switch, plan.spare_dom0};
    spec_ctrl_flags = measures & DO_AROUND_GUESTS;
    set_registers();
    report(&plan);
}

const char *spec_ctrl_cpu_init(void)
{
    struct spec_ctrl_cpu cpu;

    if (checked) {
        spec_ctrl_read_cpu(&cpu);
        if (cpu.vendor != boot_cpu.vendor || cpu.edx7 != boot_cpu.edx7 || cpu.edx7_2 != boot_cpu.edx7_2 ||
            cpu.ebx88 != boot_cpu.ebx88 || cpu.eax821 != boot_cpu.eax821 ||
            cpu.arch_caps != boot_cpu.arch_caps)
            return "its speculation controls differ from the boot CPU's: other microcode? (spec-ctrl=no uses "
                   "it)";
    }
    set_registers();
    return NULL;
}

void spec_ctrl_guest_ibpb(void)
{
    wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}
