/*
 * Starting the other CPUs, all at once: INIT to each, one wait, a start-up IPI to each, a second one to those
 * that have not been seen. What a CPU needs is prepared by the caller in its struct cpu; nothing is
 * allocated here. Until they are released, CPUs that have arrived sleep.
 *
 * A CPU that was given up may still start: the trampoline, its tables and smp_slots stay, so that it finds its slot
 * empty.
 */
#include <arch/x86/cpu/smp.h>

#include <homestead/init.h>
#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/nmi.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/spec_ctrl.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/traps.h>
#include <lib/string.h>

#define INIT_WAIT_US         10000u /* SDM 3A 9.4.4.1 */
#define STARTUP_WAIT_US      200u
#define POLL_NS              1000000ull
#define JOB_NS               60000000000ull
#define PATIENCE_NS          1000000000ull
#define PATIENCE_EMULATED_NS 5000000000ull

extern char trampoline_start[], trampoline_end[], trampoline_root[], trampoline_gdtr_base[],
    trampoline_target32[], trampoline_target64[];

void smp_cpu_entry(struct cpu *cpu);

/* trampoline.asm reads these: APIC ids of the CPUs that may start, and the struct cpu of each. Emptied if all did. */
SIZED u32 smp_ids[MAX_CPUS];
SIZED struct cpu *smp_slots[MAX_CPUS];
u32 smp_nr_slots;
SIZED_BY(smp_ids, smp_nr_slots, 0);
SIZED_BY(smp_slots, smp_nr_slots, 0);

static const struct smp_start_ops *start_ops; /* [I] */
static bool released;                         /* [a] */
static u32 nr_arrived;                        /* [a] or failed on the way */

/* Leaves CPU_STARTING, once: set by the CPU itself, or by the boot CPU that gives it up. False: the other was first. */
static bool settle(struct cpu *cpu, enum cpu_state state)
{
    u32 expected = CPU_STARTING;

    return __atomic_compare_exchange_n(&cpu->state, &expected, state, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

u64 smp_patience_ns(void)
{
    return cpuid(1, 0).ecx & BIT(31) ? PATIENCE_EMULATED_NS : PATIENCE_NS;
}

static enum cpu_state state_of(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE);
}

/* From trampoline.asm, on the stack of the run loop. */
NORETURN void smp_cpu_entry(struct cpu *cpu)
{
    paging_activate();
    traps_load(cpu);
    machine_check_init();
    cpu->failure = apic_init_other();
    if (!cpu->failure && start_ops->enable())
        cpu->failure = "hardware virtualization cannot be enabled on it";
    else
        cpu->failure = spec_ctrl_cpu_init();
    bool wanted = settle(cpu, cpu->failure ? CPU_FAILED : CPU_ARRIVED);
    __atomic_fetch_add(&nr_arrived, 1, __ATOMIC_RELEASE);
    if (!wanted || cpu->failure)
        cpu_halt();
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE)) {
        void (*job)(void) = __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE);
        if (job) {
            job();
            __atomic_store_n(&cpu->job, NULL, __ATOMIC_RELEASE);
        }
        cpu_idle(true);
    }
    paging_flush(); /* the boot CPU has changed mappings */
    start_ops->run();
}

