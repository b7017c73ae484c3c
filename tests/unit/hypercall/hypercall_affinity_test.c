/*
 * domctl: affinity of vCPUs and of nodes, and the node affinity that follows the vCPUs'. make oracle compares the steps
 * with Xen (cases_affinity_auto.c); here are more nodes, CPUs that are missing, and where memory comes from.
 */
#include "calls.h"

#define MAP  0x800u
#define HARD XEN_VCPUAFFINITY_HARD
#define SOFT XEN_VCPUAFFINITY_SOFT

static long set_nodes(u8 map, u32 nr_bits)
{
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){PUT(MAP, map), nr_bits};
    return domctl(XEN_DOMCTL_setnodeaffinity, 1);
}

static long get_nodes(u16 domid, u32 nr_bits)
{
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){at(MAP), nr_bits};
    return domctl(XEN_DOMCTL_getnodeaffinity, domid);
}

CALL_TEST(node_affinity, .cpus = 3)
{
    static const u8 expected[17] = {2, [16] = 0xee};
    const u64 *affinity = &dom(1)->mem.affinity;
    u8 map[32];

    memset(map, 0xee, sizeof(map));
    PUT(MAP, map);
    assert_int_equal(set_nodes(2, 8), 0);
    assert_int_equal(*affinity, 2);
    assert_int_equal(get_nodes(1, 128), 0);
    GET(MAP, map);
    assert_memory_equal(map, expected, sizeof(expected));
    assert_int_equal(set_nodes(8, 8), -EINVAL); /* no such node */
    assert_int_equal(*affinity, 2);
    assert_int_equal(set_nodes(9, 2), 0); /* bit 3 is beyond what is given */
    assert_int_equal(*affinity, 1);
    assert_int_equal(set_nodes(0xf9, 8), 0); /* bits of no node are stored, too */
    assert_int_equal(domain_node_affinity(dom(1)), 0xf9);
    assert_int_equal(set_nodes(1, 8), 0);
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){GUEST_BASE - 1, 64};
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 1), -EFAULT);
    assert_int_equal(set_nodes(1, ~0u), -EINVAL);
    assert_int_equal(get_nodes(1, ~0u), -EINVAL); /* would be 512 MiB of zeroes */
    assert_int_equal(get_nodes(2, 8), 0);
    GET(MAP, map);
    assert_int_equal(map[0], 7);
}

CALL_TEST(vcpu_affinity)
{
    struct xen_domctl_vcpuaffinity *aff = &op.u.vcpuaffinity;
    const u64 *hard = dom(1)->vcpu[1]->hard_affinity, *soft = dom(1)->vcpu[1]->soft_affinity;
    u8 map[2] = {1, 3};

    *aff = (struct xen_domctl_vcpuaffinity){.vcpu = 2, .flags = XEN_VCPUAFFINITY_HARD};
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL);
    aff->vcpu = 1;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL); /* no map */
    aff->cpumap_hard = (struct xenctl_bitmap){PUT(MAP, map[0]), 8};
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), 0);
    assert_int_equal(hard[0], 1);
    assert_int_equal(soft[0], ~0ull);
    aff->flags = XEN_VCPUAFFINITY_SOFT;
    aff->cpumap_soft = (struct xenctl_bitmap){PUT(MAP + 1, map[1]), 8};
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), 0);
    assert_int_equal(soft[0], 1); /* the CPUs there are */
    map[0] = 2;                   /* no such CPU */
    PUT(MAP, map[0]);
    aff->flags = XEN_VCPUAFFINITY_HARD;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL);
    assert_int_equal(hard[0], 1);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuaffinity, 1), 0);
    GET(MAP, map[0]);
    assert_int_equal(map[0], 1);
    aff->flags = 0;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuaffinity, 1), -EINVAL);
}

/* --- automatic node affinity --- */

