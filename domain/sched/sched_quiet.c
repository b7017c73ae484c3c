/*
 * Quiet moments: every other CPU waits at the top of its run loop, where it holds no lock, while one CPU does
 * something that must see nobody at work.
 *
 * One word says whether CPUs shall wait, and counts those that do. A CPU joins by compare-and-swap, so none is
 * counted after the moment is over, and the next moment begins when the count is 0 again.
 */
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/sched/sched_queue.h>

#define QUIET_STOP        (1u << 31)
#define QUIET_PATIENCE_NS 1000000000ull /* for CPUs to come to their run loops */

static u32 quiet;                 /* [a] QUIET_STOP, and how many wait */
static void (*quiet_asked)(void); /* [a] sched_ask_quiet() */

bool quiet_wanted(void)
{
    return __atomic_load_n(&quiet, __ATOMIC_SEQ_CST) & QUIET_STOP ||
           __atomic_load_n(&quiet_asked, __ATOMIC_SEQ_CST);
}

static void quiet_wait(void)
{
    u32 seen = __atomic_load_n(&quiet, __ATOMIC_SEQ_CST);

    while (seen & QUIET_STOP)
        if (__atomic_compare_exchange_n(&quiet, &seen, seen + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            while (__atomic_load_n(&quiet, __ATOMIC_SEQ_CST) & QUIET_STOP)
                cpu_relax();
            seen = __atomic_sub_fetch(&quiet, 1, __ATOMIC_SEQ_CST);
        }
}

bool sched_run_quiet(void (*fn)(void))
{
    u32 others = 0, none = 0;

    /* From 0 only: those that wait for an earlier one have left by then. */
    while (
        !__atomic_compare_exchange_n(&quiet, &none, QUIET_STOP, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (none & QUIET_STOP)
            return false;
        none = 0;
        cpu_relax();
    }
    u64 until_ns = time_now_ns() + QUIET_PATIENCE_NS;
    for (u32 id = 0; id < sched_map.nr; id++)
        if (sched_map.cpu[id] && id != this_cpu()->id) {
            others++;
            sched_kick_to_choose(id);
        }
    u32 all = QUIET_STOP + others;
    while (__atomic_load_n(&quiet, __ATOMIC_SEQ_CST) != all && time_now_ns() < until_ns)
        cpu_relax();
    bool is_quiet = __atomic_load_n(&quiet, __ATOMIC_SEQ_CST) == all;
    if (is_quiet)
        fn();
    __atomic_fetch_and(&quiet, ~QUIET_STOP, __ATOMIC_SEQ_CST);
    return is_quiet;
}

void sched_ask_quiet(void (*fn)(void))
{
    __atomic_store_n(&quiet_asked, fn, __ATOMIC_SEQ_CST);
    this_cpu()->need_resched = true;
}

void quiet_serve(void)
{
    quiet_wait();
    void (*fn)(void) = __atomic_exchange_n(&quiet_asked, NULL, __ATOMIC_SEQ_CST);
    if (fn && !sched_run_quiet(fn))
        sched_ask_quiet(fn); /* another CPU was faster, or one is away for long */
}
