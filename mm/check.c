/*
 * mm_check(): every invariant of the frame table, the lists, the accounts and the ledger, recomputed from
 * what is there and compared. For debug builds and tests, at a quiet moment: it takes no lock and may be slow
 * (every frame is looked at, every domid is looked up). Returns the number of faults and logs each.
 */
#include <lib/log.h>
#include <mm/check.h>
#include <mm/ledger.h>

static u32 faults;

void check_equal(u64 is, u64 should, const char *what, u64 where)
{
    if (is == should)
        return;
    faults++;
    log_error("mm_check: %s at %llu is %llu, not %llu\n", what, (unsigned long long)where,
              (unsigned long long)is, (unsigned long long)should);
}

void check_that(bool ok, const char *what, u64 where)
{
    if (ok)
        return;
    faults++;
    log_error("mm_check: %s at %llu\n", what, (unsigned long long)where);
}

static void check_node(nodeid_t nid, struct check_tally *tally)
{
    const struct node *node = node_get(nid);
    struct ledger_view view = ledger_node_view(nid);

    *tally = (struct check_tally){0};
    check_frames(nid, tally);
    check_lists(nid, tally);
    check_equal(node->free_pages, tally->free, "free pages of node", nid);
    check_equal(node->dirty_pages, tally->dirty, "dirty pages of node", nid);
    check_equal(node->scrubbing_pages, tally->scrubbing, "scrubbing pages of node", nid);
    check_equal(node->offline_pages, tally->offline, "offline pages of node", nid);
    check_equal(node->free_2m, tally->free_2m, "free regions of node", nid);
    check_equal(node->free_1g, tally->free_1g, "free chunks of node", nid);
    check_equal(node->ram_pages, tally->free + tally->owned + tally->guest + tally->offline,
                "RAM pages of node", nid);
    check_that(node->free_1g >= node->reserved_1g, "more promised whole than free, 1 GiB, on node", nid);
    check_that(node->free_2m >= node->reserved_2m + node->reserved_1g * MAP_BITS,
               "more promised whole than free, 2 MiB, on node", nid);
    check_equal(view.spare + view.claimed, tally->free, "credits of node", nid);
    check_equal(ledger.debt[nid], 0, "credits to be swallowed on node", nid);
}

struct claim_sums { /* over all accounts */
    u64 node[MAX_NODES];
    u64 kept_2m[MAX_NODES], kept_1g[MAX_NODES]; /* extents claimed by order */
    u64 host;
    u64 guest[MAX_NODES];
};

static void check_account(const struct mem_account *account, struct claim_sums *sums)
{
    u64 own = 0, out = account->host_claim;

    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        own += account->own[nid];
        out += account->node_claim[nid];
        sums->guest[nid] += account->own[nid];
        sums->node[nid] += account->node_claim[nid];
        if (account->claim_order[nid]) {
            check_that(account->node_short[nid] <= account->node_claim[nid] >> account->claim_order[nid],
                       "more extents lost than claimed by domain", account->domid);
            *(account->claim_order[nid] == ORDER_2M ? &sums->kept_2m[nid] : &sums->kept_1g[nid]) +=
                claim_units(account, nid);
        }
        check_equal(check_frames_of(nid, account->domid), account->own[nid], "own pages of domain",
                    account->domid);
    }
    sums->host += account->host_claim;
    check_equal(own, account->tot_pages, "sum of own of domain", account->domid);
    check_equal(out, account->outstanding, "outstanding of domain", account->domid);
    check_that((account->claimant_link != NULL) == (out != 0), "list of claimants and domain",
               account->domid);
    check_that(!account->dying || out == 0, "claim of a dying domain", account->domid);
    check_equal(account->in_flight, 0, "transactions in flight of domain", account->domid);
}

u32 mm_check(void)
{
    struct claim_sums sums = {0};
    u64 spare_sum = 0, free_pages, outstanding;

    faults = 0;
    for (u32 domid = 0; domid < PAGE_OWNER_NONE; domid++) {
        const struct mem_account *account = mem_account_find((u16)domid);
        if (account)
            check_account(account, &sums);
    }
    struct ledger_view host = ledger_host_view(&free_pages, &outstanding);
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct check_tally tally;
        check_node(nid, &tally);
        struct ledger_view view = ledger_node_view(nid);
        spare_sum += view.spare;
        check_equal(view.claimed, sums.node[nid], "claims on node", nid);
        check_that(view.claimed <= tally.free, "more claimed than free on node", nid);
        check_equal(node_get(nid)->reserved_2m, sums.kept_2m[nid], "2 MiB extents kept whole on node", nid);
        check_equal(node_get(nid)->reserved_1g, sums.kept_1g[nid], "1 GiB extents kept whole on node", nid);
        check_equal(sums.guest[nid], tally.guest, "pages owned by domains on node", nid);
    }
    check_equal(host.claimed, sums.host, "host-wide claims", 0);
    check_equal(host.spare, spare_sum - host.claimed, "spare pages of the host", 0);
    check_that(host.claimed <= spare_sum, "more claimed than free on the host", 0);
    return faults;
}
