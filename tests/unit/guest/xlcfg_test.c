/*
 * The builder's configuration reader: each key with its limits, and messages and notes with their lines.
 * lint: long: one short test for each key.
 */
#include <tests/machine/test.h>

#include <guest/dom0/xlcfg.h>
#include <homestead/errno.h>

#define BASE "name = \"a\"\nkernel = \"k.elf\"\nmemory = 64\n"

static struct xlcfg cfg;
static struct xl_message error;
static char text_of_cfg[8192];

/* The exact bytes without a NUL, so that ASan sees every byte read beyond. The last text stays readable. */
static int parse(const char *text)
{
    static char *copy;
    size_t len = strlen(text);

    free(copy);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    error = (struct xl_message){0};
    return xlcfg_parse(copy, len, &cfg, &error);
}

static void refused(const char *text, u32 line, const char *message)
{
    assert_int_equal(parse(text), -EINVAL);
    assert_string_equal(error.text, message);
    assert_int_equal(error.line, line);
}

/* All notes on the last text, each as `LINE: TEXT` and with a '|' after it. */
static const char *collect_notes(void)
{
    static char all[4096];
    struct xl_message note;
    size_t len = 0;

    all[0] = 0;
    for (struct xl_cursor at = cfg.file; xlcfg_next_note(&cfg, &at, &note);)
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%u: %s|", note.line, note.text);
    assert_true(len < sizeof(all));
    return all;
}

static const char *notes(const char *text)
{
    assert_int_equal(parse(text), 0);
    return collect_notes();
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
    assert_int_equal(cfg.maxvcpus, 1);
    assert_int_equal(cfg.nodes_kind, NODES_ANY);
    assert_int_equal(cfg.claim_mode, CLAIM_NODE);
    assert_int_equal(cfg.expect, EXPECT_POWEROFF);
    assert_int_equal(cfg.timeout_s, 60);
    assert_false(cfg.optional);
    assert_string_equal(cfg.ramdisk, "");
    assert_true(cfg.numa_placement);
    assert_string_equal(notes(BASE), "");
}

TEST(every_key)
{
    assert_int_equal(
        parse("# a comment\n\nname='web-1.x'; type = \"pvh\"\nkernel = \"vmlinux\" # c\n"
              "\textra = \"console=hvc0 a='b' # no comment\"\nmemory=0x100\nmaxmem = '512'\nvcpus = 4\n"
              "maxvcpus = 010\nnodes = [ 1,\n  # here too\n \"0\", ]\nclaim_mode = \"host\"\n"
              "expect = 'reboot'\ntimeout = 5\noptional = 1\npool = 'Pool-0'\nnuma_placement = 0\n"
              "ramdisk = 'initrd'\n"),
        0);
    assert_string_equal(cfg.name, "web-1.x");
    assert_string_equal(cfg.kernel, "vmlinux");
    assert_string_equal(cfg.extra, "console=hvc0 a='b' # no comment");
    assert_int_equal(cfg.memory_mib, 256);
    assert_int_equal(cfg.maxmem_mib, 512);
    assert_int_equal(cfg.vcpus, 4);
    assert_int_equal(cfg.maxvcpus, 8);
    assert_int_equal(cfg.nodes_kind, NODES_LIST);
    assert_int_equal(cfg.nr_nodes, 2);
    assert_int_equal(cfg.nodes[0], 1);
    assert_int_equal(cfg.nodes[1], 0);
    assert_int_equal(cfg.claim_mode, CLAIM_HOST);
    assert_int_equal(cfg.expect, EXPECT_REBOOT);
    assert_int_equal(cfg.timeout_s, 5);
    assert_true(cfg.optional);
    assert_false(cfg.numa_placement);
    assert_string_equal(cfg.ramdisk, "initrd");
}

TEST(the_last_assignment_counts)
{
    assert_int_equal(parse(BASE "memory = 'lots'\nmemory = 32\nname += 'b'\nextra = 'x'\nextra += \" y\"\n"),
                     0);
    assert_int_equal(cfg.memory_mib, 32);
    assert_string_equal(cfg.name, "ab");
    assert_string_equal(cfg.extra, "x y");
}

