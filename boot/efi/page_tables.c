/*
 * The page tables that Homestead is entered with: see memory_map.h. They live until the hypervisor
 * has made its own. Identity and direct map share their lower levels.
 * Facts: APM2 5.3 (long-mode translation), the same in SDM 3A 4.5.
 */
#include "elf_load.h"
#include "memory_map.h"

enum { PTE_P = 1, PTE_W = 2, PTE_LARGE = 0x80 };
#define ENTRIES       512u
#define PML4_SPAN     GIB(512)
/* Slots of the PML4: half of the lower half, so that the direct map ends below the image. */
#define MAP_SLOTS_MAX 128u

struct shape { /* how many tables of each kind */
    u64 gigabytes;
    u64 pdpts;
    u64 pds; /* 0 with 1 GiB pages */
};

static struct shape shape_of(u64 map_end, bool has_1g_pages)
{
    u64 limit = has_1g_pages ? MAP_SLOTS_MAX * PML4_SPAN : PML4_SPAN;
    struct shape s;

    map_end = MIN(MAX(map_end, GIB(4)), limit);
    s.gigabytes = DIV_ROUND_UP(map_end, GIB(1));
    s.pdpts = DIV_ROUND_UP(s.gigabytes, ENTRIES);
    s.pds = has_1g_pages ? 0 : s.gigabytes;
    return s;
}

u64 page_tables_size(u64 map_end, bool has_1g_pages)
{
    struct shape s = shape_of(map_end, has_1g_pages);

    return 1 + s.pdpts + s.pds + 2; /* the PML4, and the image's PDPT and PD */
}

static u64 table_entry(const u64 *table)
{
    return (u64)(uintptr_t)table | PTE_P | PTE_W;
}

u64 page_tables_build(void *memory, u64 map_end, bool has_1g_pages, u64 image_base, u64 span)
{
    struct shape s = shape_of(map_end, has_1g_pages);
    u64 *pml4 = memory;
    u64 *pdpt = pml4 + ENTRIES; /* one after the other, so that one index runs through all */
    u64 *pd = pdpt + s.pdpts * ENTRIES;
    u64 *image_pdpt = pd + s.pds * ENTRIES;
    u64 *image_pd = image_pdpt + ENTRIES;

    __builtin_memset(memory, 0, page_tables_size(map_end, has_1g_pages) << PAGE_SHIFT);
    for (u64 i = 0; i < s.pdpts; i++) {
        pml4[i] = table_entry(pdpt + i * ENTRIES);
        pml4[((DIRECT_MAP_BASE / PML4_SPAN) % ENTRIES) + i] = pml4[i];
    }
    for (u64 g = 0; g < s.gigabytes; g++)
        pdpt[g] = has_1g_pages ? (g * GIB(1)) | PTE_P | PTE_W | PTE_LARGE : table_entry(pd + g * ENTRIES);
    for (u64 m = 0; m < s.pds * ENTRIES; m++)
        pd[m] = (m * MIB(2)) | PTE_P | PTE_W | PTE_LARGE;

    pml4[(IMAGE_VIRT_BASE / PML4_SPAN) % ENTRIES] = table_entry(image_pdpt);
    image_pdpt[(IMAGE_VIRT_BASE / GIB(1)) % ENTRIES] = table_entry(image_pd);
    for (u64 i = 0; i < span / MIB(2) && i < ENTRIES; i++)
        image_pd[i] = (image_base + i * MIB(2)) | PTE_P | PTE_W | PTE_LARGE;
    return (u64)(uintptr_t)pml4;
}
