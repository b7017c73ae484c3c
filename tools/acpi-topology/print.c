/* Shows the facts: for people, as `@` lines (docs/hypervisor-guide/topology.md), or as JSON. All on standard output. */
#include "facts.h"

#include <stdio.h>

static const char *device_kind(const struct topology_device *d)
{
    return d->kind == DEVICE_GENERIC_PORT ? "port" : "initiator";
}

static void print_handle(const struct topology_device *d)
{
    for (u32 i = 0; i < sizeof(d->handle); i++)
        printf("%02x", d->handle[i]);
}

/* --- for people --- */

static void people_nodes(const struct facts *f)
{
    const struct topology *t = &f->info.topology;

    printf("SRAT revision %u, %u nodes, %u CPUs%s\n\n", f->info.srat.revision, t->nr_nodes, f->nr_cpus,
           f->info.have_madt ? "" : " (in the SRAT; no MADT was given)");
    printf("node        PXM  %13s  hot-plug MiB  non-volatile MiB  CPUs\n",
           f->have_memmap ? "RAM MiB" : "memory MiB");
    for (u32 i = 0; i < t->nr_nodes; i++)
        printf("%4u %10u  %13lu  %12lu  %16lu  %4u\n", i, t->pxm[i], (unsigned long)(f->node[i].bytes >> 20),
               (unsigned long)(f->node[i].hotplug_bytes >> 20),
               (unsigned long)(f->node[i].nonvolatile_bytes >> 20), f->node[i].cpus);
    printf("\nrange                                    node  flags\n");
    for (u32 i = 0; i < t->nr_ranges; i++) {
        const struct topology_range *r = &t->ranges[i];

        printf("0x%016lx - 0x%016lx  %4u%s%s\n", (unsigned long)r->base, (unsigned long)(r->base + r->size),
               r->nid, r->flags & RANGE_HOTPLUG ? "  hot-pluggable" : "",
               r->flags & RANGE_NONVOLATILE ? "  non-volatile" : "");
    }
}

static void people_distances(const struct facts *f)
{
    const struct topology *t = &f->info.topology;

    printf("\ndistances from node (row) to node, %s; then the order in which nodes are used%s\n",
           t->have_slit ? "by SLIT" : "defaults: no SLIT", t->have_hmat ? ", by HMAT" : "");
    for (u32 i = 0; i < t->nr_nodes; i++) {
        printf("%4u:", i);
        for (u32 j = 0; j < t->nr_nodes; j++)
            printf(" %3u", t->distance[i][j]);
        printf("   |");
        for (u32 j = 0; j < t->nr_nodes; j++)
            printf(" %u", t->near[i][j]);
        printf("\n");
    }
}

/* --- for programs --- */

static void lines(const struct facts *f)
{
    const struct topology *t = &f->info.topology;

    for (u32 i = 0; i < t->nr_nodes; i++)
        printf("@node id=%u pxm=%u bytes=%lu hotplug_bytes=%lu cpus=%u nonvolatile_bytes=%lu\n", i, t->pxm[i],
               (unsigned long)f->node[i].bytes, (unsigned long)f->node[i].hotplug_bytes, f->node[i].cpus,
               (unsigned long)f->node[i].nonvolatile_bytes);
    for (u32 i = 0; i < t->nr_ranges; i++) {
        const struct topology_range *r = &t->ranges[i];

        printf("@range base=0x%lx end=0x%lx node=%u pxm=%u bytes=%lu hotplug=%u nonvolatile=%u",
               (unsigned long)r->base, (unsigned long)(r->base + r->size), r->nid, t->pxm[r->nid],
               (unsigned long)r->size, !!(r->flags & RANGE_HOTPLUG), !!(r->flags & RANGE_NONVOLATILE));
        if (f->have_memmap)
            printf(" ram=%lu", (unsigned long)f->range_ram[i]);
        printf("\n");
    }
    for (u32 i = 0; i < f->nr_cpus; i++) {
        const struct cpu_fact *c = &f->cpu[i];

        printf("@cpu id=%u apic_id=%u node=%u pxm=%u", i, c->apic_id, c->nid, t->pxm[c->nid]);
        if (c->has_uid)
            printf(" uid=%u", c->acpi_uid);
        printf("\n");
    }
    for (u32 i = 0; i < t->nr_nodes; i++)
        for (u32 j = 0; j < t->nr_nodes; j++)
            printf("@distance from=%u to=%u value=%u\n", i, j, t->distance[i][j]);
    for (u32 i = 0; i < t->nr_nodes; i++) {
        printf("@near node=%u order=", i);
        for (u32 j = 0; j < t->nr_nodes; j++)
            printf("%s%u", j ? "," : "", t->near[i][j]);
        printf("\n");
    }
    for (u32 i = 0; i < t->nr_devices; i++) {
        const struct topology_device *d = &t->devices[i];

        printf("@device kind=%s node=%d pxm=%u handle_type=%u handle=", device_kind(d), (int)d->nid, d->pxm,
               d->handle_type);
        print_handle(d);
        printf("\n");
    }
    if (f->info.msct.found)
        printf("@msct domains=%lu last_address=0x%lx\n", (unsigned long)f->info.msct.max_pxms,
               (unsigned long)f->info.msct.max_maddr);
}

