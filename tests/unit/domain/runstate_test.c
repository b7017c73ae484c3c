/* What vCPUs do, and for how long. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <xen/vcpu.h>

#define US 1000ull

static void once(struct vcpu *v, struct hvm_exit *exit)
{
    exit->kind = HVM_EXIT_INTERRUPT;
    vcpu_block(v);
}

static struct vcpu_runstate_info of(struct vcpu *v)
{
    struct vcpu_runstate_info info;

    vcpu_runstate(v, &info);
    return info;
}

static void spends(struct vcpu *v, int state, u64 ns)
{
    struct vcpu_runstate_info before = of(v), after;

    assert_int_equal(before.state, state);
    pass(ns);
    after = of(v);
    for (int i = 0; i < 4; i++)
        assert_int_equal(after.time[i] - before.time[i], i == state ? ns : 0);
    assert_int_equal(after.state_entry_time, before.state_entry_time);
}

TEST(each_change_of_state, .domains = 1)
{
    struct domain *d = new_domain(1, 2);
    struct vcpu *v = d->vcpu[0];

    vcpu_block(dom0->vcpu[0]);
    spends(v, RUNSTATE_offline, 7 * US);
    vcpu_online(v);
    assert_int_equal(of(v).state_entry_time, now_ns);
    spends(v, RUNSTATE_runnable, 5 * US);
    vcpu_block(v);
    spends(v, RUNSTATE_blocked, 3 * US);
    domain_pause(d); /* blocked stays blocked until it is woken */
    spends(v, RUNSTATE_blocked, 2 * US);
    vcpu_wake(v);
    spends(v, RUNSTATE_offline, 2 * US);
    domain_unpause(d);
    spends(v, RUNSTATE_runnable, 1 * US);
    domain_pause(d);
    spends(v, RUNSTATE_offline, 1 * US);
    domain_unpause(d);
    play = once;
    step_ns = 11 * US;
    sched_step(here);
    assert_int_equal(of(v).time[RUNSTATE_running], 11 * US);
    assert_int_equal(vcpu_run_ns(v), 11 * US);
    spends(v, RUNSTATE_blocked, 4 * US);
    vcpu_wake(v);
    vcpu_offline(v);
    spends(v, RUNSTATE_offline, 9 * US);
    assert_int_equal(of(d->vcpu[1]).state, RUNSTATE_offline);
    domain_shutdown(d, 0);
    vcpu_start(v);
    spends(v, RUNSTATE_offline, 9 * US);
}

static int seen_running;

static void look(struct vcpu *v, struct hvm_exit *exit)
{
    once(v, exit);
    seen_running += of(v).state == RUNSTATE_running && of(v).state_entry_time + step_ns == now_ns;
}

static struct rng rng;

static u32 below(u32 n)
{
    return rng_draw(&rng, n);
}

static void any_change(struct vcpu *v)
{
    switch (below(8)) {
    case 0:
        vcpu_block(v);
        break;
    case 1:
    case 2:
        if (v->pause_count)
            vcpu_unpause(v);
        else
            vcpu_pause(v, false);
        break;
    case 3:
        vcpu_offline(v);
        break;
    case 4:
    case 5:
        vcpu_wake(v);
        break;
    default:
        vcpu_online(v);
    }
}

TEST(the_times_add_up, .domains = 1, .cpus = 2)
{
    struct domain *d = new_domain(1, 4);
    u64 created = now_ns, idle_turns = 0;

    rng_seed(&rng, 1);
    vcpu_block(dom0->vcpu[0]);
    play = look;
    for (u32 round = 0; round < 5000; round++) {
        any_change(d->vcpu[below(4)]);
        pass(below(1000) * US);
        step_ns = below(3000) * US;
        use_cpu(below(2));
        u32 idles = nr_idles;
        sched_step(here);
        idle_turns += nr_idles - idles;
        for (u32 id = 0; id < 4; id++) {
            struct vcpu *v = d->vcpu[id];
            struct vcpu_runstate_info now = of(v);
            int wanted = v->state == VCPU_BLOCKED                       ? RUNSTATE_blocked
                         : v->state == VCPU_RUNNABLE && !v->pause_count ? RUNSTATE_runnable
                                                                        : RUNSTATE_offline;

            assert_int_equal(now.state, wanted);
            assert_int_equal(now.time[0] + now.time[1] + now.time[2] + now.time[3], now_ns - created);
            assert_true(now.state_entry_time <= now_ns);
        }
    }
    assert_true(seen_running > 500 && idle_turns > 500);
    for (u32 id = 0; id < 4; id++)
        for (int i = 0; i < 4; i++)
            assert_true(of(d->vcpu[id]).time[i] > 0);
    step_ns = 0;
    use_cpu(0);
}
