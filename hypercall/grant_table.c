/*
 * __HYPERVISOR_grant_table_op(cmd, array, count): what a guest asks about its own table. Its frames are mapped by
 * add_to_physmap (memory_physmap.c). The structures are the same for 32-bit and 64-bit callers. No domain can map
 * or copy another's pages: -ENOSYS.
 */
#include <domain/grant/grant.h>
#include <hypercall/hypercall.h>
#include <xen/grant_table.h>

#define VERSION 1u

static long query_size(struct hypercall *c)
{
    struct gnttab_query_size op;

    if ((u32)c->arg[2] != 1)
        return -EINVAL;
    if (copy_from_guest(c->v, &op, c->arg[1], sizeof(op)))
        return -EFAULT;
    int rc = hypercall_target(c, op.dom);
    op.status = rc == -ESRCH ? GNTST_bad_domain : rc ? GNTST_permission_denied : GNTST_okay;
    if (!rc) {
        op.nr_frames = grant_nr_frames(c->target);
        op.max_nr_frames = c->target->max_grant_frames;
    }
    return copy_to_guest(c->v, c->arg[1], &op, sizeof(op));
}

/* The version in use is reported in any case. */
static long set_version(struct hypercall *c)
{
    struct gnttab_set_version op;

    if (copy_from_guest(c->v, &op, c->arg[1], sizeof(op)))
        return -EFAULT;
    long rc = op.version == VERSION ? 0 : op.version == 2 ? -ENOSYS : -EINVAL;
    op.version = VERSION;
    return copy_to_guest(c->v, c->arg[1], &op, sizeof(op)) ? -EFAULT : rc;
}

static long get_version(struct hypercall *c)
{
    struct gnttab_get_version op;

    if (copy_from_guest(c->v, &op, c->arg[1], sizeof(op)))
        return -EFAULT;
    int rc = hypercall_target(c, op.dom);
    if (rc)
        return rc;
    op.version = VERSION;
    return copy_to_guest(c->v, c->arg[1], &op, sizeof(op));
}

static long (*const calls[])(struct hypercall *c) = {
    [GNTTABOP_query_size] = query_size,
    [GNTTABOP_set_version] = set_version,
    [GNTTABOP_get_version] = get_version,
};

long hc_grant_table_op(struct hypercall *c)
{
    u32 cmd = (u32)c->arg[0];

    if (cmd >= ARRAY_SIZE(calls) || !calls[cmd])
        return -ENOSYS;
    return (s32)c->arg[2] < 0 ? -EINVAL : calls[cmd](c);
}
