/*
 * __HYPERVISOR_domctl: dispatch and the short commands. The control domain only (dispatch table).
 *
 * The order of the first checks is Xen's: argument unreadable -EFAULT, interface version -EACCES, no such
 * domain -ESRCH (before the command is looked at), unknown command -ENOSYS. The structure is copied back only
 * for commands with results, after success.
 */
#include <arch/x86/cpu/time.h>
#include <hypercall/domctl.h>
#include <lib/string.h>
#include <mm/claims.h>

#define PAUSE_MAX 255u /* limit of nested pauses by the control domain, Xen's number */

#define TSC_MODE_DEFAULT 0u
#define TSC_MODE_ALWAYS  1u /* always emulated */
#define TSC_MODE_NEVER   2u /* never emulated: what Homestead does in every mode */

/* getdomaininfo's flags as on Xen: 0xFFFF0122 for a running domain 0. The code if it is not shut down: */
#define NO_CODE             0xffffu /* distinct from the code 255 that a guest can set */
#define GUEST_PHYSICAL_BITS 48u
_Static_assert(NP_GFN_LIMIT == 1ull << (GUEST_PHYSICAL_BITS - PAGE_SHIFT), "the physmap's size");

/* Blocked if all online vCPUs are, running if one is; sums up times. */
static void fill_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    bool all_blocked = true, any_running = false;

    u32 nr = domain_nr_vcpus(d);

    info->max_vcpu_id = nr ? nr - 1 : XEN_INVALID_MAX_VCPU_ID;
    for (u32 id = 0; id < nr; id++) {
        struct vcpu *v = d->vcpu[id];

        info->cpu_time += vcpu_run_ns(v);
        if (v->state == VCPU_OFFLINE)
            continue;
        info->nr_online_vcpus++;
        all_blocked &= v->state == VCPU_BLOCKED;
        any_running |= __atomic_load_n(&v->running, __ATOMIC_RELAXED);
    }
    if (info->nr_online_vcpus)
        info->flags |= (all_blocked ? XEN_DOMINF_blocked : 0) | (any_running ? XEN_DOMINF_running : 0);
}

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    *info = (struct xen_domctl_getdomaininfo){
        .domain = d->id,
        .gpaddr_bits = GUEST_PHYSICAL_BITS,
        .arch_config = {.emulation_flags = d->emulation_flags, .misc_flags = d->misc_flags},
    };
    fill_vcpus(d, info);

    spin_lock(&d->lock);
    u32 code = d->shut_down ? d->shutdown_code : NO_CODE;
    info->flags |= XEN_DOMINF_hvm_guest | XEN_DOMINF_hap | (d->dying ? XEN_DOMINF_dying : 0) |
                   (d->shut_down ? XEN_DOMINF_shutdown : 0) | (d->pause_count ? XEN_DOMINF_paused : 0) |
                   (d->create_flags & XEN_DOMCTL_CDF_xs_domain ? XEN_DOMINF_xs_domain : 0) |
                   code << XEN_DOMINF_shutdownshift;
    info->shared_info_frame = d->shared_info_gfn.n;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    spin_unlock(&d->lock);

    spin_lock(&d->mem.lock);
    info->tot_pages = d->mem.tot_pages;
    info->max_pages = d->mem.max_pages;
    spin_unlock(&d->mem.lock);
    info->outstanding_pages = claim_outstanding(&d->mem);
}

/* The domain, or the next one if that id is not in use. */
static long getdomaininfo(struct domctl *ctl)
{
    if (!ctl->d) {
        if (ctl->op.domain >= DOMID_FIRST_RESERVED)
            return -EINVAL;
        ctl->d = ctl->c->target = domain_get_next(ctl->op.domain);
        if (!ctl->d)
            return -ESRCH;
    }
    domctl_fill_info(ctl->d, &ctl->op.u.getdomaininfo);
    ctl->op.domain = ctl->d->id;
    ctl->copy_back = true;
    return 0;
}

