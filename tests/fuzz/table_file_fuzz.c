/* Any bytes as a file of tables and as a memory map: tables are inside of the file and as long as they say, text or not, and
 * RAM is in order. */
#include <tools/acpi-topology/memmap.h>
#include <tools/acpi-topology/table_file.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct file {
    const u8 *bytes;
    u64 size;
    int nr;
};

static void check_table(void *ctx, const char signature[5], struct acpi_bytes table)
{
    struct file *f = ctx;
    const u8 *at = table.bytes;

    if (at < f->bytes || table.len < 20 || table.len > f->size - (u64)(at - f->bytes) ||
        memcmp(at, signature, 4) || signature[4])
        abort();
    f->nr++;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct boot_ranges ram;
    char error[200] = "";
    u8 *copy = malloc(size + 1);
    struct file f = {copy, size, 0};

    memcpy(copy, data, size);
    copy[size] = '\0';
    if (strlen((char *)copy) == size && !memmap_parse(&ram, (char *)copy, error, sizeof(error)))
        for (u32 i = 0; i < ram.nr; i++)
            if (ram.range[i].start >= ram.range[i].end || (i && ram.range[i - 1].end >= ram.range[i].start))
                abort();
    error[0] = '\0';
    int rc = table_file_read(copy, size, check_table, &f, error, sizeof(error));
    if ((rc >= 0 && rc != f.nr) || (rc == -22) != (error[0] != '\0') || (rc < 0 && rc != -22 && rc != -2))
        abort();
    free(copy);
    return 0;
}
