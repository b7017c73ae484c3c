/* SVM without the CPU: raw exits decoded, events queued, state moved to the VMCB and back. */
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/svm/svm.h>

struct svm_features svm_features;
static struct vmcb vmcb ALIGNED(PAGE_SIZE);
static struct hvm_vcpu v;
static struct hvm_exit exit_value;

static void setup(void)
{
    memset(&vmcb, 0, sizeof(vmcb));
    memset(&v, 0, sizeof(v));
    memset(&exit_value, 0xee, sizeof(exit_value));
    svm_features.nrip = false;
    svm_features.maddr_bits = 48;
    v.control = &vmcb;
    vmcb.rip = v.regs.rip = 0x1000;
    vmcb.nrip = 0x1009;
}

static void decode(u64 code, u64 info1, u64 info2, enum hvm_exit_kind kind, u32 len)
{
    vmcb.exit_code = (u32)code;
    vmcb.exit_code_high = (u32)(code >> 32);
    vmcb.exit_info1 = info1;
    vmcb.exit_info2 = info2;
    svm_decode_exit(&v, &vmcb, &exit_value);
    assert_int_equal(exit_value.kind, kind);
    assert_int_equal(exit_value.insn_len, len);
    assert_int_equal(v.exit_code_raw, (u32)code);
}

TEST(test_plain)
{
    decode(0x81, 0, 0, HVM_EXIT_HYPERCALL, 3);
    decode(0x72, 0, 0, HVM_EXIT_CPUID, 2);
    decode(0x78, 0, 0, HVM_EXIT_HLT, 1);
    decode(0x7f, 0, 0, HVM_EXIT_SHUTDOWN, 0);
    decode(~0ull, 0, 0, HVM_EXIT_INVALID, 0);
    decode(0x401, 0, 0, HVM_EXIT_UNKNOWN, 0);
    decode(0x10, 0, 0, HVM_EXIT_UNKNOWN, 0);
    decode(0xffffffffull, 0, 0, HVM_EXIT_INVALID, 0); /* 32 bits count: some CPUs write no more */
    decode(0x1234567800000081ull, 0, 0, HVM_EXIT_HYPERCALL, 3);
    decode(0x1234567800000401ull, 0, 0, HVM_EXIT_UNKNOWN, 0);
    static const u8 forbidden[] = {0x73, 0x7a, 0x80, 0x82, 0x83, 0x84, 0x85,
                                   0x86, 0x87, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e};
    for (u32 i = 0; i < sizeof(forbidden); i++)
        decode(forbidden[i], 0, 0, HVM_EXIT_FORBIDDEN, 0);

    svm_features.nrip = true; /* the CPU knows better, prefixes included */
    decode(0x81, 0, 0, HVM_EXIT_HYPERCALL, 9);
    decode(0x72, 0, 0, HVM_EXIT_CPUID, 9);
}

/* What a hypercall's exit says of its caller. */
TEST(whose_hypercall)
{
    static const struct {
        u8 cpl;
        bool long_mode, long_code;
        u32 bits;
    } rows[] = {{0, true, true, 64}, {0, true, false, 32}, {0, false, true, 32}, {0, false, false, 32},
                {1, true, true, 0},  {3, true, true, 0},   {3, true, false, 0}};

    for_each_row (i, rows) {
        vmcb.cpl = rows[i].cpl;
        vmcb.efer = EFER_SVME | (rows[i].long_mode ? EFER_LMA : 0);
        vmcb.cs.attributes = rows[i].long_code ? HVM_SEG_L : HVM_SEG_D;
        decode(0x81, 0, 0, HVM_EXIT_HYPERCALL, 3);
        assert_int_equal(exit_value.kernel_bits, rows[i].bits);
    }
}

TEST(test_io)
{
    decode(0x7b, 0x03f80000 | 1 | 1 << 4, 0x1002, HVM_EXIT_IO, 2);
    assert_int_equal(exit_value.io.port, 0x3f8);
    assert_int_equal(exit_value.io.size, 1);
    assert_true(exit_value.io.in);
    assert_false(exit_value.io.string);
    decode(0x7b, 0x0cf80000 | 1 << 2 | 1 << 6, 0x1004, HVM_EXIT_IO, 4);
    assert_int_equal(exit_value.io.port, 0xcf8);
    assert_int_equal(exit_value.io.size, 4);
    assert_false(exit_value.io.in);
    assert_true(exit_value.io.string);
}

