/*
 * __HYPERVISOR_memory_op: dispatch, the figures about a domain's memory, and its memory map (E820).
 * Reservations are in memory_populate.c, the physical map in memory_physmap.c, targets in memory_pod.c.
 */
#include <homestead/topology.h>
#include <hypercall/compat.h>
#include <hypercall/memory_op.h>
#include <lib/string.h>
#include <mm/claims.h>

_Static_assert(sizeof(struct e820_entry) == sizeof(struct xen_e820_entry), "stored as the ABI has it");

u64 memop_max_page(void)
{
    u64 end = 0;

    for (u32 i = 0; i < host_topology->nr_ranges; i++)
        end = MAX(end, host_topology->ranges[i].base + host_topology->ranges[i].size);
    return end >> PAGE_SHIFT;
}

/* The highest frame that is mapped now (0: none). Walks down over holes, one step per hole entry. */
static u64 maximum_gpfn(struct domain *d)
{
    u64 g = NP_GFN_LIMIT - 1;

    for (;;) {
        struct np_entry entry = physmap_lookup(d, gfn(g));

        if (entry.type != NP_NONE)
            return g;
        g &= ~(BIT(entry.order) - 1);
        if (g-- == 0)
            return 0;
    }
}

/* A number of frames; a 32-bit caller's is limited so that it is never read as an error, as on Xen. */
static long frames_result(const struct hypercall *c, u64 frames)
{
    return (long)(c->compat ? MIN(frames, (u64)INT32_MAX) : frames);
}

static long maximum_ram_page(struct hypercall *c)
{
    return frames_result(c, memop_max_page());
}

/* XENMEM_current_reservation, XENMEM_maximum_reservation, XENMEM_maximum_gpfn */
static long domain_figure(struct hypercall *c)
{
    u32 cmd = memop_cmd(c);
    domid_t domid;

    long rc = copy_from_guest(c->v, &domid, c->arg[1], sizeof(domid));
    if (!rc)
        rc = hypercall_target(c, domid);
    if (rc)
        return rc;
    if (cmd == XENMEM_maximum_gpfn)
        return frames_result(c, maximum_gpfn(c->target));
    struct mem_account *account = &c->target->mem;
    spin_lock(&account->lock);
    u64 pages = cmd == XENMEM_current_reservation ? account->tot_pages : account->max_pages;
    spin_unlock(&account->lock);
    return frames_result(c, pages);
}

/* The caller's own map, truncated to the caller's buffer. -ENOSYS: none has been set. */
static long memory_map(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    struct e820_entry entries[DOMAIN_MAX_E820];
    struct xen_memory_map map;

    spin_lock(&d->lock);
    u32 nr = d->nr_e820;
    memcpy(entries, d->e820, nr * sizeof(entries[0]));
    spin_unlock(&d->lock);
    if (!nr)
        return -ENOSYS;
    long rc = read_caller_struct(c, &map, c->arg[1], &compat_memory_map);
    if (rc)
        return rc;
    map.nr_entries = MIN(map.nr_entries, nr);
    rc = copy_to_guest(c->v, map.buffer, entries, map.nr_entries * sizeof(entries[0]));
    return rc ? rc : write_caller_struct(c, c->arg[1], &map, &compat_memory_map);
}

static long set_memory_map(struct hypercall *c)
{
    struct e820_entry entries[DOMAIN_MAX_E820];
    struct xen_foreign_memory_map op;

    long rc = read_caller_struct(c, &op, c->arg[1], &compat_foreign_memory_map);
    if (rc)
        return rc;
    if (op.map.nr_entries > DOMAIN_MAX_E820)
        return -EINVAL;
    rc = hypercall_target(c, op.domid);
    if (!rc)
        rc = copy_from_guest(c->v, entries, op.map.buffer, op.map.nr_entries * sizeof(entries[0]));
    if (rc)
        return rc;
    struct domain *d = c->target;
    spin_lock(&d->lock);
    memcpy(d->e820, entries, op.map.nr_entries * sizeof(entries[0]));
    d->nr_e820 = op.map.nr_entries;
    spin_unlock(&d->lock);
    return 0;
}

/* How many frames domains share, and save by that: `xl info` prints them. Homestead shares none. */
static long sharing_counter(struct hypercall *c)
{
    (void)c;
    return 0;
}

/*
 * XENMEM_claim_pages: the order of the checks is docs/hypervisor-guide/mm/claims.md section 2, which is released Xen's.
 * claims.md CL-2.2, CL-2.4 to CL-2.7.
 */
static long claim_pages(struct hypercall *c)
{
    struct xen_memory_reservation op;

    if (c->compat)
        return -ENOSYS; /* as Xen 4.17; XEN_DOMCTL_claim_memory has one layout for all */
    int rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    if (op.extent_start || op.extent_order || op.mem_flags)
        return -EINVAL;
    rc = op.domid == DOMID_SELF ? -ESRCH : hypercall_target(c, op.domid);
    if (rc == -ESRCH)
        return -EINVAL;
    /* A domain may not claim for itself either. */
    return c->v->domain->is_control ? claim_install_legacy(&c->target->mem, op.nr_extents) : -EPERM;
}

/* machine_memory_map is not here: Xen has it for PV callers only. */
static const struct {
    long (*handler)(struct hypercall *c);
    u64 start_max; /* beyond it: */
    s8 error;
} calls[] = {
    [XENMEM_increase_reservation] = {memop_reservation, ~0ull, 0},
    [XENMEM_decrease_reservation] = {memop_reservation, ~0ull, 0},
    [XENMEM_populate_physmap] = {memop_reservation, ~0ull, 0},
    [XENMEM_add_to_physmap] = {memop_add_to_physmap, 0xffff, -EDOM},
    [XENMEM_add_to_physmap_batch] = {memop_add_to_physmap_batch, 0xffff, -EDOM},
    [XENMEM_memory_map] = {memory_map, 0, -ENOSYS},
    [XENMEM_set_memory_map] = {set_memory_map, 0, -ENOSYS},
    [XENMEM_maximum_ram_page] = {maximum_ram_page, 0, -EINVAL},
    [XENMEM_current_reservation] = {domain_figure, 0, -EINVAL},
    [XENMEM_maximum_reservation] = {domain_figure, 0, -EINVAL},
    [XENMEM_maximum_gpfn] = {domain_figure, 0, -EINVAL},
    [XENMEM_remove_from_physmap] = {memop_remove_from_physmap, 0, -EINVAL},
    [XENMEM_set_pod_target] = {memop_pod_target, 0, -ENOSYS},
    [XENMEM_get_pod_target] = {memop_pod_target, 0, -ENOSYS},
    [XENMEM_get_sharing_freed_pages] = {sharing_counter, 0, -ENOSYS},
    [XENMEM_get_sharing_shared_pages] = {sharing_counter, 0, -ENOSYS},
    [XENMEM_exchange] = {memop_exchange, 0, -EINVAL},
    [XENMEM_claim_pages] = {claim_pages, 0, -EINVAL},
    [XENMEM_acquire_resource] = {memop_acquire_resource, ~0ull, 0},
    [XENMEM_get_vnumainfo] = {memop_get_vnumainfo, 0, -EINVAL},
};

/* claims.md CL-2.3. */
long hc_memory_op(struct hypercall *c)
{
    u32 cmd = memop_cmd(c);

    if (cmd >= ARRAY_SIZE(calls) || !calls[cmd].handler)
        return -ENOSYS;
    return memop_start(c) > calls[cmd].start_max ? calls[cmd].error : calls[cmd].handler(c);
}
