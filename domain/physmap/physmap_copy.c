/*
 * Copies between Homestead and a domain's guest-physical memory. Each frame is looked up and copied
 * under the physmap lock, so it cannot be given back in the middle.
 */
#include <arch/x86/cpu/frames.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/string.h>

void *physmap_frame(struct domain *d, u64 gaddr, bool write)
{
    u64 n = gaddr >> PAGE_SHIFT;
    struct physmap_seen *seen = &d->physmap.seen[n / 512 % PHYSMAP_SEEN];

    if (d->physmap.destroyed)
        return NULL;
    if (unlikely(seen->generation != physmap_view(&d->physmap) || (n ^ seen->gfn) >> seen->order)) {
        struct np_entry entry = np_lookup(&d->physmap.np, gfn(n));
        if (unlikely(entry.type == NP_POD))
            entry = pod_populate(d, gfn(n));
        if (!mfn_valid_value(entry.mfn))
            return NULL;
        if (entry.type == NP_GRANT || entry.type == NP_GRANT_RO) {
            d->physmap.grant_looks++;
            return write && entry.type == NP_GRANT_RO ? NULL : mfn_to_virt(entry.mfn);
        }
        *seen = (struct physmap_seen){.generation = physmap_view(&d->physmap),
                                      .gfn = n,
                                      .mfn = mfn(entry.mfn.n - (n & (BIT(entry.order) - 1))),
                                      .order = entry.order};
    }
    return mfn_to_virt(mfn(seen->mfn.n + (n & (BIT(seen->order) - 1))));
}

int physmap_write(struct domain *d, u64 gaddr, const void *src, u64 len)
{
    const char *at = src;
    u32 attempts = 0;

    if (gaddr + len < gaddr)
        return -EFAULT;
    while (len) {
        u64 offset = gaddr & ~PAGE_MASK;
        u64 piece = MIN(len, PAGE_SIZE - offset);

        spin_lock(&d->physmap.lock);
        char *page = physmap_frame(d, gaddr, true);
        if (page)
            memcpy(page + offset, at, piece);
        spin_unlock(&d->physmap.lock);
        if (!page && attempts++ < POD_ATTEMPTS && pod_refill(d, false))
            continue;
        if (!page)
            return -EFAULT;
        attempts = 0;
        gaddr += piece;
        at += piece;
        len -= piece;
    }
    return 0;
}

int physmap_fill(struct domain *d, gfn_t g, void (*fill)(u8 page[PAGE_SIZE]))
{
    if (g.n >= NP_GFN_LIMIT)
        return -EFAULT;
    for (u32 i = 0;; i++) {
        spin_lock(&d->physmap.lock);
        u8 *page = physmap_frame(d, g.n << PAGE_SHIFT, true);
        if (page)
            fill(page);
        spin_unlock(&d->physmap.lock);
        if (page || i == POD_ATTEMPTS || !pod_refill(d, false))
            return page ? 0 : -EFAULT;
    }
}
