/*
 * Populate on demand: marked frames get pages of the cache, zero ones, from the right node; the target fills and cuts the
 * cache and redeems claims; what is given back stays for marked frames or goes. At the end random operations are compared
 * with a model of one array entry per frame.
 *
 * lint: long: one cache.
 */
#include <domain/vnuma.h>
#include <tests/machine/machine.h>
#include <tests/machine/test.h>
#include <xen/sched.h>

#define POD_TEST(name, ...) TEST(name, .node_mib = 64, .domains = 1, ##__VA_ARGS__)

static void (*on_sync)(struct domain *d);

/* Nobody runs; what a vCPU may do until it has stopped. */
void sched_sync_domain(struct domain *d)
{
    if (on_sync)
        on_sync(d);
}

static struct domain *make(u64 max_pages)
{
    struct domain *d = new_domain(1, 1);

    assert_int_equal(physmap_set_pool(d, 64), 0);
    d->mem.max_pages = max_pages;
    /* So that marks take no memory. */
    spin_lock(&d->physmap.lock);
    assert_int_equal(pod_make_lists(d), 0);
    spin_unlock(&d->physmap.lock);
    on_sync = NULL;
    return d;
}

static int mark(struct domain *d, u64 g, u32 order)
{
    u32 done = 7;
    gfn_t at = gfn(g);

    int rc = physmap_mark_pod(d, &at, order, 1, &done);
    assert_int_equal(done, rc == 0);
    return rc;
}

static int set_target(struct domain *d, u64 target)
{
    int rc;

    while ((rc = physmap_set_pod_target(d, target)) == -ERESTART)
        ;
    return rc;
}

static int give_up(struct domain *d, u64 g, u64 nr)
{
    gfn_t at = gfn(g);
    u32 done;

    int rc = physmap_give_up(d, &at, nr, 1, &done);
    while (physmap_pod_trim(d))
        ;
    return rc;
}

static void expect(struct domain *d, u64 tot, u64 cache, u64 entries)
{
    u64 got[3];

    physmap_pod_figures(d, &got[0], &got[1], &got[2]);
    assert_int_equal(got[0], tot);
    assert_int_equal(got[1], cache);
    assert_int_equal(got[2], entries);
}

/* Of the frame's memory, as words. */
static u64 *touched(struct domain *d, u64 g)
{
    struct np_entry entry = physmap_touch(d, gfn(g));

    assert_int_equal(entry.type, NP_RAM);
    return mfn_to_virt(entry.mfn);
}

static bool is_zero(const u64 *page)
{
    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++)
        if (page[i])
            return false;
    return true;
}

POD_TEST(the_lists_take_a_page_of_the_pool)
{
    struct domain *d = new_domain(1, 1);

    d->mem.max_pages = 10;
    u64 pool = d->physmap.pool_used;
    assert_int_equal(physmap_set_pool(d, pool), 0);
    assert_int_equal(mark(d, 0, 0), -ENOMEM);
    assert_int_equal(set_target(d, 2), -ENOMEM);
    assert_int_equal(physmap_set_pool(d, 64), 0);
    u64 free = free_pages();
    assert_int_equal(set_target(d, 2), 0);
    assert_int_equal(d->physmap.pool_used, pool + 1);
    assert_true(free_pages() == free - 2);
    assert_int_equal(mark(d, 0, 0), 0);
    assert_int_equal(d->physmap.pool_used, pool + 4); /* and three tables */
}

