/* Files on the volume that the loader was started from: see loader.h. */
#include "loader.h"
#include <lib/printf.h>

/* A name in a file information block is at most 255 characters on FAT. */
#define FILE_INFO_BYTES (sizeof(EFI_FILE_INFO) + 256 * sizeof(CHAR16))

static const EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static const EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static const EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

/*
 * Writes the directory part of a device path's file nodes, which may come in several pieces. The walk
 * ends at the first node that is no node, and after a bounded number in any case.
 */
static bool directory_of(const EFI_DEVICE_PATH_PROTOCOL *path, char *out, size_t size)
{
    size_t used = 0, cut = 0;

    for (u32 nodes = 0; path && path->Type == MEDIA_DEVICE_PATH && path->SubType == MEDIA_FILEPATH_DP;
         nodes++) {
        size_t len = (size_t)path->Length[0] | (size_t)path->Length[1] << 8;
        const u8 *name = (const u8 *)(path + 1);

        if (len < sizeof(*path) || nodes == 16)
            return false;
        if (used && out[used - 1] != '\\' && used + 1 < size)
            out[used++] = '\\';
        for (size_t i = 0; i + 1 < len - sizeof(*path); i += 2) {
            u32 c = name[i] | (u32)name[i + 1] << 8;

            if (!c)
                break;
            if (c >= 0x80 || used + 1 >= size)
                return false;
            if (c == '\\' && used && out[used - 1] == '\\')
                continue;
            out[used++] = (char)c;
        }
        path = (const EFI_DEVICE_PATH_PROTOCOL *)((const u8 *)path + len);
    }
    for (size_t i = 0; i < used; i++)
        if (out[i] == '\\')
            cut = i;
    out[cut] = 0;
    return used != 0;
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
    if (!directory_of(image->FilePath, l->directory, sizeof(l->directory)))
        loader_fail(l, EFI_INVALID_PARAMETER, "the firmware gives no usable path of this loader.");
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

/* The full path for people, and the same for the firmware. */
static void full_path(struct loader *l, const char *path, struct loader_file *file, CHAR16 *wide)
{
    size_t i = 0;

    if (*path == '\\' || *path == '/')
        snprintf(file->path, sizeof(file->path), "%s", path);
    else
        snprintf(file->path, sizeof(file->path), "%s\\%s", l->directory, path);
    for (; file->path[i]; i++) {
        if (file->path[i] == '/')
            file->path[i] = '\\';
        wide[i] = (CHAR16)(u8)file->path[i];
    }
    wide[i] = 0;
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
    static CHAR16 wide[sizeof(file->path)];
    EFI_STATUS status;
    u64 done = 0;

    full_path(l, path, file, wide);
    status = l->root->Open(l->root, &l->file, wide, EFI_FILE_MODE_READ, 0);
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
