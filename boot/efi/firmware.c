/* What the firmware knows of the machine, and leaving it: see loader.h. */
#include "loader.h"
#include "memory_map.h"
#include <homestead/errno.h>
#include <lib/printf.h>

static const EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static const EFI_GUID acpi_10_guid = ACPI_TABLE_GUID;
static const EFI_GUID gop_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

/* More descriptors than the last answer had: allocating the buffer itself makes some, a retry a few more.
 * When that was not enough, a larger buffer is taken, a few times. */
#define MAP_SLACK  64u
#define EXIT_TRIES 8u

const char *firmware_status_text(EFI_STATUS status)
{
    switch (status) {
    case EFI_NOT_FOUND:
        return "not found";
    case EFI_OUT_OF_RESOURCES:
        return "out of resources";
    case EFI_INVALID_PARAMETER:
        return "invalid parameter";
    case EFI_DEVICE_ERROR:
        return "device error";
    case EFI_VOLUME_CORRUPTED:
        return "the volume is corrupted";
    case EFI_ACCESS_DENIED:
        return "access denied";
    case EFI_NO_MEDIA:
        return "no medium";
    case EFI_MEDIA_CHANGED:
        return "the medium was changed";
    case EFI_UNSUPPORTED:
        return "unsupported";
    case EFI_BUFFER_TOO_SMALL:
        return "buffer too small";
    default:
        return "error";
    }
}

/* Copies at most size-1 characters; what is not ASCII becomes '?'. */
static void firmware_text(char *dst, size_t size, const CHAR16 *src)
{
    size_t n = 0;

    for (; src && src[n] && n + 1 < size; n++)
        dst[n] = src[n] >= ' ' && src[n] <= '~' ? (char)src[n] : '?';
    dst[n] = 0;
}

static bool guid_equal(const EFI_GUID *a, const EFI_GUID *b)
{
    return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

/* The RSDP of ACPI 2.0 and later if there is one, else that of 1.0, else 0. */
static u64 find_rsdp(const EFI_SYSTEM_TABLE *st)
{
    u64 old = 0;

    for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *t = &st->ConfigurationTable[i];

        if (guid_equal(&t->VendorGuid, &acpi_20_guid))
            return (u64)t->VendorTable;
        if (guid_equal(&t->VendorGuid, &acpi_10_guid))
            old = (u64)t->VendorTable;
    }
    return old;
}

void firmware_describe(struct loader *l, struct boot_info *bi)
{
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    char vendor[40];

    bi->rsdp = find_rsdp(l->st);
    bi->efi_system_table = (u64)l->st;
    firmware_text(vendor, sizeof(vendor), l->st->FirmwareVendor);
    snprintf(bi->loader, sizeof(bi->loader), "UEFI: %s", vendor);
    if (EFI_ERROR(l->bs->LocateProtocol((EFI_GUID *)&gop_guid, NULL, (void **)&gop)) || !gop->Mode ||
        !gop->Mode->Info)
        return;
    bi->fb = (struct boot_framebuffer){
        .base = gop->Mode->FrameBufferBase,
        .size = gop->Mode->FrameBufferSize,
        .width = gop->Mode->Info->HorizontalResolution,
        .height = gop->Mode->Info->VerticalResolution,
        .stride = gop->Mode->Info->PixelsPerScanLine,
        .format = (u32)gop->Mode->Info->PixelFormat,
    };
}

static EFI_STATUS convert(struct loader *l, void *map, UINTN size, UINTN stride, struct boot_info *bi)
{
    if (memory_map_convert(map, size, stride, bi))
        return loader_fail(l, EFI_INCOMPATIBLE_VERSION,
                           "the firmware's memory map has entries of %lu bytes, which is not UEFI's form.",
                           (u64)stride);
    return EFI_SUCCESS;
}

/* A buffer for the memory map, with room for it to grow. It is boot services' memory: free afterwards. */
static EFI_STATUS alloc_map(struct loader *l, void **map, UINTN *capacity)
{
    UINTN size = 0, key, stride = 0;
    UINT32 version;
    EFI_STATUS status = l->bs->GetMemoryMap(&size, NULL, &key, &stride, &version);

    if (status != EFI_BUFFER_TOO_SMALL || !stride)
        return loader_fail(l, EFI_DEVICE_ERROR, "the firmware does not tell the size of its memory map.");
    *capacity = size + MAP_SLACK * stride;
    status = l->bs->AllocatePool(EfiBootServicesData, *capacity, map);
    if (EFI_ERROR(status))
        return loader_fail(l, status, "not enough memory for the memory map (%lu bytes).", (u64)*capacity);
    return EFI_SUCCESS;
}

EFI_STATUS firmware_read_map(struct loader *l, struct boot_info *bi)
{
    UINTN capacity, size, key, stride;
    UINT32 version;
    void *map;
    EFI_STATUS status = alloc_map(l, &map, &capacity);

    if (EFI_ERROR(status))
        return status;
    size = capacity;
    status = l->bs->GetMemoryMap(&size, map, &key, &stride, &version);
    if (EFI_ERROR(status))
        loader_fail(l, status, "cannot get the memory map: %s.", firmware_status_text(status));
    else
        status = convert(l, map, size, stride, bi);
    l->bs->FreePool(map);
    return status;
}

/*
 * The key of the memory map must be the current one. If the firmware changed something in between
 * (a timer may), ExitBootServices refuses, and from then on only memory services and another attempt
 * are allowed (UEFI 2.10, 7.4.6): the buffer comes first, and a message afterwards is a best effort.
 */
EFI_STATUS firmware_exit(struct loader *l, struct boot_info *bi)
{
    UINTN capacity, size, key, stride;
    EFI_STATUS status;
    UINT32 version;
    void *map;

    status = alloc_map(l, &map, &capacity);
    if (EFI_ERROR(status))
        return status;
    for (u32 tries = 0; tries < EXIT_TRIES; tries++) {
        size = capacity;
        status = l->bs->GetMemoryMap(&size, map, &key, &stride, &version);
        if (status == EFI_BUFFER_TOO_SMALL) {
            l->bs->FreePool(map);
            status = alloc_map(l, &map, &capacity);
            if (EFI_ERROR(status))
                return status;
            status = EFI_BUFFER_TOO_SMALL;
            continue;
        }
        if (EFI_ERROR(status))
            break;
        status = convert(l, map, size, stride, bi);
        if (EFI_ERROR(status)) {
            l->bs->FreePool(map);
            return status;
        }
        status = l->bs->ExitBootServices(l->image, key);
        if (!EFI_ERROR(status))
            return EFI_SUCCESS;
    }
    l->bs->FreePool(map);
    return loader_fail(l, status, "the firmware does not let go of the machine: %s.",
                       firmware_status_text(status));
}
