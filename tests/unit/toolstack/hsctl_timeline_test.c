/* What the picture shows: columns, layers and labels of a chart; and that it is well-formed XML whatever the names are. */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <toolstack/hsctl/chart.h>
#include <toolstack/hsctl/timeline.h>

#define M 256ull

static struct samples samples;

/* A sample with two nodes of 100 MiB, and domains with these ids. */
static struct state *sample(s64 time_ms, u32 nr, const u32 *domids)
{
    struct state s;

    assert_true(state_init(&s, 2, nr));
    s.time_ms = time_ms;
    s.node_claims = true;
    for (u32 n = 0; n < 2; n++)
        s.nodes[n].size_pages = s.nodes[n].free_pages = 100 * M;
    for (u32 d = 0; d < nr; d++)
        s.domains[d].info.domid = domids[d];
    assert_true(samples_add(&samples, &s));
    return &samples.state[samples.nr - 1];
}

static void holds(struct state *s, u32 domain, u32 node, u64 own, u64 claim)
{
    *state_cell(s, domain, node) = (struct hs_domain_node){.own_pages = own, .claim_pages = claim};
    s->domains[domain].info.tot_pages += own;
    s->domains[domain].info.outstanding_pages += claim;
    s->nodes[node].free_pages -= own;
    s->nodes[node].claimed_pages += claim;
}

static void teardown(void)
{
    samples_free(&samples);
}
FIXTURE(NULL, teardown)

/* The text is the caller's to free. */
static char *draw(const char *title, struct timeline_facts *facts)
{
    char *text = NULL;
    size_t length;
    FILE *f = open_memstream(&text, &length);

    assert_true(timeline_draw(f, &samples, title, facts));
    fclose(f);
    return text;
}

TEST(columns_have_the_last_sample_of_their_pixel)
{
    const u32 id = 1;
    struct chart c;

    for (u32 i = 0; i <= 1000; i++)
        sample(5000 + i, 1, &id);
    assert_true(chart_make(&c, &samples, 101));
    assert_int_equal(c.nr_columns, 101);
    for (u32 i = 0; i < c.nr_columns; i++)
        assert_int_equal(c.sample[i], i == 100 ? 1000 : 10 * i + 9);
    assert_true(c.x[0] == 0 && c.x[50] > 0.499 && c.x[50] < 0.501 && c.x[100] == 1 && c.x[101] == 1);
    assert_int_equal(c.nr_who, 1);
    chart_free(&c);
}

TEST(layers_are_stacked)
{
    const u32 ids[] = {1, 2};
    struct state *s = sample(0, 2, ids);
    struct chart c;

    holds(s, 0, 0, 10, 20);
    holds(s, 1, 0, 5, 0);
    s->nodes[0].free_pages -= 7; /* the hypervisor's */
    s = sample(1000, 1, ids + 1);
    holds(s, 0, 0, 6, 1);
    assert_true(chart_make(&c, &samples, 100));
    assert_int_equal(c.nr_columns, 2);
    chart_begin(&c, 0);
    assert_true(c.base[0] == 0 && c.own[0] == 7 && c.claim[0] == 0 && c.own[1] == 0);
    chart_raise(&c);
    assert_true(chart_stack(&c, 0, 0));
    assert_true(c.base[0] == 7 && c.own[0] == 10 && c.claim[0] == 20);
    assert_true(c.base[1] == 0 && c.own[1] == 0 && c.claim[1] == 0); /* it is gone */
    chart_raise(&c);
    assert_true(chart_stack(&c, 1, 0));
    assert_true(c.base[0] == 37 && c.own[0] == 5 && c.base[1] == 0 && c.own[1] == 6 && c.claim[1] == 1);
    assert_false(chart_stack(&c, 1, 1));
    assert_true(chart_height(&c, 0) == 100 * M && chart_height(&c, 3) == 0 &&
                chart_height(&c, CHART_HOST) == 0);
    chart_free(&c);
}

