/*
 * The page that a paravirtual console and its backend share. An index counts bytes and wraps at 2^32; its place in
 * the ring is its remainder. Facts: Xen's public/io/console.h, 4.17.
 */
#ifndef XEN_IO_CONSOLE_H
#define XEN_IO_CONSOLE_H

#include <homestead/types.h>

typedef u32 XENCONS_RING_IDX;
#define MASK_XENCONS_IDX(idx, ring) ((idx) & (sizeof(ring) - 1))

struct xencons_interface {
    char in[1024];  /* from the backend to the guest */
    char out[2048]; /* from the guest to the backend */
    XENCONS_RING_IDX in_cons, in_prod;
    XENCONS_RING_IDX out_cons, out_prod;
};
_Static_assert(sizeof(struct xencons_interface) == 3088, "public/io/console.h");

#endif
