/*
 * The SRAT, with tables built here: PXMs, revisions, lengths, overlaps.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

#define ON 1u
#define HP 2u
#define NV 4u

static struct table tab;
static struct acpi_srat srat;

static int parse_as_is(void)
{
    u8 *copy = tight(tab.bytes, tab.len);

    forget_said();
    memset(&srat, 0xa5, sizeof(srat));
    int rc = acpi_srat_parse(&srat, copy, tab.len);
    free(copy);
    if (rc != 0) { /* emptied, and one line says why */
        assert_int_equal(srat.nr_pxm + srat.nr_cpus + srat.nr_mem + srat.nr_ranges, 0);
        assert_int_equal(nr_warnings, 1);
    }
    return rc;
}

static int parse(void)
{
    table_finish(&tab);
    return parse_as_is();
}

static void assert_range(u32 i, u64 base, u64 end, nodeid_t nid, u32 flags)
{
    assert_true(i < srat.nr_ranges);
    assert_true(srat.range[i].base == base);
    assert_true(srat.range[i].base + srat.range[i].size == end);
    assert_int_equal(srat.range[i].nid, nid);
    assert_int_equal(srat.range[i].flags, flags);
}

TEST(two_nodes)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 1, MIB(512), MIB(512), ON);
    srat_mem(&tab, 0, 0, 0xa0000, ON);
    srat_mem(&tab, 0, MIB(1), MIB(511), ON);
    srat_cpu(&tab, 1, 4, ON);
    srat_x2apic(&tab, 0, 0x10000, ON);
    put(&tab, 0x1803, 2); /* GICC affinity: not for x86 */
    for (u32 i = 2; i < 0x18; i++)
        put(&tab, 0xff, 1);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_pxm, 2);
    assert_int_equal(srat.nr_mem, 3);
    assert_int_equal(srat.nr_ranges, 3);
    assert_range(0, 0, 0xa0000, 0, 0);
    assert_range(1, MIB(1), MIB(512), 0, 0);
    assert_range(2, MIB(512), GIB(1), 1, 0);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 4), 1);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 0x10000), 0);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 5), NODE_NONE);
    assert_int_equal(acpi_srat_pxm_to_nid(&srat, 2), NODE_NONE);
}

TEST(pxms_are_sparse_and_unordered)
{
    srat_start(&tab, 3);
    srat_cpu(&tab, 0xfffffffe, 1, ON); /* a node by its CPU alone */
    srat_mem(&tab, 300, 0, GIB(1), ON);
    srat_mem(&tab, 7, GIB(1), GIB(1), ON);
    srat_mem(&tab, 44, GIB(2), GIB(1), ON | HP); /* by a hot-plug range alone */
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_pxm, 4);
    assert_int_equal(srat.pxm[0], 7);
    assert_int_equal(srat.pxm[1], 44);
    assert_int_equal(srat.pxm[2], 300);
    assert_int_equal(srat.pxm[3], 0xfffffffe);
    assert_range(0, 0, GIB(1), 2, 0);
    assert_range(1, GIB(1), GIB(2), 0, 0);
    assert_range(2, GIB(2), GIB(3), 1, RANGE_HOTPLUG);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 1), 3);
}

TEST(revision_1_has_8_bit_pxms)
{
    for (u8 revision = 0; revision <= 2; revision++) {
        srat_start(&tab, revision);
        srat_cpu(&tab, 0xabcdef01, 1, ON);
        srat_mem(&tab, 0x77665502, 0, GIB(1), ON);
        assert_int_equal(parse(), 0);
        assert_int_equal(srat.nr_pxm, 2);
        assert_int_equal(acpi_srat_apic_to_nid(&srat, 1), revision < 2 ? 0 : 1);
        assert_int_equal(srat.pxm[0], revision < 2 ? 1 : 0x77665502);
        assert_int_equal(srat.pxm[1], revision < 2 ? 2 : 0xabcdef01);
    }
}

