/*
 * The one hand-over between every way of being started (UEFI loader, Multiboot) and boot_main().
 * All addresses are machine addresses. The structure is self-contained: strings are inside it, so
 * nothing of the firmware's or loader's memory is needed after it has been filled, except the image, the
 * modules and what used[] lists. The memory map calls all of that RAM, like what other loaders left behind.
 */
#ifndef HOMESTEAD_BOOT_INFO_H
#define HOMESTEAD_BOOT_INFO_H

#include <homestead/types.h>

#define BOOT_INFO_MAGIC   0x44545345454d4f48ull /* "HOMEESTD" */
#define BOOT_INFO_VERSION 5u

/* Firmware of large servers gives 200 to 1,000 descriptors; neighbours of one type become one entry. */
#define BOOT_MEM_MAX     2048u
#define BOOT_MODULE_MAX  4u
#define BOOT_USED_MAX    16u
#define BOOT_CMDLINE_MAX 1024u

/* Values 1 to 5 are E820's. */
enum boot_mem_type {
    BOOT_MEM_RAM = 1,
    BOOT_MEM_RESERVED = 2,
    BOOT_MEM_ACPI = 3, /* ACPI tables, free once they have been read */
    BOOT_MEM_NVS = 4,
    BOOT_MEM_UNUSABLE = 5,
    BOOT_MEM_EFI_RT_CODE = 0x101, /* UEFI runtime services, code */
    BOOT_MEM_EFI_RT_DATA = 0x102, /* UEFI runtime services, data */
};

struct boot_mem {
    u64 base; /* bytes */
    u64 size; /* bytes */
    u32 type; /* enum boot_mem_type */
    u32 pad;
};

struct boot_module {
    u64 base;                       /* maddr, page aligned when the UEFI loader placed it */
    u64 size;                       /* bytes */
    char cmdline[BOOT_CMDLINE_MAX]; /* arguments only, without the file's name; NUL terminated */
    char name[256];                 /* the file's name; empty if the loader does not pass it */
};

struct boot_used {
    u64 base; /* bytes, page aligned */
    u64 size;
};

struct boot_framebuffer {
    u64 base; /* 0: none */
    u64 size;
    u32 width, height; /* pixels */
};

/* EFI_TIME as GetTime() gave it (UEFI 2.10, 8.3), and the TSC at that moment. year 0: there is none. */
struct boot_efi_time {
    u32 year, month, day, hour, minute, second, ns;
    s32 zone_minutes; /* UTC is the time plus this; BOOT_EFI_ZONE_UNSPECIFIED: it is UTC */
    u64 tsc;
};
#define BOOT_EFI_ZONE_UNSPECIFIED 0x7ff

enum boot_source { BOOT_FROM_MULTIBOOT = 1, BOOT_FROM_UEFI = 2 };

struct boot_info {
    u64 magic;      /* BOOT_INFO_MAGIC */
    u32 version;    /* BOOT_INFO_VERSION */
    u32 source;     /* enum boot_source */
    u64 image_base; /* maddr at which the image's link address IMAGE_VIRT_BASE is loaded, 2 MiB aligned */
    u64 image_size; /* bytes, BSS included */
    u64 rsdp;       /* maddr of ACPI's RSDP, 0: not known */
    u64 efi_system_table; /* maddr, 0: not started by UEFI */
    u64 tsc_entry;        /* TSC at the hypervisor's first instruction */
    struct boot_efi_time time;
    struct boot_framebuffer fb;
    char loader[64]; /* the loader's name, for the console */
    char cmdline[BOOT_CMDLINE_MAX];
    u32 nr_modules;
    u32 strings_cut; /* command lines that were longer than their field: only their first words are here */
    struct boot_module modules[BOOT_MODULE_MAX];
    u32 nr_used;
    struct boot_used
        used[BOOT_USED_MAX]; /* RAM that the UEFI loader allocated: all of the above, this structure, the
                                             stack and the page tables of the entry; in any order */
    u64 mem_left_out;        /* bytes of RAM for which mem[] had no room: the smallest pieces */
    u32 nr_mem;
    struct boot_mem mem[BOOT_MEM_MAX]; /* last: only nr_mem of them are written, cleared and copied */
};

#define BOOT_INFO_HEAD_SIZE offsetof(struct boot_info, mem)

/* The end of an entry; one that would wrap ends with the address space. */
static inline u64 boot_mem_end(const struct boot_mem *m)
{
    return m->size > ~0ull - m->base ? ~0ull : m->base + m->size;
}

/* The smallest entry of BOOT_MEM_RAM, or nr_mem. */
static inline u32 boot_mem_smallest(const struct boot_info *info)
{
    u32 found = info->nr_mem;

    for (u32 i = 0; i < info->nr_mem; i++)
        if (info->mem[i].type == BOOT_MEM_RAM &&
            (found == info->nr_mem || info->mem[i].size < info->mem[found].size))
            found = i;
    return found;
}

/*
 * Adds an entry after the others, joined with the last one if that ends where it begins and is of its type.
 * With mem[] full the smallest piece of RAM gives way and is counted in mem_left_out: what is RAM may be
 * forgotten, what is not RAM may not, as it could lie inside a piece of RAM. (With no RAM at all in mem[]
 * nothing can be forgotten wrongly: the entry is left out.)
 */
static inline void boot_info_add_mem(struct boot_info *info, u64 base, u64 size, u32 type)
{
    struct boot_mem *last = info->nr_mem ? &info->mem[info->nr_mem - 1] : NULL;

    if (!size)
        return;
    if (last && last->type == type && base >= last->base && base - last->base == last->size &&
        size <= ~0ull - base) {
        last->size += size;
        return;
    }
    if (info->nr_mem == BOOT_MEM_MAX) {
        u32 least = boot_mem_smallest(info);
        bool new_goes = least == info->nr_mem || (type == BOOT_MEM_RAM && size <= info->mem[least].size);

        if (new_goes) {
            info->mem_left_out += type == BOOT_MEM_RAM ? size : 0;
            return;
        }
        info->mem_left_out += info->mem[least].size;
        for (u32 i = least; i + 1 < info->nr_mem; i++) /* the order stays */
            info->mem[i] = info->mem[i + 1];
        info->nr_mem--;
    }
    info->mem[info->nr_mem++] = (struct boot_mem){.base = base, .size = size, .type = type};
}

#endif
