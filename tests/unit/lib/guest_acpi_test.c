/*
 * The ACPI tables that the builder writes for a guest, read back by the hypervisor's own reader: the RSDP where a
 * PC has it, every checksum, MADT, FADT, SRAT and SLIT.
 */
#include <tests/machine/test.h>

#include <arch/x86/acpi/acpi.h>
#include <lib/guest_acpi.h>
#include <guest/dom0/layout.h>
#include <lib/string.h>
#include <stdlib.h>

#define AT   (LAYOUT_ACPI << PAGE_SHIFT)
#define ROOM ((LAYOUT_ROM - LAYOUT_ACPI) << PAGE_SHIFT)

static struct acpi_info info; /* too large for a stack */

/* The guest's memory below 1 MiB: zeros, but for the tables. */
static const void *map_low(void *ctx, u64 maddr, u64 len)
{
    return maddr + len <= MIB(1) && maddr + len >= maddr ? (const u8 *)ctx + maddr : NULL;
}

/* Writes the tables to memory of exactly the size that they say, so that ASan sees a byte too much. */
static u8 *write_tables(const struct guest_acpi *g)
{
    u64 size = guest_acpi_size(g);
    u8 *tables = malloc(size), *low = calloc(1, MIB(1));

    assert_true(size <= ROOM);
    memset(tables, 0xa5, size);
    guest_acpi_write(g, AT, tables);
    memcpy(low + AT, tables, size);
    free(tables);
    return low;
}

static void read_tables(const struct guest_acpi *g)
{
    u8 *low = write_tables(g);
    const struct acpi_mapper mapper = {.map = map_low, .ctx = low};

    assert_int_equal(acpi_rsdp_search(&mapper), AT);
    assert_int_equal(acpi_init(&info, &mapper, AT), 0);
    for (u32 i = 0; i < info.tables.nr; i++)
        assert_int_equal(acpi_sum(low + info.tables.table[i].maddr, info.tables.table[i].length), 0);
    free(low);
}

static const u8 *table_of(const u8 *low, const char *signature)
{
    const struct acpi_table_ref *t = acpi_tables_find(&info.tables, signature, 0);

    assert_non_null(t);
    return low + t->maddr;
}

TEST(vcpus_have_their_number_as_uid_and_twice_that_as_apic_id)
{
    const struct guest_acpi g = {.nr_vcpus = 3, .nr_max_vcpus = 5};

    read_tables(&g);
    assert_true(info.tables.root_is_xsdt);
    assert_int_equal(info.tables.nr, 2);
    assert_true(info.have_madt && info.have_fadt);
    assert_int_equal(info.madt.lapic_base, 0xfee00000);
    assert_int_equal(info.madt.nr_cpus, 3);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(info.madt.cpu[i].acpi_uid, i);
        assert_int_equal(info.madt.cpu[i].apic_id, 2 * i);
    }
    assert_int_equal(info.madt.nr_ioapics, 0);
    assert_false(info.madt.pcat_compat);
    assert_false(info.topology.have_srat);
}

/* The parser above leaves disabled entries out, and does not read the FADT's flags. */
TEST(what_a_guest_must_not_expect_is_absent)
{
    const struct guest_acpi g = {.nr_vcpus = 1, .nr_max_vcpus = 2};
    u8 *low = write_tables(&g);
    const struct acpi_mapper mapper = {.map = map_low, .ctx = low};

    assert_int_equal(acpi_init(&info, &mapper, AT), 0);
    const u8 *fadt = table_of(low, "FACP");
    assert_int_equal(acpi_load32(fadt + 4), 268);
    assert_int_equal(fadt[8], 5);
    assert_int_equal(acpi_load16(fadt + 109), 0x24);
    assert_int_equal(acpi_load32(fadt + 112), 1 << 20 | 1 << 5 | 1 << 4);
    for (u32 i = 36; i < 268; i++) /* no register block, no interrupt, no timer */
        assert_true(fadt[i] == 0 || i == 109 || (i >= 112 && i < 116) || (i >= 140 && i < 148));
    const u8 *dsdt = low + acpi_load64(fadt + 140);
    assert_memory_equal(dsdt, "DSDT", 4);
    assert_int_equal(acpi_load32(dsdt + 4), 36);
    assert_int_equal(acpi_sum(dsdt, 36), 0);
    const u8 *madt = table_of(low, "APIC");
    assert_int_equal(acpi_load32(madt + 4), 44 + 2 * 8);
    assert_int_equal(acpi_load32(madt + 40), 0); /* no 8259s */
    static const u8 entries[] = {0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 2, 0, 0, 0, 0};
    assert_memory_equal(madt + 44, entries, sizeof(entries));
    free(low);
}

