/*
 * __HYPERVISOR_sysctl(struct xen_sysctl *): facts about the host. Facts: Xen's public/sysctl.h,
 * interface version 0x15 (4.17). Another interface version gets -EACCES.
 */
#ifndef XEN_SYSCTL_H
#define XEN_SYSCTL_H

#include <xen/xen.h>
#include <xen/domctl.h>

#define XEN_SYSCTL_INTERFACE_VERSION 0x00000015

#define XEN_SYSCTL_readconsole            1
#define XEN_SYSCTL_tbuf_op                2
#define XEN_SYSCTL_physinfo               3
#define XEN_SYSCTL_sched_id               4
#define XEN_SYSCTL_perfc_op               5
#define XEN_SYSCTL_getdomaininfolist      6
#define XEN_SYSCTL_debug_keys             7
#define XEN_SYSCTL_getcpuinfo             8
#define XEN_SYSCTL_availheap              9
#define XEN_SYSCTL_page_offline_op        14
#define XEN_SYSCTL_cputopoinfo            16
#define XEN_SYSCTL_numainfo               17
#define XEN_SYSCTL_cpupool_op             18
#define XEN_SYSCTL_scheduler_op           19
#define XEN_SYSCTL_pcitopoinfo            22
#define XEN_SYSCTL_get_cpu_levelling_caps 25
#define XEN_SYSCTL_get_cpu_featureset     26
#define XEN_SYSCTL_get_cpu_policy         29

#define XEN_SYSCTL_PHYSCAP_hvm                (1u << 0)
#define XEN_SYSCTL_PHYSCAP_pv                 (1u << 1)
#define XEN_SYSCTL_PHYSCAP_directio           (1u << 2)
#define XEN_SYSCTL_PHYSCAP_hap                (1u << 3)
#define XEN_SYSCTL_PHYSCAP_shadow             (1u << 4)
#define XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share (1u << 5)
#define XEN_SYSCTL_PHYSCAP_vmtrace            (1u << 6)
#define XEN_SYSCTL_PHYSCAP_vpmu               (1u << 7)
#define XEN_SYSCTL_PHYSCAP_gnttab_v1          (1u << 8)
#define XEN_SYSCTL_PHYSCAP_gnttab_v2          (1u << 9)
struct xen_sysctl_physinfo {
    u32 threads_per_core;
    u32 cores_per_socket;
    u32 nr_cpus;
    u32 max_cpu_id;
    u32 nr_nodes;
    u32 max_node_id;
    u32 cpu_khz;
    u32 capabilities; /* XEN_SYSCTL_PHYSCAP_* */
    u32 arch_capabilities;
    u32 pad;
    u64 total_pages;
    u64 free_pages;
    u64 scrub_pages;
    u64 outstanding_pages; /* claimed and not yet allocated, all domains */
    u64 max_mfn;
    u32 hw_cap[8];
};
typedef struct xen_sysctl_physinfo xen_sysctl_physinfo_t;

struct xen_sysctl_sched_id {
    u32 sched_id;
};

struct xen_sysctl_getdomaininfolist {
    domid_t first_domain;
    u32 max_domains;
    XEN_GUEST_HANDLE_64(xen_domctl_getdomaininfo_t) buffer;
    u32 num_domains; /* OUT */
};

struct xen_sysctl_availheap {
    u32 min_bitwidth; /* 0: any */
    u32 max_bitwidth; /* 0: any */
    s32 node;         /* -1: all */
    u64 avail_bytes;  /* OUT */
};

#define XEN_INVALID_CORE_ID   (~0U)
#define XEN_INVALID_SOCKET_ID (~0U)
#define XEN_INVALID_NODE_ID   (~0U)
struct xen_sysctl_cputopo {
    u32 core;
    u32 socket;
    u32 node;
};
typedef struct xen_sysctl_cputopo xen_sysctl_cputopo_t;
struct xen_sysctl_cputopoinfo {
    u32 num_cpus; /* IN room, OUT used; with a NULL array: how many there are */
    XEN_GUEST_HANDLE_64(xen_sysctl_cputopo_t) cputopo;
};
typedef struct xen_sysctl_cputopoinfo xen_sysctl_cputopoinfo_t;

#define XEN_INVALID_MEM_SZ    (~0U)
#define XEN_INVALID_NODE_DIST (~0U)
struct xen_sysctl_meminfo {
    u64 memsize; /* bytes */
    u64 memfree; /* bytes */
};
typedef struct xen_sysctl_meminfo xen_sysctl_meminfo_t;
struct xen_sysctl_numainfo {
    u32 num_nodes; /* IN room, OUT used; with NULL arrays: how many there are */
    XEN_GUEST_HANDLE_64(xen_sysctl_meminfo_t) meminfo;
    XEN_GUEST_HANDLE_64(u32) distance; /* [from * num_nodes + to] */
};
typedef struct xen_sysctl_numainfo xen_sysctl_numainfo_t;

struct xen_sysctl {
    u32 cmd;
    u32 interface_version;
    union {
        struct xen_sysctl_physinfo physinfo;
        struct xen_sysctl_sched_id sched_id;
        struct xen_sysctl_getdomaininfolist getdomaininfolist;
        struct xen_sysctl_availheap availheap;
        struct xen_sysctl_cputopoinfo cputopoinfo;
        struct xen_sysctl_numainfo numainfo;
        u8 pad[128];
    } u;
};
typedef struct xen_sysctl xen_sysctl_t;

_Static_assert(sizeof(struct xen_sysctl_physinfo) == 112, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_getdomaininfolist) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_availheap) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_cputopoinfo) == 16, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_numainfo) == 24, "public/sysctl.h");
_Static_assert(offsetof(struct xen_sysctl, u) == 8, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl) == 136, "public/sysctl.h");

#endif
