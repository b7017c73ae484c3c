/*
 * Cleaning free memory: in the background, a step of at most 2 MiB at a time, and on demand, when an extent
 * of some order exists only as clean and dirty pieces side by side, which do not merge.
 *
 * A piece being cleaned is PAGE_SCRUBBING and on no list; it still counts as free and keeps its credits. It
 * is cleared without any lock.
 */
#include <mm/internal.h>

#define SCRUB_ORDER   ORDER_2M
#define REGION_BUDGET 16384u /* records looked at in one search: about a millisecond of cache misses */

static bool idle_scrub = true; /* [I] */

void mm_set_idle_scrub(bool on)
{
    idle_scrub = on;
}

void node_relax(void)
{
    for (u32 i = 0; i < 64; i++)
        cpu_relax();
}

static void scrub_finish(struct node *node, u64 n, u32 order)
{
    mm_clear_frames(mfn(n), BIT(order));
    spin_lock(&node->lock);
    node_scrub_end(node, n, order);
    spin_unlock(&node->lock);
}

bool mm_scrub_step(nodeid_t nid)
{
    u64 n;
    u32 order;

    if (!idle_scrub || nid >= mm_nr_nodes())
        return false;
    struct node *node = node_get(nid);
    if (!node_mask(node, KIND_DIRTY))
        return false;
    spin_lock(&node->lock);
    bool found = node_scrub_begin(node, SCRUB_ORDER, &n, &order);
    spin_unlock(&node->lock);
    if (found)
        scrub_finish(node, n, order);
    return found;
}

/*
 * Is [n, n + 2^order) wholly free? Reads heads without the lock while others may change them, so the answer
 * is a hint. Each step either ends the walk or skips a whole extent. Takes the steps off the budget, but
 * finishes its region: one of more pieces than the budget could never be found otherwise.
 */
static bool region_is_free(u64 n, u32 order, u32 *budget)
{
    u64 end = n + BIT(order);
    while (n < end) {
        u16 word = page_word(&frame_table[n]);
        if (word_state(word) != PAGE_FREE_CLEAN && word_state(word) != PAGE_FREE_DIRTY &&
            word_state(word) != PAGE_SCRUBBING)
            return false;
        *budget -= *budget != 0;
        n += BIT(word_order(word));
    }
    return true;
}

/* Looks for such a region between start and end. Without success *found is where to go on. */
static bool region_find_in(u64 start, u64 end, u32 order, u32 *budget, u64 *found)
{
    u64 n = ALIGN_UP(start, BIT(order));
    for (; n + BIT(order) <= end && *budget; n += BIT(order)) {
        (*budget)--;
        if (region_is_free(n, order, budget)) {
            *found = n;
            return true;
        }
    }
    *found = n;
    return false;
}

/*
 * A wholly free, aligned range of 2^order frames of the node. The search goes on where the last one ran out
 * of budget and wraps around; on nodes small enough for the budget it misses nothing.
 */
static bool region_find(nodeid_t nid, u32 order, u64 *found)
{
    struct node *node = node_get(nid);
    u64 from = __atomic_load_n(&node->search_from, __ATOMIC_RELAXED);
    u32 budget = REGION_BUDGET;

    for (u32 wrapped = 0; wrapped < 2; wrapped++) {
        for (u32 i = 0; i < frame_range_count(); i++) {
            const struct frame_range *range = frame_range_get(i);
            if (range->nid != nid)
                continue;
            u64 start = wrapped ? range->start : MAX(range->start, from);
            /* The second time only what begins below: whole regions, so up to one beyond. */
            u64 end = wrapped ? MIN(range->end, from + BIT(order)) : range->end;
            if (region_find_in(start, end, order, &budget, found))
                return true;
            if (budget == 0) {
                __atomic_store_n(&node->search_from, *found, __ATOMIC_RELAXED);
                return false;
            }
        }
    }
    return false;
}

/* Frame n became a tail: the end of the clean extent it was merged into, or ~0 if it is in none (somebody
 * took it). */
static u64 merged_end(u64 n)
{
    for (u32 order = 1; order <= MAX_ORDER; order++) {
        u64 head = ALIGN_DOWN(n, BIT(order));
        u16 word = frame_range_find(head) ? page_word(&frame_table[head]) : 0;
        if (word_state(word) == PAGE_TAIL)
            continue;
        bool covers = word_state(word) == PAGE_FREE_CLEAN && word_order(word) >= order;
        return covers ? head + BIT(word_order(word)) : ~0ull;
    }
    return ~0ull;
}

bool node_coalesce(nodeid_t nid, u32 order)
{
    struct node *node = node_get(nid);
    u64 n;

    if (!node_mask(node, KIND_DIRTY) && !__atomic_load_n(&node->scrubbing_pages, __ATOMIC_RELAXED))
        return false; /* all clean: what could merge has merged */
    if (!region_find(nid, order, &n))
        return false;

    u64 end = n + BIT(order);
    while (n < end) {
        u16 word = page_word(&frame_table[n]);
        u32 piece = word_order(word);
        if (word_state(word) == PAGE_FREE_DIRTY) {
            spin_lock(&node->lock);
            bool begun = node_scrub_begin_at(node, n, SCRUB_ORDER, &piece);
            spin_unlock(&node->lock);
            if (begun) {
                scrub_finish(node, n, piece);
                n += BIT(piece);
            }
        } else if (word_state(word) == PAGE_SCRUBBING) {
            node_relax(); /* the CPU that cleans it needs no lock of ours */
        } else if (word_state(word) == PAGE_FREE_CLEAN) {
            n += BIT(piece);
        } else if (word_state(word) == PAGE_TAIL) {
            n = merged_end(n);
        } else {
            break; /* somebody took it: the caller tries again */
        }
    }
    return true;
}
