/* The guest memory layout that the builder loads into. */
#include <tests/machine/test.h>

#include <guest/dom0/layout.h>
#include <xen/hvm/start_info.h>

static void assert_range(const struct layout_range *r, uint64_t start, uint64_t end, uint32_t type)
{
    assert_int_equal(r->start, start);
    assert_int_equal(r->end, end);
    assert_int_equal(r->type, type);
}

TEST(a_guest_owns_exactly_its_memory)
{
    static const uint32_t sizes[] = {1,    2,    3,    64,   256,  512,  1023,
                                     1024, 3071, 3072, 3073, 4096, 8192, 1 << 24};
    struct layout l;

    for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t pages = 0;
        layout_make(sizes[i], &l);
        for (uint32_t j = 0; j < l.nr_ranges; j++)
            pages += l.ranges[j].end - l.ranges[j].start;
        assert_int_equal(l.nr_pages, sizes[i] * 256ull);
        assert_int_equal(pages, l.nr_pages);
    }
    layout_make(3072, &l);
    assert_int_equal(l.nr_ranges, 1);
    assert_range(&l.ranges[0], 0, 0xC0000, XEN_HVM_MEMMAP_TYPE_RAM);
    layout_make(5120, &l);
    assert_int_equal(l.nr_ranges, 2);
    assert_range(&l.ranges[0], 0, 0xC0000, XEN_HVM_MEMMAP_TYPE_RAM);
    assert_range(&l.ranges[1], 0x100000, 0x180000, XEN_HVM_MEMMAP_TYPE_RAM);
}

TEST(the_memory_map_keeps_tables_and_ring_out_of_ram)
{
    struct layout l;

    layout_make(5120, &l);
    assert_int_equal(l.nr_map, 5);
    assert_range(&l.map[0], 0, 0xA0, XEN_HVM_MEMMAP_TYPE_RAM);
    assert_range(&l.map[1], 0xE0, 0xF0, XEN_HVM_MEMMAP_TYPE_ACPI);
    assert_range(&l.map[2], 0xF0, 0x100, XEN_HVM_MEMMAP_TYPE_RESERVED);
    assert_range(&l.map[3], 0x100, 0xC0000, XEN_HVM_MEMMAP_TYPE_RAM);
    assert_range(&l.map[4], 0x100000, 0x180000, XEN_HVM_MEMMAP_TYPE_RAM);
    layout_make(256, &l);
    assert_int_equal(l.nr_map, 4);
    assert_range(&l.map[3], 0x100, 0x10000, XEN_HVM_MEMMAP_TYPE_RAM);
    layout_make(1, &l);
    assert_int_equal(l.nr_map, 3);
    assert_false(layout_contains(&l, 0xE0000, 4096));
    assert_false(layout_contains(&l, 0xFF000, 4096));
    assert_false(layout_contains(&l, 0xA0000, 4096));
}

/* How many extents of each order a range is populated with, when the host has all of them. */
static void count_extents(const struct layout_range *r, uint32_t count[3])
{
    for (uint64_t gfn = r->start; gfn < r->end;) {
        uint32_t order = layout_order(gfn, r->end, ORDER_1G);
        count[order == ORDER_1G ? 0 : order == ORDER_2M ? 1 : 2]++;
        gfn += 1ull << order;
    }
}

TEST(memory_is_cut_into_the_largest_extents)
{
    static const struct {
        uint32_t mib, count[3];
    } cases[] = {{2, {0, 1, 0}},      {3, {0, 1, 256}},  {512, {0, 256, 0}}, {1024, {1, 0, 0}},
                 {1536, {1, 256, 0}}, {2048, {2, 0, 0}}, {3072, {3, 0, 0}},  {4096, {4, 0, 0}},
                 {4097, {4, 0, 256}}, {8192, {8, 0, 0}}};
    struct layout l;

    for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t count[3] = {0};
        layout_make(cases[i].mib, &l);
        for (uint32_t j = 0; j < l.nr_ranges; j++)
            count_extents(&l.ranges[j], count);
        assert_memory_equal(count, cases[i].count, sizeof(count));
    }
}

/* [start, end) pairs, in bytes. */
static struct elf_kernel kernel(const uint64_t (*ranges)[2], uint32_t nr)
{
    struct elf_kernel elf = {.nr_segments = nr};

