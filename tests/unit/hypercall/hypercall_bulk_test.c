/* Lots of extents: what is kept when one of a lot fails, claims included; continuations that leave the claim alone;
 * 32-bit lists; limits on the address; exchange. */
#include "calls.h"

#define POPULATE XENMEM_populate_physmap
#define DECREASE XENMEM_decrease_reservation

static void claim(nodeid_t nid, u64 pages)
{
    const struct claim_entry entry = {.pages = pages, .node = nid};

    assert_int_equal(claim_install_set(&dom(1)->mem, &entry, 1, CLAIM_REPLACE), 0);
}

/* --- lots --- */

static u32 nr_holds;
static void count_holds(u32 level)
{
    nr_holds += level == LOCK_PHYSMAP;
}

/* The argument, the list and the map: one hold of the physmap's lock for each. */
CALL_TEST(a_lot_is_one_copy)
{
    const struct {
        u32 cmd, pages;
    } calls[] = {{POPULATE, 64}, {DECREASE, 0}};

    extents(64, 0, 0, 0);
    for (u32 i = 0; i < 2; i++) {
        put_reservation(ARG);
        on_first_lock = count_holds;
        nr_holds = 0;
        assert_int_equal(hypercall(__HYPERVISOR_memory_op, calls[i].cmd, at(ARG), 0), 64);
        on_first_lock = NULL;
        assert_int_equal(nr_holds, 3);
        assert_int_equal(dom(1)->mem.tot_pages, calls[i].pages);
    }
}
ALSO_IN_32_BITS(a_lot_is_one_copy)

/* Lists that cross pages, are longer than a lot, and end where nothing is mapped. */
CALL_TEST(lists_of_any_length)
{
    const u64 width = guest_64 ? 8 : 4, end = GUEST_BYTES - 100 * width;

    extents(600, 0, 0, 0);
    res.extent_start = at(LIST + 3 * width);
    res.nr_extents = 597;
    assert_int_equal(do_extents(POPULATE), 597);
    for (u64 g = 0; g < 600; g++)
        assert_true(is_mapped(1, g) == (g >= 3));
    for (u64 i = 0; i < 100; i++)
        put(end + i * width, &(u64){1000 + i}, width);
    res.extent_start = at(end);
    res.nr_extents = 200;
    assert_int_equal(do_extents(POPULATE), 100);
    assert_true(is_mapped(1, 1099));
    assert_int_equal(dom(1)->mem.tot_pages, 697);
    assert_int_equal(do_extents(DECREASE), 100);
    assert_int_equal(dom(1)->mem.tot_pages, 597);
}
ALSO_IN_32_BITS(lists_of_any_length)

/* The paging pool ends in the middle of a lot: what was mapped is kept, and claims are as if only that much had been
 * asked for. */
CALL_TEST(a_lot_that_fails_in_the_middle)
{
    const struct {
        u32 nr, order, tables, done;
        u64 first;
    } calls[] = {
        {100, 0, 3, 40, 512 - 40},
        {200, 0, 1, 71, 4096 - 71}, /* in the second lot */
        {6, 3, 1, 3, 0x2000 - 24},
    };
    const struct mem_account *account = &dom(1)->mem;

    claim(1, 200);
    for_each_row (i, calls) {
        limit_tables(1, calls[i].tables); /* which may be covered by the claim, too */
        u64 claimed = account->outstanding, pages = account->tot_pages,
            more = calls[i].done << calls[i].order;
        assert_int_equal(populate_extents(calls[i].nr, calls[i].first, calls[i].order, XENMEMF_exact_node(1)),
                         calls[i].done);
        assert_int_equal(account->node_claim[1], claimed - more);
        assert_int_equal(account->outstanding, claimed - more);
        assert_int_equal(account->tot_pages, pages + more);
        assert_int_equal(mm_check(), 0);
    }
}
ALSO_IN_32_BITS(a_lot_that_fails_in_the_middle)

