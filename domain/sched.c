/*
 * Who runs where: a run queue per CPU, round robin in slices of 10 ms, and the run loop.
 *
 * A vCPU can run when it is RUNNABLE and its pause_count is 0. Then it is on its CPU's queue or runs
 * there. A slice is timed only while somebody else waits, so a lone vCPU sees no needless exits.
 * vCPUs stay on the CPU chosen when they were made.
 *
 * What makes a running vCPU unable to run sets need_resched of its CPU; the loop looks at nothing else
 * between two entries. Hot path: entry → exit → handler → two flags → entry; no lock, no TSC read.
 *
 * Lock: queue.lock (LOCK_RUNQUEUE) guards [R] fields of the vCPUs that belong to the queue; the timer
 * lock may be taken inside.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/internal.h>

#define SLICE_NS          10000000ull
#define HYPERCALL_STEP_NS 2000000ull /* how long a hypercall may go on before it lets others in */

struct run_queue {
    spinlock_t lock;
    struct list ready;    /* waiting vCPUs, the next one first */
    struct vcpu *current; /* who runs */
    u32 nr_assigned;      /* vCPUs that belong here */
    bool slice_wanted;    /* [a] somebody else put a vCPU here: start timing the slice */
    struct timer slice;
};

static struct run_queue queues[MAX_CPUS];
static void (*kick_cpu)(u32 cpu_id);

static struct run_queue *queue_of(const struct vcpu *v)
{
    return &queues[v->cpu];
}

spinlock_t *sched_cpu_lock(u32 cpu_id)
{
    return &queues[cpu_id].lock;
}

spinlock_t *sched_lock(const struct vcpu *v)
{
    return &queue_of(v)->lock;
}

void sched_set_kick(void (*kick)(u32 cpu_id))
{
    kick_cpu = kick;
}

static void kick(u32 cpu_id)
{
    if (cpu_id != this_cpu()->id && kick_cpu)
        kick_cpu(cpu_id);
}

/* Makes a CPU choose again before it enters a guest the next time. */
static void request_resched(u32 cpu_id)
{
    struct cpu *cpu = cpus[cpu_id];

    if (!cpu)
        return; /* not started yet: it will look at its queue when it is */
    __atomic_store_n(&cpu->need_resched, true, __ATOMIC_SEQ_CST);
    kick(cpu_id);
}

static void slice_expired(void *data)
{
    (void)data;
    this_cpu()->need_resched = true; /* set on this CPU, so it runs on this CPU */
}

void sched_init(void)
{
    for (u32 i = 0; i < MAX_CPUS; i++) {
        spin_lock_init(&queues[i].lock, LOCK_RUNQUEUE);
        list_init(&queues[i].ready);
        timer_init(&queues[i].slice, slice_expired, NULL);
    }
}

void sched_assign_cpu(struct vcpu *v)
{
    u32 best = 0;

    for (u32 i = 1; i < nr_cpus; i++)
        if (cpus[i] && __atomic_load_n(&queues[i].nr_assigned, __ATOMIC_RELAXED) <
                           __atomic_load_n(&queues[best].nr_assigned, __ATOMIC_RELAXED))
            best = i;
    v->cpu = best;
    spin_lock(&queues[best].lock);
    __atomic_add_fetch(&queues[best].nr_assigned, 1, __ATOMIC_RELAXED);
    spin_unlock(&queues[best].lock);
}

void sched_forget(struct vcpu *v)
{
    struct run_queue *q = queue_of(v);

    spin_lock(&q->lock);
    list_del(&v->queue_link);
    __atomic_sub_fetch(&q->nr_assigned, 1, __ATOMIC_RELAXED);
    spin_unlock(&q->lock);
}

static bool can_run(const struct vcpu *v)
{
    return v->state == VCPU_RUNNABLE && v->pause_count == 0;
}

/* Lock held. v waits for its turn. */
static void enqueue(struct run_queue *q, struct vcpu *v)
{
    list_add_tail(&q->ready, &v->queue_link);
    v->on_queue = true;
}

/* Lock held, on q's CPU. The running vCPU's slice ends 10 ms after it began. */
static void time_slice(struct run_queue *q)
{
    if (q->current && !q->slice.deadline_ns && !list_empty(&q->ready))
        timer_set(&q->slice, q->current->run_since_ns + SLICE_NS);
}

void sched_update(struct vcpu *v)
{
    struct run_queue *q = queue_of(v);

    spin_lock(&q->lock);
    if (can_run(v)) {
        if (!v->running && !v->on_queue) {
            enqueue(q, v);
            if (!q->current) {
                request_resched(v->cpu);
            } else if (v->cpu == this_cpu()->id) {
                time_slice(q);
            } else {
                __atomic_store_n(&q->slice_wanted, true, __ATOMIC_SEQ_CST);
                kick(v->cpu);
            }
        }
    } else if (v->on_queue) {
        list_del(&v->queue_link);
        v->on_queue = false;
    } else if (v->running) {
        request_resched(v->cpu);
    }
    spin_unlock(&q->lock);
}

void sched_wait_stopped(struct vcpu *v)
{
    struct run_queue *q = queue_of(v);
    bool running = true;

    if (v == this_cpu()->current)
        return;
    while (running) {
        spin_lock(&q->lock);
        running = v->running && !can_run(v);
        spin_unlock(&q->lock);
        if (running)
            cpu_relax();
    }
}

