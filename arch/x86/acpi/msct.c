/* Reads the MSCT (ACPI 6.5 5.2.19). See msct.h. */
#include "msct.h"

#include <homestead/errno.h>
#include <lib/log.h>

struct ACPI_STRUCT msct_table {  /* ACPI 6.5 5.2.19, table 5.68 */
    struct acpi_header header;   /*  0 */
    u32 OffsetToProxDomInfo;     /* 36: structures per domain, which add nothing to the totals */
    u32 MaximumProximityDomains; /* 40: their number minus one */
    u32 MaximumClockDomains;     /* 44: likewise */
    u64 MaximumPhysicalAddress;  /* 48 */
};
_Static_assert(sizeof(struct msct_table) == 56, "ACPI 6.5 5.2.19");

int acpi_msct_parse(struct acpi_msct *out, const void *bytes, u64 avail)
{
    const struct acpi_header *h = acpi_table_check(bytes, avail, "MSCT", sizeof(struct msct_table));

    if (!h)
        return -EINVAL;
    const struct msct_table *m = (const void *)h;
    *out = (struct acpi_msct){
        .found = true,
        .max_pxms = m->MaximumProximityDomains + 1ull,
        .max_maddr = m->MaximumPhysicalAddress,
    };
    return 0;
}

void acpi_msct_compare(const struct acpi_msct *m, const struct acpi_srat *srat)
{
    const struct topology_range *last = srat->nr_ranges ? &srat->range[srat->nr_ranges - 1] : NULL;

    if (!m->found)
        return;
    if (srat->nr_pxm > m->max_pxms)
        log_warn("ACPI: MSCT: allows %lu proximity domains, SRAT has %u: SRAT is believed\n",
                 (unsigned long)m->max_pxms, srat->nr_pxm);
    if (last && m->max_maddr && last->base + (last->size - 1) > m->max_maddr)
        log_warn("ACPI: MSCT: ends at 0x%lx, SRAT at 0x%lx: SRAT is believed\n", (unsigned long)m->max_maddr,
                 (unsigned long)(last->base + (last->size - 1)));
}
