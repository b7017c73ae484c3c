/* lib/: vsnprintf against the host's, the string functions against libc's, the small parsers. */
#include <tests/machine/test.h>

/* The real files under other names, beside the C library's. */
#define vsnprintf our_vsnprintf
#define snprintf  our_snprintf
#define memcpy    our_memcpy
#define memmove   our_memmove
#define memset    our_memset
#define memcmp    our_memcmp
#define strlen    our_strlen
#define strnlen   our_strnlen
#define strcmp    our_strcmp
#define strncmp   our_strncmp
#define strchr    our_strchr
#include <lib/string.c>
#include <lib/printf.c>
#undef vsnprintf
#undef snprintf
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr

#include <homestead/errno.h>
#include <lib/open_line.h>
#include <lib/parse.h>

#define SAME(...) \
    do { \
        char ours[128], theirs[128]; \
        int our_len = our_snprintf(ours, sizeof(ours), __VA_ARGS__); \
        int their_len = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        assert_string_equal(ours, theirs); \
        assert_int_equal(our_len, their_len); \
    } while (0)

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"

TEST(printf_is_as_c_has_it)
{
    SAME("plain %% text");
    SAME("%d %u|%5d|%-5d|%05d|%+d|%-05d|", -1, 4000000000u, -12, -12, -12, 7, -12);
    SAME("%ld %lu %lx %#lx|%#010x", -1l, ~0ul, ~0ul, 255ul, 255u);
    SAME("%016lx|%8x|%-8x|%#x", 0x1234ul, 0xabu, 0xabu, 0u);
    SAME("%s|%10s|%-10s|%.2s|%*s|%.*s", "abc", "abc", "abc", "abc", 6, "abc", 1, "abc");
    SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
    SAME("%zu %lld %llu", (size_t)5, -9000000000ll, 1ull << 63);
    SAME("%d", (int)0x80000000);
    SAME("%ld", (long)0x8000000000000000ull);
    SAME("%-*d|", -6, 3);
}

TEST(printf_never_writes_beyond_size)
{
    for (size_t size = 0; size < 12; size++) {
        char *buf = malloc(size + 1); /* ASan watches the end */
        buf[size] = '!';
        assert_int_equal(our_snprintf(buf, size, "%s-%d", "homestead", 42), 12);
        assert_int_equal(buf[size], '!');
        if (size)
            assert_int_equal(strlen(buf), size - 1);
        free(buf);
    }
}

