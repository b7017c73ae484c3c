/*
 * What an exit means. One table of handlers by exit kind; each acts on the vCPU and returns a verdict
 * (exit.h), which vcpu_handle_exit() applies. Whatever a guest does wrong costs that guest only: an
 * exception, or its domain's end with a dump.
 *
 * Budget in this file: 50 instructions for a CPUID or an I/O exit, without hvm_guest_cpuid() and skip(); no
 * lock, no cache line but the vCPU's and this CPU's.
 *
 * I/O: port 0xE9 is a console; every other port reads as all ones and ignores writes, the PC's reset
 * ports too, as for a PVH guest of Xen, but the PC timer's channel 2 reads 0: Linux measures its TSC by it and gives up
 * at once when it does not start with all ones. INS and OUTS: string_io.c.
 * Memory that is not mapped reads as all ones and ignores writes as well: mmio.c. A frame that is being
 * replaced has no mapping for a moment, so the tables are read again under the physmap lock.
 *
 * Runs on the vCPU's CPU, interrupts off, no lock held.
 */
#include <domain/exit.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/guest_cr.h>
#include <arch/x86/hvm/guest_msr.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <xen/hvm/params.h>

#define PORT_TIMER_2 0x42u

static const struct exit_verdict resume = {.action = VERDICT_RESUME};
static const struct exit_verdict skip = {.action = VERDICT_SKIP};
static const struct exit_verdict raise_gp = {.action = VERDICT_RAISE, .vector = TRAP_GP};
static const struct exit_verdict raise_ud = {
    .action = VERDICT_RAISE, .vector = TRAP_UD, .error = VERDICT_NO_ERROR};
static const struct exit_verdict end_domain = {.action = VERDICT_CRASH};

/* --- handlers ------------------------------------------------------------------------------------------- */

/* A handler with nothing to do but to return its verdict. */
#define ALWAYS(name, verdict) \
    static struct exit_verdict name(struct vcpu *v, struct hvm_exit *exit) \
    { \
        (void)v; \
        (void)exit; \
        return verdict; \
    }
ALWAYS(on_interrupt, resume)
ALWAYS(on_ignored, skip)
ALWAYS(on_forbidden, raise_ud)
ALWAYS(on_fatal, end_domain)

/* Before the next entry vcpu_deliver_event() injects the event that waits. */
static struct exit_verdict on_irq_window(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    __atomic_store_n(&v->attention, true, __ATOMIC_SEQ_CST);
    return resume;
}

static struct exit_verdict on_hypercall(struct vcpu *v, struct hvm_exit *exit)
{
    return hypercall_dispatch(v, exit->kernel_bits);
}

static struct exit_verdict on_cpuid(struct vcpu *v, struct hvm_exit *exit)
{
    struct hvm_regs *regs = &v->hvm.regs;
    struct cpuid_leaf leaf;

    (void)exit;
    hvm_guest_cpuid(&v->hvm, (u32)regs->rax, (u32)regs->rcx, &leaf);
    regs->rax = leaf.eax;
    regs->rbx = leaf.ebx;
    regs->rcx = leaf.ecx;
    regs->rdx = leaf.edx;
    return skip;
}

static struct exit_verdict on_hlt(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (v->hvm.regs.rflags & RFLAGS_TF)
        return skip; /* the trap wakes it */
    if (v->hvm.regs.rflags & RFLAGS_IF)
        vcpu_block(v);
    else
        vcpu_down(v); /* as on Xen: INIT and STARTUP, or VCPUOP_up, start it again */
    return skip;
}

/* Value: the guest's frame in bits 63:12, the page's index (there is one page) below. */
static bool place_hypercall_page(struct vcpu *v, u64 value)
{
    gfn_t g = gaddr_to_gfn(value);

    if ((value & ~PAGE_MASK) || physmap_fill(v->domain, g, hvm_fill_hypercall_page))
        return false;
    v->domain->hypercall_page_gfn = g.n;
    return true;
}

static struct exit_verdict on_rdmsr(struct vcpu *v, struct hvm_exit *exit)
{
    struct hvm_regs *regs = &v->hvm.regs;
    u64 value = 0; /* value of the hypercall page's MSR */

    int rc = hvm_guest_rdmsr(&v->hvm, exit->msr, &value);
    if (rc == HVM_MSR_APIC)
        rc = vlapic_rdmsr(v, exit->msr, &value);
    if (rc < 0)
        return raise_gp;
    regs->rax = (u32)value;
    regs->rdx = value >> 32;
    return skip;
}

static struct exit_verdict on_wrmsr(struct vcpu *v, struct hvm_exit *exit)
{
    int rc = hvm_guest_wrmsr(&v->hvm, exit->msr, exit->value);

    if (rc == HVM_MSR_APIC)
        rc = vlapic_wrmsr(v, exit->msr, exit->value);
    bool done = rc == 0 || (rc == HVM_MSR_HYPERCALL_PAGE && place_hypercall_page(v, exit->value));
    return done ? skip : raise_gp;
}

