/* A toolstack that knows only XENMEM_claim_pages: its claim goes to the nodes of the domain's node affinity. */
#include <docs/samples/guest/samples.h>

#define PAGES 1024u

/* Sets what the domain's claims without nodes become; *before: what they were. */
static long set_mode(u32 domid, u32 mode, u32 *before)
{
    struct xen_domctl op = {.u.homestead_legacy_claims.mode = mode};

    long rc = domctl(&op, XEN_DOMCTL_homestead_legacy_claims, domid);
    *before = op.u.homestead_legacy_claims.mode;
    return rc;
}

int legacy_claims_sample(void)
{
    struct xen_memory_claim found = {0};
    struct xen_domctl read = {.u.get_memory_claims = {.claims = XEN_HANDLE(&found), .nr_claims = 1}};
    u64 node_1 = 2;
    struct xen_domctl op = {.u.nodeaffinity.nodemap = {.bitmap = XEN_HANDLE(&node_1), .nr_bits = 64}};
    u32 domid = new_domain(1, PAGES), before;

    if (!domid)
        return -ENOMEM;
    long rc = set_mode(domid, XEN_HOMESTEAD_LEGACY_affinity_only, &before);
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_setnodeaffinity, domid);
    if (!rc)
        rc = xc_domain_claim_pages(NULL, domid, PAGES); /* what the toolstack does */
    if (!rc)
        rc = domctl(&read, XEN_DOMCTL_get_memory_claims, domid);
    if (!rc && (found.node != 1 || found.pages != PAGES))
        rc = SURPRISE;
    if (!rc)
        rc = set_mode(domid, XEN_HOMESTEAD_LEGACY_query, &before); /* asks only */
    if (!rc && before != XEN_HOMESTEAD_LEGACY_affinity_only)
        rc = SURPRISE;
    return end_domain(domid, rc);
}
