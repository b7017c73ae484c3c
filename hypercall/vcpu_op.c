/*
 * __HYPERVISOR_vcpu_op(cmd, vcpuid, arg): timers and state of one of the caller's own vCPUs.
 *
 * VCPUOP_initialise gives a vCPU that has no state yet the registers to start with. The whole of them is
 * checked first: what the CPU would refuse is -EINVAL, not a crash later. Facts: Xen's public/hvm/hvm_vcpu.h.
 *
 * Not implemented: periodic timers, NMIs (-ENOSYS). vCPUs below 32 have a vcpu_info
 * in shared_info; the others get events only once they have registered one.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_cr.h>
#include <arch/x86/cpu/time.h>
#include <hypercall/compat.h>
#include <hypercall/hvm_context.h>
#include <lib/string.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#define SEG_S       BIT(4)
#define SEG_P       BIT(7)
#define SEG_CODE    BIT(3) /* of a segment with S */
#define SEG_WRITE   BIT(1) /* of data */
#define SEG_G       BIT(11)
#define SEG_UNUSED  0xf000u
#define TYPE_MASK   0xfu
#define TSS32_BUSY  0xbu
#define TSS16_BUSY  0x3u
#define FLAT_CODE64 0xa9bu
#define FLAT_DATA   0xc93u
#define FLAT_TSS    0x8bu
#define TSS_LIMIT   0x67u

static struct hvm_segment segment(u32 base, u32 limit, u16 attributes)
{
    /* The attributes hold the limit's unit; the hardware takes bytes. */
    return (struct hvm_segment){
        .attributes = attributes, .limit = attributes & SEG_G ? limit << 12 | 0xfff : limit, .base = base};
}

static bool code_valid(u16 ar)
{
    return (ar & (SEG_P | SEG_S | SEG_CODE)) == (SEG_P | SEG_S | SEG_CODE) &&
           !(ar & (SEG_UNUSED | HVM_SEG_L));
}

/* A segment that is not present is valid, too. */
static bool data_valid(u16 ar)
{
    return !(ar & SEG_UNUSED) &&
           (!(ar & SEG_P) || ((ar & SEG_S) && (!(ar & SEG_CODE) || (ar & SEG_WRITE)))); /* bit 1: readable */
}

static bool stack_valid(u16 ar)
{
    return !(ar & SEG_UNUSED) && (ar & (SEG_P | SEG_S | SEG_CODE | SEG_WRITE)) == (SEG_P | SEG_S | SEG_WRITE);
}

static bool task_valid(u16 ar)
{
    u32 type = ar & TYPE_MASK;

    return (ar & (SEG_P | SEG_S | SEG_UNUSED)) == SEG_P && (type == TSS32_BUSY || type == TSS16_BUSY);
}

