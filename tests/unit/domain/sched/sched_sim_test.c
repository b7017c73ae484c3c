/*
 * The real scheduler on simulated CPUs: each is a coroutine that runs sched_step(), and gives control back while it is in
 * a guest or asleep. A CPU that is asleep gets no turn unless it was kicked or its timer is due, so a lost wake-up stays
 * lost and is found. A million turns with everything that can happen to vCPUs; after each turn the promises of
 * docs/hypervisor-guide/scheduling.md are checked.
 *
 * lint: long: the checks are for these tests only.
 */
#include "coroutines.h"

#define STEPS_TOTAL 1000000u
#define PIECE       512u /* pages that are cleaned at a time */

static u64 waits_since[VCPUS_MAX], worst_wait_ns, nr_moves;
static u32 was_on[VCPUS_MAX];
static u32 worst_unserved;
static bool stay_still; /* guests spin, nothing happens */
static u32 nr_exits;
static u64 uncap_at; /* 0: no cap */

static void guest_runs(struct vcpu *v, struct hvm_exit *exit)
{
    u32 turns = 0;

    assert_true(v->running && v->in_guest && !v->on_queue);
    assert_int_equal(v->cpu, here->id);
    assert_true(sched_bit(v->hard_affinity, here->id)); /* affinity is absolute */
    do
        give_turn();
    while (!interrupted() && (stay_still || ++turns < 3));
    nr_exits++;
    u32 what = stay_still ? 12 : random_below(12);
    if (what < 2)
        exit->kind = HVM_EXIT_HLT;
    else if (what == 2)
        sched_yield_current();
}

static void boot(const struct machine_shape *shape, u32 nr_vcpus)
{
    make_shape(shape, nr_vcpus, kick);
    play = guest_runs;
    memset(waits_since, 0, sizeof(waits_since));
    coroutines_make();
}

static void power_off(void)
{
    stay_still = true;
    for (u32 id = 0; id < d->nr_vcpus; id++) {
        if (!d->vcpu[id])
            make_vcpu(id);
        vcpu_pause(d->vcpu[id], false);
    }
    for (u32 id = 0; id < nr_cpus; id++)
        kicked[id] = true;
    run_ms(3);
    machine_unmake();
    coroutines_free();
    stay_still = false;
}

/* The number of vCPUs that wait in the groups of a list. Adds up their shares. */
static u32 check_groups(const struct run_queue *q, const struct list *list, u64 *share)
{
    s64 group_last = INT64_MIN;
    u32 length = 0;

    list_for_each (link, list) {
        const struct sched_group *g = list_entry(link, struct sched_group, link);
        s64 last = INT64_MIN, key = list == &q->parked ? (s64)g->starts_ns : g->vtime_ns;
        u32 members = 0;

        assert_true(key >= group_last && !list_empty(&g->members));
        assert_int_equal(g->parked, list == &q->parked);
        group_last = key;
        list_for_each (node, &g->members) {
            const struct vcpu *v = list_entry(node, struct vcpu, queue_link);

            assert_true(v->on_queue && !v->running && v->wants && v->cpu == q->id && vcpu_can_run(v));
            assert_true(sched_bit(v->hard_affinity, q->id));
            assert_ptr_equal(group_of(q, v), g);
            assert_true(v->vtime_ns >= last);
            last = v->vtime_ns;
            members++;
        }
        assert_int_equal(g->nr, members + (q->current && group_of(q, q->current) == g));
        *share += g->share;
        length += members;
    }
    return length;
}

/* Every queue's figures are those of its list, and every vCPU is where it should be, once. */
static void check_books(void)
{
    u32 queued = 0, assigned = 0, members = 0, wanting = 0;

    for (u32 id = 0; id < nr_cpus; id++) {
        const struct run_queue *q = run_queues[id];
        u32 length = 0;
        u64 share = 0;

        if (!q)
            continue;
        length = check_groups(q, &q->ready, &share);
        assert_int_equal(length, q->nr_ready);
        assert_int_equal(q->facts.load, length + (q->current != NULL));
        queued += length + check_groups(q, &q->parked, &share);
        if (q->current && list_empty(&group_of(q, q->current)->link))
            share += group_of(q, q->current)->share;
        assert_int_equal(share, q->facts.share);
        assigned += q->facts.assigned;
    }
    for (u32 id = 0; id < VCPUS_MAX; id++) {
        const struct vcpu *v = d->vcpu[id];

        if (!v)
            continue;
        members++;
        queued -= v->on_queue;
        wanting += v->wants;
        assert_int_equal(v->wants, v->on_queue || v->running);
        assert_false(v->on_queue && v->running);
        if (vcpu_can_run(v))
            assert_true(v->on_queue || v->running);
    }
    assert_int_equal(queued, 0);
    assert_int_equal(assigned, members);
    assert_int_equal(wanting, d->sched.nr_wanting);
}

