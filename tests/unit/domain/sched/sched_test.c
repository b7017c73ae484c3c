/*
 * Who runs, for how long, and who must not: the run loop on a scripted processor and a clock; and between CPUs who is
 * kicked, and what a pause from elsewhere waits for.
 *
 * lint: long: one run loop, and the guests for it.
 */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <pthread.h>

#define MS 1000000ull

static u32 stays;    /* in guests */
static u32 nr_quiet; /* quiet moments */

static void setup(void)
{
    stays = nr_quiet = 0;
}

FIXTURE(setup, NULL)

/* A turn of the run loop on the present CPU. */
static void turn(void)
{
    sched_step(here);
    assert_null(here->current);
    assert_null(fpu_loaded[here->id]);
    assert_null(here->fpu_owner);
}

static struct domain *online_domain(u16 id, u32 vcpus)
{
    struct domain *d = new_domain(id, vcpus);

    for (u32 i = 0; i < vcpus; i++) {
        d->vcpu[i]->hvm.regs.rflags = RFLAGS_IF; /* so that HLT waits */
        vcpu_online(d->vcpu[i]);
    }
    return d;
}

static void end_at_once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    end_run(v);
}

/* One turn in which whoever runs is sent back after one entry. */
static void one_entry(struct domain *d)
{
    play = end_at_once;
    turn();
    for (u32 i = 0; i < d->nr_vcpus; i++)
        if (d->vcpu[i]->pause_count)
            vcpu_unpause(d->vcpu[i]);
    play = NULL;
}

TEST(three_share_evenly, .cpus = 1)
{
    struct domain *d = online_domain(1, 3);
    u64 start_ns = now_ns;

    for (u32 slice = 0; slice < 1000; slice++) {
        u64 before[3], began_ns = now_ns;

        memcpy(before, nr_runs[1], sizeof(before));
        turn();
        for (u32 i = 0; i < 3; i++) /* in turn, ten stays of 1 ms each */
            assert_int_equal(nr_runs[1][i] - before[i], i == slice % 3 ? 10 : 0);
        assert_int_equal(now_ns - began_ns, 10 * MS);
    }
    assert_int_equal(vcpu_run_ns(d->vcpu[0]), 334 * 10 * MS);
    assert_int_equal(vcpu_run_ns(d->vcpu[1]), 333 * 10 * MS);
    assert_int_equal(vcpu_run_ns(d->vcpu[2]), 333 * 10 * MS);
    assert_int_equal(now_ns - start_ns, 1000 * 10 * MS);
    assert_int_equal(here->exits, 10000);
    assert_int_equal(nr_idles, 0);
}

static void stay_100(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++stays == 100)
        end_run(v);
}

TEST(a_lone_vcpu_needs_no_timer, .cpus = 1)
{
    struct domain *d = online_domain(1, 2);

    vcpu_block(d->vcpu[1]);
    play = stay_100;
    turn();
    assert_int_equal(nr_runs[1][0], 100); /* ten slices' worth, undisturbed */
    assert_int_equal(nr_runs[1][1], 0);
    assert_int_equal(nr_arms, 0);
}

static struct vcpu *to_wake;

static u32 wake_at;     /* vCPU 0's exit */
static u64 expected_ms; /* of its slice then, which counts from its start */

static void wakes(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (v->id == 0 && ++stays == wake_at) {
        assert_int_equal(armed_ns[0], 0);
        vcpu_wake(to_wake);
        assert_int_equal(armed_ns[0], v->run_since_ns + expected_ms * MS);
    }
}

/* A turn of vCPU 0, in which it wakes vCPU 1. */
static struct domain *turn_that_wakes(u32 at, u64 ms)
{
    struct domain *d = online_domain(1, 2);

    vcpu_block(d->vcpu[1]);
    to_wake = d->vcpu[1];
    wake_at = at;
    expected_ms = ms;
    play = wakes;
    turn();
    return d;
}

TEST(who_wakes_and_is_behind_goes_first, .cpus = 1)
{
    struct domain *d = turn_that_wakes(3, 1); /* it is behind by more than a turn */

    assert_int_equal(nr_runs[1][0], 4); /* its turn is over: it leaves at the next exit */
    one_entry(d);
    assert_int_equal(nr_runs[1][1], 1);
}

TEST(a_slice_begins_when_somebody_waits, .cpus = 1)
{
    struct domain *d = turn_that_wakes(1, 10);

    assert_int_equal(nr_runs[1][0], 10);
    assert_int_equal(armed_ns[0], 0); /* nobody's slice while nobody runs */
    one_entry(d);
    assert_int_equal(nr_runs[1][1], 1);
}

/* The guest takes its events first. */
static void halt(struct vcpu *v, struct hvm_exit *exit)
{
    v->info->evtchn_upcall_pending = 0;
    v->info->evtchn_pending_sel = 0;
    exit->kind = HVM_EXIT_HLT;
}

