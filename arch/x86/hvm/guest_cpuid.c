/*
 * The CPUID policy, see guest_cpuid.h. Each vCPU is a package of its own with one core and one thread: the
 * topology leaves (1, 0xB, 0x80000008) agree on that.
 *
 * Hidden although the CPU may have them: SVM and VMX (no nesting), XSAVE with AVX and PKU (only x87 and SSE
 * are switched; guest_cr.c keeps the rest unreachable), RDTSCP and RDPID (TSC_AUX is not switched), MONITOR (intercepted), LA57, PCID, CET, SGX,
 * MPX, PMU, MSRs of speculation control, TSC deadline timer (the APIC's timer does not have that mode).
 */
#include <arch/x86/hvm/guest_cpuid.h>

#include <arch/x86/cpu/time.h>
#include <arch/x86/hvm/hvm.h>

#define MAX_BASIC_LEAF    0xdu
#define MAX_EXTENDED_LEAF 0x80000008u
#define XEN_BASE          0x40000000u
#define XEN_MAX_LEAF      (XEN_BASE + 5)
#define XEN_VERSION       0x00040011u /* 4.17 */
#define XEN_MSR_HYPERCALL 0x40000000u
#define GUEST_ADDR_BITS   48u /* np_table has four levels */

#define HYPERVISOR_BIT BIT(31) /* 1 ECX */
#define X2APIC_BIT     BIT(21)
#define APIC_BIT       BIT(9) /* 1 EDX */

/* Leaf 1 EDX: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE
 * SSE2. Leaf 0x80000001 EDX repeats those of bits 0-9, 12-17, 23 and 24. */
#define KNOWN_1_EDX \
    (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(11) | \
     BIT(12) | BIT(13) | BIT(14) | BIT(15) | BIT(16) | BIT(17) | BIT(19) | BIT(23) | BIT(24) | BIT(25) | \
     BIT(26))
/* SSE3 PCLMULQDQ SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND */
#define KNOWN_1_ECX \
    (BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(30))
/* FSGSBASE BMI1 FDP_EXCPTN_ONLY SMEP BMI2 ERMS RDSEED ADX SMAP CLFLUSHOPT CLWB SHA */
#define KNOWN_7_EBX \
    (BIT(0) | BIT(3) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(18) | BIT(19) | BIT(20) | BIT(23) | BIT(24) | \
     BIT(29))
/* UMIP MOVDIRI MOVDIR64B */
#define KNOWN_7_ECX  (BIT(2) | BIT(27) | BIT(28))
/* FSRM */
#define KNOWN_7_EDX  BIT(4)
/* LAHF ABM SSE4A MISALIGNSSE 3DNOWPREFETCH */
#define KNOWN_81_ECX (BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* as leaf 1, and SYSCALL NX MMXEXT PAGE1GB LM 3DNOWEXT 3DNOW */
#define KNOWN_81_EDX \
    ((KNOWN_1_EDX & 0x0183f3ffu) | BIT(11) | BIT(20) | BIT(22) | BIT(26) | BIT(29) | BIT(30) | BIT(31))
#define INVARIANT_TSC BIT(8) /* 0x80000007 EDX */
#define CLZERO        BIT(0) /* 0x80000008 EBX */

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

static u32 text_word(const char *text, u32 word)
{
    u32 value;

    __builtin_memcpy(&value, text + 4 * (size_t)word, sizeof(value));
    return value;
}

static void leaf_vendor(u32 max, struct cpuid_leaf *out)
{
    *out = hvm_ops->cpuid(0, 0);
    out->eax = max;
}

static struct cpuid_leaf features(struct cpuid_leaf host, u64 ebx, u64 ecx, u64 edx)
{
    return (struct cpuid_leaf){
        .ebx = host.ebx & (u32)ebx, .ecx = host.ecx & (u32)ecx, .edx = host.edx & (u32)edx};
}

