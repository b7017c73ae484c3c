/*
 * The physmap: nothing is ever lost, whatever fails. Lists of extents under one hold of the lock, what a failure in the
 * middle leaves, what a large extent over small mappings costs, and the end of a map.
 *
 * lint: long: one map.
 */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#define MAP_TEST(name) TEST(name, .node_mib = 64)

static u32 syncs;

/* Nobody runs; it is counted how often the others would have been waited for. */
void sched_sync_domain(struct domain *d)
{
    (void)d;
    syncs++;
}

static struct domain *make(u16 id, u64 pool)
{
    struct domain *d = new_domain(id, 1);

    assert_int_equal(physmap_set_pool(d, pool), 0);
    syncs = 0;
    return d;
}

MAP_TEST(maps_looks_up_and_copies)
{
    struct domain *d = make(1, 32);
    char out[9] = "";

    mfn_t big = populate(d, 0x200, 9);
    populate(d, 0x400, 0);
    struct np_entry e = physmap_lookup(d, gfn(0x2ff));
    assert_int_equal(e.type, NP_RAM);
    assert_int_equal(e.order, 9);
    assert_int_equal(e.mfn.n, big.n + 0xff);
    assert_int_equal(physmap_lookup(d, gfn(0x401)).type, NP_NONE);
    /* Across the border of two mappings. */
    assert_int_equal(physmap_write(d, 0x400000 - 4, "12345678", 8), 0);
    assert_int_equal(guest_memory_read(d, 0x400000 - 4, out, 8), 0);
    assert_string_equal(out, "12345678");
    assert_memory_equal((char *)mfn_to_virt(mfn_add(big, 511)) + 0xffc, "1234", 4);
    assert_int_equal(physmap_write(d, 0x401000 - 4, "12345678", 8), -EFAULT);
    assert_int_equal(guest_memory_read(d, ~0ull - 3, out, 8), -EFAULT);
    assert_int_equal(physmap_place(d, gfn(1), big, 9, NP_RAM), -EINVAL);
    assert_int_equal(physmap_place(d, gfn(NP_GFN_LIMIT), big, 0, NP_RAM), -EINVAL);
    assert_int_equal(physmap_place(d, gfn(0), big, MAX_ORDER + 1, NP_RAM), -EINVAL);
    assert_int_equal(physmap_remove(d, gfn(~0ull), 0, true), -EINVAL);
}

MAP_TEST(replacing_releases_what_was_there)
{
    struct domain *d = make(1, 32);

    populate(d, 0x200, 9);
    assert_int_equal(d->mem.tot_pages, 512);
    mfn_t one = populate(d, 0x210, 0); /* splits the 2 MiB mapping, and its extent */
    assert_int_equal(d->mem.tot_pages, 512);
    assert_int_equal(physmap_lookup(d, gfn(0x210)).mfn.n, one.n);
    assert_true(syncs > 0);
    assert_int_equal(physmap_remove(d, gfn(0x211), 0, true), 0);
    assert_int_equal(d->mem.tot_pages, 511);
    assert_int_equal(physmap_lookup(d, gfn(0x211)).type, NP_NONE);
    populate(d, 0x200, 9); /* over 511 single frames and a hole */
    assert_int_equal(d->mem.tot_pages, 512);
    assert_int_equal(physmap_lookup(d, gfn(0x211)).order, 9);
    assert_int_equal(physmap_remove(d, gfn(0), 18, true), 0);
    assert_int_equal(d->mem.tot_pages, 0);
    /* Unmapped, but kept. */
    populate(d, 0x5, 0);
    assert_int_equal(physmap_remove(d, gfn(5), 0, false), 0);
    assert_int_equal(d->mem.tot_pages, 1);
}