TEST(a_blocked_vcpu_waits_for_an_event, .cpus = 1)
{
    struct domain *d = online_domain(1, 1);
    struct vcpu *v = d->vcpu[0];
    u32 port;

    v->upcall_vector = 0xf3;
    assert_int_equal(evtchn_bind_ipi(d, 0, &port), 0);
    play = halt;
    turn();
    assert_int_equal(v->state, VCPU_BLOCKED);
    assert_int_equal(nr_runs[1][0], 1);
    for (u32 i = 0; i < 100; i++)
        turn();
    assert_int_equal(nr_runs[1][0], 1);
    assert_true(nr_sleeps > 0);
    /* Sleeping only once all memory is clean. */
    assert_int_equal(host_info().dirty_pages, 0);
    assert_int_equal(nr_idles, 100);
    assert_true(nr_sleeps < nr_idles);

    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(v->state, VCPU_RUNNABLE);
    turn();
    assert_int_equal(nr_runs[1][0], 2);
    assert_int_equal(v->state, VCPU_BLOCKED);
    /* An event that is there already: it does not even stop. */
    v->info->evtchn_upcall_pending = 1;
    vcpu_wake(v);
    vcpu_block(v);
    assert_int_equal(v->state, VCPU_RUNNABLE);
    turn();
    assert_int_equal(nr_runs[1][0], 3);
    /* A wake that nobody waits for is not kept. */
    vcpu_pause(v, true);
    vcpu_wake(v);
    vcpu_wake(v);
    turn();
    assert_int_equal(nr_runs[1][0], 3);
    vcpu_unpause(v);
    turn();
    turn();
    assert_int_equal(nr_runs[1][0], 4);
}

TEST(timers_wake_a_sleeping_cpu, .cpus = 1)
{
    struct domain *d = online_domain(1, 1);
    struct vcpu *v = d->vcpu[0];
    u32 port;

    clean_all();
    assert_int_equal(evtchn_bind_virq(d, VIRQ_TIMER, 0, &port), 0);
    play = halt;
    turn();
    timer_set(&v->singleshot, now_ns + 50 * MS);
    u64 began_ns = now_ns;
    turn(); /* sleeps until it fires */
    turn();
    assert_int_equal(nr_runs[1][0], 2);
    assert_true(evtchn_port_pending(d, port));
    assert_int_equal(now_ns - began_ns, 51 * MS);
    timer_set(&v->poll_timer, now_ns + MS);
    turn();
    turn();
    assert_int_equal(nr_runs[1][0], 3);
}

TEST(pauses_nest, .cpus = 1)
{
    struct domain *d = online_domain(1, 2);

    domain_pause(d);
    vcpu_pause(d->vcpu[1], true);
    domain_pause(d);
    turn();
    domain_unpause(d);
    turn();
    assert_int_equal(here->exits, 0);
    assert_int_equal(d->vcpu[1]->pause_count, 2); /* the domain's counts once */
    domain_unpause(d);
    play = stay_100;
    turn();
    assert_int_equal(nr_runs[1][0], 100);
    assert_int_equal(nr_runs[1][1], 0);
    vcpu_unpause(d->vcpu[0]);
    vcpu_unpause(d->vcpu[1]);
    one_entry(d);
    one_entry(d);
    assert_int_equal(nr_runs[1][1], 2); /* it is behind by what the other one ran meanwhile */
    /* One too many changes nothing. */
    domain_unpause(d);
    vcpu_unpause(d->vcpu[1]);
    assert_int_equal(d->vcpu[1]->pause_count + d->pause_count, 0);
    domain_pause(d);
    turn();
    assert_int_equal(nr_runs[1][1], 2);
}

static void yield_always(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    sched_yield_current();
    if (++stays == 20)
        end_run(v);
}

TEST(yield_lets_the_next_one_in, .cpus = 1)
{
    struct domain *d = online_domain(1, 2);

    play = yield_always;
    for (u32 i = 1; i <= 6; i++) {
        turn();
        assert_int_equal(nr_runs[1][0], (i + 1) / 2);
        assert_int_equal(nr_runs[1][1], i / 2);
    }
    /* Alone it goes on at once. */
    vcpu_pause(d->vcpu[1], true);
    turn();
    assert_int_equal(stays, 20);
    assert_int_equal(nr_runs[1][0], 3 + 14);
}

static void unpause_before_it_noticed(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++stays == 5) {
        assert_int_equal(vcpu_run_ns(v), 5 * MS); /* the slice that is running counts */
        vcpu_pause(v, false);
        vcpu_unpause(v);
    }
    if (stays == 8)
        domain_pause(v->domain); /* its own: it stops at this exit */
}

TEST(a_running_vcpu_stops_at_its_exit, .cpus = 1)
{
    struct domain *d = online_domain(1, 1);

    play = unpause_before_it_noticed;
    turn();
    assert_int_equal(stays, 8);
    assert_false(d->vcpu[0]->running);
    turn();
    assert_int_equal(stays, 8);
}

TEST(long_hypercalls_are_told, .cpus = 1)
{
    assert_false(sched_should_yield());
    yield_every = 1;
    assert_true(sched_should_yield());
    yield_every = 0;
    here->need_resched = true;
    assert_true(sched_should_yield());
    here->need_resched = false;
}

static void asked(void)
{
    assert_null(here->current);
    nr_quiet++;
}