TEST(disabled_and_empty_entries_count_for_nothing)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 5, 0, GIB(1), ON);
    srat_mem(&tab, 6, 0, GIB(1), HP | NV); /* disabled: neither overlap nor node */
    srat_mem(&tab, 6, ~0ull, ~0ull, 0);
    srat_mem(&tab, 6, MIB(1), 0, ON);
    srat_cpu(&tab, 6, 3, 0);
    srat_cpu(&tab, 6, 0xff, ON);
    srat_x2apic(&tab, 6, 4, 0);
    srat_x2apic(&tab, 6, 0xffffffff, ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_pxm, 1);
    assert_int_equal(srat.pxm[0], 5);
    assert_int_equal(srat.nr_cpus, 0);
    assert_int_equal(srat.nr_ranges, 1);
}

static void wrong_entry_length(u8 type, u8 length)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    put(&tab, type, 1);
    put(&tab, length, 1);
    for (u32 i = 2; i < length; i++)
        put(&tab, 0, 1);
    assert_int_equal(parse(), -EINVAL);
    assert_true(said("entry of"));
}

TEST(wrong_entry_lengths_drop_the_table)
{
    wrong_entry_length(0, 15);
    wrong_entry_length(0, 17);
    wrong_entry_length(1, 39);
    wrong_entry_length(1, 41);
    wrong_entry_length(2, 23);
    wrong_entry_length(2, 25);
    wrong_entry_length(1, 2);
}

/* As the first SRAT of the Dell T5810: a naive walker never ends. */
TEST(zero_length_entry_ends_and_is_reported)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    put(&tab, 0, 24);
    srat_mem(&tab, 1, GIB(1), GIB(1), ON);
    assert_int_equal(parse(), -EINVAL);
    assert_true(said("broken entry at byte 88"));
}

TEST(table_ends_early_or_late)
{
    for (u32 cut = 1; cut < 40; cut++) { /* the last entry leaves the table */
        srat_start(&tab, 3);
        srat_mem(&tab, 0, 0, GIB(1), ON);
        srat_mem(&tab, 1, GIB(1), GIB(1), ON);
        tab.len -= cut;
        assert_int_equal(parse(), -EINVAL);
    }
    table_start(&tab, "SRAT", 3, 47); /* shorter than its fixed part */
    assert_int_equal(parse(), -EINVAL);
    srat_start(&tab, 3);
    assert_int_equal(parse(), -EINVAL);
    assert_true(said("no memory"));
    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    put(&tab, 0, 1); /* half a head behind the last entry */
    assert_int_equal(parse(), -EINVAL);

    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    table_finish(&tab);
    tab.len--; /* the header promises one byte more than there is */
    assert_int_equal(parse_as_is(), -EINVAL);
    tab.len += 10; /* and bytes behind the table do not matter */
    assert_int_equal(parse_as_is(), 0);
    tab.bytes[60] ^= 4;
    assert_int_equal(parse_as_is(), -EINVAL);
    assert_true(said("checksum"));
    tab.len = 0;
    assert_int_equal(parse_as_is(), -EINVAL);
}

TEST(overflowing_ranges_drop_the_table)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, ~0ull - 0xfff, 0x1000, ON);
    assert_int_equal(parse(), -EOVERFLOW);
    srat_start(&tab, 3);
    srat_mem(&tab, 0, GIB(1), ~0ull, ON);
    assert_int_equal(parse(), -EOVERFLOW);
    assert_true(said("overflows"));
}

/* The sweep once would have started over at 0 behind this end. */
TEST(range_may_end_at_the_last_byte)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, ~0ull - 0x1000, 0x1000, ON);
    srat_mem(&tab, 0, 0, 0x1000, ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_ranges, 2);
    assert_range(1, ~0ull - 0x1000, ~0ull, 0, 0);
}

TEST(same_node_overlap_is_merged)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, GIB(2), GIB(4), ON);
    srat_mem(&tab, 0, 0, GIB(4), ON);
    srat_mem(&tab, 1, GIB(6), GIB(4), ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_ranges, 2);
    assert_range(0, 0, GIB(6), 0, 0);
    assert_range(1, GIB(6), GIB(10), 1, 0);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("overlap from 0x80000000, 0x80000000 bytes"));

    srat_start(&tab, 3); /* the same entry twice; touching entries are no overlap */
    srat_mem(&tab, 0, 0, GIB(1), ON);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    srat_mem(&tab, 0, GIB(1), GIB(1), ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_ranges, 1);
    assert_range(0, 0, GIB(2), 0, 0);
    assert_true(said("0x40000000 bytes in all"));
}

