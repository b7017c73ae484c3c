/*
 * hsctl as a whole, on the real library and on the hypercalls, mm/ and domain/ of the test machine. Its README's transcript
 * is made here: with UPDATE=1 in the environment it is written anew. Every JSON text is read by Python at the end.
 *
 * lint: long: one command, and all that it prints
 */
#include <tests/unit/hypercall/calls.h>

#include "fake_xencall.h"
#include "fake_xenstore.h"

#include <toolstack/hsctl/command.h>
#include <toolstack/hsctl/host.h>

#undef errno
#include <errno.h>
#include <time.h>
#include <unistd.h>

#define README         "toolstack/hsctl/README.md"
#define GIB_TEST(name) TEST(name, .nodes = 2, .node_mib = 4096, .domains = 4)

/* --- the clock, on which something happens while hsctl sleeps --- */
static s64 clock_ms;
static void (*on_sleep)(u32 n); /* the nth time, from 1 */
static u32 sleeps, end_after;   /* a signal comes in that sleep; 0: none */

int64_t clock_now_ms(void)
{
    return clock_ms;
}

bool clock_sleep_until(int64_t time_ms)
{
    clock_ms = time_ms > clock_ms ? time_ms : clock_ms;
    sleeps++;
    if (on_sleep)
        on_sleep(sleeps);
    return sleeps != end_after;
}

void clock_catch_signals(void) {}

/* --- running a command --- */
static char said_out[1 << 18], said_err[1 << 14];
static FILE *json; /* everything that must be JSON */
static FILE *both; /* where both streams of a command go, if it is not NULL */

static void to_buffer(char *buffer, size_t size, FILE *f, char **text)
{
    fclose(f);
    assert_true(strlen(*text) < size);
    strcpy(buffer, *text);
    free(*text);
}

/* Words separated by a space; "''" is one without a letter. out: where it writes, if it is not NULL. */
static int run_to(const char *line, FILE *o)
{
    char words[1024], program[] = "hsctl", empty[] = "", *argv[32] = {program}, *out = NULL, *err = NULL;
    size_t out_length, err_length;
    int argc = 1;

    snprintf(words, sizeof(words), "%s", line);
    for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(word, "''") ? word : empty;
    sleeps = 0;
    if (both)
        return hsctl_run(argc, argv, both, both);
    FILE *e = open_memstream(&err, &err_length);
    if (!o)
        o = open_memstream(&out, &out_length);
    int status = hsctl_run(argc, argv, o, e);
    if (out)
        to_buffer(said_out, sizeof(said_out), o, &out);
    else
        fclose(o);
    to_buffer(said_err, sizeof(said_err), e, &err);
    assert_int_equal(fake_buffers(), 0);
    if (out && strstr(line, "--json") && *said_out) {
        fputs(said_out, json);
        assert_int_equal(said_out[strlen(said_out) - 1], '\n');
    }
    return status;
}

static int run(const char *line)
{
    return run_to(line, NULL);
}
#define SAYS(text)      assert_non_null(strstr(said_out, text))
#define SAYS_ROW(text)  assert_non_null(strstr(squeezed(), text)) /* columns are one space apart */
#define SAYS_NOT(text)  assert_null(strstr(said_out, text))
#define COMPLAINS(text) assert_non_null(strstr(said_err, text))

static const char *squeezed(void)
{
    static char text[sizeof(said_out)];
    size_t n = 0;

    for (const char *p = said_out; *p; p++)
        if (*p != ' ' || p[1] != ' ')
            text[n++] = *p;
    text[n] = '\0';
    return text;
}

static void setup(void)
{
    alarm(120); /* what a failed test leaves of the machine can stop the next one */
    fake_reset();
    memset(fake_names, 0, sizeof(fake_names));
    fake_names[0] = "Domain-0";
    fake_names[1] = "web";
    fake_names[2] = "db";
    fake_xenstored = true;
    clock_ms = 1764494130000;
    on_sleep = NULL;
    end_after = 0;
    both = NULL;
    setenv("TZ", "UTC", 1);
    tzset();
    if (!json)
        json = fopen("build/host/hsctl.json", "w");
    assert_non_null(json);
}

