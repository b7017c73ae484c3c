/*
 * 32-bit callers: memory_op with structures in the 32-bit layout and results of 32 bits. The other calls:
 * cases_compat_calls.c.
 */
#include <tests/guests/conformance/compat.h>
#include <tests/guests/conformance/physmap.h>
#include <lib/string.h>
#include <xen/hvm/start_info.h>

#define LONG_AGO_GFN 4000u

static u32 dom; /* 8 pages from 0 */

static long op32(u32 cmd, const void *arg)
{
    return hypercall32(__HYPERVISOR_memory_op, cmd, PTR32(arg), 0, 0, 0);
}

static struct reservation_32 reservation(const u32 *frames, u32 nr)
{
    return (struct reservation_32){.extent_start = PTR32(frames), .nr_extents = nr, .domid = (u16)dom};
}

static void populate(void)
{
    u32 frames[4] = {100, 101, 102, 103};
    struct reservation_32 r = reservation(frames, 4);
    struct reservation_32 *edge = edge_ptr(sizeof(r));

    CASE("memory_op_32.populate_physmap", "4_pages", op32(XENMEM_populate_physmap, &r));
    CASE("memory_op_32.decrease_reservation", "4_pages", op32(XENMEM_decrease_reservation, &r));
    CASE("memory_op_32.decrease_reservation", "again", op32(XENMEM_decrease_reservation, &r));
    frames[2] = LONG_AGO_GFN;
    CASE("memory_op_32.populate_physmap", "start_extent_2",
         op32(XENMEM_populate_physmap | 2u << MEMOP_EXTENT_SHIFT, &r));
    CASE("memory_op_32.decrease_reservation", "start_extent_2",
         op32(XENMEM_decrease_reservation | 2u << MEMOP_EXTENT_SHIFT, &r));
    CASE("memory_op_32.populate_physmap", "start_extent_4",
         op32(XENMEM_populate_physmap | 4u << MEMOP_EXTENT_SHIFT, &r));
    CASE("memory_op_32.populate_physmap", "start_extent_5",
         op32(XENMEM_populate_physmap | 5u << MEMOP_EXTENT_SHIFT, &r));
    frames[0] = 1024;
    r.nr_extents = 1;
    r.extent_order = 9;
    CASE("memory_op_32.populate_physmap", "2m", op32(XENMEM_populate_physmap, &r));
    CASE("memory_op_32.decrease_reservation", "2m", op32(XENMEM_decrease_reservation, &r));
    r.mem_flags = XENMEMF_exact_node(1);
    CASE("memory_op_32.populate_physmap", "2m_exact_node", op32(XENMEM_populate_physmap, &r));
    op32(XENMEM_decrease_reservation, &r);
    r.extent_order = 0;
    r.mem_flags = 0;
    frames[0] = 0xffffffff;
    CASE("memory_op_32.populate_physmap", "frame_all_ones", op32(XENMEM_populate_physmap, &r));
    frames[0] = 1u << 31;
    CASE("memory_op_32.populate_physmap", "frame_bit_31", op32(XENMEM_populate_physmap, &r));
    CASE("memory_op_32.decrease_reservation", "frame_bit_31", op32(XENMEM_decrease_reservation, &r));
    r.nr_extents = 0;
    CASE("memory_op_32.populate_physmap", "no_extent", op32(XENMEM_populate_physmap, &r));
    r.nr_extents = 0xffffffff;
    CASE("memory_op_32.populate_physmap", "extents_all_ones", op32(XENMEM_populate_physmap, &r));
    r = reservation(frames, 1);
    r.domid = 0x7fef;
    CASE("memory_op_32.populate_physmap", "unknown_domain", op32(XENMEM_populate_physmap, &r));
    frames[0] = 100;
    r.domid = (u16)dom;
    memcpy(edge, &r, sizeof(r));
    CASE("memory_op_32.populate_physmap", "to_the_edge", op32(XENMEM_populate_physmap, edge));
    CASE("memory_op_32.decrease_reservation", "to_the_edge", op32(XENMEM_decrease_reservation, edge));
    CASE("memory_op_32.populate_physmap", "over_the_edge",
         op32(XENMEM_populate_physmap, edge_ptr(sizeof(r) - 1)));
    CASE("memory_op_32.populate_physmap", "no_memory", op32(XENMEM_populate_physmap, hole_ptr()));
    CASE("memory_op_32.populate_physmap", "last_byte_of_4_gib", op32(XENMEM_populate_physmap, (void *)~0u));
}

