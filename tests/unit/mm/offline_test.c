/* docs/hypervisor-guide/mm/claims.md section 6: frames that go offline and come back, on the real allocator. */
#include <mm/ledger.h>
#include <mm/region.h>
#include <xen/sysctl.h>

#define M2         512u
#define NODES      2u
#define NODE_PAGES 2048u
#include "claims_helpers.h"

static u32 status;

static u32 offline(u64 n)
{
    assert_int_equal(mm_offline_page(mfn(n), &status), 0);
    return status;
}
static u32 online(u64 n)
{
    assert_int_equal(mm_online_page(mfn(n), &status), 0);
    return status;
}
static u32 query(u64 n)
{
    assert_int_equal(mm_query_page(mfn(n), &status), 0);
    return status;
}

static u64 offline_pages(nodeid_t nid)
{
    struct node_counts counts;
    node_get_counts(nid, &counts);
    return counts.offline_pages;
}

/* claims.md CL-6.2, CL-6.18, CL-7.5. */
TEST(free_frames_leave_and_return)
{
    assert_int_equal(query(7), 0);
    assert_int_equal(offline(7), PG_OFFLINE_OFFLINED);
    assert_int_equal(offline(7), PG_OFFLINE_OFFLINED); /* again: no second page goes */
    assert_int_equal(query(7), PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(node_free(0), NODE_PAGES - 1);
    assert_int_equal(offline_pages(0), 1);
    assert_int_equal(mm_check(), 0);
    mfn_t m;
    u64 got = 0;
    while (take_at(a, 0, 0, &m) == 0) {
        assert_true(m.n != 7);
        got++;
    }
    assert_int_equal(got, NODE_PAGES - 1);
    assert_int_equal(online(7), PG_ONLINE_ONLINED);
    assert_int_equal(online(7), 0); /* it is not offline */
    assert_int_equal(offline_pages(0), 0);
    assert_int_equal(take_at(a, 0, 0, &m), 0);
    assert_int_equal(m.n, 7);
}

TEST(not_ram)
{
    const u64 strange[] = {2 * NODE_PAGES, 1ull << 33, ~0ull};

    for (u32 i = 0; i < ARRAY_SIZE(strange); i++) {
        assert_int_equal(mm_offline_page(mfn(strange[i]), &status), -EINVAL);
        assert_int_equal(status, PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM);
        assert_int_equal(mm_online_page(mfn(strange[i]), &status), -EINVAL);
        assert_int_equal(mm_query_page(mfn(strange[i]), &status), -EINVAL);
    }
}

/* claims.md CL-6.3, CL-6.4. */
TEST(frames_in_use_leave_when_freed)
{
    mfn_t m, own;

    assert_int_equal(take_at(a, 0, 9, &m), 0);
    u64 n = m.n + 100;
    assert_int_equal(offline(n), PG_OFFLINE_PENDING | PG_OFFLINE_OWNED | 1u << PG_OFFLINE_OWNER_SHIFT);
    assert_int_equal(query(n), PG_OFFLINE_STATUS_OFFLINE_PENDING);
    assert_int_equal(offline(n + 1) & PG_OFFLINE_STATUS_MASK, PG_OFFLINE_PENDING);
    assert_int_equal(online(n + 1), PG_ONLINE_ONLINED); /* thought better of it */
    assert_int_equal(node_free(0), NODE_PAGES - M2);
    assert_int_equal(a->tot_pages, M2);
    assert_int_equal(release_range(a, m, 9), 0);
    assert_int_equal(a->tot_pages, 0);
    assert_int_equal(node_free(0), NODE_PAGES - 1);
    assert_int_equal(query(n), PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(mm_check(), 0);

    assert_int_equal(mm_alloc(NULL, 1, 0, MM_OVERHEAD | MM_EXACT_NODE, &own), 0);
    assert_int_equal(offline(own.n),
                     PG_OFFLINE_PENDING | PG_OFFLINE_XENPAGE | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT);
    mm_free_overhead(NULL, own, 0);
    assert_int_equal(query(own.n), PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(node_free(1), NODE_PAGES - 1);
}

/* claims.md CL-6.5, CL-6.15, CL-6.18, CL-6.19. */
TEST(offline_2_where_3_of_4_are_claimed)
{
    mfn_t m, left[4];

    for (u32 i = 0; i < 4; i++)
        assert_int_equal(take_at(b, 0, 0, &left[i]), 0);
    while (take_at(b, 0, 0, &m) == 0)
        ;
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(release_range(b, left[i], 0), 0);
    assert_int_equal(claim(a, 0, 3, 0, CLAIM_ORDERS | CLAIM_REPLACE), 0);
    assert_int_equal(offline(left[0].n), PG_OFFLINE_OFFLINED);
    assert_int_equal(offline(left[1].n), PG_OFFLINE_OFFLINED);
    assert_int_equal(node_free(0), 2);
    assert_int_equal(node_claimed(0), 2);
    assert_int_equal(a->outstanding, 2);
    assert_int_equal(a->broken_pages, 1);
    assert_int_equal(host_info().outstanding_pages, 2);
    assert_int_equal(mm_check(), 0);
    /* What is left of the promise is kept. */
    assert_int_equal(take_at(b, 0, 0, &m), -ENOMEM);
    assert_int_equal(take_at(a, 0, 0, &m), 0);
    assert_int_equal(take_at(a, 0, 0, &m), 0);
    assert_int_equal(take_at(a, 0, 0, &m), -ENOMEM);
    assert_int_equal(online(left[0].n), PG_ONLINE_ONLINED);
    assert_int_equal(a->outstanding, 0); /* it comes back unclaimed */
    assert_int_equal(take_at(b, 0, 0, &m), 0);
}

/* claims.md CL-6.13, CL-6.14. */
TEST(extents_claimed_whole)
{
    mfn_t m;

    assert_int_equal(claim(a, 0, 3 * M2, 9, CLAIM_ORDERS | CLAIM_REPLACE), 0);
    assert_int_equal(offline(5), PG_OFFLINE_OFFLINED); /* of four: one was nobody's */
    assert_int_equal(claim_units(a, 0), 3);
    assert_int_equal(offline(6), PG_OFFLINE_OFFLINED); /* in the same 2 MiB */
    assert_int_equal(claim_units(a, 0), 3);
    assert_int_equal(offline(M2 + 5), PG_OFFLINE_OFFLINED);
    assert_int_equal(claim_units(a, 0), 2);
    assert_int_equal(a->broken_units, 1);
    assert_int_equal(a->outstanding, 3 * M2);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(take_at(b, 0, 9, &m), -ENOMEM);
    assert_int_equal(take_at(a, 0, 9, &m), 0);
    assert_int_equal(take_at(a, 0, 9, &m), 0);
    assert_int_equal(take_at(a, 0, 9, &m), -ENOMEM);
    for (u32 i = 0; i < M2; i++)
        assert_int_equal(take_at(a, 0, 0, &m), 0);
    assert_int_equal(a->outstanding, 0);
}

/* A frame that leaves while a transaction holds it: what the others of it are refunded, the claim is one
 * page short only if the node is. */
TEST(leaving_in_a_transaction)
{
    struct mm_taken taken;
    struct mm_request request = {.nid = 0, .order = 0, .nr = 8, .flags = MM_EXACT_NODE};

    assert_int_equal(claim(a, 0, NODE_PAGES, 0, CLAIM_ORDERS | CLAIM_REPLACE), 0);
    assert_int_equal(mm_take(a, &request, &taken), 0);
    assert_int_equal(taken.nr, 8);
    assert_int_equal(offline(taken.extent[6].n) & PG_OFFLINE_STATUS_MASK, PG_OFFLINE_PENDING);
    mm_take_done(&taken, 3);
    assert_int_equal(node_free(0), NODE_PAGES - 4);
    assert_int_equal(a->outstanding, NODE_PAGES - 4);
    assert_int_equal(a->broken_pages, 1);
    assert_int_equal(mm_check(), 0);

    assert_int_equal(claim(a, 0, 100, 0, CLAIM_ORDERS | CLAIM_REPLACE), 0);
    assert_int_equal(mm_take(a, &request, &taken), 0);
    assert_int_equal(offline(taken.extent[0].n) & PG_OFFLINE_STATUS_MASK, PG_OFFLINE_PENDING);
    mm_take_done(&taken, 0);
    assert_int_equal(a->outstanding, 97); /* it owns three; as before the attempt */
    assert_int_equal(a->broken_pages, 1);
}

FIXTURE(setup, accounts_unmake)
