/* Control of the machine: __HYPERVISOR_platform_op(op), for domain 0. Facts: Xen's public/platform.h, 4.17. */
#ifndef XEN_PLATFORM_H
#define XEN_PLATFORM_H

#include <xen/xen.h>

#define XENPF_INTERFACE_VERSION 0x03000001

/* The time of day is secs and nsecs since 1970 when the system time is system_time. */
#define XENPF_settime32 17
struct xenpf_settime32 {
    u32 secs;
    u32 nsecs;
    u64 system_time;
};
#define XENPF_settime64 62
struct xenpf_settime64 {
    u64 secs;
    u32 nsecs;
    u32 mbz; /* must be 0 */
    u64 system_time;
};

#define XENPF_firmware_info       50
#define XEN_FW_DISK_INFO          1
#define XEN_FW_DISK_MBR_SIGNATURE 2
#define XEN_FW_VBEDDC_INFO        3
#define XEN_FW_EFI_INFO           4
#define XEN_FW_KBD_SHIFT_FLAGS    5
struct xenpf_firmware_info {
    u32 type; /* XEN_FW_* */
    u32 index;
    union {
        u8 kbd_shift_flags;
        u64 pad[4]; /* Homestead's: room for the answers to the other types */
    } u;
};

#define XENPF_get_cpuinfo 55
struct xenpf_pcpuinfo {
    u32 xen_cpuid;   /* which CPU */
    u32 max_present; /* the last one */
    u32 flags;       /* XEN_PCPU_FLAGS_* */
    u32 apic_id;
    u32 acpi_id;
};
#define XEN_PCPU_FLAGS_ONLINE  1
#define XEN_PCPU_FLAGS_INVALID 2 /* there is no such CPU */

#define XENPF_get_cpu_version 48
struct xenpf_pcpu_version {
    u32 xen_cpuid;
    u32 max_present;
    char vendor_id[12];
    u32 family;
    u32 model;
    u32 stepping;
};

struct xen_platform_op {
    u32 cmd; /* XENPF_* */
    u32 interface_version;
    union {
        struct xenpf_settime32 settime32;
        struct xenpf_settime64 settime64;
        struct xenpf_firmware_info firmware_info;
        struct xenpf_pcpuinfo pcpu_info;
        struct xenpf_pcpu_version pcpu_version;
        u8 pad[128];
    } u;
};

_Static_assert(sizeof(struct xen_platform_op) == 136, "public/platform.h");

#endif
