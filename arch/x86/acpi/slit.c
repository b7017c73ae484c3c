/* Checks and reads the SLIT (ACPI 6.5 5.2.17). See slit.h. */
#include "slit.h"

#include <homestead/errno.h>
#include <homestead/topology.h>
#include <lib/log.h>

#define SLIT_COUNT_OFFSET   36u /* u64 Number of System Localities, then the matrix: ACPI 6.5 table 5.66 */
#define SLIT_MATRIX_OFFSET  44u
/* A square of this many entries would not fit into a table, and the product below stays small. */
#define SLIT_MAX_LOCALITIES 1024u
_Static_assert((u64)SLIT_MAX_LOCALITIES *SLIT_MAX_LOCALITIES >= ACPI_TABLE_MAX_BYTES, "limit too low");

static bool values_valid(const u8 *matrix, u32 nr)
{
    for (u32 i = 0; i < nr; i++) {
        for (u32 j = 0; j < nr; j++) {
            u8 d = matrix[i * nr + j];

            if (i == j ? d != DISTANCE_LOCAL : d <= DISTANCE_LOCAL) {
                log_warn("ACPI: SLIT: distance %u from %u to %u, ignored\n", d, i, j);
                return false;
            }
        }
    }
    return true;
}

int acpi_slit_parse(struct acpi_slit *out, const void *bytes, u64 avail)
{
    const struct acpi_header *h = acpi_table_check(bytes, avail, "SLIT", SLIT_MATRIX_OFFSET);

    if (!h)
        return -EINVAL;
    const u8 *table = bytes;
    u64 nr = acpi_load64(table + SLIT_COUNT_OFFSET);
    if (nr == 0 || nr > SLIT_MAX_LOCALITIES || nr * nr != h->Length - SLIT_MATRIX_OFFSET) {
        log_warn("ACPI: SLIT: %lu localities in %u bytes, ignored\n", (unsigned long)nr, h->Length);
        return -EINVAL;
    }
    const u8 *matrix = table + SLIT_MATRIX_OFFSET;
    if (!values_valid(matrix, (u32)nr))
        return -EINVAL;
    *out = (struct acpi_slit){.nr_localities = (u32)nr, .matrix = matrix};
    return 0;
}

u8 acpi_slit_distance(const struct acpi_slit *s, u32 from_pxm, u32 to_pxm)
{
    if (s && from_pxm < s->nr_localities && to_pxm < s->nr_localities)
        return s->matrix[from_pxm * s->nr_localities + to_pxm];
    return from_pxm == to_pxm ? DISTANCE_LOCAL : DISTANCE_REMOTE;
}
