/* What else a guest sees of its CPU: MSR policy, the hypercall page's bytes and the states in which vCPUs start. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/spec_ctrl.h>
#include <arch/x86/hvm/guest_msr.h>
#include <arch/x86/hvm/svm/svm.h>

static struct hvm_state state;
static struct hvm_vcpu v;

static void setup(void)
{
    v = (struct hvm_vcpu){.control = &state, .policy = cpu_policy_default()};
    cpu_policy_init();
    state = (struct hvm_state){0};
}

FIXTURE(setup, NULL)

TEST(the_processor_is_found)
{
    hvm_present = false;
    hvm_ops = NULL;
    assert_int_equal(hvm_init(SPEC_AUTO), -ENODEV);
    assert_null(hvm_ops);
    assert_true(said("hvm: no script: the test says so\n"));
    assert_true(said("hvm: no another script: the test has one vendor\n"));
    hvm_present = true;
    assert_int_equal(hvm_init(SPEC_AUTO), 0);
    assert_ptr_equal(hvm_ops, &svm_ops);
}

TEST(large_pages_are_executed_where_the_cpu_can_bear_it)
{
    hvm_init(SPEC_AUTO);
    assert_true(hvm_exec_large);
    machine_cpu = (struct spec_ctrl_cpu){.vendor = SPEC_INTEL, .family = 6, .model = 0x3f};
    hvm_init(SPEC_AUTO);
    assert_false(hvm_exec_large);
    hvm_init(SPEC_YES);
    assert_true(hvm_exec_large);
    machine_cpu = (struct spec_ctrl_cpu){0};
    hvm_init(SPEC_NO);
    assert_false(hvm_exec_large);
}

/* --- MSRs --- */

static void reads(u32 msr, u64 want)
{
    u64 value = ~want;

    assert_int_equal(hvm_guest_rdmsr(&v, msr, &value), 0);
    assert_int_equal(value, want);
}

static void read_faults(u32 msr)
{
    u64 value = 0x77;

    assert_int_equal(hvm_guest_rdmsr(&v, msr, &value), -EFAULT);
    assert_int_equal(value, 0x77);
}

#define writes(msr, value)       assert_int_equal(hvm_guest_wrmsr(&v, msr, value), 0)
#define write_faults(msr, value) assert_int_equal(hvm_guest_wrmsr(&v, msr, value), -EFAULT)

TEST(test_efer)
{
    writes(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE);
    assert_int_equal(state.efer, EFER_SCE | EFER_LME | EFER_NXE);
    reads(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE);
    write_faults(MSR_EFER, EFER_SVME);
    write_faults(MSR_EFER, BIT(13));
    write_faults(MSR_EFER, BIT(63) | EFER_SCE);
    reads(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE);

    state.cr0 = CR0_PG | CR0_PE;
    state.efer = EFER_LME | EFER_LMA;
    write_faults(MSR_EFER, EFER_SCE); /* LME cannot go while paging is on */
    writes(MSR_EFER, EFER_LME | EFER_SCE);
    reads(MSR_EFER, EFER_LME | EFER_LMA | EFER_SCE);
}

TEST(test_addresses_and_pat)
{
    writes(MSR_LSTAR, 0xffffffff81000000ull);
    reads(MSR_LSTAR, 0xffffffff81000000ull);
    write_faults(MSR_LSTAR, 0x0000800000000000ull);
    write_faults(MSR_GS_BASE, 0x1234567800000000ull);
    writes(MSR_FS_BASE, 0x1000);
    assert_int_equal(state.fs.base, 0x1000);
    writes(MSR_STAR, 0x0023001000000000ull);
    assert_int_equal(state.star, 0x0023001000000000ull);
    writes(MSR_IA32_PAT, 0x0007010600070106ull);
    reads(MSR_IA32_PAT, 0x0007010600070106ull);
    write_faults(MSR_IA32_PAT, 0x0007010600070102ull);
    write_faults(MSR_IA32_PAT, 0x0807010600070106ull);
    write_faults(MSR_IA32_PAT, 0x0300000000000000ull);
    reads(MSR_IA32_PAT, 0x0007010600070106ull);
}

/* What Linux touches at boot must not fault. */
TEST(test_linux_list)
{
    static const u32 list[] = {0x8b,       0xfe,       0x200,      0x20f,      0x250,      0x258,
                               0x259,      0x268,      0x26f,      0x2ff,      0xc0010010, 0xc0010015,
                               0xc0011029, 0xc0010055, 0xc0010000, 0xc0010003, 0xc0010007};
    for (u32 i = 0; i < ARRAY_SIZE(list); i++) {
        u64 value;
        assert_int_equal(hvm_guest_rdmsr(&v, list[i], &value), 0);
        writes(list[i], 0x40);
    }
    reads(0x2ff, 0x806); /* MTRRs on, all write-back */
    reads(0xfe, 0);      /* and no ranges */
}

