/*
 * Which frames exist: the frame table and the ranges of RAM in it. A frame's node is found by a binary
 * search of the ranges, so that no record needs room for it. The tables outside the ranges are not
 * backed and must never be read, so every frame number from outside is looked up here first. Inside the ranges a record
 * is read only after it was written. While ranges are added at boot, the record of a GiB or window has been written if a
 * range that was added before has a frame in it.
 *
 * Written on the boot CPU during set-up only, read by all without a lock.
 */
#include <homestead/errno.h>
#include <homestead/init.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/ledger.h>
#include <mm/region.h>

struct frame_tables frame_tables;

static u32 nr_ranges;
static SIZED struct frame_range ranges[MAX_FRAME_RANGES]; /* sorted by start */
SIZED_BY(ranges, nr_ranges, 8);
u32 mm_nodes_nr;
SIZED struct node mm_nodes[MAX_NODES];
SIZED_BY(mm_nodes, mm_nodes_nr, 0);

/* What another node than the first has of a window, or of a GiB. */
static u32 nr_sibling_regions, nr_sibling_chunks;
static SIZED struct region sibling_regions[MAX_SIBLINGS];
SIZED_BY(sibling_regions, nr_sibling_regions, 8);
static SIZED struct chunk sibling_chunks[MAX_SIBLINGS];
SIZED_BY(sibling_chunks, nr_sibling_chunks, 8);

u32 frame_range_count(void)
{
    return nr_ranges;
}

const struct frame_range *frame_range_get(u32 i)
{
    return &ranges[i];
}

