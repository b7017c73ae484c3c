/*
 * The ledger without memory, for its tests: a node is its figures, so many free pages and whole extents, and what is to
 * be kept whole. One test program includes it once.
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

static struct node *const nodes = mm_nodes;
static struct mem_account account[12], *const a = &account[1], *const b = &account[2], *const c = &account[3];
static u64 woken;

void mm_wake_scrubber(nodeid_t nid)
{
    woken |= BIT(nid);
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
        assert_int_equal(nodes[n].claimed, sum);
        assert_int_equal(nodes[n].kept_2m, units[0]);
        assert_int_equal(nodes[n].kept_1g, units[1]);
        assert_true(node_has_whole(n, 0, 0));
        assert_true(nodes[n].free_pages >= nodes[n].claimed);
        unclaimed += node_unclaimed(&nodes[n]);
    }
    for (u32 i = 1; i < ARRAY_SIZE(account); i++) {
        u64 out = account[i].host_claim;
        host += account[i].host_claim;
        for (u32 n = 0; n < NODES; n++)
            out += account[i].node_claim[n];
        assert_int_equal(account[i].outstanding, out);
        assert_true(account[i].claimant_link || out == 0);
    }
    assert_int_equal(ledger_host_claims(), host);
    assert_int_equal(ledger_host_spare(nodes_all()) + host, unclaimed);
}

/* Node n gets chunks whole 1 GiB extents, regions 2 MiB ones beside them, and loose single pages. */
static inline void give(nodeid_t n, u64 chunks, u64 regions, u64 loose)
{
    nodes[n].free_1g += chunks;
    nodes[n].free_2m += chunks * 512 + regions;
    nodes[n].free_pages += chunks * G1 + regions * M2 + loose;
    ledger_credit(&nodes[n], chunks * G1 + regions * M2 + loose);
}

static inline void setup(void)
{
    memset(mm_nodes, 0, sizeof(mm_nodes));
    mm_nodes_nr = NODES;
    for (u32 n = 0; n < NODES; n++)
        spin_lock_init(&nodes[n].lock, LOCK_NODE + n);
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
/* As the allocator does it: with the node's lock, and with those of more nodes if it cannot be decided. */
static inline int reserve(struct mem_account *d, nodeid_t n, u64 pages, u32 order)
{
    u64 locked = BIT(n), needs = 0;
    enum verdict verdict;

    while ((verdict = ledger_reserve(d, n, pages, order, locked, &r, &needs)) == UNDECIDED) {
        check();
        assert_true(needs & ~locked);
        locked |= needs;
    }
    if (verdict == REFUSED)
        return -ENOMEM;
    nodes[n].free_pages -= pages;
    return 0;
}
static inline void refund(struct mem_account *d, struct claim_receipt *receipt, u64 pages)
{
    nodes[receipt->nid].free_pages += pages;
    ledger_refund(d, receipt, pages);
}
/* The pages of a reservation are free again, and nobody's. */
static inline void set_free(nodeid_t n, u64 pages)
{
    nodes[n].free_pages += pages;
    ledger_credit(&nodes[n], pages);
}

/* An extent of 2 MiB leaves node 0's free memory, or comes back. */
static inline int take_2m(struct mem_account *d)
{
    int rc = reserve(d, 0, M2, ORDER_2M);
    nodes[0].free_2m -= rc == 0;
    return rc;
}
static inline void give_back_2m(struct mem_account *d)
{
    nodes[0].free_2m++;
    refund(d, &r, M2);
}

#endif
