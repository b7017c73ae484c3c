/*
 * Reads a cpio archive in the "newc" format (magic 070701, or 070702 with checksums, which are not
 * verified). Plain C for untrusted input: every length is checked against the buffer.
 * Format: 110 bytes of ASCII header (magic, then 13 fields of 8 hex digits), the name with its NUL,
 * the data; name and data each padded to 4 bytes. "TRAILER!!!" ends it. Archives can be joined (cat a.cpio
 * b.cpio), as for Linux's initramfs, with zeros between them.
 */
#ifndef GUEST_DOM0_CPIO_H
#define GUEST_DOM0_CPIO_H

#include <homestead/types.h>

struct cpio_file {
    const char *name; /* NUL terminated, inside the archive, without a leading "./" */
    const u8 *data;   /* inside the archive */
    size_t size;      /* bytes */
    u32 mode;         /* POSIX: type and permissions */
    u32 ino, dev[2], nlink;
    bool first; /* of its archive, where several are joined */
};

/*
 * Reads the entry at *offset (start with 0) and moves *offset to the next one.
 * Returns 1: *out is filled; 0: the last trailer, or the end of the buffer between two entries;
 * -EINVAL: not a newc archive, or an entry that extends beyond the end.
 */
int cpio_next(const void *archive, size_t len, size_t *offset, struct cpio_file *out);

#define CPIO_WHY_MAX 320u

/*
 * Finds a regular file as after unpacking the archive in a directory: a leading "/" is that directory, "." and ".." count
 * but do not leave it, symbolic links are followed, the last of several entries of a name holds. A hard link without data
 * has that of another entry of its inode: cpio stores data with the last name only.
 * *out keeps the entry's own name. Returns 0; else *why (CPIO_WHY_MAX bytes) is a sentence: -ENOENT: there is no such
 * file; -EINVAL: the archive is broken before it was found.
 */
int cpio_find(const void *archive, size_t len, const char *name, struct cpio_file *out, char *why);

/* For an entry of cpio_next(): gives it the data that its name stands for. Returns 1; 0: it is no file, or a later entry
 * has its name; or the errors of cpio_find(). */
int cpio_resolve(const void *archive, size_t len, struct cpio_file *f, char *why);

/* What the bytes are if they are not what cpio_next() reads, for people: completes "the module is ...". */
const char *cpio_describe(const void *archive, size_t len);

#endif
