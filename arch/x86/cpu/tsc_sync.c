/*
 * The boot CPU asks and the other CPU answers with its TSC, a few times; the fastest exchanges bound the
 * difference. A TSC that certainly differs is corrected by an offset, so that time_now_ns() returns the same
 * time on every CPU. All other CPUs sleep during it.
 */
#include <arch/x86/cpu/tsc_sync.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/time.h>
#include <lib/log.h>

#define ROUNDS_MIN 3u /* the first one waits for the other to wake */
#define ROUNDS_MAX 6u
#define NARROW_NS  1000u /* good enough */
#define ANSWER_NS  2000000000ull

void tsc_narrow(struct tsc_bounds *bounds, u64 before, u64 there, u64 after)
{
    s64 low = (s64)(there - after), high = (s64)(there - before);

    if (low > bounds->high || high < bounds->low)
        *bounds = TSC_BOUNDS_ANY;
    bounds->low = MAX(bounds->low, low);
    bounds->high = MIN(bounds->high, high);
}

s64 tsc_offset(const struct tsc_bounds *bounds)
{
    if (bounds->low <= 0 && bounds->high >= 0)
        return 0;
    return bounds->low + (bounds->high - bounds->low) / 2;
}

#ifdef HOMESTEAD

static struct {
    u32 question, answer; /* [a] the number of the round */
    u64 there;
    bool finished; /* [a] no more questions */
} exchange;

/* Read neither earlier nor later than the code around it. */
static u64 ordered_tsc(void)
{
    __asm__ volatile("lfence" : : : "memory");
    u64 tsc = rdtsc();
    __asm__ volatile("lfence" : : : "memory");
    return tsc;
}

/* On the other CPU. */
static void answer(void)
{
    u64 end_ns = time_now_ns() + 2 * ANSWER_NS;

    for (u32 round = 1; !__atomic_load_n(&exchange.finished, __ATOMIC_ACQUIRE);) {
        if (__atomic_load_n(&exchange.question, __ATOMIC_ACQUIRE) != round) {
            if (time_now_ns() > end_ns)
                return;
            __builtin_ia32_pause();
            continue;
        }
        exchange.there = ordered_tsc();
        __atomic_store_n(&exchange.answer, round++, __ATOMIC_RELEASE);
    }
}

static bool ask(u32 round, struct tsc_bounds *bounds, u64 *width)
{
    u64 before = ordered_tsc(), end = before + time_ns_to_tsc(ANSWER_NS);

    __atomic_store_n(&exchange.question, round, __ATOMIC_RELEASE);
    while (__atomic_load_n(&exchange.answer, __ATOMIC_ACQUIRE) != round) {
        if (rdtsc() > end)
            return false;
        __builtin_ia32_pause();
    }
    u64 after = ordered_tsc();
    *width = after - before;
    tsc_narrow(bounds, before, exchange.there, after);
    return true;
}

/* False: the CPU does not answer. */
static bool compare(struct cpu *cpu, struct tsc_bounds *bounds)
{
    bool answers = true, narrow = false;
    u64 width = 0;

    *bounds = TSC_BOUNDS_ANY;
    exchange.question = exchange.answer = 0;
    __atomic_store_n(&exchange.finished, false, __ATOMIC_RELEASE);
    smp_give_job(cpu, answer);
    for (u32 round = 1; answers && round <= ROUNDS_MAX && !(narrow && round > ROUNDS_MIN); round++) {
        answers = ask(round, bounds, &width);
        narrow = narrow || width < time_ns_to_tsc(NARROW_NS);
    }
    __atomic_store_n(&exchange.finished, true, __ATOMIC_RELEASE);
    return smp_await_job(cpu) && answers;
}

void tsc_sync_check(void)
{
    bool invariant = cpuid(0x80000000, 0).eax >= 0x80000007 && cpuid(0x80000007, 0).edx & BIT(8);
    u32 silent = 0, corrected = 0;
    u64 max = 0;

    for_each_cpu (id) {
        struct tsc_bounds bounds;
        struct cpu *cpu = cpus[id];
        if (cpu == this_cpu())
            continue;
        if (!compare(cpu, &bounds)) {
            silent++;
            continue;
        }
        cpu->tsc_offset = tsc_offset(&bounds);
        corrected += cpu->tsc_offset != 0;
        max = MAX(max, (u64)(cpu->tsc_offset < 0 ? -cpu->tsc_offset : cpu->tsc_offset));
    }
    max = time_tsc_to_ns(max);
    if (silent)
        log_warn("TSC: %u CPUs could not be compared with the boot CPU\n", silent);
    if (corrected)
        log_warn("TSC: %u CPUs differ, by up to %lu ns: corrected\n", corrected, max);
    log_info("TSC             %s on all CPUs, %s rate\n", corrected ? "corrected" : "the same",
             invariant ? "constant" : "not necessarily constant");
    log_fact("@tsc sync=%s max_skew=%lu\n", silent ? "unknown" : corrected ? "corrected" : "yes", max);
}

#endif
