/*
 * See elf_load.h. Every number of the file is checked against the file's or the image's size before
 * it is used, in the form "offset <= size && length <= size - offset", which cannot overflow.
 * Facts: System V gABI chapters 4 and 5 (ELF-64), psABI x86-64.
 */
#include "elf_load.h"
#include <homestead/errno.h>

struct elf64_header {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf64_segment {
    u32 type, flags;
    u64 offset, vaddr, paddr, filesz, memsz, align;
};

_Static_assert(sizeof(struct elf64_header) == 64, "ELF-64: Ehdr");
_Static_assert(sizeof(struct elf64_segment) == 56, "ELF-64: Phdr");
_Static_assert(sizeof(struct image_header) == 24, "boot/multiboot.asm");

enum { ET_EXEC = 2, EM_X86_64 = 62, PT_LOAD = 1, PT_DYNAMIC = 2, PF_X = 1 };

/* The file need not be aligned, so its structures are copied out. */
static void copy_bytes(void *dst, const void *src, u64 len)
{
    __builtin_memcpy(dst, src, len);
}

static bool in_range(u64 offset, u64 len, u64 size)
{
    return offset <= size && len <= size - offset;
}

/* Checks one PT_LOAD and appends it. Returns NULL or what is wrong. */
static const char *add_segment(struct elf_image *image, const struct elf64_segment *ph, u64 file_size)
{
    u64 offset = ph->vaddr - IMAGE_VIRT_BASE;
    u64 floor = 0;

    if (image->nr_segments == ELF_SEGMENTS_MAX)
        return "has too many segments";
    if (!in_range(ph->offset, ph->filesz, file_size))
        return "is cut short: a segment lies behind the end of the file";
    if (ph->filesz > ph->memsz)
        return "has a segment with more bytes in the file than in memory";
    /* An address below the base wraps around to an offset far behind the end. */
    if (!in_range(offset, ph->memsz, IMAGE_SPAN_MAX))
        return "has a segment outside of the hypervisor's address range";
    if (image->nr_segments) {
        const struct elf_segment *last = &image->segments[image->nr_segments - 1];

        floor = last->image_offset + last->mem_size;
    }
    if (offset < floor)
        return "has segments that overlap or are out of order";
    image->segments[image->nr_segments++] = (struct elf_segment){ph->offset, ph->filesz, offset, ph->memsz};
    return NULL;
}

/* The header at a fixed place in the image, which must come from the file's first segment. */
static const char *read_image_header(struct elf_image *image, const u8 *file, struct image_header *out)
{
    const struct elf_segment *first = &image->segments[0];

    if (first->image_offset || !in_range(IMAGE_HEADER_OFFSET, sizeof(*out), first->file_size))
        return "is no Homestead image: it has no image header";
    copy_bytes(out, file + first->file_offset + IMAGE_HEADER_OFFSET, sizeof(*out));
    if (out->magic != IMAGE_HEADER_MAGIC)
        return "is no Homestead image: its image header has another magic number";

    const struct elf_segment *last = &image->segments[image->nr_segments - 1];
    u64 end = last->image_offset + last->mem_size;
    if (out->image_end_vaddr < IMAGE_VIRT_BASE || out->image_end_vaddr - IMAGE_VIRT_BASE < end ||
        out->image_end_vaddr - IMAGE_VIRT_BASE > IMAGE_SPAN_MAX)
        return "has an image header that contradicts its segments";
    image->span = ALIGN_UP(out->image_end_vaddr - IMAGE_VIRT_BASE, IMAGE_ALIGN);
    image->uefi_entry = out->uefi_entry_vaddr;
    return NULL;
}

static const char *check_file_header(const struct elf64_header *eh, u64 size)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little endian */, 1};

    for (u32 i = 0; i < 4; i++)
        if (eh->ident[i] != ident[i])
            return "is not an ELF file";
    for (u32 i = 4; i < sizeof(ident); i++)
        if (eh->ident[i] != ident[i])
            return "is not a 64-bit little-endian ELF file";
    if (eh->machine != EM_X86_64 || eh->type != ET_EXEC)
        return "is not an x86-64 executable at fixed addresses";
    if (eh->phentsize != sizeof(struct elf64_segment) || !eh->phnum)
        return "has no program headers of the usual size";
    if (!in_range(eh->phoff, (u64)eh->phnum * eh->phentsize, size))
        return "is cut short: the program headers lie behind the end of the file";
    return NULL;
}

int elf_image_plan(const void *file, u64 size, struct elf_image *out, const char **why)
{
    struct elf_image image = {.nr_segments = 0};
    struct image_header header;
    struct elf64_header eh;
    bool entry_ok = false;

    if (size < sizeof(eh)) {
        *why = "is too short for an ELF file";
        return -ENOEXEC;
    }
    copy_bytes(&eh, file, sizeof(eh));
    *why = check_file_header(&eh, size);
    for (u32 pass = 0; !*why && pass < 2; pass++) {
        /* Pass 0 takes the segments, pass 1 looks for the entry point in them. */
        for (u32 i = 0; !*why && i < eh.phnum; i++) {
            struct elf64_segment ph;

            copy_bytes(&ph, (const u8 *)file + eh.phoff + (u64)i * sizeof(ph), sizeof(ph));
            if (pass == 0 && ph.type == PT_DYNAMIC)
                *why = "wants dynamic linking";
            if (ph.type != PT_LOAD || !ph.memsz)
                continue;
            if (pass == 0)
                *why = add_segment(&image, &ph, size);
            else
                entry_ok |= (ph.flags & PF_X) && image.uefi_entry >= ph.vaddr &&
                            image.uefi_entry - ph.vaddr < ph.filesz;
        }
        if (!*why && pass == 0)
            *why = image.nr_segments ? read_image_header(&image, file, &header) : "has nothing to load";
    }
    if (!*why && !entry_ok)
        *why = "has a UEFI entry point outside of its code";
    if (*why)
        return -ENOEXEC;
    *out = image;
    return 0;
}

void elf_image_place(const struct elf_image *image, const void *file, void *memory)
{
    u8 *base = memory;
    u64 done = 0;

    for (u32 i = 0; i < image->nr_segments; i++) {
        const struct elf_segment *s = &image->segments[i];

        __builtin_memset(base + done, 0, s->image_offset - done);
        copy_bytes(base + s->image_offset, (const u8 *)file + s->file_offset, s->file_size);
        done = s->image_offset + s->file_size;
    }
    __builtin_memset(base + done, 0, image->span - done);
}
