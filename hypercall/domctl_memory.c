/*
 * domctl: how much memory a domain may have, its paging pool, which nested page tables come from, and its
 * claims: claim_memory and get_memory_claims, docs/hypervisor-guide/mm/claims.md section 3. The checks up to the array are here, in
 * the order given there; the rest, from "domain dying" on, is claim_install_set()'s.
 */
#include <hypercall/domctl.h>
#include <mm/claims.h>
#include <mm/mm.h>

#define POOL_STEP_PAGES  1024u /* allocated or freed between two checks for a yield: under a millisecond */
#define PAGES_PER_MIB    256u
#define PAGES_MAX        0xffffffffull /* Xen counts pages in 32 bits */
#define KIB_TO_PAGES(kb) ((kb) >> (PAGE_SHIFT - 10))

/* A limit below what the domain has only prevents it from getting more. */
long domctl_max_mem(struct domctl *ctl)
{
    u64 pages = MIN(KIB_TO_PAGES(ctl->op.u.max_mem.max_memkb), PAGES_MAX);

    spin_lock(&ctl->d->mem.lock);
    ctl->d->mem.max_pages = pages;
    spin_unlock(&ctl->d->mem.lock);
    return 0;
}

static u64 pool_pages(struct domain *d, u64 *used)
{
    spin_lock(&d->physmap.lock);
    u64 pages = d->physmap.pool_pages;
    *used = d->physmap.pool_used;
    spin_unlock(&d->physmap.lock);
    return pages;
}

/* More than is free and not claimed by others? Without this, that would show after all had been allocated. */
static bool too_much(struct domain *d, u64 more)
{
    struct mm_host_info host;
    u64 own = claim_outstanding(&d->mem);

    mm_host_get_info(&host);
    u64 others = host.outstanding_pages - MIN(own, host.outstanding_pages);
    return more > host.free_pages - MIN(others, host.free_pages);
}

/* Step by step. If it fails, the pool is as it was when the hypercall was entered (or last continued). */
static long resize_pool(struct domain *d, u64 pages)
{
    u64 used, before = pool_pages(d, &used), now = before;

    if (pages < used)
        return -ENOMEM; /* Xen's error, after it has shrunk the pool as far as it can; here the pool is unchanged */
    if (pages > now && too_much(d, pages - now))
        return -ENOMEM;
    for (;;) {
        now = pages > now ? MIN(pages, now + POOL_STEP_PAGES) : now - MIN(now - pages, (u64)POOL_STEP_PAGES);
        int rc = physmap_set_pool(d, now);
        if (rc) {
            physmap_set_pool(d, before); /* shrinking after growing cannot fail */
            return rc;
        }
        if (now == pages)
            return 0;
        if (sched_should_yield())
            return -ERESTART;
    }
}

long domctl_get_paging_mempool(struct domctl *ctl)
{
    u64 used;

    ctl->op.u.paging_mempool.size = pool_pages(ctl->d, &used) << PAGE_SHIFT;
    ctl->copy_back = true;
    return 0;
}

long domctl_set_paging_mempool(struct domctl *ctl)
{
    u64 size = ctl->op.u.paging_mempool.size;

    if ((size & ~PAGE_MASK) || size >> PAGE_SHIFT > PAGES_MAX)
        return -EINVAL;
    return resize_pool(ctl->d, size >> PAGE_SHIFT);
}

/* The older form of the same, in MiB. -EINVAL for a domain without vCPUs, as on Xen. */
long domctl_shadow_op(struct domctl *ctl)
{
    struct xen_domctl_shadow_op *op = &ctl->op.u.shadow_op;
    u64 used;

    if (domain_nr_vcpus(ctl->d) == 0)
        return -EINVAL;
    switch (op->op) {
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        op->mb = (u32)DIV_ROUND_UP(pool_pages(ctl->d, &used), PAGES_PER_MIB);
        ctl->copy_back = true;
        return 0;
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
        return resize_pool(ctl->d, (u64)op->mb * PAGES_PER_MIB);
    default:
        return -EINVAL;
    }
}

