/* The builder's end of the console ring, with guests that keep to the protocol and guests that do not. */
#include <tests/machine/test.h>

#include <guest/dom0/ring.h>

static struct xencons_interface page;
static struct ring ring;
static struct lines lines;
static char said[32768]; /* each line, with '|' behind it */

static void line(void *arg, const char *text)
{
    assert_ptr_equal(arg, &page);
    assert_true(strlen(text) < LINE_BYTES);
    assert_true(strlen(said) + strlen(text) + 2 < sizeof(said));
    strcat(strcat(said, text), "|");
}

static void start(void)
{
    memset(&page, 0, sizeof(page));
    memset(&ring, 0, sizeof(ring));
    memset(&lines, 0, sizeof(lines));
    said[0] = 0;
}

static void write_bytes(const char *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        page.out[page.out_prod++ % sizeof(page.out)] = bytes[i];
}

static uint32_t drain(void)
{
    char bytes[sizeof(page.out)];
    struct backlog b = {.bytes = bytes, .size = sizeof(bytes)};
    uint32_t nr = backlog_fill(&b, &ring, &page);

    lines_feed(&lines, bytes, nr, line, &page);
    return nr;
}

/* What the guest finds. */
static const char *read_bytes(void)
{
    static char bytes[2048];
    uint32_t nr = 0;

    while (page.in_cons != page.in_prod)
        bytes[nr++] = page.in[page.in_cons++ % sizeof(page.in)];
    bytes[nr] = 0;
    return bytes;
}

TEST(lines_come_when_they_end)
{
    write_bytes("one\ntw", 6);
    assert_int_equal(drain(), 6);
    assert_string_equal(said, "one|");
    assert_int_equal(page.out_cons, 6);
    write_bytes("o\r\n\nthree", 9);
    assert_int_equal(drain(), 9);
    assert_string_equal(said, "one|two||");
    assert_int_equal(drain(), 0);
    lines_finish(&lines, line, &page);
    lines_finish(&lines, line, &page);
    assert_string_equal(said, "one|two||three|");
}

TEST(indices_wrap)
{
    page.out_prod = page.out_cons = ring.out_cons = 0xfffffffe;
    write_bytes("abcd\n", 5);
    assert_int_equal(drain(), 5);
    assert_string_equal(said, "abcd|");
    assert_int_equal(page.out_cons, 3);
    assert_false(ring.lost);
}

TEST(a_full_ring_is_taken_in_one_go)
{
    char bytes[2048];

    memset(bytes, 'x', sizeof(bytes));
    for (uint32_t i = 63; i < sizeof(bytes); i += 64)
        bytes[i] = '\n';
    write_bytes(bytes, sizeof(bytes));
    assert_int_equal(drain(), 2048);
    assert_int_equal(strlen(said), 2048);
    assert_false(ring.lost);
}

TEST(a_ring_is_taken_in_pieces)
{
    char bytes[4];
    struct backlog b = {.bytes = bytes, .size = sizeof(bytes)};

    write_bytes("abcdef", 6);
    assert_int_equal(backlog_fill(&b, &ring, &page), 4);
    assert_memory_equal(bytes, "abcd", 4);
    assert_int_equal(page.out_cons, 4);
    assert_int_equal(backlog_fill(&b, &ring, &page), 0);
    backlog_drop(&b, 4);
    assert_int_equal(backlog_fill(&b, &ring, &page), 2);
    assert_memory_equal(bytes, "ef", 2);
}

/* Random amounts go in and out; every byte comes out once, in its order, and the guest waits when it is full. */
TEST(a_backlog_keeps_the_order)
{
    char room[100];
    struct backlog b = {.bytes = room, .size = sizeof(room)};
    uint32_t written = 0, read = 0;
    bool was_full = false;

    srandom(3);
    while (read < 20000) {
        for (uint32_t nr = (uint32_t)random() % 60; nr && page.out_prod - page.out_cons < sizeof(page.out);
             nr--)
            page.out[page.out_prod++ % sizeof(page.out)] = (char)(written++ * 7);
        backlog_fill(&b, &ring, &page);
        assert_true(b.used == sizeof(room) || page.out_cons == page.out_prod);
        was_full |= b.used == sizeof(room);
        const char *bytes;
        uint32_t nr = backlog_peek(&b, &bytes, (uint32_t)random() % 60);
        for (uint32_t i = 0; i < nr; i++)
            assert_int_equal(bytes[i], (char)(read++ * 7));
        backlog_drop(&b, nr);
    }
    assert_true(was_full);
}

