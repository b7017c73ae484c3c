/* What an exit does to its vCPU: instructions, ports, events. */
#include "exit_harness.h"
#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/guest_msr.h>
#include <tests/guest_memory.h>
#include <xen/hvm/params.h>

#define GOOD_MSR 0x10u
#define PAGE_MSR 0x40000000u

static u32 nr_hypercalls;

static struct exit_verdict wanted = {.action = VERDICT_SKIP};
struct exit_verdict hypercall_dispatch(struct vcpu *who)
{
    assert_ptr_equal(here->current, who);
    nr_hypercalls++;
    return wanted;
}
void hvm_guest_cpuid(struct hvm_vcpu *who, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    (void)who;
    *out = (struct cpuid_leaf){leaf, subleaf, 0x80000003u, 4};
}
static u64 msr_value = 0x1122334455667788;
int hvm_guest_rdmsr(struct hvm_vcpu *who, u32 msr, u64 *value)
{
    (void)who;
    if (msr == PAGE_MSR)
        return HVM_MSR_HYPERCALL_PAGE;
    if (msr != GOOD_MSR)
        return -EFAULT;
    *value = msr_value;
    return 0;
}
int hvm_guest_wrmsr(struct hvm_vcpu *who, u32 msr, u64 value)
{
    (void)who;
    if (msr == PAGE_MSR)
        return HVM_MSR_HYPERCALL_PAGE;
    if (msr != GOOD_MSR)
        return -EFAULT;
    msr_value = value;
    return 0;
}

static void fault_is(u8 vector, s64 error)
{
    assert_int_equal(nr_injected, 1);
    assert_int_equal(injected_vector, vector);
    assert_int_equal(injected_error, error);
    assert_int_equal(skipped, 0);
    assert_false(d->shut_down);
}

static void no_fault(void)
{
    assert_int_equal(nr_injected, 0);
    assert_int_equal(skipped, 2);
    assert_int_equal(nr_skips, 1);
    assert_false(d->shut_down);
}

/* --- verdicts: each is applied once, and nothing else happens --- */

/* A hypercall that ends with this verdict, whatever the exit is about. */
static void apply(struct exit_verdict verdict)
{
    struct hvm_exit exit = {.kind = HVM_EXIT_HYPERCALL, .npf = {.gaddr = 0x5000, .write = true}};
    u64 exits_before = here->exit_kinds[HVM_EXIT_HYPERCALL];

    nr_hypercalls = 0;
    wanted = verdict;
    exits(v, exit);
    wanted = (struct exit_verdict){.action = VERDICT_SKIP};
    assert_int_equal(nr_hypercalls, 1);
    assert_int_equal(here->exit_kinds[HVM_EXIT_HYPERCALL], exits_before + 1);
}

TEST(a_skipped_instruction_moves_rip_once)
{
    apply((struct exit_verdict){.action = VERDICT_SKIP, .vector = 14, .error = 3});
    no_fault();
}

TEST(resume_and_retry_leave_rip)
{
    static const enum verdict_action actions[] = {VERDICT_RESUME, VERDICT_RETRY};

    for (u32 i = 0; i < ARRAY_SIZE(actions); i++) {
        apply((struct exit_verdict){.action = actions[i], .vector = 14, .error = 3});
        assert_int_equal(nr_skips + nr_injected, 0);
        assert_false(d->shut_down);
    }
}

TEST(an_exception_is_raised_with_its_error_code)
{
    apply((struct exit_verdict){.action = VERDICT_RAISE, .vector = 14, .error = 0xffff});
    fault_is(14, 0xffff);
    apply((struct exit_verdict){.action = VERDICT_RAISE, .vector = 17});
    fault_is(17, 0);
    apply((struct exit_verdict){.action = VERDICT_RAISE, .vector = 6, .error = VERDICT_NO_ERROR});
    fault_is(6, -1);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_EXCEPTION, .exception = {.vector = 16, .error = -1}});
    fault_is(16, -1);
}

