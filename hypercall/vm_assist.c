/* __HYPERVISOR_vm_assist(cmd, type): behaviour that a domain asks for. One type exists for HVM guests. Facts: Xen's
 * public/xen.h. */
#include <hypercall/hypercall.h>

long hc_vm_assist(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    u32 bit = BIT(VMASST_TYPE_runstate_update_flag);

    if ((u32)c->arg[1] != VMASST_TYPE_runstate_update_flag)
        return -EINVAL;
    switch ((u32)c->arg[0]) {
    case VMASST_CMD_enable:
        __atomic_fetch_or(&d->vm_assist, bit, __ATOMIC_RELAXED);
        return 0;
    case VMASST_CMD_disable:
        __atomic_fetch_and(&d->vm_assist, ~bit, __ATOMIC_RELAXED);
        return 0;
    default:
        return -ENOSYS;
    }
}
