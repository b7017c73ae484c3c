/* memory_op: extents and continuations, claims (docs/claims.md section 2, each error in its order), the
 * physical map. */
#include "hypercall_harness.h"

#define POPULATE XENMEM_populate_physmap

static struct xen_memory_reservation res;

static long memory(u64 cmd, const void *arg, u64 size)
{
    return hypercall(__HYPERVISOR_memory_op, cmd, put(0x100, arg, size), 0);
}

/* nr extents at frames first, first + step, ... for domain 1 */
static void extents(u64 nr, u64 first, u32 order, u32 flags)
{
    for (u64 i = 0; i < nr && i < 1024; i++) {
        u64 g = first + (i << order);

        put(0x1000 + 8 * i, &g, sizeof(g));
    }
    res = (struct xen_memory_reservation){
        .extent_start = at(0x1000), .nr_extents = nr, .extent_order = order, .mem_flags = flags, .domid = 1};
}

static long do_extents(u32 cmd)
{
    return memory(cmd, &res, sizeof(res));
}

TEST(populate_on_nodes)
{
    extents(160, 0, 0, XENMEMF_exact_node(1));
    assert_int_equal(do_extents(POPULATE), 160);
    assert_int_equal(domains[1]->mem.own[1], 160);
    extents(3, 512, 9, XENMEMF_exact_node(0));
    assert_int_equal(do_extents(POPULATE), 3);
    assert_int_equal(domains[1]->mem.own[0], 3 * 512);
    extents(1, 0x40000, 18, XENMEMF_exact_node(0));
    assert_int_equal(do_extents(POPULATE), 0);
    extents(5, 0x8000, 0, XENMEMF_exact_node(5)); /* absent */
    assert_int_equal(do_extents(POPULATE), 0);
    extents(5, 0x8000, 0, XENMEMF_node(5)); /* any will do */
    assert_int_equal(do_extents(POPULATE), 5);
    extents(5, 0x8000, 0, XENMEMF_exact_node(64)); /* no node can be that */
    assert_int_equal(do_extents(POPULATE), 0);
    extents(5, 0x8000, 19, 0);
    assert_int_equal(do_extents(POPULATE), 0);
}

TEST(populate_replaces)
{
    extents(2, 7, 0, 0);
    assert_int_equal(do_extents(POPULATE), 2);
    assert_int_equal(do_extents(POPULATE), 2);
    assert_int_equal(domains[1]->mem.tot_pages, 2);
}

/* Stops when it should, goes on where it was, and ends with the whole count. */
TEST(populate_is_continued)
{
    yield_every = 1;
    extents(160, 0, 0, XENMEMF_exact_node(1));
    assert_int_equal(do_extents(POPULATE), 160);
    assert_int_equal(restarts, 2); /* after 64 and 128, not after the last one */
    assert_int_equal(domains[1]->mem.tot_pages, 160);
    for (u64 g = 0; g < 160; g++)
        assert_non_null(find_mapping(domains[1], g));
    yield_every = 2;
    extents(200, 1000, 0, 0);
    assert_int_equal(do_extents(POPULATE), 200);
    assert_int_equal(restarts, 1);
}

TEST(populate_short)
{
    extents(10, 0, 0, XENMEMF_exact_node(0));
    domains[1]->mem.max_pages = 4;
    assert_int_equal(do_extents(POPULATE), 4);
    domains[1]->mem.max_pages = 100000;
    res.extent_start = at(GUEST_BYTES - 24); /* the list ends after three */
    u64 zeros[3] = {100, 101, 102};
    put(GUEST_BYTES - 24, zeros, sizeof(zeros));
    assert_int_equal(do_extents(POPULATE), 3);
    res.extent_start = ~0ull - 7; /* and here it wraps */
    assert_int_equal(do_extents(POPULATE), 0);
    extents(3, NP_GFN_LIMIT - 2, 0, 0);
    assert_int_equal(do_extents(POPULATE), 2);
}

