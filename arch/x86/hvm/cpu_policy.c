/*
 * The host's maximum, and changes of policies: see cpu_policy.h. Each vCPU is a package of its own with one core and one
 * thread: the topology leaves (1, 0xB, 0x80000008) agree on that. Xen's toolstack makes it a package of two threads of
 * which one is there, which the maximum therefore allows.
 *
 * Hidden although the CPU may have them: SVM and VMX (no nesting), XSAVE with AVX and PKU (only x87 and SSE
 * are switched; guest_cr.c keeps the rest unreachable), RDTSCP and RDPID (TSC_AUX is not switched), MONITOR (intercepted),
 * LA57, PCID, CET, SGX, MPX, PMU, TSX, TSC deadline timer (the APIC's timer does not have that mode). Of speculation
 * control what needs no register of the guest's: docs/hypervisor-guide/spec-ctrl.md.
 */
#include <arch/x86/hvm/cpu_policy.h>

#include <arch/x86/cpu/spec_ctrl.h>
#include <arch/x86/hvm/guest_cr.h>
#include <arch/x86/hvm/hvm.h>
#include <homestead/errno.h>
#include <homestead/init.h>

#define MAX_BASIC_LEAF    (CPU_POLICY_BASIC - 1)
#define MAX_EXTENDED_LEAF (CPUID_EXTENDED + CPU_POLICY_EXTENDED - 1)
#define XEN_LIMIT         5u
#define XEN_VERSION       0x00040011u /* 4.17 */
#define XEN_MSR_HYPERCALL 0x40000000u
#define SIGNATURE         0x566e6558u, 0x65584d4du, 0x4d4d566eu /* XenVMMXenVMM */
#define GUEST_ADDR_BITS   48u                                   /* np_table has four levels */

/* How many subleaves the serialised form has, and leaves that are zero in every policy here. */
#define SUBLEAVES_4   6u
#define SUBLEAVES_7   3u
#define SUBLEAVES_B   2u
#define SUBLEAVES_D   63u
#define EXTENDED_FORM 0x22u

#define HYPERVISOR_BIT BIT(31) /* 1 ECX */
#define HTT_BIT        BIT(28) /* 1 EDX */

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
/* FSRM MD_CLEAR: VERW is the guest's own */
#define KNOWN_7_EDX  (BIT(4) | CPUID7_EDX_MD_CLEAR)
/* LAHF ABM SSE4A MISALIGNSSE 3DNOWPREFETCH */
#define KNOWN_81_ECX (BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* as leaf 1, and SYSCALL NX MMXEXT PAGE1GB LM 3DNOWEXT 3DNOW */
#define KNOWN_81_EDX \
    ((KNOWN_1_EDX & 0x0183f3ffu) | BIT(11) | BIT(20) | BIT(22) | BIT(26) | BIT(29) | BIT(30) | BIT(31))
#define INVARIANT_TSC BIT(8) /* 0x80000007 EDX */
/* 0x80000008 EBX: CLZERO IBPB */
#define KNOWN_88_EBX  (BIT(0) | CPUID88_EBX_IBPB)

static struct cpu_policy maximum, initial; /* [I] */

const struct cpu_policy *cpu_policy_max(void)
{
    return &maximum;
}

const struct cpu_policy *cpu_policy_default(void)
{
    return &initial;
}

/* What follows from the leaves. Xen's first three are always there, as guests need them. */
static void derive(struct cpu_policy *p)
{
    p->xen_limit = p->xen_leaves ? MIN(MAX(p->xen_leaves, CPU_POLICY_XEN - 1), XEN_LIMIT) : XEN_LIMIT;
    p->xen[0] = (struct cpuid_leaf){CPUID_XEN + p->xen_limit, SIGNATURE};
    p->xen[1] = (struct cpuid_leaf){.eax = XEN_VERSION};
    p->xen[2] = (struct cpuid_leaf){.eax = 1 /* page */, .ebx = XEN_MSR_HYPERCALL};
    hvm_guest_set_allowed(p);
}

static INIT struct cpuid_leaf host(u32 leaf)
{
    u32 limit = hvm_ops->cpuid(leaf & CPUID_EXTENDED, 0).eax;

    return limit >= leaf ? hvm_ops->cpuid(leaf, 0) : (struct cpuid_leaf){0};
}

static INIT struct cpuid_leaf vendor(u32 limit)
{
    struct cpuid_leaf out = hvm_ops->cpuid(0, 0);

    out.eax = limit;
    return out;
}

