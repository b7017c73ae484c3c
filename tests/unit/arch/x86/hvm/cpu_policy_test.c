/*
 * CPU policies: lists of leaves, what a change may and may not do, what the guest sees then, and random changes against a
 * model that knows leaves by their numbers only.
 * lint: long: one fake host for all of these.
 */
#include <tests/machine/machine.h>
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <arch/x86/hvm/cpu_policy.h>
#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/guest_cr.h>
#include <arch/x86/hvm/svm/svm.h>

#define NO     XEN_CPUID_NO_SUBLEAF
#define ROOM   256u
#define VENDOR 0x68747541u, 0x444d4163u, 0x69746e65u

static u32 host_basic, host_extended;

/* A host with all bits set where that makes sense: three caches, three subleaves of 7, two levels of topology, state
 * components up to 10. */
static struct cpuid_leaf host(u32 leaf, u32 subleaf)
{
    if (leaf == 0)
        return (struct cpuid_leaf){host_basic, VENDOR};
    if (leaf == CPUID_EXTENDED)
        return (struct cpuid_leaf){host_extended, VENDOR};
    if (leaf > (leaf & CPUID_EXTENDED ? host_extended : host_basic))
        fail_msg("leaf 0x%x does not exist on this host", leaf);
    if (leaf == 4)
        return (struct cpuid_leaf){subleaf < 3 ? 0x21 : 0, 1, 2, 3};
    if (leaf == 7 && subleaf == 0)
        return (struct cpuid_leaf){2, ~0u, ~0u, ~0u};
    if (leaf == 0xb)
        return (struct cpuid_leaf){1, 1, subleaf < 2 ? (subleaf + 1) << 8 : 0, 5};
    if (leaf == 0xd && subleaf == 0)
        return (struct cpuid_leaf){0x407, 832, 832, 0};
    if (leaf == 0xd && subleaf == 1)
        return (struct cpuid_leaf){0xf, 0, 0, 0};
    if (leaf == CPUID_EXTENDED + 8)
        return (struct cpuid_leaf){0x3930, ~0u, ~0u, ~0u};
    return (struct cpuid_leaf){~0u, ~0u, ~0u, ~0u};
}

static struct hvm_ops ops;

static void setup(void)
{
    ops = svm_ops;
    ops.cpuid = host;
    hvm_ops = &ops;
    host_basic = 0x20;
    host_extended = 0x80000028;
    cpu_policy_init();
}
FIXTURE(setup, NULL)

/* docs/hypervisor-guide/spec-ctrl.md: gather data sampling and Zenbleed need AVX, and nothing is done against them. */
TEST(avx_stays_out_of_reach)
{
    const struct cpu_policy *p = cpu_policy_max();

    assert_false(p->basic[1].ecx & (BIT(26) | BIT(27) | BIT(28))); /* XSAVE, OSXSAVE, AVX */
    assert_false(p->basic[7].ebx & (BIT(5) | BIT(4) | BIT(11))); /* AVX2; HLE, RTM: `tsx-off` costs nothing */
    assert_false(p->cr4 & CR4_OSXSAVE);
}

/* --- lists --- */

static xen_cpuid_leaf_t list[ROOM];

static u32 list_of(const struct cpu_policy *p)
{
    struct cpu_policy_walk walk = {.policy = p};
    u32 nr = 0;

    while (cpu_policy_next(&walk, &list[nr]))
        assert_true(++nr < ROOM);
    return nr;
}

static const xen_cpuid_leaf_t *find(u32 leaf, u32 subleaf, u32 nr)
{
    for (u32 i = 0; i < nr; i++)
        if (list[i].leaf == leaf && list[i].subleaf == subleaf)
            return &list[i];
    return NULL;
}

static u32 nr_of(u32 leaf, u32 nr)
{
    u32 found = 0;

    for (u32 i = 0; i < nr; i++)
        found += list[i].leaf == leaf;
    return found;
}

