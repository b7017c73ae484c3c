/* Virtual NUMA: setvnumainfo, get_vnumainfo, memory by virtual node with claims, and what becomes of a topology. */
#include "calls.h"

#include <domain/vnuma.h>

#define DISTANCES 0x8000u
#define VCPUS     0xa000u
#define PNODES    0xb000u
#define RANGES    0xc000u

static struct xen_vnuma_topology_info info;

/* Two nodes, 0 on the host's node 2 and 1 on its node 1, with both vCPUs on node 1, and these distances. */
static void describe(u32 there, u32 back)
{
    const u32 distance[] = {10, there, back, 10}, vcpu[] = {1, 1}, pnode[] = {2, 1};
    const struct xen_vmemrange range[] = {{0, MIB(4), 0, 0}, {MIB(4), MIB(8), 0, 1}, {MIB(8), MIB(9), 0, 0}};

    op.u.vnuma = (struct xen_domctl_vnuma){.nr_vnodes = 2,
                                           .nr_vmemranges = 3,
                                           .nr_vcpus = 2,
                                           .vdistance = PUT(DISTANCES, distance),
                                           .vcpu_to_vnode = PUT(VCPUS, vcpu),
                                           .vnode_to_pnode = PUT(PNODES, pnode),
                                           .vmemrange = PUT(RANGES, range)};
}

static long set(u16 domid)
{
    return domctl(XEN_DOMCTL_setvnumainfo, domid);
}

/* Into the caller's memory, at the same offsets. */
static long get_into(u16 domid, u32 nr_vnodes, u32 nr_vcpus, u32 nr_vmemranges)
{
    static const u8 nothing[0x6000];

    put(DISTANCES, nothing, sizeof(nothing));
    info = (struct xen_vnuma_topology_info){.domid = domid,
                                            .nr_vnodes = nr_vnodes,
                                            .nr_vcpus = nr_vcpus,
                                            .nr_vmemranges = nr_vmemranges,
                                            .vdistance.h = at(DISTANCES),
                                            .vcpu_to_vnode.h = at(VCPUS),
                                            .vmemrange.h = at(RANGES)};
    long rc = memory(XENMEM_get_vnumainfo, &info, sizeof(info));
    GET(ARG, info);
    return rc;
}

static void check_read(u32 there, u32 back)
{
    u32 distance[4], vcpu[2];
    struct xen_vmemrange range[3];

    GET(DISTANCES, distance);
    GET(VCPUS, vcpu);
    GET(RANGES, range);
    assert_memory_equal(distance, ((u32[]){10, there, back, 10}), sizeof(distance));
    assert_true(vcpu[0] == 1 && vcpu[1] == 1);
    assert_true(range[0].end == MIB(4) && range[1].nid == 1 && range[2].start == MIB(8));
    assert_true(info.nr_vnodes == 2 && info.nr_vcpus == 2 && info.nr_vmemranges == 3);
}

CALL_TEST(a_topology_is_read_back)
{
    assert_int_equal(get_into(1, 2, 2, 3), -EOPNOTSUPP);
    describe(20, 30);
    assert_int_equal(set(1), 0);
    assert_int_equal(get_into(1, 2, 2, 3), 0);
    check_read(20, 30);
    describe(40, 50);
    assert_int_equal(set(1), 0);
    assert_int_equal(get_into(1, 7, 7, 7), 0);
    check_read(40, 50);
    assert_int_equal(get_into(2, 2, 2, 3), -EOPNOTSUPP);
    call_from(1);
    assert_int_equal(get_into(DOMID_SELF, 2, 2, 3), 0);
    check_read(40, 50);
    assert_int_equal(get_into(2, 2, 2, 3), -EPERM);
    assert_int_equal(set(1), -EPERM);
}
ALSO_IN_32_BITS(a_topology_is_read_back)

