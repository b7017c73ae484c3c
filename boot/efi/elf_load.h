/*
 * The hypervisor's ELF64 image: checked as a whole before a byte of it is placed. Plain C on bytes,
 * no EFI types; tests/unit/boot/efi/elfload_test.c runs it on the host.
 *
 * The image is linked at IMAGE_VIRT_BASE and may be placed anywhere below 4 GiB on a 2 MiB boundary:
 * each segment goes to base + (p_vaddr - IMAGE_VIRT_BASE). p_paddr is for Multiboot loaders.
 */
#ifndef BOOT_EFI_ELF_LOAD_H
#define BOOT_EFI_ELF_LOAD_H

#include <homestead/types.h>

#define IMAGE_VIRT_BASE  0xffffffff80000000ull
#define IMAGE_ALIGN      MIB(2)
/* One page directory maps it, and it must fit into the memory of small machines. */
#define IMAGE_SPAN_MAX   MIB(256)
#define ELF_SEGMENTS_MAX 16u

/* Stands at IMAGE_HEADER_OFFSET in the image; boot/multiboot.asm writes it. */
#define IMAGE_HEADER_OFFSET 0x40u
#define IMAGE_HEADER_MAGIC  0x31304449484d4f48ull

struct image_header {
    u64 magic;            /* 0x00 IMAGE_HEADER_MAGIC */
    u64 uefi_entry_vaddr; /* 0x08 where the loader jumps to in long mode */
    u64 image_end_vaddr;  /* 0x10 first byte after the image, BSS included */
};

struct image_segment {
    u64 file_offset, file_size; /* bytes to copy */
    u64 image_offset, mem_size; /* from the image's first byte; what file_size leaves is zero */
};

struct elf_image {
    u64 span;       /* bytes of memory needed, a multiple of IMAGE_ALIGN */
    u64 uefi_entry; /* virtual address, inside an executable segment */
    u32 nr_segments;
    struct image_segment segments[ELF_SEGMENTS_MAX]; /* ascending, do not overlap */
};

/*
 * Checks `size` bytes of file and plans how to place them. *out is written on success only.
 * Returns 0, or -ENOEXEC with *why a phrase that completes "FILE ...".
 */
int elf_image_plan(const void *file, u64 size, struct elf_image *out, const char **why);

/* Places the image: memory has image->span bytes, all of which are written. */
void elf_image_place(const struct elf_image *image, const void *file, void *memory);

#endif