_Static_assert(sizeof(struct claim_entry) == sizeof(struct xen_memory_claim) &&
                   offsetof(struct claim_entry, node) == offsetof(struct xen_memory_claim, node) &&
                   offsetof(struct claim_entry, pad) == offsetof(struct xen_memory_claim, pad),
               "mm/ has the ABI's entry under its own name");
_Static_assert((u32)XEN_DOMCTL_CLAIM_REPLACE == (u32)CLAIM_REPLACE &&
                   (u32)XEN_DOMCTL_CLAIM_STRICT == (u32)CLAIM_STRICT &&
                   (u32)XEN_DOMCTL_CLAIM_SCRUB == (u32)CLAIM_SCRUB &&
                   (u32)XEN_DOMCTL_CLAIM_ORDERS == (u32)CLAIM_ORDERS &&
                   (u32)XEN_DOMCTL_CLAIM_ALL_FLAGS == (u32)CLAIM_ALL_FLAGS &&
                   XEN_DOMCTL_CLAIM_MEMORY_NO_NODE == CLAIM_HOST,
               "and the same flags and selector");

/* claims.md CL-3.6, CL-3.7, CL-3.24 to CL-3.26, CL-3.40. */
long domctl_claim_memory(struct domctl *ctl)
{
    const struct xen_domctl_claim_memory *op = &ctl->op.u.claim_memory;
    struct claim_entry entries[CLAIM_ENTRIES_MAX];

    int rc = claim_check_args(op->nr_claims, op->pad);
    if (rc)
        return rc;
    if (!op->claims || copy_from_guest(ctl->c->v, entries, op->claims, op->nr_claims * sizeof(entries[0])))
        return -EFAULT;
    return claim_install_set(&ctl->d->mem, entries, op->nr_claims, op->pad);
}

/*
 * -EINVAL: pad; -ENOBUFS: nr_claims is set to the number of entries; -EFAULT. 0 entries: no claims.
 * claims.md CL-3.36, CL-3.38.
 */
long domctl_get_memory_claims(struct domctl *ctl)
{
    struct xen_domctl_get_memory_claims *op = &ctl->op.u.get_memory_claims;
    struct claim_entry entries[CLAIM_ENTRIES_MAX];

    if (op->pad)
        return -EINVAL;
    u32 nr = MIN(op->nr_claims, CLAIM_ENTRIES_MAX);
    int rc = claim_read_set(&ctl->d->mem, entries, &nr);
    if (rc && rc != -ENOBUFS)
        return rc;
    if (!rc && nr && (!op->claims || copy_to_guest(ctl->c->v, op->claims, entries, nr * sizeof(entries[0]))))
        return -EFAULT;
    op->nr_claims = nr;
    ctl->copy_back = true;
    return rc;
}

_Static_assert(XEN_HOMESTEAD_LEGACY_host == (int)CLAIM_LEGACY_HOST &&
                   XEN_HOMESTEAD_LEGACY_affinity == (int)CLAIM_LEGACY_AFFINITY &&
                   XEN_HOMESTEAD_LEGACY_affinity_only == (int)CLAIM_LEGACY_AFFINITY_ONLY,
               "mm/ has the ABI's modes under its own names");

/* claims.md CL-2.18. */
long domctl_homestead_legacy_claims(struct domctl *ctl)
{
    struct xen_domctl_homestead_legacy_claims *op = &ctl->op.u.homestead_legacy_claims;

    bool query = op->mode == XEN_HOMESTEAD_LEGACY_query;

    if (op->pad || (op->mode > XEN_HOMESTEAD_LEGACY_affinity_only && !query))
        return -EINVAL;
    op->mode = claim_set_legacy(&ctl->d->mem, query ? CLAIM_LEGACY_KEEP : (enum claim_legacy)op->mode);
    ctl->copy_back = true;
    return 0;
}
