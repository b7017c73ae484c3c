/* VMX without the CPU: raw exits decoded, events queued, state moved to the VMCS and back.
 * lint: long: three files that share one vCPU. */
#include <tests/machine/report.h>
#include <tests/unit/arch/x86/hvm/vmx/fake_vmcs.h>

static struct hvm_vcpu v;
static struct hvm_exit exit_value;

static void setup(void)
{
    fake_vmcs_reset();
    memset(&v, 0, sizeof(v));
    memset(&exit_value, 0xee, sizeof(exit_value));
    v.regs.rip = v.vmx.written_rip = 0x1000;
    v.regs.rflags = v.vmx.written_rflags = RFLAGS_RESERVED1;
    v.vmx.written_controls = PRIMARY_HLT;
    vmcs[VMCS_INSTRUCTION_LENGTH] = 9;
}

static void decode(u32 reason, u64 qualification, enum hvm_exit_kind kind, u32 len)
{
    vmcs[VMCS_QUALIFICATION] = qualification;
    vmx_decode_exit(&v, reason, &exit_value);
    assert_int_equal(exit_value.kind, kind);
    assert_int_equal(exit_value.insn_len, len);
    assert_int_equal(v.exit_code_raw, reason);
}

TEST(test_plain)
{
    decode(10, 0, HVM_EXIT_CPUID, 9);
    assert_int_equal(nr_reads, 1); /* of the hottest exits nothing else is read */
    decode(18, 0, HVM_EXIT_HYPERCALL, 9);
    assert_int_equal(nr_reads, 4); /* and the two code segments' rights, before EFER */
    decode(12, 0, HVM_EXIT_HLT, 9);
    decode(13, 0, HVM_EXIT_IGNORED, 9);
    decode(54, 0, HVM_EXIT_IGNORED, 9);
    decode(2, 0, HVM_EXIT_SHUTDOWN, 0);
    decode(1, 0, HVM_EXIT_INTERRUPT, 0);
    decode(52, 0, HVM_EXIT_INTERRUPT, 0);
    decode(9, 0xc0000028, HVM_EXIT_UNKNOWN, 0);
    assert_true(said("a hardware task switch by a task gate to selector 0x28 is not emulated on Intel"));
    decode(9, 0x40000030, HVM_EXIT_UNKNOWN, 0);
    assert_true(said("a hardware task switch by IRET to selector 0x30 is not emulated on Intel"));
    decode(37, 0, HVM_EXIT_UNKNOWN, 0);
    decode(0xffff, 0, HVM_EXIT_UNKNOWN, 0);
    /* VMCLEAR .. VMXON, INVEPT, INVVPID, VMFUNC, and others that need what CPUID does not offer */
    static const u8 forbidden[] = {11, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                                   36, 39, 50, 51, 53, 55, 58, 59, 60, 63, 64};
    for (u32 i = 0; i < sizeof(forbidden); i++)
        decode(forbidden[i], 0, HVM_EXIT_FORBIDDEN, 0);
}

TEST(test_io)
{
    decode(30, 0x3f80000 | 1 << 3, HVM_EXIT_IO, 9); /* in, one byte */
    assert_int_equal(exit_value.io.port, 0x3f8);
    assert_int_equal(exit_value.io.size, 1);
    assert_true(exit_value.io.in && !exit_value.io.string);
    decode(30, 0xffff0000 | 1 << 4 | 1 << 5 | 3, HVM_EXIT_IO, 9); /* rep outs, four bytes */
    assert_int_equal(exit_value.io.port, 0xffff);
    assert_int_equal(exit_value.io.size, 4);
    assert_true(!exit_value.io.in && exit_value.io.string);
}

TEST(test_msr)
{
    v.regs.rcx = 0xffffffffc0000080;
    v.regs.rax = 0xffffffff00000001;
    v.regs.rdx = 2;
    decode(31, 0, HVM_EXIT_RDMSR, 9);
    assert_int_equal(exit_value.msr, 0xc0000080);
    decode(32, 0, HVM_EXIT_WRMSR, 9);
    assert_int_equal(exit_value.value, 0x200000001);
    decode(15, 0, HVM_EXIT_EXCEPTION, 0); /* RDPMC */
    assert_int_equal(exit_value.exception.vector, 13);
}

