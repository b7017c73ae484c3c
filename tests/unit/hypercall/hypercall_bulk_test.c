/* Lots of extents: what is kept when one of a lot fails, claims included; continuations that leave the claim
 * alone; 32-bit lists; limits on the address; exchange. */
#define GUEST_BASE 0x40000000ull
#include "hypercall_harness.h"

#define POPULATE XENMEM_populate_physmap
#define DECREASE XENMEM_decrease_reservation
#define ARG      0x100u
#define LIST     0x1000u

static struct xen_memory_reservation res;

/* The list at LIST, in the caller's word size. */
static void put_frame(u64 i, u64 g)
{
    u32 narrow = (u32)g;

    if (caller_64)
        put(LIST + 8 * i, &g, sizeof(g));
    else
        put(LIST + 4 * i, &narrow, sizeof(narrow));
}

static void extents(u64 nr, u64 first, u32 order, u32 flags)
{
    for (u64 i = 0; i < nr && i < 1024; i++)
        put_frame(i, first + (i << order));
    res = (struct xen_memory_reservation){
        .extent_start = at(LIST), .nr_extents = nr, .extent_order = order, .mem_flags = flags, .domid = 1};
}

static u64 put_reservation(u64 offset)
{
    u32 narrow[5] = {(u32)res.extent_start, (u32)res.nr_extents, res.extent_order, res.mem_flags, res.domid};

    return caller_64 ? PUT(offset, res) : PUT(offset, narrow);
}

static long do_extents(u32 cmd)
{
    return hypercall(__HYPERVISOR_memory_op, cmd, put_reservation(ARG), 0);
}

static struct mem_account *account;

static void setup_64(void)
{
    machine_setup();
    account = &domains[1]->mem;
}

static void setup_32(void)
{
    setup_64();
    caller_64 = false;
}

static void claim(nodeid_t nid, u64 pages)
{
    struct claim_entry entry = {.pages = pages, .node = nid};

    assert_int_equal(claim_install_set(account, &entry, 1, CLAIM_REPLACE), 0);
}

/* --- lots --- */

TEST(a_lot_is_one_copy)
{
    extents(64, 0, 0, 0);
    forget_walks();
    assert_int_equal(do_extents(POPULATE), 64);
    assert_int_equal(walks, 2); /* the argument and the list */
    assert_int_equal(account->tot_pages, 64);
    forget_walks();
    assert_int_equal(do_extents(DECREASE), 64);
    assert_int_equal(walks, 2);
    assert_int_equal(account->tot_pages, 0);
}

/* Lists that cross pages, are longer than a lot, and end where nothing is mapped. */
TEST(lists_of_any_length)
{
    u64 width = caller_64 ? 8 : 4;

    extents(300, 0, 0, 0);
    res.extent_start = at(LIST + 3 * width);
    res.nr_extents = 297;
    assert_int_equal(do_extents(POPULATE), 297);
    assert_null(find_mapping(domains[1], 2));
    for (u64 g = 3; g < 300; g++)
        assert_non_null(find_mapping(domains[1], g));
    hole_page = LIST + PAGE_SIZE;
    for (u64 i = 0; i < 100; i++) /* 100 numbers before the hole */
        put(LIST + PAGE_SIZE - (100 - i) * width, &(u64){1000 + i}, width);
    res.extent_start = at(LIST + PAGE_SIZE - 100 * width);
    res.nr_extents = 200;
    assert_int_equal(do_extents(POPULATE), 100);
    assert_non_null(find_mapping(domains[1], 1099));
    assert_int_equal(account->tot_pages, 397);
    assert_int_equal(do_extents(DECREASE), 100);
    assert_int_equal(account->tot_pages, 297);
}

/* The paging pool ends in the middle of a lot: what was mapped is kept, and claims are as if only that much
 * had been asked for. */
TEST(a_lot_that_fails_in_the_middle)
{
    claim(1, 200);
    place_fails_at = 40;
    extents(100, 0, 0, XENMEMF_exact_node(1));
    assert_int_equal(do_extents(POPULATE), 40);
    assert_int_equal(account->tot_pages, 40);
    assert_int_equal(account->node_claim[1], 160);
    assert_int_equal(account->outstanding, 160);
    assert_int_equal(mm_check(), 0);
    place_fails_at = 64 + 7; /* in the second lot */
    extents(200, 1000, 0, XENMEMF_exact_node(1));
    assert_int_equal(do_extents(POPULATE), 71);
    assert_int_equal(account->node_claim[1], 160 - 71);
    place_fails_at = 3;
    extents(6, 0x2000, 3, XENMEMF_exact_node(1));
    assert_int_equal(do_extents(POPULATE), 3);
    assert_int_equal(account->node_claim[1], 160 - 71 - 24);
    assert_int_equal(account->tot_pages, 40 + 71 + 24);
}

