/*
 * Builds domain 0 from its kernel image and one module, as Xen does for a PVH domain 0: host-like
 * memory map, start info of version 0 (the map is asked for with XENMEM_memory_map), flags 3, ACPI tables. They are ours
 * and name vCPUs only: it has no device. There is no SRAT: its vCPUs run on any node, and its memory is not split.
 * Boot CPU only, before the scheduler runs.
 */
#include <domain/dom0/dom0_size.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/elf.h>
#include <lib/guest_acpi.h>
#include <lib/log.h>
#include <lib/string.h>
#include <xen/domctl.h>
#include <xen/hvm/start_info.h>

#define NO_PAGE_LIMIT 0xffffffffull /* max_pages of domain 0, as Xen reports it: 16 TiB */

/* Start info, module entry and strings in one block; offsets from its start. */
#define INFO_MODULE  64u
#define INFO_STRINGS 96u
_Static_assert(sizeof(struct hvm_start_info) <= INFO_MODULE, "module entry after start info");
_Static_assert(INFO_MODULE + sizeof(struct hvm_modlist_entry) <= INFO_STRINGS, "strings after module entry");

static int fail(int rc, const char *what, const char *why)
{
    log_error("Domain 0: %s: %s (error %d)\n", what, why, -rc);
    return rc;
}

static int too_large(u64 bytes, const char *than)
{
    log_error("Domain 0: wants %lu MiB, more %s: lower dom0_mem= (error %d)\n", bytes >> 20, than, ENOMEM);
    return -ENOMEM;
}

/* One extent of the order for d: on the first of its nodes that has one, or anywhere if it has none set. */
static int take_extent(struct domain *d, u64 nodes, u32 order, mfn_t *out)
{
    int rc = -ENOMEM;

    if (!nodes)
        return mm_alloc(&d->mem, NODE_NONE, order, 0, out);
    for (nodeid_t nid = 0; nid < mm_nr_nodes() && rc; nid++)
        if (nodes & BIT(nid))
            rc = mm_alloc(&d->mem, nid, order, MM_EXACT_NODE, out);
    return rc;
}

/* The largest order that fits both the address and what is left. */
static u32 best_order(u64 gfn_nr, u64 frames_left)
{
    static const u32 orders[] = {ORDER_1G, ORDER_2M};

    for (u32 i = 0; i < ARRAY_SIZE(orders); i++)
        if (IS_ALIGNED(gfn_nr, BIT(orders[i])) && frames_left >= BIT(orders[i]))
            return orders[i];
    return ORDER_4K;
}

static int populate(struct domain *d, u64 nodes, u64 start, u64 size)
{
    u64 g = start >> PAGE_SHIFT, left = size >> PAGE_SHIFT;

    while (left) {
        u32 order = best_order(g, left);
        mfn_t m;
        int rc = take_extent(d, nodes, order, &m);

        while (rc && order) {
            order = order == ORDER_1G ? ORDER_2M : ORDER_4K;
            rc = take_extent(d, nodes, order, &m);
        }
        if (!rc)
            rc = physmap_place(d, gfn(g), m, order, NP_RAM);
        if (rc)
            return rc;
        g += BIT(order);
        left -= BIT(order);
    }
    return 0;
}

/* Zero pages where domain 0 has nothing in the first MiB. Its memory map does not list them. */
static int populate_low(struct domain *d, u64 nodes)
{
    int rc = 0;

    for (u64 at = 0; at < DOM0_LAYOUT_LOW_END && !rc; at += PAGE_SIZE)
        if (physmap_lookup(d, gfn(at >> PAGE_SHIFT)).type == NP_NONE)
            rc = populate(d, nodes, at, PAGE_SIZE);
    return rc;
}

static int write_acpi_tables(struct domain *d)
{
    static u8 tables[PAGE_SIZE];
    const struct guest_acpi acpi = {.nr_vcpus = d->max_vcpus, .nr_max_vcpus = d->max_vcpus};
    u64 size = guest_acpi_size(&acpi);

    BUG_ON(size > sizeof(tables));
    guest_acpi_write(&acpi, DOM0_LAYOUT_ACPI, tables);
    int rc = physmap_write(d, DOM0_LAYOUT_ACPI, tables, size);
    return rc ? fail(rc, "copying its ACPI tables", "a frame is missing") : 0;
}

