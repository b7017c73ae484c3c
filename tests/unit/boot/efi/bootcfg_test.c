/* The UEFI loader's configuration file. */
#include <tests/machine/test.h>

#include <boot/efi/config.h>
#include <homestead/errno.h>

static struct boot_config cfg;
static char why[400];
static const char *section; /* that is asked for */

/* Parses a copy that ends where the text ends, so that ASan sees every read beyond it. */
static int parse_bytes(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, text, len);
    memset(&cfg, 0x5a, sizeof(cfg));
    strcpy(why, "untouched");
    rc = config_parse(copy, len, section, &cfg, why, sizeof(why));
    free(copy);
    return rc;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

#define REFUSED(err, sentence, text) \
    do { \
        assert_int_equal(parse(text), -(err)); \
        assert_string_equal(why, sentence); \
    } while (0)

TEST(whole_file)
{
    assert_int_equal(
        parse("# a comment\r\n; another\n[global]\ndefault = one\n\n[other]\ndom0=x\n"
              "[one]\n  options= com1=115200,8n1  a=b  \nkernel=h.elf\ndom0=d.elf  verbose  x=1\n"
              "module=a.cpio some text\nmodule=/b/c.bin"),
        0);
    assert_string_equal(cfg.section, "one");
    assert_string_equal(cfg.options, "com1=115200,8n1  a=b");
    assert_string_equal(cfg.kernel.path, "h.elf");
    assert_string_equal(cfg.dom0.path, "d.elf");
    assert_string_equal(cfg.dom0.args, "verbose  x=1");
    assert_int_equal(cfg.nr_modules, 2);
    assert_string_equal(cfg.modules[0].path, "a.cpio");
    assert_string_equal(cfg.modules[0].args, "some text");
    assert_string_equal(cfg.modules[1].path, "/b/c.bin");
    assert_string_equal(cfg.modules[1].args, "");
    assert_string_equal(why, "untouched");
}

TEST(defaults)
{
    assert_int_equal(parse("[global]\ndefault=s\n[s]\ndom0=d"), 0);
    assert_string_equal(cfg.kernel.path, "homestead.elf");
    assert_string_equal(cfg.options, "");
    assert_string_equal(cfg.chain, "");
    assert_int_equal(cfg.nr_modules, 0);
}

TEST(global_may_come_last)
{
    assert_int_equal(parse("[s]\ndom0=d\n[global]\ndefault=s\n"), 0);
    assert_string_equal(cfg.dom0.path, "d");
}

TEST(comments_at_line_ends)
{
    assert_int_equal(
        parse("[global] # first\ndefault=s\t# which\n[s]#no comment]\n[s] # it\noptions=a b  # c\n"
              "dom0=d x#y ; z # w\n  # all of it\n"),
        0);
    assert_string_equal(cfg.section, "s");
    assert_string_equal(cfg.options, "a b");
    assert_string_equal(cfg.dom0.args,
                        "x#y ; z"); /* inside a word it is part of it, and ; is only a comment at the start */
    REFUSED(EINVAL, "line 4: no file name for the key 'dom0'", "[global]\ndefault=s\n[s]\ndom0= # d\n");
}

TEST(the_load_options_section_wins)
{
    section = "t";
    assert_int_equal(parse("[global]\ndefault=s\n[s]\ndom0=d\n[t]\ndom0=e\n"), 0);
    assert_string_equal(cfg.section, "t");
    assert_string_equal(cfg.dom0.path, "e");
    assert_int_equal(parse("[t]\ndom0=e\n"), 0); /* no default= is needed then */
    REFUSED(ENOENT, "there is no section [t]; the file has [s], [u]",
            "[global]\ndefault=s\n[s]\ndom0=d\n[u]\ndom0=f\n");
    REFUSED(ENOENT, "there is no section [t]; the file has none", "[global]\ndefault=s\n");
    section = "";
    assert_int_equal(parse("[global]\ndefault=s\n[s]\ndom0=d\n[t]\ndom0=e\n"), 0);
    assert_string_equal(cfg.section, "s");
    section = NULL;
}

TEST(byte_order_mark)
{
    assert_int_equal(parse("\xef\xbb\xbf[global]\ndefault=s\n[s]\ndom0=d\n"), 0);
}

TEST(unknown_keys_are_named)
{
    REFUSED(EINVAL, "line 5: unknown key 'modul'", "[global]\ndefault=s\n[s]\ndom0=d\nmodul=x\n");
    REFUSED(EINVAL, "line 2: unknown key in [global]: 'defualt'", "[global]\ndefualt=s\n[s]\ndom0=d\n");
    /* Sections that are not used must be sound as well: tomorrow they are. */
    REFUSED(EINVAL, "line 6: unknown key 'ramdisk'", "[global]\ndefault=s\n[s]\ndom0=d\n[t]\nramdisk=x\n");
    REFUSED(EINVAL, "line 2: unknown key '?[31mx'", "[s]\n\x1b[31mx=1\n");
    /* All of them, and the error that ends the reading. */
    REFUSED(EINVAL,
            "line 2: unknown key in [global]: 'timeout'; line 5: unknown key 'ramdisk'; line 7: unknown key "
            "'video'; "
            "line 8: unknown key 'xsm'",
            "[global]\ntimeout=3\ndefault=s\n[s]\nramdisk=r\ndom0=d\nvideo=v\nxsm=x\n");
    REFUSED(EINVAL, "line 2: unknown key 'a'; line 3: neither [SECTION] nor KEY=VALUE: 'b'",
            "[s]\na=1\nb\nc=2\n");
}