TEST(populate_refuses)
{
    extents(4, 0, 0, 0);
    res.domid = 77;
    assert_int_equal(do_extents(POPULATE), 0);
    assert_int_equal(do_extents(POPULATE | 3 << MEMOP_EXTENT_SHIFT), 3); /* nothing more than before */
    res.domid = 1;
    assert_int_equal(do_extents(POPULATE | 4 << MEMOP_EXTENT_SHIFT), 4);
    assert_int_equal(do_extents(POPULATE | 2 << MEMOP_EXTENT_SHIFT), 4);
    assert_int_equal(domains[1]->mem.tot_pages, 2);
    res.nr_extents = 1ull << 26;
    assert_int_equal(do_extents(POPULATE), 0);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, POPULATE, 0, 0), 0);
    extents(1, 0, 0, XENMEMF_address_bits(13));
    assert_int_equal(do_extents(POPULATE), 0);
    extents(1, 0, 0, XENMEMF_populate_on_demand);
    assert_int_equal(do_extents(POPULATE), 0);
    caller.domain = domains[2];
    extents(1, 0, 0, 0);
    assert_int_equal(do_extents(POPULATE), 0);
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(POPULATE), 1);
    assert_int_equal(domains[2]->mem.tot_pages, 1);
    extents(1, 0, 10, 0); /* too big for a guest */
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(POPULATE), 0);
}

/* No paging memory in the middle of it: pages and claim are as before. */
TEST(populate_that_cannot_map)
{
    assert_int_equal(claim_install_legacy(&domains[1]->mem, 100), 0);
    place_fails_at = 2;
    extents(5, 0, 2, XENMEMF_exact_node(1));
    assert_int_equal(do_extents(POPULATE), 2);
    assert_int_equal(domains[1]->mem.tot_pages, 8);
    assert_int_equal(domains[1]->mem.outstanding, 92);
    place_fails_at = 3; /* a frame number that the order does not divide goes in pieces of 1 */
    extents(1, 33, 3, 0);
    assert_int_equal(do_extents(POPULATE), 0);
    assert_int_equal(domains[1]->mem.tot_pages, 8);
    assert_int_equal(domains[1]->mem.outstanding, 92);
    assert_null(find_mapping(domains[1], 33));
    place_fails_at = ~0u;
    assert_int_equal(do_extents(POPULATE), 1);
    assert_non_null(find_mapping(domains[1], 40));
    extents(1, 1, 18, 0); /* 262144 pieces */
    assert_int_equal(do_extents(POPULATE), 0);
}

TEST(decrease)
{
    extents(20, 0, 0, 0);
    assert_int_equal(do_extents(POPULATE), 20);
    extents(30, 5, 0, 0);
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 15); /* then comes a hole */
    assert_int_equal(domains[1]->mem.tot_pages, 5);
    extents(1, 0, 3, 0); /* the extent has holes */
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 0);
    assert_int_equal(domains[1]->mem.tot_pages, 5);
    extents(2, 0, 0, 0);
    res.extent_start = 0;
    assert_int_equal(do_extents(XENMEM_increase_reservation), 2);
    assert_int_equal(domains[1]->mem.tot_pages, 7);
    yield_every = 0;
    extents(8, 51, 0, 0);
    assert_int_equal(do_extents(POPULATE), 8);
    extents(1, 51, 3, 0); /* need not be aligned */
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 1);
    assert_int_equal(domains[1]->mem.tot_pages, 7);
    extents(4, 2048, 9, 0); /* 2 MiB pieces of one extent of 8 MiB */
    assert_int_equal(do_extents(POPULATE), 4);
    extents(1, 2048, 11, 0);
    yield_every = 1;
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 1);
    assert_int_equal(restarts, 3);
}

