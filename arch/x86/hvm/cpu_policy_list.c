/*
 * A policy, or what this CPU has, as a list of leaves in ascending order and as Xen's feature words: see cpu_policy.h.
 * The list has the leaves up to the limits of leaves 0 and 0x80000000, and of leaves with subleaves the first and those
 * that follow it, as far as the format has room for them.
 */
#include <arch/x86/hvm/cpu_policy.h>

#include <arch/x86/hvm/hvm.h>

#define LAST_BASIC            0xdu
#define LAST_EXTENDED         0x80000021u
#define LAST_SUBLEAF_4        5u
#define LAST_SUBLEAF_7        2u
#define LAST_SUBLEAF_B        1u
#define LAST_SUBLEAF_D        62u
#define MSR_PLATFORM_INFO     0xceu
#define MSR_ARCH_CAPABILITIES 0x10au

static u32 limit_of(const struct cpu_policy *p, u32 first)
{
    if (!p)
        return hvm_ops->cpuid(first, 0).eax;
    return first ? p->extended[0].eax : p->basic[0].eax;
}

/* Of any leaf in the format. */
static struct cpuid_leaf get(const struct cpu_policy *p, u32 leaf, u32 subleaf)
{
    const struct cpuid_leaf none = {0};

    if (leaf == CPUID_XEN || leaf == CPUID_XEN_OTHER)
        return (struct cpuid_leaf){.eax = !p ? 0 : leaf == CPUID_XEN ? p->xen_leaves : p->xen_other_leaves};
    if (!p)
        return leaf <= limit_of(p, leaf & CPUID_EXTENDED) ? hvm_ops->cpuid(leaf, subleaf) : none;
    u32 index = leaf & ~CPUID_EXTENDED;
    if (subleaf || index >= (leaf & CPUID_EXTENDED ? CPU_POLICY_EXTENDED : CPU_POLICY_BASIC))
        return none;
    return leaf & CPUID_EXTENDED ? p->extended[index] : p->basic[index];
}

/* The highest state component of XSAVE. */
static u32 last_state(const struct cpu_policy *p)
{
    struct cpuid_leaf user = get(p, 0xd, 0), system = get(p, 0xd, 1);
    u64 states = user.eax | system.ecx | (u64)(user.edx | system.edx) << 32;

    return states ? 63 - (u32)__builtin_clzll(states) : 0;
}

static bool has_subleaves(u32 leaf)
{
    return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

/* Does a subleaf follow this one, whose contents are l? */
static bool goes_on(const struct cpu_policy *p, u32 leaf, u32 subleaf, const struct cpuid_leaf *l)
{
    switch (leaf) {
    case 4: /* a cache's type, 0: none */
        return (l->eax & 0x1f) && subleaf < LAST_SUBLEAF_4;
    case 7:
        return subleaf < MIN(get(p, 7, 0).eax, LAST_SUBLEAF_7);
    case 0xb: /* a level's type */
        return (l->ecx >> 8 & 0xff) && subleaf < LAST_SUBLEAF_B;
    case 0xd:
        return subleaf < MAX(1u, MIN(last_state(p), LAST_SUBLEAF_D));
    default:
        return false;
    }
}

/* The leaf after this one. */
static u32 following(const struct cpu_policy *p, u32 leaf)
{
    switch (leaf) {
    case CPUID_XEN:
        return CPUID_XEN_OTHER;
    case CPUID_XEN_OTHER:
        return CPUID_EXTENDED;
    default:
        return leaf < LAST_BASIC && leaf >= limit_of(p, 0) ? CPUID_XEN
               : leaf == LAST_BASIC                        ? CPUID_XEN
                                                           : leaf + 1;
    }
}

bool cpu_policy_next(struct cpu_policy_walk *walk, xen_cpuid_leaf_t *out)
{
    const struct cpu_policy *p = walk->policy;
    u32 leaf = walk->leaf, subleaf = walk->subleaf;

    if (leaf > CPUID_EXTENDED && leaf > MIN(limit_of(p, CPUID_EXTENDED), LAST_EXTENDED))
        return false;
    struct cpuid_leaf l = get(p, leaf, subleaf);
    *out = (xen_cpuid_leaf_t){.leaf = leaf,
                              .subleaf = has_subleaves(leaf) ? subleaf : XEN_CPUID_NO_SUBLEAF,
                              .a = l.eax,
                              .b = l.ebx,
                              .c = l.ecx,
                              .d = l.edx};
    if (goes_on(p, leaf, subleaf, &l)) {
        walk->subleaf++;
    } else {
        walk->leaf = following(p, leaf);
        walk->subleaf = 0;
    }
    return true;
}

void cpu_policy_msr(u32 index, xen_msr_entry_t *out)
{
    *out = (xen_msr_entry_t){.idx = index ? MSR_ARCH_CAPABILITIES : MSR_PLATFORM_INFO};
}

enum { A, B, C, D, MSR };

u32 cpu_policy_word(const struct cpu_policy *p, u32 index)
{
    static const struct {
        u32 leaf;
        u8 subleaf, reg;
    } words[CPU_POLICY_WORDS] = {
        {1, 0, D},
        {1, 0, C},
        {CPUID_EXTENDED + 1, 0, D},
        {CPUID_EXTENDED + 1, 0, C},
        {0xd, 1, A},
        {7, 0, B},
        {7, 0, C},
        {CPUID_EXTENDED + 7, 0, D},
        {CPUID_EXTENDED + 8, 0, B},
        {7, 0, D},
        {7, 1, A},
        {CPUID_EXTENDED + 0x21, 0, A},
        {7, 1, B},
        {7, 2, D},
        {7, 1, C},
        {7, 1, D},
        {0, 0, MSR},
        {0, 0, MSR},
        {CPUID_EXTENDED + 0x21, 0, C},
    };

    if (index >= CPU_POLICY_WORDS || words[index].reg == MSR ||
        (words[index].leaf == 7 && words[index].subleaf > get(p, 7, 0).eax))
        return 0;
    struct cpuid_leaf l = get(p, words[index].leaf, words[index].subleaf);
    switch (words[index].reg) {
    case A:
        return l.eax;
    case B:
        return l.ebx;
    case C:
        return l.ecx;
    default:
        return l.edx;
    }
}
