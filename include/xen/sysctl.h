/*
 * __HYPERVISOR_sysctl(struct xen_sysctl *): facts about the host. Facts: Xen's public/sysctl.h,
 * interface version 0x15 (4.17). Another interface version gets -EACCES.
 */
#ifndef XEN_SYSCTL_H
#define XEN_SYSCTL_H

#include <xen/xen.h>
#include <xen/domctl.h>

#define XEN_SYSCTL_INTERFACE_VERSION 0x00000015

#define XEN_SYSCTL_readconsole        1
#define XEN_SYSCTL_physinfo           3
#define XEN_SYSCTL_sched_id           4
#define XEN_SYSCTL_getdomaininfolist  6
#define XEN_SYSCTL_debug_keys         7
#define XEN_SYSCTL_getcpuinfo         8
#define XEN_SYSCTL_availheap          9
#define XEN_SYSCTL_get_pmstat         10
#define XEN_SYSCTL_page_offline_op    14
#define XEN_SYSCTL_cputopoinfo        16
#define XEN_SYSCTL_numainfo           17
#define XEN_SYSCTL_cpupool_op         18
#define XEN_SYSCTL_scheduler_op       19
#define XEN_SYSCTL_psr_cmt_op         21
#define XEN_SYSCTL_pcitopoinfo        22
#define XEN_SYSCTL_psr_alloc          23
#define XEN_SYSCTL_get_cpu_featureset 26
#define XEN_SYSCTL_get_cpu_policy     29

/* The console's ring: bytes have positions that count up. */
struct xen_sysctl_readconsole {
    u8 clear;       /* what is read is gone for later readers */
    u8 incremental; /* from index on, if that is still there */
    u8 pad0, pad1;
    u32 index; /* IN; OUT: of the byte after the last that was read */
    XEN_GUEST_HANDLE_64(char) buffer;
    u32 count; /* IN room, OUT bytes written */
};

#define XEN_SYSCTL_PHYSCAP_hvm       (1u << 0)
#define XEN_SYSCTL_PHYSCAP_hap       (1u << 3)
#define XEN_SYSCTL_PHYSCAP_gnttab_v1 (1u << 8)
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

struct xen_sysctl_sched_id {
    u32 sched_id;
};

struct xen_sysctl_getdomaininfolist {
    domid_t first_domain;
    u32 max_domains;
    XEN_GUEST_HANDLE_64(xen_domctl_getdomaininfo_t) buffer;
    u32 num_domains; /* OUT */
};

struct xen_sysctl_debug_keys {
    XEN_GUEST_HANDLE_64(const_char) keys;
    u32 nr_keys;
};

