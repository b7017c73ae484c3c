/*
 * Checksums and table headers; RSDP, root tables and the list of tables.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

static struct memory mem;
static const struct acpi_mapper mapper = {.map = memory_map, .ctx = &mem};
static struct acpi_tables list;
static struct table tab, tab2;

static void setup(void)
{
    memory_reset(&mem);
    forget_said();
    memset(&list, 0, sizeof(list));
}

static void teardown(void)
{
    memory_reset(&mem);
}

TEST(sums_wrap)
{
    static const u8 bytes[] = {200, 56, 3};

    assert_int_equal(acpi_sum(bytes, 3), 3);
    assert_int_equal(acpi_sum(bytes, 2), 0);
    assert_int_equal(acpi_sum(bytes, 0), 0);
}

static void check_header(u64 avail, u32 min_len, bool good, const char *text)
{
    u8 *copy = tight(tab.bytes, avail);

    forget_said();
    const struct acpi_header *h = acpi_table_check(copy, avail, "TEST", min_len);
    assert_int_equal(h != NULL, good);
    assert_int_equal(nr_warnings, good ? 0 : 1);
    if (text)
        assert_true(said(text));
    free(copy);
}

TEST(header_is_checked)
{
    table_start(&tab, "TEST", 1, 50);
    table_finish(&tab);
    check_header(50, 36, true, NULL);
    check_header(50, 50, true, NULL);
    check_header(50, 51, false, "length 50");
    check_header(49, 36, false, "length 50"); /* less there than it says */
    check_header(35, 36, false, "35 bytes");
    check_header(0, 36, false, "0 bytes");

    tab.bytes[40] ^= 1;
    check_header(50, 36, false, "checksum");
    tab.bytes[40] ^= 1;

    poke(&tab, 4, 35, 4);
    table_checksum(&tab);
    check_header(50, 0, false, "length 35");
    poke(&tab, 4, 0xffffffff, 4);
    table_checksum(&tab);
    check_header(50, 36, false, "length 4294967295");

    table_start(&tab, "TSET", 1, 50);
    table_finish(&tab);
    check_header(50, 36, false, "signature");
}

TEST(header_above_the_limit_is_refused)
{
    u64 len = ACPI_TABLE_MAX_BYTES + 1;
    u8 *big = calloc(1, len);

    memcpy(big, "TEST", 4);
    big[4] = (u8)len;
    big[6] = (u8)(len >> 16);
    big[9] = (u8)-acpi_sum(big, len);
    assert_null(acpi_table_check(big, len, "TEST", 36));
    assert_true(said("length"));
    free(big);
}

/* --- RSDP and lists --- */

TEST(rsdp_revision_0)
{
    u8 r[36];
    struct acpi_rsdp out;

    rsdp_build(r, 0, 0x1234, 0);
    memory_add(&mem, 0x5000, r, 20); /* nothing beyond byte 20 may be read */
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), 0);
    assert_int_equal(out.revision, 0);
    assert_int_equal(out.rsdt, 0x1234);
    assert_int_equal(out.xsdt, 0);
    r[16] ^= 1;
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -EILSEQ);
    r[16] ^= 1;
    r[0] = 'r';
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -ENOENT);
    assert_int_equal(acpi_rsdp_read(&mapper, 0x9000, &out), -ENOENT);
}

TEST(rsdp_revision_2)
{
    u8 r[36];
    struct acpi_rsdp out = {.rsdt = 77};

    rsdp_build(r, 2, 0x1234, 0x123456789a);
    memory_add(&mem, 0x5000, r, 36);
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), 0);
    assert_true(out.xsdt == 0x123456789a);

    out.rsdt = 77;
    r[33] ^= 1; /* only the second checksum sees it */
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -EILSEQ);
    r[33] ^= 1;
    r[20] = 35;
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -EINVAL);
    r[20] = 0;
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -EINVAL);
    r[22] = 1; /* 64 KiB */
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -EINVAL);
    r[22] = 0;
    r[20] = 37; /* the last byte is not there */
    assert_int_equal(acpi_rsdp_read(&mapper, 0x5000, &out), -ENOENT);
    assert_int_equal(out.rsdt, 77);
}

/* Low memory: the EBDA's segment word, the EBDA, the BIOS area. */
static u8 *low_memory(u16 segment)
{
    u8 *low = calloc(1, MIB(1) + 64); /* room for rsdp_build() at the end */

    low[0x40e] = (u8)segment;
    low[0x40f] = (u8)(segment >> 8);
    memory_add(&mem, 0, low, MIB(1));
    return low;
}

