/*
 * The one hand-over between every way of being started (UEFI loader, Multiboot) and boot_main().
 * All addresses are machine addresses. The structure is self-contained: strings are inside it, so
 * nothing of the firmware's or loader's memory is needed after it has been filled, except the
 * modules and the image themselves, which the memory map marks as BOOT_MEM_LOADER.
 */
#ifndef HOMESTEAD_BOOT_INFO_H
#define HOMESTEAD_BOOT_INFO_H

#include <homestead/types.h>

#define BOOT_INFO_MAGIC   0x44545345454d4f48ull /* "HOMEESTD" */
#define BOOT_INFO_VERSION 1u

#define BOOT_MEM_MAX     512u
#define BOOT_MODULE_MAX  4u
#define BOOT_CMDLINE_MAX 1024u

/* Values 1 to 5 are E820's. */
enum boot_mem_type {
    BOOT_MEM_RAM = 1,
    BOOT_MEM_RESERVED = 2,
    BOOT_MEM_ACPI = 3, /* ACPI tables, free once they have been read */
    BOOT_MEM_NVS = 4,
    BOOT_MEM_UNUSABLE = 5,
    BOOT_MEM_LOADER = 0x100,      /* RAM that holds the image, modules or this structure */
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
    char name[256];                 /* the file, as the loader was told; empty if it keeps that to itself */
};

struct boot_framebuffer {
    u64 base; /* 0: none */
    u64 size;
    u32 width, height; /* pixels */
    u32 stride;        /* pixels per line */
    u32 format;        /* EFI_GRAPHICS_PIXEL_FORMAT */
};

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
    struct boot_framebuffer fb;
    char loader[64]; /* who started us, for people */
    char cmdline[BOOT_CMDLINE_MAX];
    u32 nr_mem;
    u32 nr_modules;
    struct boot_mem mem[BOOT_MEM_MAX];
    struct boot_module modules[BOOT_MODULE_MAX];
};

#endif
