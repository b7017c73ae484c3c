#include "show.h"
#include "json.h"
#include "size.h"

#include <inttypes.h>
#include <string.h>

const char *show_amount(const struct show *show, uint64_t pages, char buf[32])
{
    if (!show->pages)
        return size_text(pages, buf);
    snprintf(buf, 32, "%" PRIu64, pages);
    return buf;
}

/* A column of amounts. */
static void put(const struct show *show, uint64_t pages, int width)
{
    char buf[32];

    fprintf(show->to, " %*s", width, show_amount(show, pages, buf));
}

/* --- nodes --- */
static void nodes_json(const struct show *show, const struct state *s)
{
    struct json j = {.to = show->to};

    json_open(&j, NULL, '{');
    json_bool(&j, "node_claims", s->node_claims);
    json_number(&j, "page_size", HS_PAGE_SIZE);
    json_open(&j, "nodes", '[');
    for (uint32_t i = 0; i < s->nr_nodes; i++) {
        const struct hs_node *n = &s->nodes[i];
        json_open(&j, NULL, '{');
        json_number(&j, "node", i);
        json_number(&j, "size", n->size_pages);
        json_number(&j, "free", n->free_pages);
        if (s->node_claims) {
            json_number(&j, "claimed", n->claimed_pages);
            json_number(&j, "dirty", n->dirty_pages);
            json_number(&j, "offline", n->offline_pages);
            json_number(&j, "free_2m", n->free_2m);
            json_number(&j, "free_1g", n->free_1g);
            json_number(&j, "reserved_2m", n->reserved_2m);
            json_number(&j, "reserved_1g", n->reserved_1g);
        }
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "host", '{');
    json_number(&j, "free", s->host.free_pages);
    json_number(&j, "outstanding", s->host.outstanding_pages);
    if (s->node_claims)
        json_number(&j, "host_claimed", s->host.host_claimed_pages);
    json_close(&j, '}');
    json_close(&j, '}');
    putc('\n', show->to);
}

/* "12", or "12 (4)" if 4 of them are kept for claims by order. */
static void put_extents(FILE *to, uint64_t nr, uint64_t kept, int width)
{
    char buf[48];

    if (kept)
        snprintf(buf, sizeof(buf), "%" PRIu64 " (%" PRIu64 ")", nr, kept);
    else
        snprintf(buf, sizeof(buf), "%" PRIu64, nr);
    fprintf(to, " %*s", width, buf);
}

static void put_node(const struct show *show, const struct state *s, const char *label,
                     const struct hs_node *n)
{
    fprintf(show->to, "%-6s", label);
    put(show, n->size_pages, 10);
    put(show, n->free_pages, 10);
    if (s->node_claims) {
        put(show, n->claimed_pages, 10);
        put(show, n->dirty_pages, 10);
        put_extents(show->to, n->free_2m, n->reserved_2m, 13);
        put_extents(show->to, n->free_1g, n->reserved_1g, 8);
        if (n->offline_pages) {
            fputs("  offline", show->to);
            put(show, n->offline_pages, 0);
        }
    }
    putc('\n', show->to);
}

void show_nodes(const struct show *show, const struct state *s)
{
    struct hs_node sum = {0};
    char a[32], b[32];

    if (show->json) {
        nodes_json(show, s);
        return;
    }
    fprintf(show->to, "node         size       free%s\n",
            s->node_claims ? "    claimed      dirty    2M extents      1G" : "");
    for (uint32_t i = 0; i < s->nr_nodes; i++) {
        const struct hs_node *n = &s->nodes[i];
        snprintf(a, sizeof(a), "%u", i);
        put_node(show, s, a, n);
        sum.size_pages += n->size_pages;
        sum.dirty_pages += n->dirty_pages;
        sum.free_2m += n->free_2m;
        sum.free_1g += n->free_1g;
        sum.reserved_2m += n->reserved_2m;
        sum.reserved_1g += n->reserved_1g;
        sum.offline_pages += n->offline_pages;
    }
    sum.free_pages = s->host.free_pages;
    sum.claimed_pages = s->host.outstanding_pages;
    put_node(show, s, "host", &sum);
    if (!s->node_claims)
        fprintf(show->to, "claimed host-wide: %s\n", show_amount(show, s->host.outstanding_pages, a));
    else if (s->host.host_claimed_pages)
        fprintf(show->to, "of the %s claimed, %s are claimed host-wide\n",
                show_amount(show, s->host.outstanding_pages, a),
                show_amount(show, s->host.host_claimed_pages, b));
}

