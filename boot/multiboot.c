/*
 * Source: Multiboot specification 0.6.96, 3.3.
 */
#include <boot/multiboot.h>

#include <lib/parse.h>
#include <lib/string.h>

#define MB_HAS_MEMORY  (1u << 0)
#define MB_HAS_CMDLINE (1u << 2)
#define MB_HAS_MODULES (1u << 3)
#define MB_HAS_MMAP    (1u << 6)
#define MB_HAS_LOADER  (1u << 9)

#define MMAP_ENTRIES_MAX 16384u /* firmware's have some hundreds */

enum mb_offset {
    MB_FLAGS = 0,
    MB_MEM_LOWER = 4,
    MB_MEM_UPPER = 8,
    MB_CMDLINE = 16,
    MB_MODS_COUNT = 20,
    MB_MODS_ADDR = 24,
    MB_MMAP_LENGTH = 44,
    MB_MMAP_ADDR = 48,
    MB_LOADER_NAME = 64,
};

static u32 read32(const u8 *low4g, u64 maddr)
{
    u32 value = 0;

    if (maddr + sizeof(value) <= GIB(4))
        memcpy(&value, low4g + maddr, sizeof(value));
    return value;
}

static u64 read64(const u8 *low4g, u64 maddr)
{
    return read32(low4g, maddr) | (u64)read32(low4g, maddr + 4) << 32;
}

/* The strings end at a NUL of the loader's; never read past what fits. Returns 1 if words are left out: a part of a
 * word may be another value. */
static u32 read_string(const u8 *low4g, u64 maddr, char *out, size_t size)
{
    size_t room = MIN((u64)size - 1, GIB(4) - maddr), len;
    bool cut;

    memcpy(out, low4g + maddr, room);
    out[room] = '\0';
    len = strlen(out);
    cut = len == room && maddr + room < GIB(4) && low4g[maddr + room];
    if (cut && !is_space((char)low4g[maddr + room]))
        while (len && !is_space(out[len - 1]))
            len--;
    out[len] = '\0';
    return cut;
}

/* Loaders other than GRUB 2 put the image's name in front of its arguments, as Xen's users know it. */
static void split_name(char *text, char *name, size_t name_size, bool has_name)
{
    size_t len = 0;

    name[0] = '\0';
    while (has_name && text[len] && !is_space(text[len]))
        len++;
    if (len)
        str_copy(name, text, MIN(name_size, len + 1));
    while (is_space(text[len]))
        len++;
    memmove(text, text + len, strlen(text + len) + 1);
}

static void parse_memory(const u8 *low4g, u32 info, u32 flags, struct boot_info *out)
{
    if (!(flags & MB_HAS_MMAP)) {
        if (flags & MB_HAS_MEMORY) {
            boot_info_add_mem(out, 0, (u64)read32(low4g, (u64)info + MB_MEM_LOWER) << 10, BOOT_MEM_RAM);
            boot_info_add_mem(out, MIB(1), (u64)read32(low4g, (u64)info + MB_MEM_UPPER) << 10, BOOT_MEM_RAM);
        }
        return;
    }
    u64 at = read32(low4g, (u64)info + MB_MMAP_ADDR);
    u64 end = at + read32(low4g, (u64)info + MB_MMAP_LENGTH);
    u32 entries = 0;
    /* Each entry: size u32 (of what follows), base u64, length u64, type u32. */
    while (at + 24 <= end) {
        u32 size = read32(low4g, at);
        u32 type = read32(low4g, at + 20);
        if (size < 20)
            break;
        if (entries++ == MMAP_ENTRIES_MAX) {
            /* An entry that is not read may be the one that is not RAM: a part of such a list cannot be used. */
            out->nr_mem = 0;
            return;
        }
        boot_info_add_mem(out, read64(low4g, at + 4), read64(low4g, at + 12),
                          type >= BOOT_MEM_RAM && type <= BOOT_MEM_UNUSABLE ? type : BOOT_MEM_RESERVED);
        at += (u64)size + 4;
    }
}

static void parse_modules(const u8 *low4g, u32 info, bool has_name, struct boot_info *out)
{
    u64 at = read32(low4g, (u64)info + MB_MODS_ADDR);
    u32 count = MIN(read32(low4g, (u64)info + MB_MODS_COUNT), BOOT_MODULE_MAX);

    for (u32 i = 0; i < count; i++, at += 16) {
        struct boot_module *m = &out->modules[out->nr_modules];
        u64 start = read32(low4g, at), end = read32(low4g, at + 4);
        u32 string = read32(low4g, at + 8);
        if (end < start)
            continue;
        m->base = start;
        m->size = end - start;
        if (string)
            out->strings_cut += read_string(low4g, string, m->cmdline, sizeof(m->cmdline));
        split_name(m->cmdline, m->name, sizeof(m->name), has_name);
        out->nr_modules++;
    }
}

void multiboot_parse(const u8 *low4g, u32 info, struct boot_info *out)
{
    u32 flags = read32(low4g, info);
    char unused[64];

    out->magic = BOOT_INFO_MAGIC;
    out->version = BOOT_INFO_VERSION;
    out->source = BOOT_FROM_MULTIBOOT;
    out->image_base = MULTIBOOT_PHYS_BASE;
    str_copy(out->loader, "Multiboot", sizeof(out->loader));
    if (flags & MB_HAS_LOADER)
        read_string(low4g, read32(low4g, (u64)info + MB_LOADER_NAME), out->loader, sizeof(out->loader));
    bool has_name = strncmp(out->loader, "GRUB", 4) != 0;
    if (flags & MB_HAS_CMDLINE) {
        out->strings_cut +=
            read_string(low4g, read32(low4g, (u64)info + MB_CMDLINE), out->cmdline, sizeof(out->cmdline));
        split_name(out->cmdline, unused, sizeof(unused), has_name);
    }
    parse_memory(low4g, info, flags, out);
    if (flags & MB_HAS_MODULES)
        parse_modules(low4g, info, has_name, out);
}

bool multiboot_is_on_uefi(const struct boot_info *info)
{
    bool has_tables = false;

    for (u32 i = 0; i < info->nr_mem; i++)
        has_tables = has_tables || info->mem[i].type == BOOT_MEM_ACPI || info->mem[i].type == BOOT_MEM_NVS;
    return info->source == BOOT_FROM_MULTIBOOT && has_tables;
}
