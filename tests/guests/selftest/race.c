/*
 * mode=race: two builders that each want more than half of one node. In turns, step by step, so that every run ends in
 * the same way; and in rounds on two vCPUs at once. Runs on Homestead and on Xen. `make race-lab` shows the results
 * beside those of Linux, whose half is tests/race-lab/linux/.
 *
 * Amounts are in extents of 2 MiB. A ballast domain leaves ROOM of them free on each node. Memory is populated as
 * 4 KiB pages, so that it does not matter in which pieces the rest is free. Xen does not count a domain's pages by
 * node, so what is not on the node is found from what the node lost; on two vCPUs it is not known whose that was, and
 * `away` is 0: all memory there is of an exact node.
 */
#include <tests/guests/selftest/selftest.h>
#include <guest/lib/work.h>
#include <lib/printf.h>
#include <lib/string.h>

#define EXTENT    512u /* pages */
#define ROOM      64u
#define MEET_MS   2000u
#define MORE_POOL 64u /* Xen's pool is used for more than tables of memory */

/* NODE: the node that the builder builds first; SET: both nodes in one call. */
enum promise { NONE, HOST, NODE, SET };
enum place { EXACT, PREFERRED };
/* IN_ORDER: A is built before B begins. WAIT: a refused B claims again when A is gone. */
enum order { TURNS, IN_ORDER, WAIT, AT_ONCE };
/* What is built of a guest that stops half way: it stays to the end, or it is destroyed at once. */
enum loser { HOLDS, GOES };

struct variant {
    const char *name;
    enum promise promise[2];
    enum place place;
    enum order order;
    enum loser loser;
    u32 want[2]; /* on the node that both want */
    u32 also;    /* on the other node, which B builds first */
};

static const struct variant in_turns[] = {
    {"fits", {NONE, NONE}, EXACT, TURNS, HOLDS, {32, 32}, 0},
    {"turns", {NONE, NONE}, EXACT, TURNS, HOLDS, {40, 40}, 0},
    {"turns_gone", {NONE, NONE}, EXACT, TURNS, GOES, {40, 40}, 0},
    {"in_order", {NONE, NONE}, EXACT, IN_ORDER, HOLDS, {40, 40}, 0},
    {"preferred", {NONE, NONE}, PREFERRED, TURNS, HOLDS, {40, 40}, 0},
    {"preferred_in_order", {NONE, NONE}, PREFERRED, IN_ORDER, HOLDS, {40, 40}, 0},
    {"host_full", {HOST, HOST}, PREFERRED, TURNS, HOLDS, {60, 70}, 0},
    {"host", {HOST, HOST}, EXACT, TURNS, HOLDS, {40, 40}, 0},
    {"host_in_order", {HOST, HOST}, EXACT, IN_ORDER, HOLDS, {40, 40}, 0},
    {"host_preferred", {HOST, HOST}, PREFERRED, TURNS, HOLDS, {40, 40}, 0},
    {"host_preferred_in_order", {HOST, HOST}, PREFERRED, IN_ORDER, HOLDS, {40, 40}, 0},
    {"host_one", {HOST, NONE}, EXACT, TURNS, HOLDS, {40, 40}, 0},
    {"node", {NODE, NODE}, EXACT, TURNS, HOLDS, {40, 40}, 0},
    {"node_in_order", {NODE, NODE}, EXACT, IN_ORDER, HOLDS, {40, 40}, 0},
    {"node_fits", {NODE, NODE}, EXACT, TURNS, HOLDS, {32, 32}, 0},
    {"node_wait", {NODE, NODE}, EXACT, WAIT, HOLDS, {40, 40}, 0},
    {"node_one", {NODE, NONE}, EXACT, TURNS, HOLDS, {40, 40}, 0},
    {"both_nodes", {NONE, NONE}, EXACT, TURNS, HOLDS, {40, 40}, 40},
    {"both_nodes_host", {HOST, HOST}, EXACT, TURNS, HOLDS, {40, 40}, 40},
    {"both_nodes_first", {NODE, NODE}, EXACT, TURNS, HOLDS, {40, 40}, 40},
    {"both_nodes_set", {SET, SET}, EXACT, TURNS, HOLDS, {40, 40}, 40},
};
static const struct variant at_once[] = {
    {"free", {NONE, NONE}, EXACT, AT_ONCE, HOLDS, {40, 40}, 0},
    {"free_gone", {NONE, NONE}, EXACT, AT_ONCE, GOES, {40, 40}, 0},
    {"free_host", {HOST, HOST}, EXACT, AT_ONCE, HOLDS, {40, 40}, 0},
    {"free_node", {NODE, NODE}, EXACT, AT_ONCE, HOLDS, {40, 40}, 0},
};

