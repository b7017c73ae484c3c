/* The CPU lists of a guest's configuration. */
#include <tests/machine/test.h>

#include <guest/dom0/cpus.h>
#include <homestead/errno.h>

static const u32 node_of[8] = {0, 0, 1, 1, 2, 2, 3, 3};
static u8 map[MAX_CPUS / 8];

static u32 for_vcpu(const char *items, u32 vcpu)
{
    assert_int_equal(cpus_for_vcpu(items, vcpu, node_of, 8, map), 0);
    return map[0];
}
static int fails(const char *items)
{
    return cpus_for_vcpu(items, 0, node_of, 8, map);
}

TEST(lists)
{
    assert_int_equal(for_vcpu("3", 7), 0x08);
    assert_int_equal(for_vcpu("0-3,^1, 7", 0), 0x8d);
    assert_int_equal(for_vcpu("all,^0", 0), 0xfe);
    assert_int_equal(for_vcpu("nodes:1-2", 0), 0x3c);
    assert_int_equal(for_vcpu("node:3,^7", 0), 0x40);
    assert_int_equal(for_vcpu("all,^nodes:0", 0), 0xfc);
    assert_int_equal(for_vcpu("2-99", 0), 0xfc);
    assert_int_equal(for_vcpu("0;1;2-3;", 0), 1);
    assert_int_equal(for_vcpu("0;1;2-3;", 2), 0x0c);
    assert_int_equal(for_vcpu("0;1;2-3;", 3), 0xff); /* no item: anywhere */
    assert_int_equal(map[127], 0xff);
}

TEST(refused)
{
    static const char *const bad[] = {"",  "x",   "1-", "3-2",   "1,,2",   "1,",
                                      "^", "1 2", "-1", "65536", "nodes:", ";"};

    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(fails(bad[i]), -EINVAL);
    assert_int_equal(fails("8"), -ENOENT);
    assert_int_equal(fails("1,^1"), -ENOENT);
    assert_int_equal(fails("nodes:9"), -ENOENT);
}