/* --- claims --- */
static void domain_json(struct json *j, const struct state *s, uint32_t i)
{
    const struct hs_domain *d = &s->domains[i].info;
    const char *name = s->domains[i].name;

    json_open(j, NULL, '{');
    json_number(j, "domid", d->domid);
    json_string(j, "name", *name ? name : NULL);
    json_bool(j, "dying", s->domains[i].dying);
    json_number(j, "tot", d->tot_pages);
    json_number(j, "max", d->max_pages);
    json_number(j, "outstanding", d->outstanding_pages);
    if (s->node_claims) {
        json_number(j, "overhead", d->overhead_pages);
        json_number(j, "host_claim", d->host_claim_pages);
        json_bool(j, "strict", d->claim_flags & HS_CLAIM_STRICT);
        json_bool(j, "scrub", d->claim_flags & HS_CLAIM_SCRUB);
        json_number(j, "broken_pages", d->broken_pages);
        json_number(j, "broken_extents", d->broken_extents);
        json_open(j, "nodes", '[');
        for (uint32_t n = 0; n < s->nr_nodes; n++) {
            const struct hs_domain_node *c = state_cell(s, i, n);
            json_open(j, NULL, '{');
            json_number(j, "node", n);
            json_number(j, "own", c->own_pages);
            json_number(j, "claim", c->claim_pages);
            json_number(j, "order", c->claim_order);
            json_number(j, "extents", c->claim_extents);
            json_close(j, '}');
        }
        json_close(j, ']');
    }
    json_close(j, '}');
}

static void claims_json(const struct show *show, const struct state *s, uint32_t domid)
{
    struct json j = {.to = show->to};

    json_open(&j, NULL, '{');
    json_bool(&j, "node_claims", s->node_claims);
    json_number(&j, "page_size", HS_PAGE_SIZE);
    json_open(&j, "domains", '[');
    for (uint32_t i = 0; i < s->nr_domains; i++)
        if (domid == HS_NO_DOMAIN || s->domains[i].info.domid == domid)
            domain_json(&j, s, i);
    json_close(&j, ']');
    json_close(&j, '}');
    putc('\n', show->to);
}

/* The first line of a domain has its name; of every domain there is at least one. */
static void put_row(const struct show *show, const char *name, const char *node, uint64_t own, uint64_t claim)
{
    fprintf(show->to, "%-20s %-5s", name, node);
    put(show, own, 10);
    put(show, claim, 10);
}

static void put_flags(FILE *to, const struct domain_state *d)
{
    if (d->info.claim_flags & HS_CLAIM_STRICT)
        fputs("  strict", to);
    if (d->info.claim_flags & HS_CLAIM_SCRUB)
        fputs("  scrub", to);
    if (d->dying)
        fputs("  dying", to);
}

static void put_domain(const struct show *show, const struct state *s, uint32_t i)
{
    const struct domain_state *d = &s->domains[i];
    char name[DOMAIN_TEXT], node[12];
    bool first = true;

    domain_text(s, d->info.domid, name);
    for (uint32_t n = 0; n < s->nr_nodes && s->node_claims; n++) {
        const struct hs_domain_node *c = state_cell(s, i, n);
        if (!c->own_pages && !c->claim_pages)
            continue;
        snprintf(node, sizeof(node), "%u", n);
        put_row(show, first ? name : "", node, c->own_pages, c->claim_pages);
        if (c->claim_order)
            fprintf(show->to, "  %" PRIu64 " x %s", c->claim_extents, c->claim_order == 9 ? "2M" : "1G");
        if (first)
            put_flags(show->to, d);
        putc('\n', show->to);
        first = false;
    }
    uint64_t any = s->node_claims ? d->info.host_claim_pages : d->info.outstanding_pages;
    if (!first && !any)
        return;
    put_row(show, first ? name : "", "any", s->node_claims ? 0 : d->info.tot_pages, any);
    if (first)
        put_flags(show->to, d);
    putc('\n', show->to);
}

static void put_limits(const struct show *show, const struct hs_domain *d)
{
    char a[32], b[32], c[32];

    fprintf(show->to, "has %s, claims %s more, and may have %s\n", show_amount(show, d->tot_pages, a),
            show_amount(show, d->outstanding_pages, b),
            d->max_pages >= UINT32_MAX ? "any amount" : show_amount(show, d->max_pages, c));
    if (d->broken_pages || d->broken_extents)
        fprintf(show->to,
                "taken back from its claims as memory went offline: %s, and %" PRIu64 " whole extents\n",
                show_amount(show, d->broken_pages, a), d->broken_extents);
}

