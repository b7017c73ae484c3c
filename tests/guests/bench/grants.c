/* The cost of mapping and unmapping another domain's page by its grant, and of copying from it. */
#include <tests/guests/bench/bench.h>
#include <guest/lib/hypercall.h>
#include <lib/string.h>
#include <xen/grant_table.h>

#define REF 8u

static u32 granter;
static struct gnttab_map_grant_ref map;
static struct gnttab_copy copy;
static u8 page[PAGE_SIZE] ALIGNED(4096);

static void map_and_unmap(void)
{
    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, XEN_HANDLE(&map), 1, 0, 0);
    struct gnttab_unmap_grant_ref unmap = {.host_addr = map.host_addr, .handle = map.handle};
    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, XEN_HANDLE(&unmap), 1, 0, 0);
}

static void copy_64(void)
{
    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, XEN_HANDLE(&copy), 1, 0, 0);
}

static long remove_page(u64 gfn)
{
    struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = gfn};

    return hypercall2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &remove);
}

void bench_grants(void)
{
    u64 hole = guest_find_hole(MIB(2)) >> PAGE_SHIFT;
    xen_pfn_t frame = 0, table = hole;

    granter = bench_create(16);
    struct xen_mem_acquire_resource acquire = {.domid = (domid_t)granter,
                                               .type = XENMEM_resource_grant_table,
                                               .nr_frames = 1,
                                               .frame_list = XEN_HANDLE(&table)};
    bench_check(xc_domain_populate_physmap_exact(bench_xch, granter, 1, 0, 0, &frame), "a granter's page");
    bench_check((int)hypercall2(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &acquire),
                "its grant table");
    struct grant_entry_v1 *entry = (struct grant_entry_v1 *)(hole << PAGE_SHIFT) + REF;
    *entry = (struct grant_entry_v1){GTF_permit_access, 0, (u32)frame};
    map = (struct gnttab_map_grant_ref){
        .host_addr = (hole + 1) << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = REF, .dom = (domid_t)granter};
    copy = (struct gnttab_copy){.source = {.u.ref = REF, .domid = (domid_t)granter},
                                .dest = {.u.gmfn = (u64)(uintptr_t)page >> PAGE_SHIFT, .domid = DOMID_SELF},
                                .len = 64,
                                .flags = GNTCOPY_source_gref};
    map_and_unmap();
    copy_64();
    if (map.status || copy.status)
        bench_check(-EIO, "a grant is mapped and copied");
    bench_calls("grant_map_unmap", map_and_unmap);
    bench_calls("grant_copy", copy_64);
    if (entry->flags != GTF_permit_access)
        bench_check(-EIO, "a grant that is not in use");
    bench_check((int)remove_page(hole), "the grant table again");
    bench_destroy(granter);
}
