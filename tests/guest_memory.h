/* For tests: a domain's memory as the domain sees it. */
#ifndef TESTS_GUEST_MEMORY_H
#define TESTS_GUEST_MEMORY_H

#include <domain/internal.h>
#include <homestead/errno.h>

/* Byte by byte, under the lock. -EFAULT: some of it is not there. */
static inline int guest_memory_read(struct domain *of, u64 gaddr, void *to, u64 len)
{
    int rc = 0;

    spin_lock(&of->physmap.lock);
    for (u64 i = 0; i < len && !rc; i++) {
        const u8 *page = gaddr + i < gaddr ? NULL : physmap_frame(of, gaddr + i);

        if (page)
            ((u8 *)to)[i] = page[(gaddr + i) & ~PAGE_MASK];
        else
            rc = -EFAULT;
    }
    spin_unlock(&of->physmap.lock);
    return rc;
}

#endif
