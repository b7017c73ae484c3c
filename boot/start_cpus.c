/*
 * Finds the page from which CPUs start, gives each CPU its memory, starts them all and prints which are online.
 */
#include <boot/boot.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/apic_mode.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/tsc_sync.h>
#include <domain/domain.h>
#include <lib/log.h>

#define START_LOW    0x10000u /* some firmware writes to the first 64 KiB at any time */
#define START_HIGH   0xa0000u
#define START_BYTES  ((1 + PAGING_START_TABLES) * PAGE_SIZE) /* the code, and its page tables */
#define LINES_MAX    16u                                     /* more CPUs than that are shown by node */
#define EBDA_SEGMENT 0x40eu

static struct cpu *list[MAX_CPUS];

/* Is [at, +START_BYTES) RAM in all entries that touch it, and within one? */
static bool is_ram(const struct boot_info *info, u64 at)
{
    bool ram = false;

    for (u32 i = 0; i < info->nr_mem; i++) {
        const struct boot_mem *m = &info->mem[i];
        if (m->base >= at + START_BYTES || m->base + m->size <= at)
            continue;
        if (m->type != BOOT_MEM_RAM)
            return false;
        ram = ram || (m->base <= at && m->base + m->size >= at + START_BYTES);
    }
    return ram;
}

static bool is_used(const struct boot_info *info, u64 at)
{
    for (u32 i = 0; i < info->nr_modules; i++)
        if (info->modules[i].base < at + START_BYTES && info->modules[i].base + info->modules[i].size > at)
            return true;
    for (u32 i = 0; i < info->nr_used; i++)
        if (info->used[i].base < at + START_BYTES && info->used[i].base + info->used[i].size > at)
            return true;
    return false;
}

/* The topmost suitable pages; 0: none. A BIOS keeps data from the segment in the word at 0x40e upward, and not
 * every map reserves it. */
static u64 start_page(const struct boot_info *info)
{
    u64 high = START_HIGH;

    if (info->source == BOOT_FROM_MULTIBOOT && paging_is_mapped(DIRECTMAP_BASE)) {
        u64 ebda = (u64) * (const u16 *)maddr_to_virt(EBDA_SEGMENT) << 4;
        if (ebda >= START_LOW && ebda < high)
            high = ALIGN_DOWN(ebda, PAGE_SIZE);
    }
    for (u64 at = high - START_BYTES; at >= START_LOW; at -= PAGE_SIZE)
        if (is_ram(info, at) && !is_used(info, at))
            return at;
    return 0;
}

/* apic_mode.h */
static void choose_apic_mode(const struct topology *topo, enum x2apic_choice wanted)
{
    u32 nr_high = 0;

    for (u32 i = 0; i < topo->nr_cpus; i++)
        nr_high += topo->cpus[i].apic_id > XAPIC_MAX_ID;
    if (apic_choose_mode(wanted == WANT_X2APIC, nr_high)) {
        if (wanted == WANT_X2APIC)
            log_warn("this CPU has no x2APIC mode\n");
        if (nr_high)
            log_warn("%u CPUs have APIC ids above %u, and this CPU has no x2APIC: they are left out\n",
                     nr_high, XAPIC_MAX_ID);
    }
    if (wanted == WANT_XAPIC && apic_in_x2apic_mode())
        log_warn("x2apic=off does not hold: %s\n", nr_high ? "APIC ids above 254 need x2APIC mode"
                                                   : apic_is_locked()
                                                       ? "the firmware has locked x2APIC mode on"
                                                       : "the firmware has entered x2APIC mode");
}

static void prepare(const struct topology *topo, const struct boot_options *options)
{
    u32 no_memory = 0;

    list[0] = this_cpu();
    for (u32 i = 1; i < topo->nr_cpus; i++) {
        if (topo->cpus[i].apic_id > XAPIC_MAX_ID && !apic_in_x2apic_mode())
            continue;
        list[i] = boot_cpu_area(topo->cpus[i].nid);
        if (!list[i]) {
            no_memory++;
            continue;
        }
        list[i]->id = i;
        list[i]->apic_id = topo->cpus[i].apic_id;
        if (i < 64 &&
            options->test_cpu_fail & BIT(i)) /* debug builds only: call one that is not there instead */
            list[i]->apic_id = XAPIC_MAX_ID;
    }
    if (no_memory)
        log_warn("no memory for %u CPUs: they are left out\n", no_memory);
}

/* "0-3,5" of the CPUs on a node that are online. Prints it a piece at a time. */
static void print_node(const struct topology *topo, nodeid_t nid)
{
    u32 count = 0;

    for (u32 i = 0; i < topo->nr_cpus; i++)
        count += topo->cpus[i].nid == nid && cpus[i];
    if (!count)
        return;
    log_info("  Node %-3u      %3u CPUs:", nid, count);
    for (u32 i = 0, first = 0; i <= topo->nr_cpus; i++) {
        bool in = i < topo->nr_cpus && topo->cpus[i].nid == nid && cpus[i];
        bool before = i && topo->cpus[i - 1].nid == nid && cpus[i - 1];
        if (in && !before)
            first = i;
        if (in || !before)
            continue;
        if (first == i - 1)
            log_info(" %u", first);
        else
            log_info(" %u-%u", first, i - 1);
    }
    log_info("\n");
}

static void report(const struct topology *topo, u32 nr_found, u32 online)
{
    static const char *const names[] = {[CPU_OFF] = "off", [CPU_ONLINE] = "online", [CPU_FAILED] = "failed"};

    log_info("CPUs            %u found, %u online, %s mode\n", nr_found, online,
             apic_in_x2apic_mode() ? "x2APIC" : "xAPIC");
    for (u32 i = 0; i < topo->nr_cpus; i++)
        if (list[i] && list[i]->state == CPU_FAILED)
            log_warn("CPU %u (APIC %u, node %u) is left out: %s\n", i, topo->cpus[i].apic_id,
                     topo->cpus[i].nid, list[i]->failure);
    if (online <= LINES_MAX)
        for_each_cpu (id)
            log_info("  CPU %-3u       APIC %u on node %u\n", id, cpus[id]->apic_id, cpus[id]->nid);
    else
        for (nodeid_t nid = 0; nid < topo->nr_nodes; nid++)
            print_node(topo, nid);
    /* Beyond topo->nr_cpus are those that maxcpus= left out. */
    for (u32 i = 0; i < nr_found; i++)
        log_fact("@cpu id=%u apic_id=%u node=%u state=%s\n", i, topo->cpus[i].apic_id, topo->cpus[i].nid,
                 names[i < topo->nr_cpus && list[i] ? list[i]->state : CPU_OFF]);
    log_fact("@cpus found=%u online=%u\n", nr_found, online);
}

void boot_smp_start(const struct boot_info *info, const struct topology *topo, u32 nr_found,
                    const struct boot_options *options)
{
    u64 page = start_page(info);
    u32 online = 1;

    choose_apic_mode(topo, options->x2apic);
    prepare(topo, options);
    if (page)
        online = smp_start(list, topo->nr_cpus, page, &boot_smp_ops);
    else if (topo->nr_cpus > 1)
        log_warn("no RAM below 1 MiB from which CPUs could start: the boot CPU is alone\n");
    sched_set_kick(smp_kick);
    for_each_cpu (id)
        if (sched_cpu_init(cpus[id]))
            panic("no memory for the run queue of CPU %u", id);
    if (online < topo->nr_cpus)
        boot_degrade(BOOT_FEWER_CPUS);
    report(topo, nr_found, online);
    tsc_sync_check();
}
