/*
 * Mapping and unmapping grants by address: the marks in the entries, handles and their limits, and who outlives whom.
 * Domain 1 grants, domain 2 maps. Answers beside Xen's: group grants.
 *
 * lint: long: one call and its undoing
 */
#include "grant_calls.h"

#include <domain/guest_copy.h>

CALL_TEST(a_page_is_mapped_and_unmapped)
{
    make_granter();
    u64 free = free_pages();
    assert_int_equal(map_at(9, (u64)WINDOW << PAGE_SHIFT | 0x123, GNTMAP_host_map), GNTST_okay);
    u32 handle = map.handle;
    assert_int_equal(map.dev_bus_addr, (u64)WINDOW << PAGE_SHIFT);
    assert_int_equal(byte_at(WINDOW), 0x11);
    assert_int_equal(entry(9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(dom(2)->physmap.nr_grants, 1);
    u64 value = 0xabab;
    assert_int_equal(copy_to_guest(caller, (u64)WINDOW << PAGE_SHIFT, &value, sizeof(value)), 0);
    assert_int_equal(page(1)[0], 0xab);

    u64 generation = dom(2)->physmap.np.generation;
    assert_int_equal(unmap_gfn(handle, WINDOW), GNTST_okay);
    assert_true(dom(2)->physmap.np.generation > generation);
    assert_int_equal(entry(9)->flags, GTF_permit_access);
    assert_int_equal(byte_at(WINDOW), 0xee);
    assert_int_equal(unmap_gfn(handle, WINDOW), GNTST_bad_handle);
    assert_int_equal(dom(2)->physmap.nr_grants, 0);
    assert_true(free - free_pages() <= 2); /* the handles' */
}

CALL_TEST(a_reading_map_is_not_written_through)
{
    make_granter();
    u64 value = 0xabab, there = (u64)WINDOW << PAGE_SHIFT;

    grant(9, 2, PAGE_G(1), GTF_readonly);
    assert_int_equal(map_gfn(9, WINDOW), GNTST_general_error);
    assert_int_equal(entry(9)->flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(map_at(9, there, GNTMAP_host_map | GNTMAP_readonly), GNTST_okay);
    assert_int_equal(entry(9)->flags, GTF_permit_access | GTF_readonly | GTF_reading);
    assert_int_equal(physmap_lookup(dom(2), gfn(WINDOW)).type, NP_GRANT_RO);
    assert_int_equal(copy_from_guest(caller, &value, there, sizeof(value)), 0);
    assert_int_equal(value & 0xff, 0x11);
    assert_int_equal(copy_to_guest(caller, there, &value, sizeof(value)), -EFAULT);
    assert_int_equal(physmap_write(dom(2), there, &value, sizeof(value)), -EFAULT);
    assert_int_equal(physmap_fill(dom(2), gfn(WINDOW), NULL), -EFAULT);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(page(1)[i], 0x11);
    assert_int_equal(unmap_gfn(map.handle, WINDOW), GNTST_okay);
}

/* What is remembered of a guest's memory does not change with its grants, so it must not be of grants. */
CALL_TEST(where_a_grant_was_is_not_remembered)
{
    const u64 there = (u64)WINDOW << PAGE_SHIFT;
    u8 byte;

    make_granter();
    for (u32 i = 0; i < PAGES; i++) {
        assert_int_equal(map_at(8 + i, there, GNTMAP_host_map | (i % 2 ? GNTMAP_readonly : 0)), GNTST_okay);
        for (u32 k = 0; k < 2; k++) {
            assert_int_equal(copy_from_guest(caller, &byte, there + 9, 1), 0);
            assert_int_equal(byte, 0x10 + i);
            assert_int_equal(byte_at(WINDOW), 0x10 + i);
            assert_int_equal(copy_to_guest(caller, there + 10, &byte, 1), i % 2 ? -EFAULT : 0);
        }
        assert_int_equal(unmap_gfn(map.handle, WINDOW), GNTST_okay);
        assert_int_equal(copy_from_guest(caller, &byte, there + 9, 1), -EFAULT);
        assert_int_equal(copy_to_guest(caller, there + 9, &byte, 1), -EFAULT);
    }
    u64 view = physmap_view(&dom(2)->physmap);
    assert_int_equal(map_gfn(8, WINDOW), GNTST_okay);
    assert_int_equal(unmap_gfn(map.handle, WINDOW), GNTST_okay);
    assert_int_equal(physmap_view(&dom(2)->physmap), view);
}

CALL_TEST(marks_follow_the_kinds_of_mappings)
{
    make_granter();
    const u16 busy = GTF_permit_access | GTF_reading;
    u32 handles[3];

    for (u32 i = 0; i < 3; i++) { /* reading, writing, writing */
        assert_int_equal(
            map_at(8, (u64)(WINDOW + i) << PAGE_SHIFT, GNTMAP_host_map | (i ? 0 : GNTMAP_readonly)), 0);
        handles[i] = map.handle;
        assert_int_equal(entry(8)->flags, i ? busy | GTF_writing : busy);
    }
    assert_int_equal(unmap_gfn(handles[1], WINDOW + 1), 0);
    assert_int_equal(entry(8)->flags, busy | GTF_writing);
    assert_int_equal(unmap_gfn(handles[2], WINDOW + 2), 0);
    assert_int_equal(entry(8)->flags, busy);
    /* The guest has made it read-only since. */
    entry(8)->flags |= GTF_readonly;
    assert_int_equal(map_gfn(8, WINDOW + 1), GNTST_general_error);
    assert_int_equal(entry(8)->flags, busy | GTF_readonly);
    assert_int_equal(unmap_gfn(handles[0], WINDOW), 0);
    assert_int_equal(entry(8)->flags, GTF_permit_access | GTF_readonly);
}

CALL_TEST(what_cannot_be_mapped)
{
    make_granter();
    const struct {
        u32 ref, flags;
        s16 status;
    } bad[] = {
        {9, 0, GNTST_bad_gntref},
        {9, GNTMAP_readonly, GNTST_bad_gntref},
        {9, GNTMAP_host_map | GNTMAP_device_map, GNTST_general_error},
        {9, GNTMAP_device_map, GNTST_general_error},
        {9, GNTMAP_host_map | GNTMAP_application_map, GNTST_general_error},
        {9, GNTMAP_host_map | GNTMAP_contains_pte, GNTST_general_error},
        {9, GNTMAP_host_map | 1u << 16, GNTST_general_error},
        {9, GNTMAP_host_map | 1u << 5, GNTST_general_error},
        {GRANTS_PER_FRAME, GNTMAP_host_map, GNTST_bad_gntref},
        {~0u, GNTMAP_host_map, GNTST_bad_gntref},
        {20, GNTMAP_host_map, GNTST_general_error}, /* empty */
        {21, GNTMAP_host_map, GNTST_general_error}, /* another's */
        {22, GNTMAP_host_map, GNTST_general_error}, /* to be transferred */
        {23, GNTMAP_host_map, GNTST_general_error}, /* a part of a page */
        {24, GNTMAP_host_map, GNTST_bad_page},      /* nothing there */
        {25, GNTMAP_host_map, GNTST_bad_page},      /* the grant table itself */
    };

    grant(21, 3, PAGE_G(0), 0);
    *entry(22) = (struct grant_entry_v1){2, 2, PAGE_G(0)};
    grant(23, 2, PAGE_G(0), GTF_sub_page);
    grant(24, 2, 0xffffffff, 0);
    grant(25, 2, 0x77, 0);
    assert_int_equal(physmap_place(granter, gfn(0x77), granter->grants->frame[0], ORDER_4K, NP_SPECIAL), 0);
    u64 before[32];
    memcpy(before, entry(0), sizeof(before));
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(map_at(bad[i].ref, (u64)WINDOW << PAGE_SHIFT, bad[i].flags), bad[i].status);
        assert_int_equal(map.handle, ~0u);
        assert_int_equal(map.dev_bus_addr, 0);
        assert_memory_equal(before, entry(0), sizeof(before));
        assert_false(is_mapped(2, WINDOW));
    }
    map_gfn(9, NP_GFN_LIMIT);
    assert_int_equal(map.status, GNTST_general_error);
    assert_memory_equal(before, entry(0), sizeof(before));
    map.dom = 88;
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, PUT(ARG, map), 1), 0);
    GET(ARG, map);
    assert_int_equal(map.status, GNTST_bad_domain);
    assert_int_equal(granter->grants->nr_active, 0);
    assert_int_equal(dom(2)->maptrack.nr_used, 0);
    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay); /* the handle is free each time */
    assert_int_equal(map.handle, 0);
}

