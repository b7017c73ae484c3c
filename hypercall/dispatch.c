/*
 * From a VMMCALL/VMCALL exit to a handler and back: one table of handlers and what they need, indexed by the
 * hypercall's number. Handlers serve callers of either word size (compat.h).
 *
 * Budget of the null hypercall (xen_version 0) in this layer: 80 instructions, no lock, no guest memory.
 * Registers: docs/guest-guide/abi.md. 64-bit callers: number RAX, arguments RDI RSI RDX R10 R8; 32-bit (CS.L = 0):
 * EAX, EBX ECX EDX ESI EDI. The result goes to RAX, everything else is preserved.
 */
#include <domain/exit.h>
#include <hypercall/hypercall.h>
#include <xen/xen.h>

/* What a call needs besides its number. */
#define CONTROL 1u /* domain 0 only, others get -EPERM whatever the arguments */
#define COPIES  2u /* mostly reads or writes guest memory: guest_copy_begin() */

static const struct call {
    long (*handler)(struct hypercall *c);
    u8 needs;
} calls[] = {
    [__HYPERVISOR_platform_op] = {hc_platform_op, CONTROL | COPIES},
    [__HYPERVISOR_memory_op] = {hc_memory_op, COPIES},
    [__HYPERVISOR_multicall] = {hc_multicall, COPIES},
    [__HYPERVISOR_set_timer_op] = {hc_set_timer_op, 0},
    [__HYPERVISOR_xen_version] = {hc_xen_version, 0},
    [__HYPERVISOR_console_io] = {hc_console_io, CONTROL | COPIES},
    [__HYPERVISOR_grant_table_op] = {hc_grant_table_op, COPIES},
    [__HYPERVISOR_vm_assist] = {hc_vm_assist, 0},
    [__HYPERVISOR_vcpu_op] = {hc_vcpu_op, COPIES},
    [__HYPERVISOR_sched_op] = {hc_sched_op, 0},
    [__HYPERVISOR_event_channel_op] = {hc_event_channel_op, COPIES},
    [__HYPERVISOR_hvm_op] = {hc_hvm_op, COPIES},
    [__HYPERVISOR_sysctl] = {hc_sysctl, CONTROL | COPIES},
    [__HYPERVISOR_domctl] = {hc_domctl, CONTROL | COPIES},
};

/* in_exit: the call of the exit itself, before which no guest memory was touched. */
static inline long call(struct hypercall *c, u64 nr, bool in_exit)
{
    if (unlikely(nr >= ARRAY_SIZE(calls)))
        return -ENOSYS;
    const struct call *called = &calls[nr];
    if (unlikely(!called->handler))
        return -ENOSYS;
    if ((called->needs & CONTROL) && unlikely(!c->v->domain->is_control))
        return -EPERM;
    if (in_exit && (called->needs & COPIES))
        guest_copy_begin(c->v);
    long rc = called->handler(c);
    if (unlikely(c->target))
        domain_put(c->target);
    return rc;
}

long hypercall_call(struct hypercall *c, u64 nr)
{
    return call(c, nr, false);
}

/* The registers of argument n, of a 64-bit and a 32-bit caller. */
/* clang-format off */
#define ARGUMENTS(DO) DO(0, rdi, rbx) DO(1, rsi, rcx) DO(2, rdx, rdx) DO(3, r10, rsi) DO(4, r8, rdi)
#define LOAD_64(n, wide, narrow)  c->arg[n] = regs->wide;
#define LOAD_32(n, wide, narrow)  c->arg[n] = (u32)regs->narrow;
#define STORE_64(n, wide, narrow) regs->wide = c->arg[n];
#define STORE_32(n, wide, narrow) regs->narrow = (u32)c->arg[n];
/* clang-format on */

static void load_args(struct hypercall *c, const struct hvm_regs *regs)
{
    if (c->compat) {
        ARGUMENTS(LOAD_32)
    } else {
        ARGUMENTS(LOAD_64)
    }
}

/* The continuation's arguments: the guest executes the same instruction again with these. */
static void store_args(const struct hypercall *c, struct hvm_regs *regs)
{
    if (c->compat) {
        ARGUMENTS(STORE_32)
    } else {
        ARGUMENTS(STORE_64)
    }
}

static inline void store_result(const struct hypercall *c, struct hvm_regs *regs, long rc)
{
    regs->rax = c->compat ? (u32)rc : (u64)rc;
}

/* claims.md CL-3.22. */
struct exit_verdict hypercall_dispatch(struct vcpu *v, u32 kernel_bits)
{
    struct hvm_regs *regs = &v->hvm.regs;
    struct hypercall c; /* field by field: a whole initializer would clear arg[] first */

    if (unlikely(!kernel_bits)) {
        c.compat = !hvm_ops->long_mode_cs(&v->hvm);
        store_result(&c, regs, -EPERM);
        return (struct exit_verdict){.action = VERDICT_SKIP};
    }
    c.v = v;
    c.compat = kernel_bits == 32;
    c.in_multicall = false;
    c.target = NULL;
    load_args(&c, regs);
    long rc = call(&c, c.compat ? (u32)regs->rax : regs->rax, true);
    if (unlikely(rc == -ERESTART)) {
        store_args(&c, regs);
        return (struct exit_verdict){.action = VERDICT_RETRY};
    }
    store_result(&c, regs, rc);
    return (struct exit_verdict){.action = VERDICT_SKIP};
}

int hypercall_target(struct hypercall *c, u16 domid)
{
    struct domain *d = c->target = domain_get(domid == DOMID_SELF ? c->v->domain->id : domid);

    if (!d)
        return -ESRCH;
    return likely(c->v->domain->is_control) || d == c->v->domain ? 0 : -EPERM;
}