/* A frame number out of reach, or one the order does not divide, in the middle of a lot. */
CALL_TEST(odd_frames_in_a_lot)
{
    claim(1, 1000);
    extents(20, 0x800, 2, XENMEMF_exact_node(1));
    put_frame(7, 0x2001);
    put_frame(12, 0xfffffffffull);
    assert_int_equal(do_extents(POPULATE), guest_64 ? 12 : 20); /* 32-bit lists do not reach that far */
    assert_int_equal(dom(1)->mem.outstanding, 1000 - (guest_64 ? 48 : 80));
    for (u64 g = 0x2001; g < 0x2005; g++)
        assert_true(is_mapped(1, g));
    assert_true(is_mapped(1, 0x800 + 6 * 4));
    assert_false(is_mapped(1, 0x800 + 7 * 4));
}
ALSO_IN_32_BITS(odd_frames_in_a_lot)

/* max_pages ends the lot, whatever the lots' size. */
CALL_TEST(the_limit_in_a_lot)
{
    struct mem_account *account = &dom(1)->mem;

    account->max_pages = 70;
    assert_int_equal(populate_extents(100, 0, 0, 0), 70);
    account->max_pages = 70 + 3 * 512 + 511;
    assert_int_equal(populate_extents(10, 0x1000, 9, 0), 3);
    res.extent_start = 0;
    res.extent_order = 0;
    res.nr_extents = 1000;
    assert_int_equal(do_extents(XENMEM_increase_reservation), 511);
    assert_int_equal(account->tot_pages, account->max_pages);
}

/* --- continuations --- */

static u64 dirty_before;
static u32 steps;
static void nothing_changed_yet(void)
{
    const struct mem_account *account = &dom(1)->mem;
    mfn_t m;

    steps++;
    assert_int_equal(account->outstanding, NODE_PAGES);
    assert_int_equal(account->node_claim[2], NODE_PAGES);
    assert_int_equal(account->tot_pages, 0);
    assert_int_equal(caller->hvm.regs.rdi, POPULATE); /* and no extent done */
    assert_int_equal(node_free(2), NODE_PAGES);
    assert_true(node_dirty(2) < dirty_before); /* it gets on */
    dirty_before = node_dirty(2);
    assert_int_equal(mm_alloc(&dom(2)->mem, 2, 0, MM_EXACT_NODE, &m), -ENOMEM);
}

/* A large dirty extent is cleaned in steps. Neither the claim nor anything that is owned changes until it is there; and
 * what is claimed stays out of reach. */
CALL_TEST(dirty_memory_in_steps)
{
    claim(2, NODE_PAGES);
    dirty_before = node_dirty(2);
    assert_int_equal(dirty_before, NODE_PAGES);
    frames_cleared = steps = 0;
    on_restart = nothing_changed_yet;
    assert_int_equal(populate_extents(1, 0x1000, 12, XENMEMF_exact_node(2)), 1);
    assert_in_range(steps, 2, 100);
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(dom(1)->mem.own[2], NODE_PAGES);
    assert_int_equal(frames_cleared, NODE_PAGES); /* no work was done twice */
}

static void kill_between(void)
{
    on_restart = NULL;
    yield_every = 1;
    assert_int_equal(domain_kill(dom(1)), -ERESTART);
    yield_every = 0;
}

/* Destroyed between two steps: the call ends with what was done, and the claim is gone once. */
CALL_TEST(destroyed_between_two_steps)
{
    claim(2, NODE_PAGES);
    on_restart = kill_between;
    assert_int_equal(populate_extents(1, 0x1000, 12, XENMEMF_exact_node(2)), 0);
    assert_null(on_restart);
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(dom(1)->mem.tot_pages, 0);
}

/* Replacing 512 small mappings a 2 MiB extent takes its time: the rest of the lot goes back, and comes again. So does
 * making room for a larger one. */
CALL_TEST(a_lot_in_parts)
{
    for (u64 g = 0x1000; g < 0x2000; g += 1024)
        assert_int_equal(populate_extents(1024, g, 0, g < 0x1800 ? XENMEMF_exact_node(1) : 0), 1024);
    claim(2, 2048 + 100);
    yield_every = 1;
    assert_int_equal(populate_extents(4, 0x1000, 9, XENMEMF_exact_node(2)), 4);
    assert_int_equal(restarts, 1);
    assert_int_equal(dom(1)->mem.outstanding, 100);
    assert_int_equal(dom(1)->mem.tot_pages, 4096);
    yield_every = 0;
    assert_int_equal(populate_extents(1, 0x1800, 11, XENMEMF_exact_node(1)), 1);
    assert_true(restarts >= 2);
    assert_int_equal(dom(1)->mem.tot_pages, 4096);
}

/* --- limits on the address --- */