TEST(a_crash_names_its_reason)
{
    static const struct {
        enum crash_reason reason;
        u8 code;
        const char *says;
    } crashes[] = {
        {CRASH_NESTED_FAULT, SHUTDOWN_crash, "d1: crashed: wrote guest-physical 0x5000, where nothing"},
        {CRASH_TRIPLE_FAULT, SHUTDOWN_reboot, "d1v0: triple fault\ndump of d1v0\n"},
        {CRASH_INVALID_STATE, SHUTDOWN_crash, "d1: crashed: the processor refused the vCPU's state\n"},
        {CRASH_UNHANDLED_EXIT, SHUTDOWN_crash, "d1: crashed: unhandled exit, code 0xab\n"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(crashes); i++) {
        v->hvm.exit_code_raw = 0xab;
        apply((struct exit_verdict){.action = VERDICT_CRASH, .reason = (u8)crashes[i].reason});
        assert_int_equal(nr_skips + nr_injected, 0);
        assert_true(d->shut_down);
        assert_int_equal(d->shutdown_code, crashes[i].code);
        assert_int_equal(nr_dumps, 1);
        assert_non_null(strstr(said, crashes[i].says));
        teardown();
        setup_domains();
    }
}

/* --- instructions --- */

TEST(forbidden_instructions_are_undefined)
{
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_FORBIDDEN});
    fault_is(6, -1);
}

TEST(nothing_to_do)
{
    struct hvm_regs before = v->hvm.regs;

    exits(v, (struct hvm_exit){.kind = HVM_EXIT_INTERRUPT});
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_IRQ_WINDOW});
    assert_int_equal(skipped + nr_injected, 0);
    assert_memory_equal(&before, &v->hvm.regs, sizeof(before));
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_IGNORED});
    no_fault();
    assert_memory_equal(&before, &v->hvm.regs, sizeof(before));
}

TEST(cpuid_and_msrs_use_the_registers)
{
    struct hvm_regs *regs = &v->hvm.regs;

    regs->rax = 0xffffffff00000007;
    regs->rcx = 0xffffffff00000009;
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_CPUID});
    no_fault();
    assert_int_equal(regs->rax, 7);
    assert_int_equal(regs->rbx, 9);
    assert_int_equal(regs->rcx, 0x80000003);
    assert_int_equal(regs->rdx, 4);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_RDMSR, .msr = GOOD_MSR});
    no_fault();
    assert_int_equal(regs->rax, 0x55667788);
    assert_int_equal(regs->rdx, 0x11223344);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_RDMSR, .msr = 0x999});
    fault_is(13, 0);
    assert_int_equal(regs->rax, 0x55667788);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_RDMSR, .msr = PAGE_MSR});
    no_fault();
    assert_int_equal(regs->rax | regs->rdx, 0);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_WRMSR, .msr = GOOD_MSR, .value = 5});
    no_fault();
    assert_int_equal(msr_value, 5);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_WRMSR, .msr = 0x999, .value = 5});
    fault_is(13, 0);
}

TEST(the_hypercall_page_goes_into_ram)
{
    populate(d, 0x10, 0);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_WRMSR, .msr = PAGE_MSR, .value = 0x11000});
    fault_is(13, 0); /* nothing there */
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_WRMSR, .msr = PAGE_MSR, .value = 0x10001});
    fault_is(13, 0); /* a second page: there is one */
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_WRMSR, .msr = PAGE_MSR, .value = ~0xfffull});
    fault_is(13, 0);
    assert_int_equal(d->hypercall_page_gfn, ~0ull);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_WRMSR, .msr = PAGE_MSR, .value = 0x10000});
    no_fault();
    assert_int_equal(d->hypercall_page_gfn, 0x10);
    u8 last = 0;
    assert_int_equal(guest_memory_read(d, 0x10fff, &last, 1), 0);
    assert_int_equal(last, 0x90);
}

/* --- ports --- */

static struct hvm_exit port(u16 nr, u8 size, bool in)
{
    return (struct hvm_exit){.kind = HVM_EXIT_IO, .io = {.port = nr, .size = size, .in = in}};
}

