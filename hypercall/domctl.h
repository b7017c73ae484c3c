/*
 * Shared by the files of __HYPERVISOR_domctl. domctl.c reads the argument once, checks the interface version,
 * and finds the domain; a handler works on that copy.
 */
#ifndef HYPERCALL_DOMCTL_H
#define HYPERCALL_DOMCTL_H

#include <hypercall/hypercall.h>
#include <xen/domctl.h>

struct domctl {
    struct hypercall *c;
    struct domain *d; /* c->target; NULL for createdomain and, if there is no such domain, getdomaininfo */
    struct xen_domctl op;
    bool copy_back; /* the handler has put results into op */
};

/* Handlers: 0, -errno, -ERESTART (the call is repeated unchanged). The causes of each errno: docs/guest-guide/dom/. */
long domctl_createdomain(struct domctl *ctl);
long domctl_max_mem(struct domctl *ctl);
long domctl_shadow_op(struct domctl *ctl);
long domctl_get_paging_mempool(struct domctl *ctl);
long domctl_set_paging_mempool(struct domctl *ctl);
long domctl_claim_memory(struct domctl *ctl);
long domctl_get_memory_claims(struct domctl *ctl);
long domctl_homestead_legacy_claims(struct domctl *ctl);
long domctl_setvnumainfo(struct domctl *ctl);
long domctl_nodeaffinity(struct domctl *ctl);
long domctl_vcpuaffinity(struct domctl *ctl);
long domctl_gethvmcontext(struct domctl *ctl);
long domctl_sethvmcontext(struct domctl *ctl);
long domctl_get_cpu_policy(struct domctl *ctl);
long domctl_set_cpu_policy(struct domctl *ctl);
long domctl_gethvmcontext_partial(struct domctl *ctl);
long domctl_getvcpucontext(struct domctl *ctl);

/* Fills in getdomaininfo's reply for d; also for sysctl's list. Takes d's locks, one at a time. */
void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

#endif
