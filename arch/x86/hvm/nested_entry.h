/*
 * One entry of a nested page table, in AMD's format, and the way to it. Levels are numbered from 4, the root,
 * down to 1.
 *
 * Entry bits (APM2 5.4, 15.25.5): guest accesses count as user accesses, so U is always set. Accessed and
 * dirty are set beforehand: the CPU then never writes to these tables, and plain stores are enough here.
 *
 * In an entry that points to a table, bits 52-61 (ignored by the CPU) count that table's entries in use:
 * leaves, and tables whose own count is not 0. So "is there anything in this range" is one look, not a
 * search.
 */
#ifndef HVM_NESTED_ENTRY_H
#define HVM_NESTED_ENTRY_H

#include <arch/x86/hvm/nested_paging.h>

#define NPE_PRESENT     BIT(0)
#define NPE_WRITE       BIT(1)
#define NPE_USER        BIT(2)
#define NPE_ACCESSED    BIT(5)
#define NPE_DIRTY       BIT(6)
#define NPE_LARGE       BIT(7)
#define NPE_TYPE_SHIFT  9
#define NPE_TYPE_MASK   (7ull << NPE_TYPE_SHIFT)
#define NPE_ADDR_MASK   0x000ffffffffff000ull
#define NPE_COUNT_SHIFT 52
#define NPE_COUNT_ONE   BIT(NPE_COUNT_SHIFT)
#define NPE_COUNT_MASK  (0x3ffull << NPE_COUNT_SHIFT)

#define NPE_TABLE (NPE_PRESENT | NPE_WRITE | NPE_USER | NPE_ACCESSED)
#define NPE_LEAF  (NPE_PRESENT | NPE_USER | NPE_ACCESSED | NPE_DIRTY)

#define ENTRIES   512u
#define TOP_LEVEL 4u

static inline u32 level_order(u32 level)
{
    return 9 * (level - 1);
}

static inline u32 entry_index(gfn_t g, u32 level)
{
    return (u32)(g.n >> level_order(level)) % ENTRIES;
}

static inline bool is_leaf(u64 entry, u32 level)
{
    return (entry & NPE_PRESENT) && (level == 1 || (entry & NPE_LARGE));
}

static inline bool is_table(u64 entry, u32 level)
{
    return (entry & NPE_PRESENT) && !is_leaf(entry, level);
}

static inline u64 entry_count(u64 entry)
{
    return (entry & NPE_COUNT_MASK) >> NPE_COUNT_SHIFT;
}

/* Is anything mapped through this entry? */
static inline bool in_use(u64 entry, u32 level)
{
    return is_leaf(entry, level) || (is_table(entry, level) && entry_count(entry));
}

static inline u64 make_leaf(mfn_t m, u32 level, enum np_type type, bool writable)
{
    return mfn_to_maddr(m) | NPE_LEAF | (u64)type << NPE_TYPE_SHIFT | (writable ? NPE_WRITE : 0) |
           (level > 1 ? NPE_LARGE : 0);
}

/* A store that other CPUs' page walkers see whole. */
static inline void write_entry(u64 *entry, u64 value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* The way from the root to one entry: entry[level] for level .. 4. */
struct path {
    u64 *entry[TOP_LEVEL + 1];
    u32 level; /* where it ended */
};

static inline u64 *table_virt(const struct np_table *np, u64 maddr)
{
    return np->virt(maddr);
}

/* Follows tables towards g, at most down to level to. Stops earlier at a leaf or a hole. */
static inline struct path walk(const struct np_table *np, gfn_t g, u32 to)
{
    struct path path = {.level = TOP_LEVEL};
    u64 *table = table_virt(np, np->root_maddr);

    for (;;) {
        u64 *entry = &table[entry_index(g, path.level)];
        path.entry[path.level] = entry;
        if (path.level == to || !is_table(*entry, path.level))
            return path;
        table = table_virt(np, *entry & NPE_ADDR_MASK);
        path.level--;
    }
}

/* nr entries of the table at the path's end have become used: tells the tables above. */
static inline void count_up(struct path *path, u64 nr)
{
    for (u32 level = path->level + 1; level <= TOP_LEVEL; level++) {
        u64 old = *path->entry[level];
        write_entry(path->entry[level], old + nr * NPE_COUNT_ONE);
        if (entry_count(old))
            return;
        nr = 1; /* this table was empty, so its own entry has become used as well */
    }
}

/* The same for entries that have become empty. */
static inline void count_down(struct path *path, u64 nr)
{
    for (u32 level = path->level + 1; level <= TOP_LEVEL; level++) {
        u64 now = *path->entry[level] - nr * NPE_COUNT_ONE;
        write_entry(path->entry[level], now);
        if (entry_count(now))
            return;
        nr = 1;
    }
}

#endif
