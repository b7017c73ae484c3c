/* The physmap in bulk: lists of extents under one hold of the lock, what a failure in the middle leaves, what
 * a large extent over small mappings costs, and the end of a map without foreign frames. */
#include "physmap_harness.h"

static struct mm_taken taken;

static void take(struct domain *d, u32 order, u32 nr)
{
    struct mm_request request = {.nid = NODE_NONE, .order = order, .nr = nr};

    assert_int_equal(mm_take(&d->mem, &request, &taken), 0);
    assert_int_equal(taken.nr, nr);
}

static const gfn_t *list(u64 first, u64 step)
{
    static gfn_t g[MM_TAKE_MAX];

    for (u64 i = 0; i < MM_TAKE_MAX; i++)
        g[i] = gfn(first + i * step);
    return g;
}

/* populate_physmap's way. Returns how many are kept. */
static u32 fill(struct domain *d, const gfn_t *g, u32 order, u32 nr, int want_rc)
{
    u32 done;

    take(d, order, nr);
    assert_int_equal(physmap_place_many(d, g, taken.extent, order, nr, &done), want_rc);
    mm_take_done(&taken, done);
    for (u32 i = 0; i < done; i++) {
        u32 last = i;

        for (u32 j = i; j < done; j++)
            last = g[j].n == g[i].n ? j : last; /* named twice: the later one stands */
        assert_int_equal(physmap_lookup(d, g[i]).mfn.n, taken.extent[last].n);
    }
    return done;
}

TEST(lists_are_mapped)
{
    struct domain *d = new_domain(1, 32);

    assert_int_equal(fill(d, list(0x1f0, 1), 0, 64, 0), 64);
    assert_int_equal(fill(d, list(0x1000, 512), 9, 4, 0), 4);
    assert_int_equal(d->mem.tot_pages, 64 + 2048);
    assert_int_equal(syncs, 0); /* nobody lost anything */
    assert_int_equal(fill(d, list(NP_GFN_LIMIT - 3, 1), 0, 10, -EINVAL), 3);
    assert_int_equal(d->mem.tot_pages, 64 + 2048 + 3);
    check_all_back();
}

/* The pool ends in the middle: the first ones stay, claims are as if only they had been asked for. */
TEST(a_small_pool_keeps_the_first)
{
    struct domain *d = new_domain(1, 5); /* root, two, and two tables of 4 KiB mappings */

    assert_int_equal(claim_install_legacy(&d->mem, 1000), 0);
    assert_int_equal(fill(d, list(0, 64), 0, 64, -ENOMEM), 16);
    assert_int_equal(d->mem.tot_pages, 16);
    assert_int_equal(d->mem.outstanding, 984);
    assert_int_equal(mm_check(), 0);
    check_all_back();
}

/* Over something, next to something, and twice in one list; one wait for the CPUs for all of them. */
TEST(lists_replace)
{
    struct domain *d = new_domain(1, 32), *src = new_domain(2, 8);
    gfn_t twice[4] = {{0x300}, {0x300}, {0x301}, {0x300}};

    populate(src, 0x200, 9);
    assert_int_equal(fill(d, list(0x100, 1), 0, 64, 0), 64);
    for (u64 i = 0; i < 8; i++)
        assert_int_equal(physmap_map_foreign(d, gfn(0x110 + i), src, gfn(0x200 + i)), 0);
    assert_int_equal(d->mem.tot_pages, 56);
    syncs = 0;
    assert_int_equal(fill(d, list(0x0f0, 1), 0, 64, 0), 64);
    assert_int_equal(d->mem.tot_pages, 56 + 64 - 40);
    assert_int_equal(d->physmap.nr_foreign, 0);
    assert_int_equal(syncs, 1);
    assert_int_equal(fill(d, twice, 0, 4, 0), 4);
    assert_int_equal(d->mem.tot_pages, 80 + 2);
    /* A 2 MiB list over single frames, and back. */
    assert_int_equal(fill(d, list(0, 512), 9, 3, 0), 3);
    assert_int_equal(d->mem.tot_pages, 1536);
    assert_int_equal(fill(d, list(0x1e0, 1), 0, 64, 0), 64);
    assert_int_equal(d->mem.tot_pages, 1536);
    assert_int_equal(mm_check(), 0);
    check_all_back();
}

/* So much to take away that the call is over before its list is: at least one is done, and it goes on. */
TEST(replacing_much_stops)
{
    struct domain *d = new_domain(1, 64);
    u32 done;

    for (u64 g = 0; g < 4 * 512; g += 64)
        assert_int_equal(fill(d, list(g, 1), 0, 64, 0), 64);
    take(d, 9, 4);
    assert_int_equal(physmap_place_many(d, list(0, 512), taken.extent, 9, 4, &done), 0);
    assert_int_equal(done, 2);
    mm_take_done(&taken, done);
    assert_int_equal(d->mem.tot_pages, 2048);
    assert_int_equal(fill(d, list(1024, 512), 9, 2, 0), 2);
    assert_int_equal(d->mem.tot_pages, 2048);
    check_all_back();
}

