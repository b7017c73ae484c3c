/* The UEFI loader's memory map and its page tables, which are walked here as a CPU does. */
#include <tests/machine/test.h>

#include <boot/efi/elf_load.h>
#include <boot/efi/memory_map.h>
#include <homestead/errno.h>

#define STRIDE      0x30u /* OVMF's */
#define MAX_ENTRIES 8192u

static u8 map[MAX_ENTRIES * STRIDE] ALIGNED(8);
static u64 used;
static struct boot_info bi;

static void start(void)
{
    used = 0;
    memset(&bi, 0, sizeof(bi));
    memset(map, 0xa5, sizeof(map));
}

static void add_with(u32 type, u64 base, u64 pages, u64 attributes)
{
    struct efi_descriptor d = {.type = type, .phys_start = base, .nr_pages = pages, .attributes = attributes};

    assert_true(used < MAX_ENTRIES);
    memcpy(map + used++ * STRIDE, &d, sizeof(d));
}

static void add(u32 type, u64 base, u64 pages)
{
    add_with(type, base, pages, 0xf);
}

static int convert(void)
{
    return memory_map_convert(map, used * STRIDE, STRIDE, &bi);
}

static void expect_entry(u32 i, u64 base, u64 size, u32 type)
{
    assert_true(i < bi.nr_mem);
    assert_int_equal(bi.mem[i].base, base);
    assert_int_equal(bi.mem[i].size, size);
    assert_int_equal(bi.mem[i].type, type);
}

TEST_WITH(types, start, NULL)
{
    static const u32 want[] = {
        BOOT_MEM_RESERVED,    BOOT_MEM_RAM,         BOOT_MEM_RAM,      BOOT_MEM_RAM,      BOOT_MEM_RAM,
        BOOT_MEM_EFI_RT_CODE, BOOT_MEM_EFI_RT_DATA, BOOT_MEM_RAM,      BOOT_MEM_UNUSABLE, BOOT_MEM_ACPI,
        BOOT_MEM_NVS,         BOOT_MEM_RESERVED,    BOOT_MEM_RESERVED, BOOT_MEM_RESERVED, BOOT_MEM_RESERVED,
        BOOT_MEM_RESERVED /* 15: not accepted yet */};

    for (u32 t = 0; t < ARRAY_SIZE(want); t++)
        add(t, t * MIB(2), 1);
    add(0x80000000u, MIB(100), 1); /* an OEM's type */
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, ARRAY_SIZE(want) + 1);
    for (u32 t = 0; t < ARRAY_SIZE(want); t++)
        expect_entry(t, t * MIB(2), 4096, want[t]);
    expect_entry(ARRAY_SIZE(want), MIB(100), 4096, BOOT_MEM_RESERVED);
}

TEST_WITH(sorted_and_merged, start, NULL)
{
    add(7, MIB(16), 256);
    add(4, 0, 160);
    add(3, 160 * 4096, 96); /* touches the one above */
    add(2, MIB(17), 16);    /* a loader's: RAM too */
    add(1, MIB(17) + 16 * 4096, 16);
    add(7, MIB(32), 1); /* a gap */
    add(7, MIB(64), 0); /* nothing */
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, 3);
    expect_entry(0, 0, MIB(1), BOOT_MEM_RAM);
    expect_entry(1, MIB(16), MIB(1) + 32 * 4096, BOOT_MEM_RAM);
    expect_entry(2, MIB(32), 4096, BOOT_MEM_RAM);
}