void sched_sync_domain(struct domain *d)
{
    /* Pairs with the order in run_vcpu(): in_guest is set before the entry compares np->generation. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (u32 id = 0; id < domain_nr_vcpus(d); id++) {
        struct vcpu *v = d->vcpu[id];

        if (!__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST))
            continue;
        struct cpu *cpu = cpus[v->cpu];
        u64 exits = __atomic_load_n(&cpu->exits, __ATOMIC_SEQ_CST);
        kick(v->cpu);
        while (__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST) &&
               __atomic_load_n(&cpu->exits, __ATOMIC_SEQ_CST) == exits)
            cpu_relax();
    }
}

bool sched_should_yield(void)
{
    const struct cpu *cpu = this_cpu();

    return cpu->need_resched || time_tsc_to_ns(rdtsc() - cpu->pass_tsc) > HYPERCALL_STEP_NS;
}

void sched_yield_current(void)
{
    this_cpu()->need_resched = true;
}

static struct vcpu *pick(struct run_queue *q)
{
    struct vcpu *v = NULL;

    spin_lock(&q->lock);
    if (!list_empty(&q->ready)) {
        v = list_entry(q->ready.next, struct vcpu, queue_link);
        list_del(&v->queue_link);
        v->on_queue = false;
        v->running = true;
        v->run_since_ns = time_now_ns();
        q->current = v;
        time_slice(q);
    }
    spin_unlock(&q->lock);
    return v;
}

/* Somebody wants the CPU to choose again. Not if v is alone and may go on: no need to put it back and pick it
 * again. */
static bool keeps_cpu(struct cpu *cpu, struct run_queue *q, const struct vcpu *v)
{
    __atomic_store_n(&cpu->need_resched, false, __ATOMIC_SEQ_CST);
    spin_lock(&q->lock);
    bool keeps = can_run(v) && list_empty(&q->ready);
    spin_unlock(&q->lock);
    return keeps;
}

static void put_back(struct cpu *cpu, struct run_queue *q, struct vcpu *v)
{
    /* Before v counts as stopped: whoever waits for that may look at its image. */
    hvm_fpu_switch(&v->hvm, NULL);
    cpu->fpu_owner = NULL;
    spin_lock(&q->lock);
    v->run_ns += time_now_ns() - v->run_since_ns;
    v->running = false;
    q->current = NULL;
    if (q->slice.deadline_ns)
        timer_cancel(&q->slice);
    if (can_run(v))
        enqueue(q, v);
    spin_unlock(&q->lock);
}

static void run_vcpu(struct cpu *cpu, struct run_queue *q, struct vcpu *v)
{
    struct hvm_exit exit;

    cpu->current = v;
    hvm_fpu_switch(NULL, &v->hvm);
    cpu->fpu_owner = v;
    v->exits -= cpu->exits; /* so that nothing is counted twice, at no cost in the loop */
    do {
        if (unlikely(vcpu_event_pending(v)))
            vcpu_deliver_event(v);
        __atomic_store_n(&v->in_guest, true, __ATOMIC_SEQ_CST);
        hvm_ops->run(&v->hvm, &exit);
        __atomic_store_n(&v->in_guest, false, __ATOMIC_RELEASE);
        cpu->exits++;
        cpu->pass_tsc = rdtsc();
        vcpu_handle_exit(v, &exit);
        if (unlikely(cpu->timer_fired))
            timer_run_due();
        if (unlikely(q->slice_wanted)) {
            spin_lock(&q->lock);
            q->slice_wanted = false;
            time_slice(q);
            spin_unlock(&q->lock);
        }
    } while (!__atomic_load_n(&cpu->need_resched, __ATOMIC_RELAXED) || keeps_cpu(cpu, q, v));
    v->exits += cpu->exits;
    cpu->current = NULL;
    put_back(cpu, q, v);
}

/* One CPU at a time cleans a node: its memory is no faster for more, and a crowd would wait for the node's
 * lock. */
static bool scrub(nodeid_t nid)
{
    static bool busy[MAX_NODES]; /* [a] */

    if (__atomic_exchange_n(&busy[nid], true, __ATOMIC_ACQUIRE))
        return false;
    bool cleaned = mm_scrub_step(nid);
    __atomic_store_n(&busy[nid], false, __ATOMIC_RELEASE);
    return cleaned;
}

/* Nothing to run: cleans memory, this CPU's node first; sleeps only when all is clean. */
static void idle(const struct cpu *cpu)
{
    u32 nodes = mm_nr_nodes();
    bool cleaned = false;

    for (u32 i = 0; i < nodes && !cleaned; i++)
        cleaned = scrub((cpu->nid + i) % nodes);
    cpu_idle(!cleaned);
}

void sched_step(struct cpu *cpu)
{
    struct run_queue *q = &queues[cpu->id];

    cpu->pass_tsc = rdtsc();
    timer_run_due();
    /* Cleared before the queue is looked at: a request that comes later is seen after the first exit. */
    __atomic_store_n(&cpu->need_resched, false, __ATOMIC_SEQ_CST);
    struct vcpu *v = pick(q);
    if (v)
        run_vcpu(cpu, q, v);
    else
        idle(cpu);
}

NORETURN void sched_run(void)
{
    for (;;)
        sched_step(this_cpu());
}
