/*
 * The structures of Xen's public headers (4.17) in the layout of 32-bit callers: longs, frame numbers and
 * handles have 4 bytes, 8-byte numbers are aligned to 4. Handles are addresses below 4 GiB: PTR32().
 */
#ifndef GUEST_CONFORMANCE_COMPAT_H
#define GUEST_CONFORMANCE_COMPAT_H

#include <homestead/types.h>

#define PTR32(ptr) ((u32)(uintptr_t)(ptr))

typedef u64 u64_of_32 __attribute__((aligned(4)));

struct reservation_32 {
    u32 extent_start;
    u32 nr_extents;
    u32 extent_order;
    u32 mem_flags;
    u16 domid;
};

struct exchange_32 {
    struct reservation_32 in, out;
    u32 nr_exchanged;
};

struct add_to_physmap_32 {
    u16 domid;
    u16 size;
    u32 space;
    u32 idx;
    u32 gpfn;
};

struct add_to_physmap_batch_32 {
    u16 domid;
    u16 space;
    u16 size;
    u16 foreign_domid;
    u32 idxs, gpfns, errs;
};

struct remove_from_physmap_32 {
    u16 domid;
    u32 gpfn;
};

struct memory_map_32 {
    u32 nr_entries;
    u32 buffer;
};

struct foreign_memory_map_32 {
    u16 domid;
    struct memory_map_32 map;
};

struct pod_target_32 {
    u64_of_32 target_pages, tot_pages, pod_cache_pages, pod_entries;
    u16 domid;
};

struct multicall_entry_32 {
    u32 op;
    u32 result;
    u32 args[6];
};

struct sched_poll_32 {
    u32 ports;
    u32 nr_ports;
    u64_of_32 timeout;
};

struct set_singleshot_timer_32 {
    u64_of_32 timeout_abs_ns;
    u32 flags;
};

struct runstate_info_32 {
    int state;
    u64_of_32 state_entry_time;
    u64_of_32 time[4];
};

_Static_assert(sizeof(struct reservation_32) == 20, "public/memory.h");
_Static_assert(sizeof(struct exchange_32) == 44, "public/memory.h");
_Static_assert(sizeof(struct add_to_physmap_32) == 16, "public/memory.h");
_Static_assert(sizeof(struct add_to_physmap_batch_32) == 20, "public/memory.h");
_Static_assert(sizeof(struct remove_from_physmap_32) == 8, "public/memory.h");
_Static_assert(sizeof(struct foreign_memory_map_32) == 12, "public/memory.h");
_Static_assert(sizeof(struct pod_target_32) == 36, "public/memory.h");
_Static_assert(sizeof(struct multicall_entry_32) == 32, "public/xen.h");
_Static_assert(sizeof(struct sched_poll_32) == 16, "public/sched.h");
_Static_assert(sizeof(struct set_singleshot_timer_32) == 12, "public/vcpu.h");
_Static_assert(sizeof(struct runstate_info_32) == 44, "public/vcpu.h");

#endif
