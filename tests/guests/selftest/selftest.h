/*
 * Shared by the selftest*.c files: checks of claims, through real hypercalls on domains that never run. A
 * case is a function. selftest.c passes it the host's state, destroys its domains afterwards and looks for
 * leaks. The cases' names are in docs/hypervisor-guide/mm/claims-trace.md.
 */
#ifndef GUEST_SELFTEST_SELFTEST_H
#define GUEST_SELFTEST_SELFTEST_H

#include <guest/dom0/shell.h>

#define CASE_GFN 0x200ull /* where cases populate */

/* Runs all cases. Returns how many checks failed. vCPU 0. */
u32 selftest_run(u64 slack);
/* claimstress.c: `builders` vCPUs that build and destroy small domains for `rounds` rounds each, with
 * claims or without. slack: pages that may be missing. False: an error, which has been printed. vCPU 0. */
bool claimstress_run(bool claims, u32 rounds, u32 builders, u64 slack);
/* race.c: two builders for one node, in turns; with domain 0 on several vCPUs also `rounds` rounds of each kind at
 * once. False: a race could not be held, and why has been printed. vCPU 0. */
bool race_run(u32 rounds);

struct selftest_host {
    struct host_state now; /* before the case has done anything */
    u32 nr_nodes;          /* with memory */
    u32 first, last;       /* of them; the same if there is one */
};

struct selftest_case {
    const char *name;
    void (*run)(const struct selftest_host *host);
    bool node_claims; /* needs domctl 91 */
    bool ours;        /* needs Homestead's own sysctls and flags */
    u32 min_nodes;    /* with memory */
};

/* One check: a line for people and one for programs. */
void selftest_equal(const char *name, const char *what, s64 expected, s64 got);
void selftest_true(const char *name, bool ok, const char *what, s64 expected, s64 got);

/* Creates an empty domain with a limit and a paging pool for pool_for_pages of memory. False: it failed, the
 * reason has been printed, and the case should return. */
bool selftest_domain(u64 max_pages, u64 pool_for_pages, u32 *domid);

/* Free pages of a node, and all outstanding claims; or -errno. */
s64 selftest_free_on(u32 node);
s64 selftest_claimed(void);

/* Each ends with an entry without a name. */
extern const struct selftest_case selftest_two[];     /* selftest_two.c: domains against each other */
extern const struct selftest_case selftest_redeem[];  /* selftest_redeem.c: what allocations redeem */
extern const struct selftest_case selftest_refuse[];  /* selftest_refuse.c: errors */
extern const struct selftest_case selftest_flags[];   /* selftest_flags.c: STRICT, ORDERS, SCRUB, refusals */
extern const struct selftest_case selftest_offline[]; /* selftest_offline.c: memory that goes offline */
extern const struct selftest_case selftest_life[];    /* selftest_life.c: the ends of domains and claims */
extern const struct selftest_case selftest_many[];    /* selftest_many.c: many domains, several vCPUs */

#endif
