/*
 * Which node RAM is on: ranges, holes, boundaries inside a page, hot-plug and NVDIMM ranges.
 */
#include <tests/machine/test.h>

#include <arch/x86/acpi/ram_nodes.h>
#include "acpi_tables.h"

static struct topology topo;
static struct acpi_ram_report report;

static void range(nodeid_t nid, u64 base, u64 end, u32 flags)
{
    topo.ranges[topo.nr_ranges++] =
        (struct topology_range){.base = base, .size = end - base, .nid = nid, .flags = flags};
}

static void setup(void)
{
    memset(&topo, 0, sizeof(topo));
    memset(&report, 0, sizeof(report));
    forget_said();
    topo.nr_nodes = 4;
}

static nodeid_t node_of(u64 addr)
{
    u64 end;
    nodeid_t nid = acpi_ram_node(&topo, addr, &end, NULL);

    assert_true(end > addr || addr == ALIGN_DOWN(~0ull, PAGE_SIZE));
    assert_true(IS_ALIGNED(end, PAGE_SIZE));
    return nid;
}

/* The answer page by page must be what the pieces say. */
static void assert_pieces(u64 start, u64 end)
{
    for (u64 at = start; at < end;) {
        u64 until;
        nodeid_t nid = acpi_ram_node(&topo, at, &until, NULL);

        assert_true(until > at);
        for (; at < MIN(until, end); at += PAGE_SIZE)
            assert_int_equal(node_of(at), nid);
    }
}

TEST(ram_in_ranges)
{
    const struct topology_range *found;
    u64 end;

    range(2, 0, MIB(4), 0); /* address 0 is not on node 0 */
    range(0, MIB(4), MIB(8), 0);
    assert_int_equal(acpi_ram_node(&topo, 0, &end, &found), 2);
    assert_true(end == MIB(4) && found == &topo.ranges[0]);
    assert_int_equal(node_of(MIB(4) - PAGE_SIZE), 2);
    assert_int_equal(node_of(MIB(4)), 0);
    acpi_ram_count(&report, &topo, 0, MIB(8));
    assert_true(report.bytes[2] == MIB(4) && report.bytes[0] == MIB(4));
    assert_true(report.bytes[1] == 0 && report.uncovered == 0 && report.hotplug == 0);
    assert_int_equal(acpi_ram_warn(&report, &topo), 0);
    assert_int_equal(nr_warnings, 0);
    assert_pieces(0, MIB(9));
}

TEST(uncovered_ram_goes_with_the_range_below)
{
    const struct topology_range *found;
    u64 end;

    range(3, MIB(2), MIB(4), 0);
    range(1, MIB(6), MIB(8), 0);
    assert_int_equal(acpi_ram_node(&topo, 0, &end, &found), 3); /* below the first: with the first */
    assert_true(end == MIB(2) && !found);
    assert_int_equal(acpi_ram_node(&topo, MIB(5), &end, &found), 3);
    assert_true(end == MIB(6) && !found);
    assert_int_equal(acpi_ram_node(&topo, MIB(8), &end, &found), 1);
    assert_true(end == ALIGN_DOWN(~0ull, PAGE_SIZE) && !found);
    acpi_ram_count(&report, &topo, MIB(1), MIB(9));
    assert_true(report.bytes[3] == MIB(5) && report.bytes[1] == MIB(3));
    assert_true(report.uncovered == MIB(4) && report.uncovered_at == MIB(1));
    assert_int_equal(acpi_ram_warn(&report, &topo), 0);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("4096 KiB of RAM from 0x100000 are in no range"));
    assert_pieces(0, MIB(10));
}

TEST(hotplug_and_nvdimm_ranges_count_where_there_is_ram)
{
    range(0, 0, MIB(4), 0);
    range(1, MIB(4), MIB(64), RANGE_HOTPLUG);
    range(2, MIB(64), MIB(80), RANGE_NONVOLATILE);
    acpi_ram_count(&report, &topo, 0, MIB(8));
    assert_true(report.bytes[1] == MIB(4) && report.hotplug == MIB(4));
    assert_int_equal(acpi_ram_warn(&report, &topo), 0);
    assert_int_equal(nr_warnings, 0);
    acpi_ram_count(&report, &topo, MIB(66), MIB(68));
    assert_true(report.bytes[2] == MIB(2) && report.nonvolatile == MIB(2) && report.uncovered == 0);
    assert_int_equal(acpi_ram_warn(&report, &topo), 0);
    assert_true(said("2048 KiB of RAM from 0x4200000 are in non-volatile ranges"));
}

/* A node whose memory the map does not have is lost; an empty hot-plug window or an NVDIMM is not. */
TEST(nodes_whose_memory_is_not_there_are_counted)
{
    topo.nr_nodes = 5;
    range(0, 0, MIB(4), 0);
    range(1, MIB(64), MIB(80), RANGE_HOTPLUG);
    range(2, MIB(80), MIB(96), RANGE_NONVOLATILE);
    range(3, MIB(96), MIB(100), 0);
    range(4, MIB(100), MIB(104), 0);
    acpi_ram_count(&report, &topo, 0, MIB(4));
    assert_int_equal(acpi_ram_warn(&report, &topo), 2);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("2 nodes have memory that is not in the memory map, as node 3"));
    acpi_ram_count(&report, &topo, MIB(99), MIB(101));
    assert_int_equal(acpi_ram_warn(&report, &topo), 0);
}

TEST(a_page_is_on_the_node_of_its_first_byte)
{
    range(0, 0, 0x9fc00, 0);
    range(1, 0x9fc00, MIB(1) + 1, 0);
    range(2, MIB(1) + 2, MIB(2), 0);
    assert_int_equal(node_of(0x9f000), 0);
    assert_int_equal(node_of(0xa0000), 1);
    assert_int_equal(node_of(MIB(1)), 1);
    assert_int_equal(node_of(MIB(1) + PAGE_SIZE), 2);
    acpi_ram_count(&report, &topo, 0, MIB(2));
    assert_true(report.bytes[0] == 0xa0000);
    assert_true(report.bytes[0] + report.bytes[1] + report.bytes[2] == MIB(2));
    assert_int_equal(report.uncovered, 0);
    assert_pieces(0, MIB(3));
}

TEST(ram_at_the_end_of_the_address_space)
{
    u64 end;

    range(0, 0, MIB(1), 0);
    range(1, 0xffffffff00000000, ~0ull, 0);
    assert_int_equal(node_of(0xffffffff00000000), 1);
    acpi_ram_count(&report, &topo, 0xffffffff00000000, ~0xfffull);
    assert_true(report.bytes[1] == 0xfffff000);
    acpi_ram_node(&topo, 0xffffffff00000000, &end, NULL);
    assert_true(end == ALIGN_DOWN(~0ull, PAGE_SIZE));
}

FIXTURE(setup, NULL)
