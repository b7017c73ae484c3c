/*
 * Nested page tables against a model that is one array entry per guest frame. The table pages come from a
 * pool of the test's own, which can be made to fail, and whose bytes show whether a refused operation has
 * touched anything.
 */
// sources: arch/x86/hvm/nested_paging.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arch/x86/hvm/nested_paging.h>
#include <homestead/errno.h>
#include <lib/assert.h>

void assert_failed(const char *what, const char *file, int line)
{
    fail_msg("%s:%d: %s", file, line, what);
    abort();
}

/* --- table pages --- */

#define POOL_PAGES 1600u
#define POOL_BASE  0x12340000000ull

static u64 pool[POOL_PAGES][512];
static bool taken[POOL_PAGES];
static u32 nr_taken;
static u32 fail_after; /* allocations that still succeed */
static struct np_table np;

static u32 pool_index(u64 maddr)
{
    u64 index = (maddr - POOL_BASE) / PAGE_SIZE;

    assert_true(maddr % PAGE_SIZE == 0 && index < POOL_PAGES);
    return (u32)index;
}

static void *pool_virt(u64 maddr)
{
    u32 i = pool_index(maddr);

    assert_true(taken[i]); /* nobody looks at a page that has gone */
    return pool[i];
}

static u64 pool_alloc(void *ctx)
{
    assert_ptr_equal(ctx, &np);
    if (!fail_after)
        return 0;
    fail_after--;
    for (u32 i = 0; i < POOL_PAGES; i++) {
        if (taken[i])
            continue;
        taken[i] = true;
        nr_taken++;
        memset(pool[i], 0, PAGE_SIZE);
        return POOL_BASE + i * PAGE_SIZE;
    }
    fail_msg("the test's pool is too small");
    return 0;
}

static void pool_free(void *ctx, u64 maddr)
{
    u32 i = pool_index(maddr);

    assert_ptr_equal(ctx, &np);
    assert_true(taken[i]);
    taken[i] = false;
    nr_taken--;
    memset(pool[i], 0xa5, PAGE_SIZE);
}