/* From *in, where they are called eax, .. or rax, .. */
#define TAKE_REGISTERS(e) \
    *regs = (struct hvm_regs){.rax = in->e##ax, \
                              .rcx = in->e##cx, \
                              .rdx = in->e##dx, \
                              .rbx = in->e##bx, \
                              .rsp = in->e##sp, \
                              .rbp = in->e##bp, \
                              .rsi = in->e##si, \
                              .rdi = in->e##di, \
                              .rip = in->e##ip, \
                              .rflags = in->e##flags}; \
    state->cr0 = in->cr0, state->cr3 = in->cr3, state->cr4 = in->cr4, state->efer = in->efer

static int from_32(const struct vcpu_hvm_x86_32 *in, struct hvm_state *state, struct hvm_regs *regs)
{
    if (in->pad1 || in->pad2[0] || in->pad2[1] || in->pad2[2] || !code_valid(in->cs_ar) ||
        !data_valid(in->ds_ar) || !data_valid(in->es_ar) || !stack_valid(in->ss_ar) ||
        !task_valid(in->tr_ar) || (in->cs_ar ^ in->ss_ar) & 0x60 /* one privilege */)
        return -EINVAL;
    TAKE_REGISTERS(e);
    state->cs = segment(in->cs_base, in->cs_limit, in->cs_ar);
    state->ds = segment(in->ds_base, in->ds_limit, in->ds_ar);
    state->ss = segment(in->ss_base, in->ss_limit, in->ss_ar);
    state->es = segment(in->es_base, in->es_limit, in->es_ar);
    state->tr = segment(in->tr_base, in->tr_limit, in->tr_ar);
    return in->eip <= state->cs.limit ? 0 : -EINVAL;
}

static int from_64(const struct vcpu_hvm_x86_64 *in, struct hvm_state *state, struct hvm_regs *regs)
{
    const struct hvm_segment data = {.attributes = FLAT_DATA, .limit = 0xffffffff};

    if (!(in->efer & EFER_LMA) || (u64)((s64)(in->rip << 16) >> 16) != in->rip)
        return -EINVAL;
    TAKE_REGISTERS(r);
    state->cs = (struct hvm_segment){.attributes = FLAT_CODE64, .limit = 0xffffffff};
    state->ds = state->es = state->ss = data;
    state->tr = (struct hvm_segment){.attributes = FLAT_TSS, .limit = TSS_LIMIT};
    return 0;
}

/* Gives v its first state; it stays offline. -EINVAL: the CPU would refuse it; -EEXIST: v has a state. */
static int vcpu_initialise(struct vcpu *v, const struct vcpu_hvm_context *context)
{
    struct hvm_state state = {.dr6 = HVM_DR6_RESET, .dr7 = HVM_DR7_RESET, .pat = HVM_PAT_RESET};
    struct domain *d = v->domain;
    struct hvm_regs regs;
    int rc = -EINVAL;

    if (v->initialised) /* Xen checks this before the state */
        return -EEXIST;
    if (context->pad)
        return -EINVAL;
    if (context->mode == VCPU_HVM_MODE_32B)
        rc = from_32(&context->cpu_regs.x86_32, &state, &regs);
    else if (context->mode == VCPU_HVM_MODE_64B)
        rc = from_64(&context->cpu_regs.x86_64, &state, &regs);
    if (rc)
        return rc;
    state.cr0 |= CR0_ET;
    if (!(state.cr0 & CR0_PE) || !hvm_guest_control_valid(&d->policy, state.cr0, state.cr4, state.efer) ||
        (regs.rflags & ~HVM_RFLAGS_VALID))
        return -EINVAL;
    regs.rflags |= RFLAGS_RESERVED1;

    /* A STARTUP interrupt sets a state as well: the first one wins. */
    spin_lock(&d->lock);
    rc = v->initialised ? -EEXIST : 0;
    if (!rc) {
        hvm_ops->set_state(&v->hvm, &state);
        v->hvm.regs = regs;
        v->init_sipi = 0;
        v->initialised = true;
    }
    spin_unlock(&d->lock);
    return rc;
}

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
    struct vcpu_register_vcpu_info op; /* the same for 32-bit callers: no longs, 8-byte numbers aligned */

    int rc = copy_from_guest(c->v, &op, c->arg[2], sizeof(op));
    if (rc)
        return rc;
    if (v != c->v && v->state != VCPU_OFFLINE)
        return -EINVAL;
    return vcpu_register_info(v, gfn(op.mfn), op.offset);
}

static long get_runstate(struct hypercall *c, struct vcpu *v)
{
    struct vcpu_runstate_info info;

    vcpu_runstate(v, &info);
    return runstate_copy_to_guest(c->v, c->arg[2], c->compat, &info);
}

/* As in Xen, the address is not checked, and the first copy is written through the caller's page tables. */
static long register_runstate(struct hypercall *c, struct vcpu *v)
{
    u64 gva;

    int rc = read_caller_long(c, &gva, c->arg[2], 0);
    if (rc)
        return rc;
    vcpu_register_runstate(v, gva, c->compat, c->v);
    return 0;
}

/*
 * A copy of vcpu_info's time, which a guest's kernel can show to its programs. It never changes, so it is written once,
 * through the caller's page tables as in Xen, and not remembered. The address is not checked, as there.
 */
static long register_time(struct hypercall *c)
{
    struct vcpu_time_info time;
    u64 gva;

    int rc = read_caller_long(c, &gva, c->arg[2], 0);
    if (rc || !gva)
        return rc;
    vcpu_time_info(&time);
    u32 version = time.version++; /* odd: being written */
    copy_to_guest(c->v, gva, &time.version, sizeof(time.version));
    copy_to_guest(c->v, gva, &time, sizeof(time));
    copy_to_guest(c->v, gva, &version, sizeof(version));
    return 0;
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
    case VCPUOP_get_runstate_info:
        return get_runstate(c, v);
    case VCPUOP_register_runstate_memory_area:
        return register_runstate(c, v);
    case VCPUOP_register_vcpu_time_memory_area:
        return register_time(c);
    case VCPUOP_register_vcpu_info:
        return register_info(c, v);
    case VCPUOP_is_up:
        return v->state != VCPU_OFFLINE;
    case VCPUOP_stop_periodic_timer:
        return 0; /* periodic timers do not exist */
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
