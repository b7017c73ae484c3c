/* What a toolstack asks before it places a domain: the host, its nodes and distances, and where its CPUs are. */
#include <docs/samples/guest/samples.h>

static long nodes(u32 expected)
{
    static xen_sysctl_meminfo_t memory[64];
    static u32 distance[64 * 64];
    struct xen_sysctl op = {
        .u.numainfo = {.num_nodes = 64, .meminfo = XEN_HANDLE(memory), .distance = XEN_HANDLE(distance)}};

    long rc = sysctl(&op, XEN_SYSCTL_numainfo);
    if (rc)
        return rc;
    u32 nr = op.u.numainfo.num_nodes;
    for (u32 i = 0; i < nr; i++) {
        printf("samples: node %u has %lu MiB, %lu free\n", i, memory[i].memsize >> 20,
               memory[i].memfree >> 20);
        if (distance[i * nr + i] != 10) /* from a node to itself */
            return SURPRISE;
    }
    return nr == expected ? 0 : SURPRISE;
}

static long cpus(u32 nr_nodes)
{
    static xen_sysctl_cputopo_t cpu[1024];
    struct xen_sysctl op = {.u.cputopoinfo = {.num_cpus = ARRAY_SIZE(cpu), .cputopo = XEN_HANDLE(cpu)}};

    long rc = sysctl(&op, XEN_SYSCTL_cputopoinfo);
    for (u32 i = 0; !rc && i < op.u.cputopoinfo.num_cpus; i++)
        if (cpu[i].node != XEN_INVALID_NODE_ID && cpu[i].node >= nr_nodes)
            rc = SURPRISE;
    return rc;
}

int host_facts_sample(void)
{
    struct xen_sysctl op = {0};

    long rc = sysctl(&op, XEN_SYSCTL_physinfo);
    if (rc)
        return (int)rc;
    const struct xen_sysctl_physinfo *host = &op.u.physinfo;
    /* What a new claim can get: pages that are free, and promised to nobody. */
    printf("samples: %lu pages free, %lu of them claimed\n", host->free_pages, host->outstanding_pages);
    u32 nr_nodes = host->nr_nodes;
    rc = nodes(nr_nodes);
    return (int)(rc ? rc : cpus(nr_nodes));
}
