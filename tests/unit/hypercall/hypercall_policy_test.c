/* CPU policies through the hypercalls: room, errors and what they name, and when a set is possible. cpu_policy_test.c has
 * what a policy may be. */
#include "calls.h"

#include <arch/x86/hvm/cpu_policy.h>
#include <homestead/errno.h>

#define LEAVES 0x2000ull /* of the caller's memory */
#define MSRS   0x5000ull

static xen_cpuid_leaf_t leaves[CPU_POLICY_LEAVES_MAX];

static long get_policy(u16 domid, u32 room, u32 msr_room)
{
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){
        .nr_leaves = room, .nr_msrs = msr_room, .leaves = at(LEAVES), .msrs = at(MSRS)};
    long rc = domctl(XEN_DOMCTL_get_cpu_policy, domid);
    GET(LEAVES, leaves);
    return rc;
}

static long set_policy(u16 domid, u32 nr)
{
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){
        .nr_leaves = nr, .leaves = PUT(LEAVES, leaves), .err_leaf = 77, .err_subleaf = 77, .err_msr = 77};
    return domctl(XEN_DOMCTL_set_cpu_policy, domid);
}

static bool error_is(u32 leaf, u32 subleaf, u32 msr)
{
    const struct xen_domctl_cpu_policy *p = &op.u.cpu_policy;

    return p->err_leaf == leaf && p->err_subleaf == subleaf && p->err_msr == msr;
}

/* The first entry of a leaf, after get_policy(). */
static xen_cpuid_leaf_t *leaf(u32 nr)
{
    for (u32 i = 0; i < CPU_POLICY_LEAVES_MAX; i++)
        if (leaves[i].leaf == nr)
            return &leaves[i];
    fail_msg("no leaf 0x%x", nr);
    return NULL;
}

/* As it is before it is unpaused for the first time. */
static void make_new(u16 domid)
{
    domain_pause(dom(domid));
    dom(domid)->started = false;
}

CALL_TEST(rooms)
{
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){0};
    assert_int_equal(domctl(XEN_DOMCTL_get_cpu_policy, 1), 0);
    assert_int_equal(op.u.cpu_policy.nr_leaves, CPU_POLICY_LEAVES_MAX);
    assert_int_equal(op.u.cpu_policy.nr_msrs, 2);
    assert_int_equal(get_policy(1, CPU_POLICY_LEAVES_MAX, 2), 0);
    u32 nr = op.u.cpu_policy.nr_leaves;
    assert_int_equal(op.u.cpu_policy.nr_msrs, 2);
    assert_int_equal(get_policy(1, nr, 2), 0);
    assert_int_equal(get_policy(1, nr - 1, 2), -ENOBUFS);
    assert_int_equal(op.u.cpu_policy.nr_leaves, nr - 1);
    assert_int_equal(get_policy(1, nr, 1), -ENOBUFS);
    assert_int_equal(get_policy(7, nr, 2), -ESRCH);
    assert_int_equal(get_policy(0, nr, 2), 0); /* domain 0 has one as well */
    op.u.cpu_policy.leaves = at(GUEST_BYTES - 30);
    assert_int_equal(domctl(XEN_DOMCTL_get_cpu_policy, 1), -EFAULT);
    call_from(1);
    assert_int_equal(get_policy(1, nr, 2), -EPERM);
    assert_int_equal(set_policy(2, nr), -EPERM);
}
ALSO_IN_32_BITS(rooms)

CALL_TEST(of_the_host)
{
    sys.u.cpu_featureset = (struct xen_sysctl_cpu_featureset){.index = 99};
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
    assert_int_equal(sys.u.cpu_featureset.nr_features, CPU_POLICY_WORDS);
    sys.u.cpu_featureset =
        (struct xen_sysctl_cpu_featureset){.index = 5, .nr_features = 7, .features = at(LIST)};
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_featureset), -ENOBUFS);
    assert_int_equal(sys.u.cpu_featureset.nr_features, 7);
    u32 word = 0;
    GET(LIST, word);
    assert_int_equal(word, cpu_policy_max()->basic[1].edx);
    static const long rcs[] = {0, 0, -EOPNOTSUPP, 0, -EOPNOTSUPP, 0, -EINVAL};
    static const long policy_rcs[] = {0, 0, -EOPNOTSUPP, 0, -EOPNOTSUPP, 0, -EINVAL};
    for (u32 i = 0; i < ARRAY_SIZE(rcs); i++) {
        sys.u.cpu_featureset =
            (struct xen_sysctl_cpu_featureset){.index = i, .nr_features = 99, .features = at(LIST)};
        assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_featureset), rcs[i]);
        sys.u.cpu_policy = (struct xen_sysctl_cpu_policy){.index = i};
        assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), policy_rcs[i]);
        if (!policy_rcs[i])
            assert_int_equal(sys.u.cpu_policy.nr_leaves, CPU_POLICY_LEAVES_MAX);
    }
    sys.u.cpu_policy = (struct xen_sysctl_cpu_policy){.index = 5, ._rsvd = 1};
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), -EINVAL);
    /* What there is room for is told even if the MSRs have none. */
    sys.u.cpu_policy = (struct xen_sysctl_cpu_policy){
        .index = 5, .nr_leaves = CPU_POLICY_LEAVES_MAX, .leaves = at(LEAVES), .msrs = at(MSRS)};
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), -ENOBUFS);
    assert_in_range(sys.u.cpu_policy.nr_leaves, 1, CPU_POLICY_LEAVES_MAX - 1);
    assert_int_equal(sys.u.cpu_policy.nr_msrs, 0);
}