static int setup(void **state)
{
    (void)state;
    memset(taken, 0, sizeof(taken));
    nr_taken = 0;
    fail_after = ~0u;
    np_largest_order = ORDER_1G;
    np = (struct np_table){.alloc = pool_alloc, .free = pool_free, .virt = pool_virt, .ctx = &np};
    assert_int_equal(np_init(&np), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    u32 calls = 0;

    while (np_destroy(&np, 3))
        assert_true(++calls < 10000);
    assert_int_equal(nr_taken, 0);
    assert_int_equal(np.nr_pages, 0);
    assert_false(np_destroy(&np, 1)); /* and once more does no harm */
    return 0;
}

static void expect(u64 g, enum np_type type, u64 m, u32 order, bool writable)
{
    struct np_entry e = np_lookup(&np, gfn(g));

    assert_int_equal(e.type, type);
    assert_int_equal(e.order, order);
    if (type != NP_NONE) {
        assert_int_equal(e.mfn.n, m);
        assert_int_equal(e.writable, writable);
    } else {
        assert_false(mfn_valid_value(e.mfn));
    }
}

/* --- single cases --- */

static void test_one_entry_per_size(void **state)
{
    (void)state;
    assert_int_equal(np_pages_needed(&np, gfn(0x40000), 18), 1);
    assert_int_equal(np_map(&np, gfn(0x40000), mfn(0x80000), 18, NP_RAM, true), 0);
    assert_int_equal(np.nr_pages, 2); /* root and one level below: one 1G entry */
    expect(0x40000, NP_RAM, 0x80000, 18, true);
    expect(0x7ffff, NP_RAM, 0xbffff, 18, true);
    expect(0x80000, NP_NONE, 0, 18, false);

    assert_int_equal(np_pages_needed(&np, gfn(0x200), 9), 1);
    assert_int_equal(np_map(&np, gfn(0x200), mfn(0x400), 9, NP_RAM, false), 0);
    assert_int_equal(np.nr_pages, 3);
    expect(0x3ff, NP_RAM, 0x5ff, 9, false);
    expect(0x400, NP_NONE, 0, 9, false);

    assert_int_equal(np_map(&np, gfn(0x400), mfn(0x800), 10, NP_RAM, true), 0); /* two 2M entries */
    assert_int_equal(np.nr_pages, 3);
    expect(0x7ff, NP_RAM, 0xbff, 9, true);

    assert_int_equal(np_pages_needed(&np, gfn(7), 0), 1);
    assert_int_equal(np_map(&np, gfn(7), mfn(0x777), 0, NP_FOREIGN, true), 0);
    assert_int_equal(np.nr_pages, 4);
    expect(7, NP_FOREIGN, 0x777, 0, true);
    expect(8, NP_NONE, 0, 0, false);
    assert_int_equal(np_map(&np, gfn(0x100), mfn(0x3000), 8, NP_RAM, true), 0);
    expect(0x1ff, NP_RAM, 0x30ff, 0, true);
    expect(1ull << 27, NP_NONE, 0, 27, false);
    assert_int_equal(np_pages_needed(&np, gfn(1ull << 27), 0), 3);
}

static void test_refused(void **state)
{
    (void)state;
    u64 generation = np.generation;

    assert_int_equal(np_map(&np, gfn(1), mfn(2), 1, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, gfn(2), mfn(1), 1, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, gfn(0), mfn(0), 19, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, gfn(0), mfn(0), ~0u, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, gfn(NP_GFN_LIMIT), mfn(0), 0, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, INVALID_GFN, mfn(0), 0, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, gfn(0), INVALID_MFN, 0, NP_RAM, true), -EINVAL);
    assert_int_equal(np_map(&np, gfn(0), mfn(0), 0, NP_NONE, true), -EINVAL);
    assert_int_equal(np_unmap(&np, gfn(3), 2), -EINVAL);
    assert_int_equal(np_unmap(&np, gfn(0), 19), -EINVAL);
    assert_int_equal(np_unmap(&np, gfn(NP_GFN_LIMIT), 0), -EINVAL);
    assert_int_equal(np_pages_needed(&np, gfn(NP_GFN_LIMIT), 0), 0);
    assert_int_equal(np_lookup(&np, gfn(NP_GFN_LIMIT)).type, NP_NONE);
    assert_int_equal(np.nr_pages, 1);

    assert_int_equal(np_map(&np, gfn(NP_GFN_LIMIT - 1), mfn(5), 0, NP_RAM, true), 0);
    expect(NP_GFN_LIMIT - 1, NP_RAM, 5, 0, true);
    assert_int_equal(np_map(&np, gfn(NP_GFN_LIMIT - 1), mfn(6), 0, NP_RAM, true), -EEXIST);
    assert_int_equal(np_map(&np, gfn(NP_GFN_LIMIT - 512), mfn(0x200), 9, NP_RAM, true), -EEXIST);
    assert_int_equal(np_map(&np, gfn(NP_GFN_LIMIT - (1 << 18)), mfn(1 << 18), 18, NP_RAM, true), -EEXIST);
    assert_int_equal(np_map(&np, gfn(0x200), mfn(0x200), 9, NP_RAM, true), 0);
    assert_int_equal(np_map(&np, gfn(0x3ff), mfn(9), 0, NP_RAM, true), -EEXIST);
    assert_int_equal(np_map(&np, gfn(0), mfn(0x400), 10, NP_RAM, true), -EEXIST); /* only its second half */
    assert_int_equal(np.generation, generation);                                  /* nobody lost anything */
}

static void test_split(void **state)
{
    (void)state;
    assert_int_equal(np_map(&np, gfn(0), mfn(0x40000), 18, NP_RAM, false), 0);
    u64 generation = np.generation;

    assert_int_equal(np_pages_needed(&np, gfn(0x234), 0), 2); /* to split twice */
    assert_int_equal(np_unmap(&np, gfn(0x234), 0), 0);
    assert_int_equal(np.nr_pages, 4);
    assert_true(np.generation > generation);
    expect(0x234, NP_NONE, 0, 0, false);
    expect(0x233, NP_RAM, 0x40233, 0, false);
    expect(0x235, NP_RAM, 0x40235, 0, false);
    expect(0x1ff, NP_RAM, 0x401ff, 9, false);
    expect(0x400, NP_RAM, 0x40400, 9, false);
    expect(0x3ffff, NP_RAM, 0x7ffff, 9, false);
    assert_int_equal(np_unmap(&np, gfn(0x800), 10), 0); /* two 2M entries, no page */
    assert_int_equal(np.nr_pages, 4);
    expect(0x7ff, NP_RAM, 0x407ff, 9, false);
    expect(0x800, NP_NONE, 0, 9, false);
    expect(0xc00, NP_RAM, 0x40c00, 9, false);

    generation = np.generation;
    assert_int_equal(np_unmap(&np, gfn(0x800), 9), 0); /* a hole already */
    assert_int_equal(np.generation, generation);
    assert_int_equal(np_unmap(&np, gfn(0), 18), 0);
    expect(0, NP_NONE, 0, 9, false);
    expect(0x233, NP_NONE, 0, 0, false);
}

/* What physmap's replacing relies on: once a range has been unmapped, mapping it again needs no page. */
static void test_replace_needs_no_page(void **state)
{
    (void)state;
    assert_int_equal(np_map(&np, gfn(0x205), mfn(1), 0, NP_RAM, true), 0);
    assert_int_equal(np_unmap(&np, gfn(0x205), 0), 0);
    assert_int_equal(np_pages_needed(&np, gfn(0x205), 0), 0);
    fail_after = 0;
    assert_int_equal(np_map(&np, gfn(0x205), mfn(2), 0, NP_SPECIAL, false), 0);
    expect(0x205, NP_SPECIAL, 2, 0, false);
}

/* A large mapping over emptied tables is one entry again, and the tables wait until they are reaped. */
static void test_retired_tables(void **state)
{
    (void)state;
    assert_int_equal(np_map(&np, gfn(0x205), mfn(1), 0, NP_RAM, true), 0);
    assert_int_equal(np_map(&np, gfn(0x605), mfn(2), 0, NP_RAM, true), 0);
    assert_int_equal(np_unmap(&np, gfn(0x205), 0), 0);
    assert_int_equal(np_map(&np, gfn(0x200), mfn(0x200), 9, NP_RAM, true), 0);
    expect(0x205, NP_RAM, 0x205, 9, true);
    assert_int_equal(nr_taken, 5); /* root, 2 tables on the way, 1 in use, 1 retired */
    assert_int_equal(np.nr_pages, 5);
    assert_false(np_reap(&np, 10));
    assert_int_equal(nr_taken, 4);
    assert_int_equal(np.nr_pages, 4);

    assert_int_equal(np_map(&np, gfn(0), mfn(0x40000), 18, NP_RAM, true), -EEXIST);
    assert_int_equal(np_unmap(&np, gfn(0), 18), 0);
    u64 generation = np.generation;
    assert_int_equal(np_map(&np, gfn(0), mfn(0x40000), 18, NP_RAM, true), 0);
    assert_true(np.generation > generation);
    expect(0x605, NP_RAM, 0x40605, 18, true);
    assert_true(np_reap(&np, 1));
    assert_false(np_reap(&np, 1));
    assert_int_equal(nr_taken, 2);
}

/* Single unmaps bring the counts on every level back to 0: nothing may seem to be in use. */
static void test_emptied_one_by_one(void **state)
{
    (void)state;
    for (u64 g = 0; g < 0x1000; g += 0x100)
        assert_int_equal(np_map(&np, gfn(g), mfn(g), 0, NP_RAM, true), 0);
    assert_int_equal(np_map(&np, gfn(0x10), mfn(0x10), 4, NP_RAM, true), 0);
    assert_int_equal(np_unmap(&np, gfn(0x10), 4), 0);
    for (u64 g = 0; g < 0x1000; g += 0x100) {
        assert_int_equal(np_map(&np, gfn(0), mfn(0), 18, NP_RAM, true), -EEXIST);
        assert_int_equal(np_unmap(&np, gfn(g), 0), 0);
    }
    assert_int_equal(np_map(&np, gfn(0), mfn(0), 18, NP_RAM, true), 0);
    assert_int_equal(nr_taken, 2 + 1 + 8);
    np_reap(&np, ~0u);
    assert_int_equal(nr_taken, 2);
}

static void test_without_1g_pages(void **state)
{
    (void)state;
    np_largest_order = ORDER_2M;
    assert_int_equal(np_pages_needed(&np, gfn(0), 18), 2);
    assert_int_equal(np_map(&np, gfn(0), mfn(0x40000), 18, NP_RAM, true), 0);
    expect(0x12345, NP_RAM, 0x52345, 9, true);
    assert_int_equal(np.nr_pages, 3);
    assert_int_equal(np_unmap(&np, gfn(0x200), 17 - 8), 0);
    assert_int_equal(np_map(&np, gfn(0x200), mfn(0), 9, NP_RAM, true), 0);
    assert_int_equal(np_unmap(&np, gfn(0), 18), 0);
    assert_int_equal(np_map(&np, gfn(0), mfn(0), 18, NP_RAM, true), 0);
}

static void test_no_root(void **state)
{
    (void)state;
    struct np_table none = np;

    fail_after = 0;
    assert_int_equal(np_init(&none), -ENOMEM);
}

/* The bits the CPU sees, APM2 5.4.1 and 15.25.5: present, user; writable and large as asked; nothing
 * reserved. */
static void test_hardware_bits(void **state)
{
    (void)state;
    assert_int_equal(np_map(&np, gfn(0), mfn(0x40000), 18, NP_RAM, true), 0);
    assert_int_equal(np_map(&np, gfn(0x40000), mfn(0x200), 9, NP_FOREIGN, false), 0);
    assert_int_equal(np_map(&np, gfn(0x40200), mfn(0x123), 0, NP_SPECIAL, false), 0);
    u64 pml4e = ((u64 *)pool_virt(np.root_maddr))[0];
    u64 *pdpt = pool_virt(pml4e & 0xffffffffff000);
    u64 *pd = pool_virt(pdpt[1] & 0xffffffffff000);
    u64 *pt = pool_virt(pd[1] & 0xffffffffff000);

    assert_int_equal(pml4e & 0x87, 7); /* P, W, U; a table at the root level must not have PS */
    assert_int_equal(pdpt[0], 0x40000000 | 0xe7 | 1 << 9);
    assert_int_equal(pdpt[1] & 0x87, 7);
    assert_int_equal(pd[0], 0x200000 | 0xe5 | 2 << 9);
    assert_int_equal(pt[0], 0x123000 | 0x65 | 3 << 9);
    assert_int_equal(pt[1], 0);
}

/* --- random operations against the model --- */

#define MODEL_BASE   (3ull << 18) /* gfn; three 1G regions, across nothing special */
#define MODEL_FRAMES (3ull << 18)

static u64 model[MODEL_FRAMES]; /* 0: nothing; else mfn * 16 + type * 2 + writable */
static u64 snapshot[POOL_PAGES][512];
static bool snapshot_taken[POOL_PAGES];

static u64 random_state;

static u64 rnd(u64 below)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 33) % below;
}