TEST(test_control_registers)
{
    decode(28, 4 | 11 << 8, HVM_EXIT_CR4, 9);
    assert_true(exit_value.cr4.known && exit_value.cr4.write);
    assert_int_equal(exit_value.cr4.gpr, 11);

    /* CR0: the bits that exit go to the shadow, and the guest executes the instruction again. */
    v.vmx.guest.cr0_shadow = CR0_NE | CR0_TS;
    v.regs.rbx = CR0_PE | CR0_CD | CR0_WP;
    decode(28, 0 | 3 << 8, HVM_EXIT_INTERRUPT, 0);
    assert_int_equal(vmcs[VMCS_CR0_SHADOW], CR0_CD | CR0_TS);
    v.regs.rbx = CR0_PE | CR0_NW;
    decode(28, 0 | 3 << 8, HVM_EXIT_EXCEPTION, 0);
    assert_int_equal(exit_value.exception.vector, 13);
    assert_int_equal(vmcs[VMCS_CR0_SHADOW], CR0_CD | CR0_TS);
    decode(28, 0 | 2 << 4, HVM_EXIT_UNKNOWN, 0); /* CLTS does not exit */

    v.regs.r9 = 0xb;
    decode(28, 8 | 9 << 8, HVM_EXIT_IGNORED, 9);
    assert_int_equal(vmx_get_cr8(&v), 0xb);
    decode(28, 8 | 1 << 4 | 10 << 8, HVM_EXIT_IGNORED, 9);
    assert_int_equal(v.regs.r10, 0xb);
    v.regs.r9 = 0x10;
    decode(28, 8 | 9 << 8, HVM_EXIT_EXCEPTION, 9);
    assert_int_equal(vmx_get_cr8(&v), 0xb);
}

TEST(test_exceptions)
{
    vmcs[VMCS_EXIT_EVENT] = 0x80000b00 | 17;
    decode(0, 0, HVM_EXIT_EXCEPTION, 0);
    assert_int_equal(exit_value.exception.vector, 17);
    assert_int_equal(exit_value.exception.error, 0);

    /* #DB has not changed DR6, nor cleared DR7's GD. */
    registers[6] = 0xffff0ff0 | 8;
    vmcs[VMCS_GUEST_DR7] = 0x2400;
    vmcs[VMCS_EXIT_EVENT] = 0x80000300 | 1;
    decode(0, BIT(14) | 2, HVM_EXIT_EXCEPTION, 0);
    assert_int_equal(exit_value.exception.error, -1);
    assert_int_equal(registers[6], 0xffff4ff2);
    assert_int_equal(v.vmx.guest.dr7, 0x400);
    vmx_write_changes(&v);
    assert_int_equal(vmcs[VMCS_GUEST_DR7], 0x400);

    /* INT1 is a trap, but RIP still points to it; DR6 is not its. */
    v.regs.rip = 0x1000;
    vmcs[VMCS_INSTRUCTION_LENGTH] = 1;
    vmcs[VMCS_EXIT_EVENT] = 0x80000500 | 1;
    decode(0, 0, HVM_EXIT_EXCEPTION, 0);
    assert_int_equal(v.regs.rip, 0x1001);
    assert_int_equal(registers[6], 0xffff4ff2);

    /* An exception in the IRET of an NMI handler: NMIs are still blocked. */
    vmcs[VMCS_EXIT_EVENT] = 0x80001b00 | 17;
    decode(0, 0, HVM_EXIT_EXCEPTION, 0);
    assert_int_equal(v.vmx.interruptibility, 8);
    vmcs[VMCS_EXIT_EVENT] = 0x80000b00 | 14;
    decode(0, 0, HVM_EXIT_UNKNOWN, 0);
}

