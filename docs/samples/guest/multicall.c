/* Two calls with one entry into the hypervisor; each has its own result. */
#include <docs/samples/guest/samples.h>

#include <xen/version.h>

int multicall_sample(void)
{
    domid_t self = DOMID_SELF;
    struct multicall_entry batch[] = {
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
        {.op = __HYPERVISOR_memory_op, .args = {XENMEM_current_reservation, XEN_HANDLE(&self)}},
        {.op = 99}, /* there is no such call */
    };

    long rc = hypercall(__HYPERVISOR_multicall, XEN_HANDLE(batch), ARRAY_SIZE(batch), 0, 0, 0);
    if (rc)
        return (int)rc;
    return batch[0].result == guest_env.xen_version && (s64)batch[1].result > 0 &&
                   (s64)batch[2].result == -ENOSYS
               ? 0
               : SURPRISE;
}
