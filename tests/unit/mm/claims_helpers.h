/* What the tests of claims on the real allocator start from: nodes of equal size, two domains. One test program includes
 * it once, after it has said how many nodes of how many pages, if not three of 16 MiB. */
#ifndef TESTS_CLAIMS_HELPERS_H
#define TESTS_CLAIMS_HELPERS_H

#include <tests/machine/accounts.h>
#include <tests/machine/test.h>

#ifndef NODE_PAGES
#define NODES      3u
#define NODE_PAGES 4096u
#endif

static struct mem_account *a, *b;

static inline void setup(void)
{
    accounts_make(NODES, NODES * NODE_PAGES, 0);
    for (nodeid_t nid = 0; nid < NODES; nid++)
        assert_int_equal(mm_add_range(mfn(nid * NODE_PAGES), mfn((nid + 1) * NODE_PAGES), nid), 0);
    a = account_new(1, 100000);
    b = account_new(2, 100000);
}

static inline int claim(struct mem_account *d, u32 node, u64 pages, u32 order, u32 flags)
{
    struct claim_entry entry = {.pages = pages, .node = node, .pad = order};
    return claim_install_set(d, &entry, 1, flags);
}

static inline int set1(struct mem_account *d, u32 node, u64 pages)
{
    return claim(d, node, pages, 0, 0);
}

static inline int take_at(struct mem_account *d, nodeid_t nid, u32 order, mfn_t *m)
{
    return mm_alloc(d, nid, order, MM_EXACT_NODE, m);
}

static inline int take(struct mem_account *d, nodeid_t nid, u32 order)
{
    mfn_t m;
    return take_at(d, nid, order, &m);
}

/* Takes pages of a node one by one. */
static inline void take_pages(struct mem_account *d, nodeid_t nid, u64 pages)
{
    while (pages--)
        assert_int_equal(take(d, nid, 0), 0);
}

static inline void expect_claims(struct mem_account *d, u64 host, u64 n0, u64 n1)
{
    assert_int_equal(d->host_claim, host);
    assert_int_equal(d->node_claim[0], n0);
    assert_int_equal(d->node_claim[1], n1);
    assert_int_equal(claim_outstanding(d), host + n0 + n1 + d->node_claim[2]);
}

#endif
