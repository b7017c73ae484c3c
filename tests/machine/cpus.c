#include <tests/machine/machine.h>

#include <string.h>

struct cpu *cpus[MAX_CPUS];
u32 nr_cpus;
struct cpu cpu_on[MAX_CPUS];
_Thread_local struct cpu *here = &cpu_on[0];
struct topology topology = {.nr_nodes = 1};
const struct topology *host_topology = &topology;
u32 nr_sleeps, nr_idles, nr_kicks, kicked_cpu;

struct cpu *this_cpu(void)
{
    return here;
}

nodeid_t this_node(void)
{
    return here->nid;
}

void use_cpu(u32 id)
{
    here = &cpu_on[id];
}

void cpu_idle(bool sleep)
{
    nr_idles++;
    if (!sleep)
        return;
    nr_sleeps++;
    if (armed_ns[here->id] > now_ns)
        pass(armed_ns[here->id] - now_ns);
}

void note_kick(u32 cpu_id)
{
    kicked_cpu = cpu_id;
    __atomic_add_fetch(&nr_kicks, 1, __ATOMIC_RELAXED);
}

void cpus_make_shape(const struct machine_shape *shape, u32 node_mib)
{
    cpus_make(shape->nr_cpus, shape->nr_nodes, node_mib);
    for (u32 id = 0; id < nr_cpus; id++) {
        cpu_on[id].nid = topology.cpus[id].nid = shape->node_of[id];
        if (shape->missing & 1u << id)
            cpus[id] = NULL;
    }
    for (u32 a = 0; a < shape->nr_nodes; a++)
        memcpy(topology.distance[a], shape->distance[a], shape->nr_nodes);
}

void cpus_make(u32 nr, u32 nr_nodes, u32 node_mib)
{
    u64 node_bytes = (u64)node_mib << 20;

    memset(cpu_on, 0, sizeof(cpu_on));
    memset(cpus, 0, sizeof(cpus));
    memset(&topology, 0, sizeof(topology));
    nr_sleeps = nr_idles = nr_kicks = kicked_cpu = 0;
    use_cpu(0);
    nr_cpus = topology.nr_cpus = nr;
    topology.nr_nodes = nr_nodes;
    topology.nr_ranges = nr_nodes;
    for (u32 id = 0; id < nr; id++) {
        cpu_on[id].id = topology.cpus[id].apic_id = id;
        cpu_on[id].nid = topology.cpus[id].nid = id % nr_nodes;
        cpus[id] = &cpu_on[id];
    }
    for (u32 a = 0; a < nr_nodes; a++) {
        topology.ranges[a] = (struct topology_range){
            .base = MACHINE_BASE * PAGE_SIZE + a * node_bytes, .size = node_bytes, .nid = a};
        for (u32 b = 0; b < nr_nodes; b++)
            topology.distance[a][b] = a == b ? DISTANCE_LOCAL : DISTANCE_REMOTE;
    }
}
