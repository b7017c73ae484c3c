/*
 * What each CPU has in memory: one extent of 64 KiB on its own node, cut up as struct cpu_area says. Stacks
 * are used through mappings with a guard page below each. The boot CPU starts with a static area and moves
 * to its own as soon as there are nodes.
 */
#include <boot/boot.h>

#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/traps.h>
#include <lib/log.h>
#include <mm/mm.h>

#define AREA_ORDER 4u

struct cpu_area {
    struct {
        struct cpu cpu;
        struct cpu_tables tables;
    } ALIGNED(PAGE_SIZE) own;
    u8 virt_page[2][PAGE_SIZE]; /* hardware virtualization's */
    u8 run_stack[4 * PAGE_SIZE];
    u8 ist_stack[NR_IST][3 * PAGE_SIZE];
};
_Static_assert(sizeof(struct cpu_area) == PAGE_SIZE << AREA_ORDER, "an area is one extent");

static struct {
    struct cpu cpu;
    struct cpu_tables tables;
    u8 ist_stack[2 * PAGE_SIZE] ALIGNED(16); /* one for all: what happens so early does not nest */
} early;

void boot_cpu_early(void)
{
    early.cpu.tables = &early.tables;
    for (u32 i = 0; i < NR_IST; i++)
        early.cpu.ist_tops[i] = (u64)early.ist_stack + sizeof(early.ist_stack);
    early.cpu.state = CPU_ONLINE;
    traps_init();
    traps_load(&early.cpu);
    cpus[0] = &early.cpu;
    nr_cpus = 1;
}

static u64 map_stack(const u8 *memory, u64 size)
{
    return paging_map_stack(directmap_to_maddr(memory), size);
}

struct cpu *boot_cpu_area(nodeid_t nid)
{
    mfn_t m;

    if (mm_alloc(NULL, nid, AREA_ORDER, MM_OVERHEAD, &m))
        return NULL;
    struct cpu_area *area = mfn_to_virt(m);
    struct cpu *cpu = &area->own.cpu;
    cpu->nid = nid;
    cpu->tables = &area->own.tables;
    for (u32 i = 0; i < ARRAY_SIZE(cpu->hvm_page_maddr); i++)
        cpu->hvm_page_maddr[i] = directmap_to_maddr(area->virt_page[i]);
    cpu->stack_top = map_stack(area->run_stack, sizeof(area->run_stack));
    bool mapped = cpu->stack_top;
    for (u32 i = 0; i < NR_IST; i++) {
        cpu->ist_tops[i] = map_stack(area->ist_stack[i], sizeof(area->ist_stack[i]));
        mapped = mapped && cpu->ist_tops[i];
    }
    return mapped ? cpu : NULL; /* without page tables for stacks, the area's memory is no loss that counts */
}

void boot_cpu_settle(void)
{
    struct cpu *cpu = boot_cpu_area(early.cpu.nid);

    if (!cpu)
        panic("no memory for the boot CPU's stacks");
    cpu->id = early.cpu.id;
    cpu->apic_id = early.cpu.apic_id;
    cpu->state = CPU_ONLINE;
    traps_load(cpu);
    cpus[0] = cpu;
}
