/* Between sysctl.c, which reads the argument and copies it back after a success, and sysctl_memory.c. */
#ifndef HYPERCALL_SYSCTL_H
#define HYPERCALL_SYSCTL_H

#include <hypercall/hypercall.h>
#include <xen/sysctl.h>

struct sysctl {
    struct hypercall *c;
    struct xen_sysctl op;
};

/* -EINVAL: the range or the command, or a frame beyond the end of memory; -E2BIG: more than 512 frames;
 * -EFAULT: nothing was done, unless the array of results went away meanwhile. */
long sysctl_page_offline_op(struct sysctl *ctl);

/* Homestead's own. -EINVAL: pad; -ESRCH: no such domain; -EFAULT. */
long sysctl_node_memory(struct sysctl *ctl);
long sysctl_domain_memory(struct sysctl *ctl);
long sysctl_refusals(struct sysctl *ctl);

#endif