/* ABSENT: this hypervisor has no such claim. */
enum end { BUILDING, COMPLETE, REFUSED, SHORT, ABSENT, ERROR };
static const char *const ends[] = {"building", "complete", "refused", "short", "absent", "error"};

/* Only its own vCPU writes a builder's record. */
struct builder {
    u32 domid;
    bool exists;
    int claim; /* result of the last call */
    u32 tries;
    u64 got, away; /* pages */
    enum end end;
};

static struct {
    const struct variant *v;
    u32 node, other; /* the node that both want, and the other one */
    u32 ballast;
    u32 arrived; /* builders at the start of a round at once; atomic */
    struct host_state idle;
    struct builder b[2];
} race;

static u32 total(u32 who)
{
    return race.v->want[who] + race.v->also;
}

/* Where a builder's next extent belongs: A begins with the node that both want, B ends with it. */
static u32 next_node(u32 who)
{
    u64 built = race.b[who].got / EXTENT;

    if (who == 0)
        return built < race.v->want[0] ? race.node : race.other;
    return built < race.v->also ? race.other : race.node;
}

static int claim(u32 who)
{
    u32 domid = race.b[who].domid, first = next_node(who);
    memory_claim_t set[] = {XEN_NODE_CLAIM_INIT((u64)race.v->want[who] * EXTENT, race.node),
                            XEN_NODE_CLAIM_INIT((u64)race.v->also * EXTENT, race.other)};

    if (race.v->promise[who] == HOST)
        return xc_domain_claim_pages(xch, domid, (u64)total(who) * EXTENT);
    if (race.v->promise[who] == SET)
        return xc_domain_claim_memory(xch, domid, 2, set);
    return xc_domain_claim_memory(xch, domid, 1, &set[first == race.other]);
}

static enum end end_of_claim(int rc)
{
    switch (rc) {
    case 0:
        return BUILDING;
    case -ENOMEM:
        return REFUSED;
    default:
        return ERROR;
    }
}

/* What a builder does before its first page. */
static void ask(u32 who)
{
    struct builder *b = &race.b[who];

    if (race.v->promise[who] == NONE)
        return;
    b->tries++;
    b->claim = claim(who);
    b->end = end_of_claim(b->claim);
}

static bool destroy(u32 *domid, bool *exists)
{
    if (*exists && watch_destroy(*domid))
        return false;
    *exists = false;
    return true;
}

/* An extent in pages of 4 KiB: how many came, or -errno. */
static s64 populate(const struct builder *b, u32 node)
{
    unsigned int flags =
        race.v->place == EXACT ? (unsigned int)XENMEMF_exact_node(node) : (unsigned int)XENMEMF_node(node);
    xen_pfn_t gfns[EXTENT];

    for (u32 i = 0; i < EXTENT; i++)
        gfns[i] = CASE_GFN + b->got + i;
    return xc_domain_populate_physmap(xch, b->domid, EXTENT, ORDER_4K, flags, gfns);
}

static u64 free_on(u32 node)
{
    s64 pages = selftest_free_on(node);

    return pages < 0 ? 0 : (u64)pages;
}

static void step(u32 who)
{
    bool alone = race.v->order != AT_ONCE;
    struct builder *b = &race.b[who];
    u32 node = next_node(who);
    u64 before = alone ? free_on(node) : 0;
    s64 got = populate(b, node);

    if (got < 0) {
        b->end = ERROR;
        return;
    }
    b->got += (u64)got;
    if (alone) {
        u64 after = free_on(node), lost = before > after ? before - after : 0;
        b->away += (u64)got - MIN((u64)got, lost);
    }
    if (got < (s64)EXTENT)
        b->end = SHORT;
    else if (b->got == (u64)total(who) * EXTENT)
        b->end = COMPLETE;
    if (b->end == SHORT && race.v->loser == GOES && !destroy(&b->domid, &b->exists))
        b->end = ERROR;
}

static void build(u32 who)
{
    while (race.b[who].end == BUILDING)
        step(who);
}

/* Two vCPUs are not started at the same time: they wait for each other. */
static void build_at_once(void *arg, u32 who)
{
    u64 until = guest_now_ms() + MEET_MS;

    (void)arg;
    __atomic_add_fetch(&race.arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&race.arrived, __ATOMIC_ACQUIRE) < 2 && guest_now_ms() < until)
        __asm__ volatile("pause");
    ask(who);
    build(who);
}

