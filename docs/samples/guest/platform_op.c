/* The machine's CPUs by number, which need not be those that domain 0 has. */
#include <docs/samples/guest/samples.h>

#include <xen/platform.h>

int platform_op_sample(void)
{
    u32 last = 0;

    for (u32 cpu = 0; cpu <= last; cpu++) {
        struct xen_platform_op op = {.cmd = XENPF_get_cpuinfo,
                                     .interface_version = XENPF_INTERFACE_VERSION,
                                     .u.pcpu_info.xen_cpuid = cpu};
        long rc = hypercall1(__HYPERVISOR_platform_op, XEN_HANDLE(&op));
        if (rc)
            return (int)rc;
        last = op.u.pcpu_info.max_present;
        if (op.u.pcpu_info.flags & XEN_PCPU_FLAGS_INVALID)
            return SURPRISE;
        printf("samples: CPU %u has APIC id %u\n", cpu, op.u.pcpu_info.apic_id);
    }
    return 0;
}