static u32 pause_count(struct domain *d)
{
    spin_lock(&d->lock);
    u32 count = d->pause_count;
    spin_unlock(&d->lock);
    return count;
}

static long pausedomain(struct domctl *ctl)
{
    if (pause_count(ctl->d) >= PAUSE_MAX)
        return -EOVERFLOW;
    domain_pause(ctl->d);
    return 0;
}

static long unpausedomain(struct domctl *ctl)
{
    if (pause_count(ctl->d) == 0)
        return -EINVAL;
    domain_unpause(ctl->d);
    return 0;
}

static long getvcpuinfo(struct domctl *ctl)
{
    struct xen_domctl_getvcpuinfo *info = &ctl->op.u.getvcpuinfo;

    if (info->vcpu >= ctl->d->max_vcpus)
        return -EINVAL;
    if (info->vcpu >= domain_nr_vcpus(ctl->d))
        return -ESRCH;
    struct vcpu *v = ctl->d->vcpu[info->vcpu];
    info->online = v->state != VCPU_OFFLINE;
    info->blocked = v->state == VCPU_BLOCKED;
    info->running = __atomic_load_n(&v->running, __ATOMIC_RELAXED);
    info->cpu_time = vcpu_run_ns(v);
    info->cpu = v->cpu;
    ctl->copy_back = true;
    return 0;
}

static long setdomainhandle(struct domctl *ctl)
{
    spin_lock(&ctl->d->lock);
    memcpy(ctl->d->handle, ctl->op.u.setdomainhandle.handle, sizeof(ctl->d->handle));
    spin_unlock(&ctl->d->lock);
    return 0;
}

/* Not supported: the structure has no segments or control registers; use sethvmcontext. */
static long setvcpucontext(struct domctl *ctl)
{
    if (ctl->op.u.vcpucontext.vcpu >= domain_nr_vcpus(ctl->d))
        return -EINVAL;
    return -EOPNOTSUPP;
}

/* The guest reads the host's TSC. A request for an emulated TSC, or for another frequency, is refused rather
 * than ignored. The incarnation counts a guest's moves to a new host: it is stored for gettscinfo. */
static long settscinfo(struct domctl *ctl)
{
    const struct xen_domctl_tsc_info *info = &ctl->op.u.tsc_info;

    if (info->tsc_mode > TSC_MODE_NEVER)
        return -EINVAL;
    bool other_khz = info->gtsc_khz && info->gtsc_khz != tsc_khz;
    if (info->tsc_mode == TSC_MODE_ALWAYS || (info->tsc_mode == TSC_MODE_DEFAULT && other_khz))
        return -EOPNOTSUPP;
    spin_lock(&ctl->d->lock);
    ctl->d->tsc_mode = info->tsc_mode;
    ctl->d->tsc_incarnation = info->incarnation + 1;
    spin_unlock(&ctl->d->lock);
    return 0;
}

/* Mode "never emulated" has no values to transfer to another host. */
static long gettscinfo(struct domctl *ctl)
{
    struct xen_domctl_tsc_info *info = &ctl->op.u.tsc_info;

    *info = (struct xen_domctl_tsc_info){0};
    spin_lock(&ctl->d->lock);
    info->tsc_mode = ctl->d->tsc_mode;
    info->incarnation = ctl->d->tsc_incarnation;
    spin_unlock(&ctl->d->lock);
    if (info->tsc_mode != TSC_MODE_NEVER) {
        info->gtsc_khz = (u32)tsc_khz;
        info->elapsed_nsec = time_now_ns();
    }
    ctl->copy_back = true;
    return 0;
}

static long destroydomain(struct domctl *ctl)
{
    return domain_kill(ctl->d);
}

static long max_vcpus(struct domctl *ctl)
{
    return domain_alloc_vcpus(ctl->d, ctl->op.u.max_vcpus.max);
}