static long set_vcpu(u16 domid, u32 vcpu, u32 flags, u64 hard, u64 soft)
{
    op.u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){.vcpu = vcpu,
                                                         .flags = flags,
                                                         .cpumap_hard = {PUT(MAP, hard), 64},
                                                         .cpumap_soft = {PUT(MAP + 8, soft), 64}};
    return domctl(XEN_DOMCTL_setvcpuaffinity, domid);
}

static long set_all_nodes(u16 domid, u64 nodes)
{
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){PUT(MAP, nodes), 64};
    return domctl(XEN_DOMCTL_setnodeaffinity, domid);
}

static u64 reported(u16 domid)
{
    u64 nodes = 0;

    PUT(MAP, nodes);
    assert_int_equal(get_nodes(domid, 64), 0);
    GET(MAP, nodes);
    return nodes;
}

/* reported: by getnodeaffinity; wanted: by the allocator, 0 is no node in particular. */
#define assert_nodes(domid, is_reported, is_wanted) \
    do { \
        assert_int_equal(reported(domid), is_reported); \
        assert_int_equal(dom(domid)->mem.affinity, is_wanted); \
    } while (0)

/* CPUs n and n + 3 are on node n. claims.md CL-5.2. */
CALL_TEST(node_affinity_follows_the_vcpus, .cpus = 6)
{
    static const struct {
        u32 vcpu, flags;
        u64 hard, soft, reported, wanted;
    } steps[] = {
        {0, HARD, 0x12, 0, 7, 0}, /* the other vCPU may run anywhere */
        {1, HARD, 0x02, 0, 2, 2},
        {1, HARD, 0x24, 0, 6, 6},
        {1, SOFT, 0, 0x04, 6, 6}, /* the other prefers none */
        {0, SOFT, 0, 0x01, 4, 4}, /* of CPUs 0 and 2, which they prefer, they may run on 2 */
        {1, SOFT, 0, 0x01, 6, 6}, /* on none that they prefer */
        {0, SOFT, 0, 0x20, 4,
         4}, /* the one prefers CPU 5, the other may run there: the maps are united first */
        {0, HARD | SOFT, ~0ull, ~0ull, 7, 0},
        {1, HARD | SOFT, 0x09, ~0ull, 7, 0},
        {0, HARD, 0x09, 0, 1, 1},
        {0, SOFT, 0, 0, 1, 1},
        {0, HARD | SOFT, 1ull << 40 | 2, 1ull << 40, 3, 3}, /* no such CPU as 40 */
    };

    assert_nodes(1, 7, 0);
    for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
        assert_int_equal(set_vcpu(1, steps[i].vcpu, steps[i].flags, steps[i].hard, steps[i].soft), 0);
        if (reported(1) != steps[i].reported || dom(1)->mem.affinity != steps[i].wanted)
            print_error("step %u\n", i);
        assert_nodes(1, steps[i].reported, steps[i].wanted);
    }
    assert_nodes(2, 7, 0);
}

CALL_TEST(node_affinity_given_stays, .cpus = 6)
{
    assert_int_equal(set_all_nodes(1, 1), 0);
    assert_int_equal(set_vcpu(1, 0, HARD, 2, 0), 0);
    assert_int_equal(set_vcpu(1, 1, HARD, 2, 0), 0);
    assert_nodes(1, 1, 1);
    assert_int_equal(set_all_nodes(1, 0), -EINVAL);
    assert_int_equal(set_all_nodes(1, 7), 0); /* every node there is: given, too */
    assert_nodes(1, 7, 7);
    assert_int_equal(set_all_nodes(1, ~0ull >> 1), 0);
    assert_nodes(1, ~0ull >> 1, ~0ull >> 1);
    assert_int_equal(set_all_nodes(1, ~0ull), 0); /* automatic again, at once */
    assert_nodes(1, 2, 2);
    assert_int_equal(set_vcpu(1, 0, HARD, 4, 0), 0);
    assert_nodes(1, 6, 6);
}

