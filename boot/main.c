/*
 * boot_main(): initializes the layers from the bottom up, prints a line for each, and ends in the run loop.
 * Nothing is called before what it depends on.
 */
#include <boot/boot.h>

#include <arch/x86/acpi/acpi.h>
#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/efi_runtime.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/nmi.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/spec_ctrl.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/wall_clock.h>
#include <boot/multiboot.h>
#include <domain/domain.h>
#include <domain/debug/dump.h>
#include <domain/debug/key_poll.h>
#include <hypercall/hypercall.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/mm.h>

#define QEMU_DEBUG_EXIT_PORT 0xf4u
#define UART_DIVISOR         1u /* 115,200 baud */

static const u16 usual_ports[] = {0x3f8, 0x2f8};

static struct boot_options options;
static struct boot_ranges free_ram;
static struct acpi_info acpi;
static u32 nr_cpus_found; /* with those that maxcpus= leaves out */

static void report_option(enum log_level level, const char *sentence)
{
    printk(level, "%s\n", sentence);
}

static bool add_serial_line(const struct serial_options *s)
{
    static const u8 parities[] = {['n'] = 0x00, ['o'] = 0x08, ['e'] = 0x18, ['m'] = 0x28, ['s'] = 0x38};
    u32 lcr = (s->data_bits - 5u) | (s->stop_bits - 1u) << 2 | parities[(u8)s->parity];

    return console_add(s->port, (u16)(s->baud ? s->base / s->baud : 0), (u8)lcr);
}

/* Returns a mask of the lines that are asked for and do not answer. If none answers, whoever asked listens elsewhere. */
static u32 start_serial(void)
{
    u32 silent = 0;

    for (u32 i = 0; i < OPTIONS_SERIAL_LINES; i++)
        if ((options.console & BIT(i)) && !add_serial_line(&options.com[i]))
            silent |= BIT(i);
    if (silent == options.console && silent)
        for (u32 i = 0; i < ARRAY_SIZE(usual_ports); i++)
            console_add(usual_ports[i], UART_DIVISOR, CONSOLE_LCR_8N1);
    return silent;
}

static void report_silent(u32 silent)
{
    for (u32 i = 0; i < OPTIONS_SERIAL_LINES; i++)
        if (silent & BIT(i))
            log_warn("com%u: no serial line answers at 0x%x%s\n", i + 1, options.com[i].port,
                     silent == options.console ? ": printing on 0x3f8 and 0x2f8" : "");
}

/* isa-debug-exit is looked for only where the CPU says that it is QEMU's TCG or KVM. */
static bool under_qemu(void)
{
    struct cpuid_leaf leaf;
    char signature[13] = "";

    if (!(cpuid(1, 0).ecx & BIT(31)))
        return false;
    leaf = cpuid(0x40000000, 0);
    memcpy(signature, &leaf.ebx, 4);
    memcpy(signature + 4, &leaf.ecx, 4);
    memcpy(signature + 8, &leaf.edx, 4);
    return !strcmp(signature, "TCGTCGTCGTCG") || !strcmp(signature, "KVMKVMKVM");
}

static void start_console(const struct boot_info *info)
{
    options_parse(info->cmdline, &options, NULL);
    u32 silent = start_serial();
    console_set_level(options.loglvl);
    machine_end_config = (struct machine_end_config){
        .noreboot = options.noreboot,
        .efi_system_table = info->efi_system_table,
        .debug_exit_port =
            options.debug_exit_auto ? (under_qemu() ? QEMU_DEBUG_EXIT_PORT : 0) : options.debug_exit_port,
    };
    log_info("\nHomestead 0.1 - a hypervisor with memory claims for NUMA machines\n\n");
    log_info("Loader          %s\n", info->loader[0] ? info->loader : "unknown");
    log_info("Options         %s\n", info->cmdline[0] ? info->cmdline : "(none)");
    options_parse(info->cmdline, &options, report_option);
    report_silent(silent);
    if (info->strings_cut)
        log_warn("%u command lines are too long: what follows the first %u characters is ignored\n",
                 info->strings_cut, BOOT_CMDLINE_MAX - 1);
    if (info->fb.base)
        log_info("Framebuffer     %ux%u at 0x%lx\n", info->fb.width, info->fb.height, info->fb.base);
}

static const void *map_table(void *ctx, u64 maddr, u64 len)
{
    (void)ctx;
    return paging_map_firmware(maddr, len);
}

static void report_no_acpi(const struct boot_info *info)
{
    boot_degrade(BOOT_WITHOUT_ACPI);
    if (multiboot_is_on_uefi(info))
        log_warn(
            "booted by Multiboot on a UEFI machine: the firmware's ACPI tables are not handed over that way; "
            "start BOOTX64.EFI (GRUB: chainloader) instead\n");
    log_warn("ACPI: no tables found: one node, one CPU\n");
}

