/* The host-wide claim: 4 MiB that the domain shall reach, on any node. */
#include <docs/samples/guest/samples.h>

#define PAGES 1024u

static long claim(u32 domid, u64 pages)
{
    struct xen_memory_reservation arg = {.nr_extents = pages, .domid = (domid_t)domid};

    return memory_op(XENMEM_claim_pages, &arg);
}

static u64 outstanding(u32 domid)
{
    struct xen_domctl op = {0};

    return domctl(&op, XEN_DOMCTL_getdomaininfo, domid) ? ~0ull : op.u.getdomaininfo.outstanding_pages;
}

int claim_pages_sample(void)
{
    xen_pfn_t first = 0;
    struct xen_memory_reservation half = {
        .extent_start = XEN_HANDLE(&first), .nr_extents = 1, .extent_order = ORDER_2M};
    u32 domid = new_domain(1, PAGES);

    if (!domid)
        return -ENOMEM;
    half.domid = (domid_t)domid;
    long rc = claim(domid, PAGES + 1) == -EINVAL ? 0 : SURPRISE; /* above its limit */
    if (!rc)
        rc = claim(domid, PAGES);
    if (!rc && memory_op(XENMEM_populate_physmap, &half) != 1)
        rc = -ENOMEM;
    if (!rc && outstanding(domid) != PAGES / 2) /* the other half was redeemed */
        rc = SURPRISE;
    if (!rc)
        rc = claim(domid, 0); /* releases what is left */
    if (!rc && outstanding(domid) != 0)
        rc = SURPRISE;
    return end_domain(domid, rc);
}
