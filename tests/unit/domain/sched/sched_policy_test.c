/* Each choice of the scheduler on facts written down by hand. Two nodes of two CPUs, unless said otherwise.
 */
#include <tests/machine/test.h>

#include <domain/sched/sched_policy.h>

#define NR    4u
#define SLICE ((s64)SCHED_SLICE_NS)

static struct sched_cpu cpu[6];
static struct sched_map map;
static u8 distance[MAX_NODES][MAX_NODES];
static u64 hard[MAX_CPUS / 64], soft[MAX_CPUS / 64];
static struct sched_wish wish;

static void setup(void)
{
    memset(cpu, 0, sizeof(cpu));
    memset(&map, 0, sizeof(map));
    memset(hard, 0xff, sizeof(hard));
    memset(soft, 0xff, sizeof(soft));
    for (u32 a = 0; a < 4; a++)
        for (u32 b = 0; b < 4; b++)
            distance[a][b] = a == b ? 10 : 20;
    map.nr = NR;
    map.distance = (const u8(*)[MAX_NODES])distance;
    for (u32 i = 0; i < NR; i++) {
        cpu[i].nid = i / 2;
        map.cpu[i] = &cpu[i];
    }
    wish = (struct sched_wish){.hard = hard, .last = 0, .share = SCHED_SHARE_DEFAULT};
}

static void loads(u32 a, u32 b, u32 c, u32 d)
{
    const u32 load[NR] = {a, b, c, d};

    for (u32 i = 0; i < NR; i++) {
        cpu[i].load = load[i];
        cpu[i].share = load[i] * SCHED_SHARE_DEFAULT;
    }
}

TEST(new_ones_go_home_and_spread)
{
    wish.last = SCHED_NO_CPU;
    for (u32 i = 0; i < 8; i++) {
        u32 id = sched_place(&map, &wish);

        assert_int_equal(id, i % NR);
        cpu[id].assigned++;
    }
    wish.nodes = BIT(1);
    assert_int_equal(sched_place(&map, &wish), 2);
    cpu[2].assigned = 100;
    assert_int_equal(sched_place(&map, &wish), 3);
    hard[0] = 3; /* none at home */
    assert_int_equal(sched_place(&map, &wish), 0);
    hard[0] = 1u << 5; /* not there */
    assert_int_equal(sched_place(&map, &wish), SCHED_NO_CPU);
    assert_int_equal(sched_choose(&map, &wish), SCHED_NO_CPU);
    map.cpu[2] = NULL; /* did not come up */
    hard[0] = 0xc;
    assert_int_equal(sched_place(&map, &wish), 3);
}

TEST(who_wakes_goes_to)
{
    wish.last = 1;
    assert_int_equal(sched_choose(&map, &wish), 1); /* where it was */
    loads(0, 1, 0, 0);
    assert_int_equal(sched_choose(&map, &wish), 0); /* idle on its node */
    loads(1, 1, 0, 0);
    assert_int_equal(sched_choose(&map, &wish), 2); /* the nearest idle one */
    hard[0] = 0xb;
    assert_int_equal(sched_choose(&map, &wish), 3); /* ... that is allowed */
    hard[0] = ~0ull;
    loads(2, 2, 1, 2);
    assert_int_equal(sched_choose(&map, &wish), 2); /* no wish: the shortest queue */
    loads(2, 2, 2, 2);
    assert_int_equal(sched_choose(&map, &wish), 1); /* all the same: where it was */
    wish.nodes = BIT(0);
    loads(2, 2, 1, 2);
    assert_int_equal(sched_choose(&map, &wish), 1); /* one shorter elsewhere is not worth it */
    loads(3, 3, 1, 2);
    assert_int_equal(sched_choose(&map, &wish), 2);
    /* Home is where an idle CPU is looked for first, even if its last one is idle, too. */
    wish.last = 3;
    loads(1, 0, 0, 0);
    assert_int_equal(sched_choose(&map, &wish), 1);
    soft[0] = 1;
    wish.soft = soft;
    assert_int_equal(sched_choose(&map, &wish), 3); /* no CPU that it prefers is idle: its last one */
}

