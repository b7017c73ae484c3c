/*
 * Why a set of claims failed: what was asked, what there is, who holds it. It is worked out from the figures as they are
 * now. That is soon after the call, but not the moment of it, so a sentence is chosen only if the figures still agree with
 * it. The refusal that the hypervisor has recorded is of the moment.
 */
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>

struct failed {
    hs_handle *h;
    uint32_t domid, nr, flags;
    const memory_claim_t *claims;
    /* What there is, as far as the hypervisor told. */
    bool has_domain, has_nodes;
    struct hs_domain domain;
    struct hs_domain_node own[HS_MAX_NODES];
    uint32_t nr_own;
    struct hs_host host;
    struct hs_node nodes[HS_MAX_NODES];
    uint32_t nr_nodes;
};

static bool is_host_wide(const memory_claim_t *c)
{
    return c->node == XEN_DOMCTL_CLAIM_MEMORY_NO_NODE || c->node == XEN_DOMCTL_CLAIM_MEMORY_NO_NODE_ALT;
}

static void say_entry(struct text *t, const memory_claim_t *c)
{
    say_size(t, c->pages);
    if (is_host_wide(c))
        say(t, " host-wide");
    else
        say(t, " on node %u", c->node);
}

/* What entry i would claim beyond what the domain owns on its node; the host-wide one as if it stood alone. */
static uint64_t lacking(const struct failed *f, const memory_claim_t *c)
{
    uint64_t own = is_host_wide(c)       ? f->domain.tot_pages
                   : c->node < f->nr_own ? f->own[c->node].own_pages
                                         : 0;

    return c->pages > own ? c->pages - own : 0;
}

/* A mistake in the entries themselves, which needs no figures. */
static bool say_bad_entry(struct text *t, const struct failed *f)
{
    const bool orders = f->flags & HS_CLAIM_ORDERS;

    for (uint32_t i = 0; i < f->nr; i++) {
        const memory_claim_t *c = &f->claims[i];
        const uint32_t order = orders ? c->pad : 0;

        if (c->pad && (!orders || is_host_wide(c))) {
            say(t, "entry %u of the set has an order (pad %u); %s", i, c->pad,
                orders ? "a host-wide entry has none" : "without the flag ORDERS it must be 0");
            return true;
        }
        if (order && order != HS_ORDER_2M && order != HS_ORDER_1G) {
            say(t, "entry %u of the set has the order %u; there are 0, 9 (2 MiB) and 18 (1 GiB)", i, order);
            return true;
        }
        if (c->pages & ((1ull << order) - 1)) {
            say(t, "entry %u of the set, ", i);
            say_entry(t, c);
            say(t, ", is not a whole number of %s", extent_words(order));
            return true;
        }
        for (uint32_t j = 0; j < i; j++)
            if (f->claims[j].node == c->node || (is_host_wide(c) && is_host_wide(&f->claims[j]))) {
                say(t,
                    is_host_wide(c) ? "two entries of the set are host-wide"
                                    : "two entries of the set are for node %u",
                    c->node);
                return true;
            }
    }
    return false;
}

static void say_present_claims(struct text *t, const struct failed *f)
{
    memory_claim_t *claims;
    uint32_t nr;

    if (hs_claim_read_all(f->h, f->domid, &nr, &claims))
        return;
    for (uint32_t i = 0; i < nr; i++) {
        say(t, i ? ", " : ": ");
        say_entry(t, &claims[i]);
    }
    free(claims);
}

static bool is_dying(const struct failed *f)
{
    struct hs_domain_info info;
    uint32_t nr = 1;

    return !hs_domain_list(f->h, f->domid, &info, &nr) && nr && info.domid == f->domid && info.dying;
}

static void say_invalid(struct text *t, const struct failed *f)
{
    const uint32_t known = HS_CLAIM_REPLACE | HS_CLAIM_STRICT | HS_CLAIM_SCRUB | HS_CLAIM_ORDERS;
    uint64_t more = 0, wish = 0;

    if (!f->nr || !f->claims) {
        say(t, "the set has no entries");
        return;
    }
    if (f->flags & ~known) {
        say(t, "there is no flag 0x%x", f->flags & ~known);
        return;
    }
    if (is_dying(f)) {
        say_domain(t, f->domid);
        say(t, " is being destroyed and can claim nothing");
        return;
    }
    if (say_bad_entry(t, f))
        return;
    say_domain(t, f->domid);
    if (f->has_domain && f->domain.outstanding_pages && !(f->flags & HS_CLAIM_REPLACE)) {
        say(t, " has claims already");
        say_present_claims(t, f);
        say(t, "; release them first, or replace them (REPLACE)");
        return;
    }
    for (uint32_t i = 0; i < f->nr; i++) {
        more += MIN(lacking(f, &f->claims[i]), UINT64_MAX - more);
        wish += MIN(f->claims[i].pages, UINT64_MAX - wish);
    }
    if (f->has_domain && !more) {
        say(t, " owns ");
        say_size(t, f->domain.tot_pages);
        say(t, " already, which is all that the set asks for: there is nothing to claim");
    } else if (f->has_domain && more > f->domain.max_pages - MIN(f->domain.tot_pages, f->domain.max_pages)) {
        say(t, " may own at most ");
        say_size(t, f->domain.max_pages);
        say(t, " (max_mem); it owns ");
        say_size(t, f->domain.tot_pages);
        say(t, ", and the set asks for ");
        say_size(t, wish);
    } else
        say(t, ": the hypervisor calls this set of claims invalid");
}

