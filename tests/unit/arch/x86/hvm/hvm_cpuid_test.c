/* What CPUID says to guests: the policy on faked host CPUs. */
#include <tests/machine/test.h>

#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/hvm.h>

u64 tsc_khz = 2300000;
void time_pvclock_scale(u32 *mul, s8 *shift)
{
    *mul = 0xde9be681;
    *shift = -1;
}
static struct hvm_ops fake_ops;
const struct hvm_ops *hvm_ops = &fake_ops;

static u32 host_max_basic, host_max_extended;

/* A host that has every bit of every leaf, so that whatever is not masked shows. */
static struct cpuid_leaf host_all(u32 leaf, u32 subleaf)
{
    (void)subleaf;
    if (leaf == 0)
        return (struct cpuid_leaf){host_max_basic, 0x756e6547, 0x6c65746e, 0x49656e69}; /* GenuineIntel */
    if (leaf == 0x80000000u)
        return (struct cpuid_leaf){host_max_extended, 0x756e6547, 0x6c65746e, 0x49656e69};
    if (leaf == 0x80000008u)
        return (struct cpuid_leaf){0x3028 | 0xff0000, ~0u, ~0u, ~0u}; /* 40 physical bits, 48 linear */
    if (leaf & 0x80000000u ? leaf > host_max_extended : leaf > host_max_basic)
        fail_msg("leaf 0x%x does not exist on this host", leaf);
    return (struct cpuid_leaf){~0u, ~0u, ~0u, ~0u};
}

static struct cpuid_leaf host_nothing(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf l = host_all(leaf, subleaf);

    return leaf == 0 || leaf == 0x80000000u ? l : (struct cpuid_leaf){0};
}

static struct hvm_vcpu vcpu;

static void host_is(struct cpuid_leaf (*cpuid_of)(u32 leaf, u32 subleaf))
{
    fake_ops.cpuid = cpuid_of;
    cpu_policy_init();
}

static void setup(void)
{
    host_max_basic = 0x20;
    host_max_extended = 0x80000021u;
    vcpu = (struct hvm_vcpu){
        .vcpu_id = 5, .domid = 0x123, .apic = {.base = APIC_BASE_ENABLE}, .policy = cpu_policy_default()};
    host_is(host_all);
}

static void leaf_is(u32 leaf, u32 subleaf, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
    struct cpuid_leaf out = {1, 2, 3, 4};

    hvm_guest_cpuid(&vcpu, leaf, subleaf, &out);
    if (out.eax != eax || out.ebx != ebx || out.ecx != ecx || out.edx != edx)
        fail_msg("leaf %x.%x: %x %x %x %x, want %x %x %x %x", leaf, subleaf, out.eax, out.ebx, out.ecx,
                 out.edx, eax, ebx, ecx, edx);
}

static struct cpuid_leaf leaf_of(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf out;

    hvm_guest_cpuid(&vcpu, leaf, subleaf, &out);
    return out;
}

/* docs/guest-guide/pvh-entry.md, to the byte */
TEST(test_xen_leaves)
{
    leaf_is(0x40000000, 0, 0x40000005, 0x566e6558, 0x65584d4d, 0x4d4d566e);
    leaf_is(0x40000001, 0, 0x00040011, 0, 0, 0);
    leaf_is(0x40000002, 0, 1, 0x40000000, 0, 0);
    leaf_is(0x40000003, 0, 2, 0, 2300000, 0);
    leaf_is(0x40000003, 1, 0, 0, 0xde9be681, 0xffffffff);
    leaf_is(0x40000003, 2, 2300000, 0, 0, 0);
    leaf_is(0x40000003, 3, 0, 0, 0, 0);
    leaf_is(0x40000004, 0, 0x5c, 5, 0x123, 0);
    leaf_is(0x40000004, 1, 0, 0, 0, 0);
    leaf_is(0x40000005, 0, 0, 0, 0, 0);
    host_is(host_nothing); /* no invariant TSC: not safe */
    leaf_is(0x40000003, 0, 0, 0, 2300000, 0);
}

/* Guests scan in steps of 0x100 for the signature: it must be there once. */
TEST(test_xen_scan)
{
    for (u32 leaf = 0x40000006; leaf <= 0x4000ff00; leaf += leaf < 0x40000100 ? 1 : 0x100)
        leaf_is(leaf, 0, 0, 0, 0, 0);
    leaf_is(0x40010000, 0, 0, 0, 0, 0);
}

