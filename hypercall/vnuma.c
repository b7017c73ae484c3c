/*
 * Virtual NUMA topologies: XEN_DOMCTL_setvnumainfo and XENMEM_get_vnumainfo. The checks and their order are Xen's. Xen
 * does not look at the distances and at the ranges' addresses and nodes, which are between the toolstack and the guest.
 */
#include <domain/vnuma.h>
#include <hypercall/domctl.h>
#include <hypercall/memory_op.h>

static bool any_not_below(const u32 *numbers, u32 nr, u32 limit)
{
    for (u32 i = 0; i < nr; i++)
        if (numbers[i] >= limit)
            return true;
    return false;
}

static bool has_flags(const struct vnuma *vnuma)
{
    for (u32 i = 0; i < vnuma->nr_ranges; i++)
        if (vnuma->range[i].flags)
            return true;
    return false;
}

static long read_topology(struct vcpu *v, const struct xen_domctl_vnuma *op, struct vnuma *vnuma)
{
    u32 nr = vnuma->nr_nodes;

    if (copy_from_guest(v, vnuma->distance, op->vdistance, (u64)nr * nr * sizeof(u32)) ||
        copy_from_guest(v, vnuma->range, op->vmemrange, vnuma->nr_ranges * sizeof(vnuma->range[0])) ||
        copy_from_guest(v, vnuma->vcpu_to_vnode, op->vcpu_to_vnode, vnuma->nr_vcpus * sizeof(u32)))
        return -EFAULT;
    if (any_not_below(vnuma->vcpu_to_vnode, vnuma->nr_vcpus, nr))
        return -E2BIG;
    if (copy_from_guest(v, vnuma->vnode_to_pnode, op->vnode_to_pnode, nr * sizeof(u32)))
        return -EFAULT;
    if (any_not_below(vnuma->vnode_to_pnode, nr, MAX_NODES))
        return -E2BIG;
    return has_flags(vnuma) ? -EINVAL : 0;
}

long domctl_setvnumainfo(struct domctl *ctl)
{
    const struct xen_domctl_vnuma *op = &ctl->op.u.vnuma;
    struct vnuma *vnuma;

    if (op->nr_vcpus != ctl->d->max_vcpus || op->pad || !op->nr_vnodes || op->nr_vnodes > VNUMA_MAX_NODES ||
        op->nr_vmemranges > VNUMA_MAX_RANGES)
        return -EINVAL;
    long rc = vnuma_alloc(ctl->d, op->nr_vnodes, op->nr_vmemranges, &vnuma);
    if (rc)
        return rc;
    rc = read_topology(ctl->c->v, op, vnuma);
    if (!rc)
        return vnuma_set(ctl->d, vnuma);
    vnuma_put(ctl->d, vnuma);
    return rc;
}

/* A 32-bit caller's pointers have 4 bytes, in the place of 8. */
static u64 pointer(const struct hypercall *c, u64 handle)
{
    return c->compat ? (u32)handle : handle;
}

static long write_topology(const struct hypercall *c, const struct xen_vnuma_topology_info *info,
                           const struct vnuma *vnuma)
{
    u64 nr = vnuma->nr_nodes;

    return copy_to_guest(c->v, pointer(c, info->vmemrange.h), vnuma->range,
                         vnuma->nr_ranges * sizeof(vnuma->range[0])) ||
                   copy_to_guest(c->v, pointer(c, info->vdistance.h), vnuma->distance,
                                 nr * nr * sizeof(u32)) ||
                   copy_to_guest(c->v, pointer(c, info->vcpu_to_vnode.h), vnuma->vcpu_to_vnode,
                                 vnuma->nr_vcpus * sizeof(u32))
               ? -EFAULT
               : 0;
}

/* -EINVAL: pad; -EOPNOTSUPP: the domain has no topology; -ENOBUFS: no room, and the numbers needed are written. */
long memop_get_vnumainfo(struct hypercall *c)
{
    struct xen_vnuma_topology_info info;

    long rc = copy_from_guest(c->v, &info, c->arg[1], sizeof(info));
    if (!rc)
        rc = info.pad ? -EINVAL : hypercall_target(c, info.domid);
    if (rc)
        return rc;
    struct vnuma *vnuma = vnuma_get(c->target);
    if (!vnuma)
        return -EOPNOTSUPP;
    if (info.nr_vnodes < vnuma->nr_nodes || info.nr_vcpus < vnuma->nr_vcpus ||
        info.nr_vmemranges < vnuma->nr_ranges)
        rc = -ENOBUFS;
    else
        rc = write_topology(c, &info, vnuma);
    info.nr_vnodes = vnuma->nr_nodes;
    info.nr_vcpus = vnuma->nr_vcpus;
    info.nr_vmemranges = vnuma->nr_ranges;
    vnuma_put(c->target, vnuma);
    if (rc != -EFAULT && copy_to_guest(c->v, c->arg[1], &info, sizeof(info)))
        rc = -EFAULT;
    return rc;
}
