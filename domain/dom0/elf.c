/*
 * ELF reader for kernels; see elf.h. Fields are fetched by offset with memcpy, so neither alignment
 * nor the file's end matters to the reads: get() checks the range first.
 */
#include <domain/dom0/elf.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/elfnote.h>

#define ELFCLASS32  1
#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define ET_EXEC     2
#define ET_DYN      3
#define EM_386      3
#define EM_X86_64   62
#define PT_LOAD     1
#define PT_NOTE     4

struct reader {
    const u8 *bytes;
    u64 size;
    bool is64;
};

static bool in_file(const struct reader *r, u64 offset, u64 len)
{
    return offset <= r->size && len <= r->size - offset;
}

/* A little-endian field of len bytes; the caller has checked the range. */
static u64 get(const struct reader *r, u64 offset, u32 len)
{
    u64 value = 0;

    memcpy(&value, r->bytes + offset, len);
    return value;
}

/* Offsets of the program header's fields: ELF64's order differs from ELF32's. */
struct phdr {
    u32 type;
    u64 offset, paddr, file_size, mem_size;
};

static struct phdr read_phdr(const struct reader *r, u64 at)
{
    if (r->is64)
        return (struct phdr){.type = (u32)get(r, at, 4),
                             .offset = get(r, at + 8, 8),
                             .paddr = get(r, at + 24, 8),
                             .file_size = get(r, at + 32, 8),
                             .mem_size = get(r, at + 40, 8)};
    return (struct phdr){.type = (u32)get(r, at, 4),
                         .offset = get(r, at + 4, 4),
                         .paddr = get(r, at + 12, 4),
                         .file_size = get(r, at + 16, 4),
                         .mem_size = get(r, at + 20, 4)};
}

static int add_segment(const struct reader *r, const struct phdr *p, struct elf_image *out, const char **why)
{
    *why = "a segment lies outside the file";
    if (!in_file(r, p->offset, p->file_size))
        return -EINVAL;
    *why = "a segment is larger in the file than in memory";
    if (p->file_size > p->mem_size)
        return -EINVAL;
    *why = "a segment's addresses wrap or exceed 4 GiB";
    if (p->paddr >= GIB(4) || p->mem_size > GIB(4) - p->paddr)
        return -EINVAL;
    if (!p->mem_size)
        return 0;
    *why = "too many segments";
    if (out->nr_segments == ELF_MAX_SEGMENTS)
        return -EINVAL;
    *why = "segments overlap";
    for (u32 i = 0; i < out->nr_segments; i++) {
        const struct elf_segment *s = &out->segments[i];

        if (p->paddr < s->paddr + s->mem_size && s->paddr < p->paddr + p->mem_size)
            return -EINVAL;
    }
    out->segments[out->nr_segments++] = (struct elf_segment){
        .paddr = p->paddr, .mem_size = p->mem_size, .file_offset = p->offset, .file_size = p->file_size};
    out->start = out->nr_segments == 1 ? p->paddr : MIN(out->start, p->paddr);
    out->end = MAX(out->end, p->paddr + p->mem_size);
    return 0;
}

/* Looks for the PVH note in [at, at + len). A broken list just ends. */
static bool find_entry(const struct reader *r, u64 at, u64 len, u64 *entry)
{
    u64 end = at + len;

    while (end - at >= 12) {
        u64 name_size = get(r, at, 4), desc_size = get(r, at + 4, 4), type = get(r, at + 8, 4);
        u64 name = at + 12;
        u64 desc = name + ALIGN_UP(name_size, 4ull);
        u64 next = desc + ALIGN_UP(desc_size, 4ull); /* sizes are 32-bit: no wrap */

        if (desc > end || desc_size > end - desc)
            return false;
        if (type == XEN_ELFNOTE_PHYS32_ENTRY && name_size == 4 && !memcmp(r->bytes + name, "Xen", 4) &&
            (desc_size == 4 || desc_size == 8)) {
            *entry = get(r, desc, (u32)desc_size);
            return true;
        }
        if (next > end)
            return false;
        at = next;
    }
    return false;
}

static int check_header(struct reader *r, const char **why)
{
    *why = "it is not an ELF file";
    if (r->size < 52 || memcmp(r->bytes, "\177ELF", 4))
        return -ENOEXEC;
    r->is64 = r->bytes[4] == ELFCLASS64;
    *why = "it is not an ELF executable for x86";
    if ((!r->is64 && r->bytes[4] != ELFCLASS32) || r->bytes[5] != ELFDATA2LSB)
        return -ENOEXEC;
    u64 type = get(r, 16, 2), machine = get(r, 18, 2);
    if ((type != ET_EXEC && type != ET_DYN) || (machine != EM_386 && machine != EM_X86_64))
        return -ENOEXEC;
    *why = "its ELF header is cut off";
    return r->is64 && r->size < 64 ? -EINVAL : 0;
}

int elf_parse(const void *image, u64 size, struct elf_image *out, const char **why)
{
    struct reader r = {.bytes = image, .size = size};
    struct elf_image found = {.nr_segments = 0};
    bool have_entry = false;
    u64 entry = 0;

    int rc = check_header(&r, why);
    if (rc)
        return rc;
    u64 table = r.is64 ? get(&r, 32, 8) : get(&r, 28, 4);
    u64 entry_size = get(&r, r.is64 ? 54 : 42, 2), count = get(&r, r.is64 ? 56 : 44, 2);
    *why = "its program headers lie outside the file";
    if (entry_size < (r.is64 ? 56u : 32u) || !in_file(&r, table, entry_size * count))
        return -EINVAL;

    for (u64 i = 0; i < count; i++) {
        struct phdr p = read_phdr(&r, table + i * entry_size);

        if (p.type == PT_LOAD) {
            rc = add_segment(&r, &p, &found, why);
            if (rc)
                return rc;
        } else if (p.type == PT_NOTE && !have_entry && in_file(&r, p.offset, p.file_size)) {
            have_entry = find_entry(&r, p.offset, p.file_size, &entry);
        }
    }
    *why = "it has nothing to load";
    if (!found.nr_segments)
        return -EINVAL;
    *why = "it has no PVH entry note";
    if (!have_entry)
        return -ENOEXEC;
    *why = "its PVH entry lies outside its segments";
    if (entry < found.start || entry >= found.end)
        return -EINVAL;
    found.pvh_entry = (u32)entry;
    *out = found;
    return 0;
}
