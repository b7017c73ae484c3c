/* Between the files of vcpu_op. */
#ifndef HYPERCALL_VCPU_OP_H
#define HYPERCALL_VCPU_OP_H

#include <hypercall/hypercall.h>

struct vcpu_hvm_context;

/* Gives v its first state; it stays offline. -EINVAL: no CPU would take it; -EEXIST: it has one. */
int vcpu_initialise(struct vcpu *v, const struct vcpu_hvm_context *context);

#endif