struct cpuid_leaf hvm_guest_features(u32 leaf)
{
    switch (host_has_leaf(leaf) ? leaf : 0) {
    case 1:
        return features(hvm_ops->cpuid(leaf, 0), 0, KNOWN_1_ECX, KNOWN_1_EDX);
    case 7:
        return features(hvm_ops->cpuid(leaf, 0), KNOWN_7_EBX, KNOWN_7_ECX, KNOWN_7_EDX);
    case 0x80000001u:
        return features(hvm_ops->cpuid(leaf, 0), 0, KNOWN_81_ECX, KNOWN_81_EDX);
    default:
        return (struct cpuid_leaf){0};
    }
}

/* The APIC's bit, which two leaves have, is clear while IA32_APIC_BASE disables the APIC. */
static u32 hidden_apic(const struct hvm_vcpu *v)
{
    return v->apic.base & APIC_BASE_ENABLE ? 0 : (u32)APIC_BIT;
}

static void leaf_1(const struct hvm_vcpu *v, struct cpuid_leaf *out)
{
    struct cpuid_leaf host = hvm_ops->cpuid(1, 0);

    *out = hvm_guest_features(1);
    out->eax = host.eax;
    out->ebx =
        (host.ebx & 0xff00u) | 1u << 16 | (hvm_apic_id(v->vcpu_id) & 0xff) << 24; /* CLFLUSH size stays */
    out->ecx |= (u32)(X2APIC_BIT | HYPERVISOR_BIT);
    out->edx &= ~hidden_apic(v);
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

static void leaf_80000001(const struct hvm_vcpu *v, struct cpuid_leaf *out)
{
    struct cpuid_leaf host = hvm_ops->cpuid(0x80000001u, 0);

    *out = hvm_guest_features(0x80000001u);
    out->eax = host.eax;
    out->ebx = host.ebx;
    out->edx &= ~hidden_apic(v);
}

static void leaf_80000008(struct cpuid_leaf *out)
{
    struct cpuid_leaf host = hvm_ops->cpuid(0x80000008u, 0);
    u32 physical = MIN(host.eax & 0xff, GUEST_ADDR_BITS);
    u32 linear = MIN(host.eax >> 8 & 0xff, GUEST_ADDR_BITS); /* five levels are not offered */

    out->eax = physical | linear << 8;
    out->ebx = host.ebx & (u32)CLZERO;
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

static void leaf_xen(const struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    static const char signature[] = "XenVMMXenVMM";

    switch (leaf - XEN_BASE) {
    case 0:
        *out = (struct cpuid_leaf){XEN_MAX_LEAF, text_word(signature, 0), text_word(signature, 1),
                                   text_word(signature, 2)};
        break;
    case 1:
        out->eax = XEN_VERSION;
        break;
    case 2:
        out->eax = 1; /* pages */
        out->ebx = XEN_MSR_HYPERCALL;
        break;
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
    if (leaf > 0x80000000u && leaf <= MAX_EXTENDED_LEAF && !host_has_leaf(leaf))
        return;

    switch (leaf) {
    case 0:
        leaf_vendor(MAX_BASIC_LEAF, out);
        break;
    case 1:
        leaf_1(v, out);
        break;
    case 7:
        if (subleaf == 0)
            *out = hvm_guest_features(7); /* and EAX: no more subleaves */
        break;
    case 0xb:
        leaf_b(v, subleaf, out);
        break;
    case 0x80000000u:
        leaf_vendor(MAX_EXTENDED_LEAF, out);
        break;
    case 0x80000001u:
        leaf_80000001(v, out);
        break;
    case 0x80000002u ... 0x80000006u: /* brand string, caches */
        *out = hvm_ops->cpuid(leaf, 0);
        break;
    case 0x80000007u:
        out->edx = hvm_ops->cpuid(leaf, 0).edx & (u32)INVARIANT_TSC;
        break;
    case 0x80000008u:
        leaf_80000008(out);
        break;
    }
}

/* leaf_cpu(), which calls hvm_ops->cpuid(), is not inlined: the Xen leaves then need no saved registers. */
void hvm_guest_cpuid(struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    *out = (struct cpuid_leaf){0};
    if (leaf >= XEN_BASE && leaf < XEN_BASE + 0x10000)
        leaf_xen(v, leaf, subleaf, out);
    else
        leaf_cpu(v, leaf, subleaf, out);
}