static void teardown(void)
{
    for (u16 id = 1; id < 8; id++)
        if (exists(id))
            hs_claim_release(NULL, id);
    assert_int_equal(fake_buffers(), 0);
    fake_reset();
}
FIXTURE(setup, teardown)

/* Extents of 2 MiB for a domain on a node, at the next frames of its memory. */
static void build(u16 domid, nodeid_t nid, u32 mib)
{
    static u64 next = 1u << 20;
    mfn_t m = INVALID_MFN;

    for (u32 i = 0; i < mib / 2; i++, next += 512) {
        assert_int_equal(mm_alloc(&dom(domid)->mem, nid, ORDER_2M, 0, &m), 0);
        assert_int_equal(physmap_place(dom(domid), gfn(next), m, ORDER_2M, NP_RAM), 0);
    }
}

/* --- the transcript --- */
static void watched(u32 n)
{
    memory_claim_t set[2] = {XEN_NODE_CLAIM_INIT(262144, 0), XEN_NODE_CLAIM_INIT(131072, 1)};

    if (n == 2)
        build(1, 1, 96);
    if (n == 3)
        hs_claim(NULL, 3, 2, set, 0);
    if (n == 4)
        build(3, 0, 64);
    set[1].pages = 1048576;
    if (n == 5)
        hs_claim(NULL, 2, 1, &set[1], HS_CLAIM_REPLACE); /* refused */
}

/* What the comment lines of the transcript say, one after another. */
static void step(u32 n)
{
    if (n == 1)
        build(1, 0, 128);
    if (n == 2)
        on_sleep = watched;
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 18);

    assert_non_null(f);
    assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
    fclose(f);
    return text;
}

/* Lines from `$ hsctl` on are run, lines with # are steps, and what follows either up to the next is what was said. */
static void replay(const char *block, const char *end, FILE *to)
{
    char line[256];
    u32 steps = 0;

    for (const char *p = block; p < end; p = strchr(p, '\n') + 1) {
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
        if (!strncmp(line, "# ", 2)) {
            fprintf(to, "%s\n", line);
            step(++steps);
        } else if (!strncmp(line, "$ hsctl ", 8)) {
            fprintf(to, "%s\n", line);
            both = to;
            run(line + 8);
            both = NULL;
        }
    }
}

GIB_TEST(the_readme_is_true)
{
    char *readme = read_file(README), *made = NULL, *begin = strstr(readme, "```console\n");
    size_t length;
    FILE *f = open_memstream(&made, &length);

    fake_names[3] = "mail";
    assert_non_null(begin);
    begin = strchr(begin, '\n') + 1;
    char *end = strstr(begin, "```\n");
    assert_non_null(end);
    fwrite(readme, 1, (size_t)(begin - readme), f);
    replay(begin, end, f);
    fputs(end, f);
    fclose(f);
    if (getenv("UPDATE")) {
        f = fopen(README, "w");
        fputs(made, f);
        fclose(f);
    } else {
        assert_string_equal(made, readme);
    }
    free(made);
    free(readme);
}

/* What --help of a command says, the manual says too. */
TEST(the_manual_has_every_option)
{
    char *manual = read_file("toolstack/hsctl/hsctl.1"), line[64], option[64];
    u32 nr = 0;

    for (enum command c = CMD_NONE + 1; c < NR_COMMANDS; c++) {
        snprintf(line, sizeof(line), "%s --help", command_name(c));
        assert_int_equal(run(line), 0);
        snprintf(line, sizeof(line), "\n.Ss %s\n", command_name(c));
        assert_non_null(strstr(manual, line));
        for (const char *p = said_out; (p = strstr(p, "--")); nr++) {
            size_t length = strspn(p += 2, "abcdefghijklmnopqrstuvwxyz");
            snprintf(option, sizeof(option), "Fl -%.*s", (int)length, p);
            assert_non_null(strstr(manual, option));
        }
    }
    assert_true(nr > 20);
    free(manual);
}

/* --- what is read, and in which form --- */
GIB_TEST(nodes)
{
    assert_int_equal(run("nodes"), 0);
    SAYS_ROW("\n0 4.0 GiB");
    SAYS_ROW("\n1 4.0 GiB 4.0 GiB 0");
    assert_string_equal(said_err, "");
    assert_int_equal(run("nodes --pages"), 0);
    SAYS_ROW("\n1 1048576 1048576 0 1048576 2048 3\n");
    assert_int_equal(run("nodes --json"), 0);
    SAYS("\"node\": 1, \"size\": 1048576, \"free\": 1048576, \"claimed\": 0, \"dirty\": 1048576");
}

