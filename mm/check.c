/*
 * mm_check(): recomputes every counter of the frame table, the lists, the accounts and the ledger, and compares. For
 * debug builds and tests, while no other CPU uses mm/: it takes no lock and is slow (it reads every frame and looks
 * up every domid). Returns the number of faults and logs each.
 *
 * lint: long: one recount, whose parts add up to each other's figures
 */
#include <lib/log.h>
#include <mm/ledger.h>
#include <mm/region.h>

struct check_tally { /* counted in the frame table for one node: frames, regions, chunks */
    u64 free, dirty, scrubbing, owned, guest, offline;
    u64 free_2m, free_1g;
};

static u32 faults;

static void check_equal(u64 is, u64 should, const char *what, u64 where)
{
    if (is == should)
        return;
    faults++;
    log_error("mm_check: %s at %llu is %llu, not %llu\n", what, (unsigned long long)where,
              (unsigned long long)is, (unsigned long long)should);
}

static void check_that(bool ok, const char *what, u64 where)
{
    if (ok)
        return;
    faults++;
    log_error("mm_check: %s at %llu\n", what, (unsigned long long)where);
}

/* --- frames and regions --------------------------------------------------------------------------------- */

struct counted { /* of one split region */
    u32 free, dirty, away, pinned, leaving, owned;
};

static void check_frame(const struct region *r, u32 i, struct counted *counted, struct check_tally *tally)
{
    frame_word_t word = region_words(r)[i];
    u64 n = r->base + i;
    enum owned_state state = frame_state(word);

    if (map_test(r->free, i)) { /* its word is not valid */
        counted->free++;
        counted->dirty += map_test(r->dirty, i);
        return;
    }
    counted->pinned += frame_pins(word) != 0;
    check_that(!map_test(r->dirty, i), "dirty frame that is not free", n);
    counted->leaving += (word & FRAME_LEAVING) || state == FRAME_OFFLINE;
    switch (state) {
    case FRAME_GUEST:
        tally->guest++;
        counted->owned++;
        check_that(mem_account_find(frame_owner(word)) != NULL, "owner unknown", n);
        break;
    case FRAME_OWN:
        tally->owned++;
        counted->owned++;
        check_that(!frame_pins(word), "pins of a frame that is no guest's", n);
        break;
    case FRAME_RELEASED:
        tally->guest++;
        counted->away++;
        check_that(frame_pins(word) != 0, "released frame without pins", n);
        break;
    case FRAME_OFFLINE:
        tally->offline++;
        counted->away++;
        break;
    case FRAME_SCRUBBING:
        tally->free++;
        tally->dirty++;
        tally->scrubbing++;
        counted->away++;
        break;
    default:
        check_that(false, "state of a frame", n);
    }
}

static void check_split(const struct region *r, struct check_tally *tally)
{
    struct counted counted = {0};

    for (u32 i = 0; i < MAP_BITS; i++) {
        const struct frame_range *range = frame_range_find(r->base + i);
        if (range && range->nid == r->chunk->nid)
            check_frame(r, i, &counted, tally);
        else
            check_that(!map_test(r->free, i), "free frame that is no RAM of the node", r->base + i);
    }
    check_equal(r->nr_free, counted.free, "free frames of region", r->base);
    check_equal(r->nr_dirty, counted.dirty, "dirty frames of region", r->base);
    check_equal(r->nr_away, counted.away, "frames away from region", r->base);
    check_equal(r->nr_pinned, counted.pinned, "pinned frames of region", r->base);
    check_equal(r->nr_leaving, counted.leaving, "leaving frames of region", r->base);
    check_equal(r->nr_ram, r->nr_free + r->nr_away + counted.owned, "frames of region", r->base);
    check_that(!r->has_words, "all words of a split region", r->base);
    check_that(r->nr_free < MAP_BITS, "free region that is not joined", r->base);
    check_that((counted.owned != 0) == (r->holder || r->shared), "holder of region", r->base);
    check_that(!r->holder || !r->shared, "shared region with a holder", r->base);
    check_that((r->nr_free != 0) == (r->open_pprev != NULL), "region among the open ones", r->base);
    check_that((r->nr_dirty != 0) == (r->dirty_pprev != NULL), "region among the dirty ones", r->base);
    check_that(r->pprev != NULL, "region in its home list", r->base);
    tally->free += counted.free;
    tally->dirty += counted.dirty;
}