CALL_TEST(populate_below_an_address)
{
    const struct {
        u32 nr, order, flags, done;
    } calls[] = {
        {100, 0, XENMEMF_node(2) | XENMEMF_address_bits(25), 100}, /* 32 MiB: node 0 */
        {2, 9, XENMEMF_node(2) | XENMEMF_address_bits(25), 2},
        {1, 0, XENMEMF_exact_node(2) | XENMEMF_address_bits(25), 0},
        {1, 0, XENMEMF_exact_node(2) | XENMEMF_address_bits(26), 1}, /* all of it */
        {1, 0, XENMEMF_address_bits(PAGE_SHIFT), 0},
        {1, 0, XENMEMF_address_bits(255), 1},
    };

    for_each_row (i, calls) {
        u64 first = 0x1000 * i, step = BIT(calls[i].order);

        assert_int_equal(populate_extents(calls[i].nr, first, calls[i].order, calls[i].flags), calls[i].done);
        for (u64 g = first; i < 2 && g < first + calls[i].nr * step; g += step)
            assert_true(physmap_lookup(dom(1), gfn(g)).mfn.n + step <= FIRST(1));
    }
}

/* --- exchange: Xen's errors in their order, and then that it is for PV guests --- */

/* Puts `in` and `out` side by side, and before and after the number of what is exchanged. */
static long exchange(struct xen_memory_reservation in, struct xen_memory_reservation out, u64 *nr)
{
    const u64 width = guest_64 ? sizeof(in) : 20, bytes = guest_64 ? 8 : 4;

    res = in;
    put_reservation(ARG);
    res = out;
    put_reservation(ARG + width);
    put(ARG + 2 * width, nr, bytes);
    long rc = hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, at(ARG), 0);
    *nr = 0;
    get(ARG + 2 * width, nr, bytes);
    return rc;
}

CALL_TEST(exchange_is_for_pv)
{
    const u64 list = at(LIST), other_list = at(0x6000), none = at(GUEST_BYTES);
    const struct {
        u16 from;
        u64 before;
        struct xen_memory_reservation in, out;
        long rc;
        u64 after;
    } calls[] = {
        {0, 0, {list, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, -EOPNOTSUPP, 0},
        {0, 6, {list, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, -EOPNOTSUPP, 4}, /* whole extents of `out` */
        {0, 8, {list, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, 0, 8},           /* nothing left to do */
        {0, 9, {list, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, -EINVAL, 9},
        {0, 0, {other_list, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, -EINVAL, 0}, /* not mapped */
        {0, 0, {none, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, -EFAULT, 0},
        {0, 3, {none, 8, 0, 0, 77}, {list, 2, 2, 0, 77}, -ESRCH, 3},
        {2, 0, {none, 8, 0, 0, 1}, {list, 2, 2, 0, 1}, -EPERM, 0},
        {2, 0, {none, 8, 0, 0, 1}, {list, 2, 2, XENMEMF_exact_node(0), 1}, -EINVAL, 0},
        {0, 0, {none, 8, 0, 0, 1}, {list, 2, 2, XENMEMF_exact_node(64), 1}, -EINVAL, 0},
        {2, 0, {none, 8, 0, 0, 1}, {list, 3, 2, 0, 1}, -EINVAL, 0},
        {2, 0, {none, 8, 0, 0, 1}, {list, 3, 10, 0, 1}, -EPERM, 0}, /* not a guest's order */
        {0, 0, {none, 8, 0, 0, 1}, {list, 3, 10, 0, 1}, -EINVAL, 0},
    };

    put(0x6000, &(u64){0x7777}, 8);
    claim(1, 500);
    assert_int_equal(populate_extents(8, 0x200, 0, XENMEMF_exact_node(1)), 8);
    for_each_row (i, calls) {
        u64 nr = calls[i].before;

        call_from(calls[i].from);
        assert_int_equal(exchange(calls[i].in, calls[i].out, &nr), calls[i].rc);
        assert_int_equal(nr, calls[i].after);
    }
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_exchange | 1 << 6, at(ARG), 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, at(GUEST_BYTES - 40), 0), -EFAULT);
    assert_int_equal(dom(1)->mem.tot_pages, 8);
    assert_int_equal(dom(1)->mem.outstanding, 492);
}
ALSO_IN_32_BITS(exchange_is_for_pv)
