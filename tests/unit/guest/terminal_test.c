/* The commands among what is typed, and the quoted form of a guest's output. */
#include <tests/machine/test.h>

#include <guest/dom0/terminal.h>

static struct terminal terminal;
static struct terminal_command command;

static void start(void)
{
    memset(&terminal, 0, sizeof(terminal));
    memset(&command, 0x55, sizeof(command));
}

FIXTURE(start, NULL)

/* Each byte's verdict as a letter: held, byte, command. */
static const char *type(const char *bytes)
{
    static char verdicts[64];
    size_t nr = 0;

    for (; *bytes; bytes++)
        verdicts[nr++] = "hbc"[terminal_feed(&terminal, (unsigned char)*bytes, &command)];
    verdicts[nr] = 0;
    return verdicts;
}

TEST(ordinary_bytes_are_the_guests)
{
    assert_string_equal(type("ls -l 1\r\x1b[A\x01\x03\x04\xff"), "bbbbbbbbbbbbbbb");
}

TEST(a_key_is_a_command)
{
    assert_string_equal(type("a\x1dqb"), "bhcb");
    assert_int_equal(command.key, 'q');
    assert_false(command.has_domid);
    assert_string_equal(type("\x1d\r"), "hc");
    assert_int_equal(command.key, '\n');
    assert_string_equal(type("\x1d\xe9"), "hc"); /* no such key, but nothing for the guest */
}

TEST(a_number_is_a_domain)
{
    assert_string_equal(type("\x1d"
                             "17k7"),
                        "hhhcb");
    assert_int_equal(command.key, 'k');
    assert_true(command.has_domid);
    assert_int_equal(command.domid, 17);
    assert_string_equal(type("\x1d"
                             "3\n"),
                        "hhc");
    assert_int_equal(command.domid, 3);
    assert_int_equal(command.key, '\n');
    assert_string_equal(type("\x1dl"), "hc");
    assert_false(command.has_domid);
}

TEST(a_number_does_not_overflow)
{
    assert_string_equal(type("\x1d"
                             "99999999999999999999999p"),
                        "hhhhhhhhhhhhhhhhhhhhhhhhc");
    assert_int_equal(command.domid, 99999);
}

TEST(the_escape_twice_is_a_byte_and_escape_cancels)
{
    assert_string_equal(type("\x1d\x1d"
                             "q"),
                        "hbb");
    assert_string_equal(type("\x1d\x1bq"), "hhb");
    assert_string_equal(type("\x1d"
                             "1\x1b"
                             "1"),
                        "hhhb");
}

static const char *quote(const char *bytes, uint32_t len, size_t size, uint32_t done)
{
    static char out[2000];

    memset(out, 'x', sizeof(out));
    assert_int_equal(terminal_quote(out, size, bytes, len), done);
    assert_true(strlen(out) < size);
    return out;
}

TEST(quoted)
{
    assert_string_equal(quote("hi there\r\n", 10, 100, 10), "hi there%0d%0a");
    assert_string_equal(quote("100% \"\0\x7f\x80\xff~", 11, 100, 11), "100%25 %22%00%7f%80%ff~");
    assert_string_equal(quote("", 0, 1, 0), "");
    assert_string_equal(quote("abcdef", 6, 4, 3), "abc");
    assert_string_equal(quote("a\nbc", 4, 5, 2), "a%0a");
    assert_string_equal(quote("a\nbc", 4, 4, 1), "a"); /* none is divided */
}
