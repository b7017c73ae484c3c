/* Domain 0's memory map on a real-looking host map, odd maps, and random ones. */
#include <tests/machine/test.h>

#include <domain/dom0/dom0_layout.h>
#include <homestead/errno.h>

enum { RAM = 1, RESERVED = 2, ACPI = 3, NVS = 4, UNUSABLE = 5 };

/* QEMU's q35 with 4 GiB: low RAM, BIOS, ACPI at the top of low memory, RAM above 4 GiB. */
static const struct e820_entry host[] = {
    {0, 0x9fc00, RAM},
    {0x9fc00, 0x400, RESERVED},
    {0xf0000, 0x10000, RESERVED},
    {0x100000, 0x7fedf000 - 0x100000, RAM},
    {0x7fedf000, 0x121000, ACPI},
    {0xb0000000, 0x10000000, RESERVED},
    {0x100000000, 0x80000000, RAM},
};

static struct dom0_layout layout;

static u32 type_at(u64 addr)
{
    for (u32 i = 0; i < layout.nr_e820; i++)
        if (addr >= layout.e820[i].addr && addr - layout.e820[i].addr < layout.e820[i].size)
            return layout.e820[i].type;
    return 0;
}

static void check_sane(u64 mem_bytes)
{
    u64 ram = 0, last = 0;

    for (u32 i = 0; i < layout.nr_e820; i++) {
        const struct e820_entry *e = &layout.e820[i];

        assert_true(e->size > 0);
        assert_true(e->addr >= last);
        last = e->addr + e->size;
        if (e->type == RAM) {
            assert_true(IS_ALIGNED(e->addr, PAGE_SIZE) && IS_ALIGNED(e->size, PAGE_SIZE));
            assert_true(e->addr >= 0x100000 || last <= 0xa0000);
            ram += e->size;
        }
    }
    assert_int_equal(ram, mem_bytes);
    assert_int_equal(layout.ram_bytes, mem_bytes);
}

TEST(follows_the_host)
{
    assert_int_equal(dom0_layout_memory(host, ARRAY_SIZE(host), MIB(64), &layout), 0);
    check_sane(MIB(64));
    assert_int_equal(type_at(0), RAM);
    assert_int_equal(type_at(0x9efff), RAM);
    assert_int_equal(type_at(0x9f000), 0); /* half a page of RAM is none */
    assert_int_equal(type_at(0x9fc00), RESERVED);
    assert_int_equal(type_at(0xa0000), 0);
    assert_int_equal(type_at(0xf0000), RESERVED);
    assert_int_equal(type_at(0x100000), RAM);
    assert_int_equal(type_at(MIB(64) + 0x60000), RAM);
    assert_int_equal(type_at(MIB(66)), UNUSABLE);
    assert_int_equal(type_at(0x7fedf000), ACPI);
    assert_int_equal(type_at(0xb0000000), RESERVED);
    assert_int_equal(type_at(0xe0000000), 0);
    assert_int_equal(type_at(0x100000000), UNUSABLE);
}

TEST(goes_on_above_4g)
{
    assert_int_equal(dom0_layout_memory(host, ARRAY_SIZE(host), GIB(3), &layout), 0);
    check_sane(GIB(3));
    assert_int_equal(type_at(0x7fede000), RAM);
    assert_int_equal(type_at(0x100000000), RAM);
    assert_int_equal(type_at(0x180000000 - 1), UNUSABLE);
    assert_int_equal(dom0_layout_memory(host, ARRAY_SIZE(host), GIB(5), &layout), -ENOMEM);
}

TEST(odd_maps)
{
    /* RAM over the low hole, out of order, overlapped by a reserved piece, wrapping at the end. */
    static const struct e820_entry odd[] = {
        {0x400000, 0x800, RESERVED},
        {0, MIB(16), RAM},
        {MIB(4) - 0x800, 0x1000, NVS},
        {~0ull - 0xfff, ~0ull, RESERVED},
    };
    assert_int_equal(dom0_layout_memory(odd, ARRAY_SIZE(odd), MIB(8), &layout), 0);
    check_sane(MIB(8));
    assert_int_equal(type_at(0xa0000), 0);
    assert_int_equal(type_at(0xfffff), 0);
    assert_int_equal(type_at(MIB(4) - 0x800), NVS);
    assert_int_equal(type_at(MIB(4) - 0x1000), UNUSABLE);
    assert_int_equal(type_at(MIB(4) + 0x7ff), NVS);
    assert_int_equal(type_at(MIB(4) + 0x800), UNUSABLE);
    assert_int_equal(type_at(MIB(4) + 0x1000), RAM);
    assert_int_equal(dom0_layout_memory(NULL, 0, MIB(1), &layout), -ENOMEM);
}

