/*
 * The layouts of 32-bit callers and the copies that follow them, see compat.h. No state, no locks.
 * Host tests check the offset of every field, and each size.
 */
#include <hypercall/compat.h>
#include <lib/string.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

/* public/memory.h, sched.h, vcpu.h; their sizes for 32 bits */
const struct compat_layout compat_memory_reservation = {"llwwh", sizeof(struct xen_memory_reservation), 20};
const struct compat_layout compat_add_to_physmap = {"hhwll", sizeof(struct xen_add_to_physmap), 16};
const struct compat_layout compat_add_to_physmap_batch = {"hhhhlll", sizeof(struct xen_add_to_physmap_batch),
                                                          20};
const struct compat_layout compat_remove_from_physmap = {"hl", sizeof(struct xen_remove_from_physmap), 8};
const struct compat_layout compat_memory_map = {"wl", sizeof(struct xen_memory_map), 8};
/* nr_entries begins a structure that is aligned like a long. */
const struct compat_layout compat_foreign_memory_map = {"hll", sizeof(struct xen_foreign_memory_map), 12};
const struct compat_layout compat_pod_target = {"qqqqh", sizeof(struct xen_pod_target), 36};
const struct compat_layout compat_mem_acquire_resource = {"hhwwwql", sizeof(struct xen_mem_acquire_resource),
                                                          28};
const struct compat_layout compat_gnttab_setup_table = {"hwhl", sizeof(struct gnttab_setup_table), 16};
const struct compat_layout compat_sched_poll = {"lwq", sizeof(struct sched_poll), 16};
const struct compat_layout compat_vcpu_set_singleshot_timer = {"qw", sizeof(struct vcpu_set_singleshot_timer),
                                                               12};

/* Copies each field from raw, the caller's structure, to native, or back. */
static void copy_fields(const struct compat_layout *layout, u8 *native, u8 *raw, bool back)
{
    u32 at = 0, raw_at = 0;

    for (const char *field = layout->fields; *field; field++) {
        u32 bytes = *field == 'h' ? 2 : *field == 'w' ? 4 : 8;
        u32 raw_bytes = *field == 'l' ? 4 : bytes;

        at = ALIGN_UP(at, bytes);
        raw_at = ALIGN_UP(raw_at, MIN(raw_bytes, 4u));
        /* Little endian: the low bytes come first in both layouts. */
        memcpy(back ? raw + raw_at : native + at, back ? native + at : raw + raw_at, raw_bytes);
        at += bytes;
        raw_at += raw_bytes;
    }
}

int read_caller_struct(const struct hypercall *c, void *native, u64 gva, const struct compat_layout *layout)
{
    u8 raw[COMPAT_MAX_BYTES];

    if (!c->compat)
        return copy_from_guest(c->v, native, gva, layout->native_bytes);
    int rc = copy_from_guest(c->v, raw, gva, layout->compat_bytes);
    if (rc)
        return rc;
    memset(native, 0, layout->native_bytes);
    copy_fields(layout, native, raw, false);
    return 0;
}

int write_caller_struct(const struct hypercall *c, u64 gva, const void *native,
                        const struct compat_layout *layout)
{
    u8 raw[COMPAT_MAX_BYTES] = {0};

    if (!c->compat)
        return copy_to_guest(c->v, gva, native, layout->native_bytes);
    copy_fields(layout, (u8 *)(uintptr_t)native, raw, true);
    return copy_to_guest(c->v, gva, raw, layout->compat_bytes);
}

int read_caller_long(const struct hypercall *c, u64 *value, u64 array, u64 index)
{
    u64 raw = 0;

    int rc = copy_from_guest_element(c->v, &raw, array, index, caller_long_bytes(c));
    if (!rc)
        *value = raw;
    return rc;
}

u32 read_caller_array(const struct hypercall *c, u64 *values, u64 array, u64 index, u32 nr)
{
    u64 offset, gva, size = caller_long_bytes(c);
    u32 done = 0;

    if (!__builtin_mul_overflow(index, size, &offset) && !__builtin_add_overflow(array, offset, &gva) &&
        !copy_from_guest(c->v, values, gva, nr * size)) {
        /* In place, from the last on, so that none is overwritten. */
        for (u32 i = nr; c->compat && i-- > 0;) {
            u32 narrow;

            memcpy(&narrow, (const u8 *)values + i * sizeof(narrow), sizeof(narrow));
            values[i] = narrow;
        }
        return nr;
    }
    while (done < nr && !read_caller_long(c, &values[done], array, index + done))
        done++;
    return done;
}

int read_caller_longs(const struct hypercall *c, u64 *values, u64 gva, u32 nr)
{
    return read_caller_array(c, values, gva, 0, nr) == nr ? 0 : -EFAULT;
}

int write_caller_longs(const struct hypercall *c, u64 gva, const u64 *values, u32 nr)
{
    u32 narrow[CALLER_MAX_LONGS];

    for (u32 i = 0; c->compat && i < nr; i++)
        narrow[i] = (u32)values[i];
    return copy_to_guest(c->v, gva, c->compat ? (const void *)narrow : values, nr * caller_long_bytes(c));
}
