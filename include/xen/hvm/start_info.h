/*
 * What a PVH kernel finds at the address in EBX. All addresses are guest-physical and below 4 GiB;
 * 0 means absent. Facts: Xen's public/arch-x86/hvm/start_info.h, 4.17. Version 0 ends before
 * memmap_paddr: such a kernel asks XENMEM_memory_map.
 */
#ifndef XEN_HVM_START_INFO_H
#define XEN_HVM_START_INFO_H

#include <homestead/types.h>

#define XEN_HVM_START_MAGIC_VALUE 0x336ec578

/* E820's numbers. */
#define XEN_HVM_MEMMAP_TYPE_RAM      1
#define XEN_HVM_MEMMAP_TYPE_RESERVED 2
#define XEN_HVM_MEMMAP_TYPE_ACPI     3
#define XEN_HVM_MEMMAP_TYPE_NVS      4
#define XEN_HVM_MEMMAP_TYPE_UNUSABLE 5

struct hvm_start_info {
    u32 magic;
    u32 version;
    u32 flags; /* SIF_* */
    u32 nr_modules;
    u64 modlist_paddr; /* struct hvm_modlist_entry[nr_modules] */
    u64 cmdline_paddr; /* NUL terminated */
    u64 rsdp_paddr;
    u64 memmap_paddr; /* struct hvm_memmap_table_entry[memmap_entries], from version 1 */
    u32 memmap_entries;
    u32 reserved;
};

struct hvm_modlist_entry {
    u64 paddr;
    u64 size; /* bytes */
    u64 cmdline_paddr;
    u64 reserved;
};

struct hvm_memmap_table_entry {
    u64 addr; /* bytes */
    u64 size; /* bytes */
    u32 type; /* XEN_HVM_MEMMAP_TYPE_* */
    u32 reserved;
};

_Static_assert(sizeof(struct hvm_start_info) == 56, "public/arch-x86/hvm/start_info.h");
_Static_assert(offsetof(struct hvm_start_info, memmap_paddr) == 40, "public/arch-x86/hvm/start_info.h");
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "public/arch-x86/hvm/start_info.h");
_Static_assert(sizeof(struct hvm_memmap_table_entry) == 24, "public/arch-x86/hvm/start_info.h");

#endif