/* Where hardware does not decode the instruction, it is read from the guest's memory. Another vCPU may have
 * changed it since: whatever is there now is executed. */
static bool decode_cr4(struct vcpu *v, struct hvm_exit *exit)
{
    u8 code[HVM_CODE_BYTES];
    bool write;

    if (exit->cr4.known)
        return true;
    u32 nr = vcpu_read_code(v, code);
    exit->insn_len = hvm_decode_mov_cr4(code, nr, hvm_ops->long_mode_cs(&v->hvm), &write, &exit->cr4.gpr);
    return exit->insn_len && write == exit->cr4.write;
}

/* Carries out what may read entries of the guest's tables. -EFAULT: #GP is due. */
static int with_tables(struct vcpu *v, const struct hvm_exit *exit)
{
    for (u32 i = 0;; i++) {
        u64 cr4 = v->hvm.regs.gpr[exit->cr4.gpr & 15];

        spin_lock(&v->domain->physmap.lock);
        int rc = exit->kind == HVM_EXIT_PDPTES
                     ? hvm_guest_load_pdptes(&v->hvm, exit)
                     : hvm_guest_write_cr4(&v->hvm, hvm_ops->long_mode_cs(&v->hvm) ? cr4 : (u32)cr4);
        spin_unlock(&v->domain->physmap.lock);
        if (likely(!pod_refill(v->domain, false)) || i == POD_ATTEMPTS)
            return rc;
    }
}

static struct exit_verdict on_cr4(struct vcpu *v, struct hvm_exit *exit)
{
    if (!decode_cr4(v, exit))
        return resume;
    u64 *gpr = &v->hvm.regs.gpr[exit->cr4.gpr];
    if (!exit->cr4.write) {
        *gpr = v->hvm.cr4;
        return skip;
    }
    return with_tables(v, exit) ? raise_gp : skip;
}

static struct exit_verdict on_pdptes(struct vcpu *v, struct hvm_exit *exit)
{
    return with_tables(v, exit) ? raise_gp : resume;
}

static struct exit_verdict on_io(struct vcpu *v, struct hvm_exit *exit)
{
    struct hvm_regs *regs = &v->hvm.regs;

    if (unlikely(exit->io.string))
        return string_io(v, exit);
    if (!exit->io.in) {
        if (exit->io.size == 1 && exit->io.port == PORT_CONSOLE)
            guest_console_write(v->domain, (u8)regs->rax);
    } else if (exit->io.size == 1) {
        regs->rax = (regs->rax & ~0xffull) | (exit->io.port == PORT_TIMER_2 ? 0 : 0xff);
    } else if (exit->io.size == 2) {
        regs->rax |= 0xffff;
    } else {
        regs->rax = 0xffffffff; /* a 32-bit result clears the upper half */
    }
    return skip;
}

/* Code in a large page that cannot be executed: ept=exec-sp. False: it is no such page. */
static bool split_executed(struct vcpu *v, const struct hvm_exit *exit)
{
    char why[112];

    int rc = physmap_split_executed(v->domain, gaddr_to_gfn(exit->npf.gaddr));
    if (rc == -ENOMEM) {
        snprintf(why, sizeof(why),
                 "executed guest-physical 0x%lx, and its paging pool has no page to split the mapping",
                 (unsigned long)exit->npf.gaddr);
        domain_crash(v->domain, why);
    }
    return rc != -EINVAL;
}

static struct exit_verdict on_npf(struct vcpu *v, struct hvm_exit *exit)
{
    if (exit->npf.present && exit->npf.exec && split_executed(v, exit))
        return resume;
    enum np_type type = physmap_touch(v->domain, gaddr_to_gfn(exit->npf.gaddr)).type;

    if (!exit->npf.present && type != NP_NONE)
        return resume;
    /* A mapping refuses only that a grant is written which is mapped for reading. If there is none, it has been
     * unmapped since, or the fault is one of the tables. */
    if (exit->npf.present && exit->npf.write && type != NP_GRANT_RO &&
        v->hvm.np_generation != __atomic_load_n(&v->domain->physmap.np.generation, __ATOMIC_ACQUIRE))
        return resume;
    exit->npf.present &= !exit->npf.write || type != NP_GRANT_RO;
    return mmio_access(v, exit);
}

static struct exit_verdict on_exception(struct vcpu *v, struct hvm_exit *exit)
{
    (void)v;
    return (struct exit_verdict){
        .action = VERDICT_RAISE, .vector = exit->exception.vector, .error = exit->exception.error};
}