TEST(test_msr)
{
    v.regs.rcx = 0xffffffffc0000080ull;
    v.regs.rax = 0x1111111100000901ull;
    v.regs.rdx = 0x2222222200000003ull;
    decode(0x7c, 1, 0, HVM_EXIT_WRMSR, 2);
    assert_int_equal(exit_value.msr, 0xc0000080);
    assert_int_equal(exit_value.value, 0x300000901ull);
    decode(0x7c, 0, 0, HVM_EXIT_RDMSR, 2);
}

TEST(test_cr4)
{
    decode(0x14, BIT(63) | 0xb, 0, HVM_EXIT_CR4, 0);
    assert_true(exit_value.cr4.write && !exit_value.cr4.known); /* no decode assists: not to be relied on */
    svm_features.nrip = svm_features.assists = true;
    decode(0x14, BIT(63) | 0xb, 0, HVM_EXIT_CR4, 9);
    assert_true(exit_value.cr4.write && exit_value.cr4.known);
    assert_int_equal(exit_value.cr4.gpr, 11);
    decode(0x04, BIT(63) | 0xf0, 0, HVM_EXIT_CR4, 9);
    assert_true(!exit_value.cr4.write && exit_value.cr4.known);
    assert_int_equal(exit_value.cr4.gpr, 0);
    decode(0x04, 7, 0, HVM_EXIT_CR4, 9);
    assert_false(exit_value.cr4.known);
    svm_features.nrip = svm_features.assists = false;
}

TEST(test_npf)
{
    decode(0x400, 1ull << 32 | 4 | 2, 0x123456789ab, HVM_EXIT_NPF, 0);
    assert_int_equal(exit_value.npf.gaddr, 0x123456789ab);
    assert_true(exit_value.npf.write);
    assert_false(exit_value.npf.exec || exit_value.npf.present);
    decode(0x400, 4 | 1 | 0x10, 0x1000, HVM_EXIT_NPF, 0);
    assert_true(exit_value.npf.exec && exit_value.npf.present && !exit_value.npf.write);
    assert_false(exit_value.npf.in_tables || exit_value.npf.in_delivery);
    assert_int_equal(exit_value.npf.nr_code, 0);
    vmcb.exit_int_info = 0x80000b0e;
    vmcb.fetched_len = 15;
    vmcb.fetched[14] = 0x8b;
    decode(0x400, 1ull << 33 | 4 | 2, 0x1000, HVM_EXIT_NPF, 0);
    assert_true(exit_value.npf.in_tables && exit_value.npf.in_delivery);
    assert_int_equal(exit_value.npf.nr_code, 15);
    assert_int_equal(exit_value.npf.code[14], 0x8b);
}

TEST(test_svm_only)
{
    decode(0x89, 0, 0, HVM_EXIT_IGNORED, 2);   /* WBINVD */
    decode(0x76, 0, 0, HVM_EXIT_IGNORED, 2);   /* INVD */
    decode(0x6f, 0, 0, HVM_EXIT_EXCEPTION, 0); /* RDPMC: #GP(0) */
    assert_int_equal(exit_value.exception.vector, 13);
    assert_int_equal(exit_value.exception.error, 0);
    decode(0x7e, 0, 0, HVM_EXIT_EXCEPTION, 0); /* FERR_FREEZE: #MF */
    assert_int_equal(exit_value.exception.vector, 16);
    assert_true(exit_value.exception.error < 0);
}

