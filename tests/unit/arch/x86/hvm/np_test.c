/* Nested page tables, case by case: sizes, refusals, splitting, retired tables, the bits the CPU sees. */
#include "np_pool.h"

static void expect(u64 g, enum np_type type, u64 m, u32 order)
{
    struct np_entry e = np_lookup(&np, gfn(g));

    assert_int_equal(e.type, type);
    assert_int_equal(e.order, order);
    if (type != NP_NONE)
        assert_int_equal(e.mfn.n, m);
    else
        assert_false(mfn_valid_value(e.mfn));
}

NP_TEST(test_one_entry_per_size)
{
    assert_int_equal(map(gfn(0x40000), mfn(0x80000), 18, NP_RAM), 0);
    assert_int_equal(np.nr_pages, 2); /* root and one level below: one 1G entry */
    expect(0x40000, NP_RAM, 0x80000, 18);
    expect(0x7ffff, NP_RAM, 0xbffff, 18);
    expect(0x80000, NP_NONE, 0, 18);

    assert_int_equal(map(gfn(0x200), mfn(0x400), 9, NP_RAM), 0);
    assert_int_equal(np.nr_pages, 3);
    expect(0x3ff, NP_RAM, 0x5ff, 9);
    expect(0x400, NP_NONE, 0, 9);

    assert_int_equal(map(gfn(0x400), mfn(0x800), 10, NP_RAM), 0); /* two 2M entries */
    assert_int_equal(np.nr_pages, 3);
    expect(0x7ff, NP_RAM, 0xbff, 9);

    assert_int_equal(map(gfn(7), mfn(0x777), 0, NP_FOREIGN), 0);
    assert_int_equal(np.nr_pages, 4);
    expect(7, NP_FOREIGN, 0x777, 0);
    expect(8, NP_NONE, 0, 0);
    assert_int_equal(map(gfn(0x100), mfn(0x3000), 8, NP_RAM), 0);
    expect(0x1ff, NP_RAM, 0x30ff, 0);
    expect(1ull << 27, NP_NONE, 0, 27);
}

NP_TEST(test_refused)
{
    u64 generation = np.generation;

    assert_int_equal(map(gfn(1), mfn(2), 1, NP_RAM), -EINVAL);
    assert_int_equal(map(gfn(2), mfn(1), 1, NP_RAM), -EINVAL);
    assert_int_equal(map(gfn(0), mfn(0), 19, NP_RAM), -EINVAL);
    assert_int_equal(map(gfn(0), mfn(0), ~0u, NP_RAM), -EINVAL);
    assert_int_equal(map(gfn(NP_GFN_LIMIT), mfn(0), 0, NP_RAM), -EINVAL);
    assert_int_equal(map(INVALID_GFN, mfn(0), 0, NP_RAM), -EINVAL);
    assert_int_equal(map(gfn(0), INVALID_MFN, 0, NP_RAM), -EINVAL);
    assert_int_equal(unmap(gfn(3), 2), -EINVAL);
    assert_int_equal(unmap(gfn(0), 19), -EINVAL);
    assert_int_equal(unmap(gfn(NP_GFN_LIMIT), 0), -EINVAL);
    assert_int_equal(np_lookup(&np, gfn(NP_GFN_LIMIT)).type, NP_NONE);
    assert_int_equal(np.nr_pages, 1);

    assert_int_equal(map(gfn(NP_GFN_LIMIT - 1), mfn(5), 0, NP_RAM), 0);
    expect(NP_GFN_LIMIT - 1, NP_RAM, 5, 0);
    assert_int_equal(map(gfn(NP_GFN_LIMIT - 1), mfn(6), 0, NP_RAM), -EEXIST);
    assert_int_equal(map(gfn(NP_GFN_LIMIT - 512), mfn(0x200), 9, NP_RAM), -EEXIST);
    assert_int_equal(map(gfn(NP_GFN_LIMIT - (1 << 18)), mfn(1 << 18), 18, NP_RAM), -EEXIST);
    assert_int_equal(map(gfn(0x200), mfn(0x200), 9, NP_RAM), 0);
    assert_int_equal(map(gfn(0x3ff), mfn(9), 0, NP_RAM), -EEXIST);
    assert_int_equal(map(gfn(0), mfn(0x400), 10, NP_RAM), -EEXIST); /* only its second half */
    assert_int_equal(np.generation, generation);                    /* nobody lost anything */
}