/* claims.md CL-4.20. */
POD_TEST(marked_frames_have_no_memory)
{
    struct domain *d = make(10000);
    u64 free = free_pages();

    assert_int_equal(mark(d, 0x200, 9), 0);
    assert_int_equal(mark(d, 0x40000, 18), 0);
    assert_int_equal(mark(d, 7, 0), 0);
    expect(d, 0, 0, 512 + BIT(18) + 1);
    assert_true(free_pages() == free);
    assert_int_equal(physmap_lookup(d, gfn(0x2ff)).type, NP_POD);
    assert_int_equal(physmap_lookup(d, gfn(0x2ff)).order, 9);
    assert_int_equal(physmap_lookup(d, gfn(0x4ffff)).order, 18);
    assert_true(!mfn_valid_value(physmap_lookup(d, gfn(7)).mfn));
    /* Again, smaller and larger: only what is new counts. */
    assert_int_equal(mark(d, 0x210, 4), 0);
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(mark(d, 0, 10), 0);
    expect(d, 0, 0, 1024 + BIT(18));
    assert_int_equal(mark(d, 1, 1), -EINVAL);
    assert_int_equal(mark(d, NP_GFN_LIMIT, 0), -EINVAL);
    assert_int_equal(mark(d, 0, MAX_ORDER + 1), -EINVAL);
    /* Nothing else may be there; then nothing changes. */
    populate(d, 0x433, 0);
    assert_int_equal(mark(d, 0x400, 9), -EEXIST);
    assert_int_equal(mark(d, 0x433, 0), -EEXIST);
    populate(d, 0x600, 9);
    assert_int_equal(mark(d, 0x610, 0), -EEXIST);
    assert_int_equal(mark(d, 0, 18), -EEXIST);
    expect(d, 513, 0, 1024 + BIT(18));
    /* A page of the domain's own replaces a mark. */
    populate(d, 0x201, 0);
    expect(d, 514, 0, 1023 + BIT(18));
    assert_int_equal(physmap_lookup(d, gfn(0x202)).type, NP_POD);
}

POD_TEST(marks_need_tables)
{
    struct domain *d = make(10000);

    assert_int_equal(physmap_set_pool(d, d->physmap.pool_used + 2), 0);
    assert_int_equal(mark(d, 0, 0), -ENOMEM);
    expect(d, 0, 0, 0);
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(set_target(d, 1), 0);
    /* A page of it needs a table. */
    assert_int_equal(physmap_touch(d, gfn(5)).type, NP_POD);
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_crash);
    guest_console_finish();
    assert_non_null(strstr(console, "page of its paging pool"));
    expect(d, 1, 1, 512);
}

/* claims.md CL-4.23. */
POD_TEST(a_touch_takes_the_largest_extent)
{
    struct domain *d = make(10000);

    assert_int_equal(set_target(d, 512 + 2), 0);
    expect(d, 514, 514, 0);
    assert_int_equal(mark(d, 0x40000, 18), 0);
    assert_true(is_zero(touched(d, 0x40123)));
    expect(d, 514, 2, BIT(18) - 512);
    assert_int_equal(physmap_lookup(d, gfn(0x40000)).order, 9);
    assert_int_equal(physmap_lookup(d, gfn(0x40200)).order, 9);
    assert_int_equal(physmap_lookup(d, gfn(0x40200)).type, NP_POD);
    assert_true(is_zero(touched(d, 0x40200)));
    assert_true(is_zero(touched(d, 0x40201)));
    expect(d, 514, 0, BIT(18) - 514);
    assert_int_equal(physmap_lookup(d, gfn(0x40200)).order, 0);
    /* The same through every way to guest memory. */
    assert_int_equal(set_target(d, 514 + 4), 0);
    assert_int_equal(physmap_write(d, 0x40300000, "x", 1), 0);
    mfn_t m;
    assert_int_equal(physmap_pin(d, gfn(0x40301), &m), 0);
    physmap_unpin(d, m);
    assert_int_equal(physmap_map_foreign(dom0, gfn(0x3f0000), d, gfn(0x40302)), 0);
    assert_int_equal(d->physmap.np.populate(d, gfn(0x40303)).type, NP_RAM);
    expect(d, 518, 0, BIT(18) - 518);
    assert_int_equal(physmap_remove(dom0, gfn(0x3f0000), 0, true), 0);
}