static void extent_lists(void)
{
    u32 frames[4] = {200, 201, 202, 203};
    struct reservation_32 r = reservation(frames, 4);
    u32 *edge = edge_ptr(2 * sizeof(*edge));

    r.extent_start = PTR32(hole_ptr());
    CASE("memory_op_32.populate_physmap", "list_not_there", op32(XENMEM_populate_physmap, &r));
    memcpy(edge, frames, 2 * sizeof(*edge));
    r.extent_start = PTR32(edge);
    CASE("memory_op_32.populate_physmap", "list_ends_after_2", op32(XENMEM_populate_physmap, &r));
    CASE("memory_op_32.decrease_reservation", "list_ends_after_2", op32(XENMEM_decrease_reservation, &r));
    memset(frames, 0xff, sizeof(frames));
    r = reservation(frames, 2);
    CASE_SHOW("memory_op_32.increase_reservation", "2_pages", op32(XENMEM_increase_reservation, &r),
              " written=%u beyond=%x", (frames[0] != ~0u) + (frames[1] != ~0u), frames[2]);
    r.extent_start = 0;
    CASE("memory_op_32.increase_reservation", "no_list", op32(XENMEM_increase_reservation, &r));
    r.extent_order = 20;
    CASE("memory_op_32.increase_reservation", "order_20", op32(XENMEM_increase_reservation, &r));
    struct exchange_32 x = {.in = reservation(frames, 1), .out = reservation(frames, 1)};
    frames[0] = 0;
    CASE_SHOW("memory_op_32.exchange", "one_page", op32(XENMEM_exchange, &x), " done=%u", x.nr_exchanged);
    x.nr_exchanged = 2;
    CASE_SHOW("memory_op_32.exchange", "more_done_than_asked", op32(XENMEM_exchange, &x), " done=%u",
              x.nr_exchanged);
    x.nr_exchanged = 0;
    x.out.domid = 0;
    CASE_SHOW("memory_op_32.exchange", "two_domains", op32(XENMEM_exchange, &x), " done=%u", x.nr_exchanged);
    CASE("memory_op_32.exchange", "over_the_edge", op32(XENMEM_exchange, edge_ptr(sizeof(x) - 1)));
}

static void figures(void)
{
    u16 domid = (u16)dom;
    u16 *edge = edge_ptr(sizeof(*edge));

    CASE("memory_op_32.current_reservation", "good", op32(XENMEM_current_reservation, &domid));
    CASE("memory_op_32.maximum_reservation", "good", op32(XENMEM_maximum_reservation, &domid));
    CASE("memory_op_32.maximum_gpfn", "good_is_positive", op32(XENMEM_maximum_gpfn, &domid) > 0);
    CASE("memory_op_32.maximum_ram_page", "is_positive", op32(XENMEM_maximum_ram_page, NULL) > 0);
    CASE("memory_op_32.maximum_ram_page", "start_extent_1",
         op32(XENMEM_maximum_ram_page | 1u << MEMOP_EXTENT_SHIFT, NULL));
    *edge = domid;
    CASE("memory_op_32.current_reservation", "to_the_edge", op32(XENMEM_current_reservation, edge));
    CASE("memory_op_32.current_reservation", "over_the_edge", op32(XENMEM_current_reservation, edge_ptr(1)));
    domid = 0x7fef;
    CASE("memory_op_32.current_reservation", "unknown_domain", op32(XENMEM_current_reservation, &domid));
    CASE("memory_op_32.maximum_gpfn", "unknown_domain", op32(XENMEM_maximum_gpfn, &domid));

    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem, .domain = (u16)dom};
    op.u.max_mem.max_memkb = ~0ull;
    domctl(&op);
    domid = (u16)dom;
    CASE("memory_op_32.maximum_reservation", "no_limit", op32(XENMEM_maximum_reservation, &domid));
    op.u.max_mem.max_memkb = 0x100000000ull * 4;
    domctl(&op);
    CASE("memory_op_32.maximum_reservation", "2_to_32_pages", op32(XENMEM_maximum_reservation, &domid));
    op.u.max_mem.max_memkb = 4096 * 4;
    domctl(&op);
}

