// sources: boot/efi/config.c
/* The UEFI loader's configuration file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <boot/efi/config.h>
#include <homestead/errno.h>

static struct boot_config cfg;
static char why[160];

/* Parses a copy that ends where the text ends, so that ASan sees every byte read behind it. */
static int parse_bytes(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, text, len);
    memset(&cfg, 0x5a, sizeof(cfg));
    strcpy(why, "untouched");
    rc = config_parse(copy, len, &cfg, why, sizeof(why));
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

static void test_whole_file(void **state)
{
    (void)state;
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

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("[global]\ndefault=s\n[s]\ndom0=d"), 0);
    assert_string_equal(cfg.kernel.path, "homestead.elf");
    assert_string_equal(cfg.options, "");
    assert_string_equal(cfg.chain, "");
    assert_int_equal(cfg.nr_modules, 0);
}

static void test_global_may_come_last(void **state)
{
    (void)state;
    assert_int_equal(parse("[s]\ndom0=d\n[global]\ndefault=s\n"), 0);
    assert_string_equal(cfg.dom0.path, "d");
}

static void test_byte_order_mark(void **state)
{
    (void)state;
    assert_int_equal(parse("\xef\xbb\xbf[global]\ndefault=s\n[s]\ndom0=d\n"), 0);
}

static void test_unknown_keys_are_named(void **state)
{
    (void)state;
    REFUSED(EINVAL, "line 5: unknown key 'modul'", "[global]\ndefault=s\n[s]\ndom0=d\nmodul=x\n");
    REFUSED(EINVAL, "line 2: unknown key in [global]: 'defualt'", "[global]\ndefualt=s\n[s]\ndom0=d\n");
    /* Sections that are not used must be sound as well: tomorrow they are. */
    REFUSED(EINVAL, "line 6: unknown key 'ramdisk'", "[global]\ndefault=s\n[s]\ndom0=d\n[t]\nramdisk=x\n");
    REFUSED(EINVAL, "line 2: unknown key '?[31mx'", "[s]\n\x1b[31mx=1\n");
}

static void test_lines_nobody_understands(void **state)
{
    (void)state;
    REFUSED(EINVAL, "line 2: neither [SECTION] nor KEY=VALUE: 'default s'", "[global]\ndefault s\n");
    REFUSED(EINVAL, "line 1: not a section name: '[global'", "[global\n");
    REFUSED(EINVAL, "line 1: not a section name: '[]'", "[]\n");
    REFUSED(EINVAL, "line 1: no section yet for the key 'dom0'", "dom0=d\n");
    REFUSED(EINVAL, "line 2: no key before '=x'", "[s]\n=x\n");
    assert_int_equal(parse_bytes("[glo\0bal]\n", 10), -EINVAL);
    assert_string_equal(why, "line 1: a zero byte in '[glo?bal]'");
}

static void test_keys_given_twice(void **state)
{
    (void)state;
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

static void test_what_must_be_there(void **state)
{
    (void)state;
    REFUSED(EINVAL, "[global] has no default=SECTION", "");
    REFUSED(EINVAL, "[global] has no default=SECTION", "[s]\ndom0=d\n");
    REFUSED(EINVAL, "section [s] has no dom0=FILE", "[global]\ndefault=s\n[s]\nkernel=k\n");
    REFUSED(EINVAL, "line 4: no file name for the key 'dom0'", "[global]\ndefault=s\n[s]\ndom0=\n");
    REFUSED(EINVAL, "line 4: takes a file name only (options= has the command line): 'kernel'",
            "[global]\ndefault=s\n[s]\nkernel=k loglvl=all\ndom0=d\n");
}

static void test_missing_section_and_chain(void **state)
{
    (void)state;
    REFUSED(ENOENT, "there is no section [s], which default= names",
            "[global]\ndefault=s\nchain=more.cfg\n[t]\ndom0=d\n");
    assert_string_equal(cfg.chain, "more.cfg");
    assert_string_equal(cfg.section, "s");
}

static void test_output_is_untouched_on_failure(void **state)
{
    (void)state;
    REFUSED(EINVAL, "section [s] has no dom0=FILE", "[global]\ndefault=s\n[s]\n");
    assert_int_equal(((u8 *)&cfg)[0], 0x5a);
    assert_int_equal(((u8 *)&cfg)[sizeof(cfg) - 1], 0x5a);
}

static void test_too_many_modules(void **state)
{
    char text[256] = "[global]\ndefault=s\n[s]\ndom0=d\n";

    (void)state;
    for (u32 i = 0; i < CONFIG_MODULE_MAX; i++)
        strcat(text, "module=m\n");
    assert_int_equal(parse(text), 0);
    assert_int_equal(cfg.nr_modules, CONFIG_MODULE_MAX);
    strcat(text, "module=m\n");
    REFUSED(E2BIG, "line 8: one too many of the key 'module'", text);
}

/* The longest value that fits, and one byte more. */
static void test_long_values(void **state)
{
    static char text[4096], value[BOOT_CMDLINE_MAX + 1];

    (void)state;
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
static void test_damaged_files(void **state)
{
    static const char good[] =
        "\xef\xbb\xbf[global]\ndefault=s\nchain=c\n[s]\noptions=o\ndom0=d e\nmodule=m n\n";
    static const char bytes[] = {0, '\n', '[', ']', '=', '#', ' ', '\xff'};
    char text[sizeof(good)];

    (void)state;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_global_may_come_last),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_unknown_keys_are_named),
        cmocka_unit_test(test_lines_nobody_understands),
        cmocka_unit_test(test_keys_given_twice),
        cmocka_unit_test(test_what_must_be_there),
        cmocka_unit_test(test_missing_section_and_chain),
        cmocka_unit_test(test_output_is_untouched_on_failure),
        cmocka_unit_test(test_too_many_modules),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_damaged_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
