/* Timers on the machine's clock and one-shots. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

static char order[32];
static u32 fired;

static void note(void *data)
{
    assert_int_equal(locks_held(), 0); /* the contract: no lock held */
    order[fired++] = *(const char *)data;
}

static void fire_at(u64 ns)
{
    now_ns = ns;
    armed_ns[here->id] = 0; /* one shot */
    here->timer_fired = true;
    timer_run_due();
}

static struct timer a, b, c;
static char names[] = "abc";

static void setup(void)
{
    now_ns = 1000;
    fired = 0;
    timer_init(&a, note, names);
    timer_init(&b, note, names + 1);
    timer_init(&c, note, names + 2);
}

FIXTURE(setup, NULL)

TEST(runs_in_order_of_deadlines, .cpus = 1)
{
    timer_set(&a, 3000);
    assert_int_equal(armed_ns[0], 3000);
    timer_set(&b, 2000);
    assert_int_equal(armed_ns[0], 2000);
    timer_set(&c, 4000);
    assert_int_equal(armed_ns[0], 2000);
    fire_at(1999);
    assert_int_equal(fired, 0);
    assert_int_equal(armed_ns[0], 2000); /* too early: armed again */
    fire_at(3000);
    assert_memory_equal(order, "ba", 2);
    assert_int_equal(fired, 2);
    assert_int_equal(armed_ns[0], 4000);
    assert_int_equal(a.deadline_ns, 0);
    fire_at(9000);
    assert_int_equal(fired, 3);
    assert_int_equal(armed_ns[0], 0);
}

TEST(no_work_when_nothing_fired, .cpus = 1)
{
    timer_set(&b, 2000);
    u32 before = nr_arms;
    now_ns = 5000;
    timer_run_due(); /* the flag is not set: no look at the list, nothing armed */
    assert_int_equal(fired, 0);
    assert_int_equal(nr_arms, before);
    fire_at(5000);
    assert_int_equal(fired, 1);
}

TEST(set_again_moves_and_cancel_forgets, .cpus = 1)
{
    timer_set(&b, 2000);
    timer_set(&c, 3000);
    timer_set(&b, 4000);
    assert_int_equal(armed_ns[0], 3000);
    timer_cancel(&c);
    assert_int_equal(armed_ns[0], 4000);
    timer_cancel(&c); /* twice does no harm */
    fire_at(3500);
    assert_int_equal(fired, 0);
    timer_cancel(&b);
    assert_int_equal(armed_ns[0], 0);
    fire_at(5000);
    assert_int_equal(fired, 0);
}

static void again(void *data)
{
    fired++;
    timer_set(data, now_ns); /* due already */
}

TEST(a_timer_that_sets_itself_does_not_trap_the_cpu, .cpus = 1)
{
    struct timer t;

    timer_init(&t, again, &t);
    timer_set(&t, 2000);
    fire_at(2000);
    assert_int_equal(fired, 1);
    assert_int_equal(armed_ns[0], 2000); /* at or before now: fires at once, from the run loop */
    timer_cancel(&t);
}

TEST(cpus_are_apart, .cpus = 2)
{
    timer_set(&b, 2000);
    use_cpu(1);
    timer_set(&c, 3000);
    assert_int_equal(armed_ns[1], 3000);
    timer_cancel(&b); /* of the other CPU: its hardware is left alone */
    assert_int_equal(armed_ns[0], 2000);
    assert_int_equal(armed_ns[1], 3000);
    fire_at(5000);
    assert_int_equal(fired, 1);
    use_cpu(0);
    fire_at(5000);
    assert_int_equal(fired, 1);
    timer_set(&b, 0); /* 0 is "long ago", not "not set" */
    fire_at(5000);
    assert_int_equal(fired, 2);
}
