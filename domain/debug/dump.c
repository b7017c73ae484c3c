/*
 * Debug console: m memory, d domains, v vCPUs, c CPUs, e exit counts, l locks, k a check of memory.
 *
 * Nothing here waits for a lock without bound, and none is held while something is printed: the line is slow.
 * Facts are read into plain copies first and printed then. The one static copy belongs to the CPU that serves
 * a key. Other CPUs' figures are read without asking those CPUs anything: one of them may be stuck.
 *
 * lint: long: seven keys that share the copies and the rules of reading them.
 */
#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/wall_clock.h>
#include <domain/debug/dump.h>
#include <domain/internal.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/ledger.h>
#include <mm/mm.h>
#include <mm/node.h>

#define DOMAINS_MAX 100u /* shown; the rest is counted */
#define VCPUS_MAX   64u  /* a domain */

struct vcpu_view {
    u32 id, cpu, pause_count, cpl;
    bool running, blocked;
    u64 run_ns, exits, rip, cr3;
    bool any_cpu;           /* hard affinity is every CPU */
    u32 first_cpu, nr_cpus; /* of the hard affinity */
};

static struct domain_view {
    u32 id, refs, pause_count, max_vcpus, nr_vcpus, nr_online;
    bool dying, shut_down;
    u8 shutdown_code;
    u64 tot_pages, max_pages, outstanding, overhead_pages, host_claim;
    u64 own[MAX_NODES], node_claim[MAX_NODES];
    spinlock_t lock, grant_lock, events_lock, physmap_lock, account_lock;
} copy; /* the domain that is being shown */

static void view_affinity(const struct vcpu *v, struct vcpu_view *out)
{
    u32 online = 0;

    out->nr_cpus = 0;
    for (u32 id = nr_cpus; id-- > 0;) {
        if (!cpus[id])
            continue;
        online++;
        if (v->hard_affinity[id / 64] & BIT(id % 64)) {
            out->first_cpu = id;
            out->nr_cpus++;
        }
    }
    out->any_cpu = out->nr_cpus == online || !out->nr_cpus;
}

static void view_vcpu(struct vcpu *v, struct vcpu_view *out)
{
    const struct cpu *cpu = cpus[v->cpu];
    struct hvm_paging paging = {0};

    *out = (struct vcpu_view){.id = v->id,
                              .cpu = v->cpu,
                              .pause_count = v->pause_count,
                              .running = v->running,
                              .blocked = v->state == VCPU_BLOCKED,
                              .run_ns = v->runstate.time[RUNSTATE_running],
                              .exits = v->exits,
                              .rip = v->hvm.regs.rip};
    if (v->running && cpu && cpu->current == v) {
        out->run_ns += time_now_ns() - v->run_since_ns;
        out->exits += cpu->exits;
    }
    if (!v->running) {
        hvm_ops->paging_state(&v->hvm, &paging);
        out->cr3 = paging.cr3;
        out->cpl = hvm_ops->cpl(&v->hvm);
    }
    view_affinity(v, out);
}

/*
 * Copies the first domain with id >= domid. False: there is none. Waits for the domain list's lock for a
 * bounded time only; then it reads without, as no domain can go while somebody else holds it for ever. Facts
 * of one domain may be of slightly different moments.
 */
static bool copy_next(u32 domid)
{
    bool locked = spin_trylock_bounded(domain_list_lock());
    struct domain *d = domain_list_next_locked(domid);

    if (d) {
        copy = (struct domain_view){.id = d->id,
                                    .refs = d->refs,
                                    .pause_count = d->pause_count,
                                    .max_vcpus = d->max_vcpus,
                                    .nr_vcpus = domain_nr_vcpus(d),
                                    .nr_online = domain_nr_online(d),
                                    .dying = d->dying,
                                    .shut_down = d->shut_down,
                                    .shutdown_code = d->shutdown_code,
                                    .tot_pages = d->mem.tot_pages,
                                    .max_pages = d->mem.max_pages,
                                    .outstanding = d->mem.outstanding,
                                    .overhead_pages = d->mem.overhead_pages,
                                    .host_claim = d->mem.host_claim,
                                    .lock = d->lock,
                                    .grant_lock = d->grant_lock,
                                    .events_lock = d->events.lock,
                                    .physmap_lock = d->physmap.lock,
                                    .account_lock = d->mem.lock};
        memcpy(copy.own, d->mem.own, sizeof(copy.own));
        memcpy(copy.node_claim, d->mem.node_claim, sizeof(copy.node_claim));
    }
    if (locked)
        spin_unlock(domain_list_lock());
    return d != NULL;
}

/* Calls print for each domain, up to a bound. */
static void each_domain(void (*print)(const struct domain_view *d))
{
    u32 nr = 0;

    for (u32 id = 0; copy_next(id); id = copy.id + 1u)
        if (nr++ < DOMAINS_MAX)
            print(&copy);
    if (nr > DOMAINS_MAX)
        keys_printf("... %u more domains\n", nr - DOMAINS_MAX);
}

