/*
 * libxc-style calls: the names and parameters that users of Xen's libxenctrl know, over plain
 * hypercalls. Differences: failure is returned as -errno (Xen's values) instead of -1 and errno, and
 * the interface handle is a formality. Arguments live on the caller's stack and each vCPU has its own window
 * onto foreign memory, so vCPUs may call all of it at once; nothing here locks.
 */
#ifndef GUEST_LIB_XC_H
#define GUEST_LIB_XC_H

#include <homestead/types.h>
#include <homestead/errno.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sysctl.h>

typedef struct xc_interface_core xc_interface;
typedef xen_domctl_getdomaininfo_t xc_domaininfo_t;
typedef struct xen_domctl_getvcpuinfo xc_vcpuinfo_t;
typedef struct xen_sysctl_physinfo xc_physinfo_t;
typedef xen_sysctl_meminfo_t xc_meminfo_t;
typedef xen_sysctl_cputopo_t xc_cputopo_t;
typedef xen_homestead_node_memory_t xc_node_claim_t;
typedef xen_homestead_domain_node_t xc_domain_claim_t;
typedef xen_homestead_refusals_t xc_claim_refusals_t;
typedef u8 *xc_nodemap_t; /* MAX_NODES bits */
typedef u8 *xc_cpumap_t;  /* MAX_CPUS bits */
typedef int evtchn_port_or_error_t;

xc_interface *xc_interface_open(void);

/* --- xc_domain.c: one domain ---------------------------------------------------------------------- */

/* *pdomid: 0 lets the hypervisor choose; set to the new domain's id on success. */
/* A configuration that is accepted: an HVM domain with nested paging and a local APIC. Callers change it. */
struct xen_domctl_createdomain xc_domain_config(u32 max_vcpus);
int xc_domain_create(xc_interface *xch, u32 *pdomid, struct xen_domctl_createdomain *config);
int xc_domain_destroy(xc_interface *xch, u32 domid);
int xc_domain_pause(xc_interface *xch, u32 domid);
int xc_domain_unpause(xc_interface *xch, u32 domid);
int xc_domain_shutdown(xc_interface *xch, u32 domid, int reason);
int xc_domain_setmaxmem(xc_interface *xch, u32 domid, u64 max_memkb);
int xc_domain_max_vcpus(xc_interface *xch, u32 domid, unsigned int max);
/* weight 0: it stays. */
int xc_sched_credit2_domain_set(xc_interface *xch, u32 domid, struct xen_domctl_sched_credit2 *sdom);
/* The bitmap of MAX_NODES bits. */
int xc_domain_node_setaffinity(xc_interface *xch, u32 domid, xc_nodemap_t nodemap);
int xc_domain_node_getaffinity(xc_interface *xch, u32 domid, xc_nodemap_t nodemap);
/* flags: XEN_VCPUAFFINITY_HARD or _SOFT; the bitmap of MAX_CPUS bits. */
int xc_vcpu_setaffinity(xc_interface *xch, u32 domid, u32 vcpu, u32 flags, xc_cpumap_t cpumap);
/* Returns how many entries of info were filled, from first_domain up. */
int xc_domain_getinfolist(xc_interface *xch, u32 first_domain, unsigned int max_domains,
                          xc_domaininfo_t *info);
/* Exactly this domain, else -ESRCH. */
int xc_domain_getinfo_single(xc_interface *xch, u32 domid, xc_domaininfo_t *info);
int xc_vcpu_getinfo(xc_interface *xch, u32 domid, u32 vcpu, xc_vcpuinfo_t *info);
/* The context stream of <xen/hvm/save.h>. get returns its size in bytes; buffer NULL: only the size. */
int xc_domain_hvm_getcontext(xc_interface *xch, u32 domid, u8 *ctxt_buf, u32 size);
int xc_domain_hvm_setcontext(xc_interface *xch, u32 domid, u8 *hvm_ctxt, u32 size);
int xc_hvm_param_set(xc_interface *xch, u32 domid, u32 param, u64 value);
int xc_hvm_param_get(xc_interface *xch, u32 domid, u32 param, u64 *value);
evtchn_port_or_error_t xc_evtchn_alloc_unbound(xc_interface *xch, u32 dom, u32 remote_dom);
/* Ports of our own, as libxenevtchn has them: connected to another domain's port, rung, closed. */
evtchn_port_or_error_t xc_evtchn_bind_interdomain(u32 dom, evtchn_port_t remote_port);
int xc_evtchn_notify(evtchn_port_t port);
int xc_evtchn_unbind(evtchn_port_t port);

/* --- xc_memory.c: memory and claims ---------------------------------------------------------------- */

/* nr_pages is the size the domain shall reach, 0 releases (claims.md section 2). */
int xc_domain_claim_pages(xc_interface *xch, u32 domid, unsigned long nr_pages);
/* claims.md section 3. -ENOSYS where the hypervisor has no node claims. */
int xc_domain_claim_memory(xc_interface *xch, u32 domid, u32 nr_claims, memory_claim_t *claims);
/* The same with XEN_DOMCTL_CLAIM_* flags, which are Homestead's. */
int xc_domain_claim_memory_flags(xc_interface *xch, u32 domid, u32 nr_claims, memory_claim_t *claims,
                                 u32 flags);