TEST(command_line_as_xl_makes_it)
{
    assert_int_equal(parse(BASE "root = '/dev/xvda'\n"), 0);
    assert_string_equal(cfg.extra, "root=/dev/xvda");
    assert_int_equal(parse(BASE "extra = 'ro'\nroot = '/dev/xvda'\n"), 0);
    assert_string_equal(cfg.extra, "root=/dev/xvda ro");
    assert_string_equal(
        notes(BASE "cmdline = 'c'\nextra = 'ro'\nroot = '/dev/xvda'\n"),
        "5: extra ignored, because there is cmdline|6: root ignored, because there is cmdline|");
    assert_string_equal(cfg.extra, "c");
}

TEST(nodes_in_every_form)
{
    assert_int_equal(parse(BASE "nodes = 3\n"), 0);
    assert_int_equal(cfg.nr_nodes, 1);
    assert_int_equal(cfg.nodes[0], 3);
    assert_int_equal(parse(BASE "nodes = '1'\n"), 0);
    assert_int_equal(cfg.nodes_kind, NODES_LIST);
    assert_int_equal(cfg.nodes[0], 1);
    assert_int_equal(parse(BASE "nodes = \"last\"\n"), 0);
    assert_int_equal(cfg.nodes_kind, NODES_LAST);
    assert_int_equal(parse(BASE "nodes = \"all\"\n"), 0);
    assert_int_equal(cfg.nodes_kind, NODES_ALL);
    assert_int_equal(parse(BASE "nodes = \"any\""), 0);
    assert_int_equal(cfg.nodes_kind, NODES_ANY);
    assert_int_equal(parse(BASE "nodes = [1]\nnodes += [2,\n3]\n"), 0);
    assert_int_equal(cfg.nr_nodes, 3);
    assert_int_equal(cfg.nodes[2], 3);
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "nodes = [");
    for (u32 i = 0; i <= MAX_NODES; i++) {
        size_t len = strlen(text_of_cfg);
        snprintf(text_of_cfg + len, sizeof(text_of_cfg) - len, "%u,%s", i, i + 1 >= MAX_NODES ? "]\n" : "");
        if (i + 1 == MAX_NODES) {
            assert_int_equal(parse(text_of_cfg), 0);
            text_of_cfg[strlen(text_of_cfg) - 2] = 0;
        }
    }
    refused(text_of_cfg, 4, "nodes: too many nodes");
    refused(BASE "nodes = []\n", 4, "nodes: an empty list");
    refused(BASE "nodes = [1,\n1]\n", 5, "nodes: a node is named twice");
    refused(BASE "nodes = 65536\n", 4, "nodes: not a node number, \"any\", \"last\" or \"all\"");
    refused(BASE "nodes = [\"1x\"]\n", 4, "nodes: not a node number, \"any\", \"last\" or \"all\"");
    refused(BASE "nodes = [[1]]\n", 4, "nodes: not a node number, \"any\", \"last\" or \"all\"");
    refused(BASE "nodes = \"first\"\n", 4, "nodes: not a node number, \"any\", \"last\" or \"all\"");
    refused(BASE "nodes = '-1'\n", 4, "nodes: not a node number, \"any\", \"last\" or \"all\"");
}

