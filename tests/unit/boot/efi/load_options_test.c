/* The UEFI loader's load options, as the shell, GRUB, boot entries and firmware pass them. */
#include <tests/machine/test.h>

#include <boot/efi/load_options.h>
#include <homestead/errno.h>

static struct load_options o;
static char why[160], said[1024];

static void report(void *ctx, const char *sentence)
{
    assert_ptr_equal(ctx, said);
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s|", sentence);
}

/* A copy that ends where the bytes end, so that ASan sees every read beyond it. */
static int parse_bytes(const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);
    int rc;

    memcpy(copy, bytes, size);
    memset(&o, 0x5a, sizeof(o));
    said[0] = '\0';
    strcpy(why, "untouched");
    rc = load_options_parse(copy, size, "BOOTX64.EFI", &o, why, sizeof(why), report, said);
    free(copy);
    return rc;
}

/* 16-bit text with its end. */
static size_t widen(const char *text, u8 *out)
{
    size_t n = strlen(text) + 1;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = (u8)text[i];
        out[2 * i + 1] = 0;
    }
    return 2 * n;
}

static int parse(const char *text)
{
    static u8 wide[8192];

    return parse_bytes(wide, widen(text, wide));
}

#define TAKEN(text, config_, section_, options_) \
    do { \
        assert_int_equal(parse(text), 0); \
        assert_string_equal(o.config, config_); \
        assert_string_equal(o.section, section_); \
        assert_string_equal(o.options, options_); \
        assert_string_equal(said, ""); \
        assert_string_equal(why, "untouched"); \
    } while (0)

TEST(nothing)
{
    TAKEN("", "", "", "");
    TAKEN("  ", "", "", "");
    assert_int_equal(load_options_parse(NULL, 100, "", &o, why, sizeof(why), report, said), 0);
    assert_string_equal(o.section, "");
    assert_int_equal(parse_bytes("\0\0BO", 4), 0); /* AMI's mark in boot entries that it made itself */
    assert_string_equal(said, "");
}

TEST(section_config_and_options)
{
    TAKEN("safe", "", "safe", "");
    TAKEN("-cfg=rescue.cfg", "rescue.cfg", "", "");
    TAKEN("-cfg=\\EFI\\x\\rescue.cfg safe", "\\EFI\\x\\rescue.cfg", "safe", "");
    TAKEN("/cfg=rescue.efi", "rescue.efi", "", "");
    TAKEN("-cfg rescue.cfg  safe", "rescue.cfg", "safe", "");
    TAKEN("safe -- maxcpus=1  numa=off ", "", "safe", "maxcpus=1  numa=off ");
    TAKEN("-- loglvl=all -cfg=x", "", "", "loglvl=all -cfg=x");
    TAKEN("safe --", "", "safe", "");
    TAKEN("\tsafe\r\n", "", "safe", "");
    TAKEN("\"safe\" -cfg=\"my own.cfg\"", "my own.cfg", "safe", "");
}

/* The shell passes the loader's name, in any of its forms; others do not. */
TEST(the_loaders_own_name_is_no_section)
{
    static const char *const names[] = {
        "BOOTX64.EFI",         "bootx64",     "fs0:\\EFI\\BOOT\\BOOTX64.EFI",   "\\EFI\\homestead\\bootx64",
        "xen-4.17.efi",        "FS0:bootx64", "\"fs0:\\my disk\\BootX64.efi\"", "placeholder",
        "/boot/efi/other.Efi",
    };
    char text[200];

    for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
        TAKEN(names[i], "", "", "");
        snprintf(text, sizeof(text), "%s safe -- noreboot", names[i]);
        TAKEN(text, "", "safe", "noreboot");
    }
    TAKEN("bootx64s", "", "bootx64s", "");
    TAKEN("normal", "", "normal", "");
    TAKEN("BOOTX64.EFI BOOTX64", "", "BOOTX64", ""); /* only the first word */
}

TEST(words_without_effect_are_named)
{
    assert_int_equal(parse("BOOTX64.EFI -basevideo /mapbs -q --quiet root=/dev/sda safe"), 0);
    assert_string_equal(o.section, "safe");
    assert_string_equal(said,
                        "load option '-basevideo' has no effect here|load option '/mapbs' has no effect here|"
                        "load option '-q' has no effect here|unknown load option '--quiet' is ignored|"
                        "load option 'root=/dev/sda' is not used: the section is [safe]|");
}

TEST(refused)
{
    static char text[3000];

    assert_int_equal(parse("safe -cfg"), -EINVAL);
    assert_string_equal(why, "-cfg= names no file: load options are [-cfg=FILE] [SECTION] [-- OPTIONS]");
    assert_int_equal(parse("-cfg="), -EINVAL);
    assert_int_equal(parse("-help"), -EINVAL);
    assert_string_equal(why, "load options are [-cfg=FILE] [SECTION] [-- OPTIONS]");
    memset(text, 'x', CONFIG_NAME_MAX);
    assert_int_equal(parse(text), -E2BIG);
    text[CONFIG_NAME_MAX - 1] = '\0';
    assert_int_equal(parse(text), 0);
    snprintf(text, sizeof(text), "-cfg=%*d", (int)CONFIG_PATH_MAX, 7);
    memset(text + 5, '7', CONFIG_PATH_MAX);
    assert_int_equal(parse(text), -E2BIG);
    snprintf(text, sizeof(text), "-- %*d", (int)BOOT_CMDLINE_MAX, 7);
    memset(text + 3, '7', BOOT_CMDLINE_MAX);
    assert_int_equal(parse(text), -E2BIG);
    text[3 + BOOT_CMDLINE_MAX - 1] = '\0';
    assert_int_equal(parse(text), 0);
    assert_int_equal(strlen(o.options), BOOT_CMDLINE_MAX - 1);
}

