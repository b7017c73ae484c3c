/* The set of domains: creation with too little memory, ids, lookup, references; and how domains stop and go with nothing
 * left behind: shutdown, destruction in steps, zombies. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/panic.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

static u32 exc_port;

static void once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    end_run(v);
}

static void setup(void)
{
    assert_int_equal(evtchn_bind_virq(dom0, VIRQ_DOM_EXC, 0, &exc_port), 0);
    vcpu_block(dom0->vcpu[0]);
}

FIXTURE(setup, NULL)

static void is_gone_for_good(u16 id, u64 free_before)
{
    assert_false(exists(id));
    assert_int_equal(free_pages(), free_before);
    assert_int_equal(mm_check(), 0);
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
    (void)exit;
    if (v->domain != dom0 && v->id == 1)
        domain_shutdown(v->domain, SHUTDOWN_suspend);
    else
        sched_yield_current();
    if (v->domain == dom0)
        end_run(v);
}

TEST(shutdown_stops_every_vcpu, .domains = 1)
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
    assert_true(said("d1: shut down, code 2 (suspend)\n"));
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

TEST(vcpus_of_a_stopped_domain_start_stopped, .domains = 1)
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

TEST(domain_0_ends_the_machine, .domains = 1)
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
        assert_int_equal(locks_held(), 0);
        assert_false(told());
        dom0->shut_down = false; /* as if it had not been */
    }
}

/* --- destruction --- */

