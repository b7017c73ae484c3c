/*
 * The real scheduler on simulated CPUs: each is a coroutine that runs sched_step(), and gives control back
 * while it is in a guest or asleep. A CPU that is asleep gets no turn unless it was kicked or its timer is
 * due, so a lost wake-up stays lost and is found. A million turns with everything that can happen to vCPUs;
 * after each turn the promises of docs/scheduling.md are checked.
 */
#include "sched_sim.h"

#define STEPS_TOTAL 1000000u

static void random_affinity(struct vcpu *v)
{
    u64 hard[MAX_CPUS / 64], soft[MAX_CPUS / 64];
    bool any = false;

    memset(hard, 0xff, sizeof(hard));
    memset(soft, 0xff, sizeof(soft));
    while (random_below(3) && !any) {
        hard[0] = random_below(1u << nr_cpus);
        for (u32 id = 0; id < nr_cpus; id++)
            any |= cpus[id] && sched_bit(hard, id);
    }
    if (!any)
        memset(hard, 0xff, sizeof(hard));
    if (random_below(2))
        soft[0] = random_below(1u << nr_cpus);
    sched_set_affinity(v, hard, soft);
}

/* Something happens, on CPU `here`, which is in a guest or asleep: as if in its next handler. */
static void happen(void)
{
    u32 id = random_below(VCPUS_MAX);
    struct vcpu *v = vcpu[id];

    if (!v) {
        make_vcpu(id);
        set_state(vcpu[id], VCPU_RUNNABLE);
        return;
    }
    switch (random_below(16)) {
    default:
        if (v->state == VCPU_BLOCKED)
            set_state(v, VCPU_RUNNABLE);
        break;
    case 0:
        random_affinity(v);
        break;
    case 1:
        if (!v->pause_count)
            pause_by(v, 1);
        break;
    case 2:
    case 3:
        if (v->pause_count)
            pause_by(v, -1);
        break;
    case 4:
        if (v->pause_count && !v->running)
            free_vcpu(v);
        break;
    case 5:
        dom->home_nodes = random_below(4) ? random_below(1u << topology.nr_nodes) : 0;
        break;
    }
}

static void simulate(const struct shape *shape, u32 steps)
{
    boot(shape, VCPUS_MAX);
    for (u32 step = 0; step < steps; step++) {
        turn(step % nr_cpus);
        here = &cpu_on[0];
        if (random_below(2))
            happen();
        end_of_handler();
        for (u32 id = 0; id < VCPUS_MAX; id++) {
            nr_moves += vcpu[id] && vcpu[id]->cpu != was_on[id];
            was_on[id] = vcpu[id] ? vcpu[id]->cpu : 0;
        }
        check_work_conserving();
        check_books();
        check_starvation();
        if (step % nr_cpus == 0)
            now_ns += MS;
    }
    power_off();
}

TEST(a_million_steps)
{
    for (u32 i = 0; i < ARRAY_SIZE(shapes); i++)
        simulate(&shapes[i], STEPS_TOTAL / ARRAY_SIZE(shapes));
    print_message("worst wait %u ms, %u turns beside a sleeper, %u moves, %u exits\n",
                  (u32)(worst_wait_ns / MS), worst_unserved, (u32)nr_moves, nr_exits);
    assert_true(nr_moves > 1000);
}

/* n spinning vCPUs on all CPUs of a shape: over any 200 ms each gets its share but for six slices. */
static void share(const struct shape *shape, u32 n, u64 pin_first_ms)
{
    u64 before[VCPUS_MAX];
    u32 online = 0;

    stay_still = true;
    boot(shape, n);
    for (u32 id = 0; id < nr_cpus; id++)
        online += cpus[id] != NULL;
    /* History: half of them crowded on one CPU, whose clock falls behind. */
    if (pin_first_ms) {
        u64 one[MAX_CPUS / 64] = {1}, all[MAX_CPUS / 64];

        memset(all, 0xff, sizeof(all));
        for (u32 id = 0; id < n / 2; id++)
            sched_set_affinity(vcpu[id], one, all);
        for (u64 ms = 0; ms < pin_first_ms; ms++)
            round_of_turns();
        for (u32 id = 0; id < n / 2; id++)
            sched_set_affinity(vcpu[id], all, all);
    }
    for (u32 ms = 0; ms < 1000; ms++) /* it settles */
        round_of_turns();
    for (u32 window = 0; window < 10; window++) {
        const u64 length = 2000;

        for (u32 id = 0; id < n; id++)
            before[id] = vcpu[id]->run_ns + (vcpu[id]->running ? now_ns - vcpu[id]->run_since_ns : 0);
        for (u64 ms = 0; ms < length; ms++)
            round_of_turns();
        u64 fair = MIN(length * online / n, length) * MS;
        for (u32 id = 0; id < n; id++) {
            u64 got = vcpu[id]->run_ns + (vcpu[id]->running ? now_ns - vcpu[id]->run_since_ns : 0);

            got -= before[id];
            if (got + 6 * SCHED_SLICE_NS < fair || got > fair + 6 * SCHED_SLICE_NS)
                fail_msg("%s, %u vCPUs: v%u had %u ms of %u", shape->name, n, id, (u32)(got / MS),
                         (u32)(fair / MS));
        }
    }
    power_off();
}

