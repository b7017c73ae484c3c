/* Exits after which a vCPU or its domain does not go on: HLT, triple faults, crashes. */
#include "exit_harness.h"
#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/guest_msr.h>
#include <xen/hvm/params.h>

/* None of these exits happens here. */
struct exit_verdict hypercall_dispatch(struct vcpu *who)
{
    (void)who;
    fail_msg("hypercall");
    return (struct exit_verdict){0};
}
void hvm_guest_cpuid(struct hvm_vcpu *who, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    (void)who;
    (void)out;
    fail_msg("CPUID %x.%x", leaf, subleaf);
}
int hvm_guest_rdmsr(struct hvm_vcpu *who, u32 msr, u64 *value)
{
    (void)who;
    (void)value;
    fail_msg("RDMSR %x", msr);
    return -EFAULT;
}
int hvm_guest_wrmsr(struct hvm_vcpu *who, u32 msr, u64 value)
{
    (void)who;
    (void)value;
    fail_msg("WRMSR %x", msr);
    return -EFAULT;
}

static enum hvm_exit_kind bad_kind;

static void bad_exit_of_d(struct vcpu *who, struct hvm_exit *exit)
{
    if (who->domain == d)
        *exit = (struct hvm_exit){.kind = bad_kind, .npf = {.gaddr = 0xdead000, .write = true}};
    else if (who->domain == dom0 || nr_runs[2][0] == 50)
        end_run(who);
}

static void end_is(enum hvm_exit_kind kind, u8 code, const char *why, u32 dumps)
{
    struct domain *other = new_domain(2, 1);

    vcpu_online(other->vcpu[0]);
    bad_kind = kind;
    play = bad_exit_of_d;
    nr_dumps = 0;
    for (u32 i = 0; i < 20 && nr_runs[2][0] < 50; i++)
        sched_step(here);
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, code);
    assert_int_equal(nr_runs[1][0], 1); /* that exit was the last */
    assert_int_equal(nr_runs[1][1], 0);
    assert_int_equal(nr_dumps, dumps);
    assert_non_null(strstr(said, why));
    assert_true(evtchn_port_pending(dom0, exc_port));
    assert_true(nr_runs[0][0] > 0); /* and domain 0 was woken by it */
    assert_int_equal(nr_runs[2][0], 50);
    assert_false(other->shut_down);
    assert_false(dom0->shut_down);
}

#define END_TEST(name, kind, code, why, dumps) \
    TEST(name) \
    { \
        end_is(kind, code, why, dumps); \
    }
END_TEST(a_triple_fault_is_a_reboot, HVM_EXIT_SHUTDOWN, SHUTDOWN_reboot, "d1v0: triple fault\n", 1)
END_TEST(an_unmapped_address_is_a_crash, HVM_EXIT_NPF, SHUTDOWN_crash,
         "d1: crashed: wrote guest-physical 0xdead000, where nothing is mapped\n", 1)
END_TEST(a_refused_state_is_a_crash, HVM_EXIT_INVALID, SHUTDOWN_crash, "d1: crashed: the processor refused",
         1)
END_TEST(an_unknown_exit_is_a_crash, HVM_EXIT_UNKNOWN, SHUTDOWN_crash,
         "d1: crashed: unhandled exit, code 0x0\n", 1)
END_TEST(a_kind_out_of_range_is_a_crash, HVM_EXIT_NR + 5, SHUTDOWN_crash, "unhandled exit", 1)

TEST(the_toolstack_chooses_the_triple_faults_code)
{
    d->hvm_params[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_watchdog;
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_SHUTDOWN});
    assert_int_equal(d->shutdown_code, SHUTDOWN_watchdog);
}

TEST(a_crash_is_told_once)
{
    guest_console_write(d, 'x');
    exits(v,
          (struct hvm_exit){.kind = HVM_EXIT_NPF, .npf = {.gaddr = 0x1000, .exec = true, .present = true}});
    exits(d->vcpu[1], (struct hvm_exit){.kind = HVM_EXIT_NPF, .npf = {.gaddr = 0x2000}});
    assert_string_equal(said, "(d1) x\n" /* what it was saying, first */
                              "d1: crashed: executed guest-physical 0x1000, where it may not\n"
                              "dump of d1v0\n"
                              "d1: shut down, code 3 (crash)\n");
}

TEST(domain_0_is_the_machine)
{
    ended_how = -1;
    if (!setjmp(machine_ended))
        exits(dom0->vcpu[0], (struct hvm_exit){.kind = HVM_EXIT_UNKNOWN});
    assert_int_equal(ended_how, MACHINE_CRASHED);
    ended_how = -1;
}

TEST(hlt_without_interrupts_is_for_good)
{
    v->hvm.regs.rflags = RFLAGS_RESERVED1;
    d->vcpu[1]->hvm.regs.rflags = RFLAGS_RESERVED1;
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_HLT});
    assert_int_equal(v->state, VCPU_OFFLINE);
    assert_false(d->shut_down);
    assert_int_equal(domain_nr_online(d), 1);
    vcpu_wake(v);
    assert_int_equal(v->state, VCPU_OFFLINE);
    exits(d->vcpu[1], (struct hvm_exit){.kind = HVM_EXIT_HLT});
    assert_true(d->shut_down); /* the last one */
    assert_int_equal(d->shutdown_code, SHUTDOWN_poweroff);
    assert_true(evtchn_port_pending(dom0, exc_port));
}

TEST(hlt_with_interrupts_waits)
{
    u32 port;

    assert_int_equal(evtchn_bind_ipi(d, 0, &port), 0);
    v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_IF;
    v->upcall_vector = 0x93;
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_HLT});
    assert_int_equal(skipped, 2);
    assert_int_equal(v->state, VCPU_BLOCKED);
    assert_false(v->on_queue);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(v->state, VCPU_RUNNABLE);
    assert_true(v->on_queue);
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_HLT}); /* not taken yet */
    assert_int_equal(v->state, VCPU_RUNNABLE);
}

/* A builder that polls has no upcall vector and never clears the pending byte: it must still be able to wait.
 */
TEST(a_pending_byte_nobody_takes_is_no_event)
{
    v->hvm.regs.rflags = RFLAGS_RESERVED1 | RFLAGS_IF;
    v->info->evtchn_upcall_pending = 1;
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_HLT});
    assert_int_equal(v->state, VCPU_BLOCKED);
    vcpu_wake(v);
    v->upcall_vector = 0x93;
    exits(v, (struct hvm_exit){.kind = HVM_EXIT_HLT});
    assert_int_equal(v->state, VCPU_RUNNABLE);
}

FIXTURE(setup_domains, teardown)
