/*
 * The ledger without nodes, for its tests: a node is so many pages, so many whole extents, and what is to be
 * kept whole. One test program includes it once.
 */
#ifndef TESTS_LEDGER_NODES_H
#define TESTS_LEDGER_NODES_H

#include <tests/machine/test.h>

#include <homestead/errno.h>
#include <mm/ledger.h>
#include <tests/machine/report.h>
#include <mm/region.h>

#define NODES 3u
#define M2    512ull
#define G1    262144ull

static struct {
    u64 whole_2m, whole_1g;
    s64 kept_2m, kept_1g;
    u64 dirty;
    u64 late; /* pages that are free already, and their credits not yet */
} nodes[NODES];
static struct mem_account account[12], *const a = &account[1], *const b = &account[2], *const c = &account[3];
static u64 woken;

u32 mm_nr_nodes(void)
{
    return NODES;
}
void node_keep_whole(nodeid_t nid, u32 order, s64 extents)
{
    if (order)
        *(order == ORDER_2M ? &nodes[nid].kept_2m : &nodes[nid].kept_1g) += extents;
    assert_true(nodes[nid].kept_2m >= 0 && nodes[nid].kept_1g >= 0);
}
bool node_has_whole(nodeid_t nid, u32 order, u64 extents)
{
    u64 all_1g = (u64)nodes[nid].kept_1g + (order == ORDER_1G ? extents : 0);
    u64 all_2m = (u64)nodes[nid].kept_2m + (order == ORDER_2M ? extents : 0);
    return all_1g <= nodes[nid].whole_1g && all_2m + all_1g * 512 <= nodes[nid].whole_2m;
}
void mm_node_get_info(nodeid_t nid, struct mm_node_info *out)
{
    struct ledger *l = &ledger;
    *out =
        (struct mm_node_info){.free_pages = l->spare[nid] + l->claimed[nid], .dirty_pages = nodes[nid].dirty};
}
/* One has just left. */
void node_get_counts(nodeid_t nid, struct node_counts *out)
{
    *out = (struct node_counts){.free_pages = ledger.spare[nid] + ledger.claimed[nid] + nodes[nid].late - 1};
}
void mm_wake_scrubber(nodeid_t nid)
{
    woken |= BIT(nid);
}
nodeid_t mm_mfn_node(mfn_t m)
{
    (void)m;
    return 0;
}

/* Every sum, recomputed. */
static inline void check(void)
{
    u64 host = 0, unclaimed = 0;

    for (u32 n = 0; n < NODES; n++) {
        u64 sum = 0, units[2] = {0};
        for (u32 i = 1; i < ARRAY_SIZE(account); i++) {
            sum += account[i].node_claim[n];
            if (account[i].claim_order[n]) {
                assert_true(account[i].node_short[n] <= account[i].node_claim[n] >>
                            account[i].claim_order[n]);
                units[account[i].claim_order[n] == ORDER_1G] += claim_units(&account[i], n);
            }
        }
        assert_int_equal(ledger.claimed[n], sum);
        assert_int_equal(nodes[n].kept_2m, units[0]);
        assert_int_equal(nodes[n].kept_1g, units[1]);
        assert_true(node_has_whole(n, 0, 0));
        unclaimed += ledger.spare[n];
    }
    for (u32 i = 1; i < ARRAY_SIZE(account); i++) {
        u64 out = account[i].host_claim;
        host += account[i].host_claim;
        for (u32 n = 0; n < NODES; n++)
            out += account[i].node_claim[n];
        assert_int_equal(account[i].outstanding, out);
        assert_true((account[i].claimant_link != NULL) == (out != 0));
    }
    assert_int_equal(ledger.host_claims, host);
    assert_int_equal(ledger.host_spare + host, unclaimed);
}

/* Node n gets chunks whole 1 GiB extents, regions 2 MiB ones beside them, and loose single pages. */
static inline void give(nodeid_t n, u64 chunks, u64 regions, u64 loose)
{
    nodes[n].whole_1g += chunks;
    nodes[n].whole_2m += chunks * 512 + regions;
    ledger_credit(n, chunks * G1 + regions * M2 + loose);
}

static inline void setup(void)
{
    memset(nodes, 0, sizeof(nodes));
    forget_said();
    woken = 0;
    ledger_init();
    for (u16 i = 0; i < ARRAY_SIZE(account); i++) {
        account[i] = (struct mem_account){.domid = i, .max_pages = 1ull << 40};
        spin_lock_init(&account[i].lock, LOCK_ACCOUNT);
    }
    mm_report_recalls();
    forget_said();
}

static inline void teardown(void)
{
    check();
}

static inline int set1(struct mem_account *d, nodeid_t node, u64 pages, u32 order, u32 flags)
{
    struct claim_entry e = {.pages = pages, .node = node, .pad = order};
    return claim_install_set(d, &e, 1, flags);
}

static struct claim_receipt r;
static inline int reserve(struct mem_account *d, nodeid_t n, u64 pages, u32 order)
{
    ledger_lock();
    int rc = ledger_reserve_locked(d, n, pages, order, &r);
    ledger_unlock();
    return rc;
}
static inline void refund(struct mem_account *d, struct claim_receipt *receipt, u64 pages)
{
    ledger_lock();
    ledger_refund_locked(d, receipt, pages);
    ledger_unlock();
}

/* An extent of 2 MiB leaves node 0's free memory, or comes back. */
static inline int take_2m(struct mem_account *d)
{
    int rc = reserve(d, 0, M2, ORDER_2M);
    nodes[0].whole_2m -= rc == 0;
    return rc;
}
static inline void give_back_2m(struct mem_account *d)
{
    nodes[0].whole_2m++;
    refund(d, &r, M2);
}

#endif
