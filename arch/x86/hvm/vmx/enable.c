/*
 * Finding and enabling VMX: the boot CPU's capabilities decide (capability.h, ept.h), and each further CPU must have the
 * same. Source: SDM 3C 24.7 (IA32_FEATURE_CONTROL), 24.8 (CR0 and CR4), 3D appendix A.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/mtrr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/hvm/vmx/ept.h>
#include <arch/x86/hvm/vmx/flush.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

#define CPUID_VMX    BIT(5)  /* 1 ECX */
#define CPUID_RDTSCP BIT(27) /* 0x80000001 EDX */
#define CR4_VMXE     BIT(13)
#define VPID_MAX     0xffffu

/* Capability MSRs, SDM 3D A.1 to A.10 */
#define MSR_VMX_BASIC      0x480u
#define MSR_VMX_PIN        0x481u
#define MSR_VMX_PRIMARY    0x482u
#define MSR_VMX_EXIT       0x483u
#define MSR_VMX_ENTRY      0x484u
#define MSR_VMX_MISC       0x485u
#define MSR_VMX_CR0_FIXED0 0x486u
#define MSR_VMX_CR0_FIXED1 0x487u
#define MSR_VMX_CR4_FIXED0 0x488u
#define MSR_VMX_CR4_FIXED1 0x489u
#define MSR_VMX_SECONDARY  0x48bu
#define MSR_VMX_TRUE_PIN   0x48du /* primary, exit, entry follow */
#define BASIC_HAS_TRUE     BIT(55)

/* hvm_page_maddr[] of a CPU */
enum { VMXON_PAGE };

struct vmx_settings vmx_settings;
static struct vmx_capabilities boot_capabilities; /* [I] */

static struct vmx_capabilities read_capabilities(void)
{
    struct vmx_capabilities c = {.vmx = cpuid(1, 0).ecx & CPUID_VMX};

    if (!c.vmx)
        return c;
    c.maddr_bits = cpuid(0x80000008u, 0).eax & 0xff;
    c.feature_control = rdmsr(MSR_IA32_FEATURE_CONTROL);
    c.basic = rdmsr(MSR_VMX_BASIC);
    bool has_true = c.basic & BASIC_HAS_TRUE;
    c.pin = rdmsr(has_true ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN);
    c.primary = rdmsr(has_true ? MSR_VMX_TRUE_PIN + 1 : MSR_VMX_PRIMARY);
    c.exit = rdmsr(has_true ? MSR_VMX_TRUE_PIN + 2 : MSR_VMX_EXIT);
    c.entry = rdmsr(has_true ? MSR_VMX_TRUE_PIN + 3 : MSR_VMX_ENTRY);
    c.misc = rdmsr(MSR_VMX_MISC);
    c.cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
    c.cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
    c.cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
    c.cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
    if (c.primary >> 32 & PRIMARY_SECONDARY) {
        c.secondary = rdmsr(MSR_VMX_SECONDARY);
        if (c.secondary >> 32 & (SECONDARY_EPT | SECONDARY_VPID))
            c.ept_vpid = rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
    }
    return c;
}

bool vmx_probe(const char **why)
{
    boot_capabilities = read_capabilities();
    *why = vmx_decide(&boot_capabilities, &vmx_settings);
    if (!*why)
        *why = ept_choose(boot_capabilities.ept_vpid, mtrr_ram_type, hvm_exec_large);
    if (*why)
        return false;
    vmx_fields_init();
    return true;
}

/* FXSAVE must include SSE, as on AMD. */
static void set_control_registers(void)
{
    write_cr0(((read_cr0() & ~(CR0_TS | CR0_EM)) | CR0_MP | vmx_settings.cr0_must) & vmx_settings.cr0_may);
    write_cr4((read_cr4() | CR4_OSFXSR | CR4_VMXE | vmx_settings.cr4_must) & vmx_settings.cr4_may);
}

int vmx_cpu_enable(void)
{
    struct cpu *cpu = this_cpu();
    const struct vmx_capabilities c = read_capabilities();
    const char *why = vmx_misfit(&vmx_settings, &c);

    if (!why && !ept_same(boot_capabilities.ept_vpid, c.ept_vpid))
        why = "its EPT can do less than the boot CPU's";
    if (why) {
        log_warn("CPU %u is left out: %s\n", cpu->id, why);
        return -ENODEV;
    }
    if (!(rdmsr(MSR_IA32_FEATURE_CONTROL) & FEATURE_CONTROL_LOCK))
        wrmsr(MSR_IA32_FEATURE_CONTROL,
              rdmsr(MSR_IA32_FEATURE_CONTROL) | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
    set_control_registers();
    if (cpuid(0x80000001u, 0).edx & CPUID_RDTSCP)
        wrmsr(MSR_TSC_AUX, 0);

    u64 region = cpu->hvm_page_maddr[VMXON_PAGE];
    *(u32 *)maddr_to_virt(region) = vmx_settings.revision;
    if (!vmxon(region))
        return -ENODEV;
    vmx_flush_all();
    cpu->asid_max = VPID_MAX; /* 0 is the host's */
    cpu->asid_next = 1;
    cpu->asid_generation = 1;
    return 0;
}

/* Linux uses VMMCALL for AMD and Hygon. */
struct cpuid_leaf vmx_cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf out = cpuid(leaf, subleaf);
    u32 vendor[3] = {out.ebx, out.edx, out.ecx};

    if (leaf == 0 && (!memcmp(vendor, "AuthenticAMD", sizeof(vendor)) ||
                      !memcmp(vendor, "HygonGenuine", sizeof(vendor)))) {
        memcpy(vendor, "GenuineIntel", sizeof(vendor));
        out.ebx = vendor[0];
        out.edx = vendor[1];
        out.ecx = vendor[2];
    }
    return out;
}
