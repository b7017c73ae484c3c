/*
 * Walks a guest's own page tables: guest virtual → guest physical, all paging modes (off, 32-bit,
 * PAE, 4 and 5 levels). Plain C, bounded, reads each entry once.
 * Source: APM2 5.1-5.3.
 */
#ifndef HVM_GUEST_WALK_H
#define HVM_GUEST_WALK_H

#include <homestead/types.h>

#define PTE_WRITE    BIT(1)        /* of an entry of any format that has one */
#define CR3_MASK_PAE 0xffffffe0ull /* where PAE paging's first table is */

struct guest_walk {
    u64 cr0, cr3, cr4, efer;
    /* Reads 4 or 8 bytes, once, at a guest physical address aligned to that. 0; -errno: nothing is there. */
    int (*entry)(void *ctx, u64 gaddr, u32 size, u64 *entry);
    /* guest_access(): changes an entry that was read, at once. False: it is not `old` any more. */
    bool (*mark)(void *ctx, u64 gaddr, u32 size, u64 old, u64 entry);
    void *ctx;
};

/* 0: *gaddr and *run_bytes (from gaddr to the end of the mapping's page, at most 1 GiB).
 * -EFAULT: not mapped, not canonical, or not writable when write and CR0.WP. Supervisor access. */
int guest_walk(const struct guest_walk *walk, u64 gva, bool write, u64 *gaddr, u64 *run_bytes);

/*
 * An access of the guest's own, which the CPU has left to Homestead. access: PF_WRITE, PF_USER, and GUEST_SMAP:
 * the kernel may not access a user's page now. 0: *gaddr, and accessed and dirty bits are set. -EFAULT: #PF is
 * due, with *error. -EAGAIN: the guest has changed an entry meanwhile.
 */
#define PF_PRESENT  BIT(0) /* error code of #PF: APM2 8.4.2 */
#define PF_WRITE    BIT(1)
#define PF_USER     BIT(2)
#define PF_RESERVED BIT(3)
#define GUEST_SMAP  BIT(8)
int guest_access(const struct guest_walk *walk, u64 gva, u32 access, u64 *gaddr, u32 *error);

#endif