NP_TEST(test_split)
{
    assert_int_equal(map(gfn(0), mfn(0x40000), 18, NP_RAM), 0);
    u64 generation = np.generation;

    assert_int_equal(unmap(gfn(0x234), 0), 0);
    assert_int_equal(np.nr_pages, 4);
    assert_true(np.generation > generation);
    expect(0x234, NP_NONE, 0, 0);
    expect(0x233, NP_RAM, 0x40233, 0);
    expect(0x235, NP_RAM, 0x40235, 0);
    expect(0x1ff, NP_RAM, 0x401ff, 9);
    expect(0x400, NP_RAM, 0x40400, 9);
    expect(0x3ffff, NP_RAM, 0x7ffff, 9);
    assert_int_equal(unmap(gfn(0x800), 10), 0); /* two 2M entries, no page */
    assert_int_equal(np.nr_pages, 4);
    expect(0x7ff, NP_RAM, 0x407ff, 9);
    expect(0x800, NP_NONE, 0, 9);
    expect(0xc00, NP_RAM, 0x40c00, 9);

    generation = np.generation;
    assert_int_equal(unmap(gfn(0x800), 9), 0); /* a hole already */
    assert_int_equal(np.generation, generation);
    assert_int_equal(unmap(gfn(0), 18), 0);
    /* Tables with nothing in them are one hole, however far down they go: a search over holes is short. */
    expect(0, NP_NONE, 0, NP_HOLE_ORDER_MAX);
    expect(0x233, NP_NONE, 0, NP_HOLE_ORDER_MAX);
    assert_int_equal(map(gfn(0x40000), mfn(0), 0, NP_RAM), 0);
    expect(0x233, NP_NONE, 0, 18);
    assert_int_equal(map(gfn(0x3fe00), mfn(0), 9, NP_RAM), 0);
    expect(0x233, NP_NONE, 0, 9);
}

/* What physmap's replacing relies on: once a range has been unmapped, mapping it again needs no page. */
NP_TEST(test_replace_needs_no_page)
{
    assert_int_equal(map(gfn(0x205), mfn(1), 0, NP_RAM), 0);
    assert_int_equal(unmap(gfn(0x205), 0), 0);
    fail_after = 0;
    assert_int_equal(map(gfn(0x205), mfn(2), 0, NP_SPECIAL), 0);
    expect(0x205, NP_SPECIAL, 2, 0);
}

/* A large mapping over emptied tables is one entry again, and the tables wait until they are reaped. */
NP_TEST(test_retired_tables)
{
    assert_int_equal(map(gfn(0x205), mfn(1), 0, NP_RAM), 0);
    assert_int_equal(map(gfn(0x605), mfn(2), 0, NP_RAM), 0);
    assert_int_equal(unmap(gfn(0x205), 0), 0);
    assert_int_equal(map(gfn(0x200), mfn(0x200), 9, NP_RAM), 0);
    expect(0x205, NP_RAM, 0x205, 9);
    assert_int_equal(nr_taken, 5); /* root, 2 tables on the way, 1 in use, 1 retired */
    assert_int_equal(np.nr_pages, 5);
    assert_false(np_reap(&np, 10));
    assert_int_equal(nr_taken, 4);
    assert_int_equal(np.nr_pages, 4);

    assert_int_equal(map(gfn(0), mfn(0x40000), 18, NP_RAM), -EEXIST);
    assert_int_equal(unmap(gfn(0), 18), 0);
    u64 generation = np.generation;
    assert_int_equal(map(gfn(0), mfn(0x40000), 18, NP_RAM), 0);
    assert_true(np.generation > generation);
    expect(0x605, NP_RAM, 0x40605, 18);
    assert_true(np_reap(&np, 1));
    assert_false(np_reap(&np, 1));
    assert_int_equal(nr_taken, 2);
}

