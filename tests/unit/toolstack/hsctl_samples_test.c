/* Recordings: what is written is read again, and what is none is refused with the line. */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <toolstack/hsctl/samples.h>

static char error[SAMPLES_ERROR];

static bool read_text(const char *text, size_t length, struct samples *out)
{
    /* Not NUL-terminated: a reader beyond the end is found. */
    char *copy = malloc(length ? length : 1);
    FILE *f;

    memcpy(copy, text, length);
    f = fmemopen(copy, length ? length : 1, "r");
    if (!length)
        fgetc(f);
    bool good = samples_read(f, out, error);
    fclose(f);
    free(copy);
    return good;
}

static void random_state(struct rng *r, struct state *s, s64 time_ms)
{
    static const char *const names[] = {"", "web", "a b", "\xc3\xa4\xc3\xb6", "x<y&z>\"'", "-"};

    assert_true(state_init(s, 1 + rng_draw(r, HS_MAX_NODES), rng_draw(r, 6)));
    s->time_ms = time_ms;
    s->host.nr_nodes = s->nr_nodes;
    s->host.free_pages = rng_draw(r, 1u << 30);
    s->host.outstanding_pages = rng_draw(r, 1u << 30);
    s->host.host_claimed_pages = rng_draw(r, 1u << 30);
    s->node_claims = rng_draw(r, 2);
    for (u32 i = 0; i < s->nr_nodes; i++)
        s->nodes[i] = (struct hs_node){rng_draw(r, 1u << 30), 1ull << 40, 3, rng_draw(r, 9), 5, 6, 7, 8, 9};
    for (u32 i = 0; i < s->nr_domains; i++) {
        struct domain_state *d = &s->domains[i];
        d->info = (struct hs_domain){.domid = i * 7 + rng_draw(r, 7),
                                     .nr_nodes = s->nr_nodes,
                                     .tot_pages = rng_draw(r, 1u << 30),
                                     .max_pages = rng_draw(r, 2) ? ~0ull : 17,
                                     .overhead_pages = 3,
                                     .host_claim_pages = rng_draw(r, 100),
                                     .outstanding_pages = rng_draw(r, 100),
                                     .broken_pages = rng_draw(r, 3),
                                     .broken_extents = rng_draw(r, 3),
                                     .claim_flags = rng_draw(r, 2) ? HS_CLAIM_STRICT | HS_CLAIM_SCRUB : 0};
        strcpy(d->name, names[rng_draw(r, ARRAY_SIZE(names))]);
        d->dying = rng_draw(r, 2);
        for (u32 n = 0; n < s->nr_nodes; n++)
            if (rng_draw(r, 2))
                *state_cell(s, i, n) =
                    (struct hs_domain_node){1 + rng_draw(r, 1u << 30), rng_draw(r, 1u << 30), 4, 9};
    }
    s->refusals.nr_claims = rng_draw(r, 4);
    if (!s->refusals.nr_claims)
        return;
    s->refusals.kind = HS_REFUSAL_CLAIM + rng_draw(r, 2);
    s->refusals.domid = rng_draw(r, 2) ? HS_NO_DOMAIN : 3;
    s->refusals.node = rng_draw(r, 2) ? HS_ANY_NODE : 1;
    s->refusals.order = 9;
    s->refusals.pages = 1234;
    s->refusals.free_pages = 77;
    s->refusals.claimed_pages = 76;
    s->refusals.nr_holders = rng_draw(r, HS_MAX_HOLDERS + 1);
    for (u32 i = 0; i < s->refusals.nr_holders; i++)
        s->refusals.holders[i] = (struct hs_holder){i, 100 + i, 200 + i};
}

