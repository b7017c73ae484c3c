/*
 * Copies between Homestead and the memory of the calling vCPU, by guest virtual addresses: walks the guest's
 * page tables with its kernel's rights, then its physmap.
 *
 * No lock may be held. Cost: one walk per page touched. The guest may change its memory during the copy: read
 * a structure once and use the local copy.
 */
#ifndef DOMAIN_GUEST_COPY_H
#define DOMAIN_GUEST_COPY_H

#include <domain/domain.h>

/* -EFAULT: some of [gva, gva + len_bytes) is not mapped, not RAM, not writable (to), or wraps; a part may
 * then have been copied. len_bytes 0 always succeeds. */
int copy_from_guest(struct vcpu *v, void *dst, u64 gva, u64 len_bytes);
int copy_to_guest(struct vcpu *v, u64 gva, const void *src, u64 len_bytes);

/* Element index of a guest array of size-byte elements. -EFAULT also if its address wraps. */
int copy_from_guest_element(struct vcpu *v, void *dst, u64 array, u64 index, u64 size);
int copy_to_guest_element(struct vcpu *v, u64 array, u64 index, const void *src, u64 size);

#endif
