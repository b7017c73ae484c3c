/* A domain of 8 MiB, half of it on each of two nodes: limit, claim, node affinity, populate, release. */
#include <docs/samples/guest/samples.h>

#define PAGES   1024u /* on each node: two extents of 2 MiB */
#define EXTENTS (PAGES >> ORDER_2M)

static long claim(u32 domid, struct xen_memory_claim *set, u32 nr)
{
    struct xen_domctl op = {.u.claim_memory = {.claims = XEN_HANDLE(set), .nr_claims = nr}};

    return domctl(&op, XEN_DOMCTL_claim_memory, domid);
}

/* From that frame on, exactly from that node: it redeems the claim. */
static long populate(u32 domid, u64 first, u32 node)
{
    xen_pfn_t extents[EXTENTS];
    struct xen_memory_reservation arg = {.extent_start = XEN_HANDLE(extents),
                                         .nr_extents = EXTENTS,
                                         .extent_order = ORDER_2M,
                                         .mem_flags = XENMEMF_exact_node(node),
                                         .domid = (domid_t)domid};

    for (u32 i = 0; i < EXTENTS; i++)
        extents[i] = first + ((u64)i << ORDER_2M);
    long done = memory_op(XENMEM_populate_physmap, &arg);
    return done == EXTENTS ? 0 : done < 0 ? done : -ENOMEM;
}

static long build(u32 domid)
{
    struct xen_memory_claim set[] = {XEN_NODE_CLAIM_INIT(PAGES, 0), XEN_NODE_CLAIM_INIT(PAGES, 1)};
    struct xen_memory_claim none[] = {XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE)};
    u64 nodes = 3;

    /* 1. The limit: a claim above it is refused. */
    struct xen_domctl op = {.u.max_mem.max_memkb = 2 * PAGES * 4};
    long rc = domctl(&op, XEN_DOMCTL_max_mem, domid);
    /* 2. Both nodes, or nothing. From here on nobody else gets this memory. */
    if (!rc)
        rc = claim(domid, set, ARRAY_SIZE(set));
    /* 3. Where memory comes from that names no node, for instance when the guest balloons. */
    op = (struct xen_domctl){.u.nodeaffinity.nodemap = {.bitmap = XEN_HANDLE(&nodes), .nr_bits = 64}};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_setnodeaffinity, domid);
    /* 4. The memory. */
    if (!rc)
        rc = populate(domid, 0, 0);
    if (!rc)
        rc = populate(domid, PAGES, 1);
    /* 5. What was claimed and not needed; here that is nothing, and releasing is allowed all the same. */
    return rc ? rc : claim(domid, none, 1);
}

int claim_memory_sample(void)
{
    struct xen_memory_claim again[] = {XEN_NODE_CLAIM_INIT(PAGES, 0)};
    u32 domid = new_domain(1, 2 * PAGES);

    if (!domid)
        return -ENOMEM;
    long rc = build(domid);
    /* Counts are absolute: the domain owns these pages already, so there is nothing to claim. */
    if (!rc && claim(domid, again, 1) != -EINVAL)
        rc = SURPRISE;
    return end_domain(domid, rc);
}
