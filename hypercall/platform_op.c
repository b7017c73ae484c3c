/*
 * __HYPERVISOR_platform_op: the machine's CPUs, its clock and what its BIOS left behind, for the control domain (dispatch
 * table). The structures are the same for 32-bit callers.
 *
 * CPUs are not taken offline, and Homestead uses neither the sleep states nor the frequencies of the machine: such
 * commands are -ENOSYS. So are EFI's tables and runtime services, which domain 0 is not given.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/wall_clock.h>
#include <homestead/topology.h>
#include <hypercall/hypercall.h>
#include <lib/string.h>
#include <xen/platform.h>

static long set_time(u64 seconds, u32 ns, u64 system_ns)
{
    int rc = wall_clock_set(seconds, ns, system_ns);

    if (!rc)
        domain_update_wall_clocks();
    return rc;
}

/* What a BIOS says of disks and the screen can only be asked in real mode, which Homestead does not return to. */
static long firmware_info(const struct xenpf_firmware_info *info)
{
    switch (info->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
    case XEN_FW_KBD_SHIFT_FLAGS:
        return -ESRCH;
    case XEN_FW_EFI_INFO:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}

static bool is_up(u32 cpu)
{
    return cpu < host_topology->nr_cpus && cpus[cpu];
}

static void get_cpuinfo(struct xenpf_pcpuinfo *info)
{
    u32 cpu = info->xen_cpuid;

    info->max_present = host_topology->nr_cpus - 1;
    info->flags = XEN_PCPU_FLAGS_INVALID;
    if (cpu >= host_topology->nr_cpus)
        return;
    info->flags = is_up(cpu) ? XEN_PCPU_FLAGS_ONLINE : 0;
    info->apic_id = host_topology->cpus[cpu].apic_id;
    info->acpi_id = host_topology->cpus[cpu].acpi_uid;
}

/* All CPUs are of one kind. 0 for one that is not up. */
static void get_cpu_version(struct xenpf_pcpu_version *version)
{
    const struct cpuid_leaf name = cpuid(0, 0);
    u32 signature = cpuid(1, 0).eax, family = signature >> 8 & 0xf;
    u32 cpu = version->xen_cpuid;

    *version = (struct xenpf_pcpu_version){.xen_cpuid = cpu, .max_present = host_topology->nr_cpus - 1};
    if (!is_up(cpu))
        return;
    memcpy(version->vendor_id, &name.ebx, 4);
    memcpy(version->vendor_id + 4, &name.edx, 4);
    memcpy(version->vendor_id + 8, &name.ecx, 4);
    version->family = family == 0xf ? family + (signature >> 20 & 0xff) : family;
    version->model = signature >> 4 & 0xf;
    if (family == 0xf || family == 6)
        version->model |= signature >> 12 & 0xf0;
    version->stepping = signature & 0xf;
}

long hc_platform_op(struct hypercall *c)
{
    struct xen_platform_op op;

    long rc = copy_from_guest(c->v, &op, c->arg[0], sizeof(op));
    if (rc)
        return rc;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    switch (op.cmd) {
    case XENPF_settime32:
        return set_time(op.u.settime32.secs, op.u.settime32.nsecs, op.u.settime32.system_time);
    case XENPF_settime64:
        return op.u.settime64.mbz
                   ? -EINVAL
                   : set_time(op.u.settime64.secs, op.u.settime64.nsecs, op.u.settime64.system_time);
    case XENPF_firmware_info:
        return firmware_info(&op.u.firmware_info);
    case XENPF_get_cpuinfo:
        get_cpuinfo(&op.u.pcpu_info);
        break;
    case XENPF_get_cpu_version:
        get_cpu_version(&op.u.pcpu_version);
        break;
    default:
        return -ENOSYS;
    }
    return copy_to_guest(c->v, c->arg[0], &op, sizeof(op));
}