TEST(cpus_in_every_form)
{
    char cpus[XLCFG_CPUS_MAX];

    assert_int_equal(parse(BASE "cpus = 2\ncpus_soft = ['0', 1, \"2-3,^2\"]\ncpus_soft += ['nodes:1']\n"), 0);
    assert_true(xlcfg_cpus(&cfg, false, 77, cpus));
    assert_string_equal(cpus, "2");
    assert_true(xlcfg_cpus(&cfg, true, 1, cpus));
    assert_string_equal(cpus, "1");
    assert_true(xlcfg_cpus(&cfg, true, 2, cpus));
    assert_string_equal(cpus, "2-3,^2");
    assert_true(xlcfg_cpus(&cfg, true, 3, cpus));
    assert_string_equal(cpus, "nodes:1");
    assert_false(xlcfg_cpus(&cfg, true, 4, cpus));
    assert_int_equal(parse(BASE), 0);
    assert_false(xlcfg_cpus(&cfg, false, 0, cpus));
    refused(BASE "cpus = 'x'\n", 4, "cpus: not a list of CPUs such as \"0-3,^1\", \"nodes:1\" or \"all\"");
    refused(BASE "cpus = '1;'\n", 4, "cpus: not a list of CPUs such as \"0-3,^1\", \"nodes:1\" or \"all\"");
    refused(BASE "cpus_soft = [1,\n[2]]\n", 5,
            "cpus_soft: not a list of CPUs such as \"0-3,^1\", \"nodes:1\" or \"all\"");
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "cpus = '%0511d'\n", 1);
    assert_int_equal(parse(text_of_cfg), 0);
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "cpus = '%0512d'\n", 1);
    refused(text_of_cfg, 4, "cpus: the value is too long");
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
    refused(
        BASE "expect = \"Reboot\"\n", 4,
        "expect: not one of \"poweroff\" \"reboot\" \"crash\" \"loop\" \"killed\" \"enomem\" \"badkernel\" "
        "\"badconfig\" \"any\"");
    refused(BASE "claim_mode = 1\n", 4, "claim_mode: not one of \"node\" \"host\" \"off\"");
    refused(BASE "claim_mode = ['off']\n", 4, "claim_mode: not one of \"node\" \"host\" \"off\"");
}

static void check_actions(const char *text, const char *letters)
{
    assert_int_equal(parse(text), 0);
    for (u32 code = 0; code < XLCFG_SHUTDOWNS; code++)
        assert_int_equal("drp"[cfg.on_shutdown[code]], letters[code]);
}

/* By code: poweroff, reboot, suspend, crash, watchdog, soft reset. */
TEST(ends_and_what_follows)
{
    check_actions(BASE, "drdddr");
    check_actions(BASE "expect = 'reboot'\n", "dddddr");
    check_actions(BASE "expect = 'reboot'\non_reboot = 'restart'\n", "drdddr");
    check_actions(BASE "expect = 'crash'\non_crash = 'restart'\non_poweroff = \"preserve\"\n", "prdrdr");
    check_actions(BASE "on_watchdog = 'restart'\non_soft_reset = 'preserve'\non_reboot = 'destroy'\n",
                  "ddddrp");
    check_actions(BASE "on_crash = 'coredump-destroy'\non_reboot = 'rename-restart'\n"
                       "on_poweroff = 'soft-reset'\non_watchdog = 'coredump-restart'\n",
                  "rrddrr");
    refused(BASE "\non_crash = 'Restart'\n", 5,
            "on_crash: not one of \"destroy\" \"restart\" \"preserve\", nor another action of xl.cfg");
    refused(BASE "on_reboot = ['restart']\n", 4,
            "on_reboot: not one of \"destroy\" \"restart\" \"preserve\", nor another action of xl.cfg");
    refused(BASE "on_poweroff = 1\n", 4,
            "on_poweroff: not one of \"destroy\" \"restart\" \"preserve\", nor another action of xl.cfg");
}

TEST(ends_that_are_not_as_in_xl_are_noted)
{
    assert_string_equal(
        notes(BASE "on_crash = 'coredump-restart'\non_reboot = 'restart'\n"
                   "on_poweroff = 'rename-restart'\non_watchdog = 'coredump-destroy'\n"
                   "on_soft_reset = 'soft-reset'\n"),
        "4: on_crash: \"coredump-restart\" is done as \"restart\": there are no core dumps|"
        "6: on_poweroff: \"rename-restart\" is done as \"restart\": the old domain is not kept|"
        "7: on_watchdog: \"coredump-destroy\" is done as \"destroy\": there are no core dumps|"
        "8: on_soft_reset: \"soft-reset\" is done as \"restart\": there is no soft reset|");
}

