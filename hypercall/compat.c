/*
 * The layouts of 32-bit callers and the copies that follow them, see compat.h. No state, no locks.
 *
 * Each layout is a C structure with 4-byte handles, so that the compiler computes the offsets and this file's
 * assertions can be compared with the public headers. A table has one row per field.
 */
#include <hypercall/compat.h>
#include <lib/string.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

typedef u32 compat_long;   /* unsigned long, xen_pfn_t, xen_ulong_t */
typedef u32 compat_handle; /* XEN_GUEST_HANDLE(), unlike XEN_GUEST_HANDLE_64() */
typedef u64 compat_u64 __attribute__((aligned(4)));

struct compat_memory_reservation {
    compat_handle extent_start;
    compat_long nr_extents;
    u32 extent_order;
    u32 mem_flags;
    domid_t domid;
};
struct compat_add_to_physmap {
    domid_t domid;
    u16 size;
    u32 space;
    compat_long idx;
    compat_long gpfn;
};
struct compat_add_to_physmap_batch {
    domid_t domid;
    u16 space;
    u16 size;
    u16 u;
    compat_handle idxs;
    compat_handle gpfns;
    compat_handle errs;
};
struct compat_remove_from_physmap {
    domid_t domid;
    compat_long gpfn;
};
struct compat_memory_map {
    u32 nr_entries;
    compat_handle buffer;
};
struct compat_foreign_memory_map {
    domid_t domid;
    struct compat_memory_map map;
};
struct compat_sched_poll {
    compat_handle ports;
    u32 nr_ports;
    compat_u64 timeout;
};
struct compat_vcpu_set_singleshot_timer {
    compat_u64 timeout_abs_ns;
    u32 flags;
};

_Static_assert(sizeof(struct compat_memory_reservation) == 20, "public/memory.h, 32 bits");
_Static_assert(sizeof(struct compat_add_to_physmap) == 16, "public/memory.h, 32 bits");
_Static_assert(sizeof(struct compat_add_to_physmap_batch) == 20, "public/memory.h, 32 bits");
_Static_assert(sizeof(struct compat_remove_from_physmap) == 8, "public/memory.h, 32 bits");
_Static_assert(sizeof(struct compat_memory_map) == 8, "public/memory.h, 32 bits");
_Static_assert(sizeof(struct compat_foreign_memory_map) == 12, "public/memory.h, 32 bits");
_Static_assert(sizeof(struct compat_sched_poll) == 16, "public/sched.h, 32 bits");
_Static_assert(sizeof(struct compat_vcpu_set_singleshot_timer) == 12, "public/vcpu.h, 32 bits");

/* A field of `struct xen` and its counterpart in `struct compat`; then the same for a list of fields. */
#define FIELD(xen, compat, name) \
    { \
        offsetof(struct xen, name), sizeof(((struct xen *)0)->name), offsetof(struct compat, name), \
            sizeof(((struct compat *)0)->name) \
    }
#define FIELDS_1(xen, compat, name)      FIELD(xen, compat, name)
#define FIELDS_2(xen, compat, name, ...) FIELD(xen, compat, name), FIELDS_1(xen, compat, __VA_ARGS__)
#define FIELDS_3(xen, compat, name, ...) FIELD(xen, compat, name), FIELDS_2(xen, compat, __VA_ARGS__)
#define FIELDS_4(xen, compat, name, ...) FIELD(xen, compat, name), FIELDS_3(xen, compat, __VA_ARGS__)
#define FIELDS_5(xen, compat, name, ...) FIELD(xen, compat, name), FIELDS_4(xen, compat, __VA_ARGS__)
#define FIELDS_6(xen, compat, name, ...) FIELD(xen, compat, name), FIELDS_5(xen, compat, __VA_ARGS__)
#define FIELDS_7(xen, compat, name, ...) FIELD(xen, compat, name), FIELDS_6(xen, compat, __VA_ARGS__)
#define LAYOUT(xen, compat, nr, ...) \
    const struct compat_layout compat = { \
        sizeof(struct xen), sizeof(struct compat), nr, {FIELDS_##nr(xen, compat, __VA_ARGS__)}}; \
    _Static_assert(sizeof(struct compat) <= COMPAT_MAX_BYTES && nr <= COMPAT_MAX_FIELDS, "room")

LAYOUT(xen_memory_reservation, compat_memory_reservation, 5, extent_start, nr_extents, extent_order,
       mem_flags, domid);
LAYOUT(xen_add_to_physmap, compat_add_to_physmap, 5, domid, size, space, idx, gpfn);
LAYOUT(xen_add_to_physmap_batch, compat_add_to_physmap_batch, 7, domid, space, size, u, idxs, gpfns, errs);
LAYOUT(xen_remove_from_physmap, compat_remove_from_physmap, 2, domid, gpfn);
LAYOUT(xen_memory_map, compat_memory_map, 2, nr_entries, buffer);
LAYOUT(xen_foreign_memory_map, compat_foreign_memory_map, 3, domid, map.nr_entries, map.buffer);
LAYOUT(sched_poll, compat_sched_poll, 3, ports, nr_ports, timeout);
LAYOUT(vcpu_set_singleshot_timer, compat_vcpu_set_singleshot_timer, 2, timeout_abs_ns, flags);

int read_caller_struct(const struct hypercall *c, void *native, u64 gva, const struct compat_layout *layout)
{
    u8 raw[COMPAT_MAX_BYTES];

    if (!c->compat)
        return copy_from_guest(c->v, native, gva, layout->native_bytes);
    int rc = copy_from_guest(c->v, raw, gva, layout->compat_bytes);
    if (rc)
        return rc;
    memset(native, 0, layout->native_bytes);
    /* Little endian: the low bytes come first in both layouts. */
    for (const struct compat_field *f = layout->field; f < layout->field + layout->nr_fields; f++)
        memcpy((u8 *)native + f->native_offset, raw + f->compat_offset, f->compat_bytes);
    return 0;
}

int write_caller_struct(const struct hypercall *c, u64 gva, const void *native,
                        const struct compat_layout *layout)
{
    u8 raw[COMPAT_MAX_BYTES] = {0};

    if (!c->compat)
        return copy_to_guest(c->v, gva, native, layout->native_bytes);
    for (const struct compat_field *f = layout->field; f < layout->field + layout->nr_fields; f++)
        memcpy(raw + f->compat_offset, (const u8 *)native + f->native_offset, f->compat_bytes);
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
        for (u32 i = nr;
             c->compat && i-- > 0;) { /* in place, from the last on, so that none is overwritten */
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
