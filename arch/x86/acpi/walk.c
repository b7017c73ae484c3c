/* The guarded walker over sub-tables. See walk.h. Each step moves at least two bytes ahead. */
#include "walk.h"

#include <homestead/errno.h>

struct acpi_walk acpi_walk_start(const struct acpi_header *h, u32 first_offset)
{
    return (struct acpi_walk){.table = (const u8 *)h, .length = h->Length, .offset = first_offset};
}

const struct acpi_subtable *acpi_walk_next(struct acpi_walk *w)
{
    if (w->error || w->offset >= w->length)
        return NULL;

    u32 left = w->length - w->offset;
    const struct acpi_subtable *e = (const struct acpi_subtable *)(w->table + w->offset);
    if (left < sizeof(*e)) {
        w->error = -EOVERFLOW;
    } else if (e->Length < sizeof(*e)) {
        w->error = -EINVAL; /* the Dell T5810's first SRAT has such an entry, with a correct checksum */
    } else if (e->Length > left) {
        w->error = -EOVERFLOW;
    } else {
        w->offset += e->Length;
        return e;
    }
    return NULL;
}