static void say_no_node(struct text *t, const struct failed *f)
{
    for (uint32_t i = 0; f->has_nodes && i < f->nr; i++)
        if (!is_host_wide(&f->claims[i]) && f->claims[i].node >= f->host.nr_nodes) {
            say(t, "there is no node %u; this host has ", f->claims[i].node);
            if (f->host.nr_nodes == 1)
                say(t, "node 0 only");
            else
                say(t, "nodes 0 to %u", f->host.nr_nodes - 1);
            return;
        }
    say(t, "a node of the set does not exist or is offline");
}

/* A node that has too few whole extents for an entry by order. */
static bool say_too_few_extents(struct text *t, const struct failed *f)
{
    for (uint32_t i = 0; (f->flags & HS_CLAIM_ORDERS) && f->has_nodes && i < f->nr; i++) {
        const memory_claim_t *c = &f->claims[i];

        if (is_host_wide(c) || c->node >= f->nr_nodes || (c->pad != HS_ORDER_2M && c->pad != HS_ORDER_1G))
            continue;
        const struct hs_node *n = &f->nodes[c->node];
        const bool big = c->pad == HS_ORDER_1G;
        uint64_t there = big ? n->free_1g : n->free_2m, kept = big ? n->reserved_1g : n->reserved_2m;
        uint64_t wanted = lacking(f, c) >> c->pad;

        if (wanted <= there - MIN(kept, there))
            continue;
        say(t, "node %u has %" PRIu64 " whole free %s", c->node, there, extent_words(c->pad));
        if (kept)
            say(t, ", %" PRIu64 " of them kept for claims", kept);
        say(t, "; the set asks for %" PRIu64, wanted);
        return true;
    }
    return false;
}

static void say_too_little(struct text *t, const struct failed *f)
{
    struct hs_refusals r;

    /* The hypervisor's record is this call's unless somebody was refused since. */
    if (!hs_refusals(f->h, &r) && r.kind == HS_REFUSAL_CLAIM && r.domid == f->domid &&
        r.pages > r.free_pages - MIN(r.claimed_pages, r.free_pages)) {
        say_refusal(t, &r);
        return;
    }
    if (say_too_few_extents(t, f))
        return;
    say_domain(t, f->domid);
    say(t, " asked for a claim of ");
    for (uint32_t i = 0; i < f->nr; i++) {
        say(t, i ? ", " : "");
        say_entry(t, &f->claims[i]);
    }
    if (f->has_nodes) {
        say(t, "; of the host's ");
        say_size(t, f->host.free_pages);
        say(t, " free memory ");
        say_size(t, f->host.outstanding_pages);
        say(t, " are claimed");
    }
}

static void ask(struct failed *f)
{
    f->nr_own = f->nr_nodes = HS_MAX_NODES;
    f->has_domain = !hs_domain(f->h, f->domid, &f->domain, f->own, &f->nr_own);
    f->has_nodes = !hs_nodes(f->h, &f->host, f->nodes, &f->nr_nodes);
    if (!f->has_domain)
        f->nr_own = 0;
    if (!f->has_nodes)
        f->nr_nodes = 0;
}

API size_t hs_claim_text(hs_handle *h, int err, uint32_t domid, uint32_t nr_claims,
                         const memory_claim_t *claims, uint32_t flags, hs_name_fn name, void *arg, char *text,
                         size_t len)
{
    struct text t = text_start(text, len, name, arg);
    struct failed f = {.h = h,
                       .domid = domid,
                       .nr = claims ? MIN(nr_claims, (uint32_t)HS_MAX_CLAIMS) : 0,
                       .flags = flags,
                       .claims = claims};
    int before = errno;

    if (err == EINVAL || err == ENOENT || err == ENOMEM)
        ask(&f);
    if (err == EINVAL)
        say_invalid(&t, &f);
    else if (err == ENOENT && f.has_nodes)
        say_no_node(&t, &f);
    else if (err == ENOMEM)
        say_too_little(&t, &f);
    else if (err == ESRCH)
        say(&t, "there is no domain %u", domid);
    else if (err == E2BIG)
        say(&t, "the set has %u entries; there can be one for each node and a host-wide one", nr_claims);
    else
        say(&t, "%s", hs_strerror(err));
    errno = before;
    return t.pos;
}
