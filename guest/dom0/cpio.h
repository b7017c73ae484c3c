/*
 * Reads a cpio archive in the "newc" format (magic 070701, or 070702 with checksums, which are not
 * verified). Plain C for untrusted input: every length is checked against the buffer.
 * Format: 110 bytes of ASCII header (magic, then 13 fields of 8 hex digits), the name with its NUL,
 * the data; name and data each padded to 4 bytes. "TRAILER!!!" ends it.
 */
#ifndef GUEST_DOM0_CPIO_H
#define GUEST_DOM0_CPIO_H

#include <homestead/types.h>

struct cpio_file {
    const char *name; /* NUL terminated, inside the archive, without a leading "./" */
    const u8 *data;   /* inside the archive */
    size_t size;      /* bytes */
    u32 mode;         /* POSIX: type and permissions */
};

/*
 * Reads the entry at *offset (start with 0) and moves *offset to the next one.
 * Returns 1: *out is filled; 0: the trailer or the end of the buffer between two entries;
 * -EINVAL: not a newc archive, or an entry that extends beyond the end.
 */
int cpio_next(const void *archive, size_t len, size_t *offset, struct cpio_file *out);

/* Finds the regular file of that name. Returns 0, -ENOENT, or -EINVAL (archive broken before it was found). */
int cpio_find(const void *archive, size_t len, const char *name, struct cpio_file *out);

bool cpio_is_regular(const struct cpio_file *f);

#endif
