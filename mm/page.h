/*
 * The frame table: one 16-byte record per 4 KiB machine frame, on the node it describes.
 *
 * Memory is handed out in extents of 2^order frames (order 0..18). The record of an extent's first
 * frame, its head, says all about it; the other records are PAGE_TAIL and only carry their own pins.
 * Allocating, freeing or finding an extent therefore never loops over its frames.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include <homestead/addr.h>

enum page_state {
    PAGE_INVALID = 0, /* not RAM of ours */
    PAGE_TAIL,        /* inside an extent, not its head */
    PAGE_FREE_CLEAN,  /* head of a free extent, all zero */
    PAGE_FREE_DIRTY,  /* head of a free extent, must be scrubbed before use */
    PAGE_SCRUBBING,   /* head, free, being scrubbed: on no list, counts as free */
    PAGE_OWN,         /* head, Homestead's memory (for a domain or for itself) */
    PAGE_GUEST,       /* head, a domain's memory, on that account's extent list */
    PAGE_RELEASED,    /* head, order 0: a domain gave it up while it was pinned; freed at the last unpin */
};

#define PAGE_LINK_NONE 0xffffffffu

struct page {
    u32 next; /* head: link (frame number) in a free list or an account's extent list */
    u32 prev;
    u32 pins;  /* head: pins of all frames in the extent, its own included; tail: pins of this frame */
    u16 owner; /* head: domid of the account, DOMID_NONE for Homestead */
    u8 order;  /* head: log2 of the extent's frames */
    u8 state;  /* enum page_state */
};
_Static_assert(sizeof(struct page) == 16, "allocator.md: at most 16 bytes per frame");

#define PAGE_OWNER_NONE 0xffffu

/* [I] The table, indexed by frame number; only the slices of mm_add_range() are backed. */
extern struct page *frame_table;

static inline struct page *mfn_to_page(mfn_t m)
{
    return &frame_table[m.n];
}
static inline mfn_t page_to_mfn(const struct page *page)
{
    return mfn((u64)(page - frame_table));
}

#endif
