/*
 * From the firmware's memory map to an allocator: what is free RAM (ram_map.h), the direct map, which node
 * each piece is on (arch/x86/acpi/ram_nodes.h), and the frame table, each slice of it in memory of the node
 * it describes (frame_plan.h). This file accesses the machine; those decide.
 */
#include <boot/boot.h>

#include <homestead/errno.h>
#include <arch/x86/acpi/ram_nodes.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/mtrr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <boot/frame_plan.h>
#include <boot/ram_map.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/mm.h>

_Static_assert(RAM_LIMIT <= DIRECTMAP_SIZE, "RAM that is used is in the direct map");
_Static_assert(FRAME_TABLES_BYTES <= DEVICEMAP_BASE - FRAMETABLE_BASE,
               "the frame table has room for all of it");

static struct boot_ranges *table_source; /* of boot_table_page(); NULL: mm/ */
static u64 table_limit = GIB(4);         /* as far as the direct map reaches that is in use */
static struct ram_map map;
static struct boot_ranges loaded;
static u64 unused; /* bytes of RAM that nothing will use; each was warned about */
static struct {    /* pages of map.ram by what they were taken for */
    u64 tables, frame_table, modules, managed;
} books;

#define CPUID_VMX  BIT(5)  /* leaf 1 ECX */
#define CPUID_MTRR BIT(12) /* and EDX */

static void must(int rc, const char *what)
{
    if (rc)
        panic("memory map: %s", what);
}

static void leave_out(const char *why, u64 bytes)
{
    if (!bytes)
        return;
    unused += bytes;
    boot_degrade(BOOT_LESS_MEMORY);
    log_warn("memory map: %lu MiB of RAM %s: not used\n", DIV_ROUND_UP(bytes, MIB(1)), why);
}

/* Nested page tables of Intel give all memory of guests one type: arch/x86/hvm/vmx/ept.h. */
static void leave_out_uncached(struct boot_ranges *free)
{
    static struct mtrr mtrr;
    struct boot_ranges *uncached = &loaded; /* not in use yet */

    if (!(cpuid(1, 0).ecx & CPUID_VMX) || !(cpuid(1, 0).edx & CPUID_MTRR))
        return;
    mtrr_read(&mtrr, rdmsr, cpuid(0x80000008u, 0).eax & 0xff);
    must(ram_map_uncached(uncached, &map.ram, &mtrr), "too many types");
    u64 bytes = boot_ranges_total(uncached);
    if (bytes == boot_ranges_total(&map.ram)) {
        mtrr_ram_type = MEMORY_UC;
        log_warn("memory map: no RAM is write-back by the MTRRs: it is used, and slow\n");
        return;
    }
    for (u32 i = 0; i < uncached->nr; i++) {
        must(boot_ranges_remove(free, uncached->range[i].start, uncached->range[i].end), "too many types");
        must(boot_ranges_remove(&map.ram, uncached->range[i].start, uncached->range[i].end),
             "too many types");
    }
    leave_out("is not write-back by the MTRRs", bytes);
}

void boot_memory_map(const struct boot_info *info, struct boot_ranges *free)
{
    if (!info->nr_mem)
        panic("the loader gave no memory map: start Homestead by Multiboot or by its UEFI loader");
    int rc = ram_map_make(&map, free, info);
    if (rc)
        panic("memory map: %s", rc == -EINVAL ? "it has no RAM" : "too many pieces");
    if (map.nonsense) {
        boot_degrade(BOOT_LESS_MEMORY);
        log_warn("memory map: %u entries wrap around, ignored\n", map.nonsense);
    }
    leave_out("is beyond 64 TiB", map.out_of_reach);
    leave_out("is in more pieces than the loader's table holds", map.left_out);
    leave_out_uncached(free);
    log_info("Memory          %lu MiB of RAM, %lu MiB free, %u ranges\n", boot_ranges_total(&map.ram) >> 20,
             boot_ranges_total(free) >> 20, free->nr);
}

/* Bytes of [start, end) that are RAM with frames. */
static u64 ram_in(u64 start, u64 end)
{
    u64 bytes = 0;

    for (u32 i = 0; i < map.ram.nr; i++) {
        u64 from = MAX(start, map.ram.range[i].start), to = MIN(end, map.ram.range[i].end);
        bytes += from < to ? to - from : 0;
    }
    return bytes;
}

bool boot_memory_has_ram(u64 start, u64 end)
{
    return ram_in(start, end);
}

/* One zeroed page for a page table, 0: none. Below 4 GiB until the final tables are in use. */
static u64 boot_table_page(void)
{
    if (!table_source) {
        mfn_t m;
        return mm_alloc(NULL, NODE_NONE, ORDER_4K, MM_OVERHEAD, &m) ? 0 : mfn_to_maddr(m);
    }
    u64 page = boot_ranges_take(table_source, PAGE_SIZE, PAGE_SIZE, RAM_LOW_RESERVED, GIB(4));
    if (!page && table_limit > GIB(4))
        page = boot_ranges_take(table_source, PAGE_SIZE, PAGE_SIZE, RAM_LOW_RESERVED, table_limit);
    if (!page)
        return 0;
    memset(maddr_to_virt(page), 0, PAGE_SIZE);
    books.tables++;
    return page;
}