TEST(test_window)
{
    vmcb.v_intr = SVM_V_INTR_MASKING | 5; /* the guest's own TPR */
    vmcb.clean = SVM_CLEAN_ALL;
    v.regs.rflags = RFLAGS_IF;
    assert_true(svm_can_inject_irq(&v));
    vmcb.interrupt_state = 1;
    assert_false(svm_can_inject_irq(&v));
    vmcb.interrupt_state = 0;
    v.regs.rflags = 0;
    assert_false(svm_can_inject_irq(&v));

    svm_request_irq_window(&v, HVM_ANY_CLASS);
    assert_true(v.in_irq_window);
    assert_true(vmcb.v_intr & BIT(8));
    assert_true(vmcb.intercept_misc1 & BIT(4));
    assert_int_equal(vmcb.clean & (BIT(0) | BIT(3)), 0);
    vmcb.clean = SVM_CLEAN_ALL;
    decode(0x64, 0, 0, HVM_EXIT_IRQ_WINDOW, 0);
    assert_false(v.in_irq_window);
    assert_int_equal(vmcb.v_intr, SVM_V_INTR_MASKING | 5);
    assert_int_equal(vmcb.intercept_misc1, 0);
    assert_int_equal(vmcb.clean & (BIT(0) | BIT(3)), 0);

    v.regs.rflags = RFLAGS_IF;
    svm_inject_irq(&v, 0xf3);
    assert_int_equal(vmcb.event_inj, 0);
    assert_int_equal(vmcb.v_intr,
                     0xf3ull << 32 | SVM_V_INTR_MASKING | SVM_V_IGN_TPR | 0xf << 16 | BIT(8) | 5);
    assert_int_equal(vmcb.clean & BIT(3), 0);
    assert_int_equal(vmcb.intercept_misc1, 0);
    assert_false(svm_can_inject_irq(&v)); /* one at a time */
    vmcb.v_intr &= ~SVM_V_IRQ;            /* taken */
    assert_true(svm_can_inject_irq(&v));
    svm_inject_exception(&v, 14, 0x12);
    assert_int_equal(vmcb.event_inj, 0x12ull << 32 | BIT(31) | BIT(11) | 3 << 8 | 14);
    svm_inject_exception(&v, 6, -1);
    assert_int_equal(vmcb.event_inj, BIT(31) | 3 << 8 | 6);
}

/* An event that an exit has cut short goes in again, unless the guest's own instruction brings it back. */
TEST(test_requeue)
{
    static const struct {
        u64 info, want;
    } cases[] = {
        {BIT(31) | 0x30, BIT(31) | 0x30},             /* external interrupt */
        {BIT(31) | 2 << 8 | 2, BIT(31) | 2 << 8 | 2}, /* NMI */
        {7ull << 32 | BIT(31) | BIT(11) | 3 << 8 | 14,
         7ull << 32 | BIT(31) | BIT(11) | 3 << 8 | 14}, /* #PF */
        {BIT(31) | 4 << 8 | 0x80, 0},                   /* INT 0x80 */
        {BIT(31) | 3 << 8 | 3, 0},                      /* INT3 */
        {BIT(31) | 3 << 8 | 4, 0},                      /* INTO */
    };
    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        vmcb.event_inj = 0x55;
        vmcb.exit_int_info = cases[i].info;
        svm_requeue_event(&v, &vmcb);
        assert_int_equal(vmcb.event_inj, cases[i].want);
    }
}

