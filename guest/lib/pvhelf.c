/* The PVH ELF reader. See pvhelf.h. Both ELF classes are first brought to one form of program header. */
#include <guest/lib/pvhelf.h>
#include <homestead/errno.h>
#include <xen/elfnote.h>
#include <lib/string.h>

#define PT_LOAD     1u
#define PT_NOTE     4u
#define EM_386      3u
#define EM_X86_64   62u
#define PHDRS_MAX   64u
#define PADDR_LIMIT (1ull << 46)

struct phdr {
    u32 type;
    u64 offset, paddr, filesz, memsz;
};

struct elf {
    const u8 *image;
    size_t len;
    bool is64;
    u64 phoff;
    u32 phentsize, phnum;
};

static u64 read_le(const u8 *p, unsigned int bytes)
{
    u64 v = 0;

    for (unsigned int i = 0; i < bytes; i++)
        v |= (u64)p[i] << (8 * i);
    return v;
}

static int no(const char **why, const char *text)
{
    *why = text;
    return -ENOEXEC;
}

static int parse_header(const void *image, size_t len, struct elf *e, const char **why)
{
    const u8 *h = image;

    *e = (struct elf){.image = image, .len = len};
    if (len < 52 || memcmp(h, "\177ELF", 4) != 0)
        return no(why, "not an ELF file");
    e->is64 = h[4] == 2;
    if ((h[4] != 1 && h[4] != 2) || h[5] != 1 || (e->is64 && len < 64))
        return no(why, "not a little-endian ELF file of 32 or 64 bits");
    u64 type = read_le(h + 16, 2), machine = read_le(h + 18, 2);
    if (type != 2 && type != 3)
        return no(why, "not an executable");
    if (machine != EM_386 && machine != EM_X86_64)
        return no(why, "not for x86");
    e->phoff = e->is64 ? read_le(h + 32, 8) : read_le(h + 28, 4);
    e->phentsize = (u32)read_le(h + (e->is64 ? 54 : 42), 2);
    e->phnum = (u32)read_le(h + (e->is64 ? 56 : 44), 2);
    if (e->phentsize < (e->is64 ? 56u : 32u) || e->phnum == 0 || e->phnum > PHDRS_MAX)
        return no(why, "no usable program headers");
    if (e->phoff > len || (u64)e->phentsize * e->phnum > len - e->phoff)
        return no(why, "the program headers reach beyond the file");
    return 0;
}

static int read_phdr(const struct elf *e, u32 i, struct phdr *out, const char **why)
{
    const u8 *p = e->image + e->phoff + (u64)i * e->phentsize;

    if (e->is64)
        *out = (struct phdr){.type = (u32)read_le(p, 4),
                             .offset = read_le(p + 8, 8),
                             .paddr = read_le(p + 24, 8),
                             .filesz = read_le(p + 32, 8),
                             .memsz = read_le(p + 40, 8)};
    else
        *out = (struct phdr){.type = (u32)read_le(p, 4),
                             .offset = read_le(p + 4, 4),
                             .paddr = read_le(p + 12, 4),
                             .filesz = read_le(p + 16, 4),
                             .memsz = read_le(p + 20, 4)};
    if (out->type != PT_LOAD && out->type != PT_NOTE)
        return 0;
    if (out->offset > e->len || out->filesz > e->len - out->offset)
        return no(why, "a segment reaches beyond the file");
    if (out->type == PT_LOAD &&
        (out->memsz < out->filesz || out->paddr > PADDR_LIMIT || out->memsz > PADDR_LIMIT))
        return no(why, "a segment has impossible sizes");
    return 0;
}

/* Notes: name size, descriptor size, type, then name and descriptor, each padded to 4 bytes. */
static bool find_entry(const u8 *p, u64 len, u32 *entry)
{
    while (len >= 12) {
        u64 name = read_le(p, 4), desc = read_le(p + 4, 4), type = read_le(p + 8, 4);
        u64 desc_at = 12 + ALIGN_UP(name, 4ull);
        u64 next = desc_at + ALIGN_UP(desc, 4ull);
        if (desc_at > len || desc > len - desc_at)
            return false;
        if (type == XEN_ELFNOTE_PHYS32_ENTRY && name == 4 && memcmp(p + 12, "Xen", 4) == 0 &&
            (desc == 4 || desc == 8)) {
            u64 value = read_le(p + desc_at, (unsigned int)desc);
            *entry = (u32)value;
            return value < 0x100000000ull;
        }
        if (next >= len)
            return false;
        p += next;
        len -= next;
    }
    return false;
}

int pvhelf_parse(const void *image, size_t len, struct pvhelf *out, const char **why)
{
    struct elf e;
    bool have_entry = false, inside = false;

    *out = (struct pvhelf){0};
    int rc = parse_header(image, len, &e, why);
    if (rc)
        return rc;
    for (u32 i = 0; i < e.phnum; i++) {
        struct phdr ph;
        rc = read_phdr(&e, i, &ph, why);
        if (rc)
            return rc;
        if (ph.type == PT_NOTE && !have_entry)
            have_entry = find_entry(e.image + ph.offset, ph.filesz, &out->entry);
        if (ph.type != PT_LOAD || ph.memsz == 0)
            continue;
        if (out->nr_segments == PVHELF_SEGMENTS_MAX)
            return no(why, "too many segments");
        out->segments[out->nr_segments++] = (struct pvhelf_segment){
            .paddr = ph.paddr, .mem_size = ph.memsz, .data = e.image + ph.offset, .file_size = ph.filesz};
    }
    if (!have_entry)
        return no(why, "no PVH entry note");
    for (u32 i = 0; i < out->nr_segments; i++)
        inside = inside || (out->entry >= out->segments[i].paddr &&
                            out->entry - out->segments[i].paddr < out->segments[i].mem_size);
    return inside ? 0 : no(why, "the entry is in no segment");
}