CALL_TEST(node_affinity_without_vcpus, .cpus = 6)
{
    struct domain *d;

    assert_int_equal(try_create(5, 2, &d), 0);
    assert_nodes(5, ~0ull, 0);
    assert_int_equal(set_vcpu(5, 0, HARD, 2, 0), -ESRCH);
    assert_int_equal(set_all_nodes(5, 2), 0);
    assert_nodes(5, 2, 2);
    assert_int_equal(set_all_nodes(5, ~0ull), 0); /* nothing to follow yet: as on Xen it stays */
    assert_nodes(5, 2, 2);
    op.u.max_vcpus.max = 1;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, 5), -EINVAL);
    assert_nodes(5, 2, 2);
    op.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, 5), 0);
    assert_nodes(5, 7, 0);

    assert_int_equal(try_create(6, 1, &d), 0);
    assert_int_equal(set_all_nodes(6, 4), 0);
    op.u.max_vcpus.max = 1;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, 6), 0);
    assert_nodes(6, 4, 4);
}

static const struct machine_shape gaps = {
    .name = "node 1 has no CPU that came up, node 3 has none",
    .nr_cpus = 6,
    .nr_nodes = 4,
    .node_of = {0, 0, 1, 1, 2, 2},
    .missing = 1u << 2 | 1u << 3 | 1u << 5,
    .distance = {{10, 20, 20, 20}, {20, 10, 20, 20}, {20, 20, 10, 20}, {20, 20, 20, 10}}};

CALL_TEST(node_affinity_counts_cpus_that_are_up, .shape = &gaps)
{
    assert_nodes(1, 5, 0); /* all nodes with CPUs: no reason to prefer one of them to nodes 1 and 3 */
    assert_int_equal(set_vcpu(1, 0, HARD, 0x38, 0), 0);
    assert_int_equal(set_vcpu(1, 1, HARD, 0x20, 0), -EINVAL);
    assert_nodes(1, 5, 0);
    assert_int_equal(set_vcpu(1, 1, HARD, 0x3c, 0), 0);
    assert_nodes(1, 4, 4);
    assert_int_equal(set_vcpu(1, 0, HARD | SOFT, ~0ull, 0x0c), 0);
    assert_int_equal(set_vcpu(1, 1, SOFT, 0, 0x0c), 0); /* soft without a CPU that is up */
    assert_nodes(1, 5, 0);
}

/* A call that cannot write its reply sets nothing. */
CALL_TEST(affinity_that_failed_is_not_followed, .cpus = 3)
{
    assert_int_equal(set_vcpu(1, 0, HARD, 2, 0), 0);
    assert_int_equal(set_vcpu(1, 1, HARD, 2, 0), 0);
    write_protect(MAP);
    assert_int_equal(set_vcpu(1, 0, HARD | SOFT, 4, 1), -EFAULT);
    guest_paging = (struct hvm_paging){0};
    assert_nodes(1, 2, 2);
    assert_int_equal(dom(1)->vcpu[0]->hard_affinity[0], 2);
    assert_false(dom(1)->vcpu[0]->soft_effective);
}

/* Another CPU changes the other vCPU's affinity just before the node affinity is computed. */
static void pin_the_other(u32 level)
{
    static const u64 cpu_2[MAX_CPUS / 64] = {4}, all[MAX_CPUS / 64] = {~0ull};

    if (level != LOCK_ACCOUNT)
        return;
    on_first_lock = NULL;
    sched_set_affinity(dom(1)->vcpu[1], cpu_2, all);
    domain_update_node_affinity(dom(1));
}

CALL_TEST(of_two_changes_at_once_the_later_result_has_both, .cpus = 3)
{
    on_first_lock = pin_the_other;
    assert_int_equal(set_vcpu(1, 0, HARD, 4, 0), 0);
    assert_null(on_first_lock);
    assert_nodes(1, 4, 4);
}