CALL_TEST(what_cannot_be_unmapped)
{
    make_granter();
    const u64 addr = (u64)WINDOW << PAGE_SHIFT;

    assert_int_equal(unmap_with(0, addr, 0), GNTST_bad_handle); /* no handle at all */
    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    u32 handle = map.handle;
    assert_int_equal(map_gfn(9, WINDOW + 1), GNTST_okay); /* the same page elsewhere */
    assert_int_equal(unmap_with(handle + 2, addr, 0), GNTST_bad_handle);
    assert_int_equal(unmap_with(MAPPINGS_PER_PAGE, addr, 0), GNTST_bad_handle);
    assert_int_equal(unmap_with(~0u, addr, 0), GNTST_bad_handle);
    assert_int_equal(unmap_with(handle, addr + PAGE_SIZE, 0), GNTST_general_error);
    assert_int_equal(unmap_with(handle, GUEST_BASE, 0), GNTST_general_error);
    assert_int_equal(unmap_with(handle, ~0ull, 0), GNTST_general_error);
    assert_int_equal(unmap_with(handle, 0, 0), GNTST_okay); /* nothing asked for */
    assert_int_equal(byte_at(WINDOW), 0x11);
    assert_int_equal(unmap_with(handle, addr, 0x1000), GNTST_okay); /* no device has it */
    assert_int_equal(byte_at(WINDOW), 0xee);
    assert_int_equal(unmap_with(map.handle, addr + PAGE_SIZE, map.dev_bus_addr), GNTST_okay);
}

