/*
 * What an exit does to its vCPU and its domain: instructions, ports, events, HLT, and crashes.
 *
 * lint: long: one fixture, and tests of each kind of exit.
 */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <domain/exit.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

#define PAGE_MSR  0x40000000u
#define EXIT(...) (&(struct hvm_exit){.insn_len = 2, __VA_ARGS__})

static struct domain *d; /* two vCPUs online */
static struct vcpu *v;
static u32 exc_port; /* where domain 0 is told of ends */

static void setup(void)
{
    d = domain_get(1);
    domain_put(d);
    v = d->vcpu[0];
    for (u32 i = 0; i < 2; i++)
        vcpu_online(d->vcpu[i]);
    dom0->vcpu[0]->upcall_vector = 0xf3;
    assert_int_equal(evtchn_bind_virq(dom0, VIRQ_DOM_EXC, 0, &exc_port), 0);
    vcpu_block(dom0->vcpu[0]);
}

FIXTURE(setup, NULL)
#define EXIT_TEST(name) TEST(name, .domains = 2, .vcpus = 2)

/* What it does is complete when this returns. */
static void exits(struct vcpu *who, struct hvm_exit *exit)
{
    skipped = nr_injected = injected_vector = 0;
    injected_error = 77;
    here->current = who;
    vcpu_handle_exit(who, exit);
    here->current = NULL;
    pass(1); /* for the console */
    timer_run_due();
}

static void fault_is(u8 vector, s64 error)
{
    assert_int_equal(nr_injected, 1);
    assert_int_equal(injected_vector, vector);
    assert_int_equal(injected_error, error);
    assert_int_equal(skipped, 0);
    assert_false(d->shut_down);
}

static void is_skipped(void)
{
    assert_int_equal(nr_injected, 0);
    assert_int_equal(skipped, 2);
    assert_false(d->shut_down);
}

/* --- verdicts: each is applied once, and nothing else happens --- */

static u32 nr_hypercalls;
static struct exit_verdict wanted;

/* The hypercalls of these tests. */
struct exit_verdict hypercall_dispatch(struct vcpu *who, u32 kernel_bits)
{
    (void)kernel_bits;
    assert_ptr_equal(here->current, who);
    nr_hypercalls++;
    return wanted;
}

/* A hypercall that ends with this verdict, whatever the exit is about. */
static void apply(struct exit_verdict verdict)
{
    u64 exits_before = here->exit_kinds[HVM_EXIT_HYPERCALL];

    nr_hypercalls = 0;
    wanted = verdict;
    exits(v, EXIT(.kind = HVM_EXIT_HYPERCALL));
    assert_int_equal(nr_hypercalls, 1);
    assert_int_equal(here->exit_kinds[HVM_EXIT_HYPERCALL], exits_before + 1);
}

EXIT_TEST(verdicts)
{
    static const enum verdict_action no_change[] = {VERDICT_RESUME, VERDICT_RETRY};

    apply((struct exit_verdict){.action = VERDICT_SKIP, .vector = 14, .error = 3});
    is_skipped();
    for (u32 i = 0; i < ARRAY_SIZE(no_change); i++) {
        apply((struct exit_verdict){.action = no_change[i], .vector = 14, .error = 3});
        assert_int_equal(skipped + nr_injected, 0);
        assert_false(d->shut_down);
    }
    apply((struct exit_verdict){.action = VERDICT_RAISE, .vector = 14, .error = 0xffff});
    fault_is(14, 0xffff);
    apply((struct exit_verdict){.action = VERDICT_RAISE, .vector = 17});
    fault_is(17, 0);
    apply((struct exit_verdict){.action = VERDICT_RAISE, .vector = 6, .error = VERDICT_NO_ERROR});
    fault_is(6, -1);
}

/* --- ends --- */

static enum hvm_exit_kind bad_kind;

static void bad_exit_of_d(struct vcpu *who, struct hvm_exit *exit)
{
    if (who->domain == d)
        *exit = (struct hvm_exit){
            .kind = bad_kind,
            .npf = {.gaddr = 0xdead000, .write = true, .nr_code = 2, .code = (const u8 *)"\x0f\x0b"}};
    else if (who->domain == dom0 || nr_runs[2][0] == 50)
        end_run(who);
}

