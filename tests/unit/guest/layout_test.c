/* The guest memory layout that the builder loads into. */
#include <tests/machine/test.h>

#include <guest/dom0/layout.h>

TEST(layout_has_the_holes)
{
    struct layout l;

    layout_make(256, &l);
    assert_int_equal(l.nr_ranges, 2);
    assert_int_equal(l.nr_pages, 65536 - 0x60);
    assert_int_equal(l.ranges[0].end, 0xA0);
    assert_int_equal(l.ranges[1].start, 0x100);
    assert_int_equal(l.ranges[1].end, 0x10000);
    layout_make(1, &l);
    assert_int_equal(l.nr_ranges, 1);
    assert_int_equal(l.nr_pages, 0xA0);
    layout_make(3072, &l);
    assert_int_equal(l.nr_ranges, 2);
    assert_int_equal(l.ranges[1].end, 0xC0000);
    layout_make(5120, &l);
    assert_int_equal(l.nr_ranges, 3);
    assert_int_equal(l.ranges[2].start, 0x100000);
    assert_int_equal(l.ranges[2].end, 0x180000);
    assert_int_equal(l.nr_pages, 5120 * 256 - 0x60);
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
