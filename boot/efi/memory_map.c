/* UEFI's memory descriptors turned into struct boot_mem: see memory_map.h. */
#include "memory_map.h"
#include <homestead/errno.h>

_Static_assert(sizeof(struct efi_descriptor) == 40, "UEFI 2.10, 7.2.3");

/* UEFI 2.10, 7.2.3: attributes */
#define ATTR_WB      (1ull << 3)
#define ATTR_NV      (1ull << 15)
#define ATTR_SP      (1ull << 18)
#define ATTR_RUNTIME (1ull << 63)

#define EFI_BOOT_SERVICES_CODE 3u

/* UEFI 2.10, 7.2.1: EFI_MEMORY_TYPE. Later ones are reserved: memory-mapped I/O (11, 12), PAL code (13),
 * persistent (14), not accepted yet (15), vendors' own. */
static const u32 boot_type[] = {
    [0] = BOOT_MEM_RESERVED,    /* EfiReservedMemoryType */
    [1] = BOOT_MEM_RAM,         /* EfiLoaderCode */
    [2] = BOOT_MEM_RAM,         /* EfiLoaderData */
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
 * A descriptor's type, or what its attributes make of it: RAM that the firmware keeps a hand on at run time
 * (EFI_MEMORY_RUNTIME) stays the firmware's; RAM that cannot be cached, is meant for one purpose
 * (EFI_MEMORY_SP: high-bandwidth or CXL memory, left to drivers) or does not forget (EFI_MEMORY_NV) is not
 * for general use.
 */
static u32 type_of(const struct efi_descriptor *d)
{
    u32 type = d->type < ARRAY_SIZE(boot_type) ? boot_type[d->type] : BOOT_MEM_RESERVED;

    if (type != BOOT_MEM_RAM)
        return type;
    if (d->attributes & ATTR_RUNTIME)
        return d->type == EFI_BOOT_SERVICES_CODE ? BOOT_MEM_EFI_RT_CODE : BOOT_MEM_EFI_RT_DATA;
    if (!(d->attributes & ATTR_WB) || d->attributes & (ATTR_SP | ATTR_NV))
        return BOOT_MEM_RESERVED;
    return type;
}

int memory_map_convert(void *descriptors, u64 map_size, u64 stride, struct boot_info *bi)
{
    u64 count;

    if (stride < sizeof(struct efi_descriptor) || stride % 8)
        return -EINVAL;
    count = map_size / stride;
    sort_descriptors(descriptors, stride, count);
    bi->nr_mem = 0;
    bi->mem_left_out = 0;
    for (u64 i = 0; i < count; i++) {
        const struct efi_descriptor *d = descriptor_at(descriptors, stride, i);
        u64 pages = MIN(d->nr_pages, ~0ull >> PAGE_SHIFT); /* cut, not wrapped: the hypervisor judges it */

        boot_info_add_mem(bi, d->phys_start, pages << PAGE_SHIFT, type_of(d));
    }
    return 0;
}

u64 memory_map_end(const struct boot_info *bi)
{
    u64 end = 0;

    for (u32 i = 0; i < bi->nr_mem; i++)
        if (bi->mem[i].type != BOOT_MEM_RESERVED)
            end = MAX(end, boot_mem_end(&bi->mem[i]));
    return end;
}
