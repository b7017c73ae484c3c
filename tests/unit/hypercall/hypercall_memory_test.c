/* memory_op: extents and continuations, legacy claims (docs/hypervisor-guide/mm/claims.md section 2, each error in its order), the physical
 * map. */
#include "calls.h"

#define POPULATE XENMEM_populate_physmap
#define DECREASE XENMEM_decrease_reservation

/* claims.md CL-5.4. */
CALL_TEST(populate_on_nodes)
{
    const u64 *own = dom(1)->mem.own;
    const struct {
        u32 nr, order, flags;
        long done;
    } calls[] = {
        {160, 0, XENMEMF_exact_node(1), 160},
        {3, 9, XENMEMF_exact_node(2), 3},
        {1, 18, XENMEMF_exact_node(2), 0},
        {5, 0, XENMEMF_exact_node(5), 0},  /* absent */
        {5, 0, XENMEMF_node(5), 5},        /* any will do */
        {5, 0, XENMEMF_exact_node(64), 0}, /* no node can be that */
        {5, 19, 0, 0},
    };

    for_each_row (i, calls)
        assert_int_equal(populate_extents(calls[i].nr, 0x40000 * (i + 1), calls[i].order, calls[i].flags),
                         calls[i].done);
    assert_true(own[0] == 5 && own[1] == 160 && own[2] == 3 * 512);
}

/* Stops when it should, goes on where it was, and ends with the whole count. */
CALL_TEST(populate_is_continued)
{
    yield_every = 1;
    assert_int_equal(populate_extents(160, 0, 0, XENMEMF_exact_node(1)), 160);
    assert_int_equal(restarts, 2); /* after 64 and 128, not after the last one */
    assert_int_equal(dom(1)->mem.tot_pages, 160);
    for (u64 g = 0; g < 160; g++)
        assert_true(is_mapped(1, g));
}
ALSO_IN_32_BITS(populate_is_continued)

CALL_TEST(populate_refuses)
{
    extents(4, 0, 0, 0);
    res.domid = 77;
    assert_int_equal(do_extents(POPULATE), 0);
    assert_int_equal(do_extents(POPULATE | 3 << MEMOP_EXTENT_SHIFT), 3); /* nothing more than before */
    res.domid = 1;
    assert_int_equal(do_extents(POPULATE | 4 << MEMOP_EXTENT_SHIFT), 4);
    assert_int_equal(do_extents(POPULATE | 2 << MEMOP_EXTENT_SHIFT), 4);
    assert_int_equal(dom(1)->mem.tot_pages, 2);
    assert_int_equal(populate_extents(3, NP_GFN_LIMIT - 2, 0, 0), 2);
    res.extent_start = ~0ull - 7; /* the list wraps */
    assert_int_equal(do_extents(POPULATE), 0);
    res.nr_extents = 1ull << 26;
    assert_int_equal(do_extents(POPULATE), 0);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, POPULATE, 0, 0), 0);
    assert_int_equal(populate_extents(1, 0, 0, XENMEMF_address_bits(12)), 0);
    extents(1, 0x300, 0, XENMEMF_populate_on_demand);
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(POPULATE), 0);
    call_from(2);
    u64 before = dom(2)->mem.tot_pages;
    assert_int_equal(populate_extents(1, 0, 0, 0), 0);
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(POPULATE), 1);
    assert_int_equal(dom(2)->mem.tot_pages, before + 1);
    res.extent_order = 10; /* too big for a guest */
    assert_int_equal(do_extents(POPULATE), 0);
    res.extent_order = 0;
    res.mem_flags = XENMEMF_exact_node(1); /* nor may it choose */
    assert_int_equal(do_extents(POPULATE), 0);
    res.mem_flags = XENMEMF_node(1); /* this is ignored */
    assert_int_equal(do_extents(POPULATE), 1);
    assert_int_equal(dom(2)->mem.own[1], 0);
}