/* "none" for the value with which the toolstack asks for no limit. */
static const char *limit_text(u64 pages, char buf[24])
{
    if (pages >= ~0u)
        return "none";
    snprintf(buf, 24, "%lu", pages);
    return buf;
}

static void print_memory(const struct domain_view *d)
{
    char limit[24];

    keys_printf("d%-5u all   %10lu %10lu   limit %s, overhead %lu, on the host as a whole %lu\n", d->id,
                d->tot_pages, d->outstanding, limit_text(d->max_pages, limit), d->overhead_pages,
                d->host_claim);
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (d->own[nid] || d->node_claim[nid])
            keys_printf("       %-4u  %10lu %10lu\n", nid, d->own[nid], d->node_claim[nid]);
}

static void print_nodes(void)
{
    keys_printf("node      pages       free      clean      dirty  scrubbing    claimed   in pieces of"
                "   1G       2M       4K (pages)\n");
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct node *node = node_get(nid);
        u64 free = node->free_pages, dirty = MIN(node->dirty_pages, free);
        u64 whole = node->free_1g, regions = node->free_2m;

        keys_printf("%4u %10lu %10lu %10lu %10lu %10lu %10lu", nid, node->ram_pages + node->unmanaged_pages,
                    free, free - dirty, dirty, node->scrubbing_pages, node->claimed);
        keys_printf(" %19lu %8lu %8lu\n", whole << ORDER_1G,
                    regions > whole * MAP_BITS ? (regions - whole * MAP_BITS) << ORDER_2M : 0,
                    free > regions << ORDER_2M ? free - (regions << ORDER_2M) : 0);
    }
}

static void key_memory(void)
{
    print_nodes();
    keys_printf("domain node       owned    claimed   (pages of 4 KiB)\n");
    each_domain(print_memory);
}

static const char *state_of_domain(const struct domain_view *d)
{
    if (d->dying)
        return "dying";
    if (d->shut_down)
        return "shut down";
    return d->pause_count ? "paused" : "running";
}

static void print_domain(const struct domain_view *d)
{
    char limit[24];

    keys_printf("d%-5u %-9s  vCPUs %u of %u  pages %lu, limit %s  claimed %lu  pauses %u  refs %u", d->id,
                state_of_domain(d), d->nr_online, d->max_vcpus, d->tot_pages, limit_text(d->max_pages, limit),
                d->outstanding, d->pause_count, d->refs);
    if (d->shut_down)
        keys_printf("  code %u", d->shutdown_code);
    keys_printf("\n");
}

static void key_domains(void)
{
    each_domain(print_domain);
}

static void print_vcpu(u32 domid, const struct vcpu_view *v)
{
    char affinity[32], name[16];

    if (v->any_cpu)
        snprintf(affinity, sizeof(affinity), "any");
    else
        snprintf(affinity, sizeof(affinity), "%u%s", v->first_cpu, v->nr_cpus > 1 ? "+" : "");
    snprintf(name, sizeof(name), "d%uv%u", domid, v->id);
    keys_printf("%-9s %-8s %4u  %-4s %8lu ms %10lu exits  pauses %u  rip 0x%lx", name,
                v->running       ? "running"
                : v->pause_count ? "paused"
                : v->blocked     ? "blocked"
                                 : "waiting",
                v->cpu, affinity, v->run_ns / 1000000, v->exits, v->pause_count, v->rip);
    if (!v->running)
        keys_printf(" cr3 0x%lx cpl %u", v->cr3, v->cpl);
    keys_printf("\n");
}

/* The first VCPUS_MAX vCPUs of domain domid that are online. Returns how many. Locking as copy_next(). */
static u32 view_vcpus(u32 domid, struct vcpu_view *views)
{
    bool locked = spin_trylock_bounded(domain_list_lock());
    struct domain *d = domain_list_next_locked(domid);
    u32 nr = 0;

    for (u32 id = 0; d && d->id == domid && id < domain_nr_vcpus(d) && nr < VCPUS_MAX; id++)
        if (d->vcpu[id]->state != VCPU_OFFLINE)
            view_vcpu(d->vcpu[id], &views[nr++]);
    if (locked)
        spin_unlock(domain_list_lock());
    return nr;
}

static void print_vcpus(const struct domain_view *d)
{
    struct vcpu_view views[VCPUS_MAX];
    u32 nr = view_vcpus(d->id, views);

    for (u32 i = 0; i < nr; i++)
        print_vcpu(d->id, &views[i]);
    if (d->nr_online > VCPUS_MAX)
        keys_printf("d%u        ... %u more online\n", d->id, d->nr_online - VCPUS_MAX);
    if (d->nr_vcpus > d->nr_online)
        keys_printf("d%u        %u offline\n", d->id, d->nr_vcpus - d->nr_online);
}

static void key_vcpus(void)
{
    keys_printf("vCPU      state     CPU  may       on a CPU                   (rip: at its last exit)\n");
    each_domain(print_vcpus);
}

#define BACKTRACES_MAX 4u
#define BACKTRACE_NS   1500000000ull /* the CPU may first wait for the console */
#define STUCK_MS       2000u
#define CPUS_MAX       64u /* lines of exit counts */
#define LOCK_DOMAINS   100u