/* Weight and cap, with the structure of Xen's credit2. A domain has them, not its vCPUs. A cap above what its vCPUs
 * can use is refused, as there. */
static long scheduler_op(struct domctl *ctl)
{
    const struct xen_domctl_scheduler_op *op = &ctl->op.u.scheduler_op;
    struct xen_domctl_sched_credit2 *params = &ctl->op.u.scheduler_op.u.credit2;

    if (op->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    if (op->cmd == XEN_DOMCTL_SCHEDOP_getinfo) {
        sched_get_params(ctl->d, &params->weight, &params->cap);
        ctl->copy_back = true;
        return 0;
    }
    if (op->cmd != XEN_DOMCTL_SCHEDOP_putinfo || params->cap > 100 * domain_nr_vcpus(ctl->d))
        return -EINVAL;
    sched_set_params(ctl->d, params->weight, params->cap);
    return 0;
}

static long settimeoffset(struct domctl *ctl)
{
    domain_set_time_offset(ctl->d, ctl->op.u.settimeoffset.time_offset_seconds);
    return 0;
}

static long resumedomain(struct domctl *ctl)
{
    domain_resume(ctl->d);
    return 0;
}

/* For the guest's buttons there would have to be ACPI tables that show them: as on Xen, a PVH guest sees nothing. */
static long sendtrigger(struct domctl *ctl)
{
    const struct xen_domctl_sendtrigger *op = &ctl->op.u.sendtrigger;

    if (op->vcpu >= domain_nr_vcpus(ctl->d))
        return -ESRCH;
    switch (op->trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        vcpu_send_nmi(ctl->d->vcpu[op->vcpu]);
        return 0;
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return 0;
    default:
        return -ENOSYS;
    }
}

/* For PV guests, which there are none of, or for single steps by another domain. */
static long not_for_hvm(struct domctl *ctl)
{
    (void)ctl;
    return -EOPNOTSUPP;
}

/* Monitoring and allocation of cache and memory bandwidth: Homestead uses neither, and answers as Xen on CPUs without. */
static long psr_none(struct domctl *ctl)
{
    if (ctl->op.cmd == XEN_DOMCTL_psr_alloc && ctl->op.u.psr_alloc.cmd > XEN_DOMCTL_PSR_GET_MBA_THRTL)
        return -EOPNOTSUPP;
    return -ENODEV;
}

enum target {
    ANY,     /* the domain the argument names; -ESRCH */
    OTHER,   /* the same; -EINVAL for the caller's own */
    NOT_YET, /* none: createdomain */
    OR_NEXT, /* none is no error yet: getdomaininfo */
};

static const struct {
    long (*handler)(struct domctl *ctl);
    u8 target; /* enum target */
} calls[] = {
    [XEN_DOMCTL_createdomain] = {domctl_createdomain, NOT_YET},
    [XEN_DOMCTL_destroydomain] = {destroydomain, ANY},
    [XEN_DOMCTL_pausedomain] = {pausedomain, OTHER},
    [XEN_DOMCTL_unpausedomain] = {unpausedomain, ANY},
    [XEN_DOMCTL_getdomaininfo] = {getdomaininfo, OR_NEXT},
    [XEN_DOMCTL_setvcpuaffinity] = {domctl_vcpuaffinity, ANY},
    [XEN_DOMCTL_shadow_op] = {domctl_shadow_op, OTHER},
    [XEN_DOMCTL_max_mem] = {domctl_max_mem, ANY},
    [XEN_DOMCTL_setvcpucontext] = {setvcpucontext, OTHER},
    [XEN_DOMCTL_getvcpucontext] = {domctl_getvcpucontext, OTHER},
    [XEN_DOMCTL_getvcpuinfo] = {getvcpuinfo, ANY},
    [XEN_DOMCTL_max_vcpus] = {max_vcpus, OTHER},
    [XEN_DOMCTL_scheduler_op] = {scheduler_op, ANY},
    [XEN_DOMCTL_setdomainhandle] = {setdomainhandle, ANY},
    [XEN_DOMCTL_settimeoffset] = {settimeoffset, ANY},
    [XEN_DOMCTL_getvcpuaffinity] = {domctl_vcpuaffinity, ANY},
    [XEN_DOMCTL_resumedomain] = {resumedomain, OTHER},
    [XEN_DOMCTL_sendtrigger] = {sendtrigger, ANY},
    [XEN_DOMCTL_gethvmcontext] = {domctl_gethvmcontext, OTHER},
    [XEN_DOMCTL_sethvmcontext] = {domctl_sethvmcontext, OTHER},
    [XEN_DOMCTL_set_address_size] = {not_for_hvm, ANY},
    [XEN_DOMCTL_get_address_size] = {not_for_hvm, ANY},
    [XEN_DOMCTL_debug_op] = {not_for_hvm, OTHER},
    [XEN_DOMCTL_gethvmcontext_partial] = {domctl_gethvmcontext_partial, OTHER},
    [XEN_DOMCTL_gettscinfo] = {gettscinfo, OTHER},
    [XEN_DOMCTL_settscinfo] = {settscinfo, OTHER},
    [XEN_DOMCTL_setnodeaffinity] = {domctl_nodeaffinity, ANY},
    [XEN_DOMCTL_getnodeaffinity] = {domctl_nodeaffinity, ANY},
    [XEN_DOMCTL_setvnumainfo] = {domctl_setvnumainfo, ANY},
    [XEN_DOMCTL_get_cpu_policy] = {domctl_get_cpu_policy, ANY},
    [XEN_DOMCTL_set_cpu_policy] = {domctl_set_cpu_policy, OTHER},
    [XEN_DOMCTL_psr_cmt_op] = {psr_none, ANY},
    [XEN_DOMCTL_psr_alloc] = {psr_none, ANY},
    [XEN_DOMCTL_get_paging_mempool_size] = {domctl_get_paging_mempool, ANY},
    [XEN_DOMCTL_set_paging_mempool_size] = {domctl_set_paging_mempool, ANY},
    [XEN_DOMCTL_claim_memory] = {domctl_claim_memory, ANY},
    [XEN_DOMCTL_get_memory_claims] = {domctl_get_memory_claims, ANY},
};

static inline long run(struct hypercall *c, struct domctl *ctl)
{
    u32 cmd = ctl->op.cmd, target = cmd < ARRAY_SIZE(calls) ? calls[cmd].target : ANY;

    /* DOMID_SELF is no domain here. */
    if (target != NOT_YET)
        ctl->d = c->target = domain_get(ctl->op.domain);
    if (unlikely(!ctl->d) && target != NOT_YET && target != OR_NEXT)
        return -ESRCH;
    if (cmd == XEN_DOMCTL_homestead_legacy_claims)
        return domctl_homestead_legacy_claims(ctl);
    if (cmd >= ARRAY_SIZE(calls) || !calls[cmd].handler)
        return -ENOSYS;
    if (target == OTHER && ctl->d == c->v->domain)
        return -EINVAL;
    return calls[cmd].handler(ctl);
}

/* claims.md CL-3.23. */
long hc_domctl(struct hypercall *c)
{
    struct domctl ctl; /* op is read below: not cleared before */
    struct guest_place place;

    ctl.c = c;
    ctl.d = NULL;
    ctl.copy_back = false;
    if (copy_from_guest_place(c->v, &ctl.op, c->arg[0], sizeof(ctl.op), &place))
        return -EFAULT;
    if (ctl.op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    long rc = run(c, &ctl);
    if (ctl.copy_back && copy_to_guest_place(c->v, &place, 0, &ctl.op, sizeof(ctl.op)))
        rc = -EFAULT;
    return rc;
}
