/*
 * __HYPERVISOR_grant_table_op(cmd, array, count): a domain's own table, and what others do with its grants. Its frames
 * are mapped by add_to_physmap (memory_physmap.c). An element's result is its status; the call fails only if an
 * argument cannot be read or written. A long array is continued: the registers then have what is left of it.
 *
 * transfer, unmap_and_replace, get_status_frames and cache_flush are not here: nor has Xen them for guests with nested
 * paging and version 1.
 *
 * The structures with longs are converted for 32-bit callers, the others are the same for both.
 */
#include <domain/grant/grant.h>
#include <hypercall/compat.h>
#include <hypercall/hypercall.h>
#include <xen/grant_table.h>

#define VERSION 1u

/* --- arrays ---------------------------------------------------------------------------------------------- */

/* Elements that are done leave the arguments: -ERESTART if there are more, and time is up. */
static long advance(struct hypercall *c, u64 nr, u64 size)
{
    c->arg[1] += nr * size;
    c->arg[2] = (u32)c->arg[2] - nr;
    return c->arg[2] && sched_should_yield() ? -ERESTART : 0;
}

/* one(c, gva) for each element. */
static long for_each(struct hypercall *c, u64 size, long (*one)(struct hypercall *c, u64 gva))
{
    long rc = 0;

    c->arg[2] = (u32)c->arg[2];
    while (!rc && c->arg[2]) {
        rc = one(c, c->arg[1]);
        if (!rc)
            rc = advance(c, 1, size);
    }
    return rc;
}

static long map_one(struct hypercall *c, u64 gva)
{
    struct domain *d = c->v->domain;
    struct gnttab_map_grant_ref op;
    struct guest_place place;

    if (copy_from_guest_place(c->v, &op, gva, sizeof(op), &place))
        return -EFAULT;
    grant_map(d, &op);
    long rc = copy_to_guest_place(c->v, &place, 0, &op, sizeof(op));
    if (unlikely(rc) &&
        op.status == GNTST_okay) { /* a mapping that the guest does not know of could never be unmapped */
        struct gnttab_unmap_grant_ref undo = {.host_addr = op.host_addr, .handle = op.handle};

        grant_unmap(d, &undo, 1);
    }
    return rc;
}

static long map_grant_ref(struct hypercall *c)
{
    return for_each(c, sizeof(struct gnttab_map_grant_ref), map_one);
}

/* The next elements, up to GRANT_UNMAP_MAX, which leave the arguments. */
static long unmap_some(struct hypercall *c)
{
    struct gnttab_unmap_grant_ref ops[GRANT_UNMAP_MAX];
    struct guest_place places[GRANT_UNMAP_MAX];
    u32 nr = 0, nr_wanted = MIN((u32)c->arg[2], GRANT_UNMAP_MAX);
    long rc = 0, write_rc = 0;

    for (; nr < nr_wanted; nr++) {
        rc = copy_from_guest_place(c->v, &ops[nr], c->arg[1] + nr * sizeof(*ops), sizeof(*ops), &places[nr]);
        if (rc)
            break;
    }
    grant_unmap(c->v->domain, ops, nr);
    for (u32 i = 0; i < nr && !write_rc; i++)
        write_rc = copy_to_guest_place(c->v, &places[i], offsetof(struct gnttab_unmap_grant_ref, status),
                                       &ops[i].status, sizeof(ops[i].status));
    return rc ?: write_rc ?: advance(c, nr, sizeof(*ops));
}

static long unmap_grant_ref(struct hypercall *c)
{
    long rc = 0;

    c->arg[2] = (u32)c->arg[2];
    while (!rc && c->arg[2])
        rc = unmap_some(c);
    return rc;
}

/* Source and destination of a 32-bit caller's copy; the parts of the structure are aligned differently. */
static const struct compat_layout compat_copy_side = {"lhh", sizeof(struct gnttab_copy_ptr), 8};
#define COMPAT_COPY_BYTES 24u