static void physmap(void)
{
    struct add_to_physmap_32 add = {.domid = (u16)dom, .gpfn = 300};
    struct remove_from_physmap_32 remove = {.domid = (u16)dom, .gpfn = 300};
    struct add_to_physmap_32 *edge = edge_ptr(sizeof(add));

    CASE("memory_op_32.add_to_physmap", "shared_info", op32(XENMEM_add_to_physmap, &add));
    CASE("memory_op_32.remove_from_physmap", "shared_info", op32(XENMEM_remove_from_physmap, &remove));
    CASE("memory_op_32.remove_from_physmap", "twice", op32(XENMEM_remove_from_physmap, &remove));
    add.idx = 1;
    CASE("memory_op_32.add_to_physmap", "index_1", op32(XENMEM_add_to_physmap, &add));
    add.idx = 0;
    memcpy(edge, &add, sizeof(add));
    CASE("memory_op_32.add_to_physmap", "to_the_edge", op32(XENMEM_add_to_physmap, edge));
    CASE("memory_op_32.add_to_physmap", "over_the_edge",
         op32(XENMEM_add_to_physmap, edge_ptr(sizeof(add) - 1)));
    op32(XENMEM_remove_from_physmap, &remove);
    add.gpfn = 0xffffffff;
    remove.gpfn = 0xffffffff;
    CASE("memory_op_32.add_to_physmap", "gpfn_all_ones", op32(XENMEM_add_to_physmap, &add));
    CASE("memory_op_32.remove_from_physmap", "gpfn_all_ones", op32(XENMEM_remove_from_physmap, &remove));
    add.space = XENMAPSPACE_gmfn_foreign;
    CASE("memory_op_32.add_to_physmap", "foreign", op32(XENMEM_add_to_physmap, &add));
    add.domid = 0x7fef;
    add.space = 0;
    CASE("memory_op_32.add_to_physmap", "unknown_domain", op32(XENMEM_add_to_physmap, &add));
    CASE("memory_op_32.remove_from_physmap", "over_the_edge",
         op32(XENMEM_remove_from_physmap, edge_ptr(sizeof(remove) - 1)));
}

static void batch(void)
{
    u32 idxs[3] = {1, LONG_AGO_GFN, 2};
    u32 gpfns[3] = {(u32)case_gfn(0), (u32)case_gfn(1), (u32)case_gfn(2)};
    int errs[4] = {99, 99, 99, 99};
    struct add_to_physmap_batch_32 arg = {.domid = DOMID_SELF,
                                          .space = XENMAPSPACE_gmfn_foreign,
                                          .size = 3,
                                          .foreign_domid = (u16)dom,
                                          .idxs = PTR32(idxs),
                                          .gpfns = PTR32(gpfns),
                                          .errs = PTR32(errs)};

    CASE_SHOW("memory_op_32.add_to_physmap_batch", "hole_in_the_middle",
              op32(XENMEM_add_to_physmap_batch, &arg), " errs=%d,%d,%d,%d mapped=%ld,%ld,%ld", errs[0],
              errs[1], errs[2], errs[3], unmap_gfn(0), unmap_gfn(1), unmap_gfn(2));
    arg.errs = PTR32(edge_ptr(sizeof(int)));
    CASE_SHOW("memory_op_32.add_to_physmap_batch", "errs_end_after_1",
              op32(XENMEM_add_to_physmap_batch, &arg), " first=%d third=%ld", *(int *)edge_ptr(sizeof(int)),
              unmap_gfn(2));
    unmap_gfn(0);
    errs[1] = errs[2] = 99;
    arg.errs = PTR32(errs);
    CASE_SHOW("memory_op_32.add_to_physmap_batch", "start_2_of_3",
              op32(XENMEM_add_to_physmap_batch | 2u << MEMOP_EXTENT_SHIFT, &arg), " errs=%d,%d mapped=%ld",
              errs[1], errs[2], unmap_gfn(2));
    arg.size = 0;
    CASE("memory_op_32.add_to_physmap_batch", "size_0", op32(XENMEM_add_to_physmap_batch, &arg));
    arg.size = 1;
    arg.domid = 0x7fef;
    CASE("memory_op_32.add_to_physmap_batch", "unknown_domain", op32(XENMEM_add_to_physmap_batch, &arg));
    CASE("memory_op_32.add_to_physmap_batch", "over_the_edge",
         op32(XENMEM_add_to_physmap_batch, edge_ptr(sizeof(arg) - 1)));
}

