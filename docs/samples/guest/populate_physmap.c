/* Gives a domain three pages of a node, and takes one of them back. The list names guest frames. */
#include <docs/samples/guest/samples.h>

static u64 owned(u32 domid)
{
    domid_t id = (domid_t)domid;

    return (u64)memory_op(XENMEM_current_reservation, &id);
}

int populate_physmap_sample(void)
{
    xen_pfn_t frames[] = {0x100, 0x101, 0x200};
    u32 domid = new_domain(1, 512);
    struct xen_memory_reservation arg = {.extent_start = XEN_HANDLE(frames),
                                         .nr_extents = ARRAY_SIZE(frames),
                                         .mem_flags = XENMEMF_exact_node(1),
                                         .domid = (domid_t)domid};

    if (!domid)
        return -ENOMEM;
    /* The result counts extents: fewer than asked means that the next one could not be done. */
    long rc = memory_op(XENMEM_populate_physmap, &arg) == ARRAY_SIZE(frames) ? 0 : -ENOMEM;
    if (!rc && owned(domid) != ARRAY_SIZE(frames))
        rc = SURPRISE;
    arg.extent_start = XEN_HANDLE(&frames[2]);
    arg.nr_extents = 1;
    if (!rc && memory_op(XENMEM_decrease_reservation, &arg) != 1)
        rc = SURPRISE;
    /* Nothing is there any more: 0 extents. */
    if (!rc && (memory_op(XENMEM_decrease_reservation, &arg) != 0 || owned(domid) != 2))
        rc = SURPRISE;
    return end_domain(domid, rc);
}