TEST(claim_order_and_flags)
{
    assert_int_equal(parse(BASE "claim_order = '2M'\nclaim_flags = ['strict',\n\"scrub\"]\n"), 0);
    assert_int_equal(cfg.claim_order, ORDER_2M);
    assert_true(cfg.claim_strict && cfg.claim_scrub);
    assert_int_equal(parse(BASE "claim_order = \"1G\"\nclaim_mode = 'node'\nclaim_flags = 'scrub'\n"), 0);
    assert_int_equal(cfg.claim_order, ORDER_1G);
    assert_true(!cfg.claim_strict && cfg.claim_scrub);
    assert_int_equal(parse(BASE "claim_order = '4K'\nclaim_mode = 'off'\nclaim_flags = []\n"), 0);
    assert_int_equal(cfg.claim_order, ORDER_4K);
    assert_true(!cfg.claim_strict && !cfg.claim_scrub);
    refused(BASE "claim_order = 9\n", 4, "claim_order: not one of \"4K\" \"2M\" \"1G\"");
    refused(BASE "claim_flags = ['strict',\n'orders']\n", 5,
            "claim_flags: not a list of \"strict\" and \"scrub\"");
    refused(BASE "claim_flags = ['scrub']\nclaim_mode = 'host'\n", 5,
            "claim_mode: claim_order and claim_flags need \"node\"");
    refused(BASE "claim_mode = 'off'\nclaim_order = '2M'\n", 4,
            "claim_mode: claim_order and claim_flags need \"node\"");
}

TEST(numbers_have_limits)
{
    refused(BASE "vcpus = 0\n", 4, "vcpus: the number must be from 1 to 128");
    refused(BASE "vcpus = 129\n", 4, "vcpus: the number must be from 1 to 128");
    assert_int_equal(parse(BASE "vcpus = 128\n"), 0);
    assert_int_equal(cfg.vcpus, 128);
    refused(BASE "memory = 0\n", 4, "memory: the number must be from 1 to 16777216");
    refused(BASE "memory = 18446744073709551616\n", 4, "memory: the number must be from 1 to 16777216");
    refused(BASE "memory = 18446744073709551615\n", 4, "memory: the number must be from 1 to 16777216");
    refused(BASE "memory = '-1'\n", 4, "memory: the number must be from 1 to 16777216");
    refused(BASE "memory = 'lots'\n", 4, "memory: not a number");
    refused(BASE "memory = 08\n", 4,
            "memory: not a number: after a leading 0 it is octal, with digits 0 to 7");
    refused(BASE "memory = '0190'\n", 4,
            "memory: not a number: after a leading 0 it is octal, with digits 0 to 7");
    refused(BASE "memory = '0 MiB'\n", 4, "memory: not a number");
    refused(BASE "memory = [64]\n", 4, "memory: not a number");
    refused(BASE "memory += 4\n", 3, "memory: a number cannot be added to by +=");
    refused(BASE "timeout = 1000001\n", 4, "timeout: the number must be from 1 to 1000000");
    refused(BASE "optional = 2\n", 4, "optional: the number must be from 0 to 1");
    refused(BASE "maxmem = 63\n", 4, "maxmem: less than memory");
    refused(BASE "vcpus = 2\nmaxvcpus = 1\n", 5, "maxvcpus: less than vcpus");
}

TEST(strings_have_limits)
{
    refused(BASE "name = \"a b\"\n", 4, "name: a name has letters, digits and . _ - only");
    refused(BASE "name = \"\"\n", 4, "name: empty");
    refused(BASE "name = ['a']\n", 4, "name: a list, but one value is needed");
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "name = \"%063d\"", 0);
    assert_int_equal(parse(text_of_cfg), 0);
    assert_int_equal(strlen(cfg.name), 63);
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "name = \"%064d\"", 0);
    refused(text_of_cfg, 4, "name: the value is too long");
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "extra = \"%02047d\"\n", 0);
    assert_int_equal(parse(text_of_cfg), 0);
    assert_int_equal(strlen(cfg.extra), 2047);
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "extra = \"%02048d\"\n", 0);
    refused(text_of_cfg, 4, "extra: the value is too long");
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "root = \"%02042d\"\n", 0);
    refused(text_of_cfg, 4, "root: the value is too long");
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "root = \"%02040d\"\nextra = 'x'\n", 0);
    assert_int_equal(parse(text_of_cfg), 0);
    assert_int_equal(strlen(cfg.extra), 2047);
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "root = \"%02041d\"\nextra = 'x'\n", 0);
    refused(text_of_cfg, 5, "extra: the value is too long");
}

TEST(what_must_be_there)
{
    refused("", 1, "name: missing");
    refused("# only this\n", 2, "name: missing");
    refused("name = \"a\"\n", 2, "kernel: missing");
    refused("name = \"a\"\nkernel = \"k\"\n", 3, "memory: missing");
}