/* Every fault from its own on: each error stands before those that follow. */
TEST(claim_errors_in_order)
{
    const u64 bad = 1ull << 40;
    struct mem_account *account = &domains[1]->mem;

    res = (struct xen_memory_reservation){
        .extent_start = 1, .nr_extents = bad, .extent_order = 1, .mem_flags = 1, .domid = DOMID_SELF};
    caller.domain = domains[2];
    account->dying = true;
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_claim_pages | 1 << 6, 0, 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_claim_pages, 0, 0), -EFAULT);
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
    res.extent_start = 0;
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
    res.extent_order = 0;
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
    res.mem_flags = 0;
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL); /* DOMID_SELF is nobody */
    res.domid = 1;
    assert_int_equal(do_extents(XENMEM_claim_pages), -EPERM);
    caller.domain = domains[0];
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
    account->dying = false;
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL); /* above max */
    account->max_pages = ~0ull;
    assert_int_equal(do_extents(XENMEM_claim_pages), -ENOMEM);
    res.nr_extents = 100;
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    assert_int_equal(account->outstanding, 100);
    assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
    res.nr_extents = 0;
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    assert_int_equal(account->outstanding, 0);
    /* Each field alone. */
    for (u32 field = 0; field < 3; field++) {
        res = (struct xen_memory_reservation){.extent_start = field == 0,
                                              .nr_extents = 100,
                                              .extent_order = field == 1,
                                              .mem_flags = field == 2,
                                              .domid = 1};
        assert_int_equal(do_extents(XENMEM_claim_pages), -EINVAL);
        assert_int_equal(account->outstanding, 0);
    }
}

TEST(figures)
{
    domid_t domid = 1;

    extents(20, 100, 0, 0);
    assert_int_equal(do_extents(POPULATE), 20);
    assert_int_equal(memory(XENMEM_current_reservation, &domid, 2), 20);
    assert_int_equal(memory(XENMEM_maximum_reservation, &domid, 2), 100000);
    assert_int_equal(memory(XENMEM_maximum_reservation | 1 << 6, &domid, 2), -EINVAL);
    assert_int_equal(memory(XENMEM_maximum_ram_page, &domid, 2), NR_NODES * NODE_PAGES);
    domid = 88;
    assert_int_equal(memory(XENMEM_current_reservation, &domid, 2), -ESRCH);
    caller.domain = domains[2];
    domid = 1;
    assert_int_equal(memory(XENMEM_current_reservation, &domid, 2), -EPERM);
    domid = DOMID_SELF;
    assert_int_equal(memory(XENMEM_current_reservation, &domid, 2), 0);
    assert_int_equal(memory(XENMEM_machine_memory_map, &domid, 2), -ENOSYS);
    assert_int_equal(memory(63, &domid, 2), -ENOSYS);
}

TEST(memory_map)
{
    struct e820_entry map[2] = {{0, 0xa0000, 1}, {0x100000, 0x700000, 1}}, got[2];
    struct xen_memory_map ask = {.nr_entries = 128, .buffer = at(0x9000)};
    struct xen_foreign_memory_map set = {.domid = 1, .map = {2, PUT(0x8000, map)}};

    caller.domain = domains[1];
    assert_int_equal(memory(XENMEM_memory_map, &ask, sizeof(ask)), -ENOSYS);
    caller.domain = domains[2];
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), -EPERM);
    caller.domain = domains[0];
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), 0);
    caller.domain = domains[1];
    assert_int_equal(memory(XENMEM_memory_map, &ask, sizeof(ask)), 0);
    GET(0x9000, got);
    assert_memory_equal(got, map, sizeof(map));
    GET(0x100, ask);
    assert_int_equal(ask.nr_entries, 2);
    ask.nr_entries = 1;
    assert_int_equal(memory(XENMEM_memory_map, &ask, sizeof(ask)), 0);
    GET(0x100, ask);
    assert_int_equal(ask.nr_entries, 1);
    caller.domain = domains[0];
    set.map.nr_entries = DOMAIN_MAX_E820 + 1;
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), -EINVAL);
    set.map = (struct xen_memory_map){2, at(GUEST_BYTES - 20)};
    assert_int_equal(memory(XENMEM_set_memory_map, &set, sizeof(set)), -EFAULT);
    assert_int_equal(domains[1]->nr_e820, 2);
}

