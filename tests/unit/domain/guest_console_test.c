/* The rings of domains' console output: order, rate, drops, a slow serial line, and the end of a domain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <xen/sched.h>

#define MS 1000000u

static void type(struct domain *d, const char *text)
{
    while (*text)
        guest_console_write(d, (u8)*text++);
}

/* The timer fires as often as it is due in that time. */
static void wait_ms(u32 ms)
{
    for (u32 i = 0; i < ms; i++) {
        pass(MS);
        timer_run_due();
    }
}

#define CONSOLE_TEST(name) TEST(name, .domains = 3)

static struct domain *dom(u16 id)
{
    struct domain *d = domain_get(id);

    domain_put(d);
    return d;
}

CONSOLE_TEST(records_come_in_the_order_of_writing)
{
    type(dom(1), "one\n");
    type(dom(2), "two\n");
    assert_true(guest_console_put(dom0, "zero\n", 5));
    type(dom(1), "thr");
    guest_console_say(dom(2), "d2: about %u\n", 2);
    type(dom(1), "ee\n");
    assert_string_equal(all_said(), ""); /* nothing on the guest's own time */
    wait_ms(1);
    assert_string_equal(all_said(), "(d1) one\n(d2) two\nzero\nd2: about 2\n(d1) three\n");
}

/* A line that takes 10 bytes a millisecond. */
CONSOLE_TEST(nobody_waits_for_a_slow_line)
{
    console_room = 0;
    type(dom(1), "0123456789abcdef\n");
    type(dom(2), "next\n");
    for (u32 ms = 0; ms < 4; ms++) {
        assert_int_equal(armed_ns[here->id] != 0, true);
        console_room = 10;
        wait_ms(1);
    }
    assert_string_equal(all_said(), "(d1) 0123456789abcdef\n(d2) next\n");
    wait_ms(1);
    assert_int_equal(armed_ns[here->id], 0);
}

/* The hypervisor's message comes at once, on a line of its own; the guest's line then begins again. */
CONSOLE_TEST(a_message_has_its_own_line)
{
    console_room = 8;
    type(dom(1), "abcdefgh\n");
    wait_ms(1);
    console_message();
    printk(LOG_ERROR, "important\n");
    console_room = ~0u;
    wait_ms(1);
    assert_string_equal(all_said(), "(d1) abc\nimportant\n(d1) defgh\n");
}

/* Domain 0's lines are for tools too: one that was broken comes again as a whole, and those before it do not. */
CONSOLE_TEST(a_broken_line_of_domain_0_is_repeated)
{
    console_room = 12;
    assert_true(guest_console_put(dom0, "first\n@fact a=1 b=2\n", 20));
    wait_ms(1);
    console_message();
    printk(LOG_ERROR, "important\n");
    console_room = ~0u;
    wait_ms(1);
    assert_string_equal(all_said(), "first\n@fact\nimportant\n@fact a=1 b=2\n");
}

/* A prompt, and what is typed after it; other domains' lines begin on their own, and then it is shown again. */
CONSOLE_TEST(a_line_that_domain_0_leaves_open)
{
    assert_true(guest_console_put(dom0, "login: ", 7));
    assert_true(guest_console_put(dom0, "ro", 2));
    type(dom(1), "one\n");
    type(dom(2), "two\n");
    assert_true(guest_console_put(dom0, "ot\n", 3));
    guest_console_say(dom(2), "d2: about\n");
    assert_true(guest_console_put(dom0, "# ", 2));
    wait_ms(1);
    console_message(); /* ends the line already */
    printk(LOG_ERROR, "important\n");
    type(dom(1), "three\n");
    wait_ms(1);
    assert_string_equal(all_said(),
                        "login: ro\n(d1) one\n(d2) two\nlogin: root\nd2: about\n# \nimportant\n(d1) three\n");
}

/* So do the hypervisor's own messages, whether they come between two records or in one. */
CONSOLE_TEST(an_open_line_is_shown_again_after_a_message)
{
    assert_true(guest_console_put(dom0, "  1:   20", 9));
    wait_ms(1);
    console_message();
    printk(LOG_ERROR, "important\n");
    console_room = 11;
    assert_true(guest_console_put(dom0, "  10 30", 7));
    wait_ms(1);
    console_message();
    printk(LOG_ERROR, "again\n");
    console_room = ~0u;
    assert_true(guest_console_put(dom0, " \n", 2));
    wait_ms(2);
    assert_string_equal(all_said(), "  1:   20\nimportant\n  1:   20  \nagain\n  1:   20  10 30 \n");
}

/* Domain 0 ends its open line before a message of its own: that is no second end. */
CONSOLE_TEST(an_open_line_ends_once)
{
    assert_true(guest_console_put(dom0, "# ", 2));
    guest_console_say(dom(2), "d2: about\n");
    assert_true(guest_console_put(dom0, "\n", 1));
    assert_true(guest_console_put(dom0, "@fact\n", 6));
    wait_ms(1);
    assert_string_equal(all_said(), "# \nd2: about\n@fact\n");
}

