/* The newc reader. See cpio.h. */
#include <guest/dom0/cpio.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define HEADER_BYTES 110u
#define S_IFMT       0170000u
#define S_IFREG      0100000u
#define S_IFDIR      0040000u
#define S_IFLNK      0120000u
#define PATH_BYTES   1024u
#define LINKS_MAX    40u
#define TRAILER      2

/* Fields after the magic, in order. */
enum field { F_INO, F_MODE, F_NLINK = 4, F_FILESIZE = 6, F_DEVMAJOR, F_DEVMINOR, F_NAMESIZE = 11 };

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

static bool is_magic(const u8 *p)
{
    return memcmp(p, "070701", 6) == 0 || memcmp(p, "070702", 6) == 0;
}

/* cpio_next() of one archive, with TRAILER for its end. */
static int read_entry(const u8 *base, size_t len, size_t *offset, struct cpio_file *out)
{
    size_t at = *offset;
    u32 mode, data_size, name_size, ino, nlink, dev[2];

    if (at >= len)
        return 0;
    const u8 *h = base + at;
    size_t left = len - at;
    if (left < HEADER_BYTES || !is_magic(h))
        return -EINVAL;
    if (parse_field(h, F_MODE, &mode) || parse_field(h, F_FILESIZE, &data_size) ||
        parse_field(h, F_NAMESIZE, &name_size) || parse_field(h, F_INO, &ino) ||
        parse_field(h, F_NLINK, &nlink) || parse_field(h, F_DEVMAJOR, &dev[0]) ||
        parse_field(h, F_DEVMINOR, &dev[1]))
        return -EINVAL;

    /* Sizes are 32-bit and size_t is 64-bit: the sums cannot wrap. */
    const char *name = (const char *)h + HEADER_BYTES;
    if (name_size == 0 || name_size > left - HEADER_BYTES || name[name_size - 1] != 0)
        return -EINVAL;
    size_t data_at = ALIGN_UP((size_t)HEADER_BYTES + name_size, (size_t)4);
    if (strcmp(name, "TRAILER!!!") == 0) {
        *offset = at + MIN(left, data_at);
        return TRAILER;
    }
    if (data_at > left || data_size > left - data_at)
        return -EINVAL;

    if (name[0] == '.' && name[1] == '/')
        name += 2;
    *out = (struct cpio_file){.name = name,
                              .data = h + data_at,
                              .size = data_size,
                              .mode = mode,
                              .ino = ino,
                              .dev = {dev[0], dev[1]},
                              .nlink = nlink};
    /* The padding of the last entry may be cut off. */
    *offset = at + MIN(left, ALIGN_UP(data_at + data_size, (size_t)4));
    return 1;
}

/* Skips the padding after a trailer, and what is no archive. */
static size_t next_archive(const u8 *base, size_t len, size_t at)
{
    while (at < len && base[at] == 0)
        at++;
    return len - at >= 6 && is_magic(base + at) ? at : len;
}

int cpio_next(const void *archive, size_t len, size_t *offset, struct cpio_file *out)
{
    size_t at = *offset;
    bool first = at == 0;
    int rc;

    while ((rc = read_entry(archive, len, &at, out)) == TRAILER) {
        at = next_archive(archive, len, at);
        first = true;
    }
    if (rc == 1) {
        out->first = first;
        *offset = at;
    }
    return rc;
}

static u32 type_of(const struct cpio_file *f)
{
    return f->mode & S_IFMT;
}

/* Skips "/" and "." components. Returns the length of the next one, 0: the name ends. */
static size_t component(const char **name)
{
    const char *p = *name;
    size_t n = 0;

    while (p[0] == '/' || (p[0] == '.' && (p[1] == '/' || p[1] == 0)))
        p++;
    while (p[n] && p[n] != '/')
        n++;
    *name = p;
    return n;
}

static bool same_path(const char *a, const char *b)
{
    for (;;) {
        size_t n = component(&a), m = component(&b);
        if (n != m || memcmp(a, b, n) != 0)
            return false;
        if (n == 0)
            return true;
        a += n;
        b += m;
    }
}

/* The last entry of that path, not following links. 1, 0: there is none, -EINVAL: the archive is broken, and what was
 * read of it has none. */
static int look_up(const void *archive, size_t len, const char *path, struct cpio_file *out)
{
    struct cpio_file f;
    size_t offset = 0;
    bool found = false;
    int rc;

    while ((rc = cpio_next(archive, len, &offset, &f)) == 1) {
        if (same_path(f.name, path)) {
            *out = f;
            found = true;
        }
    }
    return found ? 1 : rc;
}

/* A hard link without data gets that of its inode, in its own one of joined archives: each numbers its inodes by itself.
 * 0, -EINVAL: the archive is broken before that came. */
static int find_data(const void *archive, size_t len, struct cpio_file *f)
{
    struct cpio_file other, data = {0};
    size_t offset = 0;
    bool here = false;
    int rc;

    if (f->size || f->nlink < 2)
        return 0;
    while ((rc = cpio_next(archive, len, &offset, &other)) == 1 && !(here && (data.size || other.first))) {
        if (other.first)
            data.size = 0;
        here = here || other.name == f->name;
        if (type_of(&other) == S_IFREG && other.size && other.ino == f->ino && other.dev[0] == f->dev[0] &&
            other.dev[1] == f->dev[1])
            data = other;
    }
    if (!data.size)
        return MIN(rc, 0);
    f->data = data.data;
    f->size = data.size;
    return 0;
}