static void check_frame(u64 index)
{
    struct np_entry e = np_lookup(&np, gfn(MODEL_BASE + index));
    u64 have = e.type == NP_NONE ? 0 : e.mfn.n * 16 + e.type * 2 + e.writable;

    if (have != model[index])
        fail_msg("frame %llx: have %llx, want %llx", (unsigned long long)index, (unsigned long long)have,
                 (unsigned long long)model[index]);
}

static void take_snapshot(struct np_table *copy)
{
    memcpy(snapshot, pool, sizeof(pool));
    memcpy(snapshot_taken, taken, sizeof(taken));
    *copy = np;
}

static void check_unchanged(const struct np_table *copy)
{
    assert_memory_equal(copy, &np, sizeof(np));
    for (u32 i = 0; i < POOL_PAGES; i++) {
        assert_int_equal(snapshot_taken[i], taken[i]);
        if (taken[i])
            assert_memory_equal(snapshot[i], pool[i], PAGE_SIZE);
    }
}

struct op {
    bool map, writable;
    u64 index, mfn;
    u32 order;
    enum np_type type;
};

static int run_op(const struct op *op)
{
    gfn_t g = gfn(MODEL_BASE + op->index);

    return op->map ? np_map(&np, g, mfn(op->mfn), op->order, op->type, op->writable)
                   : np_unmap(&np, g, op->order);
}