static struct exit_verdict (*const handlers[HVM_EXIT_NR])(struct vcpu *v, struct hvm_exit *exit) = {
    [HVM_EXIT_INTERRUPT] = on_interrupt,
    [HVM_EXIT_HYPERCALL] = on_hypercall,
    [HVM_EXIT_CPUID] = on_cpuid,
    [HVM_EXIT_HLT] = on_hlt,
    [HVM_EXIT_RDMSR] = on_rdmsr,
    [HVM_EXIT_WRMSR] = on_wrmsr,
    [HVM_EXIT_CR4] = on_cr4,
    [HVM_EXIT_PDPTES] = on_pdptes,
    [HVM_EXIT_IO] = on_io,
    [HVM_EXIT_NPF] = on_npf,
    [HVM_EXIT_IRQ_WINDOW] = on_irq_window,
    [HVM_EXIT_SHUTDOWN] = on_fatal,
    [HVM_EXIT_FORBIDDEN] = on_forbidden,
    [HVM_EXIT_IGNORED] = on_ignored,
    [HVM_EXIT_EXCEPTION] = on_exception,
    [HVM_EXIT_INVALID] = on_fatal,
    [HVM_EXIT_UNKNOWN] = on_fatal,
};
_Static_assert(HVM_EXIT_NR <= CPU_EXIT_KINDS, "every kind is counted");

/* --- verdicts ------------------------------------------------------------------------------------------- */

/* The shutdown code is the domain's parameter, not "crash". */
static void end_by_triple_fault(struct vcpu *v)
{
    char name[16];

    vcpu_name(v, name);
    guest_console_end_line(v->domain);
    guest_console_say(v->domain, "%s: triple fault\n", name);
    domain_dump_vcpu(v, name);
    domain_shutdown(v->domain, (u8)v->domain->hvm_params[HVM_PARAM_TRIPLE_FAULT_REASON]);
}

static void crash(struct vcpu *v, const struct hvm_exit *exit, struct exit_verdict verdict)
{
    char why[128] = "the processor refused the vCPU's state"; /* HVM_EXIT_INVALID */

    if (exit->kind == HVM_EXIT_SHUTDOWN) {
        end_by_triple_fault(v);
        return;
    }
    if (exit->kind == HVM_EXIT_NPF)
        snprintf(why, sizeof(why), "%s guest-physical 0x%lx, where %s%s",
                 exit->npf.exec    ? "executed"
                 : exit->npf.write ? "wrote"
                                   : "read",
                 (unsigned long)exit->npf.gaddr, exit->npf.present ? "it may not" : "nothing is mapped",
                 mmio_refusal(verdict.vector));
    else if (exit->kind != HVM_EXIT_INVALID)
        snprintf(why, sizeof(why), "unhandled exit, code 0x%x", v->hvm.exit_code_raw);
    domain_crash(v->domain, why);
}

/* What ends an instruction besides RIP: RF is cleared, and TF traps. */
static __attribute__((noinline)) void end_instruction(struct vcpu *v)
{
    struct hvm_regs *regs = &v->hvm.regs;
    struct hvm_state state;

    regs->rflags &= ~RFLAGS_RF;
    if (!(regs->rflags & RFLAGS_TF))
        return;
    hvm_ops->get_state(&v->hvm, &state);
    state.dr6 |= DR6_BS;
    state.dr7 &= ~DR7_GD; /* as at each #DB, so that its handler can use the debug registers */
    hvm_ops->set_state(&v->hvm, &state);
    hvm_ops->inject_exception(&v->hvm, TRAP_DB, VERDICT_NO_ERROR);
}

/* All verdicts but "skip", the verdict of nearly every exit. */
static __attribute__((noinline)) void apply_rare(struct vcpu *v, const struct hvm_exit *exit,
                                                 struct exit_verdict verdict)
{
    switch ((enum verdict_action)verdict.action) {
    case VERDICT_SKIP:
    case VERDICT_RESUME:
    case VERDICT_RETRY:
        break;
    case VERDICT_NEXT:
        end_instruction(v);
        break;
    case VERDICT_RAISE:
        if (verdict.vector != TRAP_DB) /* a fault's handler returns past an instruction breakpoint */
            v->hvm.regs.rflags |= RFLAGS_RF;
        hvm_ops->inject_exception(&v->hvm, verdict.vector, verdict.error);
        break;
    case VERDICT_CRASH:
        crash(v, exit, verdict);
        break;
    }
}

void vcpu_handle_exit(struct vcpu *v, struct hvm_exit *exit)
{
    u32 kind = exit->kind < HVM_EXIT_NR ? exit->kind : HVM_EXIT_UNKNOWN;

    this_cpu()->exit_kinds[kind]++;
    struct exit_verdict verdict = handlers[kind](v, exit);
    if (likely(verdict.action == VERDICT_SKIP)) {
        hvm_ops->skip(&v->hvm, exit->insn_len);
        if (unlikely(v->hvm.regs.rflags & (RFLAGS_TF | RFLAGS_RF)))
            end_instruction(v);
    } else {
        apply_rare(v, exit, verdict);
    }
}