CALL_TEST(too_little_room_says_how_much)
{
    const u32 rooms[][3] = {{1, 2, 3}, {2, 1, 3}, {2, 2, 2}, {0, 0, 0}};

    describe(20, 30);
    assert_int_equal(set(1), 0);
    for_each_row (i, rooms) {
        u32 distance;
        assert_int_equal(get_into(1, rooms[i][0], rooms[i][1], rooms[i][2]), -ENOBUFS);
        assert_true(info.nr_vnodes == 2 && info.nr_vcpus == 2 && info.nr_vmemranges == 3);
        GET(DISTANCES, distance);
        assert_int_equal(distance, 0);
    }
}
ALSO_IN_32_BITS(too_little_room_says_how_much)

/* A refused topology leaves the one before, and no memory behind: the machine's end checks that. */
CALL_TEST(a_topology_that_is_refused)
{
    static const u32 flagged[6] = {[4] = 1};
    const struct {
        u32 offset, value;
        long rc;
    } numbers[] = {
        {VCPUS + 4, 2, -E2BIG}, {VCPUS, ~0u, -E2BIG}, {PNODES, 64, -E2BIG}, {PNODES + 4, ~0u, -E2BIG}};
    const struct {
        u32 nr_vnodes, nr_vmemranges, nr_vcpus, pad;
    } sizes[] = {{2, 3, 1, 0},  {2, 3, 3, 0},        {2, 3, 2, 1},  {0, 3, 2, 0},
                 {33, 3, 2, 0}, {1u << 16, 3, 2, 0}, {2, 171, 2, 0}};

    describe(20, 30);
    assert_int_equal(set(1), 0);
    u64 overhead = dom(1)->mem.overhead_pages;
    for_each_row (i, sizes) {
        describe(40, 50);
        op.u.vnuma.nr_vnodes = sizes[i].nr_vnodes;
        op.u.vnuma.nr_vmemranges = sizes[i].nr_vmemranges;
        op.u.vnuma.nr_vcpus = sizes[i].nr_vcpus;
        op.u.vnuma.pad = sizes[i].pad;
        assert_int_equal(set(1), -EINVAL);
    }
    for_each_row (i, numbers) {
        describe(40, 50);
        PUT(numbers[i].offset, numbers[i].value);
        assert_int_equal(set(1), numbers[i].rc);
    }
    describe(40, 50);
    PUT(RANGES + 24, flagged);
    assert_int_equal(set(1), -EINVAL);
    for (u32 i = 0; i < 4; i++) {
        describe(40, 50);
        (&op.u.vnuma.vdistance)[i] = at(GUEST_BYTES - 2);
        assert_int_equal(set(1), -EFAULT);
    }
    assert_int_equal(dom(1)->mem.overhead_pages, overhead);
    assert_int_equal(get_into(1, 2, 2, 3), 0);
    check_read(20, 30);
}

/* The largest one: distances and ranges fill a page each. */
CALL_TEST(a_topology_of_the_largest_size)
{
    u64 before = dom(1)->mem.overhead_pages;
    u32 last = 77;

    describe(20, 30);
    op.u.vnuma.nr_vnodes = 32;
    op.u.vnuma.nr_vmemranges = 170;
    PUT(DISTANCES + 4092, last);
    PUT(RANGES + 169 * 24, (u64[]){MIB(70)});
    assert_int_equal(set(1), 0);
    assert_int_equal(dom(1)->mem.overhead_pages, before + 4);
    assert_int_equal(get_into(1, 32, 2, 170), 0);
    u64 start;
    GET(DISTANCES + 4092, last);
    GET(RANGES + 169 * 24, start);
    assert_int_equal(last, 77);
    assert_int_equal(start, MIB(70));
    describe(20, 30);
    assert_int_equal(set(1), 0);
    assert_int_equal(dom(1)->mem.overhead_pages, before + 1);
}

CALL_TEST(get_vnumainfo_refuses)
{
    describe(20, 30);
    assert_int_equal(set(1), 0);
    assert_int_equal(get_into(77, 2, 2, 3), -ESRCH);
    info.pad = 1;
    info.domid = 1;
    assert_int_equal(memory(XENMEM_get_vnumainfo, &info, sizeof(info)), -EINVAL);
    info.pad = 0;
    assert_int_equal(memory(XENMEM_get_vnumainfo | 1 << MEMOP_EXTENT_SHIFT, &info, sizeof(info)), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, at(GUEST_BYTES - 4), 0),
                     -EFAULT);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(get_into(1, 2, 2, 3), 0);
        (&info.vdistance)[i].h = at(GUEST_BYTES - 2);
        assert_int_equal(memory(XENMEM_get_vnumainfo, &info, sizeof(info)), -EFAULT);
    }
}

