/*
 * __HYPERVISOR_domctl(struct xen_domctl *): a control domain creates, configures and destroys
 * domains. Facts: Xen's public/domctl.h, interface version 0x15 (4.17); claim_memory (91) from the
 * node-claim series, with Homestead's extensions as in claims.md section 3. Another interface
 * version gets -EACCES, an unknown cmd -ENOSYS, an unprivileged caller -EPERM.
 */
#ifndef XEN_DOMCTL_H
#define XEN_DOMCTL_H

#include <xen/arch-x86/xen.h>
#include <xen/xen.h>

#define XEN_DOMCTL_INTERFACE_VERSION 0x00000015

#define XEN_DOMCTL_createdomain            1
#define XEN_DOMCTL_destroydomain           2
#define XEN_DOMCTL_pausedomain             3
#define XEN_DOMCTL_unpausedomain           4
#define XEN_DOMCTL_getdomaininfo           5
#define XEN_DOMCTL_setvcpuaffinity         9
#define XEN_DOMCTL_shadow_op               10
#define XEN_DOMCTL_max_mem                 11
#define XEN_DOMCTL_setvcpucontext          12
#define XEN_DOMCTL_getvcpucontext          13
#define XEN_DOMCTL_getvcpuinfo             14
#define XEN_DOMCTL_max_vcpus               15
#define XEN_DOMCTL_scheduler_op            16
#define XEN_DOMCTL_setdomainhandle         17
#define XEN_DOMCTL_settimeoffset           24
#define XEN_DOMCTL_getvcpuaffinity         25
#define XEN_DOMCTL_resumedomain            27
#define XEN_DOMCTL_sendtrigger             28
#define XEN_DOMCTL_gethvmcontext           33
#define XEN_DOMCTL_sethvmcontext           34
#define XEN_DOMCTL_set_address_size        35
#define XEN_DOMCTL_get_address_size        36
#define XEN_DOMCTL_debug_op                54
#define XEN_DOMCTL_gethvmcontext_partial   55
#define XEN_DOMCTL_gettscinfo              59
#define XEN_DOMCTL_settscinfo              60
#define XEN_DOMCTL_setnodeaffinity         68
#define XEN_DOMCTL_getnodeaffinity         69
#define XEN_DOMCTL_setvnumainfo            74
#define XEN_DOMCTL_get_cpu_policy          82
#define XEN_DOMCTL_set_cpu_policy          83
#define XEN_DOMCTL_psr_cmt_op              75
#define XEN_DOMCTL_psr_alloc               78
#define XEN_DOMCTL_get_paging_mempool_size 85
#define XEN_DOMCTL_set_paging_mempool_size 86
#define XEN_DOMCTL_claim_memory            91
#define XEN_DOMCTL_get_memory_claims       92
/* Homestead's own: a number Xen does not use ("HS" in the upper half). */
#define XEN_DOMCTL_homestead_legacy_claims 0x48530001

#define XEN_DOMCTL_CDF_hvm          (1U << 0)
#define XEN_DOMCTL_CDF_hap          (1U << 1)
#define XEN_DOMCTL_CDF_s3_integrity (1U << 2)
#define XEN_DOMCTL_CDF_oos_off      (1U << 3)
#define XEN_DOMCTL_CDF_xs_domain    (1U << 4)
#define XEN_DOMCTL_CDF_iommu        (1U << 5)
#define XEN_DOMCTL_CDF_nested_virt  (1U << 6)
#define XEN_DOMCTL_CDF_vpmu         (1U << 7)

#define XEN_DOMCTL_IOMMU_no_sharept (1U << 0)
#define XEN_DOMCTL_IOMMU_MAX        XEN_DOMCTL_IOMMU_no_sharept

#define XEN_DOMCTL_GRANT_version_mask 0xf
#define XEN_DOMCTL_GRANT_version(v)   ((v)&XEN_DOMCTL_GRANT_version_mask)

