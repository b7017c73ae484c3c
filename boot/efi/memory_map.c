/* UEFI's memory descriptors turned into struct boot_mem: see memory_map.h. */
#include "memory_map.h"
#include <homestead/errno.h>

_Static_assert(sizeof(struct efi_descriptor) == 40, "UEFI 2.10, 7.2.3");

/* UEFI 2.10, 7.2.1: EFI_MEMORY_TYPE */
static const u32 boot_type[] = {
    [0] = BOOT_MEM_RESERVED,    /* EfiReservedMemoryType */
    [1] = BOOT_MEM_LOADER,      /* EfiLoaderCode */
    [2] = BOOT_MEM_LOADER,      /* EfiLoaderData */
    [3] = BOOT_MEM_RAM,         /* EfiBootServicesCode */
    [4] = BOOT_MEM_RAM,         /* EfiBootServicesData */
    [5] = BOOT_MEM_EFI_RT_CODE, /* EfiRuntimeServicesCode */
    [6] = BOOT_MEM_EFI_RT_DATA, /* EfiRuntimeServicesData */
    [7] = BOOT_MEM_RAM,         /* EfiConventionalMemory */
    [8] = BOOT_MEM_UNUSABLE,    /* EfiUnusableMemory */
    [9] = BOOT_MEM_ACPI,        /* EfiACPIReclaimMemory */
    [10] = BOOT_MEM_NVS,        /* EfiACPIMemoryNVS */
};

static struct efi_descriptor *descriptor_at(void *map, u64 stride, u64 index)
{
    return (struct efi_descriptor *)((u8 *)map + index * stride);
}

/* Insertion sort: firmware's maps are nearly sorted, and a few hundred entries long. */
static void sort_descriptors(void *map, u64 stride, u64 count)
{
    for (u64 i = 1; i < count; i++) {
        struct efi_descriptor moving = *descriptor_at(map, stride, i);
        u64 to = i;

        for (; to && descriptor_at(map, stride, to - 1)->phys_start > moving.phys_start; to--)
            *descriptor_at(map, stride, to) = *descriptor_at(map, stride, to - 1);
        *descriptor_at(map, stride, to) = moving;
    }
}

/*
 * Walks the sorted map; writes to out unless that is NULL. Returns the number of merged entries
 * (the first pass only counts, so that a map that does not fit changes nothing), or -EINVAL.
 */
static int merge_descriptors(void *map, u64 stride, u64 count, struct boot_mem *out)
{
    struct boot_mem last = {0};
    u64 end = 0;
    int n = 0;

    for (u64 i = 0; i < count; i++) {
        const struct efi_descriptor *d = descriptor_at(map, stride, i);
        u32 type = d->type < ARRAY_SIZE(boot_type) ? boot_type[d->type] : BOOT_MEM_RESERVED;

        if (!d->nr_pages)
            continue;
        if (d->nr_pages > (~0ull >> PAGE_SHIFT) || d->phys_start > ~0ull - (d->nr_pages << PAGE_SHIFT) ||
            d->phys_start < end)
            return -EINVAL;
        if (n && last.type == type && d->phys_start == end) {
            last.size += d->nr_pages << PAGE_SHIFT;
        } else {
            last = (struct boot_mem){d->phys_start, d->nr_pages << PAGE_SHIFT, type, 0};
            n++;
        }
        end = last.base + last.size;
        if (out)
            out[n - 1] = last;
    }
    return n;
}

int memory_map_convert(void *descriptors, u64 map_size, u64 stride, struct boot_info *bi)
{
    u64 count;
    int n;

    if (stride < sizeof(struct efi_descriptor) || stride % 8)
        return -EINVAL;
    count = map_size / stride;
    sort_descriptors(descriptors, stride, count);
    n = merge_descriptors(descriptors, stride, count, NULL);
    if (n < 0)
        return n;
    if ((u32)n > BOOT_MEM_MAX)
        return -E2BIG;
    bi->nr_mem = (u32)merge_descriptors(descriptors, stride, count, bi->mem);
    return 0;
}

u64 memory_map_end(const struct boot_info *bi)
{
    u64 end = 0;

    for (u32 i = 0; i < bi->nr_mem; i++)
        if (bi->mem[i].type != BOOT_MEM_RESERVED)
            end = bi->mem[i].base + bi->mem[i].size;
    return end;
}