MAP_TEST(a_small_pool_fails_cleanly)
{
    struct domain *d = make(1, 3); /* root and two: not enough for a 4 KiB mapping, enough for 2 MiB */
    mfn_t m;

    assert_int_equal(mm_alloc(&d->mem, NODE_NONE, 0, 0, &m), 0);
    assert_int_equal(physmap_place(d, gfn(0), m, 0, NP_RAM), -ENOMEM);
    assert_int_equal(d->physmap.pool_used, 1);
    mfn_t big = populate(d, 0x200, 9);
    /* A split needs a page that is not there: the old mapping stays. */
    assert_int_equal(physmap_place(d, gfn(0x210), m, 0, NP_RAM), -ENOMEM);
    assert_int_equal(physmap_remove(d, gfn(0x210), 0, true), -ENOMEM);
    assert_int_equal(physmap_lookup(d, gfn(0x210)).mfn.n, big.n + 0x10);
    assert_int_equal(d->mem.tot_pages, 513);
    assert_int_equal(physmap_set_pool(d, 2), -EBUSY);
    assert_int_equal(physmap_set_pool(d, 4), 0);
    assert_int_equal(physmap_place(d, gfn(0x210), m, 0, NP_RAM), 0);
    assert_int_equal(physmap_set_pool(d, 100), 0);
    assert_int_equal(d->physmap.pool_pages, 100);
    assert_int_equal(physmap_set_pool(d, 10), 0);
    u64 overhead = d->mem.overhead_pages;
    /* More than there is: as before. */
    assert_int_equal(physmap_set_pool(d, free_pages() + 11), -ENOMEM);
    assert_int_equal(d->mem.overhead_pages, overhead);
    assert_int_equal(d->physmap.pool_pages, 10);
}

/* A guest that gives pages up all over its memory gets the tables' pages back for other places. */
MAP_TEST(empty_tables_return_to_the_pool)
{
    struct domain *d = make(1, 8);
    gfn_t g = gfn(0);
    u32 done;

    for (u64 at = 0; at < 100; at++) {
        u64 n = at * 0x40000;

        populate(d, n, 0);
        if (at % 2)
            assert_int_equal(physmap_remove(d, gfn(n), 0, true), 0);
        else
            assert_int_equal(physmap_give_up(d, (g = gfn(n), &g), 1, 1, &done), 0);
        assert_int_equal(d->physmap.pool_used, 1);
    }
    assert_int_equal(d->mem.tot_pages, 0);
}

MAP_TEST(foreign_frames_are_pinned)
{
    struct domain *a = make(1, 32), *b = make(2, 32);

    mfn_t m = populate(b, 0x200, 9);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f000), b, gfn(0x201)), 0);
    assert_int_equal(physmap_lookup(a, gfn(0x3f000)).type, NP_FOREIGN);
    assert_int_equal(physmap_lookup(a, gfn(0x3f000)).mfn.n, m.n + 1);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f001), b, gfn(0x400)), -EINVAL);
    /* Foreign or special frames are not b's to be mapped on. */
    assert_int_equal(physmap_map_foreign(b, gfn(0x1000), a, gfn(0x3f000)), -EINVAL);
    /* The owner dies: that frame stays until it is unmapped. */
    assert_int_equal(kill_all_steps(b), 0);
    assert_int_equal(b->mem.tot_pages, 1);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f001), b, gfn(0x202)), -EINVAL);
    /* XENMEM_maximum_gpfn on a zombie once took 2^36 steps: each lookup said that the hole was one frame. */
    struct np_entry entry = physmap_lookup(b, gfn(NP_GFN_LIMIT - 1));
    assert_int_equal(entry.type, NP_NONE);
    assert_int_equal(entry.order, NP_HOLE_ORDER_MAX);
    /* Mapped over: the pin goes, and with it the domain. */
    populate(a, 0x3f000, 0);
    assert_int_equal(a->physmap.nr_foreign, 0);
    assert_false(exists(2));
}