/* Nobody's memory in one sample only is a domain's that is being destroyed; a step is not. */
TEST(nobodys_memory_is_smoothed)
{
    static const u64 used[] = {5, 5, 900, 5, 5, 70, 70, 70};
    struct chart c;

    for (u32 i = 0; i < ARRAY_SIZE(used); i++)
        sample(i, 0, NULL)->nodes[0].free_pages -= used[i];
    assert_true(chart_make(&c, &samples, 100));
    chart_begin(&c, 0);
    for (u32 i = 0; i < ARRAY_SIZE(used); i++)
        assert_true(c.own[i] == (i < 5 ? 5 : 70));
    chart_free(&c);
}

/* The sum of all layers against what the samples say. */
TEST(random_layers)
{
    struct rng r = {.state = 5};
    struct chart c;

    for (u32 round = 0; round < 30; round++) {
        for (u32 i = 0, time = 0; i < 40; i++, time += rng_draw(&r, 30)) {
            u32 ids[6], nr = 0;
            for (u32 id = 0; id < 6; id++)
                if (rng_draw(&r, 2))
                    ids[nr++] = id;
            struct state *s = sample(time, nr, ids);
            for (u32 d = 0; d < nr; d++)
                holds(s, d, rng_draw(&r, 2), rng_draw(&r, 4000), rng_draw(&r, 50));
        }
        assert_true(chart_make(&c, &samples, 2 + rng_draw(&r, 60)));
        assert_int_equal(c.sample[c.nr_columns - 1], samples.nr - 1);
        chart_begin(&c, 1);
        for (u32 k = 0; k < c.nr_columns; k++)
            assert_true(!k || (c.x[k] > c.x[k - 1] && c.sample[k] > c.sample[k - 1]));
        chart_raise(&c);
        for (u32 w = 0; w < c.nr_who; w++) {
            chart_stack(&c, w, 1);
            chart_raise(&c);
        }
        for (u32 k = 0; k < c.nr_columns; k++) {
            const struct state *s = &samples.state[c.sample[k]];
            assert_true(c.base[k] == (double)(s->nodes[1].size_pages - s->nodes[1].free_pages +
                                              s->nodes[1].claimed_pages));
        }
        chart_free(&c);
        samples_free(&samples);
    }
}

/* An id that comes back under another name is another domain; under the same, or without a gap, it is the same. */
TEST(who_is_who)
{
    const u32 id = 4;
    struct chart c;

    strcpy(sample(0, 1, &id)->domains[0].name, "");
    strcpy(sample(1, 1, &id)->domains[0].name, "web");
    strcpy(sample(2, 1, &id)->domains[0].name, "web2"); /* renamed */
    sample(3, 0, NULL);
    strcpy(sample(4, 1, &id)->domains[0].name, "web2"); /* the same again: rebooted, or a sample without it */
    sample(5, 0, NULL);
    strcpy(sample(6, 1, &id)->domains[0].name, "mail");
    holds(&samples.state[6], 0, 0, 1, 0);
    assert_true(chart_make(&c, &samples, 100));
    assert_int_equal(c.nr_who, 2);
    assert_string_equal(c.who[0].name, "web2");
    assert_true(c.who[0].first == 0 && c.who[0].last == 4 && !c.who[0].held);
    assert_string_equal(c.who[1].name, "mail");
    assert_true(c.who[1].first == 6 && c.who[1].held);
    assert_false(chart_stack(&c, 0, 0));
    assert_true(chart_stack(&c, 1, 0));
    chart_free(&c);
}

TEST(labels_are_where_the_layer_is_thick)
{
    const u32 id = 1;
    double x = -1, y = -1;
    struct chart c;

    for (u32 i = 0; i <= 100; i++)
        holds(sample(i, 1, &id), 0, 0, i < 40 ? 10 : i < 80 ? 100 : 20, 0);
    assert_true(chart_make(&c, &samples, 1000));
    assert_true(chart_stack(&c, 0, 0));
    assert_true(chart_label(&c, 0.1, &x, &y) == 100);
    assert_true(x > 0.55 && x < 0.65 && y == 50);
    assert_true(chart_label(&c, 0.5, &x, &y) ==
                20); /* wider than the thick part: it begins in it, or ends there */
    assert_true(chart_label(&c, 1.5, &x, &y) == 0);
    chart_free(&c);
}

