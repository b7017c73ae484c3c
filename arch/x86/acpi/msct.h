/*
 * MSCT: the most that the machine could ever have (ACPI 6.5 5.2.19). Pure functions on bytes. Its limits are
 * facts to show, nothing more: where it contradicts the SRAT, the SRAT is believed.
 */
#ifndef ARCH_X86_ACPI_MSCT_H
#define ARCH_X86_ACPI_MSCT_H

#include "srat.h"

struct acpi_msct {
    bool found;
    u64 max_pxms;  /* how many proximity domains there can be, 1 .. 2^32 */
    u64 max_maddr; /* the highest physical address there can be, 0: not said */
};

/*
 * Reads the MSCT in the avail bytes at `bytes`. 0; -EINVAL: header or checksum wrong (one warning), *out
 * untouched.
 */
int acpi_msct_parse(struct acpi_msct *out, const void *bytes, u64 avail);

/* One warning for each limit that the SRAT passes. */
void acpi_msct_compare(const struct acpi_msct *m, const struct acpi_srat *srat);

#endif