void show_claims(const struct show *show, const struct state *s, uint32_t domid)
{
    if (show->json) {
        claims_json(show, s, domid);
        return;
    }
    fprintf(show->to, "domain               node        owns     claims\n");
    for (uint32_t i = 0; i < s->nr_domains; i++) {
        if (domid != HS_NO_DOMAIN && s->domains[i].info.domid != domid)
            continue;
        put_domain(show, s, i);
        if (domid != HS_NO_DOMAIN)
            put_limits(show, &s->domains[i].info);
    }
}

/* --- refusals --- */
const char *show_refusal_text(const struct show *show, const struct state *s, char buf[REFUSAL_TEXT])
{
    const struct hs_refusals *r = &s->refusals;
    uint64_t left = r->free_pages > r->claimed_pages ? r->free_pages - r->claimed_pages : 0;
    char who[DOMAIN_TEXT], wanted[32], there[32], where[32] = "in all";

    if (show->pages) {
        show_amount(show, r->pages, wanted);
        show_amount(show, left, there);
    } else {
        size_text_pair(r->pages, left, wanted, there);
    }
    if (r->node != HS_ANY_NODE)
        snprintf(where, sizeof(where), "on node %" PRIu32, r->node);
    snprintf(buf, REFUSAL_TEXT, "%s asked for %s%s %s, where %s was not claimed",
             domain_text(s, r->domid, who), wanted, show->pages ? " pages" : "", where, there);
    return buf;
}

static void refusals_json(const struct show *show, const struct state *s)
{
    const struct hs_refusals *r = &s->refusals;
    struct json j = {.to = show->to};
    const struct domain_state *d = state_domain(s, r->domid);

    json_open(&j, NULL, '{');
    json_number(&j, "refused_claims", r->nr_claims);
    json_number(&j, "refused_allocations", r->nr_allocs);
    if (r->kind == HS_REFUSAL_NONE) {
        json_string(&j, "last", NULL);
    } else {
        json_open(&j, "last", '{');
        json_string(&j, "kind", r->kind == HS_REFUSAL_CLAIM ? "claim" : "allocation");
        json_number(&j, "domid", r->domid);
        json_string(&j, "name", d && *d->name ? d->name : NULL);
        if (r->node == HS_ANY_NODE)
            json_string(&j, "node", NULL);
        else
            json_number(&j, "node", r->node);
        json_number(&j, "order", r->order);
        json_number(&j, "pages", r->pages);
        json_number(&j, "free", r->free_pages);
        json_number(&j, "claimed", r->claimed_pages);
        json_open(&j, "holders", '[');
        for (uint32_t i = 0; i < r->nr_holders; i++) {
            d = state_domain(s, r->holders[i].domid);
            json_open(&j, NULL, '{');
            json_number(&j, "domid", r->holders[i].domid);
            json_string(&j, "name", d && *d->name ? d->name : NULL);
            json_number(&j, "node_pages", r->holders[i].node_pages);
            json_number(&j, "host_pages", r->holders[i].host_pages);
            json_close(&j, '}');
        }
        json_close(&j, ']');
        json_close(&j, '}');
    }
    json_close(&j, '}');
    putc('\n', show->to);
}

void show_refusals(const struct show *show, const struct state *s)
{
    const struct hs_refusals *r = &s->refusals;
    char text[REFUSAL_TEXT], a[32], b[32];

    if (show->json) {
        refusals_json(show, s);
        return;
    }
    fprintf(show->to, "refused since the host started: %" PRIu64 " claim%s, %" PRIu64 " allocation%s\n",
            r->nr_claims, r->nr_claims == 1 ? "" : "s", r->nr_allocs, r->nr_allocs == 1 ? "" : "s");
    if (r->kind == HS_REFUSAL_NONE)
        return;
    fprintf(show->to, "the last one, %s: %s\n", r->kind == HS_REFUSAL_CLAIM ? "a claim" : "an allocation",
            show_refusal_text(show, s, text));
    for (uint32_t i = 0; i < r->nr_holders; i++) {
        const struct hs_holder *h = &r->holders[i];
        fprintf(show->to, "  %s held %s there and %s host-wide\n", domain_text(s, h->domid, text),
                show_amount(show, h->node_pages, a), show_amount(show, h->host_pages, b));
    }
}
