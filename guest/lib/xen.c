/* Detects the hypervisor: its CPUID leaves (docs/guest-guide/pvh-entry.md), which instruction calls it, and the
 * hypercall page, which older guests need and which is therefore checked on every start. */
#include <guest/lib/internal.h>
#include <guest/lib/hypercall.h>
#include <homestead/errno.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/version.h>

static void choose_instruction(void)
{
    struct cpuid_regs v = cpuid(0, 0);
    bool amd = v.ebx == 0x68747541 && v.edx == 0x69746e65 && v.ecx == 0x444d4163;   /* AuthenticAMD */
    bool hygon = v.ebx == 0x6f677948 && v.edx == 0x6e65476e && v.ecx == 0x656e6975; /* HygonGenuine */

    guest_env.is_intel = !amd && !hygon;
    hypercall_vmcall = guest_env.is_intel;
}

int xen_detect(void)
{
    u32 base = 0;

    for (u32 i = 0; i < 0x100 && !base; i++) {
        struct cpuid_regs r = cpuid(XEN_CPUID_FIRST_LEAF + i * 0x100, 0);
        if (r.ebx == XEN_CPUID_SIGNATURE_EBX && r.ecx == XEN_CPUID_SIGNATURE_ECX &&
            r.edx == XEN_CPUID_SIGNATURE_EDX && r.eax >= XEN_CPUID_FIRST_LEAF + i * 0x100 + 2)
            base = XEN_CPUID_FIRST_LEAF + i * 0x100;
    }
    if (!base)
        return -ENODEV;
    choose_instruction();
    guest_env.xen_base = base;
    guest_env.xen_version = cpuid(base + 1, 0).eax;
    guest_env.domid = DOMID_INVALID;

    u32 max = cpuid(base, 0).eax;
    if (max >= base + 3)
        guest_env.tsc_khz = cpuid(base + 3, 0).ecx;
    if (max >= base + 4) {
        struct cpuid_regs r = cpuid(base + 4, 0);
        if (r.eax & XEN_HVM_CPUID_DOMID_PRESENT)
            guest_env.domid = r.ecx;
    }
    if (!guest_env.tsc_khz)
        guest_env.tsc_khz = 1000000; /* 1 GHz: only timeouts depend on it */
    return 0;
}

int xen_check_hypercall_page(void)
{
    struct cpuid_regs r = cpuid(guest_env.xen_base + 2, 0);
    u64 gaddr = (u64)(uintptr_t)hypercall_page;

    if (r.eax < 1 || !r.ebx)
        return -EIO;
    __asm__ volatile("wrmsr" ::"c"(r.ebx), "a"((u32)gaddr), "d"((u32)(gaddr >> 32)) : "memory");
    long direct = hypercall2(__HYPERVISOR_xen_version, XENVER_version, NULL);
    long paged = hypercall_by_page(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
    return direct > 0 && direct == paged ? 0 : -EIO;
}
