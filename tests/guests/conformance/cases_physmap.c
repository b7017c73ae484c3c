/*
 * add_to_physmap and remove_from_physmap: each space, where shared_info is visible, and how its place and a
 * removed frame change a domain's total. Batches: cases_physmap_batch.c; other domains' frames:
 * cases_foreign.c.
 */
#include <tests/guests/conformance/physmap.h>
#include <lib/string.h>

#define MARK 0x1d1c1b1a0f0e0d0cull

static void spaces(void)
{
    static const char *const names[] = {
        "space_0_shared_info", "space_1_grant_table", "space_2_gmfn", "space_3_gmfn_range",
        "space_4_foreign",     "space_5_dev_mmio",    "space_6",      "space_7",
    };
    static const char *const self_names[] = {
        "self_space_0", "self_space_1", "self_space_2_no_such_frame",
        "self_space_3", "self_space_4", "self_space_5",
        "self_space_6", "self_space_7",
    };

    for (u32 space = 0; space < ARRAY_SIZE(names); space++) {
        u32 d = domain_new(64);
        domain_populate(d, 0, 0, NODE_ANY);
        watch(d, WATCH_DOMAIN);
        CASE("memory_op.add_to_physmap", names[space], phys_add(d, space, 0, 16));
        domain_end(d);
    }
    watch(0, WATCH_NOTHING);
    for (u32 space = 0; space < ARRAY_SIZE(self_names); space++) {
        CASE("memory_op.add_to_physmap", self_names[space],
             phys_add(DOMID_SELF, space, space == XENMAPSPACE_gmfn ? case_gfn(1) : 0, case_gfn(0)));
        unmap_gfn(0);
    }
    CASE("memory_op.add_to_physmap", "space_all_ones", phys_add(DOMID_SELF, ~0u, 0, case_gfn(0)));
}