GIB_TEST(claims_and_releases)
{
    assert_int_equal(run("claim web node=0:1G:1G node=1:4M:2M host:8M --strict --scrub"), 0);
    SAYS_ROW("web (1) 0 0 1.0 GiB 1 x 1G strict scrub\n");
    SAYS_ROW(" 1 0 4 MiB 2 x 2M\n");
    SAYS_ROW(" any 0 8 MiB\n");
    assert_int_equal(dom(1)->mem.outstanding, 262144 + 1024 + 2048);
    assert_int_equal(run("nodes"), 0);
    SAYS("2048 (2)");
    SAYS("of the 1.0 GiB claimed, 8 MiB are claimed host-wide");
    assert_int_equal(run("claims"), 0);
    SAYS_ROW("Domain-0 (0) 0 ");
    SAYS_ROW("db (2) any 0 0\n");
    SAYS_ROW("domain 3 any 0 0\n");
    assert_int_equal(run("claims --json"), 0);
    SAYS("\"domid\": 3, \"name\": null");
    SAYS("\"strict\": true, \"scrub\": true");
    assert_int_equal(run("claim 1 node=1:2M --replace --json"), 0);
    SAYS("\"own\": 0, \"claim\": 512, \"order\": 0, \"extents\": 0");
    SAYS_NOT("\"domid\": 2");
    assert_int_equal(run("release web"), 0);
    SAYS("has 0, claims 0 more");
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(run("release web"), 0); /* may be repeated */
}

/* claims.md CL-2.19. */
GIB_TEST(legacy_claims)
{
    assert_int_equal(run("legacy web"), 0);
    SAYS("claims without nodes of web (1): off\n");
    assert_int_equal(run("legacy web affinity-only"), 0);
    SAYS("affinity-only\n");
    assert_int_equal(dom(1)->mem.legacy_claims, HS_LEGACY_AFFINITY_ONLY);
    assert_int_equal(run("legacy 1 affinity --json"), 0);
    assert_string_equal(said_out, "{\"domid\": 1, \"legacy_claims\": \"affinity\"}\n");
    assert_int_equal(dom(1)->mem.legacy_claims, HS_LEGACY_AFFINITY);
    assert_int_equal(run("legacy 7 off"), 1);
    assert_int_equal(run("legacy"), 2);
    assert_int_equal(run("legacy web strict"), 2);
    assert_int_equal(run("legacy web off off"), 2);
    assert_int_equal(run("legacy web off"), 0);
    assert_int_equal(dom(1)->mem.legacy_claims, HS_LEGACY_HOST);
}

/* --- errors --- */
GIB_TEST(which_domain)
{
    assert_int_equal(run("claims mail"), 1);
    assert_string_equal(said_err, "hsctl: 'mail': there is no such domain\n");
    assert_int_equal(run("release 7"), 1);
    assert_string_equal(said_err, "hsctl: '7': there is no such domain\n");
    assert_int_equal(run("release 7 --json"), 1);
    assert_string_equal(said_out, "{\"error\": \"ESRCH\", \"text\": \"there is no such domain\"}\n");
    fake_names[3] = "web";
    assert_int_equal(run("claim web node=0:1M"), 1);
    assert_string_equal(said_err, "hsctl: 'web': several domains have this name: use a number\n");
    assert_int_equal(run("claim 3 node=0:1M"), 0);
    fake_names[3] = NULL;
    fake_xenstored = false;
    assert_int_equal(run("claims web"), 1);
    assert_string_equal(said_err,
                        "hsctl: 'web': xenstored is not running, so domains have no names: use a number\n");
    assert_int_equal(run("claims 1"), 0);
    SAYS("domain 1 ");
}

