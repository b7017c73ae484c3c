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

/* Nothing that was remembered of v's page tables is used again. */
void guest_copy_forget(struct vcpu *v);
/* Looks at v's control registers: what is remembered of its page tables is for one set of them. The first copy of an exit
 * does it too, but a caller with few live registers does it for less: 18 instructions of each hypercall that reads an
 * argument, and 12 more because it is inline. */
static inline void guest_copy_begin(struct vcpu *v)
{
    v->paging_known = true;
    if (unlikely(hvm_ops->paging_state(&v->hvm, &v->path_paging)))
        guest_copy_forget(v);
}
/* len_bytes: at most what the buffer has. -EFAULT: some of [gva, gva + len_bytes) is not mapped, not RAM, not writable (to), or wraps; a part may
 * then have been copied. len_bytes 0 always succeeds. */
int copy_from_guest(struct vcpu *v, void *dst, u64 gva, u64 len_bytes);
int copy_to_guest(struct vcpu *v, u64 gva, const void *src, u64 len_bytes);

/*
 * Where an argument was found whose result is written back later in the same hypercall. Writing by it needs no second
 * walk as long as the map is the same: the guest's page tables count as they were when the argument was read.
 */
struct guest_place {
    u64 gva;
    char *virt; /* NULL: not known, or perhaps not writable */
    u64 view;   /* physmap_view() of then */
};
/* copy_from_guest(), and *place for what was read. */
int copy_from_guest_place(struct vcpu *v, void *dst, u64 gva, u64 len_bytes, struct guest_place *place);
/* copy_to_guest() to a part of that: len_bytes at offset. */
int copy_to_guest_place(struct vcpu *v, const struct guest_place *place, u64 offset, const void *src,
                        u64 len_bytes);

/* Element index of a guest array of size-byte elements. -EFAULT also if its address wraps. */
int copy_from_guest_element(struct vcpu *v, void *dst, u64 array, u64 index, u64 size);
int copy_to_guest_element(struct vcpu *v, u64 array, u64 index, const void *src, u64 size);

#endif
