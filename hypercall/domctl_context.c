/*
 * gethvmcontext, also for one record only, sethvmcontext, and getvcpucontext: copy a context between the caller's memory
 * and Homestead's buffer, which hvm_context.c fills or loads. The domain's vCPUs are held meanwhile: a pause is not enough, another CPU
 * could unpause. vCPUs created meanwhile do not count: their number is read once.
 */
#include <arch/x86/cpu/frames.h>
#include <hypercall/domctl.h>
#include <hypercall/hvm_context.h>
#include <mm/mm.h>

#define BUFFER_ORDER_MAX ORDER_2M /* 128 vCPUs take 165 KiB; streams from elsewhere are longer */

struct buffer {
    mfn_t m;
    u32 order;
    u8 *bytes;
};

/* -ENOMEM, also for sizes larger than any context. */
static int buffer_get(struct buffer *buffer, u64 size)
{
    buffer->order = bytes_to_order(size);
    if (buffer->order > BUFFER_ORDER_MAX || mm_alloc(NULL, NODE_NONE, buffer->order, MM_OVERHEAD, &buffer->m))
        return -ENOMEM;
    buffer->bytes = mfn_to_virt(buffer->m);
    return 0;
}

static void buffer_put(struct buffer *buffer)
{
    mm_free_overhead(NULL, buffer->m, buffer->order);
}

/* A NULL buffer: 0 and the size; -ENOSPC: room too small; -ENOMEM; -EFAULT. */
long domctl_gethvmcontext(struct domctl *ctl)
{
    struct xen_domctl_hvmcontext *op = &ctl->op.u.hvmcontext;
    struct domain *d = ctl->d;
    struct buffer buffer;

    u32 nr_vcpus = domain_nr_vcpus(d);
    u64 size_max = hvm_context_size_max(nr_vcpus);
    if (!op->buffer) {
        op->size = (u32)size_max;
        ctl->copy_back = true;
        return 0;
    }
    if (op->size < size_max)
        return -ENOSPC;
    int rc = buffer_get(&buffer, size_max);
    if (rc)
        return rc;
    u32 held = domain_hold(d);
    u64 size = hvm_context_save(d, nr_vcpus, buffer.bytes);
    domain_release(d, held);
    rc = copy_to_guest(ctl->c->v, op->buffer, buffer.bytes, size);
    buffer_put(&buffer);
    if (rc)
        return rc;
    op->size = (u32)size;
    ctl->copy_back = true;
    return 0;
}

/* All or nothing. -EINVAL: dying, or a bad context; -ENODATA: header or END missing; -ENOMEM; -EFAULT. */
long domctl_sethvmcontext(struct domctl *ctl)
{
    const struct xen_domctl_hvmcontext *op = &ctl->op.u.hvmcontext;
    struct domain *d = ctl->d;
    struct buffer buffer;

    int rc = buffer_get(&buffer, op->size);
    if (rc)
        return rc;
    rc = copy_from_guest(ctl->c->v, buffer.bytes, op->buffer, op->size);
    if (!rc && domain_is_dying(d))
        rc = -EINVAL;
    if (!rc)
        rc = hvm_context_check(buffer.bytes, op->size, domain_nr_vcpus(d), &d->policy);
    if (!rc) {
        u32 held = domain_hold(d);
        hvm_context_load(d, buffer.bytes, op->size);
        domain_release(d, held);
    }
    buffer_put(&buffer);
    return rc;
}

/* The whole context is as easy as one record. A NULL buffer: 0 and the size. -EINVAL: no such type; -ENOENT: no such vCPU;
 * -ENODATA: it has no such record now; -ENOBUFS: room too small; -ENOMEM; -EFAULT. */
long domctl_gethvmcontext_partial(struct domctl *ctl)
{
    struct xen_domctl_hvmcontext_partial *op = &ctl->op.u.hvmcontext_partial;
    struct domain *d = ctl->d;
    struct buffer buffer;
    u32 length = 0;

    u32 nr_vcpus = domain_nr_vcpus(d);
    if (op->type != HVM_SAVE_CODE(CPU) && op->type != HVM_SAVE_CODE(MTRR))
        return -EINVAL;
    if (op->instance >= nr_vcpus)
        return -ENOENT;
    int rc = buffer_get(&buffer, hvm_context_size_max(nr_vcpus));
    if (rc)
        return rc;
    u32 held = domain_hold(d);
    u64 size = hvm_context_save(d, nr_vcpus, buffer.bytes);
    domain_release(d, held);
    const u8 *body = hvm_context_find(buffer.bytes, size, op->type, op->instance, &length);
    if (!body)
        rc = -ENODATA;
    else if (op->buffer && op->bufsz < length)
        rc = -ENOBUFS;
    else if (op->buffer)
        rc = copy_to_guest(ctl->c->v, op->buffer, body, length);
    buffer_put(&buffer);
    if (rc)
        return rc;
    op->bufsz = length;
    ctl->copy_back = true;
    return 0;
}

/* -EINVAL: no such vCPU; -ENODATA: it never had a state; -ENOMEM; -EFAULT. */
long domctl_getvcpucontext(struct domctl *ctl)
{
    const struct xen_domctl_vcpucontext *op = &ctl->op.u.vcpucontext;
    struct domain *d = ctl->d;
    struct buffer buffer;

    if (op->vcpu >= domain_nr_vcpus(d))
        return -EINVAL;
    struct vcpu *v = d->vcpu[op->vcpu];
    if (!vcpu_is_initialised(v))
        return -ENODATA;
    int rc = buffer_get(&buffer, sizeof(struct vcpu_guest_context));
    if (rc)
        return rc;
    u32 held = domain_hold(d);
    hvm_context_registers(v, (struct vcpu_guest_context *)buffer.bytes);
    domain_release(d, held);
    rc = copy_to_guest(ctl->c->v, op->ctxt, buffer.bytes, sizeof(struct vcpu_guest_context));
    buffer_put(&buffer);
    ctl->copy_back = !rc;
    return rc;
}
