/* The real mm/, asked to do what the rules say, and compared: see scope.h. */
#include "scope.h"

#include <mm/node.h>
#include <tests/machine/accounts.h>

#define WINDOWS_A_NODE 8u
#define HELD_MAX       64u
#define CHECK_EVERY    64u /* mm_check() */

struct held { /* what is given back in the end */
    mfn_t m;
    u8 who, order;
    bool guest;
};
static struct held held[HELD_MAX];
static u32 nr_held;
static struct state empty; /* of this machine */

static struct mem_account *account(u32 who)
{
    return who == HOMESTEAD ? NULL : &accounts[who];
}

void world_make(u32 nodes, const u32 *ram, bool one_window)
{
    u64 base = MAP_BITS;

    scope_nodes = nodes;
    empty = (struct state){.max = {NO_LIMIT, NO_LIMIT}};
    nr_held = 0;
    locks_reset();
    accounts_forget();
    use_cpu(0);
    cpus[0] = here;
    nr_cpus = 1;
    mm_make(nodes, MAP_BITS * WINDOWS_A_NODE * (nodes + 1));
    for (u32 n = 0; n < nodes; n++) {
        empty.ram[n] = ram[n];
        if (ram[n])
            BUG_ON(mm_add_range(mfn(base), mfn(base + ram[n]), n));
        base += one_window ? ram[n] : MAP_BITS * WINDOWS_A_NODE;
    }
    for (u32 who = D; who < NR_DOMAINS; who++)
        account_new((u16)who, NO_LIMIT);
    counts.machines++;
}

void world_unmake(void)
{
    mm_unmake();
}

static void give_back(const struct held *h)
{
    if (h->guest && release_range(account(h->who), h->m, h->order))
        wrong("a page is not its owner's");
    if (!h->guest)
        mm_free_overhead(account(h->who), h->m, h->order);
}

void world_reset(struct state *s)
{
    while (nr_held)
        give_back(&held[--nr_held]);
    for (u32 who = D; who < NR_DOMAINS; who++) {
        if (accounts[who].dying) {
            while (mm_release_some(&accounts[who], 1000))
                ;
            account_new((u16)who, NO_LIMIT);
        } else {
            accounts[who].max_pages = NO_LIMIT;
            if (claim_install_legacy(&accounts[who], 0))
                wrong("claims cannot be released");
        }
    }
    *s = empty;
    world_check(s);
}

/* --- figures --- */

#define SAME(real, rule, what) \
    do { \
        if ((real) != (rule)) \
            wrong("%s: mm/ says %llu, the rules say %llu", what, (unsigned long long)(real), \
                  (unsigned long long)(rule)); \
    } while (0)

static void check_domain(const struct state *s, u32 who)
{
    struct claim_view view;
    u32 over = 0;

    claim_get_view(account(who), &view);
    for (u32 n = 0; n < scope_nodes; n++) {
        over += s->over[who][n];
        SAME(view.node[n].own, s->own[who][n], "own");
        SAME(view.node[n].claim, s->claim[who][n], "c[d][n]");
        SAME(view.node[n].units, s->units[who][n], "whole extents claimed");
    }
    SAME(view.tot, rule_tot(s, who), "tot");
    SAME(view.overhead, over, "overhead");
    SAME(view.host_claim, s->host[who], "h[d]");
    SAME(view.outstanding, rule_out(s, who), "out(d)");
    SAME(!!(view.flags & CLAIM_STRICT), s->strict[who], "STRICT");
}

/* Conservation, section 1 and section 7. */
void world_check(const struct state *s)
{
    struct mm_host_info host;
    u64 free = 0, claimed = 0;

    for (u32 n = 0; n < scope_nodes; n++) {
        struct mm_node_info node;

        mm_node_get_info(n, &node);
        SAME(node.free_pages, rule_free(s, n), "free pages of a node");
        SAME(node.claimed_pages, rule_claimed(s, n), "claimed pages of a node");
        if (node.claimed_pages > node.free_pages)
            wrong("a page of node %u is promised twice", n);
        free += node.free_pages;
        claimed += node.claimed_pages;
    }
    mm_host_get_info(&host);
    SAME(host.free_pages, free, "free pages of the host");
    SAME(host.host_claimed_pages, s->host[D] + s->host[E], "host-wide claims");
    SAME(host.outstanding_pages, claimed + host.host_claimed_pages, "outstanding pages");
    if (host.outstanding_pages > free)
        wrong("a page of the host is promised twice");
    for (u32 who = D; who < NR_DOMAINS; who++)
        check_domain(s, who);
}

void world_check_all(const struct state *s)
{
    static u32 turn;

    world_check(s);
    if (turn++ % CHECK_EVERY == 0 && mm_check())
        wrong("mm_check() has found something");
}

void world_whole(u32 *whole, bool unpromised)
{
    for (u32 n = 0; n < scope_nodes; n++) {
        struct node_counts c;

        node_get_counts(n, &c);
        if (c.kept_2m > c.free_2m)
            wrong("a whole extent of node %u is promised twice", n);
        whole[n] = (u32)(c.free_2m - (unpromised ? c.kept_2m : 0));
    }
}

/* --- claims --- */

static int same_errno(int rc, int rule)
{
    SAME(-rc, -rule, "errno");
    return rc;
}