TEST(list_of_a_policy)
{
    u32 nr = list_of(cpu_policy_default());

    assert_int_equal(nr, 14 + 1 + 2 + 9); /* 0xd has two */
    for (u32 i = 1; i < nr; i++)
        assert_true(list[i].leaf > list[i - 1].leaf || (list[i].leaf == 0xd && list[i].subleaf == 1));
    assert_int_equal(find(0, NO, nr)->a, 0xd);
    assert_int_equal(find(CPUID_EXTENDED, NO, nr)->a, 0x80000008);
    assert_non_null(find(7, 0, nr));
    assert_non_null(find(4, 0, nr));
    assert_non_null(find(0xb, 0, nr));
    assert_int_equal(find(CPUID_XEN, NO, nr)->a, 0);
    assert_non_null(find(CPUID_XEN_OTHER, NO, nr));
    assert_int_equal(find(1, NO, nr)->b, 0x1ff00); /* CLFLUSH size, one thread, no APIC id */
}

TEST(list_of_the_host)
{
    u32 nr = list_of(NULL);

    assert_int_equal(nr_of(4, nr), 4); /* the one after the last says so */
    assert_int_equal(nr_of(7, nr), 3);
    assert_int_equal(nr_of(0xb, nr), 2);
    assert_int_equal(nr_of(0xd, nr), 11);
    assert_int_equal(nr_of(0xe, nr), 0);
    assert_int_equal(nr_of(0x80000021, nr), 1);
    assert_int_equal(nr_of(0x80000022, nr), 0);
    assert_int_equal(find(0, NO, nr)->a, 0x20);
    assert_int_equal(find(CPUID_XEN, NO, nr)->a, 0);
    host_basic = 1;
    host_extended = 0x80000001;
    assert_int_equal(list_of(NULL), 2 + 2 + 2);
    host_basic = 0;
    host_extended = 0; /* has no extended leaves: leaf 0x80000000 gives anything */
    assert_int_equal(list_of(NULL), 1 + 2 + 1);
}

/* Any CPU's list fits, whatever its leaves say. */
static struct cpuid_leaf wild(u32 leaf, u32 subleaf)
{
    (void)leaf;
    (void)subleaf;
    return (struct cpuid_leaf){~0u, ~0u, ~0u, ~0u};
}

TEST(the_longest_list)
{
    ops.cpuid = wild;
    assert_int_equal(list_of(NULL), CPU_POLICY_LEAVES_MAX);
}

TEST(feature_words)
{
    const struct cpu_policy *p = cpu_policy_default();

    assert_int_equal(cpu_policy_word(p, 0), p->basic[1].edx);
    assert_int_equal(cpu_policy_word(p, 1), p->basic[1].ecx);
    assert_int_equal(cpu_policy_word(p, 2), p->extended[1].edx);
    assert_int_equal(cpu_policy_word(p, 3), p->extended[1].ecx);
    assert_int_equal(cpu_policy_word(p, 4), 0);
    assert_int_equal(cpu_policy_word(p, 5), p->basic[7].ebx);
    assert_int_equal(cpu_policy_word(p, 6), p->basic[7].ecx);
    assert_int_equal(cpu_policy_word(p, 7), p->extended[7].edx);
    assert_int_equal(cpu_policy_word(p, 8), p->extended[8].ebx);
    assert_int_equal(cpu_policy_word(p, 9), p->basic[7].edx);
    for (u32 i = 10; i < 40; i++)
        assert_int_equal(cpu_policy_word(p, i), 0);
    assert_int_equal(cpu_policy_word(NULL, 4), 0xf);
    assert_int_equal(cpu_policy_word(NULL, 10), ~0u); /* 7.1 EAX */
    assert_int_equal(cpu_policy_word(NULL, 13), ~0u); /* 7.2 EDX */
    assert_int_equal(cpu_policy_word(NULL, 16), 0);   /* an MSR's */
    assert_int_equal(cpu_policy_word(NULL, 18), ~0u); /* 0x80000021 ECX */
    host_basic = 1;
    host_extended = 0x80000008;
    assert_int_equal(cpu_policy_word(NULL, 10), 0);
    assert_int_equal(cpu_policy_word(NULL, 18), 0);
}