static void end_is(enum hvm_exit_kind kind, u8 code, const char *why)
{
    struct domain *other = new_domain(2, 1);

    vcpu_online(other->vcpu[0]);
    bad_kind = kind;
    play = bad_exit_of_d;
    v->hvm.exit_code_raw = 0xab;
    for (u32 i = 0; i < 20 && nr_runs[2][0] < 50; i++)
        sched_step(here);
    timer_run_due();
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, code);
    assert_int_equal(nr_runs[1][0], 1); /* that exit was the last */
    assert_int_equal(nr_runs[1][1], 0);
    assert_int_equal(skipped + nr_injected, 0);
    assert_int_equal(nr_dumps, 1);
    assert_true(said(why));
    assert_true(evtchn_port_pending(dom0, exc_port));
    assert_true(nr_runs[0][0] > 0); /* and domain 0 was woken by it */
    assert_int_equal(nr_runs[2][0], 50);
    assert_false(other->shut_down || dom0->shut_down);
}

#define END_TEST(name, kind, code, why) \
    EXIT_TEST(name) \
    { \
        end_is(kind, code, why); \
    }
END_TEST(a_triple_fault_is_a_reboot, HVM_EXIT_SHUTDOWN, SHUTDOWN_reboot, "d1v0: triple fault\ndump of d1v0\n")
END_TEST(
    an_unmapped_address_is_a_crash, HVM_EXIT_NPF, SHUTDOWN_crash,
    "d1: crashed: wrote guest-physical 0xdead000, where nothing is mapped, by an instruction that is not "
    "emulated\n")
END_TEST(a_refused_state_is_a_crash, HVM_EXIT_INVALID, SHUTDOWN_crash,
         "d1: crashed: the processor refused the vCPU's state\n")
END_TEST(an_unknown_exit_is_a_crash, HVM_EXIT_UNKNOWN, SHUTDOWN_crash,
         "d1: crashed: unhandled exit, code 0xab\n")
END_TEST(a_kind_out_of_range_is_a_crash, HVM_EXIT_NR + 5, SHUTDOWN_crash, "unhandled exit")

/* Between the fault and its handler another vCPU has finished replacing the frame. */
EXIT_TEST(a_frame_mapped_again_is_no_crash)
{
    struct hvm_exit fault = {
        .kind = HVM_EXIT_NPF,
        .npf = {.gaddr = 0x5678, .write = true, .nr_code = 2, .code = (const u8 *)"\x0f\x0b"}};

    populate(d, 5, 0);
    exits(v, &fault);
    assert_int_equal(skipped + nr_injected, 0);
    assert_false(d->shut_down);
    assert_int_equal(physmap_remove(d, gfn(5), ORDER_4K, true), 0);
    exits(v, &fault);
    assert_true(d->shut_down);
}