TEST(a_disabled_apic_is_hidden)
{
    assert_int_equal(leaf_of(1, 0).edx >> 9 & 1, 1);
    assert_int_equal(leaf_of(0x80000001, 0).edx >> 9 & 1, 1);
    u32 edx = leaf_of(1, 0).edx, extended = leaf_of(0x80000001, 0).edx;
    vcpu.apic.base = 0xfee00000;
    assert_int_equal(leaf_of(1, 0).edx, edx & ~BIT(9));
    assert_int_equal(leaf_of(0x80000001, 0).edx, extended & ~BIT(9));
}

TEST(test_hidden)
{
    static const struct {
        u32 leaf;
        u8 bits[11]; /* of ecx if in_ecx, else of ebx; 0: the end */
        bool in_ecx;
    } hidden[] = {
        /* MONITOR VMX FMA PCID TSC_DEADLINE XSAVE OSXSAVE AVX F16C */
        {1, {3, 5, 12, 17, 24, 26, 27, 28, 29}, true},
        /* SGX HLE AVX2 INVPCID RTM PQM MPX AVX512F */
        {7, {2, 4, 5, 10, 11, 12, 14, 16}, false},
        /* PKU OSPKE WAITPKG CET_SS LA57 RDPID */
        {7, {3, 4, 5, 7, 16, 22}, true},
        /* CMP_LEGACY SVM EXTAPIC OSVW IBS XOP SKINIT FMA4 TOPOEXT MONITORX */
        {0x80000001, {1, 2, 3, 9, 10, 11, 12, 16, 22, 29}, true},
    };
    for (u32 i = 0; i < ARRAY_SIZE(hidden); i++) {
        struct cpuid_leaf l = leaf_of(hidden[i].leaf, 0);

        for (const u8 *bit = hidden[i].bits; *bit; bit++)
            assert_int_equal((hidden[i].in_ecx ? l.ecx : l.ebx) >> *bit & 1, 0);
    }
    assert_int_equal(leaf_of(1, 0).edx & BIT(28), 0); /* one thread */
    assert_int_equal(leaf_of(7, 0).eax, 0);
    assert_int_equal(leaf_of(7, 0).edx, BIT(4) | BIT(10)); /* of speculation control MD_CLEAR only */
    leaf_is(7, 1, 0, 0, 0, 0);
    u32 edx = leaf_of(0x80000001, 0).edx;
    assert_int_equal(edx & (BIT(27) | BIT(25)), 0); /* RDTSCP, FFXSR */
    assert_true(edx & BIT(29));                     /* long mode stays */
    for (u32 subleaf = 0; subleaf < 3; subleaf++)
        leaf_is(0xd, subleaf, 0, 0, 0, 0);
    static const u32 empty[] = {5, 0xa, 0x10, 0x8000000a, 0x8000001f, 0xffffffff};
    for (u32 i = 0; i < ARRAY_SIZE(empty); i++)
        leaf_is(empty[i], empty[i] == 0xffffffff ? empty[i] : 0, 0, 0, 0, 0);
    leaf_is(0x80000007, 0, 0, 0, 0, BIT(8));
}

TEST(test_limits_and_vendor)
{
    leaf_is(0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69);
    leaf_is(0x80000000, 0, 0x80000008, 0x756e6547, 0x6c65746e, 0x49656e69);
    leaf_is(0x80000008, 0, 0x3028, 1 | BIT(12), 0, 0); /* CLZERO, IBPB */
    /* an old host: leaves it does not have are not asked of it, and are empty */
    host_max_basic = 1;
    host_max_extended = 0x80000004u;
    host_is(host_all);
    leaf_is(7, 0, 0, 0, 0, 0);
    leaf_is(0x80000007, 0, 0, 0, 0, 0);
    assert_int_equal(leaf_of(0x40000003, 0).eax, 0);
}

TEST(test_topology)
{
    struct cpuid_leaf l = leaf_of(1, 0);

    assert_int_equal(l.ebx >> 24, 10);
    assert_int_equal(l.ebx >> 16 & 0xff, 1);
    assert_true(l.ecx & BIT(31));
    assert_true(l.ecx & BIT(21));
    leaf_is(0xb, 0, 0, 1, 0x100, 10);
    leaf_is(0xb, 1, 0, 1, 0x201, 10);
    leaf_is(0xb, 2, 0, 0, 2, 10);
    vcpu.vcpu_id = 127;
    assert_int_equal(leaf_of(1, 0).ebx >> 24, 254);
    /* What Homestead brings itself does not depend on the host; what it only passes on does. */
    host_is(host_nothing);
    assert_int_equal(leaf_of(1, 0).ecx, BIT(31) | BIT(21));
    assert_int_equal(leaf_of(1, 0).edx, 0);
    leaf_is(7, 0, 0, 0, 0, 0);
}

FIXTURE(setup, NULL)
