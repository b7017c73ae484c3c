/* CPU policies of the host and of domains: cpu_policy.c. The domctls are in domctl.h. */
#ifndef HYPERCALL_CPU_POLICY_H
#define HYPERCALL_CPU_POLICY_H

#include <hypercall/domctl.h>
#include <xen/sysctl.h>

/* *copy_back: op has results although the call fails. */
long sysctl_get_cpu_featureset(struct hypercall *c, struct xen_sysctl_cpu_featureset *op, bool *copy_back);
long sysctl_get_cpu_policy(struct hypercall *c, struct xen_sysctl_cpu_policy *op, bool *copy_back);

#endif
