/*
 * The command line: every option in every form, what is refused and what then holds, and docs/hypervisor-guide/options.md.
 *
 * lint: long: a list of cases.
 */
#include <tests/machine/test.h>

#include <boot/options.h>
#include <mm/claims.h>

static char said[8192];  /* of warnings */
static char noted[4096]; /* what is taken with less effect */

static void report(enum log_level level, const char *sentence)
{
    char *to = level == LOG_WARNING ? said : noted;

    snprintf(to + strlen(to), (level == LOG_WARNING ? sizeof(said) : sizeof(noted)) - strlen(to), "%s|",
             sentence);
}

static struct boot_options parse(const char *cmdline)
{
    struct boot_options o;

    said[0] = noted[0] = '\0';
    options_parse(cmdline, &o, report);
    return o;
}

/* Parses a line that must be taken without a word. */
static struct boot_options taken(const char *cmdline)
{
    struct boot_options o = parse(cmdline);

    if (*said || *noted)
        fail_msg("%s: %s%s", cmdline, said, noted);
    return o;
}

TEST(defaults_hold_for_an_empty_line)
{
    struct boot_options o = taken("  ");
    assert_int_equal(o.dom0_mem_bytes, 0);
    assert_true(o.dom0_min_vcpus == 1 && o.dom0_max_vcpus == 1);
    assert_true(o.numa && o.idle_scrub && o.debug_exit_auto && !o.noreboot && o.debugkeys);
    assert_int_equal(o.test_stuck, ~0u);
    assert_int_equal(o.console, 1);
    assert_true(o.com[0].port == 0x3f8 && o.com[1].port == 0x2f8);
    assert_int_equal(o.loglvl, LOG_INFO);
    assert_true(!o.nmi_panic && o.x2apic == WANT_APIC_AUTO && !o.test_cpu_fail && !o.test_panic &&
                !o.test_lockup);
    assert_int_equal(o.legacy_claims, CLAIM_LEGACY_HOST);
    assert_int_equal(o.watchdog_secs, 10); /* host tests are debug builds */
}

TEST(every_option_is_taken)
{
    struct boot_options o = taken(
        "dom0_mem=64M dom0_max_vcpus=4 dom0_nodes=1,3-5 maxcpus=8 numa=off idle-scrub=off loglvl=debug\t"
        "console=none com1=9600,8n1,0x2f8 noreboot debug-exit=0x501 nmi=panic x2apic=on watchdog=20 "
        "spec-ctrl=no-verw ept=no-exec-sp "
        "test_cpu_fail=1,3-5 test_panic=63 test_lockup=0-1 debugkeys=no test_stuck=3 legacy_claims=affinity");
    assert_int_equal(o.legacy_claims, CLAIM_LEGACY_AFFINITY);
    assert_int_equal(o.dom0_mem_bytes, MIB(64));
    assert_true(o.dom0_min_vcpus == 4 && o.dom0_max_vcpus == 4);
    assert_int_equal(o.dom0_nodes, 0x3a);
    assert_int_equal(o.maxcpus, 8);
    assert_false(o.numa);
    assert_false(o.idle_scrub);
    assert_int_equal(o.spec_ctrl.knob[KNOB_VERW], SPEC_NO);
    assert_int_equal(o.ept_exec_sp, SPEC_NO);
    assert_int_equal(o.loglvl, LOG_DEBUG);
    assert_int_equal(o.console, 0);
    assert_int_equal(o.com[0].baud, 9600);
    assert_int_equal(o.com[0].port, 0x2f8);
    assert_true(o.noreboot);
    assert_false(o.debug_exit_auto || o.debugkeys);
    assert_int_equal(o.test_stuck, 3);
    assert_int_equal(o.debug_exit_port, 0x501);
    assert_true(o.nmi_panic && o.x2apic == WANT_X2APIC);
    assert_int_equal(o.watchdog_secs, 20);
    assert_int_equal(o.test_cpu_fail, 0x3a);
    assert_int_equal(o.test_panic, BIT(63));
    assert_int_equal(o.test_lockup, 3);
}

