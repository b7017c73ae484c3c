/* The test machine itself: a guest makes a hypercall, and what a test leaves behind is seen. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <xen/memory.h>

TEST(populate_takes_a_page_of_the_node, .nodes = 2, .domains = 2)
{
    const u64 frame = 5;
    struct xen_memory_reservation op = {
        .nr_extents = 1, .mem_flags = XENMEMF_exact_node(1), .domid = 1, .extent_start = PUT(0x1000, frame)};
    u64 before = node_free(1);

    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, PUT(0, op), 0), 1);
    assert_int_equal(node_free(1), before - 1);
}

TEST(a_page_that_is_not_given_back, .nodes = 1)
{
    mfn_t m;

    assert_int_equal(mm_alloc(NULL, 0, 0, MM_OVERHEAD, &m), 0);
    expect_assert_failure(machine_unmake());
    mm_free_overhead(NULL, m, 0);
}

TEST(a_lock_that_is_held, .nodes = 1)
{
    static spinlock_t outer = SPINLOCK_INIT(LOCK_DOMAIN), inner = SPINLOCK_INIT(LOCK_NODE);

    spin_lock(&outer);
    expect_assert_failure(machine_unmake());
    spin_lock(&inner);
    expect_assert_failure(spin_unlock(&outer)); /* not in reverse order */
    spin_unlock(&inner);
    lock_check_drop(LOCK_DOMAIN); /* it is free already, but was not taken off the list */
    spin_lock(&inner);
    expect_assert_failure(spin_lock(&outer)); /* a level below */
    spin_unlock(&inner);
}

TEST(a_reference_that_is_kept, .domains = 2)
{
    struct domain *d = domain_get(1);

    assert_int_equal(references_held(), 1);
    expect_assert_failure(machine_unmake());
    domain_put(d);
    assert_int_equal(references_held(), 0);
}

TEST(a_timer_that_stays_armed, .cpus = 2)
{
    armed_ns[1] = now_ns + 1000000000; /* later than the console's */
    expect_assert_failure(machine_unmake());
    armed_ns[1] = 0;
}
