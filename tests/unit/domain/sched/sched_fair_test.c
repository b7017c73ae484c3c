/*
 * Weights and caps: the real scheduler on simulated CPUs, with several domains. What each domain gets is compared with
 * what it should get, which is computed by water-filling: shares rise with the weights until a domain has its cap, or a
 * CPU for each of its vCPUs, and the rest goes to the others.
 *
 * lint: long: the habits and the measuring are for these tests only.
 */
#include "coroutines.h"

#define DOMAINS_MAX 6u
#define RUNS        100u

enum habit {
    SPINS,
    NAPS,   /* runs for 1 ms, sleeps for 1 ms */
    YIELDS, /* after each ms */
    TURNS,  /* of its domain's vCPUs one runs for 3 ms, then wakes the next one and sleeps */
    HIDES,  /* sleeps for a ms when another one's slice is about to end */
    SELDOM, /* runs for 1 ms, sleeps for 29 */
};

static struct party {
    struct domain *d;
    enum habit habit;
    u64 ran_ns[DOMAIN_MAX_VCPUS]; /* of each vCPU at the last look */
    u64 wakes_ns[DOMAIN_MAX_VCPUS];
    u64 last_ns[DOMAIN_MAX_VCPUS]; /* when it was last seen running, or asleep */
    u64 gap_ns;                    /* the longest time in which one of them waited */
} party[DOMAINS_MAX];
static u32 nr_parties;

static struct party *party_of(const struct vcpu *v)
{
    return &party[v->domain->id - 1];
}

static void sleep_ms(struct vcpu *v, struct hvm_exit *exit, u64 ms)
{
    party_of(v)->wakes_ns[v->id] = now_ns + ms * MS;
    exit->kind = HVM_EXIT_HLT;
}

static void guest_runs(struct vcpu *v, struct hvm_exit *exit)
{
    struct party *p = party_of(v);
    u64 since = now_ns, lasts = p->habit == TURNS ? 3 * MS : MS;

    do
        give_turn();
    while (!interrupted() && (p->habit == SPINS || now_ns - since < lasts));
    if (p->habit == NAPS)
        sleep_ms(v, exit, 1);
    else if (p->habit == SELDOM)
        sleep_ms(v, exit, 29);
    else if (p->habit == YIELDS)
        sched_yield_current();
    else if (p->habit == HIDES && v->id && now_ns / MS % 10 >= 8)
        sleep_ms(v, exit, 10 - now_ns / MS % 10);
    else if (p->habit == TURNS) {
        vcpu_wake(v->domain->vcpu[(v->id + 1) % v->domain->nr_vcpus]);
        exit->kind = HVM_EXIT_HLT;
    }
}

static void boot(u32 nr, u32 nr_nodes)
{
    struct machine_shape shape = {.name = "a shape", .nr_cpus = nr, .nr_nodes = nr_nodes};

    for (u32 id = 0; id < nr; id++)
        shape.node_of[id] = (u8)(id * nr_nodes / nr);
    for (u32 a = 0; a < nr_nodes; a++)
        for (u32 b = 0; b < nr_nodes; b++)
            shape.distance[a][b] = a == b ? 10 : 20;
    machine_make(&(struct test_config){.shape = &shape});
    step_ns = 0;
    max_runs = ~0ull;
    rng_seed(&rng, 1);
    sched_set_kick(kick);
    play = guest_runs;
    memset(party, 0, sizeof(party));
    nr_parties = 0;
    coroutines_make();
}

static struct party *add(u32 nr_vcpus, u16 weight, u16 cap, enum habit habit)
{
    struct party *p = &party[nr_parties++];

    p->d = new_domain((u16)nr_parties, nr_vcpus);
    p->habit = habit;
    if (weight != SCHED_WEIGHT_DEFAULT || cap)
        sched_set_params(p->d, weight, cap);
    for (u32 id = 0; id < nr_vcpus; id++) {
        start_vcpu(p->d->vcpu[id]);
        if (habit == TURNS && id)
            vcpu_block(p->d->vcpu[id]);
    }
    return p;
}

