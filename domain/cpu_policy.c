/* A domain's CPU policy: arch/x86/hvm/cpu_policy.h says what one is. */
#include <arch/x86/hvm/guest_cr.h>
#include <domain/internal.h>
#include <homestead/errno.h>

/* A vCPU's first state may have been set before: would the CPU of that policy run it? Domain lock held. */
static bool vcpu_fits(struct vcpu *v, const struct cpu_policy *p)
{
    struct hvm_state state;

    if (!v->initialised)
        return true;
    hvm_ops->get_state(&v->hvm, &state);
    return hvm_guest_control_valid(p, state.cr0, state.cr4, state.efer);
}

int domain_change_cpu_policy(struct domain *d, const struct cpu_policy_change *change, u32 *leaf,
                             u32 *subleaf)
{
    int rc;

    spin_lock(&d->lock);
    struct cpu_policy policy = d->policy;
    if (d->started)
        rc = -EEXIST;
    else if (d->dying)
        rc = -EINVAL;
    else
        rc = cpu_policy_change(&policy, change, leaf, subleaf);
    for (u32 id = 0; id < d->nr_vcpus && !rc; id++)
        rc = vcpu_fits(d->vcpu[id], &policy) ? 0 : -EINVAL;
    if (!rc)
        d->policy = policy;
    spin_unlock(&d->lock);
    return rc;
}