TEST(malformed_lines)
{
    REFUSED(EINVAL, "line 2: neither [SECTION] nor KEY=VALUE: 'default s'", "[global]\ndefault s\n");
    REFUSED(EINVAL, "line 1: not a section name: '[global'", "[global\n");
    REFUSED(EINVAL, "line 1: not a section name: '[]'", "[]\n");
    REFUSED(EINVAL, "line 1: no section yet for the key 'dom0'", "dom0=d\n");
    REFUSED(EINVAL, "line 2: no key before '=x'", "[s]\n=x\n");
    assert_int_equal(parse_bytes("[glo\0bal]\n", 10), -EINVAL);
    assert_string_equal(why, "line 1: a zero byte in '[glo?bal]'");
}

TEST(keys_given_twice)
{
    REFUSED(EINVAL, "line 5: given twice in its section: the key 'dom0'",
            "[global]\ndefault=s\n[s]\ndom0=a\ndom0=b\n");
    REFUSED(EINVAL, "line 6: given twice in its section: the key 'kernel'",
            "[global]\ndefault=s\n[s]\ndom0=a\nkernel=k\nkernel=k\n");
    REFUSED(EINVAL, "line 5: given twice in its section: the key 'options'",
            "[global]\ndefault=s\n[s]\noptions=a\noptions=\n");
    REFUSED(EINVAL, "line 3: given twice in its section: the key 'default'",
            "[global]\ndefault=s\ndefault=t\n");
    REFUSED(EINVAL, "line 6: there is a second section 's'", "[global]\ndefault=s\n[s]\ndom0=a\n[t]\n[s]\n");
}

TEST(what_must_be_there)
{
    REFUSED(EINVAL, "[global] has no default=SECTION", "");
    REFUSED(EINVAL, "[global] has no default=SECTION", "[s]\ndom0=d\n");
    REFUSED(EINVAL, "section [s] has no dom0=FILE", "[global]\ndefault=s\n[s]\nkernel=k\n");
    REFUSED(EINVAL, "line 4: no file name for the key 'dom0'", "[global]\ndefault=s\n[s]\ndom0=\n");
    REFUSED(EINVAL, "line 4: takes a file name only (options= has the command line): 'kernel'",
            "[global]\ndefault=s\n[s]\nkernel=k loglvl=all\ndom0=d\n");
}

TEST(missing_section_and_chain)
{
    REFUSED(ENOENT, "there is no section [s]; the file has [t]",
            "[global]\ndefault=s\nchain=more.cfg\n[t]\ndom0=d\n");
    assert_string_equal(cfg.chain, "more.cfg");
    assert_string_equal(cfg.section, "s");
}

TEST(output_is_untouched_on_failure)
{
    REFUSED(EINVAL, "section [s] has no dom0=FILE", "[global]\ndefault=s\n[s]\n");
    assert_int_equal(((u8 *)&cfg)[0], 0x5a);
    assert_int_equal(((u8 *)&cfg)[sizeof(cfg) - 1], 0x5a);
}

TEST(many_unknown_keys_are_cut)
{
    char text[2000] = "[s]\n";

    for (u32 i = 0; i < 100; i++)
        strcat(text, "unknown=x\n");
    assert_int_equal(parse(text), -EINVAL);
    assert_int_equal(strlen(why), sizeof(why) - 1);
}

TEST(too_many_modules)
{
    char text[256] = "[global]\ndefault=s\n[s]\ndom0=d\n";

    for (u32 i = 0; i < CONFIG_MODULE_MAX; i++)
        strcat(text, "module=m\n");
    assert_int_equal(parse(text), 0);
    assert_int_equal(cfg.nr_modules, CONFIG_MODULE_MAX);
    strcat(text, "module=m\n");
    REFUSED(E2BIG, "line 8: one too many of the key 'module'", text);
}

/* The longest value that fits, and one byte more. */
TEST(long_values)
{
    static char text[4096], value[BOOT_CMDLINE_MAX + 1];

    memset(value, 'x', BOOT_CMDLINE_MAX);
    snprintf(text, sizeof(text), "[global]\ndefault=s\n[s]\noptions=%s\ndom0=d\n", value + 1);
    assert_int_equal(parse(text), 0);
    assert_int_equal(strlen(cfg.options), BOOT_CMDLINE_MAX - 1);
    snprintf(text, sizeof(text), "[global]\ndefault=s\n[s]\noptions=%s\ndom0=d\n", value);
    REFUSED(E2BIG, "line 4: the value is too long for the key 'options'", text);
    snprintf(text, sizeof(text), "[global]\ndefault=s\n[s]\ndom0=%s\n", value);
    REFUSED(E2BIG, "line 4: the value is too long for the key 'dom0'", text);
    snprintf(text, sizeof(text), "[global]\ndefault=%.100s\n", value);
    REFUSED(E2BIG, "line 2: the value is too long for the key 'default'", text);
}

/* Every prefix of a good file, and every byte of it replaced: an answer, and never a byte out of place. */
TEST(damaged_texts_are_survived)
{
    static const char good[] =
        "\xef\xbb\xbf[global]\ndefault=s\nchain=c\n[s]\noptions=o\ndom0=d e\nmodule=m n\n";
    static const char bytes[] = {0, '\n', '[', ']', '=', '#', ' ', '\xff'};
    char text[sizeof(good)];

    for (size_t n = 0; n < sizeof(good); n++)
        parse_bytes(good, n);
    for (size_t i = 0; i + 1 < sizeof(good); i++) {
        for (size_t b = 0; b < sizeof(bytes); b++) {
            memcpy(text, good, sizeof(good));
            text[i] = bytes[b];
            parse_bytes(text, sizeof(good) - 1);
        }
    }
}