#define VNODE(text) BASE "vnuma = [" text "]\n"

TEST(vnuma_places_memory_and_vcpus)
{
    char cpus[XLCFG_CPUS_MAX];

    assert_string_equal(notes(VNODE("['pnode=1','size=16','vcpus=0,3','vdistances=10,20,254'],\n"
                                    "['vcpus= 1-2','size=32','pnode=0'],['pnode=1','size=16','vcpus=4']")),
                        "");
    assert_int_equal(cfg.nodes_kind, NODES_LIST);
    assert_int_equal(cfg.nr_nodes, 2);
    assert_int_equal(cfg.nodes[0], 1);
    assert_int_equal(cfg.nodes[1], 0);
    assert_int_equal(cfg.nr_vnodes, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(cfg.vnodes[i].pnode, i != 1);
        assert_int_equal(cfg.vnodes[i].size_mib, i == 1 ? 32 : 16);
    }
    assert_memory_equal(cfg.vcpu_vnode, ((uint8_t[]){0, 1, 1, 0, 2}), 5);
    assert_memory_equal(cfg.vnodes[0].distance, ((uint8_t[]){10, 20, 254}), 3);
    assert_memory_equal(cfg.vnodes[1].distance, ((uint8_t[]){20, 10, 20}), 3);
    assert_int_equal(cfg.vcpus, 5);
    assert_int_equal(cfg.maxvcpus, 5);
    assert_false(xlcfg_cpus(&cfg, false, 0, cpus));
    assert_true(xlcfg_cpus(&cfg, true, 3, cpus));
    assert_string_equal(cpus, "node:1");
    assert_int_equal(parse(VNODE("['pnode=1','size=64','vcpus=0']") "cpus_soft = '5'\n"), 0);
    assert_true(xlcfg_cpus(&cfg, true, 0, cpus));
    assert_string_equal(cpus, "5");
}

TEST(a_distance_that_linux_does_not_believe)
{
    assert_string_equal(
        notes(VNODE("['pnode=1','size=32','vcpus=0'],\n"
                    "['vdistances=10,10','size=32','pnode=1']")),
        "4: a distance of 10 from node 1 to 0: Linux ignores all vdistances unless those to other nodes "
        "are more than 10|");
}

/* The last of several options of a kind counts. */
TEST(vnuma_has_nodes_of_memory_or_vcpus_only)
{
    assert_int_equal(parse(VNODE("['pnode=2','size=0','vcpus=0-127'],['pnode=1','size=3','size=64']")), 0);
    assert_int_equal(cfg.nr_nodes, 1);
    assert_int_equal(cfg.nodes[0], 1);
    assert_int_equal(cfg.nr_vnodes, 2);
    assert_int_equal(cfg.vnodes[0].pnode, 2);
    assert_int_equal(cfg.maxvcpus, 128);
    assert_int_equal(cfg.vcpu_vnode[127], 0);
}

