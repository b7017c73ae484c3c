/*
 * Memory before there is an allocator: the free RAM as a sorted list of ranges, from which the boot
 * takes page tables, the frame table and stacks; what is left goes to mm/. Bytes, page granular.
 * Plain C, no locks: the boot CPU alone.
 */
#ifndef BOOT_BOOT_RANGES_H
#define BOOT_BOOT_RANGES_H

#include <homestead/types.h>

/* Twice the entries of a memory map, so that cutting one list of entries out of another always fits; the
 * rest is for what the boot itself takes out of the middle. */
#define BOOT_RANGES_MAX 4352u

struct boot_ranges {
    u32 nr;
    struct {
        u64 start, end;
    } range[BOOT_RANGES_MAX]; /* ascending, apart from each other */
};

/* Adds [start, end), shrunk to whole pages; may overlap what is there. -ENOMEM: the list is full. */
int boot_ranges_add(struct boot_ranges *r, u64 start, u64 end);
/* Takes out [start, end), grown to whole pages. -ENOMEM: a split found the list full; nothing changed. */
int boot_ranges_remove(struct boot_ranges *r, u64 start, u64 end);
/* Takes size bytes from the top of [low, high), aligned. Returns the address, 0: none (page 0 is never free).
 */
u64 boot_ranges_take(struct boot_ranges *r, u64 size, u64 align, u64 low, u64 high);
/* The same with the address at `phase` after a boundary of align, for memory that is to be mapped with large
 * pages at an address with that phase. phase < align. */
u64 boot_ranges_take_phase(struct boot_ranges *r, u64 size, u64 align, u64 phase, u64 low, u64 high);
u64 boot_ranges_total(const struct boot_ranges *r);
/* *out becomes what a has; only used entries are copied, a list being large. */
void boot_ranges_copy(struct boot_ranges *out, const struct boot_ranges *a);
/* *out becomes what both have. -ENOMEM: *out is full. */
int boot_ranges_intersect(struct boot_ranges *out, const struct boot_ranges *a, const struct boot_ranges *b);

#endif
