/* Shared by the files of __HYPERVISOR_sysctl. sysctl.c reads the argument once and checks the interface version; a
 * handler works on that copy. */
#ifndef HYPERCALL_SYSCTL_H
#define HYPERCALL_SYSCTL_H

#include <hypercall/hypercall.h>
#include <xen/sysctl.h>

struct sysctl {
    struct hypercall *c;
    struct xen_sysctl op;
    bool copy_back; /* op is copied back after a success, and if this is set */
};

/* Handlers: 0, -errno, -ERESTART (op has been written back, if it has changed). The causes of each errno: docs/guest-guide/sysctl/. */
long sysctl_readconsole(struct sysctl *ctl);
long sysctl_debug_keys(struct sysctl *ctl);
long sysctl_getcpuinfo(struct sysctl *ctl);
long sysctl_pcitopoinfo(struct sysctl *ctl);
long sysctl_scheduler_op(struct sysctl *ctl);
long sysctl_no_device(struct sysctl *ctl);

#endif
