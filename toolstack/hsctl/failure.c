#include "failure.h"
#include "json.h"
#include "size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One reason: what the set wants of a node, or of the host. */
struct shortage {
    uint32_t node;  /* HS_ANY_NODE: the host */
    uint32_t order; /* 0: pages are short; else whole extents are */
    uint64_t asked; /* of what the domain does not have yet; extents if order is not 0 */
    uint64_t there; /* not claimed by others, and for the host free besides claims on nodes */
};

struct explanation {
    const struct show *show;
    const struct state *s;
    const struct args *args;
    const struct domain_state *domain;
    uint32_t domain_row;
    bool said; /* something by which the failure is explained */
};

const char *error_name(int error)
{
    static char number[24];
    const char *name =
        error == EOPNOTSUPP ? "EOPNOTSUPP" /* which is ENOTSUP, too */ : strerrorname_np(error);

    if (name)
        return name;
    snprintf(number, sizeof(number), "errno %d", error);
    return number;
}

/* --- figures --- */
static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static const struct hs_domain_node *own_cell(const struct explanation *e, uint32_t node)
{
    return state_cell(e->s, e->domain_row, node);
}

/* What a node entry would claim: counts are absolute. */
static uint64_t wanted_on(const struct explanation *e, const struct entry *entry)
{
    return less(entry->pages, own_cell(e, entry->node)->own_pages);
}

/* The pages of the entry for the node, or 0. */
static uint64_t entry_pages(const struct explanation *e, uint32_t node)
{
    for (uint32_t i = 0; i < e->args->nr_entries; i++)
        if (e->args->entry[i].node == node)
            return e->args->entry[i].pages;
    return 0;
}

/* What the whole set would claim, docs/hypervisor-guide/mm/claims.md section 3. */
static uint64_t wanted_in_all(const struct explanation *e)
{
    uint64_t nodes = 0, beyond = 0;

    for (uint32_t i = 0; i < e->args->nr_entries; i++)
        if (e->args->entry[i].node != HS_ANY_NODE)
            nodes += wanted_on(e, &e->args->entry[i]);
    for (uint32_t n = 0; n < e->s->nr_nodes; n++)
        beyond += less(own_cell(e, n)->own_pages, entry_pages(e, n));
    return nodes + less(entry_pages(e, HS_ANY_NODE), beyond);
}

/* What the domain has claimed itself is available to it if the set replaces that. */
static uint64_t replaced(const struct explanation *e, uint64_t pages)
{
    return e->args->replace ? pages : 0;
}

static bool node_shortage(const struct explanation *e, const struct entry *entry, struct shortage *out)
{
    const struct hs_node *n = &e->s->nodes[entry->node];
    const struct hs_domain_node *own = own_cell(e, entry->node);
    struct shortage s = {.node = entry->node,
                         .asked = wanted_on(e, entry),
                         .there = less(n->free_pages, less(n->claimed_pages, replaced(e, own->claim_pages)))};

    if (s.asked <= s.there && entry->order) {
        s.order = entry->order;
        s.asked >>= entry->order;
        s.there =
            entry->order == HS_ORDER_2M ? less(n->free_2m, n->reserved_2m) : less(n->free_1g, n->reserved_1g);
        if (own->claim_order >= entry->order)
            s.there += replaced(e, own->claim_extents << (own->claim_order - entry->order));
    }
    *out = s;
    return s.asked > s.there;
}

static bool host_shortage(const struct explanation *e, struct shortage *out)
{
    *out = (struct shortage){
        .node = HS_ANY_NODE,
        .asked = wanted_in_all(e),
        .there = less(e->s->host.free_pages,
                      less(e->s->host.outstanding_pages, replaced(e, e->domain->info.outstanding_pages)))};
    return out->asked > out->there;
}

/* --- sentences --- */
struct held {
    uint32_t domid;
    uint64_t pages;
};

static int compare_held(const void *a, const void *b)
{
    const struct held *x = a, *y = b;

    return x->pages != y->pages ? (x->pages < y->pages ? 1 : -1)
                                : (x->domid > y->domid) - (x->domid < y->domid);
}