/* A frame number out of reach, or one the order does not divide, in the middle of a lot. */
TEST(odd_frames_in_a_lot)
{
    claim(0, 1000);
    extents(20, 0x800, 2, XENMEMF_exact_node(0));
    put_frame(7, 0x2001);
    put_frame(12, 0xfffffffffull);
    assert_int_equal(do_extents(POPULATE), caller_64 ? 12 : 20); /* 32-bit lists do not reach that far */
    if (caller_64)
        assert_int_equal(account->outstanding, 1000 - 48);
    for (u64 g = 0x2001; g < 0x2005; g++)
        assert_non_null(find_mapping(domains[1], g));
    assert_non_null(find_mapping(domains[1], 0x800 + 6 * 4));
    assert_null(find_mapping(domains[1], 0x800 + 7 * 4));
}

/* max_pages ends the lot, whatever the lots' size. */
TEST(the_limit_in_a_lot)
{
    account->max_pages = 70;
    extents(100, 0, 0, 0);
    assert_int_equal(do_extents(POPULATE), 70);
    account->max_pages = 70 + 3 * 512 + 511;
    extents(10, 0x1000, 9, 0);
    assert_int_equal(do_extents(POPULATE), 3);
    res.extent_start = 0;
    res.extent_order = 0;
    res.nr_extents = 1000;
    assert_int_equal(do_extents(XENMEM_increase_reservation), 511);
    assert_int_equal(account->tot_pages, account->max_pages);
}

/* A node's last pages, in a lot that wants more. */
TEST(the_last_pages_in_a_lot)
{
    struct mm_node_info info;

    assert_int_equal(claim_install_legacy(&domains[2]->mem, 3 * NODE_PAGES - 2000), 0);
    extents(1, 0x4000, 10, XENMEMF_exact_node(2));
    assert_int_equal(do_extents(POPULATE), 1);
    extents(1000, 0, 0, XENMEMF_exact_node(2));
    assert_int_equal(do_extents(POPULATE), 2000 - 1024);
    mm_node_get_info(2, &info);
    assert_int_equal(info.free_pages, NODE_PAGES - 2000);
    assert_int_equal(domains[2]->mem.outstanding, 3 * NODE_PAGES - 2000);
}

/* --- continuations --- */

/* Makes one step of the call. True: it wants to go on. */
static bool one_step(u32 cmd)
{
    u8 action = hypercall_dispatch(&caller).action;

    assert_int_equal(caller.hvm.regs.rdi & 63, cmd);
    return action == VERDICT_RETRY;
}

/* A large dirty extent is cleaned in steps. Neither the claim nor anything that is owned changes until it is
 * there; and what is claimed stays out of reach. */
TEST(dirty_memory_in_steps)
{
    u32 steps = 0;
    struct mm_node_info before, now;

    harness_cleared = 0;
    claim(2, NODE_PAGES);
    extents(1, 0x1000, 12, XENMEMF_exact_node(2));
    mm_node_get_info(2, &before);
    assert_int_equal(before.dirty_pages, NODE_PAGES);
    caller.hvm.regs =
        (struct hvm_regs){.rax = __HYPERVISOR_memory_op, .rdi = POPULATE, .rsi = put_reservation(ARG)};
    while (one_step(POPULATE)) {
        assert_true(++steps < 100);
        assert_int_equal(account->outstanding, NODE_PAGES);
        assert_int_equal(account->node_claim[2], NODE_PAGES);
        assert_int_equal(account->tot_pages, 0);
        assert_int_equal(caller.hvm.regs.rdi >> MEMOP_EXTENT_SHIFT, 0);
        mm_node_get_info(2, &now);
        assert_int_equal(now.free_pages, NODE_PAGES);
        assert_true(now.dirty_pages < before.dirty_pages); /* it gets on */
        before = now;
        mfn_t m;
        assert_int_equal(mm_alloc(&domains[2]->mem, 2, 0, MM_EXACT_NODE, &m), -ENOMEM);
    }
    assert_true(steps >= 2);
    assert_int_equal(caller.hvm.regs.rax, 1);
    assert_int_equal(account->outstanding, 0);
    assert_int_equal(account->own[2], NODE_PAGES);
    assert_int_equal(harness_cleared, NODE_PAGES); /* no work was done twice */
}

/* Destroyed between two steps: the call ends with what was done, and the claim is gone once. */
TEST(destroyed_between_two_steps)
{
    claim(2, NODE_PAGES);
    extents(1, 0x1000, 12, XENMEMF_exact_node(2));
    caller.hvm.regs =
        (struct hvm_regs){.rax = __HYPERVISOR_memory_op, .rdi = POPULATE, .rsi = put_reservation(ARG)};
    assert_true(one_step(POPULATE));
    assert_int_equal(domain_kill(domains[1]), 0);
    gone_checks = 0;
    while (one_step(POPULATE))
        ;
    assert_int_equal(caller.hvm.regs.rax, 0);
    assert_true(gone_checks > 0);
    assert_int_equal(account->outstanding, 0);
    assert_int_equal(account->tot_pages, 0);
}

