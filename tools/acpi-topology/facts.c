/* Runs the hypervisor's code on the tables and adds up. See facts.h. */
#include "facts.h"

#include <arch/x86/acpi/ram_nodes.h>
#include <boot/ram_map.h>
#include <lib/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct message_list warnings, notes;
struct boot_ranges facts_ram;

/* The hypervisor's code speaks through this. Debug words are left out. */
void printk(enum log_level level, const char *fmt, ...)
{
    struct message_list *list = level <= LOG_WARNING ? &warnings : &notes;
    va_list args;

    if (level > LOG_INFO || list->nr == MESSAGES_MAX)
        return;
    char *text = list->text[list->nr++];
    va_start(args, fmt);
    vsnprintf(text, MESSAGE_BYTES, fmt, args);
    va_end(args);
    text[strcspn(text, "\n")] = '\0';
}

static void add_cpu(struct facts *f, const struct cpu_fact *cpu)
{
    f->cpu[f->nr_cpus++] = *cpu;
    if (cpu->nid != NODE_NONE)
        f->node[cpu->nid].cpus++;
}

/* The MADT says which CPUs there are; without one, the SRAT's list is all that is known. */
static void fill_cpus(struct facts *f, bool have_madt)
{
    const struct topology *t = &f->info.topology;
    const struct acpi_srat *s = &f->info.srat;

    if (have_madt) {
        for (u32 i = 0; i < t->nr_cpus; i++)
            add_cpu(f, &(struct cpu_fact){t->cpus[i].apic_id, true, t->cpus[i].acpi_uid, t->cpus[i].nid});
        return;
    }
    for (u32 i = 0; i < s->nr_cpus; i++)
        add_cpu(f, &(struct cpu_fact){s->cpu[i].apic_id, false, 0, acpi_srat_pxm_to_nid(s, s->cpu[i].pxm)});
}

/* RAM on each node and in each range, by the same calls as in the hypervisor's boot. */
static void fill_ram(struct facts *f)
{
    static struct acpi_ram_report report;
    const struct topology *t = &f->info.topology;

    for (u32 i = 0; i < facts_ram.nr; i++) {
        acpi_ram_count(&report, t, facts_ram.range[i].start, facts_ram.range[i].end);
        for (u64 at = facts_ram.range[i].start; at < facts_ram.range[i].end;) {
            const struct topology_range *range;
            u64 until;

            acpi_ram_node(t, at, &until, &range);
            until = MIN(until, facts_ram.range[i].end);
            if (range)
                f->range_ram[range - t->ranges] += until - at;
            at = until;
        }
    }
    (void)acpi_ram_warn(&report, t);
    for (u32 i = 0; i < t->nr_nodes; i++)
        f->node[i].bytes = report.bytes[i];
}

static void fill_ranges(struct facts *f)
{
    const struct topology *t = &f->info.topology;

    for (u32 i = 0; i < t->nr_ranges; i++) {
        const struct topology_range *r = &t->ranges[i];
        struct node_sums *n = &f->node[r->nid];

        if (r->flags & RANGE_NONVOLATILE)
            n->nonvolatile_bytes += r->size;
        if (r->flags & RANGE_HOTPLUG)
            n->hotplug_bytes += r->size - MIN(r->size, f->range_ram[i]);
        else if (!f->have_memmap)
            n->bytes += r->size;
    }
}

/* As the hypervisor sees it: what it does not use is on no node. */
static bool has_ram(u64 start, u64 end)
{
    const struct boot_ranges *ram = &facts_ram;

    start = MAX(start, RAM_LOW_RESERVED);
    end = MIN(end, RAM_LIMIT);
    for (u32 i = 0; i < ram->nr; i++)
        if (MAX(start, ram->range[i].start) < MIN(end, ram->range[i].end))
            return true;
    return false;
}

void facts_fill(struct facts *f, struct acpi_inputs *in)
{
    in->has_ram = f->have_memmap ? has_ram : NULL;
    acpi_inputs_read(&f->info, in);
    f->refused = !f->info.topology.have_srat;
    if (f->refused)
        return;
    if (f->have_memmap)
        fill_ram(f);
    fill_ranges(f);
    fill_cpus(f, f->info.have_madt);
}

const char *facts_result(const struct facts *f)
{
    return f->refused ? "refused" : warnings.nr ? "warnings" : "usable";
}
