/* How much memory domain 0 gets, and the least that it can have: on a real-looking machine, and on odd ones. */
#include <tests/machine/test.h>

#include <domain/dom0/dom0_size.h>
#include <homestead/errno.h>

enum { RAM = 1, RESERVED = 2, ACPI = 3 };

static const struct e820_entry machine[] = {
    {0, 0x9fc00, RAM},
    {0x9fc00, 0x400, RESERVED},
    {0xf0000, 0x10000, RESERVED},
    {0x100000, MIB(512) - 0x100000, RAM},
    {MIB(512), MIB(1), ACPI},
    {MIB(513), MIB(1535), RAM},
    {GIB(4), GIB(2), RAM},
};

static struct dom0_layout layout;
static struct elf_kernel elf;
static struct dom0_config config;
static struct dom0_load load;

/* One segment. */
static void kernel(u64 start, u64 bytes, u64 module_bytes, u64 unpacked_bytes)
{
    elf = (struct elf_kernel){.nr_segments = 1,
                              .segments[0] = {.paddr = start, .mem_size = bytes},
                              .start = start,
                              .end = start + bytes};
    config = (struct dom0_config){
        .module_size = module_bytes, .host_e820 = machine, .nr_host_e820 = ARRAY_SIZE(machine)};
    load = (struct dom0_load){&config, &elf, 200, unpacked_bytes};
}

TEST(what_a_module_becomes)
{
    const struct {
        const char *bytes;
        u64 size, becomes;
    } modules[] = {
        {"070701", MIB(5), MIB(5)},
        {"\x1f\x8b\x08\x00", 1000, 4000},
        {"\xfd"
         "7zXZ",
         MIB(60), MIB(240)},
        {"\x28\xb5\x2f\xfd", 8, 32},
        {"\x02\x21\x4c\x18", 8, 32},
        {"\x02\x21\x4c\x19", 8, 8},
        {"BZh9", 8, 32},
        {"\x5d\x00\x00\x00", 8, 32},
        {"\x89LZO", 8, 32},
        {"\x1f\x8b", 2, 8},
        {"\x1f\x8b", 1, 1},
        {"\x28\xb5\x2f\xfd", 3, 3},
        {"", 0, 0},
    };

    for_each_row (i, modules)
        assert_int_equal(dom0_unpacked_bytes(modules[i].bytes, modules[i].size), modules[i].becomes);
    assert_int_equal(dom0_unpacked_bytes(NULL, 0), 0);
}

TEST(the_default)
{
    const struct {
        u64 image, module, unpacked, free, bytes;
    } cases[] = {
        /* the tiny domain 0: 64 MiB, or room for two of everything, and for kernels */
        {MIB(1), KIB(64), KIB(64), GIB(2), MIB(64)},
        {MIB(1), MIB(4), MIB(4), GIB(2), MIB(64)},
        {MIB(1), MIB(30), MIB(30), GIB(2), MIB(94) + MIB(96)},
        {MIB(1), MIB(30), MIB(30), MIB(200), MIB(94) + MIB(50)},
        {MIB(15) + 1, MIB(9), MIB(9), MIB(10), MIB(84)}, /* rounded up to 2 MiB */
        /* Linux: an initramfs may be half of its memory; but at most half of a machine */
        {MIB(58), 0, 0, GIB(4), MIB(314)},
        {MIB(58), MIB(60), MIB(240), GIB(4), MIB(58 + 60 + 480 + 256)},
        {MIB(58), MIB(60), MIB(240), GIB(1), MIB(512)},
        {MIB(58), MIB(60), MIB(240), MIB(300), MIB(268)}, /* but no less than any other */
    };

    for_each_row (i, cases) {
        kernel(MIB(16), cases[i].image, cases[i].module, cases[i].unpacked);
        assert_int_equal(dom0_default_bytes(&load, cases[i].free), cases[i].bytes);
    }
}

TEST(too_little_to_unpack)
{
    kernel(MIB(1), MIB(2), MIB(30), MIB(120));
    assert_int_equal(dom0_cramped_bytes(&load), 0);
    kernel(MIB(16), MIB(58), 0, 0);
    assert_int_equal(dom0_cramped_bytes(&load), 0);
    kernel(MIB(16), MIB(58), MIB(10), MIB(40));
    assert_int_equal(dom0_cramped_bytes(&load), MIB(16 + 58 + 80 + 24));
    kernel(MIB(16), MIB(58), MIB(10), MIB(10));
    assert_int_equal(dom0_cramped_bytes(&load), MIB(16 + 58 + 20 + 24));
    assert_true(dom0_default_bytes(&load, GIB(2)) >= dom0_cramped_bytes(&load));
}

/* One MiB less does not fit; and why. */
static void expect_least(u64 mib, const char *reason)
{
    const char *why;

    assert_int_equal(dom0_least_bytes(&load, &layout), MIB(mib));
    assert_int_equal(dom0_fit(&load, MIB(mib), &layout, &why), 0);
    assert_null(why);
    assert_true(dom0_layout_is_ram(&layout, elf.segments[0].paddr, elf.segments[0].mem_size));
    assert_true(!config.module_size || dom0_layout_is_ram(&layout, layout.module_gaddr, config.module_size));
    assert_int_equal(dom0_fit(&load, MIB(mib - 1), &layout, &why), -ENOSPC);
    assert_string_equal(why, reason);
}

TEST(the_least)
{
    /* The first MiB lacks 0x61 pages: so much is beyond the size. */
    kernel(MIB(16), MIB(58), 0, 0);
    expect_least(74, "a part of its image lies outside of them");
    kernel(MIB(16), MIB(58) + 0x60000, 0, 0);
    expect_least(74, "a part of its image lies outside of them");
    kernel(MIB(16), MIB(58) + 0x61000, 0, 0);
    expect_least(75, "the start information does not fit after the image, below 4 GiB");
    kernel(MIB(16), MIB(58), MIB(60), 0);
    expect_least(134, "the module does not fit after the image, below 4 GiB");
    kernel(MIB(520), MIB(1), 0, 0);
    expect_least(520, "a part of its image lies outside of them");
}

TEST(no_size_fits)
{
    const char *why;

    kernel(MIB(512) - MIB(1), MIB(2), 0, 0); /* ACPI's tables are there */
    assert_int_equal(dom0_least_bytes(&load, &layout), 0);
    assert_int_equal(dom0_fit(&load, GIB(1), &layout, &why), -ENOSPC);
    assert_string_equal(why, "a part of its image lies outside of them");
    kernel(MIB(16), MIB(58), GIB(2), 0);
    assert_int_equal(dom0_least_bytes(&load, &layout), 0);
    assert_int_equal(dom0_fit(&load, GIB(3), &layout, &why), -ENOSPC);
    assert_int_equal(dom0_fit(&load, GIB(5), &layout, &why), -ENOMEM);
    assert_null(why);
    kernel(MIB(1), MIB(1), 0, 0);
    config.nr_host_e820 = 0;
    assert_int_equal(dom0_least_bytes(&load, &layout), 0);
    config.nr_host_e820 = 1; /* 636 KiB */
    assert_int_equal(dom0_least_bytes(&load, &layout), 0);
}
