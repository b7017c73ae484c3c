/* Combines the parsed tables into struct topology; reads SLIT and MSCT. See topology.h. */
#include "topology.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

/* --- SLIT (ACPI 6.5 5.2.17) --- */

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

/* --- MSCT (ACPI 6.5 5.2.19) --- */

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

/* --- the topology --- */

#define PHYSICAL_ADDRESS_BITS 52 /* APM2 5.3, SDM 3A 4.1.4: the architecture's limit */

static void fill_distances(struct topology *t, const struct acpi_slit *slit)
{
    for (u32 i = 0; i < MAX_NODES; i++)
        for (u32 j = 0; j < MAX_NODES; j++)
            t->distance[i][j] = i < t->nr_nodes && j < t->nr_nodes
                                    ? acpi_slit_distance(slit, t->pxm[i], t->pxm[j])
                                    : acpi_slit_distance(NULL, i, j);
}

/* One node, nothing known. */
static void fill_one_node(struct topology *t)
{
    t->nr_nodes = 1;
    t->pxm[0] = 0;
    t->nr_ranges = 1;
    t->ranges[0] = (struct topology_range){.base = 0, .size = BIT(PHYSICAL_ADDRESS_BITS), .nid = 0};
    t->have_srat = false;
    t->have_slit = false;
    fill_distances(t, NULL);
    acpi_nearness_fill(t, NULL);
}

/* A SLIT with too few localities is used for those that it has. */
static void check_coverage(const struct topology *t, const struct acpi_slit *slit)
{
    u32 nr_missing = 0;

    for (u32 i = 0; i < t->nr_nodes; i++)
        nr_missing += t->pxm[i] >= slit->nr_localities;
    if (nr_missing)
        log_warn("ACPI: SLIT: %u localities do not cover %u of %u nodes, default distances for these\n",
                 slit->nr_localities, nr_missing, t->nr_nodes);
}

static void fill_nodes(struct topology *t, const struct acpi_srat *srat, const struct acpi_slit *slit)
{
    t->nr_nodes = srat->nr_pxm;
    memcpy(t->pxm, srat->pxm, sizeof(t->pxm));
    t->nr_ranges = srat->nr_ranges;
    memcpy(t->ranges, srat->range, sizeof(t->ranges));
    t->have_srat = true;
    t->have_slit = slit != NULL;
    t->nr_devices = srat->nr_devices;
    memcpy(t->devices, srat->device, sizeof(t->devices));
    fill_distances(t, slit);
    acpi_nearness_fill(t, NULL);
    if (slit)
        check_coverage(t, slit);
}

/* The node of the lowest memory: of all nodes it is the one that surely has RAM. */
static nodeid_t home_of_unlisted(const struct topology *t)
{
    return t->ranges[0].nid;
}

static void add_cpu(struct topology *t, const struct acpi_madt_cpu *cpu, const struct acpi_srat *srat,
                    u32 *nr_unlisted)
{
    nodeid_t nid = srat ? acpi_srat_apic_to_nid(srat, cpu->apic_id) : 0;

    if (nid == NODE_NONE) {
        ++*nr_unlisted;
        nid = home_of_unlisted(t);
    }
    t->cpus[t->nr_cpus++] =
        (struct topology_cpu){.apic_id = cpu->apic_id, .acpi_uid = cpu->acpi_uid, .nid = nid};
}

void acpi_topology_build(struct topology *out, const struct acpi_madt *madt, const struct acpi_srat *srat,
                         const struct acpi_slit *slit)
{
    static const struct acpi_madt_cpu boot_cpu = {.apic_id = 0, .acpi_uid = 0};
    u32 nr_unlisted = 0;

    memset(out, 0, sizeof(*out));
    if (srat)
        fill_nodes(out, srat, slit);
    else
        fill_one_node(out);

    for (u32 i = 0; i < madt->nr_cpus; i++)
        add_cpu(out, &madt->cpu[i], srat, &nr_unlisted);
    if (out->nr_cpus == 0)
        add_cpu(out, &boot_cpu, srat, &(u32){0}); /* made up: nothing is known of it that could be wrong */
    if (nr_unlisted)
        log_warn("ACPI: %u of %u CPUs are not in the SRAT, put on node %u\n", nr_unlisted, out->nr_cpus,
                 home_of_unlisted(out));
}

void acpi_topology_flatten(struct topology *t)
{
    memset(t->pxm, 0, sizeof(t->pxm));
    memset(t->ranges, 0, sizeof(t->ranges));
    fill_one_node(t);
    for (u32 i = 0; i < t->nr_cpus; i++)
        t->cpus[i].nid = 0;
    for (u32 i = 0; i < t->nr_devices; i++)
        t->devices[i].nid = NODE_NONE;
}