/* A message can come between two drains, but not within a line that was taken as a whole. */
CONSOLE_TEST(a_drain_ends_with_a_record)
{
    u32 nr = 0;

    while (guest_console_put(dom0, "0123456789012345678901234567\n", 29))
        nr++;
    for (u32 ms = 0; ms < 50; ms++) {
        size_t before = strlen(all_said());
        wait_ms(1);
        assert_int_equal(strlen(all_said()) % 29, 0);
        assert_true(strlen(all_said()) - before < 512 + 29);
    }
    assert_int_equal(strlen(all_said()), nr * 29);
}

/* 20,000 lines of a flooding guest: what its ring and its rate allow, and how many were dropped. */
CONSOLE_TEST(a_flood_is_dropped_and_counted)
{
    u32 lines = 0, dropped = 0, reports = 0, number;

    console_room = 0;
    for (u32 i = 0; i < 20000; i++)
        type(dom(1), "0123456789012345678\n"); /* 30 bytes with the header */
    type(dom(2), "neighbour\n");
    console_room = ~0u;
    wait_ms(100);
    assert_true(said("(d2) neighbour\n"));
    wait_ms(10000);
    type(dom(1), "0123456789012345678\n");
    wait_ms(10);
    for (const char *at = all_said(); *at; at = strchr(at, '\n') + 1) {
        if (!strncmp(at, "(d1) 0123456789012345678\n", 25))
            lines++;
        else if (sscanf(at, "d1: %u", &number) == 1 && strchr(at, ',')) {
            reports++;
            dropped = number * 1000 + (u32)atoi(strchr(at, ',') + 1);
        }
    }
    assert_int_equal(reports, 1);
    assert_int_equal(lines + dropped, 20001);
    assert_true(lines > 50 && lines < 300);
}

/* In the long run a guest gets its rate and no more, on a line that takes everything. */
CONSOLE_TEST(a_guest_has_a_rate)
{
    const u32 shown = 26; /* bytes on the line for 19 of the guest's */
    u32 before = 0;

    for (u32 ms = 0; ms < 20000; ms++) {
        for (u32 i = 0; i < 8; i++)
            type(dom(1), "0123456789012345678\n");
        wait_ms(1);
        if (ms == 10000)
            before = console_room; /* the first burst is over */
    }
    u32 a_second = (before - console_room) / 10 * (19 + 10) / shown;
    assert_true(a_second > 4096 * 9 / 10 && a_second < 4096 * 11 / 10);
}

/* A line without text costs the serial line as much as its prefix. */
CONSOLE_TEST(empty_lines_have_a_rate)
{
    u32 room = console_room;

    for (u32 ms = 0; ms < 10000; ms++) {
        type(dom(1), "\n\n\n\n\n\n\n\n\n\n");
        wait_ms(1);
    }
    assert_true(room - console_room < 16384 + 10 * 4096);
}

CONSOLE_TEST(domain_0_loses_nothing)
{
    u32 sent = 0;

    console_room = 0;
    while (guest_console_put(dom0, "0123456789abcde\n", 16))
        sent++;
    assert_true(sent > 100);
    assert_false(guest_console_put(dom0, "0123456789abcde\n", 16));
    console_room = ~0u;
    wait_ms(1);
    while (guest_console_put(dom0, "0123456789abcde\n", 16))
        sent++;
    wait_ms(50);
    assert_int_equal(strlen(all_said()), sent * 16);
}

/* A domain's record goes only after its last words. */
CONSOLE_TEST(last_words_come_before_the_end)
{
    struct domain *d = new_domain(7, 1);

    vcpu_online(d->vcpu[0]);
    console_room = 0;
    type(d, "first\nlast words");
    domain_shutdown(d, SHUTDOWN_poweroff);
    for (u32 i = 0; i < 5; i++)
        assert_int_equal(domain_kill(d), -ERESTART);
    assert_true(exists(7));
    console_room = ~0u;
    assert_int_equal(kill_all_steps(d), 0);
    assert_false(exists(7));
    assert_string_equal(all_said(), "(d7) first\n(d7) last words\nd7: shut down, code 0 (power off)\n");
}

/* A line of which a part is out is continued, not begun anew. */
CONSOLE_TEST(the_end_of_the_machine_writes_what_waits)
{
    const char *fact = "@guest domain=8\n";

    vcpu_online(dom0->vcpu[0]);
    console_room = 1;
    assert_true(guest_console_put(dom0, fact, (u32)strlen(fact)));
    type(dom(1), "one\n");
    wait_ms(1);
    console_room = ~0u;
    if (!setjmp(machine_ended))
        domain_shutdown(dom0, SHUTDOWN_poweroff);
    assert_int_equal(ended_how, MACHINE_POWEROFF);
    assert_string_equal(console, "@guest domain=8\n(d1) one\nd0: shut down, code 0 (power off)\n");
}

/* Reports of a crash have room when the guest has filled all of its own. */
CONSOLE_TEST(a_crash_report_has_room)
{
    console_room = 0;
    for (u32 i = 0; i < 1000; i++)
        type(dom(1), "0123456789012345678\n");
    for (u32 i = 0; i < 25; i++)
        guest_console_say(dom(1), "  r%02u %016lx  r%02u %016lx  r%02u %016lx  r%02u %016lx\n", i, 1ul, i,
                          2ul, i, 3ul, i, 4ul);
    console_room = ~0u;
    wait_ms(50);
    assert_true(said("r24 0000000000000001"));
}

FIXTURE(NULL, NULL)
