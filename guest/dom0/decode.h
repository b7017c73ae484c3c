/*
 * Decodes a payload by zlib, liblz4, liblzma or libzstd. They allocate by malloc(): libc_for_decoders.c. Everything that
 * they allocate is free again at the return.
 */
#ifndef GUEST_DOM0_DECODE_H
#define GUEST_DOM0_DECODE_H

#include <guest/dom0/bzimage.h>

enum decoded {
    DECODED,
    DECODED_NO_MEMORY, /* the decoder's own */
    DECODED_DAMAGED,
    DECODED_CUT_SHORT, /* the payload ends before its end */
    DECODED_LARGER,    /* than it claims */
    DECODED_SMALLER,
    DECODED_TRAILING, /* bytes after its end */
};

/* Writes p->decoded bytes to out, all of them only if the result is DECODED. *own: what the decoder needs for itself, in bytes,
 * as far as it is known: set with DECODED_NO_MEMORY. */
enum decoded payload_decode(const struct payload *p, u8 *out, u64 *own);

#endif
