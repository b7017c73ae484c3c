/* The guest memory layout that the builder loads into. */
#include <tests/machine/test.h>

#include <guest/dom0/layout.h>
#include <xen/hvm/start_info.h>

TEST(layout_has_the_holes)
{
    struct layout l;

    layout_make(256, &l);
    assert_int_equal(l.nr_ranges, 3);
    assert_int_equal(l.nr_pages, 65536 - 0x60 + 1);
    assert_int_equal(l.ranges[0].end, 0xA0);
    assert_int_equal(l.ranges[1].start, 0x100);
    assert_int_equal(l.ranges[1].end, 0x10000);
    layout_make(1, &l);
    assert_int_equal(l.nr_ranges, 2);
    assert_int_equal(l.nr_pages, 0xA0 + 1);
    layout_make(3072, &l);
    assert_int_equal(l.nr_ranges, 3);
    assert_int_equal(l.ranges[1].end, 0xC0000);
    layout_make(5120, &l);
    assert_int_equal(l.nr_ranges, 4);
    assert_int_equal(l.ranges[3].start, 0x100000);
    assert_int_equal(l.ranges[3].end, 0x180000);
    assert_int_equal(l.nr_pages, 5120 * 256 - 0x60 + 1);
}

TEST(layout_has_a_reserved_page_for_the_console)
{
    struct layout l;

    layout_make(5120, &l);
    assert_int_equal(l.ranges[2].start, 0xFEFFF);
    assert_int_equal(l.ranges[2].end, 0xFF000);
    assert_int_equal(l.ranges[2].type, XEN_HVM_MEMMAP_TYPE_RESERVED);
    for (uint32_t i = 0; i < l.nr_ranges; i++)
        assert_true(i == 2 || l.ranges[i].type == XEN_HVM_MEMMAP_TYPE_RAM);
    assert_false(layout_contains(&l, 0xFEFFF000, 4096));
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
