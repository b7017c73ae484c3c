/*
 * Machine frames as memory: where a frame can be read and written, and clearing it. Homestead's own mapping of RAM is
 * the direct map (docs/hypervisor-guide/memory-layout.md); host tests supply memory of their own (tests/machine/).
 */
#ifndef CPU_FRAMES_H
#define CPU_FRAMES_H

#include <homestead/addr.h>
#include <lib/string.h>

#define DIRECTMAP_BASE 0xffff800000000000ull
#define DIRECTMAP_SIZE (64ull << 40)

#ifdef HOMESTEAD
static inline void *maddr_to_virt(u64 maddr)
{
    return (void *)(DIRECTMAP_BASE + maddr);
}
static inline void *mfn_to_virt(mfn_t m)
{
    return maddr_to_virt(m.n << PAGE_SHIFT);
}
/* For addresses in the direct map only. */
static inline u64 directmap_to_maddr(const void *virt)
{
    return (u64)virt - DIRECTMAP_BASE;
}
/* Zeroes nr_frames frames from m on. */
static inline void frames_clear(mfn_t m, u64 nr_frames)
{
    memset(mfn_to_virt(m), 0, nr_frames << PAGE_SHIFT);
}
#else
/* host tests supply these */
void *mfn_to_virt(mfn_t m);
void frames_clear(mfn_t m, u64 nr_frames);
#endif

#endif
