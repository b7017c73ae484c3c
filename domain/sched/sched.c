/*
 * The run loop of each CPU, and waiting for other CPUs. Queues: sched_queue.c. Placement decisions:
 * sched_policy.c. Overview: docs/hypervisor-guide/scheduling.md.
 *
 * A slice of 10 ms is timed only while another vCPU waits, so a lone vCPU has no needless exits. Whatever
 * requires the running vCPU to stop sets need_resched of its CPU; the loop checks nothing else between two
 * entries. Hot path: entry → exit → handler → two flags → entry; no lock.
 *
 * lint: long: the run loop and what can stop it share need_resched and the order in which it is set.
 */
#include <arch/x86/cpu/frames.h>
#include <homestead/init.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/sched/sched_queue.h>
#include <homestead/errno.h>
#include <homestead/topology.h>
#include <lib/string.h>

#define HYPERCALL_STEP_NS 2000000ull /* how long a hypercall may run before it must yield */
#define KICK_AGAIN_ROUNDS 4096u

static void (*kick_cpu)(u32 cpu_id);
static u32 nr_joined;

spinlock_t *sched_cpu_lock(u32 cpu_id)
{
    return &run_queues[cpu_id]->lock;
}

void sched_set_kick(void (*kick)(u32 cpu_id))
{
    kick_cpu = kick;
}

void sched_kick(u32 cpu_id)
{
    if (cpu_id != this_cpu()->id && kick_cpu)
        kick_cpu(cpu_id);
}

void sched_kick_vcpu(const struct vcpu *v)
{
    /* v->cpu does not change while v is in its guest. */
    if (__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST))
        sched_kick(v->cpu);
}

void sched_kick_to_choose(u32 cpu_id)
{
    __atomic_store_n(&cpus[cpu_id]->need_resched, true, __ATOMIC_SEQ_CST);
    sched_kick(cpu_id);
}

INIT void sched_init(void)
{
    memset(run_queues, 0, sizeof(run_queues));
    memset(&sched_map, 0, sizeof(sched_map));
    sched_map.distance = host_topology->distance;
    nr_joined = 0;
}

INIT int sched_cpu_init(const struct cpu *cpu)
{
    mfn_t m;

    if (mm_alloc(NULL, cpu->nid, bytes_to_order(sizeof(struct run_queue)), MM_OVERHEAD, &m))
        return -ENOMEM;
    struct run_queue *q = mfn_to_virt(m); /* zeroed */
    queue_init(q, cpu);
    timer_cpu_init(cpu->id);
    run_queues[cpu->id] = q;
    sched_map.cpu[cpu->id] = &q->facts;
    sched_map.nr = MAX(sched_map.nr, cpu->id + 1);
    nr_joined++;
    return 0;
}

void sched_wait_stopped(struct vcpu *v)
{
    bool running = true;

    if (v == this_cpu()->current)
        return;
    while (running) {
        spinlock_t *lock = sched_lock(v);
        running = v->running && !vcpu_can_run(v);
        spin_unlock(lock);
        if (running)
            cpu_relax();
    }
}

bool sched_is_placed(struct vcpu *v)
{
    spinlock_t *lock = sched_lock(v);
    bool placed = !v->running || sched_bit(v->hard_affinity, v->cpu);

    spin_unlock(lock);
    return placed;
}

u64 sched_idle_ns(u32 cpu)
{
    struct run_queue *q = run_queues[cpu];
    u64 now = time_now_ns();

    if (!q)
        return now;
    spin_lock(&q->lock);
    u64 busy = q->busy_ns + (q->current && now > q->charged_ns ? now - q->charged_ns : 0);
    spin_unlock(&q->lock);
    return now > busy ? now - busy : 0;
}

/* Waits until v, which was seen in its guest, has left it once. */
static void wait_exit(const struct vcpu *v)
{
    u32 id = __atomic_load_n(&v->cpu, __ATOMIC_ACQUIRE);
    struct cpu *cpu = cpus[id];
    u64 exits = __atomic_load_n(&cpu->exits, __ATOMIC_SEQ_CST);

    sched_kick(id);
    /* On another CPU it has left. One that entered again after the kick took effect is kicked again. */
    for (u32 rounds = 1; __atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST) &&
                         __atomic_load_n(&v->cpu, __ATOMIC_ACQUIRE) == id &&
                         __atomic_load_n(&cpu->exits, __ATOMIC_SEQ_CST) == exits;
         rounds++) {
        cpu_relax();
        if (rounds % KICK_AGAIN_ROUNDS == 0)
            sched_kick(id);
    }
}

