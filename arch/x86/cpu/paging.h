/*
 * Homestead's own address space. Layout (docs/hypervisor-guide/memory-layout.md):
 *
 *   0xffff800000000000  direct map: all RAM, writable or read-only (the image's text), never executable
 *   0xffffe00000000000  frame table: 4.5 bytes per frame, backed only where there is RAM
 *   0xffffff8000000000  device registers (uncached) and stacks with guard pages
 *   0xffffffff80000000  the image: text r-x, rodata r--, data and BSS rw-
 *
 * The boot entry's page tables already have the direct map and the image, so maddr_to_virt() works
 * from the first line of C on. Page-table pages come from a callback: this layer never allocates.
 */
#ifndef CPU_PAGING_H
#define CPU_PAGING_H

#include <arch/x86/cpu/frames.h>
#include <homestead/addr.h>

#define FRAMETABLE_BASE 0xffffe00000000000ull
#define DEVICEMAP_BASE  0xffffff8000000000ull
#define STACKMAP_BASE   0xffffffc000000000ull
#define IMAGE_VIRT_BASE 0xffffffff80000000ull

enum paging_flag {
    PAGING_WRITE = 1u << 0,
    PAGING_EXEC = 1u << 1,
    PAGING_UNCACHED = 1u << 2,
};

/* Machine address of something in the image (static data, text). */
u64 image_to_maddr(const void *virt);

/* Supplies one zeroed page for a page table: its maddr, 0 if there is none. */
typedef u64 (*paging_alloc_fn)(void);

/* Begins the final page tables: the image. The caller adds RAM, then switches. image_base as in boot_info. */
void paging_init(u64 image_base, paging_alloc_fn alloc);
/* Switches this CPU to them. Each CPU calls it once. */
void paging_activate(void);
/* For CPUs that start: tables that show [maddr, +4 KiB), executable, at its own address, and besides that what
 * Homestead's show. They are made in the PAGING_START_TABLES pages after that page. Returns their root. Only CPUs
 * that start too late stay on them. */
#define PAGING_START_TABLES 4u
u64 paging_start_tables(u64 maddr);
/* Maps [maddr, maddr + size) at virt with the largest pages that fit. -ENOMEM, -EINVAL (not page aligned),
 * -EEXIST. */
int paging_map(u64 virt, u64 maddr, u64 size, u32 flags);
/* Other tables that show Homestead in the upper half and nothing in the lower half: the machine address of their root,
 * 0: no memory. */
u64 paging_make_tables(void);
/* paging_map() into them. */
int paging_map_in(u64 tables, u64 virt, u64 maddr, u64 size, u32 flags);
/* Adds RAM to the direct map: writable, never executable, keeping the image's read-only parts read-only. */
int paging_map_ram(u64 maddr, u64 size);
/* Maps device registers uncached; returns where, NULL if out of room. */
void *paging_map_device(u64 maddr, u64 size);
/* Makes [maddr, maddr+len) readable in the direct map if it is not yet. NULL: cannot. For firmware tables. */
const void *paging_map_firmware(u64 maddr, u64 len);
/* A stack of size bytes from memory at maddr with an unmapped guard page below. Returns its top, 0 if out of
 * room. */
u64 paging_map_stack(u64 maddr, u64 size);
/* Takes pages of the image out of it: their memory is then like any other, writable in the direct map. */
void paging_image_drop(const char *start, const char *end);
/* The page of the image's data is at maddr from now on, with what it holds. */
void paging_image_move(void *page, u64 maddr);
/* Empties this CPU's TLB. */
void paging_flush(void);
bool paging_is_mapped(u64 virt);

#endif
