/*
 * The machine's NUMA shape as ACPI describes it, as plain data: filled by arch/x86/acpi (pure functions
 * on bytes), read by boot, mm and the CPU code. Node ids are dense and ascend with the proximity
 * domain (PXM) they stand for.
 */
#ifndef HOMESTEAD_TOPOLOGY_H
#define HOMESTEAD_TOPOLOGY_H

#include <homestead/types.h>

#define TOPOLOGY_MAX_RANGES  256u
#define TOPOLOGY_MAX_DEVICES 64u

/* Distances follow ACPI's SLIT: 10 is local, 255 unreachable. */
#define DISTANCE_LOCAL  10u
#define DISTANCE_REMOTE 20u

enum topology_range_flag {
    RANGE_HOTPLUG = 1u << 0,
    RANGE_NONVOLATILE = 1u << 1,
};

struct topology_range { /* [base, base + size) belongs to node nid */
    u64 base;
    u64 size;
    nodeid_t nid;
    u32 flags; /* enum topology_range_flag */
};

struct topology_cpu {
    u32 apic_id;
    u32 acpi_uid;
    nodeid_t nid;
};

/* What SRAT says of things that are neither CPU nor memory (ACPI 6.5 5.2.16.6 and 5.2.16.7). */
enum topology_device_kind {
    DEVICE_GENERIC_INITIATOR, /* reads memory by itself: an accelerator */
    DEVICE_GENERIC_PORT,      /* where such a thing would be attached: a CXL root port */
};

struct topology_device {
    u32 kind;        /* enum topology_device_kind */
    u32 handle_type; /* 0: ACPI, _HID and _UID in handle; 1: PCI, segment and bus/device/function */
    u8 handle[16];   /* as firmware wrote it */
    u32 pxm;
    nodeid_t nid; /* NODE_NONE: its PXM has neither CPU nor memory and so is no node */
};

struct topology {
    u32 nr_nodes; /* >= 1 */
    u32 pxm[MAX_NODES];
    u32 nr_ranges; /* sorted by base, no overlaps */
    struct topology_range ranges[TOPOLOGY_MAX_RANGES];
    u32 nr_devices;
    struct topology_device devices[TOPOLOGY_MAX_DEVICES]; /* in the table's order */
    u8 distance[MAX_NODES][MAX_NODES];
    u8 near[MAX_NODES][MAX_NODES]; /* near[n]: all nr_nodes nodes, n itself first, then ever farther ones */
    bool have_srat;                /* false: one node, faked, holds everything */
    bool have_slit;                /* false: 10 on the diagonal, 20 elsewhere */
    bool have_hmat;                /* near[] follows the HMAT's latencies for one node at least */
    u32 nr_cpus;                   /* enabled CPUs of the MADT, in its order, boot CPU in any place */
    struct topology_cpu cpus[MAX_CPUS]; /* last: the rest of it is given back */
};

/* [I] The machine's, set by boot_main() before any domain exists. */
extern const struct topology *host_topology;

#endif
