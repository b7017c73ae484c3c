/* Memory maps at the limits of what Homestead takes, and beyond. */
#include "ram_map_model.h"

TEST(sixteen_tib)
{
    fresh();
    entry(0, GIB(2), BOOT_MEM_RAM);
    entry(GIB(2), GIB(4), BOOT_MEM_RESERVED);
    entry(GIB(4), GIB(1024) - GIB(12), BOOT_MEM_RAM);
    entry(GIB(1024) - GIB(12), GIB(1024), BOOT_MEM_RESERVED);
    entry(GIB(1024), GIB(16384) + GIB(14), BOOT_MEM_RAM);
    for (u32 i = 0; i < 16; i++)
        node(i * GIB(1024), (i + 1) * GIB(1024) + (i == 15 ? GIB(14) : 0), (nodeid_t)i);
    struct frame_plan_report report = whole_way();
    assert_int_equal(boot_ranges_total(&map.ram), GIB(16384) - MIB(1));
    u64 bytes = GIB(18) + 16384 * PAGE_SIZE; /* 4.5 a frame, and a page a GiB */
    assert_true(report.bytes <= bytes && report.bytes >= bytes - MIB(1));
    assert_int_equal(report.far, 0);
    for (u32 k = 0; k < nr_slices; k++) /* even 1 GiB pages */
        assert_true(slices[k].size < GIB(1) || (slices[k].maddr - slices[k].offset) % GIB(1) == 0);
}

TEST(beyond_reach_is_counted)
{
    fresh();
    entry(MIB(1), GIB(1), BOOT_MEM_RAM);
    entry(RAM_LIMIT - GIB(1), RAM_LIMIT + GIB(3), BOOT_MEM_RAM);
    entry(1ull << 51, (1ull << 51) + GIB(7), BOOT_MEM_RAM);
    entry(~0ull - GIB(1), ~0ull, BOOT_MEM_RESERVED);
    entry(RAM_LIMIT + GIB(1), RAM_LIMIT + GIB(2), BOOT_MEM_ACPI);
    whole_way();
    assert_int_equal(map.out_of_reach, GIB(9)); /* without ACPI's */
    assert_int_equal(boot_ranges_total(&map.ram), GIB(2) - MIB(1));
    assert_true(map.mapped.range[map.mapped.nr - 1].end <= RAM_LIMIT);
}

TEST(nonsense)
{
    fresh();
    assert_int_equal(ram_map_make(&map, &free_ram, &info), -EINVAL);
    entry(GIB(1), GIB(2), BOOT_MEM_RAM);
    info.mem[info.nr_mem++] = (struct boot_mem){.base = GIB(4), .size = ~0ull, .type = BOOT_MEM_RAM};
    info.mem[info.nr_mem++] = (struct boot_mem){.base = GIB(1), .size = 0, .type = BOOT_MEM_RESERVED};
    info.mem[info.nr_mem++] = (struct boot_mem){.base = GIB(2), .size = ~0ull, .type = BOOT_MEM_RESERVED};
    info.mem[info.nr_mem++] = (struct boot_mem){.base = GIB(3), .size = GIB(1), .type = BOOT_MEM_RAM};
    whole_way();
    assert_int_equal(map.nonsense, 1);
    assert_int_equal(boot_ranges_total(&map.ram), GIB(1)); /* what wraps and is not RAM counts to the end */
    info.mem[0].type = BOOT_MEM_UNUSABLE;
    assert_int_equal(ram_map_make(&map, &free_ram, &info), -EINVAL);
}

TEST(what_is_used_is_not_free)
{
    fresh();
    info.image_base = MIB(2), info.image_size = MIB(3) + 5;
    info.modules[0] = (struct boot_module){.base = MIB(9) + 7, .size = 100};
    info.nr_modules = 1;
    entry(0, 0x9fc00, BOOT_MEM_RAM);
    entry(0x9fc00, 0xa0000, BOOT_MEM_RESERVED);
    entry(MIB(1), MIB(16), BOOT_MEM_RAM);
    entry(MIB(16), MIB(17), BOOT_MEM_RAM);
    info.used[info.nr_used++] = (struct boot_used){.base = MIB(16), .size = MIB(1)};
    entry(MIB(17), MIB(18), BOOT_MEM_ACPI);
    entry(MIB(20), MIB(21), BOOT_MEM_EFI_RT_CODE);
    assert_int_equal(ram_map_make(&map, &free_ram, &info), 0);
    assert_int_equal(boot_ranges_total(&map.ram), MIB(16));
    assert_int_equal(boot_ranges_total(&free_ram), MIB(15) - MIB(3) - 2 * PAGE_SIZE);
    assert_false(has(&free_ram, MIB(5)) || has(&free_ram, MIB(9)) || has(&free_ram, MIB(16)));
    assert_true(has(&map.mapped, 0) && has(&map.mapped, MIB(17)) && !has(&map.mapped, MIB(20)));
    assert_false(has(&map.mapped, 0x9f000)); /* the page is partly reserved */
    /* The loader's memory is mapped even where the map calls it something else as well. */
    entry(MIB(16), MIB(17), BOOT_MEM_RESERVED);
    assert_int_equal(ram_map_make(&map, &free_ram, &info), 0);
    assert_true(has(&map.mapped, MIB(16)) && !has(&map.ram, MIB(16)));
}

