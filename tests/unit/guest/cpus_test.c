/* The CPU lists of a guest's configuration. */
#include <tests/machine/test.h>

#include <guest/dom0/cpus.h>
#include <homestead/errno.h>

static const u32 node_of[8] = {0, 0, 1, 1, 2, 2, 3, 3};
static u8 map[MAX_CPUS / 8];

static u32 cpus(const char *text)
{
    assert_int_equal(cpus_parse(text, node_of, 8, map), 0);
    return map[0];
}
static int fails(const char *text)
{
    return cpus_parse(text, node_of, 8, map);
}

TEST(lists)
{
    assert_int_equal(cpus("3"), 0x08);
    assert_int_equal(cpus("0-3,^1, 7"), 0x8d);
    assert_int_equal(cpus("all,^0"), 0xfe);
    assert_int_equal(cpus("nodes:1-2"), 0x3c);
    assert_int_equal(cpus("node:3,^7"), 0x40);
    assert_int_equal(cpus("all,^nodes:0"), 0xfc);
    assert_int_equal(cpus("2-99"), 0xfc);
    assert_int_equal(map[127], 0);
}

TEST(refused)
{
    static const char *const bad[] = {"",  "x",   "1-", "3-2",   "1,,2",   "1,",
                                      "^", "1 2", "-1", "65536", "nodes:", "1;"};

    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(fails(bad[i]), -EINVAL);
    assert_int_equal(fails("8"), -ENOENT);
    assert_int_equal(fails("1,^1"), -ENOENT);
    assert_int_equal(fails("nodes:9"), -ENOENT);
    /* No CPU is known yet: only the form counts. */
    assert_int_equal(cpus_parse("0-3", NULL, 0, map), -ENOENT);
    assert_int_equal(cpus_parse("0-3;", NULL, 0, map), -EINVAL);
}

TEST(plain_numbers)
{
    u8 small[2];

    assert_int_equal(cpus_parse_numbers("0, 3-4 ,15", 16, small), 0);
    assert_int_equal(small[0], 0x19);
    assert_int_equal(small[1], 0x80);
    assert_int_equal(cpus_parse_numbers("16", 16, small), -ERANGE);
    assert_int_equal(cpus_parse_numbers("3-16", 16, small), -ERANGE);
    static const char *const bad[] = {"", "all", "^1", "node:1", "1,", "4-3", "1 2"};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(cpus_parse_numbers(bad[i], 16, small), -EINVAL);
}