static INIT struct cpuid_leaf features(u32 leaf, u64 ebx, u64 ecx, u64 edx)
{
    struct cpuid_leaf l = host(leaf);

    return (struct cpuid_leaf){.ebx = l.ebx & (u32)ebx, .ecx = l.ecx & (u32)ecx, .edx = l.edx & (u32)edx};
}

INIT void cpu_policy_init(void)
{
    struct cpuid_leaf one = host(1), extended_one = host(CPUID_EXTENDED + 1),
                      sizes = host(CPUID_EXTENDED + 8);
    struct cpu_policy *p = &initial;

    *p = (struct cpu_policy){0};
    p->basic[0] = vendor(MAX_BASIC_LEAF);
    p->basic[1] = features(1, 0, KNOWN_1_ECX, KNOWN_1_EDX);
    p->basic[1].eax = one.eax;
    p->basic[1].ebx = (one.ebx & 0xff00u) | 1u << 16; /* CLFLUSH size stays; one thread */
    p->basic[1].ecx |= (u32)(CPUID_X2APIC | HYPERVISOR_BIT);
    p->basic[7] = features(7, KNOWN_7_EBX, KNOWN_7_ECX, KNOWN_7_EDX);

    p->extended[0] = vendor(MAX_EXTENDED_LEAF);
    p->extended[1] = features(CPUID_EXTENDED + 1, 0, KNOWN_81_ECX, KNOWN_81_EDX);
    p->extended[1].eax = extended_one.eax;
    p->extended[1].ebx = extended_one.ebx;
    for (u32 i = 2; i <= 6; i++) /* brand string, caches */
        p->extended[i] = host(CPUID_EXTENDED + i);
    p->extended[7] = features(CPUID_EXTENDED + 7, 0, 0, INVARIANT_TSC);
    p->extended[8] = features(CPUID_EXTENDED + 8, KNOWN_88_EBX, 0, 0);
    p->extended[8].eax = MIN(sizes.eax & 0xff, GUEST_ADDR_BITS) | MIN(sizes.eax >> 8 & 0xff, GUEST_ADDR_BITS)
                                                                      << 8; /* five levels are not offered */
    derive(p);

    maximum = *p;
    maximum.basic[1].edx |= (u32)HTT_BIT;
}

/* --- changes --- */

/* Of leaves with subleaves their number in the serialised form, 0: it has none. */
static u32 subleaves_of(u32 leaf)
{
    switch (leaf) {
    case 4:
        return SUBLEAVES_4;
    case 7:
        return SUBLEAVES_7;
    case 0xb:
        return SUBLEAVES_B;
    case 0xd:
        return SUBLEAVES_D;
    default:
        return 0;
    }
}

static struct cpuid_leaf registers(const xen_cpuid_leaf_t *leaf)
{
    return (struct cpuid_leaf){leaf->a, leaf->b, leaf->c, leaf->d};
}

static int add_basic(struct cpu_policy_change *change, const xen_cpuid_leaf_t *leaf)
{
    u32 nr = subleaves_of(leaf->leaf);

    if (nr ? leaf->subleaf >= nr : leaf->subleaf != XEN_CPUID_NO_SUBLEAF)
        return -ERANGE;
    if (nr && leaf->subleaf)
        return 0;
    change->to.basic[leaf->leaf] = registers(leaf);
    change->basic |= 1u << leaf->leaf;
    return 0;
}

int cpu_policy_add(struct cpu_policy_change *change, const xen_cpuid_leaf_t *leaf)
{
    u32 extended = leaf->leaf - CPUID_EXTENDED;

    if (leaf->leaf < CPU_POLICY_BASIC)
        return add_basic(change, leaf);
    if (leaf->subleaf != XEN_CPUID_NO_SUBLEAF)
        return -ERANGE;
    if (leaf->leaf == CPUID_XEN) {
        change->to.xen_leaves = leaf->a & 0xff;
        change->xen = true;
    } else if (leaf->leaf == CPUID_XEN_OTHER) {
        change->to.xen_other_leaves = leaf->a & 0xff;
        change->xen_other = true;
    } else if (extended < CPU_POLICY_EXTENDED) {
        change->to.extended[extended] = registers(leaf);
        change->extended |= 1u << extended;
    } else if (extended >= EXTENDED_FORM) {
        return -ERANGE;
    }
    return 0;
}

