/*
 * Which frames exist: the frame table and the ranges of RAM in it. A frame's node is found by a binary
 * search of the ranges, so that no record needs room for it. The table outside the ranges is not
 * backed and must never be read, so every frame number from outside is looked up here first.
 *
 * Written on the boot CPU during set-up only, read by all without a lock.
 */
#include <homestead/errno.h>
#include <homestead/init.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/ledger.h>
#include <mm/region.h>

struct window *frame_table;

static u32 nr_ranges;
static SIZED struct frame_range ranges[MAX_FRAME_RANGES]; /* sorted by start */
SIZED_BY(ranges, nr_ranges, 8);
u32 mm_nodes_nr;
SIZED struct node mm_nodes[MAX_NODES];
SIZED_BY(mm_nodes, mm_nodes_nr, 0);

static u32 nr_siblings;
static SIZED struct sibling { /* what a second node needs of a window */
    struct region region;
    struct chunk chunk;
} siblings[MAX_SIBLINGS];
SIZED_BY(siblings, nr_siblings, 8);

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

INIT void mm_init(struct window *table)
{
    frame_table = table;
    nr_ranges = 0;
    mm_nodes_nr = 0;
    nr_siblings = 0;
    memset(mm_nodes, 0, sizeof(mm_nodes));
    memset(siblings, 0, sizeof(siblings));
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

/* Enters [start, end) in the sorted ranges, joined with neighbours of the same node. */
static int range_enter(u64 start, u64 end, nodeid_t nid)
{
    u32 i = range_index(start);
    if (i < nr_ranges && ranges[i].start < end)
        return -EINVAL;
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
        if (nr_ranges == MAX_FRAME_RANGES)
            return -ENOSPC;
        memmove(&ranges[i + 1], &ranges[i], (nr_ranges - i) * sizeof(ranges[0]));
        ranges[i] = (struct frame_range){start, end, nid};
        nr_ranges++;
    }
    return 0;
}

/* The chunk of the node that holds the window at base; spare becomes it if there is none yet. The newest is
 * the first in the list, and ranges mostly come in rising order. */
static struct chunk *chunk_at(struct node *node, nodeid_t nid, u64 base, struct chunk *spare)
{
    u64 at = ALIGN_DOWN(base, BIT(ORDER_1G));

    for (struct chunk *c = node->first_chunk; c; c = c->next_of_node)
        if (c->base == at)
            return c;
    spare->base = at;
    spare->nid = (u8)nid;
    spare->state = REGION_SPLIT;
    spare->list = CHUNK_UNLISTED;
    spare->next_of_node = node->first_chunk;
    node->first_chunk = spare;
    return spare;
}

static void region_init(struct region *r, struct chunk *spare, struct window *window, u64 base, nodeid_t nid)
{
    r->base = base;
    r->frame = window->frame;
    r->nid = (u8)nid;
    r->chunk = chunk_at(node_get(nid), nid, base, spare);
}

/* The node's region of the window at base, made if there is none. NULL: too many windows of two nodes. */
static struct region *region_make(u64 base, nodeid_t nid)
{
    struct window *window = &frame_table[base / MAP_BITS];
    struct region *r = &window->region;

    if (!r->frame) {
        region_init(r, &window->chunk, window, base, nid);
        return r;
    }
    for (; r->nid != nid; r = r->sibling) {
        if (r->sibling)
            continue;
        if (nr_siblings == MAX_SIBLINGS)
            return NULL;
        struct sibling *sibling = &siblings[nr_siblings++];
        r->sibling = &sibling->region;
        region_init(&sibling->region, &sibling->chunk, window, base, nid);
    }
    return r;
}

int mm_add_range(mfn_t start, mfn_t end, nodeid_t nid)
{
    if (start.n >= end.n || nid >= mm_nodes_nr || end.n > FRAME_LIMIT)
        return -EINVAL;
    struct node *node = node_get(nid);
    /* Only its ends can be in windows of other nodes too. */
    if (!region_make(ALIGN_DOWN(start.n, MAP_BITS), nid) ||
        !region_make(ALIGN_DOWN(end.n - 1, MAP_BITS), nid))
        return -ENOSPC;
    int rc = range_enter(start.n, end.n, nid);
    if (rc)
        return rc;

    spin_lock(&node->lock);
    node->ram_pages += end.n - start.n;
    for (u64 base = ALIGN_DOWN(start.n, MAP_BITS); base < end.n; base += MAP_BITS) {
        u64 from = MAX(start.n, base), to = MIN(end.n, base + MAP_BITS);
        region_add(node, region_make(base, nid), (u32)(from - base), (u32)(to - base));
    }
    ledger_credit(node, end.n - start.n);
    spin_unlock(&node->lock);
    return 0;
}
