/*
 * Bitmaps in a caller's memory (struct xenctl_bitmap). A caller's bitmap may be shorter or longer than
 * Homestead's: missing bits are read as 0, extra ones are written as 0.
 */
#ifndef HYPERCALL_BITMAP_H
#define HYPERCALL_BITMAP_H

#include <hypercall/hypercall.h>

/* The caller's first nr_bits bits (at most MAX_CPUS), the rest of words (nr_bits rounded up to 64) zero.
 * -EFAULT; -EINVAL: more than 32768 bits. */
int bitmap_from_guest(struct vcpu *v, const struct xenctl_bitmap *from, u64 *words, u32 nr_bits);
int bitmap_to_guest(struct vcpu *v, const struct xenctl_bitmap *to, const u64 *words, u32 nr_bits);

#endif
