/*
 * What a kernel file is, from bytes that may be anything: an ELF file, to be loaded as it is; or one that holds a compressed
 * ELF file, its payload: Linux's bzImage, or a gzip file. Pure functions, nothing is allocated.
 * Sources: Linux's Documentation/arch/x86/boot.rst, real-mode kernel header; the formats' magic numbers.
 */
#ifndef GUEST_DOM0_BZIMAGE_H
#define GUEST_DOM0_BZIMAGE_H

#include <homestead/types.h>

enum payload_kind { PAYLOAD_GZIP, PAYLOAD_LZ4, PAYLOAD_XZ, PAYLOAD_ZSTD, PAYLOAD_KINDS };

/* As people spell them. */
extern const char *const payload_names[PAYLOAD_KINDS];

/* Linux's image may not be larger, and the size that a payload claims is not to be believed. */
#define PAYLOAD_MAX GIB(1)

struct payload {
    enum payload_kind kind;
    const u8 *data; /* inside the file; without the size that follows it */
    u64 size;       /* bytes */
    u64 decoded;    /* bytes, as the file claims: 1 to PAYLOAD_MAX */
};

/*
 * Returns 1: *out is the payload; 0: there is none, the file is an ELF file or nothing that is known here to need another
 * tool. -ENOEXEC: it cannot be loaded; *why is a phrase that completes "the file ...".
 */
int bzimage_find(const void *file, u64 size, struct payload *out, const char **why);

#endif
