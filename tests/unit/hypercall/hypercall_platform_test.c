/* platform_op: CPUs by number, the clock of all domains, the BIOS; and the counters of shared memory. */
#include "calls.h"

#include <arch/x86/cpu/wall_clock.h>
#include <domain/internal.h>
#include <xen/platform.h>

static struct xen_platform_op pf;

static long platform(u32 cmd)
{
    pf.cmd = cmd;
    pf.interface_version = XENPF_INTERFACE_VERSION;
    long rc = hypercall(__HYPERVISOR_platform_op, PUT(ARG, pf), 0, 0);
    GET(ARG, pf);
    return rc;
}

CALL_TEST(platform_basics)
{
    pf = (struct xen_platform_op){.cmd = XENPF_get_cpuinfo, .interface_version = XENPF_INTERFACE_VERSION + 1};
    assert_int_equal(hypercall(__HYPERVISOR_platform_op, PUT(ARG, pf), 0, 0), -EACCES);
    assert_int_equal(hypercall(__HYPERVISOR_platform_op, 1ull << 46, 0, 0), -EFAULT);
    assert_int_equal(platform(999), -ENOSYS);
    assert_int_equal(platform(XENPF_get_cpuinfo), 0);
    call_from(1);
    assert_int_equal(platform(XENPF_get_cpuinfo), -EPERM);
    assert_int_equal(platform(XENPF_settime64), -EPERM);
}

CALL_TEST(cpus_by_number)
{
    topology.nr_cpus = 3;
    topology.cpus[0] = (struct topology_cpu){.apic_id = 5, .acpi_uid = 50};
    topology.cpus[1] = (struct topology_cpu){.apic_id = 6, .acpi_uid = 60};
    topology.cpus[2] = (struct topology_cpu){.apic_id = 7, .acpi_uid = 70};
    for (u32 cpu = 0; cpu < 3; cpu++) {
        pf.u.pcpu_info = (struct xenpf_pcpuinfo){.xen_cpuid = cpu};
        assert_int_equal(platform(XENPF_get_cpuinfo), 0);
        assert_int_equal(pf.u.pcpu_info.max_present, 2);
        assert_int_equal(pf.u.pcpu_info.apic_id, 5 + cpu);
        assert_int_equal(pf.u.pcpu_info.acpi_id, 50 + 10 * cpu);
        assert_int_equal(pf.u.pcpu_info.flags, cpus[cpu] ? XEN_PCPU_FLAGS_ONLINE : 0);
        pf.u.pcpu_version = (struct xenpf_pcpu_version){.xen_cpuid = cpu};
        assert_int_equal(platform(XENPF_get_cpu_version), 0);
        assert_int_equal(pf.u.pcpu_version.family != 0, cpus[cpu] != NULL);
        assert_int_equal(pf.u.pcpu_version.vendor_id[0] != 0, cpus[cpu] != NULL);
    }
    const u32 none[] = {3, 4, MAX_CPUS, ~0u};
    for_each_row (i, none) {
        pf.u.pcpu_info = (struct xenpf_pcpuinfo){.xen_cpuid = none[i], .apic_id = 77};
        assert_int_equal(platform(XENPF_get_cpuinfo), 0);
        assert_int_equal(pf.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
        assert_int_equal(pf.u.pcpu_info.apic_id, 77);
        pf.u.pcpu_version = (struct xenpf_pcpu_version){.xen_cpuid = none[i], .family = 77};
        assert_int_equal(platform(XENPF_get_cpu_version), 0);
        assert_int_equal(pf.u.pcpu_version.family, 0);
    }
}

CALL_TEST(a_clock_for_all_domains)
{
    const struct shared_info *s[] = {domain_shared_info(dom(0)), domain_shared_info(dom(1)),
                                     domain_shared_info(dom(2))};
    const s64 ahead[] = {0, -7, 3600};
    struct domain *later;

    for (u16 id = 0; id < 3; id++)
        domain_set_time_offset(dom(id), ahead[id]);
    for (u32 round = 0; round < 4; round++) {
        const u64 seconds = round % 2 ? 1800000000 : 1ull << 33;
        u32 version[3];

        for (u32 id = 0; id < 3; id++)
            version[id] = s[id]->wc_version;
        pf.u.settime64 = (struct xenpf_settime64){.secs = seconds, .nsecs = 5, .system_time = 1000000006};
        assert_int_equal(platform(XENPF_settime64), 0);
        for (u32 id = 0; id < 3; id++) {
            assert_int_equal(s[id]->wc_sec | (u64)s[id]->wc_sec_hi << 32, seconds - 2 + (u64)ahead[id]);
            assert_int_equal(s[id]->wc_nsec, 999999999);
            assert_int_equal(s[id]->wc_version, (version[id] | 1) + 1);
        }
    }
    pf.u.settime64 = (struct xenpf_settime64){.secs = 1, .mbz = 1};
    assert_int_equal(platform(XENPF_settime64), -EINVAL);
    pf.u.settime64 = (struct xenpf_settime64){.system_time = 1};
    assert_int_equal(platform(XENPF_settime64), -EINVAL);
    assert_int_equal(s[0]->wc_sec, 1800000000 - 2);
    pf.u.settime32 = (struct xenpf_settime32){.secs = 77, .nsecs = 8};
    assert_int_equal(platform(XENPF_settime32), 0);
    assert_int_equal(s[2]->wc_sec, 77 + 3600);

    const struct domain_config config = {.domid = 9, .max_vcpus = 1, .max_evtchn_port = 63};
    assert_int_equal(domain_create(&config, &later), 0);
    assert_int_equal(domain_shared_info(later)->wc_sec, 77);
    domain_put(later);
}

CALL_TEST(firmware)
{
    const long rc[] = {-EINVAL, -ESRCH, -ESRCH, -ESRCH, -ENOSYS, -ESRCH, -EINVAL};

    for_each_row (type, rc) {
        pf.u.firmware_info = (struct xenpf_firmware_info){.type = (u32)type};
        assert_int_equal(platform(XENPF_firmware_info), rc[type]);
    }
}

CALL_TEST(no_frame_is_shared)
{
    for (u32 cmd = XENMEM_get_sharing_freed_pages; cmd <= XENMEM_get_sharing_shared_pages; cmd++) {
        call_from(0);
        assert_int_equal(hypercall(__HYPERVISOR_memory_op, cmd, 0, 0), 0);
        assert_int_equal(hypercall(__HYPERVISOR_memory_op, cmd | 1 << 6, 0, 0), -ENOSYS);
        call_from(1);
        assert_int_equal(hypercall(__HYPERVISOR_memory_op, cmd, 0, 0), 0);
    }
}
