/*
 * What domain/ needs from below, for its host tests: two CPUs, a clock that only moves when told, memory for
 * the real allocator, and a processor that does what the test's script says. One test program includes it
 * once.
 *
 * A guest is a function: play() is called for each entry of a vCPU and fills in the exit. With nothing to
 * play a vCPU runs until its CPU wants somebody else; end_run() makes that happen at once.
 */
#ifndef TESTS_DOMAIN_HARNESS_H
#define TESTS_DOMAIN_HARNESS_H

#include <tests/machine/test.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <homestead/topology.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <tests/mm_table.h>
#include <xen/sched.h>

#define FRAMES 0x1000u /* 16 MiB */

static u8 *arena;
static struct cpu cpu_on[2];
static _Thread_local struct cpu *here = &cpu_on[0];

/* the clock */
static u64 now_ns = 1000;
static u64 armed_ns[2]; /* what each CPU's one-shot is armed for, 0: off */
static u32 nr_arms;
static u64 step_ns;                 /* how long each stay in a guest takes */
static u32 yield_every, yield_asks; /* a long hypercall is told to yield at every Nth question, 0: never */
static void (*on_yield_ask)(void);

/* the processor */
static void (*play)(struct vcpu *v, struct hvm_exit *exit); /* NULL: interrupts */
static struct hvm_vcpu *fpu_loaded[2];
static u64 max_runs;      /* more entries of one vCPU than that are a bug of the test's */
static u64 nr_runs[4][8]; /* entries, by domain and vCPU */
static u32 nr_sleeps, nr_idles, nr_dumps, nr_kicks, kicked_cpu;
static u32 skipped, nr_skips, nr_injected, nr_windows;
static u8 injected_vector, injected_irq;
static s64 injected_error;
static bool can_inject, can_inject_nmi;
static u32 nr_nmis, nr_resets, guest_cr8;

/* what was said, and the machine's end */
static char said[16384];
static jmp_buf machine_ended;
static int ended_how;

void *mfn_to_virt(mfn_t m)
{
    assert_true(m.n < FRAMES);
    return arena + m.n * PAGE_SIZE;
}
void frames_clear(mfn_t m, u64 nr)
{
    memset(mfn_to_virt(m), 0, nr * PAGE_SIZE);
}
nodeid_t this_node(void)
{
    return 0;
}
void printk(enum log_level level, const char *fmt, ...)
{
    size_t used = strlen(said);
    va_list args;

    (void)level;
    va_start(args, fmt);
    vsnprintf(said + used, sizeof(said) - used, fmt, args);
    va_end(args);
}
void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}
struct cpu *this_cpu(void)
{
    return here;
}
u64 time_now_ns(void)
{
    return __atomic_load_n(&now_ns, __ATOMIC_RELAXED);
}
void time_arm_ns(u64 deadline_ns)
{
    armed_ns[here->id] = deadline_ns;
    nr_arms++;
}
/* Asked by sched_should_yield() only: how long the hypercall has been going on. */
u64 time_tsc_to_ns(u64 tsc)
{
    (void)tsc;
    if (on_yield_ask)
        on_yield_ask();
    return yield_every && ++yield_asks % yield_every == 0 ? 1000000000 : 0;
}
void time_pvclock_scale(u32 *mul, s8 *shift)
{
    *mul = 0x80000000u;
    *shift = 1;
}
void machine_end(enum machine_end how)
{
    ended_how = (int)how;
    longjmp(machine_ended, 1);
}

