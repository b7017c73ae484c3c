/*
 * SLIT and FADT.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

static struct table tab;
static struct acpi_slit slit;
static struct acpi_fadt fadt;

/* --- SLIT --- */

static int parse_slit(void)
{
    static u8 *copy; /* the result points into it */

    free(copy);
    copy = tight(tab.bytes, tab.len);
    forget_said();
    slit = (struct acpi_slit){.nr_localities = 99};
    int rc = acpi_slit_parse(&slit, copy, tab.len);
    assert_int_equal(nr_warnings, rc ? 1 : 0);
    if (rc) {
        assert_int_equal(slit.nr_localities, 99); /* written on success only */
        free(copy);
        copy = NULL;
    }
    return rc;
}

TEST(slit_is_read)
{
    static const u8 distances[] = {10, 21, 255, 22, 10, 30, 11, 31, 10}; /* asymmetric */

    slit_build(&tab, 3, distances);
    assert_int_equal(parse_slit(), 0);
    assert_int_equal(slit.nr_localities, 3);
    for (u32 i = 0; i < 3; i++)
        for (u32 j = 0; j < 3; j++)
            assert_int_equal(acpi_slit_distance(&slit, i, j), distances[3 * i + j]);
    /* Beyond the table, and without one: the default. */
    assert_int_equal(acpi_slit_distance(&slit, 3, 0), DISTANCE_REMOTE);
    assert_int_equal(acpi_slit_distance(&slit, 0, 0xffffffff), DISTANCE_REMOTE);
    assert_int_equal(acpi_slit_distance(&slit, 7, 7), DISTANCE_LOCAL);
    assert_int_equal(acpi_slit_distance(NULL, 0, 1), DISTANCE_REMOTE);
    assert_int_equal(acpi_slit_distance(NULL, 1, 1), DISTANCE_LOCAL);
}

TEST(slit_with_bad_distances_is_ignored)
{
    static const u8 good[] = {10, 20, 20, 10};
    static const u8 bad[][4] = {{11, 20, 20, 10}, {10, 20, 20, 0}, {10, 10, 20, 10},
                                {10, 20, 9, 10},  {10, 0, 20, 10}, {255, 20, 20, 10}};

    slit_build(&tab, 2, good);
    assert_int_equal(parse_slit(), 0);
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        slit_build(&tab, 2, bad[i]);
        assert_int_equal(parse_slit(), -EINVAL);
        assert_true(said("SLIT: distance"));
    }
}

TEST(slit_size_must_fit_its_count)
{
    static const u8 good[] = {10, 20, 20, 10};
    static const struct {
        u64 count;
        u32 len; /* of the table */
    } cases[] = {
        {0, 48},          {1, 48},     {3, 48},          {1024, 48},
        {1025, 48},       {65536, 48}, {1ull << 32, 48}, {(1ull << 32) + 2, 48},
        {~0ull, 48},      {0, 44}, /* no matrix: a count of 0, and one whose square wraps to 0 */
        {1ull << 32, 44}, {2, 47}, /* short, long */
        {2, 49},          {2, 43},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        slit_build(&tab, 2, good);
        poke(&tab, 36, cases[i].count, 8);
        tab.len = cases[i].len;
        table_finish(&tab);
        assert_int_equal(parse_slit(), -EINVAL);
        assert_true(said(cases[i].len < 44 ? "length" : "localities"));
    }
    slit_build(&tab, 2, good);
    tab.bytes[47] ^= 1;
    assert_int_equal(parse_slit(), -EINVAL);
    assert_true(said("checksum"));
}

/* --- FADT --- */

#define IO 1u

static void put_gas(u32 offset, u8 space, u8 width, u8 bit_offset, u64 address)
{
    tab.bytes[offset] = space;
    tab.bytes[offset + 1] = width;
    tab.bytes[offset + 2] = bit_offset;
    poke(&tab, offset + 4, address, 8);
}

/* As QEMU's q35 has it: reset by 0xf at port 0xcf9, PM timer at port 0x608. */
static void fadt_start(u8 revision, u32 len)
{
    table_start(&tab, "FACP", revision, len);
    poke(&tab, 76, 0x608, 4);
    tab.bytes[91] = 4;
    poke(&tab, 112, 1u << 10 | 1u << 8, 4);
    if (len >= 129) {
        put_gas(116, IO, 8, 0, 0xcf9);
        tab.bytes[128] = 0xf;
    }
    if (len >= 220)
        put_gas(208, IO, 32, 0, 0x1608);
}

static int parse_fadt(void)
{
    table_finish(&tab);
    u8 *copy = tight(tab.bytes, tab.len);

    forget_said();
    memset(&fadt, 0xa5, sizeof(fadt));
    int rc = acpi_fadt_parse(&fadt, copy, tab.len);
    free(copy);
    return rc;
}

