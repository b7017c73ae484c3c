/* The builder's sentences about memory that is not there. */
#include <tests/machine/test.h>

#include <guest/dom0/explain.h>
#include <homestead/errno.h>

#define MIB_PAGES(n) ((uint64_t)(n)*256)

static char text[512];

/* Two nodes of 1024 MiB. */
static struct memory_figures two_nodes(uint64_t free0, uint64_t free1)
{
    struct memory_figures f = {.nr_nodes = 2};

    f.node[0].size = f.node[1].size = MIB_PAGES(1024);
    f.node[0].free = MIB_PAGES(free0);
    f.node[1].free = MIB_PAGES(free1);
    return f;
}

static const char *shortage(const struct memory_figures *f, struct shortage s)
{
    explain_shortage(text, sizeof(text), f, &s);
    return text;
}

TEST(nodes_that_are_not_there)
{
    struct memory_figures f = two_nodes(10, 10);

    explain_node(text, sizeof(text), &f, 9);
    assert_string_equal(text, "node 9: this host has nodes 0 to 1");
    explain_node(text, sizeof(text), &f, 1);
    assert_string_equal(text, "");
    f.node[1].size = 0;
    explain_node(text, sizeof(text), &f, 1);
    assert_string_equal(text, "node 1 has no memory");
    f.nr_nodes = 1;
    explain_node(text, sizeof(text), &f, 1);
    assert_string_equal(text, "node 1: this host has node 0 only");
}

TEST(too_large_for_a_node)
{
    struct memory_figures f = two_nodes(1005, 1021);

    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(1900) - 95, .node = 1}),
        "wants 1900 MiB on node 1, 1021 MiB are free and unclaimed there (1005 on node 0); "
        "all nodes together have room for it (nodes = \"all\"), or lower its memory to 1021 MiB");
    f.node[0].free = MIB_PAGES(2000);
    assert_string_equal(shortage(&f, (struct shortage){.wanted = MIB_PAGES(1900), .node = 1}),
                        "wants 1900 MiB on node 1, 1021 MiB are free and unclaimed there (2000 on node 0); "
                        "node 0 has room for it");
}

/* A node with room for all of it is no cure, and a lower memory would not be the sum of the sizes. */
TEST(virtual_nodes_that_do_not_fit)
{
    struct memory_figures f = two_nodes(420, 748);
    struct shortage s = {.wanted = MIB_PAGES(900), .all = MIB_PAGES(1000), .node = 1, .vnuma = true};

    assert_string_equal(
        shortage(&f, s),
        "wants 900 of its 1000 MiB on node 1, 748 MiB are free and unclaimed there (420 on node 0); "
        "without vnuma it fits, or give its virtual nodes there at most 748 MiB");
    f.node[0].free = 0;
    assert_string_equal(
        shortage(&f, s),
        "wants 900 of its 1000 MiB on node 1, 748 MiB are free and unclaimed there (0 on node 0); "
        "too much for this host: give its virtual nodes there at most 748 MiB");
}

TEST(too_large_for_the_host)
{
    struct memory_figures f = two_nodes(1005, 1021);

    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(3000), .node = NODE_NONE}),
        "wants 3000 MiB, 2026 MiB are free and unclaimed on this host (1005 on node 0, 1021 on node 1); "
        "too much for this host: lower its memory to 2026 MiB");
    f.in_use = MIB_PAGES(1000);
    f.nr_nodes = 1;
    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(1500), .tables = MIB_PAGES(5), .node = NODE_NONE}),
        "wants 1500 MiB and 5 MiB for its page tables, 1005 MiB are free and unclaimed on this host; "
        "wait until other guests have ended, or lower its memory to 1000 MiB");
    assert_string_equal(shortage(&f, (struct shortage){.wanted = MIB_PAGES(64),
                                                       .tables = MIB_PAGES(31313),
                                                       .maxmem = MIB_PAGES(16000000),
                                                       .node = NODE_NONE}),
                        "wants 64 MiB and 31313 MiB for its page tables (maxmem = 16000000), "
                        "1005 MiB are free and unclaimed on this host; too much for this host");
}

