/* spec-ctrl=: every form of a list, what is refused, and what then holds. */
#include <tests/machine/test.h>

#include <boot/options.h>

static char warned[2048], noted[2048];

static void report(enum log_level level, const char *sentence)
{
    strcat(level == LOG_WARNING ? warned : noted, sentence);
}

static struct spec_ctrl_choice parse(const char *cmdline)
{
    struct boot_options o;

    warned[0] = noted[0] = '\0';
    options_parse(cmdline, &o, report);
    return o.spec_ctrl;
}

/* Taken without a word; the settings of all knobs in their order, a letter each. */
static void gives(const char *cmdline, const char *settings)
{
    static const char letters[] = {[SPEC_AUTO] = '.', [SPEC_NO] = 'n', [SPEC_YES] = 'y'};
    struct spec_ctrl_choice choice = parse(cmdline);
    char got[KNOB_NR + 1] = "";

    for (u32 i = 0; i < KNOB_NR; i++)
        got[i] = letters[choice.knob[i]];
    if (strcmp(got, settings) || *warned)
        fail_msg("%s: %s, not %s; %s", cmdline, got, settings, warned);
    assert_false(choice.off);
}

static void is_off(const char *cmdline)
{
    struct spec_ctrl_choice choice = parse(cmdline);

    assert_string_equal(warned, "");
    assert_true(choice.off);
    for (u32 i = 0; i < KNOB_NR; i++)
        assert_int_equal(choice.knob[i], SPEC_NO);
}

/* ibpb, ibpb-entry, ibrs, rsb, verw, l1d-flush, div-scrub, bhi-dis-s, bp-spec-reduce, ssbd, stibp, unpriv-mmio */
TEST(each_measure_has_its_name)
{
    gives("", "............");
    gives("spec-ctrl=ibpb", "y...........");
    gives("spec_ctrl=no-ibpb", "n...........");
    gives("spec-ctrl=ibpb-entry=on", ".y..........");
    gives("spec-ctrl=ibrs=0", "..n.........");
    gives("spec-ctrl=rsb=false", "...n........");
    gives("spec-ctrl=verw,l1d-flush", "....yy......");
    gives("spec-ctrl=md-clear=no", "....n.......");
    gives("spec-ctrl=no-div-scrub,bhi-dis-s=no", "......nn....");
    gives("spec-ctrl=bp-spec-reduce,ssbd=yes,no-stibp", "........yyn.");
    gives("spec-ctrl=unpriv-mmio", "...........y");
    gives("spec-ctrl=verw spec-ctrl=no-verw", "....n.......");
}

TEST(kinds_of_guests)
{
    gives("spec-ctrl=no-hvm", ".n.nn.......");
    gives("spec-ctrl=hvm=yes", ".y.yy.......");
    gives("spec-ctrl=rsb=no-hvm,ibpb-entry=hvm", ".y.n........");
    gives("spec-ctrl=verw=hvm=no", "....n.......");
    assert_string_equal(noted, "");
    gives("spec-ctrl=pv=no", "............");
    assert_string_equal(noted, "option spec-ctrl: 'pv=no' is taken: what the CPU needs is done");
    gives("spec-ctrl=rsb=no-pv,ibpb", "y...........");
    assert_string_equal(noted, "option spec-ctrl: 'rsb=no-pv,ibpb' is taken: spec-ctrl=ibpb holds");
}

TEST(off_as_a_whole)
{
    is_off("spec-ctrl=no");
    is_off("spec-ctrl=off");
    is_off("spec-ctrl=0");
    is_off("no-spec-ctrl");
    is_off("spec-ctrl=no-xen");
    is_off("spec-ctrl=xen=false");
    struct spec_ctrl_choice choice = parse("spec-ctrl=no,verw");
    assert_true(choice.off && choice.knob[KNOB_VERW] == SPEC_YES && choice.knob[KNOB_IBPB] == SPEC_NO);
}

/* What Homestead always does can be asked for. */
TEST(what_is_so_in_any_case)
{
    gives("spec-ctrl=eager-fpu,bti-thunk=jmp", "............");
    assert_string_equal(noted, "");
}

TEST(a_wrong_word_is_refused_and_the_others_hold)
{
    static const char *const bad[] = {
        "",
        "yes",
        "xen",
        "xen=yes",
        "xen=maybe",
        "ibpb=maybe",
        "no-ibpb=yes",
        "ibpb=",
        "foo",
        "rsb=foo",
        "ibpb=hvm",
        "rsb=hvm=x",
        "eager-fpu=no",
        "bti-thunk=retpoline",
        "msr-sc=no",
        "gds-mit=no",
        "srb-lock",
        "no-no-ibpb",
        "ibpb;verw",
        "IBPB",
        "branch-harden",
        ",",
        "=",
        "no-",
        "unpriv-mmio-and-much-more-than-fits",
    };
    char line[128];

    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(line, sizeof(line), "spec-ctrl=%s", bad[i]);
        struct spec_ctrl_choice choice = parse(line);
        if (!strstr(warned, "option spec-ctrl: cannot use '") ||
            !strstr(warned, "; what the CPU needs is done"))
            fail_msg("%s: '%s'", line, warned);
        for (u32 knob = 0; knob < KNOB_NR; knob++)
            assert_int_equal(choice.knob[knob], SPEC_AUTO);
        assert_false(choice.off);
    }
    struct spec_ctrl_choice choice = parse("spec-ctrl=no-ibrs,foo,rsb");
    assert_true(choice.knob[KNOB_IBRS] == SPEC_NO && choice.knob[KNOB_RSB] == SPEC_YES);
    assert_non_null(strstr(
        warned, "cannot use 'no-ibrs,foo,rsb' (no, or a list of NAME, no-NAME or NAME=BOOLEAN for ibpb, "
                "ibpb-entry, "));
    assert_non_null(strstr(warned, "); spec-ctrl=no-ibrs,rsb holds"));
    parse("spec-ctrl=no,ssbd,foo");
    assert_non_null(strstr(warned, "; spec-ctrl=no,ssbd holds"));
}

TEST(a_test_names_measures)
{
    assert_int_equal(parse("test_spec_ctrl=0-7").test, 0xff);
    assert_int_equal(parse("test_spec_ctrl=1,4").test, 0x12);
    assert_string_equal(warned, "");
}
