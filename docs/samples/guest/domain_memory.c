/* The limit of a domain, its paging pool, and its node affinity. */
#include <docs/samples/guest/samples.h>

int domain_memory_sample(void)
{
    u64 node_0 = 1, found = 0;
    u32 domid = new_domain(1, 512);
    domid_t id = (domid_t)domid;
    struct xen_domctl op = {.u.max_mem.max_memkb = 8192};

    if (!domid)
        return -ENOMEM;
    long rc = domctl(&op, XEN_DOMCTL_max_mem, domid);
    if (!rc && memory_op(XENMEM_maximum_reservation, &id) != 2048)
        rc = SURPRISE;

    op = (struct xen_domctl){.u.paging_mempool.size = MIB(3)};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_set_paging_mempool_size, domid);
    op = (struct xen_domctl){0};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_get_paging_mempool_size, domid);
    if (!rc && op.u.paging_mempool.size != MIB(3))
        rc = SURPRISE;

    op = (struct xen_domctl){.u.nodeaffinity.nodemap = {.bitmap = XEN_HANDLE(&node_0), .nr_bits = 64}};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_setnodeaffinity, domid);
    op.u.nodeaffinity.nodemap.bitmap = XEN_HANDLE(&found);
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_getnodeaffinity, domid);
    if (!rc && found != 1)
        rc = SURPRISE;
    return end_domain(domid, rc);
}
