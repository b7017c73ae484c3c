/*
 * A guest's physical memory as this builder lays it out, and how it is cut into extents. Frames are
 * 4 KiB. The guest owns exactly what `memory` says: [0, memory) below 3 GiB, the rest from 4 GiB.
 *
 * [0xA0, 0x100) is a PC's hole for video memory and ROMs. It is memory of the guest like the rest, so that the
 * extents from 0 on are whole, and a kernel that searches ROMs there reads zeros without an exit. Without it,
 * Debian's Linux 6.1 ends at 0xC0000, by an instruction that the hypervisor does not emulate. The memory map
 * does not have it as RAM: what the builder needs for as long as the guest runs, the ACPI tables and the page of
 * the console ring, is there. Pure functions.
 */
#ifndef GUEST_DOM0_LAYOUT_H
#define GUEST_DOM0_LAYOUT_H

#include <homestead/types.h>
#include <lib/elf.h>

#define LAYOUT_HOLE_START 0xA0ull
#define LAYOUT_ACPI       0xE0ull /* a search for the RSDP begins here (ACPI 6.5 5.2.5.1) */
#define LAYOUT_ROM        0xF0ull /* end of the tables. Linux takes it for the ROM of a PC, whatever the map says */
#define LAYOUT_CONSOLE    0xFFull
#define LAYOUT_HOLE_END   0x100ull
#define LAYOUT_LOW_END    (GIB(3) >> PAGE_SHIFT)
#define LAYOUT_HIGH_START (GIB(4) >> PAGE_SHIFT)
#define LAYOUT_RANGES_MAX 2u
#define LAYOUT_MAP_MAX    5u

struct layout_range { /* [start, end), frames */
    u64 start, end;
    u32 type; /* XEN_HVM_MEMMAP_TYPE_RAM; in the map also _ACPI: the tables, and _RESERVED: from LAYOUT_ROM */
};

struct layout {
    u32 nr_ranges; /* of what the guest owns, ascending */
    struct layout_range ranges[LAYOUT_RANGES_MAX];
    u64 nr_pages; /* of all ranges */
    u32 nr_map;   /* entries of its memory map, ascending */
    struct layout_range map[LAYOUT_MAP_MAX];
};

/* memory_mib >= 2, else the image could not start at 1 MiB. */
void layout_make(u64 memory_mib, struct layout *out);

/* Is [paddr, paddr + bytes) wholly in one range of RAM of the memory map? */
bool layout_contains(const struct layout *l, u64 paddr, u64 bytes);

/*
 * Where `bytes` of the builder's go, page aligned, below 4 GiB: behind the kernel, as libxc does. If they do
 * not fit there, behind another of its segments or at 1 MiB; never below, since kernels use the first MiB
 * before they read what is there. 0: nowhere.
 */
u64 layout_place(const struct layout *l, const struct elf_kernel *elf, u64 bytes);

/* The largest order of 18, 9 and 0, at most max_order, whose extent starts at gfn aligned and ends by end. */
u32 layout_order(u64 gfn, u64 end, u32 max_order);

#endif
