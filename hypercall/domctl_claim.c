/*
 * claim_memory and get_memory_claims: docs/claims.md section 3. The checks up to the array are here, in the
 * order given there; the rest, from "domain dying" on, is claim_install_set()'s.
 */
#include <hypercall/domctl.h>
#include <mm/claims.h>

#define CLAIMS_MAX (MAX_NODES + 1) /* each node and the host-wide selector once */

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

long domctl_claim_memory(struct domctl *ctl)
{
    const struct xen_domctl_claim_memory *op = &ctl->op.u.claim_memory;
    struct claim_entry entries[CLAIMS_MAX];

    if (op->nr_claims == 0 || (op->pad & ~XEN_DOMCTL_CLAIM_ALL_FLAGS))
        return -EINVAL;
    if (op->nr_claims > CLAIMS_MAX)
        return -E2BIG;
    if (!op->claims || copy_from_guest(ctl->c->v, entries, op->claims, op->nr_claims * sizeof(entries[0])))
        return -EFAULT;
    return claim_install_set(&ctl->d->mem, entries, op->nr_claims, op->pad);
}

/* -EINVAL: pad; -ENOBUFS: nr_claims says how many entries there are; -EFAULT. A domain without claims: 0
 * entries. */
long domctl_get_memory_claims(struct domctl *ctl)
{
    struct xen_domctl_get_memory_claims *op = &ctl->op.u.get_memory_claims;
    struct claim_entry entries[CLAIMS_MAX];

    if (op->pad)
        return -EINVAL;
    u32 nr = MIN(op->nr_claims, (u32)CLAIMS_MAX);
    int rc = claim_read_set(&ctl->d->mem, entries, &nr);
    if (rc && rc != -ENOBUFS)
        return rc;
    if (!rc && nr && (!op->claims || copy_to_guest(ctl->c->v, op->claims, entries, nr * sizeof(entries[0]))))
        return -EFAULT;
    op->nr_claims = nr;
    ctl->copy_back = true;
    return rc;
}