/* Ports, 0: none. */
static void assert_fadt(u64 reset, u64 pm_timer, u32 bits)
{
    assert_int_equal(parse_fadt(), 0);
    assert_int_equal(fadt.has_reset, reset != 0);
    assert_int_equal(fadt.reset.address, reset);
    assert_int_equal(fadt.has_pm_timer, pm_timer != 0);
    assert_int_equal(fadt.pm_timer.address, pm_timer);
    assert_int_equal(fadt.pm_timer_bits, bits);
}

TEST(fadt_is_read)
{
    fadt_start(3, 244);
    assert_fadt(0xcf9, 0x1608, 32);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(fadt.revision, 3);
    assert_int_equal(fadt.reset.space, ACPI_SPACE_IO);
    assert_int_equal(fadt.reset_value, 0xf);
    assert_false(fadt.hw_reduced);
}

TEST(fadt_reaches_as_far_as_its_length)
{
    fadt_start(3, 219); /* no X_PM_TMR_BLK */
    assert_fadt(0xcf9, 0x608, 32);
    fadt_start(3, 128); /* a reset register without its value */
    assert_fadt(0, 0x608, 32);
    fadt_start(1, 116); /* ACPI 1.0 */
    assert_fadt(0, 0x608, 32);
    fadt_start(1, 244); /* what revision 1 has there is reserved */
    assert_fadt(0, 0x608, 32);
    for (u32 len = 36; len < 116; len += 79) {
        table_start(&tab, "FACP", 1, len);
        assert_int_equal(parse_fadt(), -EINVAL);
        assert_int_equal(nr_warnings, 1);
        assert_int_equal(fadt.reset_value, 0xa5); /* untouched */
    }
}

TEST(fadt_flags_decide)
{
    fadt_start(3, 244);
    poke(&tab, 112, 0, 4);
    assert_fadt(0, 0x1608, 24);
    fadt_start(5, 268);
    poke(&tab, 112, 1u << 20 | 1u << 10, 4);
    assert_fadt(0xcf9, 0, 0);
    assert_true(fadt.hw_reduced);
    tab.bytes[8] = 4; /* the flag came with revision 5 */
    assert_fadt(0xcf9, 0x1608, 24);
    assert_false(fadt.hw_reduced);
}

static void clock_case(u8 revision, u8 century, u16 boot_arch, u8 century_read, bool no_cmos)
{
    fadt_start(revision, 244);
    tab.bytes[108] = century;
    poke(&tab, 109, boot_arch, 2);
    assert_int_equal(parse_fadt(), 0);
    assert_int_equal(fadt.century, century_read);
    assert_int_equal(fadt.no_cmos, no_cmos);
}

TEST(the_real_time_clock)
{
    clock_case(3, 0x32, 0xffff, 0x32, false); /* the flag came with revision 4 */
    clock_case(4, 0, 1u << 5, 0, true);
    clock_case(6, 127, ~(1u << 5) & 0xffff, 127, false);
    clock_case(6, 128, 0, 0, false); /* bit 7 of the index is no register's */
    clock_case(6, 0xff, 1u << 5, 0, true);
}

static void reset_case(u8 space, u8 width, u8 bit_offset, u64 address, bool good)
{
    fadt_start(6, 276);
    put_gas(116, space, width, bit_offset, address);
    assert_int_equal(parse_fadt(), 0);
    assert_int_equal(fadt.has_reset, good);
    assert_int_equal(nr_warnings, good ? 0 : 1);
    if (good)
        assert_true(fadt.reset.address == address && fadt.reset.space == space);
}

TEST(reset_register_is_checked)
{
    reset_case(0, 8, 0, 0xfed00000ull << 8, true);
    reset_case(2, 8, 0, 0x1f00000064, true);
    reset_case(1, 8, 0, 0xffff, true);
    reset_case(1, 8, 0, 0x10000, false);
    reset_case(1, 8, 0, 0, false);
    reset_case(3, 8, 0, 0x64, false);
    reset_case(1, 16, 0, 0xcf9, false);
    reset_case(1, 8, 1, 0xcf9, false);
}

TEST(pm_timer_is_checked)
{
    fadt_start(3, 244);
    put_gas(208, 0, 32, 0, 0xfed40000); /* in memory */
    assert_fadt(0xcf9, 0xfed40000, 32);
    assert_int_equal(fadt.pm_timer.space, ACPI_SPACE_MEMORY);
    put_gas(208, 0, 0, 0, 0); /* empty: the old field counts */
    assert_fadt(0xcf9, 0x608, 32);
    put_gas(208, 2, 32, 0, 0x40); /* PCI: nowhere a timer can be */
    assert_fadt(0xcf9, 0x608, 32);
    tab.bytes[91] = 3;
    assert_fadt(0xcf9, 0, 32);
    tab.bytes[91] = 4;
    poke(&tab, 76, 0x10000, 4);
    assert_fadt(0xcf9, 0, 32);
}
