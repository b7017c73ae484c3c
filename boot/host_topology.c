/* Debug console: t, the machine's shape as the firmware's tables have it. */
#include <boot/boot.h>

#include <homestead/init.h>
#include <arch/x86/cpu/debug/keys.h>
#include <lib/string.h>

#define RANGES_MAX 64u
#define RUNS_MAX   16u /* runs of CPU ids, a node */

static bool runs_on(const struct topology *t, u32 id, nodeid_t nid)
{
    return id < t->nr_cpus && cpus[id] && t->cpus[id].nid == nid;
}

static void print_cpus(const struct topology *t, nodeid_t nid)
{
    u32 runs = 0, nr = 0;

    keys_printf("node %-3u PXM %-4u CPUs", nid, t->pxm[nid]);
    for (u32 id = 0; id < t->nr_cpus; id++) {
        if (!runs_on(t, id, nid))
            continue;
        u32 first = id;
        while (runs_on(t, id + 1, nid))
            id++;
        nr += id - first + 1;
        if (runs++ >= RUNS_MAX)
            continue;
        if (first == id)
            keys_printf(" %u", first);
        else
            keys_printf(" %u-%u", first, id);
    }
    keys_printf("%s (%u)\n", runs > RUNS_MAX ? " ..." : nr ? "" : " none", nr);
}

static void print_ranges(const struct topology *t)
{
    for (u32 i = 0; i < t->nr_ranges && i < RANGES_MAX; i++) {
        const struct topology_range *r = &t->ranges[i];
        keys_printf("range 0x%012lx-0x%012lx node %-3u %8lu MiB%s%s\n", r->base, r->base + r->size, r->nid,
                    r->size >> 20, r->flags & RANGE_HOTPLUG ? " hot-pluggable" : "",
                    r->flags & RANGE_NONVOLATILE ? " non-volatile" : "");
    }
    if (t->nr_ranges > RANGES_MAX)
        keys_printf("... %u more ranges\n", t->nr_ranges - RANGES_MAX);
}

static void key_topology(void)
{
    const struct topology *t = host_topology;

    keys_printf("%u nodes, %u CPUs%s%s\n", t->nr_nodes, t->nr_cpus, t->have_srat ? "" : ", no SRAT",
                t->have_slit ? "" : ", no SLIT");
    for (nodeid_t nid = 0; nid < t->nr_nodes; nid++)
        print_cpus(t, nid);
    print_ranges(t);
    for (nodeid_t from = 0; from < t->nr_nodes; from++) {
        keys_printf("distances from %-3u", from);
        for (nodeid_t to = 0; to < t->nr_nodes; to++)
            keys_printf(" %u", t->distance[from][to]);
        keys_printf("\n");
    }
}

static u32 topology_bytes; /* of struct topology, up to the last CPU */
static SIZED u8 topology[sizeof(struct topology)];
SIZED_BY(topology, topology_bytes, 0);

void boot_topology_set(const struct topology *t)
{
    topology_bytes = (u32)(offsetof(struct topology, cpus) + t->nr_cpus * sizeof(t->cpus[0]));
    memcpy(topology, t, topology_bytes);
    host_topology = (const struct topology *)topology;
}

void boot_topology_keys(void)
{
    keys_register('t', "topology: nodes, CPUs, ranges, distances", key_topology);
}