/* efibootmgr without -u writes 8-bit text. */
TEST(eight_bit_text)
{
    assert_int_equal(parse_bytes("safe -- maxcpus=1", 17), 0);
    assert_string_equal(o.section, "safe");
    assert_string_equal(o.options, "maxcpus=1");
    assert_int_equal(parse_bytes("safer\0", 6), 0);
    assert_string_equal(o.section, "safer");
    assert_int_equal(parse_bytes("safe\0\0\0\0", 8), 0);
    assert_string_equal(o.section, "safe");
    assert_string_equal(said, "");
}

TEST(data_is_no_text)
{
    static const u8 guid[16] = {0x4e, 0xac, 0x08, 0x81, 0x11, 0x9f, 0x59, 0x4d, 0x85,
                                0x0e, 0xe2, 0x1a, 0x52, 0x2c, 0x59, 0xb2}; /* OVMF's in its own entries */
    u8 bytes[64];

    assert_int_equal(parse_bytes(guid, sizeof(guid)), 0);
    assert_string_equal(said, "the load options are no text, and are ignored (16 bytes)|");
    assert_string_equal(o.section, "");
    assert_int_equal(parse_bytes("ab\0cdef", 7), 0);
    assert_string_equal(said, "the load options are no text, and are ignored (7 bytes)|");
    for (u32 i = 0; i < sizeof(bytes); i++)
        bytes[i] = (u8)(i * 37 + 129);
    for (size_t n = 2; n <= sizeof(bytes); n++) {
        assert_int_equal(parse_bytes(bytes, n), 0);
        assert_string_equal(o.section, "");
    }
}

/* Letters of other scripts in a path before the section, and in a file's name. */
TEST(other_scripts)
{
    u8 wide[200];
    size_t n = widen("fs0:\\B#ro\\BOOTX64.EFI safe", wide);

    wide[2 * 6] = 0xfc; /* u with diaeresis */
    assert_int_equal(parse_bytes(wide, n), 0);
    assert_string_equal(o.section, "safe");
    assert_string_equal(said, "");
    n = widen("-cfg=b#ro.cfg", wide);
    wide[2 * 6] = 0xfc;
    assert_int_equal(parse_bytes(wide, n), 0);
    assert_string_equal(o.config, "b\xc3\xbcro.cfg");
    n = widen("#safe", wide);
    wide[0] = 0xff, wide[1] = 0xfe; /* a byte order mark */
    assert_int_equal(parse_bytes(wide, n), 0);
    assert_string_equal(o.section, "safe");
}

/* Some firmware passes the whole boot entry. */
TEST(a_whole_load_option)
{
    static const u8 head[] = {1, 0, 0, 0, 12,  0, 'X', 0, 'e',  0,    'n', 0,
                              0, 0, /* attributes, length, description */
                              4, 4, 8, 0, 'a', 0, 0,   0, 0x7f, 0xff, 4,   0}; /* a file, the end */
    u8 entry[100];
    size_t n;

    memcpy(entry, head, sizeof(head));
    n = sizeof(head) + widen("safe -- maxcpus=1", entry + sizeof(head));
    assert_int_equal(parse_bytes(entry, n), 0);
    assert_string_equal(o.section, "safe");
    assert_string_equal(o.options, "maxcpus=1");
    assert_string_equal(said, "");
    assert_int_equal(parse_bytes(entry, sizeof(head)), 0); /* without optional data */
    assert_string_equal(said, "");
    for (size_t len = 1; len < n; len++) /* cut anywhere: an answer, and no read beyond it */
        parse_bytes(entry, len);
    entry[16] = 9; /* the device path's nodes do not end where its length says */
    assert_int_equal(parse_bytes(entry, n), 0);
    assert_string_equal(o.section, "");
}

TEST(options_are_appended_to_the_hypervisors)
{
    char line[BOOT_CMDLINE_MAX] = "";

    assert_int_equal(load_options_append(line, ""), 0);
    assert_string_equal(line, "");
    assert_int_equal(load_options_append(line, "a=1"), 0);
    assert_string_equal(line, "a=1");
    assert_int_equal(load_options_append(line, "b"), 0);
    assert_string_equal(line, "a=1 b");
    strcpy(line, "a --x -- quiet"); /* what follows -- is domain 0's */
    assert_int_equal(load_options_append(line, "b c"), 0);
    assert_string_equal(line, "a --x b c -- quiet");
    strcpy(line, "--");
    assert_int_equal(load_options_append(line, "b"), 0);
    assert_string_equal(line, "b --");
    memset(line, 'x', BOOT_CMDLINE_MAX - 3);
    line[BOOT_CMDLINE_MAX - 3] = '\0';
    assert_int_equal(load_options_append(line, "bb"), -E2BIG);
    assert_int_equal(strlen(line), BOOT_CMDLINE_MAX - 3);
    assert_int_equal(load_options_append(line, "b"), 0);
    assert_int_equal(strlen(line), BOOT_CMDLINE_MAX - 1);
}
