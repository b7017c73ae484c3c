/* boot_main() and what it calls in boot/. No other folder includes this. */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <homestead/boot_info.h>
#include <homestead/topology.h>
#include <arch/x86/cpu/percpu.h>
#include <boot/boot_ranges.h>
#include <boot/options.h>

/* Entries from assembly. */
NORETURN void boot_from_multiboot(u32 magic, u32 info_maddr, u64 tsc);
NORETURN void boot_from_uefi(u64 info_maddr, u64 tsc);

/* Every way in ends here. info is complete and in Homestead's own memory. */
NORETURN void boot_main(struct boot_info *info);

/*
 * degraded.c: why this machine is less than its firmware describes, for domain 0's verdict. What options ask for
 * is no reason. Whoever sets one prints a warning with the cause.
 */
enum boot_reason {
    BOOT_WITHOUT_ACPI,
    BOOT_FEWER_CPUS,
    BOOT_FEWER_NODES,
    BOOT_LESS_MEMORY,
};
void boot_degrade(enum boot_reason reason);
/* domain 0's command line, after degraded=REASON,... if there are reasons. Prints them. */
const char *boot_dom0_cmdline(const char *cmdline);

/* cpu_memory.c: descriptor tables, GS base and stacks of the boot CPU; once there are nodes, moves them to its
 * own memory. */
void boot_cpu_early(void);
void boot_cpu_settle(void);
/* Memory of one CPU, on that node or the nearest that has some: nid, stacks, tables and virtualization's
 * pages are set. NULL: none. */
struct cpu *boot_cpu_area(nodeid_t nid);

/* start_cpus.c: starts and reports all CPUs of topo, the boot CPU being its first. nr_found: with those after
 * topo->nr_cpus that maxcpus= leaves out. They sleep until smp_release(). */
void boot_smp_start(const struct boot_info *info, const struct topology *topo, u32 nr_found,
                    const struct boot_options *options);

/* enter_run_loop.c: the last steps of every CPU: the watchdog over the next CPU, the faults that tests ask for, the run
 * loop. */
void boot_run_init(const struct boot_options *options);
/* The boot CPU's last step, on its own stack: gives memory back, @boot, releases the others, its run loop. */
NORETURN void boot_finish(void);
/* give_back.c: what only booting needs, if the firmware's map has the image in RAM. */
extern bool boot_image_has_frames;
void boot_give_back(void);
/* RAM with frames that was counted as reserved until now. */
void boot_add_free(u64 start, u64 end);
/* An operation of smp_start(). */
extern const struct smp_start_ops boot_smp_ops;
extern u64 boot_tsc_entry; /* TSC at the hypervisor's first instruction */

/* memory_setup.c: free RAM from the memory map, final page tables, nodes, frame table, allocator. */
void boot_memory_map(const struct boot_info *info, struct boot_ranges *free);
/* Is there RAM with frames in [start, end)? */
bool boot_memory_has_ram(u64 start, u64 end);
void boot_memory_paging(const struct boot_info *info, struct boot_ranges *free);
void boot_memory_nodes(const struct boot_info *info, const struct topology *topo, struct boot_ranges *free);
/* @memory: what has become of the firmware's RAM. Warns if the figures do not add up. */
void boot_memory_report(const struct boot_info *info);
/* Modules have been copied into domain 0: their memory, and what else the loader used, becomes free. */
void boot_memory_reclaim(const struct boot_info *info);

/* host_topology.c: sets host_topology, to a copy. */
void boot_topology_set(const struct topology *t);
/* Registers the debug console's t. */
void boot_topology_keys(void);

#endif
