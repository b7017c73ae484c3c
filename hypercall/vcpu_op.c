/*
 * __HYPERVISOR_vcpu_op(cmd, vcpuid, arg): timers and state of one of the caller's own vCPUs.
 *
 * Not here: runstate and time areas, periodic timers, NMIs (-ENOSYS). vCPUs below 32 have a vcpu_info in
 * shared_info; the others get events only once they have registered one.
 */
#include <arch/x86/cpu/time.h>
#include <hypercall/compat.h>
#include <hypercall/vcpu_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

static long set_singleshot(struct hypercall *c, struct vcpu *v)
{
    struct vcpu_set_singleshot_timer op;

    if (v != c->v)
        return -EINVAL;
    int rc = read_caller_struct(c, &op, c->arg[2], &compat_vcpu_set_singleshot_timer);
    if (rc)
        return rc;
    if ((op.flags & VCPU_SSHOTTMR_future) && op.timeout_abs_ns < time_now_ns())
        return -ETIME;
    timer_set(&v->singleshot, MAX(op.timeout_abs_ns, 1ull)); /* 0 would mean: not set */
    return 0;
}

static long initialise(struct hypercall *c, struct vcpu *v)
{
    struct vcpu_hvm_context context; /* the same for 32-bit callers */

    int rc = copy_from_guest(c->v, &context, c->arg[2], sizeof(context));
    return rc ? rc : vcpu_initialise(v, &context);
}

static long register_info(struct hypercall *c, struct vcpu *v)
{
    struct vcpu_register_vcpu_info
        op; /* the same for 32-bit callers: they have only 8-byte numbers aligned */

    int rc = copy_from_guest(c->v, &op, c->arg[2], sizeof(op));
    if (rc)
        return rc;
    if (v != c->v && v->state != VCPU_OFFLINE)
        return -EINVAL;
    return vcpu_register_info(v, gfn(op.mfn), op.offset);
}

long hc_vcpu_op(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    u32 id = (u32)c->arg[1];

    if (id >= domain_nr_vcpus(d))
        return -ENOENT;
    struct vcpu *v = d->vcpu[id];
    switch ((u32)c->arg[0]) {
    case VCPUOP_initialise:
        return initialise(c, v);
    case VCPUOP_up:
        if (!v->initialised)
            return -EINVAL;
        vcpu_start(v);
        return 0;
    case VCPUOP_down:
        vcpu_down(v);
        return 0;
    case VCPUOP_register_vcpu_info:
        return register_info(c, v);
    case VCPUOP_is_up:
        return v->state != VCPU_OFFLINE;
    case VCPUOP_stop_periodic_timer:
        return 0; /* there is none to stop */
    case VCPUOP_set_singleshot_timer:
        return set_singleshot(c, v);
    case VCPUOP_stop_singleshot_timer:
        if (v != c->v)
            return -EINVAL;
        timer_cancel(&v->singleshot);
        return 0;
    default:
        return -ENOSYS;
    }
}
