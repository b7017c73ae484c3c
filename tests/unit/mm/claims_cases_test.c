/*
 * Claims while something else happens: many pages at once, other domains between two locks, destroyed domains, builders
 * side by side. On the real mm/; the same through real hypercalls are in tests/guests/selftest (case_...).
 */
#include "claims_helpers.h"
#include <pthread.h>

TEST(set_of_host_2_n0_2_n1_2)
{
    struct claim_entry set[3] = {
        {.pages = 2, .node = CLAIM_HOST}, {.pages = 2, .node = 0}, {.pages = 2, .node = 1}};

    assert_int_equal(claim_install_set(a, set, 3, 0), 0);
    assert_int_equal(take(a, 0, 0), 0);
    expect_claims(a, 2, 1, 2);
    assert_int_equal(take(a, 1, 0), 0);
    expect_claims(a, 2, 1, 1);
    assert_int_equal(take(a, 1, 1), 0);
    expect_claims(a, 1, 1, 0);
    assert_int_equal(take(a, 1, 0), 0);
    expect_claims(a, 0, 1, 0);
    assert_int_equal(take(a, 1, 0), 0);
    expect_claims(a, 0, 0, 0);
    assert_int_equal(host_info().outstanding_pages, 0);
}

/* Between any two locks of the replacing call a third domain tries to get in. */
static struct mem_account *third;
static u32 let_in;

static void try_to_get_in(u32 level)
{
    static bool inside;
    mfn_t m;

    (void)level;
    if (inside)
        return;
    inside = true;
    let_in += set1(third, CLAIM_HOST, 1) == 0;
    let_in += mm_alloc(third, NODE_NONE, 0, 0, &m) == 0;
    inside = false;
}

TEST(replaced_set_at_full_capacity_lets_no_third_in)
{
    struct claim_entry mine[2] = {{.pages = NODE_PAGES, .node = 0}, {.pages = 100, .node = 1}};
    struct claim_entry moved[2] = {{.pages = NODE_PAGES - 50, .node = 0}, {.pages = 150, .node = 2}};
    struct claim_entry rest[2] = {{.pages = NODE_PAGES - 100, .node = 1},
                                  {.pages = NODE_PAGES, .node = CLAIM_HOST}};

    third = account_new(3, 1000);
    let_in = 0;
    assert_int_equal(claim_install_set(a, mine, 2, 0), 0);
    assert_int_equal(claim_install_set(b, rest, 2, 0), 0);
    on_first_lock = try_to_get_in;
    for (u32 i = 0; i < 10; i++)
        assert_int_equal(claim_install_set(a, i % 2 ? mine : moved, 2, CLAIM_REPLACE), 0);
    on_first_lock = NULL;
    assert_int_equal(let_in, 0);
    assert_int_equal(host_info().outstanding_pages, host_info().free_pages);
}

TEST(a_claim_on_a_dying_domain)
{
    assert_int_equal(set1(a, 0, 5), 0);
    mm_account_kill(a);
    assert_int_equal(node_claimed(0), 0);
    assert_int_equal(set1(a, 0, 5), -EINVAL);
    assert_int_equal(set1(a, CLAIM_HOST, 0), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 5), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 0), -EINVAL);
}

/* --- eight builders --- */

#define BUILD_PAGES (3 * NODE_PAGES / 8)

static void *build(void *arg)
{
    for (u32 got = 0; got < BUILD_PAGES;) {
        struct mm_request request = {.nid = NODE_NONE, .nr = MIN(MM_TAKE_MAX, BUILD_PAGES - got), .flags = 0};
        struct mm_taken taken;
        if (mm_take(arg, &request, &taken))
            return arg;
        got += taken.nr;
        mm_take_done(&taken, taken.nr);
    }
    return NULL;
}

/* How many of eight builders at once cannot finish, beside a ninth domain that takes pages without a claim.
 */
static u32 builders_that_fail(bool claims)
{
    pthread_t threads[9];
    u32 failed = 0;

    for (u16 i = 0; i < 9; i++) {
        struct mem_account *d = account_new(10 + i, BUILD_PAGES);
        if (i < 8 && claims)
            assert_int_equal(claim_install_legacy(d, BUILD_PAGES), 0);
    }
    for (u32 i = 9; i-- > 0;)
        assert_int_equal(pthread_create(&threads[i], NULL, build, &accounts[10 + i]), 0);
    for (u32 i = 0; i < 9; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        failed += i < 8 && result;
    }
    return failed;
}

TEST(eight_builders_in_parallel_each_with_a_claim)
{
    assert_int_equal(builders_that_fail(true), 0);
}

TEST(without_claims_some_would_fail)
{
    /* The ninth has its memory first: the rest is not enough for eight. */
    assert_null(build(account_new(30, BUILD_PAGES)));
    assert_true(builders_that_fail(false) >= 1);
}

FIXTURE(setup, accounts_unmake)