EXIT_TEST(the_toolstack_chooses_the_triple_faults_code)
{
    d->hvm_params[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_watchdog;
    exits(v, EXIT(.kind = HVM_EXIT_SHUTDOWN));
    assert_int_equal(d->shutdown_code, SHUTDOWN_watchdog);
}

EXIT_TEST(a_crash_is_told_once)
{
    guest_console_write(d, 'x');
    exits(v, EXIT(.kind = HVM_EXIT_NPF, .npf = {.gaddr = 0x1000, .exec = true, .present = true}));
    exits(d->vcpu[1], EXIT(.kind = HVM_EXIT_NPF, .npf = {.gaddr = 0x2000}));
    assert_string_equal(all_said(), "(d1) x\n" /* what it was saying, first */
                                    "d1: crashed: executed guest-physical 0x1000, where it may not\n"
                                    "dump of d1v0\n"
                                    "d1: shut down, code 3 (crash)\n");
}

EXIT_TEST(domain_0_is_the_machine)
{
    if (!setjmp(machine_ended))
        exits(dom0->vcpu[0], EXIT(.kind = HVM_EXIT_UNKNOWN));
    assert_int_equal(ended_how, MACHINE_CRASHED);
}

EXIT_TEST(hlt_without_interrupts_is_for_good)
{
    v->hvm.regs.rflags = d->vcpu[1]->hvm.regs.rflags = RFLAGS_RESERVED1;
    exits(v, EXIT(.kind = HVM_EXIT_HLT));
    assert_int_equal(v->state, VCPU_OFFLINE);
    assert_false(d->shut_down);
    assert_int_equal(domain_nr_online(d), 1);
    vcpu_wake(v);
    assert_int_equal(v->state, VCPU_OFFLINE);
    exits(d->vcpu[1], EXIT(.kind = HVM_EXIT_HLT));
    assert_true(d->shut_down); /* the last one */
    assert_int_equal(d->shutdown_code, SHUTDOWN_poweroff);
    assert_true(evtchn_port_pending(dom0, exc_port));
}

EXIT_TEST(hlt_with_interrupts_waits)
{
    u32 port;

    assert_int_equal(evtchn_bind_ipi(d, 0, &port), 0);
    v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_IF;
    /* A builder that polls has no upcall vector and never clears the pending byte: it must still be able to wait. */
    v->info->evtchn_upcall_pending = 1;
    exits(v, EXIT(.kind = HVM_EXIT_HLT));
    is_skipped();
    assert_int_equal(v->state, VCPU_BLOCKED);
    assert_false(v->on_queue);
    v->info->evtchn_upcall_pending = 0;
    v->upcall_vector = 0x93;
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(v->state, VCPU_RUNNABLE);
    assert_true(v->on_queue);
    v->attention = false;
    exits(v, EXIT(.kind = HVM_EXIT_HLT)); /* not taken yet */
    assert_int_equal(v->state, VCPU_RUNNABLE);
}

/* --- instructions --- */

EXIT_TEST(exceptions_are_passed_on)
{
    exits(v, EXIT(.kind = HVM_EXIT_EXCEPTION, .exception = {.vector = 16, .error = -1}));
    fault_is(16, -1);
    exits(v, EXIT(.kind = HVM_EXIT_FORBIDDEN));
    fault_is(6, -1);
}

EXIT_TEST(nothing_to_do)
{
    struct hvm_regs before = v->hvm.regs;

    exits(v, EXIT(.kind = HVM_EXIT_INTERRUPT));
    exits(v, EXIT(.kind = HVM_EXIT_IRQ_WINDOW));
    assert_int_equal(skipped + nr_injected, 0);
    assert_memory_equal(&before, &v->hvm.regs, sizeof(before));
    exits(v, EXIT(.kind = HVM_EXIT_IGNORED));
    is_skipped();
    before.rip += 2;
    assert_memory_equal(&before, &v->hvm.regs, sizeof(before));
}

EXIT_TEST(cpuid_and_msrs_use_the_registers)
{
    struct hvm_regs *regs = &d->vcpu[1]->hvm.regs;
    struct vcpu *second = d->vcpu[1];

    *regs = (struct hvm_regs){.rax = 0xffffffff40000004, .rcx = 0xffffffff00000000, .rdx = 7};
    exits(second, EXIT(.kind = HVM_EXIT_CPUID));
    is_skipped();
    assert_int_equal(regs->rax, 0x5c);
    assert_int_equal(regs->rbx, 1); /* the vCPU's */
    assert_int_equal(regs->rcx, 1); /* and the domain's id */
    assert_int_equal(regs->rdx, 0);
    exits(second, EXIT(.kind = HVM_EXIT_WRMSR, .msr = MSR_LSTAR, .value = 0x1122334455667788));
    fault_is(13, 0); /* not canonical */
    exits(second, EXIT(.kind = HVM_EXIT_WRMSR, .msr = MSR_LSTAR, .value = 0xffff924455667788));
    is_skipped();
    exits(second, EXIT(.kind = HVM_EXIT_RDMSR, .msr = MSR_LSTAR));
    is_skipped();
    assert_int_equal(regs->rax, 0x55667788);
    assert_int_equal(regs->rdx, 0xffff9244);
    exits(second, EXIT(.kind = HVM_EXIT_RDMSR, .msr = 0x999));
    fault_is(13, 0);
    assert_int_equal(regs->rax, 0x55667788);
    exits(second, EXIT(.kind = HVM_EXIT_WRMSR, .msr = 0x999, .value = 5));
    fault_is(13, 0);
    exits(second, EXIT(.kind = HVM_EXIT_RDMSR, .msr = PAGE_MSR));
    is_skipped();
    assert_int_equal(regs->rax | regs->rdx, 0);
    exits(second, EXIT(.kind = HVM_EXIT_RDMSR, .msr = 0x802));
    fault_is(13, 0); /* in xAPIC mode */
    exits(second, EXIT(.kind = HVM_EXIT_WRMSR, .msr = 0x1b, .value = 0xfee00c00));
    is_skipped();
    exits(second, EXIT(.kind = HVM_EXIT_RDMSR, .msr = 0x802));
    is_skipped();
    assert_int_equal(regs->rax, 2); /* its APIC's id */
    exits(second, EXIT(.kind = HVM_EXIT_WRMSR, .msr = 0x802));
    fault_is(13, 0);
}

EXIT_TEST(the_hypercall_page_goes_into_ram)
{
    /* nothing there; a second page, where there is one; outside */
    static const u64 refused[] = {0x11000, 0x10001, ~0xfffull};
    u8 last = 0;

    populate(d, 0x10, 0);
    for (u32 i = 0; i < ARRAY_SIZE(refused); i++) {
        exits(v, EXIT(.kind = HVM_EXIT_WRMSR, .msr = PAGE_MSR, .value = refused[i]));
        fault_is(13, 0);
    }
    assert_int_equal(d->hypercall_page_gfn, ~0ull);
    exits(v, EXIT(.kind = HVM_EXIT_WRMSR, .msr = PAGE_MSR, .value = 0x10000));
    is_skipped();
    assert_int_equal(d->hypercall_page_gfn, 0x10);
    assert_int_equal(guest_memory_read(d, 0x10fff, &last, 1), 0);
    assert_int_equal(last, 0xcc);
}

/* --- code in large pages, where these cannot be executed --- */

static void no_exec_large(void)
{
    np_set_format(NP_AMD_TABLE, NP_AMD_LEAF, BIT(2)); /* of Intel's entries */
}

static void exec_large(void)
{
    np_set_format(NP_AMD_TABLE, NP_AMD_LEAF, 0);
}

static void executes(u64 gaddr)
{
    exits(v, EXIT(.kind = HVM_EXIT_NPF, .npf = {.gaddr = gaddr, .present = true, .exec = true}));
    assert_int_equal(skipped + nr_injected, 0);
}

EXIT_TEST(what_is_executed_is_split)
{
    no_exec_large();
    populate(d, 0x200, 9);
    populate(d, 0x400, 9);
    executes(0x234567);
    assert_int_equal(physmap_lookup(d, gfn(0x234)).order, 0);
    assert_int_equal(physmap_lookup(d, gfn(0x234)).type, NP_RAM);
    assert_int_equal(physmap_lookup(d, gfn(0x400)).order, 9);
    executes(0x234567); /* another vCPU, which had the large mapping */
    executes(0x700000); /* nothing is mapped there */
    assert_false(d->shut_down);

    u64 taken[PHYSMAP_POOL_DEFAULT_PAGES];
    u32 nr = 0;
    while ((taken[nr] = physmap_pool_take(d)))
        assert_true(++nr < ARRAY_SIZE(taken));
    executes(0x234568);
    assert_false(d->shut_down);
    executes(0x400000);
    assert_true(d->shut_down);
    assert_true(said(
        "crashed: executed guest-physical 0x400000, and its paging pool has no page to split the mapping"));
    while (nr)
        physmap_pool_return(d, taken[--nr]);
    exec_large();
}

EXIT_TEST(what_may_not_be_executed_ends_the_domain)
{
    populate(d, 0x200, 9);
    executes(0x234567);
    assert_true(d->shut_down);
    assert_int_equal(physmap_lookup(d, gfn(0x234)).order, 9);
}

/* --- what ends an instruction --- */

static struct hvm_state state_of(struct vcpu *who)
{
    struct hvm_state state;

    hvm_ops->get_state(&who->hvm, &state);
    return state;
}

/* APM2 13.1.4: TF traps after an instruction, also one that Homestead carries out; RF covers one instruction. */
EXIT_TEST(single_steps_trap)
{
    struct hvm_exit steps[] = {
        {.kind = HVM_EXIT_CPUID},
        {.kind = HVM_EXIT_RDMSR, .msr = 0x8b},
        {.kind = HVM_EXIT_WRMSR, .msr = 0x8b},
        {.kind = HVM_EXIT_IO, .io = {.port = 0x80, .size = 1}},
        {.kind = HVM_EXIT_IO, .io = {.port = 0x80, .size = 1, .in = true}},
        {.kind = HVM_EXIT_HLT},
        {.kind = HVM_EXIT_IGNORED},
        {.kind = HVM_EXIT_HYPERCALL},
        {.kind = HVM_EXIT_CR4, .cr4 = {.known = true}},
    };

    wanted = (struct exit_verdict){.action = VERDICT_SKIP};
    for_each_row (i, steps) {
        struct hvm_state state = {.dr6 = HVM_DR6_RESET | 1, .dr7 = HVM_DR7_RESET | DR7_GD};

        steps[i].insn_len = 2;
        hvm_ops->set_state(&v->hvm, &state);
        v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_IF | RFLAGS_TF | RFLAGS_RF;
        exits(v, &steps[i]);
        assert_int_equal(skipped, 2);
        assert_int_equal(nr_injected, 1);
        assert_int_equal(injected_vector, 1);
        assert_int_equal(injected_error, -1);
        assert_int_equal(state_of(v).dr6, HVM_DR6_RESET | DR6_BS | 1);
        assert_int_equal(state_of(v).dr7, HVM_DR7_RESET);
        assert_int_equal(v->hvm.regs.rflags, RFLAGS_RESERVED1 | RFLAGS_IF | RFLAGS_TF);
        assert_int_equal(v->state, VCPU_RUNNABLE); /* HLT: the trap wakes it */

        if (steps[i].kind == HVM_EXIT_HLT)
            continue;
        hvm_ops->set_state(&v->hvm, &state);
        v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_RF;
        exits(v, &steps[i]);
        is_skipped();
        assert_int_equal(state_of(v).dr6, HVM_DR6_RESET | 1);
        assert_int_equal(state_of(v).dr7, HVM_DR7_RESET | DR7_GD);
        assert_int_equal(v->hvm.regs.rflags, RFLAGS_RESERVED1);
    }
    /* Neither a fault nor an instruction that is executed again is one. */
    v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_TF;
    exits(v, EXIT(.kind = HVM_EXIT_FORBIDDEN));
    fault_is(6, -1);
    assert_int_equal(v->hvm.regs.rflags, RFLAGS_RESERVED1 | RFLAGS_TF | RFLAGS_RF);
    v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_TF;
    exits(v, EXIT(.kind = HVM_EXIT_EXCEPTION, .exception = {.vector = 1, .error = -1}));
    fault_is(1, -1);
    assert_int_equal(v->hvm.regs.rflags, RFLAGS_RESERVED1 | RFLAGS_TF);
    apply((struct exit_verdict){.action = VERDICT_RETRY});
    assert_int_equal(skipped + nr_injected, 0);
}

/* --- CR4 --- */

static u8 *code_at; /* what is at v's RIP */

static void to_code(u64 rip, bool paging)
{
    struct hvm_state state = {.cr0 = CR0_ET | CR0_PE | (paging ? CR0_PG : 0), .cs = {.base = 0x4000}};

    hvm_ops->set_state(&v->hvm, &state);
    code_at = (u8 *)mfn_to_virt(physmap_lookup(d, gfn(0x10)).mfn) + (rip + 0x4000) % PAGE_SIZE;
    v->hvm.regs.rip = rip;
}

static void mov_cr4(bool write, bool known, u8 gpr)
{
    u64 rip = v->hvm.regs.rip;

    exits(v, &(struct hvm_exit){.kind = HVM_EXIT_CR4,
                                .insn_len = known ? 2 : 0,
                                .cr4 = {.known = known, .write = write, .gpr = known ? gpr : 0xcc}});
    if (!skipped)
        assert_int_equal(v->hvm.regs.rip, rip);
}

EXIT_TEST(cr4_by_hardware)
{
    guest_64 = true;
    v->hvm.regs.gpr[11] = CR4_PGE;
    mov_cr4(true, true, 11);
    is_skipped();
    assert_int_equal(v->hvm.cr4, CR4_PGE);
    v->hvm.regs.gpr[11] = CR4_PGE | CR4_PKE;
    mov_cr4(true, true, 11);
    fault_is(13, 0);
    v->hvm.regs.gpr[11] = CR4_PGE | BIT(63);
    mov_cr4(true, true, 11);
    fault_is(13, 0);
    assert_int_equal(v->hvm.cr4, CR4_PGE);
    v->hvm.regs.rsp = 7;
    mov_cr4(false, true, 4);
    is_skipped();
    assert_int_equal(v->hvm.regs.rsp, CR4_PGE);
    guest_64 = false; /* the upper half is not written, and not there */
    v->hvm.regs.rbx = CR4_DE | BIT(63);
    mov_cr4(true, true, 3);
    is_skipped();
    assert_int_equal(v->hvm.cr4, CR4_DE);
}

EXIT_TEST(cr4_by_the_bytes)
{
    static const u8 from_rbp[] = {0x66, 0x0f, 0x22, 0xe5};

    populate(d, 0x10, 0);
    guest_64 = false;
    to_code(0xc123, false);
    memcpy(code_at, from_rbp, sizeof(from_rbp));
    v->hvm.regs.rbp = CR4_TSD;
    mov_cr4(true, false, 0);
    assert_int_equal(skipped, 4);
    assert_int_equal(nr_injected, 0);
    assert_int_equal(v->hvm.cr4, CR4_TSD);
    /* Another vCPU was faster: the guest executes what is there now. */
    to_code(0xc123, false);
    code_at[2] = 0x20;
    mov_cr4(true, false, 0);
    assert_int_equal(skipped + nr_injected, 0);
    code_at[1] = 0x90;
    mov_cr4(true, false, 0);
    assert_int_equal(skipped + nr_injected, 0);
    /* To the end of what is mapped, and beyond. */
    to_code(0xcffc, false);
    memcpy(code_at, from_rbp, sizeof(from_rbp));
    mov_cr4(true, false, 0);
    assert_int_equal(skipped, 4);
    to_code(0xcffd, false);
    memcpy(code_at, from_rbp, 3);
    mov_cr4(true, false, 0);
    assert_int_equal(skipped + nr_injected, 0);
    /* Its page tables are gone as well. */
    to_code(0xc123, true);
    mov_cr4(true, false, 0);
    assert_int_equal(skipped + nr_injected, 0);
    assert_false(d->shut_down);
}

/* --- PAE paging's four entries, where the CPU has registers for them --- */

static struct {
    struct hvm_ops ops;
    u64 pdpte[HVM_PDPTES], cr0;
    u32 nr_set, nr_cr0;
    bool fit, valid;
} intel;

static bool pdptes_set(struct hvm_vcpu *who, const u64 pdpte[HVM_PDPTES], bool fit)
{
    assert_ptr_equal(who, &v->hvm);
    assert_int_equal(locks_held(), 1); /* the physmap's, under which the entries were read */
    memcpy(intel.pdpte, pdpte, sizeof(intel.pdpte));
    intel.fit = fit;
    intel.nr_set++;
    return intel.valid;
}

static void cr0_written(struct hvm_vcpu *who, u64 value)
{
    assert_ptr_equal(who, &v->hvm);
    intel.cr0 = value;
    intel.nr_cr0++;
}

static void on_intel_without_memory(u64 cr0, u64 cr4, u64 efer)
{
    struct hvm_state state = {.cr0 = cr0, .cr3 = BIT(40) | 0x10fe0, .cr4 = cr4, .efer = efer};

    memset(&intel, 0, sizeof(intel));
    intel.valid = true;
    intel.ops = *hvm_ops;
    intel.ops.set_pdptes = pdptes_set;
    intel.ops.write_cr0 = cr0_written;
    hvm_ops->set_state(&v->hvm, &state);
}

static void on_intel(u64 cr0, u64 cr4, u64 efer)
{
    u64 *table = mfn_to_virt(physmap_lookup(d, gfn(0x10)).mfn);

    on_intel_without_memory(cr0, cr4, efer);
    for (u32 i = 0; i < HVM_PDPTES; i++)
        table[0xfe0 / 8 + i] = 0x1001 + i;
}

static void intel_exits(struct hvm_exit *exit)
{
    const struct hvm_ops *before = hvm_ops;

    hvm_ops = &intel.ops;
    intel.nr_set = 0;
    exits(v, exit);
    hvm_ops = before;
}

EXIT_TEST(cr4_loads_the_entries_of_pae_paging)
{
    static const struct {
        u64 cr0, before, after, efer;
        bool loads;
    } writes[] = {
        {CR0_PE | CR0_PG, 0, CR4_PAE, 0, true},
        {CR0_PE | CR0_PG, CR4_PSE, CR4_PSE | CR4_PAE, 0, true},
        {CR0_PE | CR0_PG, CR4_PAE, CR4_PAE | CR4_PGE, 0, true},
        {CR0_PE | CR0_PG, CR4_PAE | CR4_PSE, CR4_PAE, 0, true},
        {CR0_PE | CR0_PG, CR4_PAE, CR4_PAE | CR4_DE, 0, false},
        {CR0_PE | CR0_PG, CR4_PAE, CR4_PAE, 0, false},
        {CR0_PE | CR0_PG, CR4_PAE, CR4_PGE, 0, false},
        {CR0_PE, 0, CR4_PAE, 0, false},
        {CR0_PE | CR0_PG, CR4_PAE, CR4_PAE | CR4_PGE, EFER_LME | EFER_LMA, false},
    };

    populate(d, 0x10, 0);
    for_each_row (i, writes) {
        on_intel(writes[i].cr0, writes[i].before, writes[i].efer);
        v->hvm.regs.rbx = writes[i].after;
        intel_exits(EXIT(.kind = HVM_EXIT_CR4, .cr4 = {.known = true, .write = true, .gpr = 3}));
        is_skipped();
        assert_int_equal(v->hvm.cr4, writes[i].after);
        assert_int_equal(intel.nr_set, writes[i].loads);
        for (u32 n = 0; n < HVM_PDPTES && writes[i].loads; n++)
            assert_int_equal(intel.pdpte[n], 0x1001 + n);
        assert_false(intel.fit);
    }
    on_intel(CR0_PE | CR0_PG, 0, 0);
    intel.valid = false; /* a reserved bit */
    v->hvm.regs.rbx = CR4_PAE;
    intel_exits(EXIT(.kind = HVM_EXIT_CR4, .cr4 = {.known = true, .write = true, .gpr = 3}));
    fault_is(13, 0);
    assert_int_equal(v->hvm.cr4, 0);
}

EXIT_TEST(entries_of_pae_paging_for_a_state)
{
    populate(d, 0x10, 0);
    on_intel(CR0_PE | CR0_PG, CR4_PAE, 0);
    intel_exits(EXIT(.kind = HVM_EXIT_PDPTES));
    assert_int_equal(skipped + nr_injected, 0);
    assert_true(intel.nr_set == 1 && intel.fit && !intel.nr_cr0);
    assert_int_equal(intel.pdpte[3], 0x1004);
    /* Where nothing is mapped they are all ones. */
    struct hvm_state nowhere = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0x7000000, .cr4 = CR4_PAE};
    hvm_ops->set_state(&v->hvm, &nowhere);
    intel_exits(EXIT(.kind = HVM_EXIT_PDPTES));
    assert_int_equal(intel.pdpte[0] & intel.pdpte[3], ~0ull);
}

