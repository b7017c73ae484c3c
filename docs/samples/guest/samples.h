/*
 * What the samples of docs/guest-guide share. Each file of this folder is one sample: a function that does in a domain 0
 * what its page describes, and returns 0, or the -errno of the call that went otherwise. samples.elf runs all of them.
 */
#ifndef DOCS_SAMPLES_H
#define DOCS_SAMPLES_H

#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>

/* A call went otherwise than the page says, but not with an error. */
#define SURPRISE (-EIO)

static inline long domctl(struct xen_domctl *op, u32 cmd, u32 domid)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)domid;
    return hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(op));
}

static inline long sysctl(struct xen_sysctl *op, u32 cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_sysctl, XEN_HANDLE(op));
}

static inline long memory_op(u32 cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_memory_op, cmd, arg);
}

/* A new domain that may own max_pages, with a paging pool for them; vCPUs are the sample's to make. 0: there is none. */
u32 new_domain(u32 vcpus, u64 max_pages);
/* Destroys it; returns rc, which is what the sample has come to, or what destroying says. */
int end_domain(u32 domid, long rc);
/* Frames of our own map where nothing is. */
u64 hole_gfn(u32 index);
void *hole_page(u32 index);

int acquire_resource_sample(void);
int add_to_physmap_sample(void);
int attributes_sample(void);
int claim_flags_sample(void);
int claim_memory_sample(void);
int claim_pages_sample(void);
int console_io_sample(void);
int cpu_policy_sample(void);
int domain_list_sample(void);
int domain_memory_sample(void);
int event_channel_sample(void);
int grant_table_sample(void);
int homestead_figures_sample(void);
int host_facts_sample(void);
int hvm_op_sample(void);
int legacy_claims_sample(void);
int life_cycle_sample(void);
int memory_map_sample(void);
int multicall_sample(void);
int page_offline_sample(void);
int platform_op_sample(void);
int pod_sample(void);
int populate_physmap_sample(void);
int pvh_entry_sample(void);
int read_console_sample(void);
int sched_op_sample(void);
int vcpu_op_sample(void);
int vcpus_sample(void);
int vnuma_sample(void);
int xen_version_sample(void);

#endif
