/* How domains stop and go, with nothing left behind: shutdown, destruction in steps, zombies. */
#include "domain_harness.h"
#include <xen/event_channel.h>

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    if (exit->kind == HVM_EXIT_HYPERCALL)
        domain_shutdown(v->domain, SHUTDOWN_suspend);
}
void vcpu_deliver_event(struct vcpu *v)
{
    v->attention = false;
}

static struct domain *dom0;
static u32 exc_port;

static void once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    end_run(v);
}

static void setup_dom0(void)
{
    setup();
    dom0 = new_domain(0, 1);
    assert_int_equal(evtchn_bind_virq(dom0, VIRQ_DOM_EXC, 0, &exc_port), 0);
    vcpu_online(dom0->vcpu[0]);
    vcpu_block(dom0->vcpu[0]);
    said[0] = '\0';
}

/* Has domain 0 been told since the last question? */
static bool told(void)
{
    bool pending = evtchn_port_pending(dom0, exc_port);

    domain_shared_info(dom0)->evtchn_pending[exc_port / 64] &= ~BIT(exc_port % 64);
    dom0->vcpu[0]->info->evtchn_pending_sel = 0;
    dom0->vcpu[0]->info->evtchn_upcall_pending = 0;
    return pending;
}

/* --- shutdown --- */

static void ask_for_shutdown(struct vcpu *v, struct hvm_exit *exit)
{
    if (v->domain != dom0 && v->id == 1)
        exit->kind = HVM_EXIT_HYPERCALL;
    else
        sched_yield_current();
    if (v->domain == dom0)
        end_run(v);
}

TEST(shutdown_stops_every_vcpu)
{
    struct domain *d = new_domain(1, 3);

    for (u32 i = 0; i < 3; i++)
        vcpu_online(d->vcpu[i]);
    assert_false(told());
    play = ask_for_shutdown;
    for (u32 i = 0; i < 10; i++)
        sched_step(here);
    assert_int_equal(nr_runs[1][0] + nr_runs[1][1], 2);
    assert_int_equal(nr_runs[1][2], 0);
    assert_int_equal(nr_runs[0][0], 1); /* woken by the news */
    assert_true(told());
    for (u32 i = 0; i < 3; i++)
        assert_false(d->vcpu[i]->running || d->vcpu[i]->on_queue);
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_suspend);
    assert_non_null(strstr(said, "d1: shut down, code 2 (suspend)\n"));
    /* The first reason stays, and is told once. */
    domain_shutdown(d, SHUTDOWN_poweroff);
    domain_crash(d, "again");
    assert_int_equal(d->shutdown_code, SHUTDOWN_suspend);
    assert_int_equal(d->vcpu[0]->pause_count, 1);
    assert_false(told());
    /* Pausing and unpausing does not set it going. */
    domain_pause(d);
    domain_unpause(d);
    sched_step(here);
    assert_int_equal(here->exits, 3);
}

TEST(vcpus_of_a_stopped_domain_start_stopped)
{
    struct domain *d = NULL;

    assert_int_equal(try_create(1, 2, &d), 0); /* paused by its creation */
    domain_shutdown(d, SHUTDOWN_poweroff);
    assert_int_equal(domain_alloc_vcpus(d, 2), 0);
    assert_int_equal(d->vcpu[1]->pause_count, 2);
    domain_unpause(d);
    vcpu_online(d->vcpu[0]);
    play = once;
    sched_step(here);
    sched_step(here);
    assert_int_equal(nr_runs[0][0], 1); /* has been told */
    assert_int_equal(nr_runs[1][0], 0);
}

TEST(domain_0_ends_the_machine)
{
    static const struct {
        u8 code;
        int how;
    } cases[] = {{SHUTDOWN_poweroff, MACHINE_POWEROFF}, {SHUTDOWN_reboot, MACHINE_REBOOT},
                 {SHUTDOWN_suspend, MACHINE_CRASHED},   {SHUTDOWN_crash, MACHINE_CRASHED},
                 {SHUTDOWN_watchdog, MACHINE_CRASHED},  {200, MACHINE_CRASHED}};

    for (volatile u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        ended_how = -1;
        if (!setjmp(machine_ended))
            domain_shutdown(dom0, cases[i].code);
        assert_int_equal(ended_how, cases[i].how);
        assert_int_equal(here->nr_locks, 0);
        assert_false(told());
        dom0->shut_down = false; /* as if it had not been */
    }
}

/* --- destruction --- */

