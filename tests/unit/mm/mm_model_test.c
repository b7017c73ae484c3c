/*
 * Random operations on mm/ against the reference allocator of tests/stress, under ASan and UBSan: the
 * single-threaded half of claim-stress, with few and many nodes. A run that never meets an outcome says
 * nothing about it, so each has to come up.
 */
#include <tests/machine/test.h>

#include <tests/stress/stress.h>

static struct stress_result result;

static void run_with(u64 ops, u32 nodes, u64 seed)
{
    const struct stress_options options = {
        .ops = ops, .threads = 1, .nodes = nodes, .seed = seed, .faults = 50};

    result = (struct stress_result){0};
    run_seed = seed;
    run_step = 0;
    stress_single(&options, &result);
    assert_int_equal(nr_wrong, 0);
    assert_int_equal(result.oversubscribed, 0);
    assert_int_equal(result.false_refusals, 0);
    assert_int_equal(result.lost_pages, 0);
    assert_true(stress_total(&result.counts) >= ops);
}

TEST(small_nodes)
{
    run_with(100000, 4, 20260822);
    for (enum stress_op op = 0; op < NR_STRESS_OPS; op++)
        if (op != OP_FIGURES && op != OP_TAKE_HUGE) /* compared after each operation; below */
            assert_true(result.counts.ok[op] >= 10);
    assert_true(result.counts.refused[OP_SET] >= 10 && result.counts.refused[OP_ALLOC] >= 10);
    assert_true(result.counts.injected >= 10);
}

TEST(one_node)
{
    run_with(30000, 1, 5);
}

TEST(eight_nodes)
{
    run_with(30000, 8, 6);
}

TEST(extents_up_to_a_gib)
{
    run_with(300000, 4, 7);
    assert_true(result.counts.ok[OP_TAKE_HUGE] >= 100 && result.counts.refused[OP_TAKE_HUGE] >= 100);
}