TEST(test_ept_violation)
{
    vmcs[VMCS_GUEST_PHYSICAL_ADDRESS] = 0x123456;
    decode(48, 2 | 1 << 3 | 1 << 7 | 1 << 8, HVM_EXIT_NPF, 0);
    assert_int_equal(exit_value.npf.gaddr, 0x123456);
    assert_true(exit_value.npf.write && exit_value.npf.present && !exit_value.npf.in_tables);
    assert_false(exit_value.npf.in_delivery);
    vmcs[VMCS_VECTORING_EVENT] = 0x80000020;
    decode(48, BIT(12), HVM_EXIT_NPF, 0);
    assert_true(exit_value.npf.in_delivery && exit_value.npf.in_tables);
    assert_int_equal(v.vmx.interruptibility, 0);
    vmcs[VMCS_VECTORING_EVENT] = 0;
    decode(48, BIT(12), HVM_EXIT_NPF, 0);
    assert_int_equal(v.vmx.interruptibility, 8);
}

TEST(test_events_that_an_exit_has_interrupted)
{
    static const struct {
        u32 event, again;
    } cases[] = {
        {0x80000041, 0x80000041}, /* interrupt */
        {0x80000b0e, 0x80000b0e}, /* #PF, with its error code */
        {0x80001202, 0x80000202}, /* NMI; bit 12 is not defined there */
        {0x80000480, 0},          /* INT n, */
        {0x80000603, 0},          /* INT3 */
        {0x80000501, 0},          /* and INT1 are executed again */
        {0x00000041, 0},          /* no event */
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        v.vmx.event = 0;
        v.vmx.interruptibility = VMX_BLOCKED_BY_NMI;
        vmcs[VMCS_VECTORING_EVENT] = cases[i].event;
        vmcs[VMCS_VECTORING_ERROR] = 0x12;
        assert_int_equal(vmx_requeue_event(&v), cases[i].event >> 31);
        assert_int_equal(v.vmx.event, cases[i].again);
        assert_int_equal(v.vmx.interruptibility, (cases[i].again & 0x700) == 0x200 ? 0 : VMX_BLOCKED_BY_NMI);
    }
    assert_int_equal(v.vmx.event_error, 0x12);
}

TEST(test_interrupts)
{
    v.regs.rflags = RFLAGS_IF;
    assert_true(vmx_can_inject_irq(&v));
    v.vmx.interruptibility = VMX_BLOCKED_BY_MOV_SS;
    assert_false(vmx_can_inject_irq(&v));
    vmx_end_shadow(&v);
    vmx_inject_irq(&v, 0x41);
    assert_int_equal(v.vmx.event, 0x80000041);
    assert_false(vmx_can_inject_irq(&v)); /* one at a time */
    v.vmx.event = 0;
    v.regs.rflags = 0;
    assert_false(vmx_can_inject_irq(&v));

    /* CR8 holds a class back; a window for any is open at once. */
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT);
    vmx_set_cr8(&v, 5);
    vmx_request_irq_window(&v, 5);
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT);
    vmx_set_cr8(&v, 4);
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT | PRIMARY_INTERRUPT_WINDOW);
    vmx_set_cr8(&v, 15);
    vmx_request_irq_window(&v, HVM_ANY_CLASS);
    vmx_request_irq_window(&v, 3);
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT | PRIMARY_INTERRUPT_WINDOW);
    decode(7, 0, HVM_EXIT_IRQ_WINDOW, 0);
    assert_false(v.in_irq_window);
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT);
}

TEST(test_nmis)
{
    assert_true(vmx_inject_nmi(&v));
    assert_int_equal(v.vmx.event, 0x80000202);
    assert_false(vmx_inject_nmi(&v)); /* an event is queued */
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT | PRIMARY_NMI_WINDOW);
    v.vmx.event = 0;
    v.vmx.interruptibility = VMX_BLOCKED_BY_NMI;
    assert_false(vmx_inject_nmi(&v));
    v.vmx.interruptibility = VMX_BLOCKED_BY_STI;
    assert_false(vmx_inject_nmi(&v));
    decode(8, 0, HVM_EXIT_IRQ_WINDOW, 0);
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT);

    v.vmx.cr8 = 3;
    vmx_inject_nmi(&v);
    vmx_request_irq_window(&v, 4);
    vmx_reset_events(&v);
    assert_int_equal(vmx_primary_controls(&v), PRIMARY_HLT);
    assert_int_equal(v.vmx.event | v.vmx.interruptibility | v.vmx.cr8, 0);
}

