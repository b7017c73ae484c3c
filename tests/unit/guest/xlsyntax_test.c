/* The syntax of xl.cfg files: the values that libxlutil 4.17 gives, and messages with line numbers. */
#include <tests/machine/test.h>

#include <guest/dom0/xlsyntax.h>
#include <homestead/errno.h>

static struct xl_cursor file;
static struct xl_message error;

/* The exact bytes without a NUL, so that ASan sees every byte read beyond. The last text stays readable. */
static int check_bytes(const char *text, size_t len)
{
    static char *copy;

    free(copy);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    error = (struct xl_message){0};
    file = xl_start(copy, len);
    struct xl_cursor at = file;
    int rc = xl_check(&at, &error);
    file.end = at.at;
    return rc;
}

static void refused(const char *text, u32 line, const char *message)
{
    assert_int_equal(check_bytes(text, strlen(text)), -EINVAL);
    assert_string_equal(error.text, message);
    assert_int_equal(error.line, line);
}

static size_t write_value(const struct xl_value *v, char *out, size_t size)
{
    struct xl_items items;
    struct xl_value item;
    size_t len = 0;

    if (!v->is_list)
        return (size_t)xl_string(v, out, size);
    len += (size_t)snprintf(out, size, "[");
    for (items = xl_items(v); xl_next_item(&items, &item);) {
        len += write_value(&item, out + len, size - len);
        len += (size_t)snprintf(out + len, size - len, ",");
    }
    return len + (size_t)snprintf(out + len, size - len, "]");
}

/* The value of `a` as a text; a list in brackets with a ',' after each item. */
static const char *value(const char *text)
{
    static char out[512];
    struct xl_value v;

    assert_int_equal(check_bytes(text, strlen(text)), 0);
    if (!xl_find(file, "a", 1, &v))
        return "none";
    assert_true(write_value(&v, out, sizeof(out)) < sizeof(out));
    return out;
}

static s64 number(const char *text)
{
    struct xl_value v;
    s64 out = 99;

    assert_int_equal(check_bytes(text, strlen(text)), 0);
    assert_true(xl_find(file, "a", 1, &v));
    int rc = xl_number(&v, &out);
    assert_true(rc == 0 || out == 99);
    return rc ? rc : out;
}

TEST(values)
{
    assert_string_equal(value("a=1"), "1");
    assert_string_equal(value(" \ta\t= 'x\"y' # c\n"), "x\"y");
    assert_string_equal(value("a=\"x'y#;z\";b=2\n"), "x'y#;z");
    assert_string_equal(value("a=''\n"), "");
    assert_string_equal(value("\n;;\nb=1;\n\n"), "none");
    assert_string_equal(value("a=1;a=2\n"), "2");
    assert_string_equal(value("a=0x1f\n"), "0x1f");
    assert_string_equal(value("a.b_9=1\na=2"), "2");
    assert_string_equal(value("a=\"\xff\t\"\n"), "\xff\t");
}

TEST(escapes)
{
    assert_string_equal(value("a='\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\''"), "\a\b\f\n\r\t\v\\\"'");
    assert_string_equal(value("a=\"\\\"\\'\""), "\"'");
    /* Digits stand for nothing, as in libxlutil 4.17, with up to three characters after them. */
    assert_string_equal(value("a='x\\101y'"), "xy");
    assert_string_equal(value("a='x\\07999y'"), "x9y");
    assert_string_equal(value("a='x\\0 12y'"), "xy");
    refused("a='\\07y'", 1, "a string has an escape that xl does not have (a b f n r t v \\ \" ' are)");
    refused("a='\\x41'", 1, "a string has an escape that xl does not have (a b f n r t v \\ \" ' are)");
    refused("a='\\8'", 1, "a string has an escape that xl does not have (a b f n r t v \\ \" ' are)");
    refused("\na='\\e'", 2, "a string has an escape that xl does not have (a b f n r t v \\ \" ' are)");
}

TEST(lists)
{
    assert_string_equal(value("a=[]"), "[]");
    assert_string_equal(value("a=[\n1 , # c\n '2'\n\n,\n3,]"), "[1,2,3,]");
    assert_string_equal(value("a=[[1,[\"x\"]],[\n],'']\n"), "[[1,[x,],],[],,]");
    refused("a=[1,,2]", 1, "a ',' without an item before it");
    refused("a=[,]", 1, "a ',' without an item before it");
    refused("a=[1\n2]", 2, "items of a list need a ',' between them");
    refused("a=[1;2]", 1, "a list has numbers, strings and lists (strings need quotes)");
    refused("a=[x]", 1, "a list has numbers, strings and lists (strings need quotes)");
    refused("a=[[1],\n", 2, "a list is not closed");
    refused("a=[1]]\n", 1, "something follows a value");
}