/* Extents break into single pages without being touched, and single pages are used before more break. */
POD_TEST(an_extent_becomes_single_pages)
{
    struct domain *d = make(10000);

    assert_int_equal(set_target(d, 1024), 0);
    for (u64 g = 0; g < 1024; g++)
        assert_int_equal(mark(d, 2 * g, 0), 0);
    for (u64 g = 0; g < 1024; g++) {
        u64 *page = touched(d, 2 * g);
        assert_true(is_zero(page));
        page[g % 512] = g + 1;
        if (g == 511) {
            assert_int_equal(mark(d, 0x40000, 9), 0);
            assert_true(is_zero(touched(d, 0x40000))); /* the other extent is whole still */
            assert_int_equal(physmap_lookup(d, gfn(0x40000)).order, 9);
            assert_int_equal(set_target(d, 1536), 0);
        }
    }
    for (u64 g = 0; g < 1024; g++)
        assert_int_equal(touched(d, 2 * g)[g % 512], g + 1);
    expect(d, 1536, 0, 0);
}

POD_TEST(targets)
{
    struct domain *d = make(3000);
    u64 free = free_pages();

    assert_int_equal(set_target(d, 3001), -EINVAL);
    assert_int_equal(set_target(d, ~0ull), -EINVAL);
    assert_int_equal(set_target(d, 1000), 0);
    assert_int_equal(set_target(d, 10), 0); /* the balloon driver's business */
    expect(d, 1000, 1000, 0);
    assert_true(free_pages() == free - 1000);
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(mark(d, 0x200, 9), 0);
    touched(d, 0);
    expect(d, 1000, 488, 512);
    assert_int_equal(set_target(d, 1010), 0);
    expect(d, 1010, 498, 512);
    assert_int_equal(set_target(d, 3000), 0); /* no more than there are frames for */
    expect(d, 1024, 512, 512);
    assert_int_equal(give_up(d, 0x210, 1), 0); /* and what is too much then goes */
    expect(d, 1023, 511, 511);
    assert_int_equal(set_target(d, 3000), 0);
    expect(d, 1023, 511, 511);
    assert_int_equal(give_up(d, 0, 512), 0);
    expect(d, 511, 511, 511);
    touched(d, 0x200);
    assert_int_equal(mark(d, 0x600, 0), 0);
    assert_int_equal(give_up(d, 0x211, 495), 0);
    expect(d, 17, 16, 16 + 0);
}

/* Without marked frames a domain that has memory keeps what it has. */
POD_TEST(targets_of_other_domains_change_nothing)
{
    struct domain *d = make(3000);

    populate(d, 0, 9);
    assert_int_equal(set_target(d, 3000), 0);
    assert_int_equal(set_target(d, 0), 0);
    expect(d, 512, 0, 0);
    assert_int_equal(kill_all_steps(d), 0);
    assert_int_equal(set_target(d, 3000), d->mem.max_pages < 3000 ? -EINVAL : 0);
    expect(d, 0, 0, 0);
}

POD_TEST(what_cannot_be_had_is_refused_first)
{
    struct domain *d = make(~0ull >> 1);
    u64 free = free_pages();

    assert_int_equal(set_target(d, free + 1), -ENOMEM);
    assert_int_equal(set_target(d, 1ull << 60), -ENOMEM);
    expect(d, 0, 0, 0);
    assert_true(free_pages() == free);
    /* What others have claimed is not there; its own claim is. */
    assert_int_equal(claim_install_legacy(&dom0->mem, dom0->mem.tot_pages + 1000), 0);
    assert_int_equal(set_target(d, free - 999), -ENOMEM);
    assert_int_equal(claim_install_legacy(&d->mem, 2000), 0);
    assert_int_equal(set_target(d, free - 999), -ENOMEM);
    assert_int_equal(set_target(d, free - 1000), 0);
    assert_int_equal(claim_outstanding(&d->mem), 0);
    assert_int_equal(free_pages(), 1000);
}

/*
 * The claim covers the target. Its memory comes from the nodes that were claimed, exactly.
 * claims.md CL-4.21, CL-4.22.
 */