/* Which frame a copy reaches at g: it is seen by what is written there. 0: none. */
static u64 reached(struct domain *d, u64 g)
{
    static u64 mark; /* no other 8 bytes of the machine are the same */
    u64 end = MACHINE_BASE + host_info().total_pages;

    mark += 0x9e3779b97f4a7c15ull;
    if (physmap_write(d, (g << PAGE_SHIFT) + 8, &mark, sizeof(mark)))
        return 0;
    for (u64 m = MACHINE_BASE; m < end; m++)
        if (!memcmp((u8 *)mfn_to_virt(mfn(m)) + 8, &mark, sizeof(mark))) {
            u64 back = 0;

            assert_int_equal(guest_memory_read(d, (g << PAGE_SHIFT) + 8, &back, sizeof(back)), 0);
            assert_int_equal(back, mark);
            return m;
        }
    fail_msg("a copy to 0x%lx went nowhere", (unsigned long)g);
    return 0;
}

/* Copies remember where they found a mapping: never longer than it is there, however it goes. */
MAP_TEST(copies_follow_the_map)
{
    struct domain *d = make(1, 32), *src = make(2, 8);
    gfn_t single = gfn(0x405);
    u32 done;

    mfn_t big = populate(d, 0x200, 9);
    mfn_t one = populate(d, 0x405, 0);
    mfn_t theirs = populate(src, 0x10, 0);
    assert_int_equal(reached(d, 0x210), big.n + 0x10);
    assert_int_equal(reached(d, 0x211), big.n + 0x11);
    assert_int_equal(reached(d, 0x405), one.n);
    /* A part of a large mapping is replaced; what is around it stays. */
    mfn_t other = populate(d, 0x210, 0);
    assert_int_equal(reached(d, 0x210), other.n);
    assert_int_equal(reached(d, 0x211), big.n + 0x11);
    /* It goes, and back to the allocator; then kept; then given up. */
    assert_int_equal(physmap_remove(d, gfn(0x211), 0, true), 0);
    assert_int_equal(reached(d, 0x211), 0);
    assert_int_equal(physmap_remove(d, gfn(0x210), 0, false), 0);
    assert_int_equal(reached(d, 0x210), 0);
    assert_int_equal(physmap_give_up(d, &single, 1, 1, &done), 0);
    assert_int_equal(reached(d, 0x405), 0);
    /* A hole is not remembered. Somebody else's frame comes in, and goes. */
    assert_int_equal(physmap_map_foreign(d, gfn(0x405), src, gfn(0x10)), 0);
    assert_int_equal(reached(d, 0x405), theirs.n);
    assert_int_equal(reached(d, 0x405), theirs.n);
    one = populate(d, 0x405, 0);
    assert_int_equal(reached(d, 0x405), one.n);
    /* Single frames, one of them remembered, by a large one. */
    assert_int_equal(reached(d, 0x212), big.n + 0x12);
    big = populate(d, 0x200, 9);
    assert_int_equal(reached(d, 0x212), big.n + 0x12);
    /* The end. */
    mm_account_kill(&d->mem);
    physmap_destroy_step(d, 1);
    assert_int_equal(reached(d, 0x212), 0);
    assert_int_equal(physmap_lookup(d, gfn(0x212)).type, NP_NONE);
    assert_int_equal(physmap_set_pool(d, 10), -EINVAL);
    assert_int_equal(physmap_place(d, gfn(0), theirs, 0, NP_RAM), -EINVAL);
}

