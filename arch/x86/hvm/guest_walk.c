/*
 * Guest page-table walk, see guest_walk.h. All modes share one loop; struct mode holds the differences. The
 * guest may change its tables during the walk: each entry is read once, at most five in all.
 *
 * The access is Homestead's own, so user bit, NX, SMAP and protection keys do not matter; a write honours
 * CR0.WP. Bits that the CPU would call reserved are refused where they would give a frame no CPU could reach.
 */
#include <arch/x86/hvm/guest_walk.h>

#include <homestead/errno.h>

#include <arch/x86/cpu/msr.h>

#define PTE_PRESENT    BIT(0)
#define PTE_WRITE      BIT(1)
#define PTE_LARGE      BIT(7)
#define ADDR_MASK_LONG 0x000ffffffffff000ull /* entries and CR3 with 8-byte entries */
#define ADDR_MASK_32   0xfffff000ull
#define CR3_MASK_PAE   0xffffffe0ull

struct mode {
    u64 root; /* address of the first table */
    u32 levels;
    u32 entry_size;         /* bytes */
    u32 index_bits;         /* per level; a 32-bit address selects only four entries of PAE's top level */
    u32 large_levels;       /* bit L: an entry of level L (1 is the last) may map a large page */
    bool top_without_write; /* PAE's page-directory-pointer entries have no R/W bit */
};

static struct mode walk_mode(const struct guest_walk *walk)
{
    if (walk->efer & EFER_LMA)
        return (struct mode){.root = walk->cr3 & ADDR_MASK_LONG,
                             .levels = walk->cr4 & CR4_LA57 ? 5 : 4,
                             .entry_size = 8,
                             .index_bits = 9,
                             .large_levels = BIT(2) | BIT(3)};
    if (walk->cr4 & CR4_PAE)
        return (struct mode){.root = walk->cr3 & CR3_MASK_PAE,
                             .levels = 3,
                             .entry_size = 8,
                             .index_bits = 9,
                             .large_levels = BIT(2),
                             .top_without_write = true};
    return (struct mode){.root = walk->cr3 & ADDR_MASK_32,
                         .levels = 2,
                         .entry_size = 4,
                         .index_bits = 10,
                         .large_levels = walk->cr4 & CR4_PSE ? BIT(2) : 0};
}

/* Does the address fit the mode? In long mode the upper bits repeat the highest translated one. */
static bool address_valid(const struct guest_walk *walk, const struct mode *mode, u64 gva)
{
    if (!(walk->efer & EFER_LMA))
        return gva >> 32 == 0;
    u32 shift = 64 - (PAGE_SHIFT + mode->levels * mode->index_bits);
    return (u64)((int64_t)(gva << shift) >> shift) == gva;
}

/* Start of the page that the last entry maps; false: reserved bits are set. */
static bool page_base(const struct mode *mode, u64 entry, u32 shift, u64 *base)
{
    if (shift == PAGE_SHIFT) {
        *base = entry & (mode->entry_size == 8 ? ADDR_MASK_LONG : ADDR_MASK_32);
        return true;
    }
    if (mode->entry_size ==
        4) { /* 4 MiB with PSE-36: bits 13-20 are address bits 32-39, 21 is reserved (APM2 5.2.2) */
        *base = (entry & 0xffc00000ull) | (entry >> 13 & 0xff) << 32;
        return !(entry & BIT(21));
    }
    u64 below = (1ull << shift) - 1;
    *base = entry & ADDR_MASK_LONG & ~below;
    return !(entry & below & ~0x1fffull); /* bit 12 is PAT */
}

static void set_result(u64 base, u64 gva, u64 size, u64 *gaddr, u64 *run_bytes)
{
    u64 offset = gva & (size - 1);

    *gaddr = base + offset;
    *run_bytes = size - offset;
}

int guest_walk(const struct guest_walk *walk, u64 gva, bool write, u64 *gaddr, u64 *run_bytes)
{
    if (!(walk->cr0 & CR0_PG)) { /* EFER does not matter: long mode needs paging */
        if (gva >> 32)
            return -EFAULT;
        set_result(gva & ~(GIB(1) - 1), gva, GIB(1), gaddr, run_bytes);
        return 0;
    }

    struct mode mode = walk_mode(walk);
    if (!address_valid(walk, &mode, gva))
        return -EFAULT;
    u64 table = mode.root;
    bool writable = true;
    for (u32 level = mode.levels; level >= 1; level--) {
        u32 shift = PAGE_SHIFT + (level - 1) * mode.index_bits;
        u64 index = gva >> shift & ((1u << mode.index_bits) - 1);
        u64 entry, base;

        if (walk->entry(walk->ctx, table + index * mode.entry_size, mode.entry_size, &entry) ||
            !(entry & PTE_PRESENT))
            return -EFAULT;
        if (!(mode.top_without_write && level == mode.levels))
            writable = writable && (entry & PTE_WRITE);

        bool large = level > 1 && (entry & PTE_LARGE);
        if (large && !(mode.large_levels & BIT(level))) {
            if (mode.entry_size == 8)
                return -EFAULT; /* reserved */
            large = false;      /* without CR4.PSE the bit is ignored */
        }
        if (level > 1 && !large) {
            table = entry & (mode.entry_size == 8 ? ADDR_MASK_LONG : ADDR_MASK_32);
            continue;
        }
        if (write && !writable && (walk->cr0 & CR0_WP))
            return -EFAULT;
        if (!page_base(&mode, entry, shift, &base))
            return -EFAULT;
        set_result(base, gva, 1ull << shift, gaddr, run_bytes);
        return 0;
    }
    return -EFAULT;
}