struct xen_sysctl_cpuinfo {
    u64 idletime; /* ns */
};
typedef struct xen_sysctl_cpuinfo xen_sysctl_cpuinfo_t;
struct xen_sysctl_getcpuinfo {
    u32 max_cpus;
    XEN_GUEST_HANDLE_64(xen_sysctl_cpuinfo_t) info;
    u32 nr_cpus; /* OUT */
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

#define XEN_SYSCTL_CPUPOOL_OP_CREATE     1
#define XEN_SYSCTL_CPUPOOL_OP_DESTROY    2
#define XEN_SYSCTL_CPUPOOL_OP_INFO       3 /* of the pool, or of the one with the next higher id */
#define XEN_SYSCTL_CPUPOOL_OP_ADDCPU     4
#define XEN_SYSCTL_CPUPOOL_OP_RMCPU      5
#define XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN 6
#define XEN_SYSCTL_CPUPOOL_OP_FREEINFO   7 /* CPUs in no pool */
#define XEN_SYSCTL_CPUPOOL_PAR_ANY       0xffffffffu
struct xen_sysctl_cpupool_op {
    u32 op;
    u32 cpupool_id;              /* OUT of INFO */
    u32 sched_id;                /* OUT of INFO */
    u32 domid;                   /* of MOVEDOMAIN */
    u32 cpu;                     /* of ADDCPU, RMCPU */
    u32 n_dom;                   /* OUT of INFO */
    struct xenctl_bitmap cpumap; /* filled in by INFO, FREEINFO */
};

/* Feature words of CPUID. The order: docs/guest-guide/dom/cpu-policy.md. */
#define XEN_SYSCTL_cpu_featureset_raw     0
#define XEN_SYSCTL_cpu_featureset_host    1
#define XEN_SYSCTL_cpu_featureset_pv      2
#define XEN_SYSCTL_cpu_featureset_hvm     3
#define XEN_SYSCTL_cpu_featureset_pv_max  4
#define XEN_SYSCTL_cpu_featureset_hvm_max 5
struct xen_sysctl_cpu_featureset {
    u32 index;
    u32 nr_features;                   /* IN room, OUT used; with a NULL array: how many there are */
    XEN_GUEST_HANDLE_64(u32) features; /* OUT */
};

#define XEN_SYSCTL_cpu_policy_raw         0
#define XEN_SYSCTL_cpu_policy_host        1
#define XEN_SYSCTL_cpu_policy_pv_max      2
#define XEN_SYSCTL_cpu_policy_hvm_max     3
#define XEN_SYSCTL_cpu_policy_pv_default  4
#define XEN_SYSCTL_cpu_policy_hvm_default 5
struct xen_sysctl_cpu_policy {
    u32 index;
    u32 nr_leaves; /* IN room, OUT used; with a NULL array: how many there can be */
    u32 nr_msrs;   /* the same */
    u32 _rsvd;     /* 0 */
    XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves; /* OUT */
    XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;    /* OUT */
};

/* A CPU pool's scheduler. */
#define XEN_SYSCTL_SCHEDOP_putinfo 0
#define XEN_SYSCTL_SCHEDOP_getinfo 1
struct xen_sysctl_credit_schedule {
    u32 tslice_ms, ratelimit_us, vcpu_migr_delay_us;
};
struct xen_sysctl_credit2_schedule {
    u32 ratelimit_us; /* a vCPU that has run for less is not preempted */
};
struct xen_sysctl_scheduler_op {
    u32 cpupool_id;
    u32 sched_id; /* XEN_SCHEDULER_* */
    u32 cmd;      /* XEN_SYSCTL_SCHEDOP_* */
    union {
        struct xen_sysctl_sched_arinc653 {
            XEN_GUEST_HANDLE_64(xen_sysctl_arinc653_schedule_t) schedule;
        } sched_arinc653;
        struct xen_sysctl_credit_schedule sched_credit;
        struct xen_sysctl_credit2_schedule sched_credit2;
    } u;
};

struct physdev_pci_device {
    u16 seg;
    u8 bus;
    u8 devfn;
};
#define XEN_INVALID_DEV (XEN_INVALID_NODE_ID - 1) /* there is no such device */
struct xen_sysctl_pcitopoinfo {
    u32 num_devs; /* IN; OUT: how many have been looked at */
    XEN_GUEST_HANDLE_64(physdev_pci_device_t) devs;
    XEN_GUEST_HANDLE_64(u32) nodes; /* OUT, one for each device */
};

/* Allocation of cache and memory bandwidth: no command is implemented. */
#define XEN_SYSCTL_PSR_get_l3_info  0
#define XEN_SYSCTL_PSR_get_l2_info  1
#define XEN_SYSCTL_PSR_get_mba_info 2
struct xen_sysctl_psr_alloc {
    u32 cmd;
    u32 target;
    union {
        struct {
            u32 cbm_len, cos_max, flags;
        } cat_info;
    } u;
};

/* Frames taken offline and back, [start, end]. status: one word for each, also after an error, which ends the
 * call: frames after it read PG_OFFLINE_INVALID. */
#define sysctl_page_offline       1
#define sysctl_page_online        2
#define sysctl_query_page_offline 3
struct xen_sysctl_page_offline_op {
    u32 cmd;
    u32 start;
    u32 end;
    u32 pad;
    XEN_GUEST_HANDLE_64(u32) status; /* 8 bytes at 16 for 64-bit callers, as in Xen */
};

#define PG_OFFLINE_STATUS_MASK            0xffu
#define PG_OFFLINE_INVALID                (1u << 0) /* not looked at */
#define PG_OFFLINE_OFFLINED               (1u << 1)
#define PG_OFFLINE_PENDING                (1u << 2) /* in use: leaves when it is freed */
#define PG_OFFLINE_FAILED                 (1u << 3)
#define PG_ONLINE_FAILED                  PG_OFFLINE_FAILED
#define PG_ONLINE_ONLINED                 PG_OFFLINE_OFFLINED
#define PG_OFFLINE_STATUS_OFFLINED        (1u << 1)
#define PG_OFFLINE_STATUS_OFFLINE_PENDING (1u << 3)
/* With PG_OFFLINE_FAILED or PG_OFFLINE_PENDING: why, and whose it is. */
#define PG_OFFLINE_XENPAGE                (1u << 8)
#define PG_OFFLINE_NOT_CONV_RAM           (1u << 11)
#define PG_OFFLINE_OWNED                  (1u << 12)
#define PG_OFFLINE_OWNER_SHIFT            16

/*
 * Homestead's own, from here to the union: numbers Xen does not use ("HS" in the upper half). These layouts
 * do not change; further facts get new numbers. Contract: docs/hypervisor-guide/mm/claims.md section 7. Pages have 4 KiB.
 * claims.md CL-7.7.
 */
#define XEN_SYSCTL_homestead_node_memory   0x48530001
#define XEN_SYSCTL_homestead_domain_memory 0x48530002
#define XEN_SYSCTL_homestead_refusals      0x48530003

struct xen_homestead_node_memory {
    u64 size_pages;
    u64 free_pages;    /* clean or dirty, claimed or not */
    u64 claimed_pages; /* by claims on this node */
    u64 dirty_pages;   /* of the free ones */
    u64 offline_pages;
    u64 free_2m;     /* whole, aligned, free extents of 2 MiB, those in free_1g too */
    u64 free_1g;     /* of 1 GiB */
    u64 reserved_2m; /* of them kept whole for claims by order */
    u64 reserved_1g;
};
typedef struct xen_homestead_node_memory xen_homestead_node_memory_t;
struct xen_sysctl_homestead_node_memory {
    u32 num_nodes; /* IN room, OUT used; with a NULL array: how many there are */
    u32 pad;
    XEN_GUEST_HANDLE_64(xen_homestead_node_memory_t) nodes;
    u64 free_pages;         /* OUT: of the host */
    u64 outstanding_pages;  /* OUT: claimed on nodes and host-wide */
    u64 host_claimed_pages; /* OUT: claimed host-wide */
};

struct xen_homestead_domain_node {
    u64 own_pages;
    u64 claim_pages;
    u64 claim_extents; /* claimed by order: whole extents that are kept for it now */
    u32 claim_order;   /* 0, 9, 18 */
    u32 pad;
};
typedef struct xen_homestead_domain_node xen_homestead_domain_node_t;
struct xen_sysctl_homestead_domain_memory {
    domid_t domid; /* IN */
    u16 pad;
    u32 num_nodes; /* as above */
    XEN_GUEST_HANDLE_64(xen_homestead_domain_node_t) nodes;
    u64 tot_pages; /* OUT, from here on */
    u64 max_pages;
    u64 overhead_pages; /* Homestead's memory for this domain, in none of the others */
    u64 host_claim_pages;
    u64 outstanding_pages;
    u64 broken_pages;   /* taken back from its claims since it was created, as memory went offline */
    u64 broken_extents; /* claimed whole, and no longer */
    u32 claim_flags;    /* XEN_DOMCTL_CLAIM_STRICT, _SCRUB */
    u32 pad2;
};

#define XEN_HOMESTEAD_REFUSAL_none  0
#define XEN_HOMESTEAD_REFUSAL_claim 1 /* a claim was not installed: ENOMEM */
#define XEN_HOMESTEAD_REFUSAL_alloc 2 /* memory was not allocated, as what is free is promised to others */
#define XEN_HOMESTEAD_HOLDERS       8
#define XEN_HOMESTEAD_NO_DOMAIN     0xffff /* Homestead itself asked */
struct xen_homestead_refusals {
    u64 nr_claims; /* refused since the host started */
    u64 nr_allocs;
    /* The last one. */
    u32 kind; /* XEN_HOMESTEAD_REFUSAL_* */
    domid_t domid;
    u16 nr_holders;
    u32 node;       /* the one that is short; XEN_INVALID_NODE_ID: none by itself */
    u32 order;      /* of the extents that were to be allocated */
    u64 pages;      /* wanted; of a claim: those the domain did not have yet */
    u64 free_pages; /* there at that moment, or in all */
    u64 claimed_pages;
    struct {
        u64 node_pages; /* claimed there, or on any node */
        u64 host_pages; /* claimed host-wide */
        domid_t domid;
        u16 pad[3];
    } holder[XEN_HOMESTEAD_HOLDERS]; /* the largest first */
};
typedef struct xen_homestead_refusals xen_homestead_refusals_t;
struct xen_sysctl_homestead_refusals {
    XEN_GUEST_HANDLE_64(xen_homestead_refusals_t) buffer; /* OUT */
};

struct xen_sysctl {
    u32 cmd;
    u32 interface_version;
    union {
        struct xen_sysctl_readconsole readconsole;
        struct xen_sysctl_physinfo physinfo;
        struct xen_sysctl_sched_id sched_id;
        struct xen_sysctl_getdomaininfolist getdomaininfolist;
        struct xen_sysctl_debug_keys debug_keys;
        struct xen_sysctl_getcpuinfo getcpuinfo;
        struct xen_sysctl_availheap availheap;
        struct xen_sysctl_cputopoinfo cputopoinfo;
        struct xen_sysctl_numainfo numainfo;
        struct xen_sysctl_cpupool_op cpupool_op;
        struct xen_sysctl_cpu_featureset cpu_featureset;
        struct xen_sysctl_cpu_policy cpu_policy;
        struct xen_sysctl_scheduler_op scheduler_op;
        struct xen_sysctl_pcitopoinfo pcitopoinfo;
        struct xen_sysctl_psr_alloc psr_alloc;
        struct xen_sysctl_page_offline_op page_offline;
        struct xen_sysctl_homestead_node_memory node_memory;
        struct xen_sysctl_homestead_domain_memory domain_memory;
        struct xen_sysctl_homestead_refusals refusals;
        u8 pad[128];
    } u;
};

_Static_assert(sizeof(struct xen_sysctl_readconsole) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_debug_keys) == 16, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_getcpuinfo) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_scheduler_op) == 32, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_pcitopoinfo) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_physinfo) == 112, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_getdomaininfolist) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_availheap) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_cputopoinfo) == 16, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_numainfo) == 24, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_cpupool_op) == 40, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_cpu_featureset) == 16, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_cpu_policy) == 32, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl_page_offline_op) == 24, "public/sysctl.h");
_Static_assert(offsetof(struct xen_sysctl_page_offline_op, status) == 16, "public/sysctl.h");
_Static_assert(sizeof(struct xen_homestead_node_memory) == 72, "ours");
_Static_assert(sizeof(struct xen_sysctl_homestead_node_memory) == 40, "ours");
_Static_assert(sizeof(struct xen_homestead_domain_node) == 32, "ours");
_Static_assert(sizeof(struct xen_sysctl_homestead_domain_memory) == 80, "ours");
_Static_assert(sizeof(struct xen_homestead_refusals) == 248, "ours");
_Static_assert(offsetof(struct xen_sysctl, u) == 8, "public/sysctl.h");
_Static_assert(sizeof(struct xen_sysctl) == 136, "public/sysctl.h");

#endif