/* Puts a symbolic link's target before what is left of a path. False: too long. */
static bool put_before(char rest[PATH_BYTES], const char *left, const struct cpio_file *link)
{
    size_t tail = strlen(left);

    if (link->size + 1 + tail >= PATH_BYTES)
        return false;
    memmove(rest + link->size + 1, left, tail + 1);
    memcpy(rest, link->data, link->size);
    rest[link->size] = '/';
    return true;
}

/* Removes the last component. */
static size_t parent(const char *path, size_t len)
{
    while (len && path[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

static int not_found(char *why, const char *name, const struct cpio_file *link, int rc)
{
    if (rc < 0)
        snprintf(why, CPIO_WHY_MAX, "the archive is cut short, or broken, before '%s'", name);
    else if (link->name)
        snprintf(why, CPIO_WHY_MAX, "'%s' is a symbolic link to '%.*s', which the archive does not have",
                 link->name, (int)MIN(link->size, (size_t)CPIO_WHY_MAX), (const char *)link->data);
    else
        snprintf(why, CPIO_WHY_MAX, "the archive has no file '%s'", name);
    return rc < 0 ? rc : -ENOENT;
}

int cpio_find(const void *archive, size_t len, const char *name, struct cpio_file *out, char *why)
{
    char path[PATH_BYTES] = "", rest[PATH_BYTES];
    struct cpio_file f = {0}, link = {0};
    size_t used = 0, n;
    u32 links = 0;
    int rc = 0;

    if (strlen(name) >= PATH_BYTES)
        return not_found(why, name, &link, 0);
    memcpy(rest, name, strlen(name) + 1);
    for (const char *at = rest; (n = component(&at)) != 0;) {
        if (n == 2 && at[0] == '.' && at[1] == '.') {
            if (!used) /* out of the archive */
                return not_found(why, name, &link, 0);
            used = parent(path, used);
            path[used] = 0;
            at += n;
            continue;
        }
        if (used + 1 + n >= PATH_BYTES)
            return not_found(why, name, &link, 0);
        path[used] = '/';
        memcpy(path + used + 1, at, n);
        used += 1 + n;
        path[used] = 0;
        at += n;
        rc = look_up(archive, len, path, &f);
        if (rc != 1 || type_of(&f) != S_IFLNK)
            continue;
        link = f;
        if (++links > LINKS_MAX || !put_before(rest, at, &link)) {
            snprintf(why, CPIO_WHY_MAX, "the symbolic link '%s' leads back to itself, or is too long",
                     link.name);
            return -ENOENT;
        }
        used = link.size && link.data[0] == '/' ? 0 : parent(path, used);
        path[used] = 0;
        at = rest;
    }
    rc = used ? look_up(archive, len, path, &f) : 0;
    if (rc != 1)
        return not_found(why, name, &link, rc);
    if (type_of(&f) != S_IFREG) {
        snprintf(why, CPIO_WHY_MAX, "'%s' is %s", f.name,
                 type_of(&f) == S_IFDIR ? "a directory" : "neither a file nor a directory");
        return -ENOENT;
    }
    rc = find_data(archive, len, &f);
    if (rc < 0)
        return not_found(why, name, &link, rc);
    *out = f;
    return 0;
}

int cpio_resolve(const void *archive, size_t len, struct cpio_file *f, char *why)
{
    const char *name = f->name;
    struct cpio_file last;

    if ((type_of(f) != S_IFREG && type_of(f) != S_IFLNK) || look_up(archive, len, name, &last) != 1 ||
        last.name != name)
        return 0;
    if (type_of(f) == S_IFREG && f->size)
        return 1;
    int rc = cpio_find(archive, len, name, f, why);
    f->name = name;
    return rc ? rc : 1;
}

const char *cpio_describe(const void *archive, size_t len)
{
    static const struct {
        const char *magic, *text;
        size_t at, bytes;
    } known[] = {
        {"070707", "a cpio archive in the old portable format; pack it with cpio -o -H newc", 0, 6},
        {"\xc7\x71", "a cpio archive in the old binary format; pack it with cpio -o -H newc", 0, 2},
        {"\x1f\x8b", "compressed (gzip); unpack it first", 0, 2},
        {"\xfd"
         "7zXZ",
         "compressed (xz); unpack it first", 0, 5},
        {"\x28\xb5\x2f\xfd", "compressed (zstd); unpack it first", 0, 4},
        {"\x7f"
         "ELF",
         "an ELF file, not an archive of guests", 0, 4},
        {"ustar", "a tar archive; pack it with cpio -o -H newc", 257, 5},
    };
    const u8 *bytes = archive;

    for (u32 i = 0; i < ARRAY_SIZE(known); i++)
        if (len >= known[i].at + known[i].bytes &&
            memcmp(bytes + known[i].at, known[i].magic, known[i].bytes) == 0)
            return known[i].text;
    if (len >= 6 && (memcmp(bytes, "070701", 6) == 0 || memcmp(bytes, "070702", 6) == 0))
        return "a cpio archive that is broken or cut short";
    return "not a cpio archive in newc format";
}
