/*
 * A heap: first fit over pieces of memory, blocks in the order of their addresses, neighbours joined when freed. For few and
 * large blocks. Not locked. Plain C.
 */
#ifndef GUEST_DOM0_HEAP_H
#define GUEST_DOM0_HEAP_H

#include <homestead/types.h>

#define HEAP_ALIGN 16u

struct heap {
    struct heap_block *first; /* NULL: nothing was added; blocks by rising addresses */
};

/* Adds [start, start + bytes) to the heap, which is above all that was added before. Too little for a block is left out. */
void heap_add(struct heap *h, void *start, u64 bytes);
/* HEAP_ALIGN aligned, contents undefined. NULL: there is no such piece; also for 0 bytes. */
void *heap_alloc(struct heap *h, u64 bytes);
/* p: of heap_alloc(), or NULL. */
void heap_free(struct heap *h, void *p);
/* The largest size that heap_alloc() has now, in bytes. */
u64 heap_largest(const struct heap *h);

#endif
