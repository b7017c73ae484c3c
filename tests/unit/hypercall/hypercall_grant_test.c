/* Grant tables: sizes and versions, how a table grows, and where its frames are. Answers beside Xen's: group grants. */
#include "calls.h"

#include <xen/grant_table.h>

static long grant(u64 cmd, void *arg, u64 size, u64 count)
{
    put(0, arg, size);
    long rc = hypercall(__HYPERVISOR_grant_table_op, cmd, at(0), count);
    get(0, arg, size);
    return rc;
}

static struct gnttab_query_size size_of(u16 domid)
{
    struct gnttab_query_size query = {.dom = domid, .nr_frames = 99, .max_nr_frames = 99};

    assert_int_equal(grant(GNTTABOP_query_size, &query, sizeof(query), 1), 0);
    return query;
}

static long frame(u16 domid, u64 index, u64 gpfn)
{
    struct xen_add_to_physmap add = {
        .domid = domid, .space = XENMAPSPACE_grant_table, .idx = index, .gpfn = gpfn};

    return memory(XENMEM_add_to_physmap, &add, sizeof(add));
}

CALL_TEST(sizes_and_versions)
{
    struct gnttab_query_size size = size_of(DOMID_SELF);
    struct gnttab_set_version set = {1};
    struct gnttab_get_version is = {.dom = DOMID_SELF};

    assert_true(size.nr_frames == 1 && size.max_nr_frames == GRANT_FRAMES_MAX && size.status == 0);
    assert_int_equal(size_of(88).status, GNTST_bad_domain);
    assert_int_equal(size_of(1).status, 0);
    call_from(2);
    assert_int_equal(size_of(1).status, GNTST_permission_denied);
    assert_int_equal(size_of(1).nr_frames, 99);
    assert_int_equal(size_of(2).status, 0);
    assert_int_equal(grant(GNTTABOP_get_version, &is, sizeof(is), 0), 0);
    assert_int_equal(is.version, 1);
    is.dom = 1;
    assert_int_equal(grant(GNTTABOP_get_version, &is, sizeof(is), 0), -EPERM);
    assert_int_equal(grant(GNTTABOP_set_version, &set, sizeof(set), 0), 0);
    set.version = 2;
    assert_int_equal(grant(GNTTABOP_set_version, &set, sizeof(set), 1), -ENOSYS);
    assert_int_equal(set.version, 1);
    set.version = 3;
    assert_int_equal(grant(GNTTABOP_set_version, &set, sizeof(set), 1), -EINVAL);
    assert_int_equal(grant(GNTTABOP_query_size, &size, sizeof(size), 2), -EINVAL);
    for (u64 cmd = 0; cmd < 14; cmd++)
        if (cmd != GNTTABOP_query_size && cmd != GNTTABOP_set_version && cmd != GNTTABOP_get_version)
            assert_int_equal(grant(cmd, &size, sizeof(size), 1), -ENOSYS);
    assert_null(dom(1)->grants); /* nobody has asked for a frame */
}

CALL_TEST(frames_come_with_use)
{
    struct domain *d = dom(1);

    d->max_grant_frames = 8;
    assert_int_equal(frame(1, 8, 16), -EINVAL);
    assert_int_equal(frame(1, ~0ull, 16), -EINVAL);
    assert_int_equal(frame(1, 1ull << 31, 16), -EINVAL); /* a status frame */
    assert_null(d->grants);
    assert_int_equal(frame(1, 5, 16), 0);
    assert_int_equal(size_of(1).nr_frames, 6);
    assert_int_equal(size_of(1).max_nr_frames, 8);
    assert_int_equal(d->mem.tot_pages, 0); /* Homestead's, not the guest's */
    struct np_entry entry = physmap_lookup(d, gfn(16));
    assert_int_equal(entry.type, NP_SPECIAL);
    assert_int_equal(entry.mfn.n, d->grants->frame[5].n);
    assert_int_equal(frame(1, 2, 17), 0);
    assert_int_equal(size_of(1).nr_frames, 6);

    /* It moves, and does not take away what has its old place. */
    assert_int_equal(frame(1, 5, 18), 0);
    assert_false(is_mapped(1, 16));
    assert_int_equal(frame(1, 2, 18), 0);
    assert_int_equal(frame(1, 5, 19), 0);
    assert_int_equal(physmap_lookup(d, gfn(18)).mfn.n, d->grants->frame[2].n);
    assert_int_equal(frame(1, 2, NP_GFN_LIMIT), -ENOENT);
    assert_int_equal(physmap_lookup(d, gfn(18)).mfn.n, d->grants->frame[2].n);
}

CALL_TEST(a_table_that_cannot_grow_stays_as_it_is)
{
    struct domain *d = dom(1);

    assert_int_equal(frame(1, 0, 16), 0);
    hog_all();
    u64 overhead = d->mem.overhead_pages;
    assert_int_equal(frame(1, 1, 17), -ENOMEM);
    unhog(3);
    assert_int_equal(frame(1, 63, 17), -ENOMEM); /* only a part of it */
    assert_int_equal(d->mem.overhead_pages, overhead);
    assert_int_equal(size_of(1).nr_frames, 1);
    assert_int_equal(frame(1, 2, 17), 0);
    unhog(~0u);
}

CALL_TEST(a_dying_domain_gets_no_frame)
{
    struct domain *d = dom(1);

    assert_int_equal(frame(1, 0, 16), 0);
    d->dying = true;
    assert_int_equal(frame(1, 3, 17), -ESRCH);
    assert_int_equal(frame(1, 0, 17), -ESRCH);
    d->dying = false;
    assert_int_equal(kill_all_steps(d), 0);
}