NP_TEST(test_without_1g_pages)
{
    if (on_intel)
        assert_null(ept_choose(EPT_CAP_ALL & ~BIT(17), MEMORY_WB, exec_large));
    np_largest_order = ORDER_2M;
    assert_int_equal(map(gfn(0), mfn(0x40000), 18, NP_RAM), 0);
    expect(0x12345, NP_RAM, 0x52345, 9);
    assert_int_equal(np.nr_pages, 3);
    assert_int_equal(unmap(gfn(0x200), 17 - 8), 0);
    assert_int_equal(map(gfn(0x200), mfn(0), 9, NP_RAM), 0);
    assert_int_equal(unmap(gfn(0), 18), 0);
    assert_int_equal(map(gfn(0), mfn(0), 18, NP_RAM), 0);
}

NP_TEST(test_no_root)
{
    struct np_table none = np;

    fail_after = 0;
    assert_int_equal(np_init(&none), -ENOMEM);
}

/* The bits the CPU sees. APM2 5.4.1 and 15.25.5: present, writable, user, accessed; in leaves dirty; large as asked.
 * SDM 3C 29.3.2: read, write, execute, accessed; in leaves write-back, without the guest's PAT, dirty. */
NP_TEST(test_hardware_bits)
{
    u64 table = on_intel ? 0x107 : 0x27, leaf = on_intel ? 0x377 : 0x67;
    u64 large = on_intel && !exec_large ? 0x3f3 : leaf | 0x80;

    assert_int_equal(map(gfn(0), mfn(0x40000), 18, NP_RAM), 0);
    assert_int_equal(map(gfn(0x40000), mfn(0x200), 9, NP_FOREIGN), 0);
    assert_int_equal(map(gfn(0x40200), mfn(0x123), 0, NP_SPECIAL), 0);
    assert_int_equal(map(gfn(0x40201), mfn(0x124), 0, NP_GRANT_RO), 0);
    u64 pml4e = ((u64 *)mfn_to_virt(maddr_to_mfn(np.root_maddr)))[0];
    u64 *pdpt = mfn_to_virt(maddr_to_mfn(pml4e & 0xffffffffff000));
    u64 *pd = mfn_to_virt(maddr_to_mfn(pdpt[1] & 0xffffffffff000));
    u64 *pt = mfn_to_virt(maddr_to_mfn(pd[1] & 0xffffffffff000));

    assert_int_equal(pml4e & 0xfff, table);
    assert_int_equal(pdpt[0], 0x40000000 | large | 1ull << 52);
    assert_int_equal(pdpt[1] & 0xfff, table);
    assert_int_equal(pd[0], 0x200000 | large | 2ull << 52);
    assert_int_equal(pt[0], 0x123000 | leaf | 3ull << 52);
    assert_int_equal(pt[1], 0x124000 | (leaf & ~2ull) | 5ull << 52);
    assert_int_equal(pt[2], 0);
    u64 marked;
    assert_int_equal(np_mark_pod(&np, gfn(0x40400), 9, &marked), 0);
    assert_int_equal(pd[2] & 7, 0); /* not present for either */
    np_fill_pod(&np, gfn(0x40400), mfn(0x600));
    assert_int_equal(pd[2], 0x600000 | large | 1ull << 52);

    u64 entry[5];
    assert_int_equal(np_entries(&np, gfn(0x40201), entry), 1);
    assert_int_equal(entry[1], pt[1]);
    assert_int_equal(entry[2], pd[1]);
    assert_int_equal(entry[4], pml4e);
    assert_int_equal(np_entries(&np, gfn(0x12345), entry), 3);
    assert_int_equal(entry[3], pdpt[0]);
}