TEST(a_target_redeems_claims, .nodes = 4, .node_mib = 16, .domains = 1)
{
    struct domain *d = make(100000);
    const struct claim_entry set[] = {
        {.pages = 700, .node = 1}, {.pages = 20, .node = 3}, {.pages = 30, .node = CLAIM_HOST}};
    u64 before[4];

    assert_int_equal(claim_install_set(&d->mem, set, 3, 0), 0);
    for (u32 n = 0; n < 4; n++)
        before[n] = node_free(n);
    assert_int_equal(mark(d, 0x40000, 18), 0);
    assert_int_equal(claim_outstanding(&d->mem), 750);
    assert_int_equal(set_target(d, 710), 0);
    assert_int_equal(before[1] - node_free(1), 700);
    assert_int_equal(before[3] - node_free(3), 10);
    assert_int_equal(claim_outstanding(&d->mem), 40);
    assert_int_equal(set_target(d, 720), 0);
    assert_int_equal(before[3] - node_free(3), 20);
    assert_int_equal(set_target(d, 760), 0);
    assert_int_equal(claim_outstanding(&d->mem), 0);
    assert_int_equal(before[1] - node_free(1), 700);
    expect(d, 760, 760, BIT(18));
}

/* Single pages of the node that is claimed, rather than large extents of another one. */
TEST(a_target_stays_on_claimed_nodes, .nodes = 2, .node_mib = 16, .domains = 1)
{
    struct domain *d = make(100000), *other = new_domain(2, 1);
    const struct claim_entry set[] = {{.pages = 1000, .node = 1}};
    mfn_t m;

    other->mem.max_pages = 100000;
    while (!mm_alloc(&other->mem, 1, ORDER_2M, MM_EXACT_NODE, &m))
        assert_int_equal(release_range(&other->mem, m, 8), 0);
    assert_int_equal(claim_install_set(&d->mem, set, 1, 0), 0);
    u64 before = node_free(0);
    assert_int_equal(set_target(d, 1000), 0);
    assert_int_equal(node_free(0), before);
    assert_int_equal(d->mem.own[1], 1000);
    expect(d, 1000, 1000, 0);
}

/*
 * A frame of a virtual node gets memory of its node as long as the cache has any, single pages if need be.
 * claims.md CL-4.24.
 */
TEST(virtual_nodes_get_their_own_memory, .nodes = 2, .node_mib = 32, .domains = 1)
{
    struct domain *d = make(100000);
    const struct claim_entry set[] = {{.pages = 516, .node = 0}, {.pages = 516, .node = 1}};
    struct vnuma *vnuma;

    assert_int_equal(vnuma_alloc(d, 2, 2, &vnuma), 0);
    vnuma->range[0] = (struct xen_vmemrange){.start = 0, .end = 0x400000, .nid = 0};
    vnuma->range[1] = (struct xen_vmemrange){.start = 0x400000, .end = 0x80000000, .nid = 1};
    vnuma->vnode_to_pnode[0] = 1;
    vnuma->vnode_to_pnode[1] = 0;
    assert_int_equal(vnuma_set(d, vnuma), 0);
    assert_int_equal(claim_install_set(&d->mem, set, 2, 0), 0);
    assert_int_equal(set_target(d, 1032), 0);
    for (u64 g = 0; g < 0x600; g += 0x200)
        assert_int_equal(mark(d, g, 9), 0);
    assert_int_equal(mm_mfn_node(physmap_touch(d, gfn(0x3)).mfn), 1);
    assert_int_equal(physmap_lookup(d, gfn(0)).order, 9);
    /* Node 1 has four single pages left, node 0 a large extent. */
    for (u64 g = 0x200; g < 0x204; g++) {
        assert_int_equal(mm_mfn_node(physmap_touch(d, gfn(g)).mfn), 1);
        assert_int_equal(physmap_lookup(d, gfn(g)).order, 0);
    }
    assert_int_equal(mm_mfn_node(physmap_touch(d, gfn(0x400)).mfn), 0);
    assert_int_equal(physmap_lookup(d, gfn(0x400)).order, 9);
    assert_int_equal(mm_mfn_node(physmap_touch(d, gfn(0x204)).mfn), 0); /* nothing else is left */
    /* Without a topology: the CPU's node first. */
    vnuma_drop(d);
    expect(d, 1032, 3, 507);
}

