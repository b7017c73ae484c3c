/* Many domains, and several vCPUs at one claim: docs/hypervisor-guide/mm/claims.md sections 1 and 8. */
#include <tests/guests/selftest/selftest.h>
#include <guest/lib/work.h>

#define HOST     XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define MOVES    200u
#define DOMAINS  64u
#define BUILDERS 8u
#define EACH     512u /* pages that a builder wants */
#define PIECE    64u
#define ROOM     (EACH * 6) /* of the 8 times EACH they want together */

/* --- a replaced set at full capacity --- */

static struct {
    u32 mover, third, node;
    u64 pages;
    u64 moves, refused_moves;
    u64 tries, wins; /* tries: atomic */
    u32 over;        /* atomic */
} full;

static void try_to_get_in(void)
{
    __atomic_add_fetch(&full.tries, 1, __ATOMIC_RELEASE);
    if (xc_domain_claim_pages(xch, full.third, 1) == 0) {
        full.wins++;
        (void)xc_domain_claim_pages(xch, full.third, 0);
    }
}

/* Job 0 moves its claim from the node to the host and back. Meanwhile job 1 tries many times to get a page. */
static void move_or_try(void *arg, u32 job)
{
    u64 deadline = guest_now_ms() + 10000;

    (void)arg;
    if (job == 1) {
        while (!__atomic_load_n(&full.over, __ATOMIC_ACQUIRE))
            try_to_get_in();
        return;
    }
    while (full.moves < MOVES ||
           (__atomic_load_n(&full.tries, __ATOMIC_ACQUIRE) < MOVES && guest_now_ms() < deadline)) {
        memory_claim_t to = XEN_NODE_CLAIM_INIT(full.pages, full.moves % 2 ? full.node : HOST);

        if (xc_domain_claim_memory_flags(xch, full.mover, 1, &to, XEN_DOMCTL_CLAIM_REPLACE))
            full.refused_moves++;
        full.moves++;
        if (work_vcpus() == 1)
            try_to_get_in();
    }
    __atomic_store_n(&full.over, 1, __ATOMIC_RELEASE);
}

/*
 * Two domains claim everything; while one moves its claim, a third never gets a page.
 * claims.md CL-3.19, CL-3.20, CL-3.43.
 */
static void replaced_at_full(const struct selftest_host *host)
{
    struct host_state h;
    u32 b;

    full.moves = full.refused_moves = full.tries = full.wins = 0;
    full.over = 0;
    full.node = host->last;
    if (!selftest_domain(host->now.free_total, 16, &full.mover) ||
        !selftest_domain(host->now.free_total, 16, &b) || !selftest_domain(1024, 16, &full.third) ||
        host_read(&h))
        return;
    full.pages = h.free_pages[full.node];
    selftest_equal("full_one", "result", 0, shell_claim_node(full.mover, full.node, full.pages));
    if (h.free_total > full.pages)
        selftest_equal("full_other", "result", 0, xc_domain_claim_pages(xch, b, h.free_total - full.pages));
    selftest_equal("full_third", "result", -ENOMEM, xc_domain_claim_pages(xch, full.third, 1));
    bool ok = work_run(2, work_vcpus() > 1 ? 2 : 1, move_or_try, NULL);
    selftest_equal("full_moves", "refused", 0, ok ? (s64)full.refused_moves : -EBUSY);
    selftest_true("full_tries", full.tries >= MOVES, "tries, at least", MOVES, (s64)full.tries);
    selftest_equal("full_nobody_got_in", "pages", 0, (s64)full.wins);
    selftest_equal("full_still_all", "pages", (s64)h.free_total, selftest_claimed());
    selftest_equal("full_without_replace", "result", -EINVAL,
                   shell_claim_node(full.mover, full.node, full.pages));
}

/* --- a claim on every node in 64 domains --- */

static u32 every_node(const struct selftest_host *host, u64 pages, memory_claim_t *set)
{
    u32 nr = 0;

    for (u32 n = 0; n < host->now.nr_nodes; n++)
        if (host->now.size_pages[n])
            set[nr++] = (memory_claim_t)XEN_NODE_CLAIM_INIT(pages, n);
    return nr;
}

