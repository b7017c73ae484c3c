/*
 * CPU policies: sysctl get_cpu_featureset and get_cpu_policy (the host's), domctl get_cpu_policy and set_cpu_policy (a
 * domain's). Results and their order are Xen's. A set is made completely or not at all.
 */
#include <hypercall/cpu_policy.h>

/* NULL: what this CPU has, which is also what Homestead uses. -EINVAL; -EOPNOTSUPP: of PV guests. */
static int host_policy(u32 index, const struct cpu_policy **policy)
{
    *policy = NULL;
    switch (index) {
    case XEN_SYSCTL_cpu_policy_raw:
    case XEN_SYSCTL_cpu_policy_host:
        return 0;
    case XEN_SYSCTL_cpu_policy_hvm_max:
        *policy = cpu_policy_max();
        return 0;
    case XEN_SYSCTL_cpu_policy_hvm_default:
        *policy = cpu_policy_default();
        return 0;
    case XEN_SYSCTL_cpu_policy_pv_max:
    case XEN_SYSCTL_cpu_policy_pv_default:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

long sysctl_get_cpu_featureset(struct hypercall *c, struct xen_sysctl_cpu_featureset *op, bool *copy_back)
{
    static const u8 policy_of[] = {
        [XEN_SYSCTL_cpu_featureset_raw] = XEN_SYSCTL_cpu_policy_raw,
        [XEN_SYSCTL_cpu_featureset_host] = XEN_SYSCTL_cpu_policy_host,
        [XEN_SYSCTL_cpu_featureset_pv] = XEN_SYSCTL_cpu_policy_pv_default,
        [XEN_SYSCTL_cpu_featureset_hvm] = XEN_SYSCTL_cpu_policy_hvm_default,
        [XEN_SYSCTL_cpu_featureset_pv_max] = XEN_SYSCTL_cpu_policy_pv_max,
        [XEN_SYSCTL_cpu_featureset_hvm_max] = XEN_SYSCTL_cpu_policy_hvm_max,
    };
    const struct cpu_policy *policy;
    u32 words[CPU_POLICY_WORDS], nr = MIN(op->nr_features, CPU_POLICY_WORDS);

    if (!op->features) {
        op->nr_features = CPU_POLICY_WORDS;
        return 0;
    }
    int rc = op->index < ARRAY_SIZE(policy_of) ? host_policy(policy_of[op->index], &policy) : -EINVAL;
    if (rc)
        return rc;
    for (u32 i = 0; i < nr; i++)
        words[i] = cpu_policy_word(policy, i);
    rc = copy_to_guest(c->v, op->features, words, nr * sizeof(words[0]));
    if (rc)
        return rc;
    op->nr_features = nr;
    *copy_back = true; /* with -ENOBUFS as well */
    return nr < CPU_POLICY_WORDS ? -ENOBUFS : 0;
}

/* *nr: IN room, OUT used, with a NULL array the most there can be. What fits is written before -ENOBUFS. */
static int put_leaves(struct vcpu *v, const struct cpu_policy *policy, u64 to, u32 *nr)
{
    struct cpu_policy_walk walk = {.policy = policy};
    xen_cpuid_leaf_t leaf;
    u32 used = 0;

    if (!to) {
        *nr = CPU_POLICY_LEAVES_MAX;
        return 0;
    }
    for (; cpu_policy_next(&walk, &leaf); used++) {
        int rc = used >= *nr ? -ENOBUFS : copy_to_guest_element(v, to, used, &leaf, sizeof(leaf));
        if (rc)
            return rc;
    }
    *nr = used;
    return 0;
}

static int put_msrs(struct vcpu *v, u64 to, u32 *nr)
{
    xen_msr_entry_t msr;

    for (u32 i = 0; to && i < CPU_POLICY_MSRS; i++) {
        cpu_policy_msr(i, &msr);
        int rc = i >= *nr ? -ENOBUFS : copy_to_guest_element(v, to, i, &msr, sizeof(msr));
        if (rc)
            return rc;
    }
    *nr = CPU_POLICY_MSRS;
    return 0;
}

long sysctl_get_cpu_policy(struct hypercall *c, struct xen_sysctl_cpu_policy *op, bool *copy_back)
{
    const struct cpu_policy *policy;

    int rc = op->_rsvd ? -EINVAL : host_policy(op->index, &policy);
    if (!rc)
        rc = put_leaves(c->v, policy, op->leaves, &op->nr_leaves);
    if (rc)
        return rc;
    *copy_back = true; /* nr_leaves, also if there is no room for the MSRs */
    return put_msrs(c->v, op->msrs, &op->nr_msrs);
}

long domctl_get_cpu_policy(struct domctl *ctl)
{
    struct xen_domctl_cpu_policy *op = &ctl->op.u.cpu_policy;

    spin_lock(&ctl->d->lock);
    struct cpu_policy policy = ctl->d->policy;
    spin_unlock(&ctl->d->lock);
    int rc = put_leaves(ctl->c->v, &policy, op->leaves, &op->nr_leaves);
    if (!rc)
        rc = put_msrs(ctl->c->v, op->msrs, &op->nr_msrs);
    ctl->copy_back = !rc;
    return rc;
}

/* Each entry is read once. -ERANGE, -EFAULT. */
static int take_leaves(struct domctl *ctl, struct cpu_policy_change *change)
{
    struct xen_domctl_cpu_policy *op = &ctl->op.u.cpu_policy;
    xen_cpuid_leaf_t leaf;

    if (op->nr_leaves > CPU_POLICY_LEAVES_MAX)
        return -E2BIG;
    for (u32 i = 0; i < op->nr_leaves; i++) {
        int rc = copy_from_guest(ctl->c->v, &leaf, op->leaves + i * sizeof(leaf), sizeof(leaf));
        if (rc)
            return rc;
        rc = cpu_policy_add(change, &leaf);
        if (rc) {
            op->err_leaf = leaf.leaf;
            op->err_subleaf = leaf.subleaf;
            return rc;
        }
    }
    return 0;
}

static int check_msrs(struct domctl *ctl)
{
    struct xen_domctl_cpu_policy *op = &ctl->op.u.cpu_policy;
    xen_msr_entry_t msr;

    if (op->nr_msrs > CPU_POLICY_MSRS)
        return -E2BIG;
    for (u32 i = 0; i < op->nr_msrs; i++) {
        int rc = copy_from_guest(ctl->c->v, &msr, op->msrs + i * sizeof(msr), sizeof(msr));
        if (rc)
            return rc;
        rc = cpu_policy_check_msr(&msr);
        if (rc) {
            op->err_msr = msr.idx;
            return rc;
        }
    }
    return 0;
}

long domctl_set_cpu_policy(struct domctl *ctl)
{
    struct xen_domctl_cpu_policy *op = &ctl->op.u.cpu_policy;
    struct cpu_policy_change change = {0};

    spin_lock(&ctl->d->lock);
    bool started = ctl->d->started;
    spin_unlock(&ctl->d->lock);
    if (started)
        return -EEXIST;
    /* Copied back after an error only. */
    op->err_leaf = op->err_subleaf = op->err_msr = ~0u;
    int rc = take_leaves(ctl, &change);
    if (!rc)
        rc = check_msrs(ctl);
    if (!rc)
        rc = domain_change_cpu_policy(ctl->d, &change, &op->err_leaf, &op->err_subleaf);
    ctl->copy_back = rc != 0;
    return rc;
}
