/*
 * __HYPERVISOR_memory_op(cmd | start_extent << MEMOP_EXTENT_SHIFT, arg): a domain's physical map.
 * Facts: Xen's public/memory.h, 4.17. Frames are 4 KiB; extents are 2^extent_order of them.
 */
#ifndef XEN_MEMORY_H
#define XEN_MEMORY_H

#include <xen/xen.h>

/* Homestead's name for where a preempted call stores its progress (bits of cmd). */
#define MEMOP_EXTENT_SHIFT 6

#define XENMEM_increase_reservation     0
#define XENMEM_decrease_reservation     1
#define XENMEM_maximum_ram_page         2
#define XENMEM_current_reservation      3
#define XENMEM_maximum_reservation      4
#define XENMEM_populate_physmap         6
#define XENMEM_add_to_physmap           7
#define XENMEM_memory_map               9
#define XENMEM_machine_memory_map       10
#define XENMEM_exchange                 11
#define XENMEM_set_memory_map           13
#define XENMEM_maximum_gpfn             14
#define XENMEM_remove_from_physmap      15
#define XENMEM_set_pod_target           16
#define XENMEM_get_pod_target           17
#define XENMEM_get_sharing_freed_pages  18
#define XENMEM_get_sharing_shared_pages 19
#define XENMEM_add_to_physmap_batch     23
#define XENMEM_claim_pages              24
#define XENMEM_get_vnumainfo            26
#define XENMEM_acquire_resource         28

/* xen_memory_reservation.mem_flags: bits 0-7 address width, 8-15 node + 1 (0: any), with XENMEMF_vnode a virtual node. */
#define XENMEMF_address_bits(x)     (x)
#define XENMEMF_get_address_bits(x) ((x)&0xffu)
#define XENMEMF_node(x)             (((x) + 1) << 8)
#define XENMEMF_get_node(x)         ((((x) >> 8) - 1) & 0xffu)
#define XENMEMF_populate_on_demand  (1 << 16)
#define XENMEMF_exact_node_request  (1 << 17)
#define XENMEMF_exact_node(n)       (XENMEMF_node(n) | XENMEMF_exact_node_request)
#define XENMEMF_vnode               (1 << 18)

/* Result: the number of extents done, also when memory ran short. */
struct xen_memory_reservation {
    XEN_GUEST_HANDLE(xen_pfn_t) extent_start;
    xen_ulong_t nr_extents;
    unsigned int extent_order;
    unsigned int mem_flags;
    domid_t domid;
};

#define XENMEM_resource_ioreq_server 0
#define XENMEM_resource_grant_table  1
#define XENMEM_resource_vmtrace_buf  2

#define XENMEM_resource_grant_table_id_shared 0
#define XENMEM_resource_grant_table_id_status 1

/* Pages of the hypervisor's that belong to a domain, for the control domain's map. */
struct xen_mem_acquire_resource {
    domid_t domid;
    u16 type; /* XENMEM_resource_* */
    u32 id;
    u32 nr_frames;                          /* 0 without a list: OUT, how many there can be */
    u32 pad;                                /* 0 */
    u64 frame;                              /* the first */
    XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* where to map them */
};

/* XENMEM_exchange: PV guests only, others are answered -EOPNOTSUPP. */
struct xen_memory_exchange {
    struct xen_memory_reservation in;  /* given up; nr_extents << extent_order pages, */
    struct xen_memory_reservation out; /* for as many in extents of another order */
    xen_ulong_t nr_exchanged;          /* IN: 0. OUT: extents of `in` done */
};

#define XENMAPSPACE_shared_info  0
#define XENMAPSPACE_grant_table  1
#define XENMAPSPACE_gmfn         2
#define XENMAPSPACE_gmfn_range   3
#define XENMAPSPACE_gmfn_foreign 4
#define XENMAPSPACE_dev_mmio     5