POD_TEST(given_back_frames_serve_marked_ones)
{
    struct domain *d = make(10000);

    populate(d, 0, 9);
    assert_int_equal(set_target(d, 600), 0);
    assert_int_equal(mark(d, 0x40000, 18), 0);
    assert_int_equal(set_target(d, 522), 0);
    expect(d, 522, 10, BIT(18));
    memset(touched(d, 3), 0xee, PAGE_SIZE);
    memset(touched(d, 0x100), 0xdd, PAGE_SIZE);
    assert_int_equal(give_up(d, 3, 1), 0);
    expect(d, 522, 11, BIT(18));
    for (u64 g = 0; g < 11; g++)
        assert_true(is_zero(touched(d, 0x40000 + g)));
    expect(d, 522, 0, BIT(18) - 11);
    assert_int_equal(give_up(d, 0x100, 128), 0); /* of one mapping, in one piece */
    expect(d, 522, 128, BIT(18) - 11);
    for (u64 g = 0; g < 128; g++)
        assert_true(is_zero(touched(d, 0x40100 + g)));
    /* A page that somebody has pinned is not used again. */
    mfn_t pinned, other;
    assert_int_equal(physmap_pin(d, gfn(5), &pinned), 0);
    assert_int_equal(give_up(d, 5, 1), 0);
    expect(d, 522, 0, BIT(18) - 139);
    assert_int_equal(physmap_pin(d, gfn(0x40000), &other), 0);
    physmap_unpin(d, pinned);
    expect(d, 521, 0, BIT(18) - 139);
    physmap_unpin(d, other);
    /* A list, half of it marked. */
    gfn_t list[] = {gfn(6), gfn(0x50000), gfn(7), gfn(0x50001)};
    u32 done;
    assert_int_equal(physmap_give_up(d, list, 1, 4, &done), 0);
    assert_int_equal(done, 4);
    expect(d, 521, 2, BIT(18) - 141);
}

/* Entries go first: then there is no need for the pages. Every size, and a cache of single pages. */
POD_TEST(marked_frames_are_given_back)
{
    struct domain *d = make(10000);

    assert_int_equal(set_target(d, 2000), 0);
    assert_int_equal(mark(d, 0x400, 10), 0);
    assert_int_equal(mark(d, 0, 9), 0);
    expect(d, 2000, 2000, 1536);
    assert_int_equal(give_up(d, 0x10, 16), 0);
    expect(d, 1520, 1520, 1520);
    assert_int_equal(give_up(d, 0x10, 1), -EINVAL);
    assert_int_equal(give_up(d, 0, 512), -EINVAL); /* a hole in it: nothing changes */
    expect(d, 1520, 1520, 1520);
    assert_int_equal(give_up(d, 0x400, 512), 0);
    expect(d, 1008, 1008, 1008);
    touched(d, 0x600);
    expect(d, 1008, 496, 496);
    assert_int_equal(give_up(d, 0x20, 0x1e0), 0);
    expect(d, 528, 16, 16);
    assert_int_equal(physmap_remove(d, gfn(0), 9, true), 0);
    expect(d, 528, 16, 0); /* not the guest's own decision: the cache stays */
}

/* Two vCPUs touch the same frames while a third gives others back; then more than there is. */
POD_TEST(a_domain_that_touches_too_much_ends)
{
    struct domain *d = make(10000);
    char byte = 0;

    assert_int_equal(set_target(d, 3), 0);
    assert_int_equal(mark(d, 0, 9), 0);
    for (u64 g = 0; g < 3; g++)
        *touched(d, g) = 1;
    assert_int_equal(physmap_write(d, 0x3000, &byte, 1), -EFAULT);
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_crash);
    guest_console_finish();
    assert_non_null(strstr(console, "touched more than its target: no memory"));
    mfn_t m;
    assert_int_equal(physmap_pin(d, gfn(4), &m), -EINVAL);
    assert_int_equal(physmap_map_foreign(dom0, gfn(0x3f0000), d, gfn(5)), -EINVAL);
    assert_int_equal(physmap_touch(d, gfn(5)).type, NP_POD);
    expect(d, 3, 0, 509);
    /* More memory comes too late for it, but not for who looks at it. */
    assert_int_equal(set_target(d, 4), 0);
    assert_int_equal(physmap_pin(d, gfn(4), &m), 0);
    physmap_unpin(d, m);
}

/* --- pages of zeroes --- */

