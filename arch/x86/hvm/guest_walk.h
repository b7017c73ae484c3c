/*
 * Walks a guest's own page tables: guest virtual → guest physical, all paging modes (off, 32-bit,
 * PAE, 4 and 5 levels), A/D bits unchanged. Plain C, bounded, reads each entry once.
 * Source: APM2 5.1-5.3.
 */
#ifndef HVM_GUEST_WALK_H
#define HVM_GUEST_WALK_H

#include <homestead/types.h>

struct guest_walk {
    u64 cr0, cr3, cr4, efer;
    /* Reads 4 or 8 bytes, once, at a guest physical address aligned to that. 0; -errno: nothing is there. */
    int (*entry)(void *ctx, u64 gaddr, u32 size, u64 *entry);
    void *ctx;
};

/* 0: *gaddr and *run_bytes (from gaddr to the end of the mapping's page, at most 1 GiB).
 * -EFAULT: not mapped, not canonical, or not writable when write and CR0.WP. Supervisor access. */
int guest_walk(const struct guest_walk *walk, u64 gva, bool write, u64 *gaddr, u64 *run_bytes);

#endif