/* Nobody waits for longer than two turns of each CPU while one that may take it sleeps undisturbed: in a turn
 * those that have been kicked wake, and in another one those that they call. */
static void check_work_conserving(void)
{
    static u32 unserved[VCPUS_MAX];

    for (u32 i = 0; i < VCPUS_MAX; i++) {
        const struct vcpu *v = d->vcpu[i];
        u32 sleeper = SCHED_NO_CPU;

        if (v && v->on_queue && d->group[v->cpu].parked)
            v = NULL;

        for (u32 id = 0; id < nr_cpus && v && v->on_queue; id++)
            if (cpus[id] && sched_bit(v->hard_affinity, id) && asleep[id] && !kicked[id])
                sleeper = id;
        unserved[i] = sleeper == SCHED_NO_CPU ? 0 : unserved[i] + 1;
        worst_unserved = MAX(worst_unserved, unserved[i]);
        if (unserved[i] > 2 * nr_cpus)
            fail_msg("v%u waits on CPU %u while CPU %u sleeps", i, v->cpu, sleeper);
    }
}

/* Of n vCPUs the last one has waited for a slice of each, and for the credit each may have had. */
static void check_starvation(void)
{
    const u64 bound = VCPUS_MAX * (SCHED_SLICE_NS + SCHED_CREDIT_NS);

    for (u32 i = 0; i < VCPUS_MAX; i++) {
        if (!d->vcpu[i] || !d->vcpu[i]->on_queue || d->sched.cap) {
            waits_since[i] = 0;
            continue;
        }
        if (!waits_since[i])
            waits_since[i] = now_ns;
        worst_wait_ns = MAX(worst_wait_ns, now_ns - waits_since[i]);
        if (now_ns - waits_since[i] > bound)
            fail_msg("v%u has waited %u ms", i, (u32)((now_ns - waits_since[i]) / MS));
    }
}

/* Something happens, on CPU `here`, which is in a guest or asleep: as if in its next handler. */
static void happen(void)
{
    u32 id = random_below(VCPUS_MAX);
    struct vcpu *v = d->vcpu[id];

    if (!v) {
        make_vcpu(id);
        return;
    }
    switch (random_below(16)) {
    default:
        vcpu_wake(v);
        break;
    case 0:
        random_affinity(v);
        break;
    case 1:
        if (!v->pause_count)
            vcpu_pause(v, false);
        break;
    case 2:
    case 3:
        vcpu_unpause(v);
        break;
    case 4:
        if (v->pause_count && !v->running)
            free_vcpu(v);
        break;
    case 5:
        d->home_nodes = random_below(4) ? random_below(1u << topology.nr_nodes) : 0;
        break;
    }
}

static void simulate(const struct machine_shape *shape, u32 steps)
{
    boot(shape, VCPUS_MAX);
    for (u32 step = 0; step < steps; step++) {
        turn(step % nr_cpus);
        use_cpu(0);
        if (random_below(2))
            happen();
        end_of_handler();
        for (u32 id = 0; id < VCPUS_MAX; id++) {
            nr_moves += d->vcpu[id] && d->vcpu[id]->cpu != was_on[id];
            was_on[id] = d->vcpu[id] ? d->vcpu[id]->cpu : 0;
        }
        if (uncap_at && now_ns >= uncap_at) {
            sched_set_params(d, 256, 0);
            uncap_at = 0;
        }
        check_work_conserving();
        check_books();
        check_starvation();
        if (step % nr_cpus == 0)
            now_ns += MS;
    }
    sched_set_params(d, 256, 0);
    uncap_at = 0;
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

/* n spinning vCPUs on all CPUs of a shape: over any two seconds each gets its share but for six slices. */
static void share(const struct machine_shape *shape, u32 n, u64 pin_first_ms)
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
            sched_set_affinity(d->vcpu[id], one, all);
        run_ms(pin_first_ms);
        for (u32 id = 0; id < n / 2; id++)
            sched_set_affinity(d->vcpu[id], all, all);
    }
    run_ms(1000); /* it settles */
    for (u32 window = 0; window < 10; window++) {
        const u64 length = 2000;

        for (u32 id = 0; id < n; id++)
            before[id] = vcpu_run_ns(d->vcpu[id]);
        run_ms(length);
        u64 fair = MIN(length * online / n, length) * MS;
        for (u32 id = 0; id < n; id++) {
            u64 got = vcpu_run_ns(d->vcpu[id]) - before[id];

            if (got + 6 * SCHED_SLICE_NS < fair || got > fair + 6 * SCHED_SLICE_NS)
                fail_msg("%s, %u vCPUs: v%u had %u ms of %u", shape->name, n, id, (u32)(got / MS),
                         (u32)(fair / MS));
        }
    }
    power_off();
}