TEST(test_injected_exceptions)
{
    v.vmx.read = true;
    v.vmx.guest.cr0 = CR0_PE;
    v.vmx.interruptibility = VMX_BLOCKED_BY_STI;
    vmx_inject_exception(&v, 14, 0x12);
    assert_int_equal(v.vmx.event, 0x80000b0e);
    assert_int_equal(v.vmx.event_error, 0x12);
    assert_int_equal(v.vmx.interruptibility, 0); /* delivery ends the shadow */
    vmx_inject_exception(&v, 6, -1);
    assert_int_equal(v.vmx.event, 0x80000306);
    v.vmx.guest.cr0 = 0; /* real mode: there are no error codes */
    vmx_inject_exception(&v, 13, 0);
    assert_int_equal(v.vmx.event, 0x8000030d);
}

static struct hvm_state long_mode(void)
{
    struct hvm_state s = {
        .cr0 = CR0_PE | CR0_ET | CR0_PG | CR0_WP,
        .cr3 = 0x5000,
        .cr4 = CR4_PAE,
        .efer = EFER_LME | EFER_LMA,
        .dr6 = HVM_DR6_RESET,
        .dr7 = HVM_DR7_RESET,
        .pat = HVM_PAT_RESET,
        .cs = {.selector = 8, .attributes = 0xa9b, .limit = ~0u},
        .ss = {.selector = 16, .attributes = 0xc93, .limit = ~0u},
        .tr = {.selector = 24, .attributes = 0x08b, .limit = 0x67, .base = 0xffff800000001000},
        .gdtr = {.limit = 0x37, .base = 0xffff800000002000},
        .star = 1,
        .lstar = 2,
        .cstar = 3,
        .sfmask = 4,
        .kernel_gs_base = 5,
        .cr2 = 6,
        .tsc_aux = 7};
    s.ds = s.es = s.ss;
    return s;
}

TEST(test_state)
{
    struct hvm_state in = long_mode(), out;

    v.vmx.dirty = BIT(VMX_GUEST_FIELDS) - 1;
    v.vmx.read = true;
    vmx_set_state(&v, &in);
    assert_int_equal(v.asid_generation, 0);
    assert_int_equal(v.cr4, CR4_PAE);
    assert_int_equal(registers[1], 2); /* LSTAR: v has its CPU */
    memset(&out, 0xee, sizeof(out));
    vmx_get_state(&v, &out);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(nr_reads + nr_writes, 0);

    vmx_write_changes(&v);
    assert_int_equal(nr_writes, VMX_GUEST_FIELDS);
    assert_int_equal(vmcs[VMCS_GUEST_CR0], CR0_PE | CR0_ET | CR0_PG | CR0_WP | CR0_NE);
    assert_int_equal(vmcs[VMCS_CR0_SHADOW], in.cr0);
    assert_int_equal(vmcs[VMCS_GUEST_CR4], CR4_PAE | CR4_MCE | BIT(13));
    assert_int_equal(vmcs[VMCS_CR4_SHADOW], CR4_PAE);
    assert_int_equal(vmcs[VMCS_ENTRY_CONTROLS], ENTRY_LOAD_EFER | ENTRY_GUEST_64);
    assert_int_equal(vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_CS], 0xa09b);
    assert_int_equal(vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_FS], VMX_AR_UNUSABLE);
    assert_int_equal(vmcs[VMCS_GUEST_BASE + 2 * VMCS_TR], 0xffff800000001000);

    /* After a run the VMCS has the truth. */
    v.vmx.read = false;
    vmcs[VMCS_GUEST_CR3] = 0x6000;
    registers[1] = 0x22;
    vmx_get_state(&v, &out);
    in.cr3 = 0x6000;
    in.lstar = 0x22;
    assert_memory_equal(&in, &out, sizeof(in));

    /* Only what changes is written. */
    nr_writes = 0;
    out.cr3 = 0x7000;
    out.fs.base = 0x8000;
    vmx_set_state(&v, &out);
    vmx_write_changes(&v);
    assert_int_equal(nr_writes, 2);
    assert_int_equal(vmcs[VMCS_GUEST_CR3], 0x7000);

    /* Away from its CPU nothing touches the VMCS or the registers. */
    here = false;
    nr_reads = nr_writes = 0;
    registers[1] = 0x99;
    out.lstar = 0x33;
    out.cr0 |= CR0_CD | CR0_NW;
    vmx_set_state(&v, &out);
    memset(&in, 0, sizeof(in));
    vmx_get_state(&v, &in);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(nr_reads + nr_writes, 0);
    assert_int_equal(registers[1], 0x99);
    vmx_write_changes(&v);
    assert_int_equal(vmcs[VMCS_GUEST_CR0] & (CR0_CD | CR0_NW), 0); /* the caches stay on */
}

