/*
 * __HYPERVISOR_hvm_op(op, arg): a domain's numbered parameters (where its rings are, how events come).
 *
 * One table has the access rights of each parameter, as observed on Xen 4.17. A parameter's lock: d->lock.
 */
#include <hypercall/hypercall.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

#define FIRST_USABLE_VECTOR 0x10u /* vectors below are exceptions */
#define TIMER_MODE_MAX      3u

enum param_rights {
    SET_SELF = 1u << 0, /* the domain itself */
    GET_SELF = 1u << 1,
    SET_TOOLS = 1u << 2, /* the control domain, for another one */
    GET_TOOLS = 1u << 3,
    ONCE = 1u << 4, /* once set to a non-zero value it cannot change */
    TOOLS = SET_TOOLS | GET_TOOLS,
    ALL = SET_SELF | GET_SELF | TOOLS,
};

/* Not in the table: deprecated parameters, -EINVAL for every caller. Unused numbers can be stored. */
static const u8 rights[HVM_NR_PARAMS] = {
    [HVM_PARAM_CALLBACK_IRQ] = ALL,
    [HVM_PARAM_STORE_PFN] = TOOLS | GET_SELF,
    [HVM_PARAM_STORE_EVTCHN] = ALL,
    [3] = TOOLS,
    [HVM_PARAM_IOREQ_PFN] = TOOLS | ONCE,
    [HVM_PARAM_BUFIOREQ_PFN] = TOOLS | ONCE,
    [7 ... 8] = TOOLS,
    [HVM_PARAM_VIRIDIAN] = TOOLS | ONCE,
    [HVM_PARAM_TIMER_MODE] = TOOLS,
    [HVM_PARAM_HPET_ENABLED] = TOOLS,
    [HVM_PARAM_IDENT_PT] = TOOLS,
    [HVM_PARAM_ACPI_S_STATE] = TOOLS,
    [HVM_PARAM_VM86_TSS] = ALL,
    [HVM_PARAM_VPT_ALIGN] = TOOLS,
    [HVM_PARAM_CONSOLE_PFN] = TOOLS | GET_SELF,
    [HVM_PARAM_CONSOLE_EVTCHN] = ALL,
    [HVM_PARAM_ACPI_IOPORTS_LOCATION] = ALL,
    [HVM_PARAM_PAGING_RING_PFN] = TOOLS,
    [HVM_PARAM_MONITOR_RING_PFN] = TOOLS,
    [HVM_PARAM_SHARING_RING_PFN] = TOOLS,
    [HVM_PARAM_TRIPLE_FAULT_REASON] = TOOLS,
    [HVM_PARAM_IOREQ_SERVER_PFN] = TOOLS | ONCE,
    [HVM_PARAM_NR_IOREQ_SERVER_PAGES] = TOOLS | ONCE,
    [HVM_PARAM_VM_GENERATION_ID_ADDR] = ALL,
    [HVM_PARAM_ALTP2M] = TOOLS | GET_SELF | ONCE,
    [HVM_PARAM_X87_FIP_WIDTH] = ALL,
    [HVM_PARAM_VM86_TSS_SIZED] = ALL,
    [HVM_PARAM_MCA_CAP] = TOOLS | ONCE,
};
_Static_assert(HVM_NR_PARAMS <= NR_HVM_PARAMS, "a domain has room for them");

static bool value_valid(u32 index, u64 value)
{
    switch (index) {
    case HVM_PARAM_TIMER_MODE:
        return value <= TIMER_MODE_MAX;
    case HVM_PARAM_TRIPLE_FAULT_REASON:
        return value <= SHUTDOWN_MAX;
    case HVM_PARAM_X87_FIP_WIDTH:
        return value == 0 || value == 4 || value == 8;
    case HVM_PARAM_NR_IOREQ_SERVER_PAGES:
        return value != 0;
    case HVM_PARAM_VIRIDIAN: /* every value would enable it */
        return false;
    case HVM_PARAM_ACPI_S_STATE: /* these can only be set to off */
    case HVM_PARAM_ALTP2M:
    case HVM_PARAM_MCA_CAP:
        return value == 0;
    default:
        return true;
    }
}

static int set_param(struct domain *d, u32 index, u64 value)
{
    int rc = 0;

    spin_lock(&d->lock);
    u64 old = d->hvm_params[index];
    if ((rights[index] & ONCE) && old != 0 && old != value)
        rc = -EEXIST;
    else if (index == HVM_PARAM_ACPI_IOPORTS_LOCATION)
        rc = -ENODEV; /* there is no such device */
    else if (!value_valid(index, value))
        rc = -EINVAL;
    if (!rc)
        d->hvm_params[index] = value;
    spin_unlock(&d->lock);
    return rc;
}

static long op_param(struct hypercall *c, bool set)
{
    struct xen_hvm_param op;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    if (op.index >= HVM_NR_PARAMS)
        return -EINVAL;
    rc = hypercall_target(c, op.domid);
    if (rc)
        return rc;
    struct domain *d = c->target;
    u8 right = d == c->v->domain ? (set ? SET_SELF : GET_SELF) : (set ? SET_TOOLS : GET_TOOLS);
    if (!rights[op.index])
        return -EINVAL;
    if (!(rights[op.index] & right))
        return -EPERM;
    if (set)
        return set_param(d, op.index, op.value);
    spin_lock(&d->lock);
    op.value = d->hvm_params[op.index];
    spin_unlock(&d->lock);
    return copy_to_guest(c->v, c->arg[1], &op, sizeof(op));
}

static long op_set_upcall_vector(struct hypercall *c)
{
    struct xen_hvm_evtchn_upcall_vector op;
    struct domain *d = c->v->domain;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    if (op.vector < FIRST_USABLE_VECTOR)
        return -EINVAL;
    if (op.vcpu >= domain_nr_vcpus(d))
        return -ENOENT;
    vcpu_set_upcall_vector(d->vcpu[op.vcpu], op.vector);
    return 0;
}

/* For shadow paging. As Xen with nested paging: checks the argument and returns -EINVAL. */
static long op_pagetable_dying(struct hypercall *c)
{
    struct xen_hvm_pagetable_dying op;

    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    return hypercall_target(c, op.domid) == -ESRCH ? -ESRCH : -EINVAL;
}

long hc_hvm_op(struct hypercall *c)
{
    switch (c->arg[0]) {
    case HVMOP_set_param:
        return op_param(c, true);
    case HVMOP_get_param:
        return op_param(c, false);
    case HVMOP_pagetable_dying:
        return op_pagetable_dying(c);
    case HVMOP_set_evtchn_upcall_vector:
        return op_set_upcall_vector(c);
    default:
        return -ENOSYS;
    }
}
