/* The ledger: claims by order, and what is taken back when memory goes offline. docs/hypervisor-guide/mm/claims.md sections 3
 * and 6.
 */
#include "ledger_nodes.h"
#include <tests/machine/random.h>

/* --- ORDERS --- */

/* claims.md CL-3.28, CL-3.46, CL-3.50. */
TEST(order_entries_are_checked)
{
    struct claim_entry e[2] = {{.pages = M2, .node = 77, .pad = 9}, {.pages = M2, .node = 0}};

    give(0, 2, 4, 0);
    assert_int_equal(claim_install_set(a, e, 1, 0), -EINVAL); /* pad before node, without the flag */
    assert_int_equal(claim_install_set(a, e, 1, CLAIM_ORDERS), -ENOENT);
    for (u32 order = 1; order < 64; order++)
        if (order != 9 && order != 18)
            assert_int_equal(set1(a, 0, G1, order, CLAIM_ORDERS), -EINVAL);
    assert_int_equal(set1(a, 0, M2 + 1, 9, CLAIM_ORDERS), -EINVAL);
    assert_int_equal(set1(a, 0, G1 - M2, 18, CLAIM_ORDERS), -EINVAL);
    assert_int_equal(set1(a, CLAIM_HOST, M2, 9, CLAIM_ORDERS), -EINVAL);
    e[0] = (struct claim_entry){.pages = M2, .node = 0, .pad = 9};
    assert_int_equal(claim_install_set(a, e, 2, CLAIM_ORDERS), -EINVAL); /* node 0 twice */
    assert_int_equal(set1(a, 0, 7, 0, CLAIM_ORDERS), 0);
    assert_int_equal(set1(a, 0, 3 * M2, 9, CLAIM_ORDERS | CLAIM_REPLACE), 0);
    assert_int_equal(set1(a, 0, 0, 9, CLAIM_ORDERS), 0); /* a release */
    assert_int_equal(a->outstanding, 0);
    assert_int_equal(nodes[0].kept_2m, 0);
}

/* claims.md CL-3.35, CL-3.47. */
TEST(orders_need_whole_extents)
{
    struct claim_entry back;
    u32 nr = 1;

    give(0, 0, 4, 4 * M2); /* pages for eight, but four are in pieces */
    assert_int_equal(set1(a, 0, 5 * M2, 9, CLAIM_ORDERS), -ENOMEM);
    assert_int_equal(a->outstanding, 0);
    assert_int_equal(set1(a, 0, 3 * M2, 9, CLAIM_ORDERS), 0);
    assert_int_equal(nodes[0].kept_2m, 3);
    assert_int_equal(claim_read_set(a, &back, &nr), 0);
    assert_true(back.pages == 3 * M2 && back.node == 0 && back.pad == 9);
    assert_int_equal(set1(b, 0, 2 * M2, 9, CLAIM_ORDERS), -ENOMEM);
    assert_int_equal(set1(b, 0, M2, 9, CLAIM_ORDERS), 0);
    /* Single pages may be claimed of what is in pieces. */
    assert_int_equal(set1(c, 0, 4 * M2 + 1, 0, 0), -ENOMEM);
    assert_int_equal(set1(c, 0, 4 * M2, 0, 0), 0);
}

TEST(orders_are_replaced_at_full_capacity)
{
    give(0, 1, 0, 0);
    assert_int_equal(set1(a, 0, G1, 18, CLAIM_ORDERS), 0);
    assert_int_equal(nodes[0].kept_1g, 1);
    assert_int_equal(set1(a, 0, G1, 9, CLAIM_ORDERS | CLAIM_REPLACE), 0); /* the same memory, as 2 MiB */
    assert_int_equal(nodes[0].kept_1g, 0);
    assert_int_equal(nodes[0].kept_2m, 512);
    assert_int_equal(set1(a, 0, 2 * G1, 18, CLAIM_ORDERS | CLAIM_REPLACE), -ENOMEM);
    assert_int_equal(nodes[0].kept_2m, 512); /* the old one stands */
    assert_int_equal(set1(a, 0, G1, 18, CLAIM_ORDERS | CLAIM_REPLACE), 0);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    assert_int_equal(nodes[0].kept_1g, 0);
}

/*
 * Every mix of takes and refunds leaves the units as if the refunded had never been taken.
 * claims.md CL-3.56.
 */
