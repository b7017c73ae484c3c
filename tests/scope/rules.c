/* What docs/hypervisor-guide/mm/claims.md says must happen, page by page. Nothing here is taken from mm/. */
#include "scope.h"

u32 scope_nodes;

u32 rule_free(const struct state *s, u32 n)
{
    u32 used = s->over[HOMESTEAD][n];

    for (u32 who = D; who < NR_DOMAINS; who++)
        used += s->own[who][n] + s->over[who][n];
    return s->ram[n] - used;
}

u32 rule_claimed(const struct state *s, u32 n)
{
    return s->claim[D][n] + s->claim[E][n];
}

u32 rule_out(const struct state *s, u32 who)
{
    u32 sum = s->host[who];

    for (u32 n = 0; n < scope_nodes; n++)
        sum += s->claim[who][n];
    return sum;
}

u32 rule_tot(const struct state *s, u32 who)
{
    u32 sum = 0;

    for (u32 n = 0; n < scope_nodes; n++)
        sum += s->own[who][n];
    return sum;
}

bool want_next(struct want *w, const u32 *most, u32 host)
{
    for (u32 n = 0; n < scope_nodes; n++) {
        if (w->node[n]++ < most[n])
            return true;
        w->node[n] = 0;
    }
    return w->host++ < host;
}

/* Free pages of the host that nobody has claimed: rule 2 of section 1. */
static u32 host_unclaimed(const struct state *s)
{
    u32 sum = 0;

    for (u32 n = 0; n < scope_nodes; n++)
        sum += rule_free(s, n);
    return sum - rule_out(s, D) - rule_out(s, E);
}

/* One page: the first of section 4's steps that applies. claims.md CL-4.2 to CL-4.7, CL-3.44. */
static bool one_page(struct state *s, u32 who, u32 n, bool guest)
{
    bool domain = who != HOMESTEAD;
    u32 other = 0;

    if (domain && s->claim[who][n]) {
        s->claim[who][n]--;
    } else {
        if (rule_free(s, n) == rule_claimed(s, n))
            return false;
        while (domain && other < scope_nodes && !s->claim[who][other])
            other++;
        if (domain && s->host[who]) {
            s->host[who]--;
        } else if (domain && other < scope_nodes) {
            if (s->strict[who])
                return false;
            s->claim[who][other]--;
        } else if (!host_unclaimed(s)) {
            return false;
        }
    }
    (guest ? s->own[who] : s->over[who])[n]++;
    return true;
}

/*
 * The claim has shrunk by pages: which whole extents are left of it. claims.md CL-3.53 to CL-3.55, CL-3.59. Of a large extent
 * that other claims cover in part it says nothing: less than an extent first uses the odd pages here.
 */
static void use_units(struct state *s, u32 who, u32 n, u32 pages, bool large)
{
    u32 loose = s->claim[who][n] + pages - s->units[who][n] * UNIT;

    if (large) {
        u32 used = MIN(pages / UNIT, s->units[who][n]);

        s->units[who][n] -= used;
        pages -= used * UNIT;
        if (s->units[who][n] && pages > loose % UNIT)
            s->units[who][n]--;
        return;
    }
    while (pages > loose) {
        s->units[who][n]--;
        loose += UNIT;
    }
}

int rule_take(struct state *s, u32 who, u32 n, u32 order, u32 nr, bool guest, u32 whole)
{
    struct state t = *s;

    if (who != HOMESTEAD && s->dying[who])
        return -ESRCH;
    if (guest && rule_tot(s, who) + (nr << order) > s->max[who])
        return -E2BIG;
    for (u32 pages = nr << order; pages; pages--)
        if (!one_page(&t, who, n, guest))
            return -ENOMEM;
    for (u32 k = 0; who != HOMESTEAD && k < scope_nodes; k++)
        use_units(&t, who, k, s->claim[who][k] - t.claim[who][k], order == ORDER_2M);
    if (order == ORDER_2M && nr > whole + (who == HOMESTEAD ? 0 : s->units[who][n] - t.units[who][n]))
        return -ENOMEM;
    *s = t;
    return 0;
}

