/*
 * One node's free memory: a buddy system over extents of 2^order frames, orders 0 to 18, with separate
 * lists for clean (all zero) and dirty extents and a bit per non-empty list.
 *
 * Only the records of heads are read and written, so every operation costs at most one step per
 * order, whatever the size: an extent's other frames are PAGE_TAIL from the time they are added, and a
 * head that is merged away becomes one again. Two pieces merge if they are buddies of the same order
 * and kind in the same range of RAM (a range belongs to one node).
 *
 * Kind is separate state and not list order, as in allocators that keep dirty pages at a list's
 * tail: there a taker has to look at frames to know what it got.
 *
 * Lock: each function is called with the node's lock (LOCK_NODE) held.
 */
#include <lib/assert.h>
#include <mm/internal.h>

static enum page_state kind_state(enum page_kind kind)
{
    return kind == KIND_CLEAN ? PAGE_FREE_CLEAN : PAGE_FREE_DIRTY;
}

/* The masks are read without the lock as a hint, hence the atomic store. */
static void mask_set(struct node *node, enum page_kind kind, u32 mask)
{
    __atomic_store_n(&node->masks[kind], mask, __ATOMIC_RELAXED);
}

static void list_insert(struct node *node, u64 n, u32 order, enum page_kind kind)
{
    struct page *page = &frame_table[n];
    u64 first = node->lists[kind][order];

    page_set_next(page, first);
    page_set_prev(page, PAGE_LINK_NONE);
    page_set_owner(page, PAGE_OWNER_NONE);
    page_set(page, kind_state(kind), order);
    if (first != PAGE_LINK_NONE)
        page_set_prev(&frame_table[first], n);
    node->lists[kind][order] = n;
    mask_set(node, kind, node->masks[kind] | 1u << order);
}

static void list_remove(struct node *node, u64 n, u32 order, enum page_kind kind)
{
    struct page *page = &frame_table[n];
    u64 next = page_next(page), prev = page_prev(page);

    BUG_ON(page->state != kind_state(kind) || page->order != order);
    if (prev != PAGE_LINK_NONE)
        page_set_next(&frame_table[prev], next);
    else
        node->lists[kind][order] = next;
    if (next != PAGE_LINK_NONE)
        page_set_prev(&frame_table[next], prev);
    if (node->lists[kind][order] == PAGE_LINK_NONE)
        mask_set(node, kind, node->masks[kind] & ~(1u << order));
    page_set_next(page, 0);
    page_set_prev(page, 0);
}

/* Inserts and merges; the counters are the callers' business. */
static void list_insert_merged(struct node *node, u64 n, u32 order, enum page_kind kind)
{
    const struct frame_range *range = frame_range_find(n);
    u16 wanted_state = (u16)kind_state(kind);

    BUG_ON(!range);
    for (; order < MAX_ORDER; order++) {
        u64 buddy = n ^ BIT(order);
        if (buddy < range->start || buddy + BIT(order) > range->end)
            break;
        if (page_word(&frame_table[buddy]) != (wanted_state << 8 | order))
            break;
        list_remove(node, buddy, order, kind);
        page_set(&frame_table[MAX(n, buddy)], PAGE_TAIL, 0);
        n = MIN(n, buddy);
    }
    list_insert(node, n, order, kind);
}

void node_put(struct node *node, u64 n, u32 order, enum page_kind kind)
{
    node->free_pages += BIT(order);
    if (kind == KIND_DIRTY)
        node->dirty_pages += BIT(order);
    list_insert_merged(node, n, order, kind);
}

/* Takes the head n of the given order off its list and gives all but its first 2^want frames back. */
static void list_carve(struct node *node, u64 n, u32 order, u32 want, enum page_kind kind)
{
    list_remove(node, n, order, kind);
    while (order > want) {
        order--;
        list_insert(node, n + BIT(order), order, kind); /* its buddy is being taken: nothing to merge with */
    }
}

bool node_take(struct node *node, u32 order, u32 kinds, u64 *n, enum page_kind *kind)
{
    for (enum page_kind k = KIND_CLEAN; k < NR_KINDS; k++) {
        u32 fitting = node->masks[k] & ~0u << order;
        if (!(kinds & 1u << k) || !fitting)
            continue;
        u32 from = (u32)__builtin_ctz(fitting);
        u64 head = node->lists[k][from];
        list_carve(node, head, from, order, k);
        page_set(&frame_table[head], PAGE_OWN, order);
        node->free_pages -= BIT(order);
        if (k == KIND_DIRTY)
            node->dirty_pages -= BIT(order);
        *n = head;
        *kind = k;
        return true;
    }
    return false;
}

bool node_scrub_begin_at(struct node *node, u64 n, u32 max_order, u32 *order)
{
    u16 word = page_word(&frame_table[n]);
    if (word_state(word) != PAGE_FREE_DIRTY)
        return false;
    u32 piece = MIN(word_order(word), max_order);
    list_carve(node, n, word_order(word), piece, KIND_DIRTY);
    page_set(&frame_table[n], PAGE_SCRUBBING, piece);
    __atomic_store_n(&node->scrubbing_pages, node->scrubbing_pages + BIT(piece), __ATOMIC_RELAXED);
    *order = piece;
    return true;
}

bool node_scrub_begin(struct node *node, u32 max_order, u64 *n, u32 *order)
{
    u32 mask = node->masks[KIND_DIRTY];
    if (!mask)
        return false;
    /* The smallest extent that fills a whole step, so that one large extent is finished before another
     * is broken; only crumbs left: the largest of them. */
    u32 large = mask & ~0u << max_order;
    u32 from = large ? (u32)__builtin_ctz(large) : 31u - (u32)__builtin_clz(mask);
    *n = node->lists[KIND_DIRTY][from];
    return node_scrub_begin_at(node, *n, max_order, order);
}

void node_scrub_end(struct node *node, u64 n, u32 order)
{
    BUG_ON(frame_table[n].state != PAGE_SCRUBBING || frame_table[n].order != order);
    __atomic_store_n(&node->scrubbing_pages, node->scrubbing_pages - BIT(order), __ATOMIC_RELAXED);
    node->dirty_pages -= BIT(order);
    list_insert_merged(node, n, order, KIND_CLEAN);
}