TEST(what_is_written_is_read)
{
    struct rng r = {.state = 3};

    for (u32 round = 0; round < 50; round++) {
        const u32 nr = 1 + rng_draw(&r, 5);
        struct state states[5];
        struct samples got;
        char *text = NULL;
        size_t length;
        FILE *f = open_memstream(&text, &length);

        assert_true(samples_write_head(f));
        for (u32 i = 0; i < nr; i++) {
            random_state(&r, &states[i], 1764494130000 + i * rng_draw(&r, 5000));
            states[i].time_ms =
                i && states[i].time_ms < states[i - 1].time_ms ? states[i - 1].time_ms : states[i].time_ms;
            assert_true(samples_write(f, &states[i]));
        }
        fclose(f);
        assert_true(read_text(text, length, &got));
        assert_int_equal(got.nr, nr);
        assert_false(got.torn);
        for (u32 i = 0; i < nr; i++) {
            assert_int_equal(got.state[i].time_ms, states[i].time_ms);
            assert_true(state_same(&got.state[i], &states[i]));
            assert_false(memcmp(&got.state[i].refusals, &states[i].refusals, sizeof(states[i].refusals)));
            state_free(&states[i]);
        }
        samples_free(&got);
        free(text);
    }
}

#define HEAD  "hsctl-samples 1\n"
#define BEGIN HEAD "sample 1000 1\nhost 1 2 3\n"
#define NODE  "node 1 2 3 4 5 6 7 8 9\n"
#define END   "end\n"

TEST(what_is_no_recording)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "there is no complete sample in it"},
        {"hello\n",
         "line 1: this is no recording of hsctl watch --record: it begins with \"hsctl-samples 1\""},
        {"hsctl-samples 2\n",
         "line 1: this is no recording of hsctl watch --record: it begins with \"hsctl-samples 1\""},
        {HEAD, "there is no complete sample in it"},
        {HEAD "\n", "line 2: no sample has begun"},
        {HEAD "host 1 2 3\n", "line 2: no sample has begun"},
        {HEAD "sample\n", "line 2: a number is missing"},
        {HEAD "sample 1\n", "line 2: a number is missing"},
        {HEAD "sample -1 1\n", "line 2: a number is missing"},
        {HEAD "sample 1 2\n", "line 2: a number is too large"},
        {HEAD "sample 999999999999999 1\n", "line 2: a number is too large"},
        {HEAD "sample 1000 1\nsample 1000 1\n", "line 3: the sample before has no end"},
        {BEGIN END "sample 999 1\n", "line 5: time goes back"},
        {BEGIN "hots 1 2 3\n", "line 4: no word of a recording"},
        {BEGIN "host 1 2\n", "line 4: a number is missing"},
        {BEGIN "host 1x 2 3\n", "line 4: a space must follow a number"},
        {BEGIN "host 1099511627777 2 3\n", "line 4: a number is too large"},
        {BEGIN "host 99999999999999999999999999 2 3\n", "line 4: a number is too large"},
        {BEGIN "node 1 2 3 4 5 6 7 8\n", "line 4: a number is missing"},
        {BEGIN NODE "domain 1 2 3 4 5 6 7 8 0 0\n" NODE, "line 6: nodes come before domains"},
        {BEGIN NODE "domain 2 2 3 4 5 6 7 8 0 0 a\ndomain 2 2 3 4 5 6 7 8 0 0 b\n",
         "line 6: domains are not in ascending order"},
        {BEGIN NODE "domain 65536 2 3 4 5 6 7 8 0 0 a\n", "line 5: a number is too large"},
        {BEGIN NODE "on 0 1 2 3 4\n", "line 5: no such node, or no domain before it"},
        {BEGIN NODE "domain 2 2 3 4 5 6 7 8 0 0 a\non 1 1 2 3 4\n",
         "line 6: no such node, or no domain before it"},
        {BEGIN "domain 2 2 3 4 5 6 7 8 0 0 a\non 0 1 2 3 4\n",
         "line 5: no such node, or no domain before it"},
        {BEGIN "refused both 1 2 3 4 5 6\n", "line 4: neither claim nor alloc was refused"},
        {BEGIN
         "holder 1 2 3\nholder 1 2 3\nholder 1 2 3\nholder 1 2 3\nholder 1 2 3\nholder 1 2 3\nholder 1 2 3\n"
         "holder 1 2 3\nholder 1 2 3\n",
         "line 12: more than 8 holders"},
    };
    struct samples got;

    for_each_row (i, bad) {
        assert_false(read_text(bad[i].text, strlen(bad[i].text), &got));
        assert_string_equal(error, bad[i].error);
        assert_true(!got.nr && !got.state);
    }
    assert_false(read_text(BEGIN "en\0d\n", sizeof(BEGIN "en\0d\n") - 1, &got));
    assert_string_equal(error, "line 4: a byte that is 0");
}