struct xen_domctl_createdomain {
    u32 ssidref;
    xen_domain_handle_t handle;
    u32 flags;      /* XEN_DOMCTL_CDF_* */
    u32 iommu_opts; /* XEN_DOMCTL_IOMMU_* */
    u32 max_vcpus;
    u32 max_evtchn_port;
    s32 max_grant_frames;
    s32 max_maptrack_frames;
    u32 grant_opts; /* XEN_DOMCTL_GRANT_version(1 or 2) */
    u32 vmtrace_size;
    u32 cpupool_id;
    struct xen_arch_domainconfig arch;
};

#define XEN_DOMINF_dying         (1U << 0)
#define XEN_DOMINF_hvm_guest     (1U << 1)
#define XEN_DOMINF_shutdown      (1U << 2)
#define XEN_DOMINF_paused        (1U << 3)
#define XEN_DOMINF_blocked       (1U << 4)
#define XEN_DOMINF_running       (1U << 5)
#define XEN_DOMINF_xs_domain     (1U << 7)
#define XEN_DOMINF_hap           (1U << 8)
#define XEN_DOMINF_shutdownmask  255
#define XEN_DOMINF_shutdownshift 16 /* the shutdown code's place in flags; 255: none yet */
#define XEN_INVALID_MAX_VCPU_ID  (~0U)

struct xen_domctl_getdomaininfo {
    domid_t domain;
    u16 pad1;
    u32 flags; /* XEN_DOMINF_* */
    u64 tot_pages;
    u64 max_pages;
    u64 outstanding_pages; /* claimed and not yet allocated */
    u64 shr_pages;
    u64 paged_pages;
    u64 shared_info_frame;
    u64 cpu_time; /* ns */
    u32 nr_online_vcpus;
    u32 max_vcpu_id;
    u32 ssidref;
    xen_domain_handle_t handle;
    u32 cpupool;
    u8 gpaddr_bits;
    u8 pad2[7];
    struct xen_arch_domainconfig arch_config;
};
typedef struct xen_domctl_getdomaininfo xen_domctl_getdomaininfo_t;

struct xen_domctl_max_mem {
    u64 max_memkb; /* KiB */
};

struct xen_domctl_vcpucontext {
    u32 vcpu;
    XEN_GUEST_HANDLE_64(vcpu_guest_context_t) ctxt;
};

struct xen_domctl_getvcpuinfo {
    u32 vcpu;
    u8 online;
    u8 blocked;
    u8 running;
    u64 cpu_time; /* ns */
    u32 cpu;
};

struct xen_domctl_nodeaffinity {
    struct xenctl_bitmap nodemap;
};

#define XEN_VCPUAFFINITY_HARD  (1U << 0)
#define XEN_VCPUAFFINITY_SOFT  (1U << 1)
#define XEN_VCPUAFFINITY_FORCE (1U << 2)
struct xen_domctl_vcpuaffinity {
    u32 vcpu;
    u32 flags; /* XEN_VCPUAFFINITY_* */
    struct xenctl_bitmap cpumap_hard;
    struct xenctl_bitmap cpumap_soft;
};

#define XEN_SCHEDULER_CREDIT2 6

struct xen_domctl_sched_credit2 {
    u16 weight; /* 1 .. 65535 */
    u16 cap;    /* percent of one CPU, 0: none */
};

#define XEN_DOMCTL_SCHEDOP_putinfo     0
#define XEN_DOMCTL_SCHEDOP_getinfo     1
#define XEN_DOMCTL_SCHEDOP_putvcpuinfo 2
#define XEN_DOMCTL_SCHEDOP_getvcpuinfo 3
struct xen_domctl_scheduler_op {
    u32 sched_id; /* XEN_SCHEDULER_* */
    u32 cmd;      /* XEN_DOMCTL_SCHEDOP_* */
    union {
        struct xen_domctl_sched_credit2 credit2;
        struct {
            XEN_GUEST_HANDLE_64(xen_domctl_schedparam_vcpu_t) vcpus;
            u32 nr_vcpus;
            u32 padding;
        } v;
    } u;
};

struct xen_domctl_max_vcpus {
    u32 max;
};

#define XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION 30
#define XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION 31
struct xen_domctl_shadow_op_stats {
    u32 fault_count;
    u32 dirty_count;
};
struct xen_domctl_shadow_op {
    u32 op; /* XEN_DOMCTL_SHADOW_OP_* */
    u32 mode;
    u32 mb; /* MiB */
    XEN_GUEST_HANDLE_64(u8) dirty_bitmap;
    u64 pages;
    struct xen_domctl_shadow_op_stats stats;
};