/* A CPU in a guest returns at an exit, a sleeping one when there is work: neither is stuck. */
static bool is_away(const struct cpu *cpu, const struct vcpu *v)
{
    return cpu->idle || (v && v->in_guest);
}

static bool is_stuck(const struct cpu *cpu)
{
    s64 ticks = (s64)(rdtsc() - cpu->pass_tsc);

    return !is_away(cpu, cpu->current) && ticks > 0 && time_tsc_to_ns((u64)ticks) > STUCK_MS * 1000000ull;
}

/* An NMI makes a CPU print its backtrace; nothing else interrupts a stuck one. Waits while it prints. */
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
    [HVM_EXIT_CR4] = "cr4",
    [HVM_EXIT_PDPTES] = "pdptes",
    [HVM_EXIT_IO] = "io",
    [HVM_EXIT_NPF] = "page fault",
    [HVM_EXIT_IRQ_WINDOW] = "window",
    [HVM_EXIT_SHUTDOWN] = "triple fault",
    [HVM_EXIT_FORBIDDEN] = "forbidden",
    [HVM_EXIT_IGNORED] = "ignored",
    [HVM_EXIT_EXCEPTION] = "exception",
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

/* Prints it if it is held. Its two tickets are not read atomically, which is precise enough here. */
static bool print_held(const char *name, u32 nr, const spinlock_t *lock)
{
    u16 served = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    u16 taken = (u16)(atomic_load_explicit(&lock->next, memory_order_relaxed) - served);

    if (!taken)
        return false;
    keys_printf("level %-3u %s %u: held, %u waiting\n", lock->level, name, nr, taken - 1u);
    return true;
}

/* All locks of a kind of which each CPU has one. */
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
    static const char *const names[] = {"domain", "grant table", "event channels", "physical map", "account"};
    const spinlock_t *const locks[] = {&copy.lock, &copy.grant_lock, &copy.events_lock, &copy.physmap_lock,
                                       &copy.account_lock};
    u32 held[ARRAY_SIZE(names)] = {0}, nr = 0;

    for (u32 id = 0; nr < LOCK_DOMAINS && copy_next(id); id = copy.id + 1u, nr++)
        for (u32 i = 0; i < ARRAY_SIZE(names); i++)
            held[i] += print_held(names[i], copy.id, locks[i]);
    for (u32 i = 0; i < ARRAY_SIZE(names); i++)
        keys_printf("%-16s %4u, %u held\n", names[i], nr, held[i]);
}

/* A lock of which there is one. */
static void print_one(const char *name, const spinlock_t *lock)
{
    keys_printf("%-16s    1, %u held\n", name, print_held(name, 0, lock));
}

static void print_memory_locks(void)
{
    u32 held = 0;

    print_one("claimants", ledger_claimants_lock());
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        held += print_held("node", nid, &node_get(nid)->lock);
    keys_printf("%-16s %4u, %u held\n", "node", mm_nr_nodes(), held);
}

static void key_locks(void)
{
    print_one("domain list", domain_list_lock());
    print_domain_locks();
    print_memory_locks();
    print_per_cpu("run queue", sched_cpu_lock);
    print_per_cpu("timers", timer_cpu_lock);
    print_one("wall clock", wall_clock_lock());
    print_one("console output", guest_console_lock());
#ifdef DEBUG
    for (u32 id = 0; id < nr_cpus; id++)
        for (u32 i = 0; cpus[id] && i < MIN(cpus[id]->nr_locks, ARRAY_SIZE(cpus[id]->lock_levels)); i++)
            keys_printf("CPU %-4u holds or waits for a lock of level %u\n", id, cpus[id]->lock_levels[i]);
#endif
}

/* k compares every list, sum and claim of mm/ with the frame table. The time is in
 * proportion to the memory and the number of domains; the faults are logged. */
static u32 nr_faults; /* of the last check */

static void check(void)
{
    nr_faults = mm_check();
}

static void key_check(void)
{
    if (sched_run_quiet(check))
        keys_printf("%u faults\n", nr_faults);
    else
        keys_printf("not checked: a CPU is busy for too long, or another check is under way\n");
}

#ifdef DEBUG
static void check_after_end(void)
{
    check();
    BUG_ON(nr_faults);
    log_debug("memory checked: no fault\n");
}

static void ask_for_check(void)
{
    sched_ask_quiet(check_after_end);
}
#endif

void domain_dump_init(void)
{
    keys_register('m', "memory and claims, by node and domain", key_memory);
    keys_register('d', "domains", key_domains);
    keys_register('v', "vCPUs", key_vcpus);
    keys_register('c', "CPUs: where they are, what they do", key_cpus);
    keys_register('e', "exit counts by kind", key_exits);
    keys_register('l', "locks that are held", key_locks);
    keys_register_for_line('k', "check of every list and sum of memory; all CPUs wait during it", key_check);
#ifdef DEBUG
    domain_ended = ask_for_check;
#endif
}
