/*
 * What an exit means. One table by exit kind; each handler changes the vCPU and returns. Whatever a
 * guest does wrong costs that guest only: an exception, or its domain's end with a dump.
 *
 * I/O: port 0xE9 is a console; every other port reads as all ones and ignores writes, the PC's reset
 * ports too, as for a PVH guest of Xen. INS and OUTS get #GP: there is no device they could serve.
 * A guest-physical address where nothing is mapped has no device behind it either: the domain crashes.
 *
 * Runs on the vCPU's CPU, interrupts off, no lock held.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/hvm/cpuid.h>
#include <arch/x86/hvm/msr.h>
#include <domain/internal.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <xen/hvm/params.h>

#define VECTOR_UD 6u
#define VECTOR_GP 13u
#define NO_ERROR  (-1)

#define PORT_CONSOLE 0xe9u

static void inject_ud(struct vcpu *v)
{
    hvm_ops->inject_exception(&v->hvm, VECTOR_UD, NO_ERROR);
}

static void inject_gp(struct vcpu *v)
{
    hvm_ops->inject_exception(&v->hvm, VECTOR_GP, 0);
}

/* What has been waiting for this is looked at before the next entry. */
static void on_irq_window(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)exit;
    __atomic_store_n(&v->attention, true, __ATOMIC_SEQ_CST);
}

static void on_nothing(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)v;
    (void)exit;
}

static void on_cpuid(struct vcpu *v, const struct hvm_exit *exit)
{
    struct hvm_regs *regs = &v->hvm.regs;
    struct cpuid_leaf leaf;

    hvm_guest_cpuid(&v->hvm, (u32)regs->rax, (u32)regs->rcx, &leaf);
    regs->rax = leaf.eax;
    regs->rbx = leaf.ebx;
    regs->rcx = leaf.ecx;
    regs->rdx = leaf.edx;
    hvm_skip_instruction(&v->hvm, exit);
}

static void on_hlt(struct vcpu *v, const struct hvm_exit *exit)
{
    hvm_skip_instruction(&v->hvm, exit);
    if (v->hvm.regs.rflags & RFLAGS_IF)
        vcpu_block(v);
    else
        vcpu_down(v); /* as on Xen: INIT and STARTUP, or VCPUOP_up, can bring it back */
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

static void on_rdmsr(struct vcpu *v, const struct hvm_exit *exit)
{
    struct hvm_regs *regs = &v->hvm.regs;
    u64 value = 0; /* what the hypercall page's MSR reads as */

    int rc = hvm_guest_rdmsr(&v->hvm, exit->msr, &value);
    if (rc == HVM_MSR_APIC)
        rc = vlapic_rdmsr(v, exit->msr, &value);
    if (rc < 0) {
        inject_gp(v);
        return;
    }
    regs->rax = (u32)value;
    regs->rdx = value >> 32;
    hvm_skip_instruction(&v->hvm, exit);
}

static void on_wrmsr(struct vcpu *v, const struct hvm_exit *exit)
{
    int rc = hvm_guest_wrmsr(&v->hvm, exit->msr, exit->value);

    if (rc == HVM_MSR_APIC)
        rc = vlapic_wrmsr(v, exit->msr, exit->value);
    if (rc == 0 || (rc == HVM_MSR_HYPERCALL_PAGE && place_hypercall_page(v, exit->value)))
        hvm_skip_instruction(&v->hvm, exit);
    else
        inject_gp(v);
}

static void on_io(struct vcpu *v, const struct hvm_exit *exit)
{
    struct hvm_regs *regs = &v->hvm.regs;

    if (exit->io.string) {
        inject_gp(v);
        return;
    }
    if (!exit->io.in) {
        if (exit->io.size == 1 && exit->io.port == PORT_CONSOLE)
            guest_console_write(v->domain, (u8)regs->rax);
    } else if (exit->io.size == 4) {
        regs->rax = 0xffffffff; /* a 32-bit result clears the upper half */
    } else {
        regs->rax |= exit->io.size == 1 ? 0xff : 0xffff;
    }
    hvm_skip_instruction(&v->hvm, exit);
}

static void on_npf(struct vcpu *v, const struct hvm_exit *exit)
{
    char why[96];

    snprintf(why, sizeof(why), "%s guest-physical 0x%lx, where %s",
             exit->npf.exec    ? "executed"
             : exit->npf.write ? "wrote"
                               : "read",
             (unsigned long)exit->npf.gaddr, exit->npf.present ? "it may not" : "nothing is mapped");
    domain_crash(v->domain, why);
}

static void on_shutdown(struct vcpu *v, const struct hvm_exit *exit)
{
    char name[16];

    (void)exit;
    vcpu_name(v, name);
    guest_console_flush(v->domain);
    log_error("%s: triple fault\n", name);
    domain_dump_vcpu(v, name);
    domain_shutdown(v->domain, (u8)v->domain->hvm_params[HVM_PARAM_TRIPLE_FAULT_REASON]);
}

static void on_forbidden(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)exit;
    inject_ud(v);
}

static void on_invalid(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)exit;
    domain_crash(v->domain, "the processor refused the vCPU's state");
}

static void on_unknown(struct vcpu *v, const struct hvm_exit *exit)
{
    char why[64];

    (void)exit;
    snprintf(why, sizeof(why), "exit nobody handles, code 0x%x", v->hvm.exit_code_raw);
    domain_crash(v->domain, why);
}

typedef void (*exit_handler)(struct vcpu *v, const struct hvm_exit *exit);
static const exit_handler handlers[HVM_EXIT_NR] = {
    [HVM_EXIT_INTERRUPT] = on_nothing,
    [HVM_EXIT_HYPERCALL] = hypercall_dispatch,
    [HVM_EXIT_CPUID] = on_cpuid,
    [HVM_EXIT_HLT] = on_hlt,
    [HVM_EXIT_RDMSR] = on_rdmsr,
    [HVM_EXIT_WRMSR] = on_wrmsr,
    [HVM_EXIT_IO] = on_io,
    [HVM_EXIT_NPF] = on_npf,
    [HVM_EXIT_IRQ_WINDOW] = on_irq_window,
    [HVM_EXIT_SHUTDOWN] = on_shutdown,
    [HVM_EXIT_FORBIDDEN] = on_forbidden,
    [HVM_EXIT_XSETBV] = on_forbidden, /* XSAVE is not offered, so CR4.OSXSAVE cannot be set: #UD */
    [HVM_EXIT_INVALID] = on_invalid,
    [HVM_EXIT_UNKNOWN] = on_unknown,
};

_Static_assert(HVM_EXIT_NR <= CPU_EXIT_KINDS, "every kind is counted");

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    u32 kind = exit->kind < HVM_EXIT_NR ? exit->kind : HVM_EXIT_UNKNOWN;

    this_cpu()->exit_kinds[kind]++;
    handlers[kind](v, exit);
}
