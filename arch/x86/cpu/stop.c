/*
 * At the end of a run one CPU, the speaker, prints, and all others are stopped. Each of them stores in its own
 * struct cpu where it was, and halts; the speaker reads their stacks, which no longer change.
 *
 * Everything here is bounded in time and takes no lock: a dead CPU never releases what it holds.
 */
#include <arch/x86/cpu/stop.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/cpu/wait.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <lib/spinlock.h>

#define NOBODY       0xffffffffu
#define DETAILED_MAX 32u /* backtraces printed; more would hide the first ones */

enum stop_phase { STOP_NO, STOP_GENTLY, STOP_NOW };

void (*stop_name_guest)(const struct hvm_vcpu *v, char *out, size_t size);

static u32 speaker = NOBODY; /* [a] CPU id */
static u32 phase;            /* [a] enum stop_phase */

void stop_begin(void)
{
    u32 expected = NOBODY, me = this_cpu()->id;

    if (__atomic_compare_exchange_n(&speaker, &expected, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
        expected == me)
        return;
    cpu_halt(); /* the speaker's NMI stops it here */
}

bool stop_begun(void)
{
    return __atomic_load_n(&speaker, __ATOMIC_ACQUIRE) != NOBODY;
}

void stop_if_asked(u64 rip, u64 rbp, bool by_nmi)
{
    struct cpu *cpu = this_cpu();
    u32 asked = __atomic_load_n(&phase, __ATOMIC_ACQUIRE);

    if (asked == STOP_NO || (asked == STOP_NOW && !by_nmi) || cpu->id == speaker)
        return;
    cpu->stop_rip = rip;
    cpu->stop_rbp = cpu->in_guest ? 0 : rbp; /* a guest's RBP is no frame of Homestead */
    __atomic_store_n(&cpu->stopped, true, __ATOMIC_RELEASE);
    cpu_halt();
}

void cpu_relax(void)
{
    __builtin_ia32_pause();
    stop_if_asked((u64)cpu_relax, (u64)__builtin_frame_address(0), false);
    if (unlikely(wait_in_vain(this_cpu())) && !stop_begun())
        panic("CPU %u has waited for another CPU for %u s", this_cpu()->id, WAIT_MAX_SECS);
}

/* spin_relax(): cpu_relax() that changes no register. */
void cpu_relax_keeping(void);
__attribute__((no_caller_saved_registers)) void cpu_relax_keeping(void)
{
    cpu_relax();
}

static u32 count_moving(void)
{
    u32 moving = 0;

    for_each_cpu (id)
        moving += cpus[id] != this_cpu() && !__atomic_load_n(&cpus[id]->stopped, __ATOMIC_ACQUIRE);
    return moving;
}

/* Waits until all are stopped, or until none has stopped for a while. Returns how many are not. */
static u32 await_stopped(void)
{
    u64 last_ns = time_now_ns(), patience = smp_patience_ns();
    u32 before = count_moving(), moving = before;

    while (moving && time_now_ns() - last_ns < patience) {
        __builtin_ia32_pause();
        moving = count_moving();
        if (moving != before) {
            before = moving;
            last_ns = time_now_ns();
        }
    }
    return moving;
}

static void ask(bool by_nmi)
{
    __atomic_store_n(&phase, by_nmi ? STOP_NOW : STOP_GENTLY, __ATOMIC_SEQ_CST);
    for_each_cpu (id) {
        if (cpus[id] == this_cpu() || __atomic_load_n(&cpus[id]->stopped, __ATOMIC_ACQUIRE))
            continue;
        if (by_nmi)
            apic_send_nmi(cpus[id]->apic_id);
        else
            apic_send(cpus[id]->apic_id, VECTOR_WAKE);
    }
}

u32 stop_others(bool gently)
{
    u32 moving = count_moving();

    if (moving && gently) {
        ask(false);
        moving = await_stopped();
    }
    if (moving) {
        ask(true);
        moving = await_stopped();
    }
    return moving;
}

static void print_one(const struct cpu *cpu)
{
    char guest[24] = "";

    if (cpu->guest && (cpu->in_guest || cpu->current) && stop_name_guest)
        stop_name_guest(cpu->guest, guest, sizeof(guest));
    log_error("CPU %u (node %u): %s%s\n", cpu->id, cpu->nid,
              cpu->in_guest ? "guest "
              : guest[0]    ? "hypervisor, for guest "
                            : "hypervisor",
              guest);
    backtrace_print(cpu->stop_rip, cpu->stop_rbp);
}

/* "CPUs 1-3 7: what": those for which is() holds, in one line. */
static void print_list(const char *what, bool (*is)(const struct cpu *cpu))
{
    u32 first = NOBODY, printed = 0;

    for (u32 id = 0; id <= nr_cpus; id++) {
        bool in = id < nr_cpus && cpus[id] && cpus[id] != this_cpu() && is(cpus[id]);
        if (in && first == NOBODY)
            first = id;
        if (in || first == NOBODY)
            continue;
        log_error(first == id - 1 ? "%s %u" : "%s %u-%u", printed++ ? "" : "CPUs", first, id - 1);
        first = NOBODY;
    }
    if (printed)
        log_error(": %s\n", what);
}

static bool is_silent(const struct cpu *cpu)
{
    return !__atomic_load_n(&cpu->stopped, __ATOMIC_ACQUIRE);
}

static bool slept(const struct cpu *cpu)
{
    return !is_silent(cpu) && cpu->idle;
}

static bool was_busy(const struct cpu *cpu)
{
    return !is_silent(cpu) && !cpu->idle;
}

static u32 first_left_out; /* the first CPU id after those shown in detail */

static bool busy_left_out(const struct cpu *cpu)
{
    return cpu->id >= first_left_out && was_busy(cpu);
}

void stop_print(void)
{
    u32 detailed = 0;

    log_error("The other CPUs:\n");
    for (first_left_out = 0; first_left_out < nr_cpus && detailed < DETAILED_MAX; first_left_out++) {
        const struct cpu *cpu = cpus[first_left_out];
        if (!cpu || cpu == this_cpu() || !was_busy(cpu))
            continue;
        print_one(cpu);
        detailed++;
    }
    print_list("busy, too many to show", busy_left_out);
    print_list("idle", slept);
    print_list("no answer to an NMI", is_silent);
}
