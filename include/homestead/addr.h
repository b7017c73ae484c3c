/*
 * Frame numbers of the two kinds that meet in a hypervisor, boxed so that they cannot be swapped:
 * mfn_t is a machine frame (real memory), gfn_t a frame as one guest sees it. Both count 4 KiB.
 * maddr is a machine byte address and gaddr a guest byte address; those stay plain u64.
 */
#ifndef HOMESTEAD_ADDR_H
#define HOMESTEAD_ADDR_H

#include <homestead/types.h>

typedef struct {
    u64 n;
} mfn_t;

typedef struct {
    u64 n;
} gfn_t;

#define INVALID_MFN ((mfn_t){~0ull})
#define INVALID_GFN ((gfn_t){~0ull})

static inline mfn_t mfn(u64 n)
{
    return (mfn_t){n};
}
static inline gfn_t gfn(u64 n)
{
    return (gfn_t){n};
}
/* The smallest order whose pieces have room for so many bytes. */
static inline u32 bytes_to_order(u64 bytes)
{
    u32 order = 0;

    while ((PAGE_SIZE << order) < bytes)
        order++;
    return order;
}
static inline mfn_t mfn_add(mfn_t m, u64 frames)
{
    return (mfn_t){m.n + frames};
}
static inline gfn_t gfn_add(gfn_t g, u64 frames)
{
    return (gfn_t){g.n + frames};
}
static inline bool mfn_valid_value(mfn_t m)
{
    return m.n != ~0ull;
}
static inline u64 mfn_to_maddr(mfn_t m)
{
    return m.n << PAGE_SHIFT;
}
static inline mfn_t maddr_to_mfn(u64 maddr)
{
    return (mfn_t){maddr >> PAGE_SHIFT};
}
static inline gfn_t gaddr_to_gfn(u64 gaddr)
{
    return (gfn_t){gaddr >> PAGE_SHIFT};
}

#endif
