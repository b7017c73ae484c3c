/*
 * Homestead's page tables. Only the boot CPU writes them, while the other CPUs wait for smp_release(); they empty
 * their TLBs when they are released, so unmapping needs no shootdown. Tables are reached through the direct map, which the boot entry's tables
 * already have for the low 4 GiB: table pages must come from there until paging_init() is done.
 */
#include <arch/x86/cpu/paging.h>

#include <homestead/init.h>
#include <homestead/errno.h>
#include <arch/x86/cpu/msr.h>
#include <lib/assert.h>

#define PTE_PRESENT BIT(0)
#define PTE_WRITE   BIT(1)
#define PTE_PWT     BIT(3)
#define PTE_PCD     BIT(4)
#define PTE_LARGE   BIT(7)
#define PTE_NX      BIT(63)
#define PTE_ADDR    0x000ffffffffff000ull

#define DEVICEMAP_SIZE (1ull << 30)
#define STACKMAP_SIZE  (1ull << 30)

extern char image_start[], text_end[], rodata_end[], image_end[];

static u64 root;           /* maddr of the PML4 */
static u64 image_maddr;    /* [I] */
static bool have_1g_pages; /* [I] */
static paging_alloc_fn alloc_table;
static u64 device_next = DEVICEMAP_BASE;
static u64 stack_next = STACKMAP_BASE;

u64 image_to_maddr(const void *virt)
{
    return (u64)virt - IMAGE_VIRT_BASE + image_maddr;
}

static u64 pte_flags(u32 flags)
{
    return PTE_PRESENT | (flags & PAGING_WRITE ? PTE_WRITE : 0) | (flags & PAGING_EXEC ? 0 : PTE_NX) |
           (flags & PAGING_UNCACHED ? PTE_PCD | PTE_PWT : 0);
}

static u64 *table_virt(u64 maddr)
{
    return maddr_to_virt(maddr & PTE_ADDR);
}

/* Frames per entry at a level: level 0 maps 4K, 1 maps 2M, 2 maps 1G, 3 is the PML4. */
static u64 level_size(u32 level)
{
    return PAGE_SIZE << (9 * level);
}

static u64 *entry_in(u64 table, u64 virt, u32 level)
{
    return table_virt(table) + ((virt >> (PAGE_SHIFT + 9 * level)) & 511);
}

/* A large mapping becomes 512 smaller ones with the same rights. */
static INIT int split_large(u64 *entry, u32 level)
{
    u64 table = alloc_table();

    if (!table)
        return -ENOMEM;
    u64 *slot = table_virt(table);
    u64 piece = level_size(level - 1);
    u64 rights = *entry & ~(PTE_ADDR | PTE_LARGE);
    for (u32 i = 0; i < 512; i++)
        slot[i] = ((*entry & PTE_ADDR) + i * piece) | rights | (level > 1 ? PTE_LARGE : 0);
    *entry = table | PTE_PRESENT | PTE_WRITE;
    return 0;
}

/* The entry for virt at the wanted level, making and splitting tables on the way. table: the root. */
static INIT int entry_get(u64 table, u64 virt, u32 wanted, u64 **out)
{
    for (u32 level = 3;; level--) {
        u64 *entry = entry_in(table, virt, level);
        if (level == wanted) {
            *out = entry;
            return 0;
        }
        if (!(*entry & PTE_PRESENT)) {
            u64 fresh = alloc_table();
            if (!fresh)
                return -ENOMEM;
            *entry = fresh | PTE_PRESENT | PTE_WRITE;
        } else if (level < 3 && (*entry & PTE_LARGE)) {
            int rc = split_large(entry, level);
            if (rc)
                return rc;
        }
        table = *entry & PTE_ADDR;
    }
}

static INIT u32 best_level(u64 virt, u64 maddr, u64 size)
{
    for (u32 level = have_1g_pages ? 2 : 1; level > 0; level--)
        if (IS_ALIGNED(virt | maddr, level_size(level)) && size >= level_size(level))
            return level;
    return 0;
}

INIT int paging_map_in(u64 tables, u64 virt, u64 maddr, u64 size, u32 flags)
{
    if (!IS_ALIGNED(virt | maddr | size, PAGE_SIZE))
        return -EINVAL;
    while (size) {
        u32 level = best_level(virt, maddr, size);
        u64 *entry;
        int rc = entry_get(tables, virt, level, &entry);
        if (rc)
            return rc;
        if (*entry & PTE_PRESENT) {
            if (level == 0)
                return -EEXIST;
            /* A table is there already: fill it a size smaller. */
            u64 piece = level_size(level);
            for (u64 done = 0; done < piece; done += level_size(level - 1)) {
                rc = entry_get(tables, virt + done, level - 1, &entry);
                if (rc)
                    return rc;
                if (!(*entry & PTE_PRESENT))
                    *entry = (maddr + done) | pte_flags(flags) | (level > 1 ? PTE_LARGE : 0);
            }
        } else {
            *entry = maddr | pte_flags(flags) | (level ? PTE_LARGE : 0);
        }
        virt += level_size(level);
        maddr += level_size(level);
        size -= level_size(level);
    }
    return 0;
}

INIT int paging_map(u64 virt, u64 maddr, u64 size, u32 flags)
{
    return paging_map_in(root, virt, maddr, size, flags);
}

/* The entry that maps virt, at level 2, 1 or 0. NULL: none does. */
static u64 *entry_find(u64 virt, u32 *level)
{
    u64 table = root ? root : read_cr3(); /* before paging_init(): the entry's tables */

    for (*level = 3;; (*level)--) {
        u64 *entry = entry_in(table, virt, *level);
        if (!(*entry & PTE_PRESENT))
            return NULL;
        if (*level == 0 || (*level < 3 && (*entry & PTE_LARGE)))
            return entry;
        table = *entry & PTE_ADDR;
    }
}

