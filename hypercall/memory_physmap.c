/*
 * add_to_physmap, its batch form, remove_from_physmap and exchange: a domain's map, not allocation.
 *
 * Spaces: shared_info (index 0), the grant table, and for the control domain other domains' frames (batch only).
 * Moving a domain's own frames: -EOPNOTSUPP.
 */
#include <hypercall/compat.h>
#include <hypercall/memory_op.h>

/* The error of a failed mapping at g: as on Xen -ENOENT beyond the tables, except for ~0, no frame. */
int memop_place_error(int rc, gfn_t g)
{
    return rc == -EINVAL && g.n >= NP_GFN_LIMIT && g.n != ~0ull ? -ENOENT : rc;
}

/* The page was at `old` and is now at g: unmaps it there, unless that has been mapped over since. */
static int leave_old_place(struct domain *d, gfn_t old, gfn_t g, mfn_t page)
{
    if (old.n == g.n || old.n >= NP_GFN_LIMIT)
        return 0;
    struct np_entry entry = physmap_lookup(d, old);
    return entry.type == NP_SPECIAL && entry.mfn.n == page.n ? physmap_remove(d, old, ORDER_4K, false) : 0;
}

/*
 * Maps shared_info at g, replacing what was there, and unmaps it from its old place. Two vCPUs that do this
 * at once can leave it mapped in two places, which is harmless. The domain lock cannot be held: replacing a
 * frame may free another domain.
 */
static int place_shared_info(struct domain *d, u64 index, gfn_t g)
{
    if (index != 0)
        return -EINVAL;
    int rc = physmap_place(d, g, d->shared_info, ORDER_4K, NP_SPECIAL);
    if (rc)
        return memop_place_error(rc, g);
    spin_lock(&d->lock);
    gfn_t old = d->shared_info_gfn;
    d->shared_info_gfn = g;
    spin_unlock(&d->lock);
    return leave_old_place(d, old, g, d->shared_info);
}

/* The same for a frame of the grant table, which grows for it. Version 1 has no status frames. */
static int place_grant_frame(struct domain *d, u64 index, gfn_t g)
{
    mfn_t frame;

    int rc = grant_frame(d, index, &frame);
    if (rc)
        return rc;
    rc = physmap_place(d, g, frame, ORDER_4K, NP_SPECIAL);
    return rc ? memop_place_error(rc, g) : leave_old_place(d, grant_moved(d, index, g), g, frame);
}

/* Maps frame index of domain domid at g in d. Only the control domain has foreign frames, and only in its own
 * map: whoever may act on that map is the control domain, which may map from any other. */
static int place_foreign(struct domain *d, u16 domid, u64 index, gfn_t g)
{
    if (!d->is_control)
        return -EPERM;
    struct domain *src = domain_get(domid); /* DOMID_SELF is no domain here */
    if (!src)
        return -ESRCH;
    int rc = -EINVAL;
    if (src == d)
        rc = -EPERM;
    else if (index < NP_GFN_LIMIT)
        rc = memop_place_error(physmap_map_foreign(d, g, src, gfn(index)), g);
    domain_put(src);
    return rc;
}

