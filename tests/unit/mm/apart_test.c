/* Two builders on two nodes do not meet: which locks a transaction takes, and that it leaves the other node's record alone.
 */
#include "claims_helpers.h"
#include <mm/node.h>

static struct node others[NODES];
static const u32 account_and_node[] = {LOCK_ACCOUNT, LOCK_NODE};
static const u32 as_for_a_set[] = {LOCK_ACCOUNT, LOCK_NODE, LOCK_CLAIMANTS};
static const u32 account_and_both[] = {LOCK_ACCOUNT, LOCK_NODE, LOCK_NODE + 2};

static void watch(void)
{
    memcpy(others, mm_nodes, sizeof(others));
    locks_watch();
}

/* Only the account and node 0 were locked, and nothing of the other nodes has changed. */
static void expect_apart(void)
{
    assert_true(locks_were_only(account_and_node, 2));
    assert_memory_equal(&others[1], &mm_nodes[1], (NODES - 1) * sizeof(others[0]));
}

static void take_and_release(u32 order)
{
    struct mm_request request = {.nid = 0, .order = order, .nr = 4, .flags = MM_EXACT_NODE};
    struct mm_taken taken;

    assert_int_equal(mm_take(a, &request, &taken), 0);
    mm_take_done(&taken, taken.nr - 1);
    assert_int_equal(mm_release_many(a, taken.extent, order, taken.nr), 0);
}

TEST(a_claimed_take)
{
    assert_int_equal(set1(b, 0, 100), 0);
    assert_int_equal(claim_install_legacy(b, 0), 0);
    for (u32 order = 0; order <= ORDER_2M; order += ORDER_2M) {
        assert_int_equal(set1(a, 0, 2048), 0);
        watch();
        take_and_release(order);
        expect_apart();
        assert_int_equal(claim_install_legacy(a, 0), 0);
    }
}

/* As long as the node's part of the host's spare pages covers them. */
TEST(an_unclaimed_take)
{
    watch();
    take_and_release(0);
    take_and_release(ORDER_2M);
    expect_apart();
}

TEST(the_memory_of_a_dead_domain)
{
    take_pages(a, 0, 700);
    mm_account_kill(a);
    watch();
    while (mm_release_some(a, 1))
        ;
    assert_int_equal(node_free(0), NODE_PAGES);
    expect_apart();
}

/* A set locks the nodes where it claims something, and no more while they have what it wants. */
TEST(a_set)
{
    struct claim_entry node_1_has_it[2] = {{.pages = 10, .node = 1}, {.pages = 60, .node = 0}};

    take_pages(a, 1, 10);
    locks_watch();
    assert_int_equal(claim_install_set(a, node_1_has_it, 2, 0), 0);
    assert_int_equal(set1(a, 0, 0), 0);
    assert_int_equal(set1(a, 0, 100), 0);
    assert_int_equal(claim(a, 0, 50, 0, CLAIM_REPLACE), 0);
    assert_int_equal(set1(a, 0, 0), 0);
    assert_true(locks_were_only(as_for_a_set, 3));
}

/* Claims that another node's pages redeem take the locks of both. */
TEST(a_take_that_redeems_elsewhere)
{
    assert_int_equal(set1(a, 2, 100), 0);
    locks_watch();
    take_pages(a, 0, 1);
    assert_true(locks_were_only(account_and_both, 3));
    assert_int_equal(a->node_claim[2], 99);
}

FIXTURE(setup, accounts_unmake)