TEST(refunds_restore_units)
{
    give(0, 2, 0, 0);
    assert_int_equal(set1(a, 0, 8 * M2, 9, CLAIM_ORDERS), 0);
    for (u64 first = 0; first < 2 * M2; first += 255) {
        assert_int_equal(reserve(a, 0, first, 0), 0);
        u64 pages = a->node_claim[0], units = claim_units(a, 0);
        for (u64 more = 1; more <= 3 * M2; more += 127) {
            struct claim_receipt outer = r;
            assert_int_equal(reserve(a, 0, more, more % 2 ? 0 : ORDER_2M), 0);
            u64 part = more / 3;
            refund(a, &r, part);
            check();
            refund(a, &r, more - part);
            assert_int_equal(a->node_claim[0], pages);
            assert_int_equal(claim_units(a, 0), units);
            r = outer;
        }
        refund(a, &r, first);
        assert_int_equal(claim_units(a, 0), 8);
        check();
    }
}

/*
 * While a single page is under way somebody else takes the extent it would have broken: its pages stay
 * claimed, the extent is lost.
 * claims.md CL-3.57 to CL-3.59, CL-4.18.
 */
TEST(unit_gone_before_the_refund)
{
    give(0, 0, 2, M2);
    assert_int_equal(set1(a, 0, 2 * M2, 9, CLAIM_ORDERS), 0);
    assert_int_equal(reserve(a, 0, 1, 0), 0);
    struct claim_receipt mine = r;
    assert_int_equal(take_2m(b), 0);
    refund(a, &mine, 1);
    assert_int_equal(a->outstanding, 2 * M2);
    assert_int_equal(claim_units(a, 0), 1);
    check();
    /* A large extent uses up the unit that is there, single pages those without one. */
    assert_int_equal(take_2m(a), 0);
    assert_int_equal(claim_units(a, 0), 0);
    give_back_2m(a);
    assert_int_equal(claim_units(a, 0), 1);
    assert_int_equal(a->node_short[0], 1);
    assert_int_equal(reserve(a, 0, 10, 0), 0);
    assert_int_equal(claim_units(a, 0), 1);
    assert_int_equal(a->node_short[0], 0);
    refund(a, &r, 9); /* nine of the ten: the one that stays has made up for the loss */
    assert_int_equal(a->node_short[0], 0);
    refund(a, &r, 1);
    assert_int_equal(a->node_short[0], 1);
    assert_int_equal(claim_units(a, 0), 1);
}

/* --- offlining --- */

static void withdraw(nodeid_t n, u64 pages)
{
    nodes[n].free_pages -= pages;
    ledger_withdraw(n, pages);
}

/*
 * Nobody is ever a whole page away from its share, however the pages go, and all go in the end; also one large claim
 * among many small ones. Those who have nothing left count too.
 * claims.md CL-6.7, CL-6.9, CL-6.11, CL-6.12.
 */