CALL_TEST(set_and_get)
{
    make_new(1);
    xen_cpuid_leaf_t sent[CPU_POLICY_LEAVES_MAX];

    assert_int_equal(get_policy(1, CPU_POLICY_LEAVES_MAX, 2), 0);
    u32 nr = op.u.cpu_policy.nr_leaves;
    leaf(1)->d |= 1u << 28;
    leaf(7)->b = 0;
    memcpy(sent, leaves, sizeof(sent));
    assert_int_equal(set_policy(1, nr), 0);
    assert_true(error_is(77, 77, 77)); /* nothing is copied back */
    assert_int_equal(get_policy(1, CPU_POLICY_LEAVES_MAX, 2), 0);
    assert_int_equal(op.u.cpu_policy.nr_leaves, nr);
    assert_memory_equal(leaves, sent, nr * sizeof(sent[0]));
    assert_false(dom(1)->policy.cr4 & CR4_SMEP);
    assert_true(dom(2)->policy.cr4 & CR4_SMEP); /* another's */
    assert_ptr_equal(dom(1)->vcpu[1]->hvm.policy, &dom(1)->policy);
}
ALSO_IN_32_BITS(set_and_get)

CALL_TEST(refused_sets_change_nothing)
{
    make_new(1);
    struct cpu_policy before = dom(1)->policy;

    assert_int_equal(get_policy(1, CPU_POLICY_LEAVES_MAX, 2), 0);
    leaf(7)->b = 0;
    leaf(0x80000001)->c |= 1u << 2; /* SVM */
    assert_int_equal(set_policy(1, op.u.cpu_policy.nr_leaves), -EINVAL);
    assert_true(error_is(0x80000001, XEN_CPUID_NO_SUBLEAF, ~0u));
    leaves[1].subleaf = 0;
    assert_int_equal(set_policy(1, 3), -ERANGE);
    assert_true(error_is(1, 0, ~0u));
    assert_int_equal(set_policy(1, CPU_POLICY_LEAVES_MAX + 1), -E2BIG);
    assert_true(error_is(~0u, ~0u, ~0u));
    op.u.cpu_policy.nr_leaves = 2;
    op.u.cpu_policy.leaves = PUT(GUEST_BYTES - sizeof(leaves[0]), leaves[0]);
    assert_int_equal(domctl(XEN_DOMCTL_set_cpu_policy, 1), -EFAULT);
    const xen_msr_entry_t msr = {.idx = 0x1b};
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){.nr_msrs = 1, .msrs = PUT(MSRS, msr)};
    assert_int_equal(domctl(XEN_DOMCTL_set_cpu_policy, 1), -ERANGE);
    assert_true(error_is(~0u, ~0u, 0x1b));
    op.u.cpu_policy.nr_msrs = 3;
    assert_int_equal(domctl(XEN_DOMCTL_set_cpu_policy, 1), -E2BIG);
    assert_int_equal(set_policy(0, 0), -EINVAL); /* its own */
    assert_memory_equal(&dom(1)->policy, &before, sizeof(before));
}

CALL_TEST(before_the_domain_runs)
{
    make_new(1);
    domain_pause(dom(1)); /* once more */
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, 1), 0);
    assert_int_equal(set_policy(1, 0), 0);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, 1), 0);
    assert_int_equal(set_policy(1, 0), -EEXIST);
    assert_int_equal(op.u.cpu_policy.err_leaf, 77);
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 1), 0);
    assert_int_equal(set_policy(1, 0), -EEXIST);
    assert_int_equal(set_policy(1, 1000), -EEXIST); /* before anything is read */
    make_new(2);
    struct cpu_policy_change change = {0};
    u32 at_leaf, at_subleaf;
    assert_int_equal(domain_change_cpu_policy(dom(1), &change, &at_leaf, &at_subleaf), -EEXIST);
    dom(2)->dying = true;
    assert_int_equal(domain_change_cpu_policy(dom(2), &change, &at_leaf, &at_subleaf), -EINVAL);
    dom(2)->dying = false;
}

/* A state that was set before, with SMEP on, stays possible. */
CALL_TEST(a_state_that_is_there)
{
    make_new(1);
    struct hvm_state state;
    struct vcpu *v = dom(1)->vcpu[0];

    hvm_ops->get_state(&v->hvm, &state);
    state.cr0 |= CR0_PE | CR0_ET;
    state.cr4 = CR4_SMEP;
    hvm_ops->set_state(&v->hvm, &state);
    v->initialised = true;
    assert_int_equal(get_policy(1, CPU_POLICY_LEAVES_MAX, 2), 0);
    leaves[0] = *leaf(7);
    leaves[0].b &= ~(1u << 7);
    assert_int_equal(set_policy(1, 1), -EINVAL);
    assert_true(error_is(~0u, ~0u, ~0u));
    assert_true(dom(1)->policy.cr4 & CR4_SMEP);
    state.cr4 = 0;
    hvm_ops->set_state(&v->hvm, &state);
    assert_int_equal(set_policy(1, 1), 0);
    assert_false(dom(1)->policy.cr4 & CR4_SMEP);
}