/* --- changes --- */

static struct cpu_policy policy;
static u32 err_leaf, err_subleaf;

static int set(const xen_cpuid_leaf_t *leaves, u32 nr)
{
    struct cpu_policy_change change = {0};
    struct cpu_policy to = policy;
    int rc = 0;

    err_leaf = err_subleaf = 77;
    for (u32 i = 0; i < nr && !rc; i++)
        rc = cpu_policy_add(&change, &leaves[i]);
    if (!rc)
        rc = cpu_policy_change(&to, &change, &err_leaf, &err_subleaf);
    if (!rc)
        policy = to;
    return rc;
}

static int set_one(u32 leaf, u32 subleaf, u32 a, u32 b, u32 c, u32 d)
{
    const xen_cpuid_leaf_t l = {leaf, subleaf, a, b, c, d};

    return set(&l, 1);
}

/* What the default list says, written back, changes nothing; and so from the maximum. */
TEST(a_list_written_back)
{
    policy = *cpu_policy_default();
    assert_int_equal(set(list, list_of(&policy)), 0);
    assert_memory_equal(&policy, cpu_policy_default(), sizeof(policy));
    assert_int_equal(set(list, list_of(cpu_policy_max())), 0);
    assert_memory_equal(&policy, cpu_policy_max(), sizeof(policy));
    assert_int_equal(set(NULL, 0), 0);
}

/* As libxenguest 4.17 edits the default of a PVH guest before it writes it back. */
TEST(what_the_toolstack_changes)
{
    policy = *cpu_policy_default();
    u32 nr = list_of(&policy);
    xen_cpuid_leaf_t *one = (xen_cpuid_leaf_t *)find(1, NO, nr);
    one->d |= 1u << 28;
    one->b += 0x10000;
    ((xen_cpuid_leaf_t *)find(CPUID_EXTENDED + 8, NO, nr))->c = 1;
    ((xen_cpuid_leaf_t *)find(CPUID_EXTENDED + 7, NO, nr))->d = 0;
    xen_cpuid_leaf_t sent[ROOM];
    memcpy(sent, list, sizeof(sent));
    assert_int_equal(set(sent, nr), 0);
    assert_int_equal(list_of(&policy), nr);
    assert_memory_equal(list, sent, nr * sizeof(list[0]));
}

TEST(leaves_that_no_policy_has)
{
    static const struct {
        u32 leaf, subleaf;
        int rc;
    } rows[] = {
        {0, 0, -ERANGE},
        {1, 0, -ERANGE},
        {4, NO, -ERANGE},
        {4, 5, 0},
        {4, 6, -ERANGE},
        {7, NO, -ERANGE},
        {7, 2, 0},
        {7, 3, -ERANGE},
        {0xb, 1, 0},
        {0xb, 2, -ERANGE},
        {0xd, 62, 0},
        {0xd, 63, -ERANGE},
        {0xe, NO, -ERANGE},
        {CPUID_XEN, NO, 0},
        {CPUID_XEN, 0, -ERANGE},
        {CPUID_XEN + 1, NO, -ERANGE},
        {CPUID_XEN_OTHER, NO, 0},
        {0x7fffffff, NO, -ERANGE},
        {0x80000009, NO, 0},
        {0x80000021, NO, 0},
        {0x80000022, NO, -ERANGE},
        {0x80000001, 0, -ERANGE},
        {0xffffffff, NO, -ERANGE},
    };
    struct cpu_policy_change change = {0};

    for_each_row (i, rows) {
        const xen_cpuid_leaf_t l = {rows[i].leaf, rows[i].subleaf, ~0u, ~0u, ~0u, ~0u};

        assert_int_equal(cpu_policy_add(&change, &l), rows[i].rc);
    }
    assert_int_equal(change.basic, 0); /* those that were taken are zero here */
    assert_int_equal(change.extended, 0);
}

