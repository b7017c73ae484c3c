/*
 * Checksums and table headers.
 */
#include <tests/machine/test.h>

#include "acpi_tables.h"

static struct table tab;

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