static void quoted(const char *text, char instead)
{
    putchar('"');
    for (; *text; text++)
        putchar(*text == '"' || *text == '\\' || *text < ' ' || *text > '~' ? instead : *text);
    putchar('"');
}

void print_text(const struct facts *f)
{
    if (f->refused) {
        printf("No SRAT can be used: Homestead would boot with all memory and CPUs on one node.\n");
    } else {
        people_nodes(f);
        people_distances(f);
    }
    for (u32 i = 0; i < notes.nr; i++)
        printf("\nnote: %s\n", notes.text[i]);
    for (u32 i = 0; i < warnings.nr; i++)
        printf("\nwarning: %s\n", warnings.text[i]);
    printf("\n");
    if (!f->refused)
        lines(f);
    for (u32 i = 0; i < warnings.nr; i++) {
        printf("@warning text=");
        quoted(warnings.text[i], '\'');
        printf("\n");
    }
    printf("@topology result=%s nodes=%u cpus=%u warnings=%u\n", facts_result(f),
           f->refused ? 0 : f->info.topology.nr_nodes, f->nr_cpus, warnings.nr);
}

/* --- JSON --- */

static void json_texts(const char *name, const struct message_list *list)
{
    printf(",\n \"%s\": [", name);
    for (u32 i = 0; i < list->nr; i++) {
        printf("%s", i ? ", " : "");
        quoted(list->text[i], '\'');
    }
    printf("]");
}

static void json_nodes(const struct facts *f)
{
    const struct topology *t = &f->info.topology;

    printf(",\n \"nodes\": [");
    for (u32 i = 0; i < t->nr_nodes; i++)
        printf("%s\n  {\"id\": %u, \"pxm\": %u, \"bytes\": %lu, \"hotplug_bytes\": %lu, \"cpus\": %u, "
               "\"nonvolatile_bytes\": %lu}",
               i ? "," : "", i, t->pxm[i], (unsigned long)f->node[i].bytes,
               (unsigned long)f->node[i].hotplug_bytes, f->node[i].cpus,
               (unsigned long)f->node[i].nonvolatile_bytes);
    printf("],\n \"ranges\": [");
    for (u32 i = 0; i < t->nr_ranges; i++) {
        const struct topology_range *r = &t->ranges[i];

        printf(
            "%s\n  {\"base\": %lu, \"end\": %lu, \"node\": %u, \"pxm\": %u, \"bytes\": %lu, \"hotplug\": %s, "
            "\"nonvolatile\": %s",
            i ? "," : "", (unsigned long)r->base, (unsigned long)(r->base + r->size), r->nid, t->pxm[r->nid],
            (unsigned long)r->size, r->flags & RANGE_HOTPLUG ? "true" : "false",
            r->flags & RANGE_NONVOLATILE ? "true" : "false");
        if (f->have_memmap)
            printf(", \"ram\": %lu", (unsigned long)f->range_ram[i]);
        printf("}");
    }
    printf("],\n \"cpus\": [");
    for (u32 i = 0; i < f->nr_cpus; i++) {
        const struct cpu_fact *c = &f->cpu[i];

        printf("%s\n  {\"id\": %u, \"apic_id\": %u, \"node\": %u, \"pxm\": %u", i ? "," : "", i, c->apic_id,
               c->nid, t->pxm[c->nid]);
        if (c->has_uid)
            printf(", \"uid\": %u", c->acpi_uid);
        printf("}");
    }
    printf("]");
}

static void json_matrix(const char *name, const struct topology *t, const u8 (*matrix)[MAX_NODES])
{
    printf(",\n \"%s\": [", name);
    for (u32 i = 0; i < t->nr_nodes; i++) {
        printf("%s[", i ? ", " : "");
        for (u32 j = 0; j < t->nr_nodes; j++)
            printf("%s%u", j ? ", " : "", matrix[i][j]);
        printf("]");
    }
    printf("]");
}

static void json_devices(const struct topology *t)
{
    printf(",\n \"devices\": [");
    for (u32 i = 0; i < t->nr_devices; i++) {
        const struct topology_device *d = &t->devices[i];

        printf("%s\n  {\"kind\": \"%s\", \"node\": %d, \"pxm\": %u, \"handle_type\": %u, \"handle\": \"",
               i ? "," : "", device_kind(d), (int)d->nid, d->pxm, d->handle_type);
        print_handle(d);
        printf("\"}");
    }
    printf("]");
}

void print_json(const struct facts *f)
{
    const struct topology *t = &f->info.topology;

    printf("{\"result\": \"%s\"", facts_result(f));
    if (f->refused) {
        printf(",\n \"nodes\": [],\n \"ranges\": [],\n \"cpus\": [],\n \"distances\": []");
    } else {
        json_nodes(f);
        json_matrix("distances", t, t->distance);
        json_matrix("near", t, t->near);
        json_devices(t);
        printf(",\n \"slit\": %s,\n \"hmat\": %s", t->have_slit ? "true" : "false",
               t->have_hmat ? "true" : "false");
    }
    if (f->info.msct.found)
        printf(",\n \"msct\": {\"domains\": %lu, \"last_address\": %lu}",
               (unsigned long)f->info.msct.max_pxms, (unsigned long)f->info.msct.max_maddr);
    json_texts("notes", &notes);
    json_texts("warnings", &warnings);
    printf("}\n");
}
