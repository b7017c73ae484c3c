/*
 * Guest copies: translates guest virtual addresses by the guest's page tables and guest physical ones by the
 * physmap, one guest page at a time. Each page is one hold of the physmap lock: no frame can change owner
 * between the walk and the copy.
 *
 * A walk costs some 400 instructions, and nearly every hypercall reads and writes the same few pages. The
 * guest changes its tables without an exit, so a cached result must be validated: the words of the last
 * walk are read again in place, which shows whether the result is still the same.
 *
 * Budget of a copy within such a page: 70 instructions and one for each 8 bytes. That path calls nothing, so it saves few
 * registers. Whether the guest has changed its control registers is looked at once an exit: guest_copy_begin(), 25.
 */
#include <arch/x86/hvm/guest_walk.h>
#include <homestead/errno.h>
#include <domain/guest_copy.h>
#include <lib/string.h>

struct recorder {
    struct domain *d;
    struct guest_path *path;
    u32 nr;  /* entries so far */
    u64 all; /* bits that all of them have set */
};

/* For guest_walk(): reads an entry of the guest's tables, and records the word that it is in. Physmap lock held. */
static int read_entry(void *ctx, u64 gaddr, u32 size, u64 *entry)
{
    struct recorder *recorder = ctx;
    const char *frame = physmap_frame(recorder->d, gaddr, false);

    if (!frame)
        return -EFAULT;
    const u64 *at = (const u64 *)(const void *)(frame + (gaddr & ~PAGE_MASK & ~7ull));
    u64 word = *(const volatile u64 *)at;
    *entry = size == 8 ? word : (u32)(word >> (gaddr & 4) * 8);
    if (recorder->nr < GUEST_PATH_LEVELS) {
        recorder->path->at[recorder->nr] = at;
        recorder->path->word[recorder->nr] = word;
    }
    recorder->nr++;
    recorder->all &= *entry;
    return 0;
}

static inline struct guest_path *path_of(struct vcpu *v, u64 gva)
{
    return &v->paths[(gva >> PAGE_SHIFT) % GUEST_PATHS];
}

static inline bool is_for(const struct guest_path *path, u64 gva, bool write)
{
    return (write ? path->write_page : path->page) == gva >> PAGE_SHIFT;
}

/* Physmap lock held. */
static inline bool still_so(const struct physmap *p, const struct guest_path *path)
{
    u64 differs = 0;

    if (path->view != physmap_view(p))
        return false;
#pragma GCC unroll 4
    for (u32 i = 0; i < GUEST_PATH_LEVELS; i++)
        differs |= *(const volatile u64 *)path->at[i] ^ path->word[i];
    return !differs;
}

static void forget(struct guest_path *path)
{
    path->page = path->write_page = GUEST_PATH_NONE;
}

/*
 * Physmap lock held. Homestead's address of gva; NULL: not mapped, or not writable.
 *
 * The path is good for writing too if all entries allow it: nothing else forbids it then, and a page read first is often
 * written next. The top entries of PAE have no such bit.
 */
static __attribute__((noinline)) char *walk(struct vcpu *v, struct guest_path *path, u64 gva, bool write)
{
    static const u64 nothing;
    struct domain *d = v->domain;
    struct recorder recorder = {.d = d, .path = path, .all = PTE_WRITE};
    const struct guest_walk walk = {.cr0 = v->path_paging.cr0,
                                    .cr3 = v->path_paging.cr3,
                                    .cr4 = v->path_paging.cr4,
                                    .efer = v->path_paging.efer,
                                    .entry = read_entry,
                                    .ctx = &recorder};
    u64 gaddr, run_bytes, grant_looks = d->physmap.grant_looks;

    forget(path);
    if (guest_walk(&walk, gva, write, &gaddr, &run_bytes))
        return NULL;
    char *virt = physmap_frame(d, gaddr, write);
    if (!virt)
        return NULL;
    virt += gva & ~PAGE_MASK;
    if (d->physmap.grant_looks != grant_looks || recorder.nr > GUEST_PATH_LEVELS)
        return virt;
    for (u32 i = recorder.nr; i < GUEST_PATH_LEVELS; i++) {
        path->at[i] = &nothing;
        path->word[i] = nothing;
    }
    path->page = gva >> PAGE_SHIFT;
    path->write_page = write || recorder.all ? path->page : GUEST_PATH_NONE;
    path->view = physmap_view(&d->physmap);
    path->to_virt = (u64)(uintptr_t)virt - gva;
    return virt;
}

void guest_copy_forget(struct vcpu *v)
{
    for (u32 i = 0; i < GUEST_PATHS; i++)
        forget(&v->paths[i]);
}

/* In one page? The addresses of the first and the last byte then differ below it only: 3 instructions less than a
 * comparison with the room in the page. */
static inline bool is_short(u64 gva, u64 len_bytes)
{
    return ((gva + (len_bytes - 1)) ^ gva) < PAGE_SIZE;
}

