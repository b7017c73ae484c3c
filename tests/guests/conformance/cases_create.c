/*
 * createdomain: accepted and refused configurations, and getdomaininfo of the new domain. Each domain
 * exists for one case. Ids and the argument itself: cases_create_ids.c.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <xen/domctl.h>

/* One case: creates a domain with this configuration and, on success, prints its information. */
static void attempt(const char *name, const struct xen_domctl_createdomain *config)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain, .u.createdomain = *config};
    xc_domaininfo_t info;

    case_begin();
    long rc = domctl(&op);
    if (rc || !domain_info(op.domain, &info)) {
        case_end("domctl.createdomain", name, rc, " domid=%u", op.domain);
        return;
    }
    case_end("domctl.createdomain", name, rc, " flags=%#x emu=%#x misc=%#x ssidref=%u pool=%u vcpus=%u/%d",
             info.flags, info.arch_config.emulation_flags, info.arch_config.misc_flags, info.ssidref,
             info.cpupool, info.nr_online_vcpus, (int)info.max_vcpu_id);
    domain_end(op.domain);
}

#define TRY(name, ...) \
    do { \
        struct xen_domctl_createdomain c = xc_domain_config(1); \
        __VA_ARGS__; \
        attempt(name, &c); \
    } while (0)

static void flags(void)
{
    TRY("good", (void)0);
    TRY("hvm_without_hap", c.flags = XEN_DOMCTL_CDF_hvm);
    TRY("hap_without_hvm", c.flags = XEN_DOMCTL_CDF_hap);
    TRY("s3_integrity", c.flags |= XEN_DOMCTL_CDF_s3_integrity);
    TRY("oos_off", c.flags |= XEN_DOMCTL_CDF_oos_off);
    TRY("oos_off_without_hap", c.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_oos_off);
    TRY("xs_domain", c.flags |= XEN_DOMCTL_CDF_xs_domain);
    TRY("iommu", c.flags |= XEN_DOMCTL_CDF_iommu);
    TRY("nested_virt", c.flags |= XEN_DOMCTL_CDF_nested_virt);
    TRY("nested_virt_without_hap", c.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_nested_virt);
    TRY("vpmu", c.flags |= XEN_DOMCTL_CDF_vpmu);
    TRY("flag_8", c.flags |= 1u << 8);
    TRY("flag_16", c.flags |= 1u << 16);
    TRY("flag_31", c.flags |= 1u << 31);
    TRY("all_flags", c.flags = ~0u);
    TRY("unknown_flag_without_hap", c.flags = XEN_DOMCTL_CDF_hvm | 1u << 8);
    TRY("iommu_opts_without_iommu", c.iommu_opts = XEN_DOMCTL_IOMMU_no_sharept);
    TRY("iommu_opts_unknown", c.flags |= XEN_DOMCTL_CDF_iommu, c.iommu_opts = 2);
    TRY("iommu_opts_unknown_without_iommu", c.iommu_opts = 2);
}

static void vcpus_and_events(void)
{
    TRY("vcpus_0", c.max_vcpus = 0);
    TRY("vcpus_2", c.max_vcpus = 2);
    TRY("vcpus_128", c.max_vcpus = 128);
    TRY("vcpus_129", c.max_vcpus = 129);
    TRY("vcpus_8192", c.max_vcpus = 8192);
    TRY("vcpus_all_ones", c.max_vcpus = ~0u);
    TRY("vcpus_0_unknown_flag", c.max_vcpus = 0, c.flags |= 1u << 8);
    TRY("vcpus_0_without_hap", c.max_vcpus = 0, c.flags = XEN_DOMCTL_CDF_hvm);
    TRY("evtchn_port_0", c.max_evtchn_port = 0);
    TRY("evtchn_port_4095", c.max_evtchn_port = 4095);
    TRY("evtchn_port_4096", c.max_evtchn_port = 4096);
    TRY("evtchn_port_131072", c.max_evtchn_port = 131072);
    TRY("evtchn_port_all_ones", c.max_evtchn_port = ~0u);
}

