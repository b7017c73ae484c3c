/* A toolstack tells a guest where its console ring is, and reads it back. */
#include <docs/samples/guest/samples.h>

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

static long param(u32 cmd, u32 domid, u32 index, u64 *value)
{
    struct xen_hvm_param arg = {.domid = (domid_t)domid, .index = index, .value = *value};

    long rc = hypercall2(__HYPERVISOR_hvm_op, cmd, &arg);
    *value = arg.value;
    return rc;
}

int hvm_op_sample(void)
{
    u32 domid = new_domain(1, 512);
    u64 ring = 0xff, found = 0, on = 1;

    if (!domid)
        return -ENOMEM;
    long rc = param(HVMOP_set_param, domid, HVM_PARAM_CONSOLE_PFN, &ring);
    if (!rc)
        rc = param(HVMOP_get_param, domid, HVM_PARAM_CONSOLE_PFN, &found);
    if (!rc && found != 0xff)
        rc = SURPRISE;
    if (!rc &&
        param(HVMOP_set_param, domid, HVM_PARAM_ALTP2M, &on) != -EINVAL) /* there is none to switch on */
        rc = SURPRISE;
    return end_domain(domid, rc);
}