EXIT_TEST(cr0_waits_for_the_entries_of_pae_paging)
{
    struct hvm_exit exit = {.kind = HVM_EXIT_PDPTES,
                            .pdptes = {.by_cr0 = true, .cr0 = CR0_PE | CR0_PG | CR0_CD}};

    populate(d, 0x10, 0);
    on_intel(CR0_PE | CR0_PG, CR4_PAE, 0);
    intel_exits(&exit);
    assert_int_equal(skipped + nr_injected, 0); /* the guest executes it again */
    assert_true(intel.nr_set == 1 && !intel.fit && intel.nr_cr0 == 1);
    assert_int_equal(intel.cr0, exit.pdptes.cr0);
    intel.valid = false;
    intel_exits(&exit);
    fault_is(13, 0);
    assert_int_equal(intel.nr_cr0, 1);
}

/* A frame of the guest that waits for memory gets it. */
EXIT_TEST(entries_of_pae_paging_on_demand)
{
    const gfn_t g = gfn(0x10);
    u32 done;

    on_intel_without_memory(CR0_PE | CR0_PG, CR4_PAE, 0);
    assert_int_equal(physmap_mark_pod(d, &g, 0, 1, &done), 0);
    u64 target = d->mem.tot_pages + 1;
    int rc = physmap_set_pod_target(d, target);
    while (rc == -ERESTART)
        rc = physmap_set_pod_target(d, target);
    assert_int_equal(rc, 0);
    intel.pdpte[0] = 7;
    intel_exits(EXIT(.kind = HVM_EXIT_PDPTES));
    assert_int_equal(intel.pdpte[0] | intel.pdpte[3], 0);
    assert_int_equal(physmap_lookup(d, g).type, NP_RAM);
}

