/* Every take of every domain with claims, every part of it kept, and something in between: claims.md section 4. */
#include "scope.h"

#include <stdio.h>

#define PAGES_AT_ONCE 4u

enum between { /* the take and its end; those of a node come last */
               NOTHING,
               RELEASE,
               KILL,
               REPLACE_BY_HOST,
               OTHER_CLAIMS_HOST,
               REPLACE_BY_NODE,
               OTHER_CLAIMS,
               OTHER_TAKES,
               HOMESTEAD_TAKES,
               TAKES_AGAIN,
               NR_BETWEEN,
};
static const char *const name[NR_BETWEEN] = {"nothing",
                                             "released",
                                             "killed",
                                             "replaced",
                                             "another claims",
                                             "replaced by a node's",
                                             "another claims there",
                                             "another takes",
                                             "Homestead takes",
                                             "takes again"};

static struct want mine, others;
static struct { /* the take that is tried */
    u32 node, nr, kept, event, event_node;
    bool guest, limited;
} the;
static struct state before;

static void tell(void)
{
    say_state("before", &before);
    fprintf(stderr, "  take %u of node %u, %s%s, keep %u, in between: %s %u\n", the.nr, the.node,
            the.guest ? "guest" : "overhead", the.limited ? ", limited" : "", the.kept, name[the.event],
            the.event_node);
}

static void happen(struct state *s, struct deal *deal)
{
    struct want other = {.flags = CLAIM_REPLACE};
    u32 n = the.event_node;

    switch (the.event) {
    case RELEASE:
        world_release(s, D);
        deal->changed = true;
        break;
    case KILL:
        world_kill(s, D);
        deal->changed = true;
        break;
    case REPLACE_BY_HOST:
        other.host = rule_tot(s, D) + 1;
        deal->changed = world_set(s, D, &other, (struct want_order){0}) == 0;
        break;
    case REPLACE_BY_NODE:
        other.node[n] = s->own[D][n] + 1;
        deal->changed = world_set(s, D, &other, (struct want_order){0}) == 0;
        break;
    case OTHER_CLAIMS_HOST:
        other.host = rule_tot(s, E) + rule_out(s, E) + 1;
        world_set(s, E, &other, (struct want_order){0});
        break;
    case OTHER_CLAIMS:
        other.node[n] = s->own[E][n] + s->claim[E][n] + 1;
        world_set(s, E, &other, (struct want_order){0});
        break;
    case OTHER_TAKES:
        world_page(s, E, n);
        break;
    case HOMESTEAD_TAKES:
        world_page(s, HOMESTEAD, n);
        break;
    case TAKES_AGAIN:
        world_page(s, D, n);
        break;
    default:
        break;
    }
}

/* Once, from the claims on. Returns how many extents were got. */
static u32 once(void)
{
    struct state s;
    struct deal deal;

    world_reset(&s);
    before = s;
    if ((want_sum(&others) && world_set(&s, E, &others, (struct want_order){0})) ||
        world_set(&s, D, &mine, (struct want_order){.descending = mine.host & 1}))
        return 0;
    if (the.limited)
        s.max[D] = accounts[D].max_pages = 1;
    before = s;
    if (world_take(&s, D, the.node, 0, the.nr, the.guest, &deal)) {
        world_check_all(&s);
        return 0;
    }
    world_check(&s);
    happen(&s, &deal);
    u32 kept = MIN(the.kept, deal.nr);
    world_done(&s, &deal, kept);
    world_check_all(&s);
    return deal.nr;
}

/* All that can come in between and be kept, of one take. */
static void every_end(void)
{
    the.kept = ~0u;
    the.event = NOTHING;
    u32 got = once();
    for (the.event = NOTHING; the.event < NR_BETWEEN; the.event++) {
        u32 nodes = the.event >= REPLACE_BY_NODE ? scope_nodes : 1;

        for (the.event_node = 0; the.event_node < nodes; the.event_node++)
            for (the.kept = 0; the.kept < got; the.kept++)
                once();
    }
    the.event_node = 0;
}

static void every_take(const u32 *ram)
{
    for (the.node = 0; the.node <= scope_nodes; the.node++)
        for (u32 kind = 0; kind < 3; kind++) {
            u32 most = the.node == scope_nodes ? 2 : MIN(ram[the.node] + 1, PAGES_AT_ONCE);

            the.guest = kind != 1;
            the.limited = kind == 2;
            for (the.nr = 1; the.nr <= (kind ? MIN(most, 2u) : most); the.nr++)
                every_end();
        }
}

static void try_machine(const u32 *ram, bool all_others)
{
    u32 sum = 0, some[SCOPE_NODES];
    struct state s;

    for (u32 n = 0; n < scope_nodes; n++) {
        sum += ram[n];
        some[n] = all_others ? ram[n] : MIN(ram[n], 1u);
    }
    do {
        mine = (struct want){.host = 0};
        while (want_next(&mine, ram, sum)) {
            if (want_sum(&mine) + want_sum(&others) > sum)
                continue;
            for (u32 strict = 0; strict < 2; strict++) {
                mine.flags = strict ? CLAIM_STRICT : 0;
                every_take(ram);
            }
        }
    } while (want_next(&others, some, all_others ? sum : 1));
    others = (struct want){.host = 0};
    world_reset(&s);
}

void try_takes(u32 nodes, u32 pages, bool all_others)
{
    struct want ram = {.host = 0};
    u32 most[SCOPE_NODES] = {pages, pages, pages};

    scope_nodes = nodes;
    describe = tell;
    while (want_next(&ram, most, 0)) {
        world_make(nodes, ram.node, ram.node[0] & 1);
        try_machine(ram.node, all_others);
        world_unmake();
    }
}