TEST(other_node_overlap_drops_the_table)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(2), ON);
    srat_mem(&tab, 1, GIB(2) - 1, GIB(2), ON);
    assert_int_equal(parse(), -EEXIST);
    assert_true(said("PXM 0 and 1 both have 0x7fffffff"));
    srat_start(&tab, 3); /* wholly inside, and hot-plug is no excuse */
    srat_mem(&tab, 0, 0, GIB(4), ON | HP);
    srat_mem(&tab, 1, GIB(1), GIB(1), ON | NV);
    assert_int_equal(parse(), -EEXIST);
    srat_start(&tab, 3); /* touching is no overlap, to the byte */
    srat_mem(&tab, 0, 0, 1, ON);
    srat_mem(&tab, 1, 1, GIB(1), ON);
    assert_int_equal(parse(), 0);
    assert_range(0, 0, 1, 0, 0);
    assert_range(1, 1, GIB(1) + 1, 1, 0);
}

TEST(nvdimm_splits_its_hotplug_window)
{
    srat_start(&tab, 1);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    srat_mem(&tab, 0, GIB(5), GIB(1), ON | NV);
    srat_mem(&tab, 0, GIB(4), GIB(4), ON | HP);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_ranges, 4);
    assert_range(0, 0, GIB(1), 0, 0);
    assert_range(1, GIB(4), GIB(5), 0, RANGE_HOTPLUG);
    assert_range(2, GIB(5), GIB(6), 0, RANGE_NONVOLATILE);
    assert_range(3, GIB(6), GIB(8), 0, RANGE_HOTPLUG);

    srat_mem(&tab, 0, GIB(5), MIB(1), ON); /* a third entry there is one too many */
    assert_int_equal(parse(), 0);
    assert_true(said("overlap from 0x140000000, 0x100000 bytes"));

    srat_start(&tab, 1); /* present memory inside the window: present wins, with a warning */
    srat_mem(&tab, 0, 0, GIB(4), ON | HP);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 1);
    assert_range(0, 0, GIB(1), 0, 0);
    assert_range(1, GIB(1), GIB(4), 0, RANGE_HOTPLUG);
}

TEST(too_many_nodes_drop_the_table)
{
    for (u32 extra = 0; extra <= 1; extra++) {
        srat_start(&tab, 3);
        for (u32 i = 0; i < MAX_NODES + extra; i++)
            srat_mem(&tab, 1000 - i, GIB(i), GIB(1), ON);
        assert_int_equal(parse(), extra ? -E2BIG : 0);
        if (!extra)
            assert_range(0, 0, GIB(1), MAX_NODES - 1, 0);
    }
    assert_true(said("more than 64 proximity domains"));
}

TEST(too_many_ranges_drop_the_table)
{
    for (u32 extra = 0; extra <= 1; extra++) {
        srat_start(&tab, 3);
        for (u32 i = 0; i < ACPI_SRAT_MAX_MEM + extra; i++)
            srat_mem(&tab, 0, GIB(2 * i), GIB(1), ON);
        assert_int_equal(parse(), extra ? -E2BIG : 0);
    }
    assert_true(said("more than 256 memory ranges"));
    srat_start(&tab, 3); /* 130 NVDIMMs in one window make 261 pieces */
    srat_mem(&tab, 0, 0, GIB(1024), ON | HP);
    for (u32 i = 0; i < 130; i++)
        srat_mem(&tab, 0, GIB(2 * i + 1), GIB(1), ON | NV);
    assert_int_equal(parse(), -E2BIG);
    assert_true(said("after splitting"));
}

TEST(odd_cpu_entries_do_no_harm)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    srat_cpu(&tab, 0, 3, ON);
    srat_x2apic(&tab, 0, 3, ON); /* said twice, the same */
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_cpus, 1);
    srat_x2apic(&tab, 1, 3, ON); /* and once differently */
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 1);
    assert_int_equal(srat.nr_pxm, 1);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 3), 0);

    srat_start(&tab, 3);
    srat_mem(&tab, 0, 0, GIB(1), ON);
    for (u32 i = 0; i < MAX_CPUS + 5; i++)
        srat_x2apic(&tab, 0, i, ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_cpus, MAX_CPUS);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("5 CPUs more than the 1024 supported"));
}
