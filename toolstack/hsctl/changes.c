#include "changes.h"
#include "json.h"
#include "size.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

struct changes {
    const struct show *show;
    const struct state *before, *now;
    uint32_t nr;
};

/* --- the two forms of a line --- */
static void put_time(FILE *to, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    char text[16];

    localtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%H:%M:%S", &tm);
    fprintf(to, "%s.%03d  ", text, (int)(time_ms % 1000));
}

static const struct domain_state *find(const struct changes *c, uint32_t domid)
{
    const struct domain_state *d = state_domain(c->now, domid);

    return d || !c->before ? d : state_domain(c->before, domid);
}

static struct json begin_json(struct changes *c, const char *event)
{
    struct json j = {.to = c->show->to};

    c->nr++;
    json_open(&j, NULL, '{');
    json_number(&j, "time_ms", (uint64_t)c->now->time_ms);
    json_string(&j, "event", event);
    return j;
}

static void json_domain(struct json *j, const struct changes *c, uint32_t domid)
{
    const struct domain_state *d = find(c, domid);

    json_number(j, "domid", domid);
    json_string(j, "name", d && *d->name ? d->name : NULL);
}

static void end_json(struct json *j)
{
    json_close(j, '}');
    putc('\n', j->to);
}

/* The time and the domain, padded: what happened follows. */
static void begin_text(struct changes *c, uint32_t domid)
{
    char name[DOMAIN_TEXT];

    c->nr++;
    put_time(c->show->to, c->now->time_ms);
    fprintf(c->show->to, "%-16s ",
            domain_text(state_domain(c->now, domid) || !c->before ? c->now : c->before, domid, name));
}

/* A domain and what became of it in one word. */
static void event(struct changes *c, uint32_t domid, const char *word, const char *sentence)
{
    if (c->show->json) {
        struct json j = begin_json(c, word);
        json_domain(&j, c, domid);
        end_json(&j);
        return;
    }
    begin_text(c, domid);
    fprintf(c->show->to, "%s\n", sentence);
}

/* "owns 512 MiB (+256 MiB)" */
static void put_amount(struct changes *c, const char *verb, uint64_t before, uint64_t now)
{
    char a[32], b[32];

    fprintf(c->show->to, "%s %s", verb, show_amount(c->show, now, a));
    if (before != now)
        fprintf(c->show->to, " (%c%s)", now > before ? '+' : '-',
                show_amount(c->show, now > before ? now - before : before - now, b));
}

/* node: HS_ANY_NODE: host-wide. */
static void memory(struct changes *c, uint32_t domid, uint32_t node, const struct hs_domain_node *before,
                   const struct hs_domain_node *now)
{
    if (before->own_pages == now->own_pages && before->claim_pages == now->claim_pages)
        return;
    if (c->show->json) {
        struct json j = begin_json(c, "memory");
        json_domain(&j, c, domid);
        if (node == HS_ANY_NODE)
            json_string(&j, "node", NULL);
        else
            json_number(&j, "node", node);
        json_number(&j, "own", now->own_pages);
        json_number(&j, "own_before", before->own_pages);
        json_number(&j, "claim", now->claim_pages);
        json_number(&j, "claim_before", before->claim_pages);
        end_json(&j);
        return;
    }
    begin_text(c, domid);
    if (node == HS_ANY_NODE)
        fputs("any node: ", c->show->to);
    else
        fprintf(c->show->to, "node %" PRIu32 ": ", node);
    if (node != HS_ANY_NODE || !c->now->node_claims) {
        put_amount(c, "owns", before->own_pages, now->own_pages);
        if (before->claim_pages || now->claim_pages)
            fputs(", ", c->show->to);
    }
    if (before->claim_pages || now->claim_pages)
        put_amount(c, "claims", before->claim_pages, now->claim_pages);
    putc('\n', c->show->to);
}

/* --- what is compared --- */
static struct hs_domain_node host_wide(const struct state *s, const struct domain_state *d)
{
    if (!d)
        return (struct hs_domain_node){0};
    if (s->node_claims)
        return (struct hs_domain_node){.claim_pages = d->info.host_claim_pages};
    return (struct hs_domain_node){.own_pages = d->info.tot_pages, .claim_pages = d->info.outstanding_pages};
}

static void compare_domain(struct changes *c, uint32_t domid)
{
    const struct domain_state *now = state_domain(c->now, domid);
    const struct domain_state *before = c->before ? state_domain(c->before, domid) : NULL;
    static const struct hs_domain_node nothing;

    if (!now) {
        event(c, domid, "gone", "is gone");
        return;
    }
    if (c->before && !before)
        event(c, domid, "created", "was created");
    if (before && strcmp(before->name, now->name))
        event(c, domid, "named", "is its name now");
    if (now->dying && !(before && before->dying))
        event(c, domid, "dying", "is being destroyed");
    for (uint32_t n = 0; n < c->now->nr_nodes && c->now->node_claims; n++)
        memory(c, domid, n,
               before && n < c->before->nr_nodes
                   ? state_cell(c->before, (uint32_t)(before - c->before->domains), n)
                   : &nothing,
               state_cell(c->now, (uint32_t)(now - c->now->domains), n));
    const struct hs_domain_node a = before ? host_wide(c->before, before) : nothing,
                                b = host_wide(c->now, now);
    memory(c, domid, HS_ANY_NODE, &a, &b);
}

static void compare_domains(struct changes *c)
{
    uint32_t nr_before = c->before ? c->before->nr_domains : 0;

    /* Both are sorted: the gone ones come where they were. */
    for (uint32_t i = 0, k = 0; i < nr_before || k < c->now->nr_domains;) {
        uint32_t before = i < nr_before ? c->before->domains[i].info.domid : HS_NO_DOMAIN;
        uint32_t now = k < c->now->nr_domains ? c->now->domains[k].info.domid : HS_NO_DOMAIN;
        uint32_t domid = before < now ? before : now;

        compare_domain(c, domid);
        i += before == domid;
        k += now == domid;
    }
}

static void compare_refusals(struct changes *c)
{
    const struct hs_refusals *before = &c->before->refusals, *now = &c->now->refusals;
    uint64_t more = now->nr_claims - before->nr_claims + now->nr_allocs - before->nr_allocs;
    char text[REFUSAL_TEXT];

    if (!more)
        return;
    if (c->show->json) {
        struct json j = begin_json(c, "refused");
        json_number(&j, "refused_claims", now->nr_claims);
        json_number(&j, "refused_allocations", now->nr_allocs);
        json_string(&j, "kind", now->kind == HS_REFUSAL_CLAIM ? "claim" : "allocation");
        json_domain(&j, c, now->domid);
        if (now->node == HS_ANY_NODE)
            json_string(&j, "node", NULL);
        else
            json_number(&j, "node", now->node);
        json_number(&j, "pages", now->pages);
        json_number(&j, "free", now->free_pages);
        json_number(&j, "claimed", now->claimed_pages);
        end_json(&j);
        return;
    }
    c->nr++;
    put_time(c->show->to, c->now->time_ms);
    fprintf(c->show->to, "%s refused: %s", now->kind == HS_REFUSAL_CLAIM ? "claim" : "allocation",
            show_refusal_text(c->show, c->now, text));
    if (more > 1)
        fprintf(c->show->to, " (the last of %" PRIu64 ")", more);
    putc('\n', c->show->to);
}

uint32_t changes_print(const struct show *show, const struct state *before, const struct state *now)
{
    struct changes c = {.show = show, .before = before, .now = now};

    compare_domains(&c);
    if (before)
        compare_refusals(&c);
    fflush(show->to);
    return c.nr;
}
