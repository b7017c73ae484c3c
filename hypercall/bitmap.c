/* Bitmaps in a caller's memory, see bitmap.h. */
#include <hypercall/bitmap.h>
#include <homestead/topology.h>
#include <lib/string.h>

#define BITMAP_BYTES_MAX 4096u /* of a caller's bitmap; Xen has no limit, and an unbounded loop */

int bitmap_from_guest(struct vcpu *v, const struct xenctl_bitmap *from, u64 *words, u32 nr_bits)
{
    u32 guest_bytes = (u32)(((u64)from->nr_bits + 7) / 8);
    u32 bits = MIN(from->nr_bits, nr_bits);

    memset(words, 0, DIV_ROUND_UP(nr_bits, 64u) * sizeof(u64));
    if (guest_bytes > BITMAP_BYTES_MAX)
        return -EINVAL;
    int rc = copy_from_guest(v, words, from->bitmap, (bits + 7) / 8);
    if (rc)
        return rc;
    if (bits % 64)
        words[bits / 64] &= BIT(bits % 64) - 1;
    return 0;
}

int bitmap_to_guest(struct vcpu *v, const struct xenctl_bitmap *to, const u64 *words, u32 nr_bits)
{
    u64 masked[MAX_CPUS / 64];
    static const u8 zeros[256];
    u32 guest_bytes = (u32)(((u64)to->nr_bits + 7) / 8);
    u32 bytes = MIN(guest_bytes, (nr_bits + 7) / 8);

    if (guest_bytes > BITMAP_BYTES_MAX)
        return -EINVAL;
    memcpy(masked, words, DIV_ROUND_UP(nr_bits, 64u) * sizeof(u64));
    if (nr_bits % 64)
        masked[nr_bits / 64] &= BIT(nr_bits % 64) - 1;
    int rc = copy_to_guest(v, to->bitmap, masked, bytes);
    while (!rc && bytes < guest_bytes) {
        u32 piece = MIN(guest_bytes - bytes, (u32)sizeof(zeros));

        rc = copy_to_guest(v, to->bitmap + bytes, zeros, piece);
        bytes += piece;
    }
    return rc;
}
