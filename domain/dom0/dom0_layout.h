/*
 * Where things are in domain 0's guest-physical memory. Pure functions on the host's memory map.
 *
 * Domain 0 sees the host's map: RAM where the host has RAM, in ascending order, as much as it was
 * given; the rest of the host's RAM as UNUSABLE, so that it can map foreign frames there; everything
 * else as the host has it. [640 KiB, 1 MiB) is never RAM in the map; the rest of the first MiB is backed by zero
 * pages all the same, because kernels search it for tables of the firmware, and holds the ACPI tables.
 */
#ifndef DOMAIN_DOM0_LAYOUT_H
#define DOMAIN_DOM0_LAYOUT_H

#include <domain/domain.h>

#define DOM0_LAYOUT_LOW_END MIB(1)
#define DOM0_LAYOUT_ACPI    0xe0000ull /* a search for the RSDP begins here (ACPI 6.5 5.2.5.1) */
#define DOM0_LAYOUT_ROM \
    0xf0000ull /* end of the tables. Linux takes it for the ROM of a PC, whatever the map says */

struct dom0_layout {
    u32 nr_e820; /* sorted by address, no overlaps */
    struct e820_entry e820[DOMAIN_MAX_E820];
    u64 ram_bytes;        /* RAM in it, in whole pages */
    u64 start_info_gaddr; /* struct hvm_start_info, the module entry after it, then the two command lines */
    u64 module_gaddr;     /* page aligned */
};

/*
 * Lays out mem_bytes of RAM. host: any order, may overlap (the type that is not RAM wins). If that makes more
 * entries than DOMAIN_MAX_E820, the smallest pieces are left out, RAM and other, until they fit: firmware of
 * servers may have hundreds. -ENOMEM: the host's map has less RAM than that in what is listed; -ENOSPC: more
 * than DOMAIN_MAX_E820 pieces of RAM of 256 GiB.
 */
int dom0_layout_memory(const struct e820_entry *host, u32 nr_host, u64 mem_bytes, struct dom0_layout *out);

/*
 * Finds places after the image's end for start info and module, below 4 GiB in RAM, page aligned, nothing
 * overlapping. -ENOSPC: they do not fit. *why names what.
 */
int dom0_layout_place(struct dom0_layout *layout, u64 image_end, u64 module_size, u64 info_size,
                      const char **why);

/* Is [gaddr, gaddr + size) all RAM? */
bool dom0_layout_is_ram(const struct dom0_layout *layout, u64 gaddr, u64 size);

#endif
