/* Claims of whole extents: every sequence of so many steps on two nodes of two extents of 2 MiB and a page: claims.md
 * CL-3.47 to CL-3.59. */
#include "scope.h"

#include <stdio.h>

enum what { CLAIM, RELEASE, OTHER_CLAIMS, TAKE_2M, TAKE_PAGE, OTHER_2M, OTHER_PAGE, HOMESTEAD_PAGE, DONE };

static const struct step {
    const char *name;
    enum what what;
    u32 node;
    u32 units, pages; /* claimed; kept */
    u32 host;
} steps[] = {
    {"claims 1 extent on 0", CLAIM, 0, 1, 0, 0},
    {"claims 2 extents on 0", CLAIM, 0, 2, 0, 0},
    {"claims 1 extent on 1, and 512 host-wide", CLAIM, 1, 1, 0, 512},
    {"claims 513 pages on 0", CLAIM, 0, 0, 513, 0},
    {"releases", RELEASE, 0, 0, 0, 0},
    {"another claims 1 extent on 0", OTHER_CLAIMS, 0, 1, 0, 0},
    {"another claims 512 pages on 0", OTHER_CLAIMS, 0, 0, 512, 0},
    {"takes 2M of 0", TAKE_2M, 0, 0, 0, 0},
    {"takes 2M of 1", TAKE_2M, 1, 0, 0, 0},
    {"takes a page of 0", TAKE_PAGE, 0, 0, 0, 0},
    {"takes a page of 1", TAKE_PAGE, 1, 0, 0, 0},
    {"another takes 2M of 0", OTHER_2M, 0, 0, 0, 0},
    {"another takes a page of 0", OTHER_PAGE, 0, 0, 0, 0},
    {"Homestead takes a page of 0", HOMESTEAD_PAGE, 0, 0, 0, 0},
    {"keeps it", DONE, 0, 0, 1, 0},
    {"keeps nothing", DONE, 0, 0, 0, 0},
};
#define NR_STEPS  ARRAY_SIZE(steps)
#define DEPTH_MAX 8u

static u32 chosen[DEPTH_MAX], nr_chosen, now_at;
static struct state before;

static void tell(void)
{
    say_state("before", &before);
    for (u32 i = 0; i <= now_at && i < nr_chosen; i++)
        fprintf(stderr, "  %s\n", steps[chosen[i]].name);
}

/* Is it a new set now? */
static bool claim(struct state *s, u32 who, const struct step *step)
{
    struct want want = {.host = step->host, .flags = CLAIM_REPLACE};

    want.node[step->node] = step->units * UNIT + step->pages;
    want.order[step->node] = step->units ? ORDER_2M : 0;
    for (u32 n = 0; n < scope_nodes; n++)
        want.node[n] += want.node[n] ? ALIGN_UP(s->own[who][n], want.order[n] ? UNIT : 1) : 0;
    return world_set(s, who, &want, (struct want_order){0}) == 0;
}

static void take_and_keep(struct state *s, u32 who, u32 node, u32 order)
{
    struct deal deal;

    if (world_take(s, who, node, order, 1, who != HOMESTEAD, &deal) == 0)
        world_done(s, &deal, 1);
}

/* One step; open: a take of D's that is not done. */
static void do_step(struct state *s, const struct step *step, struct deal *open)
{
    u32 order = step->what == TAKE_2M || step->what == OTHER_2M ? ORDER_2M : 0;

    switch (step->what) {
    case CLAIM:
        open->changed |= claim(s, D, step);
        break;
    case RELEASE:
        world_release(s, D);
        open->changed = true;
        break;
    case OTHER_CLAIMS:
        claim(s, E, step);
        break;
    case TAKE_2M:
    case TAKE_PAGE:
        if (open->nr)
            world_done(s, open, open->nr);
        if (world_take(s, D, step->node, order, 1, true, open))
            open->nr = 0;
        break;
    case OTHER_2M:
    case OTHER_PAGE:
        take_and_keep(s, E, step->node, order);
        break;
    case HOMESTEAD_PAGE:
        take_and_keep(s, HOMESTEAD, step->node, 0);
        break;
    case DONE:
        if (open->nr)
            world_done(s, open, step->pages);
        open->nr = 0;
        break;
    }
}

static void run(void)
{
    struct deal open = {.nr = 0};
    struct state s;
    u32 whole[SCOPE_NODES];

    now_at = 0;
    world_reset(&s);
    for (now_at = 0; now_at < nr_chosen; now_at++) {
        before = s;
        do_step(&s, &steps[chosen[now_at]], &open);
        world_check(&s);
        world_whole(whole, false);
        for (u32 n = 0; n < scope_nodes; n++)
            if (s.units[D][n] + s.units[E][n] > whole[n])
                wrong("more whole extents of node %u are promised than it has", n);
    }
    if (open.nr)
        world_done(&s, &open, open.nr);
    world_check_all(&s);
    counts.sequences++;
}

/* Does the step do anything after those before it? */
static bool worth(u32 i)
{
    bool open = false;

    for (u32 k = 0; k < nr_chosen; k++)
        open = steps[chosen[k]].what == DONE                                            ? false
               : steps[chosen[k]].what == TAKE_2M || steps[chosen[k]].what == TAKE_PAGE ? true
                                                                                        : open;
    return steps[i].what != DONE || open;
}

static void deeper(u32 depth)
{
    if (nr_chosen == depth) {
        run();
        return;
    }
    for (u32 i = 0; i < NR_STEPS; i++)
        if (worth(i)) {
            chosen[nr_chosen++] = i;
            deeper(depth);
            nr_chosen--;
        }
}

void try_orders(u32 depth)
{
    static const u32 ram[] = {2 * UNIT + 1, UNIT + 1};

    describe = tell;
    world_make(2, ram, false);
    deeper(MIN(depth, DEPTH_MAX));
    struct state s;
    world_reset(&s);
    world_unmake();
}