TEST(more_than_the_host_has)
{
    const struct cpu_policy *max = cpu_policy_max();
    const struct cpuid_leaf *m;

    policy = *cpu_policy_default();
    for (u32 bit = 0; bit < 32; bit++) {
        m = &max->basic[1];
        assert_int_equal(set_one(1, NO, m->eax, m->ebx, 1u << bit, 0), m->ecx >> bit & 1 ? 0 : -EINVAL);
        assert_int_equal(set_one(1, NO, m->eax, m->ebx, 0, 1u << bit), m->edx >> bit & 1 ? 0 : -EINVAL);
        m = &max->basic[7];
        assert_int_equal(set_one(7, 0, 0, 1u << bit, 0, 0), m->ebx >> bit & 1 ? 0 : -EINVAL);
        if (err_leaf != 77) {
            assert_int_equal(err_leaf, 7);
            assert_int_equal(err_subleaf, 0);
        }
        assert_int_equal(set_one(7, 0, 1u << bit, 0, 0, 0), -EINVAL); /* subleaves */
        m = &max->extended[1];
        assert_int_equal(set_one(CPUID_EXTENDED + 1, NO, ~0u, ~0u, 1u << bit, 0),
                         m->ecx >> bit & 1 ? 0 : -EINVAL);
        if (err_leaf != 77) {
            assert_int_equal(err_leaf, CPUID_EXTENDED + 1);
            assert_int_equal(err_subleaf, NO);
        }
        assert_int_equal(set_one(CPUID_EXTENDED + 7, NO, 0, 0, 0, 1u << bit), bit == 8 ? 0 : -EINVAL);
        for (u32 leaf = 2; leaf < 0xe; leaf++)
            if (leaf != 7)
                assert_int_equal(
                    set_one(leaf, leaf == 4 || leaf == 0xb || leaf == 0xd ? 0 : NO, 0, 0, 1u << bit, 0),
                    -EINVAL);
    }
    /* Limits, make and sizes. */
    assert_int_equal(set_one(0, NO, 0xe, VENDOR), -EINVAL);
    assert_int_equal(set_one(0, NO, ~0u, VENDOR), -EINVAL);
    assert_int_equal(err_leaf, 0);
    assert_int_equal(set_one(0, NO, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED, NO, 0x80000009, VENDOR), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED, NO, 8, VENDOR), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED + 8, NO, 0x3030, 1, 0xf0ff, 0), 0); /* 48 bits each */
    assert_int_equal(set_one(CPUID_EXTENDED + 8, NO, 0x3031, 0, 0, 0), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED + 8, NO, 0x3130, 0, 0, 0), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED + 8, NO, 0x13030, 0, 0, 0), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED + 8, NO, 0x2020, 0, 0, 0), 0);
    assert_int_equal(set_one(CPUID_EXTENDED + 8, NO, 0x2020, 0, 0x100, 0), -EINVAL);
    assert_int_equal(set_one(CPUID_EXTENDED + 2, NO, ~0u, ~0u, ~0u, ~0u), 0);
}

TEST(msrs)
{
    static const struct {
        xen_msr_entry_t msr;
        int rc;
    } rows[] = {
        {{0xce, 0, 0}, 0},       {{0x10a, 0, 0}, 0},       {{0xce, 1, 0}, -EINVAL},
        {{0xce, 0, 1}, -EINVAL}, {{0x10a, 0, 1}, -EINVAL}, {{0xce, 0, 1ull << 32}, -EOVERFLOW},
        {{0xcf, 0, 0}, -ERANGE}, {{0, 0, 0}, -ERANGE},
    };

    for_each_row (i, rows)
        assert_int_equal(cpu_policy_check_msr(&rows[i].msr), rows[i].rc);
}

/* --- what the guest sees, and can set --- */

static struct hvm_vcpu v = {.vcpu_id = 3, .apic = {.base = APIC_BASE_ENABLE}, .policy = &policy};

static struct cpuid_leaf guest(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf out;

    hvm_guest_cpuid(&v, leaf, subleaf, &out);
    return out;
}

