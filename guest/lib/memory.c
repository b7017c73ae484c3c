/*
 * The guest's memory map and its 1:1 page tables. entry.asm has mapped 4 GiB; RAM above is added here,
 * by 1 GiB pages where the CPU has them, else by 2 MiB pages from a fixed pool.
 */
#include <guest/lib/internal.h>
#include <guest/lib/hypercall.h>
#include <homestead/errno.h>
#include <xen/memory.h>
#include <lib/string.h>

#define PTE_TABLE 0x3ull  /* present, writable */
#define PTE_LEAF  0x83ull /* present, writable, large page */
#define PTE_FRAME 0x000ffffffffff000ull

extern u64 boot_pml4[512];

/* 64 tables: 64 GiB by 2 MiB pages, or 32 TiB by 1 GiB pages. */
#define POOL_TABLES 64u
static u64 pool[POOL_TABLES][512] ALIGNED(4096);
static u32 pool_used;

static void add_range(u64 base, u64 size, u32 type)
{
    if (size && guest_env.nr_ranges < GUEST_MEMMAP_MAX)
        guest_env.ranges[guest_env.nr_ranges++] = (struct guest_range){base, size, type};
}

int memory_read_map(const struct hvm_start_info *si)
{
    static struct xen_e820_entry entries[GUEST_MEMMAP_MAX];

    if (si->version >= 1 && si->memmap_paddr && si->memmap_entries) {
        const struct hvm_memmap_table_entry *m = (const struct hvm_memmap_table_entry *)si->memmap_paddr;
        for (u32 i = 0; i < si->memmap_entries && i < GUEST_MEMMAP_MAX; i++)
            add_range(m[i].addr, m[i].size, m[i].type);
        return 0;
    }
    struct xen_memory_map map = {.nr_entries = GUEST_MEMMAP_MAX, .buffer = XEN_HANDLE(entries)};
    long rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_memory_map, &map);
    if (rc)
        return (int)rc;
    for (u32 i = 0; i < map.nr_entries && i < GUEST_MEMMAP_MAX; i++)
        add_range(entries[i].addr, entries[i].size, entries[i].type);
    return 0;
}

/* The table that *slot points to, made if there is none. NULL: pool empty. */
static u64 *next_table(u64 *slot)
{
    if (!(*slot & 1)) {
        if (pool_used == POOL_TABLES)
            return NULL;
        *slot = (u64)(uintptr_t)pool[pool_used++] | PTE_TABLE;
    }
    return (u64 *)(*slot & PTE_FRAME);
}

static int map_gib(u64 addr, bool have_1g)
{
    u64 *pdpt = next_table(&boot_pml4[(addr >> 39) & 511]);
    if (!pdpt)
        return -ENOMEM;
    u64 *slot = &pdpt[(addr >> 30) & 511];
    if (*slot & 1)
        return 0;
    if (have_1g) {
        *slot = addr | PTE_LEAF;
        return 0;
    }
    u64 *pd = next_table(slot);
    if (!pd)
        return -ENOMEM;
    for (u64 i = 0; i < 512; i++)
        pd[i] = (addr + (i << 21)) | PTE_LEAF;
    return 0;
}

int memory_map_all(void)
{
    bool have_1g = cpuid(0x80000000, 0).eax >= 0x80000001 && (cpuid(0x80000001, 0).edx & (1u << 26));

    for (u32 i = 0; i < guest_env.nr_ranges; i++) {
        const struct guest_range *r = &guest_env.ranges[i];
        if (r->type != XEN_HVM_MEMMAP_TYPE_RAM)
            continue;
        for (u64 a = ALIGN_DOWN(MAX(r->base, GIB(4)), GIB(1)); a < r->base + r->size; a += GIB(1)) {
            int rc = map_gib(a, have_1g);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* 2: inside an unusable range (Xen's name for host RAM that is not ours), 1: in no range, 0: taken. */
static int hole_quality(u64 base, u64 end)
{
    int quality = 1;

    for (u32 i = 0; i < guest_env.nr_ranges; i++) {
        const struct guest_range *r = &guest_env.ranges[i];
        if (end <= r->base || base >= r->base + r->size)
            continue;
        if (r->type != XEN_HVM_MEMMAP_TYPE_UNUSABLE)
            return 0;
        quality = 2;
    }
    return quality;
}

u64 guest_find_hole(u64 bytes)
{
    u64 second = 0;

    /* Below 3 GiB: above are the devices of a PC. */
    for (u64 a = MIB(2); a + bytes <= GIB(3); a += MIB(2)) {
        int quality = hole_quality(a, a + bytes);
        if (quality == 2)
            return a;
        if (quality == 1 && !second)
            second = a;
    }
    return second;
}
