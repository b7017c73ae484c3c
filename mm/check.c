/*
 * mm_check(): every invariant of the frame table, the lists, the accounts and the ledger, recomputed from
 * what is there and compared. For debug builds and tests, at a quiet moment: it takes no lock and may be slow
 * (every record is read, every domid is looked up). Returns the number of faults and logs each.
 */
#include <lib/log.h>
#include <mm/internal.h>

static u32 faults;

static void expect_equal(u64 is, u64 should, const char *what, u64 where)
{
    if (is == should)
        return;
    faults++;
    log_error("mm_check: %s at %llu is %llu, not %llu\n", what, (unsigned long long)where,
              (unsigned long long)is, (unsigned long long)should);
}

static void expect(bool ok, const char *what, u64 where)
{
    if (ok)
        return;
    faults++;
    log_error("mm_check: %s at %llu\n", what, (unsigned long long)where);
}

struct tally { /* what the frame table says of one node */
    u64 free, dirty, scrubbing, owned, guest;
    u32 heads[NR_KINDS][MAX_ORDER + 1];
};

/* Could this free head merge with its buddy? Then somebody forgot to. */
static void check_merged(const struct frame_range *range, u64 n, u16 word)
{
    u64 size = BIT(word_order(word)), buddy = n ^ size;

    if (word_order(word) == MAX_ORDER || buddy < range->start || buddy + size > range->end)
        return;
    expect(page_word(&frame_table[buddy]) != word, "unmerged buddies", n);
}

/* One extent: its head is n. Returns the frame after it. */
static u64 check_extent(const struct frame_range *range, u64 n, struct tally *tally)
{
    const struct page *page = &frame_table[n];
    u16 word = page_word(page);
    u32 order = word_order(word);
    enum page_state state = word_state(word);

    if (state == PAGE_TAIL || state > PAGE_RELEASED || order > MAX_ORDER || !IS_ALIGNED(n, BIT(order)) ||
        n + BIT(order) > range->end) {
        expect(false, "no extent head", n);
        return n + 1;
    }
    u64 pins = 0;
    for (u64 i = 1; i < BIT(order); i++) {
        expect(page_word(&page[i]) == (u16)(PAGE_TAIL << 8), "tail", n + i);
        pins += page[i].pins;
    }
    expect(page->pins >= pins, "pins of head below its tails'", n);

    if (state == PAGE_GUEST || state == PAGE_RELEASED) {
        tally->guest += BIT(order);
        expect(mem_account_find(page->owner) != NULL, "owner unknown", n);
        expect(state == PAGE_GUEST || (order == 0 && page->pins), "released frame", n);
    } else {
        expect(page->pins == 0, "pins of a frame that is no guest's", n);
        if (state == PAGE_OWN) {
            tally->owned += BIT(order);
        } else {
            tally->free += BIT(order);
            tally->scrubbing += state == PAGE_SCRUBBING ? BIT(order) : 0;
            tally->dirty += state != PAGE_FREE_CLEAN ? BIT(order) : 0;
            expect(page->owner == PAGE_OWNER_NONE, "owner of a free frame", n);
        }
        if (state == PAGE_FREE_CLEAN || state == PAGE_FREE_DIRTY) {
            tally->heads[state == PAGE_FREE_CLEAN ? KIND_CLEAN : KIND_DIRTY][order]++;
            check_merged(range, n, word);
        }
    }
    return n + BIT(order);
}

static void check_list(const struct node *node, nodeid_t nid, enum page_kind kind, u32 order, u32 heads)
{
    u64 prev = PAGE_LINK_NONE;
    u32 found = 0;
    u16 word = (u16)((kind == KIND_CLEAN ? PAGE_FREE_CLEAN : PAGE_FREE_DIRTY) << 8 | order);

    for (u64 n = node->lists[kind][order]; n != PAGE_LINK_NONE && found <= heads;
         n = page_next(&frame_table[n])) {
        expect(mm_mfn_node(mfn(n)) == nid, "listed on a node that is not its own", n);
        expect(page_word(&frame_table[n]) == word, "listed head's kind or order", n);
        expect(page_prev(&frame_table[n]) == prev, "list link", n);
        prev = n;
        found++;
    }
    expect_equal(found, heads, "list length of order", order);
    expect_equal(node->masks[kind] >> order & 1, found != 0, "list bit of order", order);
}

static void check_node(nodeid_t nid, struct tally *tally)
{
    const struct node *node = node_get(nid);
    struct ledger_view view = ledger_node_view(nid);

    *tally = (struct tally){0};
    for (u32 i = 0; i < frame_range_count(); i++) {
        const struct frame_range *range = frame_range_get(i);
        if (range->nid != nid)
            continue;
        for (u64 n = range->start; n < range->end;)
            n = check_extent(range, n, tally);
    }
    for (enum page_kind kind = KIND_CLEAN; kind < NR_KINDS; kind++)
        for (u32 order = 0; order <= MAX_ORDER; order++)
            check_list(node, nid, kind, order, tally->heads[kind][order]);
    expect_equal(node->free_pages, tally->free, "free pages of node", nid);
    expect_equal(node->dirty_pages, tally->dirty, "dirty pages of node", nid);
    expect_equal(node->scrubbing_pages, tally->scrubbing, "scrubbing pages of node", nid);
    expect_equal(node->ram_pages, tally->free + tally->owned + tally->guest, "RAM pages of node", nid);
    expect_equal(view.spare + view.claimed, tally->free, "credits of node", nid);
}

struct claim_sums { /* over all accounts */
    u64 node[MAX_NODES];
    u64 host;
    u64 guest[MAX_NODES];
};

static void check_account(const struct mem_account *account, struct claim_sums *sums)
{
    u64 listed = 0, own = 0, out = account->host_claim;
    u64 prev = PAGE_LINK_NONE;

    for (u64 n = account->extents; n != PAGE_LINK_NONE && listed <= account->tot_pages;
         n = page_next(&frame_table[n])) {
        const struct page *page = &frame_table[n];
        expect(page->state == PAGE_GUEST && page->owner == account->domid, "extent of another account", n);
        expect(page_prev(page) == prev, "extent link", n);
        prev = n;
        listed += BIT(page->order);
    }
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        own += account->own[nid];
        out += account->node_claim[nid];
        sums->guest[nid] += account->own[nid];
        sums->node[nid] += account->node_claim[nid];
    }
    sums->host += account->host_claim;
    expect(listed <= account->tot_pages, "more listed than owned by domain", account->domid);
    expect_equal(own, account->tot_pages, "sum of own of domain", account->domid);
    expect_equal(out, account->outstanding, "outstanding of domain", account->domid);
    expect(!account->dying || out == 0, "claim of a dying domain", account->domid);
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
        struct tally tally;
        check_node(nid, &tally);
        struct ledger_view view = ledger_node_view(nid);
        spare_sum += view.spare;
        expect_equal(view.claimed, sums.node[nid], "claims on node", nid);
        expect(view.claimed <= tally.free, "more claimed than free on node", nid);
        expect_equal(sums.guest[nid], tally.guest, "pages owned by domains on node", nid);
    }
    expect_equal(host.claimed, sums.host, "host-wide claims", 0);
    expect_equal(host.spare, spare_sum - host.claimed, "spare pages of the host", 0);
    expect(host.claimed <= spare_sum, "more claimed than free on the host", 0);
    return faults;
}
