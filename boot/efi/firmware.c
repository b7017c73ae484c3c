/* Facts that the firmware provides, and the end of its services: see loader.h. */
#include "loader.h"
#include "memory_map.h"
#include <lib/printf.h>

static const EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static const EFI_GUID acpi_10_guid = ACPI_TABLE_GUID;
static const EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static const EFI_GUID gop_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

/* More descriptors than the last answer had: allocating the buffer itself makes some, a retry a few more.
 * When that was not enough, a larger buffer is taken, a few times. */
#define MAP_SLACK  64u
#define EXIT_TRIES 8u

const char *firmware_status_text(EFI_STATUS status)
{
    static const struct {
        EFI_STATUS status;
        char text[24];
    } texts[] = {
        {EFI_NOT_FOUND, "not found"},
        {EFI_OUT_OF_RESOURCES, "out of resources"},
        {EFI_INVALID_PARAMETER, "invalid parameter"},
        {EFI_DEVICE_ERROR, "device error"},
        {EFI_VOLUME_CORRUPTED, "the volume is corrupted"},
        {EFI_ACCESS_DENIED, "access denied"},
        {EFI_NO_MEDIA, "no medium"},
        {EFI_MEDIA_CHANGED, "the medium was changed"},
        {EFI_UNSUPPORTED, "unsupported"},
        {EFI_BUFFER_TOO_SMALL, "buffer too small"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "error";
}

/* Copies at most size-1 characters; what is not ASCII becomes '?'. */
static void firmware_text(char *dst, size_t size, const CHAR16 *src)
{
    size_t n = 0;

    for (; src && src[n] && n + 1 < size; n++)
        dst[n] = src[n] >= ' ' && src[n] <= '~' ? (char)src[n] : '?';
    dst[n] = 0;
}

size_t firmware_load_options(struct loader *l, const void **bytes)
{
    EFI_LOADED_IMAGE_PROTOCOL *image;

    *bytes = NULL;
    if (EFI_ERROR(l->bs->HandleProtocol(l->image, (EFI_GUID *)&loaded_image_guid, (void **)&image)))
        return 0;
    *bytes = image->LoadOptions;
    return image->LoadOptionsSize;
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

/* Read here and not after boot services have ended, when few systems ever call GetTime(). */
static void read_time(struct loader *l, struct boot_efi_time *out)
{
    EFI_TIME t;

    if (EFI_ERROR(l->st->RuntimeServices->GetTime(&t, NULL)))
        return;
    *out = (struct boot_efi_time){
        .year = t.Year,
        .month = t.Month,
        .day = t.Day,
        .hour = t.Hour,
        .minute = t.Minute,
        .second = t.Second,
        .ns = t.Nanosecond,
        .zone_minutes = t.TimeZone,
        .tsc = __builtin_ia32_rdtsc(),
    };
}

void firmware_describe(struct loader *l, struct boot_info *bi)
{
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    char vendor[40];

    bi->rsdp = find_rsdp(l->st);
    bi->efi_system_table = (u64)l->st;
    read_time(l, &bi->time);
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
    };
}

struct firmware_map {
    UINTN capacity, size, key, stride; /* bytes, but for the key */
};

/* A buffer for the memory map, with room for it to grow. It is boot services' memory: free afterwards. */
static void alloc_map(struct loader *l, struct firmware_map *map)
{
    UINT32 version;

    map->size = map->stride = 0;
    EFI_STATUS status = l->bs->GetMemoryMap(&map->size, NULL, &map->key, &map->stride, &version);
    if (status != EFI_BUFFER_TOO_SMALL || !map->stride)
        loader_fail(l, EFI_DEVICE_ERROR, "the firmware does not report the size of its memory map.");
    map->capacity = map->size + MAP_SLACK * map->stride;
    status = l->bs->AllocatePool(EfiBootServicesData, map->capacity, &l->map);
    if (EFI_ERROR(status)) {
        l->map = NULL;
        loader_fail(l, status, "not enough memory for the memory map (%lu bytes).", (u64)map->capacity);
    }
}

static void free_map(struct loader *l)
{
    l->bs->FreePool(l->map);
    l->map = NULL;
}

/* Reads the map and converts it into bi. An error is the firmware's. */
static EFI_STATUS get_map(struct loader *l, struct firmware_map *map, struct boot_info *bi)
{
    UINT32 version;

    map->size = map->capacity;
    EFI_STATUS status = l->bs->GetMemoryMap(&map->size, l->map, &map->key, &map->stride, &version);
    if (!EFI_ERROR(status) && memory_map_convert(l->map, map->size, map->stride, bi))
        loader_fail(l, EFI_INCOMPATIBLE_VERSION,
                    "the firmware's memory map has entries of %lu bytes, which is not UEFI's form.",
                    (u64)map->stride);
    return status;
}

void firmware_read_map(struct loader *l, struct boot_info *bi)
{
    struct firmware_map map;

    alloc_map(l, &map);
    EFI_STATUS status = get_map(l, &map, bi);
    if (EFI_ERROR(status))
        loader_fail(l, status, "cannot get the memory map: %s.", firmware_status_text(status));
    free_map(l);
}

/*
 * The key of the memory map must be the current one. If the firmware changed something in between
 * (a timer may), ExitBootServices refuses, and from then on only memory services and another attempt
 * are allowed (UEFI 2.10, 7.4.6): the buffer comes first, and a message afterwards is a best effort.
 */
void firmware_exit(struct loader *l, struct boot_info *bi)
{
    EFI_STATUS status = EFI_SUCCESS;
    struct firmware_map map;

    alloc_map(l, &map);
    for (u32 tries = 0; tries < EXIT_TRIES; tries++) {
        status = get_map(l, &map, bi);
        if (status == EFI_BUFFER_TOO_SMALL) {
            free_map(l);
            alloc_map(l, &map);
            continue;
        }
        if (EFI_ERROR(status))
            break;
        status = l->bs->ExitBootServices(l->image, map.key);
        if (!EFI_ERROR(status))
            return;
    }
    loader_fail(l, status, "the firmware does not end its boot services: %s.", firmware_status_text(status));
}