TEST(test_unknown)
{
    u64 value = 1;

    read_faults(0x999);
    write_faults(0x999, 0);
    read_faults(MSR_VM_HSAVE_PA);
    write_faults(MSR_VM_CR, 0);
    read_faults(MSR_TSC_AUX);
    read_faults(0xffffffff);
    read_faults(0x210);
    assert_int_equal(hvm_guest_rdmsr(&v, 0x40000000, &value), HVM_MSR_HYPERCALL_PAGE);
    assert_int_equal(hvm_guest_wrmsr(&v, 0x40000000, 0x5000), HVM_MSR_HYPERCALL_PAGE);
    assert_int_equal(value, 1);
}

/* docs/hypervisor-guide/spec-ctrl.md: none of these is switched, so none is there. */
TEST(controls_of_speculation_are_not_offered)
{
    static const u32 list[] = {MSR_IA32_SPEC_CTRL,
                               MSR_IA32_ARCH_CAPABILITIES,
                               MSR_IA32_FLUSH_CMD,
                               MSR_IA32_TSX_CTRL,
                               0x123 /* MCU_OPT_CTRL */,
                               0xc001011f /* VIRT_SPEC_CTRL */,
                               0xc0011020 /* LS_CFG */,
                               MSR_AMD_BP_CFG,
                               0xc00110e3};

    for (u32 i = 0; i < ARRAY_SIZE(list); i++) {
        read_faults(list[i]);
        write_faults(list[i], 0);
        write_faults(list[i], 1);
    }
}

/* PRED_CMD has no state: a guest that is offered IBPB has it done. It cannot be read. */
TEST(a_guest_has_ibpb_only_if_it_is_offered)
{
    struct cpu_policy policy = *cpu_policy_default();

    v.policy = &policy;
    nr_guest_ibpb = 0;
    policy.extended[8].ebx &= ~CPUID88_EBX_IBPB;
    read_faults(MSR_IA32_PRED_CMD);
    write_faults(MSR_IA32_PRED_CMD, 0);
    write_faults(MSR_IA32_PRED_CMD, 1);
    assert_int_equal(nr_guest_ibpb, 0);

    policy.extended[8].ebx |= CPUID88_EBX_IBPB;
    read_faults(MSR_IA32_PRED_CMD);
    writes(MSR_IA32_PRED_CMD, 0);
    assert_int_equal(nr_guest_ibpb, 0);
    writes(MSR_IA32_PRED_CMD, 1);
    assert_int_equal(nr_guest_ibpb, 1);
    write_faults(MSR_IA32_PRED_CMD, PRED_CMD_SBPB);
    write_faults(MSR_IA32_PRED_CMD, BIT(32) | 1);
    assert_int_equal(nr_guest_ibpb, 1);
}

/* Each CPU's TSC may be ahead of the boot CPU's, from which RDTSC in a guest is corrected: so is every other way. */
/* Each make of CPU has its own besides. */
TEST(test_intel)
{
    struct hvm_ops intel = svm_ops;

    intel.make = HVM_INTEL;
    read_faults(0x1a0);
    write_faults(0x17, 0);
    hvm_ops = &intel;
    reads(0x17, 0);
    reads(0x1a0, 0x1801); /* MISC_ENABLE: fast strings; neither branch tracing nor precise events */
    writes(0x1a0, 0);
    reads(0x1a0, 0x1801);
    reads(0x2ff, 0x806);
    read_faults(0xc0010015);
    write_faults(0xc0010007, 0);
    hvm_ops = &svm_ops;
}

TEST(one_tsc)
{
    u64 value, before, after;

    for (u32 i = 0; i < 3; i++) {
        here->tsc_offset = (s64[]){0, -(1ll << 60), 1ll << 40}[i];
        before = rdtsc();
        assert_int_equal(hvm_guest_rdmsr(&v, MSR_IA32_TSC, &value), 0);
        after = rdtsc();
        value += (u64)here->tsc_offset;
        assert_true(before <= value && value <= after);
        writes(MSR_IA32_TSC, 0); /* changes nothing */
    }
    here->tsc_offset = 0;
}

