/*
 * Nested page tables, random operations against a model that is one array entry per guest frame. Every
 * allocation fails once in turn, and the pool's bytes show whether a refused operation has touched anything.
 */
#include "np_pool.h"
#include <tests/machine/random.h>

#define MODEL_BASE   (3ull << 18) /* gfn; three 1G regions, across nothing special */
#define MODEL_FRAMES (3u << 18)

static u64 model[MODEL_FRAMES]; /* 0: nothing; else mfn * 8 + type, without an mfn NP_POD */
static u64 snapshot[POOL_PAGES][512];
static bool snapshot_taken[POOL_PAGES];

static struct rng rng;

static u64 rnd(u32 below)
{
    return rng_draw(&rng, below);
}

static void check_frame(u64 index)
{
    struct np_entry e = np_lookup(&np, gfn(MODEL_BASE + index));
    u64 have = e.type == NP_NONE ? 0 : (mfn_valid_value(e.mfn) ? e.mfn.n * 8 : 0) + e.type;

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
    bool map;
    bool mark; /* NP_POD */
    u64 index, mfn;
    u32 order;
    enum np_type type;
    u32 trim;
};

static u64 unmarked(const struct op *op)
{
    u64 nr = 0;

    for (u64 i = 0; i < 1ull << op->order; i++)
        nr += !model[op->index + i];
    return nr;
}

static int run_op(const struct op *op)
{
    gfn_t g = gfn(MODEL_BASE + op->index);
    u64 marked;

    if (op->mark) {
        int rc = np_mark_pod(&np, g, op->order, &marked);
        assert_int_equal(marked, rc ? 0 : unmarked(op));
        return rc;
    }
    return op->map ? map(g, mfn(op->mfn), op->order, op->type) : unmap_and(g, op->order, op->trim);
}

static struct op random_op(void)
{
    static const u32 orders[] = {0, 0, 0, 1, 3, 8, 9, 9, 9, 10, 13, 17, 18, 18};
    struct op op = {.map = rnd(2), .type = 1 + rnd(3), .trim = rnd(2) ? NP_TRIM : 0};

    op.mark = op.map && rnd(2);
    op.order = orders[rnd(ARRAY_SIZE(orders))];
    /* Half of the time near the start of a region, so that operations meet. */
    op.index = rnd(2) ? rnd(MODEL_FRAMES) : rnd(3) << 18 | rnd(0x800);
    op.index = ALIGN_DOWN(op.index, 1ull << op.order);
    op.mfn = ALIGN_DOWN(rnd(1u << 24), 1ull << op.order);
    return op;
}

static bool model_free(const struct op *op)
{
    for (u64 i = 0; i < 1ull << op->order; i++)
        if (model[op->index + i] && !(op->mark && model[op->index + i] == NP_POD))
            return false;
    return true;
}

static void model_apply(const struct op *op)
{
    for (u64 i = 0; i < 1ull << op->order; i++)
        model[op->index + i] = op->mark ? NP_POD : op->map ? (op->mfn + i) * 8 + op->type : 0;
}

/* First with every allocation failing in turn, until one run gets through. */
static void apply(const struct op *op)
{
    struct np_table before;
    int want = op->map && !model_free(op) ? -EEXIST : 0;
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
    assert_true(np.nr_pages - before.nr_pages <= 3);
    assert_int_equal(np.nr_pages, nr_taken);
    if (rc)
        check_unchanged(&before);
    else
        model_apply(op);
}

/* A marked frame gets memory, its whole mapping or a part of it. */
static void fill_one(void)
{
    u64 index = rnd(MODEL_FRAMES);

    for (u32 tries = 0; tries < 50 && model[index] != NP_POD; tries++)
        index = rnd(MODEL_FRAMES);
    if (model[index] != NP_POD)
        return;
    assert_int_equal(np_split(&np, gfn(MODEL_BASE + index), rnd(2) ? ORDER_2M : ORDER_4K), 0);
    u32 order = np_lookup(&np, gfn(MODEL_BASE + index)).order;
    u64 m = ALIGN_DOWN(rnd(1u << 24), 1ull << order), first = ALIGN_DOWN(index, 1ull << order);
    np_fill_pod(&np, gfn(MODEL_BASE + index), mfn(m));
    for (u64 i = 0; i < 1ull << order; i++)
        model[first + i] = (m + i) * 8 + NP_RAM;
}

/* What is mapped stays what it is, as it is in smaller pieces. */
static void split_one(void)
{
    u64 index = rnd(MODEL_FRAMES);

    for (u32 tries = 0; tries < 50 && !model[index]; tries++)
        index = rnd(MODEL_FRAMES);
    assert_int_equal(np_split(&np, gfn(MODEL_BASE + index), ORDER_4K), 0);
    if (model[index])
        assert_int_equal(np_lookup(&np, gfn(MODEL_BASE + index)).order, ORDER_4K);
    check_frame(index);
}

NP_TEST(test_against_model)
{
    for (u64 seed = 1; seed <= 3; seed++) {
        rng_seed(&rng, seed);
        memset(model, 0, sizeof(model));
        for (u32 step = 0; step < 300; step++) {
            struct op op = random_op();
            apply(&op);
            fill_one();
            if (rnd(4) == 0)
                split_one();
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
            assert_int_equal(unmap(gfn(MODEL_BASE + (region << 18)), 18), 0);
        /* All counts are back at 0: three large mappings fit over what tables are left. */
        for (u64 region = 0; region < 3; region++)
            assert_int_equal(map(gfn(MODEL_BASE + (region << 18)), mfn(0), 18, NP_RAM), 0);
        np_reap(&np, ~0u);
        assert_int_equal(nr_taken, 2);
        for (u64 region = 0; region < 3; region++)
            assert_int_equal(unmap(gfn(MODEL_BASE + (region << 18)), 18), 0);
    }
}