struct xen_add_to_physmap {
    domid_t domid;
    u16 size;           /* XENMAPSPACE_gmfn_range only */
    unsigned int space; /* XENMAPSPACE_* */
    xen_ulong_t idx;
    xen_pfn_t gpfn;
};

struct xen_add_to_physmap_batch {
    domid_t domid; /* whose map changes */
    u16 space;     /* XENMAPSPACE_* */
    u16 size;      /* entries of each array */
    union xen_add_to_physmap_batch_extra {
        domid_t foreign_domid; /* XENMAPSPACE_gmfn_foreign: whose pages */
        u16 res0;
    } u;
    XEN_GUEST_HANDLE(xen_ulong_t) idxs;
    XEN_GUEST_HANDLE(xen_pfn_t) gpfns;
    XEN_GUEST_HANDLE(int) errs; /* OUT, one per entry */
};

struct xen_remove_from_physmap {
    domid_t domid;
    xen_pfn_t gpfn;
};

/* Populate on demand: memory that a domain has in its map before it owns it. */
struct xen_pod_target {
    u64 target_pages;    /* IN, set only */
    u64 tot_pages;       /* OUT */
    u64 pod_cache_pages; /* OUT: owned, in no map entry yet */
    u64 pod_entries;     /* OUT: map entries without a page */
    domid_t domid;
};

/* The buffer holds E820 entries of 20 bytes: u64 address, u64 size, u32 type. */
struct xen_memory_map {
    unsigned int nr_entries; /* IN room, OUT used */
    XEN_GUEST_HANDLE(void) buffer;
};

struct xen_foreign_memory_map {
    domid_t domid;
    struct xen_memory_map map;
};

/* Homestead's name for one entry of that buffer. */
struct xen_e820_entry {
    u64 addr; /* bytes */
    u64 size; /* bytes */
    u32 type; /* XEN_HVM_MEMMAP_TYPE_* */
} PACKED;

/* RAM of a virtual node. */
struct xen_vmemrange {
    u64 start, end;     /* bytes, guest-physical */
    unsigned int flags; /* 0 */
    unsigned int nid;
};

/* A domain's virtual NUMA topology. -ENOBUFS: the numbers are what it has. A 32-bit caller has the same layout, and
 * the lower halves of its pointers count. */
struct xen_vnuma_topology_info {
    domid_t domid;
    u16 pad;
    unsigned int nr_vnodes, nr_vcpus, nr_vmemranges; /* IN room, OUT used */
    union {
        XEN_GUEST_HANDLE(uint) h;
        u64 pad;
    } vdistance; /* nr_vnodes * nr_vnodes */
    union {
        XEN_GUEST_HANDLE(uint) h;
        u64 pad;
    } vcpu_to_vnode;
    union {
        XEN_GUEST_HANDLE(xen_vmemrange_t) h;
        u64 pad;
    } vmemrange;
};

_Static_assert(sizeof(struct xen_memory_reservation) == 32, "public/memory.h");
_Static_assert(sizeof(struct xen_add_to_physmap) == 24, "public/memory.h");
_Static_assert(sizeof(struct xen_add_to_physmap_batch) == 32, "public/memory.h");
_Static_assert(sizeof(struct xen_remove_from_physmap) == 16, "public/memory.h");
_Static_assert(sizeof(struct xen_memory_map) == 16, "public/memory.h");
_Static_assert(sizeof(struct xen_pod_target) == 40, "public/memory.h");
_Static_assert(sizeof(struct xen_foreign_memory_map) == 24, "public/memory.h");
_Static_assert(sizeof(struct xen_mem_acquire_resource) == 32, "public/memory.h");
_Static_assert(sizeof(struct xen_vmemrange) == 24, "public/memory.h");
_Static_assert(sizeof(struct xen_vnuma_topology_info) == 40, "public/memory.h");
_Static_assert(sizeof(struct xen_e820_entry) == 20, "ACPI 6.5 15, E820");

#endif
