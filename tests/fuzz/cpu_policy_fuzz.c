/*
 * Any bytes as the leaves and MSRs of a set_cpu_policy: what is accepted is within the host's maximum, is what get gives
 * afterwards, and can be written back; what is refused names a leaf.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/hvm.h>

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct cpuid_leaf host(u32 leaf, u32 subleaf)
{
    (void)subleaf;
    if (leaf == 0 || leaf == CPUID_EXTENDED)
        return (struct cpuid_leaf){leaf + 0x1f, 0x68747541u, 0x444d4163u, 0x69746e65u};
    if (leaf == CPUID_EXTENDED + 8)
        return (struct cpuid_leaf){0x3028, ~0u, ~0u, ~0u};
    return (struct cpuid_leaf){~0u, ~0u, ~0u, ~0u};
}

static const struct hvm_ops ops = {.cpuid = host};
const struct hvm_ops *hvm_ops = &ops;
u64 tsc_khz = 2300000;
void time_pvclock_scale(u32 *mul, s8 *shift)
{
    *mul = 0xde9be681;
    *shift = -1;
}

/* All leaves of p, written to another policy, make it the same. */
static void check_list(const struct cpu_policy *p)
{
    struct cpu_policy_walk walk = {.policy = p};
    struct cpu_policy_change change = {0};
    struct cpu_policy copy = *cpu_policy_default();
    xen_cpuid_leaf_t leaf;
    u32 nr = 0, err_leaf, err_subleaf;

    for (; cpu_policy_next(&walk, &leaf); nr++)
        REQUIRE(!cpu_policy_add(&change, &leaf));
    REQUIRE(nr <= CPU_POLICY_LEAVES_MAX);
    REQUIRE(!cpu_policy_change(&copy, &change, &err_leaf, &err_subleaf));
    REQUIRE(!memcmp(&copy, p, sizeof(copy)));
}

/* Whatever a guest asks for, it sees no feature that the maximum has not. */
static void check_guest(const struct cpu_policy *p, u32 leaf, u32 subleaf)
{
    struct hvm_vcpu v = {.policy = p, .vcpu_id = 1, .apic = {.base = APIC_BASE_ENABLE}}, most = v;
    struct cpuid_leaf is, may;

    most.policy = cpu_policy_max();
    hvm_guest_cpuid(&v, leaf, subleaf, &is);
    hvm_guest_cpuid(&most, leaf, subleaf, &may);
    if (leaf == 1 || leaf == 7 || leaf == CPUID_EXTENDED + 1)
        REQUIRE(!(is.edx & ~may.edx) && !(is.ecx & ~may.ecx));
    if (leaf == 7)
        REQUIRE(!(is.ebx & ~may.ebx) && is.eax <= may.eax);
    if (leaf == 0 || leaf == CPUID_EXTENDED)
        REQUIRE(is.eax <= may.eax && is.ebx == may.ebx);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct cpu_policy_change change = {0};
    struct cpu_policy p;
    xen_cpuid_leaf_t leaf;
    xen_msr_entry_t msr;
    u32 err_leaf = 77, err_subleaf = 77;

    cpu_policy_init();
    p = *cpu_policy_default();
    if (size >= sizeof(msr)) {
        memcpy(&msr, data + size - sizeof(msr), sizeof(msr));
        if (!cpu_policy_check_msr(&msr))
            REQUIRE(!msr.val && !msr.flags);
    }
    for (; size >= sizeof(leaf); data += sizeof(leaf), size -= sizeof(leaf)) {
        memcpy(&leaf, data, sizeof(leaf));
        cpu_policy_add(&change, &leaf);
    }
    if (cpu_policy_change(&p, &change, &err_leaf, &err_subleaf)) {
        REQUIRE(err_leaf < CPU_POLICY_BASIC || err_leaf - CPUID_EXTENDED < CPU_POLICY_EXTENDED);
        return 0;
    }
    REQUIRE(err_leaf == 77 && err_subleaf == 77);
    REQUIRE(!(p.cr4 & ~cpu_policy_max()->cr4) && !(p.efer & ~cpu_policy_max()->efer));
    check_list(&p);
    for (u32 i = 0; i < 16; i++) {
        check_guest(&p, i, 0);
        check_guest(&p, CPUID_EXTENDED + i, 0);
        check_guest(&p, CPUID_XEN + i, i);
    }
    return 0;
}
