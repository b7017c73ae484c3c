/*
 * Sentences for people about memory that a guest wanted and did not get: what was asked, what there is, who holds the
 * rest, what can be done. Plain C on figures that somebody else has read; all figures are pages.
 */
#ifndef GUEST_DOM0_EXPLAIN_H
#define GUEST_DOM0_EXPLAIN_H

#include <homestead/types.h>

#define EXPLAIN_HOLDERS 8u

struct memory_figures {
    u32 nr_nodes;
    struct {
        u64 size, free;
        u64 claimed; /* on this node; 0 where the hypervisor has no such claims */
    } node[MAX_NODES];
    u64 host_claimed; /* claimed on no certain node */
    u64 in_use;       /* what other guests own */
    u32 nr_holders;   /* of claims, the largest first; only EXPLAIN_HOLDERS of them are in holder[] */
    u32 holder[EXPLAIN_HOLDERS];
};

/* Pages that somebody without a claim can have on a node, or anywhere (NODE_NONE). */
u64 explain_unclaimed(const struct memory_figures *f, u32 node);

/* "node 9: this host has nodes 0 to 1", "node 2 has no memory"; "" if it has. */
void explain_node(char *out, size_t size, const struct memory_figures *f, u32 node);

/* What is missing: `wanted` pages on a node, or anywhere (NODE_NONE), of which `got` could be had. */
struct shortage {
    u64 wanted, got;
    u64 all; /* the guest's memory, if wanted is only the share of one of its nodes; else 0 */
    u32 node;
    bool vnuma; /* wanted is what its virtual nodes on that node need */
    u64 tables; /* pages for its page tables besides; 0: it has them */
    u64 maxmem; /* pages that these tables are for, if they are more than its memory */
};
void explain_shortage(char *out, size_t size, const struct memory_figures *f, const struct shortage *s);

/* An error number's name and meaning, for the calls that the builder makes: "no such domain (ESRCH)". */
const char *explain_error(int rc);

#endif