/* The order of checks: which of two errors is returned. */
static void arguments(u32 d)
{
    struct xen_add_to_physmap arg = {.domid = (domid_t)d, .gpfn = 16};
    struct xen_add_to_physmap *edge = edge_ptr(sizeof(arg));

    CASE("memory_op.add_to_physmap", "not_mapped", memory_op(XENMEM_add_to_physmap, bad_ptr()));
    CASE("memory_op.add_to_physmap", "no_memory", memory_op(XENMEM_add_to_physmap, hole_ptr()));
    memcpy(edge, &arg, sizeof(arg));
    CASE("memory_op.add_to_physmap", "to_the_edge", memory_op(XENMEM_add_to_physmap, edge));
    phys_remove(d, 16);
    CASE("memory_op.add_to_physmap", "over_the_edge",
         memory_op(XENMEM_add_to_physmap, edge_ptr(sizeof(arg) - 1)));

    CASE("memory_op.add_to_physmap", "unknown_domain", phys_add(0x7fef, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "domid_io", phys_add(DOMID_IO, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "domid_xen", phys_add(DOMID_XEN, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "domid_invalid", phys_add(DOMID_INVALID, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "domid_idle", phys_add(DOMID_IDLE, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "domid_ffff", phys_add(0xffff, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "unknown_domain_bad_space", phys_add(0x7fef, 9, 0, 16));
    CASE("memory_op.add_to_physmap", "unknown_domain_foreign",
         phys_add(0x7fef, XENMAPSPACE_gmfn_foreign, 0, 16));
    CASE("memory_op.add_to_physmap", "unknown_domain_dev_mmio",
         phys_add(0x7fef, XENMAPSPACE_dev_mmio, 0, 16));
    CASE("memory_op.add_to_physmap", "index_1", phys_add(d, 0, 1, 16));
    CASE("memory_op.add_to_physmap", "index_all_ones", phys_add(d, 0, ~0ull, 16));
    CASE("memory_op.add_to_physmap", "index_1_gpfn_too_high", phys_add(d, 0, 1, 1ull << 40));
    CASE("memory_op.add_to_physmap", "start_extent_bits_16",
         memory_op(XENMEM_add_to_physmap | 0x10000ull << MEMOP_EXTENT_SHIFT, &arg));
    CASE("memory_op.add_to_physmap", "start_extent_bits_16_not_mapped",
         memory_op(XENMEM_add_to_physmap | 0x10000ull << MEMOP_EXTENT_SHIFT, bad_ptr()));
    CASE("memory_op.add_to_physmap", "start_extent_1",
         memory_op(XENMEM_add_to_physmap | 1ull << MEMOP_EXTENT_SHIFT, &arg));
    phys_remove(d, 16);
    arg.size = 7;
    CASE("memory_op.add_to_physmap", "size_where_none_belongs", memory_op(XENMEM_add_to_physmap, &arg));
    phys_remove(d, 16);
}

/* A domain of 8 pages from 0; 16 is a hole. */
static void places(u32 d)
{
    CASE("memory_op.add_to_physmap", "shared_info_at_hole", phys_add(d, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "shared_info_again_there", phys_add(d, 0, 0, 16));
    CASE("memory_op.add_to_physmap", "shared_info_moves", phys_add(d, 0, 0, 17));
    CASE("memory_op.remove_from_physmap", "where_it_was", phys_remove(d, 16));
    CASE("memory_op.add_to_physmap", "shared_info_over_ram", phys_add(d, 0, 0, 1));
    CASE("memory_op.add_to_physmap", "shared_info_over_ram_again", phys_add(d, 0, 0, 2));
    CASE("memory_op.decrease_reservation", "frame_that_was_ram", phys_decrease(d, 1));
    CASE("memory_op.remove_from_physmap", "shared_info", phys_remove(d, 2));
    CASE("memory_op.remove_from_physmap", "shared_info_twice", phys_remove(d, 2));
    CASE("memory_op.add_to_physmap", "shared_info_after_removal", phys_add(d, 0, 0, 18));
    CASE("memory_op.populate_physmap", "over_shared_info", domain_populate(d, 18, 0, NODE_ANY));
    CASE("memory_op.add_to_physmap", "shared_info_from_under_ram", phys_add(d, 0, 0, 19));
    CASE("memory_op.decrease_reservation", "ram_over_old_place", phys_decrease(d, 18));
    CASE("memory_op.populate_physmap", "2m_over_shared_info", domain_populate(d, 512, 9, NODE_ANY));
    CASE("memory_op.add_to_physmap", "inside_2m", phys_add(d, 0, 0, 512 + 5));
    CASE("memory_op.decrease_reservation", "beside_it_in_2m", phys_decrease(d, 512 + 6));
    CASE("memory_op.remove_from_physmap", "out_of_2m", phys_remove(d, 512 + 5));
}

static void widths(u32 d)
{
    static const struct {
        const char *name;
        u64 gpfn;
    } high[] = {
        {"gpfn_bit_26", 1ull << 26},        {"gpfn_bit_35", 1ull << 35},
        {"gpfn_bit_36", 1ull << 36},        {"gpfn_bit_40", 1ull << 40},
        {"gpfn_bit_44", 1ull << 44},        {"gpfn_all_ones", ~0ull},
        {"gpfn_all_ones_but_1", ~0ull - 1}, {"gpfn_last_of_48_bits", (1ull << 36) - 1},
    };

    for (u32 i = 0; i < ARRAY_SIZE(high); i++) {
        CASE("memory_op.add_to_physmap", high[i].name, phys_add(d, 0, 0, high[i].gpfn));
        CASE("memory_op.remove_from_physmap", high[i].name, phys_remove(d, high[i].gpfn));
    }
}

static void removal(u32 d)
{
    struct xen_remove_from_physmap arg = {.domid = (domid_t)d, .gpfn = 3};
    struct xen_remove_from_physmap *edge = edge_ptr(sizeof(arg));

    CASE("memory_op.remove_from_physmap", "ram", phys_remove(d, 0));
    CASE("memory_op.remove_from_physmap", "ram_twice", phys_remove(d, 0));
    CASE("memory_op.populate_physmap", "where_ram_was_removed", domain_populate(d, 0, 0, NODE_ANY));
    CASE("memory_op.remove_from_physmap", "hole", phys_remove(d, 100));
    CASE("memory_op.decrease_reservation", "removed_ram", phys_decrease(d, 0));
    CASE("memory_op.remove_from_physmap", "not_mapped", memory_op(XENMEM_remove_from_physmap, bad_ptr()));
    CASE("memory_op.remove_from_physmap", "no_memory", memory_op(XENMEM_remove_from_physmap, hole_ptr()));
    memcpy(edge, &arg, sizeof(arg));
    CASE("memory_op.remove_from_physmap", "to_the_edge", memory_op(XENMEM_remove_from_physmap, edge));
    CASE("memory_op.remove_from_physmap", "over_the_edge",
         memory_op(XENMEM_remove_from_physmap, edge_ptr(sizeof(arg) - 1)));
    CASE("memory_op.remove_from_physmap", "start_extent_1",
         memory_op(XENMEM_remove_from_physmap | 1ull << MEMOP_EXTENT_SHIFT, &arg));
    CASE("memory_op.remove_from_physmap", "start_extent_1_not_mapped",
         memory_op(XENMEM_remove_from_physmap | 1ull << MEMOP_EXTENT_SHIFT, bad_ptr()));
    CASE("memory_op.remove_from_physmap", "unknown_domain", phys_remove(0x7fef, 4));
    CASE("memory_op.remove_from_physmap", "domid_io", phys_remove(DOMID_IO, 4));
    CASE("memory_op.remove_from_physmap", "domid_xen", phys_remove(DOMID_XEN, 4));
    CASE("memory_op.remove_from_physmap", "domid_invalid", phys_remove(DOMID_INVALID, 4));
    CASE("memory_op.remove_from_physmap", "domid_ffff", phys_remove(0xffff, 4));
}

/* What a domain is left with that has given its shared_info up, or put it at a frame of which only the upper
 * bits of a 64-bit address are left. Each of its own. */
static void oddities(void)
{
    u32 d = domain_new(64);

    watch(d, WATCH_DOMAIN);
    phys_add(d, 0, 0, 2);
    CASE("memory_op.decrease_reservation", "shared_info", phys_decrease(d, 2));
    CASE("memory_op.add_to_physmap", "shared_info_given_up", phys_add(d, 0, 0, 3));
    CASE("memory_op.remove_from_physmap", "shared_info_given_up", phys_remove(d, 3));
    domain_end(d);
    d = domain_new(64);
    domain_populate(d, 0, 0, NODE_ANY);
    watch(d, WATCH_DOMAIN);
    CASE("memory_op.add_to_physmap", "gpfn_bit_52", phys_add(d, 0, 0, 1ull << 52));
    CASE("memory_op.add_to_physmap", "gpfn_bit_63", phys_add(d, 0, 0, 1ull << 63));
    domain_end(d);
}

/* In our own map, where it can be looked at. */
static void seen(void)
{
    u64 own = phys_own_gfn();
    struct shared_info *at_0 = case_page(0), *at_1 = case_page(1);
    struct shared_info *at_own = (void *)(own << PAGE_SHIFT);
    u64 tot = phys_tot(0);

    CASE_SHOW("memory_op.add_to_physmap", "self", phys_add(DOMID_SELF, 0, 0, case_gfn(0)),
              " clock_runs=%u self=%ld", at_0->vcpu_info[0].time.tsc_to_system_mul != 0,
              (long)(phys_tot(0) - tot));
    at_0->arch.pfn_to_mfn_frame_list_list = MARK;
    CASE_SHOW("memory_op.add_to_physmap", "self_moves", phys_add(DOMID_SELF, 0, 0, case_gfn(1)),
              " same_page=%u", at_1->arch.pfn_to_mfn_frame_list_list == MARK);
    CASE("memory_op.remove_from_physmap", "self_where_it_was", unmap_gfn(0));
    CASE_SHOW("memory_op.add_to_physmap", "self_as_domain_0", phys_add(0, 0, 0, case_gfn(0)), " same_page=%u",
              at_0->arch.pfn_to_mfn_frame_list_list == MARK);
    CASE_SHOW("memory_op.remove_from_physmap", "self", unmap_gfn(0), " self=%ld", (long)(phys_tot(0) - tot));
    CASE_SHOW("memory_op.add_to_physmap", "self_after_removal", phys_add(DOMID_SELF, 0, 0, case_gfn(1)),
              " same_page=%u", at_1->arch.pfn_to_mfn_frame_list_list == MARK);
    CASE_SHOW("memory_op.add_to_physmap", "self_over_ram", phys_add(DOMID_SELF, 0, 0, own),
              " same_page=%u self=%ld", at_own->arch.pfn_to_mfn_frame_list_list == MARK,
              (long)(phys_tot(0) - tot));
    CASE_SHOW("memory_op.add_to_physmap", "self_back_to_hole", phys_add(DOMID_SELF, 0, 0, case_gfn(0)),
              " same_page=%u self=%ld", at_0->arch.pfn_to_mfn_frame_list_list == MARK,
              (long)(phys_tot(0) - tot));
    phys_own_back();
    CASE_SHOW("memory_op.remove_from_physmap", "self_last", unmap_gfn(0), " self=%ld",
              (long)(phys_tot(0) - tot));
}

static void dying(void)
{
    u32 d = domain_new(64);

    domain_populate(d, 0, 0, NODE_ANY);
    map_foreign_gfn(0, d, 0);
    xc_domain_destroy(xch, d);
    settle();
    watch(d, WATCH_DOMAIN);
    CASE("memory_op.add_to_physmap", "dying_domain", phys_add(d, 0, 0, 16));
    CASE("memory_op.remove_from_physmap", "dying_domain", phys_remove(d, 0));
    CASE("memory_op.remove_from_physmap", "last_mapping_of_dying", unmap_gfn(0));
    settle();
    CASE("memory_op.remove_from_physmap", "domain_is_gone", phys_remove(d, 0));
}

void cases_physmap(void)
{
    u32 d = domain_new(1024);

    for (u32 i = 0; i < 8; i++)
        domain_populate(d, i, 0, NODE_ANY);
    watch(d, WATCH_DOMAIN);
    arguments(d);
    places(d);
    widths(d);
    removal(d);
    domain_end(d);
    oddities();
    spaces();
    seen();
    dying();
    cases_physmap_batch();
}