/* --- the whole picture --- */
TEST(a_picture)
{
    const u32 ids[] = {0, 3};
    struct timeline_facts facts;
    struct state *s = sample(1764494130000, 2, ids);

    strcpy(s->domains[0].name, "Domain-0");
    strcpy(s->domains[1].name, "x<y&z>");
    holds(s, 0, 0, 50 * M, 0);
    holds(s, 1, 1, 10 * M, 60 * M);
    s = sample(1764494140000, 2, ids);
    strcpy(s->domains[1].name, "x<y&z>");
    s->refusals = (struct hs_refusals){
        .nr_claims = 1, .kind = HS_REFUSAL_CLAIM, .domid = 3, .node = 1, .pages = 512 * M};
    char *text = draw("a \"title\" <with> & \x1b[1m", &facts);

    assert_true(facts.domains == 2 && facts.refusals == 1);
    assert_non_null(strstr(text, "<title>a \"title\" &lt;with&gt; &amp; ?[1m</title>"));
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    assert_non_null(strstr(text, "x&lt;y&amp;z&gt;: claimed"));
    assert_non_null(strstr(text, ">x&lt;y&amp;z&gt;: 512 MiB refused</text>"));
    assert_null(strstr(text, "x<y"));
    assert_null(strstr(text, "nan"));
    free(text);
}

/* Whatever was recorded: no picture is a file that nobody can read. */
TEST(every_picture_is_well_formed)
{
    static const char *const names[] = {
        "",     "web",          "]]>", "<!--",
        "&#0;", "\xe2\x80\xa8", "'\"", "a name that is much too long for any label in it"};
    FILE *all = fopen("build/host/hsctl.svgs", "w");
    struct rng r = {.state = 9};
    struct timeline_facts facts;
    char *text;

    assert_non_null(all);
    for (u32 round = 0; round < 40; round++) {
        const u32 nr_nodes = round == 0 ? 0 : 1 + rng_draw(&r, round == 1 ? 64 : 6),
                  nr = 1 + rng_draw(&r, 20);
        const s64 step = round % 3 ? rng_draw(&r, 100000000) : 0;
        for (u32 i = 0; i < nr; i++) {
            struct state s;
            assert_true(state_init(&s, nr_nodes, rng_draw(&r, 5)));
            s.time_ms = i * step;
            s.node_claims = round % 4;
            for (u32 n = 0; n < nr_nodes; n++)
                s.nodes[n].size_pages = rng_draw(&r, 3) ? 1ull << rng_draw(&r, 41) : 0;
            for (u32 d = 0; d < s.nr_domains; d++) {
                s.domains[d].info.domid = d * (1 + round % 2);
                strcpy(s.domains[d].name, names[rng_draw(&r, ARRAY_SIZE(names))]);
                s.domains[d].info.tot_pages = s.domains[d].info.host_claim_pages = rng_draw(&r, 5000);
                for (u32 n = 0; n < nr_nodes; n++)
                    *state_cell(&s, d, n) =
                        (struct hs_domain_node){1ull << rng_draw(&r, 41), 1ull << rng_draw(&r, 41), 0, 0};
            }
            s.host.host_claimed_pages = rng_draw(&r, 2) ? 1ull << rng_draw(&r, 41) : 0;
            s.refusals = (struct hs_refusals){.nr_allocs = rng_draw(&r, 3), /* counters may even go back */
                                              .kind = HS_REFUSAL_CLAIM + rng_draw(&r, 2),
                                              .node = rng_draw(&r, 2) ? HS_ANY_NODE : rng_draw(&r, 70),
                                              .domid = rng_draw(&r, 6),
                                              .pages = 1ull << rng_draw(&r, 41)};
            assert_true(samples_add(&samples, &s));
        }
        text = draw(round % 2 ? names[round % 8] : NULL, &facts);
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, "inf"));
        fwrite(text, 1, strlen(text) + 1, all);
        free(text);
        samples_free(&samples);
    }
    fclose(all);
    assert_int_equal(system("python3 -c 'import xml.dom.minidom\n"
                            "pictures = open(\"build/host/hsctl.svgs\", \"rb\").read().split(b\"\\0\")\n"
                            "assert len(pictures) == 41\n"
                            "for p in pictures[:-1]: xml.dom.minidom.parseString(p)'"),
                     0);
}