int cpu_policy_check_msr(const xen_msr_entry_t *msr)
{
    xen_msr_entry_t known;

    if (msr->flags)
        return -EINVAL;
    for (u32 i = 0; i < CPU_POLICY_MSRS; i++) {
        cpu_policy_msr(i, &known);
        if (msr->idx == known.idx)
            return msr->val == known.val ? 0 : msr->val >> 32 ? -EOVERFLOW : -EINVAL;
    }
    return -ERANGE;
}

/* Bits that say nothing about what the CPU can do, and so can be anything: model, brand, caches, topology. The APIC's id
 * (1 EBX 31:24) is the vCPU's in any case. */
static const struct cpuid_leaf free_basic[CPU_POLICY_BASIC] = {[1] = {~0u, ~0u, 0, 0}};
static const struct cpuid_leaf free_extended[CPU_POLICY_EXTENDED] = {
    [1] = {~0u, ~0u, 0, 0},
    [2 ... 6] = {~0u, ~0u, ~0u, ~0u},
    [8] = {0xffff, 0, 0xf0ff, 0}, /* EAX is compared by size: sizes_within() */
};

/* A limit of leaves, and the make: what a guest chooses the hypercall's instruction by. */
static bool vendor_valid(const struct cpuid_leaf *l, const struct cpuid_leaf *max, u32 first)
{
    return l->eax >= first && l->eax <= max->eax && l->ebx == max->ebx && l->ecx == max->ecx &&
           l->edx == max->edx;
}

static bool bits_within(const struct cpuid_leaf *l, const struct cpuid_leaf *max,
                        const struct cpuid_leaf *is_free)
{
    return !(l->eax & ~max->eax & ~is_free->eax) && !(l->ebx & ~max->ebx & ~is_free->ebx) &&
           !(l->ecx & ~max->ecx & ~is_free->ecx) && !(l->edx & ~max->edx & ~is_free->edx);
}

static bool sizes_within(u32 eax, u32 max)
{
    return (eax & 0xff) <= (max & 0xff) && (eax >> 8 & 0xff) <= (max >> 8 & 0xff);
}

static int check(const struct cpu_policy *p, u32 *leaf, u32 *subleaf)
{
    for (u32 i = 0; i < CPU_POLICY_BASIC; i++)
        if (i == 0 ? !vendor_valid(&p->basic[0], &maximum.basic[0], 0)
                   : !bits_within(&p->basic[i], &maximum.basic[i], &free_basic[i])) {
            *leaf = i;
            *subleaf = subleaves_of(i) ? 0 : XEN_CPUID_NO_SUBLEAF;
            return -EINVAL;
        }
    for (u32 i = 0; i < CPU_POLICY_EXTENDED; i++)
        if (i == 0 ? !vendor_valid(&p->extended[0], &maximum.extended[0], CPUID_EXTENDED)
                   : !bits_within(&p->extended[i], &maximum.extended[i], &free_extended[i]) ||
                         (i == 8 && !sizes_within(p->extended[8].eax, maximum.extended[8].eax))) {
            *leaf = CPUID_EXTENDED + i;
            *subleaf = XEN_CPUID_NO_SUBLEAF;
            return -EINVAL;
        }
    return 0;
}

/* Leaves above the limits are nobody's. */
static void trim(struct cpu_policy *p)
{
    for (u32 i = 1; i < CPU_POLICY_BASIC; i++)
        if (i > p->basic[0].eax)
            p->basic[i] = (struct cpuid_leaf){0};
    for (u32 i = 1; i < CPU_POLICY_EXTENDED; i++)
        if (CPUID_EXTENDED + i > p->extended[0].eax)
            p->extended[i] = (struct cpuid_leaf){0};
}

int cpu_policy_change(struct cpu_policy *p, const struct cpu_policy_change *change, u32 *leaf, u32 *subleaf)
{
    for (u32 i = 0; i < CPU_POLICY_BASIC; i++)
        if (change->basic >> i & 1)
            p->basic[i] = change->to.basic[i];
    for (u32 i = 0; i < CPU_POLICY_EXTENDED; i++)
        if (change->extended >> i & 1)
            p->extended[i] = change->to.extended[i];
    if (change->xen)
        p->xen_leaves = change->to.xen_leaves;
    if (change->xen_other)
        p->xen_other_leaves = change->to.xen_other_leaves;
    trim(p);
    int rc = check(p, leaf, subleaf);
    if (!rc)
        derive(p);
    return rc;
}