/* --- ports --- */

static void port(u16 nr, u8 size, bool in)
{
    exits(v, EXIT(.kind = HVM_EXIT_IO, .io = {.port = nr, .size = size, .in = in}));
}

EXIT_TEST(the_timer_port_reads_0)
{
    v->hvm.regs.rax = 0x1111111111111111;
    port(0x42, 1, true);
    is_skipped();
    assert_int_equal(v->hvm.regs.rax, 0x1111111111111100);
    port(0x42, 2, true);
    assert_int_equal(v->hvm.regs.rax, 0x111111111111ffff);
    port(0x42, 4, true);
    assert_int_equal(v->hvm.regs.rax, 0xffffffff);
    port(0x42, 1, false);
    assert_string_equal(all_said(), "");
}

EXIT_TEST(ports_read_ones)
{
    static const u16 ports[] = {0,    0x40,  0x41,  0x43, 0x60,  0x61,  0x64,
                                0x70, 0xcf8, 0xcfc, 0xe9, 0x3f8, 0xcf9, 0xffff};
    static const u64 ones[] = {[1] = 0x11111111111111ff, [2] = 0x111111111111ffff, [4] = 0xffffffff};
    u64 *rax = &v->hvm.regs.rax;

    for (u32 i = 0; i < ARRAY_SIZE(ports); i++) {
        for (u8 size = 1; size <= 4; size *= 2) {
            *rax = 0x1111111111111111;
            port(ports[i], size, true);
            is_skipped();
            assert_int_equal(*rax, ones[size]);
            if (ports[i] == 0xe9 && size == 1)
                continue; /* the console */
            port(ports[i], size, false);
            is_skipped(); /* the PC's reset ports among them */
        }
    }
    assert_string_equal(all_said(), "");
    assert_int_equal(d->line_len, 0);
}

