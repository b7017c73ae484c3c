/*
 * The one walker over sub-tables: MADT and SRAT both are a header followed by entries that start with a
 * type byte and a length byte (ACPI 6.5 5.2.12 and 5.2.16). Every entry it hands out lies wholly
 * inside the table; a length that would stand still or lead outside ends the walk and is kept as an error.
 *
 *     struct acpi_walk w = acpi_walk_start(header, 48);
 *     while ((e = acpi_walk_next(&w)))
 *         use(e->bytes[0 .. e->Length - 1]);
 *     if (w.error) ...
 */
#ifndef ARCH_X86_ACPI_WALK_H
#define ARCH_X86_ACPI_WALK_H

#include "tables.h"

struct ACPI_STRUCT acpi_subtable {
    u8 Type;   /* 0 */
    u8 Length; /* 1: bytes, these two included */
};

struct acpi_walk {
    const u8 *table;
    u32 length; /* bytes in the table */
    u32 offset; /* of the next entry; where it went wrong, after an error */
    int error;  /* 0; -EINVAL: an entry's length is below 2; -EOVERFLOW: an entry leaves the table */
};

/* Starts behind the table's own fields, first_offset bytes in. h has been through acpi_table_check(). */
struct acpi_walk acpi_walk_start(const struct acpi_header *h, u32 first_offset);

/* The next entry; NULL at the end and at an error, then and at every call after it. */
const struct acpi_subtable *acpi_walk_next(struct acpi_walk *w);

#endif