/* A claim is for the domain that is meant, or for none: names that look the same here are not the same. */
GIB_TEST(only_the_whole_name)
{
    static char longest[NAME_SIZE], longer[NAME_SIZE + 1];
    char line[2 * NAME_SIZE];

    assert_int_equal(run("claim web node=0:1M"), 0);
    fake_names[1] = ""; /* no name is nobody's */
    assert_int_equal(run("release ''"), 1);
    COMPLAINS("hsctl: '': there is no such domain\n");
    memset(longest, 'x', sizeof(longest) - 1);
    memset(longer, 'x', sizeof(longer) - 1);
    fake_names[1] = longest;
    snprintf(line, sizeof(line), "claims %s", longest);
    assert_int_equal(run(line), 0);
    snprintf(line, sizeof(line), "release %s", longer); /* longest is how it begins */
    assert_int_equal(run(line), 1);
    COMPLAINS("xxx': too long for a name here, or not readable text: use the domain's number\n");
    fake_names[1] = longer;
    snprintf(line, sizeof(line), "release %s", longest);
    assert_int_equal(run(line), 1);
    COMPLAINS("xxx': there is no such domain\n");
    fake_names[1] = "w\x1b";
    assert_int_equal(run("release w?"), 1);
    COMPLAINS("hsctl: 'w?': there is no such domain\n");
    assert_int_equal(run("release w\x1b"), 1);
    COMPLAINS("hsctl: 'w?': too long for a name here, or not readable text: use the domain's number\n");
    assert_int_equal(dom(1)->mem.outstanding, 256);
    assert_int_equal(run("claims"), 0);
    SAYS_ROW("\nw? (1) 0 0 1 MiB\n");
    assert_int_equal(run("release 1"), 0);
}

/* A disk that is full: whoever reads the output is told, and watch does not go on for ever. */
GIB_TEST(output_that_cannot_be_written)
{
    static const char *const lines[] = {"nodes",     "claims --json", "refusals",     "--help",
                                        "--version", "watch",         "watch --json", "timeline - --for 1"};

    for_each_row (i, lines) {
        FILE *full = fopen("/dev/full", "w");

        assert_non_null(full);
        end_after = 50;
        assert_int_equal(run_to(lines[i], full), EXIT_REFUSED);
        assert_true(sleeps < 10);
        assert_string_equal(said_err, "hsctl: standard output: No space left on device\n");
    }
}

GIB_TEST(not_enough)
{
    /* The node does not begin at a whole GiB: it has the pages, but not in such extents. */
    assert_int_equal(run("claim db node=0:4M:2M node=1:4G:1G"), 1);
    COMPLAINS(
        "hsctl:   node 1: asked for 4 whole extents of 1 GiB, 3 are free and not kept for other claims\n");
    assert_int_equal(run("claim web node=0:1G node=1:3G"), 0);
    assert_int_equal(run("claim 3 node=1:512M"), 0);
    assert_int_equal(run("claim db node=0:512M node=1:2G"), 1);
    assert_string_equal(said_out, "");
    assert_string_equal(
        said_err,
        "hsctl: the claim of db (2) was refused: not that much memory is free and not claimed\n"
        "hsctl:   node 1: asked for 2.0 GiB, 512 MiB is not claimed; web holds 3.0 GiB, domain 3 512 MiB\n");
    assert_int_equal(run("claim db host:4G"), 1);
    COMPLAINS(
        "hsctl:   host: asked for 4.0 GiB, 3.5 GiB is not claimed; web holds 4.0 GiB, domain 3 512 MiB\n");
    assert_int_equal(run("claim db node=1:2G --json"), 1);
    assert_string_equal(
        said_out,
        "{\"error\": \"ENOMEM\", \"text\": \"not that much memory is free and not claimed\", \"domid\": 2, "
        "\"short\": [{\"node\": 1, \"order\": 0, \"asked\": 524288, \"there\": 131072}]}\n");
    /* What it has itself is not in the way when that is replaced. */
    assert_int_equal(run("claim db node=1:512M"), 0);
    assert_int_equal(run("claim db node=1:1G --replace"), 1);
    COMPLAINS("node 1: asked for 1.0 GiB, 512 MiB is not claimed; web holds 3.0 GiB, domain 3 512 MiB\n");
    assert_int_equal(dom(2)->mem.outstanding, 131072);
    assert_int_equal(run("refusals"), 0);
    SAYS("refused since the host started: 5 claims, 0 allocations\n");
    SAYS("the last one, a claim: db (2) asked for 1.0 GiB on node 1, where ");
    SAYS_ROW(" web (1) held 3.0 GiB there and 0 host-wide\n");
    assert_int_equal(run("refusals --json"), 0);
    SAYS("\"refused_claims\": 5, \"refused_allocations\": 0, \"last\": {\"kind\": \"claim\", \"domid\": 2, "
         "\"name\": \"db\"");
}

