/* Files on the volume that the loader was started from: see loader.h. */
#include "loader.h"
#include "text.h"
#include <homestead/errno.h>
#include <lib/printf.h>

/* A name in a file information block is at most 255 characters on FAT. */
#define FILE_INFO_BYTES (sizeof(EFI_FILE_INFO) + 256 * sizeof(CHAR16))

static const EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static const EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static const EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

/* Cuts the loader's own path into its directory and its name. */
static void set_directory(struct loader *l, const void *device_path)
{
    size_t cut = 0;
    int rc = text_of_path(device_path, l->directory, sizeof(l->directory));

    if (rc)
        loader_fail(l, EFI_INVALID_PARAMETER, "%s",
                    rc == -E2BIG ? "the path of this loader is too long; move it to a shorter one."
                                 : "the firmware gives no usable path of this loader.");
    for (size_t i = 0; l->directory[i]; i++)
        if (l->directory[i] == '\\')
            cut = i;
    snprintf(l->name, sizeof(l->name), "%s", l->directory + cut + (l->directory[cut] == '\\'));
    l->directory[cut] = 0;
}

void files_open(struct loader *l)
{
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *fs;
    EFI_LOADED_IMAGE_PROTOCOL *image;
    EFI_STATUS status;

    status = l->bs->HandleProtocol(l->image, (EFI_GUID *)&loaded_image_guid, (void **)&image);
    if (EFI_ERROR(status))
        loader_fail(l, status, "the firmware does not say where this loader came from.");
    status = l->bs->HandleProtocol(image->DeviceHandle, (EFI_GUID *)&file_system_guid, (void **)&fs);
    if (EFI_ERROR(status))
        loader_fail(l, status, "the device this loader came from has no file system.");
    set_directory(l, image->FilePath);
    status = fs->OpenVolume(fs, &l->root);
    if (EFI_ERROR(status)) {
        l->root = NULL;
        loader_fail(l, status, "cannot open the volume this loader came from: %s.",
                    firmware_status_text(status));
    }
}

static void close_one(EFI_FILE_PROTOCOL **file)
{
    if (*file)
        (*file)->Close(*file);
    *file = NULL;
}

void files_close(struct loader *l)
{
    close_one(&l->file);
    close_one(&l->root);
}

/* The full path. */
static void full_path(struct loader *l, const char *path, struct loader_file *file)
{
    if (*path == '\\' || *path == '/')
        snprintf(file->path, sizeof(file->path), "%s", path);
    else
        snprintf(file->path, sizeof(file->path), "%s\\%s", l->directory, path);
    for (size_t i = 0; file->path[i]; i++)
        if (file->path[i] == '/')
            file->path[i] = '\\';
}

static u64 file_size(struct loader *l, const char *path)
{
    u8 buffer[FILE_INFO_BYTES] ALIGNED(8);
    EFI_FILE_INFO *info = (EFI_FILE_INFO *)buffer;
    UINTN len = sizeof(buffer);
    EFI_STATUS status = l->file->GetInfo(l->file, (EFI_GUID *)&file_info_guid, &len, info);

    if (EFI_ERROR(status))
        loader_fail(l, status, "cannot get the size of %s: %s.", path, firmware_status_text(status));
    if (info->Attribute & EFI_FILE_DIRECTORY)
        loader_fail(l, EFI_LOAD_ERROR, "%s is a directory, not a file.", path);
    if (!info->FileSize)
        loader_fail(l, EFI_LOAD_ERROR, "%s is empty.", path);
    return info->FileSize;
}

void files_read(struct loader *l, const char *path, EFI_MEMORY_TYPE type, struct loader_file *file)
{
    static u16 wide[sizeof(file->path)];
    EFI_STATUS status;
    u64 done = 0;

    full_path(l, path, file);
    text_to_units(wide, ARRAY_SIZE(wide), file->path);
    status = l->root->Open(l->root, &l->file, (CHAR16 *)wide, EFI_FILE_MODE_READ, 0);
    if (EFI_ERROR(status)) {
        l->file = NULL;
        loader_fail(l, status, "cannot open %s: %s.", file->path, firmware_status_text(status));
    }
    file->size = file_size(l, file->path);
    file->base =
        loader_alloc_pages(l, type, ANYWHERE, DIV_ROUND_UP(file->size, PAGE_SIZE), PAGE_SIZE, file->path);
    while (done < file->size) { /* the firmware may return it in pieces */
        UINTN part = file->size - done;

        status = l->file->Read(l->file, &part, (void *)(file->base + done));
        if (EFI_ERROR(status) || !part)
            loader_fail(l, EFI_ERROR(status) ? status : EFI_END_OF_FILE, "cannot read %s after byte %lu: %s.",
                        file->path, done, EFI_ERROR(status) ? firmware_status_text(status) : "end of file");
        done += part;
    }
    __builtin_memset((void *)(file->base + done), 0, ALIGN_UP(done, PAGE_SIZE) - done);
    close_one(&l->file);
}
