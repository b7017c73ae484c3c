/* See dom0_size.h. */
#include <domain/dom0/dom0_size.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define LARGE_KERNEL MIB(16)

/* For the tiny domain 0. A module that is so large has compressed kernels: one is 40 to 70 MiB when decoded, and liblzma
 * wants 32 MiB besides. */
#define KERNELS_MODULE  MIB(4)
#define KERNELS_DECODED MIB(96)

/* For a large kernel. Debian's linux-image-amd64 starts a shell with 24 MiB beyond its image and initramfs. */
#define LARGE_ROOM    MIB(256)
#define LARGE_CRAMPED MIB(24)

u64 dom0_unpacked_bytes(const void *module, u64 size)
{
    static const struct {
        u8 bytes[4], len;
    } packed[] = {
        {{0x1f, 0x8b}, 2},             /* gzip */
        {{0xfd, '7', 'z', 'X'}, 4},    /* xz */
        {{0x28, 0xb5, 0x2f, 0xfd}, 4}, /* zstd */
        {{0x02, 0x21, 0x4c, 0x18}, 4}, /* lz4 */
        {{'B', 'Z', 'h'}, 3},          /* bzip2 */
        {{0x5d, 0x00, 0x00}, 3},       /* lzma */
        {{0x89, 'L', 'Z', 'O'}, 4},    /* lzop */
    };

    for (u32 i = 0; i < ARRAY_SIZE(packed); i++)
        if (size >= packed[i].len && !memcmp(module, packed[i].bytes, packed[i].len))
            return size * 4;
    return size;
}

static u64 image_bytes(const struct dom0_load *load)
{
    return load->elf->end - load->elf->start;
}

u64 dom0_default_bytes(const struct dom0_load *load, u64 free_bytes)
{
    u64 image = image_bytes(load), module = load->config->module_size;
    u64 bytes = MAX(MIB(64), 2 * (image + module) + MIB(32));

    /* On a small machine it gets less: guests want some, too. */
    if (image >= LARGE_KERNEL)
        bytes = MAX(bytes, MIN(free_bytes / 2, image + module + 2 * load->unpacked_bytes + LARGE_ROOM));
    else if (module > KERNELS_MODULE)
        bytes += MIN(KERNELS_DECODED, free_bytes / 4);
    return ALIGN_UP(bytes, MIB(2));
}

u64 dom0_cramped_bytes(const struct dom0_load *load)
{
    u64 module = load->config->module_size, unpacked = load->unpacked_bytes;

    if (image_bytes(load) < LARGE_KERNEL || !module)
        return 0;
    return ALIGN_UP(load->elf->end + unpacked + MAX(module, unpacked) + LARGE_CRAMPED, MIB(1));
}

int dom0_fit(const struct dom0_load *load, u64 mem_bytes, struct dom0_layout *layout, const char **why)
{
    const struct dom0_config *config = load->config;

    *why = NULL;
    int rc = dom0_layout_memory(config->host_e820, config->nr_host_e820, mem_bytes, layout);
    if (rc)
        return rc;
    for (u32 i = 0; i < load->elf->nr_segments; i++) {
        const struct elf_segment *s = &load->elf->segments[i];

        *why = "a part of its image lies outside of them";
        if (!dom0_layout_is_ram(layout, s->paddr, s->mem_size))
            return -ENOSPC;
    }
    rc = dom0_layout_place(layout, load->elf->end, config->module_size, load->info_bytes, why);
    if (!rc)
        *why = NULL;
    return rc;
}

u64 dom0_least_bytes(const struct dom0_load *load, struct dom0_layout *scratch)
{
    const struct dom0_config *config = load->config;
    const char *why;

    /* All that the host has. This says so by an error. */
    dom0_layout_memory(config->host_e820, config->nr_host_e820, ~0ull, scratch);
    u64 no = 0, yes = scratch->ram_bytes / MIB(1); /* in MiB: too little, and enough */
    if (!yes || dom0_fit(load, MIB(yes), scratch, &why))
        return 0;
    while (yes - no > 1) {
        u64 mib = no + (yes - no) / 2;

        if (dom0_fit(load, MIB(mib), scratch, &why))
            no = mib;
        else
            yes = mib;
    }
    return MIB(yes);
}