TEST(virtual_nodes_are_in_srat_and_slit)
{
    static const struct xen_vmemrange ranges[] = {
        {0, MIB(512), 0, 0}, {MIB(512), GIB(3), 0, 1}, {GIB(4), GIB(5), 0, 1}};
    static const u32 vnode[] = {1, 0, 0, 1}, distances[] = {10, 21, 31, 10};
    const struct guest_acpi g = {.nr_vcpus = 4,
                                 .nr_max_vcpus = 4,
                                 .nr_vnodes = 2,
                                 .nr_ranges = ARRAY_SIZE(ranges),
                                 .ranges = ranges,
                                 .vcpu_to_vnode = vnode,
                                 .distances = distances};

    read_tables(&g);
    assert_int_equal(info.tables.nr, 4);
    assert_true(info.topology.have_srat);
    assert_int_equal(info.srat.revision, 3);
    assert_int_equal(info.srat.nr_pxm, 2);
    assert_int_equal(info.srat.nr_mem, 3);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(info.srat.mem[i].base, ranges[i].start);
        assert_int_equal(info.srat.mem[i].size, ranges[i].end - ranges[i].start);
        assert_int_equal(info.srat.mem[i].pxm, ranges[i].nid);
        assert_int_equal(info.srat.mem[i].flags, 0);
    }
    assert_int_equal(info.srat.nr_cpus, 4);
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(acpi_srat_apic_to_nid(&info.srat, 2 * i), vnode[i]);
    /* Linux numbers nodes in the order of the vCPUs' entries. */
    u8 *low = write_tables(&g);
    const u8 *srat = table_of(low, "SRAT");
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(srat[48 + 16 * i + 2], i / 2);
    free(low);
    for (u32 from = 0; from < 2; from++)
        for (u32 to = 0; to < 2; to++)
            assert_int_equal(info.topology.distance[from][to], distances[2 * from + to]);
}

/* 128 vCPUs and as many virtual nodes, one of them on both sides of the gap below 4 GiB. */
TEST(the_largest_guest_fits_in_its_place)
{
    static struct xen_vmemrange ranges[129];
    static u32 vnode[128], distances[128 * 128];
    const struct guest_acpi g = {.nr_vcpus = 128,
                                 .nr_max_vcpus = 128,
                                 .nr_vnodes = 128,
                                 .nr_ranges = 129,
                                 .ranges = ranges,
                                 .vcpu_to_vnode = vnode,
                                 .distances = distances};

    for (u32 i = 0; i < 129; i++)
        ranges[i] = (struct xen_vmemrange){i * MIB(2), (i + 1) * MIB(2), 0, i % 128};
    for (u32 i = 0; i < 128; i++)
        vnode[i] = i;
    for (u32 i = 0; i < ARRAY_SIZE(distances); i++)
        distances[i] = i % 129 ? 20 : 10;
    u8 *low = write_tables(&g);
    const struct acpi_mapper mapper = {.map = map_low, .ctx = low};
    assert_int_equal(acpi_tables_list(&info.tables, &mapper, AT), 0);
    assert_int_equal(info.tables.nr, 4);
    for (u32 i = 0; i < 4; i++)
        assert_non_null(
            acpi_table_check(low + info.tables.table[i].maddr, ROOM, info.tables.table[i].signature, 36));
    acpi_madt_init(&info.madt);
    assert_int_equal(acpi_madt_parse(&info.madt, table_of(low, "APIC"), ROOM), 0);
    assert_int_equal(info.madt.nr_cpus, 128);
    assert_int_equal(info.madt.cpu[127].apic_id, 254);
    free(low);
}