/* A guest executes in a large page that cannot be executed: only around there the mapping becomes smaller. */
NP_TEST(test_split_for_execution)
{
    u64 entry[5], generation = np.generation;

    assert_int_equal(np_splits_executed(), on_intel && !exec_large);
    assert_int_equal(map(gfn(0x40000), mfn(0x80000), 18, NP_RAM), 0);
    for (u32 successes = 0; successes < 2; successes++) {
        fail_after = successes;
        assert_int_equal(np_split(&np, gfn(0x40234), ORDER_4K), -ENOMEM);
        expect(0x40234, NP_RAM, 0x80234, 18);
        assert_int_equal(np.nr_pages, 2);
    }
    fail_after = 2;
    assert_int_equal(np_split(&np, gfn(0x40234), ORDER_4K), 0);
    expect(0x40234, NP_RAM, 0x80234, 0);
    expect(0x40200, NP_RAM, 0x80200, 0);
    expect(0x401ff, NP_RAM, 0x801ff, 9);
    expect(0x7ffff, NP_RAM, 0xbffff, 9);
    assert_int_equal(np.nr_pages, 4);
    assert_int_equal(np_entries(&np, gfn(0x40234), entry), 1);
    assert_int_equal(entry[1] & 7, 7);
    assert_int_equal(np_split(&np, gfn(0x40234), ORDER_4K), 0); /* it is small already: no page is left */
    assert_int_equal(np.nr_pages, 4);
    assert_int_equal(np.generation, generation); /* nobody lost anything */
    fail_after = ~0u;
    assert_int_equal(unmap(gfn(0x40000), 18), 0);
    assert_int_equal(map(gfn(0x40000), mfn(0x80000), 18, NP_RAM), 0);
    expect(0x40234, NP_RAM, 0x80234, 18);
}

/* A list of neighbours, over the edge of a table, with a hole, backwards, and one that is taken. */
NP_TEST(test_many)
{
    gfn_t g[64];
    mfn_t m[64];
    u32 done;

    for (u32 i = 0; i < 64; i++) {
        g[i] = gfn(0x1e0 + i);
        m[i] = mfn(0x5000 + 3 * i);
    }
    g[40] = gfn(0x3ff);
    g[41] = gfn(0x3fe);
    assert_int_equal(np_map_many(&np, g, m, 0, 64, NP_RAM, &done), 0);
    assert_int_equal(done, 64);
    assert_int_equal(np.nr_pages, 5); /* root, two on the way, two for 0x1e0 - 0x3ff */
    for (u32 i = 0; i < 64; i++)
        expect(g[i].n, NP_RAM, m[i].n, 0);
    expect(0x1e0 + 40, NP_NONE, 0, 0);
    assert_int_equal(np_map_many(&np, g, m, 0, 64, NP_RAM, &done), -EEXIST);
    assert_int_equal(done, 0);
    g[0] = gfn(0x100); /* free, and then one that is not */
    assert_int_equal(np_map_many(&np, g, m, 0, 64, NP_RAM, &done), -EEXIST);
    assert_int_equal(done, 1);
    expect(0x100, NP_RAM, 0x5000, 0);
    /* 2 MiB each; one over emptied tables, one misaligned. */
    for (u32 i = 0; i < 5; i++) {
        g[i] = gfn(0x40000 + 0x200 * i);
        m[i] = mfn(0x80000 + 0x400 * i);
    }
    assert_int_equal(map(gfn(0x40401), mfn(1), 0, NP_RAM), 0);
    assert_int_equal(unmap(gfn(0x40401), 0), 0);
    assert_int_equal(np_map_many(&np, g, m, 9, 4, NP_RAM, &done), 0);
    assert_int_equal(done, 4);
    for (u32 i = 0; i < 4; i++)
        expect(g[i].n + 5, NP_RAM, m[i].n + 5, 9);
    assert_true(np.retired_maddr != 0);
    g[4] = gfn(0x40801);
    assert_int_equal(np_map_many(&np, g + 4, m + 4, 9, 1, NP_RAM, &done), -EINVAL);
    g[0] = gfn(0x41000);
    g[1] = gfn(NP_GFN_LIMIT);
    assert_int_equal(np_map_many(&np, g, m, 9, 2, NP_RAM, &done), -EINVAL);
    assert_int_equal(done, 1);
    /* Orders that are no mapping of their own. */
    g[0] = gfn(0x800);
    g[1] = gfn(0x808);
    m[0] = mfn(0x8);
    m[1] = mfn(0x10);
    assert_int_equal(np_map_many(&np, g, m, 3, 2, NP_RAM, &done), 0);
    expect(0x80f, NP_RAM, 0x17, 0);
    /* The pool ends: the first ones stay. */
    for (u32 i = 0; i < 64; i++)
        g[i] = gfn(0x10000000 + 0x80 * i);
    fail_after = 4;
    assert_int_equal(np_map_many(&np, g, m, 0, 64, NP_RAM, &done), -ENOMEM);
    assert_int_equal(done, 8); /* three tables for the first, one more for the fifth */
    fail_after = ~0u;
    /* The counts are right: nothing is left when all has gone. */
    assert_int_equal(unmap(gfn(0), 18), 0);
    assert_int_equal(unmap(gfn(0x40000), 18), 0);
    assert_int_equal(unmap(gfn(0x10000000), 18), 0);
    for (u64 i = 0; i < 0x400; i++)
        expect(i, NP_NONE, 0, NP_HOLE_ORDER_MAX);
    expect(0x10000000, NP_NONE, 0, NP_HOLE_ORDER_MAX);
}