TEST(killed_in_steps, .domains = 1)
{
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
    assert_int_equal(d->mem.tot_pages, 1000);
    while (domain_kill(d) == -ERESTART) {
        assert_true(++steps < 200);
        assert_true(exists(1));
        mfn_t m;
        assert_int_equal(mm_alloc(&d->mem, NODE_NONE, 0, 0, &m), -ESRCH);
        assert_false(told());
        sched_step(here);
    }
    assert_true(steps >= 1);            /* its pages are in a few regions, each of which goes in one piece */
    assert_int_equal(nr_runs[1][0], 0); /* it did not run again */
    assert_false(exists(1));
    assert_true(told());
    assert_true(said("(d1) !\n"));
    struct evtchn_status info;
    assert_int_equal(evtchn_status(dom0, far, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_unbound);
}

TEST(who_may_not_be_killed, .domains = 1)
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

TEST(one_killer_at_a_time, .domains = 1)
{
    assert_int_equal(try_create(1, 3, &victim), 0); /* no vCPUs, never unpaused */
    victim->mem.max_pages = 1000;
    for (u64 g = 0; g < 200; g++)
        populate(victim, g * 2, 0);
    on_yield_ask = kill_it_too;
    assert_int_equal(kill_all_steps(victim), 0);
    assert_true(intrusions > 0);
    assert_false(exists(1));
}

TEST(a_mapped_page_keeps_a_zombie, .domains = 1)
{
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
    assert_false(exists(1));
}

TEST(a_mapper_that_dies_lets_zombies_go, .domains = 1)
{
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
    assert_false(exists(1) || exists(2));
}

/* --- memory that runs out --- */

TEST(creation_needs_all_its_memory, .domains = 1)
{
    u64 before = free_pages();
    u32 pages = 0;
    struct domain *d = NULL;

    hog_all();
    while (try_create(1, 8, &d) == -ENOMEM) {
        assert_null(d);
        is_gone_for_good(1, pages);
        assert_true(++pages < 400);
        unhog(1);
    }
    assert_non_null(d); /* paging pool, shared info, record: no page more than that */
    assert_true(pages > PHYSMAP_POOL_DEFAULT_PAGES && pages < PHYSMAP_POOL_DEFAULT_PAGES + 12);
    d->mem.max_pages = 1000;
    u32 for_vcpus = 0;
    while (domain_alloc_vcpus(d, 8) == -ENOMEM) {
        assert_int_equal(d->nr_vcpus, for_vcpus / 2); /* two pages each, and those that are there are whole */
        assert_int_equal(mm_check(), 0);
        for_vcpus++;
        unhog(1);
    }
    assert_int_equal(d->nr_vcpus, 8);
    assert_int_equal(domain_alloc_vcpus(d, 8), 0); /* again: nothing to do */
    assert_int_equal(domain_alloc_vcpus(d, 7), -EINVAL);
    assert_int_equal(kill_all_steps(d), 0);
    /* Half of them only, and gone all the same. */
    unhog(~0u);
    is_gone_for_good(1, before);
    hog_all();
    unhog(pages + 7);
    assert_int_equal(try_create(1, 8, &d), 0);
    assert_int_equal(domain_alloc_vcpus(d, 8), -ENOMEM);
    assert_in_range(d->nr_vcpus, 1, 3);
    assert_int_equal(kill_all_steps(d), 0);
    unhog(~0u);
    is_gone_for_good(1, before);
}

/* --- ids --- */

TEST(a_page_of_ids_stays_while_one_is_used, .domains = 1)
{
    struct domain *a, *b;

    assert_int_equal(try_create(1600, 1, &a), 0);
    assert_int_equal(try_create(1601, 1, &b), 0);
    assert_int_equal(kill_all_steps(a), 0);
    assert_null(mem_account_find(1600));
    assert_null(mem_account_find(5000));
    assert_ptr_equal(mem_account_find(1601), &b->mem);
    assert_int_equal(kill_all_steps(b), 0);
    assert_false(exists(1601));
}

TEST(ids_are_given_in_a_circle, .domains = 1)
{
    struct domain *d = NULL, *fixed, *next;

    assert_int_equal(try_create(5, 1, &fixed), 0);
    assert_int_equal(try_create(5, 1, &d), -EEXIST);
    assert_int_equal(try_create(0, 1, &d), -EEXIST);
    assert_int_equal(try_create(DOMID_MAX + 1, 1, &d), -EINVAL);
    assert_null(d);
    assert_int_equal(try_create(DOMID_ANY, 1, &d), 0);
    u16 first = d->id;
    assert_int_equal(kill_all_steps(d), 0);
    assert_int_equal(try_create(DOMID_ANY, 1, &d), 0);
    assert_int_equal(d->id, first + 1 == 5 ? 6 : first + 1); /* not the one just freed */
    assert_int_equal(kill_all_steps(d), 0);

    /* An attempt that fails has used its id up: with too little memory the circle is soon run through. */
    hog_all();
    unhog(8);
    for (u32 i = 0; i < DOMID_MAX - 3u; i++)
        assert_int_equal(try_create(DOMID_ANY, 1, &next), -ENOMEM);
    unhog(~0u);
    u32 wrapped = 0;
    u16 last = 0;
    for (u32 i = 0; i < 8; i++) {
        assert_int_equal(try_create(DOMID_ANY, 1, &d), 0);
        assert_in_range(d->id, 1, DOMID_MAX);
        assert_int_not_equal(d->id, 5); /* taken */
        wrapped += d->id <= last;
        last = d->id;
        assert_int_equal(kill_all_steps(d), 0);
    }
    assert_true(last < 20); /* around, and 0 has not come up */
    assert_true(wrapped <= 1);
}

TEST(lists_are_in_order, .domains = 1)
{
    static const u16 ids[] = {7, 3, DOMID_MAX, 12};
    static const u16 sorted[] = {0, 3, 7, 12, DOMID_MAX};
    struct domain *d;
    u32 n = 0;

    for (u32 i = 0; i < ARRAY_SIZE(ids); i++)
        assert_int_equal(try_create(ids[i], 1, &d), 0);
    for (u32 id = 0; (d = domain_get_next((u16)id)) != NULL; id = d->id + 1u) {
        assert_int_equal(d->id, sorted[n++]);
        assert_int_equal(d->refs, 2);
        domain_put(d);
    }
    assert_int_equal(n, 5);
    assert_null(domain_get(4));
    assert_null(domain_get(DOMID_ANY));
    assert_ptr_equal(mem_account_find(0), &dom0->mem);
    assert_null(mem_account_find(4));
    assert_null(mem_account_find(0x7ff0));
}

TEST(a_reference_keeps_the_record, .domains = 1)
{
    u64 before = free_pages();
    struct domain *d = new_domain(1, 2), *next = NULL;
    struct domain *ref = domain_get(1);

    assert_ptr_equal(ref, d);
    populate(d, 0, 0);
    assert_int_equal(kill_all_steps(d), 0);
    assert_false(exists(1)); /* nobody finds it any more */
    assert_true(free_pages() < before);
    assert_int_equal(ref->nr_vcpus, 2);
    assert_int_equal(ref->vcpu[1]->domain->id, 1);
    assert_int_equal(domain_kill(ref), 0);
    domain_pause(ref);
    domain_shutdown(ref, SHUTDOWN_crash);
    evtchn_raise_virq(ref, VIRQ_TIMER, 1);
    /* Its id is free, and the two do not get into each other's way. */
    assert_int_equal(try_create(1, 1, &next), 0);
    assert_ptr_not_equal(next, ref);
    domain_put(ref);
    assert_true(exists(1));
    assert_int_equal(kill_all_steps(next), 0);
    is_gone_for_good(1, before);
}
