/*
 * Grant tables: sizes and versions, how a table grows, where its frames are, and who may have them. What is done with
 * grants: hypercall_grant_map_test.c. Answers beside Xen's: group grants.
 */
#include "calls.h"

#include <domain/grant/entry.h>

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

/* In 64-bit mode, whatever the test is about. */
static long memory_64(u64 cmd, const void *arg, u64 size)
{
    bool before = guest_64;

    guest_64 = true;
    long rc = memory(cmd, arg, size);
    guest_64 = before;
    return rc;
}

static long frame(u16 domid, u64 index, u64 gpfn)
{
    struct xen_add_to_physmap add = {
        .domid = domid, .space = XENMAPSPACE_grant_table, .idx = index, .gpfn = gpfn};

    return memory_64(XENMEM_add_to_physmap, &add, sizeof(add));
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
    const u64 missing[] = {
        3, GNTTABOP_unmap_and_replace, GNTTABOP_cache_flush, 13, 14, 0x1000 | GNTTABOP_query_size, ~0u};
    for (u32 i = 0; i < ARRAY_SIZE(missing); i++)
        assert_int_equal(grant(missing[i], &size, sizeof(size), 1), -ENOSYS);
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
    unhog(2 * 3);                                /* each with the pages for what is in use */
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

static struct gnttab_setup_table set_up(u16 domid, u32 nr)
{
    struct gnttab_setup_table setup = {.dom = domid, .nr_frames = nr, .status = 9, .frame_list = at(LIST)};
    u64 raw[3] = {domid | (u64)nr << 32, 9 | at(LIST) << 32, 0};
    u64 ones[8];

    memset(ones, 0xff, sizeof(ones));
    put(LIST, ones, sizeof(ones));
    if (guest_64)
        assert_int_equal(grant(GNTTABOP_setup_table, &setup, sizeof(setup), 1), 0);
    else
        assert_int_equal(grant(GNTTABOP_setup_table, raw, sizeof(raw), 1), 0);
    setup.status = guest_64 ? setup.status : (s16)raw[1];
    return setup;
}

CALL_TEST(setup_table_tells_where_the_frames_are)
{
    u64 list[4];
    u32 narrow[4];

    assert_int_equal(frame(1, 1, 40), 0);
    assert_int_equal(set_up(1, 3).status, GNTST_okay);
    assert_int_equal(size_of(1).nr_frames, 3);
    get(LIST, list, sizeof(list));
    get(LIST, narrow, sizeof(narrow));
    if (guest_64)
        assert_true(list[0] == ~0ull && list[1] == 40 && list[2] == ~0ull);
    else
        assert_true(narrow[0] == ~0u && narrow[1] == 40 && narrow[2] == ~0u);
    assert_int_equal(set_up(1, 0).status, GNTST_okay);
    assert_int_equal(size_of(1).nr_frames, 3);
    assert_int_equal(set_up(1, GRANT_FRAMES_MAX + 1).status, GNTST_general_error);
    assert_int_equal(set_up(88, 1).status, GNTST_bad_domain);
    call_from(2);
    assert_int_equal(set_up(1, 1).status, GNTST_permission_denied);
    assert_int_equal(set_up(DOMID_SELF, 1).status, GNTST_okay);
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1, .frame_list = at(GUEST_BYTES)};
    if (guest_64)
        assert_int_equal(grant(GNTTABOP_setup_table, &setup, sizeof(setup), 1), 0);
    assert_int_equal(setup.status, guest_64 ? GNTST_bad_virt_addr : 0);
    assert_int_equal(grant(GNTTABOP_setup_table, &setup, sizeof(setup), 2), -EINVAL);
}
ALSO_IN_32_BITS(setup_table_tells_where_the_frames_are)

/* --- acquire_resource --- */

static struct xen_mem_acquire_resource resource;
#define NO_LIST 1u

static long acquire(u16 domid, u64 first, u32 nr, u64 g, u32 flags)
{
    u32 narrow[7] = {domid | XENMEM_resource_grant_table << 16, 0, nr, 0, (u32)first, (u32)(first >> 32),
                     flags & NO_LIST ? 0 : (u32)at(LIST)};

    resource = (struct xen_mem_acquire_resource){.domid = domid,
                                                 .type = XENMEM_resource_grant_table,
                                                 .nr_frames = nr,
                                                 .frame = first,
                                                 .frame_list = flags & NO_LIST ? 0 : at(LIST)};
    for (u32 i = 0; i < MIN(nr, 100u); i++)
        put_frame(i, g + i);
    if (guest_64)
        PUT(ARG, resource);
    else
        PUT(ARG, narrow);
    long rc = hypercall(__HYPERVISOR_memory_op, XENMEM_acquire_resource, at(ARG), 0);
    if (guest_64)
        GET(ARG, resource);
    else
        GET(ARG, narrow);
    resource.nr_frames = guest_64 ? resource.nr_frames : narrow[2];
    return rc;
}

static long forget(u64 g)
{
    const struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = g};

    return memory_64(XENMEM_remove_from_physmap, &remove, sizeof(remove));
}