TEST(claimed_by_others)
{
    struct memory_figures f = two_nodes(1005, 300);

    f.node[1].claimed = MIB_PAGES(280);
    f.nr_holders = 2;
    f.holder[0] = 3;
    f.holder[1] = 7;
    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(290), .node = 1}),
        "wants 290 MiB on node 1, 300 MiB are free there, of which 280 MiB are claimed by d3 and d7 "
        "(1005 free and unclaimed on node 0); node 0 has room for it");
    f.node[0].free = 0;
    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(290), .node = 1}),
        "wants 290 MiB on node 1, 300 MiB are free there, of which 280 MiB are claimed by d3 and d7 "
        "(0 free and unclaimed on node 0); wait until what is claimed has been built and has ended, or "
        "lower its memory to 20 MiB");
}

/* A host-wide claim is on no node, but what it needs may be the last that is free on one. */
TEST(claimed_host_wide)
{
    struct memory_figures f = two_nodes(100, 300);

    f.host_claimed = MIB_PAGES(390);
    f.nr_holders = 10;
    for (uint32_t i = 0; i < EXPLAIN_HOLDERS; i++)
        f.holder[i] = i + 1;
    assert_int_equal(explain_unclaimed(&f, NODE_NONE), MIB_PAGES(10));
    assert_int_equal(explain_unclaimed(&f, 1), MIB_PAGES(10));
    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(20), .node = NODE_NONE}),
        "wants 20 MiB, 400 MiB are free on this host, of which 390 MiB are claimed by d1, d2, d3, d4, d5, "
        "d6, "
        "d7, d8 and others (10 free and unclaimed on node 0, 10 on node 1); wait until what is claimed has "
        "been built and has ended, or lower its memory to 10 MiB");
}

TEST(some_of_it_could_be_had)
{
    struct memory_figures f = two_nodes(100, 0);

    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(400), .got = MIB_PAGES(253), .node = 1}),
        "wants 400 MiB on node 1 and got 253 of them, 0 MiB are free and unclaimed there (100 on node 0); "
        "too much for this host: lower its memory to 253 MiB");
}

TEST(a_share_of_several_nodes)
{
    struct memory_figures f = two_nodes(500, 300);

    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(350), .all = MIB_PAGES(700), .node = 1}),
        "wants 350 of its 700 MiB on node 1, 300 MiB are free and unclaimed there (500 on node 0); without "
        "nodes it fits, "
        "or lower its memory to 600 MiB");
    f.node[0].free = 0;
    f.node[1].free = 0;
    assert_string_equal(
        shortage(&f, (struct shortage){.wanted = MIB_PAGES(350), .all = MIB_PAGES(700), .node = 1}),
        "wants 350 of its 700 MiB on node 1, 0 MiB are free and unclaimed there (0 on node 0); too much for "
        "this host");
}

TEST(many_nodes_and_little_room_for_text)
{
    struct memory_figures f = {.nr_nodes = MAX_NODES};

    for (uint32_t n = 0; n < MAX_NODES; n++)
        f.node[n].size = f.node[n].free = MIB_PAGES(n);
    shortage(&f, (struct shortage){.wanted = MIB_PAGES(70), .node = 1});
    assert_non_null(strstr(text, " (2 on node 2, 3 on node 3, 4 on node 4, 5 on node 5, ...);"));
    for (size_t size = 1; size < 60; size++) {
        memset(text, 'x', sizeof(text));
        explain_shortage(text, size, &f, &(struct shortage){.wanted = ~0ull, .node = 1});
        assert_int_equal(strlen(text), size - 1);
        assert_int_equal(text[size], 'x');
    }
}

TEST(errors_have_words)
{
    assert_string_equal(explain_error(-ENOMEM), "no memory (ENOMEM)");
    assert_non_null(strstr(explain_error(-4000), "without a name"));
}
