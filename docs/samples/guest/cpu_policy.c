/* What CPUID shows to a domain: reads all leaves, changes the brand string, and is refused another vendor. */
#include <docs/samples/guest/samples.h>

#include <lib/string.h>

#define BRAND_LEAF 0x80000002u
#define MSRS       2u

static xen_cpuid_leaf_t leaves[128];
static xen_msr_entry_t msrs[MSRS];

static long get(u32 domid, u32 *nr)
{
    struct xen_domctl op = {.u.cpu_policy = {.nr_leaves = ARRAY_SIZE(leaves),
                                             .nr_msrs = MSRS,
                                             .leaves = XEN_HANDLE(leaves),
                                             .msrs = XEN_HANDLE(msrs)}};

    long rc = domctl(&op, XEN_DOMCTL_get_cpu_policy, domid);
    *nr = op.u.cpu_policy.nr_leaves;
    return rc;
}

/* One leaf; the others stay as they are. *wrong: the leaf that is refused. */
static long set(u32 domid, const xen_cpuid_leaf_t *leaf, u32 *wrong)
{
    struct xen_domctl op = {.u.cpu_policy = {.nr_leaves = 1, .leaves = XEN_HANDLE(leaf)}};

    long rc = domctl(&op, XEN_DOMCTL_set_cpu_policy, domid);
    *wrong = op.u.cpu_policy.err_leaf;
    return rc;
}

static xen_cpuid_leaf_t *find(u32 nr, u32 leaf)
{
    for (u32 i = 0; i < nr; i++)
        if (leaves[i].leaf == leaf)
            return &leaves[i];
    return NULL;
}

static long try_leaves(u32 domid)
{
    u32 nr, wrong;

    long rc = get(domid, &nr);
    if (rc)
        return rc;
    xen_cpuid_leaf_t *brand = find(nr, BRAND_LEAF), *vendor = find(nr, 0);
    if (!brand || !vendor)
        return SURPRISE;
    memcpy(&brand->a, "Sample CPU\0\0\0\0\0", 16);
    rc = set(domid, brand, &wrong);
    if (rc)
        return rc;
    vendor->b ^= 1;
    return set(domid, vendor, &wrong) == -EINVAL && wrong == 0 ? 0 : SURPRISE;
}

int cpu_policy_sample(void)
{
    u32 domid = new_domain(1, 512);

    return domid ? end_domain(domid, try_leaves(domid)) : -ENOMEM;
}