static void run_in_turns(void)
{
    ask(0);
    ask(1);
    while (race.b[0].end == BUILDING || race.b[1].end == BUILDING) {
        for (u32 who = 0; who < 2; who++)
            if (race.b[who].end == BUILDING)
                step(who);
    }
}

static bool run_variant(void)
{
    switch (race.v->order) {
    case TURNS:
        run_in_turns();
        return true;
    case IN_ORDER:
        for (u32 who = 0; who < 2; who++) {
            ask(who);
            build(who);
        }
        return true;
    case WAIT:
        ask(0);
        ask(1);
        build(0);
        if (race.b[1].end != REFUSED || !destroy(&race.b[0].domid, &race.b[0].exists))
            return false;
        ask(1);
        build(1);
        return true;
    default:
        race.arrived = 0;
        return work_run(2, 2, build_at_once, NULL);
    }
}

/* Takes all but ROOM of each node. The builders' domains are there already, with their pools. */
static int fill_with_ballast(void)
{
    u64 gfn = CASE_GFN;
    struct host_state now;

    int rc = host_read(&now);
    for (u32 n = 0; !rc && n < now.nr_nodes; n++) {
        u64 room = (u64)ROOM * EXTENT, done = 0;

        if (now.free_pages[n] <= room)
            return now.size_pages[n] ? -ENOMEM : 0;
        rc = populate_range(race.ballast, gfn, gfn + now.free_pages[n] - room, n, &done);
        gfn += done;
    }
    return rc;
}

static u64 extents(u64 pages, u64 rounding)
{
    return (pages + rounding) / EXTENT;
}

static void tell(u32 round)
{
    for (u32 who = 0; who < 2; who++) {
        const struct builder *b = &race.b[who];
        char result[8] = "none";

        if (b->tries)
            snprintf(result, sizeof(result), "%d", b->claim);
        printf("@race variant=%s round=%u builder=%c claim=%s tries=%u asked=%u got=%lu away=%lu end=%s\n",
               race.v->name, round, (char)('A' + who), result, b->tries, total(who), extents(b->got, 0),
               extents(b->away, EXTENT / 2), ends[b->end]);
    }
}

/* One race from an empty host to an empty host. False: it could not be held. */
static bool hold(const struct variant *v, u32 round)
{
    s64 lost_pages, lost_claims;
    bool has_ballast = false;
    int rc = 0;

    race.v = v;
    memset(race.b, 0, sizeof(race.b));
    if (v->promise[0] >= NODE && !host_has_node_claims()) {
        race.b[0].end = race.b[1].end = ABSENT;
        tell(round);
        return true;
    }
    for (u32 who = 0; !rc && who < 2; who++) {
        u64 pages = (u64)total(who) * EXTENT;
        rc = shell_create(pages, shell_pool_for(pages + CASE_GFN) + MORE_POOL, &race.b[who].domid);
        race.b[who].exists = !rc;
    }
    u64 all = race.idle.free_total;
    if (!rc)
        rc = shell_create(all, xc_domain_overhead(all, 1) >> PAGE_SHIFT, &race.ballast);
    has_ballast = !rc;
    if (!rc)
        rc = fill_with_ballast();
    bool ok = !rc && run_variant();
    if (ok)
        tell(round);
    for (u32 who = 0; who < 2; who++) {
        ok = race.b[who].end != ERROR && ok;
        ok = destroy(&race.b[who].domid, &race.b[who].exists) && ok;
    }
    ok = destroy(&race.ballast, &has_ballast) && ok;
    /* Before the next one: Xen frees some of it later. */
    ok = host_settle(&race.idle, options.slack, 10000, &lost_pages, &lost_claims) == 0 && ok;
    if (!ok)
        printf("race: %s failed (%d), %ld pages and %ld claims left\n", v->name, rc, lost_pages, lost_claims);
    return ok;
}

bool race_run(u32 rounds)
{
    bool ok = true;

    if (host_read(&race.idle))
        return false;
    race.node = race.idle.nr_nodes - 1;
    race.other = 0;
    if (!race.node) {
        printf("race: this takes two nodes\n");
        return false;
    }
    for (u32 i = 0; ok && i < ARRAY_SIZE(in_turns); i++)
        ok = hold(&in_turns[i], 0);
    if (rounds && work_vcpus() < 2)
        printf("race: no rounds on two vCPUs: domain 0 has one\n");
    for (u32 i = 0; ok && work_vcpus() > 1 && i < ARRAY_SIZE(at_once); i++)
        for (u32 round = 0; ok && round < rounds; round++)
            ok = hold(&at_once[i], round);
    return ok;
}