/* claims.md CL-1.1, CL-1.4. */
static void sixty_four_domains(const struct selftest_host *host)
{
    memory_claim_t set[MAX_NODES];
    u32 nr = every_node(host, 3, set), domid[DOMAINS];
    s64 granted = 0, read_back = 0, redeemed = 0;

    for (u32 i = 0; i < DOMAINS; i++)
        if (!selftest_domain(1024, 16, &domid[i]))
            return;
    for (u32 i = 0; i < DOMAINS; i++) {
        granted += xc_domain_claim_memory(xch, domid[i], nr, set) == 0;
        read_back += shell_claim_on(domid[i], set[i % nr].node) == 3;
    }
    selftest_equal("sixty_four_granted", "domains", DOMAINS, granted);
    selftest_equal("sixty_four_read_back", "domains", DOMAINS, read_back);
    selftest_equal("sixty_four_host_figure", "pages", (s64)host->now.claimed_total + 3ll * DOMAINS * nr,
                   selftest_claimed());
    for (u32 i = 0; i < DOMAINS; i++) {
        u32 node = set[i % nr].node;
        int got = shell_populate_few(domid[i], CASE_GFN, 2, (unsigned int)XENMEMF_exact_node(node));

        redeemed += got == 2 && shell_claim_on(domid[i], node) == 1;
    }
    selftest_equal("sixty_four_redeemed", "domains", DOMAINS, redeemed);
    selftest_equal("sixty_four_rest", "pages",
                   (s64)host->now.claimed_total + 3ll * DOMAINS * nr - 2 * DOMAINS, selftest_claimed());
}

/* --- eight builders at the same time --- */

struct eight {
    u32 built, refused, failed;
};

/* The keeper owns all but ROOM pages of the node. */
static int keep(u32 keeper, u32 node)
{
    s64 free = selftest_free_on(node);
    memory_claim_t all_but = XEN_NODE_CLAIM_INIT((u64)free - ROOM, node);

    return free < (s64)ROOM
               ? -ENOMEM
               : xc_domain_claim_memory_flags(xch, keeper, 1, &all_but, XEN_DOMCTL_CLAIM_REPLACE);
}

/* Eight domains, built in turn a piece at a time; one that is refused waits until another ends. */
static struct eight build_eight(const struct selftest_host *host, u32 keeper, bool claims)
{
    struct eight sum = {0};
    u32 domid[BUILDERS];
    u64 done[BUILDERS] = {0};
    enum { WAITS, BUILDS, OVER } state[BUILDERS] = {WAITS};

    for (u32 i = 0; i < BUILDERS; i++)
        if (!selftest_domain(EACH, EACH, &domid[i]))
            return sum;
    selftest_equal("eight_keeper", "result", 0, keep(keeper, host->last));
    for (u32 turn = 0; turn < 64 * BUILDERS && sum.built + sum.failed < BUILDERS; turn++) {
        u32 i = turn % BUILDERS;

        if (state[i] == WAITS) {
            if (claims && shell_claim_node(domid[i], host->last, EACH))
                sum.refused++;
            else
                state[i] = BUILDS;
        }
        if (state[i] != BUILDS)
            continue;
        u64 at = CASE_GFN + done[i];
        int rc = populate_range(domid[i], at, at + PIECE, host->last, &done[i]);
        if (!rc && done[i] < EACH)
            continue;
        state[i] = OVER;
        sum.built += !rc;
        sum.failed += rc != 0;
        (void)watch_destroy(domid[i]);
    }
    return sum;
}

/* claims.md CL-1.4b. */
static void eight_builders(const struct selftest_host *host)
{
    u32 keeper;

    if (!selftest_domain(host->now.free_total, 16, &keeper))
        return;
    struct eight with = build_eight(host, keeper, true);
    selftest_equal("eight_with_claims_built", "domains", BUILDERS, with.built);
    selftest_equal("eight_with_claims_failed", "domains", 0, with.failed);
    selftest_true("eight_with_claims_waited", with.refused > 0, "refusals, more than", 0, with.refused);
    struct eight without = build_eight(host, keeper, false);
    selftest_true("eight_without_some_fail", without.failed > 0, "domains, more than", 0, without.failed);
    selftest_equal("eight_without_all_ended", "domains", BUILDERS, without.built + without.failed);
}

const struct selftest_case selftest_many[] = {
    {.name = "case_replaced_at_full", .run = replaced_at_full, .node_claims = true, .min_nodes = 1},
    {.name = "case_claim_on_every_node_in_64_domains",
     .run = sixty_four_domains,
     .node_claims = true,
     .min_nodes = 1},
    {.name = "case_eight_builders", .run = eight_builders, .node_claims = true, .min_nodes = 1},
    {0},
};