TEST(vnuma_must_be_whole)
{
    char nodes[4096] = "";

    refused(BASE "vnuma = 1\n", 4, "vnuma: not a list of nodes");
    refused(VNODE("\n'pnode=0'"), 5, "vnuma: a node is not a list");
    refused(VNODE("['pnode=0','vcpus=0']"), 4, "vnuma: a node needs pnode= and size=");
    refused(VNODE("['pnode=x','size=64','vcpus=0']"), 4, "vnuma: pnode is not a node number");
    refused(VNODE("['pnode=65535','size=64','vcpus=0']"), 4, "vnuma: pnode is not a node number");
    refused(VNODE("['pnode=','size=64','vcpus=0']"), 4, "vnuma: not pnode=, size=, vcpus= or vdistances=");
    refused(VNODE("['pnode=0','size=-1','vcpus=0']"), 4, "vnuma: size is not a number of MiB");
    refused(VNODE("['pnode=0','size=99999999999999999999','vcpus=0']"), 4,
            "vnuma: size is not a number of MiB");
    refused(VNODE("['pnode=0','size=64','vcpus=128']"), 4,
            "vnuma: a guest has up to 128 vCPUs, numbered from 0");
    refused(VNODE("['pnode=0','size=64','vcpus=all']"), 4,
            "vnuma: vcpus is not a list of vCPUs such as 0-3,5");
    refused(VNODE("['pnode=0','size=64','vcpus=0','memory=1']"), 4,
            "vnuma: not pnode=, size=, vcpus= or vdistances=");
    refused(VNODE("['pnode=0',['size=64'],'vcpus=0']"), 4, "vnuma: not an option of a node");
    refused(VNODE("['pnode=0','size=32','vcpus=0'],\n['pnode=1','size=32','vcpus=0-1']"), 5,
            "vnuma: vCPU 0 is on two nodes, 0 and 1");
    refused(VNODE("['pnode=0','size=64','vcpus=1']"), 4, "vnuma: vCPU 0 is on no node");
    refused(VNODE("['pnode=0','size=64']"), 4, "vnuma: no node has vcpus=");
    refused(VNODE("['pnode=0','size=63','vcpus=0']"), 4,
            "vnuma: the sizes add up to 63 MiB, but memory is 64");
    refused(BASE "vnuma = []\n", 4, "vnuma: the sizes add up to 0 MiB, but memory is 64");
    refused(VNODE("['pnode=0','size=64','vcpus=0']") "maxmem = 65\n", 4,
            "vnuma: the sizes add up to 64 MiB, but maxmem is 65");
    refused(VNODE("['pnode=0','size=64','vcpus=0']") "vcpus = 2\n", 4,
            "vnuma: its vCPUs are fewer than vcpus, or not as many as maxvcpus");
    refused(VNODE("['pnode=0','size=64','vcpus=0-1']") "maxvcpus = 3\n", 4,
            "vnuma: its vCPUs are fewer than vcpus, or not as many as maxvcpus");
    refused(VNODE("['pnode=0','size=64','vcpus=0']") "nodes = 0\n", 5,
            "nodes: vnuma names the nodes already");
    strcpy(nodes, BASE "vnuma = [");
    for (int i = 0; i < 33; i++)
        strcat(nodes, "['pnode=0','size=2'],\n");
    refused(strcat(nodes, "]\n"), 36, "vnuma: more than 32 nodes");
}

TEST(vdistances_must_be_those_of_a_slit)
{
    static const char *const bad[][2] = {
        {"", "not pnode=, size=, vcpus= or vdistances="},
        {"10,", "vdistances is not a list of distances such as 10,20"},
        {"10 20", "vdistances is not a list of distances such as 10,20"},
        {"10,-20", "vdistances is not a list of distances such as 10,20"},
        {"10,99999999", "vdistances is not a list of distances such as 10,20"},
        {"10,9", "a distance is from 10, a node's to itself, to 254, and not 9"},
        {"10,255", "a distance is from 10, a node's to itself, to 254, and not 255"},
        {"10", "node 0 has 1 vdistances, but there are 2 nodes"},
        {"10,20,30", "node 0 has 3 vdistances, but there are 2 nodes"},
        {"11,20", "node 0's distance to itself is 11 and must be 10"},
        {"20,10", "node 0's distance to itself is 20 and must be 10"}};

    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[512], expected[256];
        snprintf(text, sizeof(text),
                 VNODE("['pnode=0','size=32','vcpus=0','vdistances=%s'],['pnode=0','size=32']"), bad[i][0]);
        snprintf(expected, sizeof(expected), "vnuma: %s", bad[i][1]);
        refused(text, 4, expected);
    }
    char many[512] = VNODE("['pnode=0','size=64','vcpus=0','vdistances=10");
    char *end = many + strlen(many) - strlen("]\n");
    for (int i = 0; i < 32; i++)
        end += sprintf(end, ",20");
    sprintf(end, "']]\n");
    refused(many, 4, "vnuma: vdistances has more than 32 distances");
}

/* Placement that would not be done is an error, not a key without effect. */
TEST(keys_that_are_refused)
{
    refused(BASE "pool = 'Pool-node1'\n", 4, "pool: not one of \"Pool-0\"");
}