struct xen_domctl_setdomainhandle {
    xen_domain_handle_t handle;
};

struct xen_domctl_settimeoffset {
    s64 time_offset_seconds;
};

#define XEN_DOMCTL_SENDTRIGGER_NMI   0
#define XEN_DOMCTL_SENDTRIGGER_RESET 1
#define XEN_DOMCTL_SENDTRIGGER_INIT  2
#define XEN_DOMCTL_SENDTRIGGER_POWER 3
#define XEN_DOMCTL_SENDTRIGGER_SLEEP 4
struct xen_domctl_sendtrigger {
    u32 trigger; /* XEN_DOMCTL_SENDTRIGGER_* */
    u32 vcpu;
};

struct xen_domctl_address_size {
    u32 size; /* bits */
};

struct xen_domctl_hvmcontext {
    u32 size;                       /* bytes, IN room, OUT used */
    XEN_GUEST_HANDLE_64(u8) buffer; /* NULL in a get asks for the size */
};

/* One record, without its descriptor. */
struct xen_domctl_hvmcontext_partial {
    u32 type; /* HVM_SAVE_CODE() */
    u32 instance;
    u64 bufsz;                      /* IN */
    XEN_GUEST_HANDLE_64(u8) buffer; /* NULL asks for the size, which bufsz is then */
};

struct xen_domctl_tsc_info {
    u32 tsc_mode;
    u32 gtsc_khz;
    u32 incarnation;
    u32 pad;
    u64 elapsed_nsec;
};

/* A virtual NUMA topology, instead of the one before. */
struct xen_domctl_vnuma {
    u32 nr_vnodes;
    u32 nr_vmemranges;
    u32 nr_vcpus;                        /* the domain's max_vcpus */
    u32 pad;                             /* 0 */
    XEN_GUEST_HANDLE_64(uint) vdistance; /* nr_vnodes * nr_vnodes */
    XEN_GUEST_HANDLE_64(uint) vcpu_to_vnode;
    XEN_GUEST_HANDLE_64(uint) vnode_to_pnode;
    XEN_GUEST_HANDLE_64(xen_vmemrange_t) vmemrange;
};

#define XEN_DOMCTL_PSR_GET_MBA_THRTL 9 /* the last command */
struct xen_domctl_psr_alloc {
    u32 cmd;
    u32 target;
    u64 data;
};

struct xen_domctl_paging_mempool {
    u64 size; /* bytes */
};

/* One wish of a claim set: own `pages` pages on `node` (or that many more, anywhere). claims.md CL-3.2. */
struct xen_memory_claim {
    u64 pages;
    u32 node;
    u32 pad; /* 0; with XEN_DOMCTL_CLAIM_ORDERS the order the pages are claimed in */
};
typedef struct xen_memory_claim memory_claim_t;

#define XEN_NODE_CLAIM_INIT(_pages, _node) \
    { \
        .pages = (_pages), .node = (_node) \
    }
#define XEN_DOMCTL_CLAIM_MEMORY_NO_NODE     0xFFFFFFFFU /* host-wide */
#define XEN_DOMCTL_CLAIM_MEMORY_NO_NODE_ALT 0x80000000U /* the later series' value, means the same */

/*
 * Bits of xen_domctl_claim_memory.pad: Homestead's extensions. The lower half stays 0: a later draft of the
 * interface has a mode there, in which 1 asks for a read-back.
 */
#define XEN_DOMCTL_CLAIM_REPLACE   (1U << 16)
#define XEN_DOMCTL_CLAIM_STRICT    (1U << 17)
#define XEN_DOMCTL_CLAIM_SCRUB     (1U << 18)
#define XEN_DOMCTL_CLAIM_ORDERS    (1U << 19)
#define XEN_DOMCTL_CLAIM_ALL_FLAGS 0xf0000U

/* claims.md CL-3.1. */
struct xen_domctl_claim_memory {
    XEN_GUEST_HANDLE_64(memory_claim_t) claims;
    u32 nr_claims;
    u32 pad; /* XEN_DOMCTL_CLAIM_* */
};

