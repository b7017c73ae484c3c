/*
 * Copies between Homestead and a domain's guest-physical memory. Each frame is looked up and copied
 * under the physmap lock, so it cannot be given back in the middle.
 */
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/string.h>

static int copy(struct domain *d, u64 gaddr, void *buf, u64 len, bool write)
{
    char *at = buf;
    int rc = 0;

    if (gaddr + len < gaddr)
        return -EFAULT;
    while (len && !rc) {
        u64 offset = gaddr & ~PAGE_MASK;
        u64 chunk = MIN(len, PAGE_SIZE - offset);

        spin_lock(&d->physmap.lock);
        struct np_entry entry = {.type = NP_NONE};
        if (!d->physmap.destroyed)
            entry = np_lookup(&d->physmap.np, gaddr_to_gfn(gaddr));
        if (entry.type == NP_NONE || (write && !entry.writable))
            rc = -EFAULT;
        else if (write)
            memcpy((char *)mm_frame_virt(entry.mfn) + offset, at, chunk);
        else
            memcpy(at, (char *)mm_frame_virt(entry.mfn) + offset, chunk);
        spin_unlock(&d->physmap.lock);
        gaddr += chunk;
        at += chunk;
        len -= chunk;
    }
    return rc;
}

int physmap_write(struct domain *d, u64 gaddr, const void *src, u64 len)
{
    return copy(d, gaddr, (void *)(uintptr_t)src, len, true);
}

int physmap_read(struct domain *d, u64 gaddr, void *dst, u64 len)
{
    return copy(d, gaddr, dst, len, false);
}