TEST(the_guest_follows)
{
    policy = *cpu_policy_default();
    assert_true(policy.cr4 & CR4_SMEP);
    assert_int_equal(set_one(7, 0, 0, 1 << 20, 0, 0), 0); /* SMAP alone */
    assert_int_equal(guest(7, 0).ebx, 1 << 20);
    assert_false(policy.cr4 & CR4_SMEP);
    assert_true(policy.cr4 & CR4_SMAP);
    assert_false(hvm_guest_control_valid(&policy, CR0_ET, CR4_SMEP, 0));
    /* A limit hides what is above it, from CPUID and CR4. */
    assert_int_equal(set_one(0, NO, 1, VENDOR), 0);
    assert_int_equal(guest(0, 0).eax, 1);
    assert_int_equal(guest(7, 0).ebx, 0);
    assert_int_equal(guest(0xb, 0).edx, 0);
    assert_false(policy.cr4 & CR4_SMAP);
    assert_int_equal(list_of(&policy), 2 + 2 + 9);
    assert_int_equal(set_one(0, NO, 0xd, VENDOR), 0);
    assert_int_equal(guest(7, 0).ebx, 0); /* gone */
    assert_int_equal(guest(0xb, 0).edx, 6);
    assert_true(policy.efer & EFER_LME);
    assert_int_equal(set_one(CPUID_EXTENDED, NO, CPUID_EXTENDED, VENDOR), 0);
    assert_int_equal(policy.efer, 0);
    assert_int_equal(guest(CPUID_EXTENDED + 1, 0).edx, 0);
    /* The APIC's id is the vCPU's, whatever was given; the number of threads is what was given. */
    assert_int_equal(set_one(1, NO, 0x123, 0xee020877, 0, 0), 0);
    assert_int_equal(guest(1, 0).ebx, 0x06020877);
    assert_int_equal(guest(1, 0).eax, 0x123);
    assert_int_equal(guest(1, 0).ecx, 0);
    assert_int_equal(policy.cr4, CR4_PCE);
}

TEST(limits_of_xens_leaves)
{
    static const struct {
        u32 given, last;
    } rows[] = {{0, 5}, {1, 2}, {2, 2}, {3, 3}, {5, 5}, {6, 5}, {0xff, 5}, {0x100, 5}, {0x40000004, 4}};

    policy = *cpu_policy_default();
    for_each_row (i, rows) {
        assert_int_equal(set_one(CPUID_XEN, NO, rows[i].given, 0, 0, 0), 0);
        assert_int_equal(guest(CPUID_XEN, 0).eax, CPUID_XEN + rows[i].last);
        assert_int_equal(guest(CPUID_XEN, 0).ebx, 0x566e6558);
        assert_int_equal(guest(CPUID_XEN + 4, 0).eax, rows[i].last >= 4 ? 0x5c : 0);
        assert_int_equal(find(CPUID_XEN, NO, list_of(&policy))->a, rows[i].given & 0xff);
    }
}

/* --- random changes against a model ---
 * The model is a flat list of registers by leaf. A change is accepted if after it, and after the leaves above the limits
 * are cleared, no word is above the maximum: compared as the kind of the word says. */

enum kind { BITS, ANY, SAME, FIRST_LIMIT, SIZES, TOPOLOGY };

static enum kind kind_of(u32 leaf, u32 reg)
{
    if (leaf == 0 || leaf == CPUID_EXTENDED)
        return reg ? SAME : FIRST_LIMIT;
    if (leaf == 1 || leaf == CPUID_EXTENDED + 1)
        return reg < 2 ? ANY : BITS;
    if (leaf >= CPUID_EXTENDED + 2 && leaf <= CPUID_EXTENDED + 6)
        return ANY;
    if (leaf == CPUID_EXTENDED + 8)
        return reg == 0 ? SIZES : reg == 2 ? TOPOLOGY : BITS;
    return BITS;
}