#define WINDOW 0x5000u

CALL_TEST(the_control_domain_fills_in_anothers_table)
{
    struct grant_entry_v1 entry = {GTF_permit_access, 0, 77};

    assert_int_equal(acquire(1, 0, 0, 0, NO_LIST), 0);
    assert_int_equal(resource.nr_frames, GRANT_FRAMES_MAX);
    assert_null(dom(1)->grants);
    assert_int_equal(acquire(1, 1, 2, WINDOW, 0), 0);
    assert_int_equal(dom(1)->nr_acquired, 2);
    assert_int_equal(size_of(1).nr_frames, 3);
    assert_int_equal(physmap_write(dom0, (WINDOW << PAGE_SHIFT) + 8, &entry, sizeof(entry)), 0);
    const struct grant_entry_v1 *there = mfn_to_virt(dom(1)->grants->frame[1]);
    assert_int_equal(there[1].frame, 77);

    assert_int_equal(forget(WINDOW), 0);
    assert_int_equal(forget(WINDOW + 1), 0);
    assert_int_equal(dom(1)->nr_acquired, 0);
    assert_int_equal(forget(WINDOW), -ENOENT);
}
ALSO_IN_32_BITS(the_control_domain_fills_in_anothers_table)

CALL_TEST(what_cannot_be_acquired)
{
    struct domain *d = dom(1);

    d->max_grant_frames = 4;
    assert_int_equal(acquire(1, 4, 1, WINDOW, 0), -EINVAL);
    assert_int_equal(acquire(1, 1ull << 32, 1, WINDOW, 0), -EINVAL);
    assert_int_equal(acquire(1, ~0u, 1, WINDOW, 0), -EINVAL);
    assert_int_equal(acquire(1, 0, 0, WINDOW, 0), -EINVAL);
    assert_int_equal(acquire(1, 0, 1, WINDOW, NO_LIST), -EINVAL);
    assert_int_equal(acquire(1, 0, ~0u, WINDOW, 0), -EINVAL);
    assert_int_equal(acquire(88, 0, 1, WINDOW, 0), -ESRCH);
    assert_int_equal(acquire(DOMID_SELF, 0, 1, WINDOW, 0), -ESRCH);
    assert_int_equal(acquire(0, 0, 1, WINDOW, 0), -EPERM);
    assert_int_equal(acquire(1, 0, 1, NP_GFN_LIMIT, 0), -ENOENT);
    assert_int_equal(d->nr_acquired, 0);
    for (u16 type = 0; type < 4; type++) {
        struct xen_mem_acquire_resource acq = {
            .domid = 1, .type = type, .id = 1, .nr_frames = 1, .frame_list = at(LIST)};
        const long rc[] = {-ENOENT, -EINVAL, -EINVAL, -EOPNOTSUPP};

        assert_int_equal(memory(XENMEM_acquire_resource, &acq, sizeof(acq)), rc[type]);
        acq.pad = 1;
        assert_int_equal(memory(XENMEM_acquire_resource, &acq, sizeof(acq)), -EINVAL);
    }
    call_from(2);
    assert_int_equal(acquire(2, 0, 1, WINDOW, 0), -EACCES);
}

CALL_TEST(an_acquired_frame_outlives_its_domain)
{
    struct domain *d = dom(1);
    u64 free = free_pages();

    assert_int_equal(acquire(1, 0, 1, WINDOW, 0), 0);
    assert_int_equal(acquire(1, 0, 1, WINDOW + 1, 0), 0); /* at a second place */
    assert_int_equal(acquire(1, 1, 1, WINDOW, 0), 0);     /* and one over the other */
    assert_int_equal(d->nr_acquired, 2);
    assert_int_equal(kill_all_steps(d), 0);
    assert_true(exists(1));
    assert_int_equal(acquire(1, 0, 1, WINDOW + 2, 0), -EBUSY);
    assert_int_equal(forget(WINDOW), 0);
    assert_true(exists(1));
    assert_int_equal(forget(WINDOW + 1), 0);
    assert_false(exists(1));
    assert_true(free_pages() > free);
}

/* A third domain that dies gives back what it maps: in the product only domain 0 does. */
CALL_TEST(the_end_of_who_acquired)
{
    struct domain *d = dom(1);

    assert_int_equal(acquire(1, 0, 3, WINDOW, 0), 0);
    assert_int_equal(kill_all_steps(d), 0);
    assert_true(exists(1)); /* the machine's end destroys domain 0 */
}

static void many_are_continued(void)
{
    yield_every = 3;
    assert_int_equal(acquire(1, 0, 60, WINDOW, 0), 0);
    assert_true(restarts >= 19);
    assert_int_equal(dom(1)->nr_acquired, 60);
    yield_every = 0;
    assert_int_equal(acquire(1, 60, 6, WINDOW + 60, 0), -EINVAL); /* some are there then, as on Xen */
    for (u32 i = 0; i < 60; i++)
        assert_int_equal(forget(WINDOW + i), 0);
}
CALL_TEST(acquiring_is_continued)
{
    many_are_continued();
}
