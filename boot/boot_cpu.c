/* The boot CPU's own structures: descriptor tables and GS base first, guarded stacks once there is memory. */
#include <boot/boot.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/traps.h>

#define STACK_SIZE KIB(16)

static struct cpu boot_cpu;
static struct cpu_tables boot_cpu_tables;

void boot_cpu_early(void)
{
    static const u64 no_stacks[NR_IST];

    traps_init();
    traps_load(&boot_cpu, &boot_cpu_tables, no_stacks);
    cpus[0] = &boot_cpu;
    nr_cpus = 1;
}

static u64 make_stack(struct boot_ranges *free)
{
    u64 memory = boot_ranges_take(free, STACK_SIZE, PAGE_SIZE, MIB(1), DIRECTMAP_SIZE);
    u64 top = memory ? paging_map_stack(memory, STACK_SIZE) : 0;

    if (!top)
        panic("no memory for a stack");
    return top;
}

void boot_cpu_late(struct boot_ranges *free)
{
    u64 ist_tops[NR_IST];

    for (u32 i = 0; i < NR_IST; i++)
        ist_tops[i] = make_stack(free);
    traps_set_ist(&boot_cpu_tables, ist_tops);
    boot_cpu.stack_top = make_stack(free);
}
