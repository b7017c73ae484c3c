/* The console's ring against an array of everything that was put in; positions pass 2^32. */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/console_ring.c> /* its state: positions near the wrap */

#define ALL_MAX (1u << 20)

static char all[ALL_MAX]; /* what was put, from position `origin` on */
static u32 origin, put, line_nr;

static void begin_at(u32 position)
{
    origin = start = end = cleared = seen = position;
    put = nr_late = 0;
    busy = false;
}

static void setup(void)
{
    begin_at(0);
}

FIXTURE(setup, NULL)

static void say_as(const char *text, u32 len, bool is_late)
{
    console_ring_put(text, len, true, is_late);
    memcpy(all + put, text, len);
    put += len;
}

static void say(const char *text)
{
    say_as(text, (u32)strlen(text), false);
}

static void say_line(bool is_late)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "line %u\n", line_nr++);

    say_as(text, (u32)len, is_late);
}

/* Everything from *position on, in pieces. */
static u32 read_all(u32 *position, char *out, u32 room, u32 piece)
{
    u32 done = 0, len;

    while (done < room && (len = console_ring_read(position, out + done, MIN(piece, room - done))) != 0)
        done += len;
    return done;
}

TEST(what_is_said_can_be_read_again)
{
    char out[32];

    say("one\n");
    say("two\n");
    for (u32 i = 0; i < 2; i++) {
        u32 at = console_ring_begin(false, 77);
        assert_int_equal(read_all(&at, out, sizeof(out), 3), 8);
        assert_memory_equal(out, "one\ntwo\n", 8);
        assert_int_equal(at, 8);
        assert_int_equal(console_ring_read(&at, out, sizeof(out)), 0);
    }
}

TEST(an_index_goes_on_where_it_was)
{
    char out[32];

    say("one\n");
    u32 at = console_ring_begin(true, 4);
    assert_int_equal(at, 4);
    say("two\n");
    assert_int_equal(read_all(&at, out, sizeof(out), 32), 4);
    assert_memory_equal(out, "two\n", 4);
    assert_int_equal(console_ring_begin(true, 8), 8);
    assert_int_equal(console_ring_begin(true, 9), 0); /* there is no such byte yet: from the oldest */
    assert_int_equal(console_ring_begin(true, 0xffffffff), 0);
    assert_int_equal(console_ring_begin(false, 4), 0);
}

TEST(what_is_cleared_is_gone_and_no_more)
{
    char out[32];

    say("one\n");
    console_ring_clear(4);
    say("two\n");
    u32 at = console_ring_begin(false, 0);
    assert_int_equal(read_all(&at, out, sizeof(out), 32), 4);
    assert_memory_equal(out, "two\n", 4);
    assert_int_equal(console_ring_begin(true, 2), 4);
}

TEST(news_are_told_once)
{
    assert_false(console_ring_has_news());
    say("x");
    assert_true(console_ring_has_news());
    assert_false(console_ring_has_news());
}

TEST(a_message_that_cannot_wait_is_left_out)
{
    busy = true;
    console_ring_put("nmi\n", 4, false, false);
    console_ring_put("patient\n", 8, true, false); /* the writer was stopped for good */
    assert_int_equal(end, 0);
    busy = false;
    say("x");
    assert_int_equal(end, 1);
}

TEST(a_message_longer_than_the_ring_is_left_out)
{
    console_ring_put(all, CONSOLE_RING_BYTES + 1, true, false);
    assert_int_equal(end, 0);
    console_ring_put(all, CONSOLE_RING_BYTES, true, false);
    assert_int_equal(end, CONSOLE_RING_BYTES);
}

TEST(late_output_comes_once_in_whole_lines)
{
    char out[64];

    say("a\n");
    say_as("key one\n", 8, true);
    say("in between\n");
    say_as("key two\nand three\n", 18, true);
    assert_true(console_ring_is_late());
    assert_int_equal(console_ring_take_late(out, 64), 8);
    assert_memory_equal(out, "key one\n", 8);
    assert_int_equal(console_ring_take_late(out, 12), 8); /* not "and " */
    assert_memory_equal(out, "key two\n", 8);
    assert_int_equal(console_ring_take_late(out, 4), 4); /* a line that is too long */
    assert_int_equal(console_ring_take_late(out, 64), 6);
    assert_memory_equal(out, "three\n", 6);
    assert_int_equal(console_ring_take_late(out, 64), 0);
    assert_false(console_ring_is_late());
}

TEST(late_pieces_beyond_the_table_are_joined)
{
    char out[64];
    u32 nr = 0;

    for (u32 i = 0; i < LATE_PIECES + 3; i++) {
        say_as("l\n", 2, true);
        say("-\n");
    }
    for (u32 len; (len = console_ring_take_late(out, 64)) != 0; nr++)
        assert_memory_equal(out, nr + 1 < LATE_PIECES ? "l\n" : "l\n-\nl\n-\nl\n-\nl\n", len);
    assert_int_equal(nr, LATE_PIECES);
}

TEST(late_output_that_was_overwritten_is_left_out)
{
    static char filler[CONSOLE_RING_BYTES];
    char out[64];

    memset(filler, '.', sizeof(filler));
    say_as("gone\n", 5, true);
    say_as(filler, 10, false);
    say_as("half gone\n", 10, true);
    say_as(filler, CONSOLE_RING_BYTES - 5, false); /* the ring begins inside of it */
    assert_int_equal(console_ring_take_late(out, 64), 5);
    assert_memory_equal(out, "gone\n", 5);
    assert_int_equal(console_ring_take_late(out, 64), 0);
    assert_false(console_ring_is_late());
}

/* Random messages, readers and clears; every byte that is read is the one that was put at its position. */
TEST(it_is_the_tail_of_all_that_was_said)
{
    static char out[2 * CONSOLE_RING_BYTES];
    static const u32 starts[] = {0, 0xffffff00u, 0u - CONSOLE_RING_BYTES};
    struct rng rng;

    rng_seed(&rng, 14);
    for (u32 s = 0; s < ARRAY_SIZE(starts); s++) {
        begin_at(starts[s]);
        u32 kept_from = 0; /* all[] from here on is not cleared */
        u32 mine = origin; /* a reader's index */

        for (u32 step = 0; step < 20000 && put < ALL_MAX - 1024; step++) {
            for (u32 nr = rng_draw(&rng, 20); nr; nr--)
                say_line(rng_draw(&rng, 50) == 0);
            u32 oldest = put > CONSOLE_RING_BYTES ? put - CONSOLE_RING_BYTES : 0;
            u32 from = MAX(oldest, kept_from);
            bool incremental = rng_draw(&rng, 2);
            if (incremental && mine - origin >= from)
                from = mine - origin;
            u32 at = console_ring_begin(incremental, mine);
            u32 room = rng_draw(&rng, 3) ? (u32)sizeof(out) : rng_draw(&rng, 3000);
            u32 nr = read_all(&at, out, room, 1 + rng_draw(&rng, 700));
            assert_int_equal(nr, MIN(room, put - from));
            assert_memory_equal(out, all + from, nr);
            assert_int_equal(at, origin + from + nr);
            if (incremental)
                mine = at;
            if (rng_draw(&rng, 30) == 0) {
                console_ring_clear(at);
                kept_from = at - origin;
            }
            while (console_ring_take_late(out, 64))
                ;
        }
    }
}
