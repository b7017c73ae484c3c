/* A guest with two virtual nodes of 4 MiB, each on a node of the host, and one vCPU on each. */
#include <docs/samples/guest/samples.h>

#define NODES 2u
#define PAGES 1024u

int vnuma_sample(void)
{
    unsigned int distance[NODES * NODES] = {10, 20, 20, 10};
    unsigned int vcpu_to_vnode[] = {0, 1}, vnode_to_pnode[] = {0, 1}, small[NODES];
    struct xen_vmemrange ranges[] = {{.start = 0, .end = MIB(4), .nid = 0},
                                     {.start = MIB(4), .end = MIB(8), .nid = 1}};
    struct xen_domctl op = {.u.vnuma = {.nr_vnodes = NODES,
                                        .nr_vmemranges = ARRAY_SIZE(ranges),
                                        .nr_vcpus = 2,
                                        .vdistance = XEN_HANDLE(distance),
                                        .vcpu_to_vnode = XEN_HANDLE(vcpu_to_vnode),
                                        .vnode_to_pnode = XEN_HANDLE(vnode_to_pnode),
                                        .vmemrange = XEN_HANDLE(ranges)}};
    u32 domid = new_domain(2, NODES * PAGES);
    xen_pfn_t frame = PAGES; /* of virtual node 1 */
    struct xen_memory_reservation extent = {.extent_start = XEN_HANDLE(&frame),
                                            .nr_extents = 1,
                                            .extent_order = ORDER_2M,
                                            /* A virtual node, and exactly the host's node that it is on. */
                                            .mem_flags = XENMEMF_exact_node(1) | XENMEMF_vnode,
                                            .domid = (domid_t)domid};
    /* What the guest asks; here without room for the answer. */
    struct xen_vnuma_topology_info info = {.domid = (domid_t)domid, .vcpu_to_vnode.h = XEN_HANDLE(small)};

    if (!domid)
        return -ENOMEM;
    long rc = domctl(&op, XEN_DOMCTL_setvnumainfo, domid);
    if (!rc && memory_op(XENMEM_populate_physmap, &extent) != 1)
        rc = -ENOMEM;
    if (!rc && (memory_op(XENMEM_get_vnumainfo, &info) != -ENOBUFS || info.nr_vnodes != NODES ||
                info.nr_vcpus != 2 || info.nr_vmemranges != ARRAY_SIZE(ranges)))
        rc = SURPRISE;
    return end_domain(domid, rc);
}