TEST(recall_is_proportional)
{
    static const struct {
        s64 pages;
        u32 nr;
        u64 claims[11];
    } cases[] = {{100, 3, {10, 20, 70}}, {60, 11, {50, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}};

    for_each_row (k, cases) {
        setup();
        give(0, 0, 0, (u64)cases[k].pages);
        for (u32 i = 0; i < cases[k].nr; i++)
            assert_int_equal(set1(&account[i + 1], 0, cases[k].claims[i], 0, 0), 0);
        for (s64 gone = 1; gone <= cases[k].pages; gone++) {
            withdraw(0, 1);
            for (u32 i = 0; i < cases[k].nr; i++) {
                const struct mem_account *d = &account[i + 1];
                s64 away = (s64)d->broken_pages * cases[k].pages - gone * (s64)cases[k].claims[i];
                assert_true(away > -cases[k].pages && away < cases[k].pages);
                assert_int_equal(d->broken_pages + d->node_claim[0], cases[k].claims[i]);
            }
            check();
        }
        assert_int_equal(nodes[0].free_pages, 0);
    }
}

/* The domain that loses next, by the rule with numbers that are wide enough. */
static struct mem_account *next_by_rule(u32 nr)
{
    struct mem_account *best = NULL;
    unsigned __int128 sum = 0, lost = 1;

    for (u32 i = 1; i <= nr; i++) {
        sum += account[i].node_claim[0] + account[i].node_broken[0];
        lost += account[i].node_broken[0];
    }
    for (u32 i = 1; i <= nr; i++) {
        struct mem_account *d = &account[i];
        unsigned __int128 had = d->node_claim[0] + d->node_broken[0], gone = d->node_broken[0];

        if (had * lost <= gone * sum)
            continue;
        unsigned __int128 others = best ? best->node_claim[0] + best->node_broken[0] : 1,
                          its = best ? best->node_broken[0] : 0;
        unsigned __int128 at = (gone + 1) * others, best_at = (its + 1) * had;
        if (!best || at < best_at || (at == best_at && d->node_claim[0] > best->node_claim[0]))
            best = d;
    }
    return best;
}

/* Claims of a host with 64 TiB, of which a quarter has been lost: products of two of their page counts are about 2^64. */
TEST(recall_of_huge_claims_is_exact)
{
    struct rng rng;

    rng_seed(&rng, 11);
    for (u32 round = 0; round < 200; round++) {
        u32 nr = 2 + rng_draw(&rng, 2);

        setup();
        give(0, 0, 0, 1ull << 36);
        for (u32 i = 1; i <= nr; i++) {
            u64 lost = (1ull << 31) - rng_draw(&rng, 25);
            u64 had = (1ull << 33) + rng_draw(&rng, 100);
            assert_int_equal(set1(&account[i], 0, had - lost, 0, 0), 0);
            account[i].node_broken[0] = lost;
        }
        nodes[0].free_pages = nodes[0].claimed;
        nodes[0].host_part = 0;
        for (u32 gone = 0; gone < 100; gone++) {
            struct mem_account *next = next_by_rule(nr);
            u64 before = next->node_broken[0];

            withdraw(0, 1);
            assert_int_equal(next->node_broken[0], before + 1);
        }
    }
}

/* claims.md CL-6.10. */
TEST(recall_of_equals_is_by_domid)
{
    give(0, 0, 0, 6);
    assert_int_equal(set1(c, 0, 2, 0, 0), 0);
    assert_int_equal(set1(a, 0, 2, 0, 0), 0);
    assert_int_equal(set1(b, 0, 2, 0, 0), 0);
    struct mem_account *turn[3] = {a, b, c};
    for (u32 i = 0; i < 6; i++) {
        withdraw(0, 1);
        assert_int_equal(turn[i % 3]->broken_pages, i / 3 + 1);
    }
}

/* A new set has lost nothing yet; the figure of what was lost ever stays. claims.md CL-6.8, CL-6.16. */
TEST(a_new_set_starts_afresh)
{
    give(0, 0, 0, 6);
    assert_int_equal(set1(a, 0, 3, 0, 0), 0);
    assert_int_equal(set1(b, 0, 3, 0, 0), 0);
    withdraw(0, 1);
    assert_int_equal(set1(a, 0, 2, 0, CLAIM_REPLACE), 0);
    withdraw(0, 1);
    assert_int_equal(b->broken_pages, 1);
    assert_int_equal(a->broken_pages, 1);
}

/* claims.md CL-6.6, CL-6.16. */
TEST(host_claims_are_recalled)
{
    give(0, 0, 0, 4);
    give(1, 0, 0, 4);
    assert_int_equal(claim_install_legacy(a, 6), 0);
    withdraw(0, 4);
    assert_int_equal(a->host_claim, 4);
    assert_int_equal(a->broken_pages, 2);
    mm_report_recalls();
    assert_true(said("@recall domain=1 node=-1 pages=2 extents=0\n"));
    forget_said();
    mm_report_recalls();
    assert_string_equal(all_said(), "");
}

/* Pages that came free in the meantime serve first. claims.md CL-6.5, CL-6.19. */
TEST(unclaimed_memory_goes_first)
{
    give(0, 0, 0, 10);
    assert_int_equal(set1(a, 0, 4, 0, 0), 0);
    withdraw(0, 6);
    assert_int_equal(a->broken_pages, 0);
    withdraw(0, 1);
    assert_int_equal(a->broken_pages, 1);
    set_free(0, 1);
    assert_int_equal(a->node_claim[0], 3); /* a claim does not come back */
    assert_int_equal(node_unclaimed(&nodes[0]), 1);
}

/* claims.md CL-6.13, CL-6.14. */
TEST(broken_extents_are_recalled)
{
    give(0, 1, 4, 0);
    assert_int_equal(set1(a, 0, G1, 18, CLAIM_ORDERS), 0);
    assert_int_equal(set1(b, 0, 3 * M2, 9, CLAIM_ORDERS), 0);
    /* A frame of one of the four 2 MiB: one was not promised. */
    nodes[0].free_2m--;
    withdraw(0, 1);
    assert_int_equal(b->broken_units, 0);
    nodes[0].free_2m--;
    withdraw(0, 1);
    assert_int_equal(b->broken_units, 1);
    assert_int_equal(b->outstanding, 3 * M2); /* its pages stay claimed */
    assert_int_equal(claim_units(b, 0), 2);
    check();
    /* A frame of the 1 GiB. */
    nodes[0].free_2m--;
    nodes[0].free_1g--;
    withdraw(0, 1);
    assert_int_equal(a->broken_units, 1);
    assert_int_equal(b->broken_units, 1);
    assert_int_equal(a->outstanding, G1);
    mm_report_recalls();
    assert_true(said("@recall domain=1 node=0 pages=0 extents=1\n"));
    assert_true(said("@recall domain=2 node=0 pages=0 extents=1\n"));
}

FIXTURE(setup, teardown)
