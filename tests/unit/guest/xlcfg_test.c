/* The builder's configuration reader: xl.cfg's forms, each key's limits, and messages with line numbers. */
#include <tests/machine/test.h>

#include <guest/dom0/xlcfg.h>
#include <homestead/errno.h>

#define BASE "name = \"a\"\nkernel = \"k.elf\"\nmemory = 64\n"

static struct xlcfg cfg;
static struct xlcfg_error err;

/* The exact bytes without a NUL, so that ASan sees every byte read beyond. */
static int parse_bytes(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);

    memcpy(copy, text, len);
    err = (struct xlcfg_error){0};
    int rc = xlcfg_parse(copy, len, &cfg, &err);
    free(copy);
    return rc;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void expect_error(const char *text, uint32_t line, const char *message)
{
    assert_int_equal(parse(text), -EINVAL);
    assert_non_null(err.text);
    assert_string_equal(err.text, message);
    assert_int_equal(err.line, line);
}

TEST(defaults)
{
    assert_int_equal(parse(BASE), 0);
    assert_string_equal(cfg.name, "a");
    assert_string_equal(cfg.kernel, "k.elf");
    assert_string_equal(cfg.extra, "");
    assert_int_equal(cfg.memory_mib, 64);
    assert_int_equal(cfg.maxmem_mib, 64);
    assert_int_equal(cfg.vcpus, 1);
    assert_int_equal(cfg.nodes_kind, NODES_ANY);
    assert_int_equal(cfg.claim_mode, CLAIM_NODE);
    assert_int_equal(cfg.expect, EXPECT_POWEROFF);
    assert_int_equal(cfg.timeout_s, 60);
    assert_false(cfg.optional);
    assert_string_equal(cfg.unknown, "");
}

TEST(every_key)
{
    assert_int_equal(
        parse("# a comment\n\nname='web-1.x'; type = \"pvh\"\r\nkernel = \"vmlinux\" # c\n"
              "\textra = \"console=hvc0 a='b' # no comment\"\nmemory=0x100\nmaxmem = 512\nvcpus = 4\n"
              "nodes = [ 1,\n  # here too\n \"0\", ]\nclaim_mode = \"host\"\nexpect = 'reboot'\n"
              "timeout = 5\noptional = 1\non_crash = \"destroy\"\nvif = [ ]\n"),
        0);
    assert_string_equal(cfg.name, "web-1.x");
    assert_string_equal(cfg.extra, "console=hvc0 a='b' # no comment");
    assert_int_equal(cfg.memory_mib, 256);
    assert_int_equal(cfg.maxmem_mib, 512);
    assert_int_equal(cfg.vcpus, 4);
    assert_int_equal(cfg.nodes_kind, NODES_LIST);
    assert_int_equal(cfg.nr_nodes, 2);
    assert_int_equal(cfg.nodes[0], 1);
    assert_int_equal(cfg.nodes[1], 0);
    assert_int_equal(cfg.claim_mode, CLAIM_HOST);
    assert_int_equal(cfg.expect, EXPECT_REBOOT);
    assert_int_equal(cfg.timeout_s, 5);
    assert_true(cfg.optional);
    assert_string_equal(cfg.unknown, "on_crash");
}

TEST(nodes_in_every_form)
{
    assert_int_equal(parse(BASE "nodes = 3\n"), 0);
    assert_int_equal(cfg.nr_nodes, 1);
    assert_int_equal(cfg.nodes[0], 3);
    assert_int_equal(parse(BASE "nodes = \"last\"\n"), 0);
    assert_int_equal(cfg.nodes_kind, NODES_LAST);
    assert_int_equal(parse(BASE "nodes = \"all\"\n"), 0);
    assert_int_equal(cfg.nodes_kind, NODES_ALL);
    assert_int_equal(parse(BASE "nodes = \"any\""), 0);
    assert_int_equal(cfg.nodes_kind, NODES_ANY);
    expect_error(BASE "nodes = []\n", 4, "the list of nodes is empty");
    expect_error(BASE "nodes = [1,1]\n", 4, "a node is named twice");
    expect_error(BASE "nodes = 65536\n", 4, "not a node number");
    expect_error(BASE "nodes = [1,2,3,4,5,6,7,8,9]\n", 4, "a list is too long");
    expect_error(BASE "nodes = [1 2]\n", 4, "a list is not closed");
    expect_error(BASE "nodes = [\n1,\n", 6, "not a number (strings need quotes)");
    expect_error(BASE "nodes = [\"1x\"]\n", 4, "not a number (strings need quotes)");
    expect_error(BASE "nodes = \"first\"\n", 4, "this key does not know that word");
}