/* With no-NAME and the bare name, these are all of Xen's booleans. */
TEST(booleans_have_all_of_xens_forms)
{
    static const char *const on[] = {"", "=on", "=yes", "=true", "=enable", "=1"};
    static const char *const off[] = {"=off", "=no", "=false", "=disable", "=0"};
    static const char *const names[] = {"numa", "idle-scrub", "noreboot", "debugkeys"};
    static const u32 fields[] = {
        offsetof(struct boot_options, numa), offsetof(struct boot_options, idle_scrub),
        offsetof(struct boot_options, noreboot), offsetof(struct boot_options, debugkeys)};
    char text[64];

    for (u32 n = 0; n < ARRAY_SIZE(names); n++) {
        for (u32 i = 0; i < ARRAY_SIZE(on); i++) {
            snprintf(text, sizeof(text), "%s=off %s%s", names[n], names[n], on[i]);
            struct boot_options o = taken(text);
            assert_true(*((bool *)&o + fields[n]));
        }
        for (u32 i = 0; i < ARRAY_SIZE(off); i++) {
            snprintf(text, sizeof(text), "%s=on %s%s", names[n], names[n], off[i]);
            struct boot_options o = taken(text);
            assert_false(*((bool *)&o + fields[n]));
        }
        snprintf(text, sizeof(text), "%s=on no-%s", names[n], names[n]);
        struct boot_options o = taken(text);
        assert_false(*((bool *)&o + fields[n]));
    }
}

TEST(numbers_are_cs)
{
    assert_int_equal(taken("maxcpus=010").maxcpus, 8);
    assert_int_equal(taken("maxcpus=0x10").maxcpus, 16);
    assert_int_equal(taken("dom0_mem=0200M").dom0_mem_bytes, MIB(128));
    assert_int_equal(parse("maxcpus=08").maxcpus, 0);
    assert_string_equal(said, "option maxcpus: cannot use '08' (1 to 1024); all CPUs are started|");
}

TEST(a_bare_size_counts_kib)
{
    assert_int_equal(taken("dom0_mem=65536").dom0_mem_bytes, MIB(64));
    assert_int_equal(taken("dom0_mem=1G").dom0_mem_bytes, GIB(1));
}

TEST(dom0_mem_with_bounds)
{
    static const struct {
        const char *text;
        u32 mib;
        bool noted;
    } cases[] = {
        {"128M,max:128M", 128, false},
        {"max:128M,128M", 128, false},
        {"min:128M,128M,max:128M", 128, false},
        {"128M,min:64M", 128, false},
        {"max:128M", 128, true},
        {"min:128M", 128, true},
        {"min:64M,max:128M", 128, true},
        {"min:256M,max:128M", 128, true}, /* max overrides min on Xen */
        {"128M,min:256M", 256, true},
        {"256M,max:128M", 128, true},
    };
    char text[64];

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(text, sizeof(text), "dom0_mem=%s", cases[i].text);
        assert_int_equal(parse(text).dom0_mem_bytes, MIB((u64)cases[i].mib));
        assert_string_equal(said, "");
        assert_int_equal(*noted != '\0', cases[i].noted);
    }
    parse("dom0_mem=min:64M,max:128M");
    assert_string_equal(noted, "option dom0_mem: 'min:64M,max:128M' is taken: domain 0 gets 128M|");
    /* Domain 0 cannot grow later. */
    assert_int_equal(parse("dom0_mem=128M,max:256M").dom0_mem_bytes, 0);
    assert_string_equal(
        said, "option dom0_mem: cannot use '128M,max:256M' (a size such as 128M); domain 0 gets 64M, "
              "or more if its image and module need it|");
}

TEST(dom0_max_vcpus_as_a_range)
{
    static const struct {
        const char *text;
        u32 min, max;
    } cases[] = {{"1-2", 1, 2},  {"4-8", 4, 8}, {"-4", 1, 4},
                 {"4-", 4, 128}, {"3-3", 3, 3}, {"128", 128, 128}};
    char text[64];

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(text, sizeof(text), "dom0_max_vcpus=%s", cases[i].text);
        struct boot_options o = taken(text);
        assert_int_equal(o.dom0_min_vcpus, cases[i].min);
        assert_int_equal(o.dom0_max_vcpus, cases[i].max);
    }
}

