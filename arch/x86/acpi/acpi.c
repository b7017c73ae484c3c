/* From the mapper to struct acpi_info. See acpi.h. */
#include "acpi.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

/* How many of the MADT's CPUs the SRAT lists. */
static u32 cpus_listed(const struct acpi_srat *s, const struct acpi_madt *madt)
{
    u32 nr = 0;

    for (u32 i = 0; i < madt->nr_cpus; i++)
        nr += acpi_srat_apic_to_nid(s, madt->cpu[i].apic_id) != NODE_NONE;
    return nr;
}

/* Do they give the same nodes to the same CPUs and memory? */
static bool srats_agree(const struct acpi_srat *a, const struct acpi_srat *b)
{
    if (a->nr_pxm != b->nr_pxm || a->nr_ranges != b->nr_ranges || a->nr_cpus != b->nr_cpus)
        return false;
    for (u32 i = 0; i < a->nr_pxm; i++)
        if (a->pxm[i] != b->pxm[i])
            return false;
    for (u32 i = 0; i < a->nr_ranges; i++) {
        const struct topology_range *r = &a->range[i], *q = &b->range[i];
        if (r->base != q->base || r->size != q->size || r->nid != q->nid || r->flags != q->flags)
            return false;
    }
    for (u32 i = 0; i < a->nr_cpus; i++)
        if (acpi_srat_apic_to_nid(b, a->cpu[i].apic_id) != acpi_srat_pxm_to_nid(a, a->cpu[i].pxm))
            return false;
    return true;
}

/* Leaves the SRAT that counts in out->srat; false if there is none. The rule is in acpi.h. */
static bool read_srats(struct acpi_info *out, const struct acpi_inputs *in)
{
    u32 nr_sound = 0, best = 0;
    const char *why = "the only sound one";

    for (u32 i = 0; i < in->nr_srats; i++) {
        struct acpi_srat *s = nr_sound ? &out->other_srat : &out->srat;

        if (acpi_srat_parse(s, in->srat[i].bytes, in->srat[i].len, in->has_ram) != 0)
            continue;
        if (nr_sound++ == 0) {
            best = cpus_listed(s, &out->madt);
            out->srat_used = i;
            continue;
        }
        u32 listed = cpus_listed(s, &out->madt);
        if (listed > best) {
            memcpy(&out->srat, s, sizeof(*s));
            best = listed;
            out->srat_used = i;
            why = "it lists more of the MADT's CPUs";
        } else if (listed < best) {
            why = "it lists more of the MADT's CPUs";
        } else if (!srats_agree(s, &out->srat)) {
            why = "the first one, they differ";
        } else {
            why = "the first one, they agree";
        }
    }
    if (nr_sound && in->nr_srats > 1)
        log_warn("ACPI: %u SRATs, number %u is used: %s\n", in->nr_srats, out->srat_used + 1, why);
    return nr_sound > 0;
}

/* The order of nodes, and what it came from. */
static void order_nodes(struct acpi_info *out, bool have_hmat)
{
    struct topology *t = &out->topology;
    u32 nr = acpi_nearness_fill(t, have_hmat ? &out->hmat : NULL);

    if (nr)
        log_info("ACPI: HMAT: %u latencies order the nodes around %u of %u\n", out->hmat.nr_pairs, nr,
                 t->nr_nodes);
    else if (have_hmat)
        log_warn("ACPI: HMAT: no latency between nodes, the order is by %s\n",
                 t->have_slit ? "SLIT" : "default distances");
}

void acpi_inputs_read(struct acpi_info *out, const struct acpi_inputs *in)
{
    struct acpi_slit slit;

    acpi_madt_init(&out->madt);
    memset(&out->fadt, 0, sizeof(out->fadt));
    memset(&out->srat, 0, sizeof(out->srat));
    memset(&out->hmat, 0, sizeof(out->hmat));
    memset(&out->msct, 0, sizeof(out->msct));
    out->srat_used = 0;

    out->have_madt = in->madt.bytes && acpi_madt_parse(&out->madt, in->madt.bytes, in->madt.len) == 0;
    out->have_fadt = in->fadt.bytes && acpi_fadt_parse(&out->fadt, in->fadt.bytes, in->fadt.len) == 0;
    bool have_srat = read_srats(out, in);
    out->lost_cpus = !out->have_madt || out->madt.nr_cpus == 0 || out->madt.incomplete;
    out->lost_nodes = !have_srat && in->nr_srats;
    bool have_slit = have_srat && in->slit.bytes && acpi_slit_parse(&slit, in->slit.bytes, in->slit.len) == 0;
    bool have_hmat = have_srat && in->hmat.bytes &&
                     acpi_hmat_parse(&out->hmat, &out->srat, in->hmat.bytes, in->hmat.len) == 0;

    if (in->msct.bytes && acpi_msct_parse(&out->msct, in->msct.bytes, in->msct.len) == 0 && have_srat)
        acpi_msct_compare(&out->msct, &out->srat);

    if (in->madt.bytes && out->madt.nr_cpus == 0)
        log_warn("ACPI: MADT: no CPU, the boot CPU alone is known\n");
    acpi_topology_build(&out->topology, &out->madt, have_srat ? &out->srat : NULL, have_slit ? &slit : NULL);
    order_nodes(out, have_hmat);
}

/* Maps the instance-th table of that signature. False if there is none, or it cannot be read. */
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
    return out->bytes;
}

int acpi_init(struct acpi_info *out, const struct acpi_mapper *m, u64 rsdp_maddr)
{
    struct acpi_inputs in;
    int rc = -ENOENT;

    memset(&in, 0, sizeof(in));
    in.has_ram = m->has_ram;
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
        table_map(&in.hmat, t, m, "HMAT", 0);
        table_map(&in.msct, t, m, "MSCT", 0);
        for (u32 i = 0; i < ACPI_MAX_SRATS; i++)
            in.nr_srats += table_map(&in.srat[in.nr_srats], t, m, "SRAT", i);
    }
    if (!in.madt.bytes)
        log_warn("ACPI: no MADT, the boot CPU alone is known\n");
    acpi_inputs_read(out, &in);
    out->lost_nodes = !out->topology.have_srat && acpi_tables_find(&out->tables, "SRAT", 0);
    return rc;
}