/* What soft affinity says is taken before where the memory is. */
TEST(soft_comes_before_home)
{
    wish.nodes = BIT(0);
    wish.soft = soft;
    soft[0] = 0xc;
    assert_true(sched_prefers(&map, &wish, 3));
    assert_false(sched_prefers(&map, &wish, 0));
    assert_int_equal(sched_choose(&map, &wish), 2);
    assert_int_equal(sched_place(&map, &wish), 2);
    loads(0, 0, 1, 0);
    assert_int_equal(sched_choose(&map, &wish), 3);
    loads(0, 0, 1, 1);
    assert_int_equal(sched_choose(&map, &wish), 0); /* none of them is idle: the nearest idle one */
    loads(3, 3, 3, 2);
    assert_int_equal(sched_choose(&map, &wish), 3);
    loads(2, 2, 2, 1); /* the lead that one at home would need is for those that are not in the soft set */
    wish.last = 2;
    cpu[0].clock_ns = 3 * SLICE;
    loads(1, 2, 2, 2);
    assert_int_equal(sched_balance(&map, &wish, 2, 0), SCHED_NO_CPU);
    cpu[3].clock_ns = SLICE;
    loads(2, 2, 2, 1);
    assert_int_equal(sched_balance(&map, &wish, 2, 0), 3);
    /* Of the soft set the one near the memory. */
    soft[0] = 0x9;
    wish.last = 2;
    loads(0, 0, 0, 0);
    assert_int_equal(sched_choose(&map, &wish), 0);
    soft[0] = 0xe;
    loads(0, 1, 1, 0);
    assert_int_equal(sched_choose(&map, &wish), 3);
}

TEST(farther_nodes_come_later)
{
    for (u32 i = 0; i < NR; i++)
        cpu[i].nid = i;
    distance[0][1] = 40;
    distance[0][2] = 12;
    distance[0][3] = 30;
    loads(1, 0, 0, 0);
    assert_int_equal(sched_choose(&map, &wish), 2);
    loads(1, 0, 1, 0);
    assert_int_equal(sched_choose(&map, &wish), 3);
}

TEST(work_is_looked_for_near_by_first)
{
    static const nodeid_t node_of[] = {0, 1, 2, 0, 1, 2, 0, NODE_NONE};
    static const u16 from_3[] = {6, 0, 5, 2, 4, 1, 7};
    u16 order[7];

    distance[0][1] = 30;
    distance[0][2] = 15;
    sched_steal_order(3, 8, node_of, (const u8(*)[MAX_NODES])distance, order);
    assert_memory_equal(order, from_3, sizeof(order));
    /* Whose work: not the only one of a CPU that is about to run it. */
    cpu[1].load = 1;
    assert_false(sched_can_give(&cpu[1]));
    cpu[1].load = 2;
    assert_true(sched_can_give(&cpu[1]));
}

TEST(balance_moves_to)
{
    loads(2, 1, 2, 2);
    assert_int_equal(sched_balance(&map, &wish, 0, 0), SCHED_NO_CPU); /* no lead yet */
    cpu[1].clock_ns = SLICE;
    assert_int_equal(sched_balance(&map, &wish, 0, 0), 1);
    cpu[1].clock_ns = 0;
    cpu[1].since_ns = 1000; /* alone since then: its clock runs */
    assert_int_equal(sched_balance(&map, &wish, 0, 1000 + SCHED_SLICE_NS - 1), SCHED_NO_CPU);
    assert_int_equal(sched_balance(&map, &wish, 0, 1000 + SCHED_SLICE_NS), 1);
    hard[0] = 1;
    assert_int_equal(sched_balance(&map, &wish, 0, 1000 + SCHED_SLICE_NS), SCHED_NO_CPU);
    hard[0] = ~0ull;
    cpu[1].since_ns = 0;
    loads(3, 3, 3, 1); /* shorter by two: at once */
    assert_int_equal(sched_balance(&map, &wish, 0, 0), 3);
    loads(2, 2, 1, 2); /* away from home only for a long lead */
    wish.nodes = BIT(0);
    cpu[2].clock_ns = 3 * SLICE;
    assert_int_equal(sched_balance(&map, &wish, 0, 0), SCHED_NO_CPU);
    cpu[2].clock_ns = 4 * SLICE;
    assert_int_equal(sched_balance(&map, &wish, 0, 0), 2);
}

TEST(credit_has_bounds)
{
    assert_int_equal(sched_join(0, 100 * SLICE, SCHED_SHARE_DEFAULT), 98 * SLICE);
    assert_int_equal(sched_join(99 * SLICE, 100 * SLICE, SCHED_SHARE_DEFAULT), 99 * SLICE);
    assert_int_equal(sched_join(500 * SLICE, 100 * SLICE, SCHED_SHARE_DEFAULT), 102 * SLICE);
    assert_int_equal(sched_join(-5 * SLICE, SLICE, SCHED_SHARE_DEFAULT), -SLICE);
}

TEST(memory_is_cleaned_by_the_nearest)
{
    distance[2][0] = 30;
    distance[2][1] = 15;
    assert_int_equal(sched_scrub_nodes(&map, 0, 4), BIT(0) | BIT(3)); /* 3: equally near, the lowest */
    assert_int_equal(sched_scrub_nodes(&map, 1, 4), BIT(1) | BIT(2));
    map.cpu[0] = map.cpu[1] = NULL; /* node 0's CPUs did not come up */
    assert_int_equal(sched_scrub_nodes(&map, 1, 4), 0xf);
}

FIXTURE(setup, NULL)
