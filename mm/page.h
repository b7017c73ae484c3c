/*
 * The frame table: one 16-byte record per 4 KiB machine frame, on the node it describes.
 *
 * Memory is handed out in extents of 2^order frames (order 0..18). The record of an extent's first
 * frame, its head, says all about it; the other records are PAGE_TAIL and only carry their own pins.
 * Allocating, freeing or finding an extent therefore never loops over its frames. A tail without pins is all
 * zero, so RAM is taken in by clearing its records and writing those of the few heads.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include <homestead/addr.h>

enum page_state {
    PAGE_TAIL = 0,   /* inside an extent, not its head */
    PAGE_FREE_CLEAN, /* head of a free extent, all zero */
    PAGE_FREE_DIRTY, /* head of a free extent, must be scrubbed before use */
    PAGE_SCRUBBING,  /* head, free, being scrubbed: on no list, counts as free */
    PAGE_OWN,        /* head, Homestead's memory (for a domain or for itself) */
    PAGE_GUEST,      /* head, a domain's memory, on that account's extent list */
    PAGE_RELEASED,   /* head, order 0: a domain gave it up while it was pinned; freed at the last unpin */
};

/* Frame numbers have 34 bits in links: 64 TiB of addresses, as large servers leave wide gaps between nodes.
 */
#define PAGE_LINK_BITS 34u
#define PAGE_LINK_NONE ((1ull << PAGE_LINK_BITS) - 1)
#define PAGE_PINS_MAX  ((1u << 28) - 1)

struct page {
    u32 next_low; /* head: link (frame number) in a free list or an account's extent list: page_next() */
    u32 prev_low;
    u32 pins : 28; /* head: pins of all frames in the extent, its own included; tail: pins of this frame */
    u32 next_high : 2;
    u32 prev_high : 2; /* links and pins change under the same lock: the list's, which is the owner's */
    u16 owner;         /* head: domid of the account, DOMID_NONE for Homestead */
    u8 order;          /* head: log2 of the extent's frames */
    u8 state;          /* enum page_state */
};
_Static_assert(sizeof(struct page) == 16, "allocator.md: at most 16 bytes per frame");

#define PAGE_OWNER_NONE 0xffffu

static inline u64 page_next(const struct page *page)
{
    return (u64)page->next_high << 32 | page->next_low;
}
static inline u64 page_prev(const struct page *page)
{
    return (u64)page->prev_high << 32 | page->prev_low;
}
static inline void page_set_next(struct page *page, u64 n)
{
    page->next_low = (u32)n;
    page->next_high = (u32)(n >> 32) & 3u;
}
static inline void page_set_prev(struct page *page, u64 n)
{
    page->prev_low = (u32)n;
    page->prev_high = (u32)(n >> 32) & 3u;
}

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
