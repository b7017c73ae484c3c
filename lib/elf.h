/*
 * Reads ELF32 and ELF64 files (little-endian, x86) from bytes that may be anything: every offset is checked, nothing is
 * allocated, neither alignment nor the file's end matters. Linked into the hypervisor, our guests and the UEFI loader.
 * Source: System V ABI, ELF chapter; Xen's public/elfnote.h for the note.
 */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include <homestead/types.h>

#define ELF_EXEC    2u /* type: at fixed addresses */
#define ELF_X86_64  62u
#define ELF_LOAD    1u /* program headers' types */
#define ELF_DYNAMIC 2u
#define ELF_NOTE    4u
#define ELF_X       1u /* their flags: executable */

struct elf_file {
    const u8 *bytes;
    u64 size;
    bool is64;
    u16 type, machine;
    u64 table; /* program headers: offset of the first */
    u32 entry_size, nr_headers;
};

struct elf_header { /* a program header of either class */
    u32 type, flags;
    u64 offset, vaddr, paddr, file_size, mem_size;
};

/*
 * Opens a file for elf_get(); all of its program headers are inside. *why, on failure, is a phrase that completes "the
 * file ...". -ENOEXEC: not an x86 ELF executable; -EINVAL: broken.
 */
int elf_open(const void *bytes, u64 size, struct elf_file *out, const char **why);
/* i < nr_headers. What it says is unchecked. */
struct elf_header elf_get(const struct elf_file *f, u32 i);
/* Is [offset, offset + len) inside the file? */
bool elf_holds(const struct elf_file *f, u64 offset, u64 len);

#define ELF_MAX_SEGMENTS 32u

struct elf_segment {
    u64 paddr;      /* where it belongs in guest-physical memory */
    u64 mem_size;   /* bytes, the part beyond file_size is zero */
    const u8 *data; /* inside the file */
    u64 file_size;  /* bytes */
};

struct elf_kernel {
    u32 nr_segments; /* PT_LOADs that are not empty, in the file's order; no two overlap in memory */
    struct elf_segment segments[ELF_MAX_SEGMENTS];
    u64 start, end; /* guest-physical range that holds them all, below 4 GiB */
    u32 pvh_entry;  /* 32-bit entry, inside a segment */
};

/* A PVH kernel: what to load where, by p_paddr, and its entry, by the note XEN_ELFNOTE_PHYS32_ENTRY. Errors as
 * elf_open(); -ENOEXEC also without that note. *out is written on success only. */
int elf_parse_kernel(const void *bytes, u64 size, struct elf_kernel *out, const char **why);

#endif