static struct op random_op(void)
{
    static const u32 orders[] = {0, 0, 0, 1, 3, 8, 9, 9, 9, 10, 13, 17, 18, 18};
    struct op op = {.map = rnd(2), .writable = rnd(2), .type = 1 + rnd(3)};

    op.order = orders[rnd(ARRAY_SIZE(orders))];
    /* Half of the time near the start of a region, so that operations meet. */
    op.index = rnd(2) ? rnd(MODEL_FRAMES) : rnd(3) << 18 | rnd(0x800);
    op.index = ALIGN_DOWN(op.index, 1ull << op.order);
    op.mfn = ALIGN_DOWN(rnd(1ull << 24), 1ull << op.order);
    return op;
}

static bool model_free(const struct op *op)
{
    for (u64 i = 0; i < 1ull << op->order; i++)
        if (model[op->index + i])
            return false;
    return true;
}

static void model_apply(const struct op *op)
{
    for (u64 i = 0; i < 1ull << op->order; i++)
        model[op->index + i] = op->map ? (op->mfn + i) * 16 + op->type * 2 + op->writable : 0;
}

/* First with every allocation failing in turn, until one run gets through. */
static void apply(const struct op *op)
{
    struct np_table before;
    int want = op->map && !model_free(op) ? -EEXIST : 0;
    u32 needed = np_pages_needed(&np, gfn(MODEL_BASE + op->index), op->order);
    int rc;

    take_snapshot(&before);
    for (u32 successes = 0;; successes++) {
        assert_true(successes <= 3);
        fail_after = successes;
        rc = run_op(op);
        if (rc != -ENOMEM)
            break;
        assert_int_equal(fail_after, 0);
        check_unchanged(&before);
    }
    fail_after = ~0u;
    assert_int_equal(rc, want);
    assert_true(np.nr_pages - before.nr_pages <= needed);
    assert_int_equal(np.nr_pages, nr_taken);
    if (rc)
        check_unchanged(&before);
    else
        model_apply(op);
}