/* A region that is owned as a whole, or in a chunk that is. */
static void check_words(const struct region *r, u16 owner, enum owned_state state)
{
    frame_word_t whole = frame_word(owner, state);
    u32 pinned = 0, leaving = 0;

    for (u32 i = 0; r->has_words && i < MAP_BITS; i++) {
        frame_word_t word = region_words(r)[i];

        check_that(!((word ^ whole) & (FRAME_OWNER_MASK | FRAME_STATE_MASK)), "word in a whole region",
                   r->base + i);
        check_that(!frame_pins(word) || state == FRAME_GUEST, "pins of a frame that is no guest's",
                   r->base + i);
        pinned += frame_pins(word) != 0;
        leaving += (word & FRAME_LEAVING) != 0;
    }
    check_equal(r->nr_pinned, pinned, "pinned frames of whole region", r->base);
    check_equal(r->nr_leaving, leaving, "leaving frames of whole region", r->base);
}

static void count_owned(u16 owner, enum owned_state state, struct check_tally *tally)
{
    check_that(state == FRAME_GUEST ? mem_account_find(owner) != NULL : state == FRAME_OWN,
               "owner of a region", owner);
    *(state == FRAME_GUEST ? &tally->guest : &tally->owned) += MAP_BITS;
}

static void check_free(const struct chunk *c, u64 base, struct check_tally *tally)
{
    const struct frame_range *range = frame_range_find(base);
    u32 bit = region_bit(base);
    bool clean = map_test(c->clean, bit), dirty = map_test(c->dirty, bit);

    check_that(!clean || !dirty, "region both clean and dirty", base);
    check_that(range && range->nid == c->nid && range->end - base >= MAP_BITS,
               "free region that is not whole", base);
    tally->free += MAP_BITS;
    tally->dirty += dirty ? MAP_BITS : 0;
    tally->free_2m++;
}

/* The window at base, of which the chunk has a part. Pins and marks of regions are to be the chunk's. */
static void check_region(const struct chunk *c, u64 base, struct counted *of_chunk, struct check_tally *tally)
{
    const struct region *r = region_of(c, base);

    if (region_is_valid(c, base)) {
        check_that(r->base == base && r->chunk == c, "place of region", base);
        of_chunk->pinned += r->nr_pinned;
        of_chunk->leaving += r->nr_leaving;
    }
    if (c->state != REGION_SPLIT) {
        if (region_is_valid(c, base)) {
            check_that(r->has_words, "marked region without words", base);
            check_words(r, c->owner, (enum owned_state)c->state);
        }
        count_owned(c->owner, (enum owned_state)c->state, tally);
    } else if (region_is_free(c, base)) {
        check_free(c, base, tally);
    } else if (r->state == FRAME_SCRUBBING) {
        tally->free += MAP_BITS;
        tally->dirty += MAP_BITS;
        tally->scrubbing += MAP_BITS;
        tally->free_2m++;
    } else if (r->state == REGION_SPLIT) {
        check_split(r, tally);
    } else {
        check_words(r, r->owner, (enum owned_state)r->state);
        check_that(r->holder && r->pprev, "holder of whole region", base);
        check_that(r->nr_ram == MAP_BITS, "frames of whole region", base);
        count_owned(r->owner, (enum owned_state)r->state, tally);
    }
}

/* --- chunks --------------------------------------------------------------------------------------------- */

