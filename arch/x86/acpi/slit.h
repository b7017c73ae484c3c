/*
 * SLIT: relative distances between localities, whose numbers are PXMs (ACPI 6.5 5.2.17). Pure functions
 * on bytes. 10 is local, 255 unreachable, 0 to 9 are reserved.
 */
#ifndef ARCH_X86_ACPI_SLIT_H
#define ARCH_X86_ACPI_SLIT_H

#include "tables.h"

struct acpi_slit {
    u32 nr_localities; /* > 0 */
    const u8 *matrix;  /* nr_localities^2 bytes inside the table: valid as long as that is */
};

/*
 * Checks the SLIT in the avail bytes at `bytes`; its size must be exactly what its count asks for, the
 * diagonal 10 and everything else above 10. Asymmetric matrices are allowed. Each refusal is one warning.
 * 0; -EINVAL: refused, *out untouched.
 */
int acpi_slit_parse(struct acpi_slit *out, const void *bytes, u64 avail);

/* The distance between two PXMs; the default for PXMs that the table does not cover, and if s is NULL. */
u8 acpi_slit_distance(const struct acpi_slit *s, u32 from_pxm, u32 to_pxm);

#endif