TEST(ports_read_ones)
{
    static const u16 ports[] = {0, 0x60, 0x64, 0x70, 0xcf8, 0xcfc, 0xe9, 0x3f8, 0xcf9, 0xffff};
    u64 *rax = &v->hvm.regs.rax;

    for (u32 i = 0; i < ARRAY_SIZE(ports); i++) {
        *rax = 0x1111111111111111;
        exits(v, port(ports[i], 1, true));
        no_fault();
        assert_int_equal(*rax, 0x11111111111111ff);
        exits(v, port(ports[i], 2, true));
        assert_int_equal(*rax, 0x111111111111ffff);
        exits(v, port(ports[i], 4, true));
        assert_int_equal(*rax, 0xffffffff);
        for (u8 size = 1; size <= 4; size *= 2) {
            *rax = 0x41424344010203fe;
            if (ports[i] == 0xe9 && size == 1)
                continue; /* the console */
            exits(v, port(ports[i], size, false));
            no_fault(); /* the PC's reset ports among them */
        }
        struct hvm_exit string = port(ports[i], 1, i % 2);
        string.io.string = true;
        exits(v, string);
        fault_is(13, 0);
    }
    assert_string_equal(said, "");
    assert_int_equal(d->line_len, 0);
}

static void print(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        v->hvm.regs.rax = 0x1234567800 | (u8)text[i]; /* AL counts */
        exits(v, port(0xe9, 1, false));
        no_fault();
    }
}
#define PRINT(text) print(text, sizeof(text) - 1)

TEST(the_console_port_prints_lines)
{
    char line[301], want[512];

    PRINT("hello ");
    assert_string_equal(said, ""); /* not before the line ends */
    PRINT("world\n\n\tx\n");
    assert_string_equal(said, "(d1) hello world\n(d1)\n(d1) \tx\n");
    said[0] = '\0';
    PRINT("a\r\0b\x1b[2Jc\x7f\b\x07"
          "d\x9b"
          "2Je\n");
    assert_string_equal(said, "(d1) ab[2Jcd2Je\n");
    said[0] = '\0';
    PRINT("100%s %n\n");
    assert_string_equal(said, "(d1) 100%s %n\n");
    said[0] = '\0';
    /* A line that never ends costs no more than its buffer: it comes in pieces. */
    for (u32 i = 0; i < 300; i++)
        line[i] = (char)('a' + i % 26);
    print(line, 300);
    PRINT("\n");
    snprintf(want, sizeof(want), "(d1) %.127s\n(d1) %.127s\n(d1) %.46s\n", line, line + 127, line + 254);
    assert_string_equal(said, want);
    said[0] = '\0';
}

/* --- events --- */

TEST(an_event_enters_as_soon_as_it_can)
{
    v->info->evtchn_upcall_pending = 1;
    vcpu_deliver_event(v); /* no vector: this guest polls */
    assert_int_equal(injected_irq + nr_windows, 0);
    d->hvm_params[HVM_PARAM_CALLBACK_IRQ] = 2ull << 56 | 0xf3;
    vcpu_deliver_event(v);
    assert_int_equal(injected_irq, 0xf3);
    d->hvm_params[HVM_PARAM_CALLBACK_IRQ] = 1ull << 56 | 0xf3; /* a PCI line: there is none */
    injected_irq = 0;
    vcpu_deliver_event(v);
    assert_int_equal(injected_irq, 0);
    v->upcall_vector = 0x93;
    vcpu_deliver_event(v);
    assert_int_equal(injected_irq + nr_windows, 0); /* that one comes through the APIC */
    v->upcall_vector = 0;
    d->hvm_params[HVM_PARAM_CALLBACK_IRQ] = 2ull << 56 | 0xf3;
    can_inject = false;
    vcpu_deliver_event(v);
    assert_int_equal(injected_irq, 0);
    assert_int_equal(nr_windows, 1);
    assert_true(v->irq_waits);
    vcpu_deliver_event(v);
    assert_int_equal(nr_windows, 1); /* asked for already */
    can_inject = true;
    vcpu_deliver_event(v);
    assert_int_equal(injected_irq, 0xf3);
    assert_false(v->irq_waits);
}

FIXTURE(setup_domains, teardown)