/* Another CPU replaces the topology, or destroys the domain, while it is copied. */
static bool destroys;
static struct domain *d;
static void meanwhile(u32 level)
{
    struct vnuma *other;

    if (level != LOCK_PHYSMAP || !d->vnuma || d->vnuma->refs == 1)
        return;
    on_first_lock = NULL;
    if (destroys) {
        assert_int_equal(kill_all_steps(d), 0);
    } else {
        assert_int_equal(vnuma_alloc(d, 1, 0, &other), 0);
        assert_int_equal(vnuma_set(d, other), 0);
    }
    clean_all(); /* what has been freed is overwritten */
}

static void read_while_it_goes(void)
{
    d = dom(1);
    describe(20, 30);
    assert_int_equal(set(1), 0);
    on_first_lock = meanwhile;
    assert_int_equal(get_into(1, 2, 2, 3), 0);
    assert_null(on_first_lock);
    check_read(20, 30);
}

CALL_TEST(a_topology_is_replaced_while_it_is_read)
{
    destroys = false;
    read_while_it_goes();
    assert_int_equal(get_into(1, 2, 2, 3), 0);
    assert_int_equal(info.nr_vnodes, 1);
}

CALL_TEST(a_domain_is_destroyed_while_its_topology_is_read)
{
    destroys = true;
    read_while_it_goes();
    assert_int_equal(get_into(1, 2, 2, 3), -ESRCH);
}

CALL_TEST(a_dying_domain_gets_no_topology)
{
    struct vnuma *late;

    d = dom(1);
    describe(20, 30);
    assert_int_equal(set(1), 0);
    assert_int_equal(vnuma_alloc(d, 1, 0, &late), 0);
    populate(d, 0, 0);
    mfn_t pinned = physmap_lookup(d, gfn(0)).mfn;
    assert_int_equal(mm_pin(1, pinned), 0);
    assert_int_equal(kill_all_steps(d), 0);
    assert_int_equal(get_into(1, 2, 2, 3), -EOPNOTSUPP);
    assert_int_equal(vnuma_set(d, late), -EINVAL);
    describe(20, 30);
    assert_int_equal(set(1), -EINVAL);
    assert_true(mm_unpin(pinned));
    domain_reap();
}

CALL_TEST(memory_by_virtual_node)
{
    const u64 *own = dom(1)->mem.own;
    struct xen_memory_claim claims[] = {{.pages = 1024, .node = 2}, {.pages = 300, .node = 1}};

    assert_int_equal(populate_extents(1, 0, 0, XENMEMF_vnode | XENMEMF_exact_node(77)),
                     1); /* the node is ignored */
    describe(20, 30);
    assert_int_equal(set(1), 0);
    assert_int_equal(claim_set(1, claims, 2, 0), 0);
    assert_int_equal(populate_extents(200, 1, 0, XENMEMF_vnode | XENMEMF_exact_node(1)), 200);
    assert_int_equal(populate_extents(1, 512, 9, XENMEMF_vnode | XENMEMF_node(0)), 1);
    assert_true(own[1] == 200 && own[2] == 512);
    assert_int_equal(node_claimed(1), 100);
    assert_int_equal(node_claimed(2), 512);
    assert_int_equal(populate_extents(1, 1024, 0, XENMEMF_vnode | XENMEMF_node(2)), 0);
    assert_int_equal(populate_extents(1, 1024, 0, XENMEMF_vnode), 0);
    /* A guest may name its own virtual nodes, and no others. */
    describe(20, 30);
    assert_int_equal(set(2), 0);
    call_from(2);
    u64 before = dom(2)->mem.own[2];
    extents(1, 0x8000, 0, XENMEMF_vnode | XENMEMF_exact_node(0));
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 1);
    assert_int_equal(dom(2)->mem.own[2], before + 1);
    res.mem_flags = XENMEMF_vnode | XENMEMF_node(2);
    assert_int_equal(do_extents(XENMEM_populate_physmap), 0);
    assert_int_equal(populate_extents(1, 2048, 0, XENMEMF_vnode | XENMEMF_node(0)), 0);
}
ALSO_IN_32_BITS(memory_by_virtual_node)

