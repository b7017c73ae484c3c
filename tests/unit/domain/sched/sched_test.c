/* Who runs, for how long, and who must not: the run loop on a scripted processor and a clock. */
#include <tests/unit/domain/domain_harness.h>

#define MS 1000000ull

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    if (exit->kind == HVM_EXIT_HLT)
        vcpu_block(v);
}
void vcpu_deliver_event(struct vcpu *v)
{
    v->attention = false;
    v->info->evtchn_upcall_pending = 0; /* the guest takes it */
    v->info->evtchn_pending_sel = 0;
}

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

    for (u32 i = 0; i < vcpus; i++)
        vcpu_online(d->vcpu[i]);
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

TEST(three_share_evenly)
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

static u32 stays;

static void stay_100(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++stays == 100)
        end_run(v);
}

TEST(a_lone_vcpu_needs_no_timer)
{
    struct domain *d = online_domain(1, 2);

    vcpu_block(d->vcpu[1]);
    stays = 0;
    play = stay_100;
    turn();
    assert_int_equal(nr_runs[1][0], 100); /* ten slices' worth, undisturbed */
    assert_int_equal(nr_runs[1][1], 0);
    assert_int_equal(nr_arms, 0);
}

static struct vcpu *to_wake;

static void wake_at_third(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (v->id == 0 && ++stays == 3) {
        assert_int_equal(armed_ns[0], 0);
        vcpu_wake(to_wake);
        assert_int_equal(armed_ns[0], v->run_since_ns + 10 * MS); /* the slice counts from its start */
    }
}

TEST(a_slice_begins_when_somebody_waits)
{
    struct domain *d = online_domain(1, 2);

    vcpu_block(d->vcpu[1]);
    stays = 0;
    to_wake = d->vcpu[1];
    play = wake_at_third;
    turn();
    assert_int_equal(nr_runs[1][0], 10);
    assert_int_equal(armed_ns[0], 0); /* nobody's slice while nobody runs */
    one_entry(d);
    assert_int_equal(nr_runs[1][1], 1);
}

static void halt(struct vcpu *v, struct hvm_exit *exit)
{
    (void)v;
    exit->kind = HVM_EXIT_HLT;
}

TEST(a_blocked_vcpu_waits_for_an_event)
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
    struct mm_host_info info;
    mm_host_get_info(&info);
    assert_int_equal(info.dirty_pages, 0);
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

TEST(timers_wake_a_sleeping_cpu)
{
    struct domain *d = online_domain(1, 1);
    struct vcpu *v = d->vcpu[0];
    u32 port;

    while (mm_scrub_step(0))
        ;
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

TEST(pauses_nest)
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
    stays = 0;
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

TEST(yield_lets_the_next_one_in)
{
    struct domain *d = online_domain(1, 2);

    stays = 0;
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

TEST(a_running_vcpu_stops_at_its_exit)
{
    struct domain *d = online_domain(1, 1);

    stays = 0;
    play = unpause_before_it_noticed;
    turn();
    assert_int_equal(stays, 8);
    assert_false(d->vcpu[0]->running);
    turn();
    assert_int_equal(stays, 8);
}

TEST(long_hypercalls_are_told)
{
    assert_false(sched_should_yield());
    yield_every = 1;
    assert_true(sched_should_yield());
    yield_every = 0;
    here->need_resched = true;
    assert_true(sched_should_yield());
    here->need_resched = false;
}

static u32 nr_asked, nr_entries;

static void asked(void)
{
    assert_null(here->current);
    nr_asked++;
}

static void ask_once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    if (++nr_entries == 3)
        sched_ask_quiet(asked);
    else if (nr_entries > 3)
        end_run(v);
}

TEST(a_quiet_moment_comes_between_two_slices)
{
    online_domain(1, 1);
    nr_asked = nr_entries = 0;
    play = ask_once;
    turn();
    assert_int_equal(nr_entries, 3); /* a lone vCPU leaves for it, too */
    assert_int_equal(nr_asked, 0);
    turn();
    assert_int_equal(nr_entries, 4);
    assert_int_equal(nr_asked, 1);
    turn();
    assert_int_equal(nr_asked, 1);
}

FIXTURE(setup, teardown)
