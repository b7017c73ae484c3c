/* No search and no change holds a node's lock for long: how much one attempt looks at, and what one step does. The numbers
 * are upper limits, a little above those of mm/node_take.c and mm/chunk.c. */
#include "mm_node_helpers.h"
#include <mm/ledger.h>
#include <mm/region.h>

#define M2 512u

/* A node of so many regions, clean, of which a domain has all frames but the last `left`, taken one by one. */
static struct mem_account *full_node(u32 regions, u32 left)
{
    struct mem_account *account = account_new(5, GIB_PAGES);
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(regions * M2), 0), 0);
    clean_all();
    for (u32 i = 0; i < regions * M2 - left; i++)
        assert_int_equal(mm_alloc(account, 0, 0, 0, &m), 0);
    return account;
}

static void give_page(struct mem_account *account, u64 n)
{
    assert_int_equal(release_range(account, mfn(n), 0), 0);
}

/* What one attempt of another domain looks for; only where it finds nothing, as it goes past the ledger. */
static struct take take_of(u32 order, u32 kinds, u64 limit)
{
    static mfn_t extent[MM_TAKE_MAX];
    struct mem_account *other = account_new(6, GIB_PAGES);

    return (struct take){.holder = &other->held[0],
                         .owner = 6,
                         .state = FRAME_GUEST,
                         .order = order,
                         .kinds = kinds,
                         .nr = 1,
                         .limit = limit,
                         .extent = extent};
}

static void attempt(struct take *take)
{
    spin_lock(&node_get(0)->lock);
    node_take(node_get(0), take);
    spin_unlock(&node_get(0)->lock);
    assert_int_equal(take->got, 0);
}

/* The last of 100 regions has the only clean frame: that one is preferred, and not looked for at any cost. */
TEST(clean_frames_are_looked_for_in_some_regions)
{
    struct mem_account *account = full_node(100, 1);
    struct take take = take_of(0, TAKE_CLEAN, ~0ull);
    mfn_t m;

    for (u32 i = 0; i < 99; i++)
        give_page(account, i * M2 + 7);
    attempt(&take);
    take.holder = &account->held[0];
    attempt(&take);
    assert_int_equal(mm_check(), 0);
    for (u32 i = 0; i < 100; i++) /* and yet each is found */
        assert_int_equal(mm_alloc(account, 0, 0, MM_EXACT_NODE, &m), 0);
    assert_true(none(0, 0));
}

/* Of 20 regions none has two free frames side by side: that is found out a few at a time, and once. */
TEST(runs_are_looked_for_in_a_few_regions)
{
    struct mem_account *account = full_node(20, 0);
    struct take take = take_of(1, TAKE_ANY, ~0ull);
    u32 known = 0, attempts = 0;

    for (u32 n = 0; n < 20 * M2; n += 2)
        give_page(account, n);
    do {
        u32 before = known;

        attempt(&take);
        attempts++;
        known = 0;
        for (u32 i = 0; i < 20; i++)
            known += frame_tables.regions[i].gives == 0;
        assert_true(known - before <= 4);
    } while (take.more);
    assert_int_equal(known, 20);
    assert_true(attempts >= 5);
    attempt(&take);
    assert_false(take.more);
    assert_int_equal(mm_check(), 0);
}

/* Each region has one free frame. */
TEST(frames_come_from_a_few_regions)
{
    struct mem_account *account = full_node(20, 0), *other = account_new(6, 64);
    struct mm_request request = {.nr = 20, .flags = MM_EXACT_NODE};
    struct mm_taken taken;
    u32 got = 0;

    for (u32 i = 0; i < 20; i++)
        give_page(account, i * M2 + 7);
    while (got < 20) {
        assert_int_equal(mm_take(other, &request, &taken), 0);
        assert_true(taken.nr && taken.nr <= 4);
        got += taken.nr;
    }
    assert_int_equal(mm_take(other, &request, &taken), -ENOMEM);
}

/* Below an address, where nothing but the last of 60 windows has a free frame. */
TEST(windows_are_looked_at_some_at_a_time)
{
    struct mem_account *account = full_node(60, 0);
    struct take take = take_of(0, TAKE_ANY, 60 * M2);
    struct mm_request request = {.nr = 1, .flags = MM_EXACT_NODE, .address_bits = 27};
    struct mm_taken taken;

    give_page(account, 59 * M2 + 7);
    while (take.from < 32 * M2) {
        u64 before = take.from;

        attempt(&take);
        assert_true(take.more && take.from > before && take.from - before <= 16 * M2);
    }
    assert_int_equal(mm_take(&accounts[6], &request, &taken), 0);
    assert_int_equal(taken.extent[0].n, 59 * M2 + 7);
}