static int place_one(struct domain *d, u32 space, u16 foreign_domid, u64 index, gfn_t g)
{
    switch (space) {
    case XENMAPSPACE_shared_info:
        return place_shared_info(d, index, g);
    case XENMAPSPACE_gmfn_foreign:
        return place_foreign(d, foreign_domid, index, g);
    case XENMAPSPACE_grant_table:
        return place_grant_frame(d, index, g);
    case XENMAPSPACE_gmfn:
    case XENMAPSPACE_gmfn_range:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

/* The domain whose map it is. */
static int find_target(struct hypercall *c, u16 domid, u32 space)
{
    int rc = hypercall_target(c, domid);

    if (space == XENMAPSPACE_dev_mmio && rc != -ESRCH && (rc || !c->target->is_control))
        return -EACCES; /* domain 0's to ask for, and then -EINVAL: there is none to map */
    return rc;
}

long memop_add_to_physmap(struct hypercall *c)
{
    struct xen_add_to_physmap op;

    long rc = read_caller_struct(c, &op, c->arg[1], &compat_add_to_physmap);
    if (rc)
        return rc;
    if (op.space == XENMAPSPACE_gmfn_foreign)
        return -ENOSYS; /* batch only */
    rc = find_target(c, op.domid, op.space);
    return rc ? rc : place_one(c->target, op.space, 0, op.idx, gfn(op.gpfn));
}

/* One entry; its result goes to errs[]. -EFAULT: the arrays are not mapped. */
static int batch_entry(struct hypercall *c, const struct xen_add_to_physmap_batch *op, u64 i)
{
    xen_ulong_t index;
    xen_pfn_t g;

    if (read_caller_long(c, &index, op->idxs, i) || read_caller_long(c, &g, op->gpfns, i))
        return -EFAULT;
    s32 result = place_one(c->target, op->space, op->u.foreign_domid, index, gfn(g));
    return copy_to_guest_element(c->v, op->errs, i, &result, sizeof(result));
}

long memop_add_to_physmap_batch(struct hypercall *c)
{
    struct xen_add_to_physmap_batch op;
    u64 start = memop_start(c);

    long rc = read_caller_struct(c, &op, c->arg[1], &compat_add_to_physmap_batch);
    if (rc)
        return rc;
    if (op.space == XENMAPSPACE_gmfn_range)
        return -EOPNOTSUPP;
    rc = find_target(c, op.domid, op.space);
    if (rc)
        return rc;
    if (op.size < start || (op.size == start && start))
        return -EILSEQ;
    for (u64 i = start; i < op.size;) {
        rc = batch_entry(c, &op, i);
        if (rc)
            return rc;
        if (++i < op.size && sched_should_yield())
            return memop_continue(c, i);
    }
    return 0;
}

/* Unmaps one frame of any type. The domain's own memory stays allocated to it, as on Xen. */
long memop_remove_from_physmap(struct hypercall *c)
{
    struct xen_remove_from_physmap op;

    long rc = read_caller_struct(c, &op, c->arg[1], &compat_remove_from_physmap);
    if (rc)
        return rc;
    rc = hypercall_target(c, op.domid);
    if (rc)
        return rc;
    enum np_type type = physmap_touch(c->target, gfn(op.gpfn)).type; /* marked: memory first, as on Xen */
    if (type == NP_NONE || type == NP_GRANT ||
        type == NP_GRANT_RO) /* a grant has to be unmapped by its handle */
        return -ENOENT;
    return physmap_remove(c->target, gfn(op.gpfn), ORDER_4K, false);
}

/* Bytes of a reservation in the caller's layout: struct xen_memory_exchange is two of them and a long. */
static u64 reservation_bytes(const struct hypercall *c)
{
    return c->compat ? compat_memory_reservation.compat_bytes : compat_memory_reservation.native_bytes;
}

/* Xen's checks of an exchange, in Xen's order. */
static long check_exchange(const struct hypercall *c, const struct xen_memory_exchange *op)
{
    const struct xen_memory_reservation *in = &op->in, *out = &op->out;
    bool control = c->v->domain->is_control;

    if (MAX(in->extent_order, out->extent_order) > (control ? MAX_ORDER : ORDER_2M))
        return -EPERM;
    if (op->nr_exchanged > in->nr_extents || in->domid != out->domid ||
        ~0ull >> in->extent_order < in->nr_extents || ~0ull >> out->extent_order < out->nr_extents ||
        in->nr_extents << in->extent_order != out->nr_extents << out->extent_order)
        return -EINVAL;
    u32 nid = XENMEMF_get_node(out->mem_flags);
    bool bad_node = control ? nid >= MAX_NODES : (out->mem_flags & XENMEMF_exact_node_request) != 0;
    return nid != 0xff && bad_node ? -EINVAL : 0;
}

/* Xen's result for the first frame. -EFAULT: no list; -EINVAL: not mapped; -EOPNOTSUPP: not a PV guest's. */
static long exchange_first(struct hypercall *c, const struct xen_memory_exchange *op, u64 first)
{
    u64 g;

    long rc = hypercall_target(c, op->in.domid);
    if (!rc)
        rc = read_caller_long(c, &g, op->in.extent_start, first);
    if (rc)
        return rc;
    return physmap_lookup(c->target, gfn(g)).type == NP_NONE ? -EINVAL : -EOPNOTSUPP;
}

/*
 * XENMEM_exchange. Xen takes a page from a domain only if that manages its own page tables (steal_page() in
 * its x86/mm.c), which none does here: so nothing is ever exchanged, and no claim is touched.
 */
long memop_exchange(struct hypercall *c)
{
    struct xen_memory_exchange op;
    u64 done_at = c->arg[1] + 2 * reservation_bytes(c);

    if (read_caller_struct(c, &op.in, c->arg[1], &compat_memory_reservation) ||
        read_caller_struct(c, &op.out, c->arg[1] + reservation_bytes(c), &compat_memory_reservation) ||
        read_caller_longs(c, &op.nr_exchanged, done_at, 1))
        return -EFAULT;
    long rc = check_exchange(c, &op);
    if (!rc && op.nr_exchanged == op.in.nr_extents)
        return 0;
    if (!rc) {
        u32 chunk_order =
            op.out.extent_order > op.in.extent_order ? op.out.extent_order - op.in.extent_order : 0;
        u64 first =
            ALIGN_DOWN(op.nr_exchanged, BIT(chunk_order)); /* rounded down to a whole extent of `out` */

        rc = exchange_first(c, &op, first);
        if (rc != -ESRCH && rc != -EPERM)
            op.nr_exchanged = first;
    }
    return write_caller_longs(c, done_at, &op.nr_exchanged, 1) ? -EFAULT : rc;
}
