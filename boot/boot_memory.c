/*
 * From the firmware's memory map to an allocator: what is free RAM, the direct map, which node each piece
 * is on, and the frame table, each slice of it in memory of the node it describes.
 *
 * Decisions: the first MiB stays out (firmware data, and CPUs start there); which node a page of RAM is on
 * is decided in arch/x86/acpi/ram_nodes.h.
 */
#include <boot/boot.h>

#include <arch/x86/acpi/ram_nodes.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/mm.h>

#define LOW_RESERVED MIB(1)

const struct topology *host_topology;

static struct boot_ranges *table_source; /* where boot_table_page() takes from; NULL: mm/ has it all now */
static struct boot_ranges all_ram;       /* all RAM that has frames: free, image, modules */
static struct boot_ranges mapped;        /* what the direct map shows */

void *mm_frame_virt(mfn_t m)
{
    return mfn_to_virt(m);
}

void mm_clear_frames(mfn_t m, u64 nr_frames)
{
    memset(mfn_to_virt(m), 0, nr_frames << PAGE_SHIFT);
}

nodeid_t mm_current_node(void)
{
    return this_cpu()->nid;
}

static bool is_ram(u32 type)
{
    return type == BOOT_MEM_RAM || type == BOOT_MEM_LOADER;
}

static bool is_mapped(u32 type)
{
    return is_ram(type) || type == BOOT_MEM_ACPI || type == BOOT_MEM_NVS || type == BOOT_MEM_EFI_RT_DATA;
}

static void must(int rc, const char *what)
{
    if (rc)
        panic("memory map: %s", what);
}

void boot_memory_map(const struct boot_info *info, struct boot_ranges *free)
{
    if (!info->nr_mem)
        panic("the loader gave no memory map: start Homestead by Multiboot or by its UEFI loader");
    for (u32 i = 0; i < info->nr_mem; i++) {
        const struct boot_mem *m = &info->mem[i];
        u64 end = m->base + m->size;
        if (end < m->base || end > DIRECTMAP_SIZE) {
            log_warn("memory map: entry %u at 0x%lx is out of reach, ignored\n", i, m->base);
            continue;
        }
        if (is_ram(m->type))
            must(boot_ranges_add(&all_ram, MAX(m->base, LOW_RESERVED), end), "too many pieces of RAM");
        if (m->type == BOOT_MEM_RAM)
            must(boot_ranges_add(free, MAX(m->base, LOW_RESERVED), end), "too many pieces of RAM");
        if (is_mapped(m->type))
            must(boot_ranges_add(&mapped, ALIGN_DOWN(m->base, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE)),
                 "too many pieces");
    }
    /* Where entries overlap, what is not RAM wins. */
    for (u32 i = 0; i < info->nr_mem; i++) {
        const struct boot_mem *m = &info->mem[i];
        if (m->type == BOOT_MEM_RAM || m->base + m->size < m->base)
            continue;
        must(boot_ranges_remove(free, m->base, m->base + m->size), "too many holes");
        if (m->type != BOOT_MEM_LOADER)
            must(boot_ranges_remove(&all_ram, m->base, m->base + m->size), "too many holes");
    }
    must(boot_ranges_remove(free, info->image_base, info->image_base + info->image_size), "too many holes");
    for (u32 i = 0; i < info->nr_modules; i++)
        must(boot_ranges_remove(free, info->modules[i].base, info->modules[i].base + info->modules[i].size),
             "too many holes");
    log_info("Memory          %lu MiB of RAM, %lu MiB free, %u ranges\n", boot_ranges_total(&all_ram) >> 20,
             boot_ranges_total(free) >> 20, free->nr);
}

u64 boot_table_page(void)
{
    if (!table_source) {
        mfn_t m;
        return mm_alloc(NULL, NODE_NONE, ORDER_4K, MM_OVERHEAD, &m) ? 0 : mfn_to_maddr(m);
    }
    /* Below 4 GiB: until paging_activate() the direct map reaches no further. */
    u64 page = boot_ranges_take(table_source, PAGE_SIZE, PAGE_SIZE, LOW_RESERVED, GIB(4));
    if (page)
        memset(maddr_to_virt(page), 0, PAGE_SIZE);
    return page;
}

void boot_memory_paging(const struct boot_info *info, struct boot_ranges *free)
{
    table_source = free;
    paging_init(info->image_base, boot_table_page);
    for (u32 i = 0; i < mapped.nr; i++)
        must(paging_map_ram(mapped.range[i].start, mapped.range[i].end - mapped.range[i].start),
             "no memory for page tables below 4 GiB");
    paging_activate();
}