static const u64 entries[HVM_PDPTES] = {0x1001, 0, 0x45ff000019, 0xfffffffffffffffe};

static void check_pdptes(const u64 want[HVM_PDPTES])
{
    for (u32 i = 0; i < HVM_PDPTES; i++)
        assert_int_equal(vmcs[VMCS_GUEST_PDPTE + 2 * i], want[i]);
}

TEST(test_entries_of_pae_paging)
{
    static const u64 reserved[] = {BIT(1), BIT(2), BIT(5), BIT(8), BIT(46), BIT(63)};
    u64 bad[HVM_PDPTES];

    v.vmx.read = true;
    v.asid_generation = 5;
    assert_true(vmx_set_pdptes(&v, entries, false)); /* what is not present may have any bits */
    assert_int_equal(v.asid_generation, 0);
    check_pdptes((const u64[HVM_PDPTES]){0});
    vmx_write_changes(&v);
    check_pdptes(entries);
    nr_writes = 0;
    vmx_write_changes(&v);
    assert_int_equal(nr_writes, 0);

    for_each_row (i, reserved) {
        memcpy(bad, entries, sizeof(bad));
        bad[2] |= reserved[i];
        assert_false(vmx_set_pdptes(&v, bad, false));
        vmx_write_changes(&v);
        check_pdptes(entries);
    }
    assert_true(vmx_set_pdptes(&v, bad, true));
    vmx_write_changes(&v);
    bad[2] = 0;
    check_pdptes(bad);
}

/* They are not in the state that another one sets, so they are due then; what the CPU has it keeps. */
TEST(test_entries_of_pae_paging_are_due)
{
    struct hvm_state pae = {.cr0 = CR0_PE | CR0_ET | CR0_PG, .cr4 = CR4_PAE}, other = pae;

    v.vmx.read = true;
    vmx_set_state(&v, &pae);
    assert_false(v.vmx.pdptes_due);
    here = false;
    vmx_set_state(&v, &pae);
    assert_true(v.vmx.pdptes_due);
    other.cr4 = 0;
    vmx_set_state(&v, &other);
    assert_false(v.vmx.pdptes_due);
    other = pae;
    other.cr0 = CR0_PE | CR0_ET;
    vmx_set_state(&v, &other);
    assert_false(v.vmx.pdptes_due);
    other = long_mode();
    vmx_set_state(&v, &other);
    assert_false(v.vmx.pdptes_due);
    vmx_set_state(&v, &pae);
    assert_true(vmx_set_pdptes(&v, entries, true));
    assert_false(v.vmx.pdptes_due);

    /* A CR0 that reloads them is not visible before they are there. */
    here = true;
    v.regs.rbx = pae.cr0 | CR0_CD;
    decode(28, 0 | 3 << 8, HVM_EXIT_PDPTES, 0);
    assert_true(exit_value.pdptes.by_cr0);
    assert_int_equal(exit_value.pdptes.cr0, v.regs.rbx);
    assert_int_equal(vmcs[VMCS_CR0_SHADOW], 0);
    /* Nor does one that faults reload them. */
    static const u64 refused[] = {CR0_PE | CR0_PG | CR0_NW, CR0_PG | CR0_CD};
    for_each_row (i, refused) {
        v.regs.rbx = refused[i];
        decode(28, 0 | 3 << 8, HVM_EXIT_EXCEPTION, 0);
        assert_int_equal(exit_value.exception.vector, 13);
        assert_int_equal(vmcs[VMCS_CR0_SHADOW], 0);
    }
    v.regs.rbx = CR0_PE | CR0_ET | CR0_CD; /* paging goes off */
    decode(28, 0 | 3 << 8, HVM_EXIT_INTERRUPT, 0);
    assert_int_equal(vmcs[VMCS_CR0_SHADOW] & CR0_CD, CR0_CD);
}

