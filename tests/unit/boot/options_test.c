/* The command line: every option, its bad values, and the report of unknown ones. */
#include <tests/machine/test.h>

#include <boot/options.h>

static char said[4096];

static void report(const char *sentence)
{
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s|", sentence);
}

static struct boot_options parse(const char *cmdline)
{
    struct boot_options o;

    said[0] = '\0';
    options_parse(cmdline, &o, report);
    return o;
}

TEST(defaults_hold_for_an_empty_line)
{
    struct boot_options o = parse("  ");
    assert_int_equal(o.dom0_mem_bytes, 0);
    assert_int_equal(o.dom0_max_vcpus, 1);
    assert_true(o.numa && o.idle_scrub && o.console && o.debug_exit_auto && !o.noreboot && o.debugkeys);
    assert_int_equal(o.test_stuck, ~0u);
    assert_int_equal(o.com1_port, 0x3f8);
    assert_int_equal(o.loglvl, LOG_INFO);
    assert_true(!o.nmi_panic && !o.x2apic && !o.test_cpu_fail && !o.test_panic && !o.test_lockup);
    assert_int_equal(o.watchdog_secs, 10); /* host tests are debug builds */
    assert_string_equal(said, "");
}

TEST(every_option_is_taken)
{
    struct boot_options o = parse(
        "dom0_mem=64M dom0_max_vcpus=4 dom0_nodes=1,3-5 maxcpus=8 numa=off idle-scrub=off loglvl=debug\t"
        "console=none com1=9600,8n1,0x2f8 noreboot debug-exit=0x501 nmi=panic x2apic=on watchdog=20 "
        "test_cpu_fail=1,3-5 test_panic=63 test_lockup=0-1 debugkeys=no test_stuck=3");
    assert_string_equal(said, "");
    assert_int_equal(o.dom0_mem_bytes, MIB(64));
    assert_int_equal(o.dom0_max_vcpus, 4);
    assert_int_equal(o.dom0_nodes, 0x3a);
    assert_int_equal(o.maxcpus, 8);
    assert_false(o.numa);
    assert_false(o.idle_scrub);
    assert_int_equal(o.loglvl, LOG_DEBUG);
    assert_false(o.console);
    assert_int_equal(o.com1_baud, 9600);
    assert_int_equal(o.com1_port, 0x2f8);
    assert_true(o.noreboot);
    assert_false(o.debug_exit_auto || o.debugkeys);
    assert_int_equal(o.test_stuck, 3);
    assert_int_equal(o.debug_exit_port, 0x501);
    assert_true(o.nmi_panic && o.x2apic);
    assert_int_equal(o.watchdog_secs, 20);
    assert_int_equal(o.test_cpu_fail, 0x3a);
    assert_int_equal(o.test_panic, BIT(63));
    assert_int_equal(o.test_lockup, 3);
}

TEST(a_bare_size_counts_kib)
{
    assert_int_equal(parse("dom0_mem=65536").dom0_mem_bytes, MIB(64));
    assert_int_equal(parse("dom0_mem=1G").dom0_mem_bytes, GIB(1));
}

TEST(bad_values_are_named_and_change_nothing)
{
    static const char *const bad[] = {
        "dom0_mem=x",
        "dom0_mem=",
        "dom0_mem=64Q",
        "dom0_mem=0",
        "dom0_mem=99999999999999999999",
        "dom0_max_vcpus=0",
        "dom0_max_vcpus=129",
        "dom0_nodes=64",
        "dom0_nodes=3-1",
        "dom0_nodes=1,",
        "maxcpus=0",
        "numa=maybe",
        "loglvl=loud",
        "console=vga",
        "com1=9600,7e1",
        "debugkeys=maybe",
        "test_stuck=1024",
        "com1=9600,8n1,1",
        "debug-exit=70000",
        "com1=115200,8n1x",
        "dom0_mem=17592186044416G",
        "nmi=ignore",
        "x2apic=off",
        "watchdog=3601",
        "watchdog=",
        "test_cpu_fail=64",
        "test_panic=1,",
        "test_lockup=2-1",
    };
    struct boot_options defaults = parse("");

    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        struct boot_options o = parse(bad[i]);
        if (!strstr(said, "cannot use the value"))
            fail_msg("%s was taken", bad[i]);
        assert_memory_equal(&o, &defaults, sizeof(o));
    }
}

TEST(unknown_options_are_named)
{
    struct boot_options o = parse("iommu=force numa=off sync_console");
    assert_non_null(strstr(said, "'iommu'"));
    assert_non_null(strstr(said, "'sync_console'"));
    assert_null(strstr(said, "numa"));
    assert_false(o.numa);
}

TEST(everything_after_two_dashes_is_ignored)
{
    assert_true(parse("noreboot -- numa=off bogus").numa);
    assert_string_equal(said, "");
}

TEST(an_endless_word_is_cut)
{
    char line[1000];

    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    parse(line);
    assert_non_null(strstr(said, "unknown option"));
}