/* Reads the set back; *nr_claims: room, then entries. -ENOBUFS: *nr_claims is what is needed. */
int xc_domain_get_memory_claims(xc_interface *xch, u32 domid, u32 *nr_claims, memory_claim_t *claims);
/* Populates; returns how many extents were done (memory may run short), or -errno. */
int xc_domain_populate_physmap(xc_interface *xch, u32 domid, unsigned long nr_extents,
                               unsigned int extent_order, unsigned int mem_flags, xen_pfn_t *extent_start);
/* The same, all or -ENOMEM (what was done stays done, as in libxc). */
int xc_domain_populate_physmap_exact(xc_interface *xch, u32 domid, unsigned long nr_extents,
                                     unsigned int extent_order, unsigned int mem_flags,
                                     xen_pfn_t *extent_start);
int xc_domain_set_memory_map(xc_interface *xch, u32 domid, struct xen_e820_entry entries[], u32 nr_entries);
/* The virtual NUMA topology. get: room, then what there is; -EOPNOTSUPP: none; -ENOBUFS: the numbers are what is
 * needed. */
int xc_domain_setvnuma(xc_interface *xch, u32 domid, u32 nr_vnodes, u32 nr_vmemranges, u32 nr_vcpus,
                       struct xen_vmemrange *vmemrange, unsigned int *vdistance, unsigned int *vcpu_to_vnode,
                       unsigned int *vnode_to_pnode);
int xc_domain_getvnuma(xc_interface *xch, u32 domid, u32 *nr_vnodes, u32 *nr_vmemranges, u32 *nr_vcpus,
                       struct xen_vmemrange *vmemrange, unsigned int *vdistance, unsigned int *vcpu_to_vnode);
/* The pool that nested page tables come from, bytes. */
int xc_set_paging_mempool_size(xc_interface *xch, u32 domid, u64 size);
int xc_get_paging_mempool_size(xc_interface *xch, u32 domid, u64 *size);
/* Homestead's: an upper bound of that pool, in bytes, for a guest of so many pages and vCPUs. */
u64 xc_domain_overhead(u64 pages, unsigned int vcpus);
int xc_domain_remove_from_physmap(xc_interface *xch, u32 domid, xen_pfn_t gpfn);

/*
 * Windows of XC_FOREIGN_MAX pages each at a hole of our own physical space, one for each vCPU. Maps num
 * frames of another domain in this vCPU's window, in order; only one mapping at a time. NULL: a frame could
 * not be mapped (nothing stays mapped). Unmap before destroying the domain: a mapped page keeps it as a
 * zombie.
 */
#define XC_FOREIGN_MAX 32u
void *xc_map_foreign_pages(xc_interface *xch, u32 dom, const xen_pfn_t *arr, int num);
/* This vCPU's mapping. */
void xc_unmap_foreign(void);
/* One page more for each vCPU, which can stay mapped while the window is used. Same rules. */
void *xc_map_foreign_kept(xc_interface *xch, u32 dom, xen_pfn_t gfn);
void xc_unmap_foreign_kept(void);
/* gaddr: address of the windows of vCPUs 0 to nr_vcpus - 1, one after the other. Call once. -ENOSPC: it is
 * 0. */
int xc_foreign_init(u64 gaddr, u32 nr_vcpus);
#define XC_FOREIGN_BYTES(nr_vcpus) ((u64)(nr_vcpus) * (XC_FOREIGN_MAX + 1) * PAGE_SIZE)

/* --- xc_host.c: the host ----------------------------------------------------------------------------- */

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info);
/* *max_nodes: room, then nodes; with NULL arrays only the number. */
int xc_numainfo(xc_interface *xch, unsigned int *max_nodes, xc_meminfo_t *meminfo, u32 *distance);
int xc_cputopoinfo(xc_interface *xch, unsigned int *max_cpus, xc_cputopo_t *cputopo);
/* Free memory of a node, -1: all. */
int xc_availheap(xc_interface *xch, int min_width, int max_width, int node, u64 *bytes);
/* Frames [start, end] taken offline or back; status: one PG_* word for each. At most 512 frames. */
int xc_mark_page_offline(xc_interface *xch, unsigned long start, unsigned long end, u32 *status);
int xc_mark_page_online(xc_interface *xch, unsigned long start, unsigned long end, u32 *status);
/* Homestead's own, -ENOSYS elsewhere (claims.md section 7). *max_nodes: room, then nodes; host may be NULL.
 */
int xc_node_claim_info(xc_interface *xch, unsigned int *max_nodes, xc_node_claim_t *nodes,
                       struct xen_sysctl_homestead_node_memory *host);
int xc_domain_claim_info(xc_interface *xch, u32 domid, unsigned int *max_nodes, xc_domain_claim_t *nodes,
                         struct xen_sysctl_homestead_domain_memory *domain);
int xc_claim_refusals(xc_interface *xch, xc_claim_refusals_t *refusals);
int xc_version(xc_interface *xch, int cmd, void *arg);

#endif
