/*
 * The sub-table walker, and the MADT read with it.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

static struct table tab;
static struct acpi_madt madt;

static void setup(void)
{
    forget_said();
}

/* --- walker --- */

/* Walks tab from byte 36; returns the entries seen, and where it ended in *w. */
static u32 walk(struct acpi_walk *w)
{
    u8 *copy = tight(tab.bytes, tab.len);
    const struct acpi_subtable *e;
    u32 nr = 0;

    *w = acpi_walk_start((const void *)copy, 36, sizeof(struct acpi_subtable));
    while ((e = acpi_walk_next(w))) {
        assert_true((const u8 *)e >= copy + 36 && (const u8 *)e + e->Length <= copy + tab.len);
        assert_true(++nr < 1000);
    }
    assert_null(acpi_walk_next(w)); /* and it stays at the end */
    free(copy);
    return nr;
}

static void entry(u8 length, u32 nr_bytes)
{
    put(&tab, 0x7f, 1);
    put(&tab, length, 1);
    for (u32 i = 2; i < nr_bytes; i++)
        put(&tab, i, 1);
}

static void walker_case(u8 odd_length, u32 odd_bytes, u32 want_nr, bool broken)
{
    struct acpi_walk w;

    table_start(&tab, "TEST", 1, 36);
    entry(8, 8);
    entry(odd_length, odd_bytes);
    table_finish(&tab);
    assert_int_equal(walk(&w), want_nr);
    assert_int_equal(w.broken, broken);
    assert_int_equal(w.offset, broken ? 44 : tab.len);
}

TEST(walker_stays_inside)
{
    struct acpi_walk w;

    walker_case(2, 2, 2, false);
    walker_case(255, 255, 2, false);
    walker_case(0, 4, 1, true);
    walker_case(1, 4, 1, true);
    walker_case(5, 4, 1, true);
    walker_case(255, 254, 1, true);

    table_start(&tab, "TEST", 1, 36);
    table_finish(&tab);
    assert_int_equal(walk(&w), 0); /* empty */
    assert_false(w.broken);
    put(&tab, 0, 1); /* half an entry's head */
    table_finish(&tab);
    assert_int_equal(walk(&w), 0);
    assert_true(w.broken);
}

/* --- MADT --- */

static int parse(void)
{
    u8 *copy = tight(tab.bytes, tab.len);

    forget_said();
    memset(&madt, 0xa5, sizeof(madt));
    int rc = acpi_madt_parse(&madt, copy, tab.len);
    free(copy);
    return rc;
}

TEST(madt_is_read)
{
    madt_start(&tab, 0xfee00000);
    madt_lapic(&tab, 1, 0, 1);
    madt_ioapic(&tab, 3, 0xfec00000, 24);
    madt_lapic(&tab, 2, 7, 0); /* an empty socket */
    madt_lapic(&tab, 3, 9, 2); /* online capable */
    put(&tab, 0x040a, 2);      /* an unknown type, of length 4 */
    put(&tab, 0, 2);
    madt_x2apic(&tab, 500, 0x12345, 1);
    madt_lapic(&tab, 5, 0xfe, 3);
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(madt.nr_cpus, 3);
    assert_int_equal(madt.cpu[0].apic_id, 0);
    assert_int_equal(madt.cpu[0].acpi_uid, 1);
    assert_int_equal(madt.cpu[1].apic_id, 0x12345);
    assert_int_equal(madt.cpu[1].acpi_uid, 500);
    assert_int_equal(madt.cpu[2].apic_id, 0xfe);
    assert_int_equal(madt.nr_hotplug, 1);
    assert_int_equal(madt.nr_ioapics, 1);
    assert_int_equal(madt.ioapic[0].id, 3);
    assert_int_equal(madt.ioapic[0].maddr, 0xfec00000);
    assert_int_equal(madt.ioapic[0].gsi_base, 24);
    assert_int_equal(madt.lapic_base, 0xfee00000);
    assert_true(madt.pcat_compat);
}

TEST(lapic_address_override)
{
    madt_start(&tab, 0xfee00000);
    madt_override(&tab, 0x123fee00000);
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_true(madt.lapic_base == 0x123fee00000);

    madt_start(&tab, 0);
    poke(&tab, 40, 0, 4);
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_false(madt.pcat_compat);
    assert_true(madt.lapic_base == ACPI_LAPIC_BASE_DEFAULT);
    assert_true(said("local APIC address"));
    madt_start(&tab, 0xfee00010);
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_true(madt.lapic_base == ACPI_LAPIC_BASE_DEFAULT);
}

TEST(bad_entries_are_left_out)
{
    madt_start(&tab, 0xfee00000);
    for (u32 i = 0; i < 64; i++) { /* type 0 of 6 bytes */
        put(&tab, 0x0600, 2);
        put(&tab, 0x01ff0000 + i, 4);
    }
    madt_lapic(&tab, 1, 5, 1);
    madt_x2apic(&tab, 1, 5, 1); /* the same CPU again */
    madt_lapic(&tab, 2, 0xff, 1);
    madt_x2apic(&tab, 3, 0xffffffff, 1);
    madt_x2apic(&tab, 4, 0xff, 1); /* a legal x2APIC id */
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_int_equal(madt.nr_cpus, 2);
    assert_int_equal(madt.cpu[1].apic_id, 0xff);
    assert_int_equal(nr_warnings, 3); /* not 64 */
    assert_true(said("64 entries too short"));
    assert_true(said("1 repeated"));
    assert_true(said("2 enabled CPUs"));
}

TEST(broken_walk_keeps_what_came_before)
{
    madt_start(&tab, 0xfee00000);
    madt_lapic(&tab, 1, 0, 1);
    put(&tab, 0x0000, 2); /* length 0 */
    madt_lapic(&tab, 2, 1, 1);
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_int_equal(madt.nr_cpus, 1);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("broken entry at byte 52"));
}

TEST(too_many_cpus_are_cut)
{
    madt_start(&tab, 0xfee00000);
    for (u32 i = 0; i < MAX_CPUS + 7; i++)
        madt_x2apic(&tab, i, i, 1);
    for (u32 i = 0; i < ACPI_MAX_IOAPICS + 2; i++)
        madt_ioapic(&tab, (u8)i, 0xfec00000 + i * 0x1000, 24 * i);
    table_finish(&tab);
    assert_int_equal(parse(), 0);
    assert_int_equal(madt.nr_cpus, MAX_CPUS);
    assert_int_equal(madt.nr_ioapics, ACPI_MAX_IOAPICS);
    assert_int_equal(nr_warnings, 2);
    assert_true(said("7 CPUs more than the 1024 supported"));
    assert_true(said("2 I/O APICs more than the 64 supported"));
}

TEST(bad_tables_are_refused)
{
    madt_start(&tab, 0xfee01000);
    madt_lapic(&tab, 1, 0, 1);
    table_finish(&tab);
    tab.bytes[45] ^= 1;
    assert_int_equal(parse(), -EINVAL);
    assert_int_equal(madt.nr_cpus, 0);
    assert_true(madt.lapic_base == ACPI_LAPIC_BASE_DEFAULT);
    assert_int_equal(nr_warnings, 1);

    table_start(&tab, "APIC", 4, 43);
    table_finish(&tab);
    assert_int_equal(parse(), -EINVAL);
    table_start(&tab, "SRAT", 4, 48);
    table_finish(&tab);
    assert_int_equal(parse(), -EINVAL);
    tab.len = 0;
    assert_int_equal(parse(), -EINVAL);
}

FIXTURE(setup, NULL)