static void power_off(void)
{
    for (u32 i = 0; i < nr_parties; i++)
        for (u32 id = 0; id < party[i].d->nr_vcpus; id++)
            vcpu_pause(party[i].d->vcpu[id], false);
    for (u32 id = 0; id < nr_cpus; id++)
        kicked[id] = true;
    run_ms(3);
    for (u32 id = 0; id < nr_cpus; id++)
        for (u32 ms = 0; armed_ns[id] && ms < 10000; ms++) /* for a group that is not parked any more */
            run_ms(1);
    for (u32 i = 0; i < nr_parties; i++)
        assert_int_equal(party[i].d->sched.nr_wanting, 0);
    for (u32 id = 0; id < nr_cpus; id++)
        assert_int_equal(run_queues[id]->facts.share, 0);
    machine_unmake();
    coroutines_free();
}

/* Whoever runs or sleeps does not wait. */
static void look(struct party *p)
{
    for (u32 id = 0; id < p->d->nr_vcpus; id++) {
        struct vcpu *v = p->d->vcpu[id];

        if (v->state == VCPU_BLOCKED && p->wakes_ns[id] && p->wakes_ns[id] <= now_ns) {
            p->wakes_ns[id] = 0;
            vcpu_wake(v);
        }
        if (v->running || !v->on_queue)
            p->last_ns[id] = now_ns;
        p->gap_ns = MAX(p->gap_ns, now_ns - p->last_ns[id]);
    }
}

static void live(u64 ms)
{
    for (; ms; ms--) {
        use_cpu(0);
        for (u32 i = 0; i < nr_parties; i++)
            look(&party[i]);
        run_ms(1);
    }
    use_cpu(0);
}

static u64 used_ns(struct party *p)
{
    u64 sum = 0;

    for (u32 id = 0; id < p->d->nr_vcpus; id++) {
        u64 now = vcpu_run_ns(p->d->vcpu[id]);

        sum += now - p->ran_ns[id];
        p->ran_ns[id] = now;
    }
    return sum;
}

/* Begins to measure. */
static void forget(void)
{
    for (u32 i = 0; i < nr_parties; i++) {
        used_ns(&party[i]);
        party[i].gap_ns = 0;
        for (u32 id = 0; id < DOMAIN_MAX_VCPUS; id++)
            party[i].last_ns[id] = now_ns;
    }
}

/* Thousandths of a CPU since the last look. */
static u32 used(struct party *p, u64 ms)
{
    return (u32)(used_ns(p) / (ms * MS / 1000));
}

/* By water-filling, in thousandths of a CPU. */
static void fill(u32 *ideal)
{
    u64 water = nr_cpus * 1000u;
    bool full[DOMAINS_MAX] = {0}, again = true;

    while (again) {
        u64 weights = 0;

        again = false;
        for (u32 i = 0; i < nr_parties; i++)
            weights += full[i] ? 0 : party[i].d->sched.weight;
        for (u32 i = 0; i < nr_parties && !again; i++) {
            const struct domain *domain = party[i].d;
            u32 limit = MIN(domain->nr_vcpus, nr_cpus) * 1000;

            if (domain->sched.cap)
                limit = MIN(limit, domain->sched.cap * 10);
            if (full[i])
                continue;
            ideal[i] = (u32)(water * domain->sched.weight / weights);
            if (ideal[i] < limit)
                continue;
            ideal[i] = limit;
            water -= limit;
            full[i] = again = true;
        }
    }
}

/* Each within so many thousandths of a CPU and so many percent of its ideal. Adds up what all are off by. */
static u32 check_ideal(const char *what, u64 ms, u32 within, u32 percent)
{
    u32 ideal[DOMAINS_MAX], got[DOMAINS_MAX], off[DOMAINS_MAX], sum = 0;
    bool good = true;

    fill(ideal);
    for (u32 i = 0; i < nr_parties; i++) {
        got[i] = used(&party[i], ms);
        off[i] = got[i] > ideal[i] ? got[i] - ideal[i] : ideal[i] - got[i];
        good &= off[i] <= within + ideal[i] * percent / 100;
        sum += off[i];
    }
    for (u32 i = 0; i < nr_parties && !good; i++)
        print_message("  %u vCPUs, weight %u, cap %u: %u thousandths of a CPU, should be %u\n",
                      party[i].d->nr_vcpus, party[i].d->sched.weight, party[i].d->sched.cap, got[i],
                      ideal[i]);
    if (!good)
        fail_msg("%s, %u CPUs", what, nr_cpus);
    return sum;
}