static void prints(const char *text, size_t len, const char *want)
{
    forget_said();
    for (size_t i = 0; i < len; i++) {
        v->hvm.regs.rax = 0x1234567800 | (u8)text[i]; /* AL counts */
        port(0xe9, 1, false);
        is_skipped();
    }
    assert_string_equal(all_said(), want);
}
#define PRINTS(text, want) prints(text, sizeof(text) - 1, want)

EXIT_TEST(the_console_port_prints_lines)
{
    char line[302], want[512];

    PRINTS("hello ", ""); /* not before the line ends */
    PRINTS("world\n\n\tx\n", "(d1) hello world\n(d1)\n(d1) \tx\n");
    PRINTS("a\r\0b\x1b[2Jc\x7f\b\x07"
           "d\x9b"
           "2Je\n",
           "(d1) ab[2Jcd2Je\n");
    PRINTS("100%s %n\n", "(d1) 100%s %n\n");
    /* A line that never ends costs no more than its buffer: it comes in pieces. */
    for (u32 i = 0; i < 300; i++)
        line[i] = (char)('a' + i % 26);
    line[300] = '\n';
    snprintf(want, sizeof(want), "(d1) %.127s\n(d1) %.127s\n(d1) %.46s\n", line, line + 127, line + 254);
    prints(line, 301, want);
}

/* --- events --- */

static void delivers(u8 vector, u32 windows)
{
    injected_irq = 0;
    vcpu_deliver_event(v);
    assert_int_equal(injected_irq, vector);
    assert_int_equal(nr_windows, windows);
    assert_int_equal(v->irq_waits, windows && !vector);
}

EXIT_TEST(an_event_enters_as_soon_as_it_can)
{
    u64 *callback = &d->hvm_params[HVM_PARAM_CALLBACK_IRQ];

    v->info->evtchn_upcall_pending = 1;
    delivers(0, 0); /* no vector: this guest polls */
    *callback = 2ull << 56 | 0xf3;
    delivers(0xf3, 0);
    *callback = 1ull << 56 | 0xf3; /* a PCI line: there is none */
    delivers(0, 0);
    *callback = 2ull << 56 | 0xf3;
    v->upcall_vector = 0x93;
    delivers(0, 0); /* that one comes through the APIC */
    v->upcall_vector = 0;
    can_inject = false;
    delivers(0, 1);
    delivers(0, 1); /* asked for already */
    can_inject = true;
    delivers(0xf3, 1);
}
