/*
 * What the host looks like at one moment: nodes, domains, who owns and claims what where, refusals. Taken from the
 * hypervisor (host.h) or read from a recording (samples.h). Everything is in pages of 4 KiB.
 */
#ifndef HSCTL_STATE_H
#define HSCTL_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <toolstack/libhomestead/homestead.h>

#define DOMAINS_MAX 32752 /* ordinary ids are below */
#define NAME_SIZE   256   /* with the 0 */

struct domain_state {
    struct hs_domain info;
    char name[NAME_SIZE]; /* UTF-8 without control characters; empty: not known */
    bool inexact;         /* the domain's real name has other bytes than `name`, or more */
    bool dying;
};

struct state {
    int64_t time_ms; /* since 1970 */
    bool
        node_claims; /* false: a hypervisor without. It reports no claims by node, and no pages by node and domain */
    struct hs_host host;
    uint32_t nr_nodes, nr_domains;
    struct hs_node *nodes;
    struct domain_state *domains; /* in ascending order of domid */
    struct hs_domain_node *cells; /* nr_domains rows of nr_nodes */
    struct hs_refusals refusals;
};

/* Without contents. false: no memory. What s had before is lost: state_free() it first. */
bool state_init(struct state *s, uint32_t nr_nodes, uint32_t nr_domains);
void state_free(struct state *s);

static inline struct hs_domain_node *state_cell(const struct state *s, uint32_t domain, uint32_t node)
{
    return &s->cells[(uint64_t)domain * s->nr_nodes + node];
}

/* NULL: there is none. */
const struct domain_state *state_domain(const struct state *s, uint32_t domid);

/* Does everything but the time agree? */
bool state_same(const struct state *a, const struct state *b);

/* "web (3)", "domain 3" without a name, "the hypervisor". Returns buf. */
#define DOMAIN_TEXT (NAME_SIZE + 16)
const char *domain_text(const struct state *s, uint32_t domid, char buf[DOMAIN_TEXT]);
/* "web", or as above if it has no name. */
const char *domain_name(const struct state *s, uint32_t domid, char buf[DOMAIN_TEXT]);

/* Copies text of a stranger into size bytes: control characters and what is not UTF-8 become '?'; cut at a whole
 * character. true: the copy is the same text. */
bool text_copy(char *to, size_t size, const char *from);

#endif