TEST(test_apic)
{
    u64 value;

    assert_int_equal(hvm_guest_rdmsr(&v, MSR_IA32_APIC_BASE, &value), HVM_MSR_APIC);
    assert_int_equal(hvm_guest_wrmsr(&v, MSR_IA32_APIC_BASE, 0), HVM_MSR_APIC);
    for (u32 msr = 0x800; msr <= 0x8ff; msr++) { /* x2apic_test.c */
        assert_int_equal(hvm_guest_rdmsr(&v, msr, &value), HVM_MSR_APIC);
        assert_int_equal(hvm_guest_wrmsr(&v, msr, 0), HVM_MSR_APIC);
    }
    read_faults(0x7ff);
    read_faults(0x900);
}

/* --- hypercall page and start state --- */

TEST(test_hypercall_page)
{
    static u8 page[PAGE_SIZE];
    static const u8 stub29[] = {0xb8, 29, 0, 0, 0, 0x0f, 0x01, 0xd9, 0xc3, 0xcc};

    hvm_fill_hypercall_page(page);
    assert_memory_equal(page + 29 * 32, stub29, sizeof(stub29));
    for (u32 nr = 0; nr < 128; nr++) {
        const u8 *stub = page + nr * 32;
        if (nr == 23) {
            assert_int_equal(stub[0], 0x0f);
            assert_int_equal(stub[1], 0x0b);
        } else {
            assert_int_equal(stub[0], 0xb8);
            assert_int_equal(stub[1], nr);
            assert_memory_equal(stub + 2, stub29 + 2, 7);
        }
        for (u32 i = nr == 23 ? 2 : 9; i < 32; i++)
            assert_int_equal(stub[i], 0xcc);
    }
}

#define ALL_DATA(...) \
    .ds = {__VA_ARGS__}, .es = {__VA_ARGS__}, .fs = {__VA_ARGS__}, .gs = {__VA_ARGS__}, .ss = {__VA_ARGS__}

/* docs/guest-guide/pvh-entry.md */
TEST(test_pvh_entry)
{
    const struct hvm_regs want = {.rip = 0x100070, .rbx = 0x3000, .rflags = 2};
    const struct hvm_state want_state = {.cr0 = 0x11,
                                         .dr6 = 0xffff0ff0,
                                         .dr7 = 0x400,
                                         .pat = 0x0007040600070406,
                                         .cs = {.attributes = 0xc9b, .limit = ~0u},
                                         ALL_DATA(.attributes = 0xc93, .limit = ~0u),
                                         .tr = {.attributes = 0x8b, .limit = 0x67},
                                         .ldtr = {.attributes = 0x82}};

    memset(&v.regs, 0xff, sizeof(v.regs));
    memset(&state, 0xff, sizeof(state));
    hvm_set_pvh_entry(&v, 0x100070, 0x3000);
    assert_memory_equal(&v.regs, &want, sizeof(want));
    assert_memory_equal(&state, &want_state, sizeof(state));
}

TEST(test_startup_entry)
{
    const struct hvm_regs want = {.rdx = 0x800f12, .rflags = 2};
    struct hvm_state want_state;

    memset(&v.regs, 0xff, sizeof(v.regs));
    memset(&state, 0xff, sizeof(state)); /* INIT leaves PAT and the system-call MSRs */
    want_state = state;
    want_state.cr0 = 0x10;
    want_state.cr2 = want_state.cr3 = want_state.cr4 = want_state.efer = 0;
    want_state.dr6 = 0xffff0ff0;
    want_state.dr7 = 0x400;
    want_state.cs =
        (struct hvm_segment){.selector = 0x9f00, .base = 0x9f000, .limit = 0xffff, .attributes = 0x9b};
    want_state.ds = want_state.es = want_state.fs = want_state.gs = want_state.ss =
        (struct hvm_segment){.limit = 0xffff, .attributes = 0x93};
    want_state.tr = (struct hvm_segment){.limit = 0xffff, .attributes = 0x8b};
    want_state.ldtr = (struct hvm_segment){.limit = 0xffff, .attributes = 0x82};
    want_state.gdtr = want_state.idtr = (struct hvm_segment){.limit = 0xffff};
    hvm_set_startup_entry(&v, 0x9f, 0x800f12);
    assert_memory_equal(&v.regs, &want, sizeof(want));
    assert_memory_equal(&state, &want_state, sizeof(state));
}

TEST(test_fpu)
{
    u8 fpu[512];

    memset(fpu, 0xff, sizeof(fpu));
    hvm_fpu_reset(fpu);
    assert_int_equal(fpu[0] | fpu[1] << 8, 0x37f);
    assert_int_equal(fpu[24] | fpu[25] << 8 | fpu[26] << 16, 0x1f80);
    assert_int_equal(fpu[4] | fpu[511], 0); /* all registers empty */
}
