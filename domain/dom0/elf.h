/*
 * Reads a kernel image in ELF32 or ELF64 (little-endian, x86) from bytes that may be anything: what
 * to load where, and the PVH entry. Plain C, no allocation, every offset checked.
 * Source: System V ABI, ELF chapter; Xen's public/elfnote.h for the note.
 */
#ifndef DOMAIN_ELF_H
#define DOMAIN_ELF_H

#include <homestead/types.h>

#define ELF_MAX_SEGMENTS 32u

struct elf_segment {
    u64 paddr;    /* where it belongs in guest-physical memory */
    u64 mem_size; /* bytes, the part beyond file_size is zero */
    u64 file_offset;
    u64 file_size; /* bytes */
};

struct elf_image {
    u32 nr_segments; /* PT_LOADs that are not empty, in the file's order; no two overlap in memory */
    struct elf_segment segments[ELF_MAX_SEGMENTS];
    u64 start, end; /* guest-physical range that holds them all */
    u32 pvh_entry;  /* 32-bit entry, inside that range */
};

/*
 * Parses the image. 0, or with *why a sentence's end naming the cause:
 * -ENOEXEC: not an x86 ELF executable, or without a PVH note; -EINVAL: broken (out of the file, overlapping,
 * wrapping).
 */
int elf_parse(const void *image, u64 size, struct elf_image *out, const char **why);

#endif
