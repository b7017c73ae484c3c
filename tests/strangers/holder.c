/*
 * A UEFI application like a boot loader with a heap: holds a part of the machine's memory as EfiLoaderData and
 * EfiLoaderCode, which it never gives back, then starts the BOOTX64.EFI in another directory than its own. GRUB 2.06 takes a quarter of RAM in this
 * way, builds of it by distributions half, and for a while three quarters.
 */
#include <efi.h>

#define CHUNK_PAGES 0x2000u /* 32 MiB */
#define PATH_WORDS  64u

static const EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static const EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static const EFI_GUID device_path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st);

static void say(EFI_SYSTEM_TABLE *st, const CHAR16 *text)
{
    st->ConOut->OutputString(st->ConOut, (CHAR16 *)text);
}

/* Pages of conventional memory. */
static UINTN free_pages(EFI_BOOT_SERVICES *bs)
{
    static UINT8 map[65536] __attribute__((aligned(8)));
    UINTN size = sizeof(map), key, stride, pages = 0;
    UINT32 version;

    if (EFI_ERROR(bs->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)map, &key, &stride, &version)))
        return 0;
    for (UINTN at = 0; at + stride <= size; at += stride) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);
        pages += d->Type == EfiConventionalMemory ? d->NumberOfPages : 0;
    }
    return pages;
}

static UINTN append(CHAR16 *to, UINTN used, const CHAR16 *text)
{
    for (; *text && used + 1 < PATH_WORDS; text++)
        to[used++] = *text;
    to[used] = 0;
    return used;
}

static BOOLEAN is_own(const CHAR16 *name)
{
    return name[0] == '.' || ((name[0] | 0x20) == 'b' && (name[1] | 0x20) == 'o' && (name[2] | 0x20) == 'o' &&
                              (name[3] | 0x20) == 't' && !name[4]);
}

/* Writes the loader's path: \EFI\, the first directory there but BOOT, \BOOTX64.EFI. */
static BOOLEAN find_loader(EFI_BOOT_SERVICES *bs, EFI_HANDLE volume, CHAR16 path[PATH_WORDS])
{
    static UINT8 buffer[1024] __attribute__((aligned(8)));
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *fs;
    EFI_FILE_PROTOCOL *root, *efi;
    EFI_FILE_INFO *info = (EFI_FILE_INFO *)buffer;

    if (EFI_ERROR(bs->HandleProtocol(volume, (EFI_GUID *)&file_system_guid, (void **)&fs)) ||
        EFI_ERROR(fs->OpenVolume(fs, &root)) ||
        EFI_ERROR(root->Open(root, &efi, (CHAR16 *)L"\\EFI", EFI_FILE_MODE_READ, 0)))
        return FALSE;
    for (;;) {
        UINTN size = sizeof(buffer);
        if (EFI_ERROR(efi->Read(efi, &size, buffer)) || !size)
            return FALSE;
        if (info->Attribute & EFI_FILE_DIRECTORY && !is_own(info->FileName))
            break;
    }
    UINTN used = append(path, 0, L"\\EFI\\");
    used = append(path, used, info->FileName);
    append(path, used, L"\\BOOTX64.EFI");
    efi->Close(efi);
    root->Close(root);
    return TRUE;
}

/* The device path of the loader, on the volume that this program came from. */
static EFI_DEVICE_PATH_PROTOCOL *path_to_loader(EFI_BOOT_SERVICES *bs, EFI_HANDLE self)
{
    static UINT8 path[1024];
    static CHAR16 file[PATH_WORDS];
    EFI_LOADED_IMAGE_PROTOCOL *image;
    EFI_DEVICE_PATH_PROTOCOL *node;
    UINTN used = 0, name_bytes = 0;

    if (EFI_ERROR(bs->HandleProtocol(self, (EFI_GUID *)&loaded_image_guid, (void **)&image)) ||
        EFI_ERROR(bs->HandleProtocol(image->DeviceHandle, (EFI_GUID *)&device_path_guid, (void **)&node)) ||
        !find_loader(bs, image->DeviceHandle, file))
        return NULL;
    while (node->Type != END_DEVICE_PATH_TYPE) {
        UINTN bytes = node->Length[0] | (UINTN)node->Length[1] << 8;
        __builtin_memcpy(path + used, node, bytes);
        used += bytes;
        node = (EFI_DEVICE_PATH_PROTOCOL *)((UINT8 *)node + bytes);
    }
    while (file[name_bytes / 2])
        name_bytes += 2;
    name_bytes += 2;
    node = (EFI_DEVICE_PATH_PROTOCOL *)(path + used);
    *node = (EFI_DEVICE_PATH_PROTOCOL){MEDIA_DEVICE_PATH, MEDIA_FILEPATH_DP, {(UINT8)(4 + name_bytes), 0}};
    __builtin_memcpy(node + 1, file, name_bytes);
    node = (EFI_DEVICE_PATH_PROTOCOL *)(path + used + 4 + name_bytes);
    *node = (EFI_DEVICE_PATH_PROTOCOL){END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, {4, 0}};
    return (EFI_DEVICE_PATH_PROTOCOL *)path;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st)
{
    EFI_BOOT_SERVICES *bs = st->BootServices;
    UINTN wanted = free_pages(bs) / 4 * 3, held = 0;
    EFI_HANDLE loader;

    for (EFI_PHYSICAL_ADDRESS at; held < wanted; held += CHUNK_PAGES) {
        EFI_MEMORY_TYPE type = held / CHUNK_PAGES % 2 ? EfiLoaderCode : EfiLoaderData;
        if (EFI_ERROR(bs->AllocatePages(AllocateAnyPages, type, CHUNK_PAGES, &at)))
            break;
    }
    say(st, held < wanted / 2 ? L"holder: there is too little memory\r\n"
                              : L"holder: three quarters of free memory held\r\n");
    EFI_DEVICE_PATH_PROTOCOL *path = path_to_loader(bs, self);
    if (!path || EFI_ERROR(bs->LoadImage(FALSE, self, path, NULL, 0, &loader))) {
        say(st, L"holder: cannot load the loader\r\n");
        return EFI_LOAD_ERROR;
    }
    return bs->StartImage(loader, NULL, NULL);
}
