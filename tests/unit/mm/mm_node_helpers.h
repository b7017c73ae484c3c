/* What the tests of nodes and of placement start from: two nodes without RAM yet, and extents of Homestead's
 * own. One test program includes it once. */
#ifndef TESTS_MM_NODE_HELPERS_H
#define TESTS_MM_NODE_HELPERS_H

#include <tests/machine/accounts.h>
#include <tests/machine/test.h>

#define GIB_PAGES BIT(ORDER_1G)

static inline void setup(void)
{
    accounts_make(2, 4 * GIB_PAGES, 1024);
}

static inline mfn_t take(nodeid_t nid, u32 order)
{
    mfn_t m = INVALID_MFN;
    assert_int_equal(mm_alloc(NULL, nid, order, MM_OVERHEAD | MM_EXACT_NODE, &m), 0);
    assert_true(IS_ALIGNED(m.n, BIT(order)));
    return m;
}

static inline void give(mfn_t m, u32 order)
{
    mm_free_overhead(NULL, m, order);
}

static inline bool none(nodeid_t nid, u32 order)
{
    mfn_t m;
    return mm_alloc(NULL, nid, order, MM_OVERHEAD | MM_EXACT_NODE, &m) == -ENOMEM;
}

#endif
