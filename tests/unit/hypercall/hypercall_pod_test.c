/* XENMEM_set_pod_target, XENMEM_get_pod_target, and populate_physmap with XENMEMF_populate_on_demand. */
#include "calls.h"

CALL_TEST(pod_target)
{
    const struct {
        u16 from, domid;
        u64 cmd, target;
        long rc;
    } calls[] = {
        {0, 1, XENMEM_get_pod_target, ~0ull, 0},
        {0, 1, XENMEM_set_pod_target, 0, 0},
        {0, 1, XENMEM_set_pod_target, 1000, 0},
        {0, 1, XENMEM_set_pod_target, 1001, -EINVAL},
        {0, 1, XENMEM_set_pod_target | 1 << 6, 0, -ENOSYS},
        {0, 88, XENMEM_get_pod_target, 0, -ESRCH},
        {2, 1, XENMEM_get_pod_target, 0, -EPERM},
        {2, DOMID_SELF, XENMEM_get_pod_target, 0, -EPERM},
        {2, DOMID_SELF, XENMEM_set_pod_target, 0, -EPERM},
    };

    assert_int_equal(populate_extents(20, 100, 0, 0), 20);
    dom(1)->mem.max_pages = 1000;
    for_each_row (i, calls) {
        struct xen_pod_target pod = {calls[i].target, 1, 2, 3, calls[i].domid}, got;

        call_from(calls[i].from);
        assert_int_equal(memory(calls[i].cmd, &pod, sizeof(pod)), calls[i].rc);
        if (!calls[i].rc)
            pod = (struct xen_pod_target){calls[i].target, 20, 0, 0, calls[i].domid};
        GET(ARG, got);
        assert_int_equal(got.target_pages, pod.target_pages);
        assert_int_equal(got.tot_pages, pod.tot_pages);
        assert_int_equal(got.pod_cache_pages, pod.pod_cache_pages);
        assert_int_equal(got.pod_entries, pod.pod_entries);
        assert_int_equal(dom(1)->mem.tot_pages, 20);
    }
}

static long set_pod(u16 domid, u64 target, struct xen_pod_target *got)
{
    struct xen_pod_target pod = {.target_pages = target, .domid = domid};

    long rc = memory(XENMEM_set_pod_target, &pod, sizeof(pod));
    GET(ARG, *got);
    return rc;
}

/*
 * Marked, filled, cut: each call is continued as often as it must yield, and figures are those of its end.
 * claims.md CL-4.20.
 */
CALL_TEST(populate_on_demand)
{
    struct xen_pod_target got;

    call_from(0);
    dom(1)->mem.max_pages = 3000;
    yield_every = 1;
    assert_int_equal(populate_extents(3, 0x200, 9, XENMEMF_populate_on_demand), 3);
    assert_int_equal(dom(1)->mem.tot_pages, 0);
    assert_int_equal(populate_extents(1, 0x205, 9, XENMEMF_populate_on_demand), 0); /* not aligned */
    assert_int_equal(set_pod(1, 1100, &got), 0);
    assert_true(restarts > 0);
    assert_int_equal(got.tot_pages, 1100);
    assert_int_equal(got.pod_cache_pages, 1100);
    assert_int_equal(got.pod_entries, 1536);
    assert_int_equal(set_pod(1, 3001, &got), -EINVAL);
    /* More than 576 marked frames go: the cache is cut in steps, by the call that made it too large. */
    extents(1, 0x200, 9, 0);
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 1);
    extents(600, 0x400, 0, 0);
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 600);
    assert_int_equal(memory(XENMEM_get_pod_target, &(struct xen_pod_target){.domid = 1}, sizeof(got)), 0);
    GET(ARG, got);
    assert_int_equal(got.pod_entries, 424);
    assert_int_equal(got.pod_cache_pages, 424);
    assert_int_equal(got.tot_pages, 424);
    /* Not for itself, not for others. */
    call_from(2);
    extents(1, 0x600, 0, XENMEMF_populate_on_demand);
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 0);
    assert_int_equal(populate_extents(1, 0x600, 0, XENMEMF_populate_on_demand), 0);
    assert_false(is_mapped(1, 0x900));
}