int world_set(struct state *s, u32 who, const struct want *want, struct want_order how)
{
    struct claim_entry entry[SCOPE_NODES + 1];
    u32 nr = 0, whole[SCOPE_NODES];

    world_whole(whole, false);
    for (u32 i = 0; i < scope_nodes; i++) {
        u32 n = how.descending ? scope_nodes - 1 - i : i;
        if (want->node[n] || how.all_nodes)
            entry[nr++] = (struct claim_entry){.pages = want->node[n], .node = n, .pad = want->order[n]};
    }
    if (want->host || !nr)
        entry[nr++] = (struct claim_entry){.pages = want->host, .node = CLAIM_HOST};
    counts.sets++;
    int rule = rule_set(s, who, want, whole);
    counts.refused_sets += rule == -ENOMEM;
    return same_errno(claim_install_set(account(who), entry, nr, want->flags | CLAIM_ORDERS), rule);
}

int world_legacy(struct state *s, u32 who, u32 pages)
{
    int rule = rule_legacy(s, who, pages);

    counts.sets++;
    counts.refused_sets += rule == -ENOMEM;
    return same_errno(claim_install_legacy(account(who), pages), rule);
}

void world_release(struct state *s, u32 who)
{
    rule_release(s, who);
    claim_install_legacy(account(who), 0);
}

void world_kill(struct state *s, u32 who)
{
    rule_release(s, who);
    s->dying[who] = true;
    mm_account_kill(account(who));
}

/* --- memory --- */

static void hold(mfn_t m, u32 who, u32 order, bool guest)
{
    BUG_ON(nr_held == HELD_MAX);
    held[nr_held++] = (struct held){.m = m, .who = (u8)who, .order = (u8)order, .guest = guest};
}

int world_page(struct state *s, u32 who, u32 n)
{
    bool guest = who != HOMESTEAD;
    u32 flags = MM_EXACT_NODE | (guest ? 0 : MM_OVERHEAD);
    int rule = rule_take(s, who, n, 0, 1, guest, 0);
    mfn_t m;

    counts.takes++;
    counts.refused_takes += rule == -ENOMEM;
    if (same_errno(mm_alloc(account(who), n, 0, flags, &m), rule))
        return rule;
    hold(m, who, 0, guest);
    return 0;
}

/* How many of nr extents the rules allow, one at least; -errno for one. */
static int most(const struct state *s, const struct deal *deal, u32 nr, u32 whole)
{
    int rule = -ENOMEM;

    for (; nr; nr--) {
        struct state t = *s;
        rule = rule_take(&t, deal->who, deal->node, deal->order, nr, deal->guest, whole);
        if (rule == 0)
            return (int)nr;
    }
    return rule;
}

int world_take(struct state *s, u32 who, u32 node, u32 order, u32 nr, bool guest, struct deal *deal)
{
    bool any = node == scope_nodes;
    u32 whole[SCOPE_NODES];
    int best = -ENOMEM;
    struct mm_request request = {.nid = any ? NODE_NONE : node,
                                 .order = order,
                                 .nr = nr,
                                 .flags = (any ? 0 : MM_EXACT_NODE) | (guest ? 0 : MM_OVERHEAD)};

    *deal = (struct deal){.who = who, .order = order, .guest = guest, .before = *s};
    world_whole(whole, true);
    for (deal->node = any ? 0 : node; deal->node < scope_nodes && best < 0; deal->node++) {
        int can = most(s, deal, nr, whole[deal->node]);
        best = can > best || can == -E2BIG || can == -ESRCH ? can : best;
        if (!any)
            break;
    }
    counts.takes++;
    int rc = mm_take(account(who), &request, &deal->taken);
    if (best < 0) {
        counts.refused_takes += best == -ENOMEM;
        return same_errno(rc, best);
    }
    same_errno(rc, 0);
    deal->node = mm_mfn_node(deal->taken.extent[0]);
    deal->nr = deal->taken.nr;
    best = most(s, deal, nr, whole[deal->node]);
    if ((int)deal->nr > best || deal->nr == 0 || (best == (int)nr && deal->nr != nr))
        wrong("%u extents of node %u, the rules allow %d", deal->nr, deal->node, best);
    rule_take(s, who, deal->node, order, deal->nr, guest, whole[deal->node]);
    deal->after = *s;
    return 0;
}

/* A dead domain's own memory goes, whoever had it in hand. */
static void bury(struct state *s, u32 who)
{
    while (mm_release_some(account(who), 1000))
        ;
    for (u32 n = 0; n < scope_nodes; n++)
        s->own[who][n] = 0;
    for (u32 i = 0; i < nr_held; i++)
        if (held[i].who == who && held[i].guest)
            held[i--] = held[--nr_held];
}

void world_done(struct state *s, struct deal *deal, u32 kept)
{
    u32 whole[SCOPE_NODES];

    mm_take_done(&deal->taken, kept);
    counts.refunds++;
    if (deal->guest && s->dying[deal->who]) {
        bury(s, deal->who);
        return;
    }
    for (u32 i = 0; i < kept; i++)
        hold(deal->taken.extent[i], deal->who, deal->order, deal->guest);
    /* Of large extents the whole ones that come back are those that were given. */
    for (u32 n = 0; n < scope_nodes; n++)
        whole[n] = deal->order == ORDER_2M ? ~0u : 0;
    if (deal->order == 0) {
        world_whole(whole, false);
        for (u32 n = 0; n < scope_nodes; n++)
            whole[n] -= s->units[D][n] + s->units[E][n];
    }
    rule_refund(s, &deal->before, &deal->after, deal->who, deal->node, deal->order, deal->nr, kept,
                deal->guest, deal->changed, whole);
}
