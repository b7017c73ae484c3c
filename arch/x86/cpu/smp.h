/*
 * The other CPUs: starting them, and waking them.
 *
 * A CPU's id is its place in the topology's list (boot CPU first, then the MADT's order), whether or not its
 * neighbours came up: cpus[id] is NULL for one that did not. Loops go through for_each_cpu().
 */
#ifndef CPU_SMP_H
#define CPU_SMP_H

#include <arch/x86/cpu/percpu.h>
#include <lib/spinlock.h>

/* clang-format off */
#define for_each_cpu(id) \
    for (u32 id = 0; id < nr_cpus; id++) \
        if (!cpus[id]) \
            ; \
        else
/* clang-format on */

/* Functions of the layers above that a started CPU runs. */
struct smp_start_ops {
    int (*enable)(void);        /* on its own stack, interrupts off; not 0: the CPU is left out */
    NORETURN void (*run)(void); /* once released */
};

/*
 * Starts list[1] to list[nr - 1], NULL being left out, all at once. Each is prepared: id, apic_id, nid,
 * stack_top, ist_tops, tables. trampoline_page: machine address of 1 + PAGING_START_TABLES pages of RAM
 * below 1 MiB that nothing else uses from now on, mapped in the direct map. Afterwards cpus[] and nr_cpus are set, and each list[i]->state
 * is CPU_ONLINE or CPU_FAILED with its reason in failure; a failed CPU's memory must stay untouched. Boot CPU
 * only, time_init() done. Returns how many are online, this one included; they sleep until smp_release().
 */
u32 smp_start(struct cpu *const list[], u32 nr, u64 trampoline_page, const struct smp_start_ops *ops);
void smp_release(void);
/* How long to wait for a sign of life of any other CPU; longer under an emulator, whose host schedules CPUs. */
u64 smp_patience_ns(void);
/* Has a CPU that waits for smp_release() run job(); one at a time. */
void smp_give_job(struct cpu *cpu, void (*job)(void));
/* Waits until it is done. False: it takes more than a minute. */
bool smp_await_job(const struct cpu *cpu);

/* Makes a CPU leave its guest or its sleep; its run loop then looks at need_resched. Any CPU may call. */
void smp_kick(u32 cpu_id);

#endif