TEST(test_cheap_reads)
{
    struct hvm_state in = long_mode();
    struct hvm_paging paging = {0};

    v.vmx.read = true;
    in.ss.attributes |= 3 << 5;
    vmx_set_state(&v, &in);
    vmx_write_changes(&v);
    v.vmx.read = false;
    nr_reads = 0;
    assert_true(vmx_long_mode_cs(&v));
    assert_true(vmx_long_mode_cs(&v));
    assert_int_equal(nr_reads, 2); /* once after an exit */
    assert_int_equal(vmx_cpl(&v), 3);
    decode(18, 0, HVM_EXIT_HYPERCALL, 9);
    assert_int_equal(exit_value.kernel_bits, 0);
    vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_SS] &= ~(3ull << 5);
    decode(18, 0, HVM_EXIT_HYPERCALL, 9);
    assert_int_equal(exit_value.kernel_bits, 64);
    assert_true(vmx_paging_state(&v, &paging));
    assert_int_equal(paging.cr0, in.cr0);
    assert_int_equal(paging.cr3, in.cr3);
    assert_int_equal(paging.cr4, in.cr4);
    assert_int_equal(paging.efer, in.efer);
    assert_false(vmx_paging_state(&v, &paging));
    vmcs[VMCS_GUEST_CR3] = 1;
    assert_true(vmx_paging_state(&v, &paging));
    vmcs[VMCS_GUEST_EFER] = EFER_LME;
    v.vmx.mode_known = false;
    assert_false(vmx_long_mode_cs(&v)); /* L without long mode */
    decode(18, 0, HVM_EXIT_HYPERCALL, 9);
    assert_int_equal(exit_value.kernel_bits, 32);
}

