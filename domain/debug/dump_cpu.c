/*
 * Debug console: c CPUs, e exit counts, l locks. Reads other CPUs' figures as they are, without asking those
 * CPUs anything: one of them may be stuck.
 */
#include <domain/debug/dump.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/internal.h>
#include <lib/printf.h>
#include <lib/parse.h>
#include <mm/dump.h>

#define BACKTRACES_MAX 4u
#define BACKTRACE_NS   1500000000ull /* the CPU may first wait for the console */
#define STUCK_MS       2000u
#define CPUS_MAX       64u /* lines of exit counts */
#define LOCK_DOMAINS   100u

/* In the guest, a CPU comes back when something happens; asleep, when there is work. */
static bool is_away(const struct cpu *cpu, const struct vcpu *v)
{
    return cpu->idle || (v && v->in_guest);
}

static bool is_stuck(const struct cpu *cpu)
{
    s64 ticks = (s64)(rdtsc() - cpu->pass_tsc);

    return !is_away(cpu, cpu->current) && ticks > 0 && time_tsc_to_ns((u64)ticks) > STUCK_MS * 1000000ull;
}

/* An NMI makes a CPU print its backtrace; nothing else reaches one that is stuck. Gives it time to do so. */
static void request_backtrace(const struct cpu *cpu)
{
    u64 sent_ns = time_now_ns();
    bool begun = false, ended = false;

    apic_send_nmi(cpu->apic_id);
    while (!ended && time_now_ns() - sent_ns < BACKTRACE_NS) {
        bool in_nmi = __atomic_load_n(&cpu->in_nmi, __ATOMIC_RELAXED);
        ended = begun && !in_nmi;
        begun |= in_nmi;
        cpu_relax();
    }
}

static void print_cpu(u32 id)
{
    const struct cpu *cpu = cpus[id];
    const struct vcpu *v = cpu->current;
    char doing[32] = "hypervisor", name[16], timer[32] = "none";
    s64 ticks = (s64)(rdtsc() - cpu->pass_tsc);
    u64 ago_ms = ticks > 0 ? time_tsc_to_ns((u64)ticks) / 1000000 : 0;
    s64 until_ns = (s64)(timer_next_ns(id) - time_now_ns());

    if (v) {
        vcpu_name(v, name);
        snprintf(doing, sizeof(doing), "%s%s", v->in_guest ? "guest " : "for ", name);
    } else if (cpu->idle) {
        str_copy(doing, "idle", sizeof(doing));
    }
    if (timer_next_ns(id))
        snprintf(timer, sizeof(timer), until_ns < 0 ? "%ld ms overdue" : "in %ld ms",
                 (long)((until_ns < 0 ? -until_ns : until_ns) / 1000000));
    keys_printf("CPU %-4u APIC %-5u node %-3u %-14s %8lu ms ago %12lu exits  timer %s%s\n", id, cpu->apic_id,
                cpu->nid, doing, ago_ms, cpu->exits, timer, is_stuck(cpu) ? "  STUCK" : "");
}

static void key_cpus(void)
{
    u32 missing = 0;

    keys_printf("(ago: since it last left a guest or looked for one to run)\n");
    for (u32 id = 0; id < nr_cpus; id++) {
        if (cpus[id])
            print_cpu(id);
        else
            missing++;
    }
    if (missing)
        keys_printf("%u CPUs did not come up\n", missing);
    for (u32 id = 0, asked = 0; id < nr_cpus && asked < BACKTRACES_MAX; id++)
        if (cpus[id] && id != this_cpu()->id && is_stuck(cpus[id])) {
            request_backtrace(cpus[id]);
            asked++;
        }
}

static const char *const kind_names[HVM_EXIT_NR] = {
    [HVM_EXIT_INTERRUPT] = "interrupt",
    [HVM_EXIT_HYPERCALL] = "hypercall",
    [HVM_EXIT_CPUID] = "cpuid",
    [HVM_EXIT_HLT] = "hlt",
    [HVM_EXIT_RDMSR] = "rdmsr",
    [HVM_EXIT_WRMSR] = "wrmsr",
    [HVM_EXIT_IO] = "io",
    [HVM_EXIT_NPF] = "page fault",
    [HVM_EXIT_IRQ_WINDOW] = "window",
    [HVM_EXIT_SHUTDOWN] = "triple fault",
    [HVM_EXIT_FORBIDDEN] = "forbidden",
    [HVM_EXIT_XSETBV] = "xsetbv",
    [HVM_EXIT_INVALID] = "invalid",
    [HVM_EXIT_UNKNOWN] = "unknown",
};

