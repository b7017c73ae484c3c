/*
 * Guest page-table walk, see guest_walk.h. All modes share one loop; struct mode holds the differences. The
 * guest may change its tables during the walk: each entry is read once, at most five in all.
 *
 * guest_walk(): the access is Homestead's own, so user bit, NX, SMAP and protection keys do not matter; a write
 * honours CR0.WP. guest_access(): as the CPU has it, without protection keys, which guests do not have. Bits that the
 * CPU would call reserved are refused where they would give a frame no CPU could reach.
 */
#include <arch/x86/hvm/guest_walk.h>

#include <homestead/errno.h>

#include <arch/x86/cpu/msr.h>

#define PTE_PRESENT    BIT(0)
#define PTE_USER       BIT(2)
#define PTE_ACCESSED   BIT(5)
#define PTE_DIRTY      BIT(6)
#define PTE_LARGE      BIT(7)
#define ADDR_MASK_LONG 0x000ffffffffff000ull /* entries and CR3 with 8-byte entries */
#define ADDR_MASK_32   0xfffff000ull

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

/* What a walk has found: where the address is. */
struct found {
    u64 gaddr, run_bytes;
    bool writable, user;
};

/* The entries on the way, the last one last. Only for guest_access(): guest_walk() is on hot paths. */
struct trail {
    u32 nr;
    u64 at[5], entry[5];
};

static void set_result(u64 base, u64 gva, u64 size, struct found *out)
{
    u64 offset = gva & (size - 1);

    out->gaddr = base + offset;
    out->run_bytes = size - offset;
}

/* 0; or -EFAULT and as *error what a #PF would say of the entries: 0, or P and RSV. Inlined: what guest_walk() does not
 * ask for then costs nothing (5,023 instructions of a numainfo become 4,794). */
static inline __attribute__((always_inline)) int
walk_tables(const struct guest_walk *walk, u64 gva, struct found *out, struct trail *trail, u32 *error)
{
    struct mode mode = walk_mode(walk);

    *error = 0;
    if (!address_valid(walk, &mode, gva))
        return -EFAULT;
    u64 table = mode.root;
    out->writable = out->user = true;
    for (u32 level = mode.levels; level >= 1; level--) {
        u32 shift = PAGE_SHIFT + (level - 1) * mode.index_bits;
        u64 index = gva >> shift & ((1u << mode.index_bits) - 1);
        u64 at = table + index * mode.entry_size, entry, base;

        if (walk->entry(walk->ctx, at, mode.entry_size, &entry) || !(entry & PTE_PRESENT))
            return -EFAULT;
        if (!(mode.top_without_write && level == mode.levels)) {
            out->writable = out->writable && (entry & PTE_WRITE);
            out->user = out->user && (entry & PTE_USER);
            if (trail) {
                trail->at[trail->nr] = at;
                trail->entry[trail->nr++] = entry;
            }
        }

        bool large = level > 1 && (entry & PTE_LARGE);
        if (large && !(mode.large_levels & BIT(level))) {
            if (mode.entry_size == 8)
                break;
            large = false; /* without CR4.PSE the bit is ignored */
        }
        if (level > 1 && !large) {
            table = entry & (mode.entry_size == 8 ? ADDR_MASK_LONG : ADDR_MASK_32);
            continue;
        }
        if (!page_base(&mode, entry, shift, &base))
            break;
        set_result(base, gva, 1ull << shift, out);
        return 0;
    }
    *error = PF_PRESENT | PF_RESERVED;
    return -EFAULT;
}

/* With paging off; EFER does not matter, because long mode needs paging. */
static int walk_nothing(u64 gva, struct found *out)
{
    if (gva >> 32)
        return -EFAULT;
    set_result(gva & ~(GIB(1) - 1), gva, GIB(1), out);
    return 0;
}

int guest_walk(const struct guest_walk *walk, u64 gva, bool write, u64 *gaddr, u64 *run_bytes)
{
    struct found found;
    bool paging = walk->cr0 & CR0_PG;
    u32 unused;

    if (paging ? walk_tables(walk, gva, &found, NULL, &unused) : walk_nothing(gva, &found))
        return -EFAULT;
    if (paging && write && !found.writable && (walk->cr0 & CR0_WP))
        return -EFAULT;
    *gaddr = found.gaddr;
    *run_bytes = found.run_bytes;
    return 0;
}

/* Sets A in each entry and D in the last one, where they are clear. */
static bool mark(const struct guest_walk *walk, const struct trail *trail, u32 size, bool write)
{
    for (u32 i = 0; i < trail->nr; i++) {
        u64 bits = PTE_ACCESSED | (write && i == trail->nr - 1 ? PTE_DIRTY : 0);

        if ((trail->entry[i] & bits) != bits &&
            !walk->mark(walk->ctx, trail->at[i], size, trail->entry[i], trail->entry[i] | bits))
            return false;
    }
    return true;
}

int guest_access(const struct guest_walk *walk, u64 gva, u32 access, u64 *gaddr, u32 *error)
{
    struct trail trail = {.nr = 0};
    struct found found;
    bool write = access & PF_WRITE, user = access & PF_USER;

    if (!(walk->cr0 & CR0_PG)) {
        if (walk_nothing(gva, &found))
            return -EFAULT;
    } else {
        int rc = walk_tables(walk, gva, &found, &trail, error);
        bool refused = !rc && ((user && !found.user) || (!user && found.user && (access & GUEST_SMAP)) ||
                               (write && !found.writable && (user || (walk->cr0 & CR0_WP))));

        if (refused)
            *error = PF_PRESENT;
        if (rc || refused) {
            *error |= access & (PF_WRITE | PF_USER);
            return -EFAULT;
        }
        if (!mark(walk, &trail, walk_mode(walk).entry_size, write))
            return -EAGAIN;
    }
    *gaddr = found.gaddr;
    return 0;
}