/* What AMD's CPUs take and Intel's refuse. */
TEST(test_state_is_made_to_fit)
{
    struct hvm_state in = long_mode(), out;
    const struct vmx_guest *g = &v.vmx.guest;

    here = false;
    v.vmx.read = true;
    in.cs.attributes = 0xe90; /* neither accessed nor S, L and D both set, and data */
    in.ss.attributes = 0xcf0; /* not accessed; privilege 3 */
    in.tr = (struct hvm_segment){.selector = 0x1c, .attributes = 0x89, .limit = 0x123456, .base = BIT(50)};
    in.ldtr = (struct hvm_segment){.selector = 4, .attributes = 0x92, .limit = 0x10};
    in.gdtr = (struct hvm_segment){.limit = 0x12345, .base = 0x8000000000000};
    in.fs.base = 0x0000900000000000;
    in.ds = (struct hvm_segment){
        .attributes = 0x88c, .base = BIT(40), .limit = 0xfff}; /* code that cannot be read */
    vmx_set_state(&v, &in);
    /* Segments are, at the entry only: a toolstack reads what it wrote. */
    vmx_get_state(&v, &out);
    assert_memory_equal(&out.cs, &in.cs, sizeof(in.cs));
    assert_memory_equal(&out.ss, &in.ss, sizeof(in.ss));
    assert_memory_equal(&out.ds, &in.ds, sizeof(in.ds));
    assert_memory_equal(&out.ldtr, &in.ldtr, sizeof(in.ldtr));
    assert_int_equal(out.tr.attributes, 0x89);
    assert_int_equal(out.tr.selector, 0x1c);
    assert_int_equal(out.tr.limit, 0x123456);
    vmx_write_changes(&v);
    assert_int_equal(vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_CS] & 0xff, 0x93);
    vmx_get_state(&v, &out);
    assert_int_equal(out.tr.attributes, 0x88b);
    assert_int_equal(g->cs.access_rights & 0xff, 0x93); /* data: as in real mode, at privilege 0 */
    assert_int_equal(g->cs.access_rights & VMX_AR_D, 0);
    assert_int_equal(g->ss.access_rights & 0xff, 0x93);
    assert_int_equal(g->tr.access_rights, 0x8b | VMX_AR_G); /* busy */
    assert_int_equal(g->tr.selector, 0x18);
    assert_int_equal(g->tr.limit, 0x123fff);
    assert_int_equal(g->tr.base, 0);
    assert_int_equal(g->ldtr.access_rights & 0xff, 0x82);
    assert_int_equal(g->ldtr.selector, 0);
    assert_int_equal(g->gdtr_limit, 0x2345);
    assert_int_equal(g->gdtr_base, 0);
    assert_int_equal(g->fs.base, 0xffff900000000000);
    assert_int_equal(g->ds.access_rights & 0xff, 0x9f);
    assert_int_equal(g->ds.base, 0);

    in.cs.attributes = 0xcfe; /* conforming code at privilege 3, called from 0 */
    in.ss.attributes = 0xc97;
    in.efer = EFER_LME | EFER_SVME; /* LMA follows from paging */
    vmx_set_state(&v, &in);
    vmx_write_changes(&v);
    assert_int_equal(g->cs.access_rights & 0xff, 0x9f);
    assert_int_equal(g->ss.access_rights & 0xff, 0x97); /* expands down */
    assert_int_equal(g->efer, EFER_LME | EFER_LMA);

    /* Virtual-8086 mode, once RFLAGS is known. */
    in = (struct hvm_state){.cr0 = CR0_PE | CR0_ET, .cs = {.selector = 0x1234, .attributes = 0x9b}};
    vmx_set_state(&v, &in);
    v.regs.rflags = BIT(17) | BIT(3) | BIT(63);
    v.regs.rip = 0x123456789;
    v.vmx.interruptibility = VMX_BLOCKED_BY_STI | VMX_BLOCKED_BY_NMI;
    vmx_write_changes(&v);
    assert_int_equal(v.vmx.interruptibility, VMX_BLOCKED_BY_NMI); /* IF is clear */
    assert_int_equal(v.regs.rflags, BIT(17) | 2);
    assert_int_equal(v.regs.rip, 0x23456789);
    for (u32 s = VMCS_ES; s <= VMCS_GS; s++) {
        assert_int_equal(vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * s], 0xf3);
        assert_int_equal(vmcs[VMCS_GUEST_LIMIT + 2 * s], 0xffff);
    }
    assert_int_equal(vmcs[VMCS_GUEST_BASE + 2 * VMCS_CS], 0x12340);
    /* Not in long mode. */
    in = long_mode();
    vmx_set_state(&v, &in);
    v.regs.rflags = BIT(17);
    v.regs.rip = 0x0001000000001000;
    vmx_write_changes(&v);
    assert_int_equal(v.regs.rflags, 2);
    assert_int_equal(v.regs.rip, 0x1000);
}

TEST(test_words)
{
    assert_string_equal(vmx_instruction_error(7), "invalid control fields");
    assert_string_equal(vmx_instruction_error(8), "invalid host-state fields");
    assert_string_equal(vmx_instruction_error(14), "an unknown error");
    assert_string_equal(vmx_instruction_error(~0u), "an unknown error");
    assert_string_equal(vmx_entry_failure(0x80000021), "invalid guest state");
    assert_string_equal(vmx_entry_failure(0x80000022), "an MSR could not be loaded");
    assert_string_equal(vmx_entry_failure(0x80000029), "machine check");
    assert_string_equal(vmx_entry_failure(0x80000001), "an unknown reason");
}

FIXTURE(setup, NULL)