/* A file without lines is no reason to read all of it: /dev/zero has no end. */
TEST(lines_are_limited)
{
    char text[4096] = BEGIN;
    struct samples got;
    FILE *zero = fopen("/dev/zero", "r");

    assert_non_null(zero);
    assert_false(samples_read(zero, &got, error));
    assert_non_null(strstr(error, "line 1: this is no recording"));
    assert_true(ftell(zero) <= 4096); /* what stdio reads at once */
    fclose(zero);
    memset(text + strlen(BEGIN), 'x', 3000);
    assert_false(read_text(text, strlen(text), &got));
    assert_string_equal(error, "line 4: it is longer than any line of a recording");
    /* A domain with the longest name and numbers has room. */
    memset(text, 0, sizeof(text));
    strcpy(text, BEGIN "domain 65534");
    for (u32 i = 0; i < 7; i++)
        strcat(text, i == 1 ? " 18446744073709551615" : " 1099511627776");
    strcat(text, " 393216 1 ");
    memset(text + strlen(text), 'n', NAME_SIZE - 1);
    strcat(text, "\n" END);
    assert_true(read_text(text, strlen(text), &got));
    assert_int_equal(strlen(got.state[0].domains[0].name), NAME_SIZE - 1);
    samples_free(&got);
}

TEST(nodes_are_limited)
{
    char text[4096] = BEGIN;
    struct samples got;

    for (u32 i = 0; i < HS_MAX_NODES; i++)
        strcat(text, NODE);
    strcat(text, END);
    assert_true(read_text(text, strlen(text), &got));
    assert_int_equal(got.state[0].nr_nodes, HS_MAX_NODES);
    samples_free(&got);
    text[strlen(text) - 4] = '\0';
    strcat(text, NODE);
    assert_false(read_text(text, strlen(text), &got));
    assert_string_equal(error, "line 68: more than 64 nodes");
}

/* The recorder was killed: whatever was cut off, the complete samples are there. */
TEST(a_recording_that_was_cut)
{
    static const char text[] =
        BEGIN NODE "domain 2 2 3 4 5 6 7 8 0 0 web\non 0 1 2 3 4\nrefusals 0 0\n" END
                   "sample 2000 1\nhost 1 2 3\n" NODE "domain 2 2 3 4 5 6 7 8 0 0 web\n" END;
    const size_t first = (size_t)(strstr(text, END) - text) + strlen(END), length = strlen(text);
    struct samples got;

    for (size_t cut = 0; cut <= length; cut++) {
        bool good = read_text(text, cut, &got);
        assert_int_equal(good, cut >= first);
        if (!good)
            continue;
        assert_int_equal(got.nr, cut == length ? 2 : 1);
        samples_free(&got);
    }
    assert_true(read_text(text, length - 5, &got));
    assert_true(got.torn);
    samples_free(&got);
}

TEST(names_of_strangers)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"web", "web"},
        {"", ""},
        {"a\tb\x1b[2Jc\x7f", "a?b?[2Jc?"},
        {"\xc3\xa4", "\xc3\xa4"},
        {"\xc3", "?"},
        {"\xc3(", "?("},
        {"\xc0\xaf", "??"},      /* overlong */
        {"\xed\xa0\x80", "???"}, /* a surrogate */
        {"\xc2\x9b"
         "31m",
         "??31m"}, /* a control character of 8 bits */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
        {"\xef\xbf\xbf", "???"},      /* no character */
    };
    char to[NAME_SIZE], longer[NAME_SIZE + 36];

    for_each_row (i, rows) {
        assert_int_equal(text_copy(to, sizeof(to), rows[i].from), !strcmp(rows[i].from, rows[i].to));
        assert_string_equal(to, rows[i].to);
    }
    /* Cut between characters. */
    memset(longer, 'x', sizeof(longer));
    strcpy(longer + NAME_SIZE - 2, "\xc3\xa4");
    assert_false(text_copy(to, sizeof(to), longer));
    assert_int_equal(strlen(to), NAME_SIZE - 2);
    longer[NAME_SIZE - 1] = '\0';
    longer[NAME_SIZE - 2] = 'x';
    assert_true(text_copy(to, sizeof(to), longer));
    assert_int_equal(strlen(to), NAME_SIZE - 1);
}