/* The attack: 128 spinning vCPUs, which all wake at the same moment, against one. */
TEST(one_beside_128)
{
    boot(2, 1);
    struct party *one = add(1, 256, 0, SPINS), *many = add(128, 256, 0, SPINS);
    forget();
    live(1000);
    u32 first = used(one, 1000);
    print_message("first second: %u thousandths of a CPU, gap %u ms\n", first, (u32)(one->gap_ns / MS));
    assert_in_range(first, 900, 1000);
    assert_in_range(one->gap_ns, 0, 50 * MS);
    for (u32 second = 0; second < 5; second++) {
        /* They sleep, and come back all at once with what they have saved. */
        if (second >= 2) {
            for (u32 id = 0; id < 128; id++)
                vcpu_block(many->d->vcpu[id]);
            live(200);
            for (u32 id = 0; id < 128; id++)
                vcpu_wake(many->d->vcpu[id]);
        }
        forget();
        live(1000);
        assert_in_range(used(one, 1000), 900, 1000);
        assert_in_range(one->gap_ns, 0, 50 * MS);
    }
    u64 gap = many->gap_ns; /* each of the 128 has its turn on the other CPU */
    assert_in_range(gap, 0, 2 * 128 * SCHED_SLICE_NS);
    power_off();
}

static void weights(u32 nr, u32 a_vcpus, u16 a, u32 b_vcpus, u16 b, u32 within)
{
    boot(nr, 1);
    add(a_vcpus, a, 0, SPINS);
    add(b_vcpus, b, 0, SPINS);
    live(1000);
    forget();
    live(4000);
    check_ideal("two weights", 4000, within, 0);
    power_off();
}

TEST(twice_the_weight_is_twice_the_time)
{
    weights(1, 1, 512, 1, 256, 10);
    weights(1, 8, 512, 1, 256, 10);
    weights(1, 1, 512, 8, 256, 10);
    weights(2, 2, 512, 2, 256, 20);
    weights(2, 16, 512, 3, 256, 20);
    weights(4, 64, 1024, 4, 256, 20);
    weights(1, 1, 65535, 1, 6554, 10);
    weights(1, 128, 1, 1, 9, 10);
}

/* Weights hold on one CPU, too, while others are idle; and a change takes effect at once. */
TEST(weights_hold_where_domains_meet)
{
    u64 cpu1[MAX_CPUS / 64] = {2}, all[MAX_CPUS / 64];

    memset(all, 0xff, sizeof(all));
    boot(4, 2);
    struct party *a = add(2, 768, 0, SPINS), *b = add(1, 256, 0, SPINS);
    for (u32 id = 0; id < 2; id++)
        sched_set_affinity(a->d->vcpu[id], cpu1, all);
    sched_set_affinity(b->d->vcpu[0], cpu1, all);
    live(100);
    forget();
    live(2000);
    assert_in_range(used(a, 2000), 740, 760);
    assert_in_range(used(b, 2000), 240, 260);
    sched_set_params(b->d, 768, 0);
    forget();
    live(2000);
    assert_in_range(used(b, 2000), 490, 510);
    power_off();
}

static void habits(enum habit habit, u32 nr_vcpus, u32 most)
{
    boot(2, 1);
    struct party *honest = add(2, 256, 0, SPINS), *other = add(nr_vcpus, 256, 0, habit);
    live(1000);
    forget();
    live(4000);
    u32 got = used(other, 4000), left = used(honest, 4000);
    print_message("habit %u, %u vCPUs: %u, the honest one %u, gap %u ms\n", habit, nr_vcpus, got, left,
                  (u32)(honest->gap_ns / MS));
    assert_in_range(got, 0, most);
    assert_in_range(got + left, 1990, 2000); /* no time is lost */
    assert_in_range(honest->gap_ns, 0, 50 * MS);
    power_off();
}

/* Who sleeps or yields at the right moment gets no more than half of the machine. */
TEST(no_habit_gains)
{
    habits(SPINS, 2, 1020);
    habits(NAPS, 2, 1020);
    habits(NAPS, 16, 1020);
    habits(YIELDS, 2, 1020);
    habits(YIELDS, 16, 1020);
    habits(TURNS, 16, 1020);
    habits(HIDES, 2, 1030); /* it wakes ahead of a turn now and then */
    habits(HIDES, 16, 1020);
}

/* It sleeps most of the time, and waits for others' slices seldom and shortly. */
TEST(who_seldom_runs_is_soon_served)
{
    boot(2, 1);
    struct party *seldom = add(1, 256, 0, SELDOM);
    for (u32 i = 0; i < 4; i++)
        add(16, 256, 0, SPINS);
    live(1000);
    forget();
    live(4000);
    print_message("waits %u ms at most\n", (u32)(seldom->gap_ns / MS));
    assert_in_range(seldom->gap_ns, 0, 3 * MS);
    power_off();
}

