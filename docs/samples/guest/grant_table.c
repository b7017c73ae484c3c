/* A page is granted, mapped by its reference, unmapped, and copied to another page. Granter and user are this domain. */
#include <docs/samples/guest/samples.h>

#include <xen/grant_table.h>

#define REF 8u

static u8 granted[PAGE_SIZE] ALIGNED(4096), copied[PAGE_SIZE] ALIGNED(4096);

static long grant_op(u32 cmd, void *array, u32 nr)
{
    return hypercall(__HYPERVISOR_grant_table_op, cmd, XEN_HANDLE(array), nr, 0, 0);
}

static u64 gfn_of(const void *page)
{
    return XEN_HANDLE(page) >> PAGE_SHIFT;
}

/* The first frame of our table, mapped at the first frame of the hole. */
static struct grant_entry_v1 *map_table(void)
{
    struct xen_add_to_physmap arg = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = 0, .gpfn = hole_gfn(0)};

    return memory_op(XENMEM_add_to_physmap, &arg) ? NULL : hole_page(0);
}

static int map_and_unmap(void)
{
    struct gnttab_map_grant_ref map = {.host_addr = XEN_HANDLE(hole_page(1)),
                                       .flags = GNTMAP_host_map | GNTMAP_readonly,
                                       .ref = REF,
                                       .dom = (domid_t)guest_env.domid}; /* DOMID_SELF is not known here */

    if (grant_op(GNTTABOP_map_grant_ref, &map, 1) || map.status != GNTST_okay)
        return SURPRISE;
    bool same = *(const u8 *)hole_page(1) == granted[0];
    struct gnttab_unmap_grant_ref unmap = {.host_addr = map.host_addr, .handle = map.handle};
    if (grant_op(GNTTABOP_unmap_grant_ref, &unmap, 1) || unmap.status != GNTST_okay)
        return SURPRISE;
    return same ? 0 : SURPRISE;
}

int grant_table_sample(void)
{
    volatile struct grant_entry_v1 *table = map_table();

    if (!table)
        return -ENOMEM;
    granted[0] = 42;
    table[REF].domid = (domid_t)guest_env.domid; /* who may */
    table[REF].frame = (u32)gfn_of(granted);
    __asm__ volatile("" ::: "memory"); /* flags come last */
    table[REF].flags = GTF_permit_access | GTF_readonly;

    int rc = map_and_unmap();
    struct gnttab_copy copy = {.source = {.u.ref = REF, .domid = (domid_t)guest_env.domid},
                               .dest = {.u.gmfn = gfn_of(copied), .domid = DOMID_SELF},
                               .len = 16,
                               .flags = GNTCOPY_source_gref};
    if (!rc && (grant_op(GNTTABOP_copy, &copy, 1) || copy.status != GNTST_okay || copied[0] != 42))
        rc = SURPRISE;
    /* Nobody uses it any more: the two bits that Homestead sets are clear. */
    if (!rc && table[REF].flags & (GTF_reading | GTF_writing))
        rc = SURPRISE;
    table[REF].flags = 0;
    return rc;
}