/* Only its handle unmaps a grant. */
CALL_TEST(nothing_replaces_a_grant)
{
    make_granter();
    mfn_t m;
    const struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = WINDOW};
    const struct xen_add_to_physmap shared = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = WINDOW};

    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    u32 handle = map.handle;
    assert_int_equal(memory(XENMEM_remove_from_physmap, &remove, sizeof(remove)), -ENOENT);
    assert_int_equal(memory(XENMEM_add_to_physmap, &shared, sizeof(shared)), -EPERM);
    put_frame(0, WINDOW);
    res = (struct xen_memory_reservation){.extent_start = at(LIST), .nr_extents = 1, .domid = DOMID_SELF};
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 0);
    assert_int_equal(do_extents(XENMEM_populate_physmap), 0);
    res.extent_order = ORDER_2M;
    put_frame(0, ALIGN_DOWN((u64)WINDOW, BIT(ORDER_2M)));
    assert_int_equal(do_extents(XENMEM_populate_physmap), 0);
    assert_int_equal(map_gfn(10, WINDOW), GNTST_general_error);
    assert_int_equal(entry(10)->flags, GTF_permit_access);
    assert_int_equal(physmap_pin(dom(2), gfn(WINDOW), &m), -EINVAL); /* nor is it granted or mapped further */
    assert_int_equal(byte_at(WINDOW), 0x11);
    assert_int_equal(unmap_gfn(handle, WINDOW), GNTST_okay);
    assert_int_equal(do_extents(XENMEM_populate_physmap), 1);
    assert_int_equal(map_gfn(10, WINDOW), GNTST_okay); /* over memory: that goes */
    assert_int_equal(byte_at(WINDOW), 0x12);
}

