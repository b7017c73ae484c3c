/* Between the xc_*.c files. */
#ifndef GUEST_LIB_XC_INTERNAL_H
#define GUEST_LIB_XC_INTERNAL_H

#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>

/* Fill in the interface version and call. */
static inline int do_domctl(struct xen_domctl *op)
{
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return (int)hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(op));
}

static inline int do_sysctl(struct xen_sysctl *op)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return (int)hypercall1(__HYPERVISOR_sysctl, XEN_HANDLE(op));
}

static inline long do_memory_op(unsigned int cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_memory_op, cmd, arg);
}

#endif