static void grants(void)
{
    TRY("grant_version_0", c.grant_opts = 0);
    TRY("grant_version_2", c.grant_opts = 2);
    TRY("grant_version_3", c.grant_opts = 3);
    TRY("grant_version_15", c.grant_opts = 15);
    TRY("grant_opts_bit_4", c.grant_opts = 1 | 1u << 4);
    TRY("grant_opts_bit_31", c.grant_opts = 1 | 1u << 31);
    TRY("grant_frames_0", c.max_grant_frames = 0);
    TRY("grant_frames_1", c.max_grant_frames = 1);
    TRY("grant_frames_64", c.max_grant_frames = 64);
    TRY("grant_frames_65", c.max_grant_frames = 65);
    TRY("grant_frames_default", c.max_grant_frames = -1);
    TRY("grant_frames_minus_2", c.max_grant_frames = -2);
    TRY("grant_frames_min", c.max_grant_frames = (s32)0x80000000);
    TRY("grant_frames_max", c.max_grant_frames = 0x7fffffff);
    TRY("maptrack_0", c.max_maptrack_frames = 0);
    TRY("maptrack_1024", c.max_maptrack_frames = 1024);
    TRY("maptrack_1025", c.max_maptrack_frames = 1025);
    TRY("maptrack_default", c.max_maptrack_frames = -1);
    TRY("maptrack_max", c.max_maptrack_frames = 0x7fffffff);
    TRY("no_grants_at_all", c.max_grant_frames = 0, c.max_maptrack_frames = 0);
    TRY("grant_version_0_unknown_pool", c.grant_opts = 0, c.cpupool_id = 7);
}

static void machine(void)
{
    TRY("emulate_nothing", c.arch.emulation_flags = 0);
    TRY("emulate_hpet_only", c.arch.emulation_flags = XEN_X86_EMU_HPET);
    TRY("emulate_lapic_and_ioapic", c.arch.emulation_flags = XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC);
    TRY("emulate_lapic_and_vpci", c.arch.emulation_flags = XEN_X86_EMU_LAPIC | XEN_X86_EMU_VPCI);
    TRY("emulate_lapic_and_pirq", c.arch.emulation_flags = XEN_X86_EMU_LAPIC | XEN_X86_EMU_USE_PIRQ);
    TRY("emulate_all_but_vpci", c.arch.emulation_flags = XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI);
    TRY("emulate_all_but_vpci_and_pirq",
        c.arch.emulation_flags = XEN_X86_EMU_ALL & ~(XEN_X86_EMU_VPCI | XEN_X86_EMU_USE_PIRQ));
    TRY("emulate_all_but_vpci_and_vga",
        c.arch.emulation_flags = XEN_X86_EMU_ALL & ~(XEN_X86_EMU_VPCI | XEN_X86_EMU_VGA));
    TRY("emulate_all", c.arch.emulation_flags = XEN_X86_EMU_ALL);
    TRY("emulate_bit_11", c.arch.emulation_flags = XEN_X86_EMU_LAPIC | 1u << 11);
    TRY("emulate_bit_31", c.arch.emulation_flags = XEN_X86_EMU_LAPIC | 1u << 31);
    TRY("emulate_bit_11_without_hap", c.flags = XEN_DOMCTL_CDF_hvm,
        c.arch.emulation_flags = XEN_X86_EMU_LAPIC | 1u << 11);
    TRY("misc_msr_relaxed", c.arch.misc_flags = XEN_X86_MSR_RELAXED);
    TRY("misc_bit_1", c.arch.misc_flags = 2);
    TRY("misc_bit_31", c.arch.misc_flags = 1u << 31);
    TRY("vmtrace", c.vmtrace_size = PAGE_SIZE);
    TRY("vmtrace_odd", c.vmtrace_size = PAGE_SIZE + 1);
    TRY("cpupool_1", c.cpupool_id = 1);
    TRY("cpupool_none", c.cpupool_id = ~0u);
    TRY("cpupool_1_grant_frames_0", c.cpupool_id = 1, c.max_grant_frames = 0);
    TRY("emulate_nothing_grant_frames_0", c.arch.emulation_flags = 0, c.max_grant_frames = 0);
    TRY("emulate_nothing_misc_bit_1", c.arch.emulation_flags = 0, c.arch.misc_flags = 2);
    TRY("ssidref", c.ssidref = 77);
}

void cases_create(void)
{
    flags();
    vcpus_and_events();
    grants();
    machine();
    create_ids();
    create_arguments();
}