static bool word_ok(enum kind kind, u32 leaf, u32 value, u32 max)
{
    switch (kind) {
    case BITS:
        return (value & max) == value;
    case SAME:
        return value == max;
    case FIRST_LIMIT:
        return value >= leaf && value <= max;
    case SIZES:
        return value <= 0xffff && (value & 0xff) <= (max & 0xff) && value >> 8 <= max >> 8;
    case TOPOLOGY:
        return !(value & ~0xf0ffu);
    default:
        return true;
    }
}

#define NR_MODEL (CPU_POLICY_BASIC + CPU_POLICY_EXTENDED)

static u32 model_leaf(u32 i)
{
    return i < CPU_POLICY_BASIC ? i : CPUID_EXTENDED + i - CPU_POLICY_BASIC;
}

static void model_of(const struct cpu_policy *p, u32 model[NR_MODEL][4])
{
    u32 nr = list_of(p);

    memset(model, 0, sizeof(u32[NR_MODEL][4]));
    for (u32 i = 0; i < NR_MODEL; i++)
        for (u32 j = 0; j < nr; j++)
            if (list[j].leaf == model_leaf(i) && (list[j].subleaf == NO || list[j].subleaf == 0))
                memcpy(model[i], &list[j].a, 16);
}

static bool model_accepts(u32 model[NR_MODEL][4], u32 max[NR_MODEL][4])
{
    bool ok = true;

    for (u32 i = 0; i < NR_MODEL; i++) {
        u32 leaf = model_leaf(i), limit = model[i < CPU_POLICY_BASIC ? 0 : CPU_POLICY_BASIC][0];

        if (leaf > limit && i != 0 && i != CPU_POLICY_BASIC)
            memset(model[i], 0, 16);
        for (u32 reg = 0; reg < 4; reg++)
            ok = ok && word_ok(kind_of(leaf, reg), leaf, model[i][reg], max[i][reg]);
    }
    return ok;
}

static u32 some_word(struct rng *r, u32 now, u32 max)
{
    switch (rng_draw(r, 8)) {
    case 0:
        return max;
    case 1:
        return 0;
    case 2:
        return now ^ 1u << rng_draw(r, 32);
    case 3:
        return max & rng_draw(r, ~0u);
    case 4:
        return max - rng_draw(r, 10);
    default:
        return now;
    }
}

TEST(random_changes)
{
    u32 model[NR_MODEL][4], max[NR_MODEL][4], accepted = 0, rounds = 20000;
    struct rng r;

    rng_seed(&r, 4711);
    model_of(cpu_policy_max(), max);
    policy = *cpu_policy_default();
    for (u32 round = 0; round < rounds; round++) {
        xen_cpuid_leaf_t leaves[4];
        u32 nr = 1 + rng_draw(&r, ARRAY_SIZE(leaves));

        if (rng_draw(&r, 16) == 0)
            policy = *cpu_policy_default();
        struct cpu_policy before = policy;
        model_of(&policy, model);
        for (u32 i = 0; i < nr; i++) {
            u32 at = rng_draw(&r, NR_MODEL), leaf = model_leaf(at);
            bool sub = leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
            u32 *l = model[at];

            for (u32 reg = 0; reg < 4; reg++)
                l[reg] = some_word(&r, l[reg], max[at][reg]);
            leaves[i] = (xen_cpuid_leaf_t){leaf, sub ? 0 : NO, l[0], l[1], l[2], l[3]};
        }
        bool ok = model_accepts(model, max);
        int rc = set(leaves, nr);
        if (rc != (ok ? 0 : -EINVAL))
            fail_msg("round %u: %d, the model %s; leaf %x.%x", round, rc, ok ? "accepts" : "refuses",
                     err_leaf, err_subleaf);
        accepted += ok;
        if (!ok) {
            assert_memory_equal(&policy, &before, sizeof(policy));
            continue;
        }
        u32 now[NR_MODEL][4];
        model_of(&policy, now);
        assert_memory_equal(now, model, sizeof(now));
        assert_int_equal(policy.cr4 & ~cpu_policy_max()->cr4, 0);
        assert_int_equal(policy.efer & ~cpu_policy_max()->efer, 0);
    }
    assert_in_range(accepted, rounds / 10, rounds - rounds / 10);
}