/* Random operations against a plain array. */
MAP_TEST(random_operations)
{
    struct domain *d = make(1, 40), *src = make(2, 8);
    static u64 model[0x800]; /* mfn at each gfn, 0: none */

    memset(model, 0, sizeof(model));
    populate(src, 0x200, 9);
    srand(5);
    for (u32 round = 0; round < 6000; round++) {
        static const u32 orders[] = {0, 0, 0, 3, 9};
        u32 order = orders[rand() % 5];
        u64 g = ((u64)rand() % 0x800) & ~(BIT(order) - 1);
        mfn_t m = INVALID_MFN;

        switch (rand() % 4) {
        case 0:
            if (mm_alloc(&d->mem, NODE_NONE, order, 0, &m))
                break;
            if (physmap_place(d, gfn(g), m, order, NP_RAM))
                assert_int_equal(release_range(&d->mem, m, order), 0);
            else
                for (u64 i = 0; i < BIT(order); i++)
                    model[g + i] = m.n + i;
            break;
        case 1:
            if (!physmap_remove(d, gfn(g), order, true))
                memset(&model[g], 0, sizeof(model[0]) << order);
            break;
        case 2:
            if (!physmap_map_foreign(d, gfn(g), src, gfn(0x200 + g % 512)))
                model[g] = physmap_lookup(src, gfn(0x200 + g % 512)).mfn.n;
            break;
        default:
            physmap_set_pool(d, 4 + (u64)rand() % 40);
        }
        u64 copied = g ^ (u64)rand() % 2; /* where something has changed, or beside it */
        assert_int_equal(reached(d, copied), model[copied]);
        if (round % 50)
            continue;
        for (u64 i = 0; i < 0x800; i++) {
            struct np_entry e = physmap_lookup(d, gfn(i));

            assert_int_equal(e.type == NP_NONE ? 0 : e.mfn.n, model[i]);
        }
        assert_int_equal(mm_check(), 0);
    }
}

/* --- in bulk --- */

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

/* The pool ends in the middle: the first ones stay, claims are as if only they had been asked for. */
MAP_TEST(a_small_pool_keeps_the_first)
{
    struct domain *d = make(1, 5); /* root, two, and two tables of 4 KiB mappings */

    assert_int_equal(claim_install_legacy(&d->mem, 1000), 0);
    assert_int_equal(fill(d, list(0, 64), 0, 64, -ENOMEM), 16);
    assert_int_equal(d->mem.tot_pages, 16);
    assert_int_equal(d->mem.outstanding, 984);
}

/* Over something, next to something, and twice in one list; one wait for the CPUs for all of them. */
MAP_TEST(lists_replace)
{
    struct domain *d = make(1, 32), *src = make(2, 8);
    gfn_t twice[4] = {{0x300}, {0x300}, {0x301}, {0x300}};

    populate(src, 0x200, 9);
    assert_int_equal(fill(d, list(0x100, 1), 0, 64, 0), 64);
    assert_int_equal(syncs, 0); /* nobody lost anything */
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
    assert_int_equal(fill(d, list(NP_GFN_LIMIT - 3, 1), 0, 10, -EINVAL), 3);
    assert_int_equal(d->mem.tot_pages, 1536 + 3);
}

/* So much to take away that the call is over before its list is: at least one is done, and it goes on. */
MAP_TEST(replacing_much_stops)
{
    struct domain *d = make(1, 64);
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
}

/* Before 8 MiB go over 2048 frames, some go by themselves; over a few nothing has to go. */
MAP_TEST(room_is_made_in_steps)
{
    struct domain *d = make(1, 64);
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
}

/* All or nothing; what was there goes only for what has come. */
MAP_TEST(unaligned_extents)
{
    struct domain *d = make(1, 7); /* 4 KiB mappings in four places, at most */

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
}

MAP_TEST(giving_up)
{
    struct domain *d = make(1, 32), *src = make(2, 8);
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
}

/* The paging pool goes in steps as well, however large it is. */
MAP_TEST(the_end_comes_in_steps)
{
    struct domain *d = make(1, 1000);
    u32 steps = 0;

    assert_int_equal(fill(d, list(0, 1), 0, 64, 0), 64);
    mm_account_kill(&d->mem);
    for (u64 before = d->physmap.pool_pages; physmap_destroy_step(d, 10); before = d->physmap.pool_pages) {
        assert_true(before - d->physmap.pool_pages <= 14);
        steps++;
    }
    assert_true(steps >= 90);
    assert_int_equal(d->physmap.pool_pages + d->physmap.pool_used, 0);
}
