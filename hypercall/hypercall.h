/*
 * Shared by the hypercall handlers: the decoded call, its continuation, and its target domain.
 *
 * A handler gets a struct hypercall, returns a result for the caller (0, a count, or -errno with Xen's
 * values) or -ERESTART: it has then stored the arguments to continue with in arg[], the guest's instruction
 * pointer stays unchanged, and the call is repeated when the vCPU runs next. Guests never see -ERESTART.
 *
 * Rules of every handler: read the argument once into a local, check everything, change, copy out. No lock is
 * held while guest memory is touched. A failed call changes nothing. Loops have a bound, or can yield.
 */
#ifndef HYPERCALL_HYPERCALL_H
#define HYPERCALL_HYPERCALL_H

#include <domain/domain.h>
#include <homestead/errno.h>
#include <domain/guest_copy.h>

#define HYPERCALL_NR_ARGS 5u

struct hypercall {
    struct vcpu *v;
    u64 arg[HYPERCALL_NR_ARGS];
    bool compat;           /* 32-bit caller: its layouts are read with compat.h */
    bool in_multicall;     /* an entry of a multicall: no further nesting */
    struct domain *target; /* of hypercall_target(); the dispatcher puts it back */
};

/* Runs call nr of c with the caller's permission, and puts c->target back. -ENOSYS: there is none; -EPERM. */
long hypercall_call(struct hypercall *c, u64 nr);

/* Sets c->target, once a call, to the domain an id names, DOMID_SELF included. -ESRCH: there is none; -EPERM:
 * the caller may not act on it: a domain on itself, the control domain on any. */
int hypercall_target(struct hypercall *c, u16 domid);

/* One handler per number; arguments as in Xen's public headers. */
long hc_platform_op(struct hypercall *c);
long hc_memory_op(struct hypercall *c);
long hc_multicall(struct hypercall *c);
long hc_set_timer_op(struct hypercall *c);
long hc_xen_version(struct hypercall *c);
/* The hypervisor's own command line, for domain 0; what is beyond 511 bytes is left out. Boot only. */
void xen_version_init(const char *text);
long hc_console_io(struct hypercall *c);
long hc_grant_table_op(struct hypercall *c);
long hc_vm_assist(struct hypercall *c);
long hc_vcpu_op(struct hypercall *c);
long hc_sched_op(struct hypercall *c);
long hc_event_channel_op(struct hypercall *c);
long hc_hvm_op(struct hypercall *c);
long hc_sysctl(struct hypercall *c);
/* Records the constant facts that sysctls report. Once all CPUs are up, before a domain runs. */
void sysctl_init(void);
long hc_domctl(struct hypercall *c);

#endif