TEST(claim_modes_and_expectations)
{
    assert_int_equal(parse(BASE "claim_mode = \"off\"\n"), 0);
    assert_int_equal(cfg.claim_mode, CLAIM_OFF);
    assert_int_equal(parse(BASE "claim_mode = \"node\"\n"), 0);
    assert_int_equal(cfg.claim_mode, CLAIM_NODE);
    for (int i = 0; i < EXPECT_COUNT; i++) {
        char text[128];
        snprintf(text, sizeof(text), BASE "expect = \"%s\"\n", xlcfg_expect_names[i]);
        assert_int_equal(parse(text), 0);
        assert_int_equal(cfg.expect, i);
    }
    expect_error(BASE "expect = \"Reboot\"\n", 4, "this key does not know that word");
    expect_error(BASE "claim_mode = 1\n", 4, "this key needs a \"string\"");
}

TEST(numbers_have_limits)
{
    expect_error(BASE "vcpus = 0\n", 4, "a number is out of range for this key");
    expect_error(BASE "vcpus = 129\n", 4, "a number is out of range for this key");
    assert_int_equal(parse(BASE "vcpus = 128\n"), 0);
    assert_int_equal(cfg.vcpus, 128);
    expect_error(BASE "memory = 0\n", 4, "a number is out of range for this key");
    expect_error(BASE "memory = 18446744073709551616\n", 4, "a number is too large");
    expect_error(BASE "memory = 18446744073709551615\n", 4, "a number is out of range for this key");
    expect_error(BASE "memory = \"64\"\n", 4, "this key needs a number");
    expect_error(BASE "memory = 64M\n", 4, "not a number (strings need quotes)");
    expect_error(BASE "memory = 0x\n", 4, "not a number (strings need quotes)");
    expect_error(BASE "memory = -1\n", 4, "not a number (strings need quotes)");
    expect_error(BASE "timeout = 3601\n", 4, "a number is out of range for this key");
    expect_error(BASE "optional = 2\n", 4, "a number is out of range for this key");
    expect_error(BASE "maxmem = 63\n", 5, "maxmem is less than memory");
}

TEST(strings_have_limits)
{
    char text[1024];

    expect_error("name = \"abc\n", 1, "a string is not closed");
    expect_error("name = \"abc", 1, "a string is not closed");
    expect_error("name = 'abc\"", 1, "a string is not closed");
    expect_error("name = \"a b\"\n", 1, "a name has letters, digits and . _ - only");
    snprintf(text, sizeof(text), "name = \"%063d\"", 0);
    (void)parse(text);
    assert_int_equal(strlen(cfg.name), 63);
    snprintf(text, sizeof(text), "name = \"%064d\"", 0);
    expect_error(text, 1, "a string is too long for this key");
    snprintf(text, sizeof(text), "extra = \"%0511d\"\n" BASE, 0);
    assert_int_equal(parse(text), 0);
    assert_int_equal(strlen(cfg.extra), 511);
    snprintf(text, sizeof(text), "extra = \"%0512d\"\n" BASE, 0);
    expect_error(text, 1, "a string is too long");
    assert_int_equal(parse_bytes("name = \"a\0b\"", 12), -EINVAL);
}

TEST(lines_must_be_whole)
{
    expect_error("= 3\n", 1, "a line does not start with a key");
    expect_error("\n\nname\n", 3, "a key is not followed by '='");
    expect_error("name \"a\"\n", 1, "a key is not followed by '='");
    expect_error("name =\n", 1, "not a number (strings need quotes)");
    expect_error("name = \"a\" kernel = \"k\"\n", 1, "something follows a value");
    expect_error("name = \"a\" \"b\"\n", 1, "something follows a value");
    assert_int_equal(parse_bytes("\xff\xfe", 2), -EINVAL);
    assert_int_equal(parse_bytes("\0", 1), -EINVAL);
}

TEST(what_must_be_there)
{
    expect_error("", 1, "there is no name");
    expect_error("# only this\n", 2, "there is no name");
    expect_error("name = \"a\"\n", 2, "there is no kernel");
    expect_error("name = \"a\"\nkernel = \"k\"\n", 3, "there is no memory");
}

/* What a broken file was expected to do must be known although it is broken. */
TEST(expectation_survives_an_error)
{
    assert_int_equal(parse("expect = \"badconfig\"\nname = \"x\n"), -EINVAL);
    assert_int_equal(cfg.expect, EXPECT_BADCONFIG);
}

/* Cut at every length: an error or a result, never a byte read beyond. */
TEST(every_cut_is_survived)
{
    const char *text =
        "name = \"a\" # c\nkernel='k';memory=64\nnodes = [ 1, \"2\",\n 0x3 ]\nextra = \"x y\"\n";

    for (size_t len = 0; len <= strlen(text); len++) {
        int rc = parse_bytes(text, len);
        assert_true(rc == 0 || (rc == -EINVAL && err.text && err.line >= 1));
    }
}
