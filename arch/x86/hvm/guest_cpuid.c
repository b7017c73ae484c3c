/*
 * CPUID, see guest_cpuid.h: the domain's policy, with what depends on the vCPU (the APIC's id, and whether it is
 * enabled), and Xen's leaves.
 */
#include <arch/x86/hvm/guest_cpuid.h>

#include <arch/x86/cpu/time.h>
#include <arch/x86/hvm/hvm.h>

#define APIC_BIT      BIT(9) /* 1 EDX */
#define INVARIANT_TSC BIT(8) /* 0x80000007 EDX */

/* 0x40000004 EAX */
#define XEN_HVM_IOMMU_MAPPINGS  BIT(2)
#define XEN_HVM_VCPU_ID_PRESENT BIT(3)
#define XEN_HVM_DOMID_PRESENT   BIT(4)
#define XEN_HVM_UPCALL_VECTOR   BIT(6)
#define XEN_TSC_SAFE            BIT(1) /* 0x40000003.0 EAX: the TSC runs evenly on all CPUs */

static bool host_has_leaf(u32 leaf)
{
    return hvm_ops->cpuid(leaf & 0x80000000u, 0).eax >= leaf;
}

/* The APIC's bit, which two leaves have, is clear while IA32_APIC_BASE disables the APIC. */
static u32 hidden_apic(const struct hvm_vcpu *v)
{
    return v->apic.base & APIC_BASE_ENABLE ? 0 : (u32)APIC_BIT;
}

/* Extended topology: one thread, one core; EDX is the x2APIC id in every subleaf. */
static void leaf_b(const struct hvm_vcpu *v, u32 subleaf, struct cpuid_leaf *out)
{
    out->ecx = subleaf & 0xff;
    out->edx = hvm_apic_id(v->vcpu_id);
    if (subleaf < 2) {
        out->ebx = 1;
        out->ecx |= (subleaf + 1) << 8; /* level type: 1 thread, 2 core */
    }
}

/* Xen's leaf 3: how the guest's TSC relates to time. It is the host's: mode 0, nothing emulated, offset 0. */
static __attribute__((noinline)) void leaf_xen_tsc(u32 subleaf, struct cpuid_leaf *out)
{
    u32 mul;
    s8 shift;

    switch (subleaf) {
    case 0:
        if (host_has_leaf(0x80000007u) && (hvm_ops->cpuid(0x80000007u, 0).edx & INVARIANT_TSC))
            out->eax = XEN_TSC_SAFE;
        out->ecx = (u32)tsc_khz;
        break;
    case 1:
        time_pvclock_scale(&mul, &shift);
        out->ecx = mul;
        out->edx = (u32)(s32)shift;
        break;
    case 2:
        out->eax = (u32)tsc_khz;
        break;
    }
}

/* Xen's leaves that are not in the policy. */
static __attribute__((noinline)) void leaf_xen(const struct hvm_vcpu *v, u32 leaf, u32 subleaf,
                                               struct cpuid_leaf *out)
{
    if (leaf - CPUID_XEN > v->policy->xen_limit)
        return;
    switch (leaf - CPUID_XEN) {
    case 3:
        leaf_xen_tsc(subleaf, out);
        break;
    case 4:
        if (subleaf)
            break;
        out->eax = (u32)(XEN_HVM_IOMMU_MAPPINGS | XEN_HVM_VCPU_ID_PRESENT | XEN_HVM_DOMID_PRESENT |
                         XEN_HVM_UPCALL_VECTOR);
        out->ebx = v->vcpu_id;
        out->ecx = v->domid;
        break;
    }
}

/* Leaves of the CPU itself. *out is zero. */
static __attribute__((noinline)) void leaf_cpu(const struct hvm_vcpu *v, u32 leaf, u32 subleaf,
                                               struct cpuid_leaf *out)
{
    const struct cpu_policy *p = v->policy;
    u32 extended = leaf - CPUID_EXTENDED;

    if (extended < CPU_POLICY_EXTENDED) {
        *out = p->extended[extended];
        if (extended == 1)
            out->edx &= ~hidden_apic(v);
    } else if (leaf == 0xb) {
        if (p->basic[0].eax >= 0xb)
            leaf_b(v, subleaf, out);
    } else if (leaf < CPU_POLICY_BASIC && !(subleaf && (leaf == 4 || leaf == 7 || leaf == 0xd))) {
        *out = p->basic[leaf];
        if (leaf == 1) {
            out->ebx = (out->ebx & 0xffffffu) | (hvm_apic_id(v->vcpu_id) & 0xff) << 24;
            out->edx &= ~hidden_apic(v);
        }
    }
}

/* The others are not inlined: what is in the policy then needs no saved registers. */
void hvm_guest_cpuid(struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    u32 xen = leaf - CPUID_XEN;

    if (xen < CPU_POLICY_XEN) {
        *out = v->policy->xen[xen];
        return;
    }
    *out = (struct cpuid_leaf){0};
    if (xen < 0x10000)
        leaf_xen(v, leaf, subleaf, out);
    else
        leaf_cpu(v, leaf, subleaf, out);
}