TEST(killed_in_steps)
{
    u64 before = free_pages();
    struct domain *d = new_domain(1, 2);
    u32 steps = 0, port, far;

    for (u64 g = 0; g < 1000; g++)
        populate(d, g * 2, 0); /* 1000 extents */
    vcpu_online(d->vcpu[0]);
    timer_set(&d->vcpu[0]->singleshot, now_ns + 1000000000);
    assert_int_equal(evtchn_alloc_unbound(d, 0, &port), 0);
    assert_int_equal(evtchn_bind_interdomain(dom0, 1, port, 0, &far), 0);
    guest_console_write(d, '!');
    told();

    play = once;
    yield_every = 1; /* every step ends as soon as it may */
    u64 last = d->mem.tot_pages;
    assert_int_equal(last, 1000);
    while (domain_kill(d) == -ERESTART) {
        assert_true(++steps < 200);
        assert_true(exists(1));
        last = d->mem.tot_pages;
        mfn_t m;
        assert_int_equal(mm_alloc(&d->mem, NODE_NONE, 0, 0, &m), -ESRCH);
        assert_false(told());
        sched_step(here);
    }
    assert_true(steps >= 1);            /* its pages are in a few regions, each of which goes in one piece */
    assert_int_equal(nr_runs[1][0], 0); /* it did not run again */
    is_gone_for_good(1, before);
    assert_true(told());
    assert_non_null(strstr(said, "(d1) !\n"));
    struct evtchn_status info;
    assert_int_equal(evtchn_status(dom0, far, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_unbound);
}

TEST(who_may_not_be_killed)
{
    struct domain *d = new_domain(1, 1);

    assert_int_equal(domain_kill(dom0), -EINVAL);
    here->current = d->vcpu[0];
    assert_int_equal(domain_kill(d), -EINVAL);
    here->current = dom0->vcpu[0];
    assert_false(d->dying);
    assert_int_equal(kill_all_steps(d), 0);
    assert_false(exists(1));
    here->current = NULL;
}

static struct domain *victim;
static u32 intrusions;

static void kill_it_too(void)
{
    intrusions++;
    assert_int_equal(domain_kill(victim), -ERESTART);
    assert_int_equal(domain_alloc_vcpus(victim, victim->max_vcpus), -EINVAL);
    domain_shutdown(victim, SHUTDOWN_crash);
}

TEST(one_killer_at_a_time)
{
    u64 before = free_pages();

    assert_int_equal(try_create(1, 3, &victim), 0); /* no vCPUs, never unpaused */
    victim->mem.max_pages = FRAMES;
    for (u64 g = 0; g < 200; g++)
        populate(victim, g * 2, 0);
    on_yield_ask = kill_it_too;
    assert_int_equal(kill_all_steps(victim), 0);
    assert_true(intrusions > 0);
    is_gone_for_good(1, before);
}

TEST(a_mapped_page_keeps_a_zombie)
{
    u64 before = free_pages();
    struct domain *d = new_domain(1, 1);

    populate(d, 0x200, 9);
    assert_int_equal(physmap_map_foreign(dom0, gfn(0x100), d, gfn(0x234)), 0);
    u64 tables = dom0->mem.overhead_pages;
    assert_int_equal(kill_all_steps(d), 0);
    assert_true(told());
    assert_true(exists(1));
    assert_int_equal(d->mem.tot_pages, 1);
    assert_true(d->dying);
    assert_int_equal(domain_kill(d), 0); /* done what can be done */
    domain_reap();
    assert_true(exists(1));
    struct domain *other = NULL;
    assert_int_equal(try_create(1, 1, &other), -EEXIST);
    assert_int_equal(physmap_map_foreign(dom0, gfn(0x101), d, gfn(0x234)), -EINVAL);
    assert_int_equal(evtchn_alloc_unbound(d, 0, &exc_port), -EINVAL);
    assert_int_equal(physmap_remove(dom0, gfn(0x100), 0, true), 0);
    assert_int_equal(dom0->mem.overhead_pages, tables);
    is_gone_for_good(1, before);
}

TEST(a_mapper_that_dies_lets_zombies_go)
{
    u64 before = free_pages();
    struct domain *owner = new_domain(1, 1), *mapper = new_domain(2, 1);

    populate(owner, 0x10, 0);
    populate(owner, 0x11, 0);
    populate(mapper, 0x10, 0);
    assert_int_equal(physmap_map_foreign(mapper, gfn(0x40000), owner, gfn(0x10)), 0);
    assert_int_equal(physmap_map_foreign(mapper, gfn(0x50000000), owner, gfn(0x11)), 0);
    assert_int_equal(physmap_map_foreign(owner, gfn(0x99), mapper, gfn(0x10)), 0); /* and the other way */
    assert_int_equal(kill_all_steps(owner), 0);
    assert_true(exists(1));
    assert_int_equal(owner->mem.tot_pages, 2);
    yield_every = 1;
    assert_int_equal(kill_all_steps(mapper), 0);
    assert_false(exists(1));
    is_gone_for_good(2, before);
}

#undef CASE

FIXTURE(setup_dom0, teardown)
