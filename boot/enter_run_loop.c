/*
 * The last steps of every CPU before its run loop. Timers belong to domain/, so the lockup detector's are
 * kept here and call down.
 */
#include <boot/boot.h>

#include <homestead/init.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/nmi.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/stop.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/debug/watchdog.h>
#include <arch/x86/hvm/hvm.h>
#include <domain/domain.h>
#include <domain/debug/key_poll.h>
#include <domain/timer.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <lib/spinlock.h>

static u32 watchdog_secs;                  /* [I] 0: off */
u64 boot_tsc_entry;                        /* [I] */
static SIZED struct timer looks[MAX_CPUS]; /* [o] */
SIZED_BY(looks, nr_cpus, 0);

static int enable_virtualization(void)
{
    return hvm_ops->cpu_enable();
}

static void name_guest(const struct hvm_vcpu *v, char *out, size_t size)
{
    snprintf(out, size, "d%uv%u", v->domid, v->vcpu_id);
}

#ifdef DEBUG
#define FAULT_DELAY_NS 300000000ull /* so that a guest runs somewhere when a test's fault comes */

static u64 test_panic, test_lockup; /* [I] masks of CPU ids */

static bool chosen(u64 mask)
{
    return this_cpu()->id < 64 && (mask & BIT(this_cpu()->id));
}

/* The faults that options ask for, if this CPU is one of theirs. */
static void fail_as_wanted(void)
{
    static u64 fault_ns; /* [a] when: set by the first CPU */
    bool panics = chosen(test_panic), locks_up = chosen(test_lockup);
    u64 when_ns = 0;

    if (!panics && !locks_up)
        return;
    if (__atomic_compare_exchange_n(&fault_ns, &when_ns, time_now_ns() + FAULT_DELAY_NS, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        when_ns = fault_ns;
    while (time_now_ns() < when_ns)
        cpu_relax();
    if (panics)
        panic("asked for by test_panic=");
    for (;;)
        __builtin_ia32_pause();
}
#endif

INIT void boot_run_init(const struct boot_options *options)
{
    watchdog_secs = options->watchdog_secs;
#ifdef DEBUG
    test_panic = options->test_panic;
    test_lockup = options->test_lockup;
#endif
    nmi_panics = options->nmi_panic;
    stop_name_guest = name_guest;
}

static void set_look(struct timer *t)
{
    timer_set(t, time_now_ns() + watchdog_secs * (1000000000ull / WATCHDOG_LOOKS));
}

static void look(void *data)
{
    watchdog_look(watchdog_secs);
    set_look(data);
}

static NORETURN void boot_run(void)
{
    struct timer *t = &looks[this_cpu()->id];

    timer_init(t, look, t);
    if (watchdog_secs)
        set_look(t);
    key_poll_start();
#ifdef DEBUG
    fail_as_wanted();
#endif
    sched_run();
}

const struct smp_start_ops boot_smp_ops = {.enable = enable_virtualization, .run = boot_run};

NORETURN void boot_finish(void)
{
    boot_give_back();
    u64 ready = rdtsc();
    log_fact("@boot tsc_entry=%lu tsc_ready=%lu ticks=%lu tsc_khz=%lu\n", boot_tsc_entry, ready,
             ready - boot_tsc_entry, tsc_khz);
    log_info("\n");
    keys_take_over(); /* a first sign of life, before another CPU checks for one */
    smp_release();
    boot_run();
}