/* No paging memory in the middle of it: pages and claim are as before. claims.md CL-4.13. */
CALL_TEST(populate_that_cannot_map)
{
    const struct mem_account *account = &dom(1)->mem;

    limit_tables(1, 3);
    assert_int_equal(claim_install_legacy(&dom(1)->mem, 100), 0);
    assert_int_equal(populate_extents(1, 2045, 3, 0),
                     0); /* in pieces, as its order does not divide it: 3 of 8 */
    assert_int_equal(account->tot_pages, 0);
    assert_int_equal(account->outstanding, 100);
    assert_false(is_mapped(1, 2045));
    limit_tables(1, 1); /* more is there by now, but one */
    assert_int_equal(do_extents(POPULATE), 1);
    assert_true(is_mapped(1, 2045) && is_mapped(1, 2052));
    assert_int_equal(account->tot_pages, 8);
    assert_int_equal(populate_extents(1, 1, 10, 0), 0); /* more than 512 pieces */
}

CALL_TEST(decrease)
{
    const u64 *pages = &dom(1)->mem.tot_pages;

    assert_int_equal(populate_extents(20, 0, 0, 0), 20);
    extents(30, 5, 0, 0);
    assert_int_equal(do_extents(DECREASE), 15); /* then comes a hole */
    assert_int_equal(*pages, 5);
    extents(1, 0, 3, 0); /* the extent has holes */
    assert_int_equal(do_extents(DECREASE), 0);
    assert_int_equal(*pages, 5);
    extents(2, 0, 0, 0);
    res.extent_start = 0;
    assert_int_equal(do_extents(XENMEM_increase_reservation), 2);
    assert_int_equal(*pages, 7);
    assert_int_equal(populate_extents(8, 51, 0, 0), 8);
    extents(1, 51, 3, 0); /* need not be aligned */
    assert_int_equal(do_extents(DECREASE), 1);
    assert_int_equal(*pages, 7);
    assert_int_equal(populate_extents(4, 2048, 9, 0), 4); /* 2 MiB pieces of one extent of 8 MiB */
    extents(1, 2048, 11, 0);
    yield_every = 1;
    assert_int_equal(do_extents(DECREASE), 1);
    assert_int_equal(restarts, 3);
    assert_int_equal(*pages, 7);
    assert_int_equal(do_extents(DECREASE), 0); /* nothing is there */
    extents(1, NP_GFN_LIMIT, 11, 0);
    assert_int_equal(do_extents(DECREASE), 0);
}

/*
 * Every fault from its own on: each error stands before those that follow.
 * claims.md CL-2.2 to CL-2.10, CL-2.12, CL-2.13.
 */
CALL_TEST(legacy_claim_errors_in_order)
{
    const u64 max = dom(1)->mem.max_pages, much = 1ull << 40;
    const struct {
        u16 from;
        struct xen_memory_reservation res;
        bool dying;
        u64 max;
        long rc;
        u64 outstanding;
    } calls[] = {
        {2, {1, much, 1, 1, DOMID_SELF}, true, max, -EINVAL, 0},
        {2, {0, much, 1, 1, DOMID_SELF}, true, max, -EINVAL, 0},
        {2, {0, much, 0, 1, DOMID_SELF}, true, max, -EINVAL, 0},
        {2, {0, much, 0, 0, DOMID_SELF}, true, max, -EINVAL, 0}, /* DOMID_SELF is nobody */
        {2, {0, much, 0, 0, 1}, true, max, -EPERM, 0},
        {2, {0, much, 0, 0, 2}, true, max, -EPERM, 0}, /* not for itself either */
        {0, {0, much, 0, 0, 1}, true, max, -EINVAL, 0},
        {0, {0, much, 0, 0, 1}, false, max, -EINVAL, 0}, /* above max */
        {0, {0, much, 0, 0, 1}, false, ~0ull, -ENOMEM, 0},
        {0, {0, 100, 0, 0, 1}, false, ~0ull, 0, 100},
        {0, {0, 100, 0, 0, 1}, false, ~0ull, -EINVAL, 100},
        {0, {0, 0, 0, 0, 1}, false, ~0ull, 0, 0},
        {0, {1, 100, 0, 0, 1}, false, ~0ull, -EINVAL, 0}, /* each field alone */
        {0, {0, 100, 1, 0, 1}, false, ~0ull, -EINVAL, 0},
        {0, {0, 100, 0, 1, 1}, false, ~0ull, -EINVAL, 0},
    };

    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_claim_pages | 1 << 6, 0, 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_claim_pages, 0, 0), -EFAULT);
    for_each_row (i, calls) {
        call_from(calls[i].from);
        dom(1)->mem.dying = calls[i].dying;
        dom(1)->mem.max_pages = calls[i].max;
        assert_int_equal(memory(XENMEM_claim_pages, &calls[i].res, sizeof(res)), calls[i].rc);
        assert_int_equal(dom(1)->mem.outstanding, calls[i].outstanding);
    }
}