TEST(every_unknown_key_is_named_once)
{
    assert_string_equal(
        notes(BASE "on_resume = \"destroy\"\nvcpu = 4\nmaxcpus = 4\nvcpu = 2\nvif = [ [''] ]\n"),
        "4: unknown key 'on_resume' ignored|"
        "5: unknown key 'vcpu' ignored: did you mean vcpus?|"
        "6: unknown key 'maxcpus' ignored: did you mean maxvcpus?|"
        "8: unknown key 'vif' ignored|");
    assert_string_equal(
        notes(BASE "memroy = 1; extr = 'x'\nramdsk = ''\nnode = 1\nboot = 'c'\ncpuid = 'host'\n"),
        "4: unknown key 'memroy' ignored: did you mean memory?|"
        "4: unknown key 'extr' ignored: did you mean extra?|"
        "5: unknown key 'ramdsk' ignored: did you mean ramdisk?|"
        "6: unknown key 'node' ignored: did you mean nodes?|"
        "7: unknown key 'boot' ignored|8: unknown key 'cpuid' ignored|");
    snprintf(text_of_cfg, sizeof(text_of_cfg), BASE "m%0100d = 1\n", 0);
    char expected[200];
    snprintf(expected, sizeof(expected), "4: unknown key 'm%063d' ignored|", 0);
    assert_string_equal(notes(text_of_cfg), expected);
}

TEST(what_has_no_effect_is_said)
{
    assert_string_equal(notes(BASE "type = 'pv'\ntype = 'hvm'\n"),
                        "4: type ignored: every guest is started as \"pvh\"|");
    assert_string_equal(notes(BASE "type = 'pv'\ntype = 'pvh'\n"), "");
    assert_string_equal(notes(BASE "extra = 'a\\101b'\n\nvcpus = 2A"),
                        "4: an octal escape in a string stands for nothing, as in xl 4.17|"
                        "6: the last character ignored, as in xl: it has no meaning there|");
    assert_string_equal(cfg.extra, "ab");
    assert_int_equal(cfg.vcpus, 2);
}

/* What a broken file was expected to do must be known although it is broken. */
TEST(expectation_survives_an_error)
{
    assert_int_equal(parse("expect = \"badconfig\"\nname = \"x\n"), -EINVAL);
    assert_int_equal(cfg.expect, EXPECT_BADCONFIG);
    assert_int_equal(error.line, 2);
    assert_string_equal(collect_notes(), "");
    assert_int_equal(parse("maxcpus = 2\nexpect = \"badconfig\"\nname = \"x\nlate = 1\n"), -EINVAL);
    assert_int_equal(cfg.expect, EXPECT_BADCONFIG);
    assert_string_equal(collect_notes(), "1: unknown key 'maxcpus' ignored: did you mean maxvcpus?|");
    assert_int_equal(parse(BASE "memory = 0\nexpect = \"badconfig\"\n"), -EINVAL);
    assert_int_equal(cfg.expect, EXPECT_BADCONFIG);
}

/* Cut at every length: an error or a result, never a byte read beyond. */
TEST(weight_and_cap)
{
    assert_int_equal(parse(BASE "vcpus = 2\ncpu_weight = 512\ncap = 200\n"), 0);
    assert_int_equal(cfg.cpu_weight, 512);
    assert_int_equal(cfg.cap, 200);
    assert_int_equal(parse(BASE "cap = 0\n"), 0);
    assert_int_equal(cfg.cpu_weight, 0);
    assert_int_equal(cfg.cap, 0);
    refused(BASE "cpu_weight = 0\n", 4, "cpu_weight: the number must be from 1 to 65535");
    refused(BASE "cpu_weight = 65536\n", 4, "cpu_weight: the number must be from 1 to 65535");
    refused(BASE "vcpus = 2\ncap = 201\n", 5, "cap: the number must be from 0 to 200");
    assert_int_equal(parse(BASE "maxvcpus = 4\ncap = 400\n"), 0);
}

TEST(every_cut_is_survived)
{
    const char *text =
        "name = \"a\" # c\nkernel='k';memory=64\nnodes = [ 1, \"2\",\n 0x3 ]\nextra = \"x\\n y\"\nx+=[[1]]\n";

    for (size_t len = 0; len <= strlen(text); len++) {
        snprintf(text_of_cfg, len + 1, "%s", text);
        int rc = parse(text_of_cfg);
        assert_true(rc == 0 || (rc == -EINVAL && error.text[0] && error.line >= 1));
    }
}