static void memory_maps(void)
{
    static struct xen_e820_entry entries[2] = {{0, 0x1000, XEN_HVM_MEMMAP_TYPE_RAM},
                                               {0x5000, 0x100000000ull, XEN_HVM_MEMMAP_TYPE_RESERVED}};
    static struct xen_e820_entry read[128];
    struct foreign_memory_map_32 set = {(u16)dom, {2, PTR32(entries)}};
    struct memory_map_32 map = {1, PTR32(read)};

    CASE("memory_op_32.set_memory_map", "good", op32(XENMEM_set_memory_map, &set));
    set.map.buffer = PTR32(edge_ptr(2 * sizeof(entries[0]) - 1));
    CASE("memory_op_32.set_memory_map", "entries_over_the_edge", op32(XENMEM_set_memory_map, &set));
    set.domid = 0x7fef;
    CASE("memory_op_32.set_memory_map", "unknown_domain", op32(XENMEM_set_memory_map, &set));
    CASE("memory_op_32.set_memory_map", "over_the_edge",
         op32(XENMEM_set_memory_map, edge_ptr(sizeof(set) - 1)));
    CASE_SHOW("memory_op_32.memory_map", "room_for_1", op32(XENMEM_memory_map, &map), " entries=%u type=%u",
              map.nr_entries, read[0].type);
    map.nr_entries = ARRAY_SIZE(read);
    CASE_SHOW("memory_op_32.memory_map", "room_enough", op32(XENMEM_memory_map, &map), " some=%u",
              map.nr_entries > 1 && map.nr_entries < ARRAY_SIZE(read));
    map.nr_entries = 1;
    map.buffer = PTR32(hole_ptr());
    CASE_SHOW("memory_op_32.memory_map", "no_buffer", op32(XENMEM_memory_map, &map), " entries=%u",
              map.nr_entries);
    CASE("memory_op_32.memory_map", "over_the_edge", op32(XENMEM_memory_map, edge_ptr(sizeof(map) - 1)));
}

static void pod_targets(void)
{
    struct pod_target_32 pod = {5, 1, 2, 3, (u16)dom};

    CASE_SHOW("memory_op_32.get_pod_target", "good", op32(XENMEM_get_pod_target, &pod),
              " target=%lu tot=%lu cache=%lu entries=%lu", pod.target_pages, pod.tot_pages,
              pod.pod_cache_pages, pod.pod_entries);
    CASE("memory_op_32.set_pod_target", "good", op32(XENMEM_set_pod_target, &pod));
    pod.target_pages = 1ull << 32;
    CASE("memory_op_32.set_pod_target", "2_to_32", op32(XENMEM_set_pod_target, &pod));
    CASE("memory_op_32.get_pod_target", "over_the_edge",
         op32(XENMEM_get_pod_target, edge_ptr(sizeof(pod) - 1)));
}

static void others(void)
{
    struct reservation_32 r = {.nr_extents = 64, .domid = (u16)dom};

    CASE("memory_op_32.claim_pages", "good", op32(XENMEM_claim_pages, &r));
    CASE("memory_op_32.claim_pages", "no_memory", op32(XENMEM_claim_pages, hole_ptr()));
    CASE("memory_op_32.unknown", "nr_60", op32(60, &r));
    CASE("memory_op_32.unknown", "nr_8", op32(8, &r));
}

void cases_compat(void)
{
    dom = domain_new(4096);
    for (u32 i = 0; i < 8; i++)
        domain_populate(dom, i, 0, NODE_ANY);
    watch(dom, WATCH_DOMAIN);
    populate();
    extent_lists();
    figures();
    physmap();
    batch();
    memory_maps();
    pod_targets();
    others();
    domain_end(dom);
    cases_compat_calls();
}
