/* The newc reader. See cpio.h. */
#include <guest/dom0/cpio.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define HEADER_BYTES 110u
#define S_IFMT       0170000u
#define S_IFREG      0100000u

/* Fields after the magic, in order. */
enum field { F_MODE = 1, F_FILESIZE = 6, F_NAMESIZE = 11 };

static int parse_field(const u8 *header, enum field f, u32 *out)
{
    const u8 *p = header + 6 + 8 * f;
    u32 value = 0;

    for (unsigned int i = 0; i < 8; i++) {
        u8 c = p[i];
        u32 digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10u;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10u;
        else
            return -EINVAL;
        value = value << 4 | digit;
    }
    *out = value;
    return 0;
}

int cpio_next(const void *archive, size_t len, size_t *offset, struct cpio_file *out)
{
    const u8 *base = archive;
    size_t at = *offset;
    u32 mode, data_size, name_size;

    if (at >= len)
        return 0;
    const u8 *h = base + at;
    size_t left = len - at;
    if (left < HEADER_BYTES || (memcmp(h, "070701", 6) != 0 && memcmp(h, "070702", 6) != 0))
        return -EINVAL;
    if (parse_field(h, F_MODE, &mode) || parse_field(h, F_FILESIZE, &data_size) ||
        parse_field(h, F_NAMESIZE, &name_size))
        return -EINVAL;

    /* Sizes are 32-bit and size_t is 64-bit: the sums cannot wrap. */
    const char *name = (const char *)h + HEADER_BYTES;
    if (name_size == 0 || name_size > left - HEADER_BYTES || name[name_size - 1] != 0)
        return -EINVAL;
    if (strcmp(name, "TRAILER!!!") == 0)
        return 0;
    size_t data_at = ALIGN_UP((size_t)HEADER_BYTES + name_size, (size_t)4);
    if (data_at > left || data_size > left - data_at)
        return -EINVAL;

    if (name[0] == '.' && name[1] == '/')
        name += 2;
    *out = (struct cpio_file){.name = name, .data = h + data_at, .size = data_size, .mode = mode};
    /* The padding of the last entry may be cut off. */
    *offset = at + MIN(left, ALIGN_UP(data_at + data_size, (size_t)4));
    return 1;
}

int cpio_find(const void *archive, size_t len, const char *name, struct cpio_file *out)
{
    struct cpio_file f;
    size_t offset = 0;

    for (;;) {
        int rc = cpio_next(archive, len, &offset, &f);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return -ENOENT;
        if (cpio_is_regular(&f) && strcmp(f.name, name) == 0) {
            *out = f;
            return 0;
        }
    }
}

bool cpio_is_regular(const struct cpio_file *f)
{
    return (f->mode & S_IFMT) == S_IFREG;
}