TEST(dom0_nodes_with_xens_words)
{
    assert_int_equal(taken("dom0_nodes=1,relaxed").dom0_nodes, 2);
    assert_int_equal(parse("dom0_nodes=strict,0-1").dom0_nodes, 3);
    assert_string_equal(noted,
                        "option dom0_nodes: 'strict,0-1' is taken: domain 0's memory is on node 0 1, its "
                        "vCPUs prefer CPUs there|");
}

TEST(levels_in_pairs)
{
    assert_int_equal(taken("loglvl=all/all").loglvl, LOG_DEBUG);
    assert_int_equal(taken("loglvl=none/error").loglvl, LOG_ERROR);
    assert_int_equal(parse("loglvl=warning/info").loglvl, LOG_WARNING);
    assert_string_equal(noted, "option loglvl: 'warning/info' is taken: loglvl=warning holds|");
    assert_int_equal(parse("guest_loglvl=all/all").loglvl, LOG_INFO);
    assert_string_equal(
        noted, "option guest_loglvl: 'all/all' is taken: loglvl=info holds, for what guests cause too|");
    assert_string_equal(said, "");
}

TEST(ept_is_a_list)
{
    assert_int_equal(taken("").ept_exec_sp, SPEC_AUTO);
    assert_int_equal(taken("ept=exec-sp").ept_exec_sp, SPEC_YES);
    assert_int_equal(taken("ept=exec-sp=no").ept_exec_sp, SPEC_NO);
    assert_int_equal(taken("ept=exec-sp,no-exec-sp").ept_exec_sp, SPEC_NO);
    assert_int_equal(parse("ept=no-pml,exec-sp=on").ept_exec_sp, SPEC_YES);
    assert_true(strstr(said, "cannot use all of 'no-pml,exec-sp=on'") ||
                strstr(said, "cannot use 'no-pml,exec-sp=on'"));
}

TEST(x2apic_and_watchdog_are_booleans_too)
{
    assert_int_equal(taken("x2apic").x2apic, WANT_X2APIC);
    assert_int_equal(taken("x2apic=off").x2apic, WANT_XAPIC);
    assert_int_equal(taken("no-x2apic").x2apic, WANT_XAPIC);
    assert_int_equal(taken("x2apic=off x2apic=auto").x2apic, WANT_APIC_AUTO);
    assert_int_equal(taken("watchdog=0 watchdog").watchdog_secs, 10);
    assert_int_equal(taken("watchdog=0 watchdog=force").watchdog_secs, 10);
    assert_int_equal(taken("watchdog=0 watchdog=1").watchdog_secs, 10);
    assert_int_equal(taken("watchdog=20 watchdog=yes").watchdog_secs, 20);
    assert_int_equal(taken("watchdog_timeout=7 watchdog").watchdog_secs, 7);
    assert_int_equal(taken("no-watchdog").watchdog_secs, 0);
    assert_int_equal(taken("watchdog_timeout=0").watchdog_secs, 0);
}

TEST(other_names_of_xen_with_one_meaning_here)
{
    assert_int_equal(taken("nosmp").maxcpus, 1);
    assert_int_equal(taken("maxcpus=3 nosmp=off").maxcpus, 3);
    assert_false(taken("numa=noacpi").numa);
    assert_true(taken("nmi=fatal").nmi_panic);
    assert_int_equal(taken("dom0-mem=128M dom0-max-vcpus=2").dom0_mem_bytes, MIB(128)); /* - and _ are one */
    assert_false(taken("idle_scrub=off").idle_scrub);
    assert_int_equal(taken(" placeholder maxcpus=2").maxcpus, 2); /* GRUB's menus for Xen */
    parse("maxcpus=2 placeholder");
    assert_string_equal(said, "unknown option 'placeholder' is ignored|");
}

