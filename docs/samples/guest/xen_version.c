/* Who is the hypervisor? First CPUID, which needs no hypercall, then xen_version. */
#include <docs/samples/guest/samples.h>

#include <lib/string.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/version.h>

static long xen_version(u32 cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_xen_version, cmd, arg);
}

int xen_version_sample(void)
{
    struct cpuid_regs id = cpuid(XEN_CPUID_FIRST_LEAF, 0), version = cpuid(XEN_CPUID_FIRST_LEAF + 1, 0);
    struct xen_feature_info features = {.submap_idx = 0};
    xen_extraversion_t extra = "";

    if (id.ebx != XEN_CPUID_SIGNATURE_EBX || id.ecx != XEN_CPUID_SIGNATURE_ECX ||
        id.edx != XEN_CPUID_SIGNATURE_EDX)
        return -ENODEV;
    if (xen_version(XENVER_version, NULL) != version.eax) /* both are major << 16 | minor */
        return SURPRISE;
    long rc = xen_version(XENVER_extraversion, extra);
    if (!rc)
        rc = xen_version(XENVER_get_features, &features);
    if (rc)
        return (int)rc;
    printf("samples: version %u.%u%s, features %#x\n", version.eax >> 16, version.eax & 0xffff, extra,
           features.submap);
    bool is_homestead = strcmp(extra, ".0-homestead") == 0;
    return is_homestead && features.submap & 1u << XENFEAT_dom0 ? 0 : SURPRISE;
}
