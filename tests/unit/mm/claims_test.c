/* docs/hypervisor-guide/mm/claims.md sections 2 and 3: installing, replacing, reading and releasing claims; and claims while something else
 * happens.
 *
 * lint: long: one test for each rule
 */
#include <pthread.h>
#include "claims_helpers.h"

/* --- section 2 --- */

/* claims.md CL-2.14, CL-2.15, CL-7.1. */
TEST(claim_4_mib_after_max_mem)
{
    mfn_t m;
    a->max_pages = 1024;
    assert_int_equal(claim_install_legacy(a, 1024), 0);
    assert_int_equal(claim_outstanding(a), 1024);
    assert_int_equal(host_info().outstanding_pages, 1024);
    assert_int_equal(mm_alloc(a, NODE_NONE, 9, 0, &m), 0);
    assert_int_equal(claim_outstanding(a), 512);
    mm_account_kill(a);
    assert_int_equal(claim_outstanding(a), 0);
    assert_false(mm_release_some(a, 10));
    assert_int_equal(host_info().free_pages, 3 * NODE_PAGES);
}

/* claims.md CL-2.1, CL-2.11. */
TEST(legacy_claim_is_absolute)
{
    take_pages(a, 0, 10);
    assert_int_equal(claim_install_legacy(a, 10), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 9), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 11), 0);
    expect_claims(a, 1, 0, 0);
}

/* claims.md CL-2.9 to CL-2.13. */
TEST(legacy_errors_in_order)
{
    a->max_pages = 100;
    assert_int_equal(claim_install_legacy(a, 101), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 100), 0);
    assert_int_equal(claim_install_legacy(a, 50), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    a->max_pages = ~0ull;
    assert_int_equal(claim_install_legacy(a, ~0ull), -ENOMEM);
}

