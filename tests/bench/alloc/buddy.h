/*
 * The yardstick: the allocator that one writes first. A binary buddy with one lock for the host, a record a
 * frame with its owner, lists of free extents by order and node, split and merged one order at a time.
 */
#ifndef BENCH_ALLOC_BUDDY_H
#define BENCH_ALLOC_BUDDY_H

#include <homestead/addr.h>

struct buddy_frame {
    u32 next; /* in a list of free extents; frame number, BUDDY_NONE: last */
    u32 prev;
    u16 owner; /* BUDDY_FREE: nobody */
    u8 order;  /* of a free extent, at its first frame */
    bool head; /* is the first frame of a free extent */
};
#define BUDDY_NONE 0xffffffffu
#define BUDDY_FREE 0xffffu

/* Frames [base, end) belong to node (n - base) / per_node; table has a record for each frame below end. All
 * of them free then. base and per_node are whole GiB. */
void buddy_init(struct buddy_frame *frames, u64 base, u64 end, u64 per_node);
bool buddy_take(u16 owner, u32 nid, u32 order, u64 *n);
/* The frames are all the owner's, else it ends the program. */
void buddy_give(u16 owner, u64 n, u32 order);

#endif