/* As a guest does it: again and again. The number of attempts; 0: the domain has ended. */
static u32 touch_until(struct domain *d, u64 g)
{
    for (u32 i = 1; i < 100 && !d->shut_down; i++)
        if (physmap_touch(d, gfn(g)).type == NP_RAM)
            return i;
    assert_true(d->shut_down);
    return 0;
}

POD_TEST(pages_of_zeroes_are_taken_back)
{
    struct domain *d = make(10000);
    mfn_t m;

    assert_int_equal(set_target(d, 1024), 0);
    assert_int_equal(mark(d, 0, 18), 0);
    for (u64 g = 0; g < 10; g++)
        touched(d, 2)[g] = 3;
    *touched(d, 0x200) = 1;
    expect(d, 1024, 0, BIT(18) - 1024);
    assert_int_equal(physmap_pin(d, gfn(0), &m), 0);
    assert_int_equal(touch_until(d, 0x400), 2);
    /* A step's worth, and one of them is used. Not what has contents, and not what is pinned. */
    expect(d, 1024, 63, BIT(18) - 1024 + 63);
    assert_int_equal(physmap_lookup(d, gfn(0)).type, NP_RAM);
    assert_int_equal(physmap_lookup(d, gfn(1)).type, NP_POD);
    assert_int_equal(physmap_lookup(d, gfn(2)).type, NP_RAM);
    assert_int_equal(touched(d, 2)[9], 3);
    physmap_unpin(d, m);
    /* All of it can be used: 3 pages are in use, of which one is zero again. */
    for (u64 g = 0x401; g < 0x400 + 1024 - 2; g++) {
        assert_in_range(touch_until(d, g), 1, 3);
        *touched(d, g) = g;
    }
    assert_in_range(touch_until(d, 0x400), 1, 3);
    *touched(d, 0x400) = 1;
    expect(d, 1024, 0, BIT(18) - 1024);
    assert_int_equal(touch_until(d, 0x900), 0);
    assert_int_equal(d->shutdown_code, SHUTDOWN_crash);
}

POD_TEST(a_large_extent_of_zeroes_comes_back_whole)
{
    struct domain *d = make(10000);
    char byte = 5;

    assert_int_equal(set_target(d, 512), 0);
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(mark(d, 0x200, 9), 0);
    touched(d, 7);
    expect(d, 512, 0, 512);
    assert_int_equal(physmap_write(d, 0x207000, &byte, 1), 0); /* a copy waits for it */
    expect(d, 512, 0, 512);
    assert_int_equal(physmap_lookup(d, gfn(0x200)).order, 9);
    assert_int_equal(physmap_lookup(d, gfn(0)).order, 9);
    assert_int_equal(physmap_lookup(d, gfn(0)).type, NP_POD);
}

/* Without a page for the table nothing can be taken out of the middle of an extent. */
POD_TEST(a_sweep_needs_tables)
{
    struct domain *d = make(10000);

    assert_int_equal(set_target(d, 512), 0);
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(mark(d, 0x200, 9), 0);
    *touched(d, 7) = 1;
    assert_int_equal(physmap_set_pool(d, d->physmap.pool_used), 0);
    assert_int_equal(touch_until(d, 0x200), 0);
    expect(d, 512, 0, 512);
    assert_int_equal(*touched(d, 7), 1);
}

static void write_late(struct domain *d)
{
    (void)d;
    memset(mfn_to_virt(mfn(now_ns)), 0x77, PAGE_SIZE);
}

/* A vCPU that has not stopped yet writes to a page that is being taken. */
POD_TEST(a_late_write_is_not_lost)
{
    struct domain *d = make(10000);

    assert_int_equal(set_target(d, 512), 0);
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(mark(d, 0x200, 9), 0);
    now_ns = physmap_touch(d, gfn(7)).mfn.n; /* of all-zero 2 MiB: it stays whole */
    on_sync = write_late;
    assert_int_equal(physmap_touch(d, gfn(0x203)).type, NP_POD);
    expect(d, 512, 0, 512);
    assert_int_equal(physmap_lookup(d, gfn(7)).order, 9);
    assert_int_equal(touched(d, 7)[511], 0x7777777777777777ull);
    /* Next time its neighbours are taken one by one. */
    on_sync = NULL;
    assert_in_range(touch_until(d, 0x203), 1, 3);
    assert_int_equal(touched(d, 7)[511], 0x7777777777777777ull);
    now_ns = physmap_lookup(d, gfn(9)).mfn.n;
}