/* Index of the first range that ends above n. */
static u32 range_index(u64 n)
{
    u32 lo = 0, hi = nr_ranges;
    while (lo < hi) {
        u32 mid = (lo + hi) / 2;
        if (ranges[mid].end > n)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

const struct frame_range *frame_range_from(u64 n)
{
    u32 i = range_index(n);

    return i < nr_ranges ? &ranges[i] : NULL;
}

const struct frame_range *frame_range_find(u64 n)
{
    u32 i = range_index(n);

    return i < nr_ranges && ranges[i].start <= n ? &ranges[i] : NULL;
}

nodeid_t mm_mfn_node(mfn_t m)
{
    const struct frame_range *range = frame_range_find(m.n);
    return range ? range->nid : NODE_NONE;
}

INIT void mm_init(const struct frame_tables *tables)
{
    frame_tables = *tables;
    nr_ranges = 0;
    mm_nodes_nr = 0;
    nr_sibling_regions = nr_sibling_chunks = 0;
    memset(mm_nodes, 0, sizeof(mm_nodes));
    for (u32 nid = 0; nid < MAX_NODES; nid++)
        spin_lock_init(&mm_nodes[nid].lock, LOCK_NODE + nid);
    ledger_init();
    claim_set_legacy_default(CLAIM_LEGACY_HOST);
}

INIT void mm_set_nodes(u32 nr, const u8 near[MAX_NODES][MAX_NODES])
{
    BUG_ON(nr == 0 || nr > MAX_NODES);
    mm_nodes_nr = nr;
    for (u32 from = 0; from < nr; from++) {
        u64 seen = 0;

        for (u32 i = 0; i < nr; i++) {
            u8 to = near[from][i];
            BUG_ON(to >= nr || seen & BIT(to) || (i == 0 && to != from));
            seen |= BIT(to);
            mm_nodes[from].near[i] = to;
        }
    }
}

/* Can [start, end) be entered at index i? */
static int range_check(u64 start, u64 end, nodeid_t nid, u32 i)
{
    bool joins_below = i > 0 && ranges[i - 1].end == start && ranges[i - 1].nid == nid;
    bool joins_above = i < nr_ranges && ranges[i].start == end && ranges[i].nid == nid;

    if (i < nr_ranges && ranges[i].start < end)
        return -EINVAL;
    return nr_ranges < MAX_FRAME_RANGES || joins_below || joins_above ? 0 : -ENOSPC;
}

/* Enters it, joined with neighbours of the same node. */
static void range_enter(u64 start, u64 end, nodeid_t nid, u32 i)
{
    bool joins_below = i > 0 && ranges[i - 1].end == start && ranges[i - 1].nid == nid;
    bool joins_above = i < nr_ranges && ranges[i].start == end && ranges[i].nid == nid;

    if (joins_below && joins_above) {
        ranges[i - 1].end = ranges[i].end;
        memmove(&ranges[i], &ranges[i + 1], (nr_ranges - i - 1) * sizeof(ranges[0]));
        nr_ranges--;
    } else if (joins_below) {
        ranges[i - 1].end = end;
    } else if (joins_above) {
        ranges[i].start = start;
    } else {
        memmove(&ranges[i + 1], &ranges[i], (nr_ranges - i) * sizeof(ranges[0]));
        ranges[i] = (struct frame_range){start, end, nid};
        nr_ranges++;
    }
}

/* --- records --- */

/* Is there RAM in [base, base + frames)? */
static bool has_ram(u64 base, u64 frames)
{
    u32 i = range_index(base);

    return i < nr_ranges && ranges[i].start < base + frames;
}
static bool has_ram_of(u64 base, u64 frames, nodeid_t nid)
{
    for (u32 i = range_index(base); i < nr_ranges && ranges[i].start < base + frames; i++)
        if (ranges[i].nid == nid)
            return true;
    return false;
}

/* Will the node need a sibling's record for what it gets of [base, base + frames)? */
static bool needs_sibling(u64 base, u64 frames, nodeid_t nid)
{
    return has_ram(base, frames) && !has_ram_of(base, frames, nid);
}

/* Is there room for all that the range will need? Only its ends can be where other nodes have RAM too. */
static bool siblings_fit(u64 start, u64 end, nodeid_t nid)
{
    u32 need[2], nr = 0;

    for (u64 frames = MAP_BITS; frames <= BIT(ORDER_1G); frames *= MAP_BITS) {
        u64 first = ALIGN_DOWN(start, frames), last = ALIGN_DOWN(end - 1, frames);

        need[nr++] = needs_sibling(first, frames, nid) + (last != first && needs_sibling(last, frames, nid));
    }
    return nr_sibling_regions + need[0] <= MAX_SIBLINGS && nr_sibling_chunks + need[1] <= MAX_SIBLINGS;
}

struct region *region_of_sibling(const struct chunk *c, u64 n)
{
    for (u32 i = 0; i < nr_sibling_regions; i++)
        if (sibling_regions[i].chunk == c && sibling_regions[i].base == ALIGN_DOWN(n, MAP_BITS))
            return &sibling_regions[i];
    return &frame_tables.regions[n / MAP_BITS];
}

/* The node's chunk of the GiB at base, made if there is none. */
static struct chunk *chunk_make(struct node *node, nodeid_t nid, u64 base)
{
    struct chunk *c = &frame_tables.chunks[base >> ORDER_1G].chunk, *first = NULL;

    if (has_ram(base, BIT(ORDER_1G))) {
        first = c;
        for (; c; c = c->sibling)
            if (c->nid == nid)
                return c;
        c = &sibling_chunks[nr_sibling_chunks++];
    }
    *c = (struct chunk){.base = base, .nid = (u8)nid, .state = REGION_SPLIT, .list = CHUNK_UNLISTED};
    c->next_of_node = node->first_chunk;
    node->first_chunk = c;
    if (first) {
        c->sibling = first->sibling;
        first->sibling = c;
    }
    return c;
}

/* The record of the node's part of the window at base, which is not all of it, is made if there is none. */
static void region_make(struct node *node, struct chunk *c, u64 base)
{
    struct region *r = &frame_tables.regions[base / MAP_BITS];

    if (has_ram_of(base, MAP_BITS, c->nid))
        return;
    if (has_ram(base, MAP_BITS)) {
        r = &sibling_regions[nr_sibling_regions++];
        c->shares = true;
    }
    region_init(node, r, c, base);
}

/* Frames [start, end) of one GiB, which are in no range yet: what will be their records. */
static void records_make(struct node *node, nodeid_t nid, u64 start, u64 end)
{
    struct chunk *c = chunk_make(node, nid, ALIGN_DOWN(start, BIT(ORDER_1G)));
    u64 first = ALIGN_DOWN(start, MAP_BITS), last = ALIGN_DOWN(end, MAP_BITS);

    if (start != first)
        region_make(node, c, first);
    if (end != last && (start == first || last != first))
        region_make(node, c, last);
}

/* They become RAM. */
static void records_add(struct node *node, nodeid_t nid, u64 start, u64 end)
{
    struct chunk *c = chunk_of(start, nid);
    u64 whole = MIN(end, ALIGN_UP(start, MAP_BITS)), rest = MAX(whole, ALIGN_DOWN(end, MAP_BITS));

    if (start != whole)
        region_add(node, region_of(c, start), (u32)(start % MAP_BITS), (u32)((whole - 1) % MAP_BITS + 1));
    if (whole != rest)
        chunk_add(node, c, region_bit(whole), region_bit(rest - 1) + 1);
    if (rest != end)
        region_add(node, region_of(c, rest), (u32)(rest % MAP_BITS), (u32)(end % MAP_BITS));
}

int mm_add_range(mfn_t start, mfn_t end, nodeid_t nid)
{
    if (start.n >= end.n || nid >= mm_nodes_nr || end.n > FRAME_LIMIT)
        return -EINVAL;
    struct node *node = node_get(nid);
    u32 at = range_index(start.n);
    int rc = range_check(start.n, end.n, nid, at);
    if (rc)
        return rc;
    if (!siblings_fit(start.n, end.n, nid))
        return -ENOSPC;

    spin_lock(&node->lock);
    for (u64 n = start.n, next; n < end.n; n = next) {
        next = MIN(end.n, ALIGN_DOWN(n, BIT(ORDER_1G)) + BIT(ORDER_1G));
        records_make(node, nid, n, next);
    }
    range_enter(start.n, end.n, nid, at);
    for (u64 n = start.n, next; n < end.n; n = next) {
        next = MIN(end.n, ALIGN_DOWN(n, BIT(ORDER_1G)) + BIT(ORDER_1G));
        records_add(node, nid, n, next);
    }
    node->ram_pages += end.n - start.n;
    ledger_credit(node, end.n - start.n);
    spin_unlock(&node->lock);
    return 0;
}