/* Time passes; a one-shot that is due fires, as its interrupt handler does. */
static inline void pass(u64 ns)
{
    u64 now = __atomic_add_fetch(&now_ns, ns, __ATOMIC_RELAXED);

    if (armed_ns[here->id] && armed_ns[here->id] <= now) {
        armed_ns[here->id] = 0;
        here->timer_fired = true;
    }
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

static void note_kick(u32 cpu_id)
{
    kicked_cpu = cpu_id;
    __atomic_add_fetch(&nr_kicks, 1, __ATOMIC_RELAXED);
}

/* Lets the vCPU that runs here come back to the test: as if the CPU had been asked to choose again, by a vCPU
 * that then does not run. Only where another vCPU waits does it lose its turn. */
static inline void end_run(struct vcpu *v)
{
    vcpu_pause(v, false);
}

#include "domain_fake_hvm.h"

/* --- a machine, and domains on it --- */

static inline u64 free_pages(void)
{
    struct mm_host_info info;

    mm_host_get_info(&info);
    return info.free_pages;
}

static u64 free_at_start;

/* rc of domain_create(); *d on success. Its id is free to choose. */
static inline int try_create(u16 id, u32 vcpus, struct domain **d)
{
    const struct domain_config config = {
        .domid = id, .max_vcpus = vcpus, .max_evtchn_port = 1023, .is_control = id == 0};

    return domain_create(&config, d) ?: (domain_put(*d), 0); /* the list's reference keeps it */
}

/* A domain with its vCPUs, all still offline, unpaused and with room for memory. */
static inline struct domain *new_domain(u16 id, u32 vcpus)
{
    struct domain *d = NULL;

    assert_int_equal(try_create(id, vcpus, &d), 0);
    assert_int_equal(domain_alloc_vcpus(d, vcpus), 0);
    d->mem.max_pages = FRAMES;
    domain_unpause(d);
    return d;
}

static inline void populate(struct domain *d, u64 g, u32 order)
{
    mfn_t m;

    assert_int_equal(mm_alloc(&d->mem, NODE_NONE, order, 0, &m), 0);
    assert_int_equal(physmap_place(d, gfn(g), m, order, NP_RAM), 0);
}

/* Until it is done; -errno. */
static inline int kill_all_steps(struct domain *d)
{
    u32 steps = 0;
    int rc;

    do {
        here->need_resched = false;
        rc = domain_kill(d);
    } while (rc == -ERESTART && ++steps < 10000);
    return rc;
}

static inline bool exists(u16 id)
{
    struct domain *d = domain_get(id);

    if (d)
        domain_put(d);
    return d;
}

static inline void is_gone_for_good(u16 id, u64 free_before)
{
    assert_false(exists(id));
    assert_int_equal(free_pages(), free_before);
    assert_int_equal(mm_check(), 0);
}

static inline void use_cpu(u32 id)
{
    here = &cpu_on[id];
}

static struct topology topology = {.nr_nodes = 1};

static inline int setup_cpus(u32 nr)
{
    static u8 near[MAX_NODES][MAX_NODES]; /* one node: itself */

    arena = aligned_alloc(PAGE_SIZE, FRAMES * PAGE_SIZE);
    memset(arena, 0xa5, FRAMES * PAGE_SIZE);
    mm_table_init(FRAMES);
    mm_set_nodes(1, (const u8(*)[MAX_NODES])near);
    assert_int_equal(mm_add_range(mfn(0x10), mfn(FRAMES), 0), 0);
    memset(cpu_on, 0, sizeof(cpu_on));
    host_topology = &topology;
    nr_cpus = topology.nr_cpus = nr;
    for (u32 i = 0; i < ARRAY_SIZE(cpu_on); i++) {
        cpu_on[i].id = i;
        cpus[i] = i < nr ? &cpu_on[i] : NULL;
    }
    use_cpu(0);
    nr_arms = nr_sleeps = nr_idles = nr_dumps = nr_kicks = nr_injected = nr_windows = skipped = nr_skips = 0;
    yield_every = yield_asks = 0;
    armed_ns[0] = armed_ns[1] = 0;
    step_ns = 1000000;
    max_runs = 100000;
    play = NULL;
    on_yield_ask = NULL;
    can_inject = can_inject_nmi = true;
    injected_irq = 0;
    nr_nmis = nr_resets = guest_cr8 = 0;
    memset(nr_runs, 0, sizeof(nr_runs));
    memset(fpu_loaded, 0, sizeof(fpu_loaded));
    said[0] = '\0';
    sched_init();
    for (u32 i = 0; i < nr; i++)
        assert_int_equal(sched_cpu_init(&cpu_on[i]), 0);
    free_at_start = free_pages();
    sched_set_kick(note_kick);
    return 0;
}

static inline void setup(void)
{
    setup_cpus(1);
}

static inline void setup_two_cpus(void)
{
    setup_cpus(2);
}

/* Every test ends here: all domains go, and every page comes back. */
static inline void teardown(void)
{
    struct domain *d;

    use_cpu(0);
    here->current = NULL;
    yield_every = 0;
    on_yield_ask = NULL;
    for (u32 guard = 0; (d = domain_get_next(0)) != NULL; guard++) {
        assert_true(guard < 64);
        d->is_control = false;
        for (u32 i = 0; i < d->nr_vcpus; i++)
            if (d->vcpu[i]->running) { /* it failed there, and the run loop cannot be finished */
                fprintf(stderr, "a failed check has left a guest in the middle of its run\n");
                exit(1);
            }
        assert_int_equal(kill_all_steps(d), 0);
        domain_put(d);
    }
    assert_int_equal(free_pages(), free_at_start);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(here->nr_locks, 0);
    assert_int_equal(cpu_on[1].nr_locks, 0);
    assert_null(strstr(said, "have not come back"));
    assert_int_equal(armed_ns[0], 0);
    free(arena);
    mm_table_free();
}

#endif