/* The guest writes while its ring is read: that ends all the same. */
TEST(a_backlog_is_filled_once)
{
    static char room[65536];
    struct backlog b = {.bytes = room, .size = sizeof(room)};

    page.out_prod = 2048;
    assert_int_equal(backlog_fill(&b, &ring, &page), 2048);
    assert_int_equal(backlog_fill(&b, &ring, &page), 0);
    page.out_prod = 77777;
    assert_int_equal(backlog_fill(&b, &ring, &page), 0);
    assert_true(ring.lost);
}

TEST(long_lines_are_cut_without_an_empty_one_after_them)
{
    char bytes[2 * 127 + 1];

    memset(bytes, 'y', sizeof(bytes));
    bytes[sizeof(bytes) - 1] = '\n';
    write_bytes(bytes, sizeof(bytes));
    write_bytes("\nz\n", 3);
    drain();
    assert_int_equal(strlen(said), 2 * 128 + 1 + 2);
    assert_string_equal(said + 2 * 128, "|z|");
}

TEST(control_characters_are_dropped)
{
    write_bytes("a\x1b[31m\x9b\x7f\0b\t\r@\n", 14);
    drain();
    assert_string_equal(said, "a[31mb\t@|");
}

/* The guest says that it wrote more than the ring holds, or less than was taken: skipped, and in step again. */
TEST(wrong_indices_lose_output_and_nothing_else)
{
    page.out_prod = 2049;
    assert_int_equal(drain(), 0);
    assert_true(ring.lost);
    assert_int_equal(page.out_cons, 2049);
    write_bytes("ok\n", 3);
    assert_int_equal(drain(), 3);
    page.out_prod = 5;
    assert_int_equal(drain(), 0);
    assert_int_equal(page.out_cons, 5);
    page.out_cons = 77;
    write_bytes("still\n", 6);
    assert_int_equal(drain(), 6);
    assert_int_equal(page.out_cons, 11);
    assert_string_equal(said, "ok|still|");
}

TEST(input_comes_in_order_and_wraps)
{
    page.in_prod = page.in_cons = ring.in_prod = 0xfffffffd;
    assert_int_equal(ring_give(&ring, &page, "hello", 5), 5);
    assert_int_equal(page.in_prod, 2);
    assert_string_equal(read_bytes(), "hello");
    assert_int_equal(ring_give(&ring, &page, "", 0), 0);
    assert_int_equal(ring_give(&ring, &page, "!", 1), 1);
    assert_string_equal(read_bytes(), "!");
}

TEST(input_waits_for_room)
{
    char bytes[1500];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)('a' + i % 26);
    assert_int_equal(ring_give(&ring, &page, bytes, sizeof(bytes)), 1024);
    assert_int_equal(ring_give(&ring, &page, bytes + 1024, 476), 0);
    page.in_cons += 100;
    assert_int_equal(ring_give(&ring, &page, bytes + 1024, 476), 100);
    assert_int_equal(strlen(read_bytes()), 1024);
    assert_int_equal(ring_give(&ring, &page, bytes + 1124, 376), 376);
    assert_memory_equal(read_bytes(), bytes + 1124, 376);
}

/* The guest's index says that it has read more than it got, or is far behind: it loses input, and nobody else. */
TEST(wrong_indices_of_input)
{
    page.in_cons = 5;
    assert_int_equal(ring_give(&ring, &page, "abc", 3), 3);
    assert_int_equal(page.in_prod, 3);
    page.in_prod = 0x12345678; /* ours is not read */
    page.in_cons = 3;
    assert_int_equal(ring_give(&ring, &page, "defg", 4), 4);
    assert_int_equal(page.in_prod, 7);
    assert_string_equal(read_bytes(), "defg");
    page.in_cons = 7 - 2000;
    assert_int_equal(ring_give(&ring, &page, "x", 1), 1);
    assert_int_equal(page.in_prod, 8);
}

TEST(any_indices_and_bytes)
{
    srandom(12);
    for (int i = 0; i < 20000; i++) {
        page.out_prod = random() % 3 ? page.out_prod + (uint32_t)random() % 300 : (uint32_t)random();
        page.out_cons = (uint32_t)random();
        page.in_cons = random() % 3 ? page.in_prod : (uint32_t)random();
        page.in_prod = (uint32_t)random();
        page.out[random() % sizeof(page.out)] = (char)random();
        assert_true(ring_give(&ring, &page, said, (uint32_t)random() % sizeof(said)) <= sizeof(page.in));
        assert_int_equal(page.in_prod, ring.in_prod);
        uint32_t bytes = drain();
        assert_true(bytes <= sizeof(page.out));
        assert_int_equal(page.out_cons, page.out_prod);
        said[0] = 0;
    }
}

FIXTURE(start, NULL)
