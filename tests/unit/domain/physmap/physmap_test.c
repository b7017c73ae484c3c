/* The physmap on the real nested tables and the real allocator: nothing is ever lost, whatever fails. */
#include <arch/x86/cpu/frames.h>
#include <tests/guest_memory.h>
#include "physmap_harness.h"

TEST(maps_looks_up_and_copies)
{
    struct domain *d = new_domain(1, 32);
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
    check_all_back();
}

TEST(replacing_releases_what_was_there)
{
    struct domain *d = new_domain(1, 32);

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
    check_all_back();
}

TEST(a_small_pool_fails_cleanly)
{
    struct domain *d = new_domain(1, 3); /* root and two: not enough for a 4 KiB mapping, enough for 2 MiB */
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
    assert_int_equal(d->mem.overhead_pages, 100);
    assert_int_equal(physmap_set_pool(d, 10), 0);
    assert_int_equal(d->mem.overhead_pages, 10);
    /* More than there is: as before. */
    assert_int_equal(physmap_set_pool(d, FRAMES), -ENOMEM);
    assert_int_equal(d->mem.overhead_pages, 10);
    assert_int_equal(d->physmap.pool_pages, 10);
    check_all_back();
}

/* XENMEM_maximum_gpfn on a zombie once took 2^36 steps: each lookup said that the hole was one frame. */
TEST(a_destroyed_map_is_one_large_hole)
{
    struct domain *a = new_domain(1, 32), *b = new_domain(2, 32);

    populate(b, 0x200, 9);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f000), b, gfn(0x201)), 0);
    destroy(b);
    assert_int_equal(b->mem.tot_pages, 1);
    struct np_entry entry = physmap_lookup(b, gfn(NP_GFN_LIMIT - 1));
    assert_int_equal(entry.type, NP_NONE);
    assert_int_equal(entry.order, NP_HOLE_ORDER_MAX);
    assert_int_equal(physmap_remove(a, gfn(0x3f000), 0, true), 0);
    check_all_back();
}

TEST(foreign_frames_are_pinned)
{
    struct domain *a = new_domain(1, 32), *b = new_domain(2, 32);

    mfn_t m = populate(b, 0x200, 9);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f000), b, gfn(0x201)), 0);
    assert_int_equal(physmap_lookup(a, gfn(0x3f000)).type, NP_FOREIGN);
    assert_int_equal(physmap_lookup(a, gfn(0x3f000)).mfn.n, m.n + 1);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f001), b, gfn(0x400)), -EINVAL);
    /* Foreign or special frames are not b's to be mapped on. */
    assert_int_equal(physmap_map_foreign(b, gfn(0x1000), a, gfn(0x3f000)), -EINVAL);
    /* The owner dies: that frame stays until it is unmapped. */
    destroy(b);
    assert_int_equal(b->mem.tot_pages, 1);
    assert_int_equal(physmap_map_foreign(a, gfn(0x3f001), b, gfn(0x202)), -EINVAL);
    assert_int_equal(reaps, 0);
    assert_int_equal(physmap_remove(a, gfn(0x3f000), 0, true), 0);
    assert_int_equal(b->mem.tot_pages, 0);
    assert_int_equal(reaps, 1);
    check_all_back();
}

TEST(dying_mapper_lets_go)
{
    struct domain *a = new_domain(1, 32), *b = new_domain(2, 32);

    populate(b, 0x200, 9);
    assert_int_equal(physmap_map_foreign(a, gfn(0x1000), b, gfn(0x201)), 0);
    assert_int_equal(physmap_map_foreign(a, gfn(0x80000000), b, gfn(0x202)), 0);
    /* Mapped over: the first pin goes, the second comes. */
    assert_int_equal(physmap_map_foreign(a, gfn(0x1000), b, gfn(0x203)), 0);
    assert_int_equal(a->physmap.nr_foreign, 2);
    destroy(b);
    assert_int_equal(b->mem.tot_pages, 2);
    destroy(a);
    assert_int_equal(b->mem.tot_pages, 0);
    assert_int_equal(physmap_lookup(a, gfn(0x1000)).type, NP_NONE);
    assert_int_equal(physmap_set_pool(a, 10), -EINVAL);
    assert_int_equal(physmap_place(a, gfn(0), mfn(0x300), 0, NP_RAM), -EINVAL);
    check_all_back();
}

/* Which frame a copy reaches at g: it is seen by what is written there. 0: none. */
static u64 reached(struct domain *d, u64 g)
{
    static u64 last;
    u64 mark = ++last;

    if (physmap_write(d, (g << PAGE_SHIFT) + 8, &mark, sizeof(mark)))
        return 0;
    for (u64 m = 0; m < FRAMES; m++)
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
TEST(copies_follow_the_map)
{
    struct domain *d = new_domain(1, 32), *src = new_domain(2, 8);
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
    check_all_back();
}

/* Random operations against a plain array. */
TEST(random_operations)
{
    struct domain *d = new_domain(1, 40), *src = new_domain(2, 8);
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
    check_all_back();
}

FIXTURE(setup, teardown)
