/*
 * A domain's node affinity. While it is automatic it follows the affinity of the vCPUs, so that memory that is
 * asked for on no node comes from where they run. A toolstack that pins vCPUs before it populates relies on it.
 *
 * Lock: d->mem.lock, for node_affinity, auto_node_affinity and mem.affinity. It is held while the maps of the
 * vCPUs are read, so that of two changes at once the later result is based on both.
 */
#include <arch/x86/cpu/percpu.h>
#include <domain/internal.h>

#define CPU_WORDS (MAX_CPUS / 64)

/* The unions of the vCPUs' maps, for CPU ids below nr_cpus. */
static void union_of_vcpus(const struct domain *d, u64 *hard, u64 *soft)
{
    u32 nr = domain_nr_vcpus(d), words = DIV_ROUND_UP(nr_cpus, 64u);

    for (u32 id = 0; id < nr; id++) {
        const struct vcpu *v = d->vcpu[id];
        spinlock_t *lock = sched_lock(v);

        for (u32 i = 0; i < words; i++) {
            hard[i] |= v->hard_affinity[i];
            soft[i] |= v->soft_affinity[i];
        }
        spin_unlock(lock);
    }
}

/* claims.md CL-2.26, CL-5.2. */
void domain_update_node_affinity(struct domain *d)
{
    u64 hard[CPU_WORDS] = {0}, soft[CPU_WORDS] = {0};
    u64 all_nodes = 0, hard_nodes = 0, both_nodes = 0;

    spin_lock(&d->mem.lock);
    if (d->auto_node_affinity && domain_nr_vcpus(d)) {
        union_of_vcpus(d, hard, soft);
        for (u32 id = 0; id < nr_cpus; id++) {
            if (!cpus[id] || cpus[id]->nid >= MAX_NODES)
                continue;
            u64 node = BIT(cpus[id]->nid), cpu = BIT(id % 64);

            all_nodes |= node;
            if (hard[id / 64] & cpu)
                hard_nodes |= node;
            if (hard[id / 64] & soft[id / 64] & cpu)
                both_nodes |= node;
        }
        d->node_affinity = both_nodes ? both_nodes : hard_nodes;
        /* vCPUs that may run on every node give no reason to prefer one. */
        u64 wanted = d->node_affinity == all_nodes ? 0 : d->node_affinity;
        /* Atomic: the allocator reads it before it takes the lock. */
        __atomic_store_n(&d->mem.affinity, wanted, __ATOMIC_RELAXED);
    }
    spin_unlock(&d->mem.lock);
}

void domain_set_node_affinity(struct domain *d, u64 nodes)
{
    spin_lock(&d->mem.lock);
    d->auto_node_affinity = nodes == ~0ull;
    if (!d->auto_node_affinity) {
        d->node_affinity = nodes;
        __atomic_store_n(&d->mem.affinity, nodes, __ATOMIC_RELAXED);
    }
    spin_unlock(&d->mem.lock);
    domain_update_node_affinity(d);
    sched_update_home(d);
}

/* claims.md CL-5.7. */
nodeid_t domain_main_node(struct domain *d, bool *given)
{
    nodeid_t most = 0;

    spin_lock(&d->mem.lock);
    *given = !d->auto_node_affinity;
    for (nodeid_t i = 1; i < mm_nr_nodes(); i++)
        if (d->mem.own[i] > d->mem.own[most])
            most = i;
    if (d->mem.affinity || !d->mem.own[most])
        most = NODE_NONE;
    spin_unlock(&d->mem.lock);
    return most;
}

u64 domain_node_affinity(struct domain *d)
{
    spin_lock(&d->mem.lock);
    u64 nodes = d->node_affinity;
    spin_unlock(&d->mem.lock);
    return nodes;
}