TEST(all_get_the_same)
{
    static const struct machine_shape two = {
        .name = "two CPUs", .nr_cpus = 2, .nr_nodes = 1, .distance = {{10}}};

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
    static const struct machine_shape one = {
        .name = "one CPU", .nr_cpus = 1, .nr_nodes = 1, .distance = {{10}}};

    stay_still = true;
    boot(&one, 4);
    vcpu_block(d->vcpu[3]);
    run_ms(10000);
    u64 before = vcpu_run_ns(d->vcpu[3]);
    vcpu_wake(d->vcpu[3]);
    run_ms(20);
    assert_true(vcpu_run_ns(d->vcpu[3]) > before);
    run_ms(980);
    assert_in_range((vcpu_run_ns(d->vcpu[3]) - before) / MS, 230, 300); /* a quarter and the credit */
    power_off();
}

/* Alone away from home: called back as soon as a CPU there has nothing to do. */
TEST(they_come_home)
{
    stay_still = true;
    boot(&shapes[1], 8);
    d->home_nodes = BIT(1);
    for (u32 id = 0; id < 8; id++)
        vcpu_block(d->vcpu[id]);
    run_ms(10);
    for (u32 id = 0; id < 8; id++)
        vcpu_wake(d->vcpu[id]);
    run_ms(100);
    u32 away = 0;
    for (u32 id = 0; id < 8; id++) {
        assert_true(d->vcpu[id]->running); /* all eight CPUs are used */
        away += d->vcpu[id]->cpu < 4;
    }
    assert_int_equal(away, 4);
    for (u32 id = 0, left = 4; id < 8 && left; id++)
        if (d->vcpu[id]->cpu >= 4) {
            vcpu_block(d->vcpu[id]);
            left--;
        }
    run_ms(100);
    for (u32 id = 0; id < 8; id++)
        if (d->vcpu[id]->state == VCPU_RUNNABLE)
            assert_in_range(d->vcpu[id]->cpu, 4, 7);
    power_off();
}

/* Soft affinity away from home: an idle CPU of the soft set comes before one near the memory. */
TEST(soft_affinity_comes_before_home)
{
    static const u64 all[MAX_CPUS / 64] = {~0ull}, last_four[MAX_CPUS / 64] = {0xf0};

    stay_still = true;
    boot(&shapes[1], 4);
    d->home_nodes = BIT(0);
    for (u32 id = 0; id < 4; id++)
        sched_set_affinity(d->vcpu[id], all, last_four);
    run_ms(100);
    for (u32 id = 0; id < 4; id++) {
        assert_true(d->vcpu[id]->running);
        assert_in_range(d->vcpu[id]->cpu, 4, 7);
    }
    for (u32 id = 0; id < 4; id++) /* no wish that has an effect: home */
        sched_set_affinity(d->vcpu[id], all, all);
    run_ms(100);
    for (u32 id = 0; id < 4; id++) {
        assert_true(d->vcpu[id]->running);
        assert_in_range(d->vcpu[id]->cpu, 0, 3);
    }
    power_off();
}

/*
 * A lone spinner sees no exit; idle CPUs sleep; memory is cleaned by its own node's CPUs, or the nearest.
 * claims.md CL-3.61.
 */
TEST(nothing_ticks)
{
    stay_still = true;
    boot(&shapes[3], 1);
    u64 dirty = node_dirty(0);
    run_ms(200);
    for (u32 nid = 0; nid < 4; nid++)
        assert_int_equal(node_dirty(nid), nid == 0 ? dirty : 0); /* node 0's only CPU runs the guest */
    u32 exits = nr_exits;
    run_ms(1000);
    assert_int_equal(nr_exits, exits);
    for (u32 id = 1; id < nr_cpus; id++)
        assert_true(asleep[id] && !kicked[id] && !armed_ns[id]);
    power_off();
}

/*
 * What a claim wants clean is cleaned by a busy CPU too, a piece between two slices; and then it is quiet
 * again.
 * claims.md CL-3.61, CL-3.62.
 */
TEST(claims_are_scrubbed_for)
{
    stay_still = true;
    boot(&shapes[3], 1);
    run_ms(50);
    u64 dirty = node_dirty(0), wanted = 1800;
    const struct claim_entry claim = {.pages = wanted, .node = 0};
    assert_int_equal(claim_install_set(&d->mem, &claim, 1, CLAIM_SCRUB), 0);
    run_ms(25);
    assert_in_range(dirty - node_dirty(0), PIECE, 3 * PIECE); /* 10 ms a slice */
    assert_true(d->vcpu[0]->running);
    run_ms(100);
    dirty = node_dirty(0);
    assert_in_range(node_free(0) - dirty, wanted, wanted + PIECE);
    u32 exits = nr_exits;
    run_ms(500);
    assert_int_equal(nr_exits, exits);
    assert_int_equal(node_dirty(0), dirty);
    power_off();
}
