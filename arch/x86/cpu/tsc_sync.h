/* Compares the TSCs of all CPUs. One exchange is three readings: here, there, here again. */
#ifndef CPU_TSC_SYNC_H
#define CPU_TSC_SYNC_H

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>

/* How far the other TSC is ahead of this one (negative: behind): somewhere in [low, high], in ticks. */
struct tsc_bounds {
    s64 low, high;
};

/* Before the first exchange: anything. */
#define TSC_BOUNDS_ANY ((struct tsc_bounds){.low = -0x7fffffffffffffffll - 1, .high = 0x7fffffffffffffffll})

/* The other CPU read `there` after this one read `before` and before it read `after`. Narrows *bounds;
 * readings that contradict earlier ones (a TSC jumped) start it anew. */
void tsc_narrow(struct tsc_bounds *bounds, u64 before, u64 there, u64 after);
/* 0 if the TSCs may be the same, else the middle of the bounds. */
s64 tsc_offset(const struct tsc_bounds *bounds);

/* The TSC that all CPUs agree on: the boot CPU's. Guests read it, whichever way they read a TSC. */
static inline u64 tsc_synced(void)
{
    return rdtsc() - (u64)this_cpu()->tsc_offset;
}

/* Compares this CPU's TSC with that of each CPU that waits for smp_release(), sets their tsc_offset, and
 * prints the result. Boot CPU only. */
void tsc_sync_check(void);

#endif