void boot_memory_paging(const struct boot_info *info, struct boot_ranges *free)
{
    u64 lost = 0;

    /* Tables come from below 4 GiB here: until paging_activate() the direct map reaches no further. */
    table_source = free;
    paging_init(info->image_base, boot_table_page);
    for (u32 i = 0; i < map.mapped.nr; i++) {
        u64 start = map.mapped.range[i].start, end = map.mapped.range[i].end;
        if (!paging_map_ram(start, end - start))
            continue;
        if (start < GIB(4))
            panic("no memory for page tables below 4 GiB");
        u64 before = boot_ranges_total(&map.ram);
        must(boot_ranges_remove(free, start, end), "too many holes");
        must(boot_ranges_remove(&map.ram, start, end), "too many holes");
        lost += before - boot_ranges_total(&map.ram);
    }
    leave_out("would need more page tables than fit below 4 GiB", lost);
    paging_activate();
    table_limit = RAM_LIMIT;
}

/* Not cleared: mm/ writes what it reads. */
static int back_frame_table(const struct frame_slice *slice, void *arg)
{
    (void)arg;
    return paging_map(FRAMETABLE_BASE + slice->offset, slice->maddr, slice->size, PAGING_WRITE);
}

static void add_free(u64 start, u64 end, nodeid_t nid, void *arg)
{
    (void)arg;
    if (!mm_add_range(maddr_to_mfn(start), maddr_to_mfn(end), nid)) {
        books.managed += (end - start) >> PAGE_SHIFT;
    } else {
        unused += end - start;
        boot_degrade(BOOT_LESS_MEMORY);
        log_warn("memory 0x%lx-0x%lx cannot be used\n", start, end);
    }
}

/* Total and, with the other sign, free: the difference is what Homestead keeps. */
static void count_ram(u64 start, u64 end, nodeid_t nid, void *arg)
{
    ((u64 *)arg)[nid] += (end - start) >> PAGE_SHIFT;
}

void boot_memory_nodes(const struct boot_info *info, const struct topology *topo, struct boot_ranges *free)
{
    static u64 ram[MAX_NODES], available[MAX_NODES];
    static struct acpi_ram_report report;
    struct frame_plan_report table;

    for (u32 i = 0; i < map.ram.nr; i++)
        acpi_ram_count(&report, topo, map.ram.range[i].start, map.ram.range[i].end);
    if (acpi_ram_warn(&report, topo))
        boot_degrade(BOOT_FEWER_NODES);
    int rc = frame_plan(&map.ram, topo, free, back_frame_table, NULL, &table);
    if (rc)
        panic("no memory for the frame table (error %d)", -rc);
    if (table.far)
        log_warn("memory: %lu KiB of the frame table are not on the node they describe\n", table.far >> 10);
    mm_init(&(struct frame_tables){
        .words = (frame_word_t *)(FRAMETABLE_BASE + FRAME_TABLE_WORDS),
        .regions = (struct region *)(FRAMETABLE_BASE + FRAME_TABLE_REGIONS),
        .chunks = (struct chunk_page *)(FRAMETABLE_BASE + FRAME_TABLE_CHUNKS),
    });
    mm_set_nodes(topo->nr_nodes, topo->near);
    ram_for_each_piece(&map.ram, topo, count_ram, ram);
    ram_for_each_piece(free, topo, count_ram, available);
    must(ram_map_loaded(&loaded, &map, info), "modules");
    books.modules = boot_ranges_total(&loaded) >> PAGE_SHIFT;
    books.frame_table = table.bytes >> PAGE_SHIFT;
    table_source = NULL;
    ram_for_each_piece(free, topo, add_free, NULL);
    for (nodeid_t nid = 0; nid < topo->nr_nodes; nid++)
        mm_note_unmanaged(nid, ram[nid] - available[nid]);
    log_info("Frame table     %lu KiB in %u pieces, %lu KiB not on their node\n", table.bytes >> 10,
             table.nr_slices, table.far >> 10);
    log_fact("@memmap ranges=%u pages=%lu left_out=%lu table=%lu slices=%u far=%lu\n", map.ram.nr,
             boot_ranges_total(&map.ram) >> PAGE_SHIFT, unused >> PAGE_SHIFT, table.bytes >> PAGE_SHIFT,
             table.nr_slices, table.far >> PAGE_SHIFT);
}

void boot_memory_report(const struct boot_info *info)
{
    struct mm_host_info host;

    mm_host_get_info(&host);
    u64 firmware = map.firmware >> PAGE_SHIFT, reserved = (map.low + unused) >> PAGE_SHIFT;
    u64 image = ram_in(info->image_base, info->image_base + info->image_size) >> PAGE_SHIFT;
    u64 homestead = image + books.tables + books.frame_table + books.managed - host.free_pages;

    log_fact("@memory pages=%lu free=%lu firmware=%lu homestead=%lu modules=%lu reserved=%lu\n",
             host.total_pages, host.free_pages, firmware, homestead, books.modules, reserved);
    if (host.free_pages + homestead + books.modules + reserved == firmware)
        return;
    boot_degrade(BOOT_LESS_MEMORY);
    log_warn("memory: of %lu pages of RAM %ld are not accounted for\n", firmware,
             (s64)(firmware - host.free_pages - homestead - books.modules - reserved));
}

void boot_memory_reclaim(const struct boot_info *info)
{
    must(ram_map_loaded(&loaded, &map, info), "modules");
    for (u32 i = 0; i < loaded.nr; i++)
        boot_add_free(loaded.range[i].start, loaded.range[i].end);
    boot_image_has_frames = ram_in(info->image_base, info->image_base + info->image_size) == info->image_size;
    log_info("Loader's memory %lu KiB given back\n", boot_ranges_total(&loaded) >> 10);
}
