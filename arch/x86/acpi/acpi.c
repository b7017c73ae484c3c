/* From the mapper to struct acpi_info. See acpi.h. */
#include "acpi.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

static bool read_srats(struct acpi_srat *out, const struct acpi_inputs *in)
{
    for (u32 i = 0; i < in->nr_srats; i++) {
        if (acpi_srat_parse(out, in->srat[i].bytes, in->srat[i].len) != 0)
            continue;
        if (in->nr_srats > 1)
            log_warn("ACPI: %u SRATs, number %u is used\n", in->nr_srats, i + 1);
        return true;
    }
    return false;
}

void acpi_inputs_read(struct acpi_info *out, const struct acpi_inputs *in)
{
    struct acpi_slit slit;

    acpi_madt_init(&out->madt);
    memset(&out->fadt, 0, sizeof(out->fadt));
    memset(&out->srat, 0, sizeof(out->srat));

    out->have_madt = in->madt.bytes && acpi_madt_parse(&out->madt, in->madt.bytes, in->madt.len) == 0;
    out->have_fadt = in->fadt.bytes && acpi_fadt_parse(&out->fadt, in->fadt.bytes, in->fadt.len) == 0;
    bool have_srat = read_srats(&out->srat, in);
    bool have_slit = have_srat && in->slit.bytes && acpi_slit_parse(&slit, in->slit.bytes, in->slit.len) == 0;

    if (out->madt.nr_cpus == 0)
        log_warn("ACPI: no MADT with CPUs, the boot CPU alone is known\n");
    acpi_topology_build(&out->topology, &out->madt, have_srat ? &out->srat : NULL, have_slit ? &slit : NULL);
}

/* Maps the instance-th table of that signature. False if there is none. */
static bool table_map(struct acpi_bytes *out, const struct acpi_tables *t, const struct acpi_mapper *m,
                      const char *signature, u32 instance)
{
    const struct acpi_table_ref *ref = acpi_tables_find(t, signature, instance);

    if (!ref)
        return false;
    out->bytes = m->map(m->ctx, ref->maddr, ref->length);
    out->len = ref->length;
    if (!out->bytes)
        log_warn("ACPI: %.4s at 0x%lx cannot be read whole, ignored\n", signature, (unsigned long)ref->maddr);
    return true;
}

int acpi_init(struct acpi_info *out, const struct acpi_mapper *m, u64 rsdp_maddr)
{
    struct acpi_inputs in;
    int rc = -ENOENT;

    memset(&in, 0, sizeof(in));
    memset(&out->tables, 0, sizeof(out->tables));
    if (rsdp_maddr == 0)
        rsdp_maddr = acpi_rsdp_search(m);
    if (rsdp_maddr != 0)
        rc = acpi_tables_list(&out->tables, m, rsdp_maddr);
    out->found = rc == 0;

    if (out->found) {
        const struct acpi_tables *t = &out->tables;
        table_map(&in.madt, t, m, "APIC", 0);
        table_map(&in.fadt, t, m, "FACP", 0);
        table_map(&in.slit, t, m, "SLIT", 0);
        for (u32 i = 0; i < ACPI_MAX_SRATS; i++) {
            struct acpi_bytes *b = &in.srat[in.nr_srats];
            if (table_map(b, t, m, "SRAT", i) && b->bytes)
                in.nr_srats++;
        }
    }
    acpi_inputs_read(out, &in);
    return rc;
}