TEST(search_finds_the_bios_area)
{
    u8 *low = low_memory(0);

    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    rsdp_build(low + 0xf0008, 2, 0x1000, 0); /* not on a 16-byte boundary */
    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    rsdp_build(low + 0xffff0 - 16, 0, 0x1000, 0); /* the last place it fits */
    assert_int_equal(acpi_rsdp_search(&mapper), 0xfffe0);
    rsdp_build(low + 0xe0000, 2, 0x1000, 0);
    assert_int_equal(acpi_rsdp_search(&mapper), 0xe0000);
    assert_int_equal(nr_warnings, 0);
    low[0xe0020] ^= 1;
    assert_int_equal(acpi_rsdp_search(&mapper), 0xfffe0);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("damaged RSDP at 0xe0000"));
    rsdp_build(low + 0xe0040, 0, 0x1001, 0);
    low[0xe0050] ^= 1;
    forget_said();
    assert_int_equal(acpi_rsdp_search(&mapper), 0xfffe0);
    assert_int_equal(nr_warnings, 1); /* the first one speaks for all */
    free(low);
}

TEST(search_finds_the_ebda_first)
{
    u8 *low = low_memory(0x9fc0);

    rsdp_build(low + 0xf0000, 0, 0x1000, 0);
    rsdp_build(low + 0x9fc00 + 1024, 0, 0x1000, 0); /* beyond the first KiB: 0xa0000, not RAM */
    assert_int_equal(acpi_rsdp_search(&mapper), 0xf0000);
    rsdp_build(low + 0x9fc10, 0, 0x1000, 0);
    assert_int_equal(acpi_rsdp_search(&mapper), 0x9fc10);
    free(low);
}

TEST(search_keeps_to_the_ebda)
{
    u8 *low = low_memory(0x9000);

    rsdp_build(low + 0x90000 + 1024, 0, 0x1000, 0); /* beyond its first KiB */
    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    rsdp_build(low + 0x90000 + 1024 - 32, 0, 0x1000, 0);
    assert_int_equal(acpi_rsdp_search(&mapper), 0x903e0);

    /* Segments that are no EBDA: video memory, and the first page. */
    memset(low + 0x90000, 0, 0x1000);
    rsdp_build(low + 0xb0000, 0, 0x1000, 0);
    rsdp_build(low + 0x00500, 0, 0x1000, 0);
    low[0x40f] = 0xb0;
    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    low[0x40e] = 0x50;
    low[0x40f] = 0;
    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    free(low);
}

TEST(search_survives_unreadable_memory)
{
    u8 *low = low_memory(0xffff);

    rsdp_build(low + 0xf0000, 0, 0x1000, 0);
    assert_int_equal(acpi_rsdp_search(&mapper), 0xf0000);
    mem.region[0].len = 0x1000;
    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    mem.nr_regions = 0;
    assert_int_equal(acpi_rsdp_search(&mapper), 0);
    free(low);
}

/* RSDP at 0x1000; XSDT at 0x2000 and RSDT at 0x3000, each listing what nr entries ask for. */
static u8 rsdp_bytes[36];

static void root_build(struct table *t, const char *signature, u32 nr, const u64 *maddr)
{
    table_start(t, signature, 1, 36);
    for (u32 i = 0; i < nr; i++)
        put(t, maddr[i], signature[0] == 'X' ? 8 : 4);
    table_finish(t);
}

static void add_roots(u8 revision)
{
    rsdp_build(rsdp_bytes, revision, 0x3000, 0x2000);
    memory_add(&mem, 0x1000, rsdp_bytes, 36);
    memory_add(&mem, 0x2000, tab.bytes, tab.len);
    memory_add(&mem, 0x3000, tab2.bytes, tab2.len);
}

static struct table srat_table, apic_table, srat2_table;

static void add_leaves(void)
{
    table_start(&srat_table, "SRAT", 3, 48);
    table_finish(&srat_table);
    table_start(&apic_table, "APIC", 3, 44);
    table_finish(&apic_table);
    table_start(&srat2_table, "SRAT", 3, 60);
    table_finish(&srat2_table);
    memory_add(&mem, 0x10001, srat_table.bytes, srat_table.len); /* odd addresses are legal */
    memory_add(&mem, 0x200000000, apic_table.bytes, apic_table.len);
    memory_add(&mem, 0x30000, srat2_table.bytes, srat2_table.len);
}