static INIT void place_trampoline(u64 page)
{
    char *const addresses[] = {trampoline_gdtr_base, trampoline_target32, trampoline_target64};
    u8 *to = maddr_to_virt(page);
    u32 root = (u32)paging_start_tables(page);

    memcpy(to, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    memcpy(to + (trampoline_root - trampoline_start), &root, sizeof(root));
    for (u32 i = 0; i < ARRAY_SIZE(addresses); i++) { /* offsets become addresses */
        u8 *field = to + (addresses[i] - trampoline_start);
        u32 value;
        memcpy(&value, field, sizeof(value));
        value += (u32)page;
        memcpy(field, &value, sizeof(value));
    }
}

/* Sleeps until all have arrived, or none has for a while. Spinning would take time from the starting CPUs where an
 * emulator runs them all on few CPUs of its host. */
static INIT void await_arrivals(u32 wanted)
{
    u64 patience = smp_patience_ns();
    u64 last_ns = time_now_ns();
    u32 seen = 0;

    for (;;) {
        u32 now = __atomic_load_n(&nr_arrived, __ATOMIC_ACQUIRE);
        if (now == wanted)
            break;
        if (now != seen) {
            seen = now;
            last_ns = time_now_ns();
        } else if (time_now_ns() - last_ns > patience) {
            break;
        }
        time_arm_ns(time_now_ns() + POLL_NS);
        cpu_idle(true);
    }
    time_arm_ns(0);
    this_cpu()->timer_fired = false;
}

/* True: the CPU can no longer start. False: it has taken its slot and is on the way. */
static INIT bool give_up(u32 slot)
{
    return __atomic_exchange_n(&smp_slots[slot], NULL, __ATOMIC_ACQ_REL) != NULL;
}

/* For a CPU that is on the way. False: it cannot be used. */
static INIT bool await_state(struct cpu *cpu)
{
    u64 end_ns = time_now_ns() + PATIENCE_EMULATED_NS;

    while (state_of(cpu) == CPU_STARTING && time_now_ns() < end_ns)
        cpu_relax();
    if (settle(cpu, CPU_FAILED))
        cpu->failure = "it stopped on the way";
    return state_of(cpu) == CPU_ARRIVED;
}

static INIT void send_for(u32 nr, u8 page)
{
    if (!nr)
        return; /* none to wait for */
    for (u32 i = 0; i < nr; i++)
        apic_send_init(smp_ids[i]);
    time_delay_us(INIT_WAIT_US);
    for (u32 i = 0; i < nr; i++)
        apic_send_startup(smp_ids[i], page);
    time_delay_us(STARTUP_WAIT_US);
    for (u32 i = 0; i < nr; i++)
        if (__atomic_load_n(&smp_slots[i], __ATOMIC_RELAXED))
            apic_send_startup(smp_ids[i], page);
}

INIT u32 smp_start(struct cpu *const list[], u32 nr, u64 trampoline_page, const struct smp_start_ops *ops)
{
    u32 wanted = 0, online = 1;

    start_ops = ops;
    for (u32 i = 1; i < nr; i++) {
        if (!list[i])
            continue;
        list[i]->state = CPU_STARTING;
        smp_ids[wanted] = list[i]->apic_id;
        __atomic_store_n(&smp_slots[wanted++], list[i], __ATOMIC_RELEASE);
    }
    smp_nr_slots = wanted;
    place_trampoline(trampoline_page);
    send_for(wanted, (u8)(trampoline_page >> PAGE_SHIFT));
    await_arrivals(wanted);
    for (u32 i = 1, slot = 0; i < nr; i++) {
        struct cpu *cpu = list[i];
        if (!cpu)
            continue;
        if (give_up(slot++)) {
            cpu->failure = "it did not come up";
            cpu->state = CPU_FAILED;
            continue;
        }
        if (!await_state(cpu))
            continue;
        cpu->state = CPU_ONLINE;
        cpus[i] = cpu;
        online++;
    }
    if (online == wanted + 1)
        smp_nr_slots = 0;
    nr_cpus = nr;
    return online;
}

void smp_kick(u32 cpu_id)
{
    apic_send(cpus[cpu_id]->apic_id, VECTOR_WAKE);
}

void smp_give_job(struct cpu *cpu, void (*job)(void))
{
    __atomic_store_n(&cpu->job, job, __ATOMIC_RELEASE);
    smp_kick(cpu->id);
}

bool smp_await_job(const struct cpu *cpu)
{
    u64 end_ns = time_now_ns() + JOB_NS;

    while (__atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE))
        if (time_now_ns() > end_ns)
            return false;
        else
            cpu_relax();
    return true;
}

void smp_release(void)
{
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    for_each_cpu (id)
        if (id != this_cpu()->id)
            smp_kick(id);
}
