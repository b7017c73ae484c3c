/* A claim in whole extents of 2 MiB, read back, and replaced by one on the other node without a gap. */
#include <docs/samples/guest/samples.h>

#define PAGES 2048u

static long claim(u32 domid, struct xen_memory_claim *entry, u32 flags)
{
    struct xen_domctl op = {.u.claim_memory = {.claims = XEN_HANDLE(entry), .nr_claims = 1, .pad = flags}};

    return domctl(&op, XEN_DOMCTL_claim_memory, domid);
}

/* Is the set one entry, these pages in that order on that node? */
static long check(u32 domid, u32 node, u32 order)
{
    struct xen_memory_claim set[2] = {0};
    struct xen_domctl op = {.u.get_memory_claims = {.claims = XEN_HANDLE(set), .nr_claims = 2}};

    long rc = domctl(&op, XEN_DOMCTL_get_memory_claims, domid);
    if (rc)
        return rc;
    bool as_claimed = op.u.get_memory_claims.nr_claims == 1 && set[0].node == node && set[0].pages == PAGES &&
                      set[0].pad == order;
    return as_claimed ? 0 : SURPRISE;
}

int claim_flags_sample(void)
{
    struct xen_memory_claim extents = {.pages = PAGES, .node = 0, .pad = ORDER_2M};
    struct xen_memory_claim pages = XEN_NODE_CLAIM_INIT(PAGES, 1);
    u32 domid = new_domain(1, PAGES);

    if (!domid)
        return -ENOMEM;
    long rc = claim(domid, &extents, XEN_DOMCTL_CLAIM_ORDERS | XEN_DOMCTL_CLAIM_SCRUB);
    if (!rc)
        rc = check(domid, 0, ORDER_2M);
    /* Without REPLACE a second set is refused; with it, it takes the place of the first in one step. */
    if (!rc && claim(domid, &pages, 0) != -EINVAL)
        rc = SURPRISE;
    if (!rc)
        rc = claim(domid, &pages, XEN_DOMCTL_CLAIM_REPLACE | XEN_DOMCTL_CLAIM_STRICT);
    if (!rc)
        rc = check(domid, 1, ORDER_4K);
    return end_domain(domid, rc); /* which releases the claim */
}
