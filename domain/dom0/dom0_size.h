/*
 * How much memory domain 0 needs to be loaded, and how much it gets by default. Pure functions.
 *
 * The tiny domain 0 needs little: its image and its module, and room for kernels that it unpacks. A kernel of many MiB
 * unpacks its module, an initramfs, into a file system that may take half of its memory, and runs programs from there.
 */
#ifndef DOMAIN_DOM0_SIZE_H
#define DOMAIN_DOM0_SIZE_H

#include <domain/dom0/dom0_layout.h>
#include <lib/elf.h>

/* What is to be loaded. */
struct dom0_load {
    const struct dom0_config *config;
    const struct elf_kernel *elf;
    u64 info_bytes;     /* start information and strings */
    u64 unpacked_bytes; /* of the module: dom0_unpacked_bytes() */
};

/* An estimate of what a module becomes: a cpio archive stays as large as it is, and a file in one of the formats that
 * Linux unpacks has four times its size. */
u64 dom0_unpacked_bytes(const void *module, u64 size);

/* Without dom0_mem=: whole 2 MiB. free_bytes: of the host. */
u64 dom0_default_bytes(const struct dom0_load *load, u64 free_bytes);

/* A large kernel with less has probably no room to unpack its module; 0: no large kernel, or no module. */
u64 dom0_cramped_bytes(const struct dom0_load *load);

/* Lays out mem_bytes with everything in its place. -ENOSPC: something has none, *why says what, and *layout is of no use.
 * Otherwise *why is NULL, and the errors are those of dom0_layout_memory(). */
int dom0_fit(const struct dom0_load *load, u64 mem_bytes, struct dom0_layout *layout, const char **why);

/* The least size that fits, in whole MiB; 0: none does. *scratch is overwritten. */
u64 dom0_least_bytes(const struct dom0_load *load, struct dom0_layout *scratch);

#endif