TEST(what_printf_does_not_have_is_visible)
{
    char text[40];

    our_snprintf(text, sizeof(text), "%X %hd", 10, 5);
    assert_string_equal(text, "%X %hd");
    const char *volatile nothing = NULL; /* volatile: the compiler would see and refuse it */
    our_snprintf(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

TEST(memory_functions_match_libc)
{
    u8 a[64], b[64];

    srand(3);
    for (u32 step = 0; step < 20000; step++) {
        size_t from = (size_t)rand() % 32, to = (size_t)rand() % 32, len = (size_t)rand() % 33;
        for (u32 i = 0; i < sizeof(a); i++)
            a[i] = b[i] = (u8)rand();
        switch (rand() % 3) {
        case 0:
            assert_ptr_equal(our_memmove(a + to, a + from, len), a + to);
            memmove(b + to, b + from, len);
            break;
        case 1:
            our_memset(a + to, 0x5a, len);
            memset(b + to, 0x5a, len);
            break;
        default:
            if (from + len <= 32) {
                our_memcpy(a + 32, a + from, MIN(len, (size_t)32));
                memcpy(b + 32, b + from, MIN(len, (size_t)32));
            }
        }
        assert_memory_equal(a, b, sizeof(a));
        int ours = our_memcmp(a, a + from, len), theirs = memcmp(a, a + from, len);
        assert_true((ours < 0) == (theirs < 0) && (ours > 0) == (theirs > 0));
    }
}

TEST(strings_match_libc)
{
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\xff"};

    for (u32 i = 0; i < ARRAY_SIZE(words); i++)
        for (u32 j = 0; j < ARRAY_SIZE(words); j++) {
            int ours = our_strcmp(words[i], words[j]), theirs = strcmp(words[i], words[j]);
            assert_true((ours < 0) == (theirs < 0) && (ours > 0) == (theirs > 0));
            ours = our_strncmp(words[i], words[j], 2), theirs = strncmp(words[i], words[j], 2);
            assert_true((ours < 0) == (theirs < 0) && (ours > 0) == (theirs > 0));
        }
    assert_int_equal(our_strlen("home"), 4);
    assert_int_equal(our_strnlen("home", 2), 2);
    assert_null(our_strchr("abc", 'x'));
    assert_non_null(our_strchr("abc", '\0'));
}

TEST(numbers_are_parsed_or_refused)
{
    const char *end;
    u64 value = 99;

    assert_int_equal(parse_u64("0x1F,rest", &end, false, &value), 0);
    assert_int_equal(value, 0x1f);
    assert_string_equal(end, ",rest");
    assert_int_equal(parse_u64("18446744073709551615", NULL, false, &value), 0);
    assert_true(value == ~0ull);
    assert_int_equal(parse_u64("18446744073709551616", NULL, false, &value), -ERANGE);
    assert_int_equal(parse_u64("x", NULL, false, &value), -EINVAL);
    assert_int_equal(parse_u64("0x", NULL, false, &value), -EINVAL);
    assert_int_equal(parse_u64("017,", &end, false, &value), 0);
    assert_int_equal(value, 15);
    assert_int_equal(*end, ',');
    assert_int_equal(parse_u64("08", &end, false, &value), 0); /* 0, and what is no octal digit */
    assert_int_equal(*end, '8');
    assert_int_equal(parse_size("08M", &value), -EINVAL);
    assert_int_equal(parse_u64("2G", &end, true, &value), 0);
    assert_true(value == GIB(2));
    assert_int_equal(parse_u64("99999999999T", NULL, true, &value), -ERANGE);
    assert_true(value == GIB(2));                               /* written on success only */
    assert_int_equal(parse_u64("7 kB", &end, true, &value), 0); /* a space is no suffix */
    assert_true(value == 7 && *end == ' ');
    assert_int_equal(parse_u64("3k,", &end, true, &value), 0);
    assert_true(value == 3072 && *end == ',');
}

TEST(sizes_have_units)
{
    u64 bytes;

    assert_int_equal(parse_size("512", &bytes), 0);
    assert_int_equal(bytes, KIB(512));
    assert_int_equal(parse_size("64M", &bytes), 0);
    assert_int_equal(bytes, MIB(64));
    assert_int_equal(parse_size("4096B", &bytes), 0);
    assert_int_equal(bytes, 4096);
    assert_int_equal(parse_size("0x10K", &bytes), 0);
    assert_int_equal(bytes, KIB(16));
    assert_int_equal(parse_size("64MB", &bytes), -EINVAL);
    assert_int_equal(parse_size("", &bytes), -EINVAL);
    assert_int_equal(parse_size("18014398509481984", &bytes), -ERANGE);
}

TEST(copies_are_cut_and_terminated)
{
    char out[4];

    assert_int_equal(str_copy(out, "homestead", sizeof(out)), 9);
    assert_string_equal(out, "hom");
    assert_int_equal(str_copy(out, "ab", sizeof(out)), 2);
    assert_string_equal(out, "ab");
}

static void assert_open(struct open_line *line, const char *written, const char *open)
{
    open_line_feed(line, written, our_strlen(written));
    assert_int_equal(line->used, our_strlen(open));
    assert_memory_equal(line->text, open, line->used);
}

TEST(an_open_line_is_what_a_terminal_shows)
{
    struct open_line line = {0};
    char digits[201];

    assert_open(&line, "booting\n  1:   20", "  1:   20");
    assert_open(&line, "  10", "  1:   20  10");
    assert_open(&line, " \n", "");
    assert_open(&line, "10 %\r100 %", "100 %");
    assert_open(&line, "\r\033[1m# \033[0m\033[6nlx\b \bs", "# ls");
    assert_open(&line, "\r\b\b\033", "");
    assert_open(&line, "[2", "");
    assert_open(&line, "K>\033M<", "><");
    for (u32 i = 0; i < 200; i++)
        digits[i] = (char)('0' + i % 10);
    digits[200] = '\0';
    line.used = 0;
    open_line_feed(&line, digits, 200);
    assert_true(line.used <= OPEN_LINE_BYTES && line.used >= OPEN_LINE_BYTES / 2);
    assert_memory_equal(line.text, digits + 200 - line.used, line.used);
}
