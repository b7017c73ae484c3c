/*
 * Domains without a kernel, for the claim table and the self test: they are created, limited, given a
 * paging pool and populated frame by frame, and never run. Functions return 0 or -errno and print nothing.
 */
#ifndef GUEST_DOM0_SHELL_H
#define GUEST_DOM0_SHELL_H

#include <guest/dom0/dom0.h>

/* Creates a domain for one vCPU that may own max_pages and has pool_pages in its paging pool. Destroys it on
 * failure. */
int shell_create(u64 max_pages, u64 pool_pages, u32 *domid);
/* Pages that a pool needs for nr_pages of 4 KiB in one range of gfns. */
u64 shell_pool_for(u64 nr_pages);

/* Outstanding pages of a domain, or -errno. */
s64 shell_outstanding(u32 domid);
/* Pages it owns, or -errno. */
s64 shell_owned(u32 domid);
/* Pages it owns on a node, as the hypervisor counts them; -ENOSYS: this one does not. */
s64 shell_owned_on(u32 domid, u32 node);
/* Its claim on a node, or host-wide with XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, as read back; or -errno. */
s64 shell_claim_on(u32 domid, u32 node);

/* One entry, or a set; flags: the argument's pad. */
int shell_claim_node(u32 domid, u32 node, u64 pages);
int shell_claim_release(u32 domid);

/* count pages one by one in one call, mem_flags as for populate_physmap; how many were done, or -errno. At
 * most SHELL_FEW. */
#define SHELL_FEW 64u
int shell_populate_few(u32 domid, u64 gfn, u32 count, unsigned int mem_flags);

#endif
