/*
 * domctl: which nodes a domain's memory comes from, and which CPUs its vCPUs run on, both as bitmaps in the
 * caller's memory (bitmap.h).
 */
#include <arch/x86/cpu/percpu.h>
#include <homestead/topology.h>
#include <hypercall/bitmap.h>
#include <hypercall/domctl.h>
#include <lib/string.h>
#include <mm/mm.h>

#define CPU_WORDS (MAX_CPUS / 64)

static u64 online_nodes(void)
{
    u32 nr = mm_nr_nodes();

    return nr >= 64 ? ~0ull : BIT(nr) - 1;
}

/* Stored as given, for reading back; all bits set make it automatic. -EINVAL: no existing node. */
long domctl_nodeaffinity(struct domctl *ctl)
{
    const struct xenctl_bitmap *map = &ctl->op.u.nodeaffinity.nodemap;
    u64 nodes;

    if (ctl->op.cmd == XEN_DOMCTL_getnodeaffinity) {
        nodes = domain_node_affinity(ctl->d);
        return bitmap_to_guest(ctl->c->v, map, &nodes, MAX_NODES);
    }
    int rc = bitmap_from_guest(ctl->c->v, map, &nodes, MAX_NODES);
    if (rc)
        return rc;
    if (!(nodes & online_nodes()))
        return -EINVAL;
    domain_set_node_affinity(ctl->d, nodes);
    return 0;
}

struct cpu_maps {
    u64 hard[CPU_WORDS], soft[CPU_WORDS];
};

/* Returns when v has left the CPUs it may not use any more. Does not wait for a vCPU of the caller's own
 * domain, which might wait for the caller in the same way: it leaves at its next exit, which is forced. */
static void set_maps(const struct domctl *ctl, struct vcpu *v, const struct cpu_maps *maps)
{
    sched_set_affinity(v, maps->hard, maps->soft);
    domain_update_node_affinity(ctl->d);
    while (v->domain != ctl->c->v->domain && !sched_is_placed(v))
        cpu_relax();
}

/* Is any CPU that is up set? */
static bool any_cpu(const u64 *words)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (cpus[cpu] && words[cpu / 64] & BIT(cpu % 64))
            return true;
    return false;
}

/* Writes the maps the flags ask for; effective: soft is masked by hard, for a reply to a set. */
static int show_maps(struct domctl *ctl, const struct cpu_maps *maps, bool effective)
{
    const struct xen_domctl_vcpuaffinity *op = &ctl->op.u.vcpuaffinity;
    u64 soft[CPU_WORDS];
    int rc = 0;

    for (u32 i = 0; i < CPU_WORDS; i++)
        soft[i] = maps->soft[i] & (effective ? maps->hard[i] : ~0ull);
    if (op->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_to_guest(ctl->c->v, &op->cpumap_hard, maps->hard, host_topology->nr_cpus);
    if (!rc && (op->flags & XEN_VCPUAFFINITY_SOFT))
        rc = bitmap_to_guest(ctl->c->v, &op->cpumap_soft, soft, host_topology->nr_cpus);
    return rc;
}

long domctl_vcpuaffinity(struct domctl *ctl)
{
    const struct xen_domctl_vcpuaffinity *op = &ctl->op.u.vcpuaffinity;
    bool hard = op->flags & XEN_VCPUAFFINITY_HARD, soft = op->flags & XEN_VCPUAFFINITY_SOFT;
    struct cpu_maps old, maps;
    int rc = 0;

    if (op->vcpu >= ctl->d->max_vcpus)
        return -EINVAL;
    if (op->vcpu >= domain_nr_vcpus(ctl->d))
        return -ESRCH;
    if (op->flags == 0 || (hard && !op->cpumap_hard.bitmap) || (soft && !op->cpumap_soft.bitmap))
        return -EINVAL;
    struct vcpu *v = ctl->d->vcpu[op->vcpu];
    sched_get_affinity(v, old.hard, old.soft);
    if (ctl->op.cmd == XEN_DOMCTL_getvcpuaffinity)
        return show_maps(ctl, &old, false);

    maps = old;
    if (hard) {
        memset(maps.hard, 0, sizeof(maps.hard));
        rc = bitmap_from_guest(ctl->c->v, &op->cpumap_hard, maps.hard, host_topology->nr_cpus);
        if (!rc && !any_cpu(maps.hard))
            rc = -EINVAL;
    }
    if (!rc && soft) {
        memset(maps.soft, 0, sizeof(maps.soft));
        rc = bitmap_from_guest(ctl->c->v, &op->cpumap_soft, maps.soft, host_topology->nr_cpus);
    }
    if (rc)
        return rc;
    set_maps(ctl, v, &maps);
    rc = show_maps(ctl, &maps, true);
    if (rc)
        set_maps(ctl, v, &old);
    return rc;
}