/* All entries in use, every second page a hole: nothing is lost, and each node pays for its own. */
TEST(as_many_holes_as_entries)
{
    fresh();
    for (u32 i = 0; i < BOOT_MEM_MAX; i++)
        entry(MIB(16) + i * MIB(4), MIB(16) + i * MIB(4) + MIB(1) + PAGE_SIZE, BOOT_MEM_RAM);
    node(0, GIB(3), 0);
    node(GIB(3), GIB(20), 1);
    struct frame_plan_report report = whole_way();
    assert_int_equal(map.ram.nr, BOOT_MEM_MAX);
    assert_int_equal(report.far, 0);
}

TEST(holes_cut_into_one_piece)
{
    fresh();
    entry(MIB(1), GIB(64), BOOT_MEM_RAM);
    for (u32 i = 1; i < BOOT_MEM_MAX; i++)
        entry(MIB(16) + i * MIB(8) + 17, MIB(16) + i * MIB(8) + 18, BOOT_MEM_RESERVED);
    whole_way();
    assert_int_equal(map.ram.nr, BOOT_MEM_MAX);
    assert_int_equal(boot_ranges_total(&map.ram), GIB(64) - MIB(1) - (BOOT_MEM_MAX - 1) * PAGE_SIZE);
}

/* More entries than there is room: the smallest RAM goes and is counted; what is not RAM stays, as it may be
 * inside what looks like RAM. */
TEST(the_smallest_goes)
{
    u64 all = GIB(1), lost = 0;

    fresh();
    entry(GIB(1), GIB(2), BOOT_MEM_RAM);
    for (u32 i = 1; i <= BOOT_MEM_MAX + 500; i++) {
        u64 size = (i * 7919 % 1009 + 1) * PAGE_SIZE;
        entry(GIB(4) + i * MIB(8), GIB(4) + i * MIB(8) + size, BOOT_MEM_RAM);
        all += size;
    }
    for (u32 i = 0; i < 300; i++)
        entry(GIB(1) + i * MIB(2), GIB(1) + i * MIB(2) + PAGE_SIZE, BOOT_MEM_RESERVED);
    assert_int_equal(info.nr_mem, BOOT_MEM_MAX);
    for (u32 i = 0; i < info.nr_mem; i++)
        lost += info.mem[i].type == BOOT_MEM_RAM ? info.mem[i].size : 0;
    lost = all - lost;
    assert_int_equal(info.mem_left_out, lost);
    assert_true(lost > 0 && lost < all / 8);
    whole_way();
    assert_int_equal(map.left_out, lost);
    assert_int_equal(boot_ranges_total(&map.ram), all - lost - 300 * PAGE_SIZE);
    /* Nothing but holes: no RAM may get in any more. */
    fresh();
    for (u32 i = 0; i < BOOT_MEM_MAX + 10; i++)
        entry(GIB(4) + i * MIB(8), GIB(4) + i * MIB(8) + 1, BOOT_MEM_RESERVED);
    entry(GIB(1), GIB(2), BOOT_MEM_RAM);
    assert_int_equal(info.mem_left_out, GIB(1));
    assert_int_equal(ram_map_make(&map, &free_ram, &info), -EINVAL);
}

TEST(a_full_node_gets_its_slice_elsewhere)
{
    fresh();
    entry(MIB(1), GIB(2), BOOT_MEM_RAM);
    node(0, GIB(1), 0);
    node(GIB(1), GIB(2), 1);
    info.modules[0] = (struct boot_module){.base = GIB(1), .size = GIB(1) - 4 * PAGE_SIZE};
    info.nr_modules = 1; /* four pages of node 1 are left */
    struct frame_plan_report report = whole_way();
    u64 bytes = 512 * (512 * sizeof(frame_word_t) + sizeof(struct region)) + sizeof(struct chunk_page);
    assert_int_equal(report.far, bytes - 3 * PAGE_SIZE); /* a page table took the fourth */
    free_ram.nr = 0;
    assert_int_equal(frame_plan(&map.ram, &topo, &free_ram, note_slice, NULL, &report), -ENOMEM);
}
