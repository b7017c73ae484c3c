/* Debug builds: every CPU calls all others at once and its neighbour alone, while all others do the same. */
#include <arch/x86/cpu/smp.h>

#include <lib/assert.h>
#include <lib/log.h>

static u32 counts[MAX_CPUS]; /* [o] calls that this CPU has served */

static void count_call(void *arg)
{
    (void)arg;
    counts[this_cpu()->id]++;
}

static u32 neighbour(void)
{
    u32 id = this_cpu()->id;

    do
        id = (id + 1) % nr_cpus;
    while (!cpus[id]);
    return id;
}

static void call_all(void)
{
    smp_call_others(count_call, NULL);
    smp_call(neighbour(), count_call, NULL);
}

void smp_self_test(void)
{
    u32 online = 0;

    for_each_cpu (id) {
        online++;
        if (cpus[id] != this_cpu())
            smp_give_job(cpus[id], call_all);
    }
    call_all();
    for_each_cpu (id)
        BUG_ON(cpus[id] != this_cpu() && !smp_await_job(cpus[id]));
    for_each_cpu (id)
        BUG_ON(counts[id] != online); /* each other one's call to all, and the neighbour's to this one */
    log_info("Cross-calls     %u CPUs have called each other\n", online);
}
