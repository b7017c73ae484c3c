/*
 * __HYPERVISOR_grant_table_op(cmd, array, count): a domain's own table, and what others do with its grants. Its frames
 * are mapped by add_to_physmap (memory_physmap.c). An element's result is its status; the call fails only if an
 * argument cannot be read or written. A long array is continued: the registers then have what is left of it.
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

    if (copy_from_guest(c->v, &op, gva, sizeof(op)))
        return -EFAULT;
    grant_map(d, &op);
    long rc = copy_to_guest(c->v, gva, &op, sizeof(op));
    if (rc &&
        op.status == GNTST_okay) { /* a mapping that the guest does not know of could never be unmapped */
        struct grant_unmap undo = {.host_addr = op.host_addr, .handle = op.handle};

        grant_unmap(d, &undo, 1);
    }
    return rc;
}

static long map_grant_ref(struct hypercall *c)
{
    return for_each(c, sizeof(struct gnttab_map_grant_ref), map_one);
}

/* unmap_grant_ref and unmap_and_replace: the same structure, whose second word is another address. */
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == sizeof(struct gnttab_unmap_and_replace) &&
                   offsetof(struct gnttab_unmap_grant_ref, dev_bus_addr) ==
                       offsetof(struct gnttab_unmap_and_replace, new_addr) &&
                   offsetof(struct gnttab_unmap_grant_ref, status) ==
                       offsetof(struct gnttab_unmap_and_replace, status),
               "one layout");

static long write_statuses(struct hypercall *c, const struct grant_unmap *ops, u32 nr)
{
    u64 gva = c->arg[1] + offsetof(struct gnttab_unmap_grant_ref, status);
    long rc = 0;

    for (u32 i = 0; i < nr && !rc; i++)
        rc = copy_to_guest_element(c->v, gva + i * sizeof(struct gnttab_unmap_grant_ref), 0, &ops[i].status,
                                   sizeof(ops[i].status));
    return rc;
}

static long unmap_refs(struct hypercall *c, bool replace)
{
    struct gnttab_unmap_grant_ref op;
    struct grant_unmap ops[GRANT_UNMAP_MAX];
    long rc = 0;

    c->arg[2] = (u32)c->arg[2];
    while (!rc && c->arg[2]) {
        u32 nr = 0;

        while (!rc && nr < MIN(c->arg[2], (u64)GRANT_UNMAP_MAX)) {
            rc = copy_from_guest_element(c->v, &op, c->arg[1], nr, sizeof(op));
            if (!rc)
                ops[nr++] = (struct grant_unmap){.host_addr = op.host_addr,
                                                 .dev_bus_addr = replace ? 0 : op.dev_bus_addr,
                                                 .new_addr = replace ? op.dev_bus_addr : 0,
                                                 .handle = op.handle};
        }
        grant_unmap(c->v->domain, ops, nr);
        long write_rc = write_statuses(c, ops, nr);
        if (!rc)
            rc = write_rc ? write_rc : advance(c, nr, sizeof(op));
    }
    return rc;
}

static long unmap_grant_ref(struct hypercall *c)
{
    return unmap_refs(c, false);
}

static long unmap_and_replace(struct hypercall *c)
{
    return unmap_refs(c, true);
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

/* Only a guest that manages its own page tables could give a page away, as on Xen. */
static long transfer_one(struct hypercall *c, u64 gva)
{
    struct gnttab_transfer op;

    if (read_caller_struct(c, &op, gva, &compat_gnttab_transfer))
        return -EFAULT;
    bool is_there = physmap_lookup(c->v->domain, gfn(op.mfn)).type != NP_NONE;
    op.status = is_there ? GNTST_general_error : GNTST_bad_page;
    return write_caller_struct(c, gva, &op, &compat_gnttab_transfer);
}

static long transfer(struct hypercall *c)
{
    return for_each(c, c->compat ? compat_gnttab_transfer.compat_bytes : sizeof(struct gnttab_transfer),
                    transfer_one);
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
    long rc = 0;

    if ((u32)c->arg[2] != 1)
        return -EINVAL;
    if (read_caller_struct(c, &op, c->arg[1], &compat_gnttab_setup_table))
        return -EFAULT;
    op.status = target_status(c, op.dom);
    if (!op.status && grant_set_frames(c->target, op.nr_frames))
        op.status = GNTST_general_error;
    for (u64 i = 0; i < op.nr_frames && !op.status && !rc; i++) { /* GRANT_FRAMES_MAX at most */
        u64 g = grant_frame_gfn(c->target, i).n, size = caller_long_bytes(c);

        rc = copy_to_guest_element(c->v, op.frame_list, i, &g, size);
    }
    return write_caller_struct(c, c->arg[1], &op, &compat_gnttab_setup_table) ? -EFAULT : rc;
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

/* Version 1 has none. */
static long get_status_frames(struct hypercall *c)
{
    struct gnttab_get_status_frames op;

    if ((u32)c->arg[2] != 1)
        return -EINVAL;
    if (read_caller_struct(c, &op, c->arg[1], &compat_gnttab_get_status_frames))
        return -EFAULT;
    op.status = target_status(c, op.dom);
    if (!op.status)
        op.status = GNTST_general_error;
    return write_caller_struct(c, c->arg[1], &op, &compat_gnttab_get_status_frames);
}

static long (*const calls[])(struct hypercall *c) = {
    [GNTTABOP_map_grant_ref] = map_grant_ref,
    [GNTTABOP_unmap_grant_ref] = unmap_grant_ref,
    [GNTTABOP_setup_table] = setup_table,
    [GNTTABOP_transfer] = transfer,
    [GNTTABOP_copy] = copy,
    [GNTTABOP_query_size] = query_size,
    [GNTTABOP_unmap_and_replace] = unmap_and_replace,
    [GNTTABOP_set_version] = set_version,
    [GNTTABOP_get_status_frames] = get_status_frames,
    [GNTTABOP_get_version] = get_version,
    [GNTTABOP_swap_grant_ref] = swap_grant_ref,
};

long hc_grant_table_op(struct hypercall *c)
{
    u32 cmd = (u32)c->arg[0];

    if (cmd >= ARRAY_SIZE(calls) || !calls[cmd])
        return -ENOSYS;
    return (s32)c->arg[2] < 0 ? -EINVAL : calls[cmd](c);
}