TEST(list_follows_the_xsdt)
{
    static const u64 in_xsdt[] = {0x10001, 0, 0x200000000, 0x30000}, in_rsdt[] = {0x10001};

    root_build(&tab, "XSDT", 4, in_xsdt);
    root_build(&tab2, "RSDT", 1, in_rsdt);
    add_roots(2);
    add_leaves();
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_int_equal(nr_warnings, 0);
    assert_true(list.root_is_xsdt);
    assert_int_equal(list.root, 0x2000);
    assert_int_equal(list.rsdp, 0x1000);
    assert_int_equal(list.nr, 3);
    assert_string_equal(list.oem_id, "HOMEST");
    assert_string_equal(list.oem_table_id, "TESTTABL");
    assert_true(acpi_tables_find(&list, "APIC", 0)->maddr == 0x200000000);
    assert_true(acpi_tables_find(&list, "SRAT", 0)->maddr == 0x10001);
    assert_true(acpi_tables_find(&list, "SRAT", 1)->maddr == 0x30000);
    assert_int_equal(acpi_tables_find(&list, "SRAT", 1)->length, 60);
    assert_null(acpi_tables_find(&list, "SRAT", 2));
    assert_null(acpi_tables_find(&list, "SLIT", 0));
}

TEST(list_follows_the_rsdt)
{
    static const u64 in_xsdt[] = {0x10001, 0x200000000}, in_rsdt[] = {0x30000};

    root_build(&tab, "XSDT", 2, in_xsdt);
    root_build(&tab2, "RSDT", 1, in_rsdt);
    add_roots(0);
    add_leaves();
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_false(list.root_is_xsdt);
    assert_int_equal(list.nr, 1);
    assert_true(list.table[0].maddr == 0x30000);

    /* A broken XSDT falls back to the RSDT and says so. */
    rsdp_build(rsdp_bytes, 2, 0x3000, 0x2000);
    tab.bytes[37] ^= 1;
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_false(list.root_is_xsdt);
    assert_true(said("XSDT: wrong checksum"));
    /* No XSDT address at all is no reason to complain. */
    forget_said();
    rsdp_build(rsdp_bytes, 2, 0x3000, 0);
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_int_equal(nr_warnings, 0);
}

TEST(list_needs_a_root)
{
    root_build(&tab, "XSDT", 0, NULL);
    root_build(&tab2, "RSDT", 0, NULL);
    tab.bytes[20] ^= 1;
    tab2.bytes[20] ^= 1;
    add_roots(2);
    list.nr = 99;
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), -EINVAL);
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1010), -ENOENT);
    assert_int_equal(list.nr, 99);
    rsdp_build(rsdp_bytes, 2, 0, 0x777000); /* unreadable */
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), -EINVAL);
    rsdp_build(rsdp_bytes, 2, 0, 0x2000);
    tab.bytes[20] ^= 1;
    poke(&tab, 4, 0xfffffff0, 4);
    table_checksum(&tab);
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), -EINVAL);
    poke(&tab, 4, tab.len + 8, 4); /* longer than what is there */
    table_checksum(&tab);
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), -EINVAL);
}

TEST(list_leaves_bad_entries_out)
{
    static const u64 in_xsdt[] = {0x10001, 0xdead0000, 0x30000, ~0ull};

    root_build(&tab, "XSDT", 4, in_xsdt);
    put(&tab, 0x1234, 5); /* a piece of an entry */
    table_finish(&tab);
    root_build(&tab2, "RSDT", 0, NULL);
    add_roots(2);
    add_leaves();
    poke(&srat2_table, 4, 35, 4);
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_int_equal(list.nr, 1);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("3 of 4 tables"));
}

TEST(list_is_limited)
{
    table_start(&tab, "XSDT", 1, 36);
    for (u32 i = 0; i < ACPI_MAX_TABLES + 10; i++)
        put(&tab, 0x10001, 8);
    table_finish(&tab);
    root_build(&tab2, "RSDT", 0, NULL);
    add_roots(2);
    add_leaves();
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_int_equal(list.nr, ACPI_MAX_TABLES);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("10 of 138 tables"));
}

TEST(ids_are_made_printable)
{
    root_build(&tab, "XSDT", 0, NULL);
    memcpy(tab.bytes + 10, "A\x01\xff  \0", 6);
    memset(tab.bytes + 16, ' ', 8);
    table_finish(&tab);
    root_build(&tab2, "RSDT", 0, NULL);
    add_roots(2);
    assert_int_equal(acpi_tables_list(&list, &mapper, 0x1000), 0);
    assert_string_equal(list.oem_id, "A");
    assert_string_equal(list.oem_table_id, "");
}

FIXTURE(setup, teardown)
