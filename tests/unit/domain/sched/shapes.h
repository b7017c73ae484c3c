/* Machines to schedule on, and domain 1 whose vCPUs come and go. */
#ifndef TESTS_SCHED_SHAPES_H
#define TESTS_SCHED_SHAPES_H

#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <domain/sched/sched_queue.h>

#define MS        1000000ull
#define VCPUS_MAX 24u

static const struct machine_shape shapes[] = {
    {.name = "one node", .nr_cpus = 4, .nr_nodes = 1, .distance = {{10}}},
    {.name = "two nodes",
     .nr_cpus = 8,
     .nr_nodes = 2,
     .node_of = {0, 0, 0, 0, 1, 1, 1, 1},
     .distance = {{10, 20}, {20, 10}}},
    {.name = "a ring of four, asymmetric, a CPU missing",
     .nr_cpus = 8,
     .nr_nodes = 4,
     .node_of = {0, 0, 1, 1, 2, 2, 3, 3},
     .missing = 1u << 5,
     .distance = {{10, 16, 22, 17}, {20, 10, 16, 22}, {22, 20, 10, 16}, {16, 22, 20, 10}}},
    {.name = "unequal nodes, one without CPUs",
     .nr_cpus = 7,
     .nr_nodes = 4,
     .node_of = {0, 1, 1, 1, 3, 3, 3},
     .distance = {{10, 20, 30, 20}, {20, 10, 12, 30}, {30, 12, 10, 40}, {20, 30, 40, 10}}},
};

static struct domain *d;
static _Thread_local struct rng rng;

static inline u32 random_below(u32 n)
{
    return rng_draw(&rng, n);
}

static inline void start_vcpu(struct vcpu *v)
{
    v->hvm.regs.rflags = RFLAGS_IF; /* so that HLT waits */
    vcpu_online(v);
}

static inline void make_vcpu(u32 id)
{
    assert_int_equal(vcpu_create(d, id), 0);
    start_vcpu(d->vcpu[id]);
}

/* Its record is rubbish then, so that a use of it is seen. */
static inline void free_vcpu(struct vcpu *v)
{
    assert_false(v->running);
    vcpu_free(v);
    memset(v, 0xdd, sizeof(*v));
}

static inline void random_affinity(struct vcpu *v)
{
    u64 hard[MAX_CPUS / 64], soft[MAX_CPUS / 64], up = 0;

    memset(hard, 0xff, sizeof(hard));
    memset(soft, 0xff, sizeof(soft));
    for (u32 id = 0; id < nr_cpus; id++)
        up |= cpus[id] ? BIT(id) : 0;
    if (random_below(3))
        hard[0] = random_below(1u << nr_cpus);
    if (!(hard[0] & up)) /* one must be there */
        hard[0] |= up;
    if (random_below(2))
        soft[0] = random_below(1u << nr_cpus);
    sched_set_affinity(v, hard, soft);
}

/* With nr vCPUs that run, and the kicks to kick(). */
static inline void make_shape(const struct machine_shape *shape, u32 nr, void (*kick)(u32 cpu_id))
{
    machine_make(&(struct test_config){.shape = shape});
    step_ns = 0;
    max_runs = ~0ull;
    rng_seed(&rng, 1);
    sched_set_kick(kick);
    d = new_domain(1, nr);
    for (u32 id = 0; id < nr; id++)
        start_vcpu(d->vcpu[id]);
}

#endif