static void read_acpi(const struct boot_info *info)
{
    static const struct acpi_mapper mapper = {.map = map_table, .has_ram = boot_memory_has_ram};
    int rc = acpi_init(&acpi, &mapper, info->rsdp);

    if (!rc && acpi.lost_cpus)
        boot_degrade(BOOT_FEWER_CPUS);
    if (!options.numa)
        acpi_topology_flatten(&acpi.topology);
    else if (acpi.lost_nodes)
        boot_degrade(BOOT_FEWER_NODES);
    if (acpi.fadt.has_reset) {
        machine_end_config.have_reset_register = true;
        machine_end_config.reset_space = (u8)acpi.fadt.reset.space;
        machine_end_config.reset_address = acpi.fadt.reset.address;
        machine_end_config.reset_value = acpi.fadt.reset_value;
        if (acpi.fadt.reset.space == ACPI_SPACE_MEMORY)
            machine_end_config.reset_register = paging_map_device(acpi.fadt.reset.address, 1);
    }
    if (rc)
        report_no_acpi(info);
    else
        log_info("ACPI            %s at 0x%lx, %u tables, by %s\n",
                 acpi.tables.root_is_xsdt ? "XSDT" : "RSDT", acpi.tables.root, acpi.tables.nr,
                 acpi.tables.oem_id);
    if (!acpi.topology.have_srat)
        log_info("NUMA            %s: one node\n", options.numa ? "no SRAT" : "switched off");
}

/* CPU ids are places in the topology's list, and the boot CPU is 0 wherever the MADT has it. */
static void boot_cpu_first(struct topology *topo, u32 boot_apic_id)
{
    struct topology_cpu boot = {.apic_id = boot_apic_id};
    u32 at = 0;

    while (at < topo->nr_cpus && topo->cpus[at].apic_id != boot_apic_id)
        at++;
    if (at < topo->nr_cpus) {
        boot = topo->cpus[at];
    } else {
        log_warn("the MADT does not list this CPU, APIC id %u: put on node 0\n", boot_apic_id);
        if (at == MAX_CPUS)
            at--;
        else
            topo->nr_cpus++;
    }
    memmove(&topo->cpus[1], &topo->cpus[0], at * sizeof(boot));
    topo->cpus[0] = boot;
}

static void start_clocks(const struct boot_info *info)
{
    struct cpu *cpu = this_cpu();
    bool pm_port = acpi.fadt.has_pm_timer && acpi.fadt.pm_timer.space == ACPI_SPACE_IO;

    pic_disable();
    if (apic_init(acpi.madt.lapic_base))
        panic("this CPU has no usable local APIC");
    cpu->apic_id = apic_id();
    if (!acpi.have_madt)
        acpi.topology.cpus[0].apic_id = cpu->apic_id; /* the one CPU that must be there was made up */
    boot_cpu_first(&acpi.topology, cpu->apic_id);
    cpu->nid = acpi.topology.cpus[0].nid;
    nr_cpus_found = acpi.topology.nr_cpus;
    if (options.maxcpus && options.maxcpus < acpi.topology.nr_cpus) {
        log_info("CPUs            %u left out by maxcpus=\n", acpi.topology.nr_cpus - options.maxcpus);
        acpi.topology.nr_cpus = options.maxcpus;
    }
    time_init(pm_port ? (u16)acpi.fadt.pm_timer.address : 0);
    wall_clock_init(&info->time, !acpi.fadt.no_cmos, acpi.fadt.century);
}

/* Those that run. */
static u32 node_cpus(const struct topology *topo, nodeid_t nid)
{
    u32 count = 0;

    for (u32 i = 0; i < topo->nr_cpus; i++)
        count += cpus[i] && topo->cpus[i].nid == nid;
    return count;
}

static void print_nodes(const struct topology *topo)
{
    for (nodeid_t nid = 0; nid < topo->nr_nodes; nid++) {
        struct mm_node_info info;
        mm_node_get_info(nid, &info);
        log_info("Node %-3u        %6lu MiB, %6lu MiB free, %3u CPUs, proximity domain %u\n", nid,
                 info.size_pages >> 8, info.free_pages >> 8, node_cpus(topo, nid), topo->pxm[nid]);
        log_fact("@node id=%u pxm=%u pages=%lu free=%lu cpus=%u\n", nid, topo->pxm[nid], info.size_pages,
                 info.free_pages, node_cpus(topo, nid));
    }
    for (nodeid_t from = 0; from < topo->nr_nodes; from++)
        for (nodeid_t to = 0; to < topo->nr_nodes; to++)
            log_fact("@distance from=%u to=%u value=%u\n", from, to, topo->distance[from][to]);
}