static void capped(u32 nr, u32 nr_vcpus, u16 cap, enum habit habit)
{
    boot(nr, 1);
    struct party *p = add(nr_vcpus, 256, cap, habit), *other = add(nr, 256, 0, SPINS);
    live(500);
    for (u32 second = 0; second < 4; second++) {
        forget();
        live(1000);
        u32 got = used(p, 1000), least = habit == SPINS ? cap * 97u / 10 : 0;
        if (got < least || got > cap * 10u + 5 + cap / 5u)
            fail_msg("%u CPUs, %u vCPUs, habit %u, cap %u: %u thousandths", nr, nr_vcpus, habit, cap, got);
        u32 rest = used(other, 1000); /* others have it */
        if (got + rest < nr * 990)
            fail_msg("%u CPUs, %u vCPUs, habit %u, cap %u: %u thousandths, others %u", nr, nr_vcpus, habit,
                     cap, got, rest);
    }
    /* No vCPU starves: each has a piece in its turn. */
    for (u32 id = 0; id < nr_vcpus && habit == SPINS; id++)
        p->ran_ns[id] = vcpu_run_ns(p->d->vcpu[id]);
    live(nr_vcpus * 20 * MAX(100 / cap, 1u) * 2);
    for (u32 id = 0; id < nr_vcpus && habit == SPINS; id++)
        assert_true(vcpu_run_ns(p->d->vcpu[id]) > p->ran_ns[id]);
    /* A new cap holds at once, and no cap is none. */
    sched_set_params(p->d, 256, (u16)(cap * 2));
    forget();
    live(1000);
    assert_in_range(used(p, 1000), 0, cap * 20 + 5 + cap * 2 / 5);
    sched_set_params(p->d, 65535, 0);
    sched_set_params(other->d, 1, 0);
    live(200);
    forget();
    live(1000);
    if (habit == SPINS)
        assert_in_range(used(p, 1000), MIN(nr, nr_vcpus) * 970, nr * 1000);
    power_off();
}

TEST(caps_hold)
{
    for (u32 habit = SPINS; habit <= HIDES; habit++) {
        capped(2, 1, 50, habit);
        capped(2, 4, 50, habit);
        capped(4, 32, 50, habit);
        capped(4, 4, 150, habit);
        capped(1, 1, 10, habit);
        capped(4, 8, 5, habit);
    }
}

/* A capped domain alone: the machine sleeps for the rest. What it does not use of a piece of time is not lost. */
static void capped_alone(enum habit habit)
{
    boot(2, 1);
    struct party *p = add(1, 256, 0, habit);
    live(100); /* a run without an end */
    sched_set_params(p->d, 256, 25);
    forget();
    live(2000);
    assert_in_range(used(p, 2000), 240, 255);
    assert_true(asleep[0] || asleep[1]);
    power_off();
}

TEST(a_cap_holds_on_an_idle_machine)
{
    capped_alone(SPINS);
    capped_alone(YIELDS);
}

TEST(random_domains_get_what_water_filling_gives)
{
    static const u16 weights_of[] = {64, 128, 256, 256, 256, 512, 1024};
    u64 off = 0, of = 0;

    for (u32 run = 0; run < RUNS; run++) {
        struct rng draw;

        rng_seed(&draw, run + 1);
        u32 nr = 1 + rng_draw(&draw, 8), domains = 1 + rng_draw(&draw, DOMAINS_MAX);
        boot(nr, nr > 3 ? 2 : 1);
        rng = draw;
        for (u32 i = 0; i < domains; i++)
            add(1 + random_below(random_below(2) ? 2 * nr : 3),
                weights_of[random_below(ARRAY_SIZE(weights_of))],
                random_below(3) ? 0 : (u16)(10 + random_below(150)), SPINS);
        live(1500);
        forget();
        live(4000);
        char what[32];
        snprintf(what, sizeof(what), "run %u", run);
        off += check_ideal(what, 4000, 50, 15);
        of += nr * 1000;
        power_off();
    }
    print_message("off by %u of %u thousandths of a CPU\n", (u32)off, (u32)of);
    assert_in_range(off, 0, of * 2 / 100);
}
