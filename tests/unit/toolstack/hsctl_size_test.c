/* Sizes: what people may write, and what they read. */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <toolstack/hsctl/size.h>

#define M 256ull
#define G (1024 * M)
#define T (1024 * G)

TEST(sizes_that_are_read)
{
    static const struct {
        const char *text;
        u64 pages;
    } good[] = {
        {"0", 0},
        {"0G", 0},
        {"512M", 512 * M},
        {"2G", 2 * G},
        {"2g", 2 * G},
        {"2GiB", 2 * G},
        {"2 gib", 2 * G},
        {"1T", T},
        {"4096T", 1ull << 40},
        {"4K", 1},
        {"1K", 1},
        {"5K", 2},
        {"8KiB", 2},
        {"300p", 300},
        {"300pages", 300},
        {"1page", 1},
        {"1.5G", 1536 * M},
        {"0.5M", 128},
        {"1.25G", 1280 * M},
        {"0.000001K", 1},
        {"0.0000001K", 1},
        {"1.2G", 314573},
        {"1.00000000000000000000G", G},
        {"00002M", 2 * M},
        {"1099511627776p", 1ull << 40},
    };

    for_each_row (i, good) {
        u64 pages = 99;
        assert_int_equal(size_parse(good[i].text, &pages), SIZE_OK);
        assert_int_equal(pages, good[i].pages);
    }
}

TEST(sizes_that_are_refused)
{
    static const struct {
        const char *text;
        enum size_error error;
    } bad[] = {
        {"", SIZE_NO_NUMBER},
        {"G", SIZE_NO_NUMBER},
        {"-1G", SIZE_NO_NUMBER},
        {" 1G", SIZE_NO_NUMBER},
        {"+1G", SIZE_NO_NUMBER},
        {"0x10M", SIZE_BAD_UNIT},
        {"1.G", SIZE_NO_NUMBER},
        {".5G", SIZE_NO_NUMBER},
        {"1", SIZE_NO_UNIT},
        {"0.1", SIZE_NO_UNIT},
        {"1 ", SIZE_NO_UNIT},
        {"1E", SIZE_BAD_UNIT},
        {"1MB", SIZE_BAD_UNIT},
        {"1GG", SIZE_BAD_UNIT},
        {"1G ", SIZE_BAD_UNIT},
        {"1e3M", SIZE_BAD_UNIT},
        {"4097T", SIZE_TOO_LARGE},
        {"4096.000001T", SIZE_TOO_LARGE},
        {"18446744073709551615p", SIZE_TOO_LARGE},
        {"18446744073709551616G", SIZE_TOO_LARGE},
        {"99999999999999999999999999999999999999K", SIZE_TOO_LARGE},
        {"1099511627777p", SIZE_TOO_LARGE},
        {"36028797018963968K", SIZE_TOO_LARGE},
    };

    for_each_row (i, bad) {
        u64 pages = 99;
        assert_int_equal(size_parse(bad[i].text, &pages), bad[i].error);
        assert_int_equal(pages, 99);
        assert_true(strlen(size_error_text(bad[i].error)) > 5);
    }
}

/* Against arithmetic of 128 bits, in millionths of a byte. */
TEST(random_sizes)
{
    static const struct {
        const char *name;
        u32 shift;
    } units[] = {{"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}, {"p", 12}};
    struct rng r = {.state = 7};

    for (u32 n = 0; n < 20000; n++) {
        u32 unit = rng_draw(&r, 5), fraction = rng_draw(&r, 1000000);
        u64 whole = rng_draw(&r, 1u << rng_draw(&r, 31)), pages;
        bool has_fraction = rng_draw(&r, 2);
        char text[64];

        snprintf(text, sizeof(text), has_fraction ? "%llu.%06u%s" : "%llu%.0u%s", (unsigned long long)whole,
                 has_fraction ? fraction : 0, units[unit].name);
        unsigned __int128 parts = ((unsigned __int128)whole * 1000000 + (has_fraction ? fraction : 0))
                                  << units[unit].shift;
        unsigned __int128 expected =
            (parts + 4096 * (unsigned __int128)1000000 - 1) / (4096 * (unsigned __int128)1000000);
        enum size_error error = size_parse(text, &pages);
        if (expected > 1ull << 40)
            assert_int_equal(error, SIZE_TOO_LARGE);
        else
            assert_true(error == SIZE_OK && pages == (u64)expected);
    }
}

TEST(sizes_that_are_printed)
{
    static const struct {
        u64 pages;
        const char *text;
    } good[] = {
        {0, "0"},
        {1, "4 KiB"},
        {16, "64 KiB"},
        {255, "1020 KiB"},
        {M, "1 MiB"},
        {M + 1, "1.0 MiB"},
        {M + 128, "1.5 MiB"},
        {800 * M, "800 MiB"},
        {2 * G, "2.0 GiB"},
        {307 * M * 4, "1.2 GiB"},
        {1023 * M, "1023 MiB"},
        {G - 1, "1.0 GiB"},
        {T, "1.0 TiB"},
        {1ull << 40, "4096.0 TiB"},
        {3 * G / 2, "1.5 GiB"},
        {99 * M + 200, "99.8 MiB"},
        {100 * M + 200, "101 MiB"},
    };
    char buf[SIZE_TEXT], other[SIZE_TEXT];

    for_each_row (i, good)
        assert_string_equal(size_text(good[i].pages, buf), good[i].text);
    size_text(~0ull, buf); /* fits, whatever it says */
    size_text_pair(2 * G, 2 * G - 1, buf, other);
    assert_string_equal(buf, "524288 pages");
    assert_string_equal(other, "524287 pages");
    size_text_pair(2 * G, G, buf, other);
    assert_string_equal(buf, "2.0 GiB");
    assert_string_equal(other, "1.0 GiB");
    size_text_pair(G, G, buf, other);
    assert_string_equal(buf, other);
}