/* Hundreds of holes: the smallest go until the rest fits, RAM later than others, ACPI's data last. */
TEST(too_many_entries)
{
    static struct e820_entry many[600];
    u32 acpi = 0;

    for (u32 i = 0; i < 300; i++)
        many[i] = (struct e820_entry){MIB(2) + i * MIB(2), MIB(1), i ? RESERVED : RAM};
    assert_int_equal(dom0_layout_memory(many, 300, MIB(1), &layout), 0);
    check_sane(MIB(1));
    for (u32 i = 0; i < 600; i++)
        many[i] = (struct e820_entry){MIB(2) + i * MIB(8), i < 500 ? KIB(512) : MIB(7),
                                      i % 10 == 3   ? ACPI
                                      : i % 10 == 4 ? RESERVED
                                                    : RAM};
    assert_int_equal(dom0_layout_memory(many, 600, MIB(100), &layout), 0);
    check_sane(MIB(100));
    for (u32 i = 0; i < layout.nr_e820; i++)
        acpi += layout.e820[i].type == ACPI;
    assert_int_equal(acpi, 60);
    assert_int_equal(type_at(MIB(2) + 505 * MIB(8)), RAM); /* the large ones, not the first */
    assert_int_equal(dom0_layout_memory(many, 600, GIB(4), &layout), -ENOMEM);
    for (u32 i = 0; i < 300; i++)
        many[i] = (struct e820_entry){GIB(4) + i * GIB(1024), GIB(512), i % 2 ? RAM : RESERVED};
    assert_int_equal(dom0_layout_memory(many, 300, 140 * GIB(512), &layout), -ENOSPC);
}

TEST(places_module_and_info)
{
    const char *why = NULL;
    u64 image_end = 0x123456;

    assert_int_equal(dom0_layout_memory(host, ARRAY_SIZE(host), MIB(64), &layout), 0);
    assert_int_equal(dom0_layout_place(&layout, image_end, MIB(10) + 1, 500, &why), 0);
    assert_true(IS_ALIGNED(layout.module_gaddr, PAGE_SIZE) && layout.module_gaddr >= image_end);
    assert_true(IS_ALIGNED(layout.start_info_gaddr, PAGE_SIZE));
    assert_true(layout.start_info_gaddr >= image_end);
    assert_true(layout.module_gaddr >= layout.start_info_gaddr + 500);
    assert_true(dom0_layout_is_ram(&layout, layout.module_gaddr, MIB(10) + 1));
    assert_true(dom0_layout_is_ram(&layout, layout.start_info_gaddr, 500));

    assert_int_equal(dom0_layout_place(&layout, image_end, 0, 500, &why), 0);
    assert_int_equal(layout.module_gaddr, 0);
    /* Fits to the byte, and only without the 2 MiB boundary: RAM from 1 MiB has 64 MiB less the low 0x9f000.
     */
    u64 room = MIB(65) - 0x9f000 - 0x125000;
    assert_int_equal(dom0_layout_place(&layout, image_end, room, 500, &why), 0);
    assert_int_equal(dom0_layout_place(&layout, image_end, room + 1, 500, &why), -ENOSPC);
    assert_int_equal(dom0_layout_place(&layout, image_end, MIB(64), 500, &why), -ENOSPC);
    assert_non_null(why);
    assert_int_equal(dom0_layout_place(&layout, image_end, ~0ull, 500, &why), -ENOSPC);
    assert_int_equal(dom0_layout_place(&layout, MIB(60), 0, MIB(5), &why), -ENOSPC);
}

TEST(nothing_above_4g)
{
    static const struct e820_entry split[] = {{0x100000, MIB(3), RAM}, {0x100000000, GIB(2), RAM}};
    const char *why;

    assert_int_equal(dom0_layout_memory(split, 2, GIB(1), &layout), 0);
    assert_int_equal(dom0_layout_place(&layout, 0x180000, MIB(4), 100, &why), -ENOSPC);
    assert_int_equal(dom0_layout_place(&layout, 0x180000, MIB(2), 100, &why), 0);
}

/* Against the definition, on small random maps, page by page. */
TEST(random_host_maps)
{
    srand(3);
    for (u32 round = 0; round < 2000; round++) {
        struct e820_entry map[6];
        u32 nr = 1 + (u32)rand() % 6;
        u64 want = 0;

        for (u32 i = 0; i < nr; i++)
            map[i] = (struct e820_entry){(u64)(rand() % 0x200) * 0x800, (u64)(rand() % 0x200) * 0x800,
                                         (u32)rand() % 3 ? RAM : RESERVED};
        bool is_ram[0x400] = {false};
        for (u64 page = 0; page < 0x400; page++) {
            bool bad = page >= 0xa0 && page < 0x100;
            for (u32 i = 0; i < nr; i++) {
                u64 start = map[i].addr, end = start + map[i].size, at = page * PAGE_SIZE;
                if (map[i].type == RAM && start <= at && end >= at + PAGE_SIZE)
                    is_ram[page] = true;
                if (map[i].type != RAM && start < at + PAGE_SIZE && end > at && map[i].size)
                    bad = true;
            }
            is_ram[page] &= !bad;
            want += is_ram[page] ? PAGE_SIZE : 0;
        }
        assert_int_equal(dom0_layout_memory(map, nr, want, &layout), 0);
        check_sane(want);
        for (u64 page = 0; page < 0x400; page++)
            assert_int_equal(type_at(page * PAGE_SIZE) == RAM &&
                                 dom0_layout_is_ram(&layout, page * PAGE_SIZE, PAGE_SIZE),
                             is_ram[page]);
        assert_int_equal(dom0_layout_memory(map, nr, want + PAGE_SIZE, &layout), -ENOMEM);
    }
}
