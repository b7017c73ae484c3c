/*
 * UEFI's memory map and the loader's page tables: plain C on bytes and addresses, no EFI types;
 * tests/unit/boot/efi/efimap_test.c runs both on the host.
 */
#ifndef BOOT_EFI_MEMORY_MAP_H
#define BOOT_EFI_MEMORY_MAP_H

#include <homestead/boot_info.h>
#include <homestead/types.h>

/* UEFI 2.10, 7.2.3: EFI_MEMORY_DESCRIPTOR version 1. Firmware may use a larger stride. */
struct efi_descriptor {
    u32 type;       /* 0x00 */
    u32 pad;        /* 0x04 */
    u64 phys_start; /* 0x08 */
    u64 virt_start; /* 0x10 */
    u64 nr_pages;   /* 0x18, of 4 KiB */
    u64 attributes; /* 0x20 */
};

/*
 * Fills bi->mem, bi->nr_mem and bi->mem_left_out: sorted by base, neighbours of one type joined before they
 * count. Descriptors that overlap or make no sense stay as they are: the hypervisor decides, and what is not
 * RAM wins. Sorts the descriptors in place. Boot services' memory becomes RAM, as it is unused after
 * ExitBootServices, and so does every loader's (EfiLoaderCode, EfiLoaderData): a loader that started this one, GRUB for
 * example, may hold half of the machine. What this loader still needs is in bi->used. What has no better
 * name (memory-mapped I/O, persistent and unaccepted memory included) is reserved, and so is RAM that cannot
 * be written back or is marked specific-purpose or non-volatile; RAM marked EFI_MEMORY_RUNTIME is the
 * firmware's. More than BOOT_MEM_MAX entries: see boot_info_add_mem().
 * Returns 0, or -EINVAL with bi untouched: the stride is too small.
 */
int memory_map_convert(void *descriptors, u64 map_size, u64 stride, struct boot_info *bi);

/* The end (exclusive) of the highest entry that is memory, reserved ranges aside. */
u64 memory_map_end(const struct boot_info *bi);

#define DIRECT_MAP_BASE 0xffff800000000000ull

/* Pages that page_tables_build() needs; map_end is rounded and capped as there. */
u64 page_tables_size(u64 map_end, bool has_1g_pages);

/*
 * Builds 4-level page tables, supervisor read/write/execute, in page_tables_size() pages at memory,
 * which must be identity-mapped and page aligned:
 *   [0, map_end)                    identity; at least 4 GiB, at most 64 TiB (512 GiB without 1 GiB pages)
 *   DIRECT_MAP_BASE                 the same again
 *   IMAGE_VIRT_BASE + [0, span)     image_base, in 2 MiB pages; span at most 1 GiB
 * Returns the value for CR3.
 */
u64 page_tables_build(void *memory, u64 map_end, bool has_1g_pages, u64 image_base, u64 span);

#endif
