/*
 * One entry of a nested page table, in AMD's format. Levels are numbered from 4, the root, down to 1.
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

#endif