/* Reads the set back: host-wide first, nodes ascending. -ENOBUFS: nr_claims says how many there are. */
struct xen_domctl_get_memory_claims {
    XEN_GUEST_HANDLE_64(memory_claim_t) claims;
    u32 nr_claims; /* IN room, OUT used */
    u32 pad;
};

/* What XENMEM_claim_pages does for the domain from now on. */
struct xen_domctl_homestead_legacy_claims {
    u32 mode; /* XEN_HOMESTEAD_LEGACY_*; OUT: what it did before */
    u32 pad;  /* 0 */
};
#define XEN_HOMESTEAD_LEGACY_host          0 /* a host-wide claim, as in Xen */
#define XEN_HOMESTEAD_LEGACY_affinity      1 /* on the nodes of the node affinity; what they lack, host-wide */
#define XEN_HOMESTEAD_LEGACY_affinity_only 2           /* on these nodes, or -ENOMEM */
#define XEN_HOMESTEAD_LEGACY_query         0xffffffffU /* nothing changes */

/* What CPUID shows to the domain. set: leaves that are not given stay as they are. */
struct xen_domctl_cpu_policy {
    u32 nr_leaves; /* IN room or number, OUT of get: used; get with a NULL array: how many there can be */
    u32 nr_msrs;   /* the same */
    XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves;
    XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;
    u32 err_leaf, err_subleaf, err_msr; /* OUT of a set that failed: what it objects to, all ones: nothing */
};

struct xen_domctl {
    u32 cmd;
    u32 interface_version;
    domid_t domain;
    u16 _pad[3];
    union {
        struct xen_domctl_createdomain createdomain;
        struct xen_domctl_getdomaininfo getdomaininfo;
        struct xen_domctl_nodeaffinity nodeaffinity;
        struct xen_domctl_vcpuaffinity vcpuaffinity;
        struct xen_domctl_shadow_op shadow_op;
        struct xen_domctl_max_mem max_mem;
        struct xen_domctl_vcpucontext vcpucontext;
        struct xen_domctl_getvcpuinfo getvcpuinfo;
        struct xen_domctl_max_vcpus max_vcpus;
        struct xen_domctl_scheduler_op scheduler_op;
        struct xen_domctl_setdomainhandle setdomainhandle;
        struct xen_domctl_settimeoffset settimeoffset;
        struct xen_domctl_sendtrigger sendtrigger;
        struct xen_domctl_hvmcontext hvmcontext;
        struct xen_domctl_address_size address_size;
        struct xen_domctl_hvmcontext_partial hvmcontext_partial;
        struct xen_domctl_tsc_info tsc_info;
        struct xen_domctl_vnuma vnuma;
        struct xen_domctl_cpu_policy cpu_policy;
        struct xen_domctl_psr_alloc psr_alloc;
        struct xen_domctl_paging_mempool paging_mempool;
        struct xen_domctl_claim_memory claim_memory;
        struct xen_domctl_get_memory_claims get_memory_claims;
        struct xen_domctl_homestead_legacy_claims homestead_legacy_claims;
        u8 pad[128];
    } u;
};

_Static_assert(sizeof(struct xen_domctl_createdomain) == 64, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_getdomaininfo) == 112, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_vcpuaffinity) == 40, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_shadow_op) == 40, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_scheduler_op) == 24, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_hvmcontext) == 16, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_hvmcontext_partial) == 24, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_tsc_info) == 24, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_vnuma) == 48, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl_cpu_policy) == 40, "public/domctl.h");
_Static_assert(sizeof(struct xen_memory_claim) == 16, "claims.md 3");
_Static_assert(sizeof(struct xen_domctl_claim_memory) == 16, "claims.md 3");
_Static_assert(offsetof(struct xen_domctl_claim_memory, nr_claims) == 8, "claims.md 3");
_Static_assert(offsetof(struct xen_domctl_claim_memory, pad) == 12, "claims.md 3");
_Static_assert(offsetof(struct xen_domctl, u) == 16, "public/domctl.h");
_Static_assert(sizeof(struct xen_domctl) == 144, "public/domctl.h");

#endif
