/* The switch sequence, keys, bytes for domain 0, and who polls; on the machine's line and clock. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/debug/key_watch.h>
#include <arch/x86/cpu/debug/keys.h>
#include <homestead/errno.h>

static u32 nr_a;
static bool steal, nested;

static void setup(void)
{
    cpu_on[1].id = 1;
    use_cpu(0);
    console_reset();
}

FIXTURE(setup, NULL)

static void key_a(void)
{
    nr_a++;
    now_ns += 5;
    keys_printf("from a\n");
    if (steal) { /* the others gave this CPU up, and one of them polls */
        steal = false;
        use_cpu(1);
        keys_take_over();
        nested = keys_poll() & KEYS_SERVED;
        console_input = "a"; /* and this comes while CPU 0 is still in its key */
        use_cpu(0);
    }
}

static bool type(const char *bytes)
{
    console_reset();
    console_input = bytes;
    return keys_poll() & KEYS_SERVED;
}

TEST(the_sequence_is_three_in_a_row)
{
    struct keys_input in = {0};
    u32 held = 99;

    assert_int_equal(keys_feed(&in, 1, &held), KEYS_HELD);
    assert_int_equal(keys_feed(&in, 1, &held), KEYS_HELD);
    assert_int_equal(held, 99);
    assert_int_equal(keys_feed(&in, 'x', &held), KEYS_PASS); /* it was none */
    assert_int_equal(held, 2);
    assert_int_equal(keys_feed(&in, 'y', &held), KEYS_PASS);
    assert_int_equal(held, 0);
    for (u32 i = 0; i < 2; i++)
        assert_int_equal(keys_feed(&in, 1, &held), KEYS_HELD);
    assert_int_equal(keys_feed(&in, 1, &held), KEYS_TO_DEBUG);
    assert_int_equal(keys_feed(&in, 1, &held), KEYS_HELD);
    assert_int_equal(keys_feed(&in, 'm', &held), KEYS_SERVE); /* and one Ctrl-A is forgotten */
    for (u32 i = 0; i < 2; i++)
        assert_int_equal(keys_feed(&in, 1, &held), KEYS_HELD);
    assert_int_equal(keys_feed(&in, 1, &held), KEYS_TO_DOMAIN_0);
    assert_int_equal(keys_feed(&in, 'm', &held), KEYS_PASS);
    assert_int_equal(held, 0);
}

/* As with debugkeys=no. */
TEST(without_keys_all_input_is_domain_0s)
{
    char bytes[8];

    assert_int_equal(keys_serve_for_domain_0('h'), -EOPNOTSUPP);
    console_input = "\1\1\1h";
    assert_int_equal(keys_poll(), KEYS_CAME | KEYS_FOR_DOMAIN_0);
    assert_int_equal(keys_poll(), 0);
    assert_int_equal(keys_read(bytes, sizeof(bytes)), 4);
    assert_memory_equal(bytes, "\1\1\1h", 4);
}

TEST(keys_are_registered_once)
{
    keys_init();
    keys_register('a', "a thing", key_a);
    expect_assert_failure(keys_register('a', "another", key_a));
    expect_assert_failure(keys_register('h', "another", key_a));
}

TEST(outside_bytes_are_domain_0s)
{
    char bytes[300];
    char many[65];

    assert_false(type("ha\1\1b"));
    assert_string_equal(console, "");
    assert_int_equal(keys_read(bytes, 2), 2);
    assert_int_equal(keys_read(bytes + 2, 298), 3);
    assert_memory_equal(bytes, "ha\1\1b", 5);
    assert_int_equal(keys_read(bytes, 300), 0);
    /* nobody reads them: what does not fit is dropped, the rest stays in order */
    memset(many, 'x', 64);
    many[64] = '\0';
    many[0] = 'y';
    for (u32 i = 0; i < 5; i++)
        type(many);
    assert_int_equal(keys_read(bytes, 300), 256);
    for (u32 i = 0; i < 256; i++)
        assert_int_equal(bytes[i], i % 64 ? 'x' : 'y');
}

TEST(keys_are_served_inside)
{
    char bytes[8];

    assert_false(type("\1\1\1"));
    assert_non_null(strstr(console, "h for help"));
    assert_true(type("a"));
    assert_int_equal(nr_a, 1);
    assert_string_equal(console, "\n--- a: a thing (CPU 0)\nfrom a\n@key key=a\n");
    assert_true(type("h"));
    assert_non_null(strstr(console, "  a  a thing\n"));
    assert_non_null(strstr(console, "  R  reboot"));
    assert_false(type("q"));
    assert_non_null(strstr(console, "no key 'q'"));
    assert_null(strstr(console, "@key"));
    assert_false(type("\r\n\x1b\x7f\x80\xff")); /* no keys, and nothing said about them */
    assert_string_equal(console, "");
    assert_int_equal(keys_read(bytes, 8), 0); /* nothing of all that for domain 0 */
    assert_true(type("aa"));
    assert_int_equal(nr_a, 3);
}

TEST(a_line_that_never_ends_does_not_hold_the_cpu)
{
    char many[100] = "";
    u32 before = nr_a;

    memset(many, 'a', sizeof(many) - 1);
    assert_true(type(many));
    assert_int_equal(nr_a - before, 64);
}

TEST(printing_is_a_sign_of_life)
{
    now_ns = 5000;
    type("");
    assert_int_equal(keys_beat_ns(), 5000);
    type("a");
    assert_int_equal(keys_beat_ns(), 5005);
}