/* Regions 0 to nr_ready - 1 of a chunk that is owned as a whole are in its list, the last one first. */
static void check_ready(const struct chunk *c)
{
    const struct region *r = c->ready, *const *link = (const struct region *const *)&c->ready;

    for (u32 bit = c->nr_ready; bit--; link = (const struct region *const *)&r->next, r = r->next) {
        bool in_list = r == &frame_tables.regions[c->base / MAP_BITS + bit];

        check_that(in_list && (const struct region *const *)r->pprev == link && r->state == c->state &&
                       r->owner == c->owner && r->holder == c->holder && r->nr_ram == MAP_BITS,
                   "region that is ready for a split", c->base + (u64)bit * MAP_BITS);
        if (!in_list)
            return;
    }
    check_that(!r, "end of the regions that are ready for a split", c->base);
}

static void check_chunk(const struct chunk *c, const struct counted *regions, struct check_tally *tally)
{
    u32 clean = map_count_range(c->clean, 0, MAP_BITS), dirty = map_count_range(c->dirty, 0, MAP_BITS);

    check_equal(c->nr_pinned, regions->pinned, "pinned frames of chunk", c->base);
    check_equal(c->nr_leaving, regions->leaving, "leaving frames of chunk", c->base);
    if (c->state != REGION_SPLIT) {
        check_that(c->holder && c->pprev && c->list == CHUNK_UNLISTED, "holder of whole chunk", c->base);
        check_equal(c->nr_clean + c->nr_dirty, 0, "free regions of an owned chunk", c->base);
        check_ready(c);
        return;
    }
    check_equal(c->nr_clean, clean, "clean regions of chunk", c->base);
    check_equal(c->nr_dirty, dirty, "dirty regions of chunk", c->base);
    bool whole = clean + dirty + c->nr_scrubbing == MAP_BITS;
    tally->free_1g += whole;
    check_equal(c->list,
                clean == MAP_BITS ? CHUNKS_CLEAN
                : whole           ? CHUNKS_DIRTY
                : clean           ? CHUNKS_PARTLY
                : dirty           ? CHUNKS_PARTLY_DIRTY
                                  : CHUNK_UNLISTED,
                "list of chunk", c->base);
    check_that((c->pprev != NULL) == (c->list != CHUNK_UNLISTED), "chunk in its list", c->base);
    check_that((c->dirty_pprev != NULL) == (dirty != 0), "chunk among the dirty ones", c->base);
}

/* The node's first window at or above frame number *n, which moves on to the next one. False: there is none. */
static bool next_window(nodeid_t nid, u64 *n, u64 *base)
{
    for (u32 i = 0; i < frame_range_count(); i++) {
        const struct frame_range *range = frame_range_get(i);

        *base = MAX(ALIGN_DOWN(range->start, MAP_BITS), *n); /* ranges of a node can share a window */
        if (range->nid == nid && *base < range->end) {
            *n = *base + MAP_BITS;
            return true;
        }
    }
    return false;
}

static void check_frames(nodeid_t nid, struct check_tally *tally)
{
    struct counted regions = {0};
    const struct chunk *c = NULL;
    u64 at = 0, base;
    u32 chunks = 0;

    while (next_window(nid, &at, &base)) {
        if (c != chunk_of(base, nid)) {
            if (c)
                check_chunk(c, &regions, tally);
            regions = (struct counted){0};
            c = chunk_of(base, nid);
            chunks++;
        }
        check_region(c, base, &regions, tally);
    }
    if (c)
        check_chunk(c, &regions, tally);
    for (c = node_get(nid)->first_chunk; c; c = c->next_of_node)
        chunks--;
    check_equal(chunks, 0, "chunks of node", nid);
}

/* --- lists ---------------------------------------------------------------------------------------------- */