POD_TEST(the_end_frees_the_cache)
{
    struct domain *d = make(10000);
    u64 free = free_pages();

    assert_int_equal(set_target(d, 3000), 0);
    assert_int_equal(mark(d, 0, 18), 0);
    for (u64 g = 0; g < 4096; g += 600)
        touched(d, g);
    u64 overhead = d->mem.overhead_pages;
    assert_int_equal(free_pages(), free - 3000);
    assert_int_equal(kill_all_steps(d), 0);
    assert_true(free_pages() >= free + overhead - 64 && free_pages() >= free);
}

/* A call that must yield all the time gets there. */
POD_TEST(targets_in_steps, .vcpus = 1)
{
    struct domain *d = make(10000);
    u32 calls = 0;
    int rc;

    yield_every = 1;
    while ((rc = physmap_set_pod_target(d, 5000)) == -ERESTART)
        calls++;
    assert_int_equal(rc, 0);
    assert_in_range(calls, 2, 20);
    expect(d, 5000, 5000, 0);
    yield_every = 0;
    /* The cache was made before the marks: it is cut when the first of them goes. */
    assert_int_equal(mark(d, 0, 9), 0);
    assert_int_equal(give_up(d, 0, 1), 0);
    expect(d, 511, 511, 511);
}

/* --- against a model --- */

#define FRAMES 2048u

enum state { HOLE, MARKED, MEMORY };

static struct model {
    enum state state[FRAMES];
    u64 word[FRAMES]; /* MEMORY: what was written there */
    u64 cache;
} model;
static struct rng rng;

static u64 count(enum state state)
{
    u64 nr = 0;

    for (u32 i = 0; i < FRAMES; i++)
        nr += model.state[i] == state;
    return nr;
}

static bool all_are(u32 g, u32 nr, u32 states)
{
    for (u32 i = g; i < g + nr; i++)
        if (!(states & 1u << model.state[i]))
            return false;
    return true;
}

static void do_mark(struct domain *d, u32 g, u32 order)
{
    bool good = all_are(g, 1u << order, 1u << HOLE | 1u << MARKED);

    assert_int_equal(mark(d, g, order), good ? 0 : -EEXIST);
    for (u32 i = g; good && i < g + (1u << order); i++)
        model.state[i] = MARKED;
}

/* Frames with memory that nothing was written to are marked again, some of them. False: there are none. */
static bool take_back(struct domain *d, u32 g)
{
    u64 taken = 0;
    bool any = false;

    for (u32 i = 0; i < FRAMES; i++)
        any |= model.state[i] == MEMORY && !model.word[i];
    if (!any)
        return false;
    spin_lock(&d->physmap.lock);
    d->physmap.np.populate(d, gfn(g)); /* fails, and says so */
    spin_unlock(&d->physmap.lock);
    for (u32 i = 0; i < 20 && !d->physmap.pod.cache; i++) {
        d->physmap.pod.short_of = pod_no_memory;
        assert_true(pod_refill(d, true));
    }
    for (u32 i = 0; i < FRAMES; i++) {
        if (model.state[i] != MEMORY || physmap_lookup(d, gfn(i)).type == NP_RAM)
            continue;
        assert_int_equal(model.word[i], 0);
        model.state[i] = MARKED;
        taken++;
    }
    assert_true(taken > 0);
    model.cache = taken;
    return true;
}

