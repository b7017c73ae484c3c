/*
 * What the parts of the UEFI loader share. Everything runs on the boot CPU inside boot services, so
 * there are no locks. The one struct loader knows everything that was opened or allocated, so that
 * loader_fail() can give it back from anywhere: a function that returns has succeeded.
 */
#ifndef BOOT_EFI_LOADER_H
#define BOOT_EFI_LOADER_H

#include <efi.h>
#include <homestead/types.h>
#include "config.h"

#define LOADER_ALLOCATIONS_MAX BOOT_USED_MAX
#define DIRECTORY_MAX          512u
#define BELOW_4G               0xffffffffull
#define ANYWHERE               (~0ull)

struct loader_pages {
    u64 base; /* maddr, 0: none */
    u64 nr_pages;
};

struct loader {
    EFI_HANDLE image;
    EFI_SYSTEM_TABLE *st;
    EFI_BOOT_SERVICES *bs;
    EFI_FILE_PROTOCOL *root;       /* the volume that the loader came from; NULL: not open */
    EFI_FILE_PROTOCOL *file;       /* that is being read; NULL: none */
    void *map;                     /* buffer for the memory map; NULL: none */
    char directory[DIRECTORY_MAX]; /* of the loader's file, without the last backslash */
    char name[CONFIG_NAME_MAX];    /* that file's name */
    u32 nr_pages_used;             /* entries of pages[] */
    struct loader_pages pages[LOADER_ALLOCATIONS_MAX];
};

/* --- loader.c ------------------------------------------------------------------------------------------ */

/* Prints one line on the firmware's console, with "homestead: " before it, gives everything back and leaves to
 * the firmware with that status. */
NORETURN void loader_fail(struct loader *l, EFI_STATUS status, const char *fmt, ...) PRINTF(3, 4);
/* Allocates pages of the given type with addresses up to max_addr (BELOW_4G or ANYWHERE), on a boundary of align
 * bytes (a power of 2). what: what they are for, for the message when there are none. */
u64 loader_alloc_pages(struct loader *l, EFI_MEMORY_TYPE type, u64 max_addr, u64 nr_pages, u64 align,
                       const char *what);

/* --- files.c ------------------------------------------------------------------------------------------- */

struct loader_file {
    u64 base, size;                             /* maddr and bytes; the last page is filled up with zeros */
    char path[DIRECTORY_MAX + CONFIG_PATH_MAX]; /* full, with backslashes, for messages */
};

/* Opens the volume and finds the directory the loader was started from. */
void files_open(struct loader *l);
void files_close(struct loader *l);
/*
 * Reads a file into pages of its own. A path with a leading slash (either way) starts at the volume's
 * root, any other at the loader's directory.
 */
void files_read(struct loader *l, const char *path, EFI_MEMORY_TYPE type, struct loader_file *file);

/* --- firmware.c ---------------------------------------------------------------------------------------- */

/* A status in words, or "error". */
const char *firmware_status_text(EFI_STATUS status);
/* The load options' bytes, in *bytes, and their number. */
size_t firmware_load_options(struct loader *l, const void **bytes);
/* RSDP, frame buffer, system table, the vendor's name, the time. */
void firmware_describe(struct loader *l, struct boot_info *bi);
/* One memory map, converted into bi; for planning only. */
void firmware_read_map(struct loader *l, struct boot_info *bi);
/* The last memory map, converted into bi, and out of boot services. */
void firmware_exit(struct loader *l, struct boot_info *bi);

/* --- handover.asm -------------------------------------------------------------------------------------- */

void NORETURN loader_handover(u64 cr3, u64 stack_top, u64 entry, struct boot_info *bi);

#endif