/* Replacing took its time: the rest of the lot goes back, and comes again. */
TEST(a_lot_in_parts)
{
    claim(0, 1000);
    place_at_most = 5;
    yield_every = 3;
    extents(100, 0, 0, XENMEMF_exact_node(0));
    assert_int_equal(do_extents(POPULATE), 100);
    assert_int_equal(restarts, 6); /* 20 parts */
    assert_int_equal(account->outstanding, 900);
    assert_int_equal(account->tot_pages, 100);
    room_calls = 4;
    extents(1, 0x1000, 10, 0);
    assert_int_equal(do_extents(POPULATE), 1);
    assert_true(restarts >= 4);
}

/* --- limits on the address --- */

TEST(below_an_address)
{
    u64 limit = (1ull << 25) >> PAGE_SHIFT; /* 32 MiB: nodes 0 and 1 */

    extents(100, 0, 0, XENMEMF_node(2) | XENMEMF_address_bits(25));
    assert_int_equal(do_extents(POPULATE), 100);
    for (u64 g = 0; g < 100; g++)
        assert_true(find_mapping(domains[1], g)->m < limit);
    extents(2, 0x1000, 9, XENMEMF_node(2) | XENMEMF_address_bits(25));
    assert_int_equal(do_extents(POPULATE), 2);
    assert_true(find_mapping(domains[1], 0x1200)->m + 512 <= limit);
    extents(1, 0x2000, 0, XENMEMF_exact_node(2) | XENMEMF_address_bits(25));
    assert_int_equal(do_extents(POPULATE), 0);
    extents(1, 0x2000, 0, XENMEMF_exact_node(2) | XENMEMF_address_bits(26)); /* all of it */
    assert_int_equal(do_extents(POPULATE), 1);
    extents(1, 0x3000, 0, XENMEMF_address_bits(PAGE_SHIFT));
    assert_int_equal(do_extents(POPULATE), 0);
    extents(1, 0x3000, 0, XENMEMF_address_bits(255));
    assert_int_equal(do_extents(POPULATE), 1);
}

/* --- exchange: Xen's errors in their order, and then that it is for PV guests --- */

static struct xen_memory_reservation in, out;

static long exchange(u64 nr_exchanged, u64 *after)
{
    u64 width = caller_64 ? sizeof(struct xen_memory_reservation) : 20;

    res = in;
    put_reservation(ARG);
    res = out;
    put_reservation(ARG + width);
    put(ARG + 2 * width, &nr_exchanged, caller_64 ? 8 : 4);
    long rc = hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, at(ARG), 0);
    *after = 0;
    memcpy(after, guest + ARG + 2 * width, caller_64 ? 8 : 4);
    return rc;
}

TEST(exchange_is_for_pv)
{
    u64 after;

    extents(8, 0x200, 0, 0);
    assert_int_equal(do_extents(POPULATE), 8);
    claim(0, 500);
    in = (struct xen_memory_reservation){.extent_start = at(LIST), .nr_extents = 8, .domid = 1};
    out = (struct xen_memory_reservation){
        .extent_start = at(LIST), .nr_extents = 2, .extent_order = 2, .domid = 1};
    assert_int_equal(exchange(0, &after), -EOPNOTSUPP);
    assert_int_equal(after, 0);
    assert_int_equal(exchange(6, &after), -EOPNOTSUPP);
    assert_int_equal(after, 4);               /* whole extents of `out` */
    assert_int_equal(exchange(8, &after), 0); /* nothing left to do */
    assert_int_equal(after, 8);
    assert_int_equal(exchange(9, &after), -EINVAL);
    put_frame(0, 0x7777);
    assert_int_equal(exchange(0, &after), -EINVAL);
    in.extent_start = at(GUEST_BYTES);
    assert_int_equal(exchange(0, &after), -EFAULT);
    in.domid = out.domid = 77;
    assert_int_equal(exchange(3, &after), -ESRCH);
    assert_int_equal(after, 3);
    caller.domain = domains[2];
    in.domid = out.domid = 1;
    assert_int_equal(exchange(0, &after), -EPERM);
    out.mem_flags = XENMEMF_exact_node(0);
    assert_int_equal(exchange(0, &after), -EINVAL);
    out.nr_extents = 3;
    out.mem_flags = 0;
    assert_int_equal(exchange(0, &after), -EINVAL);
    out.extent_order = 10; /* not a guest's */
    assert_int_equal(exchange(0, &after), -EPERM);
    caller.domain = domains[0];
    assert_int_equal(exchange(0, &after), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_exchange | 1 << 6, at(ARG), 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, at(GUEST_BYTES - 40), 0), -EFAULT);
    assert_int_equal(account->tot_pages, 8);
    assert_int_equal(account->outstanding, 492);
}

#define ALSO_IN_32_BITS(name) \
    TEST_WITH(name##_32_bits, setup_32, machine_teardown) \
    { \
        name(); \
    }
ALSO_IN_32_BITS(a_lot_is_one_copy)
ALSO_IN_32_BITS(lists_of_any_length)
ALSO_IN_32_BITS(a_lot_that_fails_in_the_middle)
ALSO_IN_32_BITS(odd_frames_in_a_lot)
ALSO_IN_32_BITS(exchange_is_for_pv)
FIXTURE(setup_64, machine_teardown)