TEST(shared_info)
{
    struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = 5};

    extents(10, 0, 0, 0);
    res.domid = 0;
    domains[0]->mem.max_pages = 1000;
    assert_int_equal(do_extents(POPULATE), 10);
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), 0);
    assert_int_equal(find_mapping(domains[0], 5)->type, NP_SPECIAL);
    assert_int_equal(domains[0]->mem.tot_pages, 9); /* the page that was there has gone */
    add.gpfn = 7;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), 0);
    assert_null(find_mapping(domains[0], 5));
    add.gpfn = NP_GFN_LIMIT;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -ENOENT);
    add.gpfn = ~0ull;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -EINVAL);
    add.gpfn = NP_GFN_LIMIT;
    add.idx = 1;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -EINVAL);
    add.space = XENMAPSPACE_gmfn_foreign;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -ENOSYS);
    add.space = XENMAPSPACE_dev_mmio;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -EINVAL);
    add.domid = 1;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -EACCES);
    add.domid = DOMID_SELF;
    add.space = 99;
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -EINVAL);
    assert_int_equal(memory(XENMEM_add_to_physmap | 0x10000ull << 6, &add, sizeof(add)), -EDOM);
    add.domid = 1;
    caller.domain = domains[2];
    assert_int_equal(memory(XENMEM_add_to_physmap, &add, sizeof(add)), -EPERM);
}

TEST(foreign_batch)
{
    struct xen_add_to_physmap_batch batch = {.domid = DOMID_SELF,
                                             .space = XENMAPSPACE_gmfn_foreign,
                                             .size = 4,
                                             .u.foreign_domid = 1,
                                             .idxs = at(0x2000),
                                             .gpfns = at(0x3000),
                                             .errs = at(0x4000)};
    u64 idxs[4] = {3, 4, 999, ~0ull}, gpfns[4] = {0x3f000, 0x3f001, 0x3f002, 0x3f003};
    s32 errs[4] = {7, 7, 7, 7};

    extents(10, 0, 0, 0);
    assert_int_equal(do_extents(POPULATE), 10);
    PUT(0x2000, idxs);
    PUT(0x3000, gpfns);
    PUT(0x4000, errs);
    yield_every = 1;
    assert_int_equal(memory(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), 0);
    assert_int_equal(restarts, 3);
    GET(0x4000, errs);
    assert_int_equal(errs[0], 0);
    assert_int_equal(errs[1], 0);
    assert_int_equal(errs[2], -EINVAL);
    assert_int_equal(errs[3], -EINVAL);
    assert_int_equal(find_mapping(domains[0], 0x3f001)->m, find_mapping(domains[1], 4)->m);
    batch.u.foreign_domid = 55;
    assert_int_equal(memory(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), 0);
    GET(0x4000, errs);
    assert_int_equal(errs[0], -ESRCH);
    struct xen_remove_from_physmap drop = {.domid = DOMID_SELF, .gpfn = 0x3f001};
    assert_int_equal(memory(XENMEM_remove_from_physmap, &drop, sizeof(drop)), 0);
    assert_int_equal(memory(XENMEM_remove_from_physmap, &drop, sizeof(drop)), -ENOENT);
    assert_int_equal(memory(XENMEM_add_to_physmap_batch | 5 << 6, &batch, sizeof(batch)), -EILSEQ);
    assert_int_equal(memory(XENMEM_add_to_physmap_batch | 4 << 6, &batch, sizeof(batch)), -EILSEQ);
    batch.errs = 8;
    assert_int_equal(memory(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -EFAULT);
    batch.errs = at(0x4000);
    batch.space = XENMAPSPACE_gmfn_range;
    assert_int_equal(memory(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -EOPNOTSUPP);
    /* A guest gets no other domain's memory, not even from domain 0. */
    batch.domid = 2;
    batch.space = XENMAPSPACE_gmfn_foreign;
    batch.u.foreign_domid = 1;
    assert_int_equal(memory(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), 0);
    GET(0x4000, errs);
    assert_int_equal(errs[0], -EPERM);
    assert_null(find_mapping(domains[2], 0x3f000));
    batch.domid = DOMID_SELF;
    batch.space = XENMAPSPACE_gmfn_foreign;
    batch.u.foreign_domid = 1;
    caller.domain = domains[2];
    assert_int_equal(memory(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), 0);
    GET(0x4000, errs);
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(errs[i], -EPERM);
    assert_null(find_mapping(domains[2], 0x3f000));
}

FIXTURE(machine_setup, machine_teardown)