TEST(serial_lines)
{
    static const struct {
        const char *text;
        u32 line, baud, base, port;
        const char frame[4];
    } cases[] = {
        {"com1=115200,8n1,0x2f8,3", 0, 115200, 115200, 0x2f8, "8n1"},
        {"com1=115200,8n1,0x3f8,0", 0, 115200, 115200, 0x3f8, "8n1"},
        {"com1=9600,7e1", 0, 9600, 115200, 0x3f8, "7e1"},
        {"com1=57600", 0, 57600, 115200, 0x3f8, "8n1"},
        {"com1=57600,,0x3e8,msi", 0, 57600, 115200, 0x3e8, "8n1"},
        {"com1=auto", 0, 0, 115200, 0x3f8, "8n1"},
        {"com1=0", 0, 0, 115200, 0x3f8, "8n1"},
        {"com1=921600/1843200,5o2", 0, 921600, 1843200, 0x3f8, "5o2"},
        {"com1=115200,8n1,0x3f8,4,reg-width=1,reg-shift=0", 0, 115200, 115200, 0x3f8, "8n1"},
        {"com1=baud=9600,parity=s,stop-bits=2,io-base=0x2e8,data-bits=6,irq=5", 0, 9600, 115200, 0x2e8,
         "6s2"},
        {"com1=clock-hz=921600,baud=921600", 0, 921600, 921600, 0x3f8, "8n1"},
        {"com2=115200,8n1", 1, 115200, 115200, 0x2f8, "8n1"},
        {"com2=19200,8n1,0x3e8", 1, 19200, 115200, 0x3e8, "8n1"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        struct boot_options o = taken(cases[i].text);
        const struct serial_options *s = &o.com[cases[i].line];
        assert_true(s->baud == cases[i].baud && s->base == cases[i].base);
        assert_int_equal(s->port, cases[i].port);
        assert_int_equal(s->data_bits, cases[i].frame[0] - '0');
        assert_int_equal(s->parity, cases[i].frame[1]);
        assert_int_equal(s->stop_bits, cases[i].frame[2] - '0');
    }
}

/* What decides where the complaint is read holds, whatever else is wrong. */
TEST(what_is_right_of_a_serial_line_holds)
{
    static const struct {
        const char *text, *holds;
    } cases[] = {
        {"com1=115200,8n1,0x2f8,irq", "com1=115200,8n1,0x2f8 holds"},
        {"com1=115200,8n1,0x2f8,3,01:00.0,00:1c.0", "com1=115200,8n1,0x2f8 holds"},
        {"com1=fast,9x9,0x2f8", "com1=115200,8n1,0x2f8 holds"},
        {"com1=9600,8n1,pci", "com1=9600,8n1,0x3f8 holds"},
        {"com1=9600,8n1,0x60", "com1=9600,8n1,0x3f8 holds"},
        {"com1=9600,8n1,0x2f8,reg-width=4,clock-hz=921600", "com1=9600/921600,8n1,0x2f8 holds"},
        {"com1=230400,8n1,0x2f8", "com1=115200,8n1,0x2f8 holds"},
        {"com1=1/115200", "com1=115200,8n1,0x3f8 holds"},
        {"com1=115200n8", "com1=115200,8n1,0x3f8 holds"},
        {"com1=115200,8n1,0x2f8,3,what=ever", "com1=115200,8n1,0x2f8 holds"},
        {"com1=115200,8n1,0x2f8,and-a-part-that-is-longer-than-any-other", "com1=115200,8n1,0x2f8 holds"},
        {"com1=", "com1=115200,8n1,0x3f8 holds"},
        {"com2=auto,8n3", "com2=auto,8n1,0x2f8 holds"},
        {"console=com2,ehci", "console=com2 holds"},
        {"console=com1H", "console=com1 holds"},
        {"console=com1,com2L", "console=com1,com2 holds"},
        {"console=vga", "console=com1 holds"},
        {"console=com2 console=none,xhci", "console=com2 holds"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        parse(cases[i].text);
        if (!strstr(said, "cannot use '") || !strstr(said, cases[i].holds))
            fail_msg("%s: %s", cases[i].text, said);
    }
}

TEST(consoles)
{
    static const struct {
        const char *text;
        u32 lines;
    } cases[] = {{"com1", 1}, {"com2", 2}, {"com1,com2", 3}, {"com2,com1", 3}, {"none", 0}, {"com1,none", 1}};
    char text[64];

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(text, sizeof(text), "console=%s", cases[i].text);
        assert_int_equal(taken(text).console, cases[i].lines);
    }
    assert_int_equal(parse("console=vga,com1").console, 1);
    assert_int_equal(parse("console=com2,vga").console, 2);
    assert_string_equal(said, "");
    assert_string_equal(noted, "option console: 'com2,vga' is taken: console=com2 holds|");
}

TEST(bad_values_are_named_and_change_nothing)
{
    static const char *const bad[] = {
        "dom0_mem=x",
        "dom0_mem=",
        "dom0_mem=64Q",
        "dom0_mem=0",
        "dom0_mem=99999999999999999999",
        "dom0_mem=17592186044416G",
        "dom0_mem=-512M",
        "dom0_mem=25%",
        "dom0_mem=128M,",
        "dom0_mem=128M,max:",
        "dom0_max_vcpus=0",
        "dom0_max_vcpus=129",
        "dom0_max_vcpus=3-2",
        "dom0_max_vcpus=1-2-3",
        "dom0_max_vcpus=1-129",
        "dom0_max_vcpus=",
        "dom0_nodes=64",
        "dom0_nodes=3-1",
        "dom0_nodes=1,",
        "dom0_nodes=relaxed",
        "maxcpus=0",
        "nosmp=maybe",
        "numa=maybe",
        "numa=fake=4",
        "loglvl=loud",
        "loglvl=all/",
        "loglvl=all/loud",
        "loglvl=informational-and-more",
        "guest_loglvl=loud",
        "console=",
        "console=ttyS0",
        "debugkeys=maybe",
        "test_stuck=1024",
        "debug-exit=70000",
        "nmi=ignore",
        "nmi=dom0",
        "x2apic=maybe",
        "ept=exec-sp=maybe",
        "ept=exec-sp=",
        "ept=no-exec-sp=no",
        "ept=no-pml",
        "ept",
        "no-ept",
        "watchdog=3601",
        "watchdog_timeout=x",
        "no-watchdog=5",
        "no-loglvl",
        "test_cpu_fail=64",
        "test_panic=1,",
        "test_lockup=2-1",
        "test_spec_ctrl=16",
    };
    struct boot_options defaults = parse("");

    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        struct boot_options o = parse(bad[i]);
        if (!strstr(said, ": cannot use '"))
            fail_msg("%s was taken", bad[i]);
        assert_memory_equal(&o, &defaults, sizeof(o));
    }
}