NP_TEST(test_unmap_at)
{
    struct np_entry old;
    u32 all = 1u << NP_RAM | 1u << NP_FOREIGN;

    assert_int_equal(map(gfn(0x200), mfn(0x400), 9, NP_RAM), 0);
    assert_int_equal(map(gfn(7), mfn(0x77), 0, NP_FOREIGN), 0);
    u64 generation = np.generation;
    assert_int_equal(np_unmap(&np, gfn(7), 0, 1u << NP_RAM, &old), 0); /* not what is wanted */
    assert_int_equal(old.type, NP_FOREIGN);
    assert_int_equal(np.generation, generation);
    expect(7, NP_FOREIGN, 0x77, 0);
    assert_int_equal(np_unmap(&np, gfn(7), 0, all, &old), 0);
    assert_int_equal(old.mfn.n, 0x77);
    assert_true(np.generation > generation);
    expect(7, NP_NONE, 0, 9);
    assert_int_equal(np_unmap(&np, gfn(0x210), 4, all, &old), 0); /* a part: split */
    assert_int_equal(old.order, 4);
    assert_int_equal(old.mfn.n, 0x410);
    expect(0x20f, NP_RAM, 0x40f, 0);
    expect(0x21f, NP_NONE, 0, 0);
    expect(0x220, NP_RAM, 0x420, 0);
    assert_int_equal(np_unmap(&np, gfn(0x200), 9, all, &old), 0); /* a smaller one: only that */
    assert_int_equal(old.order, 0);
    expect(0x201, NP_RAM, 0x401, 0);
    assert_int_equal(np_unmap(&np, gfn(0x3), 1, all, &old), -EINVAL);
    assert_int_equal(map(gfn(0x40000), mfn(0x40000), 18, NP_RAM), 0);
    fail_after = 1;
    assert_int_equal(np_unmap(&np, gfn(0x40001), 0, all, &old), -ENOMEM);
    expect(0x40001, NP_RAM, 0x40001, 18);
    fail_after = ~0u;
}

NP_TEST(test_trimmed_tables_go)
{
    static const struct {
        u64 gfn;
        u32 tables; /* that are left without it */
    } pages[] = {{0x200, 8}, {0x3ff, 7}, {0x8000000, 4}, {0x400, 1}};

    for (u32 i = 0; i < ARRAY_SIZE(pages); i++)
        assert_int_equal(map(gfn(pages[i].gfn), mfn(i), 0, NP_RAM), 0);
    assert_int_equal(nr_taken, 8);
    for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
        u32 before = nr_taken;

        assert_int_equal(unmap_and(gfn(pages[i].gfn), 0, NP_TRIM), 0);
        assert_int_equal(nr_taken, before); /* a CPU may still walk them */
        assert_false(np_reap(&np, 3));
        assert_int_equal(nr_taken, pages[i].tables);
        expect(pages[i].gfn, NP_NONE, 0,
               pages[i].tables == 8   ? 0
               : pages[i].tables == 7 ? 9
                                      : NP_HOLE_ORDER_MAX);
    }
    assert_int_equal(map(gfn(0x200), mfn(1), 0, NP_RAM), 0);
    assert_int_equal(unmap(gfn(0x200), 0), 0);
    assert_int_equal(nr_taken, 4); /* not asked for */
}
