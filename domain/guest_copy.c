/*
 * Guest copies: translates guest virtual addresses by the guest's page tables and guest physical ones by the
 * physmap, one guest page at a time. Each page is one hold of the physmap lock: no frame can change owner
 * between the walk and the copy.
 *
 * A walk costs some 400 instructions, and nearly every hypercall reads and writes the same few pages. The
 * guest changes its tables without an exit, so a cached result must be validated: the entries of the last
 * walk are read again in place, which shows whether the result is still the same.
 */
#include <arch/x86/hvm/guest_walk.h>
#include <homestead/errno.h>
#include <domain/guest_copy.h>
#include <lib/string.h>

struct recorder {
    struct domain *d;
    struct guest_path *path;
};

static u64 entry_at(const char *at, u32 size)
{
    return size == 8 ? *(const volatile u64 *)at : *(const volatile u32 *)at;
}

/* For guest_walk(): reads an entry of the guest's tables and records it. Physmap lock held. */
static int read_entry(void *ctx, u64 gaddr, u32 size, u64 *entry)
{
    struct recorder *recorder = ctx;
    struct guest_path *path = recorder->path;
    const char *frame = physmap_frame(recorder->d, gaddr, false);

    if (!frame || path->nr == GUEST_PATH_LEVELS)
        return -EFAULT;
    path->at[path->nr] = frame + (gaddr & ~PAGE_MASK);
    path->entry[path->nr] = *entry = entry_at(path->at[path->nr], size);
    path->entry_size = size;
    path->nr++;
    return 0;
}

/* Physmap lock held. */
static inline bool still_so(const struct domain *d, const struct guest_path *path, u64 page, bool write)
{
    if (path->page != page || !path->valid || path->generation != physmap_view(&d->physmap) ||
        (write && !path->writable) || d->physmap.destroyed)
        return false;
    u64 differs = 0;
    if (likely(path->entry_size == 8))
        for (u32 i = 0; i < path->nr; i++)
            differs |= entry_at(path->at[i], 8) ^ path->entry[i];
    else
        for (u32 i = 0; i < path->nr; i++)
            differs |= entry_at(path->at[i], 4) ^ path->entry[i];
    return !differs;
}

/* Do all entries of the path allow writing? Nothing else forbids it then, and a page read first is often written next. The
 * top entries of PAE have no such bit. */
static bool may_write(const struct guest_path *path)
{
    u64 all = PTE_WRITE;

    for (u32 i = 0; i < path->nr; i++)
        all &= path->entry[i];
    return all;
}

/* Physmap lock held. Homestead's address of gva's page; NULL: not mapped, or not writable. */
static __attribute__((noinline)) char *walk(struct vcpu *v, struct guest_path *path, u64 gva, bool write)
{
    struct domain *d = v->domain;
    struct recorder recorder = {.d = d, .path = path};
    const struct guest_walk walk = {.cr0 = v->path_paging.cr0,
                                    .cr3 = v->path_paging.cr3,
                                    .cr4 = v->path_paging.cr4,
                                    .efer = v->path_paging.efer,
                                    .entry = read_entry,
                                    .ctx = &recorder};
    u64 gaddr, run_bytes, grant_looks = d->physmap.grant_looks;

    path->valid = false;
    path->nr = 0;
    path->entry_size = 8;
    if (guest_walk(&walk, gva, write, &gaddr, &run_bytes))
        return NULL;
    char *virt = physmap_frame(d, gaddr, write);
    if (!virt)
        return NULL;
    path->page = gva >> PAGE_SHIFT;
    path->generation = physmap_view(&d->physmap);
    path->virt = virt;
    path->writable = write || may_write(path); /* false: not known */
    path->valid = d->physmap.grant_looks == grant_looks;
    return virt;
}

/* Paths are valid for one set of control registers. */
static inline void take_paging_state(struct vcpu *v)
{
    if (likely(!hvm_ops->paging_state(&v->hvm, &v->path_paging)))
        return;
    for (u32 i = 0; i < GUEST_PATHS; i++)
        v->paths[i].valid = false;
}

/* Copies between buf and [gva, gva + len_bytes), which is in one page. False: it is not all there. *place, unless it is
 * NULL: where that is. */
