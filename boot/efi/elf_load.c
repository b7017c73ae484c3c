/*
 * See elf_load.h. Every number of the file is checked against the file's or the image's size before
 * it is used, in the form "offset <= size && length <= size - offset", which cannot overflow.
 */
#include "elf_load.h"

#include <homestead/errno.h>
#include <lib/elf.h>
#include <lib/string.h>

_Static_assert(sizeof(struct image_header) == 24, "boot/multiboot.asm");

static bool in_range(u64 offset, u64 len, u64 size)
{
    return offset <= size && len <= size - offset;
}

/* Checks one PT_LOAD and appends it. Returns NULL or what is wrong. */
static const char *add_segment(struct elf_image *image, const struct elf_file *f, const struct elf_header *h)
{
    u64 offset = h->vaddr - IMAGE_VIRT_BASE;
    u64 floor = 0;

    if (image->nr_segments == ELF_SEGMENTS_MAX)
        return "has too many segments";
    if (!elf_holds(f, h->offset, h->file_size))
        return "is cut short: a segment is beyond the end of the file";
    if (h->file_size > h->mem_size)
        return "has a segment with more bytes in the file than in memory";
    /* An address below the base wraps around to an offset far beyond the end. */
    if (!in_range(offset, h->mem_size, IMAGE_SPAN_MAX))
        return "has a segment outside of the hypervisor's address range";
    if (image->nr_segments) {
        const struct image_segment *last = &image->segments[image->nr_segments - 1];

        floor = last->image_offset + last->mem_size;
    }
    if (offset < floor)
        return "has segments that overlap or are out of order";
    image->segments[image->nr_segments++] =
        (struct image_segment){h->offset, h->file_size, offset, h->mem_size};
    return NULL;
}

/* The header at a fixed place in the image, which must come from the file's first segment. */
static const char *read_image_header(struct elf_image *image, const u8 *file, struct image_header *out)
{
    const struct image_segment *first = &image->segments[0];

    if (first->image_offset || !in_range(IMAGE_HEADER_OFFSET, sizeof(*out), first->file_size))
        return "is no Homestead image: it has no image header";
    memcpy(out, file + first->file_offset + IMAGE_HEADER_OFFSET, sizeof(*out));
    if (out->magic != IMAGE_HEADER_MAGIC)
        return "is no Homestead image: its image header has another magic number";

    const struct image_segment *last = &image->segments[image->nr_segments - 1];
    u64 end = last->image_offset + last->mem_size;
    if (out->image_end_vaddr < IMAGE_VIRT_BASE || out->image_end_vaddr - IMAGE_VIRT_BASE < end ||
        out->image_end_vaddr - IMAGE_VIRT_BASE > IMAGE_SPAN_MAX)
        return "has an image header that contradicts its segments";
    image->span = ALIGN_UP(out->image_end_vaddr - IMAGE_VIRT_BASE, IMAGE_ALIGN);
    image->uefi_entry = out->uefi_entry_vaddr;
    return NULL;
}

/* The segments, and the image header in the first of them. */
static const char *plan_segments(struct elf_image *image, const struct elf_file *f)
{
    struct image_header header;

    if (!f->is64 || f->machine != ELF_X86_64 || f->type != ELF_EXEC)
        return "is not an x86-64 executable at fixed addresses";
    for (u32 i = 0; i < f->nr_headers; i++) {
        struct elf_header h = elf_get(f, i);
        const char *why = NULL;

        if (h.type == ELF_DYNAMIC)
            why = "wants dynamic linking";
        else if (h.type == ELF_LOAD && h.mem_size)
            why = add_segment(image, f, &h);
        if (why)
            return why;
    }
    return image->nr_segments ? read_image_header(image, f->bytes, &header) : "has nothing to load";
}

static bool entry_is_code(const struct elf_image *image, const struct elf_file *f)
{
    for (u32 i = 0; i < f->nr_headers; i++) {
        struct elf_header h = elf_get(f, i);

        if (h.type == ELF_LOAD && h.flags & ELF_X && image->uefi_entry >= h.vaddr &&
            image->uefi_entry - h.vaddr < h.file_size)
            return true;
    }
    return false;
}

int elf_image_plan(const void *file, u64 size, struct elf_image *out, const char **why)
{
    struct elf_image image = {.nr_segments = 0};
    struct elf_file f;

    if (elf_open(file, size, &f, why))
        return -ENOEXEC;
    *why = plan_segments(&image, &f);
    if (!*why && !entry_is_code(&image, &f))
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
        const struct image_segment *s = &image->segments[i];

        memset(base + done, 0, s->image_offset - done);
        memcpy(base + s->image_offset, (const u8 *)file + s->file_offset, s->file_size);
        done = s->image_offset + s->file_size;
    }
    memset(base + done, 0, image->span - done);
}
