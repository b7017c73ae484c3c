// sources: tests/stress/single.c tests/stress/single_take.c tests/stress/single_ops.c
// sources: tests/stress/single_claims.c
// sources: tests/stress/reference.c tests/stress/reference_claims.c tests/stress/machine.c mm/all
/*
 * Random operations on mm/ against the reference allocator of tests/stress, under ASan and UBSan: the
 * single-threaded half of claim-stress, with few and many nodes. A run that never meets an outcome says
 * nothing about it, so each has to come up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <tests/stress/stress.h>

static struct stress_result result;

static void run_with(u64 ops, u32 nodes, u64 seed)
{
    const struct stress_options options = {
        .ops = ops, .threads = 1, .nodes = nodes, .seed = seed, .faults = 50};

    result = (struct stress_result){0};
    machine_seed = seed;
    machine_step = 0;
    stress_single(&options, &result);
    assert_int_equal(machine_wrong, 0);
    assert_int_equal(result.oversubscribed, 0);
    assert_int_equal(result.false_refusals, 0);
    assert_int_equal(result.lost_pages, 0);
    assert_true(stress_total(&result.counts) >= ops);
}

static void small_nodes(void **state)
{
    (void)state;
    run_with(100000, 4, 20260822);
    for (enum stress_op op = 0; op < NR_STRESS_OPS; op++)
        if (op != OP_FIGURES && op != OP_TAKE_HUGE) /* compared after each operation; below */
            assert_true(result.counts.ok[op] >= 10);
    assert_true(result.counts.refused[OP_SET] >= 10 && result.counts.refused[OP_ALLOC] >= 10);
    assert_true(result.counts.injected >= 10);
}

static void one_node(void **state)
{
    (void)state;
    run_with(30000, 1, 5);
}

static void eight_nodes(void **state)
{
    (void)state;
    run_with(30000, 8, 6);
}

static void extents_up_to_a_gib(void **state)
{
    (void)state;
    run_with(300000, 4, 7);
    assert_true(result.counts.ok[OP_TAKE_HUGE] >= 100 && result.counts.refused[OP_TAKE_HUGE] >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_nodes), cmocka_unit_test(one_node),
                                       cmocka_unit_test(eight_nodes), cmocka_unit_test(extents_up_to_a_gib)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
