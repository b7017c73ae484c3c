/*
 * A PVH kernel in ELF32 or ELF64 form: where its bytes go and where it starts. Plain C on bytes that
 * somebody else wrote. Loading is by p_paddr; the entry is that of the note XEN_ELFNOTE_PHYS32_ENTRY,
 * whose descriptor has 4 or 8 bytes (System V ABI; public/elfnote.h; abi.md sections 1.1 and 2.1).
 */
#ifndef GUEST_LIB_PVHELF_H
#define GUEST_LIB_PVHELF_H

#include <homestead/types.h>

#define PVHELF_SEGMENTS_MAX 16u

struct pvhelf_segment {
    u64 paddr;      /* bytes, guest-physical */
    u64 mem_size;   /* bytes, >= file_size; the rest is zero */
    const u8 *data; /* inside the image */
    u64 file_size;
};

struct pvhelf {
    u32 entry; /* guest-physical, inside a segment */
    u32 nr_segments;
    struct pvhelf_segment segments[PVHELF_SEGMENTS_MAX];
};

/*
 * Returns 0, or -ENOEXEC with *why set for people: not an x86 ELF executable, a table or segment
 * beyond the image, an address that wraps, too many segments, no PVH note, entry outside the segments.
 */
int pvhelf_parse(const void *image, size_t len, struct pvhelf *out, const char **why);

#endif