typedef void (*piece_fn)(u64 start, u64 end, nodeid_t nid, void *arg);

/* Calls fn for each piece of r that is on one node, ascending. */
static void for_each_piece(const struct boot_ranges *r, const struct topology *topo, piece_fn fn, void *arg)
{
    for (u32 i = 0; i < r->nr; i++) {
        u64 at = r->range[i].start;
        while (at < r->range[i].end) {
            u64 until;
            nodeid_t nid = acpi_ram_node(topo, at, &until, NULL);
            u64 end = MIN(r->range[i].end, until);
            fn(at, end, nid, arg);
            at = end;
        }
    }
}

/* Backs the frame table's slice for one piece, from the piece itself if it has room. */
static void back_frame_table(u64 start, u64 end, nodeid_t nid, void *arg)
{
    struct boot_ranges *free = arg;
    u64 virt = FRAMETABLE_BASE + (start >> PAGE_SHIFT) * sizeof(struct page);
    u64 virt_end = ALIGN_UP(FRAMETABLE_BASE + (end >> PAGE_SHIFT) * sizeof(struct page), PAGE_SIZE);

    (void)nid;
    virt = ALIGN_DOWN(virt, PAGE_SIZE);
    while (virt < virt_end && paging_query(virt, NULL, NULL)) /* shared with the piece before */
        virt += PAGE_SIZE;
    if (virt >= virt_end)
        return;
    u64 size = virt_end - virt, align = size >= MIB(2) ? MIB(2) : PAGE_SIZE;
    u64 maddr = boot_ranges_take(free, size, align, start, end);
    if (!maddr)
        maddr = boot_ranges_take(free, size, PAGE_SIZE, LOW_RESERVED, DIRECTMAP_SIZE);
    if (!maddr)
        panic("no %lu KiB of memory for the frame table of 0x%lx-0x%lx", size >> 10, start, end);
    memset(maddr_to_virt(maddr), 0, size);
    must(paging_map(virt, maddr, size, PAGING_WRITE), "no memory for the frame table's page tables");
}

static void add_free(u64 start, u64 end, nodeid_t nid, void *arg)
{
    (void)arg;
    if (mm_add_range(maddr_to_mfn(start), maddr_to_mfn(end), nid))
        log_warn("memory 0x%lx-0x%lx cannot be used\n", start, end);
}

/* Total and, with the other sign, free: the difference is what Homestead keeps. */
static void count_ram(u64 start, u64 end, nodeid_t nid, void *arg)
{
    ((u64 *)arg)[nid] += (end - start) >> PAGE_SHIFT;
}

void boot_memory_nodes(const struct topology *topo, struct boot_ranges *free)
{
    static u64 ram[MAX_NODES], available[MAX_NODES];
    static struct acpi_ram_report report;

    for (u32 i = 0; i < all_ram.nr; i++)
        acpi_ram_count(&report, topo, all_ram.range[i].start, all_ram.range[i].end);
    acpi_ram_warn(&report);
    for_each_piece(&all_ram, topo, back_frame_table, free);
    mm_init((struct page *)FRAMETABLE_BASE);
    mm_set_nodes(topo->nr_nodes, topo->near);
    for_each_piece(&all_ram, topo, count_ram, ram);
    for_each_piece(free, topo, count_ram, available);
    table_source = NULL;
    for_each_piece(free, topo, add_free, NULL);
    for (nodeid_t nid = 0; nid < topo->nr_nodes; nid++)
        mm_note_reserved(nid, ram[nid] - available[nid]);
}

void boot_memory_reclaim(const struct boot_info *info, const struct topology *topo)
{
    static struct boot_ranges modules;
    u64 bytes;

    for (u32 i = 0; i < info->nr_modules; i++) {
        const struct boot_module *m = &info->modules[i];
        must(boot_ranges_add(&modules, m->base, m->base + m->size), "too many modules");
    }
    /* Only what is RAM with frames, and not the image if a loader put them side by side. */
    for (u32 i = 0; i < modules.nr; i++)
        for (u64 at = modules.range[i].start; at < modules.range[i].end; at += PAGE_SIZE)
            if (!paging_query((u64)(FRAMETABLE_BASE + (at >> PAGE_SHIFT) * sizeof(struct page)), NULL,
                              NULL)) {
                log_debug("module memory at 0x%lx is not ours to give back\n", at);
                return;
            }
    must(boot_ranges_remove(&modules, info->image_base, info->image_base + info->image_size), "modules");
    bytes = boot_ranges_total(&modules);
    for_each_piece(&modules, topo, add_free, NULL);
    log_info("Modules         %lu KiB given back\n", bytes >> 10);
}
