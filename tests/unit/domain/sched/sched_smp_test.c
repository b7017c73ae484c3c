/* The run loop between CPUs: who is kicked, and what a pause from elsewhere waits for. */
#include <tests/unit/domain/domain_harness.h>
#include <pthread.h>

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)v;
    (void)exit;
}
void vcpu_deliver_event(struct vcpu *v)
{
    v->attention = false;
}

static struct domain *online_domain(u16 id, u32 vcpus)
{
    struct domain *d = new_domain(id, vcpus);

    for (u32 i = 0; i < vcpus; i++)
        vcpu_online(d->vcpu[i]);
    return d;
}

static u32 stays;
static struct vcpu *to_wake;

static void once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    end_run(v);
}

static void from_cpu0(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++stays != 3)
        return;
    use_cpu(0);
    u32 kicks = nr_kicks;
    vcpu_wake(to_wake); /* waits on CPU 1's queue: CPU 1 has to time the slice itself */
    assert_int_equal(nr_kicks, kicks + 1);
    assert_int_equal(kicked_cpu, 1);
    assert_int_equal(armed_ns[0], 0);
    assert_int_equal(armed_ns[1], 0);
    use_cpu(v->cpu);
}

TEST(vcpus_are_spread_and_kicked)
{
    struct domain *d = online_domain(1, 4);

    for (u32 i = 0; i < 4; i++)
        assert_int_equal(d->vcpu[i]->cpu, i % 2);
    assert_true(nr_kicks > 0); /* CPU 1 may sleep */
    assert_true(cpu_on[1].need_resched);
    /* One that is gone does not count. */
    for (u32 i = 0; i < 2; i++) {
        struct domain *e = new_domain(2, 1);

        assert_int_equal(e->vcpu[0]->cpu, 0);
        assert_int_equal(kill_all_steps(e), 0);
    }
    vcpu_block(d->vcpu[3]);
    to_wake = d->vcpu[3];
    use_cpu(1);
    stays = 0;
    play = from_cpu0;
    sched_step(here);
    assert_int_equal(nr_runs[1][1], 10); /* the slice is timed from its start all the same */
    assert_int_equal(nr_runs[1][0] + nr_runs[1][2], 0);
    play = once;
    sched_step(here);
    assert_int_equal(nr_runs[1][3], 1);
}

static bool cpu1_stop;

static void *cpu1_main(void *arg)
{
    (void)arg;
    use_cpu(1);
    while (!__atomic_load_n(&cpu1_stop, __ATOMIC_RELAXED))
        sched_step(here);
    return NULL;
}

/* While CPU 1 runs it for real: after domain_pause() it is off that CPU, its registers are saved, and nothing
 * moves until the unpause; a page taken from it is not in use any more. */
TEST(pause_waits_for_the_other_cpu)
{
    struct domain *d = online_domain(1, 2);
    struct vcpu *v = d->vcpu[1];
    pthread_t other;

    assert_int_equal(v->cpu, 1);
    step_ns = 0;
    max_runs = ~0ull;
    cpu1_stop = false;
    assert_int_equal(pthread_create(&other, NULL, cpu1_main, NULL), 0);
    for (u32 round = 0; round < 300; round++) {
        u64 ran = __atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED);
        while (__atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED) == ran)
            ;
        populate(d, round, 0);
        assert_int_equal(physmap_remove(d, gfn(round), 0, true), 0);
        if (round % 2)
            domain_pause(d);
        else
            vcpu_pause(v, true);
        assert_false(v->running);
        assert_false(v->in_guest);
        assert_null(fpu_loaded[1]);
        ran = nr_runs[1][1];
        for (volatile u32 wait = 0; wait < 1000; wait++)
            ;
        assert_int_equal(__atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED), ran);
        if (round % 2)
            domain_unpause(d);
        else
            vcpu_unpause(v);
    }
    domain_pause(d);
    __atomic_store_n(&cpu1_stop, true, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
}

static u32 nr_quiet;

/* CPU 1 is in its run loop, and stays there. */
static void look_around(void)
{
    u64 ran = __atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED);

    nr_quiet++;
    assert_int_equal(here->nr_locks, 0);
    assert_null(cpu_on[1].current);
    assert_int_equal(cpu_on[1].nr_locks, 0);
    for (volatile u32 wait = 0; wait < 1000; wait++)
        ;
    assert_null(cpu_on[1].current);
    assert_int_equal(__atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED), ran);
}

TEST(a_quiet_moment_stops_the_other_cpu)
{
    struct domain *d = online_domain(1, 2);
    pthread_t other;

    step_ns = 0;
    max_runs = ~0ull;
    nr_quiet = 0;
    cpu1_stop = false;
    assert_int_equal(pthread_create(&other, NULL, cpu1_main, NULL), 0);
    for (u32 round = 0; round < 100; round++) {
        u64 ran = __atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED);
        while (__atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED) == ran)
            ; /* it goes on after the last one */
        assert_true(sched_run_quiet(look_around));
    }
    assert_int_equal(nr_quiet, 100);
    domain_pause(d);
    __atomic_store_n(&cpu1_stop, true, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
}

static void *let_time_pass(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&cpu_on[1].need_resched, __ATOMIC_SEQ_CST)) /* kicked, so somebody waits for it */
        ;
    __atomic_add_fetch(&now_ns, 2000000000ull, __ATOMIC_RELAXED);
    return NULL;
}

TEST(no_quiet_moment_while_a_cpu_is_away)
{
    pthread_t clock;

    nr_quiet = 0;
    cpu_on[1].need_resched = false;
    assert_int_equal(pthread_create(&clock, NULL, let_time_pass, NULL), 0);
    assert_false(sched_run_quiet(look_around));
    pthread_join(clock, NULL);
    assert_int_equal(nr_quiet, 0);
}

FIXTURE(setup_two_cpus, teardown)
