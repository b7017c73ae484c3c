/* A state of the host for people, as tables, and for programs, as JSON. */
#ifndef HSCTL_SHOW_H
#define HSCTL_SHOW_H

#include "state.h"

struct show {
    FILE *to;
    bool json;
    bool pages; /* amounts as exact numbers of pages */
};

void show_nodes(const struct show *show, const struct state *s);
/* domid: of one domain, which the state has; HS_NO_DOMAIN: of all. */
void show_claims(const struct show *show, const struct state *s, uint32_t domid);
void show_refusals(const struct show *show, const struct state *s);

/* An amount as show has it. Returns buf. */
const char *show_amount(const struct show *show, uint64_t pages, char buf[32]);

/* "web (3) asked for 2.0 GiB on node 1, where 1.2 GiB was not claimed" (or "in all"): the last refusal, without who held claims. */
#define REFUSAL_TEXT (DOMAIN_TEXT + 160)
const char *show_refusal_text(const struct show *show, const struct state *s, char buf[REFUSAL_TEXT]);

#endif