static void print_counts(const char *who, const u64 counts[HVM_EXIT_NR])
{
    keys_printf("%s", who);
    for (u32 kind = 0; kind < HVM_EXIT_NR; kind++)
        if (counts[kind])
            keys_printf("  %s %lu", kind_names[kind] ? kind_names[kind] : "other", counts[kind]);
    keys_printf("\n");
}

static void key_exits(void)
{
    u64 total[HVM_EXIT_NR] = {0};
    u32 shown = 0, more = 0, none = 0;
    char who[16];

    for (u32 id = 0; id < nr_cpus; id++) {
        u64 all = 0;
        if (!cpus[id])
            continue;
        for (u32 kind = 0; kind < HVM_EXIT_NR; kind++) {
            total[kind] += cpus[id]->exit_kinds[kind];
            all += cpus[id]->exit_kinds[kind];
        }
        if (!all) {
            none++;
        } else if (shown++ < CPUS_MAX) {
            snprintf(who, sizeof(who), "CPU %-4u", id);
            print_counts(who, cpus[id]->exit_kinds);
        } else {
            more++;
        }
    }
    if (more)
        keys_printf("... %u more CPUs\n", more);
    if (none)
        keys_printf("%u CPUs without an exit\n", none);
    print_counts("all     ", total);
}

/* Prints it if it is held. The ticket being served, and those behind it, are in two words: a look at both is
 * no single moment, which a person can live with. */
static bool print_held(const char *name, u32 nr, const spinlock_t *lock)
{
    u16 served = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    u16 taken = (u16)(atomic_load_explicit(&lock->next, memory_order_relaxed) - served);

    if (!taken)
        return false;
    keys_printf("level %-3u %s %u: held, %u waiting\n", lock->level, name, nr, taken - 1u);
    return true;
}

/* All locks of a kind that one CPU or node has each. */
static void print_per_cpu(const char *name, spinlock_t *(*lock_of)(u32 cpu_id))
{
    u32 nr = 0, held = 0;

    for (u32 id = 0; id < nr_cpus; id++)
        if (cpus[id]) {
            nr++;
            held += print_held(name, id, lock_of(id));
        }
    keys_printf("%-16s %4u, %u held\n", name, nr, held);
}

static void print_domain_locks(void)
{
    static const char *const names[] = {"domain", "event channels", "physical map", "account"};
    u32 nr[ARRAY_SIZE(names)] = {0}, held[ARRAY_SIZE(names)] = {0}, domains = 0;

    for (u32 id = 0; domains < LOCK_DOMAINS && domain_view_next(id); id = domain_view.id + 1u, domains++)
        for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
            nr[i]++;
            held[i] += print_held(names[i], domain_view.id, &domain_view.locks[i]);
        }
    for (u32 i = 0; i < ARRAY_SIZE(names); i++)
        keys_printf("%-16s %4u, %u held\n", names[i], nr[i], held[i]);
}

static void key_locks(void)
{
    keys_printf("%-16s    1, %u held\n", "domain list", print_held("domain list", 0, domain_list_lock()));
    print_domain_locks();
    mm_dump_locks(print_held);
    print_per_cpu("run queue", sched_cpu_lock);
    print_per_cpu("timers", timer_cpu_lock);
#ifdef DEBUG
    for (u32 id = 0; id < nr_cpus; id++)
        for (u32 i = 0; cpus[id] && i < MIN(cpus[id]->nr_locks, ARRAY_SIZE(cpus[id]->lock_levels)); i++)
            keys_printf("CPU %-4u holds or waits for a lock of level %u\n", id, cpus[id]->lock_levels[i]);
#endif
}

void cpu_dump_init(void)
{
    keys_register('c', "CPUs: where they are, what they do", key_cpus);
    keys_register('e', "exit counts by kind", key_exits);
    keys_register('l', "locks that are held", key_locks);
}