TEST(all_get_the_same)
{
    static const struct shape two = {.name = "two CPUs", .nr_cpus = 2, .nr_nodes = 1, .distance = {{10}}};

    share(&two, 3, 0);
    share(&two, 5, 0);
    share(&two, 3, 3000);
    for (u32 i = 0; i < ARRAY_SIZE(shapes); i++)
        for (u32 n = 5; n <= VCPUS_MAX; n += 3) {
            share(&shapes[i], n, 0);
            share(&shapes[i], n, 3000);
        }
}

/* A sleeper among spinners: it comes within two slices, and cannot save up while it sleeps. */
TEST(sleepers_come_soon_and_save_nothing)
{
    static const struct shape one = {.name = "one CPU", .nr_cpus = 1, .nr_nodes = 1, .distance = {{10}}};

    stay_still = true;
    boot(&one, 4);
    set_state(vcpu[3], VCPU_BLOCKED);
    for (u32 ms = 0; ms < 10000; ms++)
        round_of_turns();
    u64 before = vcpu[3]->run_ns;
    set_state(vcpu[3], VCPU_RUNNABLE);
    for (u32 ms = 0; ms < 20; ms++)
        round_of_turns();
    assert_true(vcpu[3]->running || vcpu[3]->run_ns > before);
    for (u32 ms = 0; ms < 980; ms++)
        round_of_turns();
    assert_in_range((vcpu[3]->run_ns - before) / MS, 230, 300); /* a quarter and the credit */
    power_off();
}

/* Alone away from home: called back as soon as a CPU there has nothing to do. */
TEST(they_come_home)
{
    stay_still = true;
    boot(&shapes[1], 8);
    dom->home_nodes = BIT(1);
    for (u32 id = 0; id < 8; id++)
        set_state(vcpu[id], VCPU_BLOCKED);
    for (u32 ms = 0; ms < 10; ms++)
        round_of_turns();
    for (u32 id = 0; id < 8; id++)
        set_state(vcpu[id], VCPU_RUNNABLE);
    for (u32 ms = 0; ms < 100; ms++)
        round_of_turns();
    u32 away = 0;
    for (u32 id = 0; id < 8; id++) {
        assert_true(vcpu[id]->running); /* all eight CPUs are used */
        away += vcpu[id]->cpu < 4;
    }
    assert_int_equal(away, 4);
    for (u32 id = 0, left = 4; id < 8 && left; id++)
        if (vcpu[id]->cpu >= 4) {
            set_state(vcpu[id], VCPU_BLOCKED);
            left--;
        }
    for (u32 ms = 0; ms < 100; ms++)
        round_of_turns();
    for (u32 id = 0; id < 8; id++)
        if (vcpu[id]->state == VCPU_RUNNABLE)
            assert_in_range(vcpu[id]->cpu, 4, 7);
    power_off();
}

/* A lone spinner sees no exit; idle CPUs sleep; memory is cleaned by its own node's CPUs, or the nearest. */
TEST(nothing_ticks)
{
    stay_still = true;
    boot(&shapes[3], 1);
    dirty[0] = dirty[1] = dirty[2] = dirty[3] = 50;
    for (u32 ms = 0; ms < 200; ms++)
        round_of_turns();
    for (u32 nid = 0; nid < 4; nid++)
        assert_int_equal(dirty[nid], nid == 0 ? 50 : 0); /* node 0's only CPU runs the guest */
    u32 exits = nr_exits;
    for (u32 ms = 0; ms < 1000; ms++)
        round_of_turns();
    assert_int_equal(nr_exits, exits);
    for (u32 id = 1; id < nr_cpus; id++)
        assert_true(asleep[id] && !kicked[id] && !armed_ns[id]);
    power_off();
}

/* What a claim wants clean is cleaned by a busy CPU too, a piece between two slices; and then it is quiet
 * again.
 */
TEST(claims_are_scrubbed_for)
{
    stay_still = true;
    boot(&shapes[3], 1);
    for (u32 ms = 0; ms < 50; ms++)
        round_of_turns();
    dirty[0] = 50;
    wanted[0] = 20;
    mm_wake_scrubber(0);
    for (u32 ms = 0; ms < 100; ms++)
        round_of_turns();
    assert_in_range(scrubbed[0], 9, 11); /* 10 ms a slice */
    assert_true(vcpu[0]->running);
    for (u32 ms = 0; ms < 150; ms++)
        round_of_turns();
    assert_int_equal(scrubbed[0], 20);
    u32 exits = nr_exits;
    for (u32 ms = 0; ms < 500; ms++)
        round_of_turns();
    assert_int_equal(nr_exits, exits);
    assert_int_equal(scrubbed[0], 20);
    /* Memory that cannot be cleaned after all is no reason to go on. */
    wanted[0] = 60;
    dirty[0] = 3;
    mm_wake_scrubber(0);
    for (u32 ms = 0; ms < 200; ms++)
        round_of_turns();
    assert_int_equal(scrubbed[0], 23);
    exits = nr_exits;
    for (u32 ms = 0; ms < 100; ms++)
        round_of_turns();
    assert_int_equal(nr_exits, exits);
    power_off();
}
