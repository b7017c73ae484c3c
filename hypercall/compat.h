/*
 * Arguments in the layout of the caller's word size. A 32-bit caller has 4-byte longs, frame numbers and
 * handles, and 8-byte numbers aligned to 4; the handlers see only the 64-bit structures of include/xen/.
 * These functions convert: values are zero-extended on the way in and truncated on the way out, as Xen does.
 *
 * Structures without longs, handles and 8-byte numbers are the same for both; guest_copy.h copies them
 * unchanged. No lock may be held. Source: Xen's public headers, as a 32-bit compiler lays them out.
 */
#ifndef HYPERCALL_COMPAT_H
#define HYPERCALL_COMPAT_H

#include <hypercall/hypercall.h>

#define COMPAT_MAX_BYTES 36u
#define CALLER_MAX_LONGS 8u

/* One structure in both layouts. */
struct compat_layout {
    /* A letter a field, all unsigned: h 2 bytes, w 4, q 8; l a long, frame number or handle, 8 or a 32-bit
     * caller's 4. Aligned to their size, but a 32-bit caller's q to 4. */
    const char *fields;
    u8 native_bytes, compat_bytes;
};

/* Each is named after the structure of include/xen/ it is converted to. */
extern const struct compat_layout compat_memory_reservation, compat_add_to_physmap,
    compat_add_to_physmap_batch, compat_remove_from_physmap, compat_memory_map, compat_foreign_memory_map,
    compat_pod_target, compat_mem_acquire_resource, compat_gnttab_setup_table, compat_sched_poll,
    compat_vcpu_set_singleshot_timer;

/* Reads the structure at gva into *native. -EFAULT: *native must not be used. */
int read_caller_struct(const struct hypercall *c, void *native, u64 gva, const struct compat_layout *layout);
/* Writes the whole structure back, padding as 0 for a 32-bit caller. -EFAULT. */
int write_caller_struct(const struct hypercall *c, u64 gva, const void *native,
                        const struct compat_layout *layout);

/* Element index of an array of longs, frame numbers or handles. -EFAULT: not mapped, or its address wraps;
 * *value is then unchanged. */
int read_caller_long(const struct hypercall *c, u64 *value, u64 array, u64 index);
/* nr elements from the index-th on, in one copy if all are mapped. Returns how many could be read. */
u32 read_caller_array(const struct hypercall *c, u64 *values, u64 array, u64 index, u32 nr);
/* nr <= CALLER_MAX_LONGS longs from gva on, in one copy. -EFAULT: not mapped or not writable. */
int read_caller_longs(const struct hypercall *c, u64 *values, u64 gva, u32 nr);
int write_caller_longs(const struct hypercall *c, u64 gva, const u64 *values, u32 nr);

/* Bytes of one of the caller's longs. */
static inline u64 caller_long_bytes(const struct hypercall *c)
{
    return c->compat ? sizeof(u32) : sizeof(u64);
}

#endif
