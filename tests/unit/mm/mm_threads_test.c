/*
 * Several CPUs at once, as host threads: builders, each with a claim that must hold to the last page; a
 * domain without a claim that grabs and gives back whatever it can; a scrubber; a mapper that pins and
 * unpins. Afterwards all is checked.
 *
 * Two threads at a time: with more threads than host CPUs, a ticket lock's next owner is often not running,
 * and the test would measure the host's time slices. For the same reason each case ends after a while,
 * however far it got.
 */
#include <tests/machine/accounts.h>
#include <tests/machine/test.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define NODES      2u
#define NODE_PAGES 1024u
#define CASE_NS    300000000ull

static _Atomic bool stop;
static _Atomic u32 rounds;
static _Atomic u32 broken_promises, wrong_figures;

static u64 clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

static void setup(void)
{
    accounts_make(NODES, NODES * NODE_PAGES, 0);
    for (nodeid_t nid = 0; nid < NODES; nid++)
        assert_int_equal(mm_add_range(mfn(nid * NODE_PAGES), mfn((nid + 1) * NODE_PAGES), nid), 0);
    for (u16 domid = 1; domid <= 4; domid++)
        account_new(domid, NODE_PAGES);
    stop = false;
    broken_promises = wrong_figures = 0;
}

static u32 next_random(u32 *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static u64 total_of(struct mem_account *account)
{
    spin_lock(&account->lock);
    u64 pages = account->tot_pages;
    spin_unlock(&account->lock);
    return pages;
}

/* Claims on both nodes and on the host, builds exactly that, tears it down by parts; claims are never let
 * down. */
/* Frame by frame, as others may have pinned some. */
static void release_all(struct mem_account *account)
{
    for (u64 n = 0; n < NODES * NODE_PAGES; n++)
        release_range(account, mfn(n), 0);
}

static void *builder(void *arg)
{
    struct mem_account *account = arg;
    u32 seed = account->domid;
    static const struct claim_entry set[3] = {
        {.pages = 300, .node = 0}, {.pages = 200, .node = 1}, {.pages = 50, .node = CLAIM_HOST}};

    for (u64 end = clock_ns() + CASE_NS; clock_ns() < end;) {
        mfn_t m;
        if (claim_install_set(account, set, 3, 0) != 0) {
            sched_yield(); /* the grabber has it */
            continue;
        }
        for (u32 node = 0; node < 2; node++)
            for (u64 i = 0; i < set[node].pages; i++)
                broken_promises += mm_alloc(account, node, 0, MM_EXACT_NODE, &m) != 0;
        if (next_random(&seed) % 2)
            broken_promises += claim_install_set(account, set, 3, CLAIM_REPLACE) != 0;
        for (u32 i = 0; i < 50; i++)
            broken_promises += mm_alloc(account, NODE_NONE, 0, 0, &m) != 0;
        wrong_figures += account->outstanding != 0 || account->tot_pages != 550;
        release_all(account);
        while (total_of(account))
            sched_yield(); /* somebody still pins a page */
        rounds++;
    }
    return NULL;
}

static void *grabber(void *arg)
{
    struct mem_account *account = arg;
    struct mm_taken taken;
    u32 seed = 77;

    while (!stop) {
        u32 order = next_random(&seed) % 6;
        if (take_one(account, next_random(&seed) % NODES, order, 0, &taken) == 0) {
            mm_take_done(&taken, next_random(&seed) % 4 != 0);
            if (taken.nr && next_random(&seed) % 2)
                release_range(account, mfn_add(taken.extent[0], next_random(&seed) % BIT(order)), 0);
        }
        if (account->tot_pages > 300)
            release_all(account);
        if (next_random(&seed) % 8 == 0)
            sched_yield();
    }
    return NULL;
}

/* Pins what it finds, whoever it belongs to, looks at the figures, and scrubs. */
static void *helper(void *arg)
{
    u32 seed = 5;
    struct mm_host_info info;
    struct mm_node_info node;

    (void)arg;
    while (!stop) {
        mfn_t m = mfn(next_random(&seed) % (NODES * NODE_PAGES));
        u16 domid = (u16)(1 + next_random(&seed) % 3);
        if (mm_pin(domid, m) == 0) {
            mm_host_get_info(&info);
            wrong_figures += info.outstanding_pages > info.free_pages || info.dirty_pages > info.free_pages;
            mm_unpin(m);
        }
        mm_node_get_info(next_random(&seed) % NODES, &node);
        wrong_figures += node.claimed_pages > node.free_pages;
        mm_scrub_step(next_random(&seed) % NODES);
        sched_yield();
    }
    return NULL;
}

/* A builder against another thread, which ends by itself or is told to. */
static void builder_against(void *(*other)(void *), u16 domid)
{
    pthread_t threads[2];

    rounds = 0;
    pthread_create(&threads[0], NULL, builder, &accounts[1]);
    pthread_create(&threads[1], NULL, other, &accounts[domid]);
    pthread_join(threads[0], NULL);
    stop = true;
    pthread_join(threads[1], NULL);
    assert_true(rounds > 0);
    assert_int_equal(broken_promises, 0);
    assert_int_equal(wrong_figures, 0);
    assert_int_equal(mm_check(), 0);
    for (u16 i = 1; i <= 4; i++) {
        mm_account_kill(&accounts[i]);
        assert_false(mm_release_some(&accounts[i], NODE_PAGES));
        assert_int_equal(accounts[i].tot_pages, 0);
    }
    assert_int_equal(host_info().free_pages, NODES * NODE_PAGES);
    assert_int_equal(host_info().outstanding_pages, 0);
    assert_int_equal(mm_check(), 0);
}

TEST(two_builders)
{
    builder_against(builder, 2);
}

TEST(a_claim_holds_against_a_grabber)
{
    builder_against(grabber, 3);
}

TEST(a_claim_holds_beside_scrubbing_and_mapping)
{
    builder_against(helper, 4);
}

static void *populator(void *arg)
{
    mfn_t m;
    int rc;
    do
        rc = mm_alloc(arg, NODE_NONE, 2, 0, &m);
    while (rc == 0);
    return (void *)(intptr_t)rc;
}

/* One CPU populates a domain while another destroys it, many times over. */
TEST(destroyed_while_it_is_populated)
{
    u64 end = clock_ns() + CASE_NS;
    for (u32 round = 0; round < 200 && clock_ns() < end; round++) {
        struct mem_account *account = account_new(4, NODE_PAGES);
        pthread_t thread;
        void *result;
        assert_int_equal(claim_install_legacy(account, 800), 0);
        pthread_create(&thread, NULL, populator, account);
        while (round % 4 && total_of(account) < round)
            sched_yield();
        mm_account_kill(account);
        mm_release_some(account, NODE_PAGES);
        pthread_join(thread, &result);
        assert_true((intptr_t)result == -ESRCH || (intptr_t)result == -E2BIG);
        assert_false(mm_release_some(account, NODE_PAGES));
        assert_int_equal(account->tot_pages, 0);
        assert_int_equal(host_info().free_pages, NODES * NODE_PAGES);
        assert_int_equal(host_info().outstanding_pages, 0);
    }
    assert_int_equal(mm_check(), 0);
}

FIXTURE(setup, accounts_unmake)
