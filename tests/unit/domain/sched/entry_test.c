/* Entering a guest while other CPUs send it events without end. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

static u32 storm, nr_deliveries;

/* Another CPU is as fast: whenever events have been delivered there is a new one. */
void vcpu_deliver_event(struct vcpu *v)
{
    if (++nr_deliveries > 100000)
        assert_failed("nothing but deliveries", __FILE__, __LINE__);
    if (storm)
        storm--;
    v->attention = storm;
}

/* Where interrupts are taken, the timer's among them. */
void cpu_idle(bool sleep)
{
    nr_idles++;
    assert_false(sleep);
    pass(100000);
}

static void at_the_timer(void *data)
{
    vcpu_pause(data, false);
}

static void end_at_once(struct vcpu *v, struct hvm_exit *exit)
{
    (void)exit;
    end_run(v);
}

static struct vcpu *v;
static struct timer timer;

static void setup(void)
{
    storm = nr_deliveries = nr_idles = 0;
    v = new_domain(1, 1)->vcpu[0];
    vcpu_online(v);
    v->initialised = v->attention = true;
    play = end_at_once;
    timer_init(&timer, at_the_timer, v);
}
FIXTURE(setup, NULL)
#define ENTRY_TEST(name) TEST(name, .cpus = 1)

ENTRY_TEST(an_event_before_the_entry_is_delivered_first)
{
    storm = 3;
    sched_step(here);
    assert_int_equal(nr_deliveries, 3);
    assert_int_equal(nr_idles, 2); /* interrupts get their turn each time */
    assert_int_equal(nr_runs[1][0], 1);
    assert_false(v->in_guest);
}

ENTRY_TEST(timers_and_slices_go_on_in_a_storm)
{
    storm = ~0u;
    timer_set(&timer, now_ns + 1000000);
    sched_step(here);
    assert_int_equal(v->pause_count, 1);
    assert_int_equal(nr_runs[1][0], 0);
    assert_true(nr_idles >= 10 && nr_idles < 20);
    assert_null(here->current);
    assert_false(v->in_guest || v->running);
}