/* Two regions in a row, where each of 12 chunks has one. */
TEST(chunks_are_looked_at_some_at_a_time)
{
    struct take take = take_of(ORDER_2M + 1, TAKE_ANY, ~0ull);
    u32 attempts = 0;

    accounts_unmake();
    accounts_make(1, 12 * GIB_PAGES, 1024);
    for (u32 i = 0; i < 12; i++)
        assert_int_equal(mm_add_range(mfn(i * GIB_PAGES), mfn(i * GIB_PAGES + M2), 0), 0);
    do {
        const struct chunk *c = take.chunks == CHUNKS_SOME ? take.at : node_get(0)->first_chunk;
        u32 looked_at = 0;

        attempt(&take);
        for (; c && c != take.at; c = c->next_of_node)
            looked_at++;
        assert_true(looked_at <= 8);
        attempts++;
    } while (take.more);
    assert_int_equal(attempts, 2);
    assert_true(none(0, ORDER_2M + 1));
}

static bool split_step(struct chunk *c)
{
    spin_lock(&node_get(0)->lock);
    u32 before = c->nr_ready;
    bool ready = chunk_split_step(c);
    spin_unlock(&node_get(0)->lock);
    assert_true(ready ? before == M2 : c->nr_ready > before && c->nr_ready - before <= 32);
    assert_int_equal(mm_check(), 0);
    return ready;
}

/* 1 GiB is made ready for its split in steps, and is whole until then: for pins, marks, its end and a new owner. */
TEST(a_gibibyte_is_split_in_steps)
{
    struct mem_account *account = account_new(5, GIB_PAGES), *other = account_new(6, GIB_PAGES);
    struct chunk *c = &frame_tables.chunks[0].chunk;
    u32 status;
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(other, 0, ORDER_1G, 0, &m), 0);
    assert_false(split_step(c));
    assert_int_equal(release_range(other, m, ORDER_1G), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &m), 0);
    assert_int_equal(mm_pin(5, mfn(3)), 0); /* before its region is ready */
    assert_false(split_step(c));
    assert_int_equal(mm_pin(5, mfn(M2 + 3)), 0); /* after that */
    assert_int_equal(mm_offline_page(mfn(M2 + 4), &status), 0);
    assert_int_equal(mm_pin(5, mfn(511 * M2 + 3)), 0);
    while (!split_step(c))
        ;
    assert_int_equal(c->state, FRAME_GUEST);
    assert_int_equal(release_range(account, mfn(7 * M2 + 1), 0), 0);
    assert_int_equal(c->state, REGION_SPLIT);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(account->tot_pages, GIB_PAGES - 1);
    mm_account_kill(account);
    while (mm_release_some(account, 1))
        ;
    assert_int_equal(account->tot_pages, 3);
    assert_true(mm_unpin(mfn(3)) && mm_unpin(mfn(M2 + 3)) && mm_unpin(mfn(511 * M2 + 3)));
    assert_int_equal(node_free(0), GIB_PAGES - 1);
    assert_int_equal(mm_online_page(mfn(M2 + 4), &status), 0);
    assert_int_equal(take(0, ORDER_1G).n, 0);
}

/* The end of a domain that has a pin in its 1 GiB: no step of it does more. */
TEST(a_pinned_gibibyte_ends_in_steps)
{
    struct mem_account *account = account_new(5, GIB_PAGES);
    struct chunk *c = &frame_tables.chunks[0].chunk;
    u32 steps = 0;
    mfn_t m;

    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    assert_int_equal(mm_alloc(account, 0, ORDER_1G, 0, &m), 0);
    assert_int_equal(mm_pin(5, mfn(3)), 0);
    mm_account_kill(account);
    for (; c->state != REGION_SPLIT; steps++) {
        assert_true(mm_release_some(account, 1));
        assert_int_equal(mm_check(), 0);
    }
    assert_int_equal(steps, M2 / 32 + 1);
    while (mm_release_some(account, 1))
        ;
    assert_true(mm_unpin(mfn(3)));
}

static struct mem_account *killed;
static u32 steps_seen;

/* In the third step another CPU ends the domain, memory and all. */
static void kill_between_steps(void)
{
    if (++steps_seen != 3)
        return;
    on_last_unlock = NULL;
    assert_int_equal(frame_tables.chunks[0].chunk.nr_ready, 3 * 32);
    mm_account_kill(killed);
    while (mm_release_some(killed, 1))
        ;
}

/* The end of the domain is no fault of who gives its memory back: nor while the locks are dropped for the next step. */
TEST(a_domain_ends_while_its_gibibyte_is_split)
{
    mfn_t m[2];

    killed = account_new(5, GIB_PAGES);
    assert_int_equal(mm_add_range(mfn(0), mfn(GIB_PAGES), 0), 0);
    for (u32 nr = 1; nr <= 2; nr++) {
        if (nr == 2)
            killed = account_new(6, GIB_PAGES);
        assert_int_equal(mm_alloc(killed, 0, ORDER_1G, 0, &m[0]), 0);
        m[0] = mfn(7 * M2 + 1);
        m[1] = mfn(9 * M2 + 1);
        steps_seen = 0;
        on_last_unlock = kill_between_steps;
        if (nr == 2)
            steps_seen--; /* the check of both comes first */
        assert_int_equal(mm_release_many(killed, m, 0, nr), 0);
        assert_null(on_last_unlock);
        assert_int_equal(killed->tot_pages, 0);
        assert_int_equal(node_free(0), GIB_PAGES);
        assert_int_equal(mm_check(), 0);
    }
}

FIXTURE(setup, accounts_unmake)
