/* __HYPERVISOR_vcpu_op(cmd, vcpuid, arg). Facts: Xen's public/vcpu.h, 4.17. */
#ifndef XEN_VCPU_H
#define XEN_VCPU_H

#include <xen/xen.h>

#define VCPUOP_initialise                     0
#define VCPUOP_up                             1
#define VCPUOP_down                           2
#define VCPUOP_is_up                          3
#define VCPUOP_get_runstate_info              4
#define VCPUOP_register_runstate_memory_area  5
#define VCPUOP_set_periodic_timer             6
#define VCPUOP_stop_periodic_timer            7
#define VCPUOP_set_singleshot_timer           8
#define VCPUOP_stop_singleshot_timer          9
#define VCPUOP_register_vcpu_info             10
#define VCPUOP_send_nmi                       11
#define VCPUOP_get_physid                     12
#define VCPUOP_register_vcpu_time_memory_area 13

#define XEN_RUNSTATE_UPDATE (1ull << 63)
#define RUNSTATE_running    0
#define RUNSTATE_runnable   1
#define RUNSTATE_blocked    2
#define RUNSTATE_offline    3
struct vcpu_runstate_info {
    int state;            /* RUNSTATE_* */
    u64 state_entry_time; /* ns */
    u64 time[4];          /* ns spent in each state */
};
typedef struct vcpu_runstate_info vcpu_runstate_info_t;

struct vcpu_register_runstate_memory_area {
    union {
        XEN_GUEST_HANDLE(vcpu_runstate_info_t) h;
        u64 p;
    } addr;
};
typedef struct vcpu_register_runstate_memory_area vcpu_register_runstate_memory_area_t;

struct vcpu_set_periodic_timer {
    u64 period_ns;
};
typedef struct vcpu_set_periodic_timer vcpu_set_periodic_timer_t;

#define VCPU_SSHOTTMR_future (1U << 0) /* a time gone by: -ETIME instead of firing at once */
struct vcpu_set_singleshot_timer {
    u64 timeout_abs_ns;
    u32 flags;
};
typedef struct vcpu_set_singleshot_timer vcpu_set_singleshot_timer_t;

struct vcpu_register_vcpu_info {
    u64 mfn;    /* the caller's frame number */
    u32 offset; /* bytes into that page */
    u32 rsvd;
};
typedef struct vcpu_register_vcpu_info vcpu_register_vcpu_info_t;

_Static_assert(sizeof(struct vcpu_runstate_info) == 48, "public/vcpu.h");
_Static_assert(sizeof(struct vcpu_set_singleshot_timer) == 16, "public/vcpu.h");
_Static_assert(sizeof(struct vcpu_register_vcpu_info) == 16, "public/vcpu.h");

#endif