TEST(additions)
{
    assert_string_equal(value("a='x'\na+=1\nb=3\na += 'y'\n"), "x1y");
    assert_string_equal(value("a=1;a=2;a+=3\n"), "23");
    assert_string_equal(value("a+='x'"), "x");
    assert_string_equal(value("a=[1]\nb=1\na+=[]\na+=[[2],\n3]\n"), "[1,[2,],3,]");
    assert_string_equal(value("a=[1];a='x'\na+='y'\n"), "xy");
    refused("a=[1]\na+='x'\n", 2, "+= adds a list to a string, or a string to a list");
    refused("a='x'\n\na+=[1]\n", 3, "+= adds a list to a string, or a string to a list");
}

TEST(numbers)
{
    assert_int_equal(number("a=0100\n"), 64);
    assert_int_equal(number("a='0100'\n"), 64);
    assert_int_equal(number("a=0x1f\n"), 31);
    assert_int_equal(number("a='0X1F'\n"), 31);
    assert_int_equal(number("a=' \t+7'\n"), 7);
    assert_int_equal(number("a='-7'\n"), -7);
    assert_int_equal(number("a=00"), 0);
    assert_true(number("a=0x7fffffffffffffff") == INT64_MAX);
    assert_true(number("a='-9223372036854775808'") == INT64_MIN);
    assert_int_equal(number("a=9223372036854775808"), -ERANGE);
    assert_int_equal(number("a='-9223372036854775809'"), -ERANGE);
    assert_int_equal(number("a='99999999999999999999x'"), -ERANGE);
    static const char *const bad[] = {"a=08",    "a=0x",  "a=12ab", "a='lots'", "a=''",  "a='7 '",
                                      "a='- 7'", "a=[7]", "a=1x",   "a+=7",     "a='-'", "a=1;a+=2"};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(number(bad[i]), -EINVAL);
}

TEST(string_reports_its_length)
{
    struct xl_value v;
    char out[3];

    assert_string_equal(value("a='abc'"), "abc");
    assert_true(xl_find(file, "a", 1, &v));
    assert_int_equal(xl_string(&v, out, sizeof(out)), 3);
    assert_string_equal(out, "ab");
    assert_string_equal(value("a=[]"), "[]");
    assert_true(xl_find(file, "a", 1, &v));
    assert_int_equal(xl_string(&v, out, sizeof(out)), -EINVAL);
}

TEST(lines_must_be_whole)
{
    refused("= 3\n", 1, "a line does not start with a key");
    refused("1a = 3\n", 1, "a line does not start with a key");
    refused("\n\na\n", 3, "a key is not followed by '=' or '+='");
    refused("a \"x\"\n", 1, "a key is not followed by '=' or '+='");
    refused("a =\n1", 1, "a value is missing, or a string without quotes");
    refused("a = x\n", 1, "a value is missing, or a string without quotes");
    refused("a = \"x\" b = \"k\"\n", 1, "something follows a value");
    refused("a = 64M \n", 1, "an upper-case letter: keys and numbers without quotes have none");
    refused("a = 64m\n", 1, "something follows a value");
    refused("a = -1\n", 1, "'-' is neither in a key nor in a number without quotes");
    refused("a = 1\r\n", 1, "a carriage return: lines must end with a newline alone, as for xl");
    refused("a = 1 # c", 1, "a comment in the last line needs a newline after it");
    refused("a = 'x\n", 1, "a string is not closed on its line");
    refused("a = 'x\\\n'", 1, "a string is not closed on its line");
    refused("a = (1)\n", 1, "a character that is only valid in quotes or in a comment");
    refused("a + = 1\n", 1, "a character that is only valid in quotes or in a comment");
    assert_int_equal(check_bytes("a='x\0y'", 7), -EINVAL);
    assert_string_equal(error.text, "a string has a NUL byte");
    refused("\xef\xbb\xbf"
            "a = 1\n",
            1, "a byte that is not ASCII outside of quotes, as of a typographic quote or a byte order mark");
    assert_int_equal(check_bytes("#\0\r\n", 4), 0);
}

/* As in libxlutil. */
TEST(a_last_byte_without_meaning_is_ignored)
{
    static const char *const texts[] = {"a=1$", "a=1\n#", "a=1\r", "a=1;\"", "a=1 -", "a=1+", "a=1A"};

    for (u32 i = 0; i < ARRAY_SIZE(texts); i++)
        assert_string_equal(value(texts[i]), "1");
    assert_int_equal(check_bytes("\0", 1), 0);
    refused("a=$", 1, "a value is missing, or a string without quotes");
    refused("a=[1$", 1, "a list is not closed");
}

/* What is before an error can be read. */
TEST(text_before_an_error)
{
    struct xl_value v;

    assert_int_equal(check_bytes("a=1\nb=[\nc", 9), -EINVAL);
    assert_true(xl_find(file, "a", 1, &v));
    assert_false(xl_find(file, "b", 1, &v));
}
