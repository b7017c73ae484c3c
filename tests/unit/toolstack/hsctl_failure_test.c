/* Why there was not enough memory: what is not claimed, by whom the rest is, and what a replaced set has itself. */
#include <tests/machine/test.h>

#include <toolstack/hsctl/failure.h>

#define G 262144ull

static struct state state;
static struct args args;
static char *text;

static void setup(void)
{
    assert_true(state_init(&state, 2, 7));
    state.node_claims = true;
    state.host.nr_nodes = 2;
    for (u32 n = 0; n < 2; n++)
        state.nodes[n] =
            (struct hs_node){.size_pages = 4 * G, .free_pages = 4 * G, .free_2m = 2048, .free_1g = 4};
    state.host.free_pages = 8 * G;
    for (u32 d = 0; d < 7; d++) {
        state.domains[d].info.domid = d;
        state.domains[d].info.max_pages = 8 * G;
        snprintf(state.domains[d].name, NAME_SIZE, "d%u", d);
    }
    memset(&args, 0, sizeof(args));
}

static void teardown(void)
{
    state_free(&state);
    free(text);
    text = NULL;
}
FIXTURE(setup, teardown)

static void claims(u32 domid, u32 node, u64 pages)
{
    state_cell(&state, domid, node)->claim_pages += pages;
    state.domains[domid].info.outstanding_pages += pages;
    state.nodes[node].claimed_pages += pages;
    state.host.outstanding_pages += pages;
}

static void owns(u32 domid, u32 node, u64 pages)
{
    state_cell(&state, domid, node)->own_pages += pages;
    state.domains[domid].info.tot_pages += pages;
    state.nodes[node].free_pages -= pages;
    state.host.free_pages -= pages;
}

static void asks(u32 node, u64 pages, u32 order)
{
    args.entry[args.nr_entries++] = (struct entry){.node = node, .pages = pages, .order = order};
}

/* The lines after the first, of domain 6. */
static const char *why(bool json, bool pages)
{
    size_t length;

    free(text);
    FILE *f = open_memstream(&text, &length);
    const struct show show = {.to = f, .json = json, .pages = pages};
    failure_shortage(&show, &state, 6, &args);
    fclose(f);
    return json ? text : strchr(text, '\n') + 1;
}

TEST(the_largest_holders_come_first)
{
    for (u32 d = 1; d < 6; d++)
        claims(d, 1, d == 2 ? 800 * 256 : d * 16);
    asks(1, 4 * G, 0);
    asks(0, 4 * G, 0); /* fits */
    assert_string_equal(
        why(false, false),
        "hsctl:   node 1: asked for 4.0 GiB, 3.2 GiB is not claimed; d2 holds 800 MiB, d5 320 KiB, "
        "d4 256 KiB, d3 192 KiB and 1 more 64 KiB\n");
    assert_string_equal(
        why(false, true),
        "hsctl:   node 1: asked for 1048576, 843568 is not claimed; d2 holds 204800, d5 80, d4 64, "
        "d3 48 and 1 more 16\n");
}

TEST(counts_are_absolute)
{
    owns(6, 0, G);
    claims(1, 0, G);
    asks(0, 3 * G, 0); /* 2 more: they are there */
    assert_string_equal(why(false, false),
                        "hsctl:   there would be enough by now: memory was given back meanwhile\n");
    args.entry[0].pages = 3 * G + 1;
    assert_string_equal(
        why(false, false),
        "hsctl:   node 0: asked for 524289 pages, 524288 pages is not claimed; d1 holds 1.0 GiB\n");
    /* Host-wide: what it owns beyond its entries counts towards that. */
    args.nr_entries = 0;
    claims(1, 1, 3 * G);
    asks(1, 0, 0);
    asks(HS_ANY_NODE, 4 * G + 1, 0);
    assert_string_equal(
        why(false, false),
        "hsctl:   host: asked for 786433 pages, 786432 pages is not claimed; d1 holds 4.0 GiB\n");
    args.entry[1].pages = 4 * G;
    assert_string_equal(why(false, false),
                        "hsctl:   there would be enough by now: memory was given back meanwhile\n");
}

TEST(what_is_replaced_is_there)
{
    claims(6, 0, 2 * G);
    claims(1, 0, G);
    asks(0, 3 * G + 256, 0);
    args.replace = true;
    assert_string_equal(
        why(false, false),
        "hsctl:   node 0: asked for 786688 pages, 786432 pages is not claimed; d1 holds 1.0 GiB\n");
    args.replace = false;
    assert_string_equal(
        why(false, false),
        "hsctl:   node 0: asked for 3.0 GiB, 1.0 GiB is not claimed; d6 holds 2.0 GiB, d1 1.0 GiB\n");
}

TEST(whole_extents)
{
    state.nodes[0].free_1g = 2;
    state.nodes[0].reserved_1g = 1;
    state.nodes[0].reserved_2m = 2040;
    asks(0, 2 * G, 18);
    asks(1, 2 * G, 18);
    assert_string_equal(
        why(false, false),
        "hsctl:   node 0: asked for 2 whole extents of 1 GiB, 1 are free and not kept for other claims\n");
    args.entry[0] = (struct entry){.node = 0, .pages = 10 * 512, .order = 9};
    assert_string_equal(
        why(false, false),
        "hsctl:   node 0: asked for 10 whole extents of 2 MiB, 8 are free and not kept for other claims\n");
    assert_string_equal(why(true, false),
                        "{\"error\": \"ENOMEM\", \"text\": \"not that much memory is free and not claimed\", "
                        "\"domid\": 6, \"short\": [{\"node\": 0, \"order\": 9, \"asked_extents\": 10, "
                        "\"there_extents\": 8}]}\n");
    /* A gigabyte of its own, which is replaced, has 512 of them. */
    args.replace = true;
    *state_cell(&state, 6, 0) =
        (struct hs_domain_node){.claim_pages = G, .claim_extents = 1, .claim_order = 18};
    assert_string_equal(why(false, false),
                        "hsctl:   there would be enough by now: memory was given back meanwhile\n");
}

TEST(names_of_errors)
{
    assert_string_equal(error_name(12), "ENOMEM");
    assert_string_equal(error_name(38), "ENOSYS");
    assert_string_equal(error_name(71), "EPROTO");
    assert_string_equal(error_name(28), "ENOSPC");
    assert_string_equal(error_name(95), "EOPNOTSUPP");
    assert_string_equal(error_name(4711), "errno 4711");
}