static int load_image(struct domain *d, const struct elf_kernel *elf)
{
    for (u32 i = 0; i < elf->nr_segments; i++) {
        const struct elf_segment *s = &elf->segments[i];

        /* The rest of the segment is zero already: fresh memory is. */
        int rc = physmap_write(d, s->paddr, s->data, s->file_size);
        if (rc)
            return fail(rc, "copying the image", "a frame is missing");
    }
    return 0;
}

static int write_start_info(struct domain *d, const struct dom0_config *config,
                            const struct dom0_layout *layout)
{
    const char *cmdline = config->cmdline, *module_cmdline = config->module_cmdline;
    u64 base = layout->start_info_gaddr;
    u64 cmdline_at = base + INFO_STRINGS, module_cmdline_at = cmdline_at + strlen(cmdline) + 1;
    struct hvm_start_info info = {
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 0,
        .flags = SIF_PRIVILEGED | SIF_INITDOMAIN,
        .nr_modules = config->module_size ? 1 : 0,
        .modlist_paddr = config->module_size ? base + INFO_MODULE : 0,
        .cmdline_paddr = cmdline_at,
        .rsdp_paddr = DOM0_LAYOUT_ACPI,
    };
    struct hvm_modlist_entry module = {
        .paddr = layout->module_gaddr, .size = config->module_size, .cmdline_paddr = module_cmdline_at};

    int rc = physmap_write(d, base, &info, sizeof(info));
    if (!rc)
        rc = physmap_write(d, cmdline_at, cmdline, strlen(cmdline) + 1);
    if (!rc && config->module_size) {
        rc = physmap_write(d, base + INFO_MODULE, &module, sizeof(module));
        if (!rc)
            rc = physmap_write(d, module_cmdline_at, module_cmdline, strlen(module_cmdline) + 1);
        if (!rc)
            rc =
                physmap_write(d, layout->module_gaddr, maddr_virt(config->module_maddr), config->module_size);
    }
    return rc ? fail(rc, "copying module and start information", "a frame is missing") : 0;
}

static int create(const struct dom0_config *config, const struct dom0_layout *layout, struct domain **out)
{
    const struct domain_config domain_config = {
        .domid = 0,
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_vcpus = MAX(1u, MIN(config->max_vcpus, DOMAIN_MAX_VCPUS)),
        .max_evtchn_port = EVTCHN_FIFO_MAX_PORTS - 1,
        .max_grant_frames = GRANT_FRAMES_MAX,
        .max_maptrack_frames = MAPTRACK_FRAMES_MAX,
        .is_control = true,
        .affinity = config->nodes,
    };
    struct domain *d;

    int rc = domain_create(&domain_config, &d);
    if (!rc)
        domain_put(d); /* nobody destroys domain 0: the list's reference is enough */
    if (!rc)
        rc = domain_alloc_vcpus(d, domain_config.max_vcpus);
    /* Tables for its RAM in 4 KiB pages at worst, and the usual pool for what it will map of others. */
    if (!rc)
        rc = physmap_set_pool(d, PHYSMAP_POOL_DEFAULT_PAGES + DIV_ROUND_UP(layout->ram_bytes, MIB(2)));
    if (rc)
        return fail(rc, "creating it", "not enough memory");
    d->mem.max_pages = NO_PAGE_LIMIT;
    d->emulation_flags = XEN_X86_EMU_LAPIC;
    d->nr_e820 = layout->nr_e820;
    memcpy(d->e820, layout->e820, sizeof(layout->e820[0]) * layout->nr_e820);
    *out = d;
    return 0;
}

static void report(const struct domain *d, const struct elf_kernel *elf, const struct dom0_layout *layout)
{
    log_info("Domain 0        kernel at 0x%lx-0x%lx, entry 0x%x, start info at 0x%lx\n", elf->start, elf->end,
             elf->pvh_entry, layout->start_info_gaddr);
    if (layout->module_gaddr)
        log_info("Domain 0        module at 0x%lx\n", layout->module_gaddr);
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (d->mem.own[nid])
            log_info("Domain 0        %6lu MiB on node %u\n", (d->mem.own[nid] >> (20 - PAGE_SHIFT)), nid);
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (d->mem.own[nid])
            log_fact("@populated domain=0 node=%u pages=%lu\n", nid, d->mem.own[nid]);
}