TEST(a_stuck_poller_loses_the_line)
{
    u32 before = nr_a;

    nested = false;
    steal = true;
    /* The first a is stuck for a while; CPU 1 serves the second; CPU 0 comes back and leaves the third alone.
     */
    type("aa");
    assert_true(nested);
    assert_int_equal(nr_a - before, 2);
    assert_int_equal(*console_input, 'a');
    assert_true(keys_poll()); /* and the line is free again */
    assert_int_equal(nr_a - before, 3);
}

static void ring_text(char *out, u32 room)
{
    u32 at = console_ring_begin(false, 0), len = console_ring_read(&at, out, room - 1);

    out[len] = '\0';
    console_ring_clear(at);
    while (console_ring_take_late(out + len + 1, 1))
        ;
}

/* What it prints is in the ring, and not on the line yet; h and what h lists have been registered above. */
TEST(domain_0_has_keys_too)
{
    u32 before = nr_a;
    char text[4096];

    console_reset();
    ring_text(text, sizeof(text));
    now_ns = 7000;
    assert_int_equal(keys_serve_for_domain_0('a'), 0);
    assert_int_equal(nr_a - before, 1);
    assert_true(console_ring_is_late());
    ring_text(text, sizeof(text));
    assert_string_equal(text, "\n--- a: a thing (CPU 0)\nfrom a\n@key key=a\n");
    assert_int_equal(keys_serve_for_domain_0('q'), 0);
    ring_text(text, sizeof(text));
    assert_non_null(strstr(text, "no key 'q'"));
    assert_int_equal(keys_serve_for_domain_0(0xff), 0);
    assert_int_equal(keys_serve_for_domain_0('\n'), 0);
    ring_text(text, sizeof(text));
    assert_string_equal(text, "");
    assert_string_equal(console, "");
    assert_int_not_equal(keys_beat_ns(), 7000); /* it is no sign of life of the CPU that polls */
    assert_true(type("a"));
    assert_non_null(strstr(console, "from a"));
}

static void key_k(void)
{
    nr_a += 1000;
}

TEST(a_key_that_stops_cpus_is_not_domain_0s)
{
    u32 before = nr_a;
    char text[256];

    keys_register_for_line('k', "a check", key_k);
    assert_int_equal(keys_serve_for_domain_0('k'), 0);
    assert_int_equal(nr_a, before);
    ring_text(text, sizeof(text));
    assert_non_null(strstr(text, "only the serial line has it"));
    type("k");
    assert_int_equal(nr_a, before + 1000);
}

static int nested_rc;

static void key_n(void)
{
    nested_rc = keys_serve_for_domain_0('a');
}

TEST(one_key_at_a_time)
{
    u32 before = nr_a;

    keys_register('n', "asks again", key_n);
    type("n");
    assert_int_equal(nested_rc, -EBUSY);
    assert_int_equal(nr_a, before);
}

TEST(restart_ends_the_machine)
{
    if (!setjmp(machine_ended))
        type("R");
    assert_int_equal(ended_how, MACHINE_RESTART);
    keys_take_over();
}

TEST(the_line_goes_back)
{
    char bytes[8];

    assert_false(type("\1\1\1h"));
    assert_non_null(strstr(console, "keys go to domain 0"));
    assert_int_equal(keys_read(bytes, 8), 1);
    assert_int_equal(bytes[0], 'h');
}

TEST(the_poller_polls_whatever_the_clock_says)
{
    struct key_watch w = key_watch_decide(3, 3, 0, 0, 100 * KEY_STALE_NS);
    assert_true(w.poll);
    assert_false(w.take_over);
    assert_int_equal(w.next_ns, KEY_POLL_NS);
}

TEST(others_watch_the_less_the_farther_they_are)
{
    for (u32 rank = 1; rank < 300; rank++) {
        struct key_watch w = key_watch_decide(4, 3, rank, 1000, 1000 + KEY_STALE_NS);
        assert_false(w.poll || w.take_over);
        assert_int_equal(w.next_ns, MIN(rank * KEY_WATCH_NS, KEY_WATCH_MAX_NS));
    }
    /* A clock that is behind the poller's. */
    assert_false(key_watch_decide(4, 3, 1, 5000, 1000).take_over);
    struct key_watch w = key_watch_decide(4, 3, 1, 1000, 1001 + KEY_STALE_NS);
    assert_true(w.take_over && w.poll);
    assert_int_equal(w.next_ns, KEY_POLL_NS);
}

/* Any set of CPUs stops at once: the first live one behind the poller takes over, soon, and exactly one does.
 */
TEST(whichever_are_stuck_one_takes_over)
{
    enum { NR = 6 };

    for (u32 stuck = 0; stuck < (1u << NR) - 1; stuck++) {
        u64 next[NR], beat = 0, end = 30 * KEY_WATCH_NS;
        u32 poller = 2, changes = 0;

        for (u32 id = 0; id < NR; id++)
            next[id] = id * 1000;
        for (u64 now = 0; now < end; now += KEY_POLL_NS / 4)
            for (u32 id = 0; id < NR; id++) {
                if (now < next[id] || (stuck & (1u << id)))
                    continue;
                struct key_watch w = key_watch_decide(id, poller, (id + NR - poller) % NR, beat, now);
                next[id] = now + w.next_ns;
                if (w.take_over) {
                    poller = id;
                    changes++;
                }
                if (w.poll)
                    beat = now;
            }
        assert_false(stuck & (1u << poller));
        assert_int_equal(changes, stuck & (1u << 2) ? 1 : 0);
        assert_true(end - beat < 2 * KEY_POLL_NS);
    }
}