static void start_virtualization(void)
{
    if (hvm_init(options.ept_exec_sp))
        panic("no hardware virtualization: domain 0 cannot run");
}

/* The host's map as E820 says it: UEFI's runtime regions are reserved. */
static u32 make_e820(const struct boot_info *info, struct e820_entry *out, u32 max)
{
    u32 nr = 0;

    for (u32 i = 0; i < info->nr_mem && nr < max; i++) {
        u32 type = info->mem[i].type > BOOT_MEM_UNUSABLE ? BOOT_MEM_RESERVED : info->mem[i].type;
        out[nr++] = (struct e820_entry){.addr = info->mem[i].base, .size = info->mem[i].size, .type = type};
    }
    return nr;
}

/* The image's arguments, and what follows -- on the hypervisor's command line, as on Xen. */
static const char *dom0_cmdline(const struct boot_info *info)
{
    static char joined[2 * BOOT_CMDLINE_MAX];
    const char *more = options_for_dom0(info->cmdline), *own = info->modules[0].cmdline;

    snprintf(joined, sizeof(joined), "%s%s%s", own, *own && *more ? " " : "", more);
    return joined;
}

static void start_dom0(const struct boot_info *info)
{
    static struct e820_entry e820[BOOT_MEM_MAX];
    static char module_cmdline[BOOT_CMDLINE_MAX];
    const struct boot_module *image = &info->modules[0], *module = &info->modules[1];
    u32 online = 0;

    for_each_cpu (id)
        online++;
    if (!info->nr_modules)
        panic("no domain 0: the loader passed no module");
    if (info->nr_modules > 2)
        log_warn("domain 0 gets one module: %u more are ignored\n", info->nr_modules - 2);
    /* As on Xen: the kernel's name is taken off its arguments, the module's string stays whole. */
    snprintf(module_cmdline, sizeof(module_cmdline), "%s%s%s", module->name,
             module->name[0] && module->cmdline[0] ? " " : "", module->cmdline);
    const struct dom0_config config = {
        .image_maddr = image->base,
        .image_size = image->size,
        .cmdline = boot_dom0_cmdline(dom0_cmdline(info)),
        .module_maddr = module->base,
        .module_size = info->nr_modules > 1 ? module->size : 0,
        .module_cmdline = module_cmdline,
        .mem_bytes = options.dom0_mem_bytes,
        .max_vcpus = MAX(options.dom0_min_vcpus, MIN(online, options.dom0_max_vcpus)),
        .nodes = options.dom0_nodes,
        .host_e820 = e820,
        .nr_host_e820 = make_e820(info, e820, ARRAY_SIZE(e820)),
    };
    int rc = dom0_build(&config);
    if (rc)
        panic("domain 0 cannot be built (error %d)", -rc);
    boot_memory_reclaim(info);
}

static void start_keys(void)
{
    if (!options.console)
        return;
    key_poll_init(options.test_stuck);
    if (!options.debugkeys)
        return;
    keys_init();
    domain_dump_init();
    boot_topology_keys();
    log_info("Debug console   three times Ctrl-A, then h for help\n");
}

/* Leaves the boot stack for one with a guard page. */
static NORETURN void continue_on(u64 stack_top, void (*next)(void))
{
    __asm__ volatile("movq %0, %%rsp\n\txorl %%ebp, %%ebp\n\tcallq *%1\n\tud2"
                     :
                     : "r"(stack_top), "r"(next)
                     : "memory");
    __builtin_unreachable();
}

NORETURN void boot_main(struct boot_info *info)
{
    extern char image_start[], image_end[];

    boot_tsc_entry = info->tsc_entry;
    info->image_size = (u64)(image_end - image_start);
    boot_cpu_early();
    start_console(info);
    boot_memory_map(info, &free_ram);
    boot_memory_paging(info, &free_ram);
    if (efi_runtime_init(info))
        log_warn("no memory for UEFI runtime calls: reset by hardware only\n");
    read_acpi(info);
    start_clocks(info);
    boot_topology_set(&acpi.topology);
    boot_memory_nodes(info, &acpi.topology, &free_ram);
    mm_set_idle_scrub(options.idle_scrub);
    claim_set_legacy_default(options.legacy_claims);
    boot_cpu_settle();
    machine_check_init();
    start_virtualization();
    spec_ctrl_init(&options.spec_ctrl);
    sched_init();
    guest_console_init();
    start_keys();
    boot_run_init(&options);
    boot_smp_start(info, &acpi.topology, nr_cpus_found, &options);
    print_nodes(&acpi.topology);
    boot_memory_report(info);
    sysctl_init();
    xen_version_init(info->cmdline);
    start_dom0(info);
    continue_on(this_cpu()->stack_top, boot_finish);
}