static long read_copy(struct hypercall *c, u64 gva, struct gnttab_copy *op, u64 *status_at)
{
    const u64 part = compat_copy_side.compat_bytes, rest = sizeof(u16) * 3;

    if (!c->compat) {
        *status_at = gva + offsetof(struct gnttab_copy, status);
        return copy_from_guest(c->v, op, gva, sizeof(*op));
    }
    *status_at = gva + 2 * part + 2 * sizeof(u16);
    if (read_caller_struct(c, &op->source, gva, &compat_copy_side) ||
        read_caller_struct(c, &op->dest, gva + part, &compat_copy_side))
        return -EFAULT;
    return copy_from_guest(c->v, &op->len, gva + 2 * part, rest);
}

static long copy_one(struct hypercall *c, u64 gva)
{
    struct gnttab_copy op;
    u64 status_at;

    if (read_copy(c, gva, &op, &status_at))
        return -EFAULT;
    s16 status = grant_copy(c->v->domain, &op);
    return copy_to_guest(c->v, status_at, &status, sizeof(status));
}

static long copy(struct hypercall *c)
{
    return for_each(c, c->compat ? COMPAT_COPY_BYTES : sizeof(struct gnttab_copy), copy_one);
}

static long swap_one(struct hypercall *c, u64 gva)
{
    struct gnttab_swap_grant_ref op;

    if (copy_from_guest(c->v, &op, gva, sizeof(op)))
        return -EFAULT;
    op.status = grant_swap(c->v->domain, op.ref_a, op.ref_b);
    return copy_to_guest(c->v, gva, &op, sizeof(op));
}

static long swap_grant_ref(struct hypercall *c)
{
    return for_each(c, sizeof(struct gnttab_swap_grant_ref), swap_one);
}

/* --- a domain's table ------------------------------------------------------------------------------------ */

/* c->target, or what is wrong with it. */
static s16 target_status(struct hypercall *c, u16 domid)
{
    int rc = hypercall_target(c, domid);

    return rc == -ESRCH ? GNTST_bad_domain : rc ? GNTST_permission_denied : GNTST_okay;
}

static long setup_table(struct hypercall *c)
{
    struct gnttab_setup_table op;

    if ((u32)c->arg[2] != 1)
        return -EINVAL;
    if (read_caller_struct(c, &op, c->arg[1], &compat_gnttab_setup_table))
        return -EFAULT;
    op.status = target_status(c, op.dom);
    if (!op.status && grant_set_frames(c->target, op.nr_frames))
        op.status = GNTST_general_error;
    for (u64 i = 0; i < op.nr_frames && !op.status; i++) { /* GRANT_FRAMES_MAX at most */
        u64 g = grant_frame_gfn(c->target, i).n;

        if (copy_to_guest_element(c->v, op.frame_list, i, &g, caller_long_bytes(c)))
            op.status = GNTST_bad_virt_addr;
    }
    return write_caller_struct(c, c->arg[1], &op, &compat_gnttab_setup_table);
}

static long query_size(struct hypercall *c)
{
    struct gnttab_query_size op;

    if ((u32)c->arg[2] != 1)
        return -EINVAL;
    if (copy_from_guest(c->v, &op, c->arg[1], sizeof(op)))
        return -EFAULT;
    op.status = target_status(c, op.dom);
    if (!op.status) {
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
    [GNTTABOP_map_grant_ref] = map_grant_ref, [GNTTABOP_unmap_grant_ref] = unmap_grant_ref,
    [GNTTABOP_setup_table] = setup_table,     [GNTTABOP_copy] = copy,
    [GNTTABOP_query_size] = query_size,       [GNTTABOP_set_version] = set_version,
    [GNTTABOP_get_version] = get_version,     [GNTTABOP_swap_grant_ref] = swap_grant_ref,
};

long hc_grant_table_op(struct hypercall *c)
{
    u32 cmd = (u32)c->arg[0];

    if (cmd >= ARRAY_SIZE(calls) || !calls[cmd])
        return -ENOSYS;
    return (s32)c->arg[2] < 0 ? -EINVAL : calls[cmd](c);
}