/* Which other frames got memory with it, the map says: those of its 2 MiB or itself alone. */
static void do_touch(struct domain *d, u32 g)
{
    if (model.state[g] == HOLE) {
        assert_int_equal(physmap_touch(d, gfn(g)).type, NP_NONE);
        return;
    }
    if (model.state[g] == MARKED && !model.cache && !take_back(d, g))
        return; /* it would be the end */
    u64 *page = touched(d, g);
    if (model.state[g] == MARKED) {
        u32 order = physmap_lookup(d, gfn(g)).order, first = g & ~((1u << order) - 1);

        assert_true(order == 0 || order == 9);
        assert_true(all_are(first, 1u << order, 1u << MARKED));
        assert_true(is_zero(page));
        for (u32 i = first; i < first + (1u << order); i++) {
            model.state[i] = MEMORY;
            model.word[i] = 0;
        }
        assert_true(model.cache >= 1u << order);
        model.cache -= 1u << order;
    }
    assert_int_equal(page[g % 512], model.word[g]);
    page[g % 512] = model.word[g] = rng_draw(&rng, 1u << 30) + 1;
}

static void do_give_up(struct domain *d, u32 g, u32 order)
{
    u32 nr = 1u << order;
    bool good = all_are(g, nr, 1u << MARKED | 1u << MEMORY);
    u64 entries, marked = 0;

    assert_int_equal(give_up(d, g, nr), good ? 0 : -EINVAL);
    if (!good)
        return;
    for (u32 i = g; i < g + nr; i++) {
        marked += model.state[i] == MARKED;
        model.cache += model.state[i] == MEMORY;
        model.state[i] = HOLE;
    }
    /* What had memory serves as long as it is needed. If there was no need, it went to the host. */
    entries = count(MARKED);
    u64 memory = nr - marked, had = model.cache - memory;
    if (had >= entries)
        model.cache = marked ? entries : had;
    else
        model.cache = MIN(model.cache, entries);
}

static void do_populate(struct domain *d, u32 g, u32 order)
{
    if (d->mem.tot_pages + BIT(order) > d->mem.max_pages)
        return;
    populate(d, g, order);
    for (u32 i = g; i < g + (1u << order); i++) {
        model.state[i] = MEMORY;
        model.word[i] = 0;
    }
}

static void do_target(struct domain *d, u64 target)
{
    u64 populated = count(MEMORY), tot = populated + model.cache, entries = count(MARKED);

    int rc = set_target(d, target);
    assert_int_equal(rc, target > d->mem.max_pages ? -EINVAL : 0);
    if (!rc && target >= tot && (!populated || entries))
        model.cache = populated ? MIN(target - populated, entries) : target;
}

static void step(struct domain *d)
{
    static const u32 orders[] = {0, 0, 0, 0, 1, 4, 9, 9};
    u32 order = orders[rng_draw(&rng, ARRAY_SIZE(orders))];
    u32 g = (u32)rng_draw(&rng, FRAMES) & ~((1u << order) - 1);

    switch (rng_draw(&rng, 8)) {
    case 0:
        do_mark(d, g, order);
        break;
    case 1:
        do_give_up(d, g, order);
        break;
    case 2:
        do_target(d, rng_draw(&rng, 3500));
        break;
    case 3:
        do_populate(d, g, order);
        break;
    default:
        do_touch(d, g);
    }
    expect(d, count(MEMORY) + model.cache, model.cache, count(MARKED));
}

/* No frame of memory is mapped twice, and each has what was written to it. */
static void check_all(struct domain *d)
{
    static mfn_t seen[FRAMES];

    for (u32 g = 0; g < FRAMES; g++) {
        static const enum np_type types[] = {[HOLE] = NP_NONE, [MARKED] = NP_POD, [MEMORY] = NP_RAM};
        struct np_entry entry = physmap_lookup(d, gfn(g));

        assert_int_equal(entry.type, types[model.state[g]]);
        seen[g] = entry.mfn;
        if (entry.type == NP_RAM)
            assert_int_equal(((u64 *)mfn_to_virt(entry.mfn))[g % 512], model.word[g]);
        for (u32 i = 0; entry.type == NP_RAM && i < g; i++)
            assert_int_not_equal(seen[i].n, entry.mfn.n);
    }
}

POD_TEST(against_a_model)
{
    struct domain *d = make(3000);

    for (u64 seed = 1; seed <= 8; seed++) {
        rng_seed(&rng, seed);
        for (u32 i = 0; i < 1500; i++)
            step(d);
        check_all(d);
    }
}
