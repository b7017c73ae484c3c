/*
 * A domain 0 that measures its hypervisor and ends. Under QEMU's icount one TSC tick is one instruction,
 * so the figures repeat exactly; elsewhere they are cycles. Each figure is the median of many samples, less
 * what the measuring itself costs.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <xen/sched.h>
#include <xen/version.h>

#define ROUNDS 201u
#define CALLS  64u /* in one sample, so that reading the TSC, which may be an exit itself, weighs little */

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

static u64 measure(void (*fn)(void))
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u64 start = rdtsc();
        for (u32 n = 0; n < CALLS; n++)
            fn();
        samples[i] = rdtsc() - start;
    }
    return median();
}

void guest_main(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } cases[] = {
        {"null_hypercall", null_hypercall},
        {"null_hypercall_page", null_hypercall_page},
        {"cpuid_exit", cpuid_exit},
    };

    printf("@bench name=dom0_entry tsc=%lu\n", guest_entry_tsc);
    u64 base = measure(nothing);
    printf("@bench name=empty_call instructions=%lu\n", base / CALLS);
    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        u64 ticks = measure(cases[i].fn);
        printf("@bench name=%s instructions=%lu\n", cases[i].name, ticks > base ? (ticks - base) / CALLS : 0);
    }
    printf("@verdict result=PASS\n");
    guest_shutdown(SHUTDOWN_poweroff);
}
