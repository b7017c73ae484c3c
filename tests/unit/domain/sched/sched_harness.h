/*
 * What the scheduler needs from below, for tests with many CPUs: shapes of machines, vCPUs without a guest,
 * and a clock. The processor (hvm_ops->run, cpu_idle, kicks) is the test's own. One test program includes it
 * once.
 */
#ifndef TESTS_SCHED_HARNESS_H
#define TESTS_SCHED_HARNESS_H

#include <tests/machine/test.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/sched/sched_queue.h>
#include <homestead/topology.h>
#include <lib/assert.h>

#define MS        1000000ull
#define CPUS_MAX  16u
#define VCPUS_MAX 24u

struct shape {
    const char *name;
    u32 nr_cpus, nr_nodes;
    u8 node_of[CPUS_MAX];
    u32 missing; /* bitmap of CPUs that did not come up */
    u8 distance[4][4];
};

static const struct shape shapes[] = {
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

static struct cpu cpu_on[CPUS_MAX];
static _Thread_local struct cpu *here = &cpu_on[0];
static struct topology topology;
static struct domain *dom;
static struct vcpu *vcpu[VCPUS_MAX];
static u64 now_ns; /* atomic */
static void *frames[CPUS_MAX];
static u32 nr_frames;
static u32 scrubbed[4]; /* steps taken, by node */
static u32 dirty[4];    /* steps to take */
static u32 wanted[4];   /* of them for claims */

struct cpu *this_cpu(void)
{
    return here;
}
u64 time_now_ns(void)
{
    return __atomic_load_n(&now_ns, __ATOMIC_RELAXED);
}
u64 time_tsc_to_ns(u64 tsc)
{
    (void)tsc;
    return 0;
}
void time_arm_ns(u64 deadline_ns);
void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}
int mm_alloc(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out)
{
    assert_null(account);
    assert_int_equal(flags, MM_OVERHEAD);
    assert_int_equal(nid, topology.cpus[nr_frames].nid); /* its own node's memory */
    frames[nr_frames] = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
    memset(frames[nr_frames], 0, PAGE_SIZE << order);
    out->n = nr_frames++;
    return 0;
}
void *mfn_to_virt(mfn_t m)
{
    return frames[m.n];
}
u32 mm_nr_nodes(void)
{
    return topology.nr_nodes;
}
bool mm_scrub_step(nodeid_t nid)
{
    if (!dirty[nid])
        return false;
    dirty[nid]--;
    scrubbed[nid]++;
    return true;
}
bool mm_scrub_wanted(nodeid_t nid)
{
    return dirty[nid] && scrubbed[nid] < wanted[nid];
}
void hvm_fpu_switch(struct hvm_vcpu *from, struct hvm_vcpu *to)
{
    (void)from;
    (void)to;
}
void vcpu_deliver_event(struct vcpu *v)
{
    (void)v;
}

/* xorshift: the same run every time */
static _Thread_local u64 seed = 88172645463325252ull;
static inline u32 random_below(u32 n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (u32)(seed >> 33) % n;
}

static inline void make_machine(const struct shape *shape)
{
    memset(cpu_on, 0, sizeof(cpu_on));
    memset(cpus, 0, sizeof(cpus));
    memset(&topology, 0, sizeof(topology));
    host_topology = &topology;
    memset(scrubbed, 0, sizeof(scrubbed));
    memset(dirty, 0, sizeof(dirty));
    memset(wanted, 0, sizeof(wanted));
    topology.nr_nodes = shape->nr_nodes;
    nr_cpus = topology.nr_cpus = shape->nr_cpus;
    host_topology = &topology;
    for (u32 a = 0; a < shape->nr_nodes; a++)
        memcpy(topology.distance[a], shape->distance[a], shape->nr_nodes);
    __atomic_store_n(&now_ns, 1000, __ATOMIC_RELAXED);
    here = &cpu_on[0];
    sched_init();
    nr_frames = 0;
    for (u32 id = 0; id < nr_cpus; id++) {
        topology.cpus[id].nid = shape->node_of[id];
        cpu_on[id].id = id;
        cpu_on[id].nid = shape->node_of[id];
        if (!(shape->missing & 1u << id))
            cpus[id] = &cpu_on[id];
    }
    for (u32 id = 0; id < nr_cpus; id++) {
        if (!cpus[id]) {
            frames[nr_frames++] = NULL;
            continue;
        }
        assert_int_equal(sched_cpu_init(cpus[id]), 0);
    }
    dom = calloc(1, sizeof(*dom));
}

static inline struct vcpu *make_vcpu(u32 id)
{
    struct vcpu *v = calloc(1, sizeof(*v));

    v->domain = dom;
    v->id = id;
    v->hvm.vcpu_id = id;
    list_init(&v->queue_link);
    memset(v->hard_affinity, 0xff, sizeof(v->hard_affinity));
    memset(v->soft_affinity, 0xff, sizeof(v->soft_affinity));
    vcpu[id] = v;
    v->initialised = true;
    sched_assign_cpu(v);
    return v;
}

/* As vcpu.c does it. */
static inline void set_state(struct vcpu *v, enum vcpu_state state)
{
    spinlock_t *lock = sched_lock(v);

    v->state = state;
    spin_unlock(lock);
    sched_update(v);
}
static inline void pause_by(struct vcpu *v, int by)
{
    spinlock_t *lock = sched_lock(v);

    v->pause_count += (u32)by;
    spin_unlock(lock);
    sched_update(v);
}

static inline void free_vcpu(struct vcpu *v)
{
    assert_false(v->running);
    sched_forget(v);
    vcpu[v->id] = NULL;
    memset(v, 0xdd, sizeof(*v));
    free(v);
}

static inline void free_machine(void)
{
    for (u32 id = 0; id < VCPUS_MAX; id++)
        if (vcpu[id])
            free_vcpu(vcpu[id]);
    for (u32 i = 0; i < nr_frames; i++)
        free(frames[i]);
    free(dom);
    for (u32 i = 0; i < CPUS_MAX; i++)
        assert_int_equal(cpu_on[i].nr_locks, 0);
}

#endif
