/* The shared page of a guest's paravirtual console. Facts: Xen's public/io/console.h, 4.17. */
#ifndef XEN_IO_CONSOLE_H
#define XEN_IO_CONSOLE_H

#include <homestead/types.h>

typedef u32 XENCONS_RING_IDX;

/* Indices run freely; the ring sizes are powers of two. */
#define MASK_XENCONS_IDX(idx, ring) ((idx) & (sizeof(ring) - 1))

struct xencons_interface {
    char in[1024];
    char out[2048];
    XENCONS_RING_IDX in_cons, in_prod;
    XENCONS_RING_IDX out_cons, out_prod;
};

_Static_assert(sizeof(struct xencons_interface) == 3088, "public/io/console.h");

#endif
