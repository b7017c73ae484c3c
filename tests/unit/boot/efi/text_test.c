/* The firmware's 16-bit text as bytes, and the paths in device paths. */
#include <tests/machine/test.h>

#include <boot/efi/text.h>
#include <homestead/errno.h>

static u8 path[4096];
static size_t used;

static void start(void)
{
    used = 0;
    memset(path, 0xa5, sizeof(path));
}

static void node(u8 type, u8 subtype, u32 len)
{
    path[used] = type;
    path[used + 1] = subtype;
    path[used + 2] = (u8)len;
    path[used + 3] = (u8)(len >> 8);
    used += 4;
}

/* A file node; # is a letter e with an acute accent, terminated or not. */
static void file_node(const char *name, bool terminated)
{
    size_t len = strlen(name);

    node(4, 4, (u32)(4 + 2 * (len + terminated)));
    for (size_t i = 0; i < len + terminated; i++, used += 2) {
        path[used] = name[i] == '#' ? 0xe9 : (u8)name[i];
        path[used + 1] = 0;
    }
}

static void end(void)
{
    node(0x7f, 0xff, 4);
}

/* All 65,535 units, alone and before a letter. */
TEST(every_unit_comes_back)
{
    for (u32 unit = 1; unit < 0x10000; unit++) {
        char text[8];
        u16 back[4];
        u32 len = text_from_unit(unit, text);

        assert_true(len <= TEXT_UNIT_MAX && (len == 1) == (unit < 0x80));
        strcpy(text + len, "a");
        text_to_units(back, 4, text);
        assert_true(back[0] == unit && back[1] == 'a' && back[2] == 0);
    }
}

TEST(utf8_of_files)
{
    static const struct {
        const char *text;
        u16 units[6];
    } cases[] = {
        {"\xc3\xa9", {0xe9}},
        {"\xf0\x9f\x8f\xa0!", {0xd83c, 0xdfe0, '!'}}, /* beyond 16 bits: a pair */
        {"\xe9t\xe9", {0xe9, 't', 0xe9}},             /* ISO 8859-1 */
        {"\xc3", {0xc3}},                             /* cut off */
        {"\xe2\x82", {0xe2, 0x82}},
        {"\xc1\x81", {0xc1, 0x81}},                     /* too long for what it is */
        {"\xf4\x90\x80\x80", {0xf4, 0x90, 0x80, 0x80}}, /* beyond the last character */
        {"\xf8\x88\x80\x80\x80", {0xf8, 0x88, 0x80, 0x80, 0x80}},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        u16 units[6];

        memset(units, 0xff, sizeof(units));
        text_to_units(units, 6, cases[i].text);
        for (u32 k = 0; k < 6 && (!k || cases[i].units[k - 1]); k++)
            assert_int_equal(units[k], cases[i].units[k]);
    }
}

TEST(units_fill_no_more_than_there_is)
{
    u16 units[4] = {9, 9, 9, 9};

    text_to_units(units, 3, "abc");
    assert_true(units[1] == 'b' && units[2] == 0 && units[3] == 9);
    text_to_units(units, 2, "\xf0\x9f\x8f\xa0");
    assert_true(units[0] == 0 && units[3] == 9);
    text_to_units(units, 1, "abc");
    assert_int_equal(units[0], 0);
}

TEST_WITH(paths, start, NULL)
{
    static const struct {
        const char *first, *second, *want;
    } cases[] = {
        {"\\EFI\\BOOT\\BOOTX64.EFI", NULL, "\\EFI\\BOOT\\BOOTX64.EFI"},
        {"\\EFI\\Hyperviseur-#\\BOOTX64.EFI", NULL, "\\EFI\\Hyperviseur-\xc3\xa9\\BOOTX64.EFI"},
        {"\\EFI\\a b", "x.efi", "\\EFI\\a b\\x.efi"},
        {"\\EFI\\a\\", "\\x.efi", "\\EFI\\a\\x.efi"},
        {"\\EFI\\\\a", "\\x.efi", "\\EFI\\a\\x.efi"},
        {"", "x.efi", "x.efi"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
        for (u32 terminated = 0; terminated <= 1; terminated++) {
            char text[128];

            start();
            file_node(cases[i].first, terminated);
            if (cases[i].second)
                file_node(cases[i].second, terminated);
            end();
            assert_int_equal(text_of_path(path, text, sizeof(text)), 0);
            assert_string_equal(text, cases[i].want);
        }
}

TEST_WITH(paths_that_are_none, start, NULL)
{
    char text[64];

    end();
    assert_int_equal(text_of_path(path, text, sizeof(text)), -EINVAL);
    assert_int_equal(text_of_path(NULL, text, sizeof(text)), -EINVAL);
    start();
    node(4, 4, 3); /* shorter than its own head */
    assert_int_equal(text_of_path(path, text, sizeof(text)), -EINVAL);
    start();
    for (u32 i = 0; i < 17; i++)
        file_node("a", true);
    end();
    assert_int_equal(text_of_path(path, text, sizeof(text)), -EINVAL);
}

/* The longest that fits, to the byte less what an encoded unit may need. */
TEST_WITH(paths_that_are_too_long, start, NULL)
{
    char text[64], name[128];
    u32 fits = 0;

    for (u32 len = 1; len < 100; len++) {
        memset(name, len % 2 ? '#' : 'x', len);
        name[len] = 0;
        start();
        file_node(name, true);
        end();
        int rc = text_of_path(path, text, sizeof(text));
        assert_true(rc == 0 || rc == -E2BIG);
        fits += rc == 0;
        assert_true(rc != 0 || strlen(text) == len * (len % 2 ? 2 : 1));
    }
    assert_in_range(fits, 40, 60);
}