/* RAM by type that is not for general use by attribute. */
TEST_WITH(attributes, start, NULL)
{
    add_with(7, MIB(1), 1, 0xf | 1ull << 18); /* specific purpose: CXL, high-bandwidth memory */
    add_with(7, MIB(2), 1, 0xf | 1ull << 15); /* non-volatile */
    add_with(7, MIB(3), 1, 1);                /* cannot be cached */
    add_with(7, MIB(4), 1, 0);                /* says nothing of caching */
    add_with(7, MIB(5), 1, 0xf | 1ull << 16); /* more reliable: RAM */
    add_with(7, MIB(6), 1, 0xf | 1ull << 20); /* can be unplugged: RAM */
    add_with(4, MIB(7), 1, 0xf | 1ull << 63); /* the firmware wants it at run time */
    add_with(3, MIB(8), 1, 0xf | 1ull << 63); /* so its code */
    add_with(2, MIB(9), 1, 0);                /* a loader's is judged alike */
    add_with(11, MIB(10), 1, 0xf);            /* MMIO stays MMIO */
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, 10);
    for (u32 i = 0; i < 4; i++)
        expect_entry(i, MIB(1 + i), 4096, BOOT_MEM_RESERVED);
    expect_entry(4, MIB(5), 4096, BOOT_MEM_RAM);
    expect_entry(5, MIB(6), 4096, BOOT_MEM_RAM);
    expect_entry(6, MIB(7), 4096, BOOT_MEM_EFI_RT_DATA);
    expect_entry(7, MIB(8), 4096, BOOT_MEM_EFI_RT_CODE);
    expect_entry(8, MIB(9), 4096, BOOT_MEM_RESERVED);
    expect_entry(9, MIB(10), 4096, BOOT_MEM_RESERVED);
}

/* The end of a laptop's map (ASUS U32VJ, boot log): unsorted, runtime data between RAM, MMIO with the runtime
 * attribute. */
TEST_WITH(recorded, start, NULL)
{
    static const struct {
        u32 type;
        u64 attributes, start, end;
    } d[] = {
        {4, 0xf, 0xcaca9000, 0xcacae000},
        {3, 0xf, 0xcacae000, 0xcacb2000},
        {4, 0xf, 0xcacb2000, 0xcacbf000},
        {3, 0xf, 0xcacbf000, 0xcacd1000},
        {4, 0xf, 0xcacd1000, 0xcacd8000},
        {6, 0x800000000000000f, 0xcacd8000, 0xcaff4000},
        {4, 0xf, 0xcaff4000, 0xcb000000},
        {7, 0xf, 0x100000000, 0x32f200000},
        {0, 0x8000000000000000, 0xcbc00000, 0xcfe00000},
        {11, 0x8000000000000001, 0xf8000000, 0xfc000000},
        {11, 0x8000000000000001, 0xfec00000, 0xfec01000},
        {11, 0x8000000000000001, 0xfed00000, 0xfed04000},
        {11, 0x8000000000000001, 0xfed1c000, 0xfed20000},
        {11, 0x8000000000000001, 0xfee00000, 0xfee01000},
        {11, 0x8000000000000001, 0xff000000, 0x100000000},
    };

    for (u32 i = 0; i < ARRAY_SIZE(d); i++)
        add_with(d[i].type, d[i].start, (d[i].end - d[i].start) >> 12, d[i].attributes);
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, 11);
    expect_entry(0, 0xcaca9000, 0xcacd8000 - 0xcaca9000, BOOT_MEM_RAM);
    expect_entry(1, 0xcacd8000, 0xcaff4000 - 0xcacd8000, BOOT_MEM_EFI_RT_DATA);
    expect_entry(2, 0xcaff4000, 0xcb000000 - 0xcaff4000, BOOT_MEM_RAM);
    expect_entry(3, 0xcbc00000, 0xcfe00000 - 0xcbc00000, BOOT_MEM_RESERVED);
    expect_entry(10, 0x100000000, 0x32f200000 - 0x100000000, BOOT_MEM_RAM);
    assert_int_equal(memory_map_end(&bi), 0x32f200000);
}

/* The hypervisor judges what overlaps or wraps: here it must only arrive. */
TEST_WITH(nonsense_is_passed_on, start, NULL)
{
    add(7, MIB(1), 2);
    add(0, MIB(1) + 4096, 2);
    add(7, ~0ull << 12, 2);
    add(7, MIB(64), ~0ull);
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, 4);
    expect_entry(0, MIB(1), 2 * 4096, BOOT_MEM_RAM);
    expect_entry(1, MIB(1) + 4096, 2 * 4096, BOOT_MEM_RESERVED);
    expect_entry(2, MIB(64), ~0ull << 12, BOOT_MEM_RAM);
    expect_entry(3, ~0ull << 12, 2 * 4096, BOOT_MEM_RAM);
    bi.nr_mem = 77;
    assert_int_equal(memory_map_convert(map, STRIDE, 32, &bi), -EINVAL);
    assert_int_equal(memory_map_convert(map, STRIDE, 0, &bi), -EINVAL);
    assert_int_equal(bi.nr_mem, 77);
}

