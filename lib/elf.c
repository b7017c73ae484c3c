/* See elf.h. Fields are fetched by offset with memcpy. */
#include <lib/elf.h>

#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/elfnote.h>

#define ELFCLASS32  1
#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define ET_DYN      3
#define EM_386      3

bool elf_holds(const struct elf_file *f, u64 offset, u64 len)
{
    return offset <= f->size && len <= f->size - offset;
}

/* A little-endian field of len bytes; the caller has checked the range. */
static u64 get(const struct elf_file *f, u64 offset, u32 len)
{
    u64 value = 0;

    memcpy(&value, f->bytes + offset, len);
    return value;
}

struct elf_header elf_get(const struct elf_file *f, u32 i)
{
    u64 at = f->table + (u64)i * f->entry_size;

    if (f->is64)
        return (struct elf_header){.type = (u32)get(f, at, 4),
                                   .flags = (u32)get(f, at + 4, 4),
                                   .offset = get(f, at + 8, 8),
                                   .vaddr = get(f, at + 16, 8),
                                   .paddr = get(f, at + 24, 8),
                                   .file_size = get(f, at + 32, 8),
                                   .mem_size = get(f, at + 40, 8)};
    return (struct elf_header){.type = (u32)get(f, at, 4),
                               .offset = get(f, at + 4, 4),
                               .vaddr = get(f, at + 8, 4),
                               .paddr = get(f, at + 12, 4),
                               .file_size = get(f, at + 16, 4),
                               .mem_size = get(f, at + 20, 4),
                               .flags = (u32)get(f, at + 24, 4)};
}

int elf_open(const void *bytes, u64 size, struct elf_file *out, const char **why)
{
    struct elf_file f = {.bytes = bytes, .size = size};

    *why = "is not an ELF file";
    if (size < 52 || memcmp(bytes, "\177ELF", 4))
        return -ENOEXEC;
    f.is64 = f.bytes[4] == ELFCLASS64;
    *why = "is not a little-endian ELF file of 32 or 64 bits";
    if ((!f.is64 && f.bytes[4] != ELFCLASS32) || f.bytes[5] != ELFDATA2LSB)
        return -ENOEXEC;
    f.type = (u16)get(&f, 16, 2);
    f.machine = (u16)get(&f, 18, 2);
    *why = "is not an executable for x86";
    if ((f.type != ELF_EXEC && f.type != ET_DYN) || (f.machine != EM_386 && f.machine != ELF_X86_64))
        return -ENOEXEC;
    *why = "is cut short in its ELF header";
    if (f.is64 && size < 64)
        return -EINVAL;
    f.table = f.is64 ? get(&f, 32, 8) : get(&f, 28, 4);
    f.entry_size = (u32)get(&f, f.is64 ? 54 : 42, 2);
    f.nr_headers = (u32)get(&f, f.is64 ? 56 : 44, 2);
    *why = "has program headers that are too short";
    if (f.entry_size < (f.is64 ? 56u : 32u))
        return -EINVAL;
    *why = "has program headers outside the file";
    if (!elf_holds(&f, f.table, (u64)f.entry_size * f.nr_headers))
        return -EINVAL;
    *out = f;
    return 0;
}

static int add_segment(const struct elf_file *f, const struct elf_header *h, struct elf_kernel *out,
                       const char **why)
{
    *why = "has a segment outside the file";
    if (!elf_holds(f, h->offset, h->file_size))
        return -EINVAL;
    *why = "has a segment that is larger in the file than in memory";
    if (h->file_size > h->mem_size)
        return -EINVAL;
    *why = "has a segment whose addresses wrap or exceed 4 GiB";
    if (h->paddr >= GIB(4) || h->mem_size > GIB(4) - h->paddr)
        return -EINVAL;
    if (!h->mem_size)
        return 0;
    *why = "has too many segments";
    if (out->nr_segments == ELF_MAX_SEGMENTS)
        return -EINVAL;
    *why = "has segments that overlap";
    for (u32 i = 0; i < out->nr_segments; i++) {
        const struct elf_segment *s = &out->segments[i];

        if (h->paddr < s->paddr + s->mem_size && s->paddr < h->paddr + h->mem_size)
            return -EINVAL;
    }
    out->segments[out->nr_segments++] = (struct elf_segment){
        .paddr = h->paddr, .mem_size = h->mem_size, .data = f->bytes + h->offset, .file_size = h->file_size};
    out->start = out->nr_segments == 1 ? h->paddr : MIN(out->start, h->paddr);
    out->end = MAX(out->end, h->paddr + h->mem_size);
    return 0;
}

/* Looks for the PVH note in [at, at + len). A broken list just ends. */
static bool find_entry(const struct elf_file *f, u64 at, u64 len, u64 *entry)
{
    u64 end = at + len;

    while (end - at >= 12) {
        u64 name_size = get(f, at, 4), desc_size = get(f, at + 4, 4), type = get(f, at + 8, 4);
        u64 name = at + 12;
        u64 desc = name + ALIGN_UP(name_size, 4ull);
        u64 next = desc + ALIGN_UP(desc_size, 4ull); /* sizes are 32-bit: no wrap */

        if (desc > end || desc_size > end - desc)
            return false;
        if (type == XEN_ELFNOTE_PHYS32_ENTRY && name_size == 4 && !memcmp(f->bytes + name, "Xen", 4) &&
            (desc_size == 4 || desc_size == 8)) {
            *entry = get(f, desc, (u32)desc_size);
            return true;
        }
        if (next > end)
            return false;
        at = next;
    }
    return false;
}

int elf_parse_kernel(const void *bytes, u64 size, struct elf_kernel *out, const char **why)
{
    struct elf_kernel found = {.nr_segments = 0};
    struct elf_file f;
    bool have_entry = false, inside = false;
    u64 entry = 0;

    int rc = elf_open(bytes, size, &f, why);
    for (u32 i = 0; !rc && i < f.nr_headers; i++) {
        struct elf_header h = elf_get(&f, i);

        if (h.type == ELF_LOAD)
            rc = add_segment(&f, &h, &found, why);
        else if (h.type == ELF_NOTE && !have_entry && elf_holds(&f, h.offset, h.file_size))
            have_entry = find_entry(&f, h.offset, h.file_size, &entry);
    }
    if (rc)
        return rc;
    *why = "has nothing to load";
    if (!found.nr_segments)
        return -EINVAL;
    *why = "has no PVH entry note";
    if (!have_entry)
        return -ENOEXEC;
    *why = "has its PVH entry outside its segments";
    for (u32 i = 0; i < found.nr_segments; i++)
        inside |=
            entry >= found.segments[i].paddr && entry - found.segments[i].paddr < found.segments[i].mem_size;
    if (!inside)
        return -EINVAL;
    found.pvh_entry = (u32)entry;
    *out = found;
    return 0;
}