/* Before 8 MiB go over 2048 frames, some go by themselves; over a few nothing has to go. */
TEST(room_is_made_in_steps)
{
    struct domain *d = new_domain(1, 64);
    u32 calls = 0;

    assert_int_equal(fill(d, list(0, 1), 0, 64, 0), 64);
    assert_false(physmap_make_room(d, gfn(0), 4 * 512));
    assert_int_equal(d->mem.tot_pages, 64);
    for (u64 g = 64; g < 4 * 512; g += 64)
        assert_int_equal(fill(d, list(g, 1), 0, 64, 0), 64);
    populate(d, 2048, 9); /* not in the range */
    while (physmap_make_room(d, gfn(0), 4 * 512)) {
        assert_true(d->mem.tot_pages < 2048 + 512);
        calls++;
    }
    assert_true(calls > 0 && calls < 4);
    assert_true(d->mem.tot_pages <= 1024 + 512);
    assert_int_equal(physmap_lookup(d, gfn(2048)).order, 9);
    assert_int_equal(fill(d, list(0, 0), 11, 1, 0), 1);
    assert_int_equal(d->mem.tot_pages, 2048 + 512);
    check_all_back();
}

/* All or nothing; what was there goes only for what has come. */
TEST(unaligned_extents)
{
    struct domain *d = new_domain(1, 7); /* 4 KiB mappings in four places, at most */

    assert_int_equal(claim_install_legacy(&d->mem, 2000), 0);
    take(d, 9, 1);
    assert_int_equal(physmap_place_unaligned(d, gfn(0x3f0), taken.extent[0], 9), 0);
    mm_take_done(&taken, 1);
    assert_int_equal(physmap_lookup(d, gfn(0x3f0)).mfn.n, taken.extent[0].n);
    assert_int_equal(physmap_lookup(d, gfn(0x5ef)).mfn.n, taken.extent[0].n + 511);
    assert_int_equal(physmap_lookup(d, gfn(0x5f0)).type, NP_NONE);
    assert_int_equal(d->physmap.pool_used, 5);
    populate(d, 0x800, 9);
    assert_int_equal(physmap_set_pool(d, 6), 0);
    take(d, 9, 1);
    assert_int_equal(physmap_place_unaligned(d, gfn(0x9ff), taken.extent[0], 9), -ENOMEM);
    mm_take_done(&taken, 0);
    assert_int_equal(physmap_lookup(d, gfn(0xa00)).type, NP_NONE);
    assert_int_equal(d->mem.outstanding, 2000 - 1024);
    take(d, 9, 1);
    assert_int_equal(physmap_place_unaligned(d, gfn(NP_GFN_LIMIT - 5), taken.extent[0], 9), -EINVAL);
    mm_take_done(&taken, 0);
    take(d, 10, 1);
    assert_int_equal(physmap_place_unaligned(d, gfn(1), taken.extent[0], 10), -EINVAL); /* 1024 pieces */
    mm_take_done(&taken, 0);
    assert_int_equal(d->mem.outstanding, 2000 - 1024);
    assert_int_equal(mm_check(), 0);
    check_all_back();
}

TEST(giving_up)
{
    struct domain *d = new_domain(1, 32), *src = new_domain(2, 8);
    u32 done;

    populate(src, 0x200, 9);
    assert_int_equal(fill(d, list(0x100, 1), 0, 64, 0), 64);
    populate(d, 0x200, 9);
    syncs = 0;
    assert_int_equal(physmap_give_up(d, list(0x100, 1), 1, 60, &done), 0);
    assert_int_equal(done, 60);
    assert_int_equal(syncs, 1);
    assert_int_equal(d->mem.tot_pages, 512 + 4);
    assert_int_equal(physmap_give_up(d, list(0x13a, 1), 1, 64, &done), -EINVAL); /* a hole */
    assert_int_equal(done, 0);
    assert_int_equal(physmap_give_up(d, list(0x13c, 1), 1, 64, &done), -EINVAL);
    assert_int_equal(done, 4);
    assert_int_equal(d->mem.tot_pages, 512);
    /* Not aligned, and then one that has a hole: nothing of it goes. */
    assert_int_equal(physmap_give_up(d, list(0x3f1, 8), 8, 64, &done), -EINVAL);
    assert_int_equal(done, 1);
    assert_int_equal(d->mem.tot_pages, 504);
    assert_int_equal(physmap_lookup(d, gfn(0x3f9)).type, NP_RAM);
    /* Foreign frames are not the domain's to give, alone or in an extent. */
    assert_int_equal(physmap_map_foreign(d, gfn(0x3fa), src, gfn(0x201)), 0);
    assert_int_equal(physmap_give_up(d, list(0x3fa, 1), 1, 1, &done), -EINVAL);
    assert_int_equal(physmap_give_up(d, list(0x3f9, 1), 4, 1, &done), -EINVAL);
    assert_int_equal(d->mem.tot_pages, 503);
    assert_int_equal(physmap_lookup(d, gfn(0x3fa)).type, NP_FOREIGN);
    assert_int_equal(physmap_give_up(d, list(NP_GFN_LIMIT, 1), 1, 1, &done), -EINVAL);
    assert_int_equal(physmap_give_up(d, list(0x200, 512), 0x1f0, 1, &done), 0);
    assert_int_equal(d->mem.tot_pages, 7);
    assert_int_equal(mm_check(), 0);
    check_all_back();
}

/* The paging pool goes in steps as well, however large it is. */
TEST(the_end_comes_in_steps)
{
    struct domain *d = new_domain(1, 1000);
    u32 steps = 0;

    assert_int_equal(fill(d, list(0, 1), 0, 64, 0), 64);
    mm_account_kill(&d->mem);
    for (u64 before = d->physmap.pool_pages; physmap_destroy_step(d, 10); before = d->physmap.pool_pages) {
        assert_true(before - d->physmap.pool_pages <= 14);
        steps++;
    }
    assert_true(steps >= 90);
    assert_int_equal(d->mem.overhead_pages, 0);
    check_all_back();
}

FIXTURE(setup, teardown)