CALL_TEST(handles_end_with_the_limit)
{
    make_granter();
    struct domain *d = dom(2);
    u32 handle = 0;

    d->max_maptrack_frames = 1;
    for (u32 i = 0; i < MAPPINGS_PER_PAGE; i++) { /* 128 of one entry are as many as there can be */
        assert_int_equal(map_gfn(8 + i % 4, WINDOW + i), GNTST_okay);
        handle = map.handle;
        assert_int_equal(handle, i);
    }
    assert_int_equal(map_gfn(8, WINDOW + 1000), GNTST_no_space);
    assert_int_equal(unmap_gfn(handle, WINDOW + handle), GNTST_okay);
    assert_int_equal(map_gfn(8, WINDOW + 1000), GNTST_okay);
    assert_int_equal(map.handle, handle);
    d->max_maptrack_frames = 2;
    hog_all();
    assert_int_equal(map_gfn(8, WINDOW + 1001), GNTST_no_space);
    unhog(~0u);
    assert_int_equal(map_gfn(8, WINDOW + 1001), GNTST_okay);
    for (u32 i = 0; i < 100; i++)
        map_gfn(8, WINDOW + 1002 + i);
    assert_int_equal(map.status, GNTST_general_error);
    assert_int_equal(granter->grants->nr_active, 4);
    d->max_maptrack_frames = 0;
}

CALL_TEST(maps_outlive_their_granter)
{
    make_granter();
    struct domain *d = granter;
    mfn_t page_1 = physmap_lookup(d, gfn(PAGE_G(1))).mfn;

    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    u32 handle = map.handle;
    assert_int_equal(map_gfn(9, WINDOW + 1), GNTST_okay);
    assert_int_equal(kill_all_steps(d), 0);
    assert_true(exists(1));
    assert_int_equal(d->mem.tot_pages, 1);
    assert_int_equal(byte_at(WINDOW), 0x11);
    assert_int_equal(physmap_lookup(dom(2), gfn(WINDOW)).mfn.n, page_1.n);
    assert_true(map_gfn(10, WINDOW + 2) < 0);
    assert_int_equal(unmap_gfn(handle, WINDOW), GNTST_okay);
    assert_int_equal(byte_at(WINDOW + 1), 0x11);
    assert_true(exists(1));
    assert_int_equal(unmap_gfn(handle + 1, WINDOW + 1), GNTST_okay);
    assert_false(exists(1));
}

CALL_TEST(a_page_given_up_stays_while_it_is_mapped)
{
    make_granter();
    u32 done;

    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    u32 handle = map.handle;
    u64 pages = granter->mem.tot_pages;
    assert_int_equal(physmap_give_up(granter, &(gfn_t){PAGE_G(1)}, 1, 1, &done), 0);
    assert_int_equal(granter->mem.tot_pages, pages);
    entry(9)->frame = PAGE_G(2); /* against the rules */
    assert_int_equal(map_gfn(9, WINDOW + 1), GNTST_okay);
    assert_int_equal(byte_at(WINDOW + 1), 0x11);
    assert_int_equal(unmap_gfn(handle, WINDOW), GNTST_okay);
    assert_int_equal(unmap_gfn(map.handle, WINDOW + 1), GNTST_okay);
    assert_int_equal(granter->mem.tot_pages, pages - 1);
    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    assert_int_equal(byte_at(WINDOW), 0x12);
}

CALL_TEST(maps_end_with_who_mapped)
{
    make_granter();
    struct domain *d = dom(2);

    for (u32 i = 0; i < 200; i++)
        assert_int_equal(map_gfn(8 + i % PAGES, WINDOW + i), GNTST_okay);
    /* A hole in the middle. */
    assert_int_equal(unmap_gfn(100, WINDOW + 100), GNTST_okay);
    caller = dom0->vcpu[0];
    yield_every = 2;
    assert_int_equal(kill_all_steps(d), 0);
    yield_every = 0;
    assert_false(exists(2));
    for (u32 i = 0; i < PAGES; i++)
        assert_int_equal(entry(8 + i)->flags, GTF_permit_access);
    assert_int_equal(granter->grants->nr_active, 0);
}

/* Both map the other's pages, and each one's end is in the other's hands. */
CALL_TEST(two_that_map_each_other)
{
    make_granter();
    struct domain *d1 = dom(1), *d2 = dom(2);
    mfn_t unused;

    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    assert_int_equal(grant_frame(d2, 0, &unused), 0);
    *(struct grant_entry_v1 *)mfn_to_virt(d2->grants->frame[0]) =
        (struct grant_entry_v1){GTF_permit_access, 1, (u32)(at(0x8000) >> PAGE_SHIFT)};
    map = (struct gnttab_map_grant_ref){
        .host_addr = (u64)WINDOW << PAGE_SHIFT, .flags = GNTMAP_host_map, .dom = 2};
    grant_map(d1, &map);
    assert_int_equal(map.status, GNTST_okay);
    caller = dom0->vcpu[0];
    assert_int_equal(kill_all_steps(d2), 0);
    assert_true(exists(2));
    assert_int_equal(kill_all_steps(d1), 0);
    assert_false(exists(1));
    assert_false(exists(2));
}