CALL_TEST(figures_of_memory)
{
    const struct {
        u16 from, domid;
        u64 cmd;
        long rc;
    } calls[] = {
        {0, 1, XENMEM_current_reservation, 20},
        {0, 1, XENMEM_maximum_reservation, 100000},
        {0, 1, XENMEM_maximum_reservation | 1 << 6, -EINVAL},
        {0, 1, XENMEM_maximum_ram_page, FIRST(NR_NODES)},
        {0, 1, XENMEM_maximum_gpfn, 119},
        {0, 2, XENMEM_maximum_gpfn, 0},
        {0, 88, XENMEM_current_reservation, -ESRCH},
        {2, 1, XENMEM_current_reservation, -EPERM},
        {2, DOMID_SELF, XENMEM_current_reservation, 512},
        {2, DOMID_SELF, XENMEM_machine_memory_map, -ENOSYS},
        {2, DOMID_SELF, 63, -ENOSYS},
    };

    assert_int_equal(populate_extents(20, 100, 0, 0), 20);
    dom(1)->mem.max_pages = 100000;
    for_each_row (i, calls) {
        call_from(calls[i].from);
        assert_int_equal(memory(calls[i].cmd, &calls[i].domid, sizeof(domid_t)), calls[i].rc);
    }
}

CALL_TEST(memory_map)
{
    const struct e820_entry map[2] = {{0, 0xa0000, 1}, {0x100000, 0x700000, 1}};
    struct e820_entry got[2];
    struct xen_memory_map ask = {.nr_entries = 128, .buffer = at(0x9000)};
    struct xen_foreign_memory_map set = {.domid = 1, .map = {2, at(0x8000)}};

    call_from(1);
    assert_int_equal(memory(XENMEM_memory_map, &ask, sizeof(ask)), -ENOSYS);
    call_from(2);
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), -EPERM);
    call_from(0);
    PUT(0x8000, map);
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), 0);
    call_from(1);
    assert_int_equal(memory(XENMEM_memory_map, &ask, sizeof(ask)), 0);
    GET(0x9000, got);
    assert_memory_equal(got, map, sizeof(map));
    GET(ARG, ask);
    assert_int_equal(ask.nr_entries, 2);
    ask.nr_entries = 1;
    assert_int_equal(memory(XENMEM_memory_map, &ask, sizeof(ask)), 0);
    GET(ARG, ask);
    assert_int_equal(ask.nr_entries, 1);
    call_from(0);
    set.map.nr_entries = DOMAIN_MAX_E820 + 1;
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), -EINVAL);
    set.map = (struct xen_memory_map){2, at(GUEST_BYTES - 20)};
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), -EFAULT);
    assert_int_equal(dom(1)->nr_e820, 2);
}

CALL_TEST(add_to_physmap)
{
    const struct {
        u16 from;
        u64 cmd;
        struct xen_add_to_physmap add;
        long rc;
    } calls[] = {
        {0, 0, {DOMID_SELF, 0, XENMAPSPACE_shared_info, 0, NP_GFN_LIMIT}, -ENOENT},
        {0, 0, {DOMID_SELF, 0, XENMAPSPACE_shared_info, 0, ~0ull}, -EINVAL},
        {0, 0, {DOMID_SELF, 0, XENMAPSPACE_shared_info, 1, NP_GFN_LIMIT}, -EINVAL},
        {0, 0, {DOMID_SELF, 0, XENMAPSPACE_gmfn_foreign, 1, 0}, -ENOSYS},
        {0, 0, {DOMID_SELF, 0, XENMAPSPACE_dev_mmio, 1, 0}, -EINVAL},
        {0, 0, {1, 0, XENMAPSPACE_dev_mmio, 1, 0}, -EACCES},
        {0, 0, {88, 0, XENMAPSPACE_dev_mmio, 1, 0}, -ESRCH},
        {0, 0, {DOMID_SELF, 0, 99, 1, 0}, -EINVAL},
        {0, 0x10000ull << 6, {DOMID_SELF, 0, 99, 1, 0}, -EDOM},
        {2, 0, {1, 0, 99, 1, 0}, -EPERM},
    };
    struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = 5};
    u64 before = dom0->mem.tot_pages;

    extents(10, 0, 0, 0);
    res.domid = 0;
    assert_int_equal(do_extents(POPULATE), 10);
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), 0);
    assert_int_equal(physmap_lookup(dom0, gfn(5)).mfn.n, dom0->shared_info.n);
    assert_int_equal(dom0->mem.tot_pages, before + 9); /* the page that was there has gone */
    add.gpfn = 7;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), 0);
    assert_false(is_mapped(0, 5));
    assert_int_equal(dom0->shared_info_gfn.n, 7);
    for_each_row (i, calls) {
        call_from(calls[i].from);
        assert_int_equal(memory(XENMEM_add_to_physmap | calls[i].cmd, &calls[i].add, sizeof(add)),
                         calls[i].rc);
    }
}

