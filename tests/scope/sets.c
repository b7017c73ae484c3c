/* Every set of claims over every other one, for a domain that owns some pages beside another one's claims: claims.md
 * sections 2 and 3. */
#include "scope.h"

#include <stdio.h>

static struct state before;   /* before the call */
static struct want now, then; /* the sets */

static void tell(void)
{
    say_state("before", &before);
    for (u32 i = 0; i < 2; i++) {
        const struct want *w = i ? &then : &now;
        fprintf(stderr, "  set %u: %u %u %u host %u flags %#x\n", i, w->node[0], w->node[1], w->node[2],
                w->host, w->flags);
    }
}

static void own_pages(struct state *s, const u32 *own)
{
    for (u32 n = 0; n < scope_nodes; n++)
        for (u32 i = 0; i < own[n]; i++)
            if (world_page(s, D, n))
                wrong("nothing is claimed, and a free page is refused");
}

/* A second set over what is there, with the flag and without. */
static void over_it(const struct state *s, const u32 *most, u32 host, u32 flags)
{
    then = (struct want){.flags = flags};
    do {
        struct state t = *s;
        before = t;
        struct want_order how = {.descending = then.host & 1, .all_nodes = then.node[0] & 1};
        if (world_set(&t, D, &then, how) == 0) { /* back to the first one */
            world_check_all(&t);
            struct want back = {.host = s->host[D], .flags = CLAIM_REPLACE | now.flags};
            for (u32 n = 0; n < scope_nodes; n++)
                back.node[n] = s->claim[D][n] ? s->claim[D][n] + s->own[D][n] : 0;
            for (u32 n = 0; n < scope_nodes;
                 n++) /* a host-wide entry counts what is owned beyond the others */
                back.host += s->host[D] ? s->own[D][n] - MIN(s->own[D][n], back.node[n]) : 0;
            before = t;
            if (world_set(&t, D, &back, (struct want_order){0}))
                wrong("what a set has held is not there for the next one");
        }
        world_check(s);
    } while (want_next(&then, most, host));
}

static void legacy(const struct state *s, u32 host)
{
    for (u32 pages = 1; pages <= host + rule_tot(s, D); pages++) {
        struct state t = *s;
        before = t;
        now = (struct want){.host = pages, .flags = 1};
        if (world_legacy(&t, D, pages) == 0) {
            world_check(&t);
            if (world_legacy(&t, D, 0))
                wrong("claims cannot be released");
        }
        world_check(s);
    }
}

static void first_sets(struct state *s, const u32 *most, u32 host, u32 flags)
{
    now = (struct want){.flags = flags};
    while (want_next(&now, most, host)) {
        struct state t = *s;
        before = t;
        if (world_set(&t, D, &now, (struct want_order){0}) == 0) {
            world_check(&t);
            over_it(&t, most, host, flags | CLAIM_REPLACE);
            world_release(&t, D);
        }
        world_check(s);
    }
}

/* The sum of ram, and one more than each. */
static u32 limits(const u32 *ram, u32 *most)
{
    u32 sum = 0;

    for (u32 n = 0; n < scope_nodes; n++) {
        most[n] = ram[n] + 1;
        sum += ram[n];
    }
    return sum + 1;
}

static void try_machine(const u32 *ram)
{
    u32 most[SCOPE_NODES], host = limits(ram, most);
    struct want own = {.host = 0}, others = {.host = 0};
    struct state s;

    do {
        others = (struct want){.host = 0};
        do {
            world_reset(&s);
            own_pages(&s, own.node);
            before = s;
            now = others;
            if (rule_out(&s, E) == 0 && want_sum(&others) &&
                world_set(&s, E, &others, (struct want_order){0}))
                continue;
            for (u32 limit = 0; limit < 2; limit++) {
                s.max[D] = limit ? rule_tot(&s, D) + 1 : NO_LIMIT;
                accounts[D].max_pages = s.max[D];
                first_sets(&s, most, host, limit ? 0 : CLAIM_STRICT);
            }
            s.max[D] = accounts[D].max_pages = NO_LIMIT;
            over_it(&s, most, host, 0);
            legacy(&s, host);
        } while (want_next(&others, ram, 1));
    } while (want_next(&own, ram, 0));
    world_reset(&s);
}

void try_sets(u32 nodes, u32 pages)
{
    struct want ram = {.host = 0};
    u32 most[SCOPE_NODES] = {pages, pages, pages};

    scope_nodes = nodes;
    describe = tell;
    do {
        world_make(nodes, ram.node, ram.node[0] & 1);
        try_machine(ram.node);
        world_unmake();
    } while (want_next(&ram, most, 0));
}