static inline __attribute__((always_inline)) bool copy_once(struct vcpu *v, u64 gva, char *buf, u64 len_bytes,
                                                            bool write, struct guest_place *place)
{
    struct domain *d = v->domain;
    u64 page = gva >> PAGE_SHIFT;
    struct guest_path *path = &v->paths[page % GUEST_PATHS];

    spin_lock(&d->physmap.lock);
    char *virt = path->virt;
    if (unlikely(!still_so(d, path, page, write)))
        virt = walk(v, path, gva, write);
    if (likely(virt)) {
        virt += gva & ~PAGE_MASK;
        memcpy(write ? virt : buf, write ? buf : virt, len_bytes);
        if (place && path->valid && path->writable)
            *place = (struct guest_place){gva, virt, path->generation};
    }
    spin_unlock(&d->physmap.lock);
    return virt;
}

/* The first attempt has failed, maybe for want of memory for a marked frame. */
static __attribute__((noinline)) int copy_refilled(struct vcpu *v, u64 gva, char *buf, u64 len_bytes,
                                                   bool write)
{
    for (u32 i = 0; i < POD_ATTEMPTS && pod_refill(v->domain, false); i++)
        if (copy_once(v, gva, buf, len_bytes, write, NULL))
            return 0;
    return -EFAULT;
}

static inline int copy_piece(struct vcpu *v, u64 gva, char *buf, u64 len_bytes, bool write)
{
    if (likely(copy_once(v, gva, buf, len_bytes, write, NULL)))
        return 0;
    return copy_refilled(v, gva, buf, len_bytes, write);
}

static inline int copy(struct vcpu *v, u64 gva, char *buf, u64 len_bytes, bool write)
{
    u64 room = PAGE_SIZE - (gva & ~PAGE_MASK);

    if (unlikely(len_bytes == 0))
        return 0;
    if (unlikely(gva + (len_bytes - 1) < gva))
        return -EFAULT;
    take_paging_state(v);
    while (unlikely(len_bytes > room)) {
        int rc = copy_piece(v, gva, buf, room, write);

        if (rc)
            return rc;
        gva += room;
        buf += room;
        len_bytes -= room;
        room = PAGE_SIZE;
    }
    return copy_piece(v, gva, buf, len_bytes, write);
}

int copy_from_guest(struct vcpu *v, void *dst, u64 gva, u64 len_bytes)
{
    return copy(v, gva, dst, len_bytes, false);
}

int copy_to_guest(struct vcpu *v, u64 gva, const void *src, u64 len_bytes)
{
    return copy(v, gva, (void *)(uintptr_t)src, len_bytes, true);
}

int copy_from_guest_place(struct vcpu *v, void *dst, u64 gva, u64 len_bytes, struct guest_place *place)
{
    place->gva = gva;
    place->virt = NULL;
    if (unlikely(len_bytes - 1 >= PAGE_SIZE - (gva & ~PAGE_MASK)))
        return copy_from_guest(v, dst, gva, len_bytes);
    take_paging_state(v);
    if (likely(copy_once(v, gva, dst, len_bytes, false, place)))
        return 0;
    return copy_refilled(v, gva, dst, len_bytes, false);
}

int copy_to_guest_place(struct vcpu *v, const struct guest_place *place, u64 offset, const void *src,
                        u64 len_bytes)
{
    struct physmap *p = &v->domain->physmap;
    bool same = false;

    if (likely(place->virt)) {
        spin_lock(&p->lock);
        same = place->view == physmap_view(p) && !p->destroyed;
        if (likely(same))
            memcpy(place->virt + offset, src, len_bytes);
        spin_unlock(&p->lock);
    }
    return likely(same) ? 0 : copy_to_guest(v, place->gva + offset, src, len_bytes);
}

static bool element_address(u64 array, u64 index, u64 size, u64 *gva)
{
    u64 offset;

    return !__builtin_mul_overflow(index, size, &offset) && !__builtin_add_overflow(array, offset, gva);
}

int copy_from_guest_element(struct vcpu *v, void *dst, u64 array, u64 index, u64 size)
{
    u64 gva;

    return element_address(array, index, size, &gva) ? copy_from_guest(v, dst, gva, size) : -EFAULT;
}

int copy_to_guest_element(struct vcpu *v, u64 array, u64 index, const void *src, u64 size)
{
    u64 gva;

    return element_address(array, index, size, &gva) ? copy_to_guest(v, gva, src, size) : -EFAULT;
}