/* There is one V_IRQ: a vector on its way gives way to a window, and a window that is open to a vector. */
TEST(test_vector_and_window)
{
    vmcb.v_intr = SVM_V_INTR_MASKING;
    v.regs.rflags = RFLAGS_IF;
    svm_inject_irq(&v, 0x41);
    svm_request_irq_window(&v, 3);
    assert_int_equal(vmcb.event_inj, BIT(31) | 0x41);
    assert_true(v.in_irq_window && (vmcb.v_intr & SVM_V_IRQ) && (vmcb.intercept_misc1 & BIT(4)));
    assert_int_equal(vmcb.v_intr >> 32, 0);

    vmcb.event_inj = 0; /* taken, and the window for class 3 is still open */
    svm_inject_irq(&v, 0x52);
    assert_false(v.in_irq_window);
    assert_int_equal(vmcb.v_intr >> 32, 0x52);
    assert_int_equal(vmcb.intercept_misc1, 0);
    assert_int_equal(vmcb.event_inj, 0);

    /* An NMI waits for it. */
    assert_false(svm_inject_nmi(&v));
    assert_int_equal(vmcb.event_inj, BIT(31) | 0x52);
    assert_true(v.in_irq_window && v.window_class == HVM_ANY_CLASS);
    vmcb.event_inj = 0;
    svm_inject_irq(&v, 0x63); /* and keeps its window */
    assert_true(v.in_irq_window);
    assert_int_equal(vmcb.event_inj, BIT(31) | 0x63);

    svm_reset_events(&v);
    assert_int_equal(vmcb.v_intr & SVM_V_IRQ, 0);
    assert_int_equal(vmcb.event_inj, 0);
    /* Cut short on its way through the IDT: on hardware, and by QEMU. */
    svm_inject_irq(&v, 0x74);
    vmcb.v_intr &= ~SVM_V_IRQ;
    vmcb.exit_int_info = BIT(31) | 0x74;
    svm_requeue_event(&v, &vmcb);
    assert_int_equal(vmcb.event_inj, BIT(31) | 0x74);
    svm_reset_events(&v);
    svm_inject_irq(&v, 0x74);
    vmcb.exit_int_info = BIT(31) | 3 << 8 | 0x74;
    svm_requeue_event(&v, &vmcb);
    assert_true(vmcb.v_intr & SVM_V_IRQ);
    assert_int_equal(vmcb.event_inj, 0);
    vmcb.exit_int_info = BIT(31) | BIT(11) | 3 << 8 | 14; /* another event is none of its business */
    svm_requeue_event(&v, &vmcb);
    assert_int_equal(vmcb.event_inj, BIT(31) | BIT(11) | 3 << 8 | 14);
    svm_reset_events(&v);
    svm_inject_irq(&v, 0x74);
    svm_reset_events(&v);
    assert_int_equal(vmcb.v_intr & SVM_V_IRQ, 0);
    /* A vCPU does not sleep while one is on its way, unless it cannot be taken. */
    decode(0x78, 0, 0, HVM_EXIT_HLT, 1);
    svm_inject_irq(&v, 0x85);
    decode(0x78, 0, 0, HVM_EXIT_IGNORED, 1);
    v.regs.rflags = 0;
    decode(0x78, 0, 0, HVM_EXIT_HLT, 1);
}

TEST(test_state)
{
    struct hvm_state in, out;
    u8 *bytes = (u8 *)&in;

    for (u32 i = 0; i < sizeof(in); i++)
        bytes[i] = (u8)(i * 7 + 1);
    in.efer = EFER_LME | EFER_NXE | EFER_SVME | BIT(13);
    in.cr0 = CR0_PE | CR0_PG;
    in.cr4 &= ~CR4_MCE; /* stays set underneath */
    in.cr3 &= BIT(48) - 1;
    in.cs.attributes &= ~HVM_SEG_D;
    v.asid_generation = 5;
    in.ss.attributes = 0xcf3; /* DPL 3 */
    vmcb.clean = SVM_CLEAN_ALL;
    svm_set_state(&v, &in);
    assert_int_equal(vmcb.efer, EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME);
    assert_int_equal(vmcb.cpl, 3);
    assert_int_equal(vmcb.clean, 0);
    assert_int_equal(v.asid_generation, 0); /* no old translation is used */
    assert_int_equal(vmcb.cr4, in.cr4 | CR4_MCE);
    svm_get_state(&v, &out);
    in.efer = EFER_LME | EFER_LMA | EFER_NXE;
    assert_memory_equal(&in, &out, sizeof(in));

    vmcb.ss.attributes = 0xc93; /* as SYSRET leaves it, at privilege 3 */
    svm_get_state(&v, &out);
    assert_int_equal(out.ss.attributes, 0xcf3);

    in.cs.attributes =
        0xe9b; /* 64 bits and 32, which VMRUN refuses, as it does bits of CR3 that no address has */
    in.cr3 = BIT(63) | BIT(48) | 0x1000;
    svm_set_state(&v, &in);
    assert_int_equal(vmcb.cs.attributes, 0xa9b);
    assert_int_equal(vmcb.cr3, 0x1000);
    in.cr0 = 0;
    svm_set_state(&v, &in);
    assert_int_equal(vmcb.cs.attributes, 0xe9b);
    assert_int_equal(vmcb.efer, EFER_LME | EFER_NXE | EFER_SVME);
    assert_int_equal(vmcb.cpl, 0); /* real mode */
}

FIXTURE(setup, NULL)
