/* Who polls the serial line and how often, and how domain 0 hears of its input. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/debug/key_watch.h>
#include <arch/x86/cpu/debug/keys.h>
#include <domain/debug/key_poll.h>
#include <domain/evtchn/evtchn.h>

static u32 port;

static void start(void)
{
    key_poll_init(~0u);
    key_poll_start();
    assert_int_equal(evtchn_bind_virq(dom0, VIRQ_CONSOLE, 0, &port), 0);
}

/* The line is polled for ever. */
static void stop(void)
{
    timer_cpu_init(here->id);
    armed_ns[here->id] = 0;
}

/* Passes time in steps; how often the line was polled, seen by the bytes that it had. */
static u32 polls(u32 steps, u64 ns)
{
    u32 nr = 0;

    for (u32 i = 0; i < steps; i++) {
        console_input = "x";
        pass(ns);
        timer_run_due();
        nr += *console_input == 0;
    }
    console_input = "";
    return nr;
}

static bool rung(void)
{
    u64 *word = &domain_shared_info(dom0)->evtchn_pending[port / 64];
    bool was = *word & BIT(port % 64);

    *word &= ~BIT(port % 64);
    return was;
}

TEST(input_raises_the_virq, .domains = 1)
{
    char bytes[8];

    start();
    pass(KEY_POLL_NS);
    timer_run_due();
    assert_false(rung());
    console_input = "ls";
    pass(KEY_POLL_NS);
    timer_run_due();
    assert_true(rung());
    assert_int_equal(keys_read(bytes, sizeof(bytes)), 2);
    pass(KEY_POLL_NS);
    timer_run_due();
    assert_false(rung());
    stop();
}

TEST(typing_is_polled_faster, .domains = 1)
{
    start();
    assert_int_equal(polls(99, KEY_TYPING_NS), 0);
    assert_int_equal(polls(101, KEY_TYPING_NS), 101);
    for (u32 i = 0; i < KEY_TYPED_NS / KEY_TYPING_NS; i++) {
        pass(KEY_TYPING_NS);
        timer_run_due();
    }
    assert_int_equal(polls(50, KEY_TYPING_NS),
                     0); /* nothing for a second: as seldom as before, now after 99 ms */
    assert_int_equal(polls(60, KEY_TYPING_NS), 11);
    stop();
}
