/* __HYPERVISOR_hvm_op(cmd, arg). Facts: Xen's public/hvm/hvm_op.h, 4.17. */
#ifndef XEN_HVM_HVM_OP_H
#define XEN_HVM_HVM_OP_H

#include <xen/xen.h>

#define HVMOP_set_param                0
#define HVMOP_get_param                1
#define HVMOP_pagetable_dying          9
#define HVMOP_get_time                 10
#define HVMOP_set_evtchn_upcall_vector 23

struct xen_hvm_param {
    domid_t domid;
    u16 pad;
    u32 index; /* HVM_PARAM_* */
    u64 value;
};

struct xen_hvm_evtchn_upcall_vector {
    u32 vcpu;
    u8 vector;
};

struct xen_hvm_pagetable_dying {
    domid_t domid;
    u16 pad[3];
    u64 gpa; /* of the page table's root */
};

_Static_assert(sizeof(struct xen_hvm_param) == 16, "public/hvm/hvm_op.h");
_Static_assert(sizeof(struct xen_hvm_evtchn_upcall_vector) == 8, "public/hvm/hvm_op.h");
_Static_assert(sizeof(struct xen_hvm_pagetable_dying) == 16, "public/hvm/hvm_op.h");

#endif