GIB_TEST(other_errors)
{
    assert_int_equal(run("claim web node=2:1M"), 1);
    COMPLAINS("hsctl: the claim of web (1) was refused: there is no node 2; this host has nodes 0 to 1\n");
    assert_int_equal(run("claim web node=0:1M"), 0);
    assert_int_equal(run("claim web node=0:2M"), 1);
    COMPLAINS("has claims already");
    dom(2)->mem.max_pages = 256;
    assert_int_equal(run("claim db node=0:2M"), 1);
    COMPLAINS("may own at most 1 MiB");
    assert_int_equal(run("claim db node=0:2M --json"), 1);
    SAYS("{\"error\": \"EINVAL\", \"text\": \"");
    assert_int_equal(run("refusals --json"), 0);
    SAYS("\"last\": null");
    call_from(3);
    assert_int_equal(run("nodes"), 1);
    assert_string_equal(
        said_err, "hsctl: the hypervisor cannot be reached: only root in the control domain may ask it\n");
    call_from(0);
    fake_open_errno = ENOENT;
    assert_int_equal(run("nodes --json"), 1);
    SAYS("\"error\": \"ENOENT\", \"text\": \"there is no /dev/xen/privcmd: this is no control domain\"");
    assert_int_equal(run("nodes extra"), 2);
    assert_string_equal(
        said_err, "hsctl: nodes takes no argument: 'extra'\n`hsctl nodes --help` says how it is used\n");
    assert_int_equal(run("--help"), 0);
    SAYS("usage: hsctl COMMAND");
}

/* --- watching --- */
GIB_TEST(watching)
{
    on_sleep = watched;
    assert_int_equal(run("claim web node=1:2G"), 0);
    assert_int_equal(run("watch --for 1.2"), 0);
    SAYS_ROW("09:15:30.000 web (1) node 1: owns 0, claims 2.0 GiB (+2.0 GiB)\n");
    SAYS_ROW("09:15:30.400 web (1) node 1: owns 96 MiB (+96 MiB), claims 1.9 GiB (-96 MiB)\n");
    SAYS_ROW("09:15:30.600 domain 3 node 0: owns 0, claims 1.0 GiB (+1.0 GiB)\n");
    SAYS_ROW(
        "09:15:31.000 claim refused: db (2) asked for 4.0 GiB on node 1, where 1.5 GiB was not claimed\n");
    assert_int_equal(sleeps, 6);
    assert_int_equal(run("release web"), 0);
    assert_int_equal(run("release 3"), 0);
    assert_int_equal(run("claim web node=1:2G"), 0);
    assert_int_equal(run("watch --for 1.2 --json"), 0);
    SAYS("\"event\": \"refused\", \"refused_claims\": 2, \"refused_allocations\": 0, \"kind\": \"claim\", "
         "\"domid\": 2, "
         "\"name\": \"db\", \"node\": 1, \"pages\": 1048576, ");
}

/* A builder ends, and another begins. */
static void turnover(u32 n)
{
    if (n == 1)
        fake_names[2] = "database";
    if (n == 2)
        new_domain(5, 1);
    if (n == 3)
        build(1, 0, 4);
    if (n == 4) {
        assert_int_equal(kill_all_steps(dom(5)), 0);
        assert_int_equal(kill_all_steps(dom(1)), 0);
    }
}

GIB_TEST(watching_in_json)
{
    on_sleep = turnover;
    end_after = 6;
    assert_int_equal(run("watch --json --interval 0.5"), 0);
    SAYS("{\"time_ms\": 1764494130500, \"event\": \"named\", \"domid\": 2, \"name\": \"database\"}\n");
    SAYS("{\"time_ms\": 1764494131000, \"event\": \"created\", \"domid\": 5, \"name\": null}\n");
    SAYS("{\"time_ms\": 1764494131500, \"event\": \"memory\", \"domid\": 1, \"name\": \"web\", \"node\": 0, "
         "\"own\": 1024, "
         "\"own_before\": 0, \"claim\": 0, \"claim_before\": 0}\n");
    SAYS("{\"time_ms\": 1764494132000, \"event\": \"gone\", \"domid\": 5, \"name\": null}\n");
    SAYS("\"event\": \"gone\", \"domid\": 1, \"name\": \"web\"}\n");
    /* --count ends it too, after the look that reached it. */
    on_sleep = watched;
    end_after = 0;
    assert_int_equal(run("claim 2 node=1:1G"), 0);
    assert_int_equal(run("watch --count 1"), 0);
    assert_int_equal(sleeps, 0);
}