static void test_against_model(void **state)
{
    (void)state;
    for (u64 seed = 1; seed <= 3; seed++) {
        random_state = seed;
        memset(model, 0, sizeof(model));
        for (u32 step = 0; step < 300; step++) {
            struct op op = random_op();
            apply(&op);
            if (rnd(4) == 0)
                np_reap(&np, ~0u);
            for (u64 i = 0; i < 16; i++)
                check_frame(rnd(MODEL_FRAMES));
            for (u64 i = 0; i < 3; i++)
                check_frame(MIN(op.index + i * (1ull << op.order) / 2, MODEL_FRAMES - 1));
            if (op.index)
                check_frame(op.index - 1);
        }
        for (u64 i = 0; i < MODEL_FRAMES; i++)
            check_frame(i);
        for (u64 region = 0; region < 3; region++)
            assert_int_equal(np_unmap(&np, gfn(MODEL_BASE + (region << 18)), 18), 0);
        /* All counts are back at 0: three large mappings fit over what tables are left. */
        for (u64 region = 0; region < 3; region++)
            assert_int_equal(np_map(&np, gfn(MODEL_BASE + (region << 18)), mfn(0), 18, NP_RAM, true), 0);
        np_reap(&np, ~0u);
        assert_int_equal(nr_taken, 2);
        for (u64 region = 0; region < 3; region++)
            assert_int_equal(np_unmap(&np, gfn(MODEL_BASE + (region << 18)), 18), 0);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_one_entry_per_size),
        CASE(test_refused),
        CASE(test_split),
        CASE(test_replace_needs_no_page),
        CASE(test_retired_tables),
        CASE(test_without_1g_pages),
        CASE(test_no_root),
        CASE(test_hardware_bits),
        CASE(test_emptied_one_by_one),
        CASE(test_against_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
