/* What both claims tests start from: three nodes of 16 MiB, two domains. One test program includes it once.
 */
#ifndef TESTS_CLAIMS_HELPERS_H
#define TESTS_CLAIMS_HELPERS_H

#include <tests/machine/accounts.h>
#include <tests/machine/test.h>

#define NODE_PAGES 4096u

static struct mem_account *a, *b;

static inline void setup(void)
{
    accounts_make(3, 3 * NODE_PAGES, 0);
    for (nodeid_t nid = 0; nid < 3; nid++)
        assert_int_equal(mm_add_range(mfn(nid * NODE_PAGES), mfn((nid + 1) * NODE_PAGES), nid), 0);
    a = account_new(1, 100000);
    b = account_new(2, 100000);
}

static inline int set1(struct mem_account *d, u32 node, u64 pages)
{
    struct claim_entry entry = {.pages = pages, .node = node};
    return claim_install_set(d, &entry, 1, 0);
}

static inline int take(struct mem_account *d, nodeid_t nid, u32 order)
{
    mfn_t m;
    return mm_alloc(d, nid, order, MM_EXACT_NODE, &m);
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