/* claims.md CL-2.9, CL-2.10, CL-3.5. */
TEST(legacy_zero_wipes_node_claims_too)
{
    assert_int_equal(set1(a, 1, 100), 0);
    assert_int_equal(claim_install_legacy(a, 200), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    expect_claims(a, 0, 0, 0);
    assert_int_equal(node_claimed(1), 0);
}

/* claims.md CL-1.2, CL-2.13. */
TEST(host_claim_of_all_but_200)
{
    assert_int_equal(claim_install_legacy(a, 3 * NODE_PAGES - 200), 0);
    assert_int_equal(claim_install_legacy(b, 400), -ENOMEM);
    assert_int_equal(set1(b, CLAIM_HOST, 400), -ENOMEM);
    for (nodeid_t nid = 0; nid < 3; nid++)
        assert_int_equal(set1(b, nid, 400), -ENOMEM);
    expect_claims(b, 0, 0, 0);
    assert_int_equal(set1(b, 0, 200), 0);
}

/* claims.md CL-1.1, CL-1.2, CL-3.35. */
TEST(free_plus_one_by_each_way)
{
    assert_int_equal(claim_install_legacy(a, 3 * NODE_PAGES + 1), -ENOMEM);
    assert_int_equal(set1(a, CLAIM_HOST, 3 * NODE_PAGES + 1), -ENOMEM);
    assert_int_equal(set1(a, 2, NODE_PAGES + 1), -ENOMEM);
    expect_claims(a, 0, 0, 0);
    assert_int_equal(claim_install_legacy(a, 3 * NODE_PAGES), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    assert_int_equal(set1(a, CLAIM_HOST, 3 * NODE_PAGES), 0);
    assert_int_equal(set1(a, CLAIM_HOST, 0), 0);
    assert_int_equal(set1(a, 2, NODE_PAGES), 0);
}

/* --- section 3 --- */

/* claims.md CL-3.30. */
TEST(unknown_nodes)
{
    assert_int_equal(set1(a, 3, 1), -ENOENT);
    assert_int_equal(set1(a, 4, 1), -ENOENT);
    assert_int_equal(set1(a, 63, 1), -ENOENT);
    assert_int_equal(set1(a, 64, 1), -ENOENT);
    assert_int_equal(set1(a, 256, 1), -ENOENT);
    assert_int_equal(set1(a, 0x7fffffff, 1), -ENOENT);
    assert_int_equal(set1(a, 0xfffffffe, 0), -ENOENT);
    a->max_pages = ~0ull;
    assert_int_equal(set1(a, 0, 1ull << 31), -ENOMEM);
    assert_int_equal(set1(a, 0, ~0ull), -ENOMEM);
}

/* claims.md CL-3.3, CL-3.29. */
TEST(both_host_selectors)
{
    struct claim_entry twice[2] = {{.pages = 1, .node = CLAIM_HOST}, {.pages = 1, .node = CLAIM_HOST_LATER}};
    assert_int_equal(claim_install_set(a, twice, 2, 0), -EINVAL);
    assert_int_equal(set1(a, 0x80000000u, 5), 0);
    expect_claims(a, 5, 0, 0);
}

/* claims.md CL-3.7, CL-3.18, CL-3.21, CL-3.24, CL-3.25, CL-3.27 to CL-3.30, CL-3.32, CL-3.39. */
TEST(set_errors_in_order)
{
    struct claim_entry set[3] = {{.pages = 1, .node = 0}, {.pages = 1, .node = 1}, {.pages = 1, .node = 0}};

    assert_int_equal(claim_check_args(0, 0), -EINVAL);
    assert_int_equal(claim_check_args(MAX_NODES + 2, 1), -EINVAL);
    assert_int_equal(claim_check_args(1, 1u << 31), -EINVAL);
    assert_int_equal(claim_check_args(MAX_NODES + 2, CLAIM_ALL_FLAGS), -E2BIG);
    assert_int_equal(claim_check_args(MAX_NODES + 1, CLAIM_ALL_FLAGS), 0);
    assert_int_equal(claim_install_set(a, set, 3, 0), -EINVAL); /* node 0 twice */
    set[1].node = 99;
    assert_int_equal(claim_install_set(a, set, 3, 0), -ENOENT); /* comes before the repeated one */
    set[0].pad = 1;
    assert_int_equal(claim_install_set(a, set, 3, 0), -EINVAL); /* comes before the unknown one */
    set[0].pad = 0;
    set[1] = (struct claim_entry){.node = 99, .pad = 1};
    assert_int_equal(claim_install_set(a, set, 3, 0), -EINVAL); /* pad before node within an entry */
    set[1] = (struct claim_entry){.node = 99};
    set[0].pages = 0;
    assert_int_equal(claim_install_set(a, set, 2, 0), -ENOENT); /* also in a release */

    assert_int_equal(set1(a, 1, 10), 0);
    assert_int_equal(set1(a, 77, 1), -ENOENT); /* before outstanding claims */
    assert_int_equal(set1(a, 0, 1), -EINVAL);
    assert_int_equal(set1(a, 0, 1ull << 40), -EINVAL); /* outstanding before max and memory */
    expect_claims(a, 0, 0, 10);
    mm_account_kill(a);
    assert_int_equal(set1(a, 77, 1), -EINVAL); /* dying before the entries */
}

/* claims.md CL-1.3, CL-1.8, CL-3.34. */
TEST(set_above_max)
{
    struct claim_entry set[3] = {
        {.pages = 50, .node = 0}, {.pages = 40, .node = 1}, {.pages = 11, .node = CLAIM_HOST}};
    a->max_pages = 100;
    assert_int_equal(claim_install_set(a, set, 3, 0), -EINVAL);
    set[2].pages = 10;
    assert_int_equal(claim_install_set(a, set, 3, 0), 0);
    assert_int_equal(claim_install_set(a, set, 3, CLAIM_REPLACE), 0);
    expect_claims(a, 10, 50, 40);
    assert_int_equal(set1(a, 0, 0), 0);
    /* Sums that do not fit in 64 bits are above max too, not small. */
    set[0].pages = 1ull << 63;
    set[1].pages = 1ull << 63;
    assert_int_equal(claim_install_set(a, set, 3, 0), -EINVAL);
    assert_int_equal(claim_install_set(a, set, 2, 0), -EINVAL); /* 0 in 64 bits: not a release either */
    a->max_pages = ~0ull;
    assert_int_equal(claim_install_set(a, set, 2, 0), -EINVAL);
    assert_int_equal(claim_install_set(a, set, 3, 0), -EINVAL);
    set[2].pages = 0;
    set[1].pages = (1ull << 63) - 1;
    assert_int_equal(claim_install_set(a, set, 3, 0), -ENOMEM);
}

/* claims.md CL-3.9 to CL-3.14, CL-3.33. */
TEST(entries_are_absolute)
{
    struct claim_entry set[2] = {{.pages = 10, .node = 0}, {.pages = 20, .node = CLAIM_HOST}};

    take_pages(a, 0, 4);
    take_pages(a, 1, 5);
    assert_int_equal(claim_install_set(a, set, 2, 0), 0);
    expect_claims(a, 15, 6, 0); /* node 0: 10 - 4; host-wide: 20 - the 5 on node 1 */
    take_pages(a, 0, 8);
    expect_claims(a, 13, 0, 0);
    assert_int_equal(claim_install_set(a, set, 2, CLAIM_REPLACE), 0);
    expect_claims(a, 13, 0, 0); /* node 0 has 2 beyond its 10: 20 - 5 - 2 */
    set[0].pages = 12;
    set[1].pages = 5;
    assert_int_equal(claim_install_set(a, set, 2, CLAIM_REPLACE),
                     -EINVAL); /* claims nothing: all of it is there */
    expect_claims(a, 13, 0, 0);
    assert_int_equal(set1(b, CLAIM_HOST, 0), 0);
    take_pages(b, 0, 7);
    assert_int_equal(set1(b, CLAIM_HOST, 7), -EINVAL); /* alone it is exactly the legacy claim */
    assert_int_equal(set1(b, CLAIM_HOST, 9), 0);
    expect_claims(b, 2, 0, 0);
}

/* claims.md CL-3.15, CL-3.17, CL-3.31. */
TEST(release_is_idempotent_and_always_allowed)
{
    struct claim_entry zeros[2] = {{.node = 2}, {.node = CLAIM_HOST}};
    assert_int_equal(set1(a, CLAIM_HOST, 0), 0);
    assert_int_equal(set1(a, 1, 100), 0);
    take_pages(a, 1, 10);
    a->max_pages = 5; /* below tot */
    assert_int_equal(claim_install_set(a, zeros, 2, 0), 0);
    assert_int_equal(claim_install_set(a, zeros, 2, CLAIM_REPLACE), 0);
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(set1(a, CLAIM_HOST, 0), 0);
        assert_int_equal(claim_install_legacy(a, 0), 0);
    }
    expect_claims(a, 0, 0, 0);
    assert_int_equal(host_info().outstanding_pages, 0);
}

/* claims.md CL-1.5, CL-3.8, CL-3.35. */
TEST(set_is_all_or_nothing)
{
    struct claim_entry set[3] = {
        {.pages = 10, .node = 0}, {.pages = NODE_PAGES + 1, .node = 1}, {.pages = 1, .node = 2}};
    struct claim_entry full[2] = {{.pages = NODE_PAGES, .node = 0},
                                  {.pages = 2 * NODE_PAGES + 1, .node = CLAIM_HOST}};

    assert_int_equal(claim_install_set(a, set, 3, 0), -ENOMEM);
    assert_int_equal(claim_install_set(a, full, 2, 0), -ENOMEM); /* each fits, both do not */
    expect_claims(a, 0, 0, 0);
    assert_int_equal(node_claimed(0) + node_claimed(1) + node_claimed(2), 0);
    full[1].pages--;
    assert_int_equal(claim_install_set(a, full, 2, 0), 0);
    assert_int_equal(set1(b, 1, 1), -ENOMEM); /* node 1 has room, the host has none */
    assert_int_equal(claim_install_set(a, set, 3, CLAIM_REPLACE), -ENOMEM);
    expect_claims(a, 2 * NODE_PAGES, NODE_PAGES, 0);
}

/* claims.md CL-3.36, CL-3.38. */
TEST(read_back)
{
    struct claim_entry set[3] = {
        {.pages = 7, .node = 2}, {.pages = 9, .node = CLAIM_HOST}, {.pages = 5, .node = 0}};
    struct claim_entry got[4] = {{.pages = 1234}};
    u32 nr = 4;

    assert_int_equal(claim_read_set(a, got, &nr), 0);
    assert_int_equal(nr, 0);
    assert_int_equal(claim_install_set(a, set, 3, 0), 0);
    nr = 2;
    assert_int_equal(claim_read_set(a, got, &nr), -ENOBUFS);
    assert_int_equal(nr, 3);
    assert_int_equal(got[0].pages, 1234);
    assert_int_equal(claim_read_set(a, got, &nr), 0);
    assert_int_equal(nr, 3);
    assert_true(got[0].node == CLAIM_HOST && got[0].pages == 9 && got[0].pad == 0);
    assert_true(got[1].node == 0 && got[1].pages == 5);
    assert_true(got[2].node == 2 && got[2].pages == 7);
}

/*
 * What a take got is freed with the rest when the domain is killed before mm_take_done(), and only once.
 * claims.md CL-1.7b.
 */
TEST(killed_with_a_take_under_way)
{
    struct mm_taken taken, other;

    for (u32 freed_first = 0; freed_first < 2; freed_first++) {
        a = account_new(1, 100);
        assert_int_equal(take_one(a, 0, 2, MM_EXACT_NODE, &taken), 0);
        mm_account_kill(a);
        if (freed_first) {
            assert_false(mm_release_some(a, 100));
            assert_int_equal(take_one(b, 0, 2, MM_EXACT_NODE, &other), 0);
            assert_int_equal(other.extent[0].n, taken.extent[0].n);
        }
        mm_take_done(&taken, 0);
        assert_int_equal(a->tot_pages, freed_first ? 0 : 4);
        assert_int_equal(mm_check(), 0);
        assert_false(mm_release_some(a, 100));
        assert_int_equal(a->tot_pages, 0);
        assert_int_equal(b->tot_pages, freed_first ? 4 : 0);
    }
}

static bool waited;

static void kill_a_and_release(u64 n, u64 nr)
{
    (void)n, (void)nr;
    on_clear = NULL;
    mm_account_kill(a);
    waited = mm_release_some(a, 100);
    assert_int_equal(a->tot_pages, 4);
}

/*
 * Nor is it freed while it is being cleared.
 * claims.md CL-1.7b.
 */
TEST(killed_while_its_memory_is_cleared)
{
    waited = false;
    on_clear = kill_a_and_release;
    assert_int_equal(take(a, 0, 2), -ESRCH);
    assert_true(waited);
    assert_false(mm_release_some(a, 100));
    assert_int_equal(a->tot_pages, 0);
}

/* --- other domains between two locks, destroyed domains --- */

/* claims.md CL-4.1 to CL-4.6, CL-4.10. */
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

/* claims.md CL-3.19, CL-3.20, CL-3.43, CL-7.2. */
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

/* claims.md CL-1.7, CL-1.7b, CL-2.8, CL-3.27. */
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

/* claims.md CL-1.4b. */
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
