/* All parts together: what TEST(name, .nodes = ...) makes, and what it checks in the end. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <stdio.h>
#include <stdlib.h>
#include <hypercall/hypercall.h>

#define MIB_MAX 16384u /* what is touched or cleared is real; tests of whole GiB take accounts_make() */

static u64 free_at_start;

void machine_make(const struct test_config *config)
{
    const struct machine_shape *shape = config->shape;
    u32 nodes = shape ? shape->nr_nodes : config->nodes ?: 1, mib = config->node_mib ?: 16;
    u64 pages = (u64)mib << (20 - PAGE_SHIFT), end = MACHINE_BASE + nodes * pages;

    locks_reset();
    BUG_ON(nodes * mib > MIB_MAX);
    memory_make(MACHINE_BASE, end);
    mm_make(nodes, end);
    for (nodeid_t nid = 0; nid < nodes; nid++)
        BUG_ON(mm_add_range(mfn(MACHINE_BASE + nid * pages), mfn(MACHINE_BASE + (nid + 1) * pages), nid));
    if (shape)
        cpus_make_shape(shape, mib);
    else
        cpus_make(config->cpus ?: 1, nodes, mib);
    clock_reset();
    console_reset();
    hvm_reset();
    dom0 = NULL;
    caller = NULL;
    on_restart = NULL;
    sysctl_init();
    sched_init();
    guest_console_init();
    for (u32 id = 0; id < nr_cpus; id++)
        BUG_ON(cpus[id] && sched_cpu_init(cpus[id]));
    sched_set_kick(note_kick);
    free_at_start = free_pages();
    for (u32 id = 0; id < config->domains; id++) {
        struct domain *d = new_domain((u16)id, config->vcpus ?: 1);

        if (id == 0)
            guest_make(d);
    }
    forget_said();
}

static void must(bool holds, const char *rule)
{
    if (!holds)
        assert_failed(rule, "after the test", 0);
}

/* The console's timer, on the CPU that wrote first, outlives what it has to write by one period. */
static void console_end(void)
{
    console_room = ~0u;
    guest_console_finish();
    for (u32 id = 0; id < nr_cpus; id++)
        if (armed_ns[id]) {
            use_cpu(id);
            pass(1000000);
            timer_run_due();
        }
    use_cpu(0);
}

void machine_unmake(void)
{
    must(locks_held() == 0, "no lock is held");
    use_cpu(0);
    here->current = NULL;
    yield_every = 0;
    on_yield_ask = NULL;
    locks_reset();
    on_clear = NULL;
    must(mm_check() == 0, "mm_check() finds nothing");
    domains_destroy();
    must(mm_check() == 0, "mm_check() finds nothing when all domains have gone");
    if (free_pages() != free_at_start)
        fprintf(stderr, "%llu pages were free before the test, %llu after it\n",
                (unsigned long long)free_at_start, (unsigned long long)free_pages());
    must(free_pages() == free_at_start, "every page is back");
    must(!said("have not come back"), "no domain is left as a zombie");
    console_end();
    for (u32 id = 0; id < nr_cpus; id++)
        must(armed_ns[id] == 0, "no CPU's timer is armed");
    mm_unmake();
    memory_free();
}
