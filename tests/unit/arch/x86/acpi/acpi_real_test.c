/*
 * Tables of real machines, from ../shared/acpi-tables beside the source tree or $ACPI_TABLES, each in a block of exactly its
 * size; skipped when they are not there. What they say is compared in tests/unit/tools/acpi_tool_test.py.
 */
#include <tests/machine/test.h>

#include <dirent.h>

#include "acpi_tables.h"

static struct acpi_info info;

static struct acpi_bytes load(const char *dir, const char *name)
{
    static u8 bytes[MIB(1)];
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    u64 len = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    return (struct acpi_bytes){.bytes = tight(bytes, len), .len = len};
}

TEST(every_table_keeps_the_invariants)
{
    const char *dir = getenv("ACPI_TABLES") ? getenv("ACPI_TABLES") : "../shared/acpi-tables";
    DIR *d = opendir(dir); /* tests run in the source tree's root */
    struct dirent *e;
    u32 nr = 0;

    if (!d)
        skip();
    while ((e = readdir(d))) {
        if (!strstr(e->d_name, ".dat"))
            continue;
        struct acpi_bytes b = load(dir, e->d_name);
        /* As each kind of table in turn; the wrong kinds are refused. */
        struct acpi_inputs in = {.madt = b, .fadt = b, .slit = b, .nr_srats = 1, .srat = {b}};

        forget_said();
        acpi_inputs_read(&info, &in);
        const char *wrong = topology_wrong(&info.topology);
        if (wrong)
            fail_msg("%s: %s", e->d_name, wrong);
        assert_int_equal(info.have_madt, strstr(e->d_name, ".APIC.") != NULL);
        assert_int_equal(info.topology.have_srat,
                         strstr(e->d_name, ".SRAT") &&
                             strcmp(e->d_name, "Dell_Precision_T5810.SRAT1.dat") != 0);
        free((void *)b.bytes);
        nr++;
    }
    closedir(d);
    assert_true(nr >= 20);
}
