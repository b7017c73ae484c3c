/*
 * What of the firmware's memory map is RAM: pure decisions on struct boot_info, which the host tests run on
 * maps of real servers. Bytes.
 *
 *   - RAM is what an entry calls RAM and no entry calls anything else: entries may
 *     overlap, be in any order and begin or end inside a page, and what is not RAM wins, in whole pages.
 *     Persistent, specific-purpose and unaccepted memory, and everything unknown, is not RAM.
 *   - The first MiB stays out (firmware's data, and CPUs start there).
 *   - RAM at RAM_LIMIT and above is out of reach: the frame table's links end there, and so does the direct
 *     map. It is counted, the rest is used.
 *   - An entry of RAM that wraps around is nonsense and ignored; one of something else counts up to the end.
 */
#ifndef BOOT_RAM_MAP_H
#define BOOT_RAM_MAP_H

#include <homestead/boot_info.h>
#include <homestead/topology.h>
#include <arch/x86/cpu/mtrr.h>
#include <boot/boot_ranges.h>
#include <mm/page.h>

#define RAM_LOW_RESERVED MIB(1)
#define RAM_LIMIT        ((u64)FRAME_LIMIT << PAGE_SHIFT) /* 64 TiB less a page */

struct ram_map {
    struct boot_ranges ram;    /* all that has frames: free, image, modules, what else the loader allocated */
    struct boot_ranges mapped; /* what the direct map shows: that, the first MiB's RAM and firmware's data */
    u64 firmware;              /* bytes of RAM that the map describes, used or not: ram and the next three */
    u64 low;                   /* bytes of RAM below RAM_LOW_RESERVED */
    u64 out_of_reach;          /* bytes of RAM above RAM_LIMIT */
    u64 left_out;              /* bytes of RAM for which the loader's table had no room */
    u32 nonsense;              /* entries that were ignored */
};

/*
 * Fills *map and *free (RAM that is not in use; the lists may hold old entries). -EINVAL: the map has no entries,
 * or no RAM. -ENOMEM: a list is full, which a map of BOOT_MEM_MAX entries cannot bring about.
 */
int ram_map_make(struct ram_map *map, struct boot_ranges *free, const struct boot_info *info);

/* *loaded becomes the RAM that holds modules and what else the UEFI loader allocated, without the image. -ENOMEM as above. */
int ram_map_loaded(struct boot_ranges *loaded, const struct ram_map *map, const struct boot_info *info);

/* *out becomes the RAM that the MTRRs do not make write-back. -ENOMEM: a list is full. */
int ram_map_uncached(struct boot_ranges *out, const struct boot_ranges *ram, const struct mtrr *mtrr);

/* Calls fn for each piece of r that is on one node (acpi_ram_node()), ascending. */
typedef void (*ram_piece_fn)(u64 start, u64 end, nodeid_t nid, void *arg);
void ram_for_each_piece(const struct boot_ranges *r, const struct topology *topo, ram_piece_fn fn, void *arg);

#endif
