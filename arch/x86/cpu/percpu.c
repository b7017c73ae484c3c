#include <arch/x86/cpu/percpu.h>

#include <homestead/init.h>
#include <homestead/topology.h>
#include <lib/assert.h>
#include <lib/spinlock.h>

SIZED struct cpu *cpus[MAX_CPUS];
u32 nr_cpus;
SIZED_BY(cpus, nr_cpus, 0);
const struct topology *host_topology;

#ifdef DEBUG
/* Locks are taken in rising level order; equal levels never nest. */
void lock_check_take(u32 level)
{
    struct cpu *cpu = this_cpu();

    BUG_ON(cpu->nr_locks && cpu->lock_levels[cpu->nr_locks - 1] >= level);
    BUG_ON(cpu->nr_locks == ARRAY_SIZE(cpu->lock_levels));
    cpu->lock_levels[cpu->nr_locks++] = level;
}

void lock_check_drop(u32 level)
{
    struct cpu *cpu = this_cpu();

    /* Not always the last one taken: remove it wherever it stands. */
    for (u32 i = cpu->nr_locks; i-- > 0;) {
        if (cpu->lock_levels[i] != level)
            continue;
        for (; i + 1 < cpu->nr_locks; i++)
            cpu->lock_levels[i] = cpu->lock_levels[i + 1];
        cpu->nr_locks--;
        return;
    }
    BUG_ON(true);
}
#endif