static void ask_once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++stays == 3)
        sched_ask_quiet(asked);
    else if (stays > 3)
        end_run(v);
}

TEST(a_quiet_moment_comes_between_two_slices, .cpus = 1)
{
    online_domain(1, 1);
    play = ask_once;
    turn();
    assert_int_equal(stays, 3); /* a lone vCPU leaves for it, too */
    assert_int_equal(nr_quiet, 0);
    turn();
    assert_int_equal(stays, 4);
    assert_int_equal(nr_quiet, 1);
    turn();
    assert_int_equal(nr_quiet, 1);
}

/* --- between CPUs --- */

static void from_cpu0(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++stays != 3)
        return;
    use_cpu(0);
    u32 kicks = nr_kicks;
    vcpu_wake(to_wake); /* waits on CPU 1's queue: CPU 1 has to time the turn itself */
    assert_int_equal(nr_kicks, kicks + 1);
    assert_int_equal(kicked_cpu, 1);
    assert_int_equal(armed_ns[0], 0);
    assert_int_equal(armed_ns[1], 0);
    use_cpu(v->cpu);
}

TEST(vcpus_are_spread_and_kicked, .cpus = 2)
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
    play = from_cpu0;
    sched_step(here);
    assert_int_equal(nr_runs[1][1], 4); /* its turn is timed from its start all the same */
    assert_int_equal(nr_runs[1][0] + nr_runs[1][2], 0);
    play = end_at_once;
    sched_step(here);
    assert_int_equal(nr_runs[1][3], 1);
}

static pthread_t cpu1;
static bool cpu1_stop;

static void *cpu1_main(void *arg)
{
    (void)arg;
    use_cpu(1);
    while (!__atomic_load_n(&cpu1_stop, __ATOMIC_RELAXED))
        sched_step(here);
    return NULL;
}

/* CPU 1 runs domain 1's second vCPU for real. */
static struct domain *start_cpu1(void)
{
    struct domain *d = online_domain(1, 2);

    assert_int_equal(d->vcpu[1]->cpu, 1);
    step_ns = 0;
    max_runs = ~0ull;
    cpu1_stop = false;
    assert_int_equal(pthread_create(&cpu1, NULL, cpu1_main, NULL), 0);
    return d;
}

static void stop_cpu1(struct domain *d)
{
    domain_pause(d);
    __atomic_store_n(&cpu1_stop, true, __ATOMIC_RELAXED);
    pthread_join(cpu1, NULL);
}

static u64 entries(void)
{
    return __atomic_load_n(&nr_runs[1][1], __ATOMIC_RELAXED);
}

static void wait_for_entry(void)
{
    u64 before = entries();

    while (entries() == before)
        ;
}

static void wait_a_moment(void)
{
    for (volatile u32 wait = 0; wait < 1000; wait++)
        ;
}

/* After domain_pause() it is off that CPU, its registers are saved, and nothing moves until the unpause; a page taken
 * from it is not in use any more. */
TEST(pause_waits_for_the_other_cpu, .cpus = 2)
{
    struct domain *d = start_cpu1();
    struct vcpu *v = d->vcpu[1];

    for (u32 round = 0; round < 300; round++) {
        wait_for_entry();
        populate(d, round, 0);
        assert_int_equal(physmap_remove(d, gfn(round), 0, true), 0);
        if (round % 2)
            domain_pause(d);
        else
            vcpu_pause(v, true);
        assert_false(v->running || v->in_guest);
        assert_null(fpu_loaded[1]);
        u64 ran = entries();
        wait_a_moment();
        assert_int_equal(entries(), ran);
        if (round % 2)
            domain_unpause(d);
        else
            vcpu_unpause(v);
    }
    stop_cpu1(d);
}

/* CPU 1 is in its run loop, and stays there. */
static void look_around(void)
{
    u64 ran = entries();

    nr_quiet++;
    assert_int_equal(locks_held(), 0);
    assert_null(cpu_on[1].current);
    wait_a_moment();
    assert_null(cpu_on[1].current);
    assert_int_equal(entries(), ran);
}

TEST(a_quiet_moment_stops_the_other_cpu, .cpus = 2)
{
    struct domain *d = start_cpu1();

    for (u32 round = 0; round < 100; round++) {
        wait_for_entry(); /* it goes on after the last one */
        assert_true(sched_run_quiet(look_around));
    }
    assert_int_equal(nr_quiet, 100);
    stop_cpu1(d);
}

static void *let_time_pass(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&cpu_on[1].need_resched, __ATOMIC_SEQ_CST)) /* kicked, so somebody waits for it */
        ;
    __atomic_add_fetch(&now_ns, 2000000000ull, __ATOMIC_RELAXED);
    return NULL;
}

TEST(no_quiet_moment_while_a_cpu_is_away, .cpus = 2)
{
    pthread_t clock;

    cpu_on[1].need_resched = false;
    assert_int_equal(pthread_create(&clock, NULL, let_time_pass, NULL), 0);
    assert_false(sched_run_quiet(look_around));
    pthread_join(clock, NULL);
    assert_int_equal(nr_quiet, 0);
}