static void assert_populates_on(nodeid_t nid, u64 first)
{
    u64 before = node_free(nid);

    assert_int_equal(populate_extents(16, first, 0, 0), 16);
    assert_in_range(before - node_free(nid), 16, 18); /* and tables */
}

/* The calling CPU is on node 0, where alone memory is clean. claims.md CL-5.1, CL-5.13. */
CALL_TEST(memory_comes_from_the_nodes_of_pinned_cpus, .cpus = 3)
{
    while (mm_scrub_step(0))
        ;
    assert_populates_on(0, 0);
    assert_int_equal(set_vcpu(1, 0, HARD, 4, 0), 0);
    assert_int_equal(set_vcpu(1, 1, HARD, 4, 0), 0);
    assert_populates_on(2, 0x200);
    assert_int_equal(set_vcpu(1, 0, HARD | SOFT, ~0ull, 2), 0);
    assert_int_equal(set_vcpu(1, 1, HARD | SOFT, ~0ull, 2), 0);
    assert_populates_on(1, 0x400);
    assert_int_equal(set_all_nodes(1, 4), 0);
    assert_populates_on(2, 0x600);
    assert_int_equal(set_all_nodes(1, ~0ull), 0);
    assert_populates_on(1, 0x800);
}

static long populate_itself(u64 nr, u64 first)
{
    call_from(1);
    extents(nr, first, 0, 0);
    res.domid = DOMID_SELF;
    long rc = do_extents(XENMEM_populate_physmap);
    call_from(0);
    return rc;
}

/*
 * What a guest takes back is on the nodes that it was given, in equal shares, or it gets nothing.
 * claims.md CL-5.6, CL-5.9.
 */
CALL_TEST(a_guest_stays_on_its_nodes, .cpus = 3)
{
    struct mem_account *mem = &dom(1)->mem;

    mem->max_pages = 1 << 20;
    call_from(1); /* with memory of node 0 */
    call_from(0);
    u64 own_0 = mem->own[0];
    assert_int_equal(set_all_nodes(1, 6), 0);
    assert_int_equal(populate_itself(640, 0x1000), 640);
    assert_int_equal(mem->own[0], own_0);
    assert_int_equal(mem->own[1], 320);
    assert_int_equal(mem->own[2], 320);
    assert_int_equal(set_all_nodes(1, 4), 0);
    u64 first = 0x2000;
    while (populate_itself(64, first) == 64)
        first += 64;
    assert_int_equal(populate_itself(64, first + 64), 0); /* its node is full */
    assert_int_equal(mem->own[0], own_0);
    assert_int_equal(mem->own[1], 320);
    assert_true(node_free(0) > 1024 && node_free(1) > 1024);
    extents(64, first + 64, 0, 0); /* domain 0 populates for it anywhere */
    assert_int_equal(do_extents(XENMEM_populate_physmap), 64);
}

/* A guest that was given no nodes: first the one with most of its memory, then others. claims.md CL-5.7. */
CALL_TEST(a_guest_stays_where_most_of_its_memory_is, .cpus = 3)
{
    struct mem_account *mem = &dom(1)->mem;

    mem->max_pages = 1 << 20;
    assert_int_equal(populate_extents(1024, 0x1000, 0, XENMEMF_exact_node(2)), 1024);
    call_from(1); /* on node 0, with 512 pages there */
    call_from(0);
    u64 own_0 = mem->own[0];
    assert_int_equal(populate_itself(64, 0x2000), 64);
    assert_int_equal(mem->own[2], 1024 + 64);
    assert_int_equal(mem->own[0], own_0);
    u64 first = 0x3000;
    for (; node_free(2); first += 64)
        assert_int_equal(populate_itself(64, first), 64);
    assert_int_equal(populate_itself(64, first), 64);
    assert_true(mem->own[0] + mem->own[1] > own_0);
}
