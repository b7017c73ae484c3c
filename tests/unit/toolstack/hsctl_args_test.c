/* The command line of hsctl. */
#include <tests/machine/test.h>

#include <toolstack/hsctl/args.h>

#define G 262144u

static struct args args;
static char error[ARGS_ERROR];

/* Words separated by a space; '_' stands for a space in a word, and "" is an empty word. */
static bool parse(const char *line)
{
    static char words[2048], program[] = "hsctl";
    char *argv[80] = {program};
    int argc = 1;

    snprintf(words, sizeof(words), "%s", line);
    for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        for (char *p = word; *p; p++)
            *p = *p == '_' ? ' ' : *p;
        argv[argc++] = strcmp(word, "\"\"") ? word : word + 2;
    }
    error[0] = '\0';
    return args_parse(argc, argv, &args, error);
}

TEST(commands)
{
    static const struct {
        const char *line;
        enum command command;
    } good[] = {
        {"nodes", CMD_NODES},
        {"claims", CMD_CLAIMS},
        {"claims web", CMD_CLAIMS},
        {"claim 3 host:1G", CMD_CLAIM},
        {"release 3", CMD_RELEASE},
        {"refusals", CMD_REFUSALS},
        {"watch", CMD_WATCH},
        {"timeline - --for 3", CMD_TIMELINE},
        {"--help", CMD_NONE},
        {"nodes --help", CMD_NODES},
        {"claim -h", CMD_CLAIM},
        {"--version", CMD_NONE},
        {"timeline --from=a b", CMD_TIMELINE},
    };

    for_each_row (i, good) {
        assert_true(parse(good[i].line));
        assert_int_equal(args.command, good[i].command);
        assert_string_equal(error, "");
    }
    for (enum command c = CMD_NONE + 1; c < NR_COMMANDS; c++) {
        char *text = NULL, expected[64];
        size_t length;
        FILE *f = open_memstream(&text, &length);

        usage_print(f, c);
        fclose(f);
        snprintf(expected, sizeof(expected), "usage: hsctl %s ", command_name(c));
        assert_true(!strncmp(text, expected, strlen(expected)) && text[length - 1] == '\n');
        free(text);
    }
}

TEST(a_set)
{
    assert_true(parse("claim web node=0:2G node=1:1G host:512M --replace --strict --scrub"));
    assert_string_equal(args.domain, "web");
    assert_int_equal(args.nr_entries, 3);
    assert_true(args.entry[0].node == 0 && args.entry[0].pages == 2 * G && !args.entry[0].order);
    assert_true(args.entry[1].node == 1 && args.entry[1].pages == G);
    assert_true(args.entry[2].node == HS_ANY_NODE && args.entry[2].pages == G / 2);
    assert_true(args.replace && args.strict && args.scrub && !args.json && !args.pages);
}

TEST(orders)
{
    /* For entries without their own, wherever it stands; never for host-wide ones. */
    assert_true(parse("claim web --order 1G node=0:2G node=1:4M:2M node=3:4K:4K host:1p"));
    assert_int_equal(args.entry[0].order, 18);
    assert_int_equal(args.entry[1].order, 9);
    assert_int_equal(args.entry[2].order, 0);
    assert_int_equal(args.entry[3].order, 0);
    assert_true(parse("claim web node=0:2G --order=2M"));
    assert_int_equal(args.entry[0].order, 9);
}

TEST(options)
{
    assert_true(parse("watch --interval 0.05 --for=1.5s --count 7 --record a_b --json --pages"));
    assert_true(args.interval_ms == 50 && args.for_ms == 1500 && args.count == 7 && args.json && args.pages);
    assert_string_equal(args.record, "a b");
    assert_true(parse("watch"));
    assert_true(args.interval_ms == 200 && !args.for_ms && !args.count && !args.record);
    assert_true(parse("timeline - --from - --title Eight_guests"));
    assert_string_equal(args.file, "-");
    assert_string_equal(args.from, "-");
    assert_string_equal(args.title, "Eight guests");
    /* After --, nothing is an option: a domain may be called so. */
    assert_true(parse("release -- --json"));
    assert_string_equal(args.domain, "--json");
    assert_false(args.json);
}

