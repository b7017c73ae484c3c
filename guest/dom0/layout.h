/*
 * A guest's physical memory as this builder lays it out, and how it is cut into extents. Frames are
 * 4 KiB. RAM: [0, 0xA0) and [0x100, ...) below 3 GiB, the rest from 4 GiB. The hole [0xA0, 0x100) is
 * taken out of the guest's memory, as Xen's tools do; one of its pages is the console ring's, in the place
 * of Xen's special pages. Pure functions.
 */
#ifndef GUEST_DOM0_LAYOUT_H
#define GUEST_DOM0_LAYOUT_H

#include <homestead/types.h>
#include <lib/elf.h>

#define LAYOUT_HOLE_START 0xA0ull
#define LAYOUT_HOLE_END   0x100ull
#define LAYOUT_LOW_END    (GIB(3) >> PAGE_SHIFT)
#define LAYOUT_HIGH_START (GIB(4) >> PAGE_SHIFT)
#define LAYOUT_CONSOLE    0xFEFFFull /* the last of eight special pages in libxc's layout */
#define LAYOUT_MAX        4u

struct layout_range { /* [start, end), frames */
    u64 start, end;
    u32 type; /* XEN_HVM_MEMMAP_TYPE_RAM; _RESERVED: the console ring */
};

struct layout {
    u32 nr_ranges; /* ascending */
    struct layout_range ranges[LAYOUT_MAX];
    u64 nr_pages; /* of all ranges */
};

/* memory_mib >= 2, else the image could not start at 1 MiB. */
void layout_make(u64 memory_mib, struct layout *out);

/* Is [paddr, paddr + bytes) wholly in one range of RAM? */
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