void sched_sync_domain(struct domain *d)
{
    /* Pairs with the order in run_vcpu(): in_guest is set before the entry compares np->generation. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (u32 id = 0; id < domain_nr_vcpus(d); id++)
        if (__atomic_load_n(&d->vcpu[id]->in_guest, __ATOMIC_SEQ_CST))
            wait_exit(d->vcpu[id]);
}

bool sched_should_yield(void)
{
    const struct cpu *cpu = this_cpu();

    return cpu->need_resched || time_tsc_to_ns(rdtsc() - cpu->pass_tsc) > HYPERCALL_STEP_NS;
}

void sched_yield_current(void)
{
    struct cpu *cpu = this_cpu();

    run_queues[cpu->id]->yielded = true;
    cpu->need_resched = true;
}

/* Lock held. v starts to run. */
static void start(struct run_queue *q, struct vcpu *v, u64 now_ns)
{
    struct sched_wish wish = vcpu_wish(v);

    __atomic_store_n(&v->running, true, __ATOMIC_RELAXED); /* tools read it without the lock */
    v->run_since_ns = now_ns;
    runstate_update(v, now_ns);
    q->current = v;
    group_start(q, now_ns);
    __atomic_store_n(&q->facts.away, !sched_prefers(&sched_map, &wish, q->id), __ATOMIC_RELAXED);
    queue_publish(q);
    queue_time_slice(q);
}

static struct vcpu *pick(struct run_queue *q)
{
    u64 now_ns = time_now_ns();

    spin_lock(&q->lock);
    struct vcpu *v = group_take(q, now_ns);
    if (v)
        start(q, v, now_ns);
    spin_unlock(&q->lock);
    return v;
}

/* The CPU was asked to choose again. A v that is alone and may continue keeps it: that saves a turn. */
static bool keeps_cpu(struct cpu *cpu, struct run_queue *q, const struct vcpu *v)
{
    __atomic_store_n(&cpu->need_resched, false, __ATOMIC_SEQ_CST);
    spin_lock(&q->lock);
    bool keeps = vcpu_can_run(v) && !q->nr_ready && !v->leave && list_empty(&q->parked) &&
                 !__atomic_load_n(&v->domain->sched.cap, __ATOMIC_RELAXED) &&
                 !__atomic_load_n(&q->scrub_asked, __ATOMIC_RELAXED) && !quiet_wanted();
    if (keeps)
        q->yielded = false;
    spin_unlock(&q->lock);
    return keeps;
}

/* Delivers events, then sets in_guest: from then on other CPUs kick v for a new event. False: v has no
 * register state to run with and waits for a STARTUP interrupt, or another event has come since. */
static bool prepare_entry(struct vcpu *v)
{
    if (unlikely(v->attention || v->nmi_pending || vcpu_callback_vector(v)))
        vcpu_deliver_event(v);
    if (unlikely(!v->initialised))
        return false;
    __atomic_store_n(&v->in_guest, true, __ATOMIC_SEQ_CST);
    if (likely(!__atomic_load_n(&v->attention, __ATOMIC_SEQ_CST)))
        return true;
    __atomic_store_n(&v->in_guest, false, __ATOMIC_RELEASE);
    return false;
}

static void run_vcpu(struct cpu *cpu, struct run_queue *q, struct vcpu *v)
{
    struct hvm_exit exit;

    cpu->current = v;
    hvm_fpu_switch(NULL, &v->hvm);
    cpu->fpu_owner = v;
    if (unlikely(__atomic_load_n(&v->runstate_area, __ATOMIC_RELAXED)))
        runstate_write_area(v, false);
    v->exits -= cpu->exits; /* so that no exit is counted twice and the loop does no extra work */
    do {
        if (likely(prepare_entry(v))) {
            hvm_ops->run(&v->hvm, &exit);
            __atomic_store_n(&v->in_guest, false, __ATOMIC_RELEASE);
            cpu->exits++;
            cpu->pass_tsc = rdtsc();
            v->paging_known = false;
            vcpu_handle_exit(v, &exit);
        } else {
            cpu_idle(false); /* others may send events without end: interrupts, timers and slices go on */
        }
        if (unlikely(cpu->timer_fired))
            timer_run_due();
        if (unlikely(__atomic_load_n(&q->slice_wanted, __ATOMIC_RELAXED))) {
            spin_lock(&q->lock);
            __atomic_store_n(&q->slice_wanted, false, __ATOMIC_RELAXED);
            queue_time_slice(q);
            spin_unlock(&q->lock);
        }
    } while (!__atomic_load_n(&cpu->need_resched, __ATOMIC_RELAXED) || keeps_cpu(cpu, q, v));
    v->exits += cpu->exits;
    if (unlikely(__atomic_load_n(&v->runstate_area, __ATOMIC_RELAXED)))
        runstate_write_area(v, true);
    cpu->current = NULL;
    /* Before v counts as stopped: a CPU that waits for that may read its FPU image. */
    hvm_fpu_switch(&v->hvm, NULL);
    cpu->fpu_owner = NULL;
    queue_put_back(q, v);
}

enum scrub_result { SCRUB_NOTHING, SCRUB_CLEANED, SCRUB_BUSY };

/* One CPU at a time cleans a node: more CPUs would not clean faster and would compete for the node's lock. */
static enum scrub_result scrub(nodeid_t nid)
{
    static bool busy[MAX_NODES]; /* [a] */

    if (__atomic_exchange_n(&busy[nid], true, __ATOMIC_ACQUIRE))
        return SCRUB_BUSY;
    bool cleaned = mm_scrub_step(nid);
    __atomic_store_n(&busy[nid], false, __ATOMIC_RELEASE);
    return cleaned ? SCRUB_CLEANED : SCRUB_NOTHING;
}

/* The nodes whose memory this CPU cleans. */
static u64 scrub_nodes(struct run_queue *q)
{
    if (q->scrub_cpus != nr_joined) {
        q->scrub_nodes = sched_scrub_nodes(&sched_map, q->facts.nid, mm_nr_nodes());
        q->scrub_cpus = nr_joined;
    }
    return q->scrub_nodes;
}

/*
 * A claim wants clean memory at once (claims.md section 3): cleans at most 2 MiB between any two slices, even
 * of a lone vCPU, until there is enough or nothing is left to clean.
 * claims.md CL-3.62.
 */
static void scrub_for_claims(struct run_queue *q)
{
    bool more = false;

    if (likely(!__atomic_load_n(&q->scrub_asked, __ATOMIC_RELAXED)))
        return;
    /* Cleared before the check of what is wanted, so that a later request is not lost. */
    __atomic_store_n(&q->scrub_asked, false, __ATOMIC_SEQ_CST);
    for (u64 nodes = scrub_nodes(q); nodes && !more; nodes &= nodes - 1) {
        nodeid_t nid = (nodeid_t)__builtin_ctzll(nodes);
        more = mm_scrub_wanted(nid) && scrub(nid) != SCRUB_NOTHING;
    }
    if (more)
        __atomic_store_n(&q->scrub_asked, true, __ATOMIC_RELAXED);
}

/* Asks an idle CPU of those that clean the node, otherwise the first of them. claims.md CL-3.45. */
void mm_wake_scrubber(nodeid_t nid)
{
    struct run_queue *chosen = NULL;
    u64 asked = 0, cleaners = 0; /* nodes of CPUs: already checked, and those that clean nid */

    for (u32 id = 0; id < sched_map.nr; id++) {
        struct run_queue *q = run_queues[id];
        if (!q || !sched_map.cpu[id] || q->facts.nid >= MAX_NODES)
            continue;
        u64 bit = BIT(q->facts.nid);
        if (!(asked & bit) && sched_scrub_nodes(&sched_map, q->facts.nid, mm_nr_nodes()) & BIT(nid))
            cleaners |= bit;
        asked |= bit;
        if (!(cleaners & bit))
            continue;
        bool idles = __atomic_load_n(&q->facts.load, __ATOMIC_RELAXED) == 0;
        if (!chosen || idles)
            chosen = q;
        if (idles)
            break;
    }
    if (!chosen)
        return;
    __atomic_store_n(&chosen->scrub_asked, true, __ATOMIC_SEQ_CST);
    sched_kick_to_choose(chosen->id);
}

/*
 * Nothing to run: cleans memory one piece at a time, this CPU's node first; sleeps only when all is clean.
 * Other nodes that have CPUs are cleaned by those.
 * claims.md CL-3.61.
 */
static void idle(struct run_queue *q)
{
    u64 all = scrub_nodes(q);
    bool cleaned = false;

    if (q->facts.nid < MAX_NODES && all & BIT(q->facts.nid))
        cleaned = scrub(q->facts.nid) == SCRUB_CLEANED;
    for (u64 nodes = all; nodes && !cleaned; nodes &= nodes - 1)
        cleaned = scrub((nodeid_t)__builtin_ctzll(nodes)) == SCRUB_CLEANED;
    cpu_idle(!cleaned);
}

void sched_step(struct cpu *cpu)
{
    struct run_queue *q = run_queues[cpu->id];

    cpu->pass_tsc = rdtsc();
    timer_run_due();
    /* Cleared before the queue is checked: a request that comes later is seen after the first exit. */
    __atomic_store_n(&cpu->need_resched, false, __ATOMIC_SEQ_CST);
    if (unlikely(quiet_wanted()))
        quiet_serve();
    scrub_for_claims(q);
    struct vcpu *v = pick(q);
    while (!v && queue_steal(q)) /* again if it is one that its cap parks here */
        v = pick(q);
    if (!v) {
        if (!q->was_idle)
            queue_call_home(q);
        q->was_idle = true;
        idle(q);
        return;
    }
    if (q->was_idle)
        queue_pass_on(q);
    q->was_idle = false;
    if (__atomic_load_n(&q->facts.load, __ATOMIC_RELAXED) > 1 &&
        v->run_since_ns - q->balanced_ns >= SCHED_SLICE_NS)
        queue_balance(q, v->run_since_ns);
    run_vcpu(cpu, q, v);
}

NORETURN void sched_run(void)
{
    for (;;)
        sched_step(this_cpu());
}