TEST(wrong_usage)
{
    static const struct {
        const char *line, *error;
    } bad[] = {
        {"", "a command is missing"},
        {"--json", "--json comes after a command"},
        {"nodse", "there is no command 'nodse'"},
        {"nodes 1", "nodes takes no argument: '1'"},
        {"nodes --scrub", "nodes has no option --scrub"},
        {"nodes --jsn", "there is no option --jsn"},
        {"nodes --json=1", "--json takes no value"},
        {"claims a b", "claims takes one domain, not 'b' too"},
        {"release", "release needs a domain, by name or number"},
        {"release a b", "release takes one domain, not 'b' too"},
        {"claim", "claim needs a domain, by name or number"},
        {"claim web", "claim needs what to claim: node=N:SIZE or host:SIZE"},
        {"claim web 2G", "2G: a claim is node=N:SIZE or host:SIZE, as in node=0:2G"},
        {"claim web node=0", "node=0: a claim is node=N:SIZE or host:SIZE, as in node=0:2G"},
        {"claim web host", "host: a claim is node=N:SIZE or host:SIZE, as in node=0:2G"},
        {"claim web hosts:1G", "hosts:1G: a claim is node=N:SIZE or host:SIZE, as in node=0:2G"},
        {"claim web node=:1G", "node=:1G: a claim is node=N:SIZE or host:SIZE, as in node=0:2G"},
        {"claim web node=x:1G", "node=x:1G: node= is followed by the number of a node"},
        {"claim web node=-1:1G", "node=-1:1G: node= is followed by the number of a node"},
        {"claim web node=4294967295:1G", "node=4294967295:1G: node= is followed by the number of a node"},
        {"claim web node=99999999999999999999:1G",
         "node=99999999999999999999:1G: node= is followed by the number of a node"},
        {"claim web node=0:", "node=0:: a size begins with a number, as in 512M"},
        {"claim web node=0:2", "node=0:2: a size needs a unit: K, M, G, T or p (pages of 4 KiB)"},
        {"claim web node=0:2Q", "node=0:2Q: not a unit of sizes: K, M, G, T and p (pages of 4 KiB) are"},
        {"claim web node=0:5000T", "node=0:5000T: more than 4096 TiB"},
        {"claim web node=0:1G node=0:2G", "node 0 is given twice"},
        {"claim web node=0:1G node=00:2G", "node 0 is given twice"},
        {"claim web host:1G host:2G", "host is given twice"},
        {"claim web host:1G:2M", "host:1G:2M: a claim on the host has no extents"},
        {"claim web node=0:1G:3M", "node=0:1G:3M: extents have 4K, 2M or 1G"},
        {"claim web node=0:1G:", "node=0:1G:: extents have 4K, 2M or 1G"},
        {"claim web node=0:3M:2M", "node 0: 3 MiB is not a whole number of extents of 2 MiB"},
        {"claim web node=1:1.5G --order 1G", "node 1: 1.5 GiB is not a whole number of extents of 1 GiB"},
        {"claim web node=0:1G --order", "--order needs a value"},
        {"claim web node=0:1G --order 4M", "4M: extents have 4K, 2M or 1G"},
        {"watch --interval 0", "--interval 0: seconds from 0.01 to 3600, as in 0.5"},
        {"watch --interval x", "--interval x: seconds from 0.01 to 3600, as in 0.5"},
        {"watch --interval 1e3", "--interval 1e3: seconds from 0.01 to 3600, as in 0.5"},
        {"watch --interval 99999999999999",
         "--interval 99999999999999: seconds from 0.01 to 3600, as in 0.5"},
        {"watch --for 0", "--for 0: seconds up to 1000000, as in 30"},
        {"watch --count 0", "--count 0: a number of lines from 1"},
        {"watch --count -1", "--count -1: a number of lines from 1"},
        {"watch --count \"\"", "--count : a number of lines from 1"},
        {"watch x", "watch takes no argument: 'x'"},
        {"timeline", "timeline needs the file to write, or - for standard output"},
        {"timeline a b --for 1", "timeline writes one file, not 'b' too"},
        {"timeline a",
         "timeline needs either --from FILE, a recording, or --for SECONDS, to look at the host"},
        {"timeline a --for 1 --from b",
         "timeline needs either --from FILE, a recording, or --for SECONDS, to look at the host"},
    };

    for_each_row (i, bad) {
        assert_false(parse(bad[i].line));
        assert_string_equal(error, bad[i].error);
    }
}

/* A set with every node and the host fits, and one more entry does not. */
TEST(the_largest_set)
{
    char line[2048] = "claim web host:1M";

    for (u32 i = 0; i < HS_MAX_NODES; i++)
        sprintf(line + strlen(line), " node=%u:1M", i);
    assert_true(parse(line));
    assert_int_equal(args.nr_entries, HS_MAX_CLAIMS);
    assert_int_equal(args.entry[64].node, 63);
    strcat(line, " node=64:1M");
    assert_false(parse(line));
    assert_string_equal(error, "more than 65 claims in a set");
}

TEST(numbers_of_domains)
{
    u16 domid = 99;

    assert_true(domid_parse("0", &domid) && domid == 0);
    assert_true(domid_parse("32751", &domid) && domid == 32751);
    assert_false(domid_parse("32752", &domid) || domid_parse("", &domid) || domid_parse("-1", &domid) ||
                 domid_parse("1a", &domid) || domid_parse("99999999999999999999", &domid));
    assert_int_equal(domid, 32751);
}
