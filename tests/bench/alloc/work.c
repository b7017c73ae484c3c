/*
 * The work that is measured. Each prepare() starts from a fresh machine, so the order of works does not
 * matter, and all that is random comes from fixed seeds: instruction counts repeat.
 */
#include <stdio.h>
#include <stdlib.h>

#include <homestead/types.h>
#include <tests/bench/alloc/bench.h>

#define NODE_PAGES   (4ull * BENCH_GIB)
#define CLAIM_PAGES  4096u
#define DOMAIN_PAGES 118016u /* eight of them: 90.04 % of 4 GiB */
#define SET_NODES    8u

static u64 *held[BENCH_DOMAINS]; /* frames of each domain */
static u64 nr_held[BENCH_DOMAINS];
static u64 *all, nr_all; /* frames of domain 0 in random order */
static u64 seed;

static u64 random_below(u64 limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed * 0x2545f4914f6cdd1dull >> 32) * limit >> 32;
}

static u64 must_take(const struct subject *on, u32 domain, nodeid_t nid, u32 order)
{
    u64 n;

    if (!on->take(domain, nid, order, &n)) {
        fprintf(stderr, "alloc-bench: %s has no extent of order %u left\n", on->name, order);
        abort();
    }
    return n;
}

/* The worst case: each single page breaks a large extent, and giving it back makes it whole again. */
static void prepare_whole(const struct subject *on)
{
    on->reset(1, NODE_PAGES);
}

/* The usual one: the domain has memory already. */
static void prepare_pairs(const struct subject *on)
{
    on->reset(1, NODE_PAGES);
    must_take(on, 0, 0, 0);
}

static void pairs(const struct subject *on, u32 order, u64 ops)
{
    for (u64 i = 0; i < ops; i++)
        on->give(0, must_take(on, 0, 0, order), order);
}

static void run_pairs_4k(const struct subject *on, u64 ops)
{
    pairs(on, 0, ops);
}
static void run_pairs_2m(const struct subject *on, u64 ops)
{
    pairs(on, ORDER_2M, ops);
}
static void run_pairs_1g(const struct subject *on, u64 ops)
{
    pairs(on, ORDER_1G, ops);
}

static void run_bulk(const struct subject *on, u64 ops)
{
    for (u64 i = 0; i < ops; i += BENCH_BULK)
        on->bulk_pair(0, 0);
}

/* Eight domains take single pages in random turns up to 90 % of the node. */
static void prepare_full(const struct subject *on)
{
    u32 left = BENCH_DOMAINS;

    on->reset(1, NODE_PAGES);
    seed = 88172645463325252ull;
    for (u32 d = 0; d < BENCH_DOMAINS; d++) {
        if (!held[d])
            held[d] = malloc(DOMAIN_PAGES * sizeof(u64));
        nr_held[d] = 0;
    }
    while (left) {
        u32 d = (u32)random_below(BENCH_DOMAINS);
        if (nr_held[d] == DOMAIN_PAGES)
            continue;
        held[d][nr_held[d]++] = must_take(on, d, 0, 0);
        left -= nr_held[d] == DOMAIN_PAGES;
    }
}

/* A page of a random domain goes back, and another domain gets one: all stay about as large as they are. */
static void run_churn(const struct subject *on, u64 ops)
{
    for (u64 i = 0; i < ops; i++) {
        u32 d = (u32)random_below(BENCH_DOMAINS);
        u64 *place = &held[d][random_below(nr_held[d])];
        on->give(d, *place, 0);
        *place = must_take(on, d, 0, 0);
    }
}

/* All of one node is one domain's, page by page. */
static void prepare_random_free(const struct subject *on)
{
    on->reset(1, BENCH_GIB);
    seed = 88172645463325252ull;
    if (!all)
        all = malloc(BENCH_GIB * sizeof(u64));
    for (nr_all = 0; nr_all < BENCH_GIB; nr_all++) {
        u64 n = must_take(on, 0, 0, 0), at = random_below(nr_all + 1);
        all[nr_all] = all[at];
        all[at] = n;
    }
}

static void run_random_free(const struct subject *on, u64 ops)
{
    while (ops-- && nr_all)
        on->give(0, all[--nr_all], 0);
}

u64 work_fragment(const struct subject *on)
{
    static bool touched[BENCH_GIB * 16 / 512];
    u64 regions = 0;

    prepare_full(on);
    for (u32 d = 0; d < BENCH_DOMAINS; d += 2)
        while (nr_held[d])
            on->give(d, held[d][--nr_held[d]], 0);
    for (u32 i = 0; i < ARRAY_SIZE(touched); i++)
        touched[i] = false;
    for (u32 d = 1; d < BENCH_DOMAINS; d += 2) {
        for (u64 i = 0; i < nr_held[d]; i++) {
            regions += !touched[held[d][i] / 512];
            touched[held[d][i] / 512] = true;
        }
    }
    return regions;
}

/* --- claims --- */
static void run_claim(const struct subject *on, u64 ops)
{
    (void)on;
    for (u64 i = 0; i < ops; i++) {
        host_claim(0, 0, CLAIM_PAGES);
        host_unclaim(0);
    }
}

static void prepare_claim_set(const struct subject *on)
{
    on->reset(SET_NODES, BENCH_GIB);
}
static void run_claim_set(const struct subject *on, u64 ops)
{
    (void)on;
    for (u64 i = 0; i < ops; i++)
        host_claim_set(0, SET_NODES, CLAIM_PAGES + (i & 1));
}