static inline char *path_virt(const struct guest_path *path, u64 gva)
{
    return (char *)(uintptr_t)(gva + path->to_virt);
}

/* Physmap lock held. Copies between buf and gva, which is at virt. place: where that is, unless NULL. */
static inline __attribute__((always_inline)) void move(const struct guest_path *path, char *virt, char *buf,
                                                       u64 gva, u64 len_bytes, bool write,
                                                       struct guest_place *place)
{
    memcpy_inline(write ? virt : buf, write ? buf : virt, len_bytes);
    if (place) {
        place->virt = likely(is_for(path, gva, true)) ? virt : NULL;
        place->view = path->view;
    }
}

/* Copies [gva, gva + len_bytes), which is in one page. False: it is not all there. */
static bool copy_page(struct vcpu *v, char *buf, u64 gva, u64 len_bytes, bool write,
                      struct guest_place *place)
{
    struct physmap *p = &v->domain->physmap;
    struct guest_path *path = path_of(v, gva);

    spin_lock(&p->lock);
    bool same = is_for(path, gva, write) && still_so(p, path);
    char *virt = same ? path_virt(path, gva) : walk(v, path, gva, write);
    if (virt)
        move(path, virt, buf, gva, len_bytes, write, place);
    spin_unlock(&p->lock);
    return virt;
}

/* The same, and memory for a marked frame. -EFAULT. */
static int copy_piece(struct vcpu *v, char *buf, u64 gva, u64 len_bytes, bool write,
                      struct guest_place *place)
{
    bool done = copy_page(v, buf, gva, len_bytes, write, place);

    for (u32 i = 0; !done && i < POD_ATTEMPTS && pod_refill(v->domain, false); i++)
        done = copy_page(v, buf, gva, len_bytes, write, NULL);
    return done ? 0 : -EFAULT;
}

/* Copies of all kinds. place: only if it is short. */
static __attribute__((noinline)) int copy_all(struct vcpu *v, char *buf, u64 gva, u64 len_bytes, bool write,
                                              struct guest_place *place)
{
    if (len_bytes == 0)
        return 0;
    if (gva + (len_bytes - 1) < gva)
        return -EFAULT;
    if (!v->paging_known)
        guest_copy_begin(v);
    while (!is_short(gva, len_bytes)) {
        u64 room = PAGE_SIZE - (gva & ~PAGE_MASK);
        int rc = copy_piece(v, buf, gva, room, write, NULL);

        if (rc)
            return rc;
        gva += room;
        buf += room;
        len_bytes -= room;
    }
    return copy_piece(v, buf, gva, len_bytes, write, place);
}

/* A copy in a page whose last walk is still so. False: not done. */
static inline __attribute__((always_inline)) bool
copy_again(struct vcpu *v, char *buf, u64 gva, u64 len_bytes, bool write, struct guest_place *place)
{
    struct physmap *p = &v->domain->physmap;
    struct guest_path *path = path_of(v, gva);

    __asm__("" : "+r"(path)); /* 2 instructions less: the compiler would compute it twice */
    if (unlikely(!v->paging_known) || unlikely(!is_short(gva, len_bytes)) ||
        unlikely(!is_for(path, gva, write)))
        return false;
    spin_lock(&p->lock);
    bool same = still_so(p, path);
    if (likely(same))
        move(path, path_virt(path, gva), buf, gva, len_bytes, write, place);
    spin_unlock(&p->lock);
    return same;
}

int copy_from_guest(struct vcpu *v, void *dst, u64 gva, u64 len_bytes)
{
    return likely(copy_again(v, dst, gva, len_bytes, false, NULL))
               ? 0
               : copy_all(v, dst, gva, len_bytes, false, NULL);
}

int copy_to_guest(struct vcpu *v, u64 gva, const void *src, u64 len_bytes)
{
    char *buf = (void *)(uintptr_t)src;

    return likely(copy_again(v, buf, gva, len_bytes, true, NULL))
               ? 0
               : copy_all(v, buf, gva, len_bytes, true, NULL);
}

int copy_from_guest_place(struct vcpu *v, void *dst, u64 gva, u64 len_bytes, struct guest_place *place)
{
    place->gva = gva;
    if (likely(copy_again(v, dst, gva, len_bytes, false, place)))
        return 0;
    place->virt = NULL;
    return copy_all(v, dst, gva, len_bytes, false, is_short(gva, len_bytes) ? place : NULL);
}

int copy_to_guest_place(struct vcpu *v, const struct guest_place *place, u64 offset, const void *src,
                        u64 len_bytes)
{
    struct physmap *p = &v->domain->physmap;
    bool same = false;

    if (likely(place->virt)) {
        spin_lock(&p->lock);
        same = place->view == physmap_view(p);
        if (likely(same))
            memcpy_inline(place->virt + offset, src, len_bytes);
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