/* "; web holds 800 MiB, db 100 MiB and 3 more 20 MiB": claims there of other domains, the largest first. */
static void put_holders(const struct explanation *e, uint32_t node)
{
    struct held *held = calloc(e->s->nr_domains + 1, sizeof(*held));
    uint64_t others = 0;
    uint32_t nr = 0;
    char name[DOMAIN_TEXT], size[32];

    for (uint32_t i = 0; held && i < e->s->nr_domains; i++) {
        const struct domain_state *d = &e->s->domains[i];
        uint64_t pages =
            node == HS_ANY_NODE ? d->info.outstanding_pages : state_cell(e->s, i, node)->claim_pages;
        if (pages && !(e->args->replace && d == e->domain))
            held[nr++] = (struct held){d->info.domid, pages};
    }
    if (held)
        qsort(held, nr, sizeof(*held), compare_held);
    for (uint32_t i = 0; i < nr && i < 4; i++)
        fprintf(e->show->to, "%s %s %s%s", i ? "," : ";", domain_name(e->s, held[i].domid, name),
                i ? "" : "holds ", show_amount(e->show, held[i].pages, size));
    for (uint32_t i = 4; i < nr; i++)
        others += held[i].pages;
    if (nr > 4)
        fprintf(e->show->to, " and %u more %s", nr - 4, show_amount(e->show, others, size));
    free(held);
}

static void put_shortage(const struct explanation *e, const struct shortage *s)
{
    FILE *to = e->show->to;
    char asked[32], there[32];

    if (s->node == HS_ANY_NODE)
        fputs("hsctl:   host: ", to);
    else
        fprintf(to, "hsctl:   node %" PRIu32 ": ", s->node);
    if (s->order) {
        const char *extent = s->order == HS_ORDER_2M ? "2 MiB" : "1 GiB";
        fprintf(to,
                "asked for %" PRIu64 " whole extents of %s, %" PRIu64
                " are free and not kept for other claims\n",
                s->asked, extent, s->there);
        return;
    }
    if (e->show->pages) {
        show_amount(e->show, s->asked, asked);
        show_amount(e->show, s->there, there);
    } else {
        size_text_pair(s->asked, s->there, asked, there);
    }
    fprintf(to, "asked for %s, %s is not claimed", asked, there);
    put_holders(e, s->node);
    putc('\n', to);
}

static void json_shortage(struct json *j, const struct shortage *s)
{
    json_open(j, NULL, '{');
    if (s->node == HS_ANY_NODE)
        json_string(j, "node", NULL);
    else
        json_number(j, "node", s->node);
    json_number(j, "order", s->order);
    json_number(j, s->order ? "asked_extents" : "asked", s->asked);
    json_number(j, s->order ? "there_extents" : "there", s->there);
    json_close(j, '}');
}

/* Every node that is short, and the host if no node is. j is NULL for text. */
static void put_shortages(struct explanation *e, struct json *j)
{
    struct shortage s;

    for (uint32_t i = 0; i < e->args->nr_entries; i++) {
        const struct entry *entry = &e->args->entry[i];
        if (entry->node >= e->s->nr_nodes || !node_shortage(e, entry, &s))
            continue;
        e->said = true;
        if (j)
            json_shortage(j, &s);
        else
            put_shortage(e, &s);
    }
    if (e->said || !host_shortage(e, &s))
        return;
    e->said = true;
    if (j)
        json_shortage(j, &s);
    else
        put_shortage(e, &s);
}

void failure_shortage(const struct show *show, const struct state *s, uint32_t domid, const struct args *args)
{
    static const char *const text = "not that much memory is free and not claimed";
    const struct domain_state *d = state_domain(s, domid);
    struct explanation e = {.show = show, .s = s, .args = args, .domain = d};
    char who[DOMAIN_TEXT];

    if (!d || !s->node_claims) {
        failure_print(show, "the claim was refused", ENOMEM, text);
        return;
    }
    e.domain_row = (uint32_t)(d - s->domains);
    if (show->json) {
        struct json j = {.to = show->to};
        json_open(&j, NULL, '{');
        json_string(&j, "error", error_name(ENOMEM));
        json_string(&j, "text", text);
        json_number(&j, "domid", domid);
        json_open(&j, "short", '[');
        put_shortages(&e, &j);
        json_close(&j, ']');
        json_close(&j, '}');
        putc('\n', show->to);
        return;
    }
    fprintf(show->to, "hsctl: the claim of %s was refused: %s\n", domain_text(s, domid, who), text);
    put_shortages(&e, NULL);
    if (!e.said)
        fprintf(show->to, "hsctl:   there would be enough by now: memory was given back meanwhile\n");
}

void failure_print(const struct show *show, const char *what, int error, const char *text)
{
    if (!show->json) {
        fprintf(show->to, "hsctl: %s: %s\n", what, text);
        return;
    }
    struct json j = {.to = show->to};
    json_open(&j, NULL, '{');
    json_string(&j, "error", error_name(error));
    json_string(&j, "text", text);
    json_close(&j, '}');
    putc('\n', show->to);
}