/* The same pages twice, with and without a claim: the difference is what redeeming costs. */
static void take_and_give(const struct subject *on, u64 ops, bool claim)
{
    u64 pages[CLAIM_PAGES];

    for (u64 done = 0; done < ops; done += CLAIM_PAGES) {
        if (claim)
            host_claim(0, 0, CLAIM_PAGES);
        for (u32 i = 0; i < CLAIM_PAGES; i++)
            pages[i] = must_take(on, 0, 0, 0);
        for (u32 i = 0; i < CLAIM_PAGES; i++)
            on->give(0, pages[i], 0);
    }
}
static void run_claimed(const struct subject *on, u64 ops)
{
    take_and_give(on, ops, true);
}
static void run_unclaimed(const struct subject *on, u64 ops)
{
    take_and_give(on, ops, false);
}

/* --- only for lock holds --- */
static void prepare_destroy(const struct subject *on)
{
    on->reset(2, BENCH_GIB);
    for (u32 i = 0; i < 700; i++)
        must_take(on, 0, 0, 0);
    for (u32 i = 0; i < 100; i++)
        must_take(on, 0, i & 1, ORDER_2M);
}
static void run_destroy(const struct subject *on, u64 ops)
{
    (void)on;
    (void)ops;
    host_claim(0, 0, BENCH_GIB / 2); /* more than it has: claims are absolute */
    host_destroy(0);
}
static void run_scrub(const struct subject *on, u64 ops)
{
    (void)on;
    while (ops--)
        host_scrub(0);
}

/*
 * Memory is short and fragmented: domain 0 has the whole node page by page, and has given back every STEP-th page. So no
 * two free pages are neighbours, and with a step of 512 each region has one.
 */
static void prepare_short(const struct subject *on, u32 step)
{
    on->reset(1, BENCH_GIB);
    for (u64 i = 0; i < BENCH_GIB; i++)
        must_take(on, 0, 0, 0);
    for (u64 n = bench_node_base(0, 0) + 1; n < bench_node_base(1, BENCH_GIB); n += step)
        on->give(0, n, 0);
}
static void prepare_short_1(const struct subject *on)
{
    prepare_short(on, 512);
}
static void prepare_short_256(const struct subject *on)
{
    prepare_short(on, 2);
}

/* Another domain takes 64 pages, of which no two are in one region, and gives them back. */
static void run_bulk_1(const struct subject *on, u64 ops)
{
    while (ops--)
        on->bulk_pair(1, 0);
}

/* Another domain wants two pages in a row, or more, and there are none. */
static void run_no_run(const struct subject *on, u64 ops)
{
    u64 n;

    for (u64 i = 0; i < ops; i++)
        if (on->take(1, 0, 1 + i % 8, &n))
            abort();
}

/* A single page of 1 GiB goes back. */
static void run_split(const struct subject *on, u64 ops)
{
    u64 n = must_take(on, 0, 0, ORDER_1G);

    while (ops--)
        on->give(0, n + ops * BENCH_GIB / 8, 0);
}

static void prepare_many(const struct subject *on)
{
    on->reset(4, BENCH_GIB);
    must_take(on, 0, 0, 0);
}
static void run_many_2m(const struct subject *on, u64 ops)
{
    (void)on;
    while (ops--)
        host_many_2m(0, 0);
}

const struct work works[] = {
    {"pair_4k", false, 50000, 1000000, 100, false, prepare_pairs, run_pairs_4k},
    {"pair_whole", false, 50000, 500000, 100, false, prepare_whole, run_pairs_4k},
    {"bulk_4k", false, 64000, 1280000, 256, false, prepare_pairs, run_bulk},
    {"pair_2m", false, 2000, 20000, 10, false, prepare_pairs, run_pairs_2m},
    {"pair_1g", false, 10, 100, 0, false, prepare_pairs, run_pairs_1g},
    {"churn_90", false, 50000, 400000, 100, false, prepare_full, run_churn},
    {"random_free", false, BENCH_GIB, BENCH_GIB, 200, true, prepare_random_free, run_random_free},
    {"claim_release", true, 5000, 200000, 20, false, prepare_pairs, run_claim},
    {"claim_set_replace", true, 5000, 200000, 20, false, prepare_claim_set, run_claim_set},
    {"claimed_4k", true, 8 * CLAIM_PAGES, 64 * CLAIM_PAGES, 0, false, prepare_pairs, run_claimed},
    {"unclaimed_4k", true, 8 * CLAIM_PAGES, 64 * CLAIM_PAGES, 0, false, prepare_pairs, run_unclaimed},
    {"short_bulk", true, 0, 0, 2, false, prepare_short_1, run_bulk_1},
    {"short_no_run", true, 0, 0, 16, false, prepare_short_256, run_no_run},
    {"many_2m", true, 0, 0, 2, false, prepare_many, run_many_2m},
    {"split_1g", true, 0, 0, 2, true, prepare_pairs, run_split},
    {"destroy", true, 0, 0, 1, true, prepare_destroy, run_destroy},
    {"scrub", true, 0, 0, 20, false, prepare_pairs, run_scrub},
};
const u32 nr_works = ARRAY_SIZE(works);
