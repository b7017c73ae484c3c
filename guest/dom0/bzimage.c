/* See bzimage.h. Fields are little-endian and fetched by offset with memcpy. */
#include <guest/dom0/bzimage.h>

#include <homestead/errno.h>
#include <lib/string.h>

const char *const payload_names[PAYLOAD_KINDS] = {"gzip", "LZ4", "xz", "zstd"};

/* The real-mode header. */
#define SECTOR         512u
#define SETUP_SECTS    0x1f1u /* 1 byte; 0 stands for 4 */
#define HEADER_MAGIC   0x202u /* "HdrS" */
#define VERSION        0x206u /* 2 bytes */
#define PAYLOAD_OFFSET 0x248u /* 4 bytes, from the protected-mode code on, which follows the setup sectors */
#define PAYLOAD_LENGTH 0x24cu /* 4 bytes */
#define HEADER_END     0x250u
#define FIRST_VERSION  0x208u /* that has a payload */

struct bytes {
    const u8 *at;
    u64 size;
};

static bool has(struct bytes f, u64 offset, const char *text, u32 len)
{
    return offset + len <= f.size && !memcmp(f.at + offset, text, len);
}

static u32 get(struct bytes f, u64 offset, u32 len)
{
    u32 value = 0;

    memcpy(&value, f.at + offset, len);
    return value;
}

/* Files that a payload, or a kernel, is by its first bytes. */
struct magic {
    const char *bytes;
    u32 len;
    const char *why; /* NULL: it can be decoded */
};

static const struct magic magics[] = {
    [PAYLOAD_GZIP] = {"\x1f\x8b", 2, NULL},
    [PAYLOAD_LZ4] = {"\x02\x21\x4c\x18", 4, NULL},
    [PAYLOAD_XZ] = {"\xfd"
                    "7zXZ",
                    6, NULL},
    [PAYLOAD_ZSTD] = {"\x28\xb5\x2f\xfd", 4, NULL},
    {"BZh", 3, "has a bzip2 payload; gzip, LZ4, xz and zstd can be decoded"},
    {"\x5d\0\0", 3, "has an LZMA payload; gzip, LZ4, xz and zstd can be decoded"},
    {"\x89LZO", 4, "has an LZO payload; gzip, LZ4, xz and zstd can be decoded"},
};

/* The size after decoding is behind the payload, or for gzip, whose format ends with it, its last 4 bytes. */
static int set_payload(struct bytes f, struct payload *out, const char **why)
{
    u32 kind = 0;

    while (kind < ARRAY_SIZE(magics) && !has(f, 0, magics[kind].bytes, magics[kind].len))
        kind++;
    *why = "has a payload of an unknown kind; gzip, LZ4, xz and zstd can be decoded";
    if (kind == ARRAY_SIZE(magics))
        return -ENOEXEC;
    *why = magics[kind].why;
    if (*why)
        return -ENOEXEC;
    *why = "has a payload that is cut short";
    if (f.size < 12)
        return -ENOEXEC;
    u32 decoded = get(f, f.size - 4, 4);
    *why = "claims that its payload is empty";
    if (!decoded)
        return -ENOEXEC;
    *why = "claims that its payload is larger than 1 GiB when decoded";
    if (decoded > PAYLOAD_MAX)
        return -ENOEXEC;
    *out = (struct payload){
        .kind = kind, .data = f.at, .size = kind == PAYLOAD_GZIP ? f.size : f.size - 4, .decoded = decoded};
    return 1;
}

static int find_in_bzimage(struct bytes f, struct payload *out, const char **why)
{
    *why = "is a bzImage that is cut short";
    if (f.size < HEADER_END)
        return -ENOEXEC;
    *why = "is a Linux image of a boot protocol before 2.08: it names no payload";
    if (get(f, VERSION, 2) < FIRST_VERSION)
        return -ENOEXEC;
    u32 sectors = get(f, SETUP_SECTS, 1), length = get(f, PAYLOAD_LENGTH, 4);
    u64 start = (u64)(1 + (sectors ? sectors : 4)) * SECTOR + get(f, PAYLOAD_OFFSET, 4);
    *why = "is a bzImage without a payload";
    if (!length)
        return -ENOEXEC;
    *why = "is a bzImage that is cut short: its payload ends after the file";
    if (start > f.size || length > f.size - start)
        return -ENOEXEC;
    return set_payload((struct bytes){f.at + start, length}, out, why);
}

/* What people take for a kernel and what is one elsewhere. */
static const struct {
    u32 offset, len;
    const char *bytes, *why;
} strangers[] = {
    {4, 4, "zimg", "is an EFI zboot image; take its vmlinux, or a bzImage"},
    {56, 4, "ARM\x64", "is a kernel for ARM, not for x86"},
    {56, 4, "RSC\x05", "is a kernel for RISC-V, not for x86"},
    {0, 4, "\x27\x05\x19\x56", "is a U-Boot image; take its vmlinux, or a bzImage"},
    {0, 4, "\x02\x21\x4c\x18", "is an LZ4 file; unpack it first"},
    {0, 6,
     "\xfd"
     "7zXZ",
     "is an xz file; unpack it first"},
    {0, 4, "\x28\xb5\x2f\xfd", "is a zstd file; unpack it first"},
    {0, 5, "07070", "is a cpio archive; kernel= and ramdisk= may be swapped"},
    {0, 2, "MZ", "is an EFI program and no kernel with a PVH entry"},
};

int bzimage_find(const void *file, u64 size, struct payload *out, const char **why)
{
    struct bytes f = {file, size};

    *why = "is empty";
    if (!size)
        return -ENOEXEC;
    if (has(f, 0, "\177ELF", 4))
        return 0;
    if (has(f, HEADER_MAGIC, "HdrS", 4))
        return find_in_bzimage(f, out, why);
    if (has(f, 0, magics[PAYLOAD_GZIP].bytes, magics[PAYLOAD_GZIP].len))
        return set_payload(f, out, why);
    for (u32 i = 0; i < ARRAY_SIZE(strangers); i++) {
        *why = strangers[i].why;
        if (has(f, strangers[i].offset, strangers[i].bytes, strangers[i].len))
            return -ENOEXEC;
    }
    return 0;
}