    for (uint32_t i = 0; i < nr; i++)
        elf.segments[i] =
            (struct elf_segment){.paddr = ranges[i][0], .mem_size = ranges[i][1] - ranges[i][0]};
    return elf;
}

TEST(the_start_info_goes_behind_the_kernel)
{
    struct layout l;
    const uint64_t one[][2] = {{0x100000, 0x234567}};
    const uint64_t linux_like[][2] = {{0x1000000, 0x2826634}, {0x301a000, 0x304e000}, {0x304e000, 0x3e00000}};
    const uint64_t with_low_part[][2] = {{0x8000, 0x9000}, {0x200000, 0x300000}};
    struct elf_kernel elf = kernel(one, 1);

    layout_make(128, &l);
    assert_int_equal(layout_place(&l, &elf, 700), 0x235000);
    elf = kernel(linux_like, 3);
    assert_int_equal(layout_place(&l, &elf, 700), 0x3e00000);
    elf = kernel(with_low_part, 2);
    assert_int_equal(layout_place(&l, &elf, 700), 0x300000);
}

TEST(the_start_info_fits_exactly_or_goes_elsewhere_and_never_below_1_mib)
{
    struct layout l;
    const uint64_t to_the_last_page[][2] = {{0x100000, 0x1ff000}};
    const uint64_t to_the_end[][2] = {{0x100000, 0x200000}};
    const uint64_t high[][2] = {{0x180000, 0x200000}};
    const uint64_t gap[][2] = {{0x180000, 0x200000}, {0x100000, 0x170001}};
    const uint64_t full[][2] = {{0x100000, 0x180000}, {0x180000, 0x1ff001}};
    struct elf_kernel elf = kernel(to_the_last_page, 1);

    layout_make(2, &l);
    assert_int_equal(layout_place(&l, &elf, 4096), 0x1ff000);
    assert_int_equal(layout_place(&l, &elf, 4097), 0);
    elf = kernel(to_the_end, 1);
    assert_int_equal(layout_place(&l, &elf, 1), 0);
    elf = kernel(high, 1);
    assert_int_equal(layout_place(&l, &elf, 0x80000), 0x100000);
    assert_int_equal(layout_place(&l, &elf, 0x80001), 0);
    elf = kernel(gap, 2);
    assert_int_equal(layout_place(&l, &elf, 4096), 0x171000);
    assert_int_equal(layout_place(&l, &elf, 0xf000), 0x171000);
    assert_int_equal(layout_place(&l, &elf, 0xf001), 0);
    elf = kernel(full, 2);
    assert_int_equal(layout_place(&l, &elf, 4096), 0);
    layout_make(1, &l);
    assert_int_equal(layout_place(&l, &elf, 1), 0);
}

TEST(layout_contains_whole_pieces_only)
{
    struct layout l;

    layout_make(16, &l);
    assert_true(layout_contains(&l, 0, 0xA0000));
    assert_false(layout_contains(&l, 0, 0xA0001));
    assert_false(layout_contains(&l, 0x9ffff, 0x70000));
    assert_true(layout_contains(&l, 0x100000, 15 << 20));
    assert_false(layout_contains(&l, 0x100000, (15 << 20) + 1));
    assert_false(layout_contains(&l, ~0ull, 2));
    assert_false(layout_contains(&l, 0x100000, ~0ull));
}

TEST(orders_are_the_largest_that_fit)
{
    assert_int_equal(layout_order(0x100, 0x10000, ORDER_1G), ORDER_4K);
    assert_int_equal(layout_order(0x200, 0x10000, ORDER_1G), ORDER_2M);
    assert_int_equal(layout_order(0x200, 0x3ff, ORDER_1G), ORDER_4K);
    assert_int_equal(layout_order(0x40000, 0x80000, ORDER_1G), ORDER_1G);
    assert_int_equal(layout_order(0x40000, 0x80000, ORDER_2M), ORDER_2M);
    assert_int_equal(layout_order(0x40000, 0x7ffff, ORDER_1G), ORDER_2M);
    assert_int_equal(layout_order(0x40000, 0x80000, ORDER_4K), ORDER_4K);
}