static s32 errs[4];
static long add_batch(u64 start, const struct xen_add_to_physmap_batch *batch)
{
    memset(errs, 7, sizeof(errs));
    PUT(0x4000, errs);
    long rc = memory(XENMEM_add_to_physmap_batch | start << MEMOP_EXTENT_SHIFT, batch, sizeof(*batch));
    GET(0x4000, errs);
    return rc;
}

CALL_TEST(foreign_batch)
{
    const u64 idxs[4] = {3, 4, 999, ~0ull}, gpfns[4] = {0x3f000, 0x3f001, 0x3f002, 0x3f003};
    const struct xen_add_to_physmap_batch good = {.domid = DOMID_SELF,
                                                  .space = XENMAPSPACE_gmfn_foreign,
                                                  .size = 4,
                                                  .u.foreign_domid = 1,
                                                  .idxs = PUT(0x2000, idxs),
                                                  .gpfns = PUT(0x3000, gpfns),
                                                  .errs = at(0x4000)};
    struct xen_add_to_physmap_batch batch = good;
    const struct xen_remove_from_physmap drop = {.domid = DOMID_SELF, .gpfn = 0x3f001};

    assert_int_equal(populate_extents(10, 0, 0, 0), 10);
    PUT(0x2000, idxs); /* where the list was */
    yield_every = 1;
    assert_int_equal(add_batch(0, &batch), 0);
    assert_int_equal(restarts, 3);
    assert_true(errs[0] == 0 && errs[1] == 0 && errs[2] == -EINVAL && errs[3] == -EINVAL);
    assert_int_equal(physmap_lookup(dom0, gfn(0x3f001)).mfn.n, physmap_lookup(dom(1), gfn(4)).mfn.n);
    for (u32 i = 0; i < 2; i++) {
        batch.u.foreign_domid = i ? 0 : 55;
        assert_int_equal(add_batch(0, &batch), 0);
        assert_int_equal(errs[0], i ? -EPERM : -ESRCH); /* nor its own */
    }
    assert_int_equal(memory(XENMEM_remove_from_physmap, &drop, sizeof(drop)), 0);
    assert_int_equal(memory(XENMEM_remove_from_physmap, &drop, sizeof(drop)), -ENOENT);
    assert_int_equal(add_batch(5, &good), -EILSEQ);
    assert_int_equal(add_batch(4, &good), -EILSEQ);
    batch = good;
    batch.size = 0;
    assert_int_equal(add_batch(0, &batch), 0);
    batch = good;
    batch.errs = 8;
    assert_int_equal(add_batch(0, &batch), -EFAULT);
    batch = good;
    batch.idxs = 8;
    assert_int_equal(add_batch(0, &batch), -EFAULT);
    batch = good;
    batch.space = XENMAPSPACE_gmfn_range;
    assert_int_equal(add_batch(0, &batch), -EOPNOTSUPP);
    /* A guest gets no other domain's memory, not even from domain 0. */
    for (u32 i = 0; i < 2; i++) {
        batch = good;
        if (i == 0)
            batch.domid = 2;
        else
            call_from(2);
        PUT(0x2000, idxs);
        PUT(0x3000, gpfns);
        assert_int_equal(add_batch(0, &batch), 0);
        for (u32 k = 0; k < 4; k++)
            assert_int_equal(errs[k], -EPERM);
        assert_false(is_mapped(2, 0x3f000));
    }
}