bool paging_is_mapped(u64 virt)
{
    u32 level;

    return entry_find(virt, &level);
}

/* The image's text and constants must not be writable through the direct map either. */
static INIT int protect_alias(u64 maddr, u64 size)
{
    for (u64 at = maddr; at < maddr + size; at += PAGE_SIZE) {
        u64 *entry;
        int rc = entry_get(root, DIRECTMAP_BASE + at, 0, &entry);
        if (rc)
            return rc;
        *entry = at | pte_flags(0);
    }
    return 0;
}

INIT int paging_map_ram(u64 maddr, u64 size)
{
    u64 start = ALIGN_DOWN(maddr, PAGE_SIZE), end = ALIGN_UP(maddr + size, PAGE_SIZE);

    if (end > DIRECTMAP_SIZE || end < start)
        return -EINVAL;
    int rc = paging_map(DIRECTMAP_BASE + start, start, end - start, PAGING_WRITE);
    u64 constants = (u64)(rodata_end - image_start);
    if (!rc && start < image_maddr + constants && end > image_maddr)
        rc = protect_alias(image_maddr, constants);
    return rc;
}

static INIT int map_image(void)
{
    u64 text = (u64)(text_end - image_start), constants = (u64)(rodata_end - image_start);
    u64 all = (u64)(image_end - image_start);
    int rc = paging_map(IMAGE_VIRT_BASE, image_maddr, text, PAGING_EXEC);

    if (!rc)
        rc = paging_map(IMAGE_VIRT_BASE + text, image_maddr + text, constants - text, 0);
    if (!rc)
        rc = paging_map(IMAGE_VIRT_BASE + constants, image_maddr + constants, all - constants, PAGING_WRITE);
    return rc;
}

/* The entry of a 4 KiB page that is mapped. */
static u64 *page_entry(u64 virt)
{
    u32 level;
    u64 *entry = entry_find(virt, &level);

    BUG_ON(!entry || level);
    return entry;
}

void paging_image_drop(const char *start, const char *end)
{
    for (u64 at = (u64)start; at < (u64)end; at += PAGE_SIZE) {
        *page_entry(at) = 0;
        if (at < (u64)rodata_end)
            *page_entry(DIRECTMAP_BASE + image_to_maddr((void *)at)) |= PTE_WRITE;
    }
    paging_flush();
}

void paging_image_move(void *page, u64 maddr)
{
    u64 *entry = page_entry((u64)page);

    if (maddr == (*entry & PTE_ADDR))
        return;
    memcpy(maddr_to_virt(maddr), page, PAGE_SIZE);
    *entry = maddr | (*entry & ~PTE_ADDR);
    paging_flush();
}

void paging_flush(void)
{
    write_cr3(read_cr3());
}

INIT void paging_init(u64 image_base, paging_alloc_fn alloc)
{
    image_maddr = image_base;
    alloc_table = alloc;
    have_1g_pages = cpuid(0x80000001, 0).edx & BIT(26);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    root = alloc();
    BUG_ON(!root);
    BUG_ON(map_image());
}

void paging_activate(void)
{
    write_cr3(root);
    write_cr0(read_cr0() | CR0_WP);
    /* SSE state instructions, for the guests' FXSAVE images; global pages and machine checks. */
    write_cr4(read_cr4() | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_MCE);
}

INIT u64 paging_start_tables(u64 maddr)
{
    u64 table = maddr + PAGING_START_TABLES * PAGE_SIZE; /* the root is the last page */

    memset(table_virt(maddr + PAGE_SIZE), 0, PAGING_START_TABLES * PAGE_SIZE);
    memcpy(table_virt(table) + 256, table_virt(root) + 256, PAGE_SIZE / 2);
    for (u32 level = 3; level > 0; level--, table -= PAGE_SIZE)
        *entry_in(table, maddr, level) = (table - PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
    *entry_in(table, maddr, 0) = maddr | PTE_PRESENT;
    return maddr + PAGING_START_TABLES * PAGE_SIZE;
}

INIT u64 paging_make_tables(void)
{
    u64 tables = alloc_table();

    if (tables)
        memcpy(table_virt(tables) + 256, table_virt(root) + 256, PAGE_SIZE / 2);
    return tables;
}

INIT void *paging_map_device(u64 maddr, u64 size)
{
    u64 start = ALIGN_DOWN(maddr, PAGE_SIZE), end = ALIGN_UP(maddr + size, PAGE_SIZE);
    u64 virt = device_next;

    if (end <= start || end - start > DEVICEMAP_BASE + DEVICEMAP_SIZE - device_next)
        return NULL;
    if (paging_map(virt, start, end - start, PAGING_WRITE | PAGING_UNCACHED))
        return NULL;
    device_next += end - start;
    return (void *)(virt + (maddr - start));
}

INIT const void *paging_map_firmware(u64 maddr, u64 len)
{
    u64 end = maddr + len;

    if (end < maddr || end > DIRECTMAP_SIZE)
        return NULL;
    for (u64 at = ALIGN_DOWN(maddr, PAGE_SIZE); at < end; at += PAGE_SIZE)
        if (!paging_is_mapped(DIRECTMAP_BASE + at) && paging_map(DIRECTMAP_BASE + at, at, PAGE_SIZE, 0))
            return NULL;
    return maddr_to_virt(maddr);
}

INIT u64 paging_map_stack(u64 maddr, u64 size)
{
    u64 virt = stack_next + PAGE_SIZE; /* the page left out is the guard */

    if (virt + size > STACKMAP_BASE + STACKMAP_SIZE || paging_map(virt, maddr, size, PAGING_WRITE))
        return 0;
    stack_next = virt + size;
    return stack_next;
}
