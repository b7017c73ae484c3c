/*
 * Hypercalls and exits: see bench.h. With the argument `memory=clean` or `memory=dirty` claims and memory
 * instead.
 */
#include <guest/bench/bench.h>
#include <guest/lib/hypercall.h>
#include <xen/sched.h>
#include <xen/version.h>

#define ROUNDS 201u

static u64 samples[ROUNDS];

static u64 median(void)
{
    /* Insertion sort: the samples are few and nearly equal. */
    for (u32 i = 1; i < ROUNDS; i++) {
        u64 v = samples[i];
        u32 j = i;
        for (; j > 0 && samples[j - 1] > v; j--)
            samples[j] = samples[j - 1];
        samples[j] = v;
    }
    return samples[ROUNDS / 2];
}

static void nothing(void)
{
    __asm__ volatile("");
}
static void null_hypercall(void)
{
    hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
}
static void null_hypercall_page(void)
{
    hypercall_by_page(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
}
static void cpuid_exit(void)
{
    (void)cpuid(guest_env.xen_base, 0);
}

/* Many calls in one sample, so that reading the TSC, which may be an exit itself, weighs little. */
static u64 sample(void (*fn)(void))
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u64 start = rdtsc();
        for (u32 n = 0; n < BENCH_CALLS; n++)
            fn();
        samples[i] = rdtsc() - start;
    }
    return median();
}

u64 bench_measure(void (*fn)(void))
{
    static u64 base;

    if (!base)
        base = sample(nothing);
    u64 ticks = sample(fn);
    return ticks > base ? (ticks - base) / BENCH_CALLS : 0;
}

static void bench_calls(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } cases[] = {
        {"null_hypercall", null_hypercall},
        {"null_hypercall_page", null_hypercall_page},
        {"cpuid_exit", cpuid_exit},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
        printf("@bench name=%s instructions=%lu\n", cases[i].name, bench_measure(cases[i].fn));
}

void guest_main(void)
{
    char state[8];

    printf("@bench name=dom0_entry tsc=%lu\n", guest_entry_tsc);
    if (guest_option("memory", state, sizeof(state)))
        bench_memory(state);
    else
        bench_calls();
    printf("@verdict result=PASS\n");
    guest_shutdown(SHUTDOWN_poweroff);
}
