/*
 * XENMEM_acquire_resource: the control domain maps frames of another domain's grant table, to fill in entries for it
 * before it runs. The frames stay as long as they are mapped, whatever becomes of their domain. There are no I/O request
 * servers and no trace buffers: what Xen answers for a domain that has none.
 */
#include <domain/grant/grant.h>
#include <hypercall/compat.h>
#include <hypercall/memory_op.h>

/* How many frames of it there can be, as on Xen; 0: there is no such resource. */
static u32 max_frames(const struct domain *d, u16 type, u32 id)
{
    /* A status frame of version 2 has 2048 entries' words, a frame of entries has 256. */
    const u32 shared_per_status = 8;

    if (type == XENMEM_resource_ioreq_server)
        return 1 + DIV_ROUND_UP(d->max_vcpus, 128u);
    if (type != XENMEM_resource_grant_table)
        return 0;
    return id == XENMEM_resource_grant_table_id_shared ? d->max_grant_frames
           : id == XENMEM_resource_grant_table_id_status
               ? DIV_ROUND_UP(d->max_grant_frames, shared_per_status)
               : 0;
}

static int check_frames(const struct xen_mem_acquire_resource *op)
{
    if (op->type == XENMEM_resource_ioreq_server)
        return -ENOENT; /* no such server */
    return op->id == XENMEM_resource_grant_table_id_shared ? 0 : -EINVAL;
}

static int place_frame(struct domain *d, struct domain *of, u64 index, gfn_t g)
{
    mfn_t frame;

    int rc = grant_acquire_frame(of, index, &frame);
    if (rc)
        return rc == -ESRCH ? -EBUSY : rc; /* it is dying */
    rc = physmap_place(d, g, frame, ORDER_4K, NP_RESOURCE);
    if (rc && grant_frame_unmapped(frame))
        domain_reap();
    return memop_place_error(rc, g);
}

static long place_frames(struct hypercall *c, const struct xen_mem_acquire_resource *op, u64 start)
{
    if (start >= op->nr_frames || op->nr_frames > MEMOP_START_MAX)
        return -EINVAL;
    int rc = check_frames(op);
    for (u64 i = start; !rc && i < op->nr_frames;) {
        u64 g;

        rc = read_caller_long(c, &g, op->frame_list, i);
        if (!rc)
            rc = place_frame(c->v->domain, c->target, op->frame + i, gfn(g));
        if (!rc && ++i < op->nr_frames && sched_should_yield())
            return memop_continue(c, i);
    }
    return rc;
}

long memop_acquire_resource(struct hypercall *c)
{
    struct xen_mem_acquire_resource op;

    if (!c->v->domain->is_control)
        return -EACCES;
    long rc = read_caller_struct(c, &op, c->arg[1], &compat_mem_acquire_resource);
    if (rc)
        return rc;
    if (op.pad || op.frame >> 32 || (op.frame + op.nr_frames) >> 32)
        return -EINVAL;
    rc = op.domid == DOMID_SELF ? -ESRCH : hypercall_target(c, op.domid);
    if (rc)
        return rc;
    if (c->target == c->v->domain)
        return -EPERM;
    if (op.type > XENMEM_resource_vmtrace_buf)
        return -EOPNOTSUPP;
    u32 max = max_frames(c->target, op.type, op.id);
    if (!max)
        return -EINVAL;
    if (op.frame_list)
        return place_frames(c, &op, memop_start(c));
    if (op.nr_frames)
        return -EINVAL;
    op.nr_frames = max;
    return write_caller_struct(c, c->arg[1], &op, &compat_mem_acquire_resource);
}
