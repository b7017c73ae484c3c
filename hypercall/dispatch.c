/*
 * From a VMMCALL/VMCALL exit to a handler and back: one table of {permission, handler}, indexed by the
 * hypercall's number. Handlers serve callers of either word size (compat.h).
 *
 * Budget of the null hypercall (xen_version 0) in this layer: 80 instructions, no lock, no guest memory.
 * Registers: abi.md section 5. 64-bit callers: number RAX, arguments RDI RSI RDX R10 R8; 32-bit (CS.L = 0):
 * EAX, EBX ECX EDX ESI EDI. The result goes to RAX, everything else is preserved.
 */
#include <domain/exit.h>
#include <hypercall/hypercall.h>
#include <xen/xen.h>

enum permission {
    ANYONE,
    CONTROL, /* domain 0 only, others get -EPERM whatever the arguments */
};

static const struct {
    long (*handler)(struct hypercall *c);
    u8 permission; /* enum permission */
} calls[] = {
    [__HYPERVISOR_memory_op] = {hc_memory_op, ANYONE},
    [__HYPERVISOR_multicall] = {hc_multicall, ANYONE},
    [__HYPERVISOR_set_timer_op] = {hc_set_timer_op, ANYONE},
    [__HYPERVISOR_xen_version] = {hc_xen_version, ANYONE},
    [__HYPERVISOR_console_io] = {hc_console_io, CONTROL},
    [__HYPERVISOR_vcpu_op] = {hc_vcpu_op, ANYONE},
    [__HYPERVISOR_sched_op] = {hc_sched_op, ANYONE},
    [__HYPERVISOR_event_channel_op] = {hc_event_channel_op, ANYONE},
    [__HYPERVISOR_hvm_op] = {hc_hvm_op, ANYONE},
    [__HYPERVISOR_sysctl] = {hc_sysctl, CONTROL},
    [__HYPERVISOR_domctl] = {hc_domctl, CONTROL},
};

long hypercall_call(struct hypercall *c, u64 nr)
{
    if (nr >= ARRAY_SIZE(calls) || !calls[nr].handler)
        return -ENOSYS;
    if (calls[nr].permission == CONTROL && !c->v->domain->is_control)
        return -EPERM;
    long rc = calls[nr].handler(c);
    if (unlikely(c->target))
        domain_put(c->target);
    return rc;
}

static void load_args(struct hypercall *c, const struct hvm_regs *regs)
{
    if (c->compat) {
        c->arg[0] = (u32)regs->rbx;
        c->arg[1] = (u32)regs->rcx;
        c->arg[2] = (u32)regs->rdx;
        c->arg[3] = (u32)regs->rsi;
        c->arg[4] = (u32)regs->rdi;
    } else {
        c->arg[0] = regs->rdi;
        c->arg[1] = regs->rsi;
        c->arg[2] = regs->rdx;
        c->arg[3] = regs->r10;
        c->arg[4] = regs->r8;
    }
}

/* The continuation's arguments: the guest executes the same instruction again with these. */
static void store_args(const struct hypercall *c, struct hvm_regs *regs)
{
    if (c->compat) {
        regs->rbx = (u32)c->arg[0];
        regs->rcx = (u32)c->arg[1];
        regs->rdx = (u32)c->arg[2];
        regs->rsi = (u32)c->arg[3];
        regs->rdi = (u32)c->arg[4];
    } else {
        regs->rdi = c->arg[0];
        regs->rsi = c->arg[1];
        regs->rdx = c->arg[2];
        regs->r10 = c->arg[3];
        regs->r8 = c->arg[4];
    }
}

struct exit_verdict hypercall_dispatch(struct vcpu *v)
{
    struct hvm_regs *regs = &v->hvm.regs;
    struct hypercall c; /* field by field: a whole initializer would clear arg[] first */
    long rc = -EPERM;

    c.v = v;
    c.compat = !hvm_ops->long_mode_cs(&v->hvm);
    c.in_multicall = false;
    c.target = NULL;
    if (likely(hvm_ops->cpl(&v->hvm) == 0)) {
        load_args(&c, regs);
        rc = hypercall_call(&c, c.compat ? (u32)regs->rax : regs->rax);
        if (unlikely(rc == -ERESTART)) {
            store_args(&c, regs);
            return (struct exit_verdict){.action = VERDICT_RETRY};
        }
    }
    regs->rax = c.compat ? (u32)rc : (u64)rc;
    return (struct exit_verdict){.action = VERDICT_SKIP};
}

int hypercall_target(struct hypercall *c, u16 domid)
{
    const struct domain *caller = c->v->domain;

    c->target = domain_get(domid == DOMID_SELF ? caller->id : domid);
    if (!c->target)
        return -ESRCH;
    return c->target == caller || caller->is_control ? 0 : -EPERM;
}
