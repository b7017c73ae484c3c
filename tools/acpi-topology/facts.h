/*
 * What acpi-topology knows of a machine: the hypervisor's own answer (struct acpi_info) and the sums that
 * people want to see. Filled by facts.c, shown by print.c.
 */
#ifndef TOOLS_ACPI_TOPOLOGY_FACTS_H
#define TOOLS_ACPI_TOPOLOGY_FACTS_H

#include <arch/x86/acpi/acpi.h>
#include <boot/boot_ranges.h>

#define MESSAGES_MAX  128u
#define MESSAGE_BYTES 200u

struct node_sums {
    u64 bytes;             /* see docs/hypervisor-guide/topology.md */
    u64 hotplug_bytes;     /* flagged hot-pluggable; with a memory map, what of that no RAM backs */
    u64 nonvolatile_bytes; /* flagged non-volatile, wherever else they are counted */
    u32 cpus;
};

struct cpu_fact {
    u32 apic_id;
    bool has_uid; /* the MADT gave it */
    u32 acpi_uid;
    nodeid_t nid;
};

struct facts {
    struct acpi_info info;
    bool refused; /* no SRAT could be used */
    bool have_memmap;
    struct node_sums node[MAX_NODES];
    u64 range_ram[TOPOLOGY_MAX_RANGES]; /* bytes of RAM in each range of the topology */
    u32 nr_cpus;
    struct cpu_fact cpu[MAX_CPUS];
};

/* What the hypervisor's code said, without the line's end. */
struct message_list {
    u32 nr;
    char text[MESSAGES_MAX][MESSAGE_BYTES];
};
extern struct message_list warnings, notes;

/* The memory map's RAM, if have_memmap. */
extern struct boot_ranges facts_ram;

/* Reads the tables; facts_ram and f->have_memmap are filled before. */
void facts_fill(struct facts *f, struct acpi_inputs *in);

void print_text(const struct facts *f);
void print_json(const struct facts *f);

/* "usable", "warnings" or "refused". */
const char *facts_result(const struct facts *f);

#endif
