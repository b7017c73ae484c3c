/* Jobs for several vCPUs, see work.h. */
#include <guest/lib/guest.h>
#include <guest/lib/lock.h>
#include <guest/lib/smp.h>
#include <guest/lib/work.h>
#include <xen/vcpu.h>

#define CPUID_X2APIC (1u << 21) /* 1 ECX */
#define START_MS     10000u
#define NAP_MS       5u

void (*work_sleep)(u64 ms);

static u32 nr_vcpus; /* 0: not asked yet */
static struct {
    work_fn *fn;
    void *arg;
    u32 nr_jobs;
    u32 next; /* the first job that nobody has taken, atomic; may run past nr_jobs */
} queue;

static void take_jobs(void)
{
    u32 job;

    while ((job = __atomic_fetch_add(&queue.next, 1, __ATOMIC_ACQ_REL)) < queue.nr_jobs)
        queue.fn(queue.arg, job);
}

static void body(u32 id)
{
    take_jobs();
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_down, id, 0, 0, 0);
}

u32 work_vcpus(void)
{
    if (nr_vcpus)
        return nr_vcpus;
    nr_vcpus = smp_count();
    if (nr_vcpus > 1 && !(cpuid(1, 0).ecx & CPUID_X2APIC))
        nr_vcpus = 1;
    if (nr_vcpus > 1) {
        smp_init();
        smp_body = body;
    }
    return nr_vcpus;
}

void work_nap(void)
{
    if (work_sleep)
        work_sleep(NAP_MS);
    else
        vcpu_yield();
}

/* Until it has come to its body once more. */
static bool wait_start(u32 id, u32 starts_before)
{
    u64 deadline = guest_now_ms() + START_MS;

    while (smp_vcpus[id].starts == starts_before) {
        if (guest_now_ms() >= deadline)
            return false;
        vcpu_yield();
    }
    return true;
}

bool work_run(u32 max_vcpus, u32 nr_jobs, work_fn *fn, void *arg)
{
    u32 nr = MIN(MIN(max_vcpus, work_vcpus()), MAX(nr_jobs, 1u));
    u32 starts[SMP_MAX];
    bool all_started = true;

    queue.fn = fn;
    queue.arg = arg;
    queue.nr_jobs = nr_jobs;
    __atomic_store_n(&queue.next, 0, __ATOMIC_RELEASE);
    for (u32 id = 1; id < nr; id++) {
        starts[id] = smp_vcpus[id].starts;
        smp_start(id);
    }
    take_jobs();
    for (u32 id = 1; id < nr; id++) {
        if (!wait_start(id, starts[id])) {
            printf("vCPU %u does not start\n", id);
            all_started = false;
            continue;
        }
        while (hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, id, 0, 0, 0) == 1)
            work_nap();
    }
    return all_started;
}