/*
 * A guest that names no node, as a balloon driver does: 0 to 4 MiB and 8 to 9 MiB are on node 2, 4 to 8 MiB on node 1.
 * claims.md CL-5.8.
 */
CALL_TEST(a_guest_keeps_memory_on_its_virtual_nodes)
{
    static const u64 frames[] = {0x10, 0x410, 0x411, 0x11, 0x810, 0x900, 0x412};
    const u64 *own = dom(1)->mem.own;

    call_from(1); /* with memory of node 0, at 0x900 among others */
    call_from(0);
    u64 own_0 = own[0];
    describe(20, 30);
    assert_int_equal(set(1), 0);
    call_from(1);
    for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
        put_frame(i, frames[i]);
    res = (struct xen_memory_reservation){
        .extent_start = at(LIST), .nr_extents = ARRAY_SIZE(frames), .domid = DOMID_SELF};
    assert_int_equal(do_extents(XENMEM_populate_physmap), ARRAY_SIZE(frames));
    assert_int_equal(own[1], 3);
    assert_int_equal(own[2], 3);
    assert_int_equal(own[0], own_0 + 1); /* 0x900 is on none: the CPU's node */
    put_frame(0, 0x600);
    put_frame(1, 0x400);
    res.nr_extents = 2;
    res.extent_order = 9;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 2);
    assert_int_equal(own[1], 3 + 1024 - 3); /* over the three of before */
    res.extent_order = 0;
    res.nr_extents = 64;
    u64 before = own[2];
    for (u64 next = 0x80; node_free(2) > 256; next += 64) {
        call_from(0);
        assert_int_equal(populate_extents(64, 0x10000 + next, 0, XENMEMF_exact_node(2)), 64);
    }
    call_from(1);
    before = own[2];
    u64 there = node_free(2), taken = 0;
    for (u64 next = 0x80; next < 0x400; next += 64) {
        extents(64, next, 0, 0);
        res.domid = DOMID_SELF;
        long rc = do_extents(XENMEM_populate_physmap);
        taken += (u64)rc;
        if (rc < 64)
            break;
    }
    assert_int_equal(own[2], before + taken);
    assert_in_range(taken, 1, there);
    assert_true(node_free(0) > 1024);
    extents(1, 0x3ff, 0, 0); /* node 2 is full: nothing, and node 1 still has some */
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 0);
    extents(1, 0x700, 0, 0);
    res.domid = DOMID_SELF;
    assert_int_equal(do_extents(XENMEM_populate_physmap), 1);
}

static nodeid_t node_of_frame(u64 g)
{
    return mm_mfn_node(physmap_lookup(dom(1), gfn(g)).mfn);
}

/* Marked frames get memory of their virtual node as long as the cache has any of it. claims.md CL-4.24. */
CALL_TEST(marked_frames_get_memory_of_their_node)
{
    const struct xen_memory_claim set_of[] = {{.pages = 2, .node = 1}, {.pages = 1, .node = 2}};
    struct xen_pod_target pod = {.target_pages = 3, .domid = 1};

    dom(1)->mem.max_pages = 3000;
    describe(20, 30);
    assert_int_equal(set(1), 0);
    assert_int_equal(claim_set(1, set_of, 2, 0), 0);
    assert_int_equal(populate_extents(4, 0, 9, XENMEMF_populate_on_demand), 4);
    assert_int_equal(memory(XENMEM_set_pod_target, &pod, sizeof(pod)), 0);
    assert_int_equal(physmap_write(dom(1), MIB(4), "x", 1), 0);
    assert_int_equal(physmap_write(dom(1), MIB(1), "x", 1), 0);
    assert_int_equal(physmap_write(dom(1), MIB(2), "x", 1), 0);
    assert_int_equal(node_of_frame(0x400), 1);
    assert_int_equal(node_of_frame(0x100), 2);
    assert_int_equal(node_of_frame(0x200), 1); /* node 2's are used up */
}