static void check_lists(nodeid_t nid, const struct check_tally *tally)
{
    const struct node *node = node_get(nid);
    u64 pages = 0, chunks = 0;

    for (u32 list = 0; list < NR_CHUNK_LISTS; list++)
        for (const struct chunk *c = node->chunks[list]; c; c = c->next) {
            check_equal(c->list, list, "chunk on a list", c->base);
            check_that(*c->pprev == c && c->nid == nid, "link of chunk", c->base);
            chunks += list <= CHUNKS_DIRTY;
            pages += (u64)(c->nr_clean + c->nr_dirty) * MAP_BITS;
        }
    check_equal(chunks, tally->free_1g, "chunks on the lists of node", nid);
    for (u32 gives = 0; gives < MAP_ORDER; gives++)
        for (const struct region *r = node->open[gives]; r; r = r->open_next) {
            check_that(*r->open_pprev == r && r->chunk->nid == nid, "link of open region", r->base);
            check_that(r->gives == gives &&
                           (gives == MAP_ORDER - 1 || map_find_run(r->free, gives + 1) == MAP_NONE),
                       "what open region gives", r->base);
            pages += r->nr_free;
        }
    check_equal(pages, tally->free - tally->scrubbing, "pages on the lists of node", nid);
    for (u32 open = 0; open < 2; open++)
        for (const struct region *r = node->shared[open]; r; r = r->next)
            check_that(r->shared && !r->holder && (r->nr_free != 0) == open, "shared region", r->base);
    for (const struct region *r = node->crumbs; r; r = r->next)
        check_that(!r->shared && !r->holder, "region without a holder", r->base);
}

/* Guest frames of one domain on a node, released ones included. */
static u64 check_frames_of(nodeid_t nid, u16 domid)
{
    u64 frames = 0, at = 0, base;

    while (next_window(nid, &at, &base)) {
        const struct chunk *c = chunk_of(base, nid);
        bool split = region_is_split(c, base);
        u32 step = split ? 1 : MAP_BITS;

        for (u64 n = base; n < base + MAP_BITS; n += step) {
            if (split && mm_mfn_node(mfn(n)) != nid)
                continue; /* the window's words include frames of other nodes, and of none */
            frame_word_t word = frame_get(c, n);
            if ((frame_state(word) == FRAME_GUEST || frame_state(word) == FRAME_RELEASED) &&
                frame_owner(word) == domid)
                frames += step;
        }
    }
    return frames;
}

/* --- nodes, accounts and the ledger --------------------------------------------------------------------- */

static void check_node(nodeid_t nid, struct check_tally *tally)
{
    const struct node *node = node_get(nid);

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
    check_that(node->free_1g >= node->kept_1g, "more promised whole than free, 1 GiB, on node", nid);
    check_that(node->free_2m >= node->kept_2m + node->kept_1g * MAP_BITS,
               "more promised whole than free, 2 MiB, on node", nid);
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
    check_that(account->claimant_link || out == 0, "list of claimants and domain", account->domid);
    check_that(!account->dying || (out == 0 && !account->claimant_link), "claim of a dying domain",
               account->domid);
}

u32 mm_check(void)
{
    struct claim_sums sums = {0};
    u64 unclaimed = 0;

    faults = 0;
    for (u32 domid = 0; domid < PAGE_OWNER_NONE; domid++) {
        const struct mem_account *account = mem_account_find((u16)domid);
        if (account)
            check_account(account, &sums);
    }
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct check_tally tally;
        check_node(nid, &tally);
        unclaimed += node_unclaimed(node_get(nid));
        check_equal(node_get(nid)->claimed, sums.node[nid], "claims on node", nid);
        check_that(node_get(nid)->claimed <= tally.free, "more claimed than free on node", nid);
        check_equal(node_get(nid)->kept_2m, sums.kept_2m[nid], "2 MiB extents kept whole on node", nid);
        check_equal(node_get(nid)->kept_1g, sums.kept_1g[nid], "1 GiB extents kept whole on node", nid);
        check_equal(sums.guest[nid], tally.guest, "pages owned by domains on node", nid);
    }
    check_equal(ledger_host_spare(nodes_all()), unclaimed - sums.host, "spare pages of the host", 0);
    check_that(sums.host <= unclaimed, "more claimed than free on the host", 0);
    return faults;
}