/* The clause is about the whole line: an earlier or a later value that can be used. */
TEST(a_refused_value_says_what_holds)
{
    static const struct {
        const char *text, *holds;
    } cases[] = {
        {"dom0_mem=256M dom0_mem=x", "domain 0 gets 256M"},
        {"dom0_mem=x dom0_mem=5000", "domain 0 gets 5000K"},
        {"dom0_max_vcpus=x", "domain 0 gets 1 vCPU"},
        {"dom0_max_vcpus=x dom0_max_vcpus=2-4", "domain 0 gets 2 to 4 vCPUs"},
        {"dom0_nodes=x", "domain 0 is on any node"},
        {"dom0_nodes=x dom0_nodes=0-63", "domain 0's memory is on node 0 1 2"},
        {"maxcpus=x", "all CPUs are started"},
        {"maxcpus=2 nosmp=x", "maxcpus=2 holds"},
        {"numa=off numa=x", "numa=off holds"},
        {"loglvl=x", "loglvl=info holds"},
        {"nmi=panic nmi=x", "nmi=panic holds"},
        {"x2apic=x", "x2apic=auto holds"},
        {"ept=x", "large pages are executed if the CPU can bear it"},
        {"ept=exec-sp ept=x", "ept=exec-sp holds"},
        {"ept=x,no-exec-sp", "ept=no-exec-sp holds"},
        {"watchdog=1x", "the watchdog waits 10 s"},
        {"watchdog=x watchdog=off", "there is no watchdog"},
        {"debug-exit=x", "debug-exit=auto holds"},
        {"debug-exit=0x501 debug-exit=x", "debug-exit=0x501 holds"},
        {"debug-exit=off debug-exit=x", "debug-exit=off holds"},
        {"test_panic=x", "test_panic= has no effect"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        parse(cases[i].text);
        if (!strstr(said, cases[i].holds))
            fail_msg("%s: %s", cases[i].text, said);
    }
}

TEST(unknown_options_are_named)
{
    struct boot_options o = parse("iommu=force numa=off sync_console no-real-mode");
    assert_string_equal(said, "unknown option 'iommu' is ignored|unknown option 'sync_console' is ignored|"
                              "unknown option 'no-real-mode' is ignored|");
    assert_false(o.numa);
}

TEST(what_follows_two_dashes_is_domain_0s)
{
    assert_true(taken("noreboot -- numa=off bogus").numa);
    assert_string_equal(options_for_dom0("noreboot  --  numa=off  bogus"), "numa=off  bogus");
    assert_string_equal(options_for_dom0("noreboot --"), "");
    assert_string_equal(options_for_dom0("--x noreboot"), "");
    assert_string_equal(options_for_dom0(""), "");
}

/* A part of a word may be another value, and the right one for somebody. */
TEST(an_endless_word_is_ignored_whole)
{
    char line[1000] = "dom0_nodes=";

    for (u32 i = 0; strlen(line) < sizeof(line) - 8; i++)
        snprintf(line + strlen(line), 8, "%u,", i % 10);
    strcat(line, "0");
    assert_int_equal(parse(line).dom0_nodes, 0);
    assert_non_null(strstr(said, "characters is ignored: 'dom0_nodes=0,1,2,"));
    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    parse(line);
    assert_non_null(strstr(said, "an option of 999 characters is ignored"));
    memcpy(line + 300, " maxcpus=2", 11);
    assert_int_equal(parse(line).maxcpus, 2);
    assert_non_null(strstr(said, "unknown option 'aaaa"));
}

/* Calls taken() for each `FORM` of the second column of docs/hypervisor-guide/options.md's tables. Returns how many there are. */
static u32 take_documented(FILE *page)
{
    char line[1024], text[512];
    u32 forms = 0;

    while (fgets(line, sizeof(line), page)) {
        char *column = !strncmp(line, "| `", 3) ? strstr(line + 3, " | ") : NULL;
        char *end = column ? strstr(column + 3, " |") : NULL;
        if (!end)
            continue;
        *end = '\0';
        for (char *at = strchr(column, '`'); at; at = strchr(at + 1, '`')) {
            char *close = strchr(at + 1, '`');
            assert_non_null(close);
            snprintf(text, sizeof(text), "%.*s", (int)(close - at - 1), at + 1);
            parse(text);
            if (*said)
                fail_msg("%s", said);
            forms++;
            at = close;
        }
    }
    return forms;
}

TEST(the_document_has_every_option_and_its_forms_are_taken)
{
    static char text[65536];
    char line[256], name[64], wanted[80];
    FILE *page = fopen("docs/hypervisor-guide/options.md", "r"), *source = fopen("boot/options.c", "r");
    u32 options = 0;

    assert_true(page && source);
    assert_true(take_documented(page) > 60);
    rewind(page);
    text[fread(text, 1, sizeof(text) - 1, page)] = '\0';
    while (fgets(line, sizeof(line), source))
        if (sscanf(line, " {\"%63[^\"]\",", name) == 1) {
            snprintf(wanted, sizeof(wanted), "\n| `%s` |", name);
            if (!strstr(text, wanted))
                fail_msg("docs/hypervisor-guide/options.md has no row for %s", name);
            options++;
        }
    assert_true(options > 20);
    fclose(page);
    fclose(source);
}