void rule_release(struct state *s, u32 who)
{
    for (u32 n = 0; n < scope_nodes; n++)
        s->claim[who][n] = s->units[who][n] = s->order[who][n] = 0;
    s->host[who] = 0;
    s->strict[who] = false;
}

/* claims.md CL-1.1, CL-1.2, CL-3.35. */
static bool fits(const struct state *s, const struct state *t, u32 who, const u32 *whole)
{
    u32 free = 0;

    for (u32 n = 0; n < scope_nodes; n++) {
        free += rule_free(s, n);
        if (rule_claimed(t, n) > rule_free(s, n))
            return false;
        if (t->order[who][n] && t->units[D][n] + t->units[E][n] > whole[n])
            return false;
    }
    return rule_out(t, D) + rule_out(t, E) <= free;
}

/* claims.md CL-3.11, CL-3.12, and from CL-3.27 on the table of errors. */
int rule_set(struct state *s, u32 who, const struct want *want, const u32 *whole)
{
    struct state t = *s;
    u32 asked = want->host, beyond = 0;

    if (s->dying[who])
        return -EINVAL;
    for (u32 n = 0; n < scope_nodes; n++)
        asked += want->node[n];
    if (!asked) {
        rule_release(s, who);
        return 0;
    }
    if (rule_out(s, who) && !(want->flags & CLAIM_REPLACE))
        return -EINVAL;
    rule_release(&t, who);
    t.strict[who] = want->flags & CLAIM_STRICT;
    for (u32 n = 0; n < scope_nodes; n++) {
        u32 own = s->own[who][n], pages = want->node[n];

        t.claim[who][n] = pages > own ? pages - own : 0;
        t.order[who][n] = t.claim[who][n] ? want->order[n] : 0;
        t.units[who][n] = t.order[who][n] ? t.claim[who][n] / UNIT : 0;
        beyond += own > pages ? own - pages : 0;
    }
    t.host[who] = want->host > beyond ? want->host - beyond : 0;
    if (!rule_out(&t, who) || rule_tot(s, who) + rule_out(&t, who) > s->max[who])
        return -EINVAL;
    if (!fits(s, &t, who, whole))
        return -ENOMEM;
    *s = t;
    return 0;
}

/* claims.md CL-2.8 to CL-2.14. */
int rule_legacy(struct state *s, u32 who, u32 pages)
{
    if (s->dying[who])
        return -EINVAL;
    if (pages == 0) {
        rule_release(s, who);
        return 0;
    }
    if (rule_out(s, who) || pages <= rule_tot(s, who) || pages > s->max[who])
        return -EINVAL;
    if (pages - rule_tot(s, who) > host_unclaimed(s))
        return -ENOMEM;
    s->host[who] = pages - rule_tot(s, who);
    return 0;
}

/* The claim grows by pages, and by units as far as there are whole extents. claims.md CL-3.56, CL-3.57. */
static void claim_back(struct state *s, u32 who, u32 n, u32 pages, u32 units, const u32 *whole)
{
    s->claim[who][n] += pages;
    s->units[who][n] = MIN(s->units[who][n] + MIN(units, whole[n]), s->claim[who][n] / UNIT);
}

/* claims.md CL-4.13, CL-4.14, CL-4.16 to CL-4.18. */
void rule_refund(struct state *now, const struct state *before, const struct state *after, u32 who, u32 n,
                 u32 order, u32 nr, u32 kept, bool guest, bool changed, const u32 *whole)
{
    struct state rest = *before;

    (guest ? now->own[who] : now->over[who])[n] -= (nr - kept) << order;
    if (who == HOMESTEAD || changed)
        return;
    /* As if only the rest had been requested; that a part of what was granted is granted too needs no second look. */
    if (rule_take(&rest, who, n, order, kept, guest, ~0u >> 1))
        wrong("a part of what was granted would not be granted");
    for (u32 k = 0; k < scope_nodes; k++) {
        u32 pages = rest.claim[who][k] - after->claim[who][k];
        u32 there = k == n ? pages : MIN(pages, rule_free(now, k) - rule_claimed(now, k));

        counts.third_nodes += there < pages;
        claim_back(now, who, k, there, rest.units[who][k] - after->units[who][k], whole);
        now->host[who] += pages - there;
    }
    now->host[who] += rest.host[who] - after->host[who];
}
