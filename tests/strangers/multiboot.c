/*
 * A UEFI application that starts \boot\homestead by Multiboot 1 with two modules, as GRUB's `multiboot` does on a UEFI machine:
 * the memory map has ACPI's memory, and nothing says where the RSDP is.
 */
#include <efi.h>

#define MAP_BYTES   65536u
#define ENTRIES_MAX 512u
#define BELOW_4G    0xffffffffull

static const EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static const EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static const EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

struct __attribute__((packed)) mmap_entry { /* Multiboot 0.6.96, 3.3 */
    UINT32 size;
    UINT64 base, length;
    UINT32 type;
};

struct module {
    UINT32 start, end, string, reserved;
};

static struct {
    UINT32 info[32];
    struct module modules[2];
    struct mmap_entry mmap[ENTRIES_MAX];
} multiboot;

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st);
void enter_multiboot(UINT32 entry, UINT32 info) __attribute__((noreturn));

static UINT32 address(const void *pointer)
{
    return (UINT32)(UINTN)pointer;
}

/* Reads a file to pages below 4 GiB. NULL: cannot. */
static UINT8 *read_file(EFI_BOOT_SERVICES *bs, EFI_FILE_PROTOCOL *root, const CHAR16 *name, UINTN *size)
{
    static UINT8 buffer[1024] __attribute__((aligned(8)));
    UINTN info_bytes = sizeof(buffer);
    EFI_PHYSICAL_ADDRESS at = BELOW_4G;
    EFI_FILE_PROTOCOL *file;

    if (EFI_ERROR(root->Open(root, &file, (CHAR16 *)name, EFI_FILE_MODE_READ, 0)) ||
        EFI_ERROR(file->GetInfo(file, (EFI_GUID *)&file_info_guid, &info_bytes, buffer)))
        return NULL;
    *size = ((EFI_FILE_INFO *)buffer)->FileSize;
    if (EFI_ERROR(bs->AllocatePages(AllocateMaxAddress, EfiLoaderData, (*size + 4095) / 4096, &at)) ||
        EFI_ERROR(file->Read(file, size, (void *)at)))
        return NULL;
    file->Close(file);
    return (UINT8 *)at;
}

static UINT32 get32(const UINT8 *file, UINTN at)
{
    return *(const UINT32 *)(file + at);
}

/* Places the ELF32 image at its physical addresses. Returns the entry point, which the file has as a virtual address, 0: cannot. */
static UINT32 place(EFI_BOOT_SERVICES *bs, const UINT8 *file)
{
    UINTN headers = get32(file, 28), count = *(const UINT16 *)(file + 44);
    UINT64 low = ~0ull, high = 0;
    UINT32 entry = 0;

    for (UINTN i = 0; i < count; i++) {
        const UINT8 *h = file + headers + i * 32;
        if (get32(h, 0) != 1)
            continue;
        low = get32(h, 12) < low ? get32(h, 12) : low;
        high = get32(h, 12) + get32(h, 20) > high ? get32(h, 12) + get32(h, 20) : high;
    }
    EFI_PHYSICAL_ADDRESS at = low;
    if (EFI_ERROR(bs->AllocatePages(AllocateAddress, EfiLoaderData, (high - low + 4095) / 4096, &at)))
        return 0;
    __builtin_memset((void *)low, 0, high - low);
    for (UINTN i = 0; i < count; i++) {
        const UINT8 *h = file + headers + i * 32;
        if (get32(h, 0) != 1)
            continue;
        __builtin_memcpy((void *)(UINTN)get32(h, 12), file + get32(h, 4), get32(h, 16));
        if (get32(file, 24) - get32(h, 8) < get32(h, 16))
            entry = get32(file, 24) - get32(h, 8) + get32(h, 12);
    }
    return entry;
}

/* The types as GRUB translates them. */
static UINT32 type_of(UINT32 efi)
{
    if ((efi >= EfiLoaderCode && efi <= EfiBootServicesData) || efi == EfiConventionalMemory)
        return 1;
    return efi == EfiACPIReclaimMemory ? 3 : efi == EfiACPIMemoryNVS ? 4 : 2;
}

/* The last memory map, and out of boot services. */
static BOOLEAN exit_with_map(EFI_HANDLE self, EFI_BOOT_SERVICES *bs)
{
    static UINT8 map[MAP_BYTES] __attribute__((aligned(8)));
    UINTN size = sizeof(map), key, stride, nr = 0;
    UINT32 version;

    if (EFI_ERROR(bs->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)map, &key, &stride, &version)))
        return FALSE;
    for (UINTN at = 0; at + stride <= size && nr < ENTRIES_MAX; at += stride) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);
        multiboot.mmap[nr++] =
            (struct mmap_entry){20, d->PhysicalStart, d->NumberOfPages * 4096, type_of(d->Type)};
    }
    multiboot.info[11] = (UINT32)(nr * sizeof(struct mmap_entry));
    multiboot.info[12] = address(multiboot.mmap);
    return !EFI_ERROR(bs->ExitBootServices(self, key));
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *st)
{
    static const CHAR16 *const names[] = {L"\\boot\\dom0.elf", L"\\boot\\default.cpio"};
    EFI_BOOT_SERVICES *bs = st->BootServices;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *fs;
    EFI_LOADED_IMAGE_PROTOCOL *image;
    EFI_FILE_PROTOCOL *root;
    UINTN size;

    if (EFI_ERROR(bs->HandleProtocol(self, (EFI_GUID *)&loaded_image_guid, (void **)&image)) ||
        EFI_ERROR(bs->HandleProtocol(image->DeviceHandle, (EFI_GUID *)&file_system_guid, (void **)&fs)) ||
        EFI_ERROR(fs->OpenVolume(fs, &root)))
        return EFI_LOAD_ERROR;
    const UINT8 *file = read_file(bs, root, L"\\boot\\homestead", &size);
    UINT32 entry = file ? place(bs, file) : 0;
    for (UINTN i = 0; i < 2 && entry; i++) {
        const UINT8 *module = read_file(bs, root, names[i], &size);
        multiboot.modules[i] =
            (struct module){address(module), (UINT32)(address(module) + size), address(""), 0};
        entry = module ? entry : 0;
    }
    multiboot.info[0] = 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9; /* command line, modules, map, loader's name */
    multiboot.info[4] = address("com1=115200,8n1 console=com1 loglvl=info");
    multiboot.info[5] = 2;
    multiboot.info[6] = address(multiboot.modules);
    multiboot.info[16] = address("GRUB, or what stands for it");
    if (!entry || !exit_with_map(self, bs))
        return EFI_LOAD_ERROR;
    enter_multiboot(entry, address(multiboot.info));
}