/* The limit counts after merging: far more descriptors may come in. */
TEST_WITH(limit, start, NULL)
{
    for (u32 i = 0; i < BOOT_MEM_MAX * 2; i++)
        add(i % 2 ? 3 : 7, i * MIB(1), 256);
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, 1);
    assert_int_equal(bi.mem_left_out, 0);
    used = 0;
    for (u32 i = 0; i < BOOT_MEM_MAX; i++)
        add(7, i * MIB(2), i == 1000 ? 1 : 2);
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, BOOT_MEM_MAX);
    add(0, BOOT_MEM_MAX * MIB(2), 1);
    assert_int_equal(convert(), 0);
    assert_int_equal(bi.nr_mem, BOOT_MEM_MAX);
    assert_int_equal(bi.mem_left_out, 4096);
    expect_entry(1000, 1001 * MIB(2), 8192, BOOT_MEM_RAM); /* still sorted */
    expect_entry(BOOT_MEM_MAX - 1, BOOT_MEM_MAX * MIB(2), 4096, BOOT_MEM_RESERVED);
}

TEST_WITH(end_leaves_reserved_out, start, NULL)
{
    add(7, GIB(4), GIB(2) >> 12);
    add(11, 0xfd00000000ull, 1 << 20); /* I/O far above */
    assert_int_equal(convert(), 0);
    assert_int_equal(memory_map_end(&bi), GIB(6));
}

/* --- page tables ---------------------------------------------------------------------------------------- */

/* Translates like a CPU; ~0 if not mapped. Tables are at their host addresses. */
static u64 translate(u64 cr3, u64 va)
{
    u64 *table = (u64 *)cr3;

    for (int shift = 39; shift >= 21; shift -= 9) {
        u64 e = table[(va >> shift) & 511];

        if ((e & 3) != 3 || (e & 4) || (e >> 63))
            return ~0ull;
        if (shift < 39 && (e & 0x80))
            return (e & 0x000ffffffffff000ull & ~((1ull << shift) - 1)) | (va & ((1ull << shift) - 1));
        table = (u64 *)(e & 0x000ffffffffff000ull);
    }
    return ~0ull;
}

static void check_tables(u64 map_end, bool big, u64 mapped_end)
{
    u64 pages = page_tables_size(map_end, big);
    u8 *memory = aligned_alloc(4096, (pages + 1) << 12);
    u64 cr3;

    memset(memory, 0xa5, (pages + 1) << 12);
    cr3 = page_tables_build(memory, map_end, big, 0x7e000000, MIB(6));
    for (u64 i = 0; i < 4096; i++)
        assert_int_equal(memory[(pages << 12) + i], 0xa5); /* no byte beyond the announced pages */
    for (u64 pa = 0; pa < mapped_end; pa += mapped_end / 1024 + 0x1234567) {
        assert_int_equal(translate(cr3, pa), pa);
        assert_int_equal(translate(cr3, DIRECT_MAP_BASE + pa), pa);
    }
    assert_int_equal(translate(cr3, mapped_end - 1), mapped_end - 1);
    assert_int_equal(translate(cr3, DIRECT_MAP_BASE + mapped_end - 1), mapped_end - 1);
    assert_int_equal(translate(cr3, mapped_end), ~0ull);
    assert_int_equal(translate(cr3, DIRECT_MAP_BASE + mapped_end), ~0ull);
    assert_int_equal(translate(cr3, IMAGE_VIRT_BASE), 0x7e000000);
    assert_int_equal(translate(cr3, IMAGE_VIRT_BASE + MIB(6) - 1), 0x7e000000 + MIB(6) - 1);
    assert_int_equal(translate(cr3, IMAGE_VIRT_BASE + MIB(6)), ~0ull);
    assert_int_equal(translate(cr3, IMAGE_VIRT_BASE - 1), ~0ull);
    free(memory);
}

TEST(page_tables)
{
    check_tables(MIB(512), true, GIB(4));
    check_tables(MIB(512), false, GIB(4));
    check_tables(GIB(6) + 4096, true, GIB(7));
    check_tables(GIB(6) + 4096, false, GIB(7));
    check_tables(GIB(512), true, GIB(512));
    check_tables(GIB(1536) + 1, true, GIB(1537)); /* more than one PDPT */
    check_tables(~0ull >> 1, true, GIB(512) * 128);
    check_tables(~0ull >> 1, false, GIB(512));
}
