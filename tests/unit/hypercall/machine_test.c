/* The test machine itself: a guest makes a hypercall, and the checks after a test see what is left. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <xen/memory.h>
#include <xen/version.h>

TEST(a_hypercall_populates, .nodes = 2, .domains = 2)
{
    const u64 frame = 5;
    struct xen_memory_reservation op = {.nr_extents = 1,
                                        .mem_flags = XENMEMF_exact_node(1),
                                        .domid = 1,
                                        .extent_start = put(0x1000, &frame, 8)};
    struct domain *d = domain_get(1);
    u64 before = node_free(1);

    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, PUT(0, op), 0), 1);
    assert_int_equal(d->mem.own[1], 1);
    assert_int_equal(node_free(1), before - 1);
    domain_put(d);
}