static u64 free_bytes(void)
{
    struct mm_host_info host;

    mm_host_get_info(&host);
    return host.free_pages << PAGE_SHIFT;
}

/* Linux: Documentation/arch/x86/boot.rst, "HdrS" at byte 514. */
static bool is_bzimage(const struct dom0_config *config)
{
    const u8 *image = maddr_virt(config->image_maddr);

    return config->image_size >= 518 && !memcmp(image + 514, "HdrS", 4);
}

static int read_image(const struct dom0_config *config, struct elf_kernel *elf)
{
    const char *why;

    int rc = elf_parse_kernel(maddr_virt(config->image_maddr), config->image_size, elf, &why);
    if (rc && is_bzimage(config))
        why = "is a bzImage; give the ELF file in it, from tools/extract-kernel.sh VMLINUZ VMLINUX";
    if (rc)
        log_error("Domain 0: the image %s (error %d)\n", why, -rc);
    return rc;
}

/* Chooses how much memory it has, and what is where. */
static int lay_out(const struct dom0_load *load, u64 mem_bytes, struct dom0_layout *layout)
{
    const char *why;

    int rc = dom0_fit(load, mem_bytes, layout, &why);
    if (rc == -ENOSPC && why) {
        u64 least = dom0_least_bytes(load, layout);

        if (least)
            log_error("Domain 0: %lu MiB are too little: %s; dom0_mem=%luM is the least (error %d)\n",
                      mem_bytes >> 20, why, least >> 20, -rc);
        else
            log_error("Domain 0: %s, whatever dom0_mem= is (error %d)\n", why, -rc);
        return rc;
    }
    if (rc)
        return rc == -ENOMEM ? too_large(mem_bytes, "than the machine has")
                             : fail(rc, "laying out its memory", "the host's memory map is too long");
    u64 cramped = dom0_cramped_bytes(load);
    if (mem_bytes < cramped)
        log_warn("domain 0 has %lu MiB, which may be too little to unpack its initramfs: dom0_mem=%luM\n",
                 mem_bytes >> 20, cramped >> 20);
    return 0;
}

int dom0_build(const struct dom0_config *config)
{
    static struct dom0_layout layout; /* 2.6 KiB: too much for the stack */
    static struct elf_kernel elf;
    struct domain *d;

    int rc = read_image(config, &elf);
    if (rc)
        return rc;
    const struct dom0_load load = {
        .config = config,
        .elf = &elf,
        .info_bytes = INFO_STRINGS + strlen(config->cmdline) + 1 + strlen(config->module_cmdline) + 1,
        .unpacked_bytes = dom0_unpacked_bytes(maddr_virt(config->module_maddr), config->module_size),
    };
    u64 mem_bytes = config->mem_bytes ? config->mem_bytes : dom0_default_bytes(&load, free_bytes());
    rc = lay_out(&load, mem_bytes, &layout);
    if (rc)
        return rc;
    rc = create(config, &layout, &d);
    if (rc)
        return rc;
    for (u32 i = 0; i < layout.nr_e820 && !rc; i++)
        if (layout.e820[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
            rc = populate(d, config->nodes, layout.e820[i].addr, layout.e820[i].size);
    if (!rc)
        rc = populate_low(d, config->nodes);
    if (rc)
        return rc == -ENOMEM ? too_large(mem_bytes, config->nodes ? "than is free on the nodes of dom0_nodes="
                                                                  : "than is free")
                             : fail(rc, "populating it", "a frame cannot be mapped");
    /* The tables of its RAM exist now: give back what the worst case would have needed beyond them, unless it may come. */
    if (!np_splits_executed())
        rc = physmap_set_pool(d, d->physmap.pool_used + PHYSMAP_POOL_DEFAULT_PAGES);
    if (!rc)
        rc = load_image(d, &elf);
    if (!rc)
        rc = write_start_info(d, config, &layout);
    if (!rc)
        rc = write_acpi_tables(d);
    if (rc)
        return rc;
    hvm_set_pvh_entry(&d->vcpu[0]->hvm, elf.pvh_entry, (u32)layout.start_info_gaddr);
    report(d, &elf, &layout);
    vcpu_online(d->vcpu[0]);
    domain_unpause(d);
    return 0;
}