GIB_TEST(a_recording_becomes_a_picture)
{
    char path[] = "/tmp/hsctl-test-XXXXXX", line[256];

    assert_true(close(mkstemp(path)) == 0);
    on_sleep = watched;
    assert_int_equal(run("claim web node=1:2G"), 0);
    snprintf(line, sizeof(line), "watch --for 2 --record %s", path);
    assert_int_equal(run(line), 0);
    snprintf(line, sizeof(line), "timeline - --from %s", path);
    assert_int_equal(run(line), 0);
    SAYS("<svg ");
    SAYS("web: claimed</title>");
    SAYS("domain 3: populated</title>");
    SAYS("refused: db (2) asked for 4.0 GiB on node 1");
    SAYS("</svg>\n");
    snprintf(line, sizeof(line), "timeline %s --from %s --json", path,
             path); /* read as a whole before it is written */
    assert_int_equal(run(line), 0);
    SAYS("\"milliseconds\": 2000, \"nodes\": 2, \"domains\": 3, \"refusals\": 1}");
    assert_int_equal(run(line), 1); /* now it is a picture */
    SAYS("line 1: this is no recording");
    unlink(path);
    assert_int_equal(run(line), 1);
    SAYS("No such file or directory");
    assert_int_equal(run("watch --record /nowhere/x"), 1);
    assert_string_equal(said_err, "hsctl: /nowhere/x: No such file or directory\n");
    on_sleep = NULL;
    assert_int_equal(run("timeline - --for 1"), 0);
    SAYS("seconds since 2025-11-30 09:15:");
}

/* --- a hypervisor without node claims --- */
static long as_xen(unsigned int nr, u64 arg1, u64 arg2)
{
    struct xen_sysctl *s = nr == __HYPERVISOR_sysctl ? fake_memory(arg1, sizeof(*s)) : NULL;
    const struct xen_domctl *d = nr == __HYPERVISOR_domctl ? fake_memory(arg1, sizeof(*d)) : NULL;

    if ((s && s->cmd >= 0x48530000) || (d && (d->cmd == 91 || d->cmd == 92)))
        return -ENOSYS;
    return hypercall(nr, arg1, arg2, 0);
}

GIB_TEST(on_xen)
{
    fake_hypervisor = as_xen;
    assert_int_equal(run("nodes"), 0);
    assert_string_equal(said_err, "hsctl: this hypervisor has no claims on nodes, only host-wide ones\n");
    SAYS_ROW("node size free\n");
    SAYS_ROW("\n1 4.0 GiB 4.0 GiB\n");
    SAYS("claimed host-wide: 0\n");
    assert_int_equal(run("claim web node=0:1G"), 1);
    COMPLAINS("this hypervisor has no claims on nodes");
    assert_int_equal(run("claim web host:1G"), 0);
    SAYS_ROW("web (1) any 0 1.0 GiB\n");
    assert_int_equal(run("nodes --json"), 0);
    SAYS("\"node_claims\": false");
    SAYS("\"outstanding\": 262144");
    assert_int_equal(run("claim web host:1G"), 1);
    assert_int_equal(run("claims web --json"), 0);
    SAYS("\"outstanding\": 262144");
    assert_int_equal(run("refusals"), 1);
    COMPLAINS("does not record refusals");
    assert_int_equal(run("release web"), 0);
    SAYS_ROW("web (1) any 0 0\n");
    assert_int_equal(run("timeline - --for 1"), 0);
    SAYS("in use");
}

/* The last test of the file. */
TEST(every_json_text_is_json)
{
    if (!json)
        return; /* single tests */
    fclose(json);
    json = NULL;
    assert_int_equal(
        system("python3 -c 'import json,sys\nfor line in open(\"build/host/hsctl.json\"): json.loads(line)'"),
        0);
}