CALL_TEST(a_domain_maps_its_own_grant)
{
    make_granter();
    call_from(1);
    grant(9, 1, PAGE_G(1), 0);
    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    assert_int_equal(byte_at(WINDOW), 0x11);
    map.dom = DOMID_SELF;
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, PUT(ARG, map), 1), 0);
    GET(ARG, map);
    assert_int_equal(map.status, GNTST_bad_domain);
    caller = dom0->vcpu[0];
    assert_int_equal(kill_all_steps(granter), 0);
    assert_false(exists(1));
}

/* --- arrays --- */

CALL_TEST(batches_are_continued)
{
    struct gnttab_map_grant_ref maps[40];
    struct gnttab_unmap_grant_ref unmaps[40];

    make_granter();
    for (u32 i = 0; i < 40; i++)
        maps[i] = (struct gnttab_map_grant_ref){.host_addr = (u64)(WINDOW + i) << PAGE_SHIFT,
                                                .flags = GNTMAP_host_map,
                                                .ref = i == 7 ? 600 : 8 + i % PAGES,
                                                .dom = 1};
    yield_every = 3;
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, PUT(LIST, maps), 40), 0);
    assert_true(restarts >= 12);
    GET(LIST, maps);
    for (u32 i = 0; i < 40; i++) {
        assert_int_equal(maps[i].status, i == 7 ? GNTST_bad_gntref : GNTST_okay);
        unmaps[i] = (struct gnttab_unmap_grant_ref){
            maps[i].host_addr, 0, i == 20 ? maps[19].handle : maps[i].handle, 99}; /* one twice in a batch */
    }
    unmaps[7].handle = 99;
    yield_every = 1;
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, PUT(LIST, unmaps), 40),
                     0);
    assert_true(restarts >= 2);
    GET(LIST, unmaps);
    for (u32 i = 0; i < 40; i++)
        assert_int_equal(unmaps[i].status, i == 7 || i == 20 ? GNTST_bad_handle : GNTST_okay);
    assert_int_equal(dom(2)->maptrack.nr_used, 1);
    assert_int_equal(unmap_with(maps[20].handle, maps[20].host_addr, 0), GNTST_okay);
}

CALL_TEST(arrays_that_end_in_the_air)
{
    struct gnttab_map_grant_ref maps[2] = {
        {.host_addr = (u64)WINDOW << PAGE_SHIFT, .flags = GNTMAP_host_map, .ref = 8, .dom = 1}};
    struct gnttab_unmap_grant_ref unmap = {.host_addr = (u64)WINDOW << PAGE_SHIFT, .status = 99};
    const u64 last = GUEST_BYTES;

    make_granter();
    put(last - sizeof(maps[0]), maps, sizeof(maps[0]));
    assert_int_equal(
        hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, at(last - sizeof(maps[0])), 2),
        -EFAULT);
    assert_int_equal(dom(2)->maptrack.nr_used, 1); /* what came before is done, as on Xen */
    put(last - sizeof(unmap), &unmap, sizeof(unmap));
    assert_int_equal(
        hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, at(last - sizeof(unmap)), 2),
        -EFAULT);
    get(last - sizeof(unmap), &unmap, sizeof(unmap));
    assert_int_equal(unmap.status, GNTST_okay);
    assert_int_equal(dom(2)->maptrack.nr_used, 0);
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, at(last), 0), 0);
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, at(last), 1), -EFAULT);

    /* A result that cannot be told is undone. */
    put(0x6000, maps, sizeof(maps[0]));
    guest_64 = false;
    write_protect(0x6000);
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, at(0x6000), 1), -EFAULT);
    assert_int_equal(dom(2)->maptrack.nr_used, 0);
    assert_false(is_mapped(2, WINDOW));
    assert_int_equal(entry(8)->flags, GTF_permit_access);
}
