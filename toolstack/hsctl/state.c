#include "state.h"

#include <stdlib.h>
#include <string.h>

bool state_init(struct state *s, uint32_t nr_nodes, uint32_t nr_domains)
{
    memset(s, 0, sizeof(*s));
    /* One more of each, so that an empty array is no NULL. */
    s->nodes = calloc(nr_nodes + 1, sizeof(s->nodes[0]));
    s->domains = calloc(nr_domains + 1, sizeof(s->domains[0]));
    s->cells = calloc((size_t)nr_nodes * nr_domains + 1, sizeof(s->cells[0]));
    if (!s->nodes || !s->domains || !s->cells) {
        state_free(s);
        return false;
    }
    s->nr_nodes = nr_nodes;
    s->nr_domains = nr_domains;
    return true;
}

void state_free(struct state *s)
{
    free(s->nodes);
    free(s->domains);
    free(s->cells);
    memset(s, 0, sizeof(*s));
}

const struct domain_state *state_domain(const struct state *s, uint32_t domid)
{
    for (uint32_t i = 0; i < s->nr_domains; i++)
        if (s->domains[i].info.domid == domid)
            return &s->domains[i];
    return NULL;
}

static bool same_domain(const struct domain_state *a, const struct domain_state *b)
{
    const struct hs_domain *x = &a->info, *y = &b->info;

    return x->domid == y->domid && !strcmp(a->name, b->name) && x->tot_pages == y->tot_pages &&
           x->max_pages == y->max_pages && x->overhead_pages == y->overhead_pages &&
           x->host_claim_pages == y->host_claim_pages && x->outstanding_pages == y->outstanding_pages &&
           x->broken_pages == y->broken_pages && x->broken_extents == y->broken_extents &&
           x->claim_flags == y->claim_flags && a->dying == b->dying;
}

static bool same_cell(const struct hs_domain_node *a, const struct hs_domain_node *b)
{
    return a->own_pages == b->own_pages && a->claim_pages == b->claim_pages &&
           a->claim_extents == b->claim_extents && a->claim_order == b->claim_order;
}

bool state_same(const struct state *a, const struct state *b)
{
    if (a->nr_nodes != b->nr_nodes || a->nr_domains != b->nr_domains || a->node_claims != b->node_claims ||
        a->host.free_pages != b->host.free_pages || a->host.outstanding_pages != b->host.outstanding_pages ||
        a->host.host_claimed_pages != b->host.host_claimed_pages ||
        a->refusals.nr_claims != b->refusals.nr_claims || a->refusals.nr_allocs != b->refusals.nr_allocs)
        return false;
    for (uint32_t d = 0; d < a->nr_domains; d++)
        if (!same_domain(&a->domains[d], &b->domains[d]))
            return false;
    for (uint32_t i = 0; i < a->nr_nodes * a->nr_domains; i++)
        if (!same_cell(&a->cells[i], &b->cells[i]))
            return false;
    /* Only 64-bit members: no padding. */
    return !memcmp(a->nodes, b->nodes, a->nr_nodes * sizeof(a->nodes[0]));
}

const char *domain_text(const struct state *s, uint32_t domid, char buf[DOMAIN_TEXT])
{
    const struct domain_state *d = state_domain(s, domid);

    if (domid == HS_NO_DOMAIN)
        return strcpy(buf, "the hypervisor");
    if (d && d->name[0])
        snprintf(buf, DOMAIN_TEXT, "%s (%u)", d->name, domid);
    else
        snprintf(buf, DOMAIN_TEXT, "domain %u", domid);
    return buf;
}

const char *domain_name(const struct state *s, uint32_t domid, char buf[DOMAIN_TEXT])
{
    const struct domain_state *d = state_domain(s, domid);

    return d && d->name[0] ? strcpy(buf, d->name) : domain_text(s, domid, buf);
}

/* The length of the UTF-8 character at p that a terminal may get, or 0. Overlong forms, surrogates and C1 controls
 * are none. */
static uint32_t character(const unsigned char *p)
{
    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f;
    uint32_t length = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                      : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                      : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                    : 0;
    uint32_t code = length == 2 ? p[0] & 0x1f : length == 3 ? p[0] & 0x0f : p[0] & 0x07;

    for (uint32_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < 0xa0 || (length == 3 && code < 0x800) ||
        (length == 4 && (code < 0x10000 || code > 0x10ffff)) || (code >= 0xd800 && code < 0xe000) ||
        (code & 0xfffe) == 0xfffe)
        return 0;
    return length;
}

bool text_copy(char *to, size_t size, const char *from)
{
    const unsigned char *p = (const unsigned char *)from;
    size_t n = 0;
    bool same = true;

    while (*p) {
        uint32_t length = character(p);
        if (n + (length ? length : 1) >= size)
            break;
        if (!length) {
            to[n++] = '?';
            p++;
            same = false;
            continue;
        }
        memcpy(to + n, p, length);
        n += length;
        p += length;
    }
    to[n] = '\0';
    return same && !*p;
}
